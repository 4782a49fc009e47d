//! AMR frames in a file or sample: one byte of type before each (RFC 4867 §5.3).

/// The magic of a file of one channel.
pub(crate) const MAGIC_NARROW: &[u8] = b"#!AMR\n";
/// The magic of a wide-band file of one channel.
pub(crate) const MAGIC_WIDE: &[u8] = b"#!AMR-WB\n";

/// Bytes of a narrow-band frame with its type byte (3GPP TS 26.101 table 1): eight rates, comfort noise in four kinds,
/// three reserved types (which hold nothing), no data.
const NARROW: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 1, 1, 1, 1];

/// Bytes of a wide-band frame with its type byte (3GPP TS 26.201 table 2): nine rates, comfort noise, reserved types, lost, no data.
const WIDE: [usize; 16] = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1];

/// Which of the two codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Band {
    /// AMR-NB: 8 kHz.
    Narrow,
    /// AMR-WB: 16 kHz.
    Wide,
}

impl Band {
    /// The codec by the name of the field.
    pub(crate) const fn codec(self) -> &'static str {
        match self {
            Self::Narrow => "amr",
            Self::Wide => "amr-wb",
        }
    }

    /// Samples per second.
    pub(crate) const fn sample_rate(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// Samples a frame: 20 ms.
    pub(crate) const fn frame_samples(self) -> u32 {
        self.sample_rate() / 50
    }

    /// Bytes of the frame that starts with the type byte `first`, that byte among them.
    pub(crate) fn frame_length(self, first: u8) -> usize {
        let table = match self {
            Self::Narrow => &NARROW,
            Self::Wide => &WIDE,
        };
        table.get(usize::from(first >> 3 & 0x0f)).copied().unwrap_or(1)
    }

    /// Whether `first` can start a frame of a file: no further frame in this block, no bits where zeros must be, a type that exists.
    pub(crate) const fn starts_frame(self, first: u8) -> bool {
        let kind = first >> 3 & 0x0f;
        let exists = match self {
            Self::Narrow => kind <= 11 || kind == 15,
            Self::Wide => kind <= 9 || kind >= 14,
        };
        first & 0x83 == 0 && exists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_by_their_type() {
        assert_eq!(Band::Narrow.frame_length(0x3c), 32);
        assert_eq!(Band::Narrow.frame_length(0x7c), 1);
        assert_eq!(Band::Wide.frame_length(0x44), 61);
        assert_eq!((Band::Narrow.frame_samples(), Band::Wide.frame_samples()), (160, 320));
        assert!(
            Band::Narrow.starts_frame(0x3c) && !Band::Narrow.starts_frame(0xbc) && !Band::Narrow.starts_frame(0x6c)
        );
        assert!(Band::Wide.starts_frame(0x74) && !Band::Wide.starts_frame(0x54));
    }
}
