//! VP8, VP9 and AV1 in boxes: their decoder configurations (VP Codec ISO Media File Format Binding §2; AV1 Codec ISO Media
//! File Format Binding §2.3).

use super::av1;
use crate::bytes::byte;
use crate::facts::{Chroma, ColorTags};

/// What a configuration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    /// The number of the profile.
    pub profile_idc: u8,
    /// The profile by its name.
    pub profile: &'static str,
    /// Ten times the level.
    pub level: Option<u8>,
    /// How much colour is stored.
    pub chroma: Chroma,
    /// Bits per component.
    pub bit_depth: u8,
    /// Colour, where it is stated.
    pub color: Option<ColorTags>,
}

impl Config {
    /// Reads the content of a `vpcC` box.
    pub(crate) fn parse_vpcc(bytes: &[u8]) -> Option<Self> {
        let at = |index| byte(bytes, index);
        let profile_idc = at(4)?;
        let packed = at(6)?;
        Some(Self {
            profile_idc,
            profile: ["Profile 0", "Profile 1", "Profile 2", "Profile 3"].get(usize::from(profile_idc))?,
            level: at(5).filter(|&level| level > 0),
            chroma: match packed >> 1 & 7 {
                0 | 1 => Chroma::Quarter,
                2 => Chroma::Half,
                _ => Chroma::Full,
            },
            bit_depth: packed >> 4,
            color: Some(ColorTags { full_range: packed & 1 == 1, primaries: at(7)?, transfer: at(8)?, matrix: at(9)? }),
        })
    }

    /// Reads an AV1CodecConfigurationRecord.
    pub(crate) fn parse_av1c(bytes: &[u8]) -> Option<Self> {
        if byte(bytes, 0)? != 0x81 {
            return None;
        }
        let (first, second) = (byte(bytes, 1)?, byte(bytes, 2)?);
        let (profile_idc, level) = (first >> 5, first & 0x1F);
        Some(Self {
            profile_idc,
            profile: ["Main", "High", "Professional"].get(usize::from(profile_idc))?,
            // Index 31 stands for "no level" (AV1 annex A.3).
            level: (level < 24).then(|| (2 + level / 4) * 10 + level % 4),
            chroma: match (second & 0x10 != 0, second & 0x08 != 0, second & 0x04 != 0) {
                (true, _, _) => Chroma::Gray,
                (_, true, true) => Chroma::Quarter,
                (_, true, false) => Chroma::Half,
                _ => Chroma::Full,
            },
            bit_depth: match (second & 0x40 != 0, second & 0x20 != 0) {
                (true, true) => 12,
                (true, false) => 10,
                (false, _) => 8,
            },
            // The sequence header stands behind the record's own bytes, where there is one.
            color: bytes.get(4..).and_then(av1::color),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let av1 = Config::parse_av1c(&[0x81, 0x08, 0x4c, 0]).unwrap();
        assert_eq!((av1.profile, av1.level, av1.bit_depth, av1.chroma), ("Main", Some(40), 10, Chroma::Quarter));
        let vp9 = Config::parse_vpcc(&[1, 0, 0, 0, 2, 31, 0xa2, 9, 16, 9, 0, 0]).unwrap();
        assert_eq!((vp9.profile, vp9.level, vp9.bit_depth), ("Profile 2", Some(31), 10));
        assert_eq!(Config::parse_av1c(&[0x81, 8]), None);
    }
}
