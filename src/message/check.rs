//! What would be refused about a message (whatsapp-media §1.3 "Message", §2, §4).

use super::media::{Kind, Media, Reference};
use super::template::{Component, Usage};
use super::{Clause, Content, MAX_CAPTION, Message, Objection, Recipient};
use crate::error::clean;
use crate::judge::Measure;
use crate::policy::Platform;

/// The longest text of an interactive message's body and of its footer, in characters.
const MAX_BODY: usize = 1024;
const MAX_FOOTER: usize = 60;

/// The wire types of a template's sample.
const SAMPLES: &[&str] = &["application/pdf", "image/jpeg", "image/png", "video/mp4"];

pub(super) fn message(message: &Message, platform: Platform) -> Vec<Objection> {
    let mut found = Vec::new();
    recipient(message, &mut found);
    if let Some(id) = &message.reply_to {
        if platform == Platform::OnPremise {
            object(&mut found, Clause::Reply, id.as_str(), "none", "v1 has no replies; leave the reply out");
        } else if id.is_empty() {
            object(&mut found, Clause::Reply, "", "a message id", "the message to reply to has no id");
        }
    }
    match &message.content {
        Content::Media(media) => self::media(media, platform, Usage::Message, &mut found),
        Content::Template(template) => {
            only_cloud(platform, "template", &mut found);
            for component in &template.components {
                if let Component::Header(media) = component {
                    self::media(media, platform, Usage::TemplateHeader, &mut found);
                }
            }
            let headers = template.components.iter().filter(|component| component.is_header()).count();
            if headers > 1 {
                let message = "a template has one header; leave it out of the other components";
                object(&mut found, Clause::Header, headers as u64, 1_u64, message);
            }
        }
        Content::Interactive(interactive) => {
            only_cloud(platform, "interactive message", &mut found);
            if let Some(media) = &interactive.header {
                self::media(media, platform, Usage::InteractiveHeader, &mut found);
            }
            long(&mut found, Clause::Header, "body", interactive.body.as_deref(), MAX_BODY);
            long(&mut found, Clause::Header, "footer", interactive.footer.as_deref(), MAX_FOOTER);
        }
    }
    found
}

/// What is wrong with media of `kind` in this place; its type is judged where it is known.
pub(super) fn usage(usage: Usage, kind: Kind, mime: Option<&str>) -> Vec<Objection> {
    let mut found = Vec::new();
    let place = match usage {
        Usage::Message => return found,
        Usage::TemplateHeader => "the header of a template",
        Usage::InteractiveHeader => "the header of an interactive message",
        Usage::TemplateSample => "the sample of a template",
    };
    if matches!(kind, Kind::Audio | Kind::Sticker) {
        let message = format!("{place} takes no {}; send it as a message of its own", kind.name());
        object(&mut found, Clause::Header, kind.name(), "image video document", message);
        return found;
    }
    let Some(mime) = mime else { return found };
    match usage {
        Usage::TemplateHeader if kind == Kind::Document && mime != "application/pdf" => {
            let message = format!("{place} takes PDF documents only; export it as PDF");
            object(&mut found, Clause::Header, mime, "application/pdf", message);
        }
        Usage::TemplateSample if !SAMPLES.contains(&mime) => {
            let message = format!("{place} is one of {}", SAMPLES.join(" "));
            object(&mut found, Clause::Header, mime, SAMPLES.join(" "), message);
        }
        Usage::Message | Usage::TemplateHeader | Usage::InteractiveHeader | Usage::TemplateSample => {}
    }
    found
}

fn recipient(message: &Message, found: &mut Vec<Objection>) {
    let to = message.to.as_str();
    let right = match message.recipient {
        Recipient::Individual => {
            let digits = to.strip_prefix('+').unwrap_or(to);
            (4..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        Recipient::Group => !to.is_empty() && to.bytes().all(|byte| byte.is_ascii_graphic()),
    };
    if !right {
        let (allowed, message) = match message.recipient {
            Recipient::Individual => ("a phone number with its country code, digits only", "not a phone number"),
            Recipient::Group => ("a group id", "not a group id"),
        };
        object(found, Clause::Recipient, to, allowed, message);
    }
}

fn only_cloud(platform: Platform, what: &str, found: &mut Vec<Objection>) {
    if platform == Platform::OnPremise {
        let message = format!("a {what} is built for the cloud API only");
        object(found, Clause::Header, "on-premise", "cloud", message);
    }
}

fn media(media: &Media, platform: Platform, place: Usage, found: &mut Vec<Objection>) {
    found.extend(usage(place, media.kind, None));
    let kind = media.kind;
    if let Some(caption) = &media.caption {
        if !kind.takes_caption() {
            let message = format!("{} takes no caption; send the text as a message of its own", kind.name());
            object(found, Clause::Caption, true, false, message);
        } else if place != Usage::Message {
            object(
                found,
                Clause::Caption,
                true,
                false,
                "media in a header takes no caption; put the text into the body",
            );
        } else if caption.is_empty() {
            object(found, Clause::Caption, 0_u64, "1 to 1024 characters", "the caption is empty; leave it out");
        }
        long(found, Clause::Caption, "caption", Some(caption), MAX_CAPTION);
    }
    if let Some(name) = &media.filename {
        if !kind.takes_filename() {
            object(found, Clause::Filename, name.as_str(), "none", format!("{} takes no file name", kind.name()));
        } else if name.is_empty() {
            object(found, Clause::Filename, "", "a file name", "the file name is empty; leave it out");
        }
    }
    if media.voice && kind != Kind::Audio {
        object(found, Clause::Voice, kind.name(), "audio", "only sound is marked as a voice note");
    } else if media.voice && platform == Platform::OnPremise {
        object(found, Clause::Voice, true, false, "v1 has no mark for voice notes; leave it out");
    }
    source(media, platform, found);
}

fn source(media: &Media, platform: Platform, found: &mut Vec<Objection>) {
    match &media.reference {
        Reference::Id(id) if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            object(found, Clause::Source, id.as_str(), "the id of an upload", "not a media id");
        }
        Reference::Id(_) => {}
        Reference::Link(link) => {
            let address = match (platform, link.split_once("/http")) {
                // v1 takes `provider-name/https://…` verbatim.
                (Platform::OnPremise, Some((name, rest))) if is_name(name) => format!("http{rest}"),
                _ => link.clone(),
            };
            if !is_address(&address) {
                let message = "not an address that the platform can fetch; name it as http://… or https://…";
                object(found, Clause::Source, link.as_str(), "http:// or https:// with a host", message);
            }
        }
    }
    if let Some(provider) = &media.provider {
        if platform == Platform::Cloud {
            object(found, Clause::Source, provider.as_str(), "none", "media providers exist on v1 only");
        } else if matches!(media.reference, Reference::Id(_)) {
            object(
                found,
                Clause::Source,
                provider.as_str(),
                "none",
                "a media provider goes with a link, not with an id",
            );
        } else if provider.is_empty() {
            object(found, Clause::Source, "", "a provider's name", "the media provider has no name");
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether `link` is http or https, with a host, without blanks.
fn is_address(link: &str) -> bool {
    let lower = link.get(..8).unwrap_or(link).to_ascii_lowercase();
    let scheme = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let rest = scheme.and_then(|scheme| link.get(scheme.len()..)).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !link.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The platform counts characters, not bytes.
fn long(found: &mut Vec<Objection>, rule: Clause, what: &str, text: Option<&str>, allowed: usize) {
    let count = text.map_or(0, |text| text.chars().count());
    if count > allowed {
        let message = format!("the {what} is too long; found {count} characters, allowed {allowed}; shorten it");
        object(found, rule, count as u64, allowed as u64, message);
    }
}

fn object(
    objections: &mut Vec<Objection>,
    rule: Clause,
    found: impl Into<Measure>,
    allowed: impl Into<Measure>,
    message: impl AsRef<str>,
) {
    objections.push(Objection { rule, found: found.into(), allowed: allowed.into(), message: clean(message.as_ref()) });
}
