//! Clips that ffmpeg makes for the test, coded anew by what is built in: cut where that is asked for, with a pause before
//! the last pictures, with pixels that are not square. Without an ffmpeg the tests are reported as ignored.

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{Media, StreamFacts};
use mediafit::{Ask, Ending, Fitter, Options, Policy, Role, Source};
use std::path::Path;
use std::process::Command;

/// Pictures and a tone of eight seconds.
const EIGHT_SECONDS: &[&str] = &["-f", "lavfi", "-i", "testsrc2=d=8:s=320x240:r=25", "-f", "lavfi", "-i", "sine=d=8"];

/// Two seconds, of which the last five pictures come half a second late.
const LATE: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "testsrc2=d=2:s=160x120:r=25",
    "-vf",
    "setpts=PTS+gte(N\\,45)*0.5/TB",
    "-fps_mode",
    "passthrough",
];

/// A second of 16:9 in pictures of television.
const WIDE: &[&str] = &["-f", "lavfi", "-i", "testsrc2=d=1:s=720x576:r=25", "-vf", "setsar=64/45"];

fn main() {
    let arguments = Arguments::from_args();
    let there = cfg!(feature = "video")
        && Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("ignored: ffmpeg not found, or the feature video is left out");
    }
    let trials = vec![
        Trial::test("what_is_cut_ends_with_its_sound", cut),
        Trial::test("a_pause_before_the_end_is_kept", late),
        Trial::test("pixels_become_square", wide),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().map(|trial| trial.with_ignored_flag(!there)).collect()).exit();
}

fn made(folder: &Path, name: &str, input: &[&str], coding: &[&str]) -> Result<Source, Failed> {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(input).args(coding).arg(&path);
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(Source::open(path)?)
}

fn fitted(source: &Source, limit: u64, options: Options) -> Result<StreamFacts, Failed> {
    let mut policy = Policy::cloud();
    policy.video.size.hard_bytes = limit;
    policy.video.size.target_bytes = limit;
    let (_, ending) = Fitter::new(policy).with_options(options).fit(source, Ask::Role(Role::Video))?;
    let Ending::Fitted { fitted, .. } = ending else { return Err(format!("{ending:?}").into()) };
    assert!(fitted.facts().bytes <= limit, "{} of {limit}", fitted.facts().bytes);
    match fitted.facts().media.clone() {
        Media::Video(streams) => Ok(streams),
        other => Err(format!("{other:?}").into()),
    }
}

fn cut() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut seen = 0;
    for (name, sound) in [("aac.mp4", "aac"), ("opus.mkv", "libopus"), ("pcm.mov", "pcm_s16le")] {
        let source =
            made(folder.path(), name, EIGHT_SECONDS, &["-c:v", "libx264", "-preset", "veryfast", "-c:a", sound])?;
        let options = Options { trim_to_fit: true, ..Options::default() };
        let streams = fitted(&source, 50_000, options)?;
        let of = |duration: Option<u64>| duration.unwrap_or_default() as f64 / 1e6;
        let pictures = streams.video.first().map_or(0.0, |track| of(track.duration_us));
        let sound = streams.audio.first().map_or(0.0, |track| of(track.duration_us));
        assert!(pictures > 1.0 && pictures < 7.5 && (pictures - sound).abs() < 0.1, "{name}: {pictures} {sound}");
        seen += 1;
    }
    assert_eq!(seen, 3);
    Ok(())
}

fn late() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut seen = 0;
    for (name, coder) in [("late.mp4", "libx264"), ("late.mov", "libx265"), ("late.mkv", "libx264")] {
        let source = made(folder.path(), name, LATE, &["-c:v", coder, "-preset", "veryfast", "-bf", "3"])?;
        let streams = fitted(&source, 40_000, Options::default())?;
        let found = streams.video.first().and_then(|track| track.duration_us).unwrap_or_default();
        assert!(found.abs_diff(2_500_000) <= 45_000, "{name}: {found}");
        seen += 1;
    }
    assert_eq!(seen, 3);
    Ok(())
}

fn wide() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut seen = 0;
    for name in ["wide.ts", "wide.mp4", "wide.mkv"] {
        let source = made(folder.path(), name, WIDE, &["-c:v", "libx265", "-preset", "ultrafast"])?;
        let streams = fitted(&source, 16_000_000, Options { max_height: Some(288), ..Options::default() })?;
        let found = streams.video.first().map(|track| (track.width, track.height, track.pixel_aspect));
        assert_eq!(found, Some((512, 288, None)), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
    Ok(())
}
