//! AV1's units: how many frames they hold, and what a sequence header says of colour (AV1 Bitstream & Decoding Process
//! Specification §5.3 to §5.5).

use crate::facts::ColorTags;

/// `obu_type` of a sequence header (§6.2.2).
const SEQUENCE: u8 = 1;

/// The units in `data`, each with its type; what does not read ends them.
fn units(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&header, mut rest) = data.split_first()?;
        if header & 4 != 0 {
            rest = rest.get(1..).unwrap_or_default();
        }
        // Without a size the unit reaches to the end.
        let (content, after) = if header & 2 == 0 { (rest, &[][..]) } else { sized(rest) };
        data = after;
        Some((header >> 3 & 15, content))
    })
}

/// The content behind a size, and what follows it; all there is where the size lies.
fn sized(mut rest: &[u8]) -> (&[u8], &[u8]) {
    let mut size = 0_u64;
    for shift in 0..8 {
        let Some((&byte, tail)) = rest.split_first() else { return (&[], &[]) };
        rest = tail;
        size |= u64::from(byte & 127) << (7 * shift);
        if byte & 128 == 0 {
            break;
        }
    }
    usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size)).unwrap_or((rest, &[]))
}

/// How many frames a row of units would decode.
#[cfg(feature = "avif")]
pub(crate) fn coded_frames(data: &[u8]) -> u32 {
    /// `obu_type` of a frame header, and of a whole frame.
    const FRAMES: [u8; 2] = [3, 6];
    let frames = units(data).filter(|(kind, _)| FRAMES.contains(kind)).count();
    u32::try_from(frames).unwrap_or(u32::MAX)
}

/// The colour by the first sequence header in `data`.
pub(crate) fn color(data: &[u8]) -> Option<ColorTags> {
    let (_, header) = units(data).find(|(kind, _)| *kind == SEQUENCE)?;
    let mut bits = Bits { bytes: header, at: 0 };
    let profile = bits.take(3)?;
    let reduced = bits.take(2)? & 1 == 1;
    if reduced {
        bits.take(5)?;
    } else {
        operating_points(&mut bits)?;
    }
    let (wide, high) = (bits.take(4)? + 1, bits.take(4)? + 1);
    bits.take(wide)?;
    bits.take(high)?;
    if !reduced && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !reduced {
        tools(&mut bits)?;
    }
    bits.take(3)?;
    color_config(&mut bits, profile)
}

/// §5.5.1, from `timing_info_present_flag` to the end of the operating points.
fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            bits.exponential()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?;
        if bits.take(5)? > 7 {
            bits.take(1)?;
        }
        if let Some(length) = delay_bits
            && bits.flag()?
        {
            bits.take(length)?;
            bits.take(length)?;
            bits.take(1)?;
        }
        if display_delay && bits.flag()? {
            bits.take(4)?;
        }
    }
    Some(())
}

/// §5.5.1, from `enable_interintra_compound` to the order hints.
fn tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.take(4)?;
    let order = bits.flag()?;
    if order {
        bits.take(2)?;
    }
    // 2 stands for "chosen frame by frame".
    let screen_content = if bits.flag()? { 2 } else { bits.take(1)? };
    if screen_content > 0 && !bits.flag()? {
        bits.take(1)?;
    }
    if order {
        bits.take(3)?;
    }
    Some(())
}

/// §5.5.2.
fn color_config(bits: &mut Bits<'_>, profile: u32) -> Option<ColorTags> {
    if bits.flag()? && profile == 2 {
        bits.take(1)?;
    }
    let gray = profile != 1 && bits.flag()?;
    let mut color = ColorTags::default();
    if bits.flag()? {
        let mut number = || bits.take(8).and_then(|number| u8::try_from(number).ok());
        (color.primaries, color.transfer, color.matrix) = (number()?, number()?, number()?);
    }
    let rgb = !gray && (color.primaries, color.transfer, color.matrix) == (1, 13, 0);
    color.full_range = rgb || bits.flag()?;
    Some(color)
}

/// Bits, the first of a byte first.
struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// `uvlc` (§4.10.3), passed over.
    fn exponential(&mut self) -> Option<()> {
        let zeros = (0..32).take_while(|_| self.flag() == Some(false)).count();
        if zeros < 32 { self.take(u32::try_from(zeros).ok()?).map(drop) } else { Some(()) }
    }
}

#[cfg(all(test, feature = "avif"))]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_and_lies_end_the_count() {
        assert_eq!(coded_frames(&[0x12, 0, 0x32, 1, 9, 0x1A, 0, 0x30, 1, 2]), 3);
        assert_eq!(coded_frames(&[0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), 1);
        assert_eq!(coded_frames(&[]), 0);
    }
}
