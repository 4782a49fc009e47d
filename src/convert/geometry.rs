//! Pixels in their place: orientation, scaling, canvas.

use crate::error::{Error, Result};
use crate::facts::Orientation;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, GenericImageView, RgbImage, RgbaImage};

/// `image` with `orientation` baked into the pixels.
pub(crate) fn upright(mut image: DynamicImage, orientation: Orientation) -> DynamicImage {
    if let Some(orientation) = image::metadata::Orientation::from_exif(orientation.to_exif()) {
        image.apply_orientation(orientation);
    }
    image
}

/// `image` at another size: Lanczos with three lobes, on the sRGB-coded values (as browsers and phones scale), colours
/// weighted by their opacity.
pub(crate) fn resized(image: &DynamicImage, width: u32, height: u32) -> Result<DynamicImage> {
    let scaled = if image.color().has_alpha() {
        RgbaImage::from_raw(width, height, lanczos(image, width, height)?).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, lanczos(image, width, height)?).map(DynamicImage::ImageRgb8)
    };
    scaled.ok_or_else(|| Error::engine("scaling gave a wrong number of pixels"))
}

/// `image` with both sides multiplied by `factor`, as [`resized`].
pub(crate) fn scaled(image: &DynamicImage, factor: f64) -> Result<DynamicImage> {
    resized(image, side(image.width(), factor), side(image.height(), factor))
}

/// As [`scaled`], for opaque pixels that are only borrowed.
pub(crate) fn scaled_rgb(image: &RgbImage, factor: f64) -> Result<RgbImage> {
    let (width, height) = (side(image.width(), factor), side(image.height(), factor));
    let view = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3)
        .map_err(|error| Error::engine(format!("scaling failed: {error}")))?;
    let pixels = lanczos(&view, width, height)?;
    RgbImage::from_raw(width, height, pixels).ok_or_else(|| Error::engine("scaling gave a wrong number of pixels"))
}

fn side(length: u32, factor: f64) -> u32 {
    ((f64::from(length) * factor).round() as u32).max(1)
}

fn lanczos(image: &impl IntoImageView, width: u32, height: u32) -> Result<Vec<u8>> {
    let kind = image.pixel_type().ok_or_else(|| Error::engine("scaling failed: unknown pixel layout"))?;
    let mut scaled = Image::new(width, height, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let done = Resizer::new().resize(image, &mut scaled, &options);
    done.map_err(|error| Error::engine(format!("scaling failed: {error}")))?;
    Ok(scaled.into_vec())
}

/// How far the nearest pixel that can be seen is from an edge, in pixels; nothing for a picture without transparency.
pub(crate) fn clear_margin(image: &DynamicImage) -> Option<u32> {
    match image {
        DynamicImage::ImageRgba8(pixels) => Some(clear_rings(pixels, |pixel| pixel.0[3] == 0)),
        DynamicImage::ImageRgba16(pixels) => Some(clear_rings(pixels, |pixel| pixel.0[3] == 0)),
        DynamicImage::ImageLumaA8(pixels) => Some(clear_rings(pixels, |pixel| pixel.0[1] == 0)),
        DynamicImage::ImageLumaA16(pixels) => Some(clear_rings(pixels, |pixel| pixel.0[1] == 0)),
        _ => None,
    }
}

/// From the edge inwards, ring by ring: most pictures end it at once.
fn clear_rings<V: GenericImageView>(image: &V, is_clear: impl Fn(&V::Pixel) -> bool) -> u32 {
    let (width, height) = image.dimensions();
    let clear = |x: u32, y: u32| is_clear(&image.get_pixel(x, y));
    let rings = width.min(height).div_ceil(2);
    let seen = (0..rings).find(|&ring| {
        let (right, bottom) = (width - 1 - ring, height - 1 - ring);
        let rows = (ring..=right).all(|x| clear(x, ring) && clear(x, bottom));
        !(rows && (ring..=bottom).all(|y| clear(ring, y) && clear(right, y)))
    });
    seen.unwrap_or(rings)
}

/// The size of `width`×`height` scaled to lie inside `side`×`side`, aspect kept, at least one pixel each way.
pub(crate) fn inside(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = f64::from(width.max(height).max(1));
    let scaled = |length: u32| ((f64::from(length) * f64::from(side) / longest).round() as u32).clamp(1, side);
    (scaled(width), scaled(height))
}

/// `image` scaled into a square of `side` pixels and centred on full transparency.
pub(crate) fn on_canvas(image: &DynamicImage, side: u32) -> Result<RgbaImage> {
    let (width, height) = inside(image.width(), image.height(), side);
    let scaled = if (width, height) == (image.width(), image.height()) {
        image.to_rgba8()
    } else {
        resized(image, width, height)?.into_rgba8()
    };
    if (width, height) == (side, side) {
        return Ok(scaled);
    }
    let mut canvas = RgbaImage::new(side, side);
    image::imageops::replace(&mut canvas, &scaled, i64::from((side - width) / 2), i64::from((side - height) / 2));
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn the_margin_is_that_of_the_nearest_visible_pixel() {
        let with = |x, y| {
            let mut pixels = RgbaImage::new(20, 10);
            pixels.put_pixel(x, y, Rgba([0, 0, 0, 1]));
            clear_margin(&DynamicImage::ImageRgba8(pixels))
        };
        assert_eq!([with(0, 5), with(19, 9), with(3, 5), with(9, 1), with(10, 4)], [0, 0, 3, 1, 4].map(Some));
        assert_eq!(clear_margin(&DynamicImage::new_rgba16(7, 30)), Some(4));
        assert_eq!(clear_margin(&DynamicImage::new_luma_a8(1, 1)), Some(1));
        assert_eq!(clear_margin(&DynamicImage::new_rgb8(4, 4)), None);
    }
}
