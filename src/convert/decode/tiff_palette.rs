//! TIFF with a palette: the `tiff` crate decodes such pictures when they are called gray; the colours are ours to look up.

use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::limits::{MAX_ENTRIES, MAX_METADATA, MAX_PIXELS};
use image::{DynamicImage, RgbImage};
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

// Tags and values of TIFF 6.0 §8 and "Palette-color Images" (§5).
const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const ORIENTATION: u16 = 274;
const COLOR_MAP: u16 = 320;
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;

/// The picture with its ICC profile, if it has a palette; nothing for every other TIFF.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<(DynamicImage, Option<Vec<u8>>)>> {
    let Some(directory) = Directory::read(bytes) else { return Ok(None) };
    let (Some(PALETTE), Some(place)) = (directory.short(PHOTOMETRIC), directory.value_at(PHOTOMETRIC)) else {
        return Ok(None);
    };
    let bits = directory.short(BITS_PER_SAMPLE).unwrap_or(1);
    let refused = |what: String| Error::malformed(format!("the palette TIFF cannot be decoded: {what}"));
    if !matches!(bits, 1 | 2 | 4 | 8) {
        return Err(Error::unsupported(format!("a palette TIFF of {bits} bits; found {bits}, allowed 1, 2, 4 or 8")));
    }
    let palette =
        directory.palette(1 << bits).ok_or_else(|| refused("its colour map is missing or too short".to_owned()))?;
    let mut gray = bytes.to_vec();
    if let Some(value) = gray.get_mut(place..place + 2) {
        value.copy_from_slice(&if directory.big { BLACK_IS_ZERO.to_be_bytes() } else { BLACK_IS_ZERO.to_le_bytes() });
    }
    let failed = |error: tiff::TiffError| refused(error.to_string());
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(MAX_PIXELS).unwrap_or(usize::MAX);
    limits.ifd_value_size = MAX_METADATA;
    let mut decoder = Decoder::new(Cursor::new(gray)).map_err(failed)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::limit(format!(
            "too many pixels; found {width}x{height}, allowed {MAX_PIXELS}; scale it down"
        )));
    }
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let DecodingResult::U8(samples) = decoder.read_image().map_err(failed)? else {
        return Err(refused("its samples are not bytes".to_owned()));
    };
    let mut rgb = RgbImage::new(width, height);
    let row_bytes = (width as usize * usize::from(bits)).div_ceil(8).max(1);
    for (indices, row) in samples.chunks_exact(row_bytes).zip(rgb.chunks_exact_mut((width as usize * 3).max(1))) {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            // Indices are packed from the high bit on.
            let bit = x * usize::from(bits);
            let byte = indices.get(bit / 8).copied().unwrap_or(0);
            let index = (usize::from(byte) >> (8 - usize::from(bits) - bit % 8)) & ((1 << bits) - 1);
            pixel.copy_from_slice(palette.get(index).unwrap_or(&[0; 3]));
        }
    }
    Ok(Some((DynamicImage::ImageRgb8(rgb), icc)))
}

/// Which way up the picture is stored.
pub(super) fn orientation(bytes: &[u8]) -> Orientation {
    let value = Directory::read(bytes).and_then(|directory| directory.short(ORIENTATION));
    Orientation::from_exif(value.unwrap_or(1))
}

/// The first image file directory of a classic TIFF.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    big: bool,
    start: usize,
    count: usize,
}

impl<'a> Directory<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let big = match bytes.get(..4)? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        let mut directory = Self { bytes, big, start: 0, count: 0 };
        let offset = usize::try_from(directory.u32_at(4)?).ok()?;
        directory.count = usize::from(directory.u16_at(offset)?).min(MAX_ENTRIES);
        directory.start = offset.checked_add(2)?;
        Some(directory)
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        let pair: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        let four: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn entry(&self, tag: u16) -> Option<usize> {
        (0..self.count).map(|index| self.start + index * 12).find(|at| self.u16_at(*at) == Some(tag))
    }

    /// Where a tag's value stands when it is one SHORT, stored in the entry itself.
    fn value_at(&self, tag: u16) -> Option<usize> {
        self.entry(tag)?.checked_add(8)
    }

    /// How its samples are meant.
    pub(super) fn photometric(&self) -> Option<u16> {
        self.short(PHOTOMETRIC)
    }

    fn short(&self, tag: u16) -> Option<u16> {
        self.u16_at(self.value_at(tag)?)
    }

    /// All reds, then all greens, then all blues, 16 bits each.
    fn palette(&self, colors: usize) -> Option<Vec<[u8; 3]>> {
        let at = usize::try_from(self.u32_at(self.value_at(COLOR_MAP)?)?).ok()?;
        let component = |plane: usize, index: usize| {
            self.u16_at(at.checked_add((plane * colors + index) * 2)?).map(|value| (value >> 8) as u8)
        };
        (0..colors).map(|index| Some([component(0, index)?, component(1, index)?, component(2, index)?])).collect()
    }
}
