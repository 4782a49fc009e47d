//! What an installed ffmpeg decodes of a copied file is what it decodes of the source: frame by frame, by their hashes.
//! Without an ffmpeg the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::plan::Step;
use mediafit::{Ask, Ending, Fitter, Policy, Source};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many files of the test data are copied.
const CASES: usize = 10;

fn main() {
    let arguments = Arguments::from_args();
    let there = Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("ignored: ffmpeg not found");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let copied: Vec<PathBuf> = files.into_iter().filter(|path| is_copied(path)).collect();
    let count = copied.len();
    let mut trials = vec![Trial::test("number_of_files", move || {
        if count >= CASES { Ok(()) } else { Err(format!("found {count}, expected {CASES} at least").into()) }
    })];
    trials.extend(copied.into_iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Trial::test(format!("decodes_alike::{name}"), move || decodes_alike(&path)).with_ignored_flag(!there)
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Whether a plan's first way copies pictures, and no sound is coded.
fn is_copied(path: &Path) -> bool {
    let checked = Fitter::new(Policy::cloud()).check(&Source::open(path).unwrap(), Ask::Content).unwrap();
    let mediafit::plan::Plan::Rewrite(rewrite) = checked.plan else { return false };
    let steps = &rewrite.rungs[0].steps;
    matches!(steps[0], Step::CopyVideo { .. }) && !steps.iter().any(|step| matches!(step, Step::EncodeAudio { .. }))
}

fn decodes_alike(path: &Path) -> Result<(), Failed> {
    let (_, ending) = Fitter::new(Policy::cloud()).fit(&Source::open(path)?, Ask::Content)?;
    let Ending::Fitted { fitted, steps } = ending else { return Err(format!("{ending:?}").into()) };
    let folder = tempfile::tempdir()?;
    let result = folder.path().join(format!("result.{}", fitted.format().extension()));
    fitted.save(&result)?;
    for step in steps {
        let (kind, track) = match step {
            Step::CopyVideo { track } => ("v", track),
            Step::CopyAudio { track } => ("a", track),
            _ => continue,
        };
        let (was, is) = (decoded(path, kind, track)?, decoded(&result, kind, 0)?);
        if was.is_empty() || was != is {
            let same = was.iter().zip(&is).take_while(|(one, other)| one == other).count();
            let what = format!("{kind}: {} frames, were {}; the first {same} are alike", is.len(), was.len());
            return Err(what.into());
        }
    }
    Ok(())
}

/// The hashes of a stream's decoded frames.
fn decoded(path: &Path, kind: &str, track: usize) -> Result<Vec<String>, Failed> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", &format!("0:{kind}:{track}"), "-fps_mode", "passthrough", "-f", "framemd5", "-"])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    Ok(rows.filter_map(|line| line.rsplit(',').next()).map(|hash| hash.trim().to_owned()).collect())
}
