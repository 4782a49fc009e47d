//! What the platform says went wrong: read from every shape it answers in, sorted by code and details (the HTTP status of
//! one code differs between versions of its documentation), and explained by the rule that the file breaks.

mod table;

use crate::error::{Error, ErrorKind, clean};
use crate::format::Role;
use crate::judge::{Finding, Rule, Severity};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// The longest text that is taken over from an answer, in characters.
const MAX_TEXT: usize = 2000;

/// The longest wait that is borne when the platform asks for one; beyond it everything stops, and the caller is told.
pub const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// Who has to do what about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The key is wrong, expired, or may not do this: nothing else will pass either.
    Auth,
    /// The account is restricted: nothing else will pass either.
    Restricted,
    /// The platform's store for media is full: no upload will pass.
    VolumeFull,
    /// Too much at once: again, later and slower.
    Rate,
    /// Too much to one recipient: again, much slower.
    PairRate,
    /// Taken for spam: stop, do not hammer.
    Spam,
    /// The platform's own trouble: again.
    Retry,
    /// The request or the file is wrong: change it.
    Fix,
    /// It does not exist, or no longer.
    Missing,
    /// The media at the link, or from the user, could not be fetched: ask for it again.
    Refetch,
    /// About the conversation or the recipient, not about media.
    Recipient,
}

impl Class {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Restricted => "restricted",
            Self::VolumeFull => "volume-full",
            Self::Rate => "rate",
            Self::PairRate => "pair-rate",
            Self::Spam => "spam",
            Self::Retry => "retry",
            Self::Fix => "fix",
            Self::Missing => "missing",
            Self::Refetch => "refetch",
            Self::Recipient => "recipient",
        }
    }

    /// Whether the same request may be made again.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Rate | Self::PairRate | Self::Retry)
    }

    /// Whether everything else has to stop too.
    #[must_use]
    pub const fn stops_all(self) -> bool {
        matches!(self, Self::Auth | Self::Restricted | Self::VolumeFull | Self::Spam)
    }
}

/// A fault that the platform reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status of the answer; 0 in a callback.
    pub status: u16,
    /// The platform's code, when it gave one.
    pub code: Option<i64>,
    /// A finer code, when it gave one.
    pub subcode: Option<i64>,
    /// Its title or message.
    pub title: String,
    /// Its details.
    pub details: String,
    /// The id under which the platform's support finds the request.
    pub trace: Option<String>,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
    /// Who has to do what.
    pub class: Class,
    /// The rule of ours that the file breaks, where the details tell.
    pub rule: Option<Rule>,
    /// What to do.
    pub advice: &'static str,
}

impl Fault {
    /// The fault in an answer with `status` and `body`.
    #[must_use]
    pub fn of_answer(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let of_gateway = |name: &str, other: &str| {
            let meta = value.get("meta")?;
            meta.get(name).or_else(|| meta.get(other))
        };
        let mut fault = if let Some(error) = value.get("error").filter(|error| error.is_object()) {
            Self::of_error(status, error)
        } else if let Some(error) = value.get("errors").and_then(Value::as_array).and_then(|all| all.first()) {
            Self::of_error(status, error)
        } else if let Some(message) = of_gateway("developerMessage", "developer_message").and_then(Value::as_str) {
            // The gateway before v1: its body's httpCode can differ from the status.
            let inner = of_gateway("httpCode", "http_code");
            let status = inner.and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(status);
            Self::plain(status, message, "")
        } else {
            let shown = if value.is_null() { String::from_utf8_lossy(body).into_owned() } else { value.to_string() };
            Self::plain(status, "", &shown)
        };
        fault.retry_after = retry_after;
        fault.sorted()
    }

    /// The fault in an element of a callback's `errors`.
    #[must_use]
    pub fn of_callback(error: &Value) -> Self {
        Self::of_error(0, error).sorted()
    }

    fn of_error(status: u16, error: &Value) -> Self {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        // `error_data` can be missing, an object, or a string.
        let details = match error.get("error_data") {
            Some(Value::String(details)) => details.as_str(),
            Some(data) => data.get("details").and_then(Value::as_str).unwrap_or_default(),
            None => text("details"),
        };
        let details = [details, text("error_user_msg")].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let title = [text("message"), text("title"), text("error_user_title")];
        let mut fault =
            Self::plain(status, title.into_iter().find(|text| !text.is_empty()).unwrap_or_default(), details);
        fault.code = error.get("code").and_then(number);
        fault.subcode = error.get("error_subcode").and_then(number);
        fault.trace = error.get("fbtrace_id").and_then(Value::as_str).map(shortened);
        if error.get("is_transient").and_then(Value::as_bool) == Some(true) {
            fault.class = Class::Retry;
        }
        fault
    }

    fn plain(status: u16, title: &str, details: &str) -> Self {
        Self {
            status,
            code: None,
            subcode: None,
            title: shortened(title),
            details: shortened(details),
            trace: None,
            retry_after: None,
            class: Class::Fix,
            rule: None,
            advice: "",
        }
    }

    fn sorted(mut self) -> Self {
        let transient = self.class == Class::Retry;
        // "Unsupported request": the object does not exist, or is not of this number.
        let code = if (self.code, self.subcode) == (Some(100), Some(33)) { Some(33) } else { self.code };
        let sorted = table::sort(self.status, code, &format!("{} {}", self.title, self.details));
        // What the platform calls transient may be tried again, unless the code says that it must not.
        let keep = transient && sorted.class == Class::Fix && sorted.rule.is_none();
        self.class = if keep { Class::Retry } else { sorted.class };
        (self.rule, self.advice) = (sorted.rule, sorted.advice);
        self
    }

    /// The same fault of a file that serves as `role`: what is only said to be too large breaks that role's rule.
    #[must_use]
    pub fn about(mut self, role: Role) -> Self {
        if self.rule.is_none() && table::says_too_large(&format!("{} {}", self.title, self.details)) {
            self.rule = Some(match role {
                Role::Image => Rule::ImageSize,
                Role::Sticker => Rule::StickerSize,
                Role::Audio => Rule::AudioSize,
                Role::Voice => Rule::VoiceSize,
                Role::Video => Rule::VideoSize,
                Role::Document => Rule::DocumentSize,
            });
        }
        self
    }

    /// Whether everything else has to stop too: by its class, or since it asks for a longer wait than is borne.
    #[must_use]
    pub fn stops_all(&self) -> bool {
        let asks_too_long = self.retry_after.is_some_and(|asked| asked > MAX_WAIT);
        self.class.stops_all() || (self.class.is_retryable() && asks_too_long)
    }

    /// The fault that an error carries, when the platform reported one.
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        let source = std::error::Error::source(error)?.downcast_ref::<std::io::Error>()?;
        source.get_ref()?.downcast_ref::<Self>()
    }

    /// The fault as an error, with what was being done.
    #[must_use]
    pub fn into_error(self, what: &str) -> Error {
        let kind = ErrorKind::Upload { retryable: self.class.is_retryable() };
        Error::of(kind, what, std::io::Error::other(self))
    }

    /// The fault as a finding about the file, where its details tell which rule the file breaks.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let said = if self.details.is_empty() { &self.title } else { &self.details };
        Some(Finding {
            rule: self.rule?,
            severity: Severity::Fail,
            found: said.as_str().into(),
            allowed: "what `mediafit check` finds fit".into(),
            message: format!("{said}; {}", self.advice),
        })
    }

    /// The fault as JSON: what a script decides by.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "status": self.status,
            "code": self.code,
            "subcode": self.subcode,
            "title": self.title,
            "details": self.details,
            "trace": self.trace,
            "class": self.class.name(),
            "rule": self.rule.map(Rule::name),
            "advice": self.advice,
            "finding": self.finding(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.status) {
            (Some(code), _) => write!(f, "the platform answered {code}")?,
            (None, status) => write!(f, "the platform answered with HTTP status {status}")?,
        }
        for text in [&self.title, &self.details] {
            if !text.is_empty() {
                write!(f, ", {text}")?;
            }
        }
        if let Some(rule) = self.rule {
            write!(f, " [{rule}]")?;
        }
        if let Some(trace) = &self.trace {
            write!(f, " (fbtrace {trace})")?;
        }
        if let Some(asked) = self.retry_after.filter(|asked| *asked > MAX_WAIT) {
            write!(f, "; it asks for a wait of {} s", asked.as_secs())?;
        }
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl std::error::Error for Fault {}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Text of strangers: cleaned, on one line, and not longer than a person reads.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean(&line.chars().take(MAX_TEXT).collect::<String>())
}
