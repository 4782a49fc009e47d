//! Plans for pictures.

use super::{
    Options, Plan, Reason, Rewrite, Rung, Shape, Step, Transparency, animation_refused, lossless_steps, undecodable,
};
use crate::facts::{ColorModel, Facts, ImageFacts, Orientation, ProfileKind};
use crate::format::{Format, Role};
use crate::judge::{Finding, Rule};
use crate::policy::Policy;

/// How far above the target a file may be for a lossless recode to be worth trying, in percent: optimised progressive
/// coding saved 7 to 23 % on camera originals, a new choice of filters seldom more than 20 % on PNG.
const JPEG_RECODE_REACH: u64 = 130;
const PNG_OPTIMIZE_REACH: u64 = 125;

pub(super) fn plan(facts: &Facts, image: &ImageFacts, cures: &[&Finding], policy: &Policy, options: &Options) -> Plan {
    if let Some(refusal) = undecodable(facts.format) {
        return refusal;
    }
    if image.animation.is_some()
        && let Some(refusal) = animation_refused(facts.format, policy, options, Role::Image)
    {
        return refusal;
    }
    let max_bytes = options.target(policy.image.size);
    let (width, height) = image.upright();
    let shape = Shape::Aspect(width, height);
    let lossless = without_pixels(facts, image, cures);
    let is_lossless = lossless.is_some();
    let rungs = match lossless {
        Some(rung) => vec![rung],
        None => {
            // A policy may accept fewer formats than we can make.
            let mut rungs = rungs(facts, image, cures, max_bytes, options);
            rungs.retain(|rung| policy.image.formats.contains(&rung.format));
            rungs
        }
    };
    if rungs.is_empty() {
        return Plan::refuse(
            Reason::Type,
            "the policy in force accepts neither JPEG nor PNG, and nothing else can be made",
        );
    }
    // A lossless cure of a file between target and limit leaves it there: that is a warning, not a failure.
    let max_bytes = if is_lossless { policy.image.size.hard_bytes } else { max_bytes };
    Plan::Rewrite(Rewrite::builtin(rungs, max_bytes, shape))
}

/// The way that leaves the coded picture alone, where that cures everything.
fn without_pixels(facts: &Facts, image: &ImageFacts, cures: &[&Finding]) -> Option<Rung> {
    // Of a PNG that only says it is animated, a still is left when the frames go.
    let is_still = facts.format == Format::Apng && image.animation.is_none();
    if !is_still {
        return lossless_steps(cures).map(|steps| Rung { steps, format: facts.format });
    }
    let others: Vec<&Finding> = cures.iter().copied().filter(|finding| finding.rule != Rule::ImageAnimated).collect();
    let mut steps = lossless_steps(&others)?;
    steps.retain(|step| *step != Step::Rename);
    steps.push(Step::DropAnimation);
    Some(Rung { steps, format: Format::Png })
}

fn rungs(facts: &Facts, image: &ImageFacts, cures: &[&Finding], max_bytes: u64, options: &Options) -> Vec<Rung> {
    let only_size = cures.iter().all(|finding| {
        matches!(finding.rule, Rule::ImageSize | Rule::ImageMetadata | Rule::ImageTrailing | Rule::Extension)
    });
    let mut rungs = if only_size { size_rungs(facts, image, max_bytes) } else { Vec::new() };
    let mut pixels = decode_steps(image, options);
    // Lossless sources stay lossless and transparent ones transparent, as long as that fits. A PNG would come out no smaller
    // than from the optimiser above; coding gives up early where that pays no more.
    let is_optimized = rungs.iter().any(|rung| rung.steps == [Step::OptimizePng]);
    if (image.lossless || image.alpha) && !is_optimized {
        rungs.push(Rung { steps: with(&pixels, &[Step::EncodePng]), format: Format::Png });
    }
    if image.alpha && options.transparency == Transparency::Keep {
        rungs.push(Rung { steps: with(&pixels, &[Step::QuantizePng]), format: Format::Png });
    } else {
        if image.alpha {
            pixels.push(Step::Flatten { background: options.background });
        }
        rungs.push(Rung { steps: with(&pixels, &[Step::EncodeJpeg]), format: Format::Jpeg });
    }
    rungs
}

/// Ways that change no pixel, where nothing but the size has to change.
fn size_rungs(facts: &Facts, image: &ImageFacts, max_bytes: u64) -> Vec<Rung> {
    let content = facts.bytes.saturating_sub(image.metadata_bytes).saturating_sub(image.trailing_bytes);
    let mut rungs = Vec::new();
    if content <= max_bytes {
        rungs.push(Rung { steps: vec![Step::CutTrailing, Step::StripMetadata], format: facts.format });
    }
    let reach = |percent: u64| content <= max_bytes.saturating_mul(percent) / 100;
    match facts.format {
        // Upright and in sRGB it needs no pixels: coarser coefficients are cheaper and lose less. That way finds out by
        // itself when recoding without loss is enough.
        Format::Jpeg if looks_right_as_stored(image) => {
            rungs.push(Rung { steps: vec![Step::RequantizeJpeg], format: Format::Jpeg });
        }
        Format::Jpeg if reach(JPEG_RECODE_REACH) => {
            rungs.push(Rung { steps: vec![Step::RecodeJpeg], format: Format::Jpeg });
        }
        // Turned pixels are coded without loss as well, and are upright for those who do not look into a PNG's EXIF.
        Format::Png
            if (reach(PNG_OPTIMIZE_REACH) && image.orientation == Orientation::Normal)
                || is_stored_indexed(image, content) =>
        {
            rungs.push(Rung { steps: vec![Step::OptimizePng], format: Format::Png });
        }
        _ => {}
    }
    rungs
}

/// Whether it has one component a pixel and was hardly compressed: its pixels as RGB would be three times as large.
fn is_stored_indexed(image: &ImageFacts, content: u64) -> bool {
    const NEAR: u64 = 2;
    matches!(image.color, ColorModel::Gray | ColorModel::Palette)
        && content > image.pixels().saturating_mul(u64::from(image.bit_depth)) / 8 / NEAR
}

fn looks_right_as_stored(image: &ImageFacts) -> bool {
    image.orientation == Orientation::Normal
        && matches!(image.color, ColorModel::Rgb | ColorModel::Gray)
        && image.profile.as_ref().is_none_or(|profile| profile.kind == ProfileKind::Srgb)
}

/// From the file to upright 8-bit sRGB pixels.
pub(super) fn decode_steps(image: &ImageFacts, options: &Options) -> Vec<Step> {
    let mut steps = vec![Step::Decode { salvage: options.salvage }];
    if image.animation.is_some() {
        steps.push(Step::FirstFrame);
    }
    if image.orientation != Orientation::Normal {
        steps.push(Step::Orient);
    }
    let converts = image.profile.as_ref().is_some_and(|profile| profile.kind != ProfileKind::Srgb);
    if converts || matches!(image.color, ColorModel::Cmyk | ColorModel::Ycck) {
        steps.push(Step::ConvertColor);
    }
    if image.bit_depth > 8 {
        steps.push(Step::ReduceDepth);
    }
    steps
}

fn with(steps: &[Step], more: &[Step]) -> Vec<Step> {
    [steps, more].concat()
}
