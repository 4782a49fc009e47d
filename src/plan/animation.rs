//! Plans for animations that become videos.

use super::coding::VideoCoding;
use super::image::decode_steps;
use super::{Options, Plan, Reason, Rewrite, Rung, Shape, Step};
use crate::facts::{Facts, ImageFacts};
use crate::format::Format;
use crate::policy::Policy;

/// Formats whose frames are decoded here.
const DECODED: [Format; 3] = [Format::Apng, Format::Gif, Format::Webp];

/// Whether frames are coded as a video here: by nothing else, whatever engine is asked for.
const CODED: bool = cfg!(feature = "video");

pub(super) fn plan(facts: &Facts, image: &ImageFacts, policy: &Policy, options: &Options) -> Plan {
    let format = facts.format.label();
    if !DECODED.contains(&facts.format) {
        let message = format!(
            "the frames of an animation in {format} are not decoded here; use --animated first-frame for a still, or convert it to a video first"
        );
        return Plan::refuse(Reason::Unsupported, message);
    }
    if !CODED {
        let message = "videos of animations were left out of this build; use one with the feature `video`, or --animated first-frame for a still";
        return Plan::refuse(Reason::Unsupported, message);
    }
    let band = policy.video.size;
    let target_bytes = options.target(band);
    let coding = VideoCoding {
        max_height: options.max_height,
        quantiser: options.video_quality,
        target_bytes,
        trim_to_fit: options.trim_to_fit,
    };
    let mut steps = decode_steps(image, options);
    steps.retain(|step| *step != Step::FirstFrame);
    // Also where no pixel is transparent, frames may leave parts of the canvas uncovered.
    steps.push(Step::Flatten { background: options.background });
    steps.extend([Step::EncodeVideo { track: 0, coding }, Step::Faststart]);
    let rungs = vec![Rung { steps, format: Format::Mp4 }];
    Plan::Rewrite(Rewrite::builtin(rungs, band.hard_bytes, Shape::Playing))
}
