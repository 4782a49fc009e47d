//! Whether results play in a browser that has H.264 and AAC: each is loaded into a video element, and has to reach its last
//! frame. Needs a Chromium on the path; without one the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/browser.rs"]
mod browser;

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::{Ask, Ending, Fitter, Policy, Source};
use std::path::Path;

/// Copied, defragmented, with new sound, with new pictures.
const FILES: [&str; 7] = [
    "unfit__h264-aac__video.brand.mov",
    "unfit__h264-aac__video.container.ts",
    "unfit__h264-aac__video.container.mkv",
    "unfit__fragmented__video.fragmented.mp4",
    "unfit__opus__video.audio-codec.mp4",
    "unfit__two-sounds__video.audio-streams.mp4",
    "unfit__hevc__video.codec.mp4",
];

fn main() {
    let arguments = Arguments::from_args();
    let browser = browser::found();
    if browser.is_none() {
        eprintln!("ignored: chromium not found");
    }
    let trial = |file: &'static str| {
        let browser = browser.clone();
        let ignored = browser.is_none();
        Trial::test(format!("plays::{file}"), move || played(&browser.unwrap(), file)).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&arguments, FILES.into_iter().map(trial).collect()).exit();
}

fn played(browser: &Path, file: &str) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video").join(file);
    let (_, ending) = Fitter::new(Policy::cloud()).fit(&Source::open(path)?, Ask::Content)?;
    let Ending::Fitted { fitted, .. } = ending else { return Err(format!("{ending:?}").into()) };
    let played = browser::play(browser, &fitted.to_bytes()?)?;
    if played.seconds > 0.3 && played.size.1 > 0 { Ok(()) } else { Err(format!("{played:?}").into()) }
}
