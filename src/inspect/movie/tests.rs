use crate::facts::{Chroma, Damage, Edit, Facts, Media, OtherKind, StreamFacts};
use crate::source::Source;
use std::path::Path;

fn facts(path: &str) -> Facts {
    let source = Source::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)).unwrap();
    let sniffed = crate::sniff::sniff(&source).unwrap();
    crate::inspect::inspect(&source, &sniffed).unwrap()
}

fn streams(path: &str) -> StreamFacts {
    let facts = facts(path);
    assert_eq!(facts.damage, [], "{path}");
    match facts.media {
        Media::Audio(streams) | Media::Video(streams) => streams,
        Media::Image(_) | Media::Document(_) => panic!("{path} is no film"),
    }
}

#[test]
fn pictures_are_described() {
    #[rustfmt::skip]
    let cases: [(&str, &str, &str, u8, Chroma, bool); 8] = [
        ("fit__h264-baseline-aac.mp4",                                "h264", "Constrained Baseline",  8,  Chroma::Quarter, false),
        ("fit__h264-main-aac.mp4",                                    "h264", "Main",                  8,  Chroma::Quarter, false),
        ("fit__main-b-frames__video.b-frames.mp4",                    "h264", "Main",                  8,  Chroma::Quarter, true),
        ("unfit__high-b-frames__video.profile.mp4",                   "h264", "High",                  8,  Chroma::Quarter, true),
        ("unfit__high-10__video.bit-depth+video.profile.mp4",         "h264", "High 10",               10, Chroma::Quarter, false),
        ("unfit__high-422__video.pixel-format+video.profile.mp4",     "h264", "High 4:2:2",            8,  Chroma::Half,    false),
        ("unfit__high-444__video.pixel-format+video.profile.mp4",     "h264", "High 4:4:4 Predictive", 8,  Chroma::Full,    false),
        ("unfit__hevc__video.codec.mp4",                              "hevc", "Main",                  8,  Chroma::Quarter, true),
    ];
    for (name, codec, profile, depth, chroma, b_frames) in cases {
        let streams = streams(&format!("video/{name}"));
        let [track] = &streams.video[..] else { panic!("{name}") };
        assert_eq!((track.codec.as_str(), track.profile.as_deref()), (codec, Some(profile)), "{name}");
        assert_eq!((track.bit_depth, track.chroma, track.b_frames), (Some(depth), Some(chroma), b_frames), "{name}");
        assert!(streams.duration_us.is_some_and(|us| us.abs_diff(1_000_000) < 50_000), "{name}: {streams:?}");
    }
}

#[test]
fn the_whole_is_described() {
    assert!(streams("video/fit__interlaced__video.interlaced.mp4").video[0].interlaced);
    assert_eq!(streams("video/fit__rotated.mp4").video[0].rotation, 90);
    assert!(streams("video/fit__gps__video.metadata.mp4").gps);
    assert!(streams("video/fit__moov-last__video.moov-last.mp4").index_last);
    assert!(!streams("video/fit__h264-main-aac.mp4").index_last);
    assert!(streams("video/unfit__fragmented__video.fragmented.mp4").fragmented);
    assert!(streams("video/unfit__encrypted__video.encrypted.mp4").encrypted());
    assert_eq!(streams("video/fit__timecode__video.streams.mp4").other[0].kind, OtherKind::Timecode);
    assert_eq!(streams("video/fit__late-sound__video.edit-list.mp4").audio[0].edit, Edit::Delay);
    assert_eq!(streams("video/fit__surround__video.audio-profile.mp4").audio[0].channels, Some(6));
}

#[test]
fn sound_is_described() {
    let plain = &streams("audio/fit__aac.m4a").audio[0];
    assert_eq!((plain.profile.as_deref(), plain.priming, plain.edit), (Some("lc"), Some(1024), Edit::Trim));
    let spectral = &streams("audio/fit__he-aac__audio.profile.m4a").audio[0];
    assert_eq!(spectral.profile.as_deref(), Some("he"));
    let lossless = &streams("audio/unfit__alac__audio.codec.m4a").audio[0];
    assert_eq!((lossless.codec.as_str(), lossless.bits.is_some()), ("alac", true));
    let quicktime = &streams("audio/unfit__quicktime-aac__audio.container.mov").audio[0];
    assert_eq!((quicktime.codec.as_str(), quicktime.profile.as_deref()), ("aac", Some("lc")));
    assert_eq!(streams("audio/unfit__two-tracks__audio.streams.m4a").audio.len(), 2);
    assert!(matches!(facts("audio/broken__cut-in-data__any.malformed.m4a").damage[..], [Damage::Truncated(_), ..]));
}

#[test]
fn pictures_without_a_sample_are_no_film() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video/fit__h264-main-aac.mp4");
    let whole = std::fs::read(path).unwrap();
    let facts = |empty: &str| {
        let mut bytes = whole.clone();
        let handler = crate::bytes::find(&bytes, empty.as_bytes()).unwrap();
        for (kind, count) in [("stts", 8), ("stsc", 8), ("stsz", 12), ("stco", 8), ("stss", 8), ("ctts", 8)] {
            // Not all tracks have all tables.
            let end =
                bytes[handler..].windows(4).position(|word| word == b"trak").map_or(bytes.len(), |at| handler + at);
            if let Some(at) = crate::bytes::find(&bytes[handler..end], kind.as_bytes()) {
                bytes[handler + at + count..][..4].fill(0);
            }
        }
        let source = Source::from_bytes(bytes, Some(Path::new("a.mp4")));
        crate::inspect::inspect(&source, &crate::sniff::sniff(&source).unwrap()).unwrap()
    };
    let sound = facts("vide");
    assert_eq!((sound.format, sound.damage.as_slice()), (crate::format::Format::M4a, [].as_slice()));
    let Media::Audio(streams) = sound.media else { panic!("{sound:?}") };
    assert_eq!((streams.audio.len(), streams.video.len()), (1, 0));
    let pictures = facts("soun");
    assert_eq!(pictures.format, crate::format::Format::Mp4);
    let Media::Video(streams) = pictures.media else { panic!("{pictures:?}") };
    assert_eq!((streams.audio.len(), streams.video.len()), (0, 1));
}

#[test]
fn of_a_large_file_little_but_the_index_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video/fit__moov-last__video.moov-last.mp4");
    let bytes = std::fs::read(path).unwrap();
    let index = bytes.windows(4).rposition(|word| word == b"moov").unwrap() - 4;
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.mp4");
    // A hole of 100 MB before the index.
    let hole = 100_000_000_u32;
    let mut file = std::fs::File::create(&large).unwrap();
    let mut put = |at: u64, bytes: &[u8]| {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at)).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    put(0, &bytes[..index]);
    put(index as u64, &[&hole.to_be_bytes()[..], b"free"].concat());
    put(index as u64 + u64::from(hole), &bytes[index..]);
    let source = Source::open(&large).unwrap();
    let sniffed = crate::sniff::sniff(&source).unwrap();
    let facts = crate::inspect::inspect(&source, &sniffed).unwrap();
    assert_eq!((facts.damage.as_slice(), facts.bytes > 100_000_000), ([].as_slice(), true));
    let allowed = (bytes.len() - index) as u64 + 64 * 1024;
    assert!(source.bytes_read() < allowed, "{} of {allowed} bytes", source.bytes_read());
}
