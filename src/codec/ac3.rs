//! AC-3 and E-AC-3: the headers of their frames (ETSI TS 102 366 §4.3, §4.4 and §E.1).

use crate::bytes::{be16, byte};

/// Channels by the mode, without the one of low frequencies (table 4.3).
pub(crate) const CHANNELS: [u16; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// Samples per second (table 4.1).
pub(crate) const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// kbit/s for a pair of frame size codes (table 4.13).
const BITRATES: [u16; 19] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/// Samples of a block, and blocks of a frame (of E-AC-3 by its code).
const BLOCK: u32 = 256;
const BLOCKS: [u32; 4] = [1, 2, 3, 6];

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The codec by the name of the field.
    pub codec: &'static str,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels, that of low frequencies among them.
    pub channels: u16,
    /// Whole length in bytes.
    pub frame_length: usize,
    /// Samples per channel; none in a frame that goes along with the one before it: more channels, another programme.
    pub samples: u32,
}

impl Header {
    /// Reads the first seven bytes of a frame.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[0x0b, 0x77, _, _, rate, version, _] = bytes.first_chunk()? else { return None };
        match version >> 3 {
            version @ 0..=10 => Self::plain(bytes, usize::from(rate >> 6), version),
            11..=16 => Self::enhanced(bytes, usize::from(rate >> 6)),
            _ => None,
        }
    }

    fn plain(bytes: &[u8], rate: usize, version: u8) -> Option<Self> {
        let code = byte(bytes, 4)? & 0x3f;
        let kilobits = usize::from(*BITRATES.get(usize::from(code >> 1))?);
        let frame_length = match rate {
            0 => 4 * kilobits,
            1 => (kilobits * 320 / 147 + usize::from(code & 1)) * 2,
            _ => 6 * kilobits,
        };
        let mode = byte(bytes, 6)? >> 5;
        // The bit for the low-frequency channel stands behind mix levels that only some modes have.
        let skipped = u8::from(mode & 1 == 1 && mode != 1) * 2 + u8::from(mode & 4 != 0) * 2 + u8::from(mode == 2) * 2;
        let low = be16(bytes, 6)? >> (12 - skipped) & 1;
        Some(Self {
            codec: "ac3",
            // Versions 9 and 10 stand for half and a quarter of the rate.
            sample_rate: RATES.get(rate)? >> version.saturating_sub(8),
            channels: CHANNELS.get(usize::from(mode))? + low,
            frame_length,
            samples: 6 * BLOCK,
        })
    }

    fn enhanced(bytes: &[u8], rate: usize) -> Option<Self> {
        const DEPENDENT: u8 = 1;
        const RESERVED: u8 = 3;
        let (stream, fifth) = (byte(bytes, 2)?, byte(bytes, 4)?);
        let (kind, number) = (stream >> 6, stream >> 3 & 0x07);
        if kind == RESERVED {
            return None;
        }
        let blocks = usize::from(fifth >> 4 & 0x03);
        // A rate of 3 is half of the one whose code stands in the place of the blocks, which are six then.
        let (sample_rate, blocks) = match RATES.get(rate) {
            Some(&rate) => (rate, *BLOCKS.get(blocks)?),
            None => (RATES.get(blocks)? / 2, 6),
        };
        Some(Self {
            codec: "eac3",
            sample_rate,
            channels: CHANNELS.get(usize::from(fifth >> 1 & 0x07))? + u16::from(fifth & 1),
            frame_length: (usize::from(be16(bytes, 2)? & 0x07ff) + 1) * 2,
            samples: if kind == DEPENDENT || number > 0 { 0 } else { blocks * BLOCK },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_both_kinds() {
        let read = |bytes: [u8; 8]| {
            let found = Header::parse(&bytes).unwrap();
            (found.codec, found.sample_rate, found.channels, found.frame_length, found.samples)
        };
        assert_eq!(read([0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0]), ("ac3", 48_000, 6, 1792, 1536));
        assert_eq!(read([0x0b, 0x77, 0, 0, 0x5d, 0x50, 0x40, 0]), ("ac3", 11_025, 2, 1672, 1536));
        assert_eq!(read([0x0b, 0x77, 0x02, 0xff, 0x34, 0x87, 0, 0]), ("eac3", 48_000, 2, 1536, 1536));
        assert_eq!(read([0x0b, 0x77, 0, 0xff, 0x0f, 0x87, 0, 0]), ("eac3", 48_000, 6, 512, 256));
        assert_eq!(read([0x0b, 0x77, 0, 0xff, 0xd5, 0x87, 0, 0]), ("eac3", 22_050, 3, 512, 1536));
        for (number, stream) in [(0, 0x40), (0, 0x08)] {
            assert_eq!(read([0x0b, 0x77, stream, 0xff, 0x34, 0x87, 0, 0]).4, number, "{stream:#x}");
        }
        for (rate, version, stream) in [(0x26, 0x40, 0), (0xde, 0x40, 0), (0x34, 0x87, 0xc0), (0x1e, 0x88, 0)] {
            assert_eq!(Header::parse(&[0x0b, 0x77, stream, 0, rate, version, 0, 0]), None, "{rate:#x} {version:#x}");
        }
    }
}
