//! PNG or APNG, BMP, icons, JPEG XL and JPEG 2000 codestreams: what a magic of two bytes cannot tell.

use super::Sniffed;
use super::bytes::{Window, array, be32, byte, le16, le32};
use crate::error::Result;
use crate::format::Format;

/// The most PNG chunks that are walked before the pixels.
const MAX_CHUNKS: usize = 256;

/// Icons in one file: cursors and icons of real programs stay far below.
const MAX_ICONS: u16 = 256;

/// Looks at a PNG: `acTL` before the pixels makes it animated (PNG, third edition, §11.3.6.1).
pub(super) fn examine_png(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    if !window.head().starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(None);
    }
    let mut offset = 8_u64;
    for _ in 0..MAX_CHUNKS {
        let chunk = window.at(offset, 8)?;
        let (Some(size), Some(kind)) = (be32(chunk, 0), array::<4>(chunk, 4)) else { break };
        match &kind {
            b"acTL" => return Ok(Some(Sniffed::of(Format::Apng))),
            b"IDAT" | b"IEND" => break,
            _ => offset = offset.saturating_add(12 + u64::from(size)),
        }
    }
    Ok(Some(Sniffed::of(Format::Png)))
}

/// Looks at a BMP: "BM" starts words too, so the header's own size and the number of planes must be right.
pub(super) fn examine_bmp(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if !head.starts_with(b"BM") {
        return Ok(None);
    }
    let planes = match le32(head, 14) {
        Some(12) => le16(head, 22),
        Some(16 | 40 | 52 | 56 | 64 | 108 | 124) => le16(head, 26),
        _ => None,
    };
    Ok((planes == Some(1)).then(|| Sniffed::of(Format::Bmp)))
}

/// Looks at an icon or cursor: its entries must point behind the directory and into the file.
pub(super) fn examine_icon(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let [Some(0), Some(1 | 2), Some(count @ 1..=MAX_ICONS)] = [0, 2, 4].map(|at| le16(head, at)) else {
        return Ok(None);
    };
    let directory = 6 + 16 * u64::from(count);
    let is_sane = |entry: &[u8]| {
        let (Some(size), Some(offset)) = (le32(entry, 8), le32(entry, 12)) else { return false };
        let offset = u64::from(offset);
        matches!(byte(entry, 3), Some(0 | 0xff)) && size > 0 && offset >= directory && offset < window.len()
    };
    let entries = head.get(6..6 + 16 * usize::from(count)).unwrap_or_default();
    Ok((!entries.is_empty() && entries.chunks_exact(16).all(is_sane)).then(|| Sniffed::of(Format::Ico)))
}

/// Looks for a naked codestream of JPEG XL (ISO/IEC 18181-1 §9.1) or JPEG 2000 (SOC and SIZ, ISO/IEC 15444-1 §A.4).
pub(super) fn examine_codestream(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    Ok(match head {
        [0xff, 0x0a, _, _, ..] => Some(Sniffed::of(Format::Jxl)),
        [0xff, 0x4f, 0xff, 0x51, ..] => Some(Sniffed::of(Format::Jp2)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    type Examine = fn(&mut Window<'_>) -> Result<Option<Sniffed>>;

    fn format(examine: Examine, bytes: &[u8]) -> Option<Format> {
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().map(|sniffed| sniffed.format)
    }

    #[test]
    fn animation_stands_before_the_pixels() {
        let png = |chunks: &[&[u8]]| [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat();
        let chunk = |kind: &[u8; 4], size: usize| {
            [&u32::try_from(size).unwrap().to_be_bytes()[..], kind, &vec![0; size + 4]].concat()
        };
        // The control chunk stands behind a profile that is larger than the head.
        let animated = png(&[&chunk(b"iCCP", 60_000), &chunk(b"acTL", 8), &chunk(b"IDAT", 9)]);
        assert_eq!(format(examine_png, &animated), Some(Format::Apng));
        assert_eq!(format(examine_png, &png(&[&chunk(b"IDAT", 9), &chunk(b"acTL", 8)])), Some(Format::Png));
    }

    #[test]
    fn icon_entries_must_lie_in_the_file() {
        let mut icon = vec![0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0, 4, 0, 0, 0, 22, 0, 0, 0, 1, 2, 3, 4];
        assert_eq!(format(examine_icon, &icon), Some(Format::Ico));
        icon[18] = 200;
        assert_eq!(format(examine_icon, &icon), None);
    }

    #[test]
    fn word_that_starts_with_bm_is_no_bitmap() {
        assert_eq!(format(examine_bmp, b"BMW and other makes of cars, 1916"), None);
    }
}
