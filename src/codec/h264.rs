//! H.264: the decoder configuration (ISO/IEC 14496-15 §5.3.3) and the sequence parameter set (ITU-T H.264 §7.3.2.1.1).

use super::rbsp::Rbsp;
use crate::bytes::{Cursor, byte};
use crate::facts::{Chroma, ColorTags};

/// Shapes of a pixel by `aspect_ratio_idc` (H.264 table E-1); H.265 has the same.
#[rustfmt::skip]
const PIXEL_ASPECTS: [(u32, u32); 17] = [
    (0, 0), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33), (18, 11), (15, 11),
    (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
];

/// `aspect_ratio_idc` of a shape that is spelled out.
const EXTENDED_SAR: u8 = 255;

/// Profiles whose parameter sets tell the chroma format and bit depth (H.264 §7.3.2.1.1).
const WITH_CHROMA: [u8; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];

/// The longest side that a level allows is 16,880; more is a lie.
const MAX_MACROBLOCKS: u32 = 4096;

/// The decoder configuration of an `avcC` box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config<'a> {
    /// `profile_idc`.
    pub profile_idc: u8,
    /// The constraint flags, `constraint_set0_flag` first.
    pub constraints: u8,
    /// `level_idc`: ten times the level.
    pub level_idc: u8,
    /// How many bytes the length in front of a NAL unit has.
    pub length_size: u8,
    /// The first sequence parameter set, as a NAL unit.
    pub sps: Option<&'a [u8]>,
}

impl<'a> Config<'a> {
    /// Reads an AVCDecoderConfigurationRecord.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Cursor(bytes);
        if rest.u8()? != 1 {
            return None;
        }
        let (profile_idc, constraints, level_idc) = (rest.u8()?, rest.u8()?, rest.u8()?);
        let length_size = (rest.u8()? & 3) + 1;
        let count = rest.u8()? & 0x1F;
        let sps = (count > 0).then(|| rest.u16().and_then(|length| rest.take(length.into()))).flatten();
        Some(Self { profile_idc, constraints, level_idc, length_size, sps })
    }
}

/// What a sequence parameter set tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sps {
    /// `profile_idc`.
    pub profile_idc: u8,
    /// The constraint flags, `constraint_set0_flag` first.
    pub constraints: u8,
    /// `level_idc`: ten times the level.
    pub level_idc: u8,
    /// How much colour is stored.
    pub chroma: Chroma,
    /// Bits per component: the larger of brightness and colour.
    pub bit_depth: u8,
    /// Whether all pictures are frames: no fields.
    pub frames_only: bool,
    /// Width in pixels, cropped.
    pub width: u32,
    /// Height in pixels, cropped.
    pub height: u32,
    /// Shape of a pixel, where it is stated.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Colour, where it is stated.
    pub color: Option<ColorTags>,
    /// `max_num_reorder_frames`, where it is stated: 0 means no frame is shown before one that was decoded earlier.
    pub reorder: Option<u32>,
}

impl Sps {
    /// Reads a sequence parameter set from its NAL unit.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        if byte(nal, 0)? & 0x1F != 7 {
            return None;
        }
        let mut bits = Rbsp::new(nal);
        bits.skip(8)?;
        let (profile_idc, constraints, level_idc) = (bits.byte(8)?, bits.byte(8)?, bits.byte(8)?);
        bits.ue()?;
        let (chroma, bit_depth) =
            if WITH_CHROMA.contains(&profile_idc) { chroma_and_depth(&mut bits)? } else { (Chroma::Quarter, 8) };
        order_count(&mut bits)?;
        bits.ue()?;
        bits.skip(1)?;
        let columns = bits.ue_to(MAX_MACROBLOCKS)? + 1;
        let rows = bits.ue_to(MAX_MACROBLOCKS)? + 1;
        let frames_only = bits.flag()?;
        if !frames_only {
            bits.skip(1)?;
        }
        bits.skip(1)?;
        let fields = if frames_only { 1 } else { 2 };
        let (mut width, mut height) = (columns * 16, rows * 16 * fields);
        if bits.flag()? {
            let (across, down) = match chroma {
                Chroma::Gray | Chroma::Full => (1, 1),
                Chroma::Half => (2, 1),
                Chroma::Quarter => (2, 2),
            };
            let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
            width = width.checked_sub(left.checked_add(right)?.checked_mul(across)?)?;
            height = height.checked_sub(top.checked_add(bottom)?.checked_mul(down * fields)?)?;
        }
        let mut sps = Self {
            profile_idc,
            constraints,
            level_idc,
            chroma,
            bit_depth,
            frames_only,
            width,
            height,
            pixel_aspect: None,
            color: None,
            reorder: None,
        };
        // A set whose end is cut is as good as one without usability information.
        if bits.flag() == Some(true) {
            let _: Option<()> = usability(&mut bits, &mut sps);
        }
        Some(sps)
    }

    /// The profile by its name (H.264 annex A.2).
    pub(crate) const fn profile(&self) -> Option<&'static str> {
        profile_name(self.profile_idc, self.constraints)
    }
}

/// The name of a profile (H.264 annex A.2).
pub(crate) const fn profile_name(profile_idc: u8, constraints: u8) -> Option<&'static str> {
    let (set1, set3) = (constraints & 0x40 != 0, constraints & 0x10 != 0);
    Some(match (profile_idc, set1, set3) {
        (66, true, _) => "Constrained Baseline",
        (66, false, _) => "Baseline",
        (77, _, _) => "Main",
        (88, _, _) => "Extended",
        (100, _, _) => "High",
        (110, _, false) => "High 10",
        (110, _, true) => "High 10 Intra",
        (122, _, false) => "High 4:2:2",
        (122, _, true) => "High 4:2:2 Intra",
        (144 | 244, _, false) => "High 4:4:4 Predictive",
        (244, _, true) => "High 4:4:4 Intra",
        (44, _, _) => "CAVLC 4:4:4",
        (83, _, _) => "Scalable Baseline",
        (86, _, _) => "Scalable High",
        (118, _, _) => "Multiview High",
        (128, _, _) => "Stereo High",
        _ => return None,
    })
}

fn chroma_and_depth(bits: &mut Rbsp) -> Option<(Chroma, u8)> {
    let chroma = chroma(bits.ue()?)?;
    if chroma == Chroma::Full {
        bits.skip(1)?;
    }
    let depth = bits.ue_to(6)?.max(bits.ue_to(6)?) + 8;
    bits.skip(1)?;
    if bits.flag()? {
        let lists = if chroma == Chroma::Full { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some((chroma, u8::try_from(depth).ok()?))
}

/// The chroma format by its number, the same in H.264 and H.265.
pub(crate) const fn chroma(format: u32) -> Option<Chroma> {
    Some(match format {
        0 => Chroma::Gray,
        1 => Chroma::Quarter,
        2 => Chroma::Half,
        3 => Chroma::Full,
        _ => return None,
    })
}

fn scaling_list(bits: &mut Rbsp, size: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn order_count(bits: &mut Rbsp) -> Option<()> {
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue_to(255)? {
                bits.se()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Video usability information (H.264 annex E.1.1), as far as `bitstream_restriction`.
fn usability(bits: &mut Rbsp, sps: &mut Sps) -> Option<()> {
    (sps.pixel_aspect, sps.color) = aspect_and_color(bits)?;
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    if bits.flag()? {
        bits.skip(65)?;
    }
    let nal_rates = bits.flag()?;
    if nal_rates {
        decoder_rates(bits)?;
    }
    let stream_rates = bits.flag()?;
    if stream_rates {
        decoder_rates(bits)?;
    }
    if nal_rates || stream_rates {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    if bits.flag()? {
        bits.skip(1)?;
        for _ in 0..4 {
            bits.ue()?;
        }
        sps.reorder = bits.ue();
    }
    Some(())
}

/// The shape of a pixel: width to height.
pub(crate) type Aspect = (u32, u32);

/// The first fields of usability information, which H.265 shares: shape of a pixel, overscan, colour.
pub(crate) fn aspect_and_color(bits: &mut Rbsp) -> Option<(Option<Aspect>, Option<ColorTags>)> {
    let mut aspect = None;
    if bits.flag()? {
        aspect = match bits.byte(8)? {
            EXTENDED_SAR => Some((bits.bits(16)?, bits.bits(16)?)),
            known => PIXEL_ASPECTS.get(usize::from(known)).copied(),
        };
    }
    if bits.flag()? {
        bits.skip(1)?;
    }
    let mut color = None;
    if bits.flag()? {
        bits.skip(3)?;
        let mut tags = ColorTags { full_range: bits.flag()?, ..ColorTags::default() };
        if bits.flag()? {
            (tags.primaries, tags.transfer, tags.matrix) = (bits.byte(8)?, bits.byte(8)?, bits.byte(8)?);
        }
        color = Some(tags);
    }
    Some((aspect.filter(|&(wide, high)| wide > 0 && high > 0), color))
}

/// Hypothetical reference decoder parameters (H.264 annex E.1.2).
fn decoder_rates(bits: &mut Rbsp) -> Option<()> {
    let count = bits.ue_to(31)? + 1;
    bits.skip(8)?;
    for _ in 0..count {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    bits.skip(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_of_encoders() {
        // x264, High, 320x240, with usability information.
        let x264 = [
            0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
            0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
        ];
        let sps = Sps::parse(&x264).unwrap();
        assert_eq!((sps.width, sps.height, sps.profile(), sps.level_idc), (320, 240, Some("High"), 13));
        assert_eq!((sps.chroma, sps.bit_depth, sps.frames_only, sps.reorder), (Chroma::Quarter, 8, true, Some(2)));
        for end in 0..x264.len() {
            let _: Option<Sps> = Sps::parse(&x264[..end]);
        }
        assert_eq!(profile_name(66, 0xc0), Some("Constrained Baseline"));
        assert_eq!(profile_name(66, 0x80), Some("Baseline"));
    }

    #[test]
    fn configuration_that_is_cut_gives_what_is_there() {
        let config = [1, 77, 0x40, 31, 0xff, 0xe1, 0, 4, 0x67, 1];
        let parsed = Config::parse(&config).unwrap();
        assert_eq!((parsed.profile_idc, parsed.level_idc, parsed.length_size, parsed.sps), (77, 31, 4, None));
        assert_eq!(Config::parse(&config[..4]), None);
    }
}
