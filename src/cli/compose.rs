//! From the arguments of `send` to a message.

use super::Stop;
use super::args::conflict;
use super::platform_args::SendArgs;
use mediafit::error::clean;
use mediafit::format::{FORMATS, Format};
use mediafit::message::{
    Clause, Component, Content, Interactive, Kind, Media, Message, Objection, Recipient, Reference, Template, Usage,
};
use mediafit::policy::Platform;
use mediafit::{Error, Role};
use serde_json::{Map, Value};
use std::path::Path;

/// The largest JSON file that is read, in bytes.
const MAX_JSON: u64 = 1024 * 1024;

/// The message with media of this `format`, under `id` where it is not named otherwise.
pub(crate) fn message(
    args: &SendArgs,
    usage: Usage,
    platform: Platform,
    id: &str,
    format: Option<Format>,
) -> Result<Message, Stop> {
    let content = &args.content;
    let reference = match (&args.source.id, &args.source.link) {
        (Some(id), _) => Reference::Id(id.clone()),
        (None, Some(link)) => Reference::Link(link.clone()),
        (None, None) => Reference::Id(id.to_owned()),
    };
    // A document without a name is shown unnamed.
    let own_name = || {
        let format = format.filter(|_| args.kind.kind == Kind::Document && usage == Usage::Message)?;
        let stem = args.source.file.as_deref()?.file_stem()?.to_string_lossy();
        Some(format!("{}.{}", clean(&stem), format.extension()))
    };
    let media = Media {
        kind: args.kind.kind,
        reference,
        caption: content.caption.clone(),
        filename: content.filename.clone().or_else(own_name),
        // v1 has no mark for voice notes: there the sound alone makes one.
        voice: content.voice || (args.kind.voice && platform == Platform::Cloud),
        provider: content.provider.clone(),
    };
    let content = match usage {
        Usage::Message | Usage::TemplateSample => Content::Media(media),
        Usage::TemplateHeader => Content::Template(template(args, media)?),
        Usage::InteractiveHeader => Content::Interactive(interactive(args, media)?),
    };
    let recipient = if args.content.group { Recipient::Group } else { Recipient::Individual };
    let to = args.to.clone().unwrap_or_default();
    Ok(Message { to, recipient, reply_to: args.content.reply_to.clone(), content })
}

fn template(args: &SendArgs, media: Media) -> Result<Template, Stop> {
    let name =
        args.header.template.clone().ok_or_else(|| conflict("send", "--for template-header needs --template NAME"))?;
    let others = match &args.header.components {
        Some(path) => match read_json(path)? {
            Value::Array(components) => components,
            _ => return Err(Error::malformed("is not an array of components").at(path).into()),
        },
        None => Vec::new(),
    };
    let others = others.into_iter().map(Component::Other);
    let components = std::iter::once(Component::Header(media)).chain(others).collect();
    Ok(Template { name, language: args.header.language.clone(), components })
}

fn interactive(args: &SendArgs, media: Media) -> Result<Interactive, Stop> {
    let path = args.header.interactive.as_ref();
    let path = path.ok_or_else(|| conflict("send", "--for interactive-header needs --interactive FILE"))?;
    let value = read_json(path)?;
    let text = |name: &str| value.pointer(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("/type").ok_or_else(|| Error::malformed("has no type: button, list …").at(path))?;
    let action = value.get("action").cloned().ok_or_else(|| Error::malformed("has no action").at(path))?;
    Ok(Interactive { kind, header: Some(media), body: text("/body/text"), footer: text("/footer/text"), action })
}

/// What stands in the file of `--interactive` and would be left out of the message: the header is the media, and what
/// nobody knows is not sent.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn left_out(args: &SendArgs) -> Result<Vec<Objection>, Error> {
    let Some(path) = &args.header.interactive else { return Ok(Vec::new()) };
    let value = read_json(path)?;
    let keys = |value: Option<&Value>, place: &str, allowed: &[&str]| -> Vec<String> {
        let none = Map::new();
        let object = value.and_then(Value::as_object).unwrap_or(&none);
        object.keys().filter(|key| !allowed.contains(&key.as_str())).map(|key| format!("{place}{key}")).collect()
    };
    let found = [
        keys(Some(&value), "", &["type", "body", "footer", "action"]),
        keys(value.get("body"), "body.", &["text"]),
        keys(value.get("footer"), "footer.", &["text"]),
    ];
    let object = |key: String| {
        let message = if key == "header" {
            "the header is the media that is sent; leave it out of the file".to_owned()
        } else {
            format!("{} is no part of an interactive message; leave it out of {}", clean(&key), path.display())
        };
        let allowed = "type body.text footer.text action".into();
        Objection { rule: Clause::Header, found: clean(&key).as_str().into(), allowed, message: clean(&message) }
    };
    Ok(found.into_iter().flatten().map(object).collect())
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let failed = |error| Error::io("cannot be read", error).at(path);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_JSON), &mut text).map_err(failed)?;
    serde_json::from_str(&text).map_err(|error| Error::malformed(format!("is not JSON: {error}")).at(path))
}

/// The place that the media is meant for.
///
/// # Errors
/// When arguments do not go together.
pub(crate) fn usage(args: &SendArgs) -> Result<Usage, Stop> {
    let header = &args.header;
    let implied = match (&header.template, &header.interactive) {
        (Some(_), Some(_)) => return Err(conflict("send", "--template and --interactive exclude each other")),
        (Some(_), None) => Usage::TemplateHeader,
        (None, Some(_)) => Usage::InteractiveHeader,
        (None, None) => Usage::Message,
    };
    let usage = header.usage.unwrap_or(implied);
    if usage == Usage::TemplateSample && args.source.file.is_none() {
        return Err(conflict("send", "--for template-sample needs --file"));
    }
    if usage != Usage::TemplateSample && args.to.is_none() {
        return Err(conflict("send", "--to NUMBER is needed"));
    }
    Ok(usage)
}

/// The role of a file that is sent so.
pub(crate) fn role(args: &SendArgs) -> Role {
    let voice = args.kind.voice || args.content.voice;
    match args.kind.kind {
        Kind::Image => Role::Image,
        Kind::Video => Role::Video,
        Kind::Audio if voice => Role::Voice,
        Kind::Audio => Role::Audio,
        Kind::Document => Role::Document,
        Kind::Sticker => Role::Sticker,
    }
}

/// The format that a link's extension names.
pub(crate) fn format_of_link(link: &str) -> Option<Format> {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    FORMATS.iter().map(|row| row.format).find(|format| format.has_extension(extension))
}

/// The format that goes as this wire type.
pub(crate) fn format_of_mime(mime: &str) -> Option<Format> {
    FORMATS.iter().find(|row| row.mime == mime).map(|row| row.format)
}
