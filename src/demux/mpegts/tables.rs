//! The tables that say which packets hold what (ISO/IEC 13818-1 §2.4.4).

use crate::bytes::{be16, byte};
use crate::demux::Kind;

/// The most streams of a program.
const MAX_STREAMS: usize = 32;

/// A stream of the program map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub pid: u16,
    pub kind: Kind,
    pub codec: &'static str,
    pub language: Option<String>,
}

/// The packet identifier of the first program's map, by the program association table.
pub(super) fn first_map(section: &[u8]) -> Option<u16> {
    let end = end(section)?;
    let entries = section.get(8..end)?.chunks_exact(4);
    entries
        .take(64)
        .find(|entry| be16(entry, 0).is_some_and(|program| program != 0))
        .and_then(|entry| be16(entry, 2))
        .map(|pid| pid & 0x1FFF)
}

/// The streams of a program map.
pub(super) fn streams(section: &[u8]) -> Option<Vec<Listed>> {
    if byte(section, 0)? != 2 {
        return None;
    }
    let section = section.get(..end(section)?)?;
    let mut at = 12 + usize::from(be16(section, 10)? & 0x0FFF);
    let mut found: Vec<Listed> = Vec::new();
    while found.len() < MAX_STREAMS
        && let (Some(kind), Some(pid), Some(length)) = (byte(section, at), be16(section, at + 1), be16(section, at + 3))
    {
        let length = usize::from(length & 0x0FFF);
        let descriptors = section.get(at + 5..).unwrap_or_default();
        let descriptors = descriptors.get(..length).unwrap_or(descriptors);
        let pid = pid & 0x1FFF;
        if let Some((codec, kind)) = codec(kind, descriptors).filter(|_| found.iter().all(|one| one.pid != pid)) {
            found.push(Listed { pid, kind, codec, language: language(descriptors) });
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

/// The codec of a stream type (table 2-34; ATSC A/52 for 0x81 and 0x87).
fn codec(kind: u8, descriptors: &[u8]) -> Option<(&'static str, Kind)> {
    Some(match kind {
        0x01 => ("mpeg1", Kind::Video),
        0x02 => ("mpeg2", Kind::Video),
        // Which layer it is tells the first frame.
        0x03 | 0x04 => ("mp2", Kind::Audio),
        0x0F => ("aac", Kind::Audio),
        0x10 => ("mpeg4", Kind::Video),
        0x11 => ("aac-latm", Kind::Audio),
        0x1B => ("h264", Kind::Video),
        0x24 => ("hevc", Kind::Video),
        0x33 => ("vvc", Kind::Video),
        0x81 => ("ac3", Kind::Audio),
        0x87 => ("eac3", Kind::Audio),
        // Samples as encrypted by HTTP live streaming.
        0xDB | 0xCF => ("encrypted", if kind == 0xDB { Kind::Video } else { Kind::Audio }),
        0x06 => return private_codec(descriptors),
        _ => return None,
    })
}

/// The codec of private data by its descriptors (ETSI EN 300 468 annex D; 0x05 is a registration).
fn private_codec(descriptors: &[u8]) -> Option<(&'static str, Kind)> {
    descriptors_of(descriptors).find_map(|(tag, content)| match (tag, content.get(..4)) {
        (0x6A, _) | (0x05, Some(b"AC-3")) => Some(("ac3", Kind::Audio)),
        (0x7A, _) => Some(("eac3", Kind::Audio)),
        (0x7B, _) => Some(("dts", Kind::Audio)),
        (0x05, Some(b"Opus")) => Some(("opus", Kind::Audio)),
        (0x05, Some(b"HEVC")) => Some(("hevc", Kind::Video)),
        (0x05, Some(b"AV01")) => Some(("av1", Kind::Video)),
        _ => None,
    })
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
