//! Files made of packets in memory, read back by the crate `mp4` and by hand.

use super::*;
use crate::boxes::{child, children};
use crate::bytes::be32;
use crate::convert::spool::Body;
use crate::convert::write::store::PacketStore;
use crate::demux::{EditEntry, Kind, Packet, Want};
use crate::error::ErrorKind;

fn video() -> Track {
    let mut track = Track::new(1, Kind::Video, "h264", 90_000);
    track.config = vec![1, 100, 0, 31, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68];
    track.size = Some((64, 48));
    track
}

fn sound() -> Track {
    let mut track = Track::new(2, Kind::Audio, "aac", 48_000);
    (track.config, track.channels, track.sample_rate) = (vec![0x11, 0x90], Some(2), Some(48_000));
    track
}

/// Two seconds of pictures in the order I P B B, and of sound, by decoding time.
fn store(with_video: bool, with_sound: bool, shift: i64) -> PacketStore {
    let mut store = PacketStore::new(u64::MAX);
    let mut packets = Vec::new();
    for frame in 0..52_i64 {
        let shown = [0, 3, 1, 2][usize::try_from(frame % 4).unwrap()] + frame / 4 * 4;
        let sync = frame % 20 == 0;
        let times = ((frame - 1) * 3600 + shift, shown * 3600 + shift);
        if with_video {
            packets
                .push((times.0 * 8, Packet { dts: times.0, pts: times.1, duration: 3600, sync, ..Packet::default() }));
        }
    }
    for block in 0..94_i64 {
        let dts = block * 1024;
        if with_sound {
            let track = usize::from(with_video);
            packets.push((dts * 15, Packet { track, dts, pts: dts, duration: 1024, sync: true, ..Packet::default() }));
        }
    }
    packets.sort_by_key(|(time, packet)| (*time, packet.track));
    for (time, packet) in &packets {
        let size = 50 + usize::try_from(time.rem_euclid(97)).unwrap();
        store.push(packet, &vec![packet.track.to_le_bytes()[0]; size]).unwrap();
    }
    store.finish().unwrap();
    store
}

fn written(tracks: &[Track], store: &PacketStore, brand: Brand) -> Vec<u8> {
    let mut out = Spool::new(u64::MAX);
    write(&mut out, brand, tracks, &mut || Ok(Box::new(store.replay())), None, &Cancel::default()).unwrap();
    match out.into_body().unwrap() {
        Body::Memory(bytes) => bytes,
        Body::File(..) => panic!("small"),
    }
}

fn find<'a>(file: &'a [u8], track: usize, path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let moov = child(file, b"moov").unwrap();
    let trak = children(moov).filter(|(kind, _)| kind == b"trak").nth(track).unwrap().1;
    path.iter().try_fold(trak, |parent, kind| child(parent, kind))
}

fn words(bytes: &[u8]) -> Vec<u32> {
    (0..bytes.len() / 4).map(|index| be32(bytes, index * 4).unwrap()).collect()
}

const STBL: [&[u8; 4]; 3] = [b"mdia", b"minf", b"stbl"];

fn table(file: &[u8], track: usize, kind: &[u8; 4]) -> Option<Vec<u32>> {
    find(file, track, &[&STBL[..], &[kind]].concat()).map(words)
}

#[test]
fn another_reader_sees_the_same_packets() {
    let store = store(true, true, 0);
    let file = written(&[video(), sound()], &store, Brand::Mp4);
    let kinds: Vec<_> = children(&file).map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [*b"ftyp", *b"moov", *b"mdat"]);
    let mut reader = mp4::Mp4Reader::read_header(std::io::Cursor::new(&file), file.len() as u64).unwrap();
    assert_eq!((reader.sample_count(1).unwrap(), reader.sample_count(2).unwrap()), (52, 94));
    let mut replay = store.replay();
    let mut packet = Packet::default();
    let mut next = [1, 1];
    while replay.next(&mut packet, crate::demux::Want::Content).unwrap() {
        let number = &mut next[packet.track];
        let sample = reader.read_sample(u32::try_from(packet.track).unwrap() + 1, *number).unwrap().unwrap();
        *number += 1;
        assert_eq!(sample.bytes, packet.data);
        assert_eq!(u64::from(sample.duration), packet.duration);
        assert_eq!(sample.is_sync, packet.sync);
        let start = [-3600, 0][packet.track];
        // Offsets start one frame early here: the pictures are shown from the second frame of decoding time on.
        assert_eq!(sample.start_time.cast_signed(), packet.dts - start);
        assert_eq!(i64::from(sample.rendering_offset), packet.pts - packet.dts);
    }
    assert_eq!(table(&file, 0, b"stss").unwrap(), [0, 3, 1, 21, 41]);
    assert_eq!(table(&file, 1, b"stss"), None);
    assert_eq!(table(&file, 1, b"ctts"), None);
    assert_eq!(table(&file, 1, b"stts").unwrap(), [0, 1, 94, 1024]);
}

#[test]
fn pictures_that_wait_for_others_start_at_zero() {
    let file = written(&[video()], &store(true, false, 0), Brand::Mp4);
    // Shown from 3600 ticks of the media on, for all its frames.
    let elst = find(&file, 0, &[b"edts", b"elst"]).map(words).unwrap();
    assert_eq!(elst, [0, 1, 52 * 3600, 3600, 0x0001_0000]);
}

#[test]
fn a_late_track_waits_by_an_empty_edit() {
    let file = written(&[video(), sound()], &store(true, true, 9000), Brand::Mp4);
    let elst = find(&file, 0, &[b"edts", b"elst"]).map(words).unwrap();
    assert_eq!(elst, [0, 2, 9000, u32::MAX, 0x0001_0000, 52 * 3600, 3600, 0x0001_0000]);
    assert_eq!(find(&file, 1, &[b"edts"]), None);
}

#[test]
fn negative_offsets_are_shifted_into_the_edit() {
    // Decoding times as QuickTime has them: offsets of -2, 0 and 2 frames.
    let mut store = PacketStore::new(u64::MAX);
    for (index, offset) in [0_i64, 2, -1, -1].into_iter().cycle().take(40).enumerate() {
        let dts = i64::try_from(index).unwrap() * 3600;
        store
            .push(
                &Packet { dts, pts: dts + offset * 3600, duration: 3600, sync: index == 0, ..Packet::default() },
                b"x",
            )
            .unwrap();
    }
    store.finish().unwrap();
    let file = written(&[video()], &store, Brand::Mp4);
    let ctts = table(&file, 0, b"ctts").unwrap();
    assert_eq!(ctts[..8], [0, 30, 1, 3600, 1, 3 * 3600, 2, 0]);
    assert_eq!(find(&file, 0, &[b"edts", b"elst"]).map(words).unwrap(), [0, 1, 40 * 3600, 3600, 0x0001_0000]);
}

#[test]
fn priming_and_padding_are_taken_off() {
    let mut track = sound();
    (track.priming, track.padding) = (Some(2112), Some(500));
    let mut store = PacketStore::new(u64::MAX);
    for block in 0..94_i64 {
        let dts = block * 1024 - 2112;
        store.push(&Packet { dts, pts: dts, duration: 1024, sync: true, ..Packet::default() }, b"abc").unwrap();
    }
    store.finish().unwrap();
    let file = written(&[track], &store, Brand::M4a);
    let elst = find(&file, 0, &[b"edts", b"elst"]).map(words).unwrap();
    assert_eq!(elst, [0, 1, 94 * 1024 - 2112 - 500, 2112, 0x0001_0000]);
    assert_eq!(table(&file, 0, b"stsz").unwrap(), [0, 3, 94]);
    assert_eq!(&file[8..12], b"M4A ");
}

#[test]
fn edit_lists_are_kept() {
    let mut track = sound();
    track.sample_entry = None;
    let trim = EditEntry { duration_us: 1_500_000, media_time: 1024, rate: 0x0001_0000 };
    let wait = EditEntry { duration_us: 250_000, media_time: -1, rate: 0x0001_0000 };
    track.edits.list = vec![wait, trim];
    let other = {
        let mut other = video();
        other.edits.list = vec![EditEntry { duration_us: 0, media_time: 0, rate: 0x0001_0000 }];
        other
    };
    let file = written(&[other, track.clone()], &store(true, true, 3600), Brand::Mp4);
    let elst = find(&file, 1, &[b"edts", b"elst"]).map(words).unwrap();
    assert_eq!(elst, [0, 2, 22_500, u32::MAX, 0x0001_0000, 135_000, 1024, 0x0001_0000]);
    // The track that started the presentation is gone: no wait is left.
    let alone = written(&[track.clone()], &store(false, true, 0), Brand::M4a);
    assert_eq!(find(&alone, 0, &[b"edts", b"elst"]).map(words).unwrap(), [0, 1, 72_000, 1024, 0x0001_0000]);
    // Half speed is nothing simple: verbatim.
    track.edits.list = vec![EditEntry { rate: 0x8000, ..trim }, trim];
    let odd = written(&[track], &store(false, true, 0), Brand::M4a);
    assert_eq!(
        find(&odd, 0, &[b"edts", b"elst"]).map(words).unwrap(),
        [0, 2, 72_000, 1024, 0x8000, 72_000, 1024, 0x0001_0000]
    );
}

#[test]
fn chunks_of_half_a_second_alternate() {
    let file = written(&[video(), sound()], &store(true, true, 0), Brand::Mp4);
    let (video, sound) = (table(&file, 0, b"stco").unwrap(), table(&file, 1, b"stco").unwrap());
    assert_eq!((video[1], sound[1]), (4, 4));
    for pair in [[video[2], sound[2]], [sound[2], video[3]], [video[3], sound[3]], [sound[4], video[5]]] {
        assert!(pair[0] < pair[1], "{video:?} {sound:?}");
    }
}

#[test]
fn rotation_shape_and_language_are_kept() {
    let mut track = video();
    track.matrix = Some([0, 0x0001_0000, 0, -0x0001_0000, 0, 0, 0x0030_0000, 0, 0x4000_0000]);
    track.pixel_aspect = Some((4, 3));
    track.language = Some("deu".to_owned());
    let file = written(&[track], &store(true, false, 0), Brand::ThreeGp);
    let tkhd = find(&file, 0, &[b"tkhd"]).map(words).unwrap();
    assert_eq!(tkhd[10..19], [0, 0x0001_0000, 0, 0xffff_0000, 0, 0, 0x0030_0000, 0, 0x4000_0000]);
    assert_eq!(tkhd[19..], [(64 << 16) * 4 / 3, 48 << 16]);
    let mdhd = find(&file, 0, &[b"mdia", b"mdhd"]).unwrap();
    assert_eq!(&mdhd[20..22], [0x10, 0xb5]);
    assert_eq!(&file[8..12], b"3gp6");
}

/// Packets that differ from pass to pass.
struct Fickle<'a>(crate::convert::write::store::Replay<'a>, bool);

impl Packets for Fickle<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let more = self.0.next(packet, want)?;
        if self.1 && packet.dts > 50_000 {
            packet.pts += 1;
        }
        Ok(more)
    }
}

#[test]
fn a_source_that_changes_is_refused() {
    let store = store(true, true, 0);
    let mut out = Spool::new(u64::MAX);
    let mut pass = 0;
    let mut open = || {
        pass += 1;
        Ok(Box::new(Fickle(store.replay(), pass == 2)) as Box<dyn Packets>)
    };
    let error = write(&mut out, Brand::Mp4, &[video(), sound()], &mut open, None, &Cancel::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let mut out = Spool::new(1000);
    let mut open = || Ok(Box::new(store.replay()) as Box<dyn Packets>);
    let error = write(&mut out, Brand::Mp4, &[video(), sound()], &mut open, None, &Cancel::default()).unwrap_err();
    assert_eq!((error.kind(), out.len()), (ErrorKind::Limit, 0));
    let cancel = Cancel::default();
    cancel.cancel();
    let empty = PacketStore::new(0);
    let error =
        write(&mut out, Brand::Mp4, &[video()], &mut || Ok(Box::new(empty.replay())), None, &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

/// Packets that say where their content lies.
struct Placed<'a> {
    packets: &'a [(u64, Vec<u8>)],
    at: usize,
}

impl Packets for Placed<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((from, content)) = self.packets.get(self.at) else { return Ok(false) };
        let dts = i64::try_from(self.at).unwrap() * 1024;
        *packet = Packet { dts, pts: dts, duration: 1024, sync: true, ..Packet::default() };
        packet.size = u32::try_from(content.len()).unwrap();
        packet.at = (want == Want::Place).then_some(*from);
        if want == Want::Content {
            packet.data.clone_from(content);
        }
        self.at += 1;
        Ok(true)
    }
}

#[test]
fn content_is_copied_from_where_it_lies() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let source = Source::from_bytes(bytes.clone(), None);
    // Small ones, one larger than what is gathered, none at all, and not in the order of the file.
    let places = [(2_000_000_u64, 700_000_usize), (7, 3), (10, 0), (500_000, 1_200_000), (0, 40)];
    let packets: Vec<(u64, Vec<u8>)> =
        places.iter().map(|&(from, size)| (from, bytes[from as usize..from as usize + size].to_vec())).collect();
    let mut track = sound();
    track.id = 1;
    let written = |source: Option<&Source>| {
        let mut out = Spool::new(u64::MAX);
        let mut open = || Ok(Box::new(Placed { packets: &packets, at: 0 }) as Box<dyn Packets>);
        write(&mut out, Brand::M4a, std::slice::from_ref(&track), &mut open, source, &Cancel::default())?;
        let mut content = Vec::new();
        out.move_to(0)?;
        std::io::Read::read_to_end(&mut out, &mut content).unwrap();
        Ok::<_, Error>(content)
    };
    let (placed, carried) = (written(Some(&source)).unwrap(), written(None).unwrap());
    assert!(placed == carried && placed.len() > 1_900_000);
    // A source that has become shorter gives nothing away.
    let short = Source::from_bytes(bytes[..1_000_000].to_vec(), None);
    assert_eq!(written(Some(&short)).unwrap_err().kind(), ErrorKind::Malformed);
}
