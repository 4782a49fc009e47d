//! What is told of the containers in our test data: figures of ffprobe and of the commands that made them.

use crate::facts::{Damage, Facts, Media, StreamFacts};
use crate::inspect::inspect;
use crate::sniff::sniff;
use crate::source::Source;
use std::path::Path;

/// Codec, profile, size, frames per second and frames; codec, rate and channels of the sound.
type Row = (
    &'static str,
    (&'static str, Option<&'static str>, (u32, u32), Option<(u32, u32)>, Option<u64>),
    (&'static str, u32, u16),
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("unfit__h264-aac__video.container.mkv",     ("h264", Some("Main"), (128, 96), Some((10, 1)), Some(10)), ("aac", 48_000, 1)),
    ("unfit__h264-aac__video.container.flv",     ("h264", Some("Main"), (128, 96), Some((10, 1)), Some(10)), ("aac", 48_000, 1)),
    ("unfit__h264-aac__video.container.ts",      ("h264", Some("Main"), (128, 96), Some((10, 1)), Some(10)), ("aac", 48_000, 1)),
    ("unfit__mpeg4-mp3__video.container.avi",    ("mpeg4", None,        (128, 96), Some((10, 1)), Some(10)), ("mp3", 48_000, 1)),
    ("unfit__vp8-vorbis__video.container.webm",  ("vp8", None,          (128, 96), Some((10, 1)), Some(10)), ("vorbis", 48_000, 1)),
    ("unfit__vp9-opus__video.container.webm",    ("vp9", None,          (128, 96), Some((10, 1)), Some(10)), ("opus", 48_000, 1)),
    ("unfit__wmv2-wmav2__video.container.wmv",   ("wmv2", None,         (128, 96), None,          None),     ("wma", 48_000, 1)),
];

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video").join(name)).unwrap()
}

fn facts(bytes: &[u8]) -> (StreamFacts, Facts) {
    let source = Source::from_bytes(bytes, None);
    let facts = inspect(&source, &sniff(&source).unwrap()).unwrap();
    match &facts.media {
        Media::Video(streams) | Media::Audio(streams) => (streams.clone(), facts.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn streams_are_told_as_they_are() {
    for (name, (codec, profile, size, rate, frames), (sound, hertz, channels)) in ROWS {
        let (streams, facts) = facts(&bytes(name));
        assert_eq!(facts.damage, [], "{name}");
        let video = &streams.video[0];
        assert_eq!((video.codec.as_str(), video.profile.as_deref()), (*codec, *profile), "{name}");
        assert_eq!((video.width, video.height), *size, "{name}");
        assert_eq!(video.frame_rate.map(|rate| (rate.frames, rate.seconds)), *rate, "{name}");
        assert_eq!(video.frames, *frames, "{name}");
        let audio = &streams.audio[0];
        assert_eq!(
            (audio.codec.as_str(), audio.sample_rate, audio.channels),
            (*sound, Some(*hertz), Some(*channels)),
            "{name}"
        );
        let seconds = streams.duration_us.unwrap();
        assert!((950_000..=1_150_000).contains(&seconds), "{name}: {seconds}");
    }
}

#[test]
fn cut_files_are_found_cut() {
    for (name, ..) in ROWS {
        let whole = bytes(name);
        let (_, facts) = facts(&whole[..whole.len() * 4 / 5]);
        assert!(matches!(facts.damage[..], [Damage::Truncated(_)]), "{name}: {:?}", facts.damage);
    }
}
