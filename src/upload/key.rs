//! A key that cannot be printed by accident.

use crate::error::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// What stands for a key wherever one would be shown.
pub(super) const HIDDEN: &str = "***";

/// The shortest key that is looked for in what others say. A shorter one opens nothing, and would be found in words.
const MIN_HIDDEN: usize = 8;

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

    /// `bytes` with this key hidden, wherever a server repeats it.
    pub(super) fn hidden_in(&self, bytes: &[u8]) -> Vec<u8> {
        let key = self.0.as_bytes();
        let mut hidden = Vec::new();
        let mut rest = bytes;
        if key.len() >= MIN_HIDDEN {
            while let Some(at) = rest.windows(key.len()).position(|window| window == key) {
                let (before, found) = rest.split_at(at);
                hidden.extend_from_slice(before);
                hidden.extend_from_slice(HIDDEN.as_bytes());
                rest = found.get(key.len()..).unwrap_or_default();
            }
        }
        hidden.extend_from_slice(rest);
        hidden
    }

    /// The same with text.
    pub(super) fn hidden_in_text(&self, text: &str) -> String {
        if self.0.len() >= MIN_HIDDEN { text.replace(&*self.0, HIDDEN) } else { text.to_owned() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_wherever_it_stands() {
        let key = Key::new("tops3cret").unwrap();
        for (text, expected) in [
            ("", ""),
            ("tops3cret", "***"),
            ("a tops3cretops3cret, tops3cre", "a ***ops3cret, tops3cre"),
            ("tops3crettops3cret", "******"),
        ] {
            assert_eq!(key.hidden_in(text.as_bytes()), expected.as_bytes(), "{text}");
            assert_eq!(key.hidden_in_text(text), expected, "{text}");
        }
        assert_eq!(Key::new("id").unwrap().hidden_in(b"{\"id\":1}"), b"{\"id\":1}");
    }
}
