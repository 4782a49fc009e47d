//! Sound: what `check` costs by format, what copying packets and coding anew take, on tones that are made here.

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod support;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use mediafit::plan::AudioCodec;
use mediafit::{Ask, Ending, Fitter, Options, Policy, Role, Source};
use std::hint::black_box;
use std::sync::Arc;

/// A file a format.
const FILES: [&str; 13] = [
    "audio/fit__aac.m4a",
    "audio/fit__adts.aac",
    "audio/fit__amr.amr",
    "audio/fit__mp3.mp3",
    "audio/fit__opus-mono.ogg",
    "audio/unfit__opus__audio.container.mka",
    "audio/unfit__opus__audio.container.webm",
    "audio/unfit__pcm-s16__audio.container.wav",
    "audio/unfit__pcm__audio.container.aiff",
    "audio/unfit__pcm__audio.container.caf",
    "audio/unfit__pcm__audio.container.flac",
    "audio/unfit__vorbis__audio.codec.ogg",
    "audio/unfit__wmav2__audio.container.wma",
];

/// Samples per second of what is made.
const RATE: u32 = 48_000;

/// A WAV of three tones that come and go, in 16 bits.
fn wav(seconds: u32, channels: u16) -> Arc<[u8]> {
    let frames = seconds * RATE;
    let bytes = frames * 2 * u32::from(channels);
    let mut wav = b"RIFF".to_vec();
    wav.extend((bytes + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    wav.extend(channels.to_le_bytes());
    wav.extend([RATE.to_le_bytes(), (RATE * 2 * u32::from(channels)).to_le_bytes()].concat());
    wav.extend([(2 * channels).to_le_bytes(), 16_u16.to_le_bytes()].concat());
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    for frame in 0..frames {
        let time = f64::from(frame) / f64::from(RATE);
        let tone = |hertz: f64| (time * hertz * std::f64::consts::TAU).sin() * (time * hertz / 97.0).sin();
        let sample = ((tone(220.0) + tone(554.0) + tone(1661.0)) * 9000.0) as i16;
        (0..channels).for_each(|_| wav.extend(sample.to_le_bytes()));
    }
    wav.into()
}

fn inspect(criterion: &mut Criterion) {
    let fitter = Fitter::new(Policy::cloud());
    let mut group = criterion.benchmark_group("sound/inspect");
    for file in FILES {
        let (path, bytes) = support::testdata(file);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(file), &path, |bencher, path| {
            bencher.iter(|| black_box(Source::open(path).and_then(|source| fitter.check(&source, Ask::Content))));
        });
    }
    group.finish();
}

/// So many seconds as `codec`, coded by what is measured elsewhere.
fn coded(codec: AudioCodec, seconds: u32) -> Arc<[u8]> {
    let fitter = Fitter::new(Policy::cloud()).with_options(Options { audio_codec: Some(codec), ..Options::default() });
    match fitter.fit(&Source::from_bytes(wav(seconds, 2), None), Ask::Role(Role::Audio)) {
        Ok((_, Ending::Fitted { fitted, .. })) => fitted.to_bytes().unwrap_or_else(|error| panic!("{error}")).into(),
        other => panic!("{other:?}"),
    }
}

/// Packets out of a container and into another: an M4A with a further brand becomes one that is taken.
fn copy(criterion: &mut Criterion) {
    let fitter = Fitter::new(Policy::cloud());
    let mut group = criterion.benchmark_group("sound/copy");
    // The same packets under QuickTime's brand.
    let mut mov = coded(AudioCodec::Aac, 600).to_vec();
    mov.get_mut(8..12).unwrap_or_else(|| panic!("no brand")).copy_from_slice(b"qt  ");
    let inputs = [("aac/mov-to-m4a/600s", Arc::<[u8]>::from(mov))];
    for (name, bytes) in inputs {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &bytes, |bencher, bytes| {
            bencher.iter(|| black_box(fitter.fit(&Source::from_bytes(bytes.clone(), None), Ask::Role(Role::Audio))));
        });
    }
    group.finish();
}

/// A WAV and files of our own, coded anew as what is named.
fn transcode(criterion: &mut Criterion) {
    let stereo = wav(60, 2);
    let inputs: [(&str, Arc<[u8]>, Role, AudioCodec); 5] = [
        ("pcm-to-aac/60s", stereo.clone(), Role::Audio, AudioCodec::Aac),
        ("pcm-to-opus/60s", stereo.clone(), Role::Audio, AudioCodec::Opus),
        ("pcm-to-voice/60s", stereo, Role::Voice, AudioCodec::Opus),
        ("aac-to-voice/60s", coded(AudioCodec::Aac, 60), Role::Voice, AudioCodec::Opus),
        ("opus-to-aac-loudness/60s", coded(AudioCodec::Opus, 60), Role::Audio, AudioCodec::Aac),
    ];
    let mut group = criterion.benchmark_group("sound/transcode");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, bytes, role, codec) in inputs {
        let loudness = name.contains("loudness").then_some(-1600);
        let options = Options { audio_codec: Some(codec), loudness_centi_lufs: loudness, ..Options::default() };
        let fitter = Fitter::new(Policy::cloud()).with_options(options);
        // Seconds of sound in a second.
        group.throughput(Throughput::Elements(60));
        group.bench_with_input(BenchmarkId::from_parameter(name), &bytes, |bencher, bytes| {
            bencher.iter(|| black_box(fitter.fit(&Source::from_bytes(bytes.clone(), None), Ask::Role(role))));
        });
    }
    group.finish();
}

criterion_group!(benches, inspect, copy, transcode);
criterion_main!(benches);
