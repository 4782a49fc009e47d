//! RIFF: where the data of a WAV ends, whatever its header says (RIFF MCI §3, EBU Tech 3306).

use crate::bytes::{array, le32};
use crate::error::Result;
use crate::source::Source;

/// Sizes from here on are what recorders write that cannot go back: 0xFFFFFFFF, 0x7FFFFFFF, or a little less.
const OPEN_ENDED: u32 = 0x7fff_0000;

/// Chunks that may follow data of no length, or of a length that was never written.
const KNOWN: &[&[u8; 4]] = &[
    b"LIST", b"JUNK", b"PAD ", b"fact", b"bext", b"cue ", b"id3 ", b"ID3 ", b"iXML", b"smpl", b"inst", b"axml", b"PEAK",
];

/// How much of the end is searched for such chunks: tags with a picture are not larger.
const MAX_BEHIND: u64 = 1024 * 1024;

/// Where data ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Behind its last byte; where the header is believed, perhaps beyond the file.
    pub end: u64,
    /// Its size by the header, where that is believed.
    pub told: Option<u64>,
}

/// The extent of the data that starts at `start`, by the `size` of its chunk and, in RF64, the `long` one of `ds64`.
///
/// # Errors
/// `Io` when the source cannot be read.
pub(crate) fn data(source: &Source, start: u64, size: u32, long: Option<u64>) -> Result<Extent> {
    let there = source.len().saturating_sub(start);
    let long = long.filter(|&long| size == u32::MAX && long > 0 && long != u64::MAX);
    // Of a recorder that never came back, or that wrote into a pipe.
    let open = long.is_none()
        && (size >= OPEN_ENDED && u64::from(size) > there
            || size == 0 && !KNOWN.iter().any(|kind| source.bytes_at(start, 4).is_ok_and(|next| next == **kind)));
    if open && there > 0 {
        return Ok(Extent { end: behind(source, start)?, told: None });
    }
    let told = long.unwrap_or_else(|| size.into());
    Ok(Extent { end: start.saturating_add(told), told: Some(told) })
}

/// Where the sound ends that has no size: at chunks that follow one another up to the end of the file, or there. They would
/// be heard as noise.
fn behind(source: &Source, start: u64) -> Result<u64> {
    let length = source.len();
    let from = length.saturating_sub(MAX_BEHIND).max(start);
    let tail = source.bytes_at(from, usize::try_from(length - from).unwrap_or(0))?;
    let ends_the_file = |at: &usize| {
        let mut at = *at;
        while array::<4>(&tail, at).is_some_and(|kind| KNOWN.contains(&&kind))
            && let Some(size) = le32(&tail, at + 4)
        {
            // Chunks are padded to even places; the last of a file not always.
            let end = at.saturating_add(8).saturating_add(size as usize);
            at = end.saturating_add(size as usize % 2);
            if end == tail.len() || at == tail.len() {
                return true;
            }
        }
        false
    };
    let chunks = (0..tail.len().saturating_sub(7)).find(ends_the_file);
    Ok(chunks.map_or(length, |at| from + at as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_a_size_ends_at_chunks_that_end_the_file() {
        let sound = [[1_u8; 10].as_slice(), b"LISTEN", &[1; 84]].concat();
        let list = b"LIST\x04\0\0\0INFO".as_slice();
        let tag = b"id3 \x03\0\0\0ID3\0".as_slice();
        let end = |size: u32, behind: &[u8]| {
            data(&Source::from_bytes([&sound, behind].concat(), None), 0, size, None).unwrap().end
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
