//! Sniffing and inspecting: what `check` costs a file.

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mediafit::{Ask, Fitter, Policy, Source};
use std::hint::black_box;

const FILES: [&str; 6] = [
    "image/fit__rgb.png",
    "image/fit__baseline.jpg",
    "image/unfit__display-p3__image.format+image.icc-profile.heic",
    "sticker/fit__lossy-alpha.webp",
    "document/fit__letter.docx",
    "video/fit__h264-main-aac.mp4",
];

fn headers(criterion: &mut Criterion) {
    let mut sniff = criterion.benchmark_group("sniff");
    for file in FILES {
        let (path, bytes) = support::testdata(file);
        sniff.throughput(Throughput::Elements(1));
        sniff.bench_with_input(BenchmarkId::from_parameter(file), &bytes, |bencher, bytes| {
            bencher.iter(|| mediafit::sniff::sniff(&Source::from_bytes(bytes.clone(), Some(&path))));
        });
    }
    sniff.finish();
    let fitter = Fitter::new(Policy::cloud());
    let mut check = criterion.benchmark_group("inspect");
    for file in FILES {
        let (path, _) = support::testdata(file);
        check.throughput(Throughput::Elements(1));
        check.bench_with_input(BenchmarkId::from_parameter(file), &path, |bencher, path| {
            bencher.iter(|| black_box(Source::open(path).and_then(|source| fitter.check(&source, Ask::Content))));
        });
    }
    check.finish();
}

criterion_group!(benches, headers);
criterion_main!(benches);
