//! Sound in files of its own that nothing here decodes: what the headers of True Audio, WavPack, Monkey's Audio and Musepack say.

use crate::bytes::{array, be16, byte, le16, le32};

/// What such a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Header {
    /// Samples per second; 0 where it does not say.
    pub sample_rate: u32,
    /// Channels; 0 where it does not say.
    pub channels: u16,
    /// Bits a sample, where they are kept.
    pub bits: Option<u8>,
    /// Samples of a channel, where it says.
    pub samples: Option<u64>,
    /// Bytes of the file up to the end of the sound, where it says.
    pub bytes: Option<u64>,
    /// Whether a password is needed.
    pub encrypted: bool,
}

/// A header without rate, channels or samples is none.
fn checked(header: Header) -> Option<Header> {
    ((1..=384_000).contains(&header.sample_rate) && (1..=32).contains(&header.channels)).then_some(header)
}

/// True Audio 1 (tta.tausoft.org, "TTA1 format"). Behind it stands a table of the frames' lengths.
pub(crate) fn tta(bytes: &[u8]) -> Option<Header> {
    let kind = le16(bytes, 4).filter(|kind| (1..=3).contains(kind) && bytes.starts_with(b"TTA1"))?;
    checked(Header {
        encrypted: kind == 2,
        channels: le16(bytes, 6)?,
        bits: u8::try_from(le16(bytes, 8)?).ok(),
        sample_rate: le32(bytes, 10)?,
        samples: le32(bytes, 14).map(u64::from).filter(|&samples| samples > 0),
        bytes: None,
    })
}

/// Bytes of that header with its checksum.
pub(crate) const TTA_HEADER: u64 = 22;

/// How many frames of True Audio hold the samples of `header`: each lasts 256/245 of a second.
pub(crate) fn tta_frames(header: &Header) -> u64 {
    let frame = u64::from(header.sample_rate) * 256 / 245;
    header.samples.unwrap_or(0).div_ceil(frame.max(1))
}

/// The block of a WavPack file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// What it says of the whole; of channels its own.
    pub header: Header,
    /// Whole length in bytes.
    pub length: u64,
    /// Samples of a channel in it.
    pub samples: u32,
    /// Whether it is the first, the last of those that play at one time.
    pub ends: (bool, bool),
}

impl Block {
    /// Bytes of its header.
    pub(crate) const SIZE: usize = 32;

    /// Reads the header ("WavPack 4 & 5 Binary File / Block Format").
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        const MONO: u32 = 1 << 2;
        const FIRST: u32 = 1 << 11;
        const LAST: u32 = 1 << 12;
        const DSD: u32 = 1 << 31;
        const RATES: [u32; 15] = [
            6_000, 8_000, 9_600, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200,
            96_000, 192_000,
        ];
        let (size, version) = (le32(bytes, 4)?, le16(bytes, 8)?);
        if !bytes.starts_with(b"wvpk") || !(0x402..=0x410).contains(&version) || !(24..1 << 20).contains(&size) {
            return None;
        }
        let (total, flags) = (le32(bytes, 12)?, le32(bytes, 24)?);
        // Forty bits, of which all in the lower word are set where nobody knows.
        let high = u64::from(byte(bytes, 11)?);
        let samples = (total != u32::MAX).then(|| u64::from(total) + (high << 32) - high);
        let plain = flags & DSD == 0;
        let rate = RATES.get((flags >> 23 & 0x0f) as usize).copied().filter(|_| plain);
        let bits = (flags as u8 & 3) * 8 + 8;
        let header = Header {
            sample_rate: rate.unwrap_or(0),
            channels: if flags & MONO == 0 { 2 } else { 1 },
            bits: bits.checked_sub((flags >> 13 & 0x1f) as u8).filter(|_| plain),
            samples: samples.filter(|&samples| samples > 0 && rate.is_some()),
            ..Header::default()
        };
        let ends = (flags & FIRST != 0, flags & LAST != 0);
        Some(Self { header, length: u64::from(size) + 8, samples: le32(bytes, 20)?, ends })
    }
}

/// Monkey's Audio from version 3.8 on, whose header changed with 3.98.
pub(crate) fn ape(bytes: &[u8]) -> Option<Header> {
    let version = le16(bytes, 4).filter(|version| (3_800..=4_999).contains(version) && bytes.starts_with(b"MAC "))?;
    let header = if version >= 3_980 {
        let sizes = [8, 12, 16, 20, 24].map(|at| le32(bytes, at).map(u64::from));
        let [descriptor, header, table, wave, frames] = sizes;
        let (descriptor, frames) = (descriptor?, frames? + (u64::from(le32(bytes, 28)?) << 32));
        let at = usize::try_from(descriptor).ok()?;
        Header {
            samples: ape_samples(le32(bytes, at + 4)?, le32(bytes, at + 12)?, le32(bytes, at + 8)?),
            bits: u8::try_from(le16(bytes, at + 16)?).ok(),
            channels: le16(bytes, at + 18)?,
            sample_rate: le32(bytes, at + 20)?,
            bytes: Some((descriptor + header? + table? + wave?).saturating_add(frames)),
            encrypted: false,
        }
    } else {
        let (level, flags) = (le16(bytes, 6)?, le16(bytes, 8)?);
        let frame = match version {
            3_950.. => 73_728 * 4,
            3_900.. => 73_728,
            _ if level >= 4_000 => 73_728,
            _ => 9_216,
        };
        Header {
            samples: ape_samples(frame, le32(bytes, 24)?, le32(bytes, 28)?),
            bits: Some(if flags & 1 != 0 { 8 } else { 16 + (flags & 8) as u8 }),
            channels: le16(bytes, 10)?,
            sample_rate: le32(bytes, 12)?,
            bytes: None,
            encrypted: false,
        }
    };
    checked(header)
}

/// Samples of whole frames and of the last one.
fn ape_samples(frame: u32, frames: u32, last: u32) -> Option<u64> {
    Some(u64::from(frame) * u64::from(frames.checked_sub(1)?) + u64::from(last))
}

/// Samples per second of Musepack.
const MUSEPACK_RATES: [u32; 4] = [44_100, 48_000, 37_800, 32_000];

/// Musepack of stream version 7 (trac.musepack.net, "SV7 specification").
pub(crate) fn musepack_7(bytes: &[u8]) -> Option<Header> {
    const FRAME: u64 = 1_152;
    const DELAY: u64 = 481;
    const GAPLESS: u32 = 1 << 31;
    if !bytes.starts_with(b"MP+") || byte(bytes, 3)? & 0x0f != 7 {
        return None;
    }
    let (frames, flags, last) = (u64::from(le32(bytes, 4)?), le32(bytes, 8)?, le32(bytes, 20)?);
    // Nineteen bits that are not used, a stereo that nobody codes, and bands that there are not: three letters are no magic.
    if last & 0x7_ffff != 0 || flags >> 31 != 0 || flags >> 24 & 0x3f > 31 {
        return None;
    }
    let unplayed = if last & GAPLESS == 0 { DELAY } else { FRAME.saturating_sub(u64::from(last >> 20 & 0x7ff)) };
    Some(Header {
        sample_rate: *MUSEPACK_RATES.get((flags >> 16 & 3) as usize)?,
        channels: 2,
        samples: (frames * FRAME).checked_sub(unplayed).filter(|&samples| samples > 0),
        ..Header::default()
    })
}

/// A packet of Musepack of stream version 8: two letters, and its length, which counts them ("SV8 specification").
pub(crate) fn musepack_packet(bytes: &[u8]) -> Option<([u8; 2], u64, usize)> {
    let key = array::<2>(bytes, 0).filter(|key| key.iter().all(u8::is_ascii_uppercase))?;
    let (length, taken) = variable(bytes.get(2..)?)?;
    (length >= (2 + taken) as u64).then_some((key, length, 2 + taken))
}

/// The header of Musepack of stream version 8, which is its first packet.
pub(crate) fn musepack_8(bytes: &[u8]) -> Option<Header> {
    let packets = bytes.strip_prefix(b"MPCK")?;
    let (key, _, taken) = musepack_packet(packets)?;
    // Behind a checksum: the version, samples, those of silence in front.
    let body = packets.get(taken + 4..)?;
    if &key != b"SH" || byte(body, 0)? != 8 {
        return None;
    }
    let (samples, first) = variable(body.get(1..)?)?;
    let (silence, second) = variable(body.get(1 + first..)?)?;
    let packed = be16(body, 1 + first + second)?;
    Some(Header {
        sample_rate: *MUSEPACK_RATES.get(usize::from(packed >> 13))?,
        channels: (packed >> 4 & 0x0f) + 1,
        samples: samples.checked_sub(silence).filter(|&samples| samples > 0),
        ..Header::default()
    })
}

/// A number of seven bits a byte, and how many bytes it takes.
fn variable(bytes: &[u8]) -> Option<(u64, usize)> {
    let end = bytes.iter().take(9).position(|byte| byte & 0x80 == 0)?;
    let number = bytes.get(..=end)?.iter().fold(0, |number, &byte| number << 7 | u64::from(byte & 0x7f));
    Some((number, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(magic: &[u8], numbers: &[(u32, usize)]) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        numbers.iter().for_each(|&(number, size)| bytes.extend(&number.to_le_bytes()[..size]));
        bytes
    }

    fn read(header: Header) -> (u32, u16, Option<u8>, Option<u64>, Option<u64>) {
        (header.sample_rate, header.channels, header.bits, header.samples, header.bytes)
    }

    #[test]
    fn monkeys_of_both_kinds() {
        let descriptor = [(3_990, 2), (0, 2), (52, 4), (24, 4), (8, 4), (44, 4), (1_000, 4), (0, 4), (0, 4)];
        let header = [(2_000, 2), (0, 2), (73_728, 4), (5, 4), (3, 4), (16, 2), (2, 2), (44_100, 4)];
        let new = [words(b"MAC ", &descriptor), vec![0; 16], words(b"", &header)].concat();
        assert_eq!(ape(&new).map(read), Some((44_100, 2, Some(16), Some(147_461), Some(1_128))));
        let old = [(3_900, 2), (2_000, 2), (0, 2), (1, 2), (8_000, 4), (44, 4), (0, 4), (2, 4), (7, 4)];
        assert_eq!(ape(&words(b"MAC ", &old)).map(read), Some((8_000, 1, Some(16), Some(73_735), None)));
        assert_eq!(ape(b"MAC addresses are no sound, whatever is said of them, and so on"), None);
    }

    #[test]
    fn musepack_of_both_kinds() {
        let seven = words(b"MP+\x07", &[(10, 4), (1 << 16, 4), (0, 4), (0, 4), (1 << 31 | 100 << 20, 4)]);
        assert_eq!(musepack_7(&seven).map(read), Some((48_000, 2, None, Some(10_468), None)));
        assert_eq!(musepack_7(b"MP+\x07 is how it starts, and noise is what follows"), None);
        let eight = b"MPCKSH\x0e\0\0\0\0\x08\x88\x89\x4c\0\x1b\x1b";
        assert_eq!(musepack_8(eight).map(read), Some((44_100, 2, None, Some(132_300), None)));
        for length in 0..eight.len() {
            assert_eq!(musepack_8(&eight[..length]), None);
        }
    }
}
