//! Repairs that copy, from one end to the other: the same packets at the same times, and sound beside pictures where it was.

use super::*;
use crate::convert::audio::{Opening, open_track};
use crate::demux::{self, Demuxer, Kind, Packet, Track, Want};
use std::collections::BTreeMap;

/// Files of the test data whose repair only copies.
const COPIED: usize = 13;

/// Those of the corpus of real files, where it is there.
const COPIED_OF_CORPUS: usize = 15;

/// How far times may be off that another container rounded, in microseconds.
const ROUNDED_US: i64 = 6000;

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = ["audio", "video", "voice"]
        .iter()
        .filter_map(|kind| std::fs::read_dir(folder.join(kind)).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

/// All packets of one track, with its description.
fn packets(demuxer: &mut dyn Demuxer, index: usize) -> (Track, Vec<Packet>) {
    let track = demuxer.tracks()[index].clone();
    let (mut all, mut packet) = (Vec::new(), Packet::default());
    while demuxer.next(&mut packet, Want::Content).unwrap() {
        if packet.track == index {
            all.push(packet.clone());
        }
    }
    (track, all)
}

fn nth(demuxer: &dyn Demuxer, kind: Kind, number: usize) -> usize {
    demuxer.tracks().iter().enumerate().filter(|(_, track)| track.kind == kind).nth(number).unwrap().0
}

/// Compares a track before and after: content and order, and times from its first packet on.
fn same(was: &(Track, Vec<Packet>), is: &(Track, Vec<Packet>)) -> std::result::Result<(), String> {
    let ((from, before), (to, after)) = (was, is);
    if before.len() != after.len() {
        return Err(format!("{} packets, were {}", after.len(), before.len()));
    }
    let exact = from.sample_entry.is_some();
    let us = |track: &Track, ticks: i64| i128::from(ticks) * 1_000_000 / i128::from(track.timescale);
    let (first, first_after) = (&before[0], &after[0]);
    for (index, (one, other)) in before.iter().zip(after).enumerate() {
        if one.data != other.data {
            return Err(format!("packet {index}: other bytes"));
        }
        if exact && (from.timescale, one.sync) != (to.timescale, other.sync) {
            return Err(format!("packet {index}: another clock, or another kind"));
        }
        let decoded = (us(from, one.dts - first.dts), us(to, other.dts - first_after.dts));
        let shown = (us(from, one.pts - first.pts), us(to, other.pts - first_after.pts));
        for (was, is) in [decoded, shown] {
            let off = i64::try_from((was - is).abs()).unwrap();
            if off > if exact { 0 } else { ROUNDED_US } {
                return Err(format!("packet {index}: {is} us behind the first, was {was}"));
            }
        }
        if exact && index + 1 < before.len() {
            let step = u64::try_from(before[index + 1].dts - one.dts).unwrap();
            if other.duration != step {
                return Err(format!("packet {index}: lasts {} ticks, were {step}", other.duration));
            }
        }
    }
    Ok(())
}

/// Whether the repair of a file only copies, and what is wrong with it then.
fn copied(path: &Path) -> Option<std::result::Result<(), String>> {
    let source = Source::open(path).unwrap();
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Content).unwrap();
    let Plan::Rewrite(rewrite) = &checked.plan else { return None };
    let steps = &rewrite.rungs.first()?.steps;
    let copies = steps.iter().any(|step| matches!(step, Step::CopyVideo { .. } | Step::CopyAudio { .. }));
    let codes = steps.iter().any(|step| matches!(step, Step::EncodeVideo { .. } | Step::EncodeAudio { .. }));
    if !copies || codes {
        return None;
    }
    let (checked, ending) = fitter.fit_checked(&source, checked, Ask::Content).unwrap();
    let Ending::Fitted { fitted, steps } = ending else { return None };
    // Frames in a WAV are found by their own walk, which no demuxer of containers does.
    demux::open(&source, checked.facts.format).ok()?;
    let result = Source::from_bytes(fitted.to_bytes().unwrap(), None);
    let open = |source| demux::open(source, checked.facts.format).unwrap();
    for step in &steps {
        let (kind, number) = match step {
            Step::CopyVideo { track } => (Kind::Video, *track),
            Step::CopyAudio { track } => (Kind::Audio, *track),
            _ => continue,
        };
        let mut before = open(&source);
        let Ok(mut after) = demux::open(&result, fitted.format()) else { continue };
        let (was, is) = (nth(&*before, kind, number), nth(&*after, kind, 0));
        if let Err(what) = same(&packets(&mut *before, was), &packets(&mut *after, is)) {
            return Some(Err(format!("{}: {kind:?}: {what}", path.display())));
        }
    }
    Some(Ok(()))
}

fn all_copied(folder: &Path, least: usize) {
    let results: Vec<_> = files(folder).iter().filter_map(|path| copied(path)).collect();
    let wrong: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(results.len() >= least, "only {} files were copied", results.len());
}

#[test]
fn copies_keep_packets_and_times() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    all_copied(&package.join("testdata"), COPIED);
    let corpus = std::env::var_os("MEDIAFIT_CORPUS").map_or_else(|| package.join("../shared/corpus"), Into::into);
    if corpus.join("manifest.tsv").is_file() {
        all_copied(&corpus, COPIED_OF_CORPUS);
    }
}

/// An element of Matroska.
fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    [&id[..], &(0x0100_0000_0000_0000 | body.len() as u64).to_be_bytes(), body].concat()
}

fn number(id: u32, value: u32) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// Where in the sound clicks are, in milliseconds.
const CLICKS_MS: [usize; 2] = [300, 700];

/// A Matroska file of a clip's pictures beside uncompressed sound that starts after so many milliseconds, and has a hole
/// of so many before its second click.
fn clicking(late_ms: i64, hole_ms: i64) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video/fit__h264-main-aac.mp4");
    let clip = Source::open(path).unwrap();
    let mut demuxer = demux::open(&clip, Format::Mp4).unwrap();
    let index = nth(&*demuxer, Kind::Video, 0);
    let (track, pictures) = packets(&mut *demuxer, index);
    let (width, height) = track.size.unwrap();
    let mut blocks: BTreeMap<(i64, u8, usize), Vec<u8>> = BTreeMap::new();
    let mut block = |ms: i64, number: u8, order: usize, key: bool, data: &[u8]| {
        let time = i16::try_from(ms).unwrap().to_be_bytes();
        let body = [&[0x80 | number, time[0], time[1], if key { 0x80 } else { 0 }], data].concat();
        blocks.insert((if number == 1 { order as i64 * 40 } else { ms }, number, order), element(0xA3, &body));
    };
    for (order, picture) in pictures.iter().enumerate() {
        let ms = picture.pts * 1000 / i64::from(track.timescale);
        block(ms, 1, order, picture.sync, &picture.data);
    }
    for start in (0..1000).step_by(10) {
        let samples: Vec<u8> = (0..480)
            .flat_map(|sample| {
                let click = CLICKS_MS.contains(&start) && sample < 48;
                (if click { 24_000_i16 } else { 0 }).to_le_bytes()
            })
            .collect();
        let hole = if start >= 500 { hole_ms } else { 0 };
        block(start as i64 + late_ms + hole, 2, start, true, &samples);
    }
    let video = [number(0xB0, width), number(0xBA, height)].concat();
    let pictures = [
        number(0xD7, 1),
        number(0x73C5, 1),
        number(0x83, 1),
        element(0x86, b"V_MPEG4/ISO/AVC"),
        element(0x63A2, &track.config),
        element(0xE0, &video),
    ];
    let audio = [element(0xB5, &48_000_f32.to_be_bytes()), number(0x9F, 1), number(0x6264, 16)].concat();
    let sound =
        [number(0xD7, 2), number(0x73C5, 2), number(0x83, 2), element(0x86, b"A_PCM/INT/LIT"), element(0xE1, &audio)];
    let tracks = [element(0xAE, &pictures.concat()), element(0xAE, &sound.concat())].concat();
    let cluster = [number(0xE7, 0), blocks.into_values().collect::<Vec<_>>().concat()].concat();
    let segment = [
        element(0x1549_A966, &number(0x2A_D7B1, 1_000_000)),
        element(0x1654_AE6B, &tracks),
        element(0x1F43_B675, &cluster),
    ];
    let head = [number(0x4286, 1), element(0x4282, b"matroska"), number(0x4287, 4), number(0x4285, 2)].concat();
    [element(0x1A45_DFA3, &head), element(0x1853_8067, &segment.concat())].concat()
}

/// Where clicks are heard in an MP4, in milliseconds from when its first picture is shown.
fn heard(bytes: Vec<u8>) -> Vec<i64> {
    let source = Source::from_bytes(bytes, None);
    let wait = |track: &Track| -> i64 {
        let waits = track.edits.list.iter().take_while(|entry| entry.media_time < 0);
        waits.map(|entry| entry.duration_us as i64 / 1000).sum()
    };
    let demuxer = demux::open(&source, Format::Mp4).unwrap();
    let (pictures, sound) = (nth(&*demuxer, Kind::Video, 0), nth(&*demuxer, Kind::Audio, 0));
    let offset = wait(&demuxer.tracks()[sound]) - wait(&demuxer.tracks()[pictures]);
    let mut input = open_track(demuxer, sound, Opening::default()).unwrap();
    let (channels, rate) = (usize::from(input.channels()), i64::from(input.rate()));
    let mut samples = Vec::new();
    while input.read(&mut samples).unwrap() {}
    let loud: Vec<i64> = samples
        .chunks(channels)
        .enumerate()
        .filter(|(_, frame)| frame[0].abs() > 0.3)
        .map(|(index, _)| index as i64 * 1000 / rate + offset)
        .collect();
    let mut starts: Vec<i64> = Vec::new();
    for ms in loud {
        if starts.last().is_none_or(|&last| ms > last + 50) {
            starts.push(ms);
        }
    }
    starts
}

#[test]
fn sound_that_is_coded_anew_stays_beside_its_pictures() {
    for (late, hole) in [(0, 0), (120, 0), (0, 300), (250, 80)] {
        let source = Source::from_bytes(clicking(late, hole), Some(Path::new("clicks.mkv")));
        let (_, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Content).unwrap();
        let Ending::Fitted { fitted, steps } = ending else { panic!("{ending:?}") };
        assert!(matches!(steps[..2], [Step::CopyVideo { .. }, Step::EncodeAudio { .. }]), "{steps:?}");
        let found = heard(fitted.to_bytes().unwrap());
        let [first, second] = found[..] else { panic!("clicks at {found:?}, late by {late}, hole of {hole}") };
        assert!((first - 300 - late).abs() <= 10, "{first} ms, late by {late}");
        assert!((second - 700 - late - hole).abs() <= 10, "{second} ms, late by {late}, hole of {hole}");
    }
}

#[test]
fn a_track_that_holds_nothing_is_left_out() {
    // Of a clip with sound, the table of the sound's samples is emptied.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video/unfit__h264-aac__video.brand.mov");
    let mut bytes = std::fs::read(path).unwrap();
    let sound = crate::bytes::find(&bytes, b"smhd").unwrap();
    for table in [b"stts", b"stsz", b"stsc", b"stco"] {
        let at = sound + crate::bytes::find(&bytes[sound..], table).unwrap();
        let count = at + if table == b"stsz" { 12 } else { 8 };
        bytes[count..count + 4].fill(0);
    }
    let source = Source::from_bytes(bytes, Some(Path::new("clip.mov")));
    let (checked, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Content).unwrap();
    let Media::Video(streams) = &checked.facts.media else { panic!("{:?}", checked.facts) };
    assert_eq!((streams.video.len(), streams.audio.len(), streams.other.len()), (1, 0, 1));
    let Ending::Fitted { fitted, .. } = ending else { panic!("{ending:?}") };
    let Media::Video(streams) = &fitted.facts().media else { panic!("{:?}", fitted.facts()) };
    assert_eq!((streams.video.len(), streams.audio.len(), streams.other.len()), (1, 0, 0));
}
