//! The tables that say which packets hold what (ISO/IEC 13818-1 §2.4.4).

use crate::bytes::{be16, byte};
use crate::codec::opus::OpusHead;
use crate::demux::Kind;
use crate::facts::OtherKind;

/// The most streams of a program.
const MAX_STREAMS: usize = 32;

/// The longest section (§2.4.4.9).
pub(super) const MAX_SECTION: usize = 1024;

/// What a stream is called whose first packet has to tell what it is.
pub(super) const PRIVATE: &str = "private";

/// Stream types whose meaning is the standard's (table 2-34) or ATSC's (A/52 for 0x81 and 0x87).
#[rustfmt::skip]
const TYPES: [(u8, &str, Kind); 15] = [
    (0x01, "mpeg1",     Kind::Video),
    (0x02, "mpeg2",     Kind::Video),
    // Which layer it is tells the first frame.
    (0x03, "mp2",       Kind::Audio),
    (0x04, "mp2",       Kind::Audio),
    (0x0F, "aac",       Kind::Audio),
    (0x10, "mpeg4",     Kind::Video),
    (0x11, "aac-latm",  Kind::Audio),
    (0x1B, "h264",      Kind::Video),
    (0x24, "hevc",      Kind::Video),
    (0x33, "vvc",       Kind::Video),
    (0x81, "ac3",       Kind::Audio),
    (0x82, "dts",       Kind::Audio),
    (0x87, "eac3",      Kind::Audio),
    // Samples as encrypted by HTTP live streaming.
    (0xCF, "encrypted", Kind::Audio),
    (0xDB, "encrypted", Kind::Video),
];

/// Stream types of Blu-ray and camcorders, in programs that are registered as `HDMV`.
#[rustfmt::skip]
const DISC_TYPES: [(u8, &str, Kind); 11] = [
    (0x80, "pcm-bluray", Kind::Audio),
    (0x81, "ac3",        Kind::Audio),
    (0x82, "dts",        Kind::Audio),
    (0x83, "truehd",     Kind::Audio),
    (0x84, "eac3",       Kind::Audio),
    (0x85, "dts",        Kind::Audio),
    (0x86, "dts",        Kind::Audio),
    (0x8A, "dts",        Kind::Audio),
    (0xA1, "eac3",       Kind::Audio),
    (0xA2, "dts",        Kind::Audio),
    (0xEA, "vc1",        Kind::Video),
];

/// A stream of the program map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(super) pid: u16,
    /// What it holds.
    pub(crate) kind: Kind,
    /// The codec by the name of the field.
    pub(crate) codec: &'static str,
    pub(super) language: Option<String>,
    /// Its configuration, where a descriptor has it.
    pub(super) config: Vec<u8>,
}

/// The packet identifier of the first program's map, by the program association table.
pub(crate) fn first_map(section: &[u8]) -> Option<u16> {
    let end = end(section)?;
    let entries = section.get(8..end)?.chunks_exact(4);
    entries
        .take(64)
        .find(|entry| be16(entry, 0).is_some_and(|program| program != 0))
        .and_then(|entry| be16(entry, 2))
        .map(|pid| pid & 0x1FFF)
}

/// How long the section that starts here is.
pub(super) fn section_length(section: &[u8]) -> Option<usize> {
    Some(3 + usize::from(be16(section, 1)? & 0x0FFF))
}

/// The streams of a program map.
pub(crate) fn streams(section: &[u8]) -> Option<Vec<Listed>> {
    if byte(section, 0)? != 2 {
        return None;
    }
    let section = section.get(..end(section)?)?;
    let mut at = 12 + usize::from(be16(section, 10)? & 0x0FFF);
    let program = section.get(12..at.min(section.len())).unwrap_or_default();
    let disc = descriptors_of(program).any(|(tag, content)| tag == 0x05 && content.starts_with(b"HDMV"));
    let mut found: Vec<Listed> = Vec::new();
    while found.len() < MAX_STREAMS
        && let (Some(kind), Some(pid), Some(length)) = (byte(section, at), be16(section, at + 1), be16(section, at + 3))
    {
        let length = usize::from(length & 0x0FFF);
        let descriptors = section.get(at + 5..).unwrap_or_default();
        let descriptors = descriptors.get(..length).unwrap_or(descriptors);
        let pid = pid & 0x1FFF;
        if found.iter().all(|one| one.pid != pid) {
            let (codec, kind) = codec(kind, descriptors, disc);
            let config = if codec == "opus" { opus_head(descriptors).unwrap_or_default() } else { Vec::new() };
            found.push(Listed { pid, kind, codec, language: language(descriptors), config });
        }
        at += 5 + length;
    }
    Some(found)
}

/// Where a section's checksum starts.
fn end(section: &[u8]) -> Option<usize> {
    let length = usize::from(be16(section, 1)? & 0x0FFF);
    (3 + length).checked_sub(4).map(|end| end.min(section.len()))
}

/// The codec of a stream type. What is not known is listed as well: it may be sound that would be missed.
fn codec(kind: u8, descriptors: &[u8], disc: bool) -> (&'static str, Kind) {
    let of = |types: &[(u8, &'static str, Kind)]| {
        types.iter().find(|(known, ..)| *known == kind).map(|&(_, codec, kind)| (codec, kind))
    };
    let disc = if disc { of(&DISC_TYPES) } else { None };
    // User private types are named by a registration, if at all.
    let private = || if kind == 0x06 || kind >= 0x80 { private_codec(descriptors) } else { None };
    let unknown = || match kind {
        0x06 => (PRIVATE, Kind::Other(OtherKind::Unknown)),
        0x15 => ("metadata", Kind::Other(OtherKind::Metadata)),
        0x90 | 0x92 => ("text", Kind::Other(OtherKind::Text)),
        _ => ("unknown", Kind::Other(OtherKind::Unknown)),
    };
    disc.or_else(|| of(&TYPES)).or_else(private).unwrap_or_else(unknown)
}

/// The codec of private data by its descriptors (ETSI EN 300 468 annex D; 0x05 is a registration).
fn private_codec(descriptors: &[u8]) -> Option<(&'static str, Kind)> {
    descriptors_of(descriptors).find_map(|(tag, content)| match (tag, content.get(..4)) {
        (0x6A, _) | (0x05, Some(b"AC-3")) => Some(("ac3", Kind::Audio)),
        (0x7A, _) | (0x05, Some(b"EAC3")) => Some(("eac3", Kind::Audio)),
        (0x7B, _) | (0x05, Some(b"DTS1" | b"DTS2" | b"DTS3")) => Some(("dts", Kind::Audio)),
        (0x7C, _) => Some(("aac", Kind::Audio)),
        // SMPTE ST 302 §5.
        (0x05, Some(b"BSSD")) => Some(("s302m", Kind::Audio)),
        // Teletext, subtitles.
        (0x46 | 0x56 | 0x59, _) => Some(("text", Kind::Other(OtherKind::Text))),
        (0x05, Some(b"KLVA" | b"ID3 ")) => Some(("metadata", Kind::Other(OtherKind::Metadata))),
        (0x05, Some(b"Opus")) => Some(("opus", Kind::Audio)),
        (0x05, Some(b"HEVC")) => Some(("hevc", Kind::Video)),
        (0x05, Some(b"AV01")) => Some(("av1", Kind::Video)),
        _ => None,
    })
}

/// Opus' header by its descriptor (ETSI TS 103 491 §5): channels alone; what is not played stands with each packet.
fn opus_head(descriptors: &[u8]) -> Option<Vec<u8>> {
    let (_, content) =
        descriptors_of(descriptors).find(|(tag, content)| *tag == 0x7F && content.first() == Some(&0x80))?;
    let channels = byte(content, 1).filter(|channels| (1..=2).contains(channels))?;
    Some(OpusHead::plain(channels, 0, 48_000).to_bytes())
}

/// The language of an ISO 639 descriptor (§2.6.18).
fn language(descriptors: &[u8]) -> Option<String> {
    let (_, content) = descriptors_of(descriptors).find(|(tag, _)| *tag == 0x0A)?;
    let code = std::str::from_utf8(content.get(..3)?).ok()?;
    crate::demux::language::of_bcp47(code).filter(|code| code != "und")
}

fn descriptors_of(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (tag, length) = (byte(bytes, at)?, usize::from(byte(bytes, at + 1)?));
        let content = bytes.get(at + 2..)?;
        at += 2 + length;
        Some((tag, content.get(..length).unwrap_or(content)))
    })
}
