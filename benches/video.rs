//! Moving pictures: decoded, coded, scaled and coded, and a whole clip under a limit. The clip is made by the library itself
//! of a drawn animation; throughput counts pictures.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, Rgba, RgbaImage};
use mediafit::{Animated, Ask, Ending, Fitter, Options, Policy, Repair, Role, Source};
use std::hint::black_box;
use std::sync::Arc;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;
const PICTURES: u32 = 60;

/// A textured ground that moves slowly, with discs that move fast.
fn picture(number: u32) -> RgbaImage {
    RgbaImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (ground_x, ground_y) = (x + number, y + number / 2);
        let texture = ((ground_x * 7) ^ (ground_y * 13)) % 48 + (ground_x / 9 + ground_y / 7) % 5 * 24;
        let disc = |speed: u32, row: u32| {
            let (dx, dy) = (x.abs_diff(number * speed % WIDTH), y.abs_diff(row));
            dx * dx + dy * dy < 900
        };
        match (disc(6, 90), disc(3, 220)) {
            (true, _) => Rgba([220, 40, 30, 255]),
            (_, true) => Rgba([30, 60, 210, 255]),
            _ => Rgba([texture as u8, (texture + 20) as u8, (texture / 2 + 60) as u8, 255]),
        }
    })
}

fn animation() -> Arc<[u8]> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..PICTURES {
        let frame = Frame::from_parts(picture(number), 0, 0, Delay::from_numer_denom_ms(40, 1));
        encoder.encode_frame(frame).unwrap_or_else(|error| panic!("{error}"));
    }
    drop(encoder);
    bytes.into()
}

fn fitted(source: &Arc<[u8]>, fitter: &Fitter) -> Vec<u8> {
    let source = Source::from_bytes(Arc::clone(source), None);
    match fitter.fit(&source, Ask::Role(Role::Video)) {
        Ok((_, Ending::Fitted { fitted, .. })) => fitted.to_bytes().unwrap_or_else(|error| panic!("{error}")),
        other => panic!("not made fit: {other:?}"),
    }
}

/// A limit of so many bytes.
fn limited(bytes: u64) -> Policy {
    let mut policy = Policy::cloud();
    policy.video.size.target_bytes = bytes;
    policy.video.size.hard_bytes = bytes;
    policy
}

fn video(criterion: &mut Criterion) {
    let animation = animation();
    let options = Options { animated: Animated::Video, ..Options::default() };
    let maker = Fitter::new(Policy::cloud()).with_options(options);
    let clip: Arc<[u8]> = fitted(&animation, &maker).into();
    let mut group = criterion.benchmark_group("video");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(PICTURES.into()));
    let size = format!("{WIDTH}x{HEIGHT}");
    group.bench_with_input(BenchmarkId::new("decode/h264", &size), &clip, |bencher, clip| {
        let source = Source::from_bytes(Arc::clone(clip), None);
        bencher.iter(|| black_box(maker.check_deep(&source, Ask::Role(Role::Video))));
    });
    group.bench_with_input(BenchmarkId::new("encode/animation", &size), &animation, |bencher, animation| {
        bencher.iter(|| black_box(fitted(animation, &maker)));
    });
    let options = Options { animated: Animated::Video, max_height: Some(HEIGHT / 2), ..Options::default() };
    let halver = Fitter::new(Policy::cloud()).with_options(options);
    group.bench_with_input(BenchmarkId::new("scale-encode/animation", &size), &animation, |bencher, animation| {
        bencher.iter(|| black_box(fitted(animation, &halver)));
    });
    let options = Options { repair: Repair::All, ..Options::default() };
    let fitter = Fitter::new(limited(clip.len() as u64 / 2)).with_options(options);
    group.bench_with_input(BenchmarkId::new("fit/half-the-bytes", &size), &clip, |bencher, clip| {
        bencher.iter(|| black_box(fitted(clip, &fitter)));
    });
    group.finish();
}

criterion_group!(benches, video);
criterion_main!(benches);
