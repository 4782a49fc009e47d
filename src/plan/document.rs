//! Plans for documents: handed on byte for byte, at most renamed.

use super::{Plan, Reason, Rewrite, Rung, Shape, lossless_steps};
use crate::facts::Facts;
use crate::format::{Family, Format};
use crate::judge::{Finding, Rule, Severity, document_mime, document_type, wire_format};
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

/// Parts of the MIME types of archives and packed files.
const ARCHIVES: [&str; 10] = ["7z", "rar", "tar", "bzip", "xz", "zstd", "lzip", "compress", "cab", "cpio"];

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
        (
            Family::Document,
            Format::Docm
            | Format::Dotx
            | Format::Dotm
            | Format::Xlsm
            | Format::Xlsb
            | Format::Xltx
            | Format::Xltm
            | Format::Xlam
            | Format::Pptm
            | Format::Ppsx
            | Format::Ppsm
            | Format::Potx
            | Format::Potm
            | Format::Ppam,
        ) => "save it as DOCX, XLSX or PPTX, or export it as PDF",
        (Family::Document, Format::Utf16) => "save it as UTF-8",
        (Family::Document, Format::Other) if ARCHIVES.iter().any(|kind| document_mime(facts).contains(kind)) => {
            "send the files in it one by one, or a link to it"
        }
        (Family::Document, _) => "export it as PDF, or send a link to it",
    };
    let platform = match policy.platform {
        Platform::Cloud => "the cloud API takes txt pdf doc xls ppt docx xlsx pptx",
        Platform::OnPremise => "the policy in force does not take it",
    };
    let (kind, mime) = (document_type(facts), document_mime(facts));
    let found = if kind == mime { mime.to_owned() } else { format!("{kind} ({mime})") };
    format!("found {found}; {platform}; {way_out}")
}
