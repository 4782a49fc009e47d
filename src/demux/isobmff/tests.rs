use super::*;
use std::path::Path;

fn open(path: &str) -> Option<Source> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path);
    Source::open(path).ok()
}

fn packets(source: &Source, want: Want) -> (Vec<(usize, i64, u32)>, bool) {
    let mut file = Isobmff::open(source).unwrap();
    let mut packet = Packet::default();
    let mut found = Vec::new();
    loop {
        match file.next(&mut packet, want) {
            Ok(true) => found.push((packet.track, packet.pts, packet.size)),
            Ok(false) => return (found, true),
            Err(_) => return (found, false),
        }
        if want == Want::Content {
            assert_eq!(packet.data.len(), packet.size as usize);
        }
    }
}

#[test]
fn a_fragmented_file_gives_the_packets_of_a_whole_one() {
    let whole = open("video/fit__h264-main-aac.mp4").unwrap();
    let (found, ended) = packets(&whole, Want::Content);
    assert!(ended);
    let pictures = found.iter().filter(|(track, ..)| *track == 0).count();
    assert_eq!(pictures, Isobmff::open(&whole).unwrap().measured()[0].timing.samples as usize);
    let fragmented = open("video/unfit__fragmented__video.fragmented.mp4").unwrap();
    let file = Isobmff::open(&fragmented).unwrap();
    assert!(file.fragmented() && file.damage().is_empty());
    let (pieces, ended) = packets(&fragmented, Want::Content);
    assert!(ended);
    assert_eq!(pieces.iter().filter(|(track, ..)| *track == 0).count(), pictures);
}

#[test]
fn a_cut_file_gives_its_whole_packets_and_then_an_error() {
    let source = open("video/broken__cut-in-data__any.malformed.mp4").unwrap();
    assert!(matches!(Isobmff::open(&source).unwrap().damage(), [Damage::Truncated(_), ..]));
    let (found, ended) = packets(&source, Want::Content);
    assert!(!found.is_empty() && !ended);
    let cut = open("video/broken__cut-in-moov__any.malformed.mp4").unwrap();
    assert!(matches!(Isobmff::open(&cut).unwrap().damage(), [Damage::Truncated(_), ..]));
}

#[test]
fn the_index_is_all_that_is_read() {
    let original = open("video/fit__moov-last__video.moov-last.mp4").unwrap().read_all().unwrap();
    let moov = Isobmff::open(&Source::from_bytes(original.to_vec(), None)).unwrap().layout().moov.unwrap();
    // A megabyte of media data more, in a box of its own in front of the index.
    let (before, index) = original.split_at(usize::try_from(moov.start).unwrap());
    let more = [&(1_u32 << 20).to_be_bytes()[..], b"mdat", &vec![0; (1 << 20) - 8]].concat();
    let source = Source::from_bytes([before, &more, index].concat(), None);
    let file = Isobmff::open(&source).unwrap();
    assert!(file.layout().index_last() && file.damage().is_empty());
    assert!(source.bytes_read() < moov.len() + 16 * 1024, "{}", source.bytes_read());
}

#[test]
fn packets_of_mutated_files_come_to_an_end() {
    let files =
        ["video/fit__h264-main-aac.mp4", "video/unfit__fragmented__video.fragmented.mp4", "audio/fit__moov-last.m4a"];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % end.max(1)
    };
    for path in files {
        let original = open(path).unwrap().read_all().unwrap();
        for _ in 0..400 {
            let mut bytes = original.to_vec();
            for _ in 0..=below(4) {
                let at = below(bytes.len() - 4);
                match below(3) {
                    0 => bytes[at..at + 4].copy_from_slice(&[0xff; 4]),
                    1 => bytes[at..at + 4].copy_from_slice(&[0; 4]),
                    _ => bytes[at] ^= 1 << below(8),
                }
            }
            let (found, _) = packets(&Source::from_bytes(bytes, None), Want::Content);
            assert!(found.len() < 100_000, "{} packets", found.len());
        }
    }
}
