//! PNG of 16 bits a component, reduced to 8 while its rows are read: three times the memory would go otherwise.

use crate::error::{Error, Result};
use crate::limits::capped_vec;
use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::{DynamicImage, ImageBuffer, ImageError, ImageFormat};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use std::io::Cursor;

/// The picture in 8 bits; none where it has no more than that, or where its rows do not come in their order.
///
/// # Errors
/// `Malformed` and `Limit`, as for every picture.
pub(super) fn decode(bytes: &[u8], max_alloc: u64) -> Result<Option<DynamicImage>> {
    let limits = Limits { bytes: usize::try_from(max_alloc).unwrap_or(usize::MAX) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refused)?;
    let ((width, height), interlaced) = (reader.info().size(), reader.info().interlaced);
    let (color, depth) = reader.output_color_type();
    if depth != BitDepth::Sixteen || interlaced {
        return Ok(None);
    }
    let mut pixels: Vec<u8> = capped_vec(reader.output_buffer_size().unwrap_or(0) / 2);
    while let Some(row) = reader.next_row().map_err(refused)? {
        let samples = row.data().as_chunks::<2>().0.iter().map(|&sample| u32::from(u16::from_be_bytes(sample)));
        pixels.extend(samples.map(|sample| ((sample + 128) / 257) as u8));
    }
    let image = match color {
        ColorType::Grayscale => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        ColorType::GrayscaleAlpha => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        ColorType::Rgba => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        ColorType::Indexed => None,
    };
    image.map(Some).ok_or_else(|| Error::engine("the PNG decoder gave a wrong number of pixels"))
}

/// As `image` sorts the decoder's errors.
fn refused(error: png::DecodingError) -> Error {
    super::raster::refused(match error {
        png::DecodingError::LimitsExceeded => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
        }
        error => ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Png), error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageEncoder, Rgba};

    #[test]
    fn samples_are_those_of_the_whole_picture() {
        let pixel =
            |x: u32, y: u32| Rgba([(x * 257) as u16, (x * 259 + y) as u16, (y * 1021) as u16, 65_535 - x as u16]);
        let deep = DynamicImage::ImageRgba16(ImageBuffer::from_fn(300, 70, pixel));
        let kinds = [
            deep.clone(),
            DynamicImage::ImageRgb16(deep.to_rgb16()),
            DynamicImage::ImageLuma16(deep.to_luma16()),
            DynamicImage::ImageLumaA16(deep.to_luma_alpha16()),
        ];
        for image in &kinds {
            let mut bytes = Vec::new();
            let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.write_image(image.as_bytes(), 300, 70, image.color().into()).unwrap();
            let found = decode(&bytes, 1 << 24).unwrap().unwrap();
            assert_eq!(found.color().has_alpha(), image.color().has_alpha());
            assert_eq!(found.to_rgba8(), image.to_rgba8(), "{:?}", image.color());
            let cut = decode(&bytes[..bytes.len() / 2], 1 << 24).unwrap_err();
            assert_eq!(cut.kind(), crate::error::ErrorKind::Malformed);
        }
        assert_eq!(kinds.len(), 4);
    }

    #[test]
    fn eight_bits_go_the_other_way() {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(4, 4).write_to(&mut bytes, ImageFormat::Png).unwrap();
        assert!(decode(&bytes.into_inner(), 1 << 24).unwrap().is_none());
    }
}
