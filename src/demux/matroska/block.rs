//! Blocks and the frames that are laced into them (RFC 9559 §10).

use super::ebml::variable;
use crate::bytes::{array, byte};

/// The most frames of a lace: their number is a byte.
const MAX_FRAMES: usize = 256;

/// What stands before a block's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHead {
    /// The number of its track.
    pub track: u64,
    /// Its time within the cluster.
    pub time: i16,
    /// Whether decoding can start here; of simple blocks alone.
    pub key: bool,
    /// How its frames are laced.
    pub lacing: u8,
    /// Bytes of this header.
    pub length: usize,
}

impl BlockHead {
    /// Reads the start of a block.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (track, length) = variable(bytes, false)?;
        let time = i16::from_be_bytes(array(bytes, length)?);
        let flags = byte(bytes, length + 2)?;
        Some(Self { track, time, key: flags & 0x80 != 0, lacing: flags >> 1 & 3, length: length + 3 })
    }
}

/// The bytes before the first frame, and the length of each frame, of a block of `size` bytes that starts with `bytes`.
pub(super) fn frames(head: &BlockHead, bytes: &[u8], size: u64) -> Option<(usize, Vec<u64>)> {
    if head.lacing == 0 {
        return Some((head.length, vec![size.checked_sub(head.length as u64)?]));
    }
    let count = usize::from(byte(bytes, head.length)?) + 1;
    let mut at = head.length + 1;
    let mut sizes = match head.lacing {
        1 => xiph(bytes, &mut at, count)?,
        3 => ebml(bytes, &mut at, count)?,
        _ => {
            let each = size.checked_sub(at as u64)? / count as u64;
            return Some((at, vec![each; count.min(MAX_FRAMES)]));
        }
    };
    let before = sizes.iter().try_fold(at as u64, |sum, &one| sum.checked_add(one))?;
    sizes.push(size.checked_sub(before)?);
    Some((at, sizes))
}

/// §10.3.2: bytes of 255 add up to a size, until one that is less.
fn xiph(bytes: &[u8], at: &mut usize, count: usize) -> Option<Vec<u64>> {
    let mut sizes = Vec::new();
    for _ in 1..count {
        let mut size = 0;
        loop {
            let one = byte(bytes, *at)?;
            *at += 1;
            size += u64::from(one);
            if one < 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Some(sizes)
}

/// §10.3.3: the first size, then differences.
fn ebml(bytes: &[u8], at: &mut usize, count: usize) -> Option<Vec<u64>> {
    let mut sizes: Vec<u64> = Vec::new();
    for _ in 1..count {
        let (coded, length) = variable(bytes.get(*at..)?, false)?;
        *at += length;
        let size = match sizes.last() {
            None => coded,
            Some(&last) => {
                let half = (1_i64 << (7 * length - 1)) - 1;
                last.checked_add_signed(i64::try_from(coded).ok()? - half)?
            }
        };
        sizes.push(size);
    }
    Some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(bytes: &[u8], size: u64) -> Option<(usize, Vec<u64>)> {
        frames(&BlockHead::parse(bytes)?, bytes, size)
    }

    #[test]
    fn the_laces_of_the_specification() {
        // 800, 500 and 1000 bytes (§10.3).
        let xiph = [0x81, 0, 0, 0x02, 2, 255, 255, 255, 35, 255, 245];
        assert_eq!(sizes(&xiph, 11 + 2300), Some((11, vec![800, 500, 1000])));
        let ebml = [0x81, 0, 0, 0x06, 2, 0x43, 0x20, 0x5E, 0xD3];
        assert_eq!(sizes(&ebml, 9 + 2300), Some((9, vec![800, 500, 1000])));
        assert_eq!(sizes(&[0x81, 0, 0, 0x04, 2], 5 + 2400), Some((5, vec![800, 800, 800])));
        assert_eq!(sizes(&[0x81, 0, 5, 0x80], 104), Some((4, vec![100])));
    }

    #[test]
    fn laces_that_lie_are_refused() {
        assert_eq!(sizes(&[0x81, 0, 0, 0x02, 2, 255, 255, 255, 35, 255, 245], 100), None);
        assert_eq!(sizes(&[0x81, 0, 0, 0x02, 255, 255], 100), None);
        assert_eq!(sizes(&[0x81, 0, 0, 0x06, 2, 0x80, 0x80], 100), None);
        assert_eq!(sizes(&[0x81, 0, 0, 0x06, 1, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 100), None);
    }
}
