//! Containers of sound and moving pictures with flipped bits, changed bytes, lying words and cut ends, through the public
//! `inspect`: no panic, at most 50 ms each, and no allocation over 64 MiB.
//!
//! The whole of it: `MEDIAFIT_MUTATIONS=20000 cargo test --release --test mutations -- --ignored --nocapture`, over
//! `testdata/` and, where it is present, the corpus (`MEDIAFIT_CORPUS`, else `../shared/corpus` beside the package).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![expect(unsafe_code, reason = "an allocator that remembers the largest request")]

mod pictures;

use mediafit::{Source, inspect::inspect, sniff::sniff};
use pictures::{Seeded, testdata};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What one file may cost.
const MOST_TIME: Duration = Duration::from_millis(50);
const MOST_MEMORY: usize = 64 * 1024 * 1024;

/// Fewer containers than this are no test.
const LEAST_FILES: usize = 20;

/// What words claim: nothing, less than a header, a header, the most there is.
const WORDS: [u32; 10] = [0, 1, 7, 8, 9, 16, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF];

/// Larger files take long to copy and have nothing that smaller ones have not.
const LARGEST: u64 = 2 * 1024 * 1024;

static LARGEST_REQUEST: AtomicUsize = AtomicUsize::new(0);

struct Remembering;

// SAFETY: all is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Remembering {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST_REQUEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST_REQUEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST_REQUEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Remembering = Remembering;

fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in ["audio", "voice", "video"] {
        for entry in std::fs::read_dir(folder.join(name)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn corpus() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    std::env::var_os("MEDIAFIT_CORPUS").map_or_else(beside, PathBuf::from)
}

/// `original` with one to four changes. The index of a movie draws half of them.
fn mutated(original: &[u8], seeded: &mut Seeded) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let index = original.windows(4).position(|word| word == b"moov" || word == b"moof");
    for _ in 0..=seeded.below(4) {
        let (from, length) = match (seeded.below(4), index) {
            (0 | 1, Some(index)) => (index, (bytes.len().saturating_sub(index)).min(4096)),
            (2, _) => (0, bytes.len().min(1024)),
            _ => (0, bytes.len()),
        };
        let at = from + seeded.below(length.max(1));
        match seeded.below(8) {
            0 => bytes.truncate(at),
            1 | 2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << seeded.below(8);
                }
            }
            3 | 4 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = seeded.byte();
                }
            }
            _ => {
                let word = match seeded.below(WORDS.len() + 2) {
                    known if known < WORDS.len() => WORDS[known],
                    _ => u32::try_from(seeded.next() >> 32).unwrap(),
                };
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&word.to_be_bytes());
                }
            }
        }
    }
    bytes
}

/// How long `inspect` takes, the best of some tries: others may be at work on this machine.
fn measured(bytes: &[u8], path: &Path) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let source = Source::from_bytes(bytes, Some(path));
        let start = Instant::now();
        let sniffed = sniff(&source).unwrap();
        inspect(&source, &sniffed).unwrap();
        best = best.min(start.elapsed());
        if best <= MOST_TIME {
            break;
        }
    }
    best
}

fn run(files: &[PathBuf], count: usize) {
    assert!(files.len() >= LEAST_FILES, "{} files", files.len());
    let formats: BTreeSet<_> = files.iter().filter_map(|path| path.extension().map(ToOwned::to_owned)).collect();
    let mut wrong = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for round in 0..count.div_ceil(files.len()) {
        for (number, path) in files.iter().enumerate() {
            let label = format!("{} variant {round}", path.display());
            let original = std::fs::read(path).unwrap();
            let bytes = mutated(&original, &mut Seeded::new((round * 1000 + number) as u64));
            LARGEST_REQUEST.store(0, Ordering::Relaxed);
            match catch_unwind(AssertUnwindSafe(|| measured(&bytes, path))) {
                Err(_) => wrong.push(format!("{label}: a panic")),
                Ok(time) if time > MOST_TIME => wrong.push(format!("{label}: {time:?}")),
                Ok(time) if time > slowest.0 => slowest = (time, label.clone()),
                Ok(_) => {}
            }
            let request = LARGEST_REQUEST.load(Ordering::Relaxed);
            if request > MOST_MEMORY {
                wrong.push(format!("{label}: {request} bytes at once"));
            }
        }
    }
    println!("{} files, {} kinds, slowest {:?} by {}", files.len(), formats.len(), slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn some_mutations() {
    run(&listed(&testdata("")), 2000);
}

#[test]
#[ignore = "takes minutes; MEDIAFIT_MUTATIONS sets how many"]
fn many_mutations() {
    let count = std::env::var("MEDIAFIT_MUTATIONS").map_or(20_000, |count| count.parse().unwrap());
    let mut files = listed(&testdata(""));
    files.extend(listed(&corpus()));
    run(&files, count);
}
