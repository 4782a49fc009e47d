//! The header of Sun's AU files.

use crate::bytes::be32;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the sound starts.
    pub start: u64,
    /// Bytes of it; none where its writer did not know.
    pub size: Option<u64>,
    /// The number of the coding.
    pub encoding: u32,
    /// Samples per second.
    pub sample_rate: u32,
    /// How many there are.
    pub channels: u16,
}

impl Header {
    /// The magic.
    pub(crate) const MAGIC: &[u8; 4] = b".snd";

    /// Reads the first 24 bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(Self::MAGIC) {
            return None;
        }
        let [start, size, encoding, sample_rate, channels] = [4, 8, 12, 16, 20].map(|at| be32(bytes, at));
        let (start, encoding, channels) = (start?, encoding?, u16::try_from(channels?).ok()?);
        let size = size.filter(|&size| size != u32::MAX).map(u64::from);
        // The numbers of all codings that ever were are small.
        (start >= 24 && (1..=30).contains(&encoding)).then_some(Self {
            start: start.into(),
            size,
            encoding,
            sample_rate: sample_rate?,
            channels,
        })
    }

    /// The codec by the name of the field.
    pub(crate) fn codec(&self) -> String {
        let name = match self.encoding {
            1 => "mulaw",
            2..=5 => "pcm",
            6 | 7 => "pcm-float",
            23 | 25 | 26 => "g726",
            24 => "g722",
            27 => "alaw",
            other => return format!("au-{other}"),
        };
        name.to_owned()
    }

    /// Bits of a sample that is stored plainly.
    pub(crate) const fn bits(&self) -> Option<u8> {
        Some(match self.encoding {
            1 | 2 | 27 => 8,
            3 => 16,
            4 => 24,
            5 | 6 => 32,
            7 => 64,
            _ => return None,
        })
    }
}
