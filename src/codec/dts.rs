//! DTS Coherent Acoustics: the headers of its frames (ETSI TS 102 114 §5.3, §7.4.1), in the four ways in which they are stored.

use crate::bytes::array;

/// Samples per second by their code; 0 is none (table 5-5).
const RATES: [u32; 16] =
    [0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 96_000, 192_000];

/// Channels by their arrangement, without the one of low frequencies (table 5-4).
const CHANNELS: [u16; 16] = [1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8];

/// How words begin a frame: whether they are little-endian, and how many of their 16 bits are used.
#[rustfmt::skip]
const FORMS: [([u8; 4], bool, u32); 4] = [
    ([0x7f, 0xfe, 0x80, 0x01], false, 16),
    ([0xfe, 0x7f, 0x01, 0x80], true,  16),
    ([0x1f, 0xff, 0xe8, 0x00], false, 14),
    ([0xff, 0x1f, 0x00, 0xe8], true,  14),
];

/// How an extension begins, which goes along with the frame before it.
const EXTENSION: [u8; 4] = [0x64, 0x58, 0x20, 0x25];

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// In which of the ways it is stored.
    pub form: u32,
    /// Samples per second of the core; 0 in an extension.
    pub sample_rate: u32,
    /// Channels of the core, that of low frequencies among them; 0 in an extension.
    pub channels: u16,
    /// Whole length in bytes.
    pub frame_length: usize,
    /// Samples per channel; none in an extension.
    pub samples: u32,
}

impl Header {
    /// The longest header.
    pub(crate) const SIZE: usize = 16;

    /// Reads the first [`Header::SIZE`] bytes of a frame.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let start = array::<4>(bytes, 0)?;
        if start == EXTENSION {
            return Self::extension(bytes);
        }
        let (form, &(_, little, used)) = FORMS.iter().enumerate().find(|(_, (sync, ..))| *sync == start)?;
        let (words, _) = bytes.get(..Self::SIZE)?.as_chunks::<2>();
        let bits = words.iter().fold(0, |bits: u128, &word| {
            let word = if little { u16::from_le_bytes(word) } else { u16::from_be_bytes(word) };
            bits << used | u128::from(word) & ((1 << used) - 1)
        });
        let bits = bits << (128 - used * 8);
        let field = |at: u32, count: u32| (bits << at >> (128 - count)) as usize;
        let (blocks, bytes) = (field(39, 7) + 1, field(46, 14) + 1);
        // The sync word counts with all its bits; frames below these sizes are no frames (§5.3.1).
        if field(0, 32) != 0x7ffe_8001 || blocks < 6 || bytes < 96 {
            return None;
        }
        let low = field(85, 2);
        Some(Self {
            form: u32::try_from(form).ok()?,
            sample_rate: RATES.get(field(66, 4)).copied().filter(|&rate| rate > 0)?,
            channels: CHANNELS.get(field(60, 6))? + u16::from(low == 1 || low == 2),
            frame_length: if used == 14 { bytes * 8 / 14 * 2 } else { bytes },
            samples: u32::try_from(blocks).ok()? * 32,
        })
    }

    /// A substream of extensions: longer headers have wider fields.
    fn extension(bytes: &[u8]) -> Option<Self> {
        let bits = u128::from_be_bytes(array(bytes, 0)?);
        let field = |at: u32, count: u32| (bits << at >> (128 - count)) as usize;
        let (head, length) = if field(42, 1) == 0 { (8, 16) } else { (12, 20) };
        let frame_length = field(43 + head, length) + 1;
        let least = field(43, head) + 1;
        (least >= 8 && frame_length >= least).then_some(Self {
            form: 0,
            sample_rate: 0,
            channels: 0,
            frame_length,
            samples: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 512 samples of two channels at 48 kHz in 1884 bytes, as words of 16 bits.
    const CORE: [u8; 16] = [0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x75, 0xb0, 0xb7, 0x60, 0x08, 0, 0, 0, 0, 0];

    #[test]
    fn headers_in_every_form() {
        let swapped = |bytes: [u8; 16]| {
            let mut bytes = bytes;
            bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
            bytes
        };
        let bits = u128::from_be_bytes(CORE);
        let mut thin = [0; 16];
        for (number, word) in thin.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let value = (bits << (14 * number) >> 114) as u16;
            // The two unused bits have the sign.
            *word = (value | if value & 0x2000 == 0 { 0 } else { 0xc000 }).to_be_bytes();
        }
        assert_eq!(thin[..5], [0x1f, 0xff, 0xe8, 0x00, 0x07]);
        let wide = Header::parse(&CORE).unwrap();
        assert_eq!((wide.sample_rate, wide.channels, wide.frame_length, wide.samples), (48_000, 2, 1884, 512));
        assert_eq!(Header::parse(&swapped(CORE)).unwrap(), Header { form: 1, ..wide });
        let length = 1884 * 8 / 14 * 2;
        assert_eq!(Header::parse(&thin).unwrap(), Header { form: 2, frame_length: length, ..wide });
        assert_eq!(Header::parse(&swapped(thin)).unwrap(), Header { form: 3, frame_length: length, ..wide });
        assert_eq!(Header::parse(&CORE[..12]), None);
        assert_eq!(Header::parse(b"\x7f\xfe\x80\x01 a text that goes on"), None);
    }
}
