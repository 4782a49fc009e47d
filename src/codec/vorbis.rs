//! Vorbis headers (Vorbis I §4.2), as far as they tell the length of packets, and the comments that Opus and FLAC share.

use crate::bytes::{array, byte, le32};

/// The most comments that are looked at.
const MAX_COMMENTS: u32 = 65_536;

/// The most modes that a setup header has (six bits).
const MAX_MODES: usize = 64;

/// The longest comment header that is kept in a track's configuration; a longer one (pictures) is replaced by an empty one.
const MAX_COMMENT: usize = 64 * 1024;

/// A comment header of nothing.
const NO_COMMENT: &[u8] = b"\x03vorbis\0\0\0\0\0\0\0\0\x01";

/// What the identification header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identification {
    /// Channels.
    pub channels: u8,
    /// Samples per second.
    pub sample_rate: u32,
    /// Bits per second that the encoder was asked for; 0 or less: none.
    pub nominal_bitrate: i32,
    /// Samples of a short block and of a long one.
    pub blocks: [u32; 2],
}

impl Identification {
    /// Reads the first packet.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let exponents = byte(packet, 28)?;
        let (short, long) = (u32::from(exponents & 0x0f), u32::from(exponents >> 4));
        let head = Self {
            channels: byte(packet, 11)?,
            sample_rate: le32(packet, 12)?,
            nominal_bitrate: i32::from_le_bytes(array(packet, 20)?),
            blocks: [1 << short, 1 << long],
        };
        let sound = packet.starts_with(b"\x01vorbis") && head.channels > 0 && head.sample_rate > 0;
        (sound && (6..=13).contains(&short) && short <= long && long <= 13).then_some(head)
    }
}

/// Which modes of a stream have long blocks: what a packet's length hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Modes {
    long: Vec<bool>,
    blocks: [u32; 2],
}

impl Modes {
    /// Reads the modes off the end of the setup header: all before them would need the codebooks.
    pub(crate) fn parse(setup: &[u8], head: &Identification) -> Option<Self> {
        let mut bits = Backward { bytes: setup, left: setup.len() * 8 };
        // The framing bit stands before up to seven zeros.
        (0..64).find_map(|_| bits.take(1).filter(|&bit| bit == 1))?;
        let (mut flags, mut count) = (Vec::new(), None);
        while bits.left >= 97 && flags.len() < MAX_MODES {
            let (mapping, transform, window) = (bits.take(8)?, bits.take(16)?, bits.take(16)?);
            if mapping > 63 || transform != 0 || window != 0 {
                break;
            }
            flags.push(bits.take(1)? == 1);
            // The number of modes stands before the first of them; of several fits, the last is right.
            let before = Backward { ..bits }.take(6)?;
            if usize::try_from(before).ok()? + 1 == flags.len() {
                count = Some(flags.len());
            }
        }
        flags.truncate(count?);
        flags.reverse();
        Some(Self { long: flags, blocks: head.blocks })
    }

    /// Samples of a packet's block, by its first byte; none for a header.
    pub(crate) fn block(&self, packet: &[u8]) -> Option<u32> {
        let first = byte(packet, 0)?;
        if first & 1 == 1 {
            return None;
        }
        let width = usize::BITS - self.long.len().saturating_sub(1).leading_zeros();
        let number = usize::from(first >> 1) & ((1 << width) - 1);
        let long = self.long.get(number)?;
        self.blocks.get(usize::from(*long)).copied()
    }
}

/// The three headers in the lacing of Matroska: two sizes in bytes of 255 and a rest, then the headers.
pub(crate) fn lace(identification: &[u8], comment: &[u8], setup: &[u8]) -> Vec<u8> {
    let comment = if comment.len() > MAX_COMMENT { NO_COMMENT } else { comment };
    let mut laced = vec![2];
    for header in [identification, comment] {
        laced.extend(std::iter::repeat_n(255, header.len() / 255));
        laced.push(u8::try_from(header.len() % 255).unwrap_or(0));
    }
    for header in [identification, comment, setup] {
        laced.extend_from_slice(header);
    }
    laced
}

/// The three headers out of that lacing.
pub(crate) fn unlace(laced: &[u8]) -> Option<[&[u8]; 3]> {
    let mut rest = laced.strip_prefix(&[2])?;
    let mut size = || {
        let mut size = 0;
        loop {
            let (&first, behind) = rest.split_first()?;
            rest = behind;
            size += usize::from(first);
            if first < 255 {
                return Some(size);
            }
        }
    };
    let (first, second) = (size()?, size()?);
    let (identification, rest) = rest.split_at_checked(first)?;
    let (comment, setup) = rest.split_at_checked(second)?;
    Some([identification, comment, setup])
}

/// Whether comments (behind their magic) hold a picture.
pub(crate) fn has_picture(comments: &[u8]) -> bool {
    const KEYS: [&[u8]; 2] = [b"METADATA_BLOCK_PICTURE=", b"COVERART="];
    let skip = |at: usize| usize::try_from(le32(comments, at)?).ok()?.checked_add(at + 4);
    let Some(mut at) = skip(0) else { return false };
    let count = le32(comments, at).unwrap_or(0).min(MAX_COMMENTS);
    at = at.saturating_add(4);
    for _ in 0..count {
        let text = comments.get(at.saturating_add(4)..).unwrap_or_default();
        let found = KEYS.iter().any(|key| text.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key)));
        if found {
            return true;
        }
        let Some(next) = skip(at) else { return false };
        at = next;
    }
    false
}

/// Bits from the end to the start, so that numbers written least significant bit first come out right.
#[derive(Clone, Copy)]
struct Backward<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl Backward<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            self.left = self.left.checked_sub(1)?;
            let byte = self.bytes.get(self.left / 8)?;
            value = value << 1 | u32::from(byte >> (self.left % 8) & 1);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_from_the_end() {
        // Filler, the count less one in six bits, then two modes of 41 bits, and the framing bit; all least bit first.
        let mut bits = vec![1_u8; 64];
        let mut put = |value: u32, width: usize| bits.extend((0..width).map(|bit| (value >> bit & 1) as u8));
        put(1, 6);
        for long in [0, 1] {
            put(long, 1);
            put(0, 32);
            put(long, 8);
        }
        put(1, 1);
        let setup: Vec<u8> =
            bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | bit << at)).collect();
        let head = Identification { channels: 1, sample_rate: 8000, nominal_bitrate: 0, blocks: [256, 2048] };
        let modes = Modes::parse(&setup, &head).unwrap();
        assert_eq!((modes.block(&[0]), modes.block(&[2]), modes.block(&[1])), (Some(256), Some(2048), None));
        for length in 0..setup.len() {
            let _ = Modes::parse(&setup[..length], &head);
        }
    }

    #[test]
    fn pictures_in_comments() {
        let comments = |text: &[u8]| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            [&[1, 0, 0, 0, b'v', 2, 0, 0, 0, 3, 0, 0, 0, b'A', b'=', b'b'][..], &length, text].concat()
        };
        assert!(has_picture(&comments(b"metadata_block_picture=AAAA")));
        assert!(!has_picture(&comments(b"TITLE=METADATA_BLOCK_PICTURE=")));
        assert!(!has_picture(&[0xff; 12]));
    }

    #[test]
    fn lacing_counts_in_bytes() {
        let laced = lace(&[1; 30], &[2; 300], &[3; 5]);
        assert_eq!(laced[..4], [2, 30, 255, 45]);
        assert_eq!(laced.len(), 4 + 335);
        assert_eq!(unlace(&laced), Some([&[1; 30][..], &[2; 300], &[3; 5]]));
        assert!((0..laced.len() - 5).all(|length| unlace(&laced[..length]).is_none()));
    }
}
