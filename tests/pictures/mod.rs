//! Pictures made when a test runs, padded to a byte, and read back by decoders that are not the library's own.
#![allow(dead_code, reason = "each test takes what it needs")]

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use mediafit::{Fitted, Format};
use std::path::{Path, PathBuf};

pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

pub(crate) fn read(path: &str) -> Vec<u8> {
    std::fs::read(testdata(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) const fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end.max(1)
    }
}

/// Every sample random: the worst case of every encoder.
pub(crate) fn noise(width: u32, height: u32, seed: u64) -> RgbaImage {
    let mut seeded = Seeded::new(seed);
    RgbaImage::from_fn(width, height, |_, _| image::Rgba([seeded.byte(), seeded.byte(), seeded.byte(), seeded.byte()]))
}

/// Gradients with edges and a sensor's grain: what a camera's original looks like to an encoder.
pub(crate) fn photo(width: u32, height: u32, grain: i32, seed: u64) -> RgbImage {
    let mut seeded = Seeded::new(seed);
    RgbImage::from_fn(width, height, |x, y| {
        let edge = if (x / 97 + y / 61) % 2 == 0 { 30 } else { 0 };
        let base = [x * 200 / width, y * 200 / height, (x + y) * 200 / (width + height)];
        image::Rgb(base.map(|value| {
            let noise = i32::from(seeded.byte()) * (2 * grain + 1) / 256 - grain;
            u8::try_from((i32::try_from(value).unwrap() + edge + noise).clamp(0, 255)).unwrap()
        }))
    })
}

pub(crate) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The pixels of a result, by a decoder that did not write it.
pub(crate) fn pixels(format: Format, bytes: &[u8]) -> RgbaImage {
    match format {
        Format::Jpeg => {
            let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(bytes));
            let samples = decoder.decode().unwrap();
            let (width, height) = decoder.dimensions().unwrap();
            let (width, height) = (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
            let gray = samples.len() == usize::try_from(width * height).unwrap();
            let samples = if gray { samples.iter().flat_map(|value| [*value; 3]).collect() } else { samples };
            DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, samples).unwrap()).into_rgba8()
        }
        Format::Png => image::load_from_memory_with_format(bytes, ImageFormat::Png).unwrap().into_rgba8(),
        Format::Webp => image::load_from_memory_with_format(bytes, ImageFormat::WebP).unwrap().into_rgba8(),
        other => panic!("no result is {other}"),
    }
}

pub(crate) fn pixels_of(fitted: &Fitted) -> RgbaImage {
    pixels(fitted.format(), &fitted.to_bytes().unwrap())
}

/// How far two pictures of one size are apart: the mean absolute difference of a sample, 0 to 255.
pub(crate) fn distance(one: &RgbaImage, other: &RgbaImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 = one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    f64::from(u32::try_from(sum / 16).unwrap()) * 16.0 / one.as_raw().len() as f64
}

/// A JPEG of exactly `bytes` bytes: comments are put behind its start.
pub(crate) fn padded_jpeg(base: &[u8], bytes: usize) -> Vec<u8> {
    let mut jpeg = base[..2].to_vec();
    let mut left = bytes - base.len();
    while left > 0 {
        // Marker and length take four bytes of each.
        let part = left.min(65_000);
        let part = if left - part > 0 && left - part < 4 { part - 4 } else { part };
        jpeg.extend([0xFF, 0xFE]);
        jpeg.extend(u16::try_from(part - 2).unwrap().to_be_bytes());
        jpeg.resize(jpeg.len() + part - 4, b'.');
        left -= part;
    }
    jpeg.extend(&base[2..]);
    assert_eq!(jpeg.len(), bytes);
    jpeg
}

/// A PNG of exactly `bytes` bytes: a private chunk is put before its end.
pub(crate) fn padded_png(base: &[u8], bytes: usize) -> Vec<u8> {
    let end = base.len() - 12;
    let data = vec![b'.'; bytes - base.len() - 12];
    let mut png = base[..end].to_vec();
    png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    let named = [b"prVt", &data[..]].concat();
    png.extend(&named);
    png.extend(crc32(&named).to_be_bytes());
    png.extend(&base[end..]);
    assert_eq!(png.len(), bytes);
    png
}

/// A PNG of these chunks.
pub(crate) fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let named = [&kind[..], data].concat();
        png.extend(&named);
        png.extend(crc32(&named).to_be_bytes());
    }
    png
}

/// An RGB picture as a PNG that is not compressed, with `extra` chunks before its pixels.
pub(crate) fn stored_png(picture: &RgbImage, extra: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let rows: Vec<u8> =
        picture.as_raw().chunks_exact(width as usize * 3).flat_map(|row| [&[0], row].concat()).collect();
    let pixels = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 0);
    png_of(&[&[(b"IHDR", &header[..])], extra, &[(b"IDAT", &pixels[..]), (b"IEND", &[])]].concat())
}

/// A WebP of exactly `bytes` bytes, an even number: a chunk of another's making is put at its end.
pub(crate) fn padded_webp(base: &[u8], bytes: usize) -> Vec<u8> {
    let mut webp = base.to_vec();
    let data = bytes - base.len() - 8;
    assert_eq!(data % 2, 0, "chunks are of even length");
    webp.extend(b"NOTE");
    webp.extend(u32::try_from(data).unwrap().to_le_bytes());
    webp.resize(bytes, b'.');
    webp[4..8].copy_from_slice(&u32::try_from(bytes - 8).unwrap().to_le_bytes());
    webp
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (index, entry) in (0u32..).zip(table.iter_mut()) {
        *entry = (0..8).fold(index, |value, _| if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 });
    }
    !bytes.iter().fold(!0, |crc: u32, byte| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}
