//! Damaged containers: no panic, no hang, no packet larger than the file allows.

use crate::demux::avi::Avi;
use crate::demux::flv::Flv;
use crate::demux::matroska::Matroska;
use crate::demux::mpegts::MpegTs;
use crate::demux::{Demuxer, Packet, Want};
use crate::inspect::inspect;
use crate::sniff::sniff;
use crate::source::Source;
use std::path::Path;
use std::time::{Duration, Instant};

/// One file may take so long at most.
const LONGEST: Duration = Duration::from_millis(50);

/// Containers in our test data and, where it is there, the corpus.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["testdata/video", "testdata/audio", "testdata/voice"].map(|folder| root.join(folder));
    let corpus = std::env::var_os("MEDIAFIT_CORPUS").map(std::path::PathBuf::from);
    let more = corpus.iter().flat_map(|root| [root.join("video"), root.join("audio")]);
    let mut seeds = Vec::new();
    for folder in folders.into_iter().chain(more) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
            if ["mkv", "mka", "webm", "avi", "ts", "flv", "wmv", "mpg"].contains(&extension.as_str()) {
                let bytes = std::fs::read(path).unwrap();
                seeds.push(bytes.get(..bytes.len().min(512 * 1024)).unwrap().to_vec());
            }
        }
    }
    seeds
}

/// A small generator of numbers (xorshift64*), so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }
}

fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.next(6) {
        // Mostly near the start, where the structure is.
        let reach = if numbers.next(3) == 0 { bytes.len() } else { bytes.len().min(1500) };
        let at = numbers.next(reach);
        match numbers.next(6) {
            0 => bytes[at] ^= 1 << numbers.next(8),
            1 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][numbers.next(5)],
            2 => bytes.truncate(at.max(1)),
            3 => {
                let end = (at + 1 + numbers.next(8)).min(bytes.len());
                bytes[at..end].fill(0xFF);
            }
            4 => {
                let from = numbers.next(bytes.len());
                let end = (from + 1 + numbers.next(64)).min(bytes.len());
                let piece = bytes[from..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let end = (at + 1 + numbers.next(16)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

fn walk(mut demuxer: impl Demuxer, len: usize) {
    let mut packet = Packet::default();
    // More packets than bytes cannot be.
    for _ in 0..=len {
        match demuxer.next(&mut packet, Want::Content) {
            Ok(true) => assert!(packet.data.len() == packet.size as usize && packet.data.len() <= 64 * 1024 * 1024),
            Ok(false) => return,
            Err(_) => {
                assert!(!demuxer.next(&mut packet, Want::Content).unwrap_or(false), "packets behind the end");
                return;
            }
        }
    }
    panic!("more packets than bytes");
}

fn try_out(bytes: &[u8]) -> Duration {
    let source = Source::from_bytes(bytes, None);
    let start = Instant::now();
    let sniffed = sniff(&source).unwrap();
    inspect(&source, &sniffed).unwrap();
    // Whatever it is taken for.
    if let Ok(file) = Matroska::open(&source) {
        walk(file, bytes.len());
    }
    if let Ok(file) = Avi::open(&source) {
        walk(file, bytes.len());
    }
    if let Ok(file) = Flv::open(&source) {
        walk(file, bytes.len());
    }
    if let Ok(file) = MpegTs::open(&source) {
        walk(file, bytes.len());
    }
    start.elapsed()
}

fn try_many(count: usize, seed: u64) {
    let seeds = seeds();
    assert!(seeds.len() >= 10, "only {} containers", seeds.len());
    let mut numbers = Numbers(seed);
    let mut slow = Vec::new();
    for round in 0..count {
        let bytes = mutated(&seeds[round % seeds.len()], &mut numbers);
        // A busy machine is slow too: what is slow is asked again.
        let took = (0..3).map(|_| try_out(&bytes)).find(|took| *took <= LONGEST);
        if took.is_none() {
            slow.push(round);
        }
    }
    assert!(slow.is_empty(), "slow: {slow:?}");
}

#[test]
fn damaged_containers_are_survived() {
    try_many(400, 0x9E37_79B9_7F4A_7C15);
}

/// `MEDIAFIT_CORPUS=… cargo test --release -- --ignored twenty_thousand`
#[test]
#[ignore = "takes a minute"]
fn twenty_thousand_damaged_containers_are_survived() {
    try_many(20_000, 0xD1B5_4A32_D192_ED03);
}
