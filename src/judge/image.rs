//! The rules for pictures (whatsapp-media §1.3, `img.*`).

use super::{Finding, Rule, Severity, names, size};
use crate::facts::{ColorModel, Facts, ImageFacts, Media, Orientation, ProfileKind};
use crate::format::{Family, Format};
use crate::policy::Policy;
use Severity::{Fail, Info, Warn};

pub(super) fn judge(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.image;
    let format = facts.format;
    // An animated PNG is a PNG to the platform: what fails is the animation.
    let accepted = rules.formats.contains(&format) || (format == Format::Apng && rules.formats.contains(&Format::Png));
    if !accepted {
        let message = format!("{} is not accepted as an image", format.label());
        findings.push(Finding::new(Rule::ImageFormat, Fail, format.name(), names(&rules.formats), message));
    }
    size(facts, Rule::ImageSize, rules.size, findings);
    if format.family() == Family::Image
        && let Media::Image(image) = &facts.media
    {
        // Of a file that ends before its colours are stated, nothing is known about them.
        if accepted && (facts.damage.is_empty() || image.color != ColorModel::Other) {
            coding(image, rules.bit_depth, findings);
        }
        if format == Format::Apng && image.animation.is_none() && facts.damage.is_empty() {
            let message = "a still picture in the form of an animation (acTL), which is not taken as an image";
            findings.push(Finding::new(Rule::ImageAnimated, Fail, "acTL", "none", message));
        }
        looks(image, findings);
        let side = image.width.max(image.height);
        if side > rules.advised_side {
            let found = format!("{}x{}", image.width, image.height);
            let message =
                format!("{found} pixels are more than chats show; a longer side of {} does", rules.advised_side);
            findings.push(Finding::new(Rule::ImageDimensions, Info, found, rules.advised_side, message));
        }
        metadata(image, findings);
    }
}

/// What the decoder on the other side may not take.
fn coding(image: &ImageFacts, bit_depth: u8, findings: &mut Vec<Finding>) {
    let color = image.color;
    match color {
        ColorModel::Cmyk | ColorModel::Ycck | ColorModel::Other => {
            let message = "colours are coded for print, which phones show wrong or not at all";
            findings.push(Finding::new(Rule::ImageColor, Fail, color.name(), "rgb", message));
        }
        ColorModel::Gray | ColorModel::GrayAlpha | ColorModel::Palette => {
            let message = format!("{} pictures are not named among the accepted ones", color.name());
            findings.push(Finding::new(Rule::ImageColor, Warn, color.name(), "rgb", message));
        }
        ColorModel::Rgb | ColorModel::Rgba => {}
    }
    if image.bit_depth != bit_depth {
        let message = format!("{} bits per component", image.bit_depth);
        findings.push(Finding::new(
            Rule::ImageBitDepth,
            Fail,
            u32::from(image.bit_depth),
            u32::from(bit_depth),
            message,
        ));
    }
    if image.arithmetic {
        let message = "arithmetic coding is not decoded by browsers and phones";
        findings.push(Finding::new(Rule::ImageCoding, Fail, "arithmetic", "huffman", message));
    }
}

/// What the receiver would see differently.
fn looks(image: &ImageFacts, findings: &mut Vec<Finding>) {
    if let Some(animation) = image.animation {
        let message = format!("{} frames, of which only one would be shown", animation.frames);
        findings.push(Finding::new(Rule::ImageAnimated, Fail, animation.frames, 1_u32, message));
    }
    if image.orientation != Orientation::Normal {
        let value = u32::from(image.orientation.to_exif());
        let message = "stored turned or mirrored, upright only where the EXIF orientation is honoured";
        findings.push(Finding::new(Rule::ImageOrientation, Warn, value, 1_u32, message));
    }
    profile(image, findings);
    if image.alpha {
        let message = "transparent parts are shown on an unknown background";
        findings.push(Finding::new(Rule::ImageAlpha, Info, true, false, message));
    }
}

pub(super) fn profile(image: &ImageFacts, findings: &mut Vec<Finding>) {
    if let Some(profile) = &image.profile
        && matches!(profile.kind, ProfileKind::Rgb | ProfileKind::Gray | ProfileKind::Cmyk)
    {
        let message = format!("colours are meant for {}, and look different where profiles are ignored", profile.name);
        findings.push(Finding::new(Rule::ImageProfile, Warn, profile.name.as_str(), "sRGB", message));
    }
}

pub(super) fn metadata(image: &ImageFacts, findings: &mut Vec<Finding>) {
    let found = match (image.gps, image.serials) {
        (true, true) => "gps serial",
        (true, false) => "gps",
        (false, true) => "serial",
        (false, false) => "",
    };
    if !found.is_empty() {
        let message = "metadata tells where or with which device the picture was taken";
        findings.push(Finding::new(Rule::ImageMetadata, Warn, found, "none", message));
    }
    if image.trailing_bytes > 0 {
        let message = format!("{} bytes follow the picture's end", image.trailing_bytes);
        findings.push(Finding::new(Rule::ImageTrailing, Warn, image.trailing_bytes, 0_u64, message));
    }
}
