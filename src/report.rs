//! The JSON Lines: one [`Record`] a file, then one [`Summary`]. Field order is stable.

use crate::error::Error;
use crate::facts::Facts;
use crate::judge::{Finding, Rule, Severity, Standing};
use crate::pipeline::{Checked, Ending};
use crate::plan::{Engine, KeptAudio, Plan, Refusal};
use crate::verify::Fitted;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::Path;

/// A name: one of ours, or one that was read back.
pub type Name = Cow<'static, str>;

/// What the JSON Lines say about one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    #[serde(rename = "type")]
    kind: Name,
    /// The source's path as it was given; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it was judged as.
    pub role: Option<Name>,
    /// The format of its content.
    pub format: Option<Name>,
    /// The MIME type of its content.
    pub mime: Option<Name>,
    /// Its length in bytes.
    pub bytes: u64,
    /// How the source stands.
    pub verdict: Standing,
    /// Every rule it breaks.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub facts: Option<Facts>,
    /// `keep`, `rewrite` or `refuse`.
    pub plan: Name,
    /// What is to be done, or was done.
    pub steps: Vec<Name>,
    /// Why it is not repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// Which engine does the work.
    pub engine: Name,
    /// Which stream of sound is kept, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_audio: Option<KeptAudio>,
    /// What came out; absent in a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// What went wrong, through nobody's or our fault.
    pub error: Option<Failure>,
    /// How long it took.
    pub seconds: f64,
    /// Whether this is what an earlier run found and did, which all still holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// What the source was when it was read, and by which rules: what a later run goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Origin>,
    /// What earlier runs wrote for this source under other names, and is still there. Only in the run's own record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_outputs: Vec<String>,
    /// The bytes of a path that is not UTF-8, those that are not ASCII as `\xe9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
}

/// What came out for one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Where it was written.
    pub path: String,
    /// Its format.
    pub format: Name,
    /// Its MIME type for the wire.
    pub mime: Name,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// 64 amplitudes, 0 to 100, as chats draw them beside a voice note; present for voice notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Vec<u8>>,
    /// The loudness in hundredths of LUFS, where it is not the one that was asked for since the peaks do not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_centi_lufs: Option<i32>,
    /// Where it was cut, since it would not fit otherwise, in microseconds from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_at_us: Option<u64>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Who must act: [`ErrorKind::name`](crate::ErrorKind::name).
    pub kind: Name,
    /// The error in a sentence.
    pub message: String,
}

/// What a source was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When it was last changed, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// The SHA-256 of its bytes; absent where it was not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Policy, options and version in one number: another one means that the work has to be done again.
    pub fingerprint: String,
}

impl Record {
    /// What a check found.
    #[must_use]
    pub fn of_check(path: &Path, checked: &Checked, seconds: f64) -> Self {
        let refusal = match &checked.plan {
            Plan::Refuse(refusal) => Some(refusal.clone()),
            Plan::Keep | Plan::Rewrite(_) => None,
        };
        Self {
            kind: "file".into(),
            path: path.to_string_lossy().into_owned(),
            role: Some(checked.verdict.role.name().into()),
            format: Some(checked.facts.format.name().into()),
            mime: Some(checked.facts.format.mime().into()),
            bytes: checked.facts.bytes,
            verdict: checked.verdict.standing,
            findings: checked.verdict.findings.clone(),
            facts: Some(checked.facts.clone()),
            plan: checked.plan.name().into(),
            steps: checked.plan.steps().into_iter().map(|step| step.name().into()).collect(),
            refusal,
            engine: match &checked.plan {
                Plan::Rewrite(rewrite) => rewrite.engine,
                Plan::Keep | Plan::Refuse(_) => Engine::Builtin,
            }
            .name()
            .into(),
            kept_audio: match &checked.plan {
                Plan::Rewrite(rewrite) => rewrite.kept_audio.clone(),
                Plan::Keep | Plan::Refuse(_) => None,
            },
            output: None,
            error: None,
            seconds: rounded(seconds),
            reused: false,
            source: None,
            earlier_outputs: Vec::new(),
            path_bytes: bytes_of(path),
        }
    }

    /// How a repair ended.
    #[must_use]
    pub fn of_fit(path: &Path, checked: &Checked, ending: &Ending, seconds: f64) -> Self {
        let mut record = Self::of_check(path, checked, seconds);
        match ending {
            Ending::Fitted { steps, fitted } => {
                record.engine = fitted.engine().name().into();
                record.plan = if steps.is_empty() { "keep" } else { "rewrite" }.into();
                record.steps = steps.iter().map(|step| step.name().into()).collect();
            }
            Ending::Refused(refusal) => {
                record.plan = "refuse".into();
                record.steps = Vec::new();
                record.kept_audio = None;
                record.refusal = Some(refusal.clone());
            }
        }
        record
    }

    /// A file that could not be worked on: unreadable, or our own failure.
    #[must_use]
    pub fn of_error(path: &Path, bytes: u64, checked: Option<&Checked>, error: &Error, seconds: f64) -> Self {
        let failure = Failure { kind: error.kind().name().into(), message: error.what() };
        if let Some(checked) = checked {
            let mut record = Self::of_check(path, checked, seconds);
            record.error = Some(failure);
            return record;
        }
        let finding = Finding {
            rule: Rule::Unreadable,
            severity: Severity::Fail,
            found: error.what().into(),
            allowed: "a readable file".into(),
            message: error.what(),
        };
        Self {
            kind: "file".into(),
            path: path.to_string_lossy().into_owned(),
            role: None,
            format: None,
            mime: None,
            bytes,
            verdict: Standing::Broken,
            findings: vec![finding],
            facts: None,
            plan: "refuse".into(),
            steps: Vec::new(),
            refusal: Some(Refusal { reason: crate::plan::Reason::Unreadable, message: error.what() }),
            engine: "builtin".into(),
            kept_audio: None,
            output: None,
            error: Some(failure),
            seconds: rounded(seconds),
            reused: false,
            source: None,
            earlier_outputs: Vec::new(),
            path_bytes: bytes_of(path),
        }
    }

    /// The record with the place where `fitted` was written.
    #[must_use]
    pub fn written_to(mut self, path: &Path, fitted: &Fitted) -> Self {
        self.output = Some(Output {
            path: path.to_string_lossy().into_owned(),
            format: fitted.format().name().into(),
            mime: fitted.mime().into(),
            bytes: fitted.len(),
            sha256: fitted.sha256().to_owned(),
            waveform: fitted.waveform().map(|waveform| waveform.to_vec()),
            missed_centi_lufs: fitted.missed_centi_lufs(),
            cut_at_us: fitted.cut_at_us(),
        });
        self
    }

    /// The record as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain data to a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the JSON Lines say about a whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    #[serde(rename = "type")]
    kind: SummaryTag,
    /// Files looked at.
    pub files: u64,
    /// Sources that were fit.
    pub fit: u64,
    /// Sources that broke a rule.
    pub unfit: u64,
    /// Sources that broke their own format, or could not be read.
    pub broken: u64,
    /// Fit files written (or found whole from an earlier run).
    pub written: u64,
    /// Of these, handed on byte for byte.
    pub kept: u64,
    /// Of these, repaired.
    pub repaired: u64,
    /// Files for which nothing was done, since all that an earlier run found and did still holds.
    pub reused: u64,
    /// Files that were not repaired.
    pub refused: u64,
    /// Files on which the work itself failed.
    pub errors: u64,
    /// Bytes of all sources.
    pub bytes_in: u64,
    /// Bytes of all outputs.
    pub bytes_out: u64,
    /// How long the run took.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
enum SummaryTag {
    #[default]
    #[serde(rename = "summary")]
    Summary,
}

impl Summary {
    /// Counts `record`.
    pub fn add(&mut self, record: &Record) {
        self.files += 1;
        self.bytes_in += record.bytes;
        match record.verdict {
            Standing::Fit => self.fit += 1,
            Standing::Unfit => self.unfit += 1,
            Standing::Broken => self.broken += 1,
        }
        self.errors += u64::from(record.error.is_some());
        self.refused += u64::from(record.error.is_none() && record.plan == "refuse");
        self.reused += u64::from(record.reused);
        if let Some(output) = &record.output {
            self.written += 1;
            self.kept += u64::from(record.plan == "keep");
            self.repaired += u64::from(record.plan == "rewrite");
            self.bytes_out += output.bytes;
        }
    }

    /// The summary as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `value` as one line of JSON with `type` in front.
#[must_use]
pub fn tagged(kind: &str, value: &impl Serialize) -> String {
    let mut line = serde_json::Map::new();
    line.insert("type".to_owned(), kind.into());
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(value) {
        line.extend(fields);
    }
    serde_json::Value::Object(line).to_string()
}

/// The bytes of a path that is not UTF-8: as text alone, two such paths can be the same.
pub(crate) fn bytes_of(path: &Path) -> Option<String> {
    path.to_str().is_none().then(|| path.as_os_str().as_encoded_bytes().escape_ascii().to_string())
}

/// Milliseconds are enough for a person, microseconds for a machine.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}
