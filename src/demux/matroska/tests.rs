use super::*;

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let skip = id.iter().take_while(|&&byte| byte == 0).count();
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [&id[skip..], &size, content].concat()
}

fn track(number: u8, kind: u8, codec: &str, more: &[u8]) -> Vec<u8> {
    let parts = [
        element(id::TRACK_NUMBER, &[number]),
        element(id::TRACK_TYPE, &[kind]),
        element(id::CODEC_ID, codec.as_bytes()),
        more.to_vec(),
    ];
    element(id::TRACK_ENTRY, &parts.concat())
}

/// A live recording: a segment and clusters of unknown size.
fn live(tracks: &[u8], clusters: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = element(id::EBML, &element(0x4282, b"webm"));
    bytes.extend(b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff");
    bytes.extend(element(id::TRACKS, tracks));
    for cluster in clusters {
        bytes.extend(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff");
        bytes.extend(cluster);
    }
    bytes
}

fn packets(bytes: &[u8]) -> (Vec<Packet>, bool, Vec<Damage>) {
    let source = Source::from_bytes(bytes, None);
    let mut file = Matroska::open(&source).unwrap();
    let (mut all, mut packet) = (Vec::new(), Packet::default());
    loop {
        match file.next(&mut packet, Want::Content) {
            Ok(true) => all.push(packet.clone()),
            Ok(false) => return (all, true, file.damage()),
            Err(_) => return (all, false, file.damage()),
        }
    }
}

fn opus() -> Vec<u8> {
    // 20 ms a packet: configuration 1 of SILK.
    let cluster = |time: u8| {
        let block = |at: u8| element(id::SIMPLE_BLOCK, &[0x81, 0, at, 0x80, 0x08, 1, 2, 3]);
        [element(id::TIMESTAMP, &[time]), block(0), block(20)].concat()
    };
    live(&track(1, 2, "A_OPUS", &element(id::CODEC_DELAY, &6_500_000_u32.to_be_bytes())), &[cluster(0), cluster(40)])
}

#[test]
fn a_live_recording_that_stops_is_whole() {
    let bytes = opus();
    let source = Source::from_bytes(&bytes[..], None);
    let file = Matroska::open(&source).unwrap();
    assert_eq!(file.tracks()[0].priming, Some(312));
    assert_eq!(file.about().duration_ns, Some(80_000_000 - 6_500_000));
    assert!(file.damage().is_empty());
    let (all, whole, damage) = packets(&bytes);
    let times: Vec<i64> = all.iter().map(|packet| packet.pts / 100_000).collect();
    assert_eq!((times, whole, damage.len()), (vec![-65, 135, 335, 535], true, 0));
    assert!(all.iter().all(|packet| packet.sync && packet.duration == 20_000_000 && packet.data == [8, 1, 2, 3]));
}

#[test]
fn a_recording_cut_within_a_block_is_not() {
    let bytes = opus();
    let (all, whole, damage) = packets(&bytes[..bytes.len() - 1]);
    assert_eq!((all.len(), whole), (3, false));
    assert!(matches!(damage[..], [Damage::Truncated(_)]), "{damage:?}");
}

#[test]
fn broken_bytes_cost_their_cluster() {
    let block = |at: u8| element(id::SIMPLE_BLOCK, &[0x81, 0, at, 0x80, 0x08, 1, 2, 3]);
    let broken = [block(0), vec![0; 9], block(20)].concat();
    let (all, whole, damage) = packets(&live(&track(1, 2, "A_OPUS", &[]), &[broken, block(40)]));
    assert_eq!((all.len(), whole), (2, true));
    assert!(matches!(damage[..], [Damage::Malformed(_)]), "{damage:?}");
}

#[test]
fn recordings_that_were_joined_are_played_one_after_the_other() {
    let (all, whole, damage) = packets(&[opus(), opus()].concat());
    let times: Vec<i64> = all.iter().map(|packet| packet.pts / 100_000).collect();
    assert_eq!((times, whole, damage), (vec![-65, 135, 335, 535, 670, 870, 1070, 1270], true, Vec::new()));
    let starts = |packet: &Packet| (packet.restarts, packet.discard_ns);
    assert_eq!(all.iter().map(starts).filter(|&start| start != (false, 0)).collect::<Vec<_>>(), [(true, -6_500_000)]);
    let other = live(&track(1, 2, "A_VORBIS", &[]), &[element(id::SIMPLE_BLOCK, &[0x81, 0, 0, 0x80, 1])]);
    let (all, _, damage) = packets(&[opus(), other].concat());
    assert_eq!(all.len(), 4);
    assert!(matches!(&damage[..], [Damage::Malformed(what)] if what.contains("another recording")), "{damage:?}");
}

#[test]
fn stripped_headers_come_back_and_laces_share_the_time() {
    let compression =
        [element(id::CONTENT_COMP_ALGO, &[3]), element(id::CONTENT_COMP_SETTINGS, &[0xFF, 0xFB])].concat();
    let encoding = element(id::CONTENT_ENCODING, &element(id::CONTENT_COMPRESSION, &compression));
    let audio = element(id::AUDIO, &element(id::SAMPLING_FREQUENCY, &48_000_f32.to_be_bytes()));
    let more = [element(id::CONTENT_ENCODINGS, &encoding), audio].concat();
    let cluster = element(id::SIMPLE_BLOCK, &[0x81, 0, 0, 0x84, 1, 1, 2, 3, 4]);
    let (all, ..) = packets(&live(&track(1, 2, "A_MPEG/L3", &more), &[cluster]));
    assert_eq!(all[0].data, [0xFF, 0xFB, 1, 2]);
    assert_eq!(all[1].data, [0xFF, 0xFB, 3, 4]);
    assert_eq!((all[0].size, all[1].pts), (4, 24_000_000));
}

#[test]
fn groups_tell_padding_and_references() {
    let discard = element(id::DISCARD_PADDING, &13_500_000_u32.to_be_bytes());
    let group = [element(id::BLOCK, &[0x81, 0, 0, 0, 9]), element(id::BLOCK_DURATION, &[40]), discard].concat();
    let later = [element(id::REFERENCE_BLOCK, &[0xD8]), element(id::BLOCK, &[0x81, 0, 40, 0, 9])].concat();
    let cluster = [element(id::BLOCK_GROUP, &group), element(id::BLOCK_GROUP, &later)].concat();
    let (all, ..) = packets(&live(&track(1, 1, "V_VP8", &[]), &[cluster]));
    assert_eq!((all[0].sync, all[0].duration, all[0].discard_ns), (true, 40_000_000, 13_500_000));
    assert!(!all[1].sync);
}

#[test]
fn encryption_and_shapes_are_read() {
    let encoding = element(id::CONTENT_ENCODING, &element(id::CONTENT_ENCRYPTION, &[]));
    let video = [
        element(id::PIXEL_WIDTH, &[2, 208]),
        element(id::PIXEL_HEIGHT, &[2, 64]),
        element(id::DISPLAY_WIDTH, &[4, 0]),
        element(id::DISPLAY_HEIGHT, &[2, 64]),
    ];
    let more = [element(id::CONTENT_ENCODINGS, &encoding), element(id::VIDEO, &video.concat())].concat();
    let bytes = live(&track(1, 1, "V_VP9", &more), &[element(id::TIMESTAMP, &[0])]);
    let source = Source::from_bytes(bytes, None);
    let file = Matroska::open(&source).unwrap();
    let track = &file.tracks()[0];
    assert!(track.encrypted && track.codec == "encrypted");
    assert_eq!((track.size, track.pixel_aspect), (Some((720, 576)), Some((64, 45))));
}
