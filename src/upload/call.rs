//! One call of an API as data: what is sent, and what `--dry-run` prints, are the same.

use super::body::wire_name;
use super::key::{HIDDEN, Key};
use crate::verify::Fitted;
use serde_json::{Map, Value, json};

/// A file within a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The name it is sent under.
    pub filename: String,
    /// Its MIME type.
    pub mime: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

impl Piece {
    /// `fitted` under a name for the wire.
    pub(super) fn of(fitted: &Fitted, name: Option<&str>) -> Self {
        Self {
            filename: wire_name(name, fitted.format()),
            mime: fitted.mime().to_owned(),
            bytes: fitted.len(),
            sha256: fitted.sha256().to_owned(),
        }
    }
}

/// What a call carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON.
    Json(Value),
    /// The bytes of a file, as they are.
    Raw(Piece),
    /// A form with the file in it, after the fields named here.
    Form(Vec<(&'static str, String)>, Piece),
}

/// How a call shows that it may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Auth {
    /// 360dialog: `D360-API-KEY`.
    Dialog(Option<Key>),
    /// Meta: `Authorization: Bearer`.
    Bearer(Option<Key>),
    /// Meta, for resumable uploads: `Authorization: OAuth`.
    Sample(Option<Key>),
}

impl Auth {
    /// The header's name and value; the value is for the wire only.
    pub(super) fn header(&self) -> Option<(&'static str, String)> {
        let (name, scheme, key) = self.parts();
        key.map(|key| (name, format!("{scheme}{}", key.reveal())))
    }

    /// The key, which is to be shown nowhere.
    pub(super) fn key(&self) -> Option<&Key> {
        self.parts().2
    }

    fn parts(&self) -> (&'static str, &'static str, Option<&Key>) {
        match self {
            Self::Dialog(key) => ("D360-API-KEY", "", key.as_ref()),
            Self::Bearer(key) => ("Authorization", "Bearer ", key.as_ref()),
            Self::Sample(key) => ("Authorization", "OAuth ", key.as_ref()),
        }
    }
}

/// One call of an API.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Headers beside the key's and the body's length.
    pub headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub body: Body,
    pub(super) auth: Auth,
}

impl Call {
    /// The call as a line of JSON, with the key hidden:
    /// `{"type":"request","method":…,"url":…,"headers":{…},"body":{…}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (name, scheme, _) = self.auth.parts();
        let mut headers = Map::new();
        headers.insert(name.into(), format!("{scheme}{HIDDEN}").into());
        for (name, value) in &self.headers {
            headers.insert((*name).into(), value.as_str().into());
        }
        if matches!(self.body, Body::Form(..)) {
            // Without the boundary, which is another one at each try.
            headers.insert("Content-Type".into(), "multipart/form-data".into());
        }
        let file = |piece: &Piece| {
            json!({
                "filename": piece.filename,
                "content_type": piece.mime,
                "bytes": piece.bytes,
                "sha256": piece.sha256,
            })
        };
        let body = match &self.body {
            Body::None => Value::Null,
            Body::Json(value) => value.clone(),
            Body::Raw(piece) => json!({ "file": file(piece) }),
            Body::Form(fields, piece) => {
                let mut body: Map<String, Value> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
                body.insert("file".into(), file(piece));
                Value::Object(body)
            }
        };
        json!({ "type": "request", "method": self.method, "url": self.url, "headers": headers, "body": body })
    }
}
