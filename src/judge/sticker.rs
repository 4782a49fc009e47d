//! The rules for stickers (whatsapp-media §1.3, `stk.*`).

use super::{Finding, Rule, Severity, names, size};
use crate::facts::{Facts, ImageFacts, Media, ProfileKind};
use crate::format::Format;
use crate::policy::{Platform, Policy, StickerRules};
use Severity::{Fail, Info, Warn};

pub(super) fn judge(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.sticker;
    let format = facts.format;
    if !rules.formats.contains(&format) {
        let message = format!("{} is not accepted as a sticker", format.label());
        findings.push(Finding::new(Rule::StickerFormat, Fail, format.name(), names(&rules.formats), message));
    }
    let Media::Image(image) = &facts.media else {
        size(facts, Rule::StickerSize, rules.size, findings);
        return;
    };
    let animated = image.animation.is_some();
    size(facts, Rule::StickerSize, policy.size(crate::format::Role::Sticker, animated), findings);
    let measured = facts.damage.is_empty() || image.pixels() > 0;
    let right_size = (image.width, image.height) == (rules.side, rules.side);
    if measured && !right_size {
        let (found, allowed) = (format!("{}x{}", image.width, image.height), format!("{0}x{0}", rules.side));
        let message = format!("{found} pixels");
        findings.push(Finding::new(Rule::StickerDimensions, Fail, found, allowed, message));
    }
    animation(image, policy.platform, rules, findings);
    if image.trailing_bytes > 0 && format == Format::Webp {
        let message = format!("{} bytes follow the length that the RIFF header states", image.trailing_bytes);
        findings.push(Finding::new(Rule::StickerTrailing, Fail, image.trailing_bytes, 0_u64, message));
    }
    if !image.alpha {
        findings.push(Finding::new(Rule::StickerOpaque, Info, false, true, "no transparency: shown as a square"));
    }
    // A picture that is scaled into place anyway has no margin yet to speak of.
    if right_size
        && let Some(margin) = image.margin_px
        && margin < rules.margin_px
    {
        let message = format!("{margin} pixels of clear margin; {} are recommended", rules.margin_px);
        findings.push(Finding::new(Rule::StickerMargin, Info, margin, rules.margin_px, message));
    }
    super::image::profile(image, findings);
    metadata(facts, image, findings);
}

/// A sticker is shown in sRGB and as it is stored: what is written beside its pixels is of no use, and may tell something.
fn metadata(facts: &Facts, image: &ImageFacts, findings: &mut Vec<Finding>) {
    let told = if image.gps { Some("gps") } else { image.serials.then_some("serial") };
    if let Some(found) = told {
        let message = "metadata tells where or with which device the picture was taken";
        findings.push(Finding::new(Rule::ImageMetadata, Warn, found, "none", message));
        return;
    }
    let profile = image.profile.as_ref().is_some_and(|profile| profile.kind == ProfileKind::Srgb && profile.bytes > 0);
    if facts.format == Format::Webp && facts.damage.is_empty() && (image.metadata_bytes > 0 || profile) {
        let found = if image.metadata_bytes > 0 { "metadata" } else { "sRGB profile" };
        let message = "a sticker needs no metadata (EXIF, XMP) and no profile of sRGB";
        findings.push(Finding::new(Rule::ImageMetadata, Warn, found, "none", message));
    }
}

fn animation(image: &ImageFacts, platform: Platform, rules: &StickerRules, findings: &mut Vec<Finding>) {
    let Some(animation) = image.animation else { return };
    let taken = rules.accept_animated && rules.animated_size.is_some();
    if !taken {
        let message = match platform {
            Platform::Cloud => "stickers are static unless animated ones are asked for",
            Platform::OnPremise => "the platform takes static stickers only",
        };
        findings.push(Finding::new(Rule::StickerAnimated, Fail, animation.frames, 1_u32, message));
        return;
    }
    if let Some(shortest) = animation.shortest_frame_ms
        && shortest < rules.min_frame_ms
    {
        let message = format!("a frame is shown for {shortest} ms");
        findings.push(Finding::new(Rule::StickerFrame, Fail, shortest, rules.min_frame_ms, message));
    }
    if let Some(total) = animation.total_ms
        && total > rules.max_total_ms
    {
        let message = format!("the animation takes {total} ms");
        findings.push(Finding::new(Rule::StickerTotal, Fail, total, rules.max_total_ms, message));
    }
}
