//! The message bodies: every kind of media, by id or by link, as a message of its own, as the header of a template or of
//! an interactive message, and as a template's sample. Pure: what comes out is JSON and what is wrong with it.
//!
//! ```
//! use mediafit::Platform;
//! use mediafit::message::{Kind, Media, Message, Reference};
//!
//! let media = Media { caption: Some("Hello".into()), ..Media::new(Kind::Image, Reference::Id("4490709327384033".into())) };
//! let body = Message::new("16505551234", media).body(Platform::Cloud).expect("nothing is wrong with it");
//! assert_eq!(body["image"]["caption"], "Hello");
//! ```

mod check;
mod media;
mod template;

use crate::judge::Measure;
use crate::policy::Platform;
pub use media::{Kind, Media, Reference};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;
pub use template::{Category, Component, Interactive, Template, TemplateDraft, Usage};

/// The longest caption, in characters (whatsapp-media §1.3, `cap.len`).
pub const MAX_CAPTION: usize = 1024;

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recipient {
    /// One person, by phone number.
    #[default]
    Individual,
    /// A group, by its id.
    Group,
}

impl Recipient {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
        }
    }
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Media on its own.
    Media(Media),
    /// A template, with media in its header if it has one.
    Template(Template),
    /// An interactive message, with media in its header if it has one.
    Interactive(Interactive),
}

/// A message with media in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The recipient's phone number or group id.
    pub to: String,
    /// Whether that is a person or a group. Default: a person.
    pub recipient: Recipient,
    /// The id of the message that this one answers. Default: none.
    pub reply_to: Option<String>,
    /// What it carries.
    pub content: Content,
}

/// What an [`Objection`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// The text below the media.
    Caption,
    /// A document's name.
    Filename,
    /// The id or link.
    Source,
    /// The mark of a voice note.
    Voice,
    /// To whom it goes.
    Recipient,
    /// The message it answers.
    Reply,
    /// Media in a place that takes less.
    Header,
}

impl Clause {
    /// The rule's name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caption => "message.caption",
            Self::Filename => "message.filename",
            Self::Source => "message.source",
            Self::Voice => "message.voice",
            Self::Recipient => "message.recipient",
            Self::Reply => "message.reply",
            Self::Header => "message.header",
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Clause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why a message would be refused, in the shape of a finding about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// Which rule it breaks.
    pub rule: Clause,
    /// What was found.
    pub found: Measure,
    /// What is allowed.
    pub allowed: Measure,
    /// The objection in a sentence.
    pub message: String,
}

impl Message {
    /// A message to `to` that carries `media`.
    pub fn new(to: impl Into<String>, media: Media) -> Self {
        Self::with(to, Content::Media(media))
    }

    /// A message to `to` with any content.
    pub fn with(to: impl Into<String>, content: Content) -> Self {
        Self { to: to.into(), recipient: Recipient::Individual, reply_to: None, content }
    }

    /// The body as `platform` takes it.
    ///
    /// # Errors
    /// Everything that is wrong with the message.
    pub fn body(&self, platform: Platform) -> Result<Value, Vec<Objection>> {
        let objections = check::message(self, platform);
        if !objections.is_empty() {
            return Err(objections);
        }
        let mut body = Map::new();
        if platform == Platform::Cloud {
            body.insert("messaging_product".into(), "whatsapp".into());
        }
        body.insert("recipient_type".into(), self.recipient.name().into());
        body.insert("to".into(), self.to.as_str().into());
        if let Some(message) = &self.reply_to {
            body.insert("context".into(), json!({ "message_id": message }));
        }
        let (name, content) = match &self.content {
            Content::Media(media) => (media.kind.name(), media.body()),
            Content::Template(template) => ("template", template.body()),
            Content::Interactive(interactive) => ("interactive", interactive.body()),
        };
        body.insert("type".into(), name.into());
        body.insert(name.into(), content);
        Ok(Value::Object(body))
    }
}

/// What is wrong with media of `kind` and the wire type `mime` in the place where it is to be used.
#[must_use]
pub fn usable(usage: Usage, kind: Kind, mime: &str) -> Vec<Objection> {
    check::usage(usage, kind, Some(mime))
}
