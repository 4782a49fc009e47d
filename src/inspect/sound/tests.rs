use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::{adts, au, caf, flac, framed, mp3, ogg, packed, wav, wma};
use crate::codec::mpeg_audio::Header;
use crate::demux::adts::Adts;
use crate::demux::amr::Amr;
use crate::demux::caf::Caf;
use crate::demux::mp3::Mp3;
use crate::demux::ogg::Ogg;
use crate::demux::{Demuxer, Packet, Want};
use crate::error::{Error, ErrorKind};
use crate::facts::{Damage, Edit, Facts, StreamFacts};
use crate::format::Format;
use crate::source::Source;

/// One mutation must not take longer, in the profile of tests and beside others.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });

/// The most that may be asked of the system at once, beside what the test itself holds.
const MOST_KIB: u64 = 64 * 1024;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The files of sound in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    const KINDS: [&str; 22] = [
        "aac", "ac3", "adts", "aif", "aiff", "amr", "au", "caf", "dts", "eac3", "flac", "latm", "mp3", "oga", "ogg",
        "opus", "spx", "tta", "w64", "wav", "wma", "wv",
    ];
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| KINDS.contains(&kind)))
        .collect();
    files.sort();
    files
}

fn corpus() -> Vec<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    files(&std::env::var_os("MEDIAFIT_CORPUS").map_or_else(beside, PathBuf::from).join("audio"))
}

fn facts(bytes: Vec<u8>) -> (StreamFacts, Vec<Damage>) {
    let source = Source::from_bytes(bytes, None);
    let sniffed = crate::sniff::sniff(&source).unwrap();
    let Facts { media, damage, .. } = crate::inspect::inspect(&source, &sniffed).unwrap();
    match media {
        crate::facts::Media::Audio(streams) => (streams, damage),
        _ => panic!("is no sound"),
    }
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(testdata(name)).unwrap()
}

/// Takes every packet; those that were whole, or the error.
fn drain(demuxer: &mut dyn Demuxer) -> Result<(u64, u64), Error> {
    let (mut packet, mut packets, mut samples) = (Packet::default(), 0, 0);
    while demuxer.next(&mut packet, Want::Content)? {
        assert_eq!(packet.data.len(), packet.size as usize);
        packets += 1;
        samples += packet.duration;
        assert!(packets < 1_000_000);
    }
    Ok((packets, samples))
}

/// Runs every parser of the kind of file over `bytes`, whatever sniffing would say.
fn parse(path: &Path, bytes: Vec<u8>) {
    let source = Source::from_bytes(bytes, None);
    let opened = |error: Error| assert_ne!(error.kind(), ErrorKind::Io, "{error}");
    let drained = |result: Result<(u64, u64), Error>| {
        if let Err(error) = result {
            opened(error);
        }
    };
    match path.extension().and_then(|kind| kind.to_str()).unwrap_or_default() {
        "aac" | "adts" => {
            adts::inspect(&source).unwrap();
            Adts::open(&source).map_or_else(opened, |mut demuxer| drained(drain(&mut demuxer)));
        }
        "amr" => {
            adts::inspect_amr(&source).unwrap();
            Amr::open(&source).map_or_else(opened, |mut demuxer| drained(drain(&mut demuxer)));
        }
        "mp3" => {
            mp3::inspect(&source).unwrap();
            Mp3::open(&source).map_or_else(opened, |mut demuxer| drained(drain(&mut demuxer)));
        }
        "caf" => {
            caf::inspect(&source).unwrap();
            Caf::open(&source).map_or_else(opened, |mut demuxer| drained(drain(&mut demuxer)));
        }
        "aif" | "aiff" => drop(wav::inspect_aiff(&source).unwrap()),
        "flac" => drop(flac::inspect(&source).unwrap()),
        "wav" | "w64" => drop(wav::inspect(&source).unwrap()),
        "au" => drop(au::inspect(&source).unwrap()),
        "ac3" | "eac3" => drop(framed::inspect_ac3(&source).unwrap()),
        "dts" => drop(framed::inspect_dts(&source).unwrap()),
        "latm" => drop(framed::inspect_loas(&source).unwrap()),
        "tta" => drop(packed::inspect(&source, Format::Tta).unwrap()),
        "wv" => drop(packed::inspect(&source, Format::WavPack).unwrap()),
        "wma" => drop(wma::inspect(&source).unwrap()),
        _ => {
            ogg::inspect(&source).unwrap();
            Ogg::open(&source).map_or_else(opened, |mut demuxer| drained(drain(&mut demuxer)));
        }
    }
}

/// Numbers that look like chance and are the same in each run (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// A file with up to eight bytes changed (mostly in its first kilobyte), a piece left out or doubled, or its end cut.
fn mutate(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    const TELLING: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(8) {
        let reach = if chance.below(4) == 0 { bytes.len() } else { bytes.len().min(1024) };
        let at = chance.below(reach);
        let value = if chance.below(2) == 0 { TELLING[chance.below(6)] } else { chance.below(256) as u8 };
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }
    let at = chance.below(bytes.len());
    let end = (at + chance.below(300)).min(bytes.len());
    match chance.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {}
    }
    bytes
}

/// The most address space that this process had, in KiB, where the system tells.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn survive(files: &[PathBuf], each: usize) -> usize {
    let mut count = 0;
    let contents: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let largest = contents.iter().map(Vec::len).max().unwrap_or(0) as u64 / 1024;
    let before = peak_kib();
    for (index, (path, bytes)) in files.iter().zip(&contents).enumerate() {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1));
        for round in 0..each {
            let mutated = mutate(bytes, &mut chance);
            let started = Instant::now();
            parse(path, mutated);
            let took = started.elapsed();
            assert!(took < LONGEST, "{} round {round}: {took:?}", path.display());
            count += 1;
        }
    }
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < MOST_KIB + 4 * largest, "grew by {grown} KiB");
    count
}

#[test]
fn mutated_files_cost_little_and_break_nothing() {
    let mut all = files(&testdata("audio"));
    all.extend(files(&testdata("voice")));
    assert!(survive(&all, 25) > 800);
}

#[test]
#[ignore = "takes minutes; reads the corpus"]
fn many_mutated_files_cost_little_and_break_nothing() {
    let mut all = files(&testdata("audio"));
    all.extend(corpus());
    let each = 20_000_usize.div_ceil(all.len());
    assert!(survive(&all, each) >= 20_000);
}

#[test]
fn files_cut_anywhere_are_read_without_a_panic() {
    for path in files(&testdata("audio")) {
        let bytes = std::fs::read(&path).unwrap();
        let steps = (0..64.min(bytes.len())).chain((0..bytes.len()).step_by(bytes.len() / 40 + 1));
        for length in steps {
            parse(&path, bytes[..length].to_vec());
        }
    }
}

#[test]
fn streams_that_end_within_a_frame_or_page() {
    let cut = |name: &str| {
        let bytes = read(name);
        let mut damage = facts(bytes[..bytes.len() - 20].to_vec()).1;
        damage.pop()
    };
    assert!(matches!(cut("audio/fit__amr.amr"), Some(Damage::Truncated(_))));
    assert!(matches!(cut("audio/fit__opus-mono.ogg"), Some(Damage::Truncated(_))));
    assert!(matches!(cut("audio/unfit__vorbis__audio.codec.ogg"), Some(Damage::Truncated(_))));
    assert!(matches!(cut("audio/unfit__pcm-s16__audio.container.wav"), Some(Damage::Truncated(_))));
    assert!(matches!(cut("audio/unfit__pcm__audio.container.flac"), Some(Damage::Truncated(_))));
    assert!(matches!(cut("audio/fit__mp3.mp3"), Some(Damage::Truncated(_))));
    // What is recorded from a stream is cut anywhere.
    assert_eq!(cut("audio/fit__adts.aac"), None);
}

#[test]
fn what_stands_behind_the_last_frame_is_no_cut() {
    let id3v1 = [b"TAG".as_slice(), &[b'x'; 125]].concat();
    let ape = [b"APETAGEX".as_slice(), &2000_u32.to_le_bytes(), &32_u32.to_le_bytes(), &[0; 16]].concat();
    let both = [ape, id3v1.clone()].concat();
    let lyrics = b"LYRICSBEGININD00000LYRICS200".as_slice();
    for name in ["audio/fit__mp3.mp3", "audio/fit__adts.aac"] {
        let sound = read(name);
        let header = &sound[..3];
        for behind in [&id3v1, &both, lyrics, &id3v1[..90], &[7, 1, 9], &[0; 500], header] {
            let (streams, damage) = facts([&sound, behind].concat());
            assert_eq!((streams.audio[0].ragged, damage), (None, vec![]), "{name}: {} bytes", behind.len());
        }
    }
}

#[test]
fn packets_add_up_to_the_length() {
    let total = |name: &str| -> (u64, u64, i64) {
        let source = Source::from_bytes(read(name), None);
        let mut ogg = Ogg::open(&source).unwrap();
        let all = ogg.samples(0).unwrap().0.unwrap();
        let (mut packet, mut samples, mut discard) = (Packet::default(), 0, 0);
        let rate = i64::from(ogg.tracks()[0].timescale);
        while ogg.next(&mut packet, Want::Table).unwrap() {
            assert_eq!(packet.pts, i64::try_from(samples).unwrap());
            samples += packet.duration;
            discard += packet.discard_ns;
        }
        (all, samples, (discard * rate + 500_000_000) / 1_000_000_000)
    };
    for name in [
        "audio/fit__opus-mono.ogg",
        "voice/fit__opus-mono-60-ms.ogg",
        "audio/unfit__vorbis__audio.codec.ogg",
        "audio/unfit__flac__audio.codec.ogg",
    ] {
        let (all, samples, discard) = total(name);
        assert!(samples.abs_diff(all) == discard.unsigned_abs(), "{name}: {all} {samples} {discard}");
    }
}

#[test]
fn lengths_are_exact() {
    for (name, us, tolerance) in [
        ("audio/fit__amr.amr", 1_000_000_u64, 60_000_u64),
        ("audio/fit__opus-mono.ogg", 1_000_000, 100),
        ("audio/unfit__vorbis__audio.codec.ogg", 1_000_000, 100),
        ("audio/unfit__flac__audio.codec.ogg", 1_000_000, 100),
        ("audio/unfit__pcm__audio.container.flac", 1_000_000, 100),
        ("audio/unfit__pcm__audio.container.caf", 500_000, 100),
        ("audio/unfit__pcm__audio.container.aiff", 500_000, 100),
        ("audio/unfit__adpcm-ms__audio.container.wav", 500_000, 10_000),
        ("audio/fit__mp3.mp3", 1_044_897, 100),
        ("audio/fit__adts.aac", 1_000_000, 60_000),
    ] {
        let (streams, damage) = facts(read(name));
        let found = streams.duration_us.unwrap();
        assert!(found.abs_diff(us) <= tolerance, "{name}: {found}");
        assert_eq!(damage, [], "{name}");
    }
}

#[test]
fn files_that_were_joined() {
    let joined = |names: [&str; 2]| facts(names.map(|name| read(&format!("audio/{name}"))).concat());
    let length = |name: &str| facts(read(&format!("audio/{name}"))).0.duration_us.unwrap();
    let chained = |names: [&str; 2]| {
        let (streams, damage) = joined(names);
        assert_eq!((damage.as_slice(), streams.audio[0].edit), (&[][..], Edit::Complex), "{names:?}");
        let expected = names.map(length).iter().sum::<u64>();
        assert!(streams.duration_us.unwrap().abs_diff(expected) < 1000, "{names:?}: {:?}", streams.duration_us);
    };
    let [opus, stereo] = ["fit__opus-mono.ogg", "unfit__opus-stereo__audio.channels.ogg"];
    let vorbis = "unfit__vorbis__audio.codec.ogg";
    chained([vorbis; 2]);
    chained(["unfit__flac__audio.codec.ogg"; 2]);
    chained(["unfit__speex__audio.codec.ogg"; 2]);
    chained([opus, stereo]);
    assert!(matches!(joined([opus, vorbis]).1.as_slice(), [Damage::Malformed(_)]));
    let [mp3, slower] = ["fit__mp3.mp3", "fit__mp3-low-rate.mp3"];
    for (names, whole) in [([mp3; 2], true), ([mp3, slower], false), ([slower, mp3], false)] {
        assert_eq!(joined(names).1.is_empty(), whole, "{names:?}");
    }
}

#[test]
fn frames_that_are_not_decoded_here_are_counted() {
    let frame = |head: &[u8], length: usize| [head, &vec![0x11; length - head.len()]].concat();
    let ac3 = frame(&[0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1], 1792);
    let eac3 = frame(&[0x0b, 0x77, 0x02, 0xff, 0x34, 0x87], 1536);
    // More channels for the frame before it, which last no longer.
    let dependent = frame(&[0x0b, 0x77, 0x40, 0xff, 0x34, 0x87], 512);
    let dts = frame(&[0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x75, 0xb0, 0xb7, 0x60, 0x08, 0], 1884);
    let extension = frame(&[0x64, 0x58, 0x20, 0x25, 0, 0x01, 0xe0, 0x0c, 0x60], 100);
    let loas = frame(&[0x56, 0xe0, 0x61, 0x20, 0x00, 0x11, 0x90], 100);
    let double = [eac3.clone(), dependent].concat();
    for (unit, codec, rate, channels, samples) in [
        (ac3, "ac3", 48_000, 6, 1536),
        (eac3, "eac3", 48_000, 2, 1536),
        (double, "eac3", 48_000, 2, 1536),
        (dts.clone(), "dts", 48_000, 2, 512),
        ([dts, extension].concat(), "dts", 48_000, 2, 512),
        (loas, "aac-latm", 48_000, 2, 1024),
    ] {
        let whole = unit.repeat(100);
        let counted = |bytes: &[u8], frames: u64| {
            let (streams, mut damage) = facts(bytes.to_vec());
            let track = &streams.audio[0];
            assert_eq!((track.codec.as_str(), track.sample_rate, track.channels), (codec, Some(rate), Some(channels)));
            assert_eq!(track.duration_us, Some(samples * frames * 1_000_000 / u64::from(rate)), "{codec}");
            damage.pop()
        };
        assert_eq!(counted(&whole, 100), None, "{codec}");
        assert_eq!(counted(&[whole.as_slice(), &[0; 3000]].concat(), 100), None, "{codec}");
        for cut in [5, 40] {
            assert!(matches!(counted(&whole[..unit.len() * 50 + cut], 50), Some(Damage::Truncated(_))), "{codec}");
        }
        let (front, back) = whole.split_at(unit.len() * 50);
        for (lost, bytes) in [(0, [front, b"and no sound", back].concat()), (50, [front, &[0x22; 3000]].concat())] {
            assert!(matches!(counted(&bytes, 100 - lost), Some(Damage::Malformed(_))), "{codec}");
        }
    }
}

#[test]
fn a_count_of_frames_that_lies_is_not_believed() {
    let sound = read("audio/fit__mp3.mp3");
    let (expected, length) = (facts(sound.clone()).0.duration_us, Header::parse(&sound).unwrap().frame_length);
    let bytes = u32::try_from(length + sound.len()).unwrap();
    // Behind the header and the side information of one channel: a tag that tells frames and bytes.
    let told = |frames: u32| {
        let tag = [b"Xing".as_slice(), &3_u32.to_be_bytes(), &frames.to_be_bytes(), &bytes.to_be_bytes()].concat();
        let mut first = vec![0; length];
        first[..4].copy_from_slice(&sound[..4]);
        first[21..21 + tag.len()].copy_from_slice(&tag);
        facts([first, sound.clone()].concat()).0.duration_us
    };
    for frames in [20, 40, 80] {
        assert_eq!(told(frames), expected, "{frames}");
    }
}
