//! Opus: its header in Ogg (RFC 7845 §5.1) and MP4 (Opus in ISOBMFF §4.3.2), and the first byte of a packet (RFC 6716 §3.1).

use crate::bytes::{Cursor, array, be16, be32, byte, le16, le32};

/// Samples of a frame at 48 kHz by the upper five bits of the first byte: SILK, hybrid, CELT.
#[rustfmt::skip]
const FRAMES: [u32; 32] = [
    480, 960, 1920, 2880,  480, 960, 1920, 2880,  480, 960, 1920, 2880,
    480, 960,  480,  960,
    120, 240,  480,  960,  120, 240,  480,  960,  120, 240,  480,  960,  120, 240,  480,  960,
];

/// The longest packet: 120 ms at 48 kHz.
const MAX_PACKET: u32 = 5760;

/// Where the header's bytes start after the magic.
const MAGIC: &[u8; 8] = b"OpusHead";

/// The identification header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpusHead {
    /// Channels as played.
    pub channels: u8,
    /// Samples at 48 kHz that are decoded and not played.
    pub pre_skip: u16,
    /// Samples per second of what was encoded; decoding gives 48 kHz.
    pub input_rate: u32,
    /// Gain to apply, in 1/256 dB.
    pub gain: i16,
    /// Channel mapping family.
    pub family: u8,
    /// Streams, coupled streams, and the stream of each channel: where the family is not 0.
    pub mapping: Option<Mapping>,
}

/// The channel mapping table (RFC 7845 §5.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Opus streams in each packet.
    pub streams: u8,
    /// How many of them are stereo.
    pub coupled: u8,
    /// The decoded channel of each output channel; 255 for silence.
    pub channels: Vec<u8>,
}

impl OpusHead {
    /// The header of one or two channels, for a stream whose container has none (CAF).
    pub(crate) const fn plain(channels: u8, pre_skip: u16, input_rate: u32) -> Self {
        Self { channels, pre_skip, input_rate, gain: 0, family: 0, mapping: None }
    }

    /// Reads a header that starts with its magic, little-endian.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        // The upper half of the version tells incompatible changes.
        if byte(rest, 0)? & 0xf0 != 0 {
            return None;
        }
        let head = Self {
            channels: byte(rest, 1)?,
            pre_skip: le16(rest, 2)?,
            input_rate: le32(rest, 4)?,
            gain: i16::from_le_bytes(array(rest, 8)?),
            family: byte(rest, 10)?,
            mapping: None,
        };
        head.with_mapping(rest.get(11..)?)
    }

    /// Reads the content of a `dOps` box, big-endian (some muxers put the magic in front).
    pub(crate) fn parse_dops(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC).unwrap_or(bytes);
        if byte(rest, 0)? & 0xf0 != 0 {
            return None;
        }
        let head = Self {
            channels: byte(rest, 1)?,
            pre_skip: be16(rest, 2)?,
            input_rate: be32(rest, 4)?,
            gain: i16::from_be_bytes(array(rest, 8)?),
            family: byte(rest, 10)?,
            mapping: None,
        };
        head.with_mapping(rest.get(11..)?)
    }

    /// The header as Ogg and Matroska have it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, self.channels]);
        bytes.extend(self.pre_skip.to_le_bytes());
        bytes.extend(self.input_rate.to_le_bytes());
        bytes.extend(self.gain.to_le_bytes());
        bytes.push(self.family);
        if let Some(mapping) = &self.mapping {
            bytes.extend([mapping.streams, mapping.coupled]);
            bytes.extend(&mapping.channels);
        }
        bytes
    }

    /// Reads the mapping table, without which only family 0 can be understood; checks it as decoders do.
    fn with_mapping(mut self, table: &[u8]) -> Option<Self> {
        if self.family == 0 {
            return (1..=2).contains(&self.channels).then_some(self);
        }
        let mut table = Cursor(table);
        let (streams, coupled) = (table.u8()?, table.u8()?);
        let channels = table.take(usize::from(self.channels))?.to_vec();
        let decoded = u16::from(streams) + u16::from(coupled);
        let sound = streams > 0
            && coupled <= streams
            && decoded <= 255
            && self.channels > 0
            && channels.iter().all(|&channel| channel == 255 || u16::from(channel) < decoded);
        self.mapping = Some(Mapping { streams, coupled, channels });
        sound.then_some(self)
    }
}

/// Samples at 48 kHz that a packet decodes to, by its first two bytes; none for what is no packet.
pub(crate) fn packet_samples_48k(packet: &[u8]) -> Option<u32> {
    let first = byte(packet, 0)?;
    let frame = FRAMES.get(usize::from(first >> 3)).copied()?;
    let count = match first & 0x03 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(byte(packet, 1)? & 0x3f),
    };
    Some(frame * count).filter(|&samples| samples > 0 && samples <= MAX_PACKET)
}

/// The frame-count code of a packet, 0..=3 (RFC 6716 §3.2).
pub(crate) fn packet_code(packet: &[u8]) -> Option<u8> {
    byte(packet, 0).map(|first| first & 0x03)
}

/// Microseconds for samples at 48 kHz.
pub(crate) fn microseconds(samples: u32) -> u32 {
    // The longest packet has 5760 samples.
    u32::try_from(u64::from(samples) * 1_000_000 / 48_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_there_and_back() {
        let head = OpusHead::plain(2, 312, 44_100);
        assert_eq!(OpusHead::parse(&head.to_bytes()), Some(head.clone()));
        let mapping = Mapping { streams: 4, coupled: 2, channels: vec![0, 4, 1, 2, 3, 5] };
        let surround = OpusHead { channels: 6, family: 1, mapping: Some(mapping), gain: -256, ..head };
        let bytes = surround.to_bytes();
        assert_eq!(OpusHead::parse(&bytes), Some(surround));
        for length in 0..bytes.len() {
            assert_eq!(OpusHead::parse(&bytes[..length]), None);
        }
    }

    #[test]
    fn big_endian_in_mp4() {
        let box_body = [0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0];
        let head = OpusHead::parse_dops(&box_body).unwrap();
        assert_eq!((head.channels, head.pre_skip, head.input_rate), (2, 312, 48_000));
    }

    #[test]
    fn tables_that_lie_are_refused() {
        assert_eq!(OpusHead::parse(b"OpusHead\x01\x03\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(OpusHead::parse(b"OpusHead\x01\x02\0\0\0\0\0\0\0\0\x01\x01\x01\x00\x02"), None);
        assert_eq!(OpusHead::parse(b"OpusHead\x10\x02\0\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn packets_tell_their_length() {
        assert_eq!(packet_samples_48k(&[0b0100_1000]), Some(960));
        assert_eq!(packet_samples_48k(&[0b0001_1000]), Some(2880));
        assert_eq!(packet_samples_48k(&[0b1000_0001]), Some(240));
        assert_eq!(packet_samples_48k(&[0b1111_1011, 6]), Some(5760));
        assert_eq!(packet_samples_48k(&[0b1111_1011, 7]), None);
        assert_eq!(packet_samples_48k(&[0b1111_1011, 0]), None);
        assert_eq!(packet_samples_48k(&[0b1111_1011]), None);
        assert_eq!(packet_samples_48k(&[]), None);
        assert_eq!(microseconds(2880), 60_000);
    }
}
