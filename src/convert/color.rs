//! Colours to 8-bit sRGB: by ICC profile, by code points (CICP), and from ink components.

use super::decode::{Cicp, Cmyk};
use crate::error::{Error, Result};
use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, TransferCharacteristics,
    TransformOptions,
};

/// `image` in 8-bit sRGB, as `Rgb8`, or `Rgba8` where a pixel is not opaque.
///
/// A profile that cannot be read, or that is for another kind of picture, is passed over: viewers do the same.
pub(crate) fn to_srgb8(image: DynamicImage, icc: Option<&[u8]>, cicp: Option<Cicp>) -> Result<DynamicImage> {
    let profile = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok()).or_else(|| cicp.and_then(profile_of_cicp));
    let converted = match profile {
        Some(profile) if profile.color_space == DataColorSpace::Rgb => convert_rgb(image, &profile)?,
        Some(profile) if profile.color_space == DataColorSpace::Gray => convert_gray(image, &profile)?,
        _ => image,
    };
    Ok(without_idle_alpha(to_8_bit(converted)))
}

/// Ink components (0 = no ink) in 8-bit sRGB: by the embedded profile, else by the plain product of paper and ink.
pub(crate) fn cmyk_to_srgb8(cmyk: &Cmyk) -> Result<RgbImage> {
    let profile = cmyk.icc.as_deref().and_then(|icc| ColorProfile::new_from_slice(icc).ok());
    let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    let mut rgb = RgbImage::new(cmyk.width, cmyk.height);
    let width = cmyk.width as usize;
    let rows = rgb.as_flat_samples_mut().samples.chunks_exact_mut((width * 3).max(1));
    let transform = match profile {
        Some(profile) => profile
            .create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
            .ok(),
        None => None,
    };
    for (inks, row) in cmyk.pixels.chunks_exact((width * 4).max(1)).zip(rows) {
        match &transform {
            Some(transform) => {
                transform
                    .transform(inks, row)
                    .map_err(|error| Error::engine(format!("colour conversion failed: {error}")))?;
            }
            None => {
                for (ink, pixel) in inks.chunks_exact(4).zip(row.chunks_exact_mut(3)) {
                    let black = 255 - u32::from(ink[3]);
                    for (channel, ink) in pixel.iter_mut().zip(ink) {
                        *channel = (((255 - u32::from(*ink)) * black + 127) / 255) as u8;
                    }
                }
            }
        }
    }
    Ok(rgb)
}

/// The profile that code points (ITU-T H.273) stand for; none for sRGB and what nobody knows.
fn profile_of_cicp(cicp: Cicp) -> Option<ColorProfile> {
    let primaries = CicpColorPrimaries::try_from(cicp.primaries).ok()?;
    let transfer = TransferCharacteristics::try_from(cicp.transfer).ok()?;
    let is_srgb = matches!(cicp.primaries, 1 | 2) && matches!(cicp.transfer, 1 | 2 | 6 | 13);
    // BT.709's own curve is shown as sRGB everywhere: converting would only darken the picture.
    let transfer = if matches!(cicp.transfer, 1 | 6 | 14 | 15) { TransferCharacteristics::Srgb } else { transfer };
    (!is_srgb).then(|| {
        ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: primaries,
            transfer_characteristics: transfer,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: cicp.full_range,
        })
    })
}

fn convert_rgb(image: DynamicImage, profile: &ColorProfile) -> Result<DynamicImage> {
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let failed = |error| Error::engine(format!("colour conversion failed: {error}"));
    // Gray pixels under an RGB profile have the profile's tone curve: they go the same way.
    let image = match image {
        DynamicImage::ImageLuma8(_) => DynamicImage::ImageRgb8(image.into_rgb8()),
        DynamicImage::ImageLumaA8(_) => DynamicImage::ImageRgba8(image.into_rgba8()),
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageRgb32F(_) => DynamicImage::ImageRgb16(image.into_rgb16()),
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgba32F(_) => DynamicImage::ImageRgba16(image.into_rgba16()),
        other => other,
    };
    Ok(match image {
        DynamicImage::ImageRgb8(mut pixels) => {
            let Ok(transform) = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options) else {
                return Ok(DynamicImage::ImageRgb8(pixels));
            };
            let width = pixels.width() as usize * 3;
            in_rows(&mut pixels, width, |from, to| transform.transform(from, to)).map_err(failed)?;
            DynamicImage::ImageRgb8(pixels)
        }
        DynamicImage::ImageRgba8(mut pixels) => {
            let Ok(transform) = profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, options) else {
                return Ok(DynamicImage::ImageRgba8(pixels));
            };
            let width = pixels.width() as usize * 4;
            in_rows(&mut pixels, width, |from, to| transform.transform(from, to)).map_err(failed)?;
            DynamicImage::ImageRgba8(pixels)
        }
        DynamicImage::ImageRgb16(mut pixels) => {
            let Ok(transform) = profile.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, options) else {
                return Ok(DynamicImage::ImageRgb16(pixels));
            };
            let width = pixels.width() as usize * 3;
            in_rows(&mut pixels, width, |from, to| transform.transform(from, to)).map_err(failed)?;
            DynamicImage::ImageRgb16(pixels)
        }
        DynamicImage::ImageRgba16(mut pixels) => {
            let Ok(transform) = profile.create_transform_16bit(Layout::Rgba, &srgb, Layout::Rgba, options) else {
                return Ok(DynamicImage::ImageRgba16(pixels));
            };
            let width = pixels.width() as usize * 4;
            in_rows(&mut pixels, width, |from, to| transform.transform(from, to)).map_err(failed)?;
            DynamicImage::ImageRgba16(pixels)
        }
        other => other,
    })
}

fn convert_gray(image: DynamicImage, profile: &ColorProfile) -> Result<DynamicImage> {
    let gray = match image {
        DynamicImage::ImageLuma8(gray) => gray,
        // A gray profile on coloured pixels says nothing about them; deeper gray is reduced first.
        DynamicImage::ImageLuma16(_) => image.into_luma8(),
        other => return Ok(other),
    };
    let srgb = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(Layout::Gray, &srgb, Layout::Rgb, TransformOptions::default())
    else {
        return Ok(DynamicImage::ImageLuma8(gray));
    };
    let mut rgb = RgbImage::new(gray.width(), gray.height());
    let width = (gray.width() as usize).max(1);
    for (from, to) in gray.as_raw().chunks_exact(width).zip(rgb.chunks_exact_mut(width * 3)) {
        transform.transform(from, to).map_err(|error| Error::engine(format!("colour conversion failed: {error}")))?;
    }
    Ok(DynamicImage::ImageRgb8(rgb))
}

/// Runs `convert` over `samples` row by row, with one row as scratch: a second picture would double the memory.
fn in_rows<T: Copy, E>(
    samples: &mut [T],
    row: usize,
    mut convert: impl FnMut(&[T], &mut [T]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut scratch: Vec<T> = Vec::new();
    for row in samples.chunks_exact_mut(row.max(1)) {
        scratch.clear();
        scratch.extend_from_slice(row);
        convert(&scratch, row)?;
    }
    Ok(())
}

/// 16-bit and floating components to 8 bits, gray to three components.
fn to_8_bit(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => image,
        other if other.color().has_alpha() => DynamicImage::ImageRgba8(other.into_rgba8()),
        other => DynamicImage::ImageRgb8(other.into_rgb8()),
    }
}

/// An alpha channel in which every pixel is opaque is dropped, in place: a second picture would nearly double the memory.
fn without_idle_alpha(image: DynamicImage) -> DynamicImage {
    let pixels = match image {
        DynamicImage::ImageRgba8(pixels) if is_opaque(&pixels) => pixels,
        other => return other,
    };
    let (width, height) = pixels.dimensions();
    let mut samples = pixels.into_raw();
    let count = samples.len() / 4;
    for pixel in 1..count {
        samples.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
    }
    samples.truncate(count * 3);
    // The picture has as many samples as its size says, so there is one.
    RgbImage::from_raw(width, height, samples).map_or_else(DynamicImage::default, DynamicImage::ImageRgb8)
}

fn is_opaque(pixels: &RgbaImage) -> bool {
    pixels.as_raw().chunks_exact(4).all(|pixel| pixel[3] == u8::MAX)
}

/// `pixels` laid on `background`.
pub(crate) fn flattened(pixels: &RgbaImage, background: [u8; 3]) -> RgbImage {
    let mut flat = RgbImage::new(pixels.width(), pixels.height());
    for (from, to) in pixels.as_raw().chunks_exact(4).zip(flat.chunks_exact_mut(3)) {
        let alpha = u32::from(from[3]);
        for ((channel, value), below) in to.iter_mut().zip(from).zip(background) {
            *channel = ((u32::from(*value) * alpha + u32::from(below) * (255 - alpha) + 127) / 255) as u8;
        }
    }
    flat
}
