//! Text and what is written in it: SVG, HTML, XML, RTF, PDF; also an SVG inside gzip.

use super::Sniffed;
use super::bytes::{Window, byte, find};
use crate::error::Result;
use crate::format::Format;
use crate::source::Source;
use std::borrow::Cow;

/// The most that is inflated of a gzip file to see whether it holds an SVG. Deflate packs a thousand to one.
const MAX_INFLATED: usize = 16 * 1024;

/// How much is read at once of a comment that is longer than the head.
const COMMENT_BLOCK: usize = 16 * 1024;

/// How much is read at once where all of a text is.
const TEXT_BLOCK: usize = 256 * 1024;

/// Where PDF readers look for the header (ISO 32000-1 annex H, implementation note 13).
const PDF_REACH: usize = 1024;

/// First elements of a page that has no doctype (WHATWG MIME Sniffing §7.1, without those of one letter).
#[rustfmt::skip]
const HTML_ELEMENTS: &[&str] = &[
    "html", "head", "body", "script", "iframe", "h1", "div", "font", "table", "style", "title", "br", "meta", "link",
];

/// Looks at text: markup first, then plain. Text of binary formats is never plain, since they hold control characters.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let cut = (head.len() as u64) < window.len();
    let utf8_text = is_utf8(head, cut);
    let text = if let Some(decoded) = utf16(head) { Cow::Owned(decoded.into_bytes()) } else { Cow::Borrowed(head) };
    let start = text.trim_ascii_start();
    let format = if head.starts_with(b"{\\rtf") {
        Some(Format::Rtf)
    } else if start.starts_with(b"%PDF-") || without_bom(start).starts_with(b"%PDF-") || is_late_pdf(window)? {
        Some(Format::Pdf)
    } else {
        markup(without_bom(start))
    };
    let plain = || match &text {
        // The platform's plain text is UTF-8: UTF-16 would reach the receiver as rubbish. Its mark must not pass for MPEG audio.
        Cow::Owned(decoded) => is_printable(decoded).then_some(Format::Utf16),
        Cow::Borrowed(bytes) => (utf8_text && is_printable(bytes)).then_some(Format::Text),
    };
    let format = match format {
        // What stands behind a comment that fills the head.
        None | Some(Format::Xml) if cut => behind_comment(window, head)?.or(format),
        _ => format,
    };
    let format = format.or_else(plain);
    // A PDF or RTF counts as its own format, whatever its bytes look like.
    let utf8_text = utf8_text && !matches!(format, Some(Format::Pdf | Format::Rtf));
    Ok(format.map(|format| Sniffed { utf8_text, ..Sniffed::of(format) }))
}

/// Whether text is a PDF all in ASCII behind junk: its header starts a line, and its end is a PDF's (ISO 32000-1 §7.5.5).
fn is_late_pdf(window: &mut Window<'_>) -> Result<bool> {
    let head = window.head();
    let at = find(head.get(..PDF_REACH).unwrap_or(head), b"%PDF-").filter(|at| *at > 0);
    let starts_a_line = |at: usize| matches!(byte(head, at - 1), Some(b'\n' | b'\r'));
    if !at.is_some_and(|at| starts_a_line(at) && byte(head, at + 5).is_some_and(|byte| byte.is_ascii_digit())) {
        return Ok(false);
    }
    let tail = window.at(window.len().saturating_sub(PDF_REACH as u64), PDF_REACH)?;
    Ok(find(tail, b"%%EOF").is_some())
}

/// Looks for a PDF header behind junk; asked after all else.
pub(super) fn examine_late_pdf(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let at = find(head.get(..PDF_REACH).unwrap_or(head), b"%PDF-");
    let is_version = |at| byte(head, at).is_some_and(|byte| byte.is_ascii_digit());
    Ok(at.filter(|at| is_version(at + 5)).map(|_| Sniffed::of(Format::Pdf)))
}

/// Looks at a gzip file: an SVG may be packed so (SVG 1.1 §F).
pub(super) fn examine_gzip(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if !head.starts_with(&[0x1f, 0x8b, 8]) {
        return Ok(None);
    }
    let start = deflate_start(head).and_then(|at| head.get(at..)).map(inflate_start).unwrap_or_default();
    let is_svg = markup(without_bom(start.trim_ascii_start())) == Some(Format::Svg);
    Ok(Some(Sniffed::of(if is_svg { Format::Svg } else { Format::Gzip })))
}

/// Where the packed data of a gzip member starts (RFC 1952 §2.3).
fn deflate_start(head: &[u8]) -> Option<usize> {
    const CHECKSUM: u8 = 0x02;
    const EXTRA: u8 = 0x04;
    const NAME: u8 = 0x08;
    const COMMENT: u8 = 0x10;
    let flags = byte(head, 3)?;
    let mut at = 10;
    if flags & EXTRA != 0 {
        at += 2 + usize::from(super::bytes::le16(head, at)?);
    }
    for field in [NAME, COMMENT] {
        if flags & field != 0 {
            at += head.get(at..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    Some(if flags & CHECKSUM != 0 { at + 2 } else { at })
}

/// The first bytes of deflated data; that they are cut, or more than wanted, is no matter.
fn inflate_start(packed: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_with_limit(packed, MAX_INFLATED).unwrap_or_else(|error| error.output)
}

/// Whether `head` is valid UTF-8; one that is `cut` from a longer file may end inside a character.
fn is_utf8(head: &[u8], cut: bool) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => cut && error.error_len().is_none(),
    }
}

/// Whether `source` is UTF-8 from its start to its end.
///
/// # Errors
/// `Io` when it cannot be read.
pub(crate) fn is_utf8_throughout(source: &Source) -> Result<bool> {
    let (mut at, mut left) = (0, Vec::new());
    while at < source.len() {
        let read = source.bytes_at(at, TEXT_BLOCK)?;
        at += read.len() as u64;
        let bytes = [std::mem::take(&mut left), read].concat();
        match std::str::from_utf8(&bytes) {
            Ok(_) => {}
            // A character can lie across two blocks, but not across the end.
            Err(error) if error.error_len().is_none() && at < source.len() && bytes.len() > error.valid_up_to() => {
                left = bytes.get(error.valid_up_to()..).unwrap_or_default().to_vec();
            }
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// UTF-16 behind its byte order mark, as a string.
fn utf16(head: &[u8]) -> Option<String> {
    let big = match head.first_chunk() {
        Some([0xfe, 0xff]) => true,
        Some([0xff, 0xfe]) => false,
        _ => return None,
    };
    let units = head.get(2..)?.chunks_exact(2).filter_map(|unit| {
        let unit = unit.try_into().ok()?;
        Some(if big { u16::from_be_bytes(unit) } else { u16::from_le_bytes(unit) })
    });
    let decoded: Result<String, _> = char::decode_utf16(units.take(super::TEXT_UNITS)).collect();
    decoded.ok()
}

/// Whether there are no control characters but tab, line feed, form feed, carriage return and escape.
fn is_printable(bytes: &[u8]) -> bool {
    !bytes.iter().any(|&byte| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start()
}

/// What a document is by its first element, behind prolog, comments and doctype.
fn markup(text: &[u8]) -> Option<Format> {
    let has_prolog = starts_with(text, b"<?xml");
    let mut rest = text;
    while rest.starts_with(b"<") {
        rest = if rest.starts_with(b"<!--") {
            behind(rest, b"-->")
        } else if rest.starts_with(b"<?") {
            behind(rest, b"?>")
        } else if starts_with(rest, b"<!doctype") {
            let name = rest.get(9..).unwrap_or_default().trim_ascii_start();
            if starts_with(name, b"html") {
                return Some(Format::Html);
            }
            behind_doctype(rest)
        } else {
            return root(rest).or(has_prolog.then_some(Format::Xml));
        }
        .trim_ascii_start();
    }
    has_prolog.then_some(Format::Xml)
}

/// What a document is whose comment goes on behind its head; nothing where that is not so.
fn behind_comment(window: &mut Window<'_>, head: &[u8]) -> Result<Option<Format>> {
    const END: &[u8] = b"-->";
    let closed = head.windows(END.len()).rposition(|three| three == END).unwrap_or(0);
    let opened = head.get(closed..).and_then(|text| find(text, b"<!--"));
    let Some(before) = opened.and_then(|at| head.get(..closed + at)) else { return Ok(None) };
    // Only one before the first element: an element in its place would be the first.
    if markup(&[without_bom(before.trim_ascii_start()), b"<svg>"].concat()) != Some(Format::Svg) {
        return Ok(None);
    }
    let mut offset = (head.len() - END.len()) as u64;
    while offset < window.len() {
        let block = window.at(offset, COMMENT_BLOCK)?;
        if block.len() <= END.len() {
            break;
        }
        if let Some(at) = find(block, END) {
            let rest = window.at(offset + (at + END.len()) as u64, COMMENT_BLOCK)?;
            return Ok(markup(rest.trim_ascii_start()));
        }
        offset += (block.len() - END.len()) as u64;
    }
    Ok(None)
}

/// The format that an element at the start of `text` belongs to.
fn root(text: &[u8]) -> Option<Format> {
    let name = text.get(1..)?;
    let end = name.iter().take(64).position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    let name = std::str::from_utf8(name.get(..end)?).ok()?;
    let (_, local) = name.rsplit_once(':').unwrap_or(("", name));
    if local == "svg" {
        return Some(Format::Svg);
    }
    HTML_ELEMENTS.iter().any(|element| element.eq_ignore_ascii_case(name)).then_some(Format::Html)
}

fn starts_with(bytes: &[u8], start: &[u8]) -> bool {
    bytes.get(..start.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(start))
}

fn behind<'t>(text: &'t [u8], mark: &[u8]) -> &'t [u8] {
    find(text, mark).and_then(|at| text.get(at + mark.len()..)).unwrap_or_default()
}

/// What follows a doctype, whose declarations in brackets hold `>` of their own.
fn behind_doctype(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'>').unwrap_or(text.len());
    match text.iter().position(|&byte| byte == b'[') {
        Some(bracket) if bracket < end => behind(behind(text, b"]"), b">"),
        _ => text.get(end + 1..).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniff(bytes: &[u8]) -> Option<(Format, bool)> {
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().map(|sniffed| (sniffed.format, sniffed.utf8_text))
    }

    #[test]
    fn first_element_tells_the_markup() {
        let cases: [(&str, Format); 15] = [
            ("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Format::Svg),
            ("\u{feff}<?xml version='1.0'?>\n<!-- <html> -->\n<svg:svg xmlns:svg='…'>", Format::Svg),
            ("<?xml version='1.0'?><!DOCTYPE svg [ <!ENTITY a '>'> ]><svg>", Format::Svg),
            ("<?xml version='1.0'?><note/>", Format::Xml),
            ("<?xml version='1.0'?><html xmlns='…'>", Format::Html),
            ("  \n<!DocType  HTML>", Format::Html),
            ("<!-- saved page --><BODY bgcolor=white>", Format::Html),
            ("{\\rtf1 hello}", Format::Rtf),
            ("%PDF-1.4\n1 0 obj", Format::Pdf),
            ("\n\n junk\n%PDF-1.4\n1 0 obj\ntrailer\n%%EOF\n", Format::Pdf),
            ("A file starts with\n%PDF-1.4 and ends with another mark.", Format::Text),
            ("It starts with %PDF-1.4 and ends with %%EOF.", Format::Text),
            ("a,b;c\n1,2;3\n", Format::Text),
            ("{\"svg\": \"<svg>\"}", Format::Text),
            ("<note>no prolog</note>", Format::Text),
        ];
        for (text, format) in cases {
            assert_eq!(sniff(text.as_bytes()).map(|found| found.0), Some(format), "{text}");
        }
        // A page in Latin-1 is a page, but no UTF-8 text.
        assert_eq!(sniff(b"<html><title>M\xfcller"), Some((Format::Html, false)));
    }

    #[test]
    fn drawing_is_seen_behind_a_comment_that_is_longer_than_the_head() {
        let svg = format!("<?xml version='1.0'?><!-- {} --><svg/>", "licence ".repeat(9000));
        assert_eq!(sniff(svg.as_bytes()), Some((Format::Svg, true)));
        let text = format!("<!-- {} ", "never ends ".repeat(9000));
        assert_eq!(sniff(text.as_bytes()), Some((Format::Text, true)));
    }

    #[test]
    fn a_text_is_read_to_its_end() {
        let text = |end: &[u8]| Source::from_bytes([&"ü".repeat(300_000).into_bytes(), end].concat(), None);
        assert!(is_utf8_throughout(&text(b"!")).unwrap());
        assert!(!is_utf8_throughout(&text(b"caf\xe9 au lait")).unwrap());
        assert!(!is_utf8_throughout(&text(b"\xc3")).unwrap());
    }

    #[test]
    fn text_is_valid_and_free_of_control_characters() {
        assert_eq!(sniff("Grüße\tan\nalle".as_bytes()), Some((Format::Text, true)));
        assert_eq!(sniff(b"caf\xe9"), None);
        assert_eq!(sniff(b"ab\0cd"), None);
        assert_eq!(sniff(b"\xff\xfeh\0i\0\n\0"), Some((Format::Utf16, false)));
        // The head ends inside a character of a longer file; at the end of a file that is an error.
        let long = [vec![b'a'; 32 * 1024 - 1], "ü and so on".into()].concat();
        assert_eq!(sniff(&long), Some((Format::Text, true)));
        assert_eq!(sniff(b"ab\xc3"), None);
    }

    #[test]
    fn drawing_inside_gzip_is_seen_behind_the_file_name() {
        let packed = miniz_oxide::deflate::compress_to_vec(b"<?xml version='1.0'?><svg/>", 6);
        let gzip = [&b"\x1f\x8b\x08\x08\0\0\0\0\0\x03drawing.svg\0"[..], &packed].concat();
        let source = Source::from_bytes(gzip, None);
        assert_eq!(examine_gzip(&mut Window::new(&source).unwrap()).unwrap().unwrap().format, Format::Svg);
    }
}
