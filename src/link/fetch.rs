//! The first bytes at a link. Each hop is an address of http(s); each name is resolved, every address of it is looked at,
//! and the connection goes to an address that was looked at, so that a name cannot change its mind in between.

use super::address::is_public;
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
    pub(super) head_status: Option<u16>,
    pub(super) length: Option<u64>,
    pub(super) first: Vec<u8>,
    pub(super) first_byte: Duration,
    headers: HeaderMap,
    cut: bool,
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

    /// Follows redirects from `url`, and reads the first bytes of what is at their end.
    pub(super) fn first_bytes(&self, url: &str) -> Result<Fetched, Unreached> {
        let mut at = url.to_owned();
        for redirects in 0..=MAX_REDIRECTS {
            let start = Instant::now();
            let range = format!("bytes=0-{}", SNIFF_BYTES - 1);
            let answer = self.agent.get(&at).header("Range", range).call().map_err(|error| unreached(&error))?;
            let first_byte = start.elapsed();
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
            let length = length(&head.headers, status);
            let (first, cut) = read_first(body);
            let head_status = self.agent.head(&at).call().ok().map(|answer| answer.status().as_u16());
            return Ok(Fetched {
                url: at,
                redirects,
                status,
                head_status,
                length,
                first,
                first_byte,
                headers: head.headers,
                cut,
            });
        }
        Err(Unreached::new(format!("it is redirected more than {MAX_REDIRECTS} times")))
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

fn read_first(body: Body) -> (Vec<u8>, bool) {
    let mut first = Vec::new();
    let read = body.into_reader().take(SNIFF_BYTES as u64).read_to_end(&mut first);
    (first, read.is_err())
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
