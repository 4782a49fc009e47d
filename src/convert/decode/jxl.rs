//! JPEG XL stills, and the first frame of animations, decoded by `jxl-oxide` (pure Rust).
//!
//! Colour in numbers, HDR included, is converted to sRGB by the decoder (its tone mapping follows ITU-R BT.2408);
//! an embedded ICC profile is handed on. The orientation is applied by the decoder.

use image::{DynamicImage, ImageBuffer};
use jxl_oxide::color::{EnumColourEncoding, RenderingIntent};
use jxl_oxide::{AllocTracker, InitializeResult, JxlImage, JxlThreadPool, PixelFormat};

use super::Decoded;
use crate::error::Error;
use crate::facts::Orientation;

/// Bytes fed at once: the header must be judged before the rest is parsed.
const FEED_BYTES: usize = 64 * 1024;
/// The most frames (patches, layers, previews) before the first one that is shown.
const MAX_FRAMES: usize = 64;
/// What the decoder may allocate: the base for any picture, and more for each pixel.
const BASE_BYTES: usize = 64 * 1024 * 1024;
/// A lossy and a lossless RGB photo of 12 megapixels took 24 to 27; alpha, layers and patches take more.
const BYTES_A_PIXEL: usize = 48;

/// Decodes the first shown frame of a JPEG XL file, upright.
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Decoded, Error> {
    let tracker = AllocTracker::with_limit(BASE_BYTES);
    let mut chunks = bytes.chunks(FEED_BYTES);
    let mut image = header(&mut chunks, &tracker)?;

    let (width, height) = (image.width(), image.height());
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > max_pixels {
        return Err(Error::limit(format!("picture too large; found {width}x{height}, allowed {max_pixels} pixels")));
    }
    tracker.expand_limit(usize::try_from(pixels).unwrap_or(usize::MAX).saturating_mul(BYTES_A_PIXEL));

    let format = image.pixel_format();
    if matches!(format, PixelFormat::Cmyk | PixelFormat::Cmyka) {
        return Err(Error::unsupported("CMYK JPEG XL"));
    }
    let has_profile = image.original_icc().is_some();
    let gray = matches!(format, PixelFormat::Gray | PixelFormat::Graya);
    if !has_profile {
        let intent = RenderingIntent::Relative;
        let srgb = if gray { EnumColourEncoding::gray_srgb(intent) } else { EnumColourEncoding::srgb(intent) };
        image.request_color_encoding(srgb);
    }

    // Only up to the first shown frame: the other frames of an animation need not even be parsed.
    while image.num_loaded_keyframes() == 0 {
        if image.num_loaded_frames() > MAX_FRAMES {
            return Err(Error::limit(format!("too many hidden frames in a JPEG XL file; allowed {MAX_FRAMES}")));
        }
        let Some(chunk) = chunks.next() else {
            return Err(Error::malformed("JPEG XL file ends within its first frame"));
        };
        image.feed_bytes(chunk).map_err(|e| from_jxl(&*e))?;
    }
    let render = image.render_frame(0).map_err(|e| from_jxl(&*e))?;
    let mut stream = render.stream();
    let deep = image.image_header().metadata.bit_depth.bits_per_sample() > 8;
    let (width, height, channels) = (stream.width(), stream.height(), stream.channels());
    let len = usize::try_from(u64::from(width) * u64::from(height) * u64::from(channels)).unwrap_or(0);
    let icc = has_profile.then(|| image.rendered_icc()).filter(|icc| !icc.is_empty());

    let image = if deep {
        let mut samples = vec![0_u16; len];
        stream.write_to_buffer(&mut samples);
        match channels {
            1 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma16),
            2 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLumaA16),
            3 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16),
            4 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba16),
            _ => None,
        }
    } else {
        let mut samples = vec![0_u8; len];
        stream.write_to_buffer(&mut samples);
        match channels {
            1 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
            2 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLumaA8),
            3 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb8),
            4 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba8),
            _ => None,
        }
    };
    let image = image.ok_or_else(|| Error::unsupported(format!("JPEG XL picture of {channels} channels")))?;
    Ok(Decoded { image, icc, orientation: Orientation::Normal, primaries: None })
}

/// Feeds the decoder until it knows the picture's size and colour.
fn header<'b>(chunks: &mut impl Iterator<Item = &'b [u8]>, tracker: &AllocTracker) -> Result<JxlImage, Error> {
    let mut waiting = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(tracker.clone()).build_uninit();
    for chunk in chunks {
        waiting.feed_bytes(chunk).map_err(|e| from_jxl(&*e))?;
        match waiting.try_init().map_err(|e| from_jxl(&*e))? {
            InitializeResult::NeedMoreData(more) => waiting = more,
            InitializeResult::Initialized(image) => return Ok(image),
        }
    }
    Err(Error::malformed("JPEG XL file ends within its header"))
}

/// Sorts the decoder's errors by who must act: its allocation limit is ours, the rest is the file's.
fn from_jxl(error: &(dyn std::error::Error + 'static)) -> Error {
    // The limit's error type is not exported, and some layers print it without passing it on as a source.
    let text = error.to_string();
    if text.contains("failed to allocate") {
        return Error::limit("JPEG XL picture needs more memory than allowed");
    }
    Error::malformed(format!("JPEG XL: {text}"))
}
