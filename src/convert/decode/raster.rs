//! PNG, WebP, GIF, BMP, TIFF and ICO by the `image` crate, within guards.

use super::webp_frames::WebpFrames;
use super::{Cicp, Decoded, png_rows, tiff_palette, tiff_samples};
use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::format::Format;
use crate::limits::{MAX_FRAMES, MAX_METADATA, MAX_PIXELS, MAX_SIDE, capped_vec};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{
    AnimationDecoder, ColorType, DynamicImage, Frames, ImageBuffer, ImageDecoder, ImageError, ImageReader, Limits,
    RgbaImage,
};
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve};
use std::io::Cursor;

/// What a decoder may allocate: twice four components of 32 bits for each pixel, and no more than the largest allowed
/// picture takes at 8 bytes each.
const PIXEL_BYTES: u64 = 32;
const MAX_ALLOC: u64 = MAX_PIXELS * 8;

pub(super) fn decode(format: Format, bytes: &[u8], salvage: bool) -> Result<Decoded> {
    if format == Format::Tiff {
        let orientation = || tiff_palette::orientation(bytes);
        if let Some((image, icc)) = tiff_palette::decode(bytes)? {
            return Ok(Decoded { image, icc, orientation: orientation(), primaries: None });
        }
        if let Some((image, icc)) = tiff_samples::decode(bytes)? {
            return Ok(Decoded { image, icc, orientation: orientation(), primaries: None });
        }
    }
    // `image` takes no PNG in an icon but RGBA.
    if let Some(png) = icon_png(bytes).filter(|_| format == Format::Ico) {
        return decode(Format::Png, png, salvage);
    }
    let mut decoder = reader(format, bytes)?.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::limit(format!(
            "too many pixels; found {width}x{height}, allowed {MAX_PIXELS}; scale it down"
        )));
    }
    decoder.set_limits(limits(u64::from(width) * u64::from(height))).map_err(refused)?;
    let icc = decoder.icc_profile().map_err(refused)?;
    let (icc, primaries) = if format == Format::Png { png_colors(bytes, icc) } else { (icc, None) };
    let orientation =
        decoder.orientation().map_or(Orientation::Normal, |found| Orientation::from_exif(found.to_exif().into()));
    // Colours of a profile are converted before depth is given up.
    let plain = format == Format::Png && !salvage && icc.is_none() && primaries.is_none();
    let deep = decoder.color_type().bytes_per_pixel() == 2 * decoder.color_type().channel_count();
    let reduced = if plain && deep {
        png_rows::decode(bytes, limits(png_pixels(bytes)).max_alloc.unwrap_or(MAX_ALLOC))?
    } else {
        None
    };
    let image = if let Some(image) = reduced {
        image
    } else if salvage && matches!(format, Format::Png | Format::Apng | Format::Gif | Format::Bmp) {
        as_far_as_it_goes(decoder, format)?
    } else {
        DynamicImage::from_decoder(decoder).map_err(refused)?
    };
    Ok(Decoded { image, icc, orientation, primaries })
}

/// Who composes frames.
enum Composed<'a> {
    Image(Frames<'a>),
    Webp(WebpFrames<'a>),
}

/// An animation, whose frames are decoded as they are asked for.
#[cfg_attr(not(feature = "video"), expect(dead_code, reason = "only a video of it needs its colours"))]
pub(in crate::convert) struct Moving<'a> {
    frames: Composed<'a>,
    /// The embedded colour profile.
    pub icc: Option<Vec<u8>>,
    /// Colour by code points, where there is no profile.
    pub primaries: Option<Cicp>,
}

impl<'a> Moving<'a> {
    /// For an animation of `format`.
    ///
    /// # Errors
    /// `Malformed` when its headers do not read; `Limit`; `Unsupported` for formats whose frames are not decoded here.
    pub(in crate::convert) fn open(format: Format, bytes: &'a [u8]) -> Result<Self> {
        let source = Cursor::new(bytes);
        match format {
            Format::Gif => {
                let mut decoder = GifDecoder::new(source).map_err(refused)?;
                let (width, height) = decoder.dimensions();
                decoder.set_limits(limits(u64::from(width) * u64::from(height))).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                Ok(Self { frames: Composed::Image(decoder.into_frames()), icc, primaries: None })
            }
            Format::Webp => {
                let mut decoder = WebPDecoder::new(source).map_err(refused)?;
                let (width, height) = decoder.dimensions();
                decoder.set_limits(limits(u64::from(width) * u64::from(height))).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                Ok(Self { frames: Composed::Webp(WebpFrames::open(bytes)?), icc, primaries: None })
            }
            Format::Apng => {
                let mut decoder = PngDecoder::with_limits(source, limits(png_pixels(bytes))).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                let (icc, primaries) = png_colors(bytes, icc);
                let frames = decoder.apng().map_err(refused)?.into_frames();
                Ok(Self { frames: Composed::Image(frames), icc, primaries })
            }
            other => Err(Error::unsupported(format!("{} has no frames", other.label()))),
        }
    }

    /// The next frame as it is shown, and how long that is stated to be, in nanoseconds.
    pub(in crate::convert) fn next(&mut self) -> Result<Option<(RgbaImage, u64)>> {
        let frames = match &mut self.frames {
            Composed::Image(frames) => frames,
            Composed::Webp(frames) => {
                return Ok(frames.next()?.map(|(frame, ms)| (frame, u64::from(ms) * 1_000_000)));
            }
        };
        let Some(frame) = frames.next() else { return Ok(None) };
        let frame = frame.map_err(refused)?;
        let (ms, parts) = frame.delay().numer_denom_ms();
        let stated_ns = u64::from(ms) * 1_000_000 / u64::from(parts.max(1));
        Ok(Some((frame.into_buffer(), stated_ns)))
    }
}

/// Reads rows until the damage; the rest is transparent, or white. These decoders fill the picture as they go.
fn as_far_as_it_goes(decoder: impl ImageDecoder, format: Format) -> Result<DynamicImage> {
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let blank = if color.has_alpha() { 0 } else { u8::MAX };
    let length = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    let mut pixels: Vec<u8> = capped_vec(length);
    pixels.resize(length, blank);
    if let Err(error) = decoder.read_image(&mut pixels) {
        if pixels.iter().all(|byte| *byte == blank) {
            return Err(refused(error));
        }
        // What is read whole is turned to the machine's order of bytes at its end.
        if format != Format::Bmp && color.bytes_per_pixel() == 2 * color.channel_count() {
            pixels.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| *pair = u16::from_be_bytes(*pair).to_ne_bytes());
        }
    }
    let deep = || pixels.as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair)).collect::<Vec<u16>>();
    let image = match color {
        ColorType::L16 => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageLuma16),
        ColorType::La16 => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageLumaA16),
        ColorType::Rgb16 => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageRgb16),
        ColorType::Rgba16 => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageRgba16),
        ColorType::L8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        ColorType::La8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        ColorType::Rgba8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        _ => None,
    };
    image.ok_or_else(|| Error::engine("the decoder gave a wrong number of pixels"))
}

/// Decodes every frame, as it is shown, and hands it to `look`.
pub(in crate::convert) fn decode_frames(
    format: Format,
    bytes: &[u8],
    mut look: impl FnMut(DynamicImage),
) -> Result<()> {
    let mut moving = Moving::open(format, bytes)?;
    for _ in 0..MAX_FRAMES {
        let Some((frame, _)) = moving.next()? else { break };
        look(DynamicImage::ImageRgba8(frame));
    }
    Ok(())
}

fn reader(format: Format, bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>> {
    let kind = match format {
        Format::Png | Format::Apng => image::ImageFormat::Png,
        Format::Webp => image::ImageFormat::WebP,
        Format::Gif => image::ImageFormat::Gif,
        Format::Bmp => image::ImageFormat::Bmp,
        Format::Tiff => image::ImageFormat::Tiff,
        Format::Ico => image::ImageFormat::Ico,
        other => return Err(Error::unsupported(format!("no built-in decoder reads {}", other.label()))),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    // A PNG's profile and texts are inflated before anyone can ask for its size.
    reader.limits(limits(if kind == image::ImageFormat::Png { png_pixels(bytes) } else { MAX_PIXELS }));
    Ok(reader)
}

/// Room for so many pixels, and for metadata: a profile of gigabytes packs into a small file.
pub(super) fn limits(pixels: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(pixels.saturating_mul(PIXEL_BYTES).min(MAX_ALLOC) + MAX_METADATA as u64);
    limits
}

/// The pixels that the header of a PNG promises.
fn png_pixels(bytes: &[u8]) -> u64 {
    let side = |at: usize| bytes.get(at..at + 4).and_then(|side| side.try_into().ok()).map_or(0, u32::from_be_bytes);
    u64::from(side(16)) * u64::from(side(20))
}

/// Sorts a decoder's refusal by who must act.
pub(super) fn refused(error: ImageError) -> Error {
    match error {
        ImageError::Limits(error) => Error::limit(format!(
            "the picture is beyond the decoder's limits: {error}; export it anew, or scale it down"
        )),
        ImageError::Unsupported(error) => {
            Error::unsupported(format!("the picture is coded in an unsupported way: {error}; export it as PNG or JPEG"))
        }
        other => Error::malformed(format!("the picture cannot be decoded: {other}")),
    }
}

/// What a PNG's colours mean, where `icc` is the profile in it: one statement stands above all others (PNG 3rd edition
/// §4.3, table 7): `cICP`, the profile, `sRGB`, and last `gAMA` and `cHRM`.
fn png_colors(bytes: &[u8], icc: Option<Vec<u8>>) -> (Option<Vec<u8>>, Option<Cicp>) {
    match png_cicp(bytes) {
        Some(cicp) => (None, Some(cicp)),
        None if icc.is_some() || png_chunk(bytes, b"sRGB").is_some() => (icc, None),
        None => (png_calibration(bytes), None),
    }
}

/// The `cICP` chunk of a PNG (§11.3.2.6), unless it leaves everything open.
fn png_cicp(bytes: &[u8]) -> Option<Cicp> {
    let [primaries, transfer, matrix, range] = *png_chunk(bytes, b"cICP")?.get(..4)? else { return None };
    let says = (primaries, transfer) != (2, 2);
    says.then_some(Cicp { primaries, transfer, matrix, full_range: range == 1 })
}

/// The `gAMA` and `cHRM` chunks of a PNG (§11.3.2.1 and §11.3.2.2) as an ICC profile, unless they say what sRGB says.
fn png_calibration(bytes: &[u8]) -> Option<Vec<u8>> {
    let number = |data: &[u8], at: usize| data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    // Without a gamma the primaries are not used either: so do browsers.
    let stored = number(png_chunk(bytes, b"gAMA")?, 0).filter(|stored| (1_000..10_000_000).contains(stored))?;
    let gamma = 100_000.0 / stored as f32;
    let has_curve = (gamma - 2.2).abs() > 0.05;
    let primaries = png_chunk(bytes, b"cHRM").and_then(|data| {
        let point = |at| Some((number(data, at)?, number(data, at + 4)?));
        Some([point(0)?, point(8)?, point(16)?, point(24)?])
    });
    let primaries = primaries.filter(|points| !is_about_srgb(points) && points.iter().all(|(_, y)| *y > 0));
    if !has_curve && primaries.is_none() {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some([white, red, green, blue]) = primaries {
        let point = |(x, y): (u32, u32)| Chromaticity::new(x as f32 / 100_000.0, y as f32 / 100_000.0);
        let primaries = ColorPrimaries { red: point(red), green: point(green), blue: point(blue) };
        profile.update_rgb_colorimetry(point(white).to_xyyb(), primaries);
    }
    if has_curve {
        let curve = Some(ToneReprCurve::Parametric(vec![gamma]));
        profile.red_trc.clone_from(&curve);
        profile.green_trc.clone_from(&curve);
        profile.blue_trc = curve;
    }
    profile.cicp = None;
    profile.encode().ok()
}

/// Whether white, red, green and blue, in hundred thousandths, are those of sRGB but for rounding.
fn is_about_srgb(points: &[(u32, u32); 4]) -> bool {
    const SRGB: [(u32, u32); 4] = [(31_270, 32_900), (64_000, 33_000), (30_000, 60_000), (15_000, 6_000)];
    points.iter().zip(SRGB).all(|(point, own)| point.0.abs_diff(own.0) < 500 && point.1.abs_diff(own.1) < 500)
}

/// The largest picture of an icon, if it is a PNG.
fn icon_png(bytes: &[u8]) -> Option<&[u8]> {
    let number = |entry: &[u8], at: usize| entry.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let count = usize::from(u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?));
    let side = |entry: &[u8], at: usize| entry.get(at).map_or(0, |side| (u32::from(*side) + 255) % 256);
    let area = |entry: &&[u8]| {
        let depth = entry.get(6..8).map_or(0, |depth| u16::from_le_bytes([depth[0], depth[1]]));
        ((side(entry, 0) + 1) * (side(entry, 1) + 1), depth)
    };
    let directory = bytes.get(6..)?;
    let entry = directory.get(..count * 16).unwrap_or(directory).chunks_exact(16).max_by_key(area)?;
    let at = usize::try_from(number(entry, 12)?).ok()?;
    let data = bytes.get(at..at.checked_add(usize::try_from(number(entry, 8)?).ok()?)?)?;
    data.starts_with(b"\x89PNG\r\n\x1a\n").then_some(data)
}

/// The content of the first chunk of this kind before the pixels.
fn png_chunk<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    let mut at: usize = 8;
    loop {
        let header: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        match &header[4..] {
            kind if kind == wanted => return bytes.get(at + 8..(at + 8).checked_add(length)?),
            b"IDAT" | b"IEND" => return None,
            _ => at = at.checked_add(length)?.checked_add(12)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_picture_has_room_for_a_small_profile_only() {
        let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0";
        assert_eq!(png_pixels(header), 64);
        assert_eq!(limits(64).max_alloc, Some(64 * 32 + 16 * 1024 * 1024));
        assert_eq!(png_pixels(b"\x89PNG"), 0);
        assert!(limits(u64::MAX).max_alloc < Some(3_000_000_000));
    }
}
