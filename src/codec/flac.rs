//! FLAC: STREAMINFO and the length of a frame (RFC 9639 §8.2, §9.1).

use crate::bytes::{array, be16, byte};

/// What STREAMINFO says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamInfo {
    /// Samples of the largest block.
    pub max_block: u16,
    /// Bytes of the smallest frame; 0: not known.
    pub min_frame: u32,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels: 1..=8.
    pub channels: u16,
    /// Bits per sample: 4..=32.
    pub bits: u8,
    /// Samples per channel; none where the encoder did not know.
    pub samples: Option<u64>,
}

impl StreamInfo {
    /// Bytes of the block.
    pub(crate) const SIZE: usize = 34;

    /// Reads the block's 34 bytes.
    pub(crate) fn parse(block: &[u8]) -> Option<Self> {
        let numbers = u64::from_be_bytes(array(block, 10)?);
        block.get(..Self::SIZE)?;
        let [high, middle, low] = array(block, 4)?;
        let samples = numbers & 0xf_ffff_ffff;
        Some(Self {
            max_block: be16(block, 2)?,
            min_frame: u32::from_be_bytes([0, high, middle, low]),
            sample_rate: u32::try_from(numbers >> 44).ok()?,
            channels: u16::try_from(numbers >> 41 & 0x07).ok()? + 1,
            bits: u8::try_from(numbers >> 36 & 0x1f).ok()? + 1,
            samples: (samples > 0).then_some(samples),
        })
    }
}

/// Samples of a frame, by its header.
pub(crate) fn frame_samples(frame: &[u8]) -> Option<u32> {
    if byte(frame, 0)? != 0xff || byte(frame, 1)? & 0xfc != 0xf8 {
        return None;
    }
    // The number of the frame or sample, coded as UTF-8, stands before an uncommon size.
    let number = usize::try_from(byte(frame, 4)?.leading_ones()).ok()?.max(1);
    match byte(frame, 2)? >> 4 {
        1 => Some(192),
        code @ 2..=5 => Some(144 << code),
        6 => Some(u32::from(byte(frame, 4 + number)?) + 1),
        7 => Some(u32::from(be16(frame, 4 + number)?) + 1),
        code @ 8..=15 => Some(1 << code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_tell_their_length() {
        assert_eq!(frame_samples(&[0xff, 0xf8, 0xc9, 0x18, 0x00, 0xc2]), Some(4096));
        assert_eq!(frame_samples(&[0xff, 0xf8, 0x29, 0x18, 0x00, 0xc2]), Some(576));
        assert_eq!(frame_samples(&[0xff, 0xf8, 0x79, 0x18, 0xc4, 0x80, 0x01, 0x00]), Some(257));
        assert_eq!(frame_samples(&[0xff, 0xf8, 0x79, 0x18, 0xc4, 0x80, 0x01]), None);
        assert_eq!(frame_samples(&[0xff, 0xf8, 0x09, 0x18, 0x00]), None);
    }
}
