//! WebP out: without loss where it fits, else at the best quality that does.

use crate::error::{Error, Result};
use image::RgbaImage;
use webp::{Encoder, WebPConfig};

/// How far above the limit the quick lossless coding may be for the thorough one to be worth its time, in percent.
const LOSSLESS_REACH: usize = 125;

/// Below this quality a sticker is scaled down no further here: it is refused.
const MIN_QUALITY: f32 = 5.0;

/// How often the size is corrected before giving up.
const MAX_CORRECTIONS: u32 = 6;

/// A coded sticker and how it was coded.
pub(crate) struct Coded {
    pub bytes: Vec<u8>,
    pub lossless: bool,
}

/// `image` as static WebP of at most `max_bytes`.
///
/// Lossless coding is tried at low effort first: a photo is three times over the limit, and the thorough attempt costs
/// ten times as much.
pub(crate) fn encode(image: &RgbaImage, max_bytes: u64) -> Result<Coded> {
    let max = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let quick = webp(image, &lossless(0, 20.0)?)?;
    if quick.len() <= max.saturating_mul(LOSSLESS_REACH) / 100 {
        let small = webp(image, &lossless(4, 75.0)?)?;
        let small = if small.len() <= quick.len() { small } else { quick };
        if small.len() <= max {
            return Ok(Coded { bytes: small, lossless: true });
        }
    }
    lossy(image, max).map(|bytes| Coded { bytes, lossless: false })
}

/// The best lossy coding under `max`: libwebp's own search aims at a size for the colours, and does not count the alpha
/// plane and the container; what it misses by is taken off the aim until the whole file fits.
fn lossy(image: &RgbaImage, max: usize) -> Result<Vec<u8>> {
    let mut aim = max;
    for alpha_quality in [100, 70, 30] {
        for _ in 0..MAX_CORRECTIONS {
            let bytes = webp(image, &sized(aim, alpha_quality)?)?;
            if bytes.len() <= max {
                return Ok(bytes);
            }
            let over = bytes.len() - max;
            match aim.checked_sub(over + over / 8 + 64) {
                Some(less) if less > max / 16 => aim = less,
                _ => break,
            }
        }
        aim = max;
    }
    let bytes = webp(image, &lossy_config(MIN_QUALITY, 0)?)?;
    if bytes.len() <= max {
        return Ok(bytes);
    }
    Err(Error::cannot_fit(format!(
        "the sticker does not fit at quality {MIN_QUALITY}; found {} bytes, allowed {max}; use a simpler picture",
        bytes.len()
    )))
}

fn lossless(method: i32, effort: f32) -> Result<WebPConfig> {
    let mut config = config()?;
    config.lossless = 1;
    config.method = method;
    config.quality = effort;
    // Colours under full transparency are not seen: they may change for a smaller file.
    config.exact = 0;
    Ok(config)
}

fn sized(bytes: usize, alpha_quality: i32) -> Result<WebPConfig> {
    let mut config = lossy_config(90.0, alpha_quality)?;
    config.target_size = i32::try_from(bytes).unwrap_or(i32::MAX);
    config.pass = 6;
    config.qmin = 0;
    config.qmax = 100;
    Ok(config)
}

fn lossy_config(quality: f32, alpha_quality: i32) -> Result<WebPConfig> {
    let mut config = config()?;
    config.quality = quality;
    config.method = 4;
    config.alpha_quality = alpha_quality;
    config.use_sharp_yuv = 1;
    config.segments = 4;
    Ok(config)
}

fn config() -> Result<WebPConfig> {
    WebPConfig::new().map_err(|()| Error::engine("libwebp refused its own default configuration"))
}

fn webp(image: &RgbaImage, config: &WebPConfig) -> Result<Vec<u8>> {
    let coded = Encoder::from_rgba(image.as_raw(), image.width(), image.height())
        .encode_advanced(config)
        .map_err(|error| Error::engine(format!("WebP encoding failed: {error:?}")))?;
    Ok(coded.to_vec())
}
