//! The wire: one call, one answer, no redirects followed, TLS verified.

use super::body::Form;
use super::call::{Body, Call};
use super::early::Early;
use super::key::Key;
use super::retry::Failure;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind};
use crate::fault::Fault;
use serde_json::Value;
use std::io::Read;
use std::time::{Duration, Instant, SystemTime};
use ureq::http::{HeaderMap, Request};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, RustlsConnector, TcpConnector};
use ureq::{Agent, SendBody, Timeout};

/// The longest answer that is read as JSON, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

const USER_AGENT: &str = concat!("mediafit/", env!("CARGO_PKG_VERSION"));

/// Connections to one host.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    agent: Agent,
    patience: Duration,
    cancel: Cancel,
}

/// An answer whose head has arrived.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: ureq::Body,
    /// What must not be told, whatever the server says.
    key: Option<Key>,
    patience: Duration,
}

impl Transport {
    /// Connections with this patience: for the connection, and for every silence afterwards. Without `reuse`, each call
    /// has its own connection: an old one that the other side has just closed would look like a lost answer.
    pub(super) fn new(patience: Duration, reuse: bool, cancel: Cancel) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect of an API is not its answer, and would carry the key along.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_send_request(Some(patience))
            .timeout_per_read(Some(patience))
            .timeout_per_write(Some(patience))
            .timeout_recv_response(Some(patience));
        if !reuse {
            config = config.max_idle_connections(0).max_idle_connections_per_host(0);
        }
        let connector = ().chain(TcpConnector::default()).chain(Early).chain(RustlsConnector::default());
        let agent = Agent::with_parts(config.build(), connector, DefaultResolver::default());
        Self { agent, patience, cancel }
    }

    /// Makes `call`; `file` gives the bytes of its piece.
    pub(super) fn send(&self, call: &Call, file: Option<&mut dyn Read>) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(call.method).uri(&call.url);
        if let Some((name, value)) = call.auth.header() {
            request = request.header(name, value);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let mut none = std::io::empty();
        let file: &mut dyn Read = match file {
            Some(file) => file,
            None => &mut none,
        };
        let answer = match &call.body {
            Body::None => {
                // A POST without a body says so.
                if call.method == "POST" {
                    request = request.header("Content-Length", "0");
                }
                self.agent.run(request.body(SendBody::none()).map_err(wrong)?)
            }
            Body::Json(value) => {
                let text = value.to_string();
                self.agent.run(request.body(text.as_str()).map_err(wrong)?)
            }
            Body::Raw(piece) => {
                let mut exact = Exact::new(file, piece.bytes, &self.cancel);
                let request = request.header("Content-Length", piece.bytes);
                self.agent.run(request.body(SendBody::from_reader(&mut exact)).map_err(wrong)?)
            }
            Body::Form(fields, piece) => {
                let form = Form::new(fields, piece);
                let request = request
                    .header("Content-Type", &form.content_type)
                    .header("Content-Length", form.length(piece.bytes));
                let mut exact = Exact::new(file, piece.bytes, &self.cancel);
                let mut stream = form.stream(&mut exact);
                self.agent.run(request.body(SendBody::from_reader(&mut stream)).map_err(wrong)?)
            }
        };
        let key = call.auth.key().cloned();
        let answer = answer.map_err(|error| self.failed(&error, key.as_ref()))?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, key, patience: self.patience })
    }

    fn failed(&self, error: &ureq::Error, key: Option<&Key>) -> Failure {
        if self.cancel.is_cancelled() {
            return Failure::Own(Error::cancelled());
        }
        let mut why = error.to_string();
        if let Some(key) = key {
            why = key.hidden_in_text(&why);
        }
        let early = matches!(
            error,
            ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Tls(_)
                | ureq::Error::Rustls(_)
                | ureq::Error::BadUri(_)
                | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
        );
        // Found out before anything was sent, and no better the next time.
        if why.contains("invalid peer certificate") {
            let kind = ErrorKind::Upload { retryable: false };
            return Failure::Own(Error::of(
                kind,
                "the server's certificate is not trusted",
                std::io::Error::other(why),
            ));
        }
        match error {
            ureq::Error::Io(cause) if cause.get_ref().is_some_and(|inner| inner.is::<SourceFailed>()) => {
                Failure::Own(Error::io("cannot be read as it was checked", std::io::Error::other(why)))
            }
            ureq::Error::Io(cause) if cause.kind() == std::io::ErrorKind::ConnectionRefused => Failure::NotSent(why),
            _ if early => Failure::NotSent(why),
            _ => Failure::Unanswered(why),
        }
    }
}

fn wrong(error: ureq::http::Error) -> Failure {
    let what = format!("the request cannot be made: {error}");
    Failure::Own(Error::new(ErrorKind::Io, what))
}

impl Answer {
    /// The answer's JSON; a fault where the status is not one of success.
    pub(super) fn json(self) -> Result<Value, Failure> {
        let (status, key) = (self.status, self.key.clone());
        let bytes = self.success()?.bytes()?;
        // A gateway reports some faults with a status of success.
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|_| Failure::Unanswered("the answer is not JSON".to_owned()))?;
        if value.get("error").is_some_and(Value::is_object)
            || value.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty())
        {
            return Err(Failure::Fault(Box::new(hidden(Fault::of_answer(status, &bytes, None), key.as_ref()))));
        }
        Ok(value)
    }

    /// The same answer, if its status is one of success.
    pub(super) fn success(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let retry_after = self.headers.get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| asked_wait(text, SystemTime::now()));
        let (status, key) = (self.status, self.key.clone());
        // What cannot be read of a refusal is not waited for: its status stands.
        let body = self.bytes().unwrap_or_default();
        Err(Failure::Fault(Box::new(hidden(Fault::of_answer(status, &body, retry_after), key.as_ref()))))
    }

    /// The whole body, with the key hidden. The silence between two bytes is bounded by the agent; here the whole is, or
    /// a byte now and then would hold a run for ever.
    fn bytes(mut self) -> Result<Vec<u8>, Failure> {
        let start = Instant::now();
        let mut bytes = Vec::new();
        let mut reader = self.body.as_reader().take(MAX_ANSWER);
        let mut block = vec![0; 16 * 1024];
        loop {
            if start.elapsed() > self.patience {
                let seconds = self.patience.as_secs_f64();
                return Err(Failure::Unanswered(format!("the answer is not whole after {seconds} seconds")));
            }
            let count = reader.read(&mut block).map_err(|error| Failure::Unanswered(error.to_string()))?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(block.get(..count).unwrap_or_default());
        }
        Ok(match &self.key {
            Some(key) => key.hidden_in(&bytes),
            None => bytes,
        })
    }

    /// The body as a stream.
    pub(super) fn into_reader(self) -> impl Read {
        self.body.into_reader()
    }

    /// A header's value, with the key hidden.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok())?;
        Some(self.key.as_ref().map_or_else(|| value.to_owned(), |key| key.hidden_in_text(value)))
    }
}

/// The same fault; what was escaped in the answer shows itself only now.
fn hidden(mut fault: Fault, key: Option<&Key>) -> Fault {
    if let Some(key) = key {
        for text in [&mut fault.title, &mut fault.details].into_iter().chain(&mut fault.trace) {
            *text = key.hidden_in_text(text);
        }
    }
    fault
}

/// `Retry-After`: seconds, or a date.
fn asked_wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Marks an error of reading the source, so that it is not taken for one of the wire.
#[derive(Debug)]
struct SourceFailed(String);

impl std::fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceFailed {}

/// Exactly so many bytes of a file: the length was promised. Ends when the caller stops.
struct Exact<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    cancel: &'a Cancel,
}

impl<'a> Exact<'a> {
    fn new(inner: &'a mut dyn Read, bytes: u64, cancel: &'a Cancel) -> Self {
        Self { inner, left: bytes, cancel }
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let failed = |why: String| std::io::Error::other(SourceFailed(why));
        if self.cancel.is_cancelled() {
            return Err(failed("cancelled".to_owned()));
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if want == 0 {
            return Ok(0);
        }
        let part = into.get_mut(..want).unwrap_or_default();
        let count = self.inner.read(part).map_err(|error| failed(error.to_string()))?;
        if count == 0 {
            return Err(failed(format!("changed while it was sent: {} bytes are missing", self.left)));
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(asked_wait(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(asked_wait("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(asked_wait("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(asked_wait("soon", now), None);
    }
}
