//! HEVC: the decoder configuration (ISO/IEC 14496-15 §8.3.3) and the sequence parameter set (ITU-T H.265 §7.3.2.2).

use super::h264::{aspect_and_color, chroma};
use super::rbsp::Rbsp;
use crate::bytes::{Cursor, byte};
use crate::facts::{Chroma, ColorTags};

/// NAL unit type of a sequence parameter set (H.265 table 7-1).
const SPS: u8 = 33;

/// The most arrays and units of a configuration that are looked at.
const MAX_UNITS: usize = 64;

/// The longest side that a level allows is 16,888.
const MAX_SIDE: u32 = 65_535;

/// The decoder configuration of an `hvcC` box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config<'a> {
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// Ten times the level.
    pub level: u8,
    /// How much colour is stored.
    pub chroma: Option<Chroma>,
    /// Bits per component: the larger of brightness and colour.
    pub bit_depth: u8,
    /// How many bytes the length in front of a NAL unit has.
    pub length_size: u8,
    /// The first sequence parameter set, as a NAL unit.
    pub sps: Option<&'a [u8]>,
}

impl<'a> Config<'a> {
    /// Reads an HEVCDecoderConfigurationRecord.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let fixed = bytes.get(..23)?;
        let at = |index: usize| byte(fixed, index);
        let mut config = Self {
            profile_idc: at(1)? & 0x1F,
            level: at(12)? / 3,
            chroma: chroma(u32::from(at(16)? & 3)),
            bit_depth: (at(17)? & 7).max(at(18)? & 7) + 8,
            length_size: (at(21)? & 3) + 1,
            sps: None,
        };
        let mut rest = Cursor(bytes.get(23..)?);
        let _: Option<()> = (|| {
            for _ in 0..at(22)? {
                let kind = rest.u8()? & 0x3F;
                for _ in 0..usize::from(rest.u16()?).min(MAX_UNITS) {
                    let length = rest.u16()?;
                    let unit = rest.take(length.into())?;
                    if kind == SPS && config.sps.is_none() {
                        config.sps = Some(unit);
                    }
                }
            }
            Some(())
        })();
        Some(config)
    }
}

/// The name of a profile (H.265 annex A.3).
pub(crate) const fn profile_name(profile_idc: u8) -> Option<&'static str> {
    Some(match profile_idc {
        1 => "Main",
        2 => "Main 10",
        3 => "Main Still Picture",
        4 => "Rext",
        9 | 11 => "Scc",
        _ => return None,
    })
}

/// What a sequence parameter set tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sps {
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// Ten times the level.
    pub level: u8,
    /// How much colour is stored.
    pub chroma: Chroma,
    /// Bits per component: the larger of brightness and colour.
    pub bit_depth: u8,
    /// Width in pixels, cropped.
    pub width: u32,
    /// Height in pixels, cropped.
    pub height: u32,
    /// Shape of a pixel, where it is stated.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Colour, where it is stated.
    pub color: Option<ColorTags>,
    /// Whether pictures are fields.
    pub fields: bool,
    /// `sps_max_num_reorder_pics` of the whole stream.
    pub reorder: u32,
}

impl Sps {
    /// Reads a sequence parameter set from its NAL unit.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        if byte(nal, 0)? >> 1 & 0x3F != SPS {
            return None;
        }
        let mut bits = Rbsp::new(nal);
        bits.skip(16 + 4)?;
        let sub_layers = bits.bits(3)?;
        bits.skip(1)?;
        let (profile_idc, level) = profile_and_level(&mut bits, sub_layers)?;
        bits.ue()?;
        let chroma = chroma(bits.ue()?)?;
        if chroma == Chroma::Full {
            bits.skip(1)?;
        }
        let (mut width, mut height) = (bits.ue_to(MAX_SIDE)?, bits.ue_to(MAX_SIDE)?);
        if bits.flag()? {
            let (across, down) = match chroma {
                Chroma::Gray | Chroma::Full => (1, 1),
                Chroma::Half => (2, 1),
                Chroma::Quarter => (2, 2),
            };
            let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
            width = width.checked_sub(left.checked_add(right)?.checked_mul(across)?)?;
            height = height.checked_sub(top.checked_add(bottom)?.checked_mul(down)?)?;
        }
        let bit_depth = u8::try_from(bits.ue_to(8)?.max(bits.ue_to(8)?) + 8).ok()?;
        let order_bits = bits.ue_to(12)? + 4;
        let first = if bits.flag()? { 0 } else { sub_layers };
        let mut reorder = 0;
        for _ in first..=sub_layers {
            bits.ue()?;
            reorder = bits.ue()?;
            bits.ue()?;
        }
        let mut sps = Self {
            profile_idc,
            level,
            chroma,
            bit_depth,
            width,
            height,
            pixel_aspect: None,
            color: None,
            fields: false,
            reorder,
        };
        // What stands behind is a gain, not a need.
        let _: Option<()> = usability(&mut bits, order_bits, &mut sps);
        Some(sps)
    }
}

/// `profile_tier_level` (H.265 §7.3.3).
fn profile_and_level(bits: &mut Rbsp, sub_layers: u32) -> Option<(u8, u8)> {
    bits.skip(3)?;
    let profile_idc = bits.byte(5)?;
    bits.skip(32 + 48)?;
    let level = bits.byte(8)? / 3;
    let mut present = [(false, false); 8];
    for layer in present.iter_mut().take(sub_layers as usize) {
        *layer = (bits.flag()?, bits.flag()?);
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some((profile_idc, level))
}

/// All between the reordering and the usability information, and its first fields (H.265 §7.3.2.2, annex E.2.1).
fn usability(bits: &mut Rbsp, order_bits: u32, sps: &mut Sps) -> Option<()> {
    for _ in 0..6 {
        bits.ue()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(8)?;
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    reference_sets(bits)?;
    if bits.flag()? {
        for _ in 0..bits.ue_to(32)? {
            bits.skip(order_bits as usize + 1)?;
        }
    }
    bits.skip(2)?;
    if !bits.flag()? {
        return Some(());
    }
    (sps.pixel_aspect, sps.color) = aspect_and_color(bits)?;
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    bits.skip(1)?;
    sps.fields = bits.flag()?;
    Some(())
}

/// `scaling_list_data` (H.265 §7.3.4).
fn scaling_lists(bits: &mut Rbsp) -> Option<()> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..(1_usize << (4 + 2 * size)).min(64) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// The short-term reference picture sets (H.265 §7.3.7).
fn reference_sets(bits: &mut Rbsp) -> Option<()> {
    let count = bits.ue_to(64)?;
    let mut pictures = 0;
    for index in 0..count {
        if index > 0 && bits.flag()? {
            bits.skip(1)?;
            bits.ue()?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.flag()?;
                if used || bits.flag()? {
                    kept += 1;
                }
            }
            pictures = kept;
        } else {
            let (before, after) = (bits.ue_to(16)?, bits.ue_to(16)?);
            for _ in 0..before + after {
                bits.ue()?;
                bits.skip(1)?;
            }
            pictures = before + after;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_set_of_x265() {
        // x265, Main, 320x240 at level 2, with colour stated as BT.709.
        let nal = [
            0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c,
            0xa0, 0x0a, 0x08, 0x0f, 0x16, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x40, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
            0x00, 0x00, 0x06, 0x42,
        ];
        let sps = Sps::parse(&nal).unwrap();
        assert_eq!((sps.profile_idc, sps.level, sps.width, sps.height), (1, 20, 320, 240));
        assert_eq!((sps.chroma, sps.bit_depth, sps.fields), (Chroma::Quarter, 8, false));
        for end in 0..nal.len() {
            let _: Option<Sps> = Sps::parse(&nal[..end]);
        }
    }
}
