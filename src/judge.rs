//! `(Facts, Role, Policy) → Verdict`: pure, infallible, and it collects all findings, not just the first.

mod audio;
mod document;
mod image;
mod sticker;
mod video;

pub(crate) use self::document::{document_mime, document_type, wire_format};
use crate::error::clean;
use crate::facts::{Damage, Facts, Media, StreamFacts};
use crate::format::{Family, Format, Role};
use crate::limits::{MAX_PIXELS, MAX_SIDE};
use crate::policy::{Band, Policy};
pub use crate::rule::{RULES, Rule, Severity};
use serde::{Deserialize, Serialize};
pub(crate) use video::{of_pictures, of_sound};

/// A measured or an allowed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measure {
    /// A count or a length; the rule's name tells the unit.
    Number(u64),
    /// Whether something is so.
    Flag(bool),
    /// A name, or several.
    Text(String),
}

impl From<u64> for Measure {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Measure {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<bool> for Measure {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Measure {
    fn from(value: &str) -> Self {
        Self::Text(clean(value))
    }
}

impl From<String> for Measure {
    fn from(value: String) -> Self {
        Self::Text(clean(&value))
    }
}

/// One rule that a file breaks, with what was measured and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// What was measured.
    pub found: Measure,
    /// What the rule allows.
    pub allowed: Measure,
    /// The finding in a sentence, without the path.
    pub message: String,
}

impl Finding {
    fn new(
        rule: Rule,
        severity: Severity,
        found: impl Into<Measure>,
        allowed: impl Into<Measure>,
        message: impl AsRef<str>,
    ) -> Self {
        Self { rule, severity, found: found.into(), allowed: allowed.into(), message: clean(message.as_ref()) }
    }
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// No finding of severity fail.
    Fit,
    /// At least one rule is broken.
    Unfit,
    /// The bytes break their own format.
    Broken,
}

/// Everything that was found about a file in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The role it was judged for.
    pub role: Role,
    /// How it stands.
    pub standing: Standing,
    /// Every rule it breaks, in the order of the rules.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether no rule of severity fail is broken.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.standing == Standing::Fit
    }

    /// Whether `rule` was found broken, at whatever severity.
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }
}

/// Judges `facts` for `role` by `policy`.
#[must_use]
pub fn judge(facts: &Facts, role: Role, policy: &Policy) -> Verdict {
    let mut findings = Vec::new();
    if facts.bytes == 0 {
        findings.push(Finding::new(Rule::Empty, Severity::Fail, 0_u64, "at least 1 byte", "the file is empty"));
    } else {
        // A document is handed on as it is: whether a picture in it is cut is not ours to say.
        if role != Role::Document {
            damage(facts, &mut findings);
            guards(facts, &mut findings);
        }
        match role {
            Role::Image => image::judge(facts, policy, &mut findings),
            Role::Sticker => sticker::judge(facts, policy, &mut findings),
            Role::Audio => audio::judge_audio(facts, policy, &mut findings),
            Role::Voice => audio::judge_voice(facts, policy, &mut findings),
            Role::Video => video::judge(facts, policy, &mut findings),
            Role::Document => document::judge(facts, policy, &mut findings),
        }
        if role != Role::Document {
            extension(facts, &mut findings);
        }
    }
    findings.sort_by_key(|finding| finding.rule);
    let broken = findings.iter().any(breaks_the_format);
    let unfit = findings.iter().any(|finding| finding.severity == Severity::Fail);
    let standing = match (broken, unfit) {
        (true, _) => Standing::Broken,
        (false, true) => Standing::Unfit,
        (false, false) => Standing::Fit,
    };
    Verdict { role, standing, findings }
}

/// The role that content serves when nothing else says so: stills → image, a 512×512 WebP → sticker, sound → audio,
/// moving pictures → video, the rest → document.
#[must_use]
pub fn role_of_content(facts: &Facts, policy: &Policy) -> Role {
    match &facts.media {
        Media::Image(image)
            if facts.format == Format::Webp
                && (image.width, image.height) == (policy.sticker.side, policy.sticker.side) =>
        {
            Role::Sticker
        }
        _ => match facts.format.family() {
            Family::Image => Role::Image,
            Family::Audio => Role::Audio,
            Family::Video => Role::Video,
            Family::Document => Role::Document,
        },
    }
}

/// Notes in `verdict` that `wanted` (a folder's name) was not followed, since the content cannot serve it.
pub fn note_other_role(verdict: &mut Verdict, wanted: Role, facts: &Facts) {
    let note = Finding::new(
        Rule::Role,
        Severity::Info,
        facts.format.name(),
        wanted.name(),
        format!("{} cannot serve as {wanted}, judged as {}", facts.format.label(), verdict.role),
    );
    let place = verdict.findings.partition_point(|finding| finding.rule <= Rule::Role);
    verdict.findings.insert(place, note);
}

/// Whether the finding says that the bytes break their own format.
pub(crate) fn breaks_the_format(finding: &Finding) -> bool {
    finding.severity == Severity::Fail && matches!(finding.rule, Rule::Malformed | Rule::ImageTruncated | Rule::Empty)
}

fn damage(facts: &Facts, findings: &mut Vec<Finding>) {
    let cut = facts.damage.iter().any(|damage| matches!(damage, Damage::Truncated(_)));
    for damage in &facts.damage {
        // What is missing makes the rest contradict itself: one cause, one finding.
        if cut && matches!(damage, Damage::Malformed(_)) {
            continue;
        }
        let (rule, what) = match damage {
            Damage::Truncated(what) if facts.format.family() == Family::Image => (Rule::ImageTruncated, what),
            Damage::Truncated(what) | Damage::Malformed(what) | Damage::Undecodable(what) => (Rule::Malformed, what),
        };
        let allowed = format!("a whole {}", facts.format.label());
        findings.push(Finding::new(
            rule,
            Severity::Fail,
            what.as_str(),
            allowed,
            format!("the file is damaged: {what}; send the original again"),
        ));
    }
    // What players go over: told, since only who has the original can mend it.
    let lost = streams(facts).into_iter().flat_map(|streams| &streams.audio).filter_map(|track| track.lost);
    for lost in lost.filter(|_| facts.damage.is_empty()) {
        findings.push(Finding::new(Rule::Malformed, Severity::Warn, lost.to_string(), "all of them", lost.to_string()));
    }
}

fn guards(facts: &Facts, findings: &mut Vec<Finding>) {
    let Media::Image(image) = &facts.media else { return };
    if image.pixels() > MAX_PIXELS || image.width.max(image.height) > MAX_SIDE {
        let found = format!("{}x{}", image.width, image.height);
        let allowed = format!("{MAX_PIXELS} pixels, {MAX_SIDE} a side");
        let message = format!("{found} pixels are more than mediafit decodes; scale the picture down first");
        findings.push(Finding::new(Rule::Limit, Severity::Fail, found, allowed, message));
    }
}

fn extension(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(extension) = &facts.extension else { return };
    let format = facts.format;
    if format.has_extension(extension) {
        return;
    }
    let message = format!("the content is {}, the name says .{extension}", format.label());
    findings.push(Finding::new(Rule::Extension, Severity::Warn, extension.as_str(), format.extension(), message));
}

/// Fails above the hard limit, warns above the target.
fn size(facts: &Facts, rule: Rule, band: Band, findings: &mut Vec<Finding>) {
    let bytes = facts.bytes;
    if bytes > band.hard_bytes {
        let message = format!("{bytes} bytes are over the limit of {}", band.hard_bytes);
        findings.push(Finding::new(rule, Severity::Fail, bytes, band.hard_bytes, message));
    } else if bytes > band.target_bytes {
        let message = format!(
            "{bytes} bytes pass if the limit is meant in binary units, not if it is meant as {}",
            band.target_bytes
        );
        findings.push(Finding::new(rule, Severity::Warn, bytes, band.target_bytes, message));
    }
}

/// Fails where the container is not among the accepted ones.
fn container(facts: &Facts, rule: Rule, accepted: &[Format], findings: &mut Vec<Finding>) {
    if !accepted.contains(&facts.format) {
        let message = format!("{} is not accepted here", facts.format.label());
        findings.push(Finding::new(rule, Severity::Fail, facts.format.name(), names(accepted), message));
    }
}

/// What was measured of a file's streams.
const fn streams(facts: &Facts) -> Option<&StreamFacts> {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => Some(streams),
        Media::Image(_) | Media::Document(_) => None,
    }
}

/// Fails on more audio streams than allowed.
fn several(streams: &StreamFacts, rule: Rule, allowed: usize, findings: &mut Vec<Finding>) {
    let count = streams.audio.len();
    if count > allowed {
        let message = format!("{count} audio streams");
        findings.push(Finding::new(rule, Severity::Fail, count as u64, allowed as u64, message));
    }
}

/// Warns of a second recording that players know nothing of.
fn joined(streams: &StreamFacts, rule: Rule, findings: &mut Vec<Finding>) {
    if streams.joined {
        let message = "another recording follows behind the first, which alone is played; send them one by one";
        findings.push(Finding::new(rule, Severity::Warn, "joined", "one recording", message));
    }
}

/// Fails on encryption, which nobody but the maker can take off.
fn encrypted(streams: &StreamFacts, rule: Rule, findings: &mut Vec<Finding>) {
    if streams.encrypted() {
        let message = "the file is encrypted; only its maker can export an open copy";
        findings.push(Finding::new(rule, Severity::Fail, true, false, message));
    }
}

/// The names of `formats`, as a finding's allowed value.
fn names(formats: &[Format]) -> String {
    formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(" ")
}
