//! Where a JPEG's first picture ends: most files end with it, and a look at the last bytes tells.
//!
//! Phones append things: the second pictures of a multi-picture file, a gain map, a motion photo's video, a maker's
//! notes. Where an index tells their size it is believed only if an EOI marker stands right before them. Everything
//! else is found by walking the coded data, since an EOI among the last bytes may as well belong to what was appended.

use crate::bytes::{Blocks, Region, array, le16, le32};
use crate::error::Result;
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

const EOI: [u8; 2] = [0xFF, 0xD9];

/// How much of the tail is looked at for padding, in bytes.
const TAIL: usize = 1024;

/// How much is looked at, in the middle, at three quarters and at the end of a file that ends in EOI, for being coded data,
/// in bytes. Of other data nearly every 0xFF betrays it, and one byte in 256 is that.
const PROBE: u64 = 4096;

/// Up to this much coded data is walked whatever its end looks like, in bytes: that costs no more than the probes.
const WALKED: u64 = 64 * 1024;

/// A segment between scans: its marker, and where its content lies.
pub(super) type Between<'a> = (u8, Region<'a>);

/// What the segments told about the picture's end.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// Length of the first picture by a multi-picture index.
    pub first_picture: Option<u64>,
    /// Length of what is appended by XMP.
    pub appended: u64,
    /// Whether to walk all coded data that no index measures.
    pub throughout: bool,
}

/// Where the picture ends whose coded data starts at `scan`; `None` if there is no EOI marker. Where that is found by
/// walking, metadata between scans is put into `between`.
pub(super) fn find<'a>(
    source: &'a Source,
    scan: u64,
    hints: &Hints,
    between: &mut Vec<Between<'a>>,
) -> Result<Option<u64>> {
    let file = Region::whole(source);
    let ends_at = |end: u64| Ok(end >= scan + 2 && end <= file.len() && file.array(end - 2)? == Some(EOI));
    let by_xmp = file.len().checked_sub(hints.appended).filter(|_| hints.appended > 0);
    let hinted = hints.first_picture.is_some() || by_xmp.is_some();
    for end in hints.first_picture.into_iter().chain(by_xmp) {
        if ends_at(end)? {
            return Ok(Some(end));
        }
    }
    // Something is appended but not where it was said to be: then an EOI at the very end is no proof either.
    if !hinted && ends_at(file.len())? {
        let whole = Some(file.len());
        let believed = !hints.throughout && file.len() - scan > WALKED && is_one_picture(file, scan)?;
        return if believed { Ok(whole) } else { Ok(walk(source, scan, between)?.or(whole)) };
    }
    let tail = source.tail(TAIL)?;
    if let Some(end) = samsung_trailer(file, &tail)?
        && ends_at(end)?
    {
        return Ok(Some(end));
    }
    // Zeros, fill bytes and line ends are padding, not content: the EOI in front of them is the picture's.
    let padding = tail.iter().rev().take_while(|byte| matches!(byte, 0 | 0xFF | b'\r' | b'\n' | b' ')).count() as u64;
    if !hinted && padding < TAIL as u64 && ends_at(file.len() - padding)? {
        return Ok(Some(file.len() - padding));
    }
    walk(source, scan, between)
}

/// Whether a file that ends in EOI looks like one picture's coded data from `scan` up to there.
fn is_one_picture(file: Region<'_>, scan: u64) -> Result<bool> {
    let end = file.len().saturating_sub(2);
    let coded = end.saturating_sub(scan);
    for start in [scan + coded / 2, scan + coded / 4 * 3, end.saturating_sub(PROBE).max(scan)] {
        let count = PROBE.min(end.saturating_sub(start)) as usize;
        if !is_coded(&file.bytes(start, count)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `bytes` can be coded data: in it 0xFF is followed by a stuffed zero or a restart marker, between scans by a
/// table or the next scan (T.81 §B.1.1.5, §B.2.1). A table that has other pairs in it only leads to a closer look.
fn is_coded(bytes: &[u8]) -> bool {
    let allowed = |byte| matches!(byte, 0x00 | 0x01 | 0xC4 | 0xCC | 0xD0..=0xD7 | 0xDA..=0xDD | 0xFE | 0xFF);
    bytes.windows(2).all(|pair| matches!(pair, [first, second] if *first != 0xFF || allowed(*second)))
}

/// Where a Samsung trailer starts: data blocks, then an index `SEFH`, its length, and `SEFT` at the file's very end.
fn samsung_trailer(file: Region<'_>, tail: &[u8]) -> Result<Option<u64>> {
    let Some(length) = tail.strip_suffix(b"SEFT").and_then(|rest| le32(rest, rest.len().checked_sub(4)?)) else {
        return Ok(None);
    };
    let Some(index_at) = (file.len() - 8).checked_sub(u64::from(length)) else { return Ok(None) };
    let index = file.bytes(index_at, (length as usize).min(64 * 1024))?;
    if array(&index, 0) != Some(*b"SEFH") {
        return Ok(None);
    }
    let entries = index.get(12..).unwrap_or_default().chunks_exact(12);
    // Each entry tells how far before the index its block starts; the farthest is the first.
    let farthest = entries.filter(|entry| le16(entry, 2).is_some()).filter_map(|entry| le32(entry, 4)).max();
    Ok(index_at.checked_sub(farthest.map_or(0, u64::from)))
}

/// Walks coded data and the segments between scans up to the first EOI marker (T.81 §B.1.1.5: in coded data 0xFF is
/// followed by a stuffed zero or a restart marker).
fn walk<'a>(source: &'a Source, scan: u64, between: &mut Vec<Between<'a>>) -> Result<Option<u64>> {
    let mut blocks = Blocks::new(source)?;
    let mut at = scan;
    loop {
        let bytes = blocks.from(at, 4)?;
        if bytes.len() < 2 {
            return Ok(None);
        }
        let Some(skip) = bytes.iter().position(|&byte| byte == 0xFF) else {
            at += bytes.len() as u64;
            continue;
        };
        let Some(&marker) = bytes.get(skip + 1) else {
            // The byte after lies in the next block; at the very end there is none.
            at += skip as u64;
            if at + 1 >= source.len() {
                return Ok(None);
            }
            continue;
        };
        let after = at + skip as u64 + 2;
        at = match marker {
            0xD9 => return Ok(Some(after)),
            0xFF => after - 1,
            0x00 | 0x01 | 0xD0..=0xD8 => after,
            _ => match blocks.array(after)?.map(u16::from_be_bytes) {
                Some(length) => {
                    if matches!(marker, 0xE0..=0xEF | 0xFE) && between.len() < MAX_ENTRIES {
                        between.push((marker, Region::whole(source).part(after + 2, u64::from(length.max(2)) - 2)));
                    }
                    after + u64::from(length.max(2))
                }
                None => return Ok(None),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(bytes: &[u8]) -> Option<u64> {
        find(&Source::from_bytes(bytes, None), 0, &Hints::default(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn the_first_eoi_in_coded_data_is_the_end() {
        assert_eq!(end_of(b"abc\xFF\xD9"), Some(5));
        assert_eq!(end_of(b"abc\xFF\xD9\0\0\n\xFF"), Some(5));
        assert_eq!(end_of(b"a\xFF\0b\xFF\xD0c\xFF\xD9video\xFF\xD9junk"), Some(9));
        assert_eq!(end_of(b"a\xFF\xC4\0\x04\xFF\xD9b\xFF\xFF\xD9junk"), Some(11));
        assert_eq!(end_of(b"abc\xFF\0\xFF"), None);
        assert_eq!(end_of(b"a\xFF\xC4\xFF\xFF\xFF\xD9b"), None);
    }

    #[test]
    fn an_eoi_at_the_very_end_is_believed_behind_coded_data_only() {
        let coded = [b"abc\xFF\0\xFF\xD3".as_slice(), &[7; 8000], b"\xFF\xD9"].concat();
        assert_eq!(end_of(&coded), Some(coded.len() as u64));
        // A thumbnail, or a maker's data, that ends in EOI by itself.
        for appended in [b"\xFF\xD8\xFF\xDBsecond\xFF\xD9".as_slice(), b"\x12\xFF\x1C\x99\xFF\xD9"] {
            assert_eq!(end_of(&[&coded, appended].concat()), Some(coded.len() as u64));
        }
        // A maker's data that hides behind a picture of its own.
        let noise: Vec<u8> = (0..40_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(!is_coded(&noise[..4096]));
        let second = [b"\xFF\xD8".as_slice(), &[7; 5000], b"\xFF\xD9"].concat();
        assert_eq!(end_of(&[&coded[..], &noise, &second].concat()), Some(coded.len() as u64));
        // Damaged coded data without an EOI of its own before the last one.
        assert_eq!(end_of(b"ab\xFF\x1C\xFF\xFF\xFF\xD9"), Some(8));
    }

    #[test]
    fn an_eoi_across_two_blocks_is_found() {
        for border in 65_530..65_540 {
            let mut bytes = vec![7; border];
            bytes.extend(EOI);
            bytes.extend([1; 70_000]);
            assert_eq!(end_of(&bytes), Some(border as u64 + 2));
        }
    }

    #[test]
    fn a_samsung_trailer_is_measured_by_its_index() {
        let mut bytes = b"coded\xFF\xD9".to_vec();
        bytes.extend(b"\0\0\x01\x0aFF\xFF\xD9data");
        let block = bytes.len() as u32 - 7;
        bytes.extend(b"SEFH\x6a\0\0\0\x01\0\0\0\0\0\x01\x0a");
        bytes.extend(block.to_le_bytes());
        bytes.extend(block.to_le_bytes());
        bytes.extend(24u32.to_le_bytes());
        bytes.extend(b"SEFT");
        let file = Source::from_bytes(bytes.clone(), None);
        assert_eq!(samsung_trailer(Region::whole(&file), &bytes).unwrap(), Some(7));
        assert_eq!(end_of(&bytes), Some(7));
    }

    #[test]
    fn hints_are_believed_only_before_an_eoi() {
        let source = Source::from_bytes(b"abc\xFF\xD9second\xFF\xD9".as_slice(), None);
        let by_index = |size| Hints { first_picture: Some(size), ..Hints::default() };
        assert_eq!(find(&source, 0, &by_index(5), &mut Vec::new()).unwrap(), Some(5));
        assert_eq!(find(&source, 0, &by_index(6), &mut Vec::new()).unwrap(), Some(5));
        assert_eq!(find(&source, 0, &Hints { appended: 8, ..Hints::default() }, &mut Vec::new()).unwrap(), Some(5));
    }
}
