//! Plans for sound and moving pictures, which are judged but not yet converted: kept, renamed or refused.

use super::{Plan, Reason, Rewrite, Rung, Shape, lossless_steps};
use crate::facts::{Facts, Media};
use crate::format::{Family, Role};
use crate::judge::Finding;

pub(super) fn plan(facts: &Facts, media: &Media, role: Role, cures: &[&Finding]) -> Plan {
    if !role.can_serve(facts.format.family()) {
        let way_out = match (role, facts.format.family()) {
            (Role::Audio | Role::Voice, Family::Video) => "take the sound out of it first",
            (Role::Video, Family::Image) => "send it as an image",
            _ => "name the role that it can serve",
        };
        return Plan::refuse(
            Reason::Type,
            format!("found {}, which cannot become {role}; {way_out}", facts.format.label()),
        );
    }
    if let Some(steps) = lossless_steps(cures) {
        let rungs = vec![Rung { steps, format: facts.format }];
        return Plan::Rewrite(Rewrite { rungs, max_bytes: facts.bytes, shape: Shape::Any });
    }
    let what = match media {
        Media::Video(_) => "video",
        Media::Audio(_) | Media::Image(_) | Media::Document(_) => "audio",
    };
    let found: Vec<&str> = cures.iter().map(|finding| finding.message.as_str()).collect();
    Plan::refuse(
        Reason::Unsupported,
        format!(
            "{}; this version judges {what} by format and size and does not convert it; convert it first",
            found.join(", ")
        ),
    )
}
