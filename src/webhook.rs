//! Callbacks explained: which message failed, with which file, by which rule, and what to do; and what media came in.
//!
//! ```
//! let text = r#"{"entry":[{"changes":[{"value":{"statuses":[{"id":"wamid.1","status":"failed","errors":[
//!     {"code":131053,"title":"Media upload error","error_data":{"details":"Sticker file could not be processed"}}]}]}}]}]}"#;
//! let callback = mediafit::webhook::read(text)?;
//! assert_eq!(callback.statuses[0].faults[0].rule.map(|rule| rule.name()), Some("sticker.format"));
//! # Ok::<(), mediafit::Error>(())
//! ```

use crate::error::{Error, Result, clean};
use crate::fault::Fault;
use serde_json::Value;

/// The most statuses or messages that are read from one callback.
const MAX_ITEMS: usize = 10_000;

/// The kinds of messages that carry media.
const KINDS: [&str; 6] = ["image", "video", "audio", "voice", "document", "sticker"];

/// What a callback says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callback {
    /// How messages of ours fared.
    pub statuses: Vec<Status>,
    /// Media that users sent.
    pub media: Vec<InboundMedia>,
}

/// How one message fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The message's id.
    pub message_id: String,
    /// `sent`, `delivered`, `read`, `failed`, or what the platform will think of.
    pub status: String,
    /// When, as it was told.
    pub timestamp: Option<String>,
    /// Why it failed.
    pub faults: Vec<Fault>,
}

impl Status {
    /// Whether the message failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status == "failed" || !self.faults.is_empty()
    }
}

/// Media that a user sent; its id lives for seven days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMedia {
    /// The message that it came in.
    pub message_id: String,
    /// What kind of message.
    pub kind: String,
    /// The media's id.
    pub id: String,
    /// Its MIME type.
    pub mime: Option<String>,
    /// The SHA-256 as it was told, in hexadecimal or base64.
    pub sha256: Option<String>,
    /// A document's name.
    pub filename: Option<String>,
}

/// Reads a callback: one object, an array of them, or one object a line; of the cloud (`entry[].changes[].value`), of v1
/// (`statuses` at the top), or only the inner part.
///
/// # Errors
/// `Malformed` when it is not JSON.
pub fn read(text: &str) -> Result<Callback> {
    let mut callback = Callback::default();
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    for value in values {
        let value = value.map_err(|error| Error::malformed(format!("is not a callback: {error}")))?;
        match &value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, &mut callback)),
            value => collect(value, &mut callback),
        }
    }
    Ok(callback)
}

fn collect(value: &Value, into: &mut Callback) {
    let array = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_array).cloned().unwrap_or_default().into_iter().take(MAX_ITEMS)
    };
    let mut values: Vec<Value> = Vec::new();
    for entry in array(value, "entry") {
        values.extend(array(&entry, "changes").filter_map(|change| change.get("value").cloned()));
    }
    if values.is_empty() {
        values.push(value.get("value").unwrap_or(value).clone());
    }
    for value in values {
        into.statuses.extend(array(&value, "statuses").filter_map(|one| status(&one)));
        into.media.extend(array(&value, "messages").filter_map(|one| media(&one)));
    }
    into.statuses.truncate(MAX_ITEMS);
    into.media.truncate(MAX_ITEMS);
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(clean)
}

fn status(value: &Value) -> Option<Status> {
    let errors = value.get("errors").and_then(Value::as_array);
    Some(Status {
        message_id: text(value, "id")?,
        status: text(value, "status")?,
        timestamp: text(value, "timestamp"),
        faults: errors.into_iter().flatten().take(100).map(Fault::of_callback).collect(),
    })
}

fn media(value: &Value) -> Option<InboundMedia> {
    let kind = text(value, "type").filter(|kind| KINDS.contains(&kind.as_str()))?;
    let content = value.get(&kind)?;
    Some(InboundMedia {
        message_id: text(value, "id").unwrap_or_default(),
        id: text(content, "id")?,
        mime: text(content, "mime_type"),
        sha256: text(content, "sha256"),
        filename: text(content, "filename"),
        kind,
    })
}
