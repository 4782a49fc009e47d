//! Plans for documents: handed on byte for byte, at most renamed.

use super::{Plan, Reason, Rewrite, Rung, Shape, lossless_steps};
use crate::facts::Facts;
use crate::format::{Family, Format};
use crate::judge::{Finding, Rule, Severity, wire_format};
use crate::policy::{Platform, Policy};

pub(super) fn plan(facts: &Facts, cures: &[&Finding], policy: &Policy) -> Plan {
    let format = wire_format(facts, policy);
    let accepted = policy.document.formats.as_ref().is_none_or(|formats| formats.contains(&format));
    if !accepted {
        return Plan::refuse(Reason::Type, refused_type(facts, policy));
    }
    if let Some(finding) =
        cures.iter().find(|finding| finding.rule == Rule::DocumentSize && finding.severity == Severity::Fail)
    {
        return Plan::refuse(Reason::CannotFit, format!("{}; split it or send a link to it", finding.message));
    }
    match lossless_steps(cures) {
        Some(steps) => {
            let rungs = vec![Rung { steps, format }];
            Plan::Rewrite(Rewrite::builtin(rungs, policy.document.size.hard_bytes, Shape::Any))
        }
        None => Plan::refuse(Reason::Type, refused_type(facts, policy)),
    }
}

fn refused_type(facts: &Facts, policy: &Policy) -> String {
    let format = facts.format;
    let way_out = match (format.family(), format) {
        (Family::Image, _) => "send it as an image or sticker, or put it into a PDF",
        (Family::Audio, _) => "send it as audio",
        (Family::Video, _) => "send it as a video",
        (Family::Document, Format::Zip | Format::Gzip | Format::Epub) => {
            "send the files in it one by one, or a link to it"
        }
        (Family::Document, Format::Odt | Format::Ods | Format::Odp | Format::Rtf) => {
            "export it as PDF, DOCX, XLSX or PPTX"
        }
        (Family::Document, _) => "export it as PDF, or send a link to it",
    };
    let platform = match policy.platform {
        Platform::Cloud => "the cloud API takes txt pdf doc xls ppt docx xlsx pptx",
        Platform::OnPremise => "the policy in force does not take it",
    };
    format!("found {} ({}); {platform}; {way_out}", format.label(), format.mime())
}
