//! A key that cannot be printed by accident.

use crate::error::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// What stands for a key wherever one would be shown.
pub(super) const HIDDEN: &str = "***";

/// A key or token of the platform. It is shown nowhere: not by `Debug`, not in errors, not in a call's JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Arc<str>);

impl Key {
    /// The key that `text` holds, without blanks and line ends round it.
    ///
    /// # Errors
    /// `Io` when there is none, or it could not stand in a header. The text is not part of the message.
    pub fn new(text: &str) -> Result<Self> {
        let key = text.trim();
        if key.is_empty() || key.len() > 4096 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "not a key; found nothing, blanks, or characters that no key has; allowed one line of ASCII";
            return Err(Error::new(ErrorKind::Io, what));
        }
        Ok(Self(key.into()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// A short name for the account that the key opens, from which the key cannot be found.
    pub(super) fn label(&self) -> String {
        let digest = Sha256::digest([b"mediafit account ", self.0.as_bytes()].concat());
        digest.iter().take(6).fold("key-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}
