//! The rules for documents (whatsapp-media §1.3, `doc.*`).

use super::{Finding, Rule, Severity, names, size};
use crate::facts::{Facts, Media};
use crate::format::Format;
use crate::policy::{Platform, Policy};
use Severity::{Fail, Warn};

pub(super) fn judge(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.document;
    if let Some(accepted) = &rules.formats
        && !accepted.contains(&facts.format)
    {
        let plain = wire_format(facts, policy) == Format::Text;
        // Named .txt, a page's source is plain text to the platform, which goes by the declared type.
        if plain && !facts.extension.as_deref().is_some_and(|extension| Format::Text.has_extension(extension)) {
            let message = format!("{} is refused at upload, but goes as plain text named .txt", facts.format.label());
            findings.push(Finding::new(Rule::DocumentType, Fail, facts.format.mime(), Format::Text.mime(), message));
        } else if !plain {
            let message = format!("{} is refused at upload", document_type(facts));
            findings.push(Finding::new(Rule::DocumentType, Fail, document_mime(facts), names(accepted), message));
        }
    }
    size(facts, Rule::DocumentSize, rules.size, findings);
    let upload = policy.upload;
    if policy.platform == Platform::OnPremise
        && facts.bytes > upload.hard_bytes
        && facts.bytes <= rules.size.hard_bytes
        && !findings.iter().any(|finding| finding.rule == Rule::DocumentSize)
    {
        let message = format!("{} bytes can be sent by link only: uploads end at {}", facts.bytes, upload.hard_bytes);
        findings.push(Finding::new(Rule::DocumentSize, Warn, facts.bytes, upload.hard_bytes, message));
    }
    match (&facts.file_name, &facts.extension) {
        (None, _) => {
            let message = "without a name it is shown unnamed, with the extension .bin";
            findings.push(Finding::new(Rule::DocumentFilename, Warn, "none", "a file name", message));
        }
        // Neither can a name without an extension, and text is called as its readers expect it: Makefile, LICENSE.
        (Some(_), None) if matches!(facts.format, Format::Binary | Format::Other) => {}
        (Some(_), None) if is_text(facts) && !rules.text_as_plain => {}
        (Some(_), None) => {
            let message = format!("the name has no extension; the content is {}", facts.format.label());
            findings.push(Finding::new(Rule::DocumentExtension, Warn, "none", facts.format.extension(), message));
        }
        // The bytes of an unknown type cannot contradict a name.
        (Some(_), Some(_)) if matches!(facts.format, Format::Binary | Format::Other | Format::Empty) => {}
        (Some(_), Some(extension)) => {
            // Text has as many right extensions as people have habits (.csv, .md, .json): on the cloud it goes as .txt.
            let format = wire_format(facts, policy);
            let right = format.has_extension(extension)
                || (is_text(facts) && !rules.text_as_plain)
                || findings.iter().any(|finding| finding.rule == Rule::DocumentType);
            if !right {
                let message = format!("the content is {}, the name says .{extension}", facts.format.label());
                let allowed = facts.format.extension();
                findings.push(Finding::new(Rule::DocumentExtension, Warn, extension.as_str(), allowed, message));
            }
        }
    }
}

const fn is_text(facts: &Facts) -> bool {
    matches!(facts.format, Format::Text | Format::Utf16)
}

/// What a person calls the type of a document, by its MIME type where it has no other name here.
pub(crate) fn document_type(facts: &Facts) -> &str {
    known_as(facts).unwrap_or_else(|| facts.format.label())
}

/// The MIME type of a document.
pub(crate) fn document_mime(facts: &Facts) -> &str {
    known_as(facts).unwrap_or_else(|| facts.format.mime())
}

fn known_as(facts: &Facts) -> Option<&str> {
    match &facts.media {
        Media::Document(document) => document.known_as.as_deref(),
        Media::Image(_) | Media::Audio(_) | Media::Video(_) => None,
    }
}

/// The format that a document goes over the wire as: its own, or plain text where any UTF-8 text may go as that.
pub(crate) fn wire_format(facts: &Facts, policy: &Policy) -> Format {
    let Media::Document(document) = &facts.media else { return facts.format };
    let listed = policy.document.formats.as_ref().is_none_or(|accepted| accepted.contains(&facts.format));
    if !listed && policy.document.text_as_plain && document.utf8_text { Format::Text } else { facts.format }
}
