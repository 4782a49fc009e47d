//! Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2), which HEIF, JPEG XL and JPEG 2000 share.

use crate::bytes::{Cursor, Region, array, be32};
use crate::error::Result;
use crate::limits::MAX_ENTRIES;

/// The boxes that stand at the top of pictures.
const KNOWN: [&[u8; 4]; 19] = [
    b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"wide", b"uuid", b"mpvd", b"jP  ", b"jp2h", b"jp2c",
    b"JXL ", b"jxlc", b"jxlp", b"jbrd", b"Exif", b"xml ", b"brob",
];

/// A box at the top of a file, by its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopBox<'a> {
    /// Type: `meta`.
    pub kind: [u8; 4],
    /// What is there of its content.
    pub body: Region<'a>,
}

/// The boxes at the top of a file.
#[derive(Debug, Default)]
pub(crate) struct TopBoxes<'a> {
    /// In the order of the file.
    pub boxes: Vec<TopBox<'a>>,
    /// The box that ends beyond the file.
    pub cut: Option<[u8; 4]>,
    /// Bytes at the end that are no box.
    pub trailing: u64,
}

impl<'a> TopBoxes<'a> {
    /// Walks the boxes by their headers.
    pub(crate) fn read(file: Region<'a>) -> Result<Self> {
        let mut found = Self::default();
        let mut at = 0;
        while at < file.len() && found.boxes.len() < MAX_ENTRIES {
            let head = file.bytes(at, 16)?;
            let (Some(small), Some(kind)) = (be32(&head, 0), array::<4>(&head, 4)) else { break };
            let (size, header) = match small {
                0 => (file.len() - at, 8),
                1 => (array(&head, 8).map_or(0, u64::from_be_bytes), 16),
                small => (u64::from(small), 8),
            };
            // No box is smaller than its header, a type is four printable letters, and one that is cut must be known:
            // else it is junk.
            let cut = size > file.len() - at;
            if size < header
                || !kind.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xA9))
                || cut && !KNOWN.contains(&&kind)
            {
                break;
            }
            found.boxes.push(TopBox { kind, body: file.part(at + header, size - header) });
            if cut {
                found.cut = Some(kind);
                return Ok(found);
            }
            at += size;
        }
        found.trailing = file.len() - at;
        Ok(found)
    }

    /// The first box of a type.
    pub(crate) fn first(&self, kind: [u8; 4]) -> Option<&TopBox<'a>> {
        self.boxes.iter().find(|found| found.kind == kind)
    }
}

/// The boxes within a box that is in memory; ends at the first that does not fit.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = Cursor(bytes);
    std::iter::from_fn(move || {
        let there = rest.0.len() as u64;
        let small = rest.u32()?;
        let kind = array(rest.take(4)?, 0)?;
        let (size, header) = match small {
            0 => (there, 8),
            1 => (rest.number(8)?, 16),
            small => (u64::from(small), 8),
        };
        let body = rest.take(usize::try_from(size.checked_sub(header)?).ok()?)?;
        Some((kind, body))
    })
    .take(MAX_ENTRIES)
}

/// The first box of a type within a box that is in memory.
pub(crate) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find(|(found, _)| found == kind).map(|(_, body)| body)
}

/// Version, flags and the rest of a full box.
pub(crate) fn full(bytes: &[u8]) -> Option<(u8, u32, Cursor<'_>)> {
    let mut rest = Cursor(bytes);
    let word = rest.u32()?;
    Some((word.to_be_bytes()[0], word & 0x00FF_FFFF, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn lying_sizes_end_the_walk() {
        let kinds = |bytes: &[u8]| children(bytes).map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(b"\0\0\0\x09abcdx\0\0\0\0efghrest"), [*b"abcd", *b"efgh"]);
        assert!(kinds(b"\0\0\0\x07abcdx").is_empty());
        assert!(kinds(b"\xff\xff\xff\xffabcdx").is_empty());
        assert!(kinds(b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff").is_empty());
    }

    #[test]
    fn the_top_tells_cut_boxes_from_junk() {
        let read = |bytes: &[u8]| {
            let source = Source::from_bytes(bytes, None);
            let top = TopBoxes::read(Region::whole(&source)).unwrap();
            (top.boxes.len(), top.cut, top.trailing)
        };
        assert_eq!(read(b"\0\0\0\x08ftyp\0\0\0\x10mdat1234"), (2, Some(*b"mdat"), 0));
        assert_eq!(read(b"\0\0\0\x08ftypjunk"), (1, None, 4));
        assert_eq!(read(b"\0\0\0\x08ftyp\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"), (2, Some(*b"mdat"), 0));
    }
}
