//! Which API, where it is, for which number, and how each call of it looks (whatsapp-media §2, §3).

use super::call::{Auth, Body, Call, Piece};
use super::key::Key;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::{Platform, Policy};
use crate::verify::Fitted;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use ureq::http::Uri;

/// The version of Meta's Graph API that is asked for.
pub const GRAPH_VERSION: &str = "v23.0";

/// What stands for a number's id that is not known yet.
const NO_NUMBER: &str = "{phone_number_id}";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The three APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// On-premise style (v1) at 360dialog.
    OnPremise,
    /// The cloud API through 360dialog.
    Dialog360,
    /// The cloud API at Meta.
    Meta,
}

impl Api {
    /// The name that `--via` and the configuration use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnPremise => "on-premise",
            Self::Dialog360 => "360dialog",
            Self::Meta => "meta",
        }
    }

    /// Whose rules hold there.
    #[must_use]
    pub const fn platform(self) -> Platform {
        match self {
            Self::OnPremise => Platform::OnPremise,
            Self::Dialog360 | Self::Meta => Platform::Cloud,
        }
    }

    /// Where it is, unless the configuration says otherwise.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::OnPremise => "https://waba.360dialog.io",
            Self::Dialog360 => "https://waba-v2.360dialog.io",
            Self::Meta => "https://graph.facebook.com/v23.0",
        }
    }

    /// How long an id lives after an upload.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::OnPremise => DAY.saturating_mul(14),
            Self::Dialog360 | Self::Meta => DAY.saturating_mul(30),
        }
    }
}

/// An account at one of the APIs.
#[derive(Debug, Clone)]
pub struct Account {
    api: Api,
    base: String,
    host: String,
    phone_number_id: Option<String>,
    label: Option<String>,
    key: Option<Key>,
}

impl Account {
    /// An account at `api`, at its own address, without a key: enough to show what would be sent.
    #[must_use]
    pub fn new(api: Api) -> Self {
        let host = Origin::of(api.base()).map(|origin| origin.to_string()).unwrap_or_default();
        Self { api, base: api.base().to_owned(), host, phone_number_id: None, label: None, key: None }
    }

    /// The same at another address.
    ///
    /// # Errors
    /// `Io` when it is not http(s), or plain http to another machine: the key would be readable on the way.
    pub fn at(mut self, base: &str) -> Result<Self> {
        let refused = |what: &str| {
            let what = format!("not a base address; found {base:?}, {what}");
            Err(Error::new(ErrorKind::Io, what))
        };
        let base = base.trim_end_matches('/');
        let Some(origin) = Origin::of(base) else { return refused("allowed https://host or https://host/path") };
        if !origin.is_https && !origin.is_loopback() {
            return refused("allowed https, or http to this machine; the key would be readable on the way");
        }
        if base.contains(['?', '#', '@']) {
            return refused("allowed an address without user, query and fragment");
        }
        (self.base, self.host) = (base.to_owned(), origin.to_string());
        Ok(self)
    }

    /// The same with a key.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// The same for a number of Meta's.
    ///
    /// # Errors
    /// `Io` when it is not an id.
    pub fn with_phone_number_id(mut self, id: &str) -> Result<Self> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            let what = format!("not a phone number id; found {id:?}, allowed digits");
            return Err(Error::new(ErrorKind::Io, what));
        }
        self.phone_number_id = Some(id.to_owned());
        Ok(self)
    }

    /// The same with a name for the number, which the ledger keeps in place of one made from the key.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Which API it is at.
    #[must_use]
    pub const fn api(&self) -> Api {
        self.api
    }

    /// Where its ids hold: scheme, host and port, and `/v1` for on-premise, whose ids mean nothing to a cloud behind the
    /// same address.
    #[must_use]
    pub fn host(&self) -> String {
        if self.api == Api::OnPremise { format!("{}/v1", self.host) } else { self.host.clone() }
    }

    /// The number it is for: Meta's id, the label, or a name made from the key, from which the key cannot be found.
    #[must_use]
    pub fn number(&self) -> String {
        let own = self.label.clone().or_else(|| self.phone_number_id.clone());
        own.or_else(|| self.key.as_ref().map(Key::label)).unwrap_or_else(|| NO_NUMBER.to_owned())
    }

    /// Meta's id of the number, where there is one.
    #[must_use]
    pub fn phone_number_id(&self) -> Option<&str> {
        self.phone_number_id.as_deref()
    }

    /// Nothing, or what is missing to make calls.
    ///
    /// # Errors
    /// `Io` without a key, or at Meta without a number's id.
    pub fn ready(&self) -> Result<()> {
        let missing = match self.api {
            Api::OnPremise | Api::Dialog360 if self.key.is_none() => "a key; set D360_API_KEY",
            Api::Meta if self.key.is_none() => "a token; set WHATSAPP_TOKEN",
            Api::Meta if self.phone_number_id.is_none() => "the number's id; set WHATSAPP_PHONE_NUMBER_ID",
            Api::OnPremise | Api::Dialog360 | Api::Meta => return Ok(()),
        };
        let what = format!("{} needs {missing}, or name it in the file given with --config", self.api.name());
        Err(Error::new(ErrorKind::Io, what))
    }

    /// Nothing, or that `fitted` is too large for an upload here.
    ///
    /// # Errors
    /// `CannotFit`, with the way out.
    pub fn accepts(&self, fitted: &Fitted) -> Result<()> {
        let allowed = Policy::of(self.api.platform()).upload.hard_bytes;
        let found = fitted.len();
        if found <= allowed {
            return Ok(());
        }
        Err(Error::cannot_fit(format!(
            "is too large to upload; found {found} bytes, allowed {allowed}; it can be sent by link only (mediafit serve, send --link)"
        )))
    }

    /// The call that uploads `fitted`.
    #[must_use]
    pub fn upload(&self, fitted: &Fitted, name: Option<&str>) -> Call {
        let piece = Piece::of(fitted, name);
        match self.api {
            Api::OnPremise => {
                let headers = vec![("Content-Type", piece.mime.clone())];
                Call { headers, ..self.call("POST", "/v1/media", Body::Raw(piece)) }
            }
            Api::Dialog360 | Api::Meta => {
                let fields = vec![("messaging_product", "whatsapp".to_owned()), ("type", piece.mime.clone())];
                self.call("POST", &self.of_number("/media"), Body::Form(fields, piece))
            }
        }
    }

    /// The call that asks for media: its bytes on-premise, its description in the cloud.
    #[must_use]
    pub fn get(&self, id: &str) -> Call {
        self.call("GET", &self.of_media(id), Body::None)
    }

    /// The call that deletes media.
    #[must_use]
    pub fn delete(&self, id: &str) -> Call {
        self.call("DELETE", &self.of_media(id), Body::None)
    }

    /// The call that sends a message.
    #[must_use]
    pub fn message(&self, body: Value) -> Call {
        let path = match self.api {
            Api::OnPremise => "/v1/messages".to_owned(),
            Api::Dialog360 | Api::Meta => self.of_number("/messages"),
        };
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Call { headers, ..self.call("POST", &path, Body::Json(body)) }
    }

    /// The calls that upload a template's sample for the app with the id `app`, with a placeholder for the session.
    #[must_use]
    pub fn sample(&self, app: &str, fitted: &Fitted, name: Option<&str>) -> [Call; 2] {
        let piece = Piece::of(fitted, name);
        let go_on = self.go_on_with_sample("SESSION", &piece, 0);
        let url = go_on.url.replace("SESSION", "{session}");
        [self.begin_sample(app, &piece), Call { url, ..go_on }]
    }

    /// The call that begins the upload of a template's sample.
    #[must_use]
    pub fn begin_sample(&self, app: &str, piece: &Piece) -> Call {
        let query = format!(
            "file_name={}&file_length={}&file_type={}",
            escaped(&piece.filename),
            piece.bytes,
            escaped(&piece.mime)
        );
        self.call("POST", &format!("/{}/uploads?{query}", escaped(app)), Body::None)
    }

    /// The call that goes on with a sample's upload from `offset`.
    #[must_use]
    pub fn go_on_with_sample(&self, session: &str, piece: &Piece, offset: u64) -> Call {
        let headers =
            vec![("file_offset", offset.to_string()), ("Content-Type", "application/octet-stream".to_owned())];
        let rest = Piece { bytes: piece.bytes.saturating_sub(offset), ..piece.clone() };
        let call = self.call("POST", &format!("/{}", session_path(session)), Body::Raw(rest));
        Call { headers, auth: Auth::Sample(self.key.clone()), ..call }
    }

    /// The call that asks how much of a sample has arrived.
    #[must_use]
    pub fn ask_sample(&self, session: &str) -> Call {
        let call = self.call("GET", &format!("/{}", session_path(session)), Body::None);
        Call { auth: Auth::Sample(self.key.clone()), ..call }
    }

    /// The call that downloads from the address that a description gave; `None` where the key must not go there.
    pub(super) fn download(&self, url: &str) -> Option<Call> {
        let url = match self.api {
            Api::OnPremise => return None,
            // Scheme and host are replaced, path and query kept.
            Api::Dialog360 => {
                let uri: Uri = url.parse().ok()?;
                format!("{}{}", self.base, uri.path_and_query()?)
            }
            Api::Meta => url.to_owned(),
        };
        let origin = Origin::of(&url)?;
        // Meta's own store of media; nothing else gets the token but the host it is for.
        let is_store = self.host == "https://graph.facebook.com"
            && origin.is_https
            && origin.port == 443
            && (origin.host == "lookaside.fbsbx.com" || origin.host.ends_with(".fbsbx.com"));
        let own = origin.to_string() == self.host || is_store;
        own.then(|| Call { url, ..self.call("GET", "", Body::None) })
    }

    fn call(&self, method: &'static str, path: &str, body: Body) -> Call {
        let auth = match self.api {
            Api::OnPremise | Api::Dialog360 => Auth::Dialog(self.key.clone()),
            Api::Meta => Auth::Bearer(self.key.clone()),
        };
        Call { method, url: format!("{}{path}", self.base), headers: Vec::new(), body, auth }
    }

    fn of_number(&self, path: &str) -> String {
        match self.api {
            Api::Meta => format!("/{}{path}", self.phone_number_id.as_deref().unwrap_or(NO_NUMBER)),
            Api::OnPremise | Api::Dialog360 => path.to_owned(),
        }
    }

    fn of_media(&self, id: &str) -> String {
        let id = escaped(id);
        match (self.api, &self.phone_number_id) {
            (Api::OnPremise, _) => format!("/v1/media/{id}"),
            (Api::Meta, Some(number)) => format!("/{id}?phone_number_id={number}"),
            (Api::Meta, None) | (Api::Dialog360, _) => format!("/{id}"),
        }
    }
}

/// Where an address leads: what a key is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Origin {
    pub(super) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        // A user before the host is a way to make one host look like another.
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Some(Self { is_https, host: authority.host().to_ascii_lowercase(), port })
    }

    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == if self.is_https { 443 } else { 80 } { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// `text` for a path's segment or a query's value: an id of strangers leads nowhere else.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~{}".contains(&byte) || (byte == b'.' && text != "." && text != "..") {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// Whether `session` looks like a session's id: `upload:…`, with a signature as a query behind it.
pub(super) fn is_session(session: &str) -> bool {
    !session.is_empty() && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:?=&".contains(&byte))
}

/// The path of a session; what no session has leads nowhere else.
fn session_path(session: &str) -> String {
    if is_session(session) { session.to_owned() } else { escaped(session) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_only_to_the_host_it_is_for() {
        let key = Key::new("secret").unwrap();
        let meta = Account::new(Api::Meta).with_key(key.clone());
        for (url, goes) in [
            ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", true),
            ("https://graph.facebook.com/v23.0/x", true),
            ("http://lookaside.fbsbx.com/x", false),
            ("https://lookaside.fbsbx.com:8443/x", false),
            ("https://lookaside.fbsbx.com.evil.example/x", false),
            ("https://graph.facebook.com@evil.example/x", false),
            ("https://evil.example/x", false),
        ] {
            assert_eq!(meta.download(url).is_some(), goes, "{url}");
        }
        let later = Account::new(Api::Meta).at("https://graph.facebook.com/v24.0").unwrap();
        assert!(later.download("https://lookaside.fbsbx.com/x").is_some());
        let elsewhere = Account::new(Api::Meta).at("https://gateway.example/v24.0").unwrap();
        assert!(elsewhere.download("https://lookaside.fbsbx.com/x").is_none());
        let dialog = Account::new(Api::Dialog360).with_key(key);
        let call = dialog.download("https://evil.example/whatsapp_business/attachments/?mid=1&hash=2").unwrap();
        assert_eq!(call.url, "https://waba-v2.360dialog.io/whatsapp_business/attachments/?mid=1&hash=2");
    }

    #[test]
    fn a_base_is_https_or_this_machine() {
        for (base, right) in [
            ("https://proxy.example/waba/", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost:1", true),
            ("http://[::1]:8080", true),
            ("http://proxy.example", false),
            ("https://user@proxy.example", false),
            ("https://proxy.example/?a", false),
            ("ftp://proxy.example", false),
            ("proxy.example", false),
        ] {
            assert_eq!(Account::new(Api::Meta).at(base).is_ok(), right, "{base}");
        }
    }

    #[test]
    fn an_id_stays_within_its_segment() {
        let account = Account::new(Api::OnPremise);
        assert_eq!(
            account.get("../messages?x=1#y").url,
            "https://waba.360dialog.io/v1/media/..%2Fmessages%3Fx%3D1%23y"
        );
        assert!(account.get("..").url.ends_with("/%2E%2E"));
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::new(" tops3cret\n").unwrap();
        let account = Account::new(Api::Meta).with_key(key);
        let call = account.message(serde_json::json!({}));
        assert!(!format!("{account:?} {call:?} {}", call.to_json()).contains("tops3cret"));
        assert!(!account.number().contains("tops3cret"));
        assert!(!Key::new("tops3cret two").unwrap_err().to_string().contains("tops3cret"));
    }
}
