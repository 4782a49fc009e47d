//! Plans for stickers.

use super::image::decode_steps;
use super::{Animated, Options, Plan, Rewrite, Rung, Shape, Step, animation_refused, lossless_steps, undecodable};
use crate::facts::{Facts, ImageFacts};
use crate::format::{Format, Role};
use crate::judge::{Finding, Rule};
use crate::policy::Policy;

pub(super) fn plan(facts: &Facts, image: &ImageFacts, cures: &[&Finding], policy: &Policy, options: &Options) -> Plan {
    if let Some(refusal) = undecodable(facts.format) {
        return refusal;
    }
    let animated = image.animation.is_some();
    let side = policy.sticker.side;
    if let Some(steps) = lossless_steps(cures) {
        let max_bytes = policy.size(Role::Sticker, animated).hard_bytes;
        let rungs = vec![Rung { steps, format: facts.format }];
        return Plan::Rewrite(Rewrite::builtin(rungs, max_bytes, Shape::Square(side)));
    }
    if animated && let Some(refusal) = animation_refused(facts.format, policy, options, Role::Sticker) {
        return refusal;
    }
    let max_bytes = options.target(policy.sticker.size);
    let mut rungs = Vec::new();
    let only_size = cures.iter().all(|finding| {
        matches!(finding.rule, Rule::StickerSize | Rule::StickerTrailing | Rule::ImageMetadata | Rule::Extension)
    });
    let content = facts.bytes.saturating_sub(image.metadata_bytes).saturating_sub(image.trailing_bytes);
    if only_size && content <= max_bytes && options.animated != Animated::FirstFrame {
        rungs.push(Rung { steps: vec![Step::CutTrailing, Step::StripMetadata], format: Format::Webp });
    }
    let mut steps = decode_steps(image, options);
    steps.extend([Step::PadToCanvas { side }, Step::EncodeWebp]);
    rungs.push(Rung { steps, format: Format::Webp });
    Plan::Rewrite(Rewrite::builtin(rungs, max_bytes, Shape::Square(side)))
}
