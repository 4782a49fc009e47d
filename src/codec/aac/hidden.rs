//! SBR and parametric stereo of which nothing but the frames speaks.

use super::{Bits, Config};

/// Frames that are asked.
const ASKED: usize = 32;

/// Frames with SBR of which that many must be there before parametric stereo is believed: chance finds it in one of five.
const STEREO: usize = 16;

/// The longest extension that is looked for, in bytes.
const MAX_EXTENSION: usize = 80;

/// What the first frames of a stream were found to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Hidden {
    asked: usize,
    replicated: usize,
    stereo: usize,
}

impl Hidden {
    /// Whether enough frames were asked.
    pub(crate) const fn is_done(&self) -> bool {
        self.asked >= ASKED
    }

    /// Asks the next access unit.
    pub(crate) fn ask(&mut self, unit: &[u8]) {
        self.asked += 1;
        if let Some(payload) = Payload::find(unit) {
            self.replicated += 1;
            self.stereo += usize::from(payload.may_hold_stereo());
        }
    }

    /// `config` with what most of the frames carry; none where they carry nothing.
    pub(crate) fn revealed(&self, config: Config) -> Option<Config> {
        let stereo = self.replicated >= STEREO && self.stereo * 4 > self.replicated * 3;
        (self.replicated * 2 > self.asked).then(|| config.with_implicit_sbr(stereo))
    }
}

/// SBR data within an access unit, in bits from its start.
#[derive(Debug, Clone, Copy)]
struct Payload<'a> {
    bits: Bits<'a>,
    start: usize,
    end: usize,
}

impl<'a> Payload<'a> {
    /// The fill element at the end that holds SBR data (ISO/IEC 14496-3 §4.4.1.1, `EXT_SBR_DATA`), as encoders write it.
    ///
    /// Read from the end, since all before it would need the Huffman tables: behind the element stand `ID_END` and zeros to the
    /// byte's end, so that each length has one place to start. Chance says yes on one frame of some seventy: ask several, and take
    /// the majority.
    fn find(unit: &'a [u8]) -> Option<Self> {
        const FILL: u32 = 6;
        const END: u32 = 7;
        let last = unit.last().filter(|&&last| last != 0)?;
        let zeros = usize::try_from(last.trailing_zeros()).ok()?;
        let end = (unit.len() * 8).checked_sub(zeros + 3)?;
        let bits = Bits::new(unit);
        if bits.peek_at(end, 3) != Some(END) {
            return None;
        }
        (1..=269_usize).find_map(|length| {
            let escape = if length < 15 { 0 } else { 8 };
            let start = end.checked_sub(length * 8 + 7 + escape)?;
            let count = u32::try_from(length).ok()?;
            let counted = if escape == 0 {
                bits.peek_at(start + 3, 4) == Some(count)
            } else {
                // The escaped count is the rest beyond 14.
                bits.peek_at(start + 3, 4) == Some(15) && bits.peek_at(start + 7, 8) == Some(count - 14)
            };
            let is = counted
                && bits.peek_at(start, 3) == Some(FILL)
                && matches!(bits.peek_at(start + 7 + escape, 4), Some(13 | 14));
            is.then_some(Self { bits, start: start + 11 + escape, end })
        })
    }

    /// Whether an extension for parametric stereo may end it (§4.4.2.8, `bs_extended_data`): a flag, the count of its bytes, these,
    /// and up to seven zeros.
    fn may_hold_stereo(&self) -> bool {
        const PARAMETRIC_STEREO: u32 = 2;
        let holds = |end: usize, size: usize| {
            let escape = if size < 15 { 0 } else { 8 };
            let body = end.checked_sub(size * 8)?;
            let flag = body.checked_sub(5 + escape).filter(|&flag| flag >= self.start)?;
            let count = u32::try_from(size).ok()?;
            let counted = if escape == 0 {
                self.bits.peek_at(flag + 1, 4) == Some(count)
            } else {
                self.bits.peek_at(flag + 1, 4) == Some(15) && self.bits.peek_at(flag + 5, 8) == Some(count - 15)
            };
            let is = counted
                && self.bits.peek_at(flag, 1) == Some(1)
                && self.bits.peek_at(body, 2) == Some(PARAMETRIC_STEREO);
            is.then_some(())
        };
        (0..8_usize)
            .filter_map(|zeros| self.end.checked_sub(zeros).filter(|&end| self.bits.peek_at(end, zeros) == Some(0)))
            .any(|end| (1..=MAX_EXTENSION).any(|size| holds(end, size).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::pack;
    use super::*;

    #[test]
    fn sbr_in_the_frames() {
        for length in [1, 4, 14, 15, 16, 100, 269] {
            let mut fields = vec![(0x155, 10), (6, 3)];
            if length < 15 {
                fields.push((length, 4));
            } else {
                fields.extend([(15, 4), (length - 14, 8)]);
            }
            fields.push((13, 4));
            fields.extend(vec![(0, 4); length as usize * 2 - 1]);
            fields.push((7, 3));
            assert!(Payload::find(&pack(&fields)).is_some(), "{length}");
            // The same as plain fill bits.
            let kind = fields.iter().position(|&field| field == (13, 4)).unwrap();
            fields[kind] = (0, 4);
            assert!(Payload::find(&pack(&fields)).is_none(), "{length}");
        }
        assert!(Payload::find(&[]).is_none() && Payload::find(&[0]).is_none());
    }
}
