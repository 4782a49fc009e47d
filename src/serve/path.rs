//! From a request's path to a file below the folder, or to nothing.

use crate::sniff::sniff;
use crate::source::Source;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The longest path that is looked at, in bytes.
const MAX_PATH: usize = 4096;

/// A file that may be served.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) modified: SystemTime,
    pub(super) mime: &'static str,
}

/// The file that `asked` names below `folder` (a canonical path).
pub(super) fn find(folder: &Path, asked: &str) -> Option<Found> {
    let relative = relative(asked)?;
    let path = folder.join(&relative).canonicalize().ok()?;
    // Links are followed only where they stay inside, and lead to nothing hidden.
    let inside = path.strip_prefix(folder).ok()?;
    if inside.components().any(|part| is_hidden(&part.as_os_str().to_string_lossy())) {
        return None;
    }
    let source = Source::open(&path).ok()?;
    let sniffed = sniff(&source).ok()?;
    let file = File::open(&path).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() {
        return None;
    }
    let modified = meta.modified().unwrap_or(UNIX_EPOCH);
    Some(Found { file, length: meta.len(), modified, mime: sniffed.format.mime() })
}

/// What separates or names places on Windows, and is a letter of names elsewhere.
const SEPARATORS: &[char] = if cfg!(windows) { &['\\', ':', '\0'] } else { &['\0'] };

/// The path without what could lead out: empty and dotted parts, zeros, and on Windows backslashes and drives.
fn relative(asked: &str) -> Option<PathBuf> {
    if asked.len() > MAX_PATH {
        return None;
    }
    let decoded = decoded(asked.strip_prefix('/')?)?;
    let mut path = PathBuf::new();
    for part in decoded.split('/') {
        let wrong = part.is_empty() || is_hidden(part) || part.contains(SEPARATORS) || part == "mediafit.jsonl";
        if wrong {
            return None;
        }
        path.push(part);
    }
    Some(path)
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.')
}

/// `%41` → `A`, once; what is not UTF-8 or half an escape is no name.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
            if !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        for wrong in [
            "/",
            "",
            "a",
            "/..",
            "/../etc/passwd",
            "/a/../../b",
            "/%2e%2e/a",
            "/%2E%2E%2Fa",
            "/a//b",
            "/.git/config",
            "/a/.hidden",
            "/a%00b",
            "/%zz",
            "/%4",
            "/a/",
            "/%ff",
            "/mediafit.jsonl",
        ] {
            assert_eq!(relative(wrong), None, "{wrong}");
        }
        assert_eq!(relative("/a/b%20c.jpg"), Some(PathBuf::from("a/b c.jpg")));
        assert_eq!(relative("/%252e"), Some(PathBuf::from("%2e")));
        for name in ["a\\..\\b", "c:", "12:30.jpg"] {
            let expected = if cfg!(windows) { None } else { Some(PathBuf::from(name)) };
            assert_eq!(relative(&format!("/{name}")), expected, "{name}");
        }
    }
}
