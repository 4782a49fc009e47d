//! Hashes: made while bytes pass, and compared in the forms that the platform gives them in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::io::Read;

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash in lower-case hexadecimal; Meta's descriptions have it so, its callbacks in base64.
pub(super) fn normal(given: &str) -> Option<String> {
    let given = given.trim();
    if given.len() == 64 && given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(given.to_ascii_lowercase());
    }
    let bytes = STANDARD.decode(given).ok()?;
    (bytes.len() == 32).then(|| hex(&bytes))
}

/// Whether `told`, in hexadecimal or base64 as the platform has it, is the SHA-256 `own` in hexadecimal.
#[must_use]
pub fn same_sha256(told: &str, own: &str) -> bool {
    normal(told).is_some_and(|told| told.eq_ignore_ascii_case(own))
}

/// The SHA-256 of everything that can be read from `reader`, with the count.
pub(super) fn of_reader(reader: &mut dyn Read) -> std::io::Result<(String, u64)> {
    let mut hashing = Hashing::new(reader);
    let mut block = vec![0; 128 * 1024];
    while hashing.read(&mut block)? > 0 {}
    Ok(hashing.done())
}

/// Passes bytes on, hashes and counts them.
pub(super) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), count: 0 }
    }

    pub(super) fn done(self) -> (String, u64) {
        (hex(&self.hash.finalize()), self.count)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        self.count += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one() {
        let digest = Sha256::digest(b"a");
        assert_eq!(normal(&STANDARD.encode(digest)), Some(hex(&digest)));
        assert_eq!(normal(&hex(&digest).to_uppercase()), Some(hex(&digest)));
        assert_eq!(normal("<HASH>"), None);
    }
}
