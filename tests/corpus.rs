//! Real files from public sources, where they are present: `MEDIAFIT_CORPUS`, else `../shared/corpus` beside the package.
//! Every image, sticker and document gets its manifest's verdict, and every picture that can be decoded is made fit.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{AudioTrack, Chroma, Media, VideoTrack};
use mediafit::format::Format;
use mediafit::plan::{Animated, Options, Reason};
use mediafit::{Ask, Ending, Fitter, Platform, Policy, Role, Rule, Severity, Source, Standing, Verdict};
use std::path::{Path, PathBuf};

/// How many files of each kind the manifest lists; a corpus that shrinks must not pass unseen.
const COUNTS: [(&str, usize); 5] = [("image", 97), ("sticker", 30), ("document", 12), ("audio", 84), ("video", 77)];

/// The pictures that cannot be made fit, and why.
#[rustfmt::skip]
const REFUSED: &[(&str, Reason)] = &[
    ("image/amx__pixel-motion-photo-shortened.jpg", Reason::Broken),
    ("image/ftype__fixture-corrupt.png",            Reason::Broken),
    ("image/imgrs__oss-fuzz-36829.jpeg",            Reason::Broken),
    // Run lengths of 24-bit pixels, which only OS/2 wrote; the manifest's reference decoder does not read them either.
    ("image/imgrs__rgb24rle24.bmp",                 Reason::Unsupported),
    ("image/mdn__alice.svg",                        Reason::Unsupported),
    ("image/mdn__mdn.svg",                          Reason::Unsupported),
    ("image/mdn__star.svg",                         Reason::Unsupported),
    ("image/mp4p__no-ftyp.avif",                    Reason::Broken),
    ("image/small__png-truncated.png",              Reason::Broken),
];

/// Clips whose pictures take minutes to be coded anew: made fit with `--include-ignored` only.
const LONG: &[&str] = &["video/amx__long_1080p_av1.mp4"];

#[derive(Debug, Clone)]
struct Row {
    path: PathBuf,
    file: String,
    role: Role,
    expected: String,
    violations: String,
    ambiguous: String,
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    match rows() {
        None => {
            eprintln!("no corpus here: set MEDIAFIT_CORPUS to its folder to test with real files");
            trials.push(Trial::test("corpus_is_absent", || Ok(())).with_ignored_flag(true));
        }
        Some(rows) => {
            let listed = rows.clone();
            trials.push(Trial::test("number_of_files", move || counted(&listed)));
            for row in rows {
                if row.role != Role::Document {
                    let (row, long) = (row.clone(), LONG.contains(&row.file.as_str()));
                    trials.push(
                        Trial::test(format!("fit::{}", row.file), move || made_fit(&row)).with_ignored_flag(long),
                    );
                }
                trials.push(Trial::test(format!("check::{}", row.file), move || judged(&row)));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn rows() -> Option<Vec<Row>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("MEDIAFIT_CORPUS").map_or_else(beside, PathBuf::from);
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).ok()?;
    let mut lines = manifest.lines();
    assert!(lines.next().unwrap().starts_with("file\tkind\texpected\tviolations\tambiguous\t"));
    let rows = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let role = match fields[1] {
            "image" => Role::Image,
            "sticker" => Role::Sticker,
            "document" => Role::Document,
            "audio" => Role::Audio,
            "video" => Role::Video,
            _ => return None,
        };
        Some(Row {
            path: folder.join(fields[0]),
            file: fields[0].to_owned(),
            role,
            expected: fields[2].to_owned(),
            violations: fields[3].to_owned(),
            ambiguous: fields[4].to_owned(),
        })
    });
    Some(rows.collect())
}

fn counted(rows: &[Row]) -> Result<(), Failed> {
    for (kind, expected) in COUNTS {
        let found = rows.iter().filter(|row| row.role.name() == kind).count();
        if found != expected {
            return Err(format!("{kind}: found {found}, expected {expected}").into());
        }
    }
    Ok(())
}

/// The manifest's documents follow the on-premise rule, its stickers the static one.
fn platform(row: &Row) -> Platform {
    if row.role == Role::Document { Platform::OnPremise } else { Platform::Cloud }
}

fn judged(row: &Row) -> Result<(), Failed> {
    let fitter = Fitter::new(Policy::of(platform(row)));
    let source = Source::open(&row.path)?;
    let checked = fitter.check_deep(&source, Ask::Folder(row.role))?;
    let verdict = &checked.verdict;
    let ambiguous = |word: &str| row.ambiguous.split(' ').any(|point| point == word);
    let right = match row.expected.as_str() {
        "ok" => verdict.is_fit() || explained(verdict, &row.ambiguous),
        "violates" => {
            let damaged = ["decode_errors", "undecodable_by_reference", "weak_sniff"];
            verdict.standing == Standing::Unfit || damaged.into_iter().any(ambiguous)
        }
        "corrupt" => verdict.standing == Standing::Broken || ambiguous("decode_errors"),
        other => panic!("no expectation: {other}"),
    };
    let missing: Vec<&str> = row.violations.split(' ').filter(|violation| !named(verdict, row, violation)).collect();
    if right && missing.is_empty() {
        return Ok(());
    }
    Err(format!("found {verdict:#?}, expected {} ({}), not named: {missing:?}", row.expected, row.ambiguous).into())
}

/// Whether each failed rule is one on which the manifest says that either answer is right.
fn explained(verdict: &Verdict, ambiguous: &str) -> bool {
    let points: Vec<&str> = ambiguous.split(' ').map(|point| point.split('=').next().unwrap_or(point)).collect();
    verdict.findings.iter().filter(|finding| finding.severity == Severity::Fail).all(|finding| {
        let point = match finding.rule {
            Rule::ImageAnimated => "animated",
            Rule::ImageBitDepth => "bit_depth",
            Rule::ImageColor => "color",
            Rule::ImageCoding => "arithmetic",
            Rule::ImageSize | Rule::StickerSize => "size",
            Rule::DocumentType => "mime",
            Rule::AudioChannels => "channels",
            Rule::AudioFragmented | Rule::VideoFragmented => "fragmented",
            Rule::AudioStreams => "audio_streams",
            Rule::AudioCodec if points.contains(&"amr_wb") => "amr_wb",
            Rule::VideoBitDepth | Rule::VideoPixelFormat => "pix_fmt",
            Rule::VideoProfile if points.contains(&"pix_fmt") => "pix_fmt",
            Rule::VideoProfile => "high_profile_b_frames",
            Rule::VideoBrand | Rule::VideoContainer => "container",
            _ => return false,
        };
        points.contains(&point)
    })
}

/// Whether a violation of the manifest is among the failed rules.
fn named(verdict: &Verdict, row: &Row, violation: &str) -> bool {
    let sticker = row.role == Role::Sticker;
    let rule = match violation.split('=').next().unwrap_or_default() {
        // A file that is broken need not be told its other faults.
        _ if row.expected == "corrupt" || row.ambiguous.contains("weak_sniff") => return true,
        "" => return true,
        "mime" if sticker => Rule::StickerFormat,
        "mime" => Rule::ImageFormat,
        // An animated sticker is measured against the limit of animated ones.
        "size" if sticker && verdict.has(Rule::StickerAnimated) => return true,
        "size" if sticker => Rule::StickerSize,
        "size" => Rule::ImageSize,
        "animated" if sticker => Rule::StickerAnimated,
        "animated" => Rule::ImageAnimated,
        "dimensions" => Rule::StickerDimensions,
        "bit_depth" => Rule::ImageBitDepth,
        "color" => Rule::ImageColor,
        // A container that holds another kind of content than its folder says, or that is told by its codec.
        "container" | "acodec" | "vcodec" if verdict.role != row.role => return true,
        "container" if row.role == Role::Audio => {
            return fails(verdict, &[Rule::AudioContainer, Rule::AudioCodec]);
        }
        "container" => return fails(verdict, &[Rule::VideoContainer, Rule::VideoBrand]),
        "acodec" if row.role == Role::Audio => {
            return fails(verdict, &[Rule::AudioCodec, Rule::AudioContainer, Rule::AudioStreams]);
        }
        "acodec" => Rule::VideoAudioCodec,
        "vcodec" => Rule::VideoCodec,
        "high_profile_b_frames" => Rule::VideoProfile,
        "audio_streams" => Rule::VideoAudioStreams,
        "encrypted" => Rule::VideoEncrypted,
        other => panic!("an unknown violation: {other}"),
    };
    verdict.findings.iter().any(|finding| finding.rule == rule && finding.severity == Severity::Fail)
}

/// Whether one of `rules` failed.
fn fails(verdict: &Verdict, rules: &[Rule]) -> bool {
    verdict.findings.iter().any(|finding| rules.contains(&finding.rule) && finding.severity == Severity::Fail)
}

/// Whether a codec in the file is not decoded here.
fn needs_ffmpeg(row: &Row) -> bool {
    let Ok(source) = Source::open(&row.path) else { return false };
    let Ok(checked) = Fitter::new(Policy::cloud()).check(&source, Ask::Folder(row.role)) else { return false };
    let (Media::Audio(streams) | Media::Video(streams)) = &checked.facts.media else { return false };
    let adpcm = !matches!(checked.facts.format, Format::Wav | Format::Mov | Format::MovAudio);
    let sound = |track: &AudioTrack| {
        let kind = track.profile.as_deref().unwrap_or("lc");
        let aac = track.codec == "aac" && ["lc", "he", "he-v2"].contains(&kind);
        !(aac || BUILT_IN.contains(&&*track.codec) && !(track.codec == "adpcm" && adpcm))
            || track.channels.is_some_and(|channels| channels > 8)
    };
    let pictures = |track: &VideoTrack| {
        !["h264", "hevc", "vp9"].contains(&&*track.codec)
            || track.odd_matrix
            || track.bit_depth.is_some_and(|depth| depth > 10)
            || !matches!(track.chroma, None | Some(Chroma::Quarter | Chroma::Gray))
    };
    streams.audio.iter().any(sound) || streams.video.iter().any(pictures)
}

/// Codecs of sound that are decoded here, beside AAC.
#[rustfmt::skip]
const BUILT_IN: [&str; 12] = [
    "adpcm", "alac", "alaw", "amr", "amr-wb", "flac", "mp3", "mulaw", "opus", "pcm", "pcm-float", "vorbis",
];

/// Whether a file of sound or moving pictures may be refused for `reason`.
fn playing(row: &Row, reason: Reason) -> bool {
    matches!(row.role, Role::Audio | Role::Video)
        && match reason {
            Reason::Unsupported => needs_ffmpeg(row),
            Reason::Encrypted => row.violations.contains("encrypted"),
            Reason::Broken => row.expected == "corrupt" || row.ambiguous.contains("decode_errors"),
            _ => false,
        }
}

fn made_fit(row: &Row) -> Result<(), Failed> {
    let options = Options { animated: Animated::FirstFrame, ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let source = Source::open(&row.path)?;
    let (checked, ending) = fitter.fit(&source, Ask::Folder(row.role))?;
    let refused = REFUSED.iter().find(|(file, _)| *file == row.file).map(|(_, reason)| *reason);
    match (ending, refused) {
        (Ending::Refused(refusal), Some(reason)) if refusal.reason == reason => Ok(()),
        // Codecs that are not built in need an ffmpeg, which this fitter does not have; no key opens what is encrypted.
        (Ending::Refused(refusal), None) if playing(row, refusal.reason) => Ok(()),
        (Ending::Refused(refusal), _) => Err(format!("refused: {refusal:?}").into()),
        (Ending::Fitted { steps, .. }, Some(reason)) => {
            Err(format!("listed as refused for {reason:?}, but made fit by {steps:?}").into())
        }
        (Ending::Fitted { fitted, steps }, None) => {
            let bytes = fitted.to_bytes()?;
            let name = format!("result.{}", fitted.format().extension());
            let again = Source::from_bytes(bytes, Some(Path::new(&name)));
            let result = fitter.check_deep(&again, Ask::Role(fitted.role()))?;
            if !result.verdict.is_fit() {
                return Err(format!("after {steps:?}: {:#?}", result.verdict).into());
            }
            let band = fitter.policy().size(fitted.role(), false);
            let limit = if checked.verdict.is_fit() { band.hard_bytes } else { band.target_bytes };
            if fitted.len() > limit {
                return Err(format!("{} bytes after {steps:?}, allowed {limit}", fitted.len()).into());
            }
            Ok(())
        }
    }
}
