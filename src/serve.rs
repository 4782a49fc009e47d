//! Serves a folder of fit files over plain HTTP, for use behind a proxy: right types, lengths, ranges, and the caching
//! headers that the platform's downloader honours (whatsapp-media §6).
//!
//! Only files below the folder are served: no parent folders, no hidden files, no links that lead out. Types go by the
//! content, as everywhere here, and never by the name alone.

mod path;
mod range;

use crate::error::{Error, Result};
use crate::listen::{Bounds, Server, WRITE_PATIENCE};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::response::Builder;
use axum::response::Response;
use futures_util::stream;
use path::Found;
use range::{Part, part};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many bytes of a file are read at once.
const BLOCK: usize = 64 * 1024;

/// What is served, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder.
    pub folder: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The value of `Cache-Control`. Default: `max-age=86400`, by which the platform fetches a file once a day.
    pub cache_control: String,
    /// The most connections at once; more wait. Default: 64.
    pub connections: usize,
    /// How long a reader may take nothing of what is written, before its connection ends. Default: 30 seconds.
    pub write_patience: Duration,
}

impl Options {
    /// Serves `folder` at `listen`, with the defaults.
    #[must_use]
    pub fn new(folder: PathBuf, listen: SocketAddr) -> Self {
        let cache_control = "max-age=86400".to_owned();
        Self { folder, listen, cache_control, connections: 64, write_patience: WRITE_PATIENCE }
    }
}

/// A file server under way; stopped when it is dropped.
#[derive(Debug)]
pub struct FileServer {
    server: Server,
}

struct Served {
    folder: PathBuf,
    cache_control: String,
}

impl FileServer {
    /// Starts one.
    ///
    /// # Errors
    /// `Io` when the folder is not there, the address cannot be listened at, or the header's value is none.
    pub fn start(options: &Options) -> Result<Self> {
        let failed = |error| Error::io("cannot be served", error).at(&options.folder);
        let folder = options.folder.canonicalize().map_err(failed)?;
        if !folder.is_dir() {
            return Err(failed(std::io::Error::other("it is not a folder")));
        }
        if axum::http::HeaderValue::from_str(&options.cache_control).is_err() {
            let what = std::io::Error::other("it holds characters that no header may");
            return Err(Error::io("not a value for Cache-Control", what));
        }
        let served = Arc::new(Served { folder, cache_control: options.cache_control.clone() });
        let router = Router::new().fallback(answer).with_state(served);
        let bounds = Bounds { connections: options.connections, write_patience: options.write_patience };
        Ok(Self { server: Server::start(options.listen, bounds, router)? })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Whether it still serves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.is_running()
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let head = request.method() == "HEAD";
    if !head && request.method() != "GET" {
        return refused(405, "only GET and HEAD");
    }
    let asked = request.uri().path().to_owned();
    let folder = Arc::clone(&served);
    // Opening and measuring wait for the disk: not on the thread that serves all.
    let found = tokio::task::spawn_blocking(move || path::find(&folder.folder, &asked)).await;
    let Ok(Some(found)) = found else { return refused(404, "no such file") };
    respond(&served, found, request.headers(), head)
}

fn respond(served: &Served, found: Found, headers: &HeaderMap, head: bool) -> Response {
    let Found { file, length, modified, mime } = found;
    let etag = etag(length, modified);
    let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let common = |status: u16| {
        Response::builder()
            .status(status)
            .header("ETag", &etag)
            .header("Last-Modified", &date)
            .header("Cache-Control", &served.cache_control)
            .header("Accept-Ranges", "bytes")
            // A file of strangers is not to be taken for a page.
            .header("X-Content-Type-Options", "nosniff")
    };
    if unchanged(headers, &etag, seconds) {
        return built(common(304), Body::empty());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // A range of another version is no range.
    let same = text("if-range").is_none_or(|version| version == etag || version == date);
    let wanted = text("range").filter(|_| same).map_or(Part::Whole, |range| part(range, length));
    match wanted {
        Part::Whole => {
            let answer = common(200).header("Content-Type", mime).header("Content-Length", length);
            built(answer, if head { Body::empty() } else { body(file, 0, length) })
        }
        Part::Bytes(first, last) => {
            let count = last - first + 1;
            let answer = common(206)
                .header("Content-Type", mime)
                .header("Content-Length", count)
                .header("Content-Range", format!("bytes {first}-{last}/{length}"));
            built(answer, if head { Body::empty() } else { body(file, first, count) })
        }
        Part::None => built(common(416).header("Content-Range", format!("bytes */{length}")), Body::empty()),
    }
}

/// Whether the client has this version: by `If-None-Match`, or else by `If-Modified-Since`.
fn unchanged(headers: &HeaderMap, etag: &str, modified: u64) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(tags) = text("if-none-match") {
        return tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*");
    }
    let since = text("if-modified-since").and_then(|date| httpdate::parse_http_date(date).ok());
    since.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).is_some_and(|since| modified <= since.as_secs())
}

/// Length and time to the nanosecond: files are put in place whole, so another content has another one.
fn etag(length: u64, modified: SystemTime) -> String {
    let since = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("\"{length:x}-{since:x}\"")
}

/// `count` bytes from `first`, block by block. A file that became shorter ends the connection: its length was promised.
fn body(file: File, first: u64, count: u64) -> Body {
    let blocks = stream::try_unfold((Some(file), first, count), |(file, offset, left)| async move {
        let Some(mut file) = file.filter(|_| left > 0) else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
            let mut block = vec![0; want];
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut block)?;
            Ok::<_, std::io::Error>((file, block))
        });
        let (file, block) = read.await.map_err(std::io::Error::other)??;
        let length = block.len() as u64;
        Ok::<_, std::io::Error>(Some((Bytes::from(block), (Some(file), offset + length, left - length))))
    });
    Body::from_stream(blocks)
}

fn refused(status: u16, why: &'static str) -> Response {
    let head =
        Response::builder().status(status).header("Content-Type", "text/plain").header("Cache-Control", "no-store");
    let head = if status == 405 { head.header("Allow", "GET, HEAD") } else { head };
    built(head, Body::from(format!("{why}\n")))
}

fn built(head: Builder, body: Body) -> Response {
    head.body(body).unwrap_or_else(|_| Response::new(Body::empty()))
}
