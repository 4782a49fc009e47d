//! Uploads over HTTP, to any of the three APIs.

use super::account::{Account, Api};
use super::call::Call;
use super::circuit::{Circuit, Pace};
use super::hash::{Hashing, normal};
use super::ledger::{Ledger, Target};
use super::retry::{Backoff, Failure};
use super::transport::{Answer, Transport};
use super::{MediaInfo, Place, Receipt, Uploader};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Class;
use crate::policy::Policy;
use crate::verify::Fitted;
use serde_json::Value;
use std::io::{Read, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Uploads a second with one key. Default: 25, which 360dialog allows; 0 for no limit.
    pub uploads_per_second: f64,
    /// How often a call is made at most. Default: 5.
    pub tries: u32,
    /// The first wait between two tries; each further one is twice as long, all with full jitter. Default: 1 second.
    pub first_wait: Duration,
    /// The longest wait between two tries, unless the platform asks for more. Default: 60 seconds.
    pub longest_wait: Duration,
    /// How long a silence of the other side is borne. Default: 60 seconds.
    pub patience: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            uploads_per_second: 25.0,
            tries: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            patience: Duration::from_secs(60),
        }
    }
}

/// A client for one account. Its clones share connections, pace and circuit.
#[derive(Debug, Clone)]
pub struct HttpUploader(Arc<Client>);

/// What calls of one account share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) account: Account,
    host: String,
    number: String,
    pub(super) transport: Transport,
    /// One connection a call, for what must not be repeated.
    pub(super) single: Transport,
    pub(super) backoff: Backoff,
    uploads: Pace,
    pub(super) others: Pace,
    pub(super) circuit: Circuit,
    pub(super) cancel: Cancel,
}

impl HttpUploader {
    /// A client for `account`, stopped by `cancel`.
    ///
    /// # Errors
    /// `Io` when the account lacks what calls need.
    pub fn new(account: Account, options: &HttpOptions, cancel: Cancel) -> Result<Self> {
        account.ready()?;
        Ok(Self(Arc::new(Client {
            host: account.host(),
            number: account.number(),
            account,
            transport: Transport::new(options.patience, true, cancel.clone()),
            single: Transport::new(options.patience, false, cancel.clone()),
            backoff: Backoff {
                tries: options.tries.max(1),
                base: options.first_wait,
                cap: options.longest_wait.max(options.first_wait),
            },
            uploads: Pace::new(options.uploads_per_second),
            others: Pace::new(0.0),
            circuit: Circuit::default(),
            cancel,
        })))
    }

    /// The same, which counts failed GETs in `ledger`, together with other processes: the platform blocks a key, and not
    /// a process.
    #[must_use]
    pub fn with_ledger(self, ledger: &Ledger) -> Self {
        let target = Target { host: self.0.host.clone(), number: self.0.number.clone() };
        self.0.circuit.share(ledger, target);
        self
    }

    /// The account it is for.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

impl Client {
    /// One call of the API; an answer that stops everything is noted.
    pub(super) fn call(&self, call: &Call, file: Option<&mut dyn Read>) -> Result<Answer, Failure> {
        self.circuit.check()?;
        self.noted(self.transport.send(call, file).and_then(Answer::success))
    }

    pub(super) fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Fault(fault)) = &answer {
            self.circuit.note(fault);
        }
        answer
    }

    /// A GET: tried again when the wire failed, never when the platform answered with an error.
    pub(super) fn get<T>(&self, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        let again = |failure: &Failure| matches!(failure, Failure::NotSent(_) | Failure::Unanswered(_));
        self.backoff.run(&self.others, &self.cancel, again, || {
            self.circuit.check_get()?;
            let answer = attempt();
            if matches!(answer, Err(Failure::Fault(_))) {
                self.circuit.note_get();
            }
            answer
        })
    }

    fn upload_once(&self, call: &Call, fitted: &Fitted) -> Result<Receipt, Failure> {
        let mut file = Hashing::new(fitted.open()?);
        let answer = self.call(call, Some(&mut file))?;
        let value = self.noted(answer.json())?;
        let id = match self.account.api() {
            Api::OnPremise => value.pointer("/media/0/id"),
            Api::Dialog360 | Api::Meta => value.get("id"),
        };
        let id = id.and_then(text_of).ok_or_else(|| Failure::Unanswered("the answer names no media id".to_owned()))?;
        // The source may have changed since it was verified: what was uploaded then is not fit media.
        let (sha256, count) = file.done();
        if sha256 == fitted.sha256() && count == fitted.len() {
            return Ok(Receipt { id });
        }
        // Nobody will ever ask for it; that it stays if this fails does no harm.
        let _ = self.transport.send(&self.account.delete(&id), None);
        let changed = std::io::Error::other("its content is not what was checked");
        Err(Failure::Own(Error::io("changed while it was sent", changed)))
    }

    fn describe(&self, id: &str) -> Result<MediaInfo, Failure> {
        let answer = self.call(&self.account.get(id), None)?;
        if self.account.api() == Api::OnPremise {
            // v1 has no descriptions: the head of the download tells what there is.
            let bytes = answer.header("content-length").and_then(|text| text.parse().ok());
            let mime = answer.header("content-type").unwrap_or_else(|| "application/octet-stream".to_owned());
            return Ok(MediaInfo { id: id.to_owned(), mime, bytes, sha256: None, url: None });
        }
        let value = self.noted(answer.json())?;
        // Numbers may be strings.
        let bytes = value.get("file_size").and_then(|size| size.as_u64().or_else(|| size.as_str()?.parse().ok()));
        Ok(MediaInfo {
            id: id.to_owned(),
            mime: value.get("mime_type").and_then(text_of).unwrap_or_default(),
            bytes,
            sha256: value.get("sha256").and_then(Value::as_str).and_then(normal),
            url: value.get("url").and_then(text_of),
        })
    }

    fn fetch_once(&self, id: &str, out: &mut dyn Place) -> Result<MediaInfo, Failure> {
        let (mut info, answer) = if self.account.api() == Api::OnPremise {
            let answer = self.call(&self.account.get(id), None)?;
            let mime = answer.header("content-type").unwrap_or_else(|| "application/octet-stream".to_owned());
            let bytes = answer.header("content-length").and_then(|text| text.parse().ok());
            (MediaInfo { id: id.to_owned(), mime, bytes, sha256: None, url: None }, answer)
        } else {
            // The address is valid for five minutes: it is asked for anew at each try.
            let info = self.describe(id)?;
            let url = info.url.as_deref().ok_or_else(|| own("the description has no address to download from"))?;
            let call = self.account.download(url).ok_or_else(|| {
                own(&format!("the address to download from is not of the host that the key is for; found {url}"))
            })?;
            // Not noted: what a store of media says is not about the key.
            let answer = self.transport.send(&call, None).and_then(Answer::success)?;
            (info, answer)
        };
        let written = |error| Failure::Own(Error::io("cannot be written", error));
        out.seek(SeekFrom::Start(0)).map_err(written)?;
        let limit = info.bytes.unwrap_or_else(|| Policy::cloud().upload.hard_bytes);
        let mut reader = Hashing::new(answer.into_reader().take(limit.saturating_add(1)));
        let mut block = vec![0; 64 * 1024];
        loop {
            self.cancel.check()?;
            let count = reader.read(&mut block).map_err(|error| Failure::Unanswered(error.to_string()))?;
            if count == 0 {
                break;
            }
            out.write_all(block.get(..count).unwrap_or_default()).map_err(written)?;
        }
        out.flush().map_err(written)?;
        let (sha256, count) = reader.done();
        if count > limit || info.bytes.is_some_and(|bytes| bytes != count) {
            return Err(Failure::Unanswered(format!("the download has {count} bytes, where {limit} were told")));
        }
        if info.sha256.as_ref().is_some_and(|told| *told != sha256) {
            return Err(Failure::Unanswered("the download's SHA-256 is not what was told".to_owned()));
        }
        (info.bytes, info.sha256) = (Some(count), Some(sha256));
        Ok(info)
    }
}

impl Uploader for HttpUploader {
    fn host(&self) -> &str {
        &self.0.host
    }

    fn number(&self) -> &str {
        &self.0.number
    }

    fn lifetime(&self) -> Option<Duration> {
        Some(self.0.account.api().lifetime())
    }

    fn accepts(&self, fitted: &Fitted) -> Result<()> {
        self.0.account.accepts(fitted)
    }

    fn upload(&self, fitted: &Fitted, name: Option<&str>) -> Result<Receipt> {
        self.accepts(fitted)?;
        let client = &self.0;
        let call = client.account.upload(fitted, name);
        // An upload repeated costs an orphaned id at worst: a lost answer is tried again too.
        let attempt = || client.upload_once(&call, fitted);
        let done = client.backoff.run(&client.uploads, &client.cancel, Failure::is_passing, attempt);
        done.map_err(|failure| failure.about(fitted.role()).into_error("cannot be uploaded"))
    }

    fn info(&self, id: &str) -> Result<MediaInfo> {
        self.0
            .get(|| self.0.describe(id))
            .map_err(|failure| failure.into_error(&format!("media {id}: cannot be asked for")))
    }

    fn fetch(&self, id: &str, out: &mut dyn Place) -> Result<MediaInfo> {
        let fetched = self.0.get(|| self.0.fetch_once(id, out));
        fetched.map_err(|failure| failure.into_error(&format!("media {id}: cannot be downloaded")))
    }

    fn delete(&self, id: &str) -> Result<()> {
        let client = &self.0;
        let call = client.account.delete(id);
        let mut tried_before = false;
        let deleted = client.backoff.run(&client.others, &client.cancel, Failure::is_passing, || {
            let answer = client.call(&call, None).map(drop);
            match answer {
                // The first try got through, and only its answer was lost.
                Err(Failure::Fault(fault)) if tried_before && fault.class == Class::Missing => Ok(()),
                other => {
                    tried_before = true;
                    other
                }
            }
        });
        deleted.map_err(|failure| failure.into_error(&format!("media {id}: cannot be deleted")))
    }
}

fn own(what: &str) -> Failure {
    Failure::Own(Error::new(ErrorKind::Upload { retryable: false }, what))
}

/// Text, or a number that stands where text belongs.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
