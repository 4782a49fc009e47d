//! From a request to its handler; and what goes wrong on the way.

use super::answer::{Refusal, built, cut, half, json_with};
use super::faults::Fault;
use super::store::Store;
use super::{control, media, messages, sample};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The largest body that is read, in bytes: the cloud's cap and a form round it.
const MAX_BODY: usize = 104_857_600 + 64 * 1024;

/// Which of the three APIs is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// On-premise style.
    V1,
    /// The cloud through 360dialog.
    Dialog,
    /// The cloud at Meta.
    Meta,
}

/// A request, taken apart.
pub(super) struct Asked {
    pub(super) side: Side,
    pub(super) method: String,
    /// The path below the API's root.
    pub(super) path: Vec<String>,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query; nothing in ours is escaped but blanks and slashes.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| unescaped(value))
    }
}

/// Answers one request.
pub(super) async fn entry(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path: Vec<String> = head.uri.path().split('/').filter(|part| !part.is_empty()).map(unescaped).collect();
    let (side, path) = sided(path);
    if path.first().is_some_and(|first| first == "_simulate") {
        return control::answer(&store, head.method.as_str(), path.get(1).map_or("", String::as_str), &head);
    }
    let has_body = head.headers.get("content-length").is_some_and(|length| length != "0");
    let (fault, delay) = store.request(has_body);
    let wait = if fault == Some(Fault::Delay) { delay + Duration::from_millis(500) } else { delay };
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let uploads = head.method == "POST" && path.last().is_some_and(|last| last == "media");
    let _counted = uploads.then(|| Upload::count(&store));
    if fault == Some(Fault::CutBody) {
        // As much as has arrived, and no more; a resumable upload keeps that.
        if let Some(Ok(part)) = body.into_data_stream().next().await {
            sample::keep_part(&store, &asked(side, path, &head, part));
        }
        return cut();
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return Refusal::new(413, 100, "(#100) File Too Large", "the body is over every limit").respond(side);
    };
    if fault == Some(Fault::EchoKey) {
        return echo(side, &head.headers);
    }
    if let Some(response) = fault.and_then(|fault| failed_before(fault, side)) {
        return response;
    }
    let asked = asked(side, path, &head, body);
    let response = handled(&store, &asked);
    match fault {
        Some(Fault::LoseAnswer) => cut(),
        Some(Fault::HalfAnswer) => {
            let mime = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let mime = mime.to_owned();
            match axum::body::to_bytes(response.into_body(), MAX_BODY).await {
                Ok(bytes) => half(bytes, &mime),
                Err(_) => cut(),
            }
        }
        _ => response,
    }
}

fn asked(side: Side, path: Vec<String>, head: &Parts, body: Bytes) -> Asked {
    Asked {
        side,
        method: head.method.as_str().to_owned(),
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.clone(),
        body,
    }
}

/// `/v1/…` is on-premise style, `/v23.0/…` is Meta, the rest is 360dialog's cloud.
fn sided(mut path: Vec<String>) -> (Side, Vec<String>) {
    let first = path.first().map_or("", String::as_str);
    let is_version = first.strip_prefix('v').is_some_and(|version| {
        version.split_once('.').is_some_and(|(major, minor)| {
            [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    });
    let side = match first {
        "v1" => Side::V1,
        _ if is_version => Side::Meta,
        _ => Side::Dialog,
    };
    if side != Side::Dialog {
        path.remove(0);
    }
    (side, path)
}

fn handled(store: &Store, asked: &Asked) -> Response {
    // A download's address carries no version: whose it is, its header tells.
    let is_download = asked.path.first().is_some_and(|first| first == "whatsapp_business");
    let side = if is_download && asked.headers.contains_key("authorization") { Side::Meta } else { asked.side };
    if let Err(refusal) = authorized(store, side, asked) {
        return refusal.respond(side);
    }
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let answer = match (asked.method.as_str(), side, path.as_slice()) {
        ("POST", Side::V1 | Side::Dialog, ["media"]) => media::upload(store, asked, ""),
        ("POST", Side::Meta, [number, "media"]) => media::upload(store, asked, number),
        ("POST", Side::V1 | Side::Dialog, ["messages"]) => messages::send(store, asked, ""),
        ("POST", Side::Meta, [number, "messages"]) => messages::send(store, asked, number),
        ("POST", Side::Meta, [app, "uploads"]) => sample::begin(store, asked, app),
        (method, Side::Meta, [session]) if session.starts_with("upload:") => {
            sample::go_on(store, asked, method, session)
        }
        ("GET", _, ["whatsapp_business", "attachments"]) => media::download(store, asked, side),
        ("GET", Side::V1, ["media", id]) => media::bytes(store, asked, id),
        ("GET", Side::Dialog | Side::Meta, [id]) => media::describe(store, asked, id),
        ("DELETE", Side::V1, ["media", id]) | ("DELETE", Side::Dialog | Side::Meta, [id]) => {
            media::delete(store, asked, id)
        }
        _ => Err(Refusal::new(404, 100, "Unknown path components", format!("{} /{}", asked.method, path.join("/")))),
    };
    answer.unwrap_or_else(|refusal| {
        if asked.method == "GET" {
            store.write(super::store::Inner::note_get_error);
        }
        refusal.respond(side)
    })
}

/// Each API has its own header, and no other's key is to come along.
fn authorized(store: &Store, side: Side, asked: &Asked) -> Result<(), Refusal> {
    let (own, other) = match side {
        Side::V1 | Side::Dialog => ("d360-api-key", "authorization"),
        Side::Meta => ("authorization", "d360-api-key"),
    };
    if asked.headers.contains_key(other) {
        return Err(Refusal::key(side, &format!("{other} does not belong here")));
    }
    let value = asked.header(own).unwrap_or_default();
    let for_sample = asked.path.first().is_some_and(|first| first.starts_with("upload:"));
    let key = match side {
        Side::V1 | Side::Dialog => Some(value),
        Side::Meta if for_sample => value.strip_prefix("OAuth "),
        Side::Meta => value.strip_prefix("Bearer "),
    };
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| Refusal::key(side, &format!("{own} is missing")))?;
    if store.key.as_ref().is_some_and(|right| right != key) {
        return Err(Refusal::key(side, "another key"));
    }
    Ok(())
}

/// Faults that are answered without doing anything.
fn failed_before(fault: Fault, side: Side) -> Option<Response> {
    let plain = |status: u16, mime: &str, body: &'static str| {
        built(Response::builder().status(status).header("Content-Type", mime), Body::from(body))
    };
    let busy = |wait: String| {
        let code = if side == Side::V1 { 1015 } else { 130_429 };
        let mut response = Refusal::new(
            429,
            code,
            "(#130429) Rate limit hit",
            "Message failed to send because there were too many messages",
        )
        .respond(side);
        if let Ok(value) = wait.parse() {
            response.headers_mut().insert("retry-after", value);
        }
        Some(response)
    };
    match fault {
        Fault::TooMany => busy("1".to_owned()),
        Fault::TooManyLong => busy("7200".to_owned()),
        Fault::TooManyDate => busy(httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2))),
        Fault::TooManyText => Some(plain(
            400,
            "application/json",
            r#"{"meta":{"httpCode":429,"developerMessage":"You have exceeded the limit of 1 request every 2 seconds","success":false}}"#,
        )),
        Fault::ServerError if side == Side::V1 => {
            Some(Refusal::new(500, 1014, "Internal error", "please retry").respond(side))
        }
        Fault::ServerError => {
            Some(Refusal::new(500, 131_000, "(#131000) Something went wrong", "please retry").respond(side))
        }
        Fault::Page => Some(plain(503, "text/html", "<html><body><h1>503 Service Unavailable</h1></body></html>")),
        Fault::Garbage => Some(plain(200, "application/json", "\u{1}{{ this is not")),
        Fault::KeyExpired => Some(Refusal::key(side, "expired").respond(side)),
        Fault::VolumeFull => Some(full(side).respond(side)),
        Fault::Redirect => Some(built(
            Response::builder().status(302).header("Location", "http://127.0.0.1:9/elsewhere"),
            Body::empty(),
        )),
        Fault::Delay | Fault::CutBody | Fault::LoseAnswer | Fault::HalfAnswer | Fault::EchoKey => None,
    }
}

/// An error that repeats the key wherever text stands, as some gateways do.
fn echo(side: Side, headers: &HeaderMap) -> Response {
    let value = ["d360-api-key", "authorization"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let key = value.unwrap_or_default();
    let body = match side {
        Side::V1 => json!({"errors": [{"code": 1009, "title": format!("odd key {key}"), "details": key}]}),
        Side::Dialog | Side::Meta => json!({"error": {
            "message": format!("(#100) odd key {key}"), "code": 100, "fbtrace_id": key,
            "error_data": {"messaging_product": "whatsapp", "details": format!("{key} is odd")},
        }}),
    };
    json_with(400, &body)
}

/// The volume is full.
pub(super) fn full(side: Side) -> Refusal {
    let code = if side == Side::V1 { 1014 } else { 131_000 };
    Refusal::new(500, code, "Internal error", "The media volume is full")
}

/// `%41` → `A`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let code = if byte == b'%' { rest.as_slice_hex() } else { None };
        if code.is_some() {
            rest.next();
            rest.next();
        }
        bytes.push(code.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

trait AsHex {
    fn as_slice_hex(&self) -> Option<u8>;
}

impl AsHex for std::str::Bytes<'_> {
    /// The next two bytes as a number, without taking them.
    fn as_slice_hex(&self) -> Option<u8> {
        let mut ahead = self.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(ahead.next())?, digit(ahead.next())?);
        u8::try_from(high * 16 + low).ok()
    }
}

/// An upload under way.
struct Upload<'a>(&'a Store);

impl<'a> Upload<'a> {
    fn count(store: &'a Store) -> Self {
        store.write(|inner| {
            inner.uploads += 1;
            inner.most_uploads = inner.most_uploads.max(inner.uploads);
        });
        Self(store)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.0.write(|inner| inner.uploads = inner.uploads.saturating_sub(1));
    }
}
