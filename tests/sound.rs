//! Sound through the public door: what players disagree about, recordings of a working day, and what others say of it all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{Media, StreamFacts};
use mediafit::plan::{Options, Reason, Repair};
use mediafit::{Ask, Ending, Facts, Ffmpeg, Fitted, Fitter, Format, Policy, Role, Source};
use std::path::{Path, PathBuf};
use std::process::Command;

/// So many files of sound are given to other programs at least.
const FILES: usize = 40;

fn main() {
    let arguments = Arguments::from_args();
    let (ffmpeg, opusinfo) = (program("ffmpeg"), program("opusinfo"));
    let ignored = (ffmpeg.is_none(), opusinfo.is_none());
    let trials = vec![
        Trial::test("parametric_stereo_stays_stereo", parametric_stereo),
        Trial::test("opus_in_mp4_starts_where_its_header_says", opus_in_mp4),
        Trial::test("eight_hours_are_refused_with_the_length_that_fits", eight_hours),
        Trial::test("ffmpeg_warns_of_no_result", move || ffmpeg_is_content(ffmpeg.as_deref()))
            .with_ignored_flag(ignored.0),
        Trial::test("opusinfo_warns_of_no_result", move || opusinfo_is_content(opusinfo.as_deref()))
            .with_ignored_flag(ignored.1),
        Trial::test("ffmpeg_decodes_to_the_stated_length", decoded_by_ffmpeg).with_ignored_flag(ignored.0),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file())
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn streams(facts: &Facts) -> &StreamFacts {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => streams,
        other => panic!("no sound: {other:?}"),
    }
}

fn fitted(fitter: &Fitter, source: &Source, role: Role) -> Result<Fitted, Failed> {
    match fitter.fit(source, Ask::Role(role))?.1 {
        Ending::Fitted { fitted, .. } => Ok(*fitted),
        Ending::Refused(refusal) => Err(format!("refused: {refusal:?}").into()),
    }
}

/// The core of it has one channel and half the rate; nothing but the frames says more.
fn parametric_stereo() -> Result<(), Failed> {
    let source = Source::open(testdata("streams/he-aac-v2.aac"))?;
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Role(Role::Audio))?;
    let [track] = &streams(&checked.facts).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((track.profile.as_deref(), track.sample_rate), (Some("he"), Some(44_100)));
    let fitter = fitter.with_options(Options { repair: Repair::All, ..Options::default() });
    let result = fitted(&fitter, &source, Role::Audio)?;
    assert_eq!(result.format(), Format::M4a);
    let [track] = &streams(result.facts()).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((track.codec.as_str(), track.profile.as_deref()), ("aac", Some("lc")));
    assert_eq!((track.channels, track.sample_rate), (Some(2), Some(44_100)));
    Ok(())
}

fn opus_in_mp4() -> Result<(), Failed> {
    let source = Source::open(testdata("streams/opus-preskip.mp4"))?;
    let fitter = Fitter::new(Policy::cloud());
    let before = fitter.check(&source, Ask::Role(Role::Voice))?;
    let [was] = &streams(&before.facts).audio[..] else { return Err("one stream was expected".into()) };
    let result = fitted(&fitter, &source, Role::Voice)?;
    assert_eq!(result.format(), Format::OggOpus);
    let [is] = &streams(result.facts()).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((was.priming, is.priming), (Some(312), Some(312)));
    assert_eq!(is.duration_us, Some(500_000));
    let found = was.duration_us.unwrap();
    assert!(found.abs_diff(500_000) < 1000, "{found}");
    Ok(())
}

/// AMR at 4.75 kbit/s: the limit holds seven hours of it, and no coding that anybody would want to hear holds more.
fn eight_hours() -> Result<(), Failed> {
    const FRAMES: usize = 8 * 3600 * 50;
    let mut bytes = b"#!AMR\n".to_vec();
    // Frame type 0 and good: 13 bytes.
    let frame = [0x04, 0x5a, 0x3c, 0x91, 0x07, 0x66, 0x13, 0x80, 0x2f, 0x50, 0x1e, 0x77, 0xa0];
    bytes.extend(frame.iter().copied().cycle().take(FRAMES * frame.len()));
    let source = Source::from_bytes(bytes, Some(Path::new("day.amr")));
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Role(Role::Audio))?;
    assert_eq!(streams(&checked.facts).duration_us, Some(8 * 3_600_000_000));
    match fitter.fit(&source, Ask::Role(Role::Audio))?.1 {
        Ending::Refused(refusal) => {
            assert_eq!(refusal.reason, Reason::CannotFit, "{refusal:?}");
            Ok(())
        }
        Ending::Fitted { steps, .. } => Err(format!("made fit by {steps:?}").into()),
    }
}

/// What comes of all files of sound as `role`, by their names.
fn results(role: Role) -> Result<Vec<(String, Fitted)>, Failed> {
    let fitter = Fitter::new(Policy::cloud());
    let (mut results, mut files) = (Vec::new(), 0);
    for folder in ["audio", "voice"] {
        for entry in std::fs::read_dir(testdata(folder))? {
            let path = entry?.path();
            files += 1;
            let source = Source::open(&path)?;
            if let Ending::Fitted { fitted, .. } = fitter.fit(&source, Ask::Role(role))?.1
                && fitted.facts().format.family() == mediafit::Family::Audio
            {
                results.push((path.file_name().unwrap().to_string_lossy().into_owned(), *fitted));
            }
        }
    }
    assert!(files >= FILES, "{files}");
    Ok(results)
}

fn ffmpeg_is_content(ffmpeg: Option<&Path>) -> Result<(), Failed> {
    let ffmpeg = ffmpeg.ok_or("there is no ffmpeg")?;
    let folder = tempfile::tempdir()?;
    for role in [Role::Audio, Role::Voice] {
        for (name, fitted) in results(role)? {
            // A file that was fit is as its maker left it.
            if fitted.kept_path().is_some() {
                continue;
            }
            let path = folder.path().join(format!("result.{}", fitted.format().extension()));
            std::fs::write(&path, fitted.to_bytes()?)?;
            let mut command = Command::new(ffmpeg);
            command.args(["-nostdin", "-hide_banner", "-v", "warning", "-i"]).arg(&path).args(["-f", "null", "-"]);
            let output = command.output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            // It says so of every file of bare frames.
            let complaint = said.lines().find(|line| !line.contains("Estimating duration from bitrate"));
            if !output.status.success() || complaint.is_some() {
                return Err(format!("{name} as {}: {said}", role.name()).into());
            }
        }
    }
    Ok(())
}

fn opusinfo_is_content(opusinfo: Option<&Path>) -> Result<(), Failed> {
    let opusinfo = opusinfo.ok_or("there is no opusinfo")?;
    let folder = tempfile::tempdir()?;
    for (name, fitted) in results(Role::Voice)? {
        if fitted.kept_path().is_some() {
            continue;
        }
        let path = folder.path().join("result.ogg");
        std::fs::write(&path, fitted.to_bytes()?)?;
        let output = Command::new(opusinfo).arg(&path).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !output.status.success() || said.contains("WARNING") {
            return Err(format!("{name}: {said}").into());
        }
    }
    Ok(())
}

/// WMA ends within a frame that is decoded whole.
fn decoded_by_ffmpeg() -> Result<(), Failed> {
    let fitter = Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find());
    let source = Source::open(testdata("audio/unfit__wmav2__audio.container.wma"))?;
    let was = streams(&fitter.check(&source, Ask::Role(Role::Audio))?.facts).duration_us.unwrap();
    let result = fitted(&fitter, &source, Role::Audio)?;
    let is = streams(result.facts()).duration_us.unwrap();
    assert!(was.abs_diff(is) < 1000, "{was} {is}");
    Ok(())
}
