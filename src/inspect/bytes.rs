//! Numbers out of bytes that may lie: whatever lies beyond the end is `None` or left out, never a panic.

use crate::error::Result;
use crate::source::Source;

/// The `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The big-endian 16-bit number at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The little-endian 16-bit number at `at`.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian 24-bit number at `at`.
pub(super) fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// The little-endian 32-bit number at `at`.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// Takes big-endian numbers off the front of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next big-endian number of `size` bytes; a size of 0 gives 0, as `iloc` has it.
    pub(super) fn number(&mut self, size: usize) -> Option<u64> {
        if size > 8 {
            return None;
        }
        Some(self.take(size)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The next byte.
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// The next 16-bit number.
    pub(super) fn u16(&mut self) -> Option<u16> {
        array(self.take(2)?, 0).map(u16::from_be_bytes)
    }

    /// The next 32-bit number.
    pub(super) fn u32(&mut self) -> Option<u32> {
        array(self.take(4)?, 0).map(u32::from_be_bytes)
    }
}

/// A stretch of a source, clipped to what is really there, read by position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region<'a> {
    source: &'a Source,
    start: u64,
    len: u64,
}

impl<'a> Region<'a> {
    /// The whole source.
    pub(super) fn whole(source: &'a Source) -> Self {
        Self { source, start: 0, len: source.len() }
    }

    /// `len` bytes from `offset` on, or as many of them as there are.
    pub(super) fn part(self, offset: u64, len: u64) -> Self {
        let offset = offset.min(self.len);
        Self { source: self.source, start: self.start + offset, len: len.min(self.len - offset) }
    }

    /// Everything from `offset` on.
    pub(super) fn from(self, offset: u64) -> Self {
        self.part(offset, u64::MAX)
    }

    /// How many bytes there are.
    pub(super) const fn len(self) -> u64 {
        self.len
    }

    /// Up to `count` bytes at `offset`.
    pub(super) fn bytes(self, offset: u64, count: usize) -> Result<Vec<u8>> {
        let there = self.part(offset, count as u64);
        self.source.bytes_at(there.start, usize::try_from(there.len).unwrap_or(count))
    }

    /// The `N` bytes at `offset`, when all of them are there.
    pub(super) fn array<const N: usize>(self, offset: u64) -> Result<Option<[u8; N]>> {
        let there = self.part(offset, N as u64);
        let mut bytes = [0; N];
        if there.len < N as u64 || self.source.read_at(there.start, &mut bytes)? < N {
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

/// Regions that belong together, such as an ICC profile in several APP2 segments.
#[derive(Debug)]
pub(super) struct Pieces<'a>(pub Vec<Region<'a>>);

impl Pieces<'_> {
    /// How many bytes there are in all.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    /// Up to `count` bytes at `offset`.
    pub(super) fn bytes(&self, mut offset: u64, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            if bytes.len() >= count {
                break;
            }
            if offset < piece.len() {
                bytes.extend(piece.bytes(offset, count - bytes.len())?);
            }
            offset = offset.saturating_sub(piece.len());
        }
        Ok(bytes)
    }
}

/// A source read forward through one buffer, for the few structures that cannot be skipped by offset.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    source: &'a Source,
    buffer: Vec<u8>,
    start: u64,
}

impl<'a> Blocks<'a> {
    const SIZE: usize = 64 * 1024;

    /// Starts with the head, which is in memory already.
    pub(super) fn new(source: &'a Source) -> Result<Self> {
        Ok(Self { source, buffer: source.head()?.to_vec(), start: 0 })
    }

    /// What is buffered from `at` on: at least `least` bytes unless the file ends.
    pub(super) fn from(&mut self, at: u64, least: usize) -> Result<&[u8]> {
        let buffered = |start: u64, len: usize| {
            usize::try_from(at.checked_sub(start)?).ok().filter(|&skip| skip <= len && len - skip >= least)
        };
        if buffered(self.start, self.buffer.len()).is_none() {
            self.buffer.clear();
            let there = self.source.len().saturating_sub(at);
            self.buffer.resize(Self::SIZE.min(usize::try_from(there).unwrap_or(Self::SIZE)), 0);
            let read = self.source.read_at(at, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.start = at;
        }
        let skip = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(skip..).unwrap_or_default())
    }

    /// The `N` bytes at `at`, when all of them are there.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>> {
        Ok(array(self.from(at, N)?, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_beyond_the_end() {
        assert_eq!(be32(&[1, 2, 3], 0), None);
        assert_eq!(le16(&[1, 2, 3], usize::MAX), None);
        let source = Source::from_bytes(vec![1, 2, 3, 4, 5], None);
        let region = Region::whole(&source).part(1, 3);
        assert_eq!(region.bytes(1, 9).unwrap(), [3, 4]);
        assert_eq!(region.array::<3>(0).unwrap(), Some([2, 3, 4]));
        assert_eq!(region.array::<3>(1).unwrap(), None);
        assert!(region.part(u64::MAX, u64::MAX).bytes(u64::MAX, 1).unwrap().is_empty());
    }

    #[test]
    fn pieces_read_across_their_borders() {
        let source = Source::from_bytes((0..10).collect::<Vec<u8>>(), None);
        let whole = Region::whole(&source);
        let pieces = Pieces(vec![whole.part(0, 2), whole.part(4, 1), whole.part(6, 4)]);
        assert_eq!(pieces.len(), 7);
        assert_eq!(pieces.bytes(1, 3).unwrap(), [1, 4, 6]);
        assert_eq!(pieces.bytes(5, 9).unwrap(), [8, 9]);
    }
}
