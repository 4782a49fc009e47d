//! The Extensible Binary Meta Language (RFC 8794): elements in memory and by their place in a file.

use crate::bytes::{Blocks, byte};
use crate::error::Result;

/// The most bytes of an element's header: four of identifier, eight of size.
const LONGEST_HEADER: usize = 12;

/// The element at a place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// Its identifier, with the marker bits.
    pub id: u32,
    /// Where its content starts.
    pub body: u64,
    /// The length of its content; none when it was not known as it was written (a live recording).
    pub size: Option<u64>,
}

impl Element {
    /// Where the next element stands; none behind an unknown size.
    pub(super) fn end(&self) -> Option<u64> {
        self.size.map(|size| self.body.saturating_add(size))
    }
}

/// What stands at a place where an element should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An element.
    Element(Element),
    /// The end of the file.
    End,
    /// The beginning of an element's header, and the end of the file.
    Cut,
    /// No element.
    Junk,
}

/// Looks for an element at `at`.
pub(super) fn element_at(blocks: &mut Blocks<'_>, at: u64) -> Result<Found> {
    let bytes = blocks.from(at, LONGEST_HEADER)?;
    let Some(&first) = bytes.first() else { return Ok(Found::End) };
    if first.leading_zeros() > 3 {
        return Ok(Found::Junk);
    }
    let Some((id, length)) = variable(bytes, true) else { return Ok(Found::Cut) };
    let rest = bytes.get(length..).unwrap_or_default();
    let Some((size, more)) = variable(rest, false) else {
        return Ok(if rest.first() == Some(&0) { Found::Junk } else { Found::Cut });
    };
    let Ok(id) = u32::try_from(id) else { return Ok(Found::Junk) };
    let body = at.saturating_add((length + more) as u64);
    Ok(Found::Element(Element { id, body, size: Some(size).filter(|_| !is_unknown(size, more)) }))
}

/// A number whose leading zeros tell its length (RFC 8794 §4), and that length.
pub(super) fn variable(bytes: &[u8], keep_marker: bool) -> Option<(u64, usize)> {
    let first = byte(bytes, 0)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let mask = if keep_marker { u64::MAX } else { (1 << (8 - length)) - 1 };
    let rest = bytes.get(1..length)?;
    Some((rest.iter().fold(u64::from(first) & mask, |number, &byte| number << 8 | u64::from(byte)), length))
}

/// All data bits set: the size was not known (RFC 8794 §6.2).
const fn is_unknown(size: u64, length: usize) -> bool {
    size == (1 << (7 * length)) - 1
}

/// The elements within one that is in memory; one of unknown size, or cut, lasts to the end.
pub(super) fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (id, length) = variable(rest, true)?;
        let (size, more) = variable(rest.get(length..)?, false)?;
        let body = rest.get(length + more..)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(body.len());
        let (content, after) = body.split_at_checked(size)?;
        rest = after;
        Some((u32::try_from(id).ok()?, content))
    })
    .take(crate::limits::MAX_ENTRIES)
}

/// The first element with this identifier within one that is in memory.
pub(super) fn child(bytes: &[u8], id: u32) -> Option<&[u8]> {
    children(bytes).find(|(found, _)| *found == id).map(|(_, content)| content)
}

/// An unsigned integer.
pub(super) fn unsigned(content: &[u8]) -> u64 {
    content.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// A signed integer.
pub(super) fn signed(content: &[u8]) -> i64 {
    let content = content.get(..8).unwrap_or(content);
    let start = if content.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    content.iter().fold(start, |number, &byte| number << 8 | i64::from(byte))
}

/// A floating-point number of four or eight bytes; none has the value 0 (RFC 8794 §7.3).
pub(super) fn float(content: &[u8]) -> f64 {
    match (content.first_chunk::<8>(), content.first_chunk::<4>()) {
        (Some(&bytes), _) => f64::from_be_bytes(bytes),
        (None, Some(&bytes)) => f64::from(f32::from_be_bytes(bytes)),
        (None, None) => 0.0,
    }
}

/// Text, up to a terminating zero.
pub(super) fn text(content: &[u8]) -> String {
    let end = content.iter().position(|&byte| byte == 0).unwrap_or(content.len());
    String::from_utf8_lossy(content.get(..end.min(256)).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn at_start(bytes: &[u8]) -> Found {
        let source = Source::from_bytes(bytes, None);
        element_at(&mut Blocks::new(&source).unwrap(), 0).unwrap()
    }

    #[test]
    fn headers_tell_cut_from_junk() {
        let known = Element { id: 0xA3, body: 2, size: Some(1) };
        assert_eq!(at_start(&[0xA3, 0x81, 7]), Found::Element(known));
        let unknown = Element { id: 0x1F43_B675, body: 5, size: None };
        assert_eq!(at_start(&[0x1F, 0x43, 0xB6, 0x75, 0xFF]), Found::Element(unknown));
        assert_eq!(at_start(&[0x1F, 0x43]), Found::Cut);
        assert_eq!(at_start(&[0xA3]), Found::Cut);
        assert_eq!(at_start(&[0x00, 0x81]), Found::Junk);
        assert_eq!(at_start(&[0xA3, 0x00]), Found::Junk);
        assert_eq!(at_start(&[]), Found::End);
    }

    #[test]
    fn numbers_of_all_kinds() {
        assert_eq!(signed(&[0xFF]), -1);
        assert_eq!(signed(&[0x00, 0xFF]), 255);
        assert_eq!(unsigned(&[1, 0]), 256);
        assert!((float(&1.5_f32.to_be_bytes()) - 1.5).abs() < f64::EPSILON);
        assert_eq!(children(&[0x81, 0x81, 5, 0x82, 0xFF, 6]).collect::<Vec<_>>(), [(0x81, &[5][..]), (0x82, &[6][..])]);
    }
}
