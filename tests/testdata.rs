//! Every file of `testdata/` is measured, judged and made fit as its row in `expected.tsv` says: one test a file.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::plan::{Reason, Step};
use mediafit::{Ask, Checked, Ending, Fitter, Platform, Policy, Role, Rule, Severity, Source, Standing};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// So many files are in the table; a table that is not found must not pass as an empty one.
const ROWS: usize = 375;

/// Files whose sound or pictures are not decoded by what is built in.
#[rustfmt::skip]
const NEEDS_FFMPEG: &[&str] = &[
    "audio/unfit__aac__audio.container.latm",
    "audio/unfit__ac3__audio.container.ac3",
    "audio/unfit__dca__audio.container.dts",
    "audio/unfit__eac3__audio.container.eac3",
    "audio/unfit__pcm__audio.container.tta",
    "audio/unfit__pcm__audio.container.wv",
    "audio/unfit__speex__audio.codec.ogg",
    "audio/unfit__wmav2__audio.container.wma",
    "video/unfit__ac3__video.audio-codec.mp4",
    "video/unfit__h263-amr__video.codec+video.audio-codec.3gp",
    "video/unfit__high-444__video.pixel-format+video.profile.mp4",
    "video/unfit__mpeg4-mp3__video.container.avi",
    "video/unfit__mpeg4__video.codec.mp4",
    "video/unfit__theora-vorbis__video.container.ogv",
    "video/unfit__wmv2-wmav2__video.container.wmv",
];

#[derive(Debug, Clone)]
struct Row {
    path: String,
    role: String,
    format: String,
    verdict: Standing,
    rules: BTreeSet<String>,
    fixable: bool,
}

fn main() {
    let arguments = Arguments::from_args();
    let rows = rows();
    let listed = rows.clone();
    let mut trials = vec![Trial::test("every_file_has_its_row", move || rows_and_files(&listed))];
    trials.extend(rows.into_iter().map(|row| Trial::test(row.path.clone(), move || one(&row))));
    libtest_mimic::run(&arguments, trials).exit();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn rows() -> Vec<Row> {
    let table = std::fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("path\trole\tformat\tverdict\trules\tfixable"));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split('\t').collect();
    let [path, role, format, verdict, rules, fixable] = fields[..] else { panic!("six columns: {line}") };
    Row {
        path: path.to_owned(),
        role: role.to_owned(),
        format: format.to_owned(),
        verdict: match verdict {
            "fit" => Standing::Fit,
            "unfit" => Standing::Unfit,
            "broken" => Standing::Broken,
            other => panic!("no verdict: {other}"),
        },
        rules: rules.split(',').filter(|rule| !rule.is_empty()).map(str::to_owned).collect(),
        fixable: match fixable {
            "yes" => true,
            "no" => false,
            other => panic!("neither yes nor no: {other}"),
        },
    }
}

fn rows_and_files(rows: &[Row]) -> Result<(), Failed> {
    let listed: BTreeSet<String> = rows.iter().map(|row| row.path.clone()).collect();
    let mut found = BTreeSet::new();
    for role in ["image", "sticker", "audio", "voice", "video", "document"] {
        for entry in std::fs::read_dir(folder().join(role))? {
            found.insert(format!("{role}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    same("files and rows", &found, &listed)?;
    same("number of rows", &rows.len(), &ROWS)
}

fn one(row: &Row) -> Result<(), Failed> {
    let asked = Role::of_folder(row.path.split('/').next().unwrap()).ok_or("a folder of no role")?;
    let source = Source::open(folder().join(&row.path))?;
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Folder(asked))?;
    same("format", &checked.facts.format.name(), &row.format.as_str())?;
    same("role", &checked.verdict.role.name(), &row.role.as_str())?;
    same("rules", &rules(&checked), &row.rules)?;
    same("verdict", &checked.verdict.standing, &row.verdict)?;
    platform_keeps_documents(&source, &checked)?;
    let deep = fitter.check_deep(&source, Ask::Folder(asked))?;
    // Damage that only decoding shows: fit by its headers, but nothing can be done with it.
    let hidden = row.verdict == Standing::Fit && !row.fixable;
    let expected = if hidden { Standing::Broken } else { checked.verdict.standing };
    same("deep verdict", &deep.verdict.standing, &expected)?;
    let (_, ending) = fitter.fit(&source, Ask::Folder(asked))?;
    match ending {
        Ending::Fitted { fitted, steps } => {
            if !row.fixable {
                return Err(format!("made fit by {steps:?}, which the row says cannot be").into());
            }
            fitted_holds(&source, &fitted, &steps, &fitter)
        }
        // What is not decoded here needs an ffmpeg, which this fitter does not have.
        Ending::Refused(refusal)
            if refusal.reason == Reason::Unsupported && NEEDS_FFMPEG.contains(&row.path.as_str()) =>
        {
            Ok(())
        }
        Ending::Refused(refusal) if row.fixable => Err(format!("refused: {refusal:?}").into()),
        Ending::Refused(refusal) => {
            if refusal.message.is_empty() {
                return Err("refused without a reason".into());
            }
            Ok(())
        }
    }
}

/// The result once more, from its bytes alone.
fn fitted_holds(source: &Source, fitted: &mediafit::Fitted, steps: &[Step], fitter: &Fitter) -> Result<(), Failed> {
    let bytes = fitted.to_bytes()?;
    let original = source.read_all()?;
    let copied = steps.is_empty() || steps == [Step::Rename];
    same("bytes are the source's own", &(bytes[..] == original[..]), &copied)?;
    let name = format!("result.{}", fitted.format().extension());
    let again = Source::from_bytes(bytes, Some(Path::new(&name)));
    let checked = fitter.check_deep(&again, Ask::Role(fitted.role()))?;
    same("format over the wire", &wire_name(&checked, fitted.role(), fitted.format().name()), &fitted.format().name())?;
    same("verdict of the result", &checked.verdict.standing, &Standing::Fit)?;
    for cured in [Rule::ImageMetadata, Rule::ImageTrailing, Rule::StickerTrailing, Rule::Extension] {
        if checked.verdict.has(cured) {
            return Err(format!("{cured} is still there after {steps:?}").into());
        }
    }
    let (_, ending) = fitter.fit(&again, Ask::Role(fitted.role()))?;
    match ending {
        Ending::Fitted { steps, .. } => same("steps of a second run", &steps.len(), &0),
        Ending::Refused(refusal) => Err(format!("the result is refused: {refusal:?}").into()),
    }
}

/// Text of any kind goes over the wire as plain text, whatever its bytes are.
fn wire_name<'a>(checked: &Checked, role: Role, wire: &'a str) -> &'a str {
    if role == Role::Document && wire == "text" { wire } else { checked.facts.format.name() }
}

/// On-premise takes any valid type.
fn platform_keeps_documents(source: &Source, cloud: &Checked) -> Result<(), Failed> {
    if cloud.verdict.role != Role::Document || cloud.facts.bytes == 0 {
        return Ok(());
    }
    let fitter = Fitter::new(Policy::of(Platform::OnPremise));
    let checked = fitter.check(source, Ask::Role(Role::Document))?;
    same("verdict on-premise", &checked.verdict.standing, &Standing::Fit)
}

fn rules(checked: &Checked) -> BTreeSet<String> {
    let listed = checked.verdict.findings.iter().filter(|finding| finding.severity != Severity::Info);
    listed.map(|finding| finding.rule.name().to_owned()).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), Failed> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:?}, expected {expected:?}").into())
}
