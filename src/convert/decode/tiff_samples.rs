//! TIFF in YCbCr, as JPEG compression leaves it, and in inks: the `tiff` crate gives the samples as they are stored. `image`
//! does not ask for the former, and knows nothing of the profile that says what the latter look like.

use super::Cmyk;
use super::tiff_palette::Directory;
use crate::convert::color::cmyk_to_srgb8;
use crate::error::{Error, Result};
use crate::limits::{MAX_METADATA, MAX_PIXELS};
use image::{DynamicImage, RgbImage};
use std::io::Cursor;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// Values of PhotometricInterpretation (TIFF 6.0 §16 and §21).
const SEPARATED: u16 = 5;
const YCBCR: u16 = 6;

/// The picture, with the ICC profile that its colours still need, if it is coded in YCbCr or four inks of 8 bits; nothing for
/// every other TIFF.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<(DynamicImage, Option<Vec<u8>>)>> {
    let photometric = Directory::read(bytes).and_then(|directory| directory.photometric());
    let Some(photometric @ (SEPARATED | YCBCR)) = photometric else { return Ok(None) };
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(MAX_PIXELS * 4).unwrap_or(usize::MAX);
    limits.ifd_value_size = MAX_METADATA;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refused)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(Error::limit(format!(
            "too many pixels; found {width}x{height}, allowed {MAX_PIXELS}; scale it down"
        )));
    }
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    if photometric == SEPARATED {
        if decoder.colortype().map_err(refused)? != ColorType::CMYK(8) {
            return Ok(None);
        }
        let DecodingResult::U8(inks) = decoder.read_image().map_err(refused)? else { return Ok(None) };
        if inks.len() as u64 != pixels * 4 {
            return Ok(None);
        }
        let image = cmyk_to_srgb8(&Cmyk { width, height, pixels: inks, icc })?;
        return Ok(Some((DynamicImage::ImageRgb8(image), None)));
    }
    let DecodingResult::U8(mut samples) = decoder.read_image().map_err(refused)? else {
        return Err(Error::unsupported("a YCbCr TIFF of other than 8 bits; export it as PNG or JPEG"));
    };
    if samples.len() as u64 != pixels * 3 {
        return Err(Error::unsupported("a YCbCr TIFF in separate planes; export it as PNG or JPEG"));
    }
    samples.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = to_rgb(*pixel));
    Ok(RgbImage::from_raw(width, height, samples).map(|image| (DynamicImage::ImageRgb8(image), icc)))
}

/// ITU-R BT.601 in full range, which is TIFF's default (§21, YCbCrCoefficients) and all that JPEG has (T.871 §7).
fn to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    // A float that is cast to a byte is clamped.
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|value| value.round() as u8)
}

fn refused(error: tiff::TiffError) -> Error {
    match error {
        tiff::TiffError::UnsupportedError(error) => {
            Error::unsupported(format!("a TIFF that is not decoded: {error}; export it as PNG or JPEG"))
        }
        tiff::TiffError::LimitsExceeded => Error::limit("the TIFF is beyond the decoder's limits; scale it down"),
        other => Error::malformed(format!("the TIFF cannot be decoded: {other}")),
    }
}
