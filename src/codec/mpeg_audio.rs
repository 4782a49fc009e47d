//! MPEG audio: frame headers (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3, and MPEG 2.5), and what encoders put into the
//! first frame: Xing or Info with LAME's delays, or VBRI.

use crate::bytes::{array, be16, be32, byte, find};

/// kbit/s for layers I, II, III of version 1, then layer I and layers II, III of the lower rates.
#[rustfmt::skip]
const BITRATES: [[u16; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56,  64,  80,  96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48,  56,  64,  80,  96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56,  64,  80,  96, 112, 128, 144, 160, 176, 192, 224, 256],
    [ 8, 16, 24,  32,  40,  48,  56,  64,  80,  96, 112, 128, 144, 160],
];

/// Samples per second of version 1.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// Samples that a decoder of layer III delays, beyond what the encoder did (LAME's `DECDELAY`).
pub(crate) const DECODER_DELAY: u32 = 529;

/// The version of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MPEG-1: 32 to 48 kHz.
    One,
    /// MPEG-2: half of it.
    Two,
    /// MPEG 2.5: a quarter of it.
    TwoAndHalf,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Which version.
    pub version: Version,
    /// Which layer: 1..=3.
    pub layer: u8,
    /// kbit/s.
    pub kilobits: u16,
    /// Samples per second.
    pub sample_rate: u32,
    /// One or two.
    pub channels: u16,
    /// Whether a checksum follows the header.
    pub checksum: bool,
    /// Whole length in bytes, with the header.
    pub frame_length: usize,
}

impl Header {
    /// Reads the four bytes of a header. Free format (bitrate index 0) does not tell its length and is not read.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[first, second, third, fourth] = bytes.first_chunk()?;
        if first != 0xff || second & 0xe0 != 0xe0 {
            return None;
        }
        let version = match second >> 3 & 0x03 {
            0 => Version::TwoAndHalf,
            2 => Version::Two,
            3 => Version::One,
            _ => return None,
        };
        let layer = match second >> 1 & 0x03 {
            0 => return None,
            bits => 4 - bits,
        };
        let row = match (version, layer) {
            (Version::One, layer) => usize::from(layer) - 1,
            (_, 1) => 3,
            (_, _) => 4,
        };
        let kilobits = BITRATES.get(row)?.get(usize::from(third >> 4).checked_sub(1)?).copied()?;
        let divisor = match version {
            Version::One => 1,
            Version::Two => 2,
            Version::TwoAndHalf => 4,
        };
        let sample_rate = RATES.get(usize::from(third >> 2 & 0x03))? / divisor;
        let padding = u32::from(third >> 1 & 0x01);
        let bits = u32::from(kilobits) * 1000;
        let length = match (layer, version) {
            (1, _) => (12 * bits / sample_rate + padding) * 4,
            (3, Version::Two | Version::TwoAndHalf) => 72 * bits / sample_rate + padding,
            _ => 144 * bits / sample_rate + padding,
        };
        Some(Self {
            version,
            layer,
            kilobits,
            sample_rate,
            channels: if fourth >> 6 == 3 { 1 } else { 2 },
            checksum: second & 0x01 == 0,
            frame_length: usize::try_from(length).ok()?,
        })
    }

    /// The codec by the name of the field.
    pub(crate) const fn codec(&self) -> &'static str {
        if self.layer == 3 { "mp3" } else { "mp2" }
    }

    /// What all frames of a stream have in common.
    pub(crate) const fn common(&self) -> (Version, u8, u32) {
        (self.version, self.layer, self.sample_rate)
    }

    /// Samples per channel of a frame.
    pub(crate) const fn samples(&self) -> u32 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (3, Version::Two | Version::TwoAndHalf) => 576,
            _ => 1152,
        }
    }

    /// Bytes of side information that follow the header of layer III.
    const fn side_information(&self) -> usize {
        match (self.version, self.channels) {
            (Version::One, 1) => 17,
            (Version::One, _) => 32,
            (_, 1) => 9,
            (_, _) => 17,
        }
    }
}

/// What an encoder wrote into a first frame that holds no sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Information {
    /// Frames that follow.
    pub frames: Option<u32>,
    /// Bytes of the stream, this frame among them.
    pub bytes: Option<u32>,
    /// Samples that the encoder put before the first and behind the last.
    pub delays: Option<(u16, u16)>,
}

impl Information {
    /// Reads it from a whole first frame.
    pub(crate) fn parse(frame: &[u8], header: &Header) -> Option<Self> {
        if header.layer != 3 {
            return None;
        }
        // The checksum is counted by some writers and forgotten by most.
        let places = [4 + header.side_information(), 6 + header.side_information()];
        places.iter().find_map(|&place| Self::xing(frame.get(place..)?)).or_else(|| Self::vbri(frame.get(36..)?))
    }

    /// `Xing` or `Info`, and what LAME and libavformat put behind it.
    fn xing(tag: &[u8]) -> Option<Self> {
        if !tag.starts_with(b"Xing") && !tag.starts_with(b"Info") {
            return None;
        }
        let flags = be32(tag, 4)?;
        let mut at = 8;
        let mut number = |bit: u32, size: usize| {
            let place = (flags & bit != 0).then_some(at);
            at += if place.is_some() { size } else { 0 };
            place
        };
        let (frames, bytes) = (number(1, 4), number(2, 4));
        number(4, 100);
        number(8, 4);
        let encoder = tag.get(at..).unwrap_or_default();
        let known = [&b"LAME"[..], b"Lavf", b"Lavc", b"L3.9"].iter().any(|name| encoder.starts_with(name));
        let delays = array::<3>(encoder, 21).filter(|_| known).map(|[high, both, low]| {
            let (high, both, low) = (u16::from(high), u16::from(both), u16::from(low));
            (high << 4 | both >> 4, (both & 0x0f) << 8 | low)
        });
        let read = |place: Option<usize>| place.and_then(|place| be32(tag, place)).filter(|&number| number > 0);
        Some(Self { frames: read(frames), bytes: read(bytes), delays })
    }

    /// Fraunhofer's tag.
    fn vbri(tag: &[u8]) -> Option<Self> {
        if !tag.starts_with(b"VBRI") {
            return None;
        }
        let delay = be16(tag, 6)?;
        Some(Self { frames: be32(tag, 14), bytes: be32(tag, 10), delays: Some((delay, 0)).filter(|_| delay > 0) })
    }
}

/// The bytes that an ID3v2 tag at the start of `bytes` takes, with header and footer (ID3v2.4 §3.1); seven bits a byte.
pub(crate) fn id3_length(bytes: &[u8]) -> Option<u64> {
    let size: [u8; 4] = array(bytes, 6)?;
    if !bytes.starts_with(b"ID3") || byte(bytes, 3)? > 4 || size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let footer = if byte(bytes, 5)? & 0x10 != 0 { 10 } else { 0 };
    Some(size.iter().fold(0_u64, |size, &byte| size << 7 | u64::from(byte)) + 10 + footer)
}

/// Whether the beginning of an ID3v2 tag has a picture frame: `APIC`, or `PIC` in version 2.2. Frames are walked as long as they make sense.
pub(crate) fn id3_has_picture(tag: &[u8]) -> bool {
    let version = byte(tag, 3).unwrap_or(0);
    let flags = byte(tag, 5).unwrap_or(0);
    let (code, header) = if version == 2 { (3_usize, 6) } else { (4, 10) };
    if flags & 0x80 != 0 {
        // Unsynchronised tags shift sizes: the code alone is looked for.
        return find(tag, b"APIC\0").is_some();
    }
    let extended = if flags & 0x40 != 0 && version > 2 { extended_header(tag, version) } else { 0 };
    let mut at = 10_usize.saturating_add(extended);
    // A frame takes at least its header, so that this ends with the tag.
    while let Some(kind) = tag.get(at..).and_then(|rest| rest.get(..code)) {
        match kind {
            b"APIC" | b"PIC" => return true,
            [0, ..] => return false,
            _ => {}
        }
        let size = match version {
            2 => array::<3>(tag, at + 3).map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low])),
            3 => be32(tag, at + 4),
            _ => {
                array::<4>(tag, at + 4).map(|size| size.iter().fold(0, |all, &byte| all << 7 | u32::from(byte & 0x7f)))
            }
        };
        let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else { return false };
        at = at.saturating_add(header).saturating_add(size);
    }
    false
}

fn extended_header(tag: &[u8], version: u8) -> usize {
    let size = be32(tag, 10).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    // Version 2.3 does not count the size's own four bytes.
    if version == 3 { size.saturating_add(4) } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_versions_and_layers() {
        let header = Header::parse(&[0xff, 0xfb, 0x90, 0x00]).unwrap();
        assert_eq!((header.kilobits, header.sample_rate, header.frame_length), (128, 44_100, 417));
        assert_eq!((header.channels, header.samples(), header.codec()), (2, 1152, "mp3"));
        let half = Header::parse(&[0xff, 0xf3, 0x84, 0xc0]).unwrap();
        assert_eq!((half.version, half.sample_rate, half.samples(), half.channels), (Version::Two, 24_000, 576, 1));
        let quarter = Header::parse(&[0xff, 0xe3, 0x18, 0xc0]).unwrap();
        assert_eq!((quarter.version, quarter.sample_rate, quarter.kilobits), (Version::TwoAndHalf, 8_000, 8));
        assert_eq!(quarter.frame_length, 72);
        let layer_2 = Header::parse(&[0xff, 0xfd, 0x84, 0x00]).unwrap();
        assert_eq!((layer_2.layer, layer_2.frame_length, layer_2.samples()), (2, 384, 1152));
        let layer_1 = Header::parse(&[0xff, 0xff, 0x94, 0x00]).unwrap();
        assert_eq!((layer_1.layer, layer_1.samples(), layer_1.frame_length), (1, 384, 288));
        for bad in [[0xff, 0xff, 0xff, 0xff], [0xff, 0xe9, 0x90, 0], [0xff, 0xf9, 0x90, 0], [0xff, 0xfb, 0, 0]] {
            assert_eq!(Header::parse(&bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn first_frame_tells_length_and_delays() {
        let header = Header::parse(&[0xff, 0xfb, 0x90, 0x00]).unwrap();
        let mut frame = vec![0; 417];
        frame[36..40].copy_from_slice(b"Info");
        frame[43] = 0x0f;
        frame[46..48].copy_from_slice(&[0x01, 0x02]);
        frame[50..52].copy_from_slice(&[0x10, 0x00]);
        frame[156..160].copy_from_slice(b"Lavf");
        frame[177..180].copy_from_slice(&[0x24, 0x06, 0x00]);
        let found = Information::parse(&frame, &header).unwrap();
        assert_eq!(found, Information { frames: Some(258), bytes: Some(4096), delays: Some((576, 1536)) });
        for length in 0..frame.len() {
            let _ = Information::parse(&frame[..length], &header);
        }
    }

    #[test]
    fn pictures_in_tags() {
        let tag = |version: u8, body: &[u8]| [&b"ID3"[..], &[version, 0, 0, 0, 0, 0, 60], body].concat();
        assert!(id3_has_picture(&tag(3, b"TIT2\0\0\0\x02\0\0abAPIC\0\0\0\x09\0\0")));
        assert!(id3_has_picture(&tag(2, b"TT2\0\0\x02abPIC\0\0\x09")));
        assert!(!id3_has_picture(&tag(4, b"TXXX\0\0\0\x06\0\0APIC\0\0\0\0\0")));
        assert!(!id3_has_picture(&tag(3, b"TIT2\xff\xff\xff\xff\0\0")));
        assert_eq!(id3_length(&tag(4, b"")), Some(70));
    }
}
