//! Decoders against ffmpeg's, by what they give: recorded where the answer is exact, asked where one is installed.

use super::*;
use crate::demux::{self, Kind};
use crate::sniff::sniff;
use crate::source::Source;
use std::path::Path;
use std::process::Command;

/// All pictures of a file's first video track, as raw video: planes one after the other, little-endian above 8 bits.
fn raw(path: &Path) -> (Vec<u8>, u64) {
    let source = Source::open(path).unwrap();
    let demuxer = demux::open(&source, sniff(&source).unwrap().format).unwrap();
    let track = demuxer.tracks().iter().position(|track| track.kind == Kind::Video).unwrap();
    let mut stream = Stream::new(demuxer, track, Start { packet: 0, pts: i64::MIN }, false).unwrap();
    let (mut bytes, mut count, mut before) = (Vec::new(), 0, i64::MIN);
    while let Some(picture) = stream.next().unwrap() {
        assert!(picture.pts > before, "out of order");
        before = picture.pts;
        count += 1;
        for plane in &picture.planes {
            match &plane.samples {
                Samples::Narrow(samples) => bytes.extend_from_slice(samples),
                Samples::Wide(samples) => bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
            }
        }
    }
    (bytes, count)
}

/// The same by an installed ffmpeg.
fn by_ffmpeg(path: &Path) -> Option<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:v:0", "-vsync", "passthrough"]);
    let output = command.args(["-f", "rawvideo", "-"]).output().ok()?;
    Some(output.stdout).filter(|bytes| !bytes.is_empty())
}

fn testdata(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

/// The mean difference of 8-bit samples.
fn apart(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one.iter().zip(other).map(|(&one, &other)| u64::from(one.abs_diff(other))).sum();
    sum as f64 / one.len().max(1) as f64
}

/// SHA-256 of all pictures.
const AV1: &str = "71e2ceafe5b93059ab92f994c544c6c0b2547fead675cb4a07149dd662150fbf";

#[test]
fn av1_is_exact() {
    let path = testdata("video/unfit__av1__video.codec.mp4");
    let (found, count) = raw(&path);
    // Of libdav1d by ffmpeg; another file has another one.
    assert_eq!((count, crate::digest::of(&found).as_str()), (10, AV1));
    if let Some(wanted) = by_ffmpeg(&path) {
        assert!(found == wanted, "the file is another one than was recorded");
    }
}

#[test]
fn motion_jpeg_is_near() {
    // 4:2:2 without Huffman tables, and 4:2:0.
    for (name, samples) in [("unfit__mjpeg-pcm__video.container.avi", 2.0), ("unfit__mjpeg__video.brand.mov", 1.5)] {
        let path = testdata(&format!("video/{name}"));
        let (found, count) = raw(&path);
        assert_eq!((count, found.len() as f64), (10, f64::from(10 * 128 * 96) * samples), "{name}");
        let source = Source::open(&path).unwrap();
        let facts = crate::inspect::inspect(&source, &sniff(&source).unwrap()).unwrap();
        let crate::facts::Media::Video(streams) = facts.media else { panic!("{name}") };
        assert!(streams.video[0].color.is_some_and(|color| color.full_range && color.matrix == 6), "{name}");
        // Inverse transforms may differ by rounding.
        if let Some(wanted) = by_ffmpeg(&path) {
            let apart = apart(&found, &wanted);
            assert!(apart < 0.5, "{name}: {apart}");
        }
    }
}

/// `MEDIAFIT_VIDEOS="a.mkv b.mp4" cargo test --lib against_an_installed_ffmpeg -- --ignored --nocapture`
#[test]
#[ignore = "asks for files and an ffmpeg"]
fn against_an_installed_ffmpeg() {
    for path in std::env::var("MEDIAFIT_VIDEOS").unwrap().split_whitespace() {
        let started = std::time::Instant::now();
        let (found, count) = raw(Path::new(path));
        let seconds = started.elapsed().as_secs_f64();
        let wanted = by_ffmpeg(Path::new(path)).unwrap();
        let same = found == wanted;
        let off = if found.len() == wanted.len() { apart(&found, &wanted) } else { f64::NAN };
        println!(
            "{path}: {count} pictures in {seconds:.2} s, same {same}, {off:.3} apart ({} and {} bytes)",
            found.len(),
            wanted.len()
        );
    }
}
