//! Pictures coded anew, through the library: sizes that are met, the same bytes however many cores work, and an end when
//! it is asked for.

#![cfg(feature = "video")]

use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, ImageResult, Rgba, RgbaImage};
use mediafit::batch::{Batch, Job, Observer};
use mediafit::facts::Media;
use mediafit::{Ask, Cancel, Ending, ErrorKind, Fitter, Policy, Record, Role, Source};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A texture that moves over a still one with grain, ten pictures a second.
fn clip(pictures: u32, wide: u32, high: u32) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..pictures {
        let picture = RgbaImage::from_fn(wide, high, |x, y| {
            let moving = y > high / 2;
            let at = if moving { x + 3 * number } else { x };
            let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ number.wrapping_mul(97)) >> 13 & 15;
            let level = ((at / 5 * 37 + y / 7 * 53) % 200 + grain) as u8;
            Rgba([level, level / 2 + 60, 200 - level / 2, 255])
        });
        let delay = Delay::from_numer_denom_ms(100, 1);
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay))?;
    }
    drop(encoder);
    Ok(bytes)
}

fn policy(limit: u64) -> Policy {
    let mut policy = Policy::cloud();
    policy.video.size.hard_bytes = limit;
    policy.video.size.target_bytes = limit;
    policy
}

fn fitted(bytes: &[u8], limit: u64) -> mediafit::Result<(u64, Media)> {
    let source = Source::from_bytes(bytes.to_vec(), Some(Path::new("a.gif")));
    let (_, ending) = Fitter::new(policy(limit)).fit(&source, Ask::Role(Role::Video))?;
    let Ending::Fitted { fitted, .. } = ending else { panic!("{ending:?}") };
    Ok((fitted.facts().bytes, fitted.facts().media.clone()))
}

#[test]
fn limits_are_filled_and_never_passed() {
    let bytes = clip(80, 160, 120).unwrap();
    let mut seen = 0;
    for limit in [45_000, 70_000, 100_000] {
        let (found, media) = fitted(&bytes, limit).unwrap();
        assert!(found <= limit && found * 10 >= limit * 9, "{found} of {limit}");
        let Media::Video(streams) = media else { panic!("no video") };
        assert_eq!((streams.video[0].frames, streams.video[0].duration_us), (Some(80), Some(8_000_000)));
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[derive(Default)]
struct Sums(Mutex<Vec<String>>);

impl Observer for Sums {
    fn finished(&self, record: &Record) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record.to_json());
    }
}

#[test]
fn the_bytes_do_not_depend_on_how_many_cores_work() {
    // Long enough to be cut into segments, which are coded side by side where cores are idle.
    let bytes = clip(200, 128, 96).unwrap();
    let made = [1, 2, 3].map(|jobs| {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.gif");
        std::fs::write(&source, &bytes).unwrap();
        let out = folder.path().join("out");
        let batch = Batch { jobs, ..Batch::new(Fitter::new(policy(150_000))) };
        let sums = Sums::default();
        let summary = batch
            .fit(&[Job { path: source, relative: "a.gif".into(), ask: Ask::Role(Role::Video) }], &out, &sums)
            .unwrap();
        assert_eq!(summary.written, 1, "{:?}", sums.0);
        std::fs::read(out.join("a.mp4")).unwrap()
    });
    assert!(made[0].len() <= 150_000);
    assert!(made.iter().all(|other| *other == made[0]), "{:?}", made.each_ref().map(Vec::len));
}

#[test]
fn work_ends_within_a_second_of_being_asked_to() {
    let bytes = clip(400, 320, 240).unwrap();
    let cancel = Cancel::default();
    let fitter = Fitter::new(policy(600_000)).with_cancel(cancel.clone());
    let source = Source::from_bytes(bytes, Some(Path::new("a.gif")));
    let (result, waited) = std::thread::scope(|scope| {
        let work = scope.spawn(|| fitter.fit(&source, Ask::Role(Role::Video)).map(|_| Instant::now()));
        while cancel.progress().share() < 0.2 && !work.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let asked = Instant::now();
        cancel.cancel();
        (work.join().unwrap(), asked.elapsed())
    });
    assert_eq!(result.map(|_| ()).unwrap_err().kind(), ErrorKind::Cancelled, "it was done before it was cancelled");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}
