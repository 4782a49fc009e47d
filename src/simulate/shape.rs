//! The shape of a message's body: nothing missing, nothing that does not belong there.

use super::answer::Refusal;
use super::route::Side;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// The keys of each kind's object, apart from `id` and `link`.
#[rustfmt::skip]
const KINDS: &[(&str, &[&str])] = &[
    ("image",    &["caption"]),
    ("video",    &["caption"]),
    ("document", &["caption", "filename"]),
    ("audio",    &["voice"]),
    ("sticker",  &[]),
];

const MAX_CAPTION: usize = 1024;

/// What a header's parameter can be beside media: of a template, and of an interactive message with its longest text.
const TEMPLATE_HEADERS: &[&str] = &["text", "currency", "date_time", "location"];
const MAX_HEADER_TEXT: usize = 60;

/// Media that a message names by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) kind: String,
    pub(super) id: String,
    /// Whether it is the header of a template, which takes only PDF of documents.
    pub(super) in_template: bool,
}

/// Sees that `body` is right, and gives the media in it, if it goes by id.
pub(super) fn check(side: Side, body: &Value) -> Result<Option<Wanted>, Refusal> {
    let body = object(side, Some(body), "the body")?;
    let cloud = side != Side::V1;
    match (cloud, body.get("messaging_product").and_then(Value::as_str)) {
        (true, Some("whatsapp")) | (false, None) => {}
        (true, _) => return Err(Refusal::new(400, 100, "(#100) The parameter messaging_product is required.", "")),
        (false, Some(_)) => return Err(Refusal::value(side, "messaging_product is not a parameter of v1")),
    }
    let to = text(side, body, "to")?;
    let kind = text(side, body, "type")?;
    match body.get("recipient_type").map(Value::as_str) {
        None | Some(Some("individual")) => {
            let digits = to.trim_start_matches('+');
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refusal::value(side, format!("to: {to} is not a phone number")));
            }
        }
        Some(Some("group")) => {}
        Some(_) => return Err(Refusal::value(side, "recipient_type has to be individual or group")),
    }
    let mut allowed = vec!["recipient_type", "to", "type", kind];
    if cloud {
        allowed.extend(["messaging_product", "context", "biz_opaque_callback_data"]);
    }
    only(side, body, &allowed, "the body")?;
    if let Some(context) = body.get("context") {
        text(side, object(side, Some(context), "context")?, "message_id")?;
    }
    let content = object(side, body.get(kind), kind)?;
    match kind {
        "template" if cloud => template(side, content),
        "interactive" if cloud => interactive(side, content),
        "template" | "interactive" => Ok(None),
        _ => media(side, kind, content, true),
    }
}

fn media(side: Side, kind: &str, content: &Object, captioned: bool) -> Result<Option<Wanted>, Refusal> {
    let row = KINDS.iter().find(|row| row.0 == kind);
    let (_, extra) = row.ok_or_else(|| Refusal::value(side, format!("type: {kind} is not a kind of media")))?;
    let mut allowed = vec!["id", "link"];
    allowed.extend(extra.iter().filter(|key| captioned || **key == "filename"));
    if side == Side::V1 {
        allowed.retain(|key| *key != "voice");
        if content.contains_key("link") {
            allowed.push("provider");
        }
    }
    only(side, content, &allowed, kind)?;
    if let Some(caption) = content.get("caption") {
        let caption = caption.as_str().ok_or_else(|| Refusal::value(side, "caption is not text"))?;
        if caption.is_empty() || caption.chars().count() > MAX_CAPTION {
            return Err(Refusal::value(side, format!("{kind}.caption: 1 to {MAX_CAPTION} characters")));
        }
    }
    if content.get("voice").is_some_and(|voice| !voice.is_boolean()) {
        return Err(Refusal::value(side, "voice is true or false"));
    }
    if let Some(provider) = content.get("provider") {
        text(side, object(side, Some(provider), "provider")?, "name")?;
    }
    match (content.get("id"), content.get("link")) {
        (Some(_), Some(_)) => Err(Refusal::value(side, format!("{kind}: id and link exclude each other"))),
        (None, None) => Err(Refusal::missing(side, format!("{kind}: id or link is required"))),
        (Some(_), None) => {
            let id = text(side, content, "id")?.to_owned();
            Ok(Some(Wanted { kind: kind.to_owned(), id, in_template: false }))
        }
        (None, Some(_)) => {
            let link = text(side, content, "link")?;
            let verbatim = side == Side::V1 && (link.contains("/http://") || link.contains("/https://"));
            if verbatim || link.starts_with("http://") || link.starts_with("https://") {
                return Ok(None);
            }
            Err(Refusal::value(side, format!("{kind}.link: not a valid URI")))
        }
    }
}

/// The media of a header, or nothing where it is one of the `others` that carry none.
fn header(side: Side, header: &Object, others: &[&str]) -> Result<Option<Wanted>, Refusal> {
    let kind = text(side, header, "type")?;
    if others.contains(&kind) {
        return Ok(None);
    }
    if !["image", "video", "document"].contains(&kind) {
        return Err(Refusal::value(side, format!("header: {kind} cannot stand in a header")));
    }
    only(side, header, &["type", kind], "header")?;
    media(side, kind, object(side, header.get(kind), kind)?, false)
}

fn template(side: Side, template: &Object) -> Result<Option<Wanted>, Refusal> {
    only(side, template, &["name", "language", "components"], "template")?;
    text(side, template, "name")?;
    text(side, object(side, template.get("language"), "language")?, "code")?;
    let components = template.get("components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found = None;
    for component in components {
        let component = object(side, Some(component), "component")?;
        if !text(side, component, "type")?.eq_ignore_ascii_case("header") {
            continue;
        }
        if found.is_some() {
            return Err(Refusal::value(side, "template: more than one header"));
        }
        let parameters = component.get("parameters").and_then(Value::as_array);
        let first = parameters.and_then(|all| all.first());
        found = Some(header(side, object(side, first, "parameters")?, TEMPLATE_HEADERS)?);
    }
    Ok(found.flatten().map(|wanted| Wanted { in_template: true, ..wanted }))
}

fn interactive(side: Side, interactive: &Object) -> Result<Option<Wanted>, Refusal> {
    only(side, interactive, &["type", "header", "body", "footer", "action"], "interactive")?;
    text(side, interactive, "type")?;
    object(side, interactive.get("action"), "action")?;
    for (name, most) in [("body", 1024), ("footer", 60)] {
        if let Some(part) = interactive.get(name) {
            let words = text(side, object(side, Some(part), name)?, "text")?;
            if words.chars().count() > most {
                return Err(Refusal::value(side, format!("{name}.text: at most {most} characters")));
            }
        }
    }
    match interactive.get("header") {
        Some(part) => {
            let part = object(side, Some(part), "header")?;
            if text(side, part, "type")? == "text" {
                let words = text(side, part, "text")?.chars().count();
                if words > MAX_HEADER_TEXT {
                    return Err(Refusal::value(side, format!("header.text: at most {MAX_HEADER_TEXT} characters")));
                }
            }
            header(side, part, &["text"])
        }
        None => Ok(None),
    }
}

fn object<'a>(side: Side, value: Option<&'a Value>, name: &str) -> Result<&'a Object, Refusal> {
    value.and_then(Value::as_object).ok_or_else(|| Refusal::missing(side, format!("{name} has to be an object")))
}

fn text<'a>(side: Side, object: &'a Object, name: &str) -> Result<&'a str, Refusal> {
    let text = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::missing(side, format!("{name} is required")))
}

fn only(side: Side, object: &Object, allowed: &[&str], place: &str) -> Result<(), Refusal> {
    match object.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(Refusal::parameter(side, format!("{place}: unexpected key {key:?}"))),
        None => Ok(()),
    }
}
