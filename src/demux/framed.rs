//! Frames of sound that is decoded elsewhere: AC-3, DTS, and AAC in LOAS. They are counted, and not taken apart.

use super::frames::{Frame, Syntax};
use crate::codec::{ac3, dts};

/// AC-3 and E-AC-3.
#[derive(Debug)]
pub(crate) struct Ac3;

impl Syntax for Ac3 {
    const FIRST: &[u8] = &[0x0b];

    fn frame(bytes: &[u8]) -> Option<Frame> {
        let header = ac3::Header::parse(bytes)?;
        // Frames of both kinds may stand beside one another, those of the latter with more channels.
        Some(Frame { length: header.frame_length, samples: header.samples, common: header.sample_rate })
    }
}

/// DTS, with its extensions.
#[derive(Debug)]
pub(crate) struct Dts;

impl Syntax for Dts {
    const FIRST: &[u8] = &[0x7f, 0xfe, 0x1f, 0xff, 0x64];
    /// 14 bits of length, which take 16 each where words have 14.
    const LONGEST: u64 = 18_726;

    fn frame(bytes: &[u8]) -> Option<Frame> {
        let header = dts::Header::parse(bytes)?;
        Some(Frame { length: header.frame_length, samples: header.samples, common: header.form })
    }
}

/// LOAS (ISO/IEC 14496-3 §1.7.2): 11 bits of sync, 13 of length. What a frame holds is told by the multiplex in it.
#[derive(Debug)]
pub(crate) struct Loas;

impl Loas {
    /// Bytes of the header.
    pub(crate) const HEADER: usize = 3;
}

impl Syntax for Loas {
    const FIRST: &[u8] = &[0x56];

    fn frame(bytes: &[u8]) -> Option<Frame> {
        let &[0x56, second, third] = bytes.first_chunk()? else { return None };
        let length = usize::from(second & 0x1f) << 8 | usize::from(third);
        (second & 0xe0 == 0xe0 && length > 0).then_some(Frame { length: length + Self::HEADER, samples: 1, common: 0 })
    }
}
