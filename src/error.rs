//! What can go wrong, sorted by who must act.
//!
//! The rules:
//! * A file that does not comply is **not** an error: it has a [`Verdict`](crate::judge::Verdict).
//! * [`ErrorKind`] says who must act: the caller (`Io`, `Limit`, `CannotFit`, `Cancelled`), whoever made the file
//!   (`Malformed`), whoever chose the engine (`Unsupported`, `Engine`), the platform (`Upload`), or we (`Verify` is always
//!   our bug).
//! * A message reads `path: what; found X, allowed Y; do Z`: no trailing period, one line.
//! * Text that comes from a file or a file name is cleaned of control characters before it gets into a message.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result with mediafit's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act on an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system said no: unreadable source, missing or full target.
    Io,
    /// The bytes break their own format.
    Malformed,
    /// A valid file in a form that no built-in decoder reads.
    Unsupported,
    /// One of mediafit's own guards (pixels, bytes, boxes, time) was met.
    Limit,
    /// No allowed change brings the file under the platform's limit.
    CannotFit,
    /// An encoder or an external engine failed.
    Engine,
    /// mediafit's own result did not pass its own check: a bug in mediafit.
    Verify,
    /// The platform, or the way to it, refused: an upload, a download or a message.
    Upload {
        /// Whether the same may be tried again, unchanged.
        retryable: bool,
    },
    /// The caller asked to stop.
    Cancelled,
}

impl ErrorKind {
    /// The kind's name as the JSON Lines carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
            Self::CannotFit => "cannot-fit",
            Self::Engine => "engine",
            Self::Verify => "verify",
            Self::Upload { .. } => "upload",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An error with its kind, the path it is about, and its cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    path: Option<PathBuf>,
    source: Option<std::io::Error>,
}

impl Error {
    /// An error of `kind`; `what` is one line without a path.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: clean(&what.into()), path: None, source: None }
    }

    /// The bytes break their own format.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, what)
    }

    /// Valid, but not readable by a built-in decoder.
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// One of mediafit's own guards was met.
    pub fn limit(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, what)
    }

    /// No allowed change makes it fit.
    pub fn cannot_fit(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::CannotFit, what)
    }

    /// An encoder failed.
    pub fn engine(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Engine, what)
    }

    /// mediafit's own result failed its own check.
    pub fn verify(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Verify, what)
    }

    /// The caller asked to stop.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }

    /// The operating system's refusal, with what was being done.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self { source: Some(source), ..Self::new(ErrorKind::Io, what) }
    }

    /// An error of `kind` with its cause.
    pub fn of(kind: ErrorKind, what: impl Into<String>, source: std::io::Error) -> Self {
        Self { source: Some(source), ..Self::new(kind, what) }
    }

    /// The same error, about `path` (the first path that was given stays).
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path.get_or_insert_with(|| path.as_ref().to_path_buf());
        self
    }

    /// Who must act.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The path the error is about, when it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The message without the path.
    #[must_use]
    pub fn what(&self) -> String {
        self.source.as_ref().map_or_else(|| self.what.clone(), |source| format!("{}: {source}", self.what))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", clean(&path.to_string_lossy()))?;
        }
        f.write_str(&self.what())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// `text` on one line, safe for a terminal: control characters (a file name can hold escape sequences and
/// direction overrides) become `\u{..}`.
#[must_use]
pub fn clean(text: &str) -> String {
    let risky = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(risky) {
        return text.to_owned();
    }
    text.chars().fold(String::new(), |mut clean, c| {
        if risky(c) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
        clean
    })
}
