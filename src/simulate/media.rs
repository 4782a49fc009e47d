//! Media: up, described, down, gone (whatsapp-media §1.1, §1.2, §2, §3).

use super::answer::{Refusal, built, json_with};
use super::form;
use super::route::{Asked, Side, full};
use super::store::{Kept, Store};
use axum::body::Body;
use axum::response::Response;
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

/// The types that the cloud's endpoint takes, each with the extensions that fit and its limit in bytes. `audio/opus`
/// passes here, and fails when it is sent.
#[rustfmt::skip]
const CLOUD: &[(&str, &[&str], u64)] = &[
    ("audio/aac",                     &["aac"],         16_777_216),
    ("audio/mp4",                     &["m4a", "mp4"],  16_777_216),
    ("audio/mpeg",                    &["mp3"],         16_777_216),
    ("audio/amr",                     &["amr"],         16_777_216),
    ("audio/ogg",                     &["ogg"],         16_777_216),
    ("audio/opus",                    &["opus", "ogg"], 16_777_216),
    ("application/vnd.ms-powerpoint", &["ppt"],         104_857_600),
    ("application/msword",            &["doc"],         104_857_600),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",   &["docx"], 104_857_600),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"], 104_857_600),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",         &["xlsx"], 104_857_600),
    ("application/pdf",               &["pdf"],         104_857_600),
    ("application/vnd.ms-excel",      &["xls"],         104_857_600),
    ("text/plain",                    &["txt"],         104_857_600),
    ("image/jpeg",                    &["jpg", "jpeg"], 5_242_880),
    ("image/png",                     &["png"],         5_242_880),
    ("image/webp",                    &["webp"],        512_000),
    ("video/mp4",                     &["mp4"],         16_777_216),
    ("video/3gpp",                    &["3gp"],         16_777_216),
];

/// v1: sound by an exact list (bare `audio/ogg` is refused), any valid type as a document.
const V1_AUDIO: &[&str] = &["audio/aac", "audio/mp4", "audio/amr", "audio/mpeg", "audio/ogg; codecs=opus"];
const V1_LIMITS: &[(&str, u64)] =
    &[("image/webp", 102_400), ("image/", 5_242_880), ("audio/", 16_777_216), ("video/", 16_777_216)];
const V1_UPLOAD: u64 = 67_108_864;

/// How long the address to download from is valid.
const ADDRESS_LIFE: Duration = Duration::from_secs(5 * 60);

pub(super) fn upload(store: &Store, asked: &Asked, number: &str) -> Result<Response, Refusal> {
    let side = asked.side;
    if asked.headers.contains_key("transfer-encoding") || !asked.headers.contains_key("content-length") {
        return Err(Refusal::parameter(
            side,
            "byte streams are not supported: send the whole body with Content-Length",
        ));
    }
    let (mime, filename, bytes) = match side {
        Side::V1 => (declared_v1(asked)?, None, asked.body.clone()),
        Side::Dialog | Side::Meta => {
            let form = form::parse(asked, side)?;
            match form.fields.get("messaging_product").map(String::as_str) {
                Some("whatsapp") => {}
                Some(_) => return Err(Refusal::parameter(side, "messaging_product has to be whatsapp")),
                None => return Err(Refusal::new(400, 100, "(#100) The parameter messaging_product is required.", "")),
            }
            let mime = declared_cloud(&form)?;
            (mime, form.file.filename, form.file.bytes)
        }
    };
    if bytes.is_empty() {
        return Err(Refusal::parameter(side, "the file is empty"));
    }
    let Some(id) = store.keep(side, number, &mime, filename, bytes) else { return Err(full(side)) };
    Ok(match side {
        Side::V1 => json_with(200, &json!({"media": [{"id": id}]})),
        Side::Dialog | Side::Meta => json_with(200, &json!({"id": id})),
    })
}

fn declared_v1(asked: &Asked) -> Result<String, Refusal> {
    let mime = asked.header("content-type").unwrap_or_default().to_owned();
    let (kind, rest) = mime.split_once('/').unwrap_or_default();
    let valid = !kind.is_empty() && !rest.is_empty();
    let refused = || Refusal::value(Side::V1, format!("Unsupported media type {mime}"));
    let accepted = match kind {
        "audio" => V1_AUDIO.contains(&mime.as_str()),
        "image" => ["image/jpeg", "image/png", "image/webp"].contains(&mime.as_str()),
        "video" => ["video/mp4", "video/3gpp"].contains(&mime.as_str()),
        "multipart" => false,
        _ => valid && mime != "application/x-www-form-urlencoded",
    };
    if !accepted {
        return Err(refused());
    }
    let length = asked.body.len() as u64;
    let limit = V1_LIMITS.iter().find(|(prefix, _)| mime.starts_with(prefix)).map_or(V1_UPLOAD, |(_, limit)| *limit);
    if length > limit {
        let details = format!("File size exceeds the limit: {length} bytes, allowed {limit}");
        return Err(Refusal::value(Side::V1, details));
    }
    Ok(mime)
}

fn declared_cloud(form: &form::Form) -> Result<String, Refusal> {
    let mime = form.file.mime.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
    // The parameter form (`; codecs=opus`) names the same type.
    let bare = mime.split(';').next().unwrap_or_default().trim().to_owned();
    let extension = form.file.filename.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    let row = CLOUD.iter().find(|row| row.0 == bare);
    let fits =
        |extensions: &[&str]| extension.is_some_and(|own| extensions.iter().any(|one| own.eq_ignore_ascii_case(one)));
    // Without a name, or with one that does not fit, the type is not believed.
    let Some((_, _, limit)) = row.filter(|row| fits(row.1)) else {
        let received = if row.is_some() { "application/octet-stream" } else { bare.as_str() };
        let all: Vec<&str> = CLOUD.iter().map(|row| row.0).collect();
        let title = format!(
            "(#100) Param file must be a file with one of the following types: {}. Received file of type '{received}'.",
            all.join(", ")
        );
        return Err(Refusal { subcode: Some(2_494_055), ..Refusal::new(400, 100, &title, "") });
    };
    if form.fields.get("type").is_none_or(|declared| *declared != mime) {
        return Err(Refusal::parameter(Side::Meta, "the part type has to name the type of the part file"));
    }
    if form.file.bytes.len() as u64 > *limit {
        let details = format!("File Too Large: {} bytes, allowed {limit}", form.file.bytes.len());
        return Err(Refusal::new(400, 100, "(#100) Invalid parameter", details));
    }
    Ok(mime)
}

pub(super) fn describe(store: &Store, asked: &Asked, id: &str) -> Result<Response, Refusal> {
    let number = asked.parameter("phone_number_id").unwrap_or_default();
    unblocked(store, asked.side)?;
    let (kept, now) = store.read(|inner| (inner.living(asked.side, &number, id).cloned(), inner.now()));
    let kept = kept.ok_or_else(|| Refusal::unknown(asked.side, id))?;
    let until = (now + ADDRESS_LIFE).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let base = match asked.side {
        // The address is Meta's; whoever asks through 360dialog replaces the host.
        Side::V1 | Side::Dialog => "https://lookaside.fbsbx.com".to_owned(),
        Side::Meta => format!("http://{}", asked.header("host").unwrap_or_default()),
    };
    let address = format!("{base}/whatsapp_business/attachments/?mid={id}&ext={until}&hash=ARx");
    Ok(json_with(
        200,
        &json!({
            "messaging_product": "whatsapp",
            "url": address,
            "mime_type": kept.mime,
            "sha256": kept.sha256,
            "file_size": kept.bytes.len().to_string(),
            "id": id,
        }),
    ))
}

pub(super) fn download(store: &Store, asked: &Asked, side: Side) -> Result<Response, Refusal> {
    let id = asked.parameter("mid").unwrap_or_default();
    let until = asked.parameter("ext").and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    unblocked(store, side)?;
    let (kept, now) = store.read(|inner| (inner.living(side, "", &id).cloned(), inner.now()));
    if now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() > until {
        return Err(Refusal::new(404, 100, "URL signature expired", ""));
    }
    Ok(content(&kept.ok_or_else(|| Refusal::unknown(side, &id))?))
}

pub(super) fn bytes(store: &Store, asked: &Asked, id: &str) -> Result<Response, Refusal> {
    unblocked(store, asked.side)?;
    let kept = store.read(|inner| inner.living(asked.side, "", id).cloned());
    Ok(content(&kept.ok_or_else(|| Refusal::unknown(asked.side, id))?))
}

pub(super) fn delete(store: &Store, asked: &Asked, id: &str) -> Result<Response, Refusal> {
    let number = asked.parameter("phone_number_id").unwrap_or_default();
    let there = store.write(|inner| {
        let lives = inner.living(asked.side, &number, id).is_some();
        lives && inner.media.remove(id).is_some()
    });
    if there { Ok(json_with(200, &json!({"success": true}))) } else { Err(Refusal::unknown(asked.side, id)) }
}

fn content(kept: &Kept) -> Response {
    let head =
        Response::builder().status(200).header("Content-Type", &kept.mime).header("Content-Length", kept.bytes.len());
    built(head, Body::from(kept.bytes.clone()))
}

/// After 20 errors within an hour, no GET passes.
fn unblocked(store: &Store, side: Side) -> Result<(), Refusal> {
    if store.write(super::store::Inner::blocks_get) {
        let code = if side == Side::V1 { 1015 } else { 80_007 };
        return Err(Refusal::new(429, code, "Too many failed requests", "GET is blocked for 30 minutes"));
    }
    Ok(())
}
