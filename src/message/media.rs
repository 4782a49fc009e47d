//! Media as a message carries it.

use crate::format::Role;
use serde_json::{Map, Value, json};
use std::str::FromStr;

/// The five kinds of media messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// Sound; a voice note is one.
    Audio,
    /// A document.
    Document,
    /// A sticker.
    Sticker,
}

/// Every kind with its name on the wire, whether it takes a caption, and whether it takes a file name.
#[rustfmt::skip]
const KINDS: [(Kind, &str, bool, bool); 5] = [
    (Kind::Image,    "image",    true,  false),
    (Kind::Video,    "video",    true,  false),
    (Kind::Audio,    "audio",    false, false),
    (Kind::Document, "document", true,  true),
    (Kind::Sticker,  "sticker",  false, false),
];

impl Kind {
    fn row(self) -> (&'static str, bool, bool) {
        KINDS.iter().find(|row| row.0 == self).map_or(("", false, false), |row| (row.1, row.2, row.3))
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether a caption goes with it.
    #[must_use]
    pub fn takes_caption(self) -> bool {
        self.row().1
    }

    /// Whether a file name goes with it.
    #[must_use]
    pub fn takes_filename(self) -> bool {
        self.row().2
    }

    /// What a file serves as that is sent so.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Image => Role::Image,
            Self::Video => Role::Video,
            Self::Audio => Role::Audio,
            Self::Document => Role::Document,
            Self::Sticker => Role::Sticker,
        }
    }

    /// The kind that a file of `role` is sent as.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Image => Self::Image,
            Role::Sticker => Self::Sticker,
            Role::Audio | Role::Voice => Self::Audio,
            Role::Video => Self::Video,
            Role::Document => Self::Document,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let row = KINDS.iter().find(|row| row.1 == text).map(|row| row.0);
        row.ok_or_else(|| format!("unknown kind; found {text:?}, allowed image video audio document sticker"))
    }
}

/// Where the media is: uploaded before, or at a link. One of both, never none, never two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The id that an upload gave.
    Id(String),
    /// An address that the platform fetches; on-premise also `provider-name/https://…`, verbatim.
    Link(String),
}

/// Media as a message carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What kind it is.
    pub kind: Kind,
    /// Where it is.
    pub reference: Reference,
    /// The text below it; images, videos and documents only. Default: none.
    pub caption: Option<String>,
    /// The name it is shown under; documents only. Default: none.
    pub filename: Option<String>,
    /// Whether sound is marked as a voice note; cloud only. Default: false.
    pub voice: bool,
    /// A configured media provider; on-premise with a link only. Default: none.
    pub provider: Option<String>,
}

impl Media {
    /// Media of `kind` without anything else.
    #[must_use]
    pub const fn new(kind: Kind, reference: Reference) -> Self {
        Self { kind, reference, caption: None, filename: None, voice: false, provider: None }
    }

    /// The object under the kind's name.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        match &self.reference {
            Reference::Id(id) => body.insert("id".into(), id.as_str().into()),
            Reference::Link(link) => body.insert("link".into(), link.as_str().into()),
        };
        if let Some(name) = &self.provider {
            body.insert("provider".into(), json!({ "name": name }));
        }
        if let Some(caption) = &self.caption {
            body.insert("caption".into(), caption.as_str().into());
        }
        if let Some(filename) = &self.filename {
            body.insert("filename".into(), filename.as_str().into());
        }
        if self.voice {
            body.insert("voice".into(), true.into());
        }
        Value::Object(body)
    }

    /// The object `{"type":T,T:{…}}` of a header.
    pub(super) fn header(&self) -> Value {
        let mut header = Map::new();
        header.insert("type".into(), self.kind.name().into());
        header.insert(self.kind.name().into(), self.body());
        Value::Object(header)
    }
}
