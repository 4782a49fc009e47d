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
