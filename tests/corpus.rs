//! Real files from public sources, where they are present: `MEDIAFIT_CORPUS`, else `../shared/corpus` beside the package.
//! Every image, sticker and document gets its manifest's verdict, and every picture that can be decoded is made fit. Videos
//! are made fit by what is built in, or refused as a table says, and then with ffmpeg; where ffprobe and Chromium are
//! installed, both have to agree that the results are fit.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/probe.rs"]
mod probe;

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{AudioTrack, Media};
use mediafit::format::Format;
use mediafit::plan::{Animated, Options, Reason, Step};
use mediafit::{
    Ask, Checked, Ending, Ffmpeg, Fitted, Fitter, Platform, Policy, Role, Rule, Severity, Source, Standing, Verdict,
};
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

/// The videos that are not made fit by what is built in: why, and what the refusal has to name. All others are.
#[rustfmt::skip]
const REFUSED_VIDEOS: &[(&str, Reason, &str)] = &[
    ("video/amx__bbb_176x144_128kbps_15fps_h263.3gp",      Reason::Unsupported, "h263"),
    ("video/amx__bbb_176x144_192kbps_15fps_mpeg4.mp4",     Reason::Unsupported, "mpeg4"),
    ("video/amx__sample.avi",                              Reason::Unsupported, "mpeg4"),
    ("video/amx__sample.mkv",                              Reason::Unsupported, "ac3"),
    ("video/amx__sample_fragmented_clearkey.mp4",          Reason::Encrypted,   "encrypted"),
    // MPEG-4 by what it holds, whatever its name.
    ("video/amx__sample_h263.ts",                          Reason::Unsupported, "mpeg4"),
    // The description of its sound was overwritten.
    ("video/amx__sample_missing_stsd.mp4",                 Reason::Unsupported, "unknown"),
    ("video/amx__sample_vvc.mp4",                          Reason::Unsupported, "vvc"),
    // 4:4:4 is not decoded here.
    ("video/amx__sample_with_fake_auxiliary_tracks.mp4",   Reason::Unsupported, "h264 High 4:4:4"),
    ("video/amx__sample_with_srt.mkv",                     Reason::Unsupported, "ac3"),
    ("video/ftype__fixture-corrupt.mkv",                   Reason::Broken,      "document type"),
    ("video/ftype__fixture-dash.mp4",                      Reason::Broken,      "moov"),
    ("video/ftype__fixture-isom.mp4",                      Reason::Broken,      "moov"),
    ("video/ftype__fixture.3gp",                           Reason::Unsupported, "h263"),
    ("video/ftype__fixture.avi",                           Reason::Unsupported, "adpcm"),
    ("video/ftype__fixture.mpg",                           Reason::Unsupported, "mpeg1"),
    ("video/ftype__fixture2.3gp",                          Reason::Unsupported, "h263"),
    // Slices are cut off: the manifest's reference decoder complains as well.
    ("video/mp4p__no_timescale.mp4",                       Reason::Broken,      "truncated"),
    ("video/mp4p__short-cenc.mp4",                         Reason::Encrypted,   "encrypted"),
    ("video/small__Mpeg4.mp4",                             Reason::Broken,      "moving picture"),
];

/// The videos that not even an installed ffmpeg reads.
const UNREADABLE: [&str; 2] = ["video/amx__sample_missing_stsd.mp4", "video/amx__sample_vvc.mp4"];

/// How many videos are made fit by what is built in, and how many more with ffmpeg.
const FITTED_VIDEOS: [usize; 2] = [57, 11];

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
                if helped(&row) {
                    let row = row.clone();
                    let absent = Ffmpeg::find().is_none();
                    trials.push(
                        Trial::test(format!("ffmpeg::{}", row.file), move || made_fit_with_ffmpeg(&row))
                            .with_ignored_flag(absent),
                    );
                }
                trials.push(Trial::test(format!("check::{}", row.file), move || judged(&row)));
            }
            for (name, found) in [("ffprobe", probe::found()), ("chromium", browser::found())] {
                if found.is_none() {
                    eprintln!("ignored: {name} not found, so results are not shown to it");
                    trials.push(Trial::test(format!("{name}_agrees"), || Ok(())).with_ignored_flag(true));
                }
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
    let fitted = rows.iter().filter(|row| row.role == Role::Video && refused(row).is_none()).count();
    let helped = rows.iter().filter(|row| helped(row)).count();
    if [fitted, helped] != FITTED_VIDEOS {
        return Err(format!("{fitted} videos to be made fit and {helped} more with ffmpeg").into());
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

/// Whether a codec in the sound is not decoded here.
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
    streams.audio.iter().any(sound)
}

/// Codecs of sound that are decoded here, beside AAC.
#[rustfmt::skip]
const BUILT_IN: [&str; 12] = [
    "adpcm", "alac", "alaw", "amr", "amr-wb", "flac", "mp3", "mulaw", "opus", "pcm", "pcm-float", "vorbis",
];

/// Whether a file of sound may be refused for `reason`.
fn sounding(row: &Row, reason: Reason) -> bool {
    row.role == Role::Audio
        && match reason {
            Reason::Unsupported => needs_ffmpeg(row),
            Reason::Encrypted => row.violations.contains("encrypted"),
            Reason::Broken => row.expected == "corrupt" || row.ambiguous.contains("decode_errors"),
            _ => false,
        }
}

/// Why the file must be refused by what is built in, and what the refusal names.
fn refused(row: &Row) -> Option<(Reason, &'static str)> {
    let video = REFUSED_VIDEOS.iter().find(|(file, ..)| *file == row.file);
    let picture = || REFUSED.iter().find(|(file, _)| *file == row.file).map(|(_, reason)| (*reason, ""));
    video.map(|&(_, reason, named)| (reason, named)).or_else(picture)
}

/// Whether it is a video that an installed ffmpeg makes fit.
fn helped(row: &Row) -> bool {
    row.role == Role::Video
        && matches!(refused(row), Some((Reason::Unsupported, _)))
        && !UNREADABLE.contains(&row.file.as_str())
}

fn made_fit(row: &Row) -> Result<(), Failed> {
    let options = Options { animated: Animated::FirstFrame, ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let (checked, ending) = fitter.fit(&Source::open(&row.path)?, Ask::Folder(row.role))?;
    match (ending, refused(row)) {
        (Ending::Refused(refusal), Some((reason, named)))
            if refusal.reason == reason && refusal.message.contains(named) =>
        {
            Ok(())
        }
        // Codecs that are not built in need an ffmpeg, which this fitter does not have; no key opens what is encrypted.
        (Ending::Refused(refusal), None) if sounding(row, refusal.reason) => Ok(()),
        (Ending::Refused(refusal), _) => Err(format!("refused: {refusal:?}").into()),
        (Ending::Fitted { steps, .. }, Some(reason)) => {
            Err(format!("listed as refused for {reason:?}, but made fit by {steps:?}").into())
        }
        (Ending::Fitted { fitted, steps }, None) => fit_it_is(&fitter, &checked, &fitted, &steps),
    }
}

fn made_fit_with_ffmpeg(row: &Row) -> Result<(), Failed> {
    let fitter = Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find());
    match fitter.fit(&Source::open(&row.path)?, Ask::Folder(row.role))? {
        (checked, Ending::Fitted { fitted, steps }) => fit_it_is(&fitter, &checked, &fitted, &steps),
        (_, Ending::Refused(refusal)) => Err(format!("refused: {refusal:?}").into()),
    }
}

fn fit_it_is(fitter: &Fitter, checked: &Checked, fitted: &Fitted, steps: &[Step]) -> Result<(), Failed> {
    let bytes = fitted.to_bytes()?;
    let name = format!("result.{}", fitted.format().extension());
    let again = Source::from_bytes(bytes.clone(), Some(Path::new(&name)));
    let result = fitter.check_deep(&again, Ask::Role(fitted.role()))?;
    if !result.verdict.is_fit() {
        return Err(format!("after {steps:?}: {:#?}", result.verdict).into());
    }
    let band = fitter.policy().size(fitted.role(), false);
    let limit = if checked.verdict.is_fit() { band.hard_bytes } else { band.target_bytes };
    if fitted.len() > limit {
        return Err(format!("{} bytes after {steps:?}, allowed {limit}", fitted.len()).into());
    }
    if fitted.role() == Role::Video { others_agree(&bytes, steps) } else { Ok(()) }
}

/// Shows a video to ffprobe and to Chromium, as far as they are installed.
fn others_agree(bytes: &[u8], steps: &[Step]) -> Result<(), Failed> {
    let new = steps.iter().any(|step| matches!(step, Step::EncodeVideo { .. }));
    let probed = match probe::found() {
        Some(ffprobe) => {
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), bytes)?;
            Some(probe::probe(&ffprobe, file.path(), new).map_err(|error| format!("after {steps:?}: {error:?}"))?)
        }
        None => None,
    };
    let Some(browser) = browser::found() else { return Ok(()) };
    let played = browser::play(&browser, bytes).map_err(|error| format!("after {steps:?}: in Chromium: {error:?}"))?;
    match probed {
        Some(probed) if (probed.seconds - played.seconds).abs() > 0.1 || (new && probed.size != played.size) => {
            Err(format!("after {steps:?}: {probed:?}, but {played:?} in Chromium").into())
        }
        _ => Ok(()),
    }
}
