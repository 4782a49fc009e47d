//! Transport streams made here, packet by packet.

use super::*;
use std::path::Path;

#[test]
fn shapes_are_told_apart() {
    for (stride, lead) in SHAPES {
        let mut bytes = vec![0; stride * 6 + 3];
        for packet in 0..6 {
            bytes[3 + lead + packet * stride] = 0x47;
        }
        assert_eq!(
            shape(&bytes).map(|(start, stride, lead)| (start + lead as u64, stride)),
            Some((3 + lead as u64, stride))
        );
    }
}

/// Transport packets of `payload`, the first of which starts something.
fn packets(pid: u16, counter: &mut u8, payload: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    for (index, part) in payload.chunks(184).enumerate() {
        let flags = pid | if index == 0 { 0x4000 } else { 0 };
        made.extend([0x47, (flags >> 8) as u8, flags as u8]);
        match 184 - part.len() {
            0 => made.push(0x10 | *counter),
            stuffing => {
                made.extend([0x30 | *counter, stuffing as u8 - 1]);
                made.extend([0_u8].iter().chain([0xFF; 184].iter()).take(stuffing - 1));
            }
        }
        made.extend(part);
        *counter = (*counter + 1) & 15;
    }
    made
}

fn section(table: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16 + 9;
    let mut made = vec![0, table, 0xB0 | (length >> 8) as u8, length as u8, 0, 1, 0xC1, 0, 0];
    made.extend(content);
    made.extend([0; 4]);
    made
}

/// The tables of a program with one stream each of these types and descriptors, from identifier 256 on.
fn tables(program: &[u8], types: &[(u8, &[u8])]) -> Vec<u8> {
    let mut map = vec![0xE1, 0, 0xF0 | (program.len() >> 8) as u8, program.len() as u8];
    map.extend(program);
    for (index, (kind, descriptors)) in types.iter().enumerate() {
        map.extend([*kind, 0xE1, index as u8, 0xF0 | (descriptors.len() >> 8) as u8, descriptors.len() as u8]);
        map.extend(*descriptors);
    }
    [packets(0, &mut 0, &section(0, &[0, 1, 0xF0, 0])), packets(0x1000, &mut 0, &section(2, &map))].concat()
}

/// A packet of an elementary stream at `pts`, of stated length or not.
fn pes(pts: u64, stated: bool, content: &[u8]) -> Vec<u8> {
    let time = [
        0x21 | ((pts >> 30) as u8) << 1,
        (pts >> 22) as u8,
        (pts >> 14) as u8 | 1,
        (pts >> 7) as u8,
        (pts as u8) << 1 | 1,
    ];
    let length = if stated { content.len() as u16 + 8 } else { 0 };
    [&[0, 0, 1, 0xE0, (length >> 8) as u8, length as u8, 0x80, 0x80, 5][..], &time, content].concat()
}

fn source(bytes: Vec<u8>) -> Source {
    Source::from_bytes(bytes, Some(Path::new("made.ts")))
}

/// Track, time and size of each packet, and how it ended.
fn walked(file: &mut MpegTs<'_>) -> (Vec<(usize, i64, u32)>, bool) {
    let (mut found, mut packet) = (Vec::new(), Packet::default());
    loop {
        match file.next(&mut packet, Want::Table) {
            Ok(true) => found.push((packet.track, packet.pts, packet.size)),
            end => return (found, end.is_ok()),
        }
    }
}

#[test]
fn every_stream_of_the_map_is_listed() {
    let disc = tables(
        &[5, 4, b'H', b'D', b'M', b'V'],
        &[(0x1B, &[]), (0x80, &[]), (0x83, &[]), (0x84, &[]), (0x86, &[]), (0x90, &[])],
    );
    let listed = |bytes: Vec<u8>| {
        let source = source(bytes);
        let file = MpegTs::open(&source).unwrap();
        file.tracks.iter().map(|track| (track.codec.clone(), track.kind == Kind::Audio)).collect::<Vec<_>>()
    };
    let named = |codec: &str, sound: bool| (codec.to_owned(), sound);
    assert_eq!(
        listed(disc),
        [
            named("h264", false),
            named("pcm-bluray", true),
            named("truehd", true),
            named("eac3", true),
            named("dts", true),
            named("text", false)
        ]
    );
    // A map over two packets, private data told by its first bytes, and what nobody knows.
    let long = [&[0x0A, 200][..], &[b'x'; 200]].concat();
    let mut private = tables(&[], &[(0x0F, &long), (0x06, &[]), (0x06, &[5, 4, b'B', b'S', b'S', b'D']), (0x86, &[])]);
    private.extend(packets(257, &mut 0, &pes(0, true, &[0x0B, 0x77, 0, 0, 0, 0x40, 0, 0])));
    assert_eq!(
        listed(private),
        [named("aac", true), named("ac3", true), named("s302m", true), named("unknown", false)]
    );
}

/// Pictures of MPEG-2: those of a group's start behind a sequence header.
fn picture(starts: bool) -> Vec<u8> {
    let header = [0, 0, 1, 0xB3, 0x14, 0x00, 0xF0, 0x13];
    [&header[..if starts { 8 } else { 0 }], &[0, 0, 1, 0, 0, 0], &[0xAA; 500]].concat()
}

#[test]
fn pictures_before_the_first_whole_group_are_left_out() {
    let (mut bytes, mut counter) = (tables(&[], &[(0x02, &[])]), 3);
    for index in 0..20 {
        bytes.extend(packets(256, &mut counter, &pes(90_000 + index * 3600, false, &picture(index == 5))));
    }
    let source = source(bytes);
    let (found, whole) = walked(&mut MpegTs::open(&source).unwrap());
    assert!(whole);
    assert_eq!((found.len(), found[0].1, found[14].1), (15, 0, 14 * 3600));
}

#[test]
fn a_picture_that_the_end_cuts_is_left_out_and_missing_packets_are_damage() {
    let (mut bytes, mut counter) = (tables(&[], &[(0x02, &[])]), 0);
    for index in 0..10 {
        bytes.extend(packets(256, &mut counter, &pes(index * 3600, false, &picture(index == 0))));
    }
    let whole = bytes.len();
    let cut = |bytes: &[u8]| {
        let source = source(bytes.to_vec());
        let mut file = MpegTs::open(&source).unwrap();
        let (found, whole) = walked(&mut file);
        (found.len(), whole, file.damage().len())
    };
    assert_eq!(cut(&bytes), (10, true, 0));
    assert_eq!(cut(&bytes[..whole - 100]), (9, false, 1));
    // The second packet of a picture.
    let lost = [&bytes[..188 * 6], &bytes[188 * 7..]].concat();
    assert_eq!(cut(&lost), (10, true, 1));
    // Unless the next one says so.
    let mut announced = lost.clone();
    announced[188 * 6 + 5] |= 0x80;
    assert_eq!((announced[188 * 6 + 3] & 0x30, cut(&announced)), (0x30, (10, true, 0)));
    // Twice the same is once.
    let twice = [&bytes[..188 * 7], &bytes[188 * 6..]].concat();
    assert_eq!(cut(&twice), (10, true, 0));
}
