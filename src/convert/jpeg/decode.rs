//! JPEG to pixels.

use super::ffi::{Reader, Space};
use super::header::Header;
use super::layout::Color;
use crate::error::Error;

/// What a decoder may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodeOptions {
    /// More pixels than this are refused before anything is allocated; 120 million.
    pub(crate) max_pixels: u64,
    /// A truncated picture is given as far as it goes, the rest gray; false.
    pub(crate) salvage: bool,
    /// 1, 2, 4 or 8: the picture at this fraction of its size, by a smaller inverse transform; 1.
    pub(crate) shrink: u32,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 120_000_000, salvage: false, shrink: 1 }
    }
}

/// The channels of decoded pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// One: brightness.
    Luma,
    /// Three.
    Rgb,
    /// Four, 0 for no ink and 255 for full ink, whatever the polarity in the file.
    Cmyk,
}

/// A decoded JPEG, not yet rotated and in the colour space of its profile.
#[derive(Clone, Debug)]
pub(crate) struct JpegPixels {
    /// Width after shrinking.
    pub(crate) width: u32,
    /// Height after shrinking.
    pub(crate) height: u32,
    /// What the bytes are.
    pub(crate) channels: Channels,
    /// Interleaved, row by row, no padding.
    pub(crate) bytes: Vec<u8>,
    /// The ICC profile in the file.
    pub(crate) icc: Option<Vec<u8>>,
    /// What libjpeg complained of without giving up.
    #[allow(dead_code, reason = "for tests")]
    pub(crate) warnings: u32,
    /// The stream ended early; only with `salvage`.
    #[allow(dead_code, reason = "for tests")]
    pub(crate) truncated: bool,
}

/// No encoder writes so many scans; a hostile file repeats thousands of empty ones over a large picture.
pub(super) const MAX_SCANS: u32 = 100;

/// The pixels of a JPEG: gray stays gray, YCbCr becomes RGB, YCCK becomes CMYK. Junk after the end is ignored.
pub(crate) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<JpegPixels, Error> {
    let header = admit(bytes, options.max_pixels)?;
    if !matches!(options.shrink, 1 | 2 | 4 | 8) {
        return Err(Error::unsupported(format!("JPEG decoded at 1/{}; found none of 1, 2, 4, 8", options.shrink)));
    }
    let mut reader = Reader::open(bytes, MAX_SCANS)?;
    let layout = reader.layout()?;
    if (layout.width, layout.height) != (header.width, header.height) {
        return Err(Error::malformed("JPEG header reads two ways"));
    }
    let (channels, space) = match layout.color {
        Color::Gray => (Channels::Luma, Space::Gray),
        Color::Ycc | Color::Rgb => (Channels::Rgb, Space::Rgb),
        Color::Cmyk | Color::Ycck => (Channels::Cmyk, Space::Cmyk),
    };
    let (width, height, mut pixels, damage) = reader.pixels(options.shrink, space)?;
    if damage.truncated && !options.salvage {
        return Err(Error::malformed("JPEG is truncated"));
    }
    if channels == Channels::Cmyk && header.adobe {
        // Adobe writes ink inverted (Technical Note 5116 names no polarity; every one of its files does it).
        for ink in &mut pixels {
            *ink = 255 - *ink;
        }
    }
    Ok(JpegPixels {
        width,
        height,
        channels,
        bytes: pixels,
        icc: header.icc(),
        warnings: damage.warnings,
        truncated: damage.truncated,
    })
}

/// The header, if the picture is not too large to be decoded.
pub(super) fn admit(bytes: &[u8], max_pixels: u64) -> Result<Header, Error> {
    let header = Header::read(bytes)?;
    let pixels = u64::from(header.width) * u64::from(header.height);
    // Four planes at full size are the most that a real file has; odd sampling factors must not ask for more.
    if pixels > max_pixels || header.samples > max_pixels.saturating_mul(4) {
        let (width, height) = (header.width, header.height);
        return Err(Error::limit(format!("JPEG of {width}x{height} pixels; found {pixels}, allowed {max_pixels}")));
    }
    Ok(header)
}

/// The quality on libjpeg's scale (1 to 100) that a JPEG was saved with, as its quantisation tables tell.
pub(crate) fn source_quality(bytes: &[u8]) -> Option<f32> {
    Header::read(bytes).ok()?.quality()
}
