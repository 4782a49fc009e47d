//! Measures JPEG encoders: SSIMULACRA2 and CPU time against bytes, on the middle of each photo given.
//!
//! `cargo run --release --example jpeg_codecs -- PHOTO...` encodes a crop of each photo, halved first when it is large enough
//! (so that it shows little of the photo's own compression), at several qualities, and prints for each encoder
//! what it reaches at equal bytes. `--dump DIR` writes the crops as PNG, and `--score PHOTO FILE...` scores the middle of
//! files that programs have made of a photo.

use std::error::Error;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder as _, RgbImage};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Encoder = (&'static str, fn(&RgbImage, u8) -> Outcome<Vec<u8>>);

/// The largest crop: the metric takes about a second a megapixel.
const CROP: (u32, u32) = (1024, 768);
/// What is compared of files that other programs made.
const MIDDLE: (u32, u32) = (1600, 1200);
/// Bits a pixel at which the encoders are compared.
const RATES: [f64; 4] = [0.75, 1.25, 2.0, 3.0];
const QUALITIES: [u8; 8] = [35, 48, 60, 72, 81, 88, 93, 97];

#[rustfmt::skip]
const ENCODERS: &[Encoder] = &[
    ("mozjpeg fastest, fixed Huffman, 4:2:0", |i, q| mozjpeg(i, q, Moz { half: true, ..Moz::PLAIN })),
    ("mozjpeg fastest, optimised, 4:2:0",     |i, q| mozjpeg(i, q, Moz { half: true, optimised: true, ..Moz::PLAIN })),
    ("mozjpeg fastest, optimised, 4:4:4",     |i, q| mozjpeg(i, q, Moz { optimised: true, ..Moz::PLAIN })),
    ("mozjpeg fastest, progressive, 4:2:0",   |i, q| mozjpeg(i, q, Moz { half: true, optimised: true, progressive: true, ..Moz::PLAIN })),
    ("mozjpeg fastest, progressive, 4:4:4",   |i, q| mozjpeg(i, q, Moz { optimised: true, progressive: true, ..Moz::PLAIN })),
    ("mozjpeg trellis, progressive, 4:2:0",   |i, q| mozjpeg(i, q, Moz { half: true, trellis: true, ..Moz::PLAIN })),
    ("mozjpeg trellis, progressive, 4:4:4",   |i, q| mozjpeg(i, q, Moz { trellis: true, ..Moz::PLAIN })),
    ("jpeg-encoder, optimised, 4:2:0",        |i, q| jpeg_encoder(i, q, false)),
    ("jpeg-encoder, progressive, 4:2:0",      |i, q| jpeg_encoder(i, q, true)),
    ("image (no choice: 4:2:0, fixed Huffman)", image_own),
    ("mediafit, 4:2:0",                       |i, q| mediafit::bench_jpeg(i, q, true)),
    ("mediafit, 4:4:4",                       |i, q| mediafit::bench_jpeg(i, q, false)),
];

/// The room under test, with the one stand-in that it needs.
#[path = "../src/convert/jpeg/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, reason = "only the encoder is used here")]
mod jpeg;

mod error {
    /// Stands in for the library's error.
    #[derive(Debug)]
    pub(crate) struct Error(String);

    #[allow(dead_code, reason = "the same doors as the library's error")]
    impl Error {
        pub(crate) fn malformed(what: impl Into<String>) -> Self {
            Self(what.into())
        }
        pub(crate) fn unsupported(what: impl Into<String>) -> Self {
            Self(what.into())
        }
        pub(crate) fn limit(what: impl Into<String>) -> Self {
            Self(what.into())
        }
        pub(crate) fn cannot_fit(what: impl Into<String>) -> Self {
            Self(what.into())
        }
    }

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl std::error::Error for Error {}
}

mod mediafit {
    use super::{Outcome, RgbImage, jpeg};

    pub(super) fn bench_jpeg(image: &RgbImage, quality: u8, half: bool) -> Outcome<Vec<u8>> {
        let subsampling = if half { jpeg::Subsampling::Half } else { jpeg::Subsampling::Full };
        Ok(jpeg::encode(jpeg::Pixels::Rgb(image), quality.into(), subsampling)?)
    }
}

/// What is asked of mozjpeg.
#[derive(Clone, Copy)]
struct Moz {
    half: bool,
    optimised: bool,
    progressive: bool,
    trellis: bool,
}

impl Moz {
    const PLAIN: Self = Self { half: false, optimised: false, progressive: false, trellis: false };
}

fn mozjpeg(image: &RgbImage, quality: u8, ask: Moz) -> Outcome<Vec<u8>> {
    let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    if !ask.trellis {
        encoder.set_fastest_defaults();
    }
    encoder.set_size(image.width() as usize, image.height() as usize);
    encoder.set_quality(quality.into());
    let pixel = if ask.half { 2 } else { 1 };
    encoder.set_chroma_sampling_pixel_sizes((pixel, pixel), (pixel, pixel));
    if ask.optimised {
        encoder.set_optimize_coding(true);
    }
    if ask.progressive {
        encoder.set_progressive_mode();
    }
    let mut started = encoder.start_compress(Vec::new())?;
    started.write_scanlines(image.as_raw())?;
    Ok(started.finish()?)
}

fn jpeg_encoder(image: &RgbImage, quality: u8, progressive: bool) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.set_progressive(progressive);
    let (width, height) = (u16::try_from(image.width())?, u16::try_from(image.height())?);
    encoder.encode(image.as_raw(), width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes)
}

fn image_own(image: &RgbImage, quality: u8) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image)?;
    Ok(bytes)
}

fn linear(image: &RgbImage) -> Outcome<Rgb> {
    let pixels = image.pixels().map(|pixel| pixel.0.map(|value| f32::from(value) / 255.0)).collect();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)
        .map_err(|error| format!("{error:?}").into())
}

fn score(reference: &RgbImage, bytes: &[u8]) -> Outcome<f64> {
    let decoded = jpeg::decode(bytes, &jpeg::DecodeOptions::default())?;
    let decoded = RgbImage::from_raw(decoded.width, decoded.height, decoded.bytes).ok_or("not an RGB JPEG")?;
    alike(reference, &decoded)
}

fn alike(reference: &RgbImage, found: &RgbImage) -> Outcome<f64> {
    compute_frame_ssimulacra2(linear(reference)?, linear(found)?).map_err(|error| format!("{error:?}").into())
}

/// The middle of a picture, the right way up.
fn middle(path: &Path) -> Outcome<RgbImage> {
    let mut decoder = image::ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut photo = DynamicImage::from_decoder(decoder)?;
    photo.apply_orientation(orientation);
    let (width, height) = (photo.width().min(MIDDLE.0), photo.height().min(MIDDLE.1));
    let (x, y) = ((photo.width() - width) / 2, (photo.height() - height) / 2);
    Ok(photo.crop_imm(x, y, width, height).to_rgb8())
}

fn crop(path: &Path) -> Outcome<RgbImage> {
    let mut photo = image::ImageReader::open(path)?.with_guessed_format()?.decode()?.to_rgb8();
    if photo.width() >= 2 * CROP.0 && photo.height() >= 2 * CROP.1 {
        photo = imageops::resize(&photo, photo.width() / 2, photo.height() / 2, FilterType::Triangle);
    }
    let (width, height) = (photo.width().min(CROP.0), photo.height().min(CROP.1));
    let (x, y) = ((photo.width() - width) / 2, (photo.height() - height) / 2);
    Ok(imageops::crop_imm(&photo, x, y, width, height).to_image())
}

/// One encode: bits a pixel, SSIMULACRA2, and milliseconds of CPU a megapixel.
struct Sample {
    rate: f64,
    score: f64,
    time: f64,
}

/// Seconds of CPU that this thread has used, where Linux tells; else of the clock.
fn seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = used.and_then(|text| text.split(' ').next().and_then(|first| first.parse::<f64>().ok()));
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn measure(image: &RgbImage, encoder: &Encoder, quality: u8) -> Outcome<Sample> {
    let pixels = f64::from(image.width()) * f64::from(image.height());
    let (mut bytes, mut runs) = (Vec::new(), 0.0);
    let start = seconds();
    // Linux accounts by ticks: what is shorter than a few of them is repeated.
    while seconds() - start < 0.06 {
        bytes = (encoder.1)(image, quality)?;
        runs += 1.0;
    }
    let time = (seconds() - start) * 1e9 / pixels / runs;
    Ok(Sample { rate: bytes.len() as f64 * 8.0 / pixels, score: score(image, &bytes)?, time })
}

/// The score and the time at `rate`, by a straight line between the two nearest encodes.
fn at(samples: &[Sample], rate: f64) -> Option<(f64, f64)> {
    let pair = samples.windows(2).find(|pair| pair[0].rate <= rate && rate <= pair[1].rate)?;
    let share = (rate.ln() - pair[0].rate.ln()) / (pair[1].rate.ln() - pair[0].rate.ln());
    let mix = |value: fn(&Sample) -> f64| value(&pair[0]) * (1.0 - share) + value(&pair[1]) * share;
    Some((mix(|sample| sample.score), mix(|sample| sample.time)))
}

fn compare(paths: &[String]) -> Outcome<()> {
    let mut crops = Vec::new();
    for path in paths {
        crops.push(crop(Path::new(path))?);
    }
    for encoder in ENCODERS {
        let mut sums = [(0.0, 0.0, 0); RATES.len()];
        for crop in &crops {
            let samples =
                QUALITIES.iter().map(|&quality| measure(crop, encoder, quality)).collect::<Outcome<Vec<_>>>()?;
            for (sum, rate) in sums.iter_mut().zip(RATES) {
                if let Some((score, time)) = at(&samples, rate) {
                    *sum = (sum.0 + score, sum.1 + time, sum.2 + 1);
                }
            }
        }
        print!("| {:39} |", encoder.0);
        for (score, time, count) in sums {
            let count = f64::from(count.max(1));
            print!(" {:5.2} ({:4.1}) |", score / count, time / count);
        }
        println!();
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => eprintln!("usage: jpeg_codecs PHOTO... | --dump DIR PHOTO... | --score CROP.png FILE..."),
        ["--dump", folder, photos @ ..] => {
            for photo in photos {
                let stem = Path::new(photo).file_stem().unwrap_or_default();
                crop(Path::new(photo))?.save(Path::new(folder).join(stem).with_extension("png"))?;
            }
        }
        ["--score", reference, files @ ..] => {
            let reference = middle(Path::new(reference))?;
            for file in files {
                let length = std::fs::metadata(file)?.len();
                println!("{file} {length} {:.3}", alike(&reference, &middle(Path::new(file))?)?);
            }
        }
        _ => compare(&arguments)?,
    }
    Ok(())
}
