//! Copies of packets in memory.

use super::*;
use crate::boxes::child;
use crate::bytes::{be32, le64};
use crate::codec::aac::AdtsHeader;
use crate::codec::opus::OpusHead;
use crate::convert::spool::Body;
use crate::demux::{EditEntry, Kind};
use std::rc::Rc;

/// A demuxer of packets in memory, perhaps cut off behind the last.
#[derive(Clone)]
struct Fake {
    tracks: Vec<Track>,
    packets: Rc<Vec<Packet>>,
    at: usize,
    cut: bool,
}

impl Demuxer for Fake {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some(next) = self.packets.get(self.at) else {
            return if self.cut {
                Err(Error::malformed("the file ends before its media data does"))
            } else {
                Ok(false)
            };
        };
        self.at += 1;
        packet.clone_from(next);
        packet.size = u32::try_from(next.data.len()).unwrap();
        if want == Want::Table {
            packet.data.clear();
        }
        Ok(true)
    }
}

fn copied(fake: &Fake, keep: &[usize], target: Target) -> Result<Vec<u8>> {
    copied_to(fake, CopyJob { keep, target, salvage: false, source: None }).map(|(bytes, _)| bytes)
}

fn copied_to(fake: &Fake, what: CopyJob) -> Result<(Vec<u8>, Copied)> {
    let mut out = Spool::new(u64::MAX);
    let mut open = || Ok(Box::new(fake.clone()) as Box<dyn Demuxer>);
    let copied = copy(&mut out, &mut open, what, &Cancel::default())?;
    match out.into_body()? {
        Body::Memory(bytes) => Ok((bytes, copied)),
        Body::File(..) => panic!("small"),
    }
}

/// Opus of Matroska: 20 ms a packet, pre-skip 312, times in nanoseconds.
fn opus(packets: i64) -> Fake {
    let mut track = Track::new(1, Kind::Audio, "opus", 1_000_000_000);
    track.config = OpusHead::plain(2, 312, 48_000).to_bytes();
    track.priming = Some(312);
    let packet = |index: i64| {
        let dts = index * 20_000_000 - 6_500_000;
        Packet { dts, pts: dts, duration: 20_000_000, sync: true, data: vec![0x7c, 1, 2, 3], ..Packet::default() }
    };
    Fake { tracks: vec![track], packets: Rc::new((0..packets).map(packet).collect()), at: 0, cut: false }
}

/// Packets as lacing values, and the last position.
fn ogg(bytes: &[u8]) -> (Vec<usize>, u64) {
    let (mut at, mut packets, mut last) = (0, Vec::new(), 0);
    while at < bytes.len() {
        let count = usize::from(bytes[at + 26]);
        let lacing = &bytes[at + 27..at + 27 + count];
        packets.extend(lacing.iter().map(|&size| usize::from(size)));
        last = le64(bytes, at + 6).unwrap();
        at += 27 + count + lacing.iter().map(|&size| usize::from(size)).sum::<usize>();
    }
    (packets[2..].to_vec(), last)
}

#[test]
fn opus_ends_where_matroska_says() {
    let mut fake = opus(100);
    Rc::get_mut(&mut fake.packets).unwrap()[99].discard_ns = 13_500_000;
    let bytes = copied(&fake, &[0], Target::OggOpus).unwrap();
    assert_eq!(ogg(&bytes), (vec![4; 100], 100 * 960 - 648));
    let head = OpusHead::parse(&bytes[28..]).unwrap();
    assert_eq!((head.pre_skip, head.channels), (312, 2));
    // The same bytes every time.
    assert_eq!(bytes, copied(&fake, &[0], Target::OggOpus).unwrap());
}

/// MP4 has the last packet shorter than it decodes to. One before others was rounded.
#[test]
fn opus_ends_where_the_last_packet_of_mp4_does() {
    let mut fake = opus(100);
    fake.tracks[0].timescale = 48_000;
    for (index, packet) in Rc::get_mut(&mut fake.packets).unwrap().iter_mut().enumerate() {
        let length = [960, 959, 456][usize::from(index % 2 == 1) + usize::from(index == 99)];
        (packet.dts, packet.pts, packet.duration) = (index as i64 * 960, index as i64 * 960, length);
    }
    let last = |fake: &Fake| ogg(&copied(fake, &[0], Target::OggOpus).unwrap()).1;
    assert_eq!(last(&fake), 100 * 960);
    fake.tracks[0].sample_entry = Some(Vec::new());
    assert_eq!(last(&fake), 99 * 960 + 456);
}

#[test]
fn opus_ends_and_starts_where_an_edit_says() {
    let mut fake = opus(100);
    fake.tracks[0].timescale = 48_000;
    for (index, packet) in Rc::get_mut(&mut fake.packets).unwrap().iter_mut().enumerate() {
        packet.pts = i64::try_from(index).unwrap() * 960;
        packet.dts = packet.pts;
    }
    let edit = |media_time, duration_us| vec![EditEntry { duration_us, media_time, rate: 0x0001_0000 }];
    fake.tracks[0].edits.list = edit(312, 1_900_000);
    assert_eq!(ogg(&copied(&fake, &[0], Target::OggOpus).unwrap()), (vec![4; 96], 312 + 91_200));
    // From one second on: what is before goes, but for 80 ms and the rest of a packet.
    fake.tracks[0].edits.list = edit(48_100, 0);
    let bytes = copied(&fake, &[0], Target::OggOpus).unwrap();
    let head = OpusHead::parse(&bytes[28..]).unwrap();
    assert_eq!((head.pre_skip, ogg(&bytes)), (3840 + 100, (vec![4; 54], 54 * 960)));
}

#[test]
fn holes_are_filled() {
    let mut fake = opus(50);
    for packet in Rc::get_mut(&mut fake.packets).unwrap().iter_mut().skip(10) {
        packet.pts += 100_000_000;
    }
    let (packets, last) = ogg(&copied(&fake, &[0], Target::OggOpus).unwrap());
    assert_eq!(last, 55 * 960);
    assert_eq!(packets[9..16], [4, 1, 1, 1, 1, 1, 4]);
}

#[test]
fn what_is_no_opus_is_malformed() {
    let mut fake = opus(3);
    Rc::get_mut(&mut fake.packets).unwrap()[1].data.clear();
    assert_eq!(copied(&fake, &[0], Target::OggOpus).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(copied(&opus(0), &[0], Target::OggOpus).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(copied(&opus(3), &[0], Target::Adts).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(copied(&opus(3), &[0], Target::M4a).unwrap_err().kind(), ErrorKind::Unsupported);
    let mut locked = opus(3);
    locked.tracks[0].encrypted = true;
    assert_eq!(copied(&locked, &[0], Target::OggOpus).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// AAC of Matroska with times rounded to milliseconds, behind a track of text.
fn aac() -> Fake {
    let mut track = Track::new(2, Kind::Audio, "aac", 1_000_000_000);
    (track.config, track.channels, track.sample_rate) = (vec![0x12, 0x10], Some(2), Some(44_100));
    let text = Track::new(1, Kind::Other(crate::facts::OtherKind::Text), "text", 1000);
    let packet = |index: i64| {
        let pts = (index * 1024 * 1000 + 22_050) / 44_100 * 1_000_000;
        Packet { track: 1, dts: pts, pts, duration: 23_000_000, sync: true, data: vec![7; 30], ..Packet::default() }
    };
    let mut packets: Vec<Packet> = (0..200).map(packet).collect();
    packets.insert(50, Packet { data: vec![9; 9], ..Packet::default() });
    Fake { tracks: vec![text, track], packets: Rc::new(packets), at: 0, cut: false }
}

#[test]
fn rounded_times_of_sound_become_whole_frames() {
    let bytes = copied(&aac(), &[1], Target::M4a).unwrap();
    let path: [&[u8; 4]; 6] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"];
    let stts = path.iter().try_fold(&bytes[..], |parent, kind| child(parent, kind)).unwrap();
    assert_eq!(stts.len(), 16);
    assert_eq!((be32(stts, 8), be32(stts, 12)), (Some(200), Some(1024)));
    let trak = path[..2].iter().try_fold(&bytes[..], |parent, kind| child(parent, kind)).unwrap();
    assert!(child(trak, b"edts").is_none());
}

#[test]
fn a_stream_of_frames_and_back() {
    let bytes = copied(&aac(), &[1], Target::Adts).unwrap();
    assert_eq!(bytes.len(), 200 * 37);
    assert_eq!(AdtsHeader::parse(&bytes).unwrap().asc(), [0x12, 0x10]);
}

#[test]
fn a_cut_source_is_copied_only_with_salvage() {
    let mut fake = aac();
    fake.cut = true;
    for target in [Target::M4a, Target::Adts] {
        assert_eq!(copied(&fake, &[1], target).unwrap_err().kind(), ErrorKind::Malformed);
        let (bytes, copied) = copied_to(&fake, CopyJob { keep: &[1], target, salvage: true, source: None }).unwrap();
        assert!(copied.cut && bytes.len() >= 200 * 30);
    }
}

/// The decoder configuration of a clip, and its sequence parameter set with a length in front.
fn avc(name: &str) -> (Vec<u8>, Vec<u8>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video").join(name);
    let source = Source::open(path).unwrap();
    let demuxer = crate::demux::open(&source, crate::format::Format::Mp4).unwrap();
    let config = demuxer.tracks().iter().find(|track| track.codec == "h264").unwrap().config.clone();
    let sps = crate::codec::h264::Config::parse(&config).unwrap().sps.unwrap();
    let unit = [&u32::try_from(sps.len()).unwrap().to_be_bytes(), sps].concat();
    (config, unit)
}

#[test]
fn pictures_that_change_in_the_middle_are_not_copied() {
    let (config, same) = avc("fit__h264-main-aac.mp4");
    let (_, other) = avc("unfit__high-b-frames__video.profile.mp4");
    let slice = [0, 0, 0, 2, 0x65, 0x88];
    let mut track = Track::new(1, Kind::Video, "h264", 1000);
    (track.config, track.size) = (config, Some((320, 240)));
    let film = |track: &Track, middle: &[u8]| {
        let packet = |at: i64, data: Vec<u8>| Packet {
            dts: at * 40,
            pts: at * 40,
            duration: 40,
            sync: at == 0,
            data,
            ..Packet::default()
        };
        let data = |at| if at == 5 { [middle, &slice].concat() } else { slice.to_vec() };
        let packets = (0..10).map(|at| packet(at, data(at))).collect();
        Fake { tracks: vec![track.clone()], packets: Rc::new(packets), at: 0, cut: false }
    };
    for target in [Target::Mp4, Target::ThreeGp] {
        assert!(copied(&film(&track, &same), &[0], target).is_ok());
        let error = copied(&film(&track, &other), &[0], target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.what().contains("change in the middle"), "{error}");
    }
}
