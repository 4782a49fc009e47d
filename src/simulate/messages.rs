//! Messages: taken when their shape is right and their media is there. What is in the media is looked at afterwards, as
//! the platform does, and told by a callback.

use super::answer::{Refusal, json_with};
use super::route::{Asked, Side};
use super::shape::{self, Wanted};
use super::store::{Kept, Store};
use crate::format::Role;
use crate::judge::Standing;
use crate::pipeline::{Ask, Fitter};
use crate::policy::Policy;
use crate::source::Source;
use axum::response::Response;
use serde_json::{Value, json};
use std::path::Path;
use std::time::UNIX_EPOCH;

pub(super) fn send(store: &Store, asked: &Asked, number: &str) -> Result<Response, Refusal> {
    let side = asked.side;
    let mime = asked.header("content-type").unwrap_or_default();
    if mime.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::parameter(side, "Content-Type has to be application/json"));
    }
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::parameter(side, format!("the body is not JSON: {error}")))?;
    let media = shape::check(side, &body)?;
    let found: Option<(Kept, String)> = match &media {
        Some(Wanted { kind, id, in_template }) => {
            let kept = store.read(|inner| inner.living(side, number, id).cloned());
            let kept = kept.ok_or_else(|| Refusal::unknown(side, id))?;
            if *in_template && kind == "document" && kept.mime != "application/pdf" {
                return Err(Refusal::value(side, format!("header: only PDF documents, found {}", kept.mime)));
            }
            Some((kept, kind.clone()))
        }
        None => None,
    };
    let to = body.get("to").and_then(Value::as_str).unwrap_or_default().trim_start_matches('+').to_owned();
    let id = store.write(|inner| {
        let count = inner.next();
        inner.messages.push(body.clone());
        match side {
            Side::V1 => format!("gBEGkYiEB1VXAglK{count:012}"),
            Side::Dialog | Side::Meta => format!("wamid.HBgLMTY1MDU1NTEyMzQVAgARGBJ{count:012}"),
        }
    });
    if let Some(callback) = found.and_then(|(kept, kind)| failing(store, side, &id, &to, &kept, &kind)) {
        store.write(|inner| inner.callbacks.push(callback));
    }
    Ok(match side {
        Side::V1 => {
            let meta = json!({"api_status": "stable", "version": "2.35.4"});
            json_with(201, &json!({"messages": [{"id": id}], "meta": meta}))
        }
        Side::Dialog | Side::Meta => json_with(
            200,
            &json!({
                "messaging_product": "whatsapp",
                "contacts": [{"input": body["to"], "wa_id": to}],
                "messages": [{"id": id, "message_status": "accepted"}],
            }),
        ),
    })
}

/// The callback about media that the platform could not process.
fn failing(store: &Store, side: Side, id: &str, to: &str, kept: &Kept, kind: &str) -> Option<Value> {
    let role = match kind {
        "image" => Role::Image,
        "sticker" => Role::Sticker,
        "audio" => Role::Audio,
        "video" => Role::Video,
        _ => Role::Document,
    };
    let policy = if side == Side::V1 { Policy::on_premise() } else { Policy::cloud() };
    let name = kept.filename.as_deref().unwrap_or("media");
    let source = Source::from_bytes(kept.bytes.to_vec(), Some(Path::new(name)));
    let checked = Fitter::new(policy).check(&source, Ask::Role(role)).ok()?;
    let real = checked.facts.format.mime();
    let bare = |mime: &str| mime.split(';').next().unwrap_or_default().trim().to_owned();
    let details = if kept.mime == "audio/opus" {
        "Unsupported Audio mime type audio/opus. Please use one of audio/ogg; codecs=opus, audio/mpeg, audio/amr, audio/mp4, audio/aac.".to_owned()
    } else if role == Role::Document || (checked.verdict.standing == Standing::Fit && bare(real) == bare(&kept.mime)) {
        return None;
    } else if role == Role::Sticker {
        "Sticker file could not be processed".to_owned()
    } else {
        let label = format!("{}{}", kind.get(..1)?.to_ascii_uppercase(), kind.get(1..)?);
        format!("{label} file uploaded with mimetype as {}, however on processing it is of type {real}", kept.mime)
    };
    let now = store.read(super::store::Inner::now).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let status = json!({
        "id": id,
        "status": "failed",
        "timestamp": now.to_string(),
        "recipient_id": to,
        "errors": [{
            "code": 131_053,
            "title": "Media upload error",
            "message": "Media upload error",
            "error_data": {"details": details},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        }],
    });
    let metadata = json!({"display_phone_number": "16505550000", "phone_number_id": kept.number});
    Some(json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "0", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": metadata, "statuses": [status],
        }}]}],
    }))
}
