//! JPEG: pixels out, pixels in, and from JPEG to JPEG without pixels.
//!
//! | want | door |
//! |---|---|
//! | pixels | [`decode`] |
//! | the same picture in fewer bytes | [`recode_lossless`] |
//! | the best JPEG under a number of bytes, of pixels | [`encode_under`] |
//! | the same, of a JPEG whose pixels need no change | [`refit_under`] |
//! | a JPEG of a stated quality | [`encode`] |
//!
//! Why not one library for all: libjpeg knows what is out there, so it reads. What follows is ours, down to the Huffman codes, because a size
//! search asks for the bytes of a sample at many quantisations, for which counting symbols is enough; and because a JPEG
//! that only needs coarser steps is never turned into pixels: that saves two colour conversions, two transforms and the
//! loss of the rounding between them.

mod dct;
mod decode;
mod encode;
mod entropy;
mod ffi;
mod fit;
mod header;
mod huffman;
mod layout;
#[cfg(feature = "video")]
mod planes;
mod quant;
mod recode;
mod sample;
#[cfg(test)]
mod tests;

pub(crate) use decode::{Channels, DecodeOptions, decode, source_quality};
pub(crate) use fit::{Bounds, Fit, encode_under, refit_under};
#[cfg(feature = "video")]
pub(crate) use planes::{Planes, planes};
pub(crate) use recode::{Keep, recode_lossless};

use crate::error::Error;

/// Below this quality a smaller picture looks better than a coarser one: at equal bytes, by SSIMULACRA2 after scaling back up,
/// a picture at 0.7 or 0.85 of the size gains at most 1.1 points at 55, up to 2.7 at 45, 5 at 35 and 8 at 25.
pub(crate) const FLOOR_QUALITY: f32 = 50.0;

/// Above this quality (steps of 1 to 4) bytes are spent on what nobody can see; used when the source states no quality of its own.
pub(crate) const CEILING_QUALITY: f32 = 97.0;

/// Pixels to encode.
#[derive(Clone, Copy)]
pub(crate) enum Pixels<'a> {
    /// Colour, in sRGB.
    Rgb(&'a image::RgbImage),
    /// Gray.
    #[allow(dead_code, reason = "the platform wants three components; tests use it")]
    Luma(&'a image::GrayImage),
}

impl Pixels<'_> {
    fn size(&self) -> (u32, u32) {
        match self {
            Self::Rgb(image) => image.dimensions(),
            Self::Luma(image) => image.dimensions(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Rgb(image) => image.as_raw(),
            Self::Luma(image) => image.as_raw(),
        }
    }
}

/// The resolution of colour against brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subsampling {
    /// Every pixel has its own colour (4:4:4, or gray).
    Full,
    /// Neighbouring pixels share one (4:2:0; of a source's own, also 4:2:2 and the like).
    Half,
}

impl Subsampling {
    fn of(layout: &layout::Layout) -> Self {
        let full = layout.planes.iter().all(|plane| (plane.h, plane.v) == layout.max_factors());
        if full { Self::Full } else { Self::Half }
    }
}

#[allow(dead_code, reason = "for the comparison of codecs, which includes this room, and for tests")]
/// A JPEG of a stated quality on libjpeg's scale (1 to 100, fractions allowed).
pub(crate) fn encode(pixels: Pixels<'_>, quality: f32, subsampling: Subsampling) -> Result<Vec<u8>, Error> {
    let factor = quant::factor_of(quality);
    let tables = [quant::luma(factor), quant::chroma(factor, subsampling)];
    let coded = encode::write(&pixels, &tables, fit::KNOBS.dead_zone, subsampling, usize::MAX)?;
    coded.bytes.ok_or_else(|| Error::limit("JPEG passed the allowed length"))
}
