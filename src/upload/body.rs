//! The bytes of a body, streamed: the head of a form, the file, the tail; with the length known beforehand.

use super::call::Piece;
use crate::format::Format;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Cursor, Read};

/// The longest file name on the wire, in bytes.
const MAX_NAME: usize = 120;

/// The file name for a multipart part: ASCII, safe within quotes, with the extension that fits `format`. A part without
/// one, or with another, is treated as `application/octet-stream` and refused.
#[must_use]
pub fn wire_name(name: Option<&str>, format: Format) -> String {
    let name = name.unwrap_or("file");
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = match last.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => last,
    };
    let safe = |c: char| if c.is_ascii_alphanumeric() || " -_.()".contains(c) { c } else { '_' };
    let stem: String = stem.chars().map(safe).take(MAX_NAME).collect();
    let stem = stem.trim_matches([' ', '.']);
    let stem = if stem.is_empty() { "file" } else { stem };
    match format.extension() {
        "" => stem.to_owned(),
        extension => format!("{stem}.{extension}"),
    }
}

/// A number that nobody can foresee: for boundaries and jitter, not for secrets.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The bytes round the file in a form.
pub(super) struct Form {
    head: Vec<u8>,
    tail: Vec<u8>,
    pub(super) content_type: String,
}

impl Form {
    /// The form with `fields` and the part `file` (each part with the headers it needs, whatsapp-media §3).
    pub(super) fn new(fields: &[(&'static str, String)], piece: &Piece) -> Self {
        // 128 bits from the system's randomness: not in the file but by design of its maker, who does not know them.
        let boundary = format!("mediafit-{:016x}{:016x}", random(), random());
        let mut head = String::new();
        for (name, value) in fields {
            head += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        head += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            piece.filename, piece.mime
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Self { head: head.into_bytes(), tail: tail.into_bytes(), content_type }
    }

    /// The length of the whole body with a file of `bytes`.
    pub(super) fn length(&self, bytes: u64) -> u64 {
        bytes.saturating_add((self.head.len() + self.tail.len()) as u64)
    }

    /// The whole body with `file` in it.
    pub(super) fn stream<'a>(&'a self, file: &'a mut dyn Read) -> impl Read + 'a {
        Cursor::new(self.head.as_slice()).chain(file).chain(Cursor::new(self.tail.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_their_extension_fits() {
        for (name, format, expected) in [
            (Some("photo.png"), Format::Jpeg, "photo.jpg"),
            (Some("ünïcode 名前 (1).pdf"), Format::Pdf, "_n_code __ (1).pdf"),
            (Some("../../etc/passwd"), Format::Text, "passwd.txt"),
            (Some("a\"\r\nX: y.jpg"), Format::Jpeg, "a___X_ y.jpg"),
            (Some(".hidden"), Format::Mp3, "hidden.mp3"),
            (Some("名.jpg"), Format::Jpeg, "_.jpg"),
            (None, Format::OggOpus, "file.ogg"),
            (Some("..."), Format::Webp, "file.webp"),
        ] {
            assert_eq!(wire_name(name, format), expected);
        }
        assert!(wire_name(Some(&"x".repeat(5000)), Format::Jpeg).len() <= MAX_NAME + 4);
    }
}
