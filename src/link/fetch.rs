//! The first bytes at a link. Each hop is an address of http(s); each name is resolved, every address of it is looked at,
//! and the connection goes to an address that was looked at, so that a name cannot change its mind in between.

use super::address::is_public;
use crate::error::clean;
use crate::limits::SNIFF_BYTES;
use std::io::Read;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::{HeaderMap, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

/// The most redirects that are followed.
const MAX_REDIRECTS: u32 = 5;

/// Asks servers.
#[derive(Debug)]
pub(super) struct Fetcher {
    agent: Agent,
}

/// What a server gave.
pub(super) struct Fetched {
    pub(super) url: String,
    pub(super) redirects: u32,
    pub(super) status: u16,
    /// What HEAD was answered with, where it was answered.
    pub(super) head: Option<Head>,
    pub(super) length: Option<u64>,
    pub(super) first: Vec<u8>,
    /// How many bytes were read: all, up to one beyond the limit, where no length is told.
    pub(super) read: u64,
    /// How long the first byte of the file took, redirects included.
    pub(super) first_byte: Duration,
    headers: HeaderMap,
    cut: bool,
}

/// The answer to HEAD.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    length: Option<u64>,
}

/// Why nothing was got.
#[derive(Debug)]
pub(super) struct Unreached {
    pub(super) what: String,
    /// Whether it was not tried, for where it would have led.
    pub(super) forbidden: bool,
}

impl Unreached {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), forbidden: false }
    }

    fn forbidden(what: impl Into<String>) -> Self {
        Self { what: what.into(), forbidden: true }
    }
}

/// Whether `url` is an address of http(s) with a host and without a user.
pub(super) fn is_address(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|host| !host.host().is_empty() && !host.as_str().contains('@'))
    })
}

impl Fetcher {
    pub(super) fn new(allow_private: bool, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy would resolve names by itself, unchecked.
            .proxy(None)
            .user_agent(concat!("mediafit/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .timeout_global(Some(patience.saturating_mul(4)))
            .max_idle_connections(0)
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Checked { allow_private });
        Self { agent }
    }

    /// Follows redirects from `url`, and reads the first bytes of what is at their end. Where neither GET nor HEAD tells
    /// the length, it reads on until the file is beyond its `limit`, which goes by its first bytes.
    pub(super) fn first_bytes(&self, url: &str, limit: impl Fn(&[u8]) -> u64) -> Result<Fetched, Unreached> {
        let mut at = url.to_owned();
        let start = Instant::now();
        for redirects in 0..=MAX_REDIRECTS {
            let range = format!("bytes=0-{}", SNIFF_BYTES - 1);
            let answer = self.agent.get(&at).header("Range", range).call().map_err(|error| unreached(&error))?;
            let status = answer.status().as_u16();
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
            if let (301 | 302 | 303 | 307 | 308, Some(location)) = (status, location) {
                at = joined(&at, location).filter(|next| is_address(next)).ok_or_else(|| {
                    Unreached::forbidden(format!(
                        "it is redirected to {location:?}, which is no address of http or https"
                    ))
                })?;
                continue;
            }
            let (head, body) = answer.into_parts();
            let mut got = Got::default();
            // The connection is given back before the next is opened: not every server has two.
            got.read_first(body, start);
            let told = self.head(&at);
            let by_head = told
                .as_ref()
                .filter(|head| head.status == 200)
                .and_then(|head| head.length)
                .filter(|length| *length > 0);
            let length = length(&head.headers, status).or(by_head);
            if length.is_none() && got.count == SNIFF_BYTES as u64 {
                let most = limit(&got.first).saturating_add(1);
                self.read_on(&at, &mut got, most);
            }
            return Ok(Fetched {
                url: at,
                redirects,
                status,
                head: told,
                length,
                first: got.first,
                read: got.count,
                first_byte: got.first_byte.unwrap_or_else(|| start.elapsed()),
                headers: head.headers,
                cut: got.cut,
            });
        }
        Err(Unreached::new(format!("it is redirected more than {MAX_REDIRECTS} times")))
    }

    fn head(&self, at: &str) -> Option<Head> {
        let answer = self.agent.head(at).call().ok()?;
        let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let length = text("content-length").and_then(|text| text.trim().parse().ok());
        Some(Head { status: answer.status().as_u16(), content_type: text("content-type").map(clean), length })
    }

    /// Counts the bytes of the whole file, `most` of them at most. What takes too long, or breaks off, stays uncounted.
    fn read_on(&self, at: &str, got: &mut Got, most: u64) {
        let Ok(answer) = self.agent.get(at).call() else { return };
        if answer.status().as_u16() != 200 {
            return;
        }
        let mut body = answer.into_body().into_reader().take(most);
        if let Ok(count) = std::io::copy(&mut body, &mut std::io::sink()) {
            got.count = got.count.max(count);
        }
    }
}

impl Fetched {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(crate::error::clean)
    }

    /// All values of a header, joined by commas.
    pub(super) fn header_all(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() { None } else { Some(values.join(", ")) }
    }

    pub(super) const fn is_cut_short(&self) -> bool {
        self.cut
    }
}

/// What was read of a body.
#[derive(Default)]
struct Got {
    first: Vec<u8>,
    count: u64,
    first_byte: Option<Duration>,
    cut: bool,
}

impl Got {
    fn read_first(&mut self, body: Body, start: Instant) {
        let mut body = body.into_reader().take(SNIFF_BYTES as u64);
        let mut byte = [0];
        // A server that sends its head at once may still take its time.
        match body.read(&mut byte) {
            Ok(count) => self.first.extend_from_slice(byte.get(..count).unwrap_or_default()),
            Err(_) => self.cut = true,
        }
        self.first_byte = Some(start.elapsed());
        if !self.first.is_empty() {
            self.cut = body.read_to_end(&mut self.first).is_err();
        }
        self.count = self.first.len() as u64;
    }
}

/// The length of the whole file: of the range's total, or of the body where it is the whole.
fn length(headers: &HeaderMap, status: u16) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match status {
        206 => text("content-range")?.rsplit_once('/')?.1.trim().parse().ok(),
        _ => text("content-length")?.trim().parse().ok(),
    }
}

fn unreached(error: &ureq::Error) -> Unreached {
    match error {
        ureq::Error::Other(inner) if inner.is::<Private>() => Unreached::forbidden(inner.to_string()),
        other => Unreached::new(format!("the server cannot be reached: {other}")),
    }
}

/// `location` as seen from `base`.
fn joined(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let uri: Uri = base.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.authority()?.as_str());
    if let Some(rest) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{host}{location}"));
    }
    // `javascript:` and the like: a scheme, not a path.
    if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{host}{folder}/{location}"))
}

/// A name that leads into somebody's own network.
#[derive(Debug)]
struct Private(String);

impl std::fmt::Display for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Private {}

/// Resolves names, and gives only addresses that may be connected to.
#[derive(Debug)]
struct Checked {
    allow_private: bool,
}

impl Resolver for Checked {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        // One private address among public ones is enough: which of them is taken would be up to the name's owner.
        if let Some(address) = found.iter().find(|address| !self.allow_private && !is_public(address.ip())) {
            let host = crate::error::clean(uri.host().unwrap_or_default());
            let what = format!(
                "{host} is {}, an address of a private network; the platform cannot reach it (--allow-private asks it all the same)",
                address.ip()
            );
            return Err(ureq::Error::Other(Box::new(Private(what))));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_seen_from_where_they_stand() {
        let base = "https://h.example:8443/a/b?q";
        for (location, expected) in [
            ("https://o.example/x", Some("https://o.example/x")),
            ("//o.example/x", Some("https://o.example/x")),
            ("/x#y", Some("https://h.example:8443/x")),
            ("x?z", Some("https://h.example:8443/a/x?z")),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(joined(base, location).as_deref(), expected, "{location}");
        }
        for wrong in ["file:///etc/passwd", "ftp://h/", "https://u@h/", "h/a", ""] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
