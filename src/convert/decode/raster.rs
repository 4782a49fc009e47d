//! PNG, WebP, GIF, BMP, TIFF and ICO by the `image` crate, within guards.

use super::webp_frames::WebpFrames;
use super::{Cicp, Decoded, tiff_palette};
use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::format::Format;
use crate::limits::{MAX_FRAMES, MAX_PIXELS, MAX_SIDE};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageError, ImageReader, Limits, RgbaImage};
use moxcms::{ColorProfile, ToneReprCurve};
use std::io::Cursor;

/// What a decoder may allocate: the pixels of the largest allowed picture at 8 bytes each.
const MAX_ALLOC: u64 = MAX_PIXELS * 8;

pub(super) fn decode(format: Format, bytes: &[u8]) -> Result<Decoded> {
    if format == Format::Tiff
        && let Some(image) = tiff_palette::decode(bytes)?
    {
        return Ok(Decoded { image, icc: None, orientation: tiff_palette::orientation(bytes), primaries: None });
    }
    let mut decoder = reader(format, bytes)?.into_decoder().map_err(refused)?;
    decoder.set_limits(limits()).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::limit(format!(
            "too many pixels; found {width}x{height}, allowed {MAX_PIXELS}; scale it down"
        )));
    }
    let mut icc = decoder.icc_profile().map_err(refused)?;
    if icc.is_none() && format == Format::Png {
        icc = png_gamma(bytes).and_then(profile_of_gamma);
    }
    let orientation =
        decoder.orientation().map_or(Orientation::Normal, |found| Orientation::from_exif(found.to_exif().into()));
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let primaries = if format == Format::Png { png_cicp(bytes) } else { None };
    Ok(Decoded { image, icc, orientation, primaries })
}

/// Who composes frames.
enum Composed<'a> {
    Image(Frames<'a>),
    Webp(WebpFrames<'a>),
}

/// An animation, whose frames are decoded as they are asked for.
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
                decoder.set_limits(limits()).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                Ok(Self { frames: Composed::Image(decoder.into_frames()), icc, primaries: None })
            }
            Format::Webp => {
                let mut decoder = WebPDecoder::new(source).map_err(refused)?;
                decoder.set_limits(limits()).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                Ok(Self { frames: Composed::Webp(WebpFrames::open(bytes)?), icc, primaries: None })
            }
            Format::Apng => {
                let mut decoder = PngDecoder::with_limits(source, limits()).map_err(refused)?;
                let icc = decoder.icc_profile().map_err(refused)?;
                let icc = icc.or_else(|| png_gamma(bytes).and_then(profile_of_gamma));
                let frames = decoder.apng().map_err(refused)?.into_frames();
                Ok(Self { frames: Composed::Image(frames), icc, primaries: png_cicp(bytes) })
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
    reader.limits(limits());
    Ok(reader)
}

pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    limits
}

/// Sorts a decoder's refusal by who must act.
pub(super) fn refused(error: ImageError) -> Error {
    match error {
        ImageError::Limits(error) => Error::limit(format!("the picture is beyond the decoder's limits: {error}")),
        ImageError::Unsupported(error) => {
            Error::unsupported(format!("the picture is coded in an unsupported way: {error}"))
        }
        other => Error::malformed(format!("the picture cannot be decoded: {other}")),
    }
}

/// The `cICP` chunk of a PNG (PNG 3rd edition §11.3.2.6), which stands above every other statement of colour.
fn png_cicp(bytes: &[u8]) -> Option<Cicp> {
    let [primaries, transfer, matrix, range] = *png_chunk(bytes, b"cICP")?.get(..4)? else { return None };
    Some(Cicp { primaries, transfer, matrix, full_range: range == 1 })
}

/// The `gAMA` chunk of a PNG (§11.3.2.2), unless `sRGB` overrides it or it says what sRGB is shown with anyway.
fn png_gamma(bytes: &[u8]) -> Option<f32> {
    if png_chunk(bytes, b"sRGB").is_some() {
        return None;
    }
    let stored: [u8; 4] = png_chunk(bytes, b"gAMA")?.get(..4)?.try_into().ok()?;
    let stored = u32::from_be_bytes(stored);
    (1_000..10_000_000).contains(&stored).then(|| 100_000.0 / stored as f32).filter(|gamma| (gamma - 2.2).abs() > 0.05)
}

/// sRGB's primaries with another tone curve, as an ICC profile.
fn profile_of_gamma(gamma: f32) -> Option<Vec<u8>> {
    let mut profile = ColorProfile::new_srgb();
    let curve = Some(ToneReprCurve::Parametric(vec![gamma]));
    profile.red_trc.clone_from(&curve);
    profile.green_trc.clone_from(&curve);
    profile.blue_trc = curve;
    profile.cicp = None;
    profile.encode().ok()
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
