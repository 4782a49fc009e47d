//! The chunks of WAV in its kinds: RIFF and RF64; RIFX, whose numbers are big-endian; Wave64, with GUIDs for codes, and sizes of
//! 64 bits that count the header. And where their data ends, whatever the header says (RIFF MCI §3, EBU Tech 3306).

use crate::bytes::{array, be32, le32, le64};
use crate::error::Result;
use crate::source::Source;

/// The GUID that a Wave64 begins with.
pub(crate) const WAVE64: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";

/// What stands behind the four letters in the GUIDs of its chunks.
const GUID: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// Lengths of the numbers in a `fmt ` chunk, as far as they are read.
const FIELDS: [usize; 11] = [2, 2, 4, 4, 2, 2, 2, 2, 4, 4, 2];

/// Chunks that may follow data of no length, or of a length that was never written.
const KNOWN: &[&[u8; 4]] = &[
    b"LIST", b"JUNK", b"PAD ", b"fact", b"bext", b"cue ", b"id3 ", b"ID3 ", b"iXML", b"smpl", b"inst", b"axml", b"PEAK",
];

/// How much of the end is searched for such chunks: tags with a picture are not larger.
const MAX_BEHIND: u64 = 1024 * 1024;

/// The size of data that RF64 has elsewhere.
const ELSEWHERE: u64 = u32::MAX as u64;

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

/// Where data ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Behind its last byte; where the header is believed, perhaps beyond the file.
    pub end: u64,
    /// Its size by the header, where that is believed.
    pub told: Option<u64>,
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

    /// The extent of the data in `chunk`, where `long` is its size by `ds64`.
    ///
    /// # Errors
    /// `Io` when the source cannot be read.
    pub(crate) fn data(self, source: &Source, chunk: &Chunk, long: Option<u64>) -> Result<Extent> {
        let Chunk { start, size, .. } = *chunk;
        let there = source.len().saturating_sub(start);
        let long = long.filter(|&long| size == ELSEWHERE && long > 0 && long != u64::MAX);
        let follows = || -> Result<bool> { Ok(self.known(&source.bytes_at(start, Self::HEADER)?).is_some()) };
        // Of a recorder that never came back, or that wrote into a pipe.
        let open = long.is_none() && (size >= self.open_ended() && size > there || size == 0 && !follows()?);
        if open && there > 0 {
            return Ok(Extent { end: self.end_of_data(source, start)?, told: None });
        }
        let told = long.unwrap_or(size);
        Ok(Extent { end: start.saturating_add(told), told: Some(told) })
    }

    /// Where the sound ends that has no size: at chunks that follow one another up to the end of the file, or there. They
    /// would be heard as noise.
    fn end_of_data(self, source: &Source, start: u64) -> Result<u64> {
        let length = source.len();
        let from = length.saturating_sub(MAX_BEHIND).max(start);
        let tail = source.bytes_at(from, usize::try_from(length - from).unwrap_or(0))?;
        let ends_the_file = |at: &usize| {
            let mut at = *at as u64;
            while let Some(chunk) = tail.get(at as usize..).and_then(|rest| self.known(rest)) {
                // The last of a file is not always padded.
                let end = at.saturating_add(chunk.start).saturating_add(chunk.size);
                at = self.behind(&Chunk { start: at.saturating_add(chunk.start), ..chunk }, end);
                if end == tail.len() as u64 || at == tail.len() as u64 {
                    return true;
                }
            }
            false
        };
        let chunks = (0..tail.len().saturating_sub(7)).find(ends_the_file);
        Ok(chunks.map_or(length, |at| from + at as u64))
    }

    /// A chunk that may follow data.
    fn known(self, header: &[u8]) -> Option<Chunk> {
        self.chunk(header, 0).filter(|chunk| KNOWN.contains(&&chunk.kind))
    }

    /// Sizes from here on are what recorders write that cannot go back: 0xFFFFFFFF, 0x7FFFFFFF, or a little less.
    const fn open_ended(self) -> u64 {
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

    #[test]
    fn data_without_a_size_ends_at_chunks_that_end_the_file() {
        let sound = [[1_u8; 10].as_slice(), b"LISTEN", &[1; 84]].concat();
        let list = b"LIST\x04\0\0\0INFO".as_slice();
        let tag = b"id3 \x03\0\0\0ID3\0".as_slice();
        let end = |size: u32, behind: &[u8]| {
            let source = Source::from_bytes([&sound, behind].concat(), None);
            Wave::Riff.data(&source, &Chunk { kind: *b"data", start: 0, size: size.into() }, None).unwrap().end
        };
        for size in [0, u32::MAX, 0x7fff_ffff] {
            for behind in [&[], list, tag, &tag[..11], &[list, tag].concat()] {
                assert_eq!(end(size, behind), 100, "{size:#x}, {} bytes behind", behind.len());
            }
            assert_eq!(end(size, &list[..11]), 111);
        }
        assert_eq!((end(40, list), end(400, list)), (40, 400));
    }
}
