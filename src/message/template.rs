//! Media in headers: of templates, of interactive messages, and as a template's sample.

use super::media::{Kind, Media};
use serde_json::{Map, Value, json};

/// The place that media is meant for; each takes less than a message of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usage {
    /// A message of its own.
    #[default]
    Message,
    /// The header of a template.
    TemplateHeader,
    /// The header of an interactive message.
    InteractiveHeader,
    /// The sample that a template is submitted with.
    TemplateSample,
}

/// A part of a template message.
#[derive(Debug, Clone, PartialEq)]
pub enum Component {
    /// The header, with media.
    Header(Media),
    /// Any other part (body, button …) as the platform documents it.
    Other(Value),
}

impl Component {
    pub(super) fn is_header(&self) -> bool {
        match self {
            Self::Header(_) => true,
            Self::Other(value) => {
                let kind = value.get("type").and_then(Value::as_str);
                kind.is_some_and(|kind| kind.eq_ignore_ascii_case("header"))
            }
        }
    }
}

/// An approved template, filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// The code of its language: `en_US`.
    pub language: String,
    /// What is filled in.
    pub components: Vec<Component>,
}

impl Template {
    pub(super) fn body(&self) -> Value {
        let component = |component: &Component| match component {
            Component::Header(media) => json!({ "type": "header", "parameters": [media.header()] }),
            Component::Other(value) => value.clone(),
        };
        let components: Vec<Value> = self.components.iter().map(component).collect();
        json!({ "name": self.name, "language": { "code": self.language }, "components": components })
    }
}

/// A message with buttons, lists or the like.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactive {
    /// What it is: `button`, `list`, `cta_url` …
    pub kind: String,
    /// Media on top. Default: none.
    pub header: Option<Media>,
    /// The text; at most 1024 characters. Default: none.
    pub body: Option<String>,
    /// The text below; at most 60 characters. Default: none.
    pub footer: Option<String>,
    /// What can be done with it, as the platform documents it.
    pub action: Value,
}

impl Interactive {
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), self.kind.as_str().into());
        if let Some(media) = &self.header {
            body.insert("header".into(), media.header());
        }
        for (name, text) in [("body", &self.body), ("footer", &self.footer)] {
            if let Some(text) = text {
                body.insert(name.into(), json!({ "text": text }));
            }
        }
        body.insert("action".into(), self.action.clone());
        Value::Object(body)
    }
}

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Advertising.
    Marketing,
    /// About something the customer has ordered or asked for.
    Utility,
    /// One-time codes.
    Authentication,
}

impl Category {
    const fn name(self) -> &'static str {
        match self {
            Self::Marketing => "MARKETING",
            Self::Utility => "UTILITY",
            Self::Authentication => "AUTHENTICATION",
        }
    }
}

/// A template as it is submitted for approval, with a sample of the media in its header.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateDraft {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub category: Category,
    /// The code of its language.
    pub language: String,
    /// The header's kind of media, and the handle that the upload of its sample gave.
    pub header: (Kind, String),
    /// The other parts, as the platform documents them.
    pub components: Vec<Value>,
}

impl TemplateDraft {
    /// The body of the call that creates it.
    #[must_use]
    pub fn body(&self) -> Value {
        let (kind, handle) = &self.header;
        let header = json!({
            "type": "HEADER",
            "format": kind.name().to_ascii_uppercase(),
            "example": { "header_handle": [handle] },
        });
        let components: Vec<Value> = std::iter::once(header).chain(self.components.iter().cloned()).collect();
        json!({
            "name": self.name,
            "category": self.category.name(),
            "language": self.language,
            "components": components,
        })
    }
}
