//! What the `infer` crate tells by magic alone.

use super::Sniffed;
use super::bytes::Window;
use crate::error::Result;
use crate::format::Format;

/// `infer`'s MIME type → our format, for what needs no closer look.
#[rustfmt::skip]
const FORMATS: &[(&str, Format)] = &[
    ("application/vnd.microsoft.portable-executable", Format::Executable),
    ("application/wasm",                              Format::Executable),
    ("application/x-executable",                      Format::Executable),
    ("application/x-mach-binary",                     Format::Executable),
    ("audio/midi",                                    Format::Midi),
    ("image/gif",                                     Format::Gif),
    ("image/jpeg",                                    Format::Jpeg),
    ("image/vnd.adobe.photoshop",                     Format::Psd),
    ("image/x-canon-cr2",                             Format::RawPhoto),
];

/// Types that `infer` gives after two or three bytes, or for a format that has its own room here: when that room said no,
/// `infer`'s word does not count.
#[rustfmt::skip]
const DOUBTED: &[&str] = &[
    "application/epub+zip", "application/gzip", "application/msword", "application/pdf", "application/rtf",
    "application/x-ole-storage", "application/zip", "audio/aac", "audio/amr", "audio/m4a", "audio/mpeg", "audio/ogg",
    "audio/opus", "audio/x-aiff", "audio/x-ape", "audio/x-flac", "audio/x-wav", "image/avif", "image/bmp", "image/heif", "image/jp2",
    "image/jxl", "image/png", "image/tiff", "image/vnd.microsoft.icon", "image/webp", "text/html", "text/xml", "video/mp4", "video/mpeg",
    "video/quicktime", "video/webm", "video/x-flv", "video/x-m4v", "video/x-matroska", "video/x-ms-wmv", "video/x-msvideo",
];

/// Magic of other known types that `infer` lacks: True Audio 2, DSDIFF, RIFF and Wave64 of other forms, Creative voice.
const OTHER_MAGIC: &[&[u8]] =
    &[b"TTA2", b"FRM8", b"RIFF", b"RIFX", b"riff\x2e\x91\xcf\x11", b"Creative Voice File\x1a"];

/// Asks `infer`.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if OTHER_MAGIC.iter().any(|magic| head.starts_with(magic)) {
        return Ok(Some(Sniffed::of(Format::Other)));
    }
    let Some(known) = infer::get(head) else { return Ok(None) };
    let mime = known.mime_type();
    if DOUBTED.contains(&mime) {
        return Ok(None);
    }
    let row = FORMATS.iter().find(|(name, _)| *name == mime);
    let known_as = Some(mime).filter(|_| row.is_none());
    Ok(Some(Sniffed { known_as, ..Sniffed::of(row.map_or(Format::Other, |&(_, format)| format)) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn format(bytes: &[u8]) -> Option<Format> {
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().map(|sniffed| sniffed.format)
    }

    #[test]
    fn easy_ones_come_from_infer_and_the_rest_is_other() {
        assert_eq!(format(b"GIF89a\x01\0\x01\0"), Some(Format::Gif));
        assert_eq!(format(b"\xff\xd8\xff\xe0"), Some(Format::Jpeg));
        assert_eq!(format(&[&b"\x7fELF\x02\x01\x01"[..], &[0; 60]].concat()), Some(Format::Executable));
        assert_eq!(format(b"7z\xbc\xaf\x27\x1c\0\x04"), Some(Format::Other));
        assert_eq!(format(b"\0\0\x01\0\0\0\0\0"), None);
    }
}
