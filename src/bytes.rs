//! Numbers out of bytes that may lie: whatever lies beyond the end is `None` or left out, never a panic.

use crate::error::Result;
use crate::source::Source;

/// The `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The byte at `at`.
pub(crate) fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The big-endian 64-bit number at `at`.
pub(crate) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// The little-endian 16-bit number at `at`.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian 24-bit number at `at`.
pub(crate) fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// The little-endian 32-bit number at `at`.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The little-endian 64-bit number at `at`.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Where `needle` starts in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len().max(1)).position(|window| window == needle)
}

/// A code of a file as a name: printable ASCII without blanks at its ends, all else as `_`, and never empty.
pub(crate) fn code_name(code: &[u8]) -> String {
    let name: String = code
        .iter()
        .take(32)
        .take_while(|&&byte| byte != 0)
        .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '_' })
        .collect();
    match name.trim() {
        "" => "unknown".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// Takes big-endian numbers off the front of a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next big-endian number of `size` bytes; a size of 0 gives 0, as `iloc` has it.
    pub(crate) fn number(&mut self, size: usize) -> Option<u64> {
        if size > 8 {
            return None;
        }
        Some(self.take(size)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// The next 16-bit number.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        array(self.take(2)?, 0).map(u16::from_be_bytes)
    }

    /// The next 32-bit number.
    pub(crate) fn u32(&mut self) -> Option<u32> {
        array(self.take(4)?, 0).map(u32::from_be_bytes)
    }
}

/// A stretch of a source, clipped to what is really there, read by position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region<'a> {
    source: &'a Source,
    start: u64,
    len: u64,
}

impl<'a> Region<'a> {
    /// The whole source.
    pub(crate) fn whole(source: &'a Source) -> Self {
        Self { source, start: 0, len: source.len() }
    }

    /// `len` bytes from `offset` on, or as many of them as there are.
    pub(crate) fn part(self, offset: u64, len: u64) -> Self {
        let offset = offset.min(self.len);
        Self { source: self.source, start: self.start + offset, len: len.min(self.len - offset) }
    }

    /// Everything from `offset` on.
    pub(crate) fn from(self, offset: u64) -> Self {
        self.part(offset, u64::MAX)
    }

    /// Where in the source it starts.
    pub(crate) const fn start(self) -> u64 {
        self.start
    }

    /// How many bytes there are.
    pub(crate) const fn len(self) -> u64 {
        self.len
    }

    /// Up to `count` bytes at `offset`.
    pub(crate) fn bytes(self, offset: u64, count: usize) -> Result<Vec<u8>> {
        let there = self.part(offset, count as u64);
        self.source.bytes_at(there.start, usize::try_from(there.len).unwrap_or(count))
    }

    /// The `N` bytes at `offset`, when all of them are there.
    pub(crate) fn array<const N: usize>(self, offset: u64) -> Result<Option<[u8; N]>> {
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
pub(crate) struct Pieces<'a>(pub Vec<Region<'a>>);

impl Pieces<'_> {
    /// How many bytes there are in all.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    /// Up to `count` bytes at `offset`.
    pub(crate) fn bytes(&self, mut offset: u64, count: usize) -> Result<Vec<u8>> {
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
pub(crate) struct Blocks<'a> {
    source: &'a Source,
    buffer: Vec<u8>,
    start: u64,
}

impl<'a> Blocks<'a> {
    const SIZE: usize = 64 * 1024;

    /// Starts with the head, which is in memory already.
    pub(crate) fn new(source: &'a Source) -> Result<Self> {
        Ok(Self { source, buffer: source.head()?.to_vec(), start: 0 })
    }

    /// What is buffered from `at` on: at least `least` bytes unless the file ends.
    pub(crate) fn from(&mut self, at: u64, least: usize) -> Result<&[u8]> {
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
    pub(crate) fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>> {
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
    fn codes_become_printable_names() {
        assert_eq!(code_name(b"avc1"), "avc1");
        assert_eq!(code_name(b"raw "), "raw");
        assert_eq!(code_name(b"\x1b[2J"), "_[2J");
        assert_eq!(code_name(b"\0\0\0\0"), "unknown");
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
