//! PNG out: coded, optimised without loss, or with a palette.

use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::limits::MAX_METADATA;
use image::{DynamicImage, ImageEncoder, RgbaImage};
use oxipng::{Deflater, Options, StripChunks};
use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How far above the limit the quick coding may be for the thorough one to be worth its time, in percent.
const THOROUGH_REACH: u64 = 125;

/// How long the optimiser is waited for before a look at whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(50);

/// `image` as PNG, when it can be made not larger than `max_bytes`.
pub(crate) fn encode(image: &DynamicImage, max_bytes: u64, cancel: &Cancel) -> Result<Option<Vec<u8>>> {
    let reach = max_bytes.saturating_mul(THOROUGH_REACH) / 100;
    let Some(quick) = quick(image, usize::try_from(reach).unwrap_or(usize::MAX))? else { return Ok(None) };
    if quick.len() as u64 <= max_bytes {
        return Ok(Some(quick));
    }
    let small = optimized(quick, cancel)?;
    Ok((small.len() as u64 <= max_bytes).then_some(small))
}

/// The PNG with filters and compression chosen anew; all other chunks, colour type and depth stay as they are.
///
/// It takes seconds and cannot be told to stop: a thread of its own does it, which is left to itself on `cancel`.
pub(crate) fn optimized(bytes: Vec<u8>, cancel: &Cancel) -> Result<Vec<u8>> {
    let mut options = Options::from_preset(2);
    // The two highest levels of libdeflate take five times as long for the last percent.
    options.deflater = Deflater::Libdeflater { compression: 9 };
    // What is left after stripping says how the picture looks: its gamma, its primaries, which way up.
    options.strip = StripChunks::None;
    // Gray and palettes are smaller, but the platform does not name them among what it takes.
    options.bit_depth_reduction = false;
    options.color_type_reduction = false;
    options.palette_reduction = false;
    options.grayscale_reduction = false;
    options.interlace = Some(false);
    // The pixels at 64 bits each, and a profile: one of gigabytes packs into a small file.
    let side = |at: usize| bytes.get(at..at + 4).and_then(|side| side.try_into().ok()).map_or(0, u32::from_be_bytes);
    let pixels = (u64::from(side(16)) + 1) * u64::from(side(20));
    options.max_decompressed_size = usize::try_from(pixels * 8).ok().map(|bytes| bytes.saturating_add(MAX_METADATA));
    let (done, ready) = mpsc::channel();
    let work = move || done.send(oxipng::optimize_from_memory(&bytes, &options));
    thread::Builder::new().spawn(work).map_err(|error| Error::io("no thread for the PNG optimiser", error))?;
    loop {
        match ready.recv_timeout(PATIENCE) {
            Ok(result) => {
                return result.map_err(|error| Error::malformed(format!("the PNG cannot be optimised: {error}")));
            }
            Err(RecvTimeoutError::Timeout) => cancel.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::engine("the PNG optimiser failed")),
        }
    }
}

/// `image` as a PNG of at most 256 colours with transparency, dithered: for pictures that must stay transparent.
pub(crate) fn quantized(image: &RgbaImage) -> Result<Vec<u8>> {
    let failed = |what: String| Error::engine(format!("the palette could not be made: {what}"));
    let (width, height) = image.dimensions();
    let source = quantizr::Image::new(image.as_raw(), width as usize, height as usize)
        .map_err(|error| failed(format!("{error:?}")))?;
    let mut result = quantizr::QuantizeResult::quantize(&source, &quantizr::Options::default());
    result.set_dithering_level(0.8).map_err(|error| failed(format!("{error:?}")))?;
    let mut indices = vec![0; width as usize * height as usize];
    result.remap_image(&source, &mut indices).map_err(|error| failed(format!("{error:?}")))?;
    let palette = result.get_palette();
    let entries = palette.entries.get(..palette.count as usize).unwrap_or(&palette.entries);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(entries.iter().flat_map(|color| [color.r, color.g, color.b]).collect::<Vec<u8>>());
    encoder.set_trns(entries.iter().map(|color| color.a).collect::<Vec<u8>>());
    encoder.set_compression(png::Compression::High);
    let failed = |error: png::EncodingError| failed(error.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&indices).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Coded at moderate effort; given up as soon as it passes `max_bytes`, since a photo as PNG is ten times too large.
fn quick(image: &DynamicImage, max_bytes: usize) -> Result<Option<Vec<u8>>> {
    let mut out = Capped { bytes: Vec::new(), max_bytes, passed: false };
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut out,
        image::codecs::png::CompressionType::Default,
        image::codecs::png::FilterType::Adaptive,
    );
    let written = encoder.write_image(image.as_bytes(), image.width(), image.height(), image.color().into());
    match written {
        _ if out.passed => Ok(None),
        Ok(()) => Ok(Some(out.bytes)),
        Err(error) => Err(Error::engine(format!("PNG encoding failed: {error}"))),
    }
}

/// Bytes in memory that refuse to grow past a length.
struct Capped {
    bytes: Vec<u8>,
    max_bytes: usize,
    passed: bool,
}

impl Write for Capped {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + more.len() > self.max_bytes {
            self.passed = true;
            return Err(std::io::Error::other("larger than allowed"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimiser_is_not_waited_for_when_nobody_wants_its_work() {
        let noise = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let noise = image::RgbImage::from_raw(1000, 1000, noise).unwrap();
        let bytes = quick(&DynamicImage::ImageRgb8(noise), usize::MAX).unwrap().unwrap();
        let cancel = Cancel::default();
        cancel.cancel();
        let ended = optimized(bytes, &cancel).map(|bytes| bytes.len()).unwrap_err();
        assert_eq!(ended.kind(), crate::error::ErrorKind::Cancelled);
    }
}
