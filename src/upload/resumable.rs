//! The resumable upload of a template's sample (Meta only, whatsapp-media §4): begun once, gone on with from where the
//! server says that it stands.

use super::account::{Api, is_session};
use super::call::Piece;
use super::hash::Hashing;
use super::http::HttpUploader;
use super::retry::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::verify::Fitted;
use serde_json::Value;
use std::io::Read;

/// Uploads samples for an app.
#[derive(Debug)]
pub struct TemplateSampleUploader<'a> {
    client: &'a HttpUploader,
    app: &'a str,
}

impl<'a> TemplateSampleUploader<'a> {
    /// Uploads for the app with the id `app`, with the account of `client`.
    ///
    /// # Errors
    /// `Io` when the account is not at Meta, or `app` is not an id.
    pub fn new(client: &'a HttpUploader, app: &'a str) -> Result<Self> {
        if client.account().api() != Api::Meta {
            let what = "samples of templates are uploaded at Meta only; use --via meta";
            return Err(Error::new(ErrorKind::Io, what));
        }
        if app.is_empty() || !app.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::new(ErrorKind::Io, format!("not an app id; found {app:?}, allowed digits")));
        }
        Ok(Self { client, app })
    }

    /// Begins an upload of `fitted`, and gives the session's id.
    ///
    /// # Errors
    /// `Upload` when it was refused.
    pub fn begin(&self, fitted: &Fitted, name: Option<&str>) -> Result<String> {
        let client = self.client.client();
        let call = client.account.begin_sample(self.app, &Piece::of(fitted, name));
        let begun = client.backoff.run(&client.others, &client.cancel, Failure::is_passing, || {
            let value = client.noted(client.call(&call, None)?.json())?;
            text(&value, "id").ok_or_else(|| Failure::Unanswered("the answer names no session".to_owned()))
        });
        begun.map_err(|failure| failure.into_error("the upload of the sample cannot begin"))
    }

    /// Uploads `fitted` within `session`, from where the server says that it stands, and gives the handle for
    /// `components[].example.header_handle`. After a break the server is asked again.
    ///
    /// # Errors
    /// `Upload` when it was refused, or broke more often than is borne; the session can be gone on with later.
    pub fn finish(&self, session: &str, fitted: &Fitted, name: Option<&str>) -> Result<String> {
        if !is_session(session) {
            let what = format!("not a session; found {session:?}, allowed what the beginning of the upload gave");
            return Err(Error::new(ErrorKind::Io, what));
        }
        let client = self.client.client();
        let piece = Piece::of(fitted, name);
        let handle = client.backoff.run(&client.others, &client.cancel, Failure::is_passing, || {
            let offset = self.offset(session)?;
            if offset > piece.bytes {
                let what = format!("the session has {offset} bytes, the file {}; begin anew", piece.bytes);
                return Err(Failure::Own(Error::new(ErrorKind::Upload { retryable: false }, what)));
            }
            self.rest(session, fitted, &piece, offset)
        });
        handle.map_err(|failure| {
            failure.about(fitted.role()).into_error(&format!("session {session}: the sample cannot be uploaded"))
        })
    }

    fn offset(&self, session: &str) -> Result<u64> {
        let client = self.client.client();
        let call = client.account.ask_sample(session);
        let asked = client.get(|| {
            let value = client.noted(client.call(&call, None)?.json())?;
            let offset = value.get("file_offset");
            let offset = offset.and_then(|offset| offset.as_u64().or_else(|| offset.as_str()?.parse().ok()));
            offset.ok_or_else(|| Failure::Unanswered("the answer names no offset".to_owned()))
        });
        asked.map_err(|failure| failure.into_error(&format!("session {session}: cannot be asked for")))
    }

    fn rest(&self, session: &str, fitted: &Fitted, piece: &Piece, offset: u64) -> Result<String, Failure> {
        let client = self.client.client();
        let unreadable = |error| Failure::Own(Error::io("cannot be read", error));
        let mut file = Hashing::new(fitted.open()?);
        std::io::copy(&mut file.by_ref().take(offset), &mut std::io::sink()).map_err(unreadable)?;
        let call = client.account.go_on_with_sample(session, piece, offset);
        let value = client.noted(client.call(&call, Some(&mut file))?.json())?;
        if file.done().0 != fitted.sha256() {
            let changed = std::io::Error::other("its content is not what was checked");
            return Err(Failure::Own(Error::io("changed while it was sent", changed)));
        }
        text(&value, "h").ok_or_else(|| Failure::Unanswered("the answer names no handle".to_owned()))
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
