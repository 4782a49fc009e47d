//! The chunks of WAV in its kinds: RIFF and RF64; RIFX, whose numbers are big-endian; Wave64, with GUIDs for codes, and sizes of
//! 64 bits that count the header.

use crate::bytes::{array, be32, le32, le64};

/// The GUID that a Wave64 begins with.
pub(crate) const WAVE64: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";

/// What stands behind the four letters in the GUIDs of its chunks.
const GUID: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// Lengths of the numbers in a `fmt ` chunk, as far as they are read.
const FIELDS: [usize; 11] = [2, 2, 4, 4, 2, 2, 2, 2, 4, 4, 2];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wave {
    /// RIFF, and RF64 with sizes of 64 bits in a chunk of their own.
    Riff,
    /// Numbers and samples are big-endian.
    Rifx,
    /// Sony's.
    Wave64,
}

/// A chunk's place, as its header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Its code.
    pub kind: [u8; 4],
    /// Where its content starts.
    pub start: u64,
    /// Bytes of it.
    pub size: u64,
}

impl Wave {
    /// Bytes of the longest header of a chunk.
    pub(crate) const HEADER: usize = 24;

    /// By how a file starts.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head.get(..4) {
            Some(b"RIFX") => Self::Rifx,
            Some(b"riff") => Self::Wave64,
            _ => Self::Riff,
        }
    }

    /// Where the first chunk is.
    pub(crate) const fn first(self) -> u64 {
        if matches!(self, Self::Wave64) { 40 } else { 12 }
    }

    /// The chunk that starts at `at` with these bytes.
    pub(crate) fn chunk(self, header: &[u8], at: u64) -> Option<Chunk> {
        let kind = array(header, 0)?;
        if self != Self::Wave64 {
            return Some(Chunk { kind, start: at.saturating_add(8), size: self.number(header.get(4..)?)?.into() });
        }
        // Lists have a GUID of another kind, and nothing that is asked for.
        let kind = if array(header, 4)? == GUID { kind } else { *b"????" };
        let size = le64(header, 16)?.checked_sub(24)?;
        Some(Chunk { kind, start: at.saturating_add(24), size })
    }

    /// Where the chunk behind one that ends at `end` starts.
    pub(crate) fn behind(self, chunk: &Chunk, end: u64) -> u64 {
        let unit = if self == Self::Wave64 { 8 } else { 2 };
        end.saturating_add(end.saturating_sub(chunk.start).wrapping_neg() % unit)
    }

    /// A number of 32 bits.
    pub(crate) fn number(self, bytes: &[u8]) -> Option<u32> {
        if self == Self::Rifx { be32(bytes, 0) } else { le32(bytes, 0) }
    }

    /// Sizes from here on are what recorders write that cannot go back: 0xFFFFFFFF, 0x7FFFFFFF, or a little less.
    pub(crate) const fn open_ended(self) -> u64 {
        if matches!(self, Self::Wave64) { 1 << 62 } else { 0x7fff_0000 }
    }

    /// The content of a `fmt ` chunk with little-endian numbers.
    pub(crate) fn format(self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self == Self::Rifx {
            let mut rest = bytes.as_mut_slice();
            for field in FIELDS {
                let Some((number, behind)) = rest.split_at_mut_checked(field) else { break };
                number.reverse();
                rest = behind;
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_every_kind() {
        let riff = Wave::Riff.chunk(b"data\x03\0\0\0", 12).unwrap();
        assert_eq!((riff, Wave::Riff.behind(&riff, 23)), (Chunk { kind: *b"data", start: 20, size: 3 }, 24));
        assert_eq!(Wave::Rifx.chunk(b"data\0\0\0\x03", 12), Some(riff));
        let long = [&b"data"[..], &GUID, &27_u64.to_le_bytes()].concat();
        let long = Wave::Wave64.chunk(&long, 40).unwrap();
        assert_eq!((long, Wave::Wave64.behind(&long, 67)), (Chunk { kind: *b"data", start: 64, size: 3 }, 72));
        assert_eq!(Wave::Wave64.chunk(&[0; 24], 40), None);
        assert_eq!(Wave::Rifx.format(vec![0, 1, 0, 2, 0, 0, 0x1f, 0x40, 9]), [1, 0, 2, 0, 0x40, 0x1f, 0, 0, 9]);
    }
}
