//! What the stand-in is asked about itself, by tests that are not in its process: `/_simulate/…`.

use super::answer::json_with;
use super::store::Store;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn answer(store: &Store, method: &str, what: &str, head: &Parts) -> Response {
    match (method, what) {
        ("GET", "media") => store.read(|inner| {
            let media: Vec<Value> = inner
                .media
                .values()
                .map(|kept| {
                    json!({
                        "id": kept.id, "mime": kept.mime, "filename": kept.filename,
                        "sha256": kept.sha256, "bytes": kept.bytes.len(),
                    })
                })
                .collect();
            json_with(200, &media.into())
        }),
        ("GET", "messages") => store.read(|inner| json_with(200, &inner.messages.clone().into())),
        ("GET", "callbacks") => store.read(|inner| json_with(200, &inner.callbacks.clone().into())),
        ("POST", "advance") => {
            let query = head.uri.query().unwrap_or_default();
            let seconds = query.strip_prefix("seconds=").and_then(|text| text.parse().ok());
            match seconds {
                Some(seconds) => {
                    store.write(|inner| inner.ahead += Duration::from_secs(seconds));
                    json_with(200, &json!({"advanced": seconds}))
                }
                None => json_with(400, &json!({"error": "advance?seconds=N"})),
            }
        }
        _ => json_with(404, &json!({"error": "GET media, messages, callbacks; POST advance?seconds=N"})),
    }
}
