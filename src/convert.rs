//! Carries out a [`Rewrite`]: tries its rungs in order until one fits. Knows pixels and codecs, not the platform.

pub(crate) mod audio;
mod color;
mod copy;
mod decode;
mod ffmpeg;
mod geometry;
mod jpeg;
mod png;
mod spool;
mod sticker;
mod stream;
mod strip;
#[cfg(feature = "video")]
mod video;
mod write;

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{Facts, ImageFacts, Lost, Media, Orientation, ProfileKind};
use crate::format::Format;
use crate::limits::MAX_PIXELS;
use crate::plan::{Engine, Rewrite, Rung, Step};
use decode::{Cicp, Cmyk};
use image::{DynamicImage, GrayImage, RgbImage};
use std::borrow::Cow;

pub(crate) use ffmpeg::complete;
pub(crate) use spool::Body;
#[cfg(feature = "video")]
pub(crate) use stream::watch;
pub(crate) use stream::{Depth, convert as convert_stream, listen};

/// A result that nobody has checked yet.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// What it is meant to be.
    pub format: Format,
    /// The bytes; absent where they are the source's own.
    pub body: Option<Body>,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// How loud it is over its length, where sound was listened to.
    pub waveform: Option<[u8; 64]>,
    /// The loudness of the sound, in hundredths of LUFS, where it is not the one that was wanted.
    pub missed_centi_lufs: Option<i32>,
    /// Who did it.
    pub engine: Engine,
    /// Length of the sound that was decoded and coded anew, in microseconds.
    pub coded_us: Option<u64>,
    /// What of that did not decode, by the track.
    pub lost: Option<(usize, Lost)>,
}

impl Candidate {
    /// A picture's, or a document's.
    fn of(format: Format, bytes: Option<Vec<u8>>, steps: Vec<Step>) -> Self {
        Self {
            format,
            body: bytes.map(Body::Memory),
            steps,
            waveform: None,
            missed_centi_lufs: None,
            engine: Engine::Builtin,
            coded_us: None,
            lost: None,
        }
    }

    /// Its length in bytes, where it is not the source's own.
    pub(crate) fn len(&self) -> Option<u64> {
        self.body.as_ref().map(Body::len)
    }
}

/// Carries out `rewrite` on `source`, whose `facts` were measured.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what the decoder says; `CannotFit` when no rung comes out small enough;
/// `Engine` when an encoder fails; `Cancelled`.
pub(crate) fn convert(source: &[u8], facts: &Facts, rewrite: &Rewrite, cancel: &Cancel) -> Result<Candidate> {
    let mut bench = Bench { source, facts, max_bytes: rewrite.max_bytes, pixels: None };
    let mut smallest = None::<u64>;
    for rung in &rewrite.rungs {
        cancel.check()?;
        match bench.run(rung, cancel) {
            Ok(Some(candidate)) => {
                let length = candidate.len().unwrap_or(source.len() as u64);
                if length <= rewrite.max_bytes {
                    return Ok(candidate);
                }
                smallest = Some(smallest.map_or(length, |least| least.min(length)));
            }
            Ok(None) => {}
            // The next rung decodes: a coded form that cannot be taken apart may still be readable.
            Err(error) if error.kind() == ErrorKind::Malformed && bench.pixels.is_none() && rung != last(rewrite) => {}
            Err(error) => return Err(error),
        }
    }
    let found = smallest.map_or_else(|| "nothing small enough".to_owned(), |bytes| format!("{bytes} bytes"));
    Err(Error::cannot_fit(format!(
        "cannot be made small enough; found {found}, allowed {}; send a smaller picture",
        rewrite.max_bytes
    )))
}

/// Makes a video of an animation.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what the decoder says; `CannotFit` when it is too long for the limit; `Engine` when
/// the encoder fails; `Cancelled`.
#[cfg(feature = "video")]
pub(crate) fn convert_animation(source: &[u8], facts: &Facts, rewrite: &Rewrite, cancel: &Cancel) -> Result<Candidate> {
    let rung = rewrite.rungs.first().filter(|rung| !matches!(rung.steps.first(), None | Some(Step::Rename)));
    match rung {
        Some(rung) => video::convert_animation(source, facts, rung, cancel),
        None => convert(source, facts, rewrite, cancel),
    }
}

/// As [`convert`]: no plan of this build makes a video.
#[cfg(not(feature = "video"))]
pub(crate) use self::convert as convert_animation;

/// Decodes everything in `source` and drops it: shows what the headers cannot. Gives the clear margin of a picture with
/// transparency, of all its frames.
///
/// # Errors
/// `Malformed` when the content does not decode; `Unsupported` where no built-in decoder reads it; `Limit`.
pub(crate) fn decode_whole(source: &[u8], facts: &Facts) -> Result<Option<u32>> {
    let Media::Image(image) = &facts.media else { return Ok(None) };
    match facts.format {
        Format::Jpeg => jpeg::decode(source, &jpeg_options(false)).map(|_| None),
        Format::Gif | Format::Webp | Format::Apng if image.animation.is_some() => {
            let mut narrowest = None::<u32>;
            decode::frames(facts.format, source, |frame| {
                let margin = geometry::clear_margin(&frame);
                narrowest = [narrowest, margin].into_iter().flatten().min();
            })?;
            Ok(narrowest)
        }
        format => {
            let decoded = decode::decode(format, source, false)?;
            as_measured(&decoded.image, image)?;
            Ok(geometry::clear_margin(&decoded.image))
        }
    }
}

/// Sees that a picture is as large as its headers said: what was planned was planned for that.
fn as_measured(decoded: &DynamicImage, image: &ImageFacts) -> Result<()> {
    let (width, height) = (decoded.width(), decoded.height());
    // Some decoders turn the picture themselves.
    let sides = [(image.width, image.height), (image.height, image.width)];
    if image.pixels() == 0 || sides.contains(&(width, height)) {
        return Ok(());
    }
    Err(Error::malformed(format!(
        "the picture is of another size than its headers say; found {width}x{height}, stated {}x{}",
        image.width, image.height
    )))
}

fn last(rewrite: &Rewrite) -> &Rung {
    static NONE: Rung = Rung { steps: Vec::new(), format: Format::Binary };
    rewrite.rungs.last().unwrap_or(&NONE)
}

/// One file on the bench. Pixels that a rung decoded stay for the next one.
struct Bench<'a> {
    source: &'a [u8],
    facts: &'a Facts,
    max_bytes: u64,
    pixels: Option<Pixels>,
}

/// Decoded pixels with what was done to them and what they still need.
struct Pixels {
    done: Vec<Step>,
    image: DynamicImage,
    cmyk: Option<Cmyk>,
    icc: Option<Vec<u8>>,
    cicp: Option<Cicp>,
    orientation: Orientation,
    /// No use in coding better than the source was.
    max_quality: f32,
}

impl Bench<'_> {
    /// The rung's result, or nothing when it is clear that it would not fit.
    fn run(&mut self, rung: &Rung, cancel: &Cancel) -> Result<Option<Candidate>> {
        let mut steps = rung.steps.clone();
        let bytes = match rung.steps.first() {
            None | Some(Step::Rename) => None,
            Some(Step::CutTrailing | Step::StripMetadata | Step::DropAnimation) => Some(self.strip(rung)?),
            Some(Step::RecodeJpeg) => Some(jpeg::recode_lossless(self.source, MAX_PIXELS, self.kept())?),
            Some(Step::RequantizeJpeg) => {
                // Its own steps bound it above: what quality is given up for, the budget, is to be filled.
                let bounds = jpeg::Bounds { min_quality: jpeg::FLOOR_QUALITY, max_quality: 100.0 };
                match jpeg::refit_under(self.source, self.max_bytes, MAX_PIXELS, self.kept(), bounds)? {
                    jpeg::Fit::TooLarge { .. } => return Ok(None),
                    jpeg::Fit::Encoded(encoded) => {
                        // It may turn out that no quality has to be given up.
                        steps = vec![encoded.quality.map_or(Step::RecodeJpeg, |_| Step::RequantizeJpeg)];
                        Some(encoded.bytes)
                    }
                }
            }
            Some(Step::OptimizePng) => Some(png::optimized(self.strip(rung)?, cancel)?),
            Some(_) => {
                for step in &rung.steps {
                    cancel.check()?;
                    self.pixel_step(*step, &rung.steps)?;
                }
                let Some((bytes, resized)) = self.encode(rung, cancel)? else { return Ok(None) };
                if resized {
                    steps.insert(steps.len().saturating_sub(1), Step::Resize);
                }
                Some(bytes)
            }
        };
        Ok(Some(Candidate::of(rung.format, bytes, steps)))
    }

    fn strip(&self, rung: &Rung) -> Result<Vec<u8>> {
        let trailing = self.image().map_or(0, |image| image.trailing_bytes);
        let metadata = rung.steps.contains(&Step::StripMetadata) || rung.steps.contains(&Step::OptimizePng);
        let strip = strip::Strip {
            metadata,
            animation: rung.steps.contains(&Step::DropAnimation),
            // What a profile of sRGB says is what everything shows without one.
            srgb: self
                .image()
                .and_then(|image| image.profile.as_ref())
                .is_some_and(|profile| profile.kind == ProfileKind::Srgb),
            trailing,
            orientation: self.orientation(),
        };
        strip::stripped(self.facts.format, self.source, strip)
    }

    const fn image(&self) -> Option<&ImageFacts> {
        match &self.facts.media {
            Media::Image(image) => Some(image),
            Media::Audio(_) | Media::Video(_) | Media::Document(_) => None,
        }
    }

    fn is_lossless(&self) -> bool {
        self.image().is_some_and(|image| image.lossless)
    }

    /// What a JPEG that is not decoded to pixels needs to look right.
    fn kept(&self) -> jpeg::Keep {
        let orientation = self.orientation();
        jpeg::Keep { icc: true, orientation: (orientation != Orientation::Normal).then(|| orientation.to_exif()) }
    }

    fn orientation(&self) -> Orientation {
        self.image().map_or(Orientation::Normal, |image| image.orientation)
    }

    /// One step on the pixels, unless an earlier rung has done it.
    fn pixel_step(&mut self, step: Step, rung: &[Step]) -> Result<()> {
        if self.pixels.as_ref().is_some_and(|pixels| !rung.starts_with(&pixels.done)) {
            self.pixels = None;
        }
        if self.pixels.as_ref().is_some_and(|pixels| pixels.done.contains(&step)) {
            return Ok(());
        }
        match step {
            Step::Decode { salvage } => self.pixels = Some(self.decode(salvage)?),
            Step::Orient => self.on_pixels(Pixels::orient)?,
            Step::ConvertColor => self.on_pixels(Pixels::convert_color)?,
            Step::Flatten { background } => self.on_pixels(|pixels| pixels.flatten(background))?,
            Step::PadToCanvas { side } => self.on_pixels(|pixels| pixels.pad(side))?,
            // The decoder has taken the first frame, colour conversion leaves 8 bits; the encoders have their own place.
            Step::FirstFrame | Step::ReduceDepth => {}
            Step::Rename
            | Step::CutTrailing
            | Step::DropAnimation
            | Step::StripMetadata
            | Step::RecodeJpeg
            | Step::RequantizeJpeg
            | Step::OptimizePng
            | Step::Resize
            | Step::EncodeJpeg
            | Step::EncodePng
            | Step::QuantizePng
            | Step::EncodeWebp
            | Step::StripTags
            | Step::CopyVideo { .. }
            | Step::CopyAudio { .. }
            | Step::EncodeAudio { .. }
            | Step::EncodeVideo { .. }
            | Step::DropTracks
            | Step::Defragment
            | Step::Faststart => return Ok(()),
        }
        if let Some(pixels) = &mut self.pixels {
            pixels.done.push(step);
        }
        Ok(())
    }

    fn decode(&self, salvage: bool) -> Result<Pixels> {
        if self.facts.format == Format::Jpeg {
            return self.decode_jpeg(salvage);
        }
        let decoded = decode::decode(self.facts.format, self.source, salvage)?;
        self.image().map_or(Ok(()), |image| as_measured(&decoded.image, image))?;
        Ok(Pixels {
            done: Vec::new(),
            image: decoded.image,
            cmyk: None,
            icc: decoded.icc,
            cicp: decoded.primaries,
            orientation: decoded.orientation,
            max_quality: if self.is_lossless() { 100.0 } else { LOSSY_SOURCE_QUALITY },
        })
    }

    fn decode_jpeg(&self, salvage: bool) -> Result<Pixels> {
        let decoded = jpeg::decode(self.source, &jpeg_options(salvage))?;
        let (width, height) = (decoded.width, decoded.height);
        let mut pixels = Pixels {
            done: Vec::new(),
            image: DynamicImage::default(),
            cmyk: None,
            icc: decoded.icc,
            cicp: None,
            orientation: self.orientation(),
            max_quality: self.jpeg_quality(),
        };
        let image = match decoded.channels {
            jpeg::Channels::Luma => GrayImage::from_raw(width, height, decoded.bytes).map(DynamicImage::ImageLuma8),
            jpeg::Channels::Rgb => RgbImage::from_raw(width, height, decoded.bytes).map(DynamicImage::ImageRgb8),
            jpeg::Channels::Cmyk => {
                pixels.cmyk = Some(Cmyk { width, height, pixels: decoded.bytes, icc: pixels.icc.take() });
                Some(DynamicImage::default())
            }
        };
        pixels.image = image.ok_or_else(|| Error::engine("the JPEG decoder gave a wrong number of pixels"))?;
        Ok(pixels)
    }

    /// The best quality for a JPEG made of a JPEG: not above its own, unless it was too large by its picture alone. Then
    /// quality is given up, and all that fits is used.
    fn jpeg_quality(&self) -> f32 {
        let beside = self.image().map_or(0, |image| image.metadata_bytes.saturating_add(image.trailing_bytes));
        if self.facts.bytes.saturating_sub(beside) > self.max_bytes {
            return 100.0;
        }
        jpeg::source_quality(self.source)
            .map_or(jpeg::CEILING_QUALITY, |quality| quality.clamp(jpeg::FLOOR_QUALITY, jpeg::CEILING_QUALITY))
    }

    fn on_pixels(&mut self, change: impl FnOnce(&mut Pixels) -> Result<()>) -> Result<()> {
        change(self.pixels.as_mut().ok_or_else(no_pixels)?)
    }

    /// The rung's last step: the bytes, and whether the picture had to be scaled down for them.
    fn encode(&mut self, rung: &Rung, cancel: &Cancel) -> Result<Option<(Vec<u8>, bool)>> {
        let max_bytes = self.max_bytes;
        let pixels = self.pixels.as_mut().ok_or_else(no_pixels)?;
        // Whatever the headers said: what the decoder found is applied before anything is coded.
        pixels.orient()?;
        pixels.convert_color()?;
        match rung.steps.last() {
            Some(Step::EncodePng) => Ok(png::encode(&pixels.image, max_bytes, cancel)?.map(|bytes| (bytes, false))),
            Some(Step::QuantizePng) => quantized_under(&pixels.image, max_bytes, cancel).map(Some),
            Some(Step::EncodeWebp) => {
                sticker::encode(&pixels.image.to_rgba8(), max_bytes).map(|bytes| Some((bytes, false)))
            }
            Some(Step::EncodeJpeg) => jpeg_under(&pixels.opaque(), pixels.max_quality, max_bytes, cancel).map(Some),
            _ => Err(Error::engine("the plan has no encoder at its end")),
        }
    }
}

impl Pixels {
    fn orient(&mut self) -> Result<()> {
        self.convert_ink()?;
        let image = std::mem::take(&mut self.image);
        self.image = geometry::upright(image, std::mem::take(&mut self.orientation));
        Ok(())
    }

    fn convert_color(&mut self) -> Result<()> {
        self.convert_ink()?;
        let image = std::mem::take(&mut self.image);
        self.image = color::to_srgb8(image, self.icc.take().as_deref(), self.cicp.take())?;
        Ok(())
    }

    fn convert_ink(&mut self) -> Result<()> {
        if let Some(cmyk) = self.cmyk.take() {
            self.icc = None;
            self.image = DynamicImage::ImageRgb8(color::cmyk_to_srgb8(&cmyk)?);
        }
        Ok(())
    }

    fn flatten(&mut self, background: [u8; 3]) -> Result<()> {
        self.convert_color()?;
        if let DynamicImage::ImageRgba8(pixels) = &self.image {
            self.image = DynamicImage::ImageRgb8(color::flattened(pixels, background));
        }
        Ok(())
    }

    fn pad(&mut self, side: u32) -> Result<()> {
        self.orient()?;
        self.convert_color()?;
        self.image = DynamicImage::ImageRgba8(geometry::on_canvas(&self.image, side)?);
        Ok(())
    }

    fn opaque(&self) -> Cow<'_, RgbImage> {
        match &self.image {
            DynamicImage::ImageRgb8(pixels) => Cow::Borrowed(pixels),
            DynamicImage::ImageRgba8(pixels) => Cow::Owned(color::flattened(pixels, [255; 3])),
            other => Cow::Owned(other.to_rgb8()),
        }
    }
}

/// JPEG under the limit: at the best quality that fits, and scaled down where that would fall below the floor.
fn jpeg_under(image: &RgbImage, max_quality: f32, max_bytes: u64, cancel: &Cancel) -> Result<(Vec<u8>, bool)> {
    let bounds = jpeg::Bounds { min_quality: jpeg::FLOOR_QUALITY, max_quality };
    let mut factor = match jpeg::encode_under(jpeg::Pixels::Rgb(image), max_bytes, bounds)? {
        jpeg::Fit::Encoded(encoded) => return Ok((encoded.bytes, false)),
        jpeg::Fit::TooLarge { scale } => scale,
    };
    for _ in 0..MAX_SCALINGS {
        cancel.check()?;
        let scaled = geometry::scaled_rgb(image, factor)?;
        match jpeg::encode_under(jpeg::Pixels::Rgb(&scaled), max_bytes, bounds)? {
            jpeg::Fit::Encoded(encoded) => return Ok((encoded.bytes, true)),
            jpeg::Fit::TooLarge { scale } => factor *= scale.min(SCALING),
        }
    }
    Err(Error::cannot_fit(format!("the picture cannot be made to fit; allowed {max_bytes} bytes; scale it down first")))
}

fn jpeg_options(salvage: bool) -> jpeg::DecodeOptions {
    jpeg::DecodeOptions { max_pixels: MAX_PIXELS, salvage, ..jpeg::DecodeOptions::default() }
}

/// A palette PNG under the limit, scaled down as far as it takes.
fn quantized_under(image: &DynamicImage, max_bytes: u64, cancel: &Cancel) -> Result<(Vec<u8>, bool)> {
    let mut bytes = png::quantized(&image.to_rgba8())?;
    let mut scale = 1.0;
    for _ in 0..MAX_SCALINGS {
        if bytes.len() as u64 <= max_bytes {
            return Ok((bytes, scale < 1.0));
        }
        cancel.check()?;
        // Bytes go with the area; a little less, so that one more turn is seldom needed.
        scale *= (max_bytes as f64 / bytes.len() as f64).sqrt().min(1.0) * 0.97;
        let scaled = geometry::scaled(image, scale)?;
        bytes = png::quantized(&scaled.into_rgba8())?;
    }
    Err(Error::cannot_fit(format!("the picture cannot be made to fit; allowed {max_bytes} bytes; scale it down first")))
}

/// How often a picture is scaled down further before it is given up, and by how much each time.
const MAX_SCALINGS: u32 = 8;
const SCALING: f64 = 0.95;

/// The best quality for a JPEG that is made of another lossy coding: above it, bytes only keep that coding's own errors.
/// A lossless source gets all that fits.
const LOSSY_SOURCE_QUALITY: f32 = 92.0;

fn no_pixels() -> Error {
    Error::engine("the plan codes pixels before it decodes them")
}
