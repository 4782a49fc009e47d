//! From bytes to pixels: one decoder a format, picked by the format that was sniffed.

#[cfg(feature = "avif")]
mod avif;
#[cfg(any(feature = "avif", feature = "heif"))]
mod hdr;
#[cfg(feature = "heif")]
mod heif;
#[cfg(any(feature = "avif", feature = "heif"))]
mod heif_items;
#[cfg(feature = "jxl")]
mod jxl;
mod png_rows;
mod raster;
mod tiff_palette;
mod tiff_samples;
mod webp_frames;

#[cfg(feature = "video")]
pub(super) use raster::Moving;
pub(super) use raster::decode_frames as frames;

use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::format::Format;
#[cfg(any(feature = "avif", feature = "heif"))]
use crate::limits::MAX_PIXELS;
use image::DynamicImage;

/// The largest JPEG XL that is decoded, in pixels: its decoder takes up to 48 bytes each.
#[cfg(feature = "jxl")]
const MAX_JXL_PIXELS: u64 = 50_000_000;

/// Pixels as the decoder gave them, before orientation and colour conversion.
pub(crate) struct Decoded {
    /// The pixels.
    pub image: DynamicImage,
    /// The embedded colour profile.
    pub icc: Option<Vec<u8>>,
    /// Which way up they still have to be turned; `Normal` where the decoder did so.
    pub orientation: Orientation,
    /// Colour by code points, where there is no profile.
    pub primaries: Option<Cicp>,
}

/// Colour by code points (ITU-T H.273), as `nclx` boxes and `cICP` chunks signal it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cicp {
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
    pub full_range: bool,
}

/// Ink components, four bytes a pixel: cyan, magenta, yellow, black; 0 is no ink.
pub(crate) struct Cmyk {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
    pub icc: Option<Vec<u8>>,
}

/// The first or only picture of `bytes`; with `salvage`, as much of a damaged PNG, GIF or BMP as can be read.
pub(crate) fn decode(format: Format, bytes: &[u8], salvage: bool) -> Result<Decoded> {
    match format {
        #[cfg(feature = "heif")]
        Format::Heic => heif::decode(bytes, MAX_PIXELS),
        #[cfg(feature = "avif")]
        Format::Avif => avif::decode(bytes, MAX_PIXELS),
        #[cfg(feature = "jxl")]
        Format::Jxl => jxl::decode(bytes, MAX_JXL_PIXELS),
        Format::Png | Format::Apng | Format::Webp | Format::Gif | Format::Bmp | Format::Tiff | Format::Ico => {
            raster::decode(format, bytes, salvage)
        }
        other => Err(Error::unsupported(
            crate::built::refusal(other.name(), other.label())
                .unwrap_or_else(|| format!("no built-in decoder reads {}", other.label())),
        )),
    }
}
