//! WebP out: without loss where it fits, else at the best quality that does.

use crate::error::{Error, Result};
use image::RgbaImage;
use webp::{Encoder, WebPConfig};

/// How far above the limit the quick lossless coding may be for the thorough one to be worth its time, in percent.
const LOSSLESS_REACH: usize = 125;

/// The lowest quality: below it a sticker is refused.
const MIN_QUALITY: f32 = 5.0;

/// Where transparency gets coarser, so that colours need not: below this quality.
const POOR_QUALITY: f32 = 30.0;

/// A result of at least this share of the limit ends the search.
const FILLED: f64 = 0.975;

/// Where the search begins, and what it aims at between two known points.
const FIRST_QUALITY: f32 = 80.0;
const AIM: f64 = 0.99;

/// How much the logarithm of the size grows with a point of quality, before two points tell.
const GROWTH: f64 = 0.035;

/// What thorough coding (trellis quantisation) takes of the size of quick coding at the same quality.
const THOROUGH: f64 = 0.96;

const MAX_ENCODES: u32 = 8;

/// `image` as static WebP of at most `max_bytes`.
///
/// Lossless coding is tried at low effort first: a photo is three times over the limit, and the thorough attempt costs
/// ten times as much.
pub(crate) fn encode(image: &RgbaImage, max_bytes: u64) -> Result<Vec<u8>> {
    let max = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let quick = webp(image, &lossless(0, 20.0)?)?;
    if quick.len() <= max.saturating_mul(LOSSLESS_REACH) / 100 {
        let small = webp(image, &lossless(4, 75.0)?)?;
        let small = if small.len() <= quick.len() { small } else { quick };
        if small.len() <= max {
            return Ok(small);
        }
    }
    lossy(image, max)
}

/// The best lossy coding under `max`. libwebp's own search for a size counts neither the alpha plane nor the container and
/// misses by up to a quarter: ours looks at whole files, at low effort until it is near.
fn lossy(image: &RgbaImage, max: usize) -> Result<Vec<u8>> {
    let mut best = None;
    let sharp = sharp_pays(image);
    for alpha_quality in [100, 70, 30, 0] {
        if let Some(found) = (Search { image, max, alpha_quality, sharp }).run()? {
            best = Some(found);
        }
        match &best {
            Some((_, quality)) if *quality >= POOR_QUALITY => break,
            _ => {}
        }
    }
    best.map(|(bytes, _)| bytes).ok_or_else(|| {
        Error::cannot_fit(format!(
            "the sticker does not fit at quality {MIN_QUALITY}; allowed {max} bytes; use a simpler picture"
        ))
    })
}

/// A quality, and the logarithm of the size it gives.
type Point = (f32, f64);

/// What halving colour loses, against what brightness holds, from where on sharp YUV pays: squared error of colour over
/// squared difference of neighbours. On twenty pictures at 100,000 bytes it gained up to 14 % of SSIMULACRA's error
/// above this (and lost 1 % twice), and lost up to 7 % below.
const SHARP_PAYS: f32 = 0.0225;

/// Whether so much colour is lost by halving that it is to be fitted to what brightness can mend. Colours that hardly
/// differ from neighbour to neighbour only get noise from that.
fn sharp_pays(image: &RgbaImage) -> bool {
    let (mut colour, mut light) = (0.0f32, 0.0f32);
    let rows: Vec<&[u8]> = image.as_raw().chunks_exact(image.width().max(1) as usize * 4).collect();
    for pair in rows.chunks_exact(2) {
        let [top, bottom] = pair else { continue };
        for (top, bottom) in top.chunks_exact(8).zip(bottom.chunks_exact(8)) {
            let mut block = [[0.0f32; 3]; 4];
            let mut seen = true;
            for (to, from) in block.iter_mut().zip(top.chunks_exact(4).chain(bottom.chunks_exact(4))) {
                let &[red, green, blue, alpha] = from else { continue };
                let y = 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue);
                *to = [y, f32::from(blue) - y, f32::from(red) - y];
                seen &= alpha >= 128;
            }
            if seen {
                let mean = |of: usize| block.iter().map(|pixel| pixel[of]).sum::<f32>() / 4.0;
                let (blue, red) = (mean(1), mean(2));
                colour += block.iter().map(|[_, b, r]| (b - blue).powi(2) + (r - red).powi(2)).sum::<f32>();
                light += 2.0 * ((block[0][0] - block[1][0]).powi(2) + (block[2][0] - block[3][0]).powi(2));
            }
        }
    }
    colour >= light * SHARP_PAYS
}

/// A search over the quality of lossy coding.
struct Search<'a> {
    image: &'a RgbaImage,
    max: usize,
    alpha_quality: i32,
    sharp: bool,
}

impl Search<'_> {
    /// The largest file under the limit, with its quality.
    fn run(&self) -> Result<Option<(Vec<u8>, f32)>> {
        let aim = (self.max as f64 * AIM).ln();
        let opaque = self.image.as_raw().chunks_exact(4).all(|pixel| pixel[3] == u8::MAX);
        let thorough = if opaque { THOROUGH_OPAQUE } else { THOROUGH_ALPHA };
        let (mut over, mut under) = (None::<Point>, None::<Point>);
        let mut best: Option<(Vec<u8>, f32)> = None;
        let (mut quality, mut method) = (FIRST_QUALITY, QUICK);
        for _ in 0..MAX_ENCODES {
            let bytes = webp(self.image, &self.config(quality, method)?)?;
            let size = (bytes.len() as f64).ln();
            let fits = bytes.len() <= self.max;
            if fits {
                under = Some((quality, size))
            } else {
                over = Some((quality, size))
            }
            let filled = fits && bytes.len() as f64 >= self.max as f64 * FILLED;
            let near = (size - aim).abs() < 0.12;
            let at_end = (fits && quality >= 100.0) || (!fits && quality <= MIN_QUALITY);
            if fits && method == thorough && best.as_ref().is_none_or(|(best, _)| best.len() < bytes.len()) {
                best = Some((bytes, quality));
            }
            if method == thorough && (filled || at_end) {
                break;
            }
            let mut next = Self::next(quality, size, over, under, aim);
            if method == QUICK && (near || at_end) {
                // Quick and thorough sizes do not compare: what is known is scaled over.
                method = thorough;
                (over, under) = (None, None);
                next = Self::next(quality, size + THOROUGH.ln(), None, None, aim);
            }
            if (next - quality).abs() < 0.05 && best.is_some() {
                break;
            }
            quality = next;
        }
        if best.is_none() {
            // The search ran out of steps on its way down, as it does on noise: the lowest quality may still fit.
            let bytes = webp(self.image, &self.config(MIN_QUALITY, thorough)?)?;
            best = (bytes.len() <= self.max).then_some((bytes, MIN_QUALITY));
        }
        Ok(best)
    }

    fn config(&self, quality: f32, method: i32) -> Result<WebPConfig> {
        let mut config = config()?;
        config.quality = quality;
        config.method = method;
        config.alpha_quality = self.alpha_quality;
        config.use_sharp_yuv = i32::from(self.sharp && method != QUICK);
        Ok(config)
    }

    /// The next quality to try: between the two nearest points by interpolation, else along the usual slope.
    fn next(quality: f32, size: f64, over: Option<Point>, under: Option<Point>, aim: f64) -> f32 {
        let next = match (over, under) {
            (Some((high, over)), Some((low, under))) => {
                let share = ((aim - under) / (over - under).max(1e-6)).clamp(0.1, 0.9);
                low + (high - low) * share as f32
            }
            _ => quality + ((aim - size) / GROWTH) as f32,
        };
        next.clamp(MIN_QUALITY, 100.0)
    }
}

/// libwebp's methods: with plain quantisation, and with trellis quantisation. The highest one also tries every way to code
/// the alpha plane, which takes ten times as long for one percent.
const QUICK: i32 = 3;
const THOROUGH_ALPHA: i32 = 5;
const THOROUGH_OPAQUE: i32 = 6;

fn lossless(method: i32, effort: f32) -> Result<WebPConfig> {
    let mut config = config()?;
    config.lossless = 1;
    config.method = method;
    config.quality = effort;
    // Colours under full transparency are not seen: they may change for a smaller file.
    config.exact = 0;
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
