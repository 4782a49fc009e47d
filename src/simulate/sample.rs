//! The resumable upload of a template's sample (whatsapp-media §4).

use super::answer::{Refusal, json_with};
use super::route::{Asked, Side};
use super::store::{Session, Store};
use axum::response::Response;
use serde_json::json;

const TYPES: &[&str] = &["application/pdf", "image/jpeg", "image/jpg", "image/png", "video/mp4"];

/// The most that a session may announce, in bytes.
const MAX_LENGTH: u64 = 104_857_600;

pub(super) fn begin(store: &Store, asked: &Asked, app: &str) -> Result<Response, Refusal> {
    let wrong = |details: &str| Refusal::parameter(Side::Meta, details);
    if app.is_empty() || !app.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("the app's id is not a number"));
    }
    let length = asked.parameter("file_length").and_then(|text| text.parse::<u64>().ok());
    let length = length.filter(|length| (1..=MAX_LENGTH).contains(length)).ok_or_else(|| wrong("file_length"))?;
    let mime = asked.parameter("file_type").unwrap_or_default();
    if !TYPES.contains(&mime.as_str()) {
        return Err(wrong("file_type has to be one of application/pdf, image/jpeg, image/jpg, image/png, video/mp4"));
    }
    if asked.parameter("file_name").is_none_or(|name| name.is_empty() || name.contains('<')) {
        return Err(wrong("file_name"));
    }
    let id = store.write(|inner| {
        let id = format!("upload:MTphdHRhY2htZW50{}", inner.next());
        inner.sessions.insert(id.clone(), Session { mime, length, bytes: Vec::new() });
        id
    });
    Ok(json_with(200, &json!({ "id": id })))
}

pub(super) fn go_on(store: &Store, asked: &Asked, method: &str, id: &str) -> Result<Response, Refusal> {
    let unknown = || Refusal::unknown(Side::Meta, id);
    if method == "GET" {
        let offset = store.read(|inner| inner.sessions.get(id).map(|session| session.bytes.len()));
        return Ok(json_with(200, &json!({"id": id, "file_offset": offset.ok_or_else(unknown)?})));
    }
    if method != "POST" {
        return Err(Refusal::new(404, 100, "Unknown path components", method));
    }
    let offset = asked.header("file_offset").and_then(|text| text.parse::<usize>().ok());
    let offset = offset.ok_or_else(|| Refusal::parameter(Side::Meta, "the header file_offset is required"))?;
    store.write(|inner| {
        let session = inner.sessions.get_mut(id).ok_or_else(unknown)?;
        if offset != session.bytes.len() {
            let details = format!("file_offset is {offset}, the server has {}", session.bytes.len());
            return Err(Refusal::parameter(Side::Meta, details));
        }
        session.bytes.extend_from_slice(&asked.body);
        let have = session.bytes.len() as u64;
        if have > session.length {
            session.bytes.truncate(offset);
            return Err(Refusal::parameter(Side::Meta, "more bytes than file_length"));
        }
        if have < session.length {
            return Err(Refusal::new(500, 2, "(#2) Service temporarily unavailable", "the upload is not whole yet"));
        }
        Ok(json_with(200, &json!({"h": format!("4::{}:ARx:e:1:2:3:{id}", session.mime)})))
    })
}

/// Keeps the part of a body that arrived before its connection ended.
pub(super) fn keep_part(store: &Store, asked: &Asked) {
    let offset = asked.header("file_offset").and_then(|text| text.parse::<usize>().ok());
    let (Some(offset), Some(id)) = (offset, asked.path.first()) else { return };
    store.write(|inner| {
        if let Some(session) = inner.sessions.get_mut(id).filter(|session| session.bytes.len() == offset) {
            session.bytes.extend_from_slice(&asked.body);
        }
    });
}
