//! Hostile files: every picture, sticker and document of `testdata/` cut at many places and with flipped bytes. Whatever
//! comes, the answer is a verdict, a result or an error: no panic leaves the library, and none starts in its own parsers.
//!
//! `MEDIAFIT_FUZZ_COUNT` sets how many flipped variants a file gets (default 12).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use mediafit::{Animated, Ask, Ending, ErrorKind, Fitter, Options, Policy, Role, Source};
use pictures::{Seeded, testdata};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

/// Places at which each file is cut.
const CUTS: usize = 40;

/// How many files of testdata are cut and flipped.
const FILES: usize = 259;

/// Where panics started, with a file that made one: `source file:line → input`.
static PANICS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

thread_local! {
    static INPUT: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// Decoders use the stack deeply: the same size as in a run over many files.
static POOL: LazyLock<rayon::ThreadPool> = LazyLock::new(|| {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "nowhere".into(), |at| format!("{}:{}", at.file(), at.line()));
        let input = INPUT.with_borrow(Clone::clone);
        if input.is_empty() {
            eprintln!("{info}");
        }
        PANICS.lock().unwrap().entry(place).or_insert(input);
    }));
    rayon::ThreadPoolBuilder::new().stack_size(8 * 1024 * 1024).build().unwrap()
});

fn files() -> Vec<(PathBuf, Role)> {
    let mut files = Vec::new();
    for role in [Role::Image, Role::Sticker, Role::Document] {
        for entry in std::fs::read_dir(testdata(role.name())).unwrap() {
            files.push((entry.unwrap().path(), role));
        }
    }
    files.sort();
    assert_eq!(files.len(), FILES);
    files
}

fn fitter() -> Fitter {
    Fitter::new(Policy::cloud()).with_options(Options { animated: Animated::FirstFrame, ..Options::default() })
}

/// What became of all the variants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    fitted: usize,
    refused: usize,
    engine: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.fitted += other.fitted;
        self.refused += other.refused;
        self.engine += other.engine;
        self.wrong.extend(other.wrong);
        self
    }
}

/// One variant, with its whole life: checked, checked by decoding, made fit, and checked once more.
fn one(path: &Path, role: Role, what: &str, bytes: Vec<u8>, options: Options) -> Tally {
    let label = format!("{} {what}", path.file_name().unwrap().to_string_lossy());
    INPUT.with_borrow_mut(|input| input.clone_from(&label));
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let mut tally = Tally::default();
    let life = catch_unwind(AssertUnwindSafe(|| {
        let source = Source::from_bytes(bytes, Some(path));
        let checked = fitter.check(&source, Ask::Folder(role))?;
        let (_, ending) = fitter.fit_checked(&source, checked, Ask::Folder(role))?;
        let Ending::Fitted { fitted, .. } = ending else { return Ok(None) };
        let again = Source::from_bytes(fitted.to_bytes()?, None);
        Ok(Some(fitter.check(&again, Ask::Role(fitted.role()))?.verdict.is_fit() || fitted.role() == Role::Document))
    }));
    let life: Result<Option<bool>, mediafit::Error> = match life {
        Ok(life) => life,
        Err(_) => {
            tally.wrong.push(format!("{label}: a panic got out"));
            return tally;
        }
    };
    match life {
        Ok(Some(true)) => tally.fitted += 1,
        Ok(Some(false)) => tally.wrong.push(format!("{label}: its result is not fit")),
        Ok(None) => tally.refused += 1,
        // Caught at the library's door; where it started is listed.
        Err(error) if error.kind() == ErrorKind::Engine && error.what().contains("gave up") => tally.engine += 1,
        Err(error) => tally.wrong.push(format!("{label}: {:?}: {error}", error.kind())),
    }
    tally
}

/// Panics that started in our own code are failures; those of others' decoders are listed.
fn judged(tally: &Tally, least: usize) {
    let panics = PANICS.lock().unwrap();
    for (place, input) in panics.iter() {
        println!("a panic at {place} by {input}");
    }
    println!("{} made fit, {} refused, {} given up by a decoder", tally.fitted, tally.refused, tally.engine);
    let ours: Vec<&String> =
        panics.keys().filter(|place| place.starts_with("src/") || place.starts_with("tests/")).collect();
    assert!(ours.is_empty(), "panics of our own: {ours:?}");
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert!(tally.fitted + tally.refused + tally.engine >= least, "{tally:?}");
    assert!(tally.fitted > 0 && tally.refused > 0, "{tally:?}");
}

#[test]
fn cut_files() {
    let options = *fitter().options();
    let tally = POOL.install(|| {
        let each = files().into_par_iter().map(|(path, role)| {
            let bytes = std::fs::read(&path).unwrap();
            let mut ends: Vec<usize> = (0..CUTS).map(|step| bytes.len() * step / CUTS).collect();
            ends.dedup();
            let cut = |end: usize| one(&path, role, &format!("cut at {end}"), bytes[..end].to_vec(), options);
            ends.into_iter().map(cut).fold(Tally::default(), Tally::and)
        });
        each.reduce(Tally::default, Tally::and)
    });
    judged(&tally, FILES * CUTS * 9 / 10);
}

#[test]
fn cut_files_that_are_to_be_salvaged() {
    let options = Options { salvage: true, ..*fitter().options() };
    let tally = POOL.install(|| {
        let each = files().into_par_iter().filter(|(_, role)| *role != Role::Document).map(|(path, role)| {
            let bytes = std::fs::read(&path).unwrap();
            let cut = |step: usize| {
                let end = bytes.len() * (2 * step + 1) / 8;
                one(&path, role, &format!("salvaged, cut at {end}"), bytes[..end].to_vec(), options)
            };
            (0..4).map(cut).fold(Tally::default(), Tally::and)
        });
        each.reduce(Tally::default, Tally::and)
    });
    judged(&tally, 700);
}

#[test]
fn files_with_flipped_bytes() {
    let count = std::env::var("MEDIAFIT_FUZZ_COUNT").map_or(12, |count| count.parse().unwrap());
    let options = *fitter().options();
    let tally = POOL.install(|| {
        let each = files().into_par_iter().enumerate().map(|(index, (path, role))| {
            let original = std::fs::read(&path).unwrap();
            let mut seeded = Seeded::new(index as u64);
            let mut tally = Tally::default();
            for variant in 0..count {
                let mut bytes = original.clone();
                // One flip, then ever more of them; every second variant in the head, where the lengths stand.
                let flips = 1 + variant / 2;
                let reach = if variant % 2 == 0 { bytes.len() } else { bytes.len().min(256) };
                for _ in 0..flips {
                    if let Some(byte) = bytes.get_mut(seeded.below(reach)) {
                        *byte ^= seeded.byte().max(1);
                    }
                }
                tally = tally.and(one(&path, role, &format!("variant {variant}"), bytes, options));
            }
            tally
        });
        each.reduce(Tally::default, Tally::and)
    });
    judged(&tally, FILES * count * 9 / 10);
}

#[test]
fn lying_lengths() {
    let options = *fitter().options();
    let tally = POOL.install(|| {
        let each = files().into_par_iter().map(|(path, role)| {
            let original = std::fs::read(&path).unwrap();
            let mut tally = Tally::default();
            // Sizes and counts stand in the head: each aligned word claims the most it can.
            for at in (0..original.len().min(160)).step_by(16) {
                for lie in [[0xFF; 4], [0x7F, 0xFF, 0xFF, 0xFF], [0; 4]] {
                    let mut bytes = original.clone();
                    let end = bytes.len().min(at + 4);
                    bytes[at..end].copy_from_slice(&lie[..end - at]);
                    tally = tally.and(one(&path, role, &format!("{lie:?} at {at}"), bytes, options));
                }
            }
            tally
        });
        each.reduce(Tally::default, Tally::and)
    });
    judged(&tally, FILES * 20);
}
