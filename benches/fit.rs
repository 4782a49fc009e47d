//! Pictures and stickers made fit, a file at a time, and a mixed folder on all cores.

#[path = "support/mod.rs"]
mod support;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use mediafit::batch::{Batch, WalkOptions, walk};
use mediafit::{Animated, Ask, Fitter, Options, Policy, Role, Source};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

fn cases(criterion: &mut Criterion, group: &str, role: Role, cases: &[(&str, Arc<[u8]>)]) {
    let options = Options { animated: Animated::FirstFrame, ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, bytes) in cases {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), bytes, |bencher, bytes| {
            bencher.iter(|| black_box(fitter.fit(&Source::from_bytes(bytes.clone(), None), Ask::Role(role))));
        });
    }
    group.finish();
}

fn images(criterion: &mut Criterion) {
    let (_, heic) = support::testdata("image/unfit__display-p3__image.format+image.icc-profile.heic");
    let inputs = [
        ("jpeg/12Mpx/9MB", support::large_jpeg(4000, 3000, 24)),
        ("png/2Mpx/photo", support::png(support::photo(1920, 1080, 12).into())),
        ("png/rgba16/0.5Mpx", support::png(image::DynamicImage::ImageRgba8(support::cutout(700)).into_rgba16().into())),
        ("heic/small", heic),
    ];
    cases(criterion, "image", Role::Image, &inputs);
}

fn stickers(criterion: &mut Criterion) {
    let inputs = [
        ("photo/1024", support::png(support::photo(1024, 1024, 6).into())),
        ("cutout/512", support::png(support::cutout(512).into())),
        ("flat/logo", support::testdata("sticker/unfit__logo__sticker.format+sticker.dimensions.png").1),
    ];
    cases(criterion, "sticker", Role::Sticker, &inputs);
}

fn batch(criterion: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let roots = ["image", "sticker", "document"].map(|role| folder.join(role));
    let found = walk(&roots, &WalkOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let bytes: u64 = found.jobs.iter().filter_map(|job| job.path.metadata().ok()).map(|meta| meta.len()).sum();
    let batch = Batch::new(Fitter::new(Policy::cloud()));
    let mut group = criterion.benchmark_group("batch");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    group.bench_function(BenchmarkId::new("check", found.jobs.len()), |bencher| {
        bencher.iter(|| black_box(batch.check(&found.jobs, false, &())));
    });
    group.bench_function(BenchmarkId::new("fit", found.jobs.len()), |bencher| {
        bencher.iter_with_setup(
            || tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")),
            |out| black_box(batch.fit(&found.jobs, out.path(), &())),
        );
    });
    group.finish();
}

criterion_group!(benches, images, stickers, batch);
criterion_main!(benches);
