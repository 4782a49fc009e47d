//! Audits a link as the platform's downloader would meet it: reachable without a login, the file itself and not a page,
//! the type that the bytes are, within the limit, and what its caching headers will do (whatsapp-media §6).

mod address;
mod caching;
mod fetch;

use crate::error::{Error, ErrorKind, Result, clean};
use crate::format::{Family, Format, Role};
use crate::judge::{Measure, Severity};
use crate::policy::Policy;
use crate::sniff::sniff;
use crate::source::Source;
pub use caching::{Caching, Effect, caching};
use fetch::{Fetched, Fetcher};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// What is said about many bytes.
const HEAVY: &str = "heavy links delay the delivery: each message waits for the download; upload the file instead";

/// How a link is looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether private addresses (this machine, the local network) may be asked. Default: false.
    pub allow_private: bool,
    /// More bytes than this delay the delivery, and warn. Default: 5,000,000.
    pub warn_bytes: u64,
    /// A first byte later than this warns. Default: 2 seconds.
    pub slow_first_byte: Duration,
    /// How long a silence of the server is borne. Default: 15 seconds.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_private: false,
            warn_bytes: 5_000_000,
            slow_first_byte: Duration::from_secs(2),
            patience: Duration::from_secs(15),
        }
    }
}

/// Something about a link, in the shape of a finding about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// What it is about: `link.type`.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What was met.
    pub found: Measure,
    /// What is wanted.
    pub allowed: Measure,
    /// The remark in a sentence.
    pub message: String,
}

/// What was found about a link, as the JSON Lines have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The link as it was named.
    pub url: String,
    /// `fit` or `unfit`: whether the platform can send it.
    pub verdict: &'static str,
    /// Where it led to.
    pub final_url: String,
    /// How often it was redirected.
    pub redirects: u32,
    /// The last status.
    pub status: Option<u16>,
    /// The type that the server says.
    pub content_type: Option<String>,
    /// The format that the first bytes are.
    pub format: Option<&'static str>,
    /// The type that the first bytes are sent as.
    pub mime: Option<&'static str>,
    /// The length in bytes, where the server tells.
    pub bytes: Option<u64>,
    /// How long the first byte took, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// What the caching headers do.
    pub caching: Option<Caching>,
    /// Everything that is to be said.
    pub findings: Vec<Remark>,
}

impl Audit {
    fn of(url: &str) -> Self {
        Self {
            kind: "link",
            url: clean(url),
            verdict: "unfit",
            final_url: clean(url),
            redirects: 0,
            status: None,
            content_type: None,
            format: None,
            mime: None,
            bytes: None,
            first_byte_ms: None,
            caching: None,
            findings: Vec::new(),
        }
    }

    /// The audit of what is no address at all.
    #[must_use]
    pub fn of_error(url: &str, error: &Error) -> Self {
        let mut audit = Self::of(url);
        audit.say("link.address", Severity::Fail, clean(url).as_str(), "http:// or https:// with a host", error.what());
        audit
    }

    /// Whether the platform can send it.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        !self.findings.iter().any(|remark| remark.severity == Severity::Fail)
    }

    /// The audit as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain data to a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn say(
        &mut self,
        rule: &'static str,
        severity: Severity,
        found: impl Into<Measure>,
        allowed: impl Into<Measure>,
        message: impl AsRef<str>,
    ) {
        let (found, allowed) = (found.into(), allowed.into());
        self.findings.push(Remark { rule, severity, found, allowed, message: clean(message.as_ref()) });
    }
}

/// Audits links by `policy`.
#[derive(Debug)]
pub struct Auditor {
    policy: Policy,
    options: Options,
    fetcher: Fetcher,
}

impl Auditor {
    /// An auditor by `policy`.
    #[must_use]
    pub fn new(policy: Policy, options: Options) -> Self {
        let fetcher = Fetcher::new(options.allow_private, options.patience);
        Self { policy, options, fetcher }
    }

    /// What the platform would meet at `url`: a HEAD and a GET of the first bytes, redirects followed, no cookies, no key.
    ///
    /// # Errors
    /// `Io` when `url` is no address of http or https at all. What is wrong with the link stands in its audit.
    pub fn audit(&self, url: &str) -> Result<Audit> {
        if !fetch::is_address(url) {
            let what = format!("not a link; found {url:?}, allowed http:// or https:// with a host");
            return Err(Error::new(ErrorKind::Io, what));
        }
        let mut audit = Audit::of(url);
        match self.fetcher.first_bytes(url, |first| self.limit(first)) {
            Ok(fetched) => self.weigh(&mut audit, &fetched),
            Err(failure) => {
                let (rule, allowed) = if failure.forbidden {
                    ("link.address", "an address that everybody can reach")
                } else {
                    ("link.reachable", "a server that answers")
                };
                audit.say(rule, Severity::Fail, failure.what.as_str(), allowed, &failure.what);
            }
        }
        audit.findings.sort_by_key(|remark| std::cmp::Reverse(weight(remark.severity)));
        audit.verdict = if audit.is_fit() { "fit" } else { "unfit" };
        Ok(audit)
    }

    fn weigh(&self, audit: &mut Audit, fetched: &Fetched) {
        audit.final_url = clean(&fetched.url);
        audit.redirects = fetched.redirects;
        audit.status = Some(fetched.status);
        audit.content_type = fetched.header("content-type");
        audit.bytes = fetched.length;
        audit.first_byte_ms = u64::try_from(fetched.first_byte.as_millis()).ok();
        if !matches!(fetched.status, 200 | 206) {
            let status = u64::from(fetched.status);
            let message = match fetched.status {
                401 | 403 => "the server wants a login; the platform has none: sign the link, or upload the file",
                404 | 410 => "there is nothing at the link",
                429 | 500..=599 => "the server failed; the platform would too: try again, or upload the file",
                _ => "the server does not give the file",
            };
            audit.say("link.status", Severity::Fail, status, 200_u64, message);
            return;
        }
        if fetched.redirects > 0 {
            let message = "the platform follows redirects today, and promises nothing; name the final address";
            audit.say("link.redirect", Severity::Info, u64::from(fetched.redirects), 0_u64, message);
        }
        if let Some(status) = fetched.head.as_ref().map(|head| head.status).filter(|status| *status != 200) {
            let message = "HEAD is not answered as GET is; the platform's downloader may ask so";
            audit.say("link.head", Severity::Info, u64::from(status), 200_u64, message);
        }
        let said = fetched.header("content-type").unwrap_or_default();
        let by_head = fetched.head.as_ref().and_then(|head| head.content_type.clone());
        if let Some(other) = by_head.filter(|other| bare(other) != bare(&said)) {
            let message = format!(
                "HEAD says {}, GET {}; the platform's downloader may go by either",
                shown(&other),
                shown(&said)
            );
            audit.say("link.head", Severity::Warn, other, said, message);
        }
        if fetched.is_cut_short() {
            let what = "the connection ended before the bytes that were promised";
            audit.say("link.reachable", Severity::Fail, fetched.first.len() as u64, "the whole file", what);
        }
        self.kind(audit, fetched);
        self.speed(audit, fetched);
        let caching = caching(|name| fetched.header_all(name));
        audit.say(
            "link.caching",
            caching.severity,
            caching.headers.as_str(),
            "Cache-Control: max-age=…",
            &caching.message,
        );
        audit.caching = Some(caching);
        if let Some(name) = signature(&fetched.url) {
            let message = "the link is signed and ends; it has to outlive the time that messages wait in a queue";
            audit.say("link.expires", Severity::Info, name, "a long life", message);
        }
    }

    /// The most bytes that a file may have which begins so; 0 where it is not taken at all.
    fn limit(&self, first: &[u8]) -> u64 {
        let Ok(sniffed) = sniff(&Source::from_bytes(first.to_vec(), None)) else { return 0 };
        let role = role(sniffed.format);
        if self.accepts(role, sniffed.format) { self.policy.size(role, true).hard_bytes } else { 0 }
    }

    /// The type that the server says against the bytes.
    fn kind(&self, audit: &mut Audit, fetched: &Fetched) {
        let path = fetched.url.split(['?', '#']).next().unwrap_or_default();
        let source = Source::from_bytes(fetched.first.clone(), Some(Path::new(path)));
        let Ok(sniffed) = sniff(&source) else { return };
        let format = sniffed.format;
        (audit.format, audit.mime) = (Some(format.name()), Some(format.mime()));
        if fetched.first.is_empty() {
            audit.say("link.size", Severity::Fail, 0_u64, "at least 1 byte", "the file is empty");
            return;
        }
        let said = audit.content_type.clone().unwrap_or_default();
        let role = role(format);
        let accepted = self.accepts(role, format);
        if format == Format::Html && !accepted {
            let message =
                "a page stands there, not the file: a login, an error, or a share page; link to the file itself";
            audit.say("link.direct", Severity::Fail, "HTML page", "the file itself", message);
        } else if !accepted {
            let message =
                format!("{} is not accepted; `mediafit fit` makes a fit file of it where that can be", format.label());
            audit.say("link.format", Severity::Fail, format.name(), role.name(), message);
        }
        if accepted && !same_type(&said, format) {
            let message = format!(
                "the server says {}, the bytes are {}; the platform goes by the header",
                shown(&said),
                format.mime()
            );
            audit.say("link.type", Severity::Fail, said, format.mime(), message);
        }
        let limit = self.policy.size(role, true).hard_bytes;
        match audit.bytes {
            None if fetched.read > limit => {
                let message = format!("more than {limit} bytes are over the limit for {role}");
                audit.say("link.size", Severity::Fail, fetched.read, limit, message);
            }
            Some(bytes) if bytes > limit => {
                let message = format!("{bytes} bytes are over the limit of {limit} for {role}");
                audit.say("link.size", Severity::Fail, bytes, limit, message);
            }
            Some(bytes) if bytes > self.options.warn_bytes => {
                audit.say("link.weight", Severity::Warn, bytes, self.options.warn_bytes, HEAVY);
            }
            Some(_) => {}
            None => {
                let message = "without Content-Length the platform cannot tell the size beforehand";
                audit.say("link.length", Severity::Warn, "none", "Content-Length", message);
                if fetched.read > self.options.warn_bytes {
                    audit.say("link.weight", Severity::Warn, fetched.read, self.options.warn_bytes, HEAVY);
                }
            }
        }
    }

    fn accepts(&self, role: Role, format: Format) -> bool {
        let policy = &self.policy;
        let formats = match role {
            Role::Image => &policy.image.formats,
            Role::Sticker => &policy.sticker.formats,
            Role::Audio | Role::Voice => &policy.audio.formats,
            Role::Video => &policy.video.formats,
            Role::Document => return policy.document.formats.as_ref().is_none_or(|formats| formats.contains(&format)),
        };
        formats.contains(&format)
    }

    fn speed(&self, audit: &mut Audit, fetched: &Fetched) {
        let (took, allowed) = (fetched.first_byte, self.options.slow_first_byte);
        if took > allowed {
            let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let message = format!("the first byte took {} ms; each message waits for it", millis(took));
            audit.say("link.slow", Severity::Warn, millis(took), millis(allowed), message);
        }
    }
}

const fn weight(severity: Severity) -> u8 {
    match severity {
        Severity::Fail => 2,
        Severity::Warn => 1,
        Severity::Info => 0,
    }
}

fn role(format: Format) -> Role {
    match format.family() {
        Family::Image if format == Format::Webp => Role::Sticker,
        Family::Image => Role::Image,
        Family::Audio => Role::Audio,
        Family::Video => Role::Video,
        Family::Document => Role::Document,
    }
}

/// Whether the header names the type that the bytes are. The first bytes of an MP4 do not always tell sound from pictures.
fn same_type(said: &str, format: Format) -> bool {
    let (said, real) = (bare(said), bare(format.mime()));
    let both_mp4 = [&said, &real].iter().all(|mime| ["audio/mp4", "video/mp4"].contains(&mime.as_str()));
    said == real || both_mp4
}

/// A type without its parameters.
fn bare(mime: &str) -> String {
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn shown(said: &str) -> &str {
    if said.is_empty() { "nothing" } else { said }
}

/// The parameter by which a link ends.
fn signature(url: &str) -> Option<&'static str> {
    const NAMES: [&str; 5] = ["X-Amz-Expires", "X-Goog-Expires", "Expires", "se", "token"];
    let query = url.split_once('?')?.1;
    let keys: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    NAMES.into_iter().find(|name| keys.iter().any(|key| key.eq_ignore_ascii_case(name)))
}
