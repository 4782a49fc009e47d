//! NAL units in packets: behind lengths, as in MP4 and Matroska, or behind start codes.

use crate::bytes::Cursor;

/// The most parameter sets of one configuration.
const MAX_SETS: usize = 64;

/// How the units of a packet are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes of length before each.
    Lengths(u8),
    /// Start codes between them (H.264 annex B).
    StartCodes,
}

impl Framing {
    /// The units of `packet`; a last one that is cut is left out.
    pub(super) fn units(self, packet: &[u8]) -> Units<'_> {
        Units { framing: self, rest: packet }
    }
}

/// The units of a packet.
pub(super) struct Units<'a> {
    framing: Framing,
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let unit = match self.framing {
                Framing::Lengths(size) => {
                    let (head, rest) = self.rest.split_at_checked(size.into())?;
                    let length = head.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
                    let (unit, rest) = rest.split_at_checked(length)?;
                    self.rest = rest;
                    unit
                }
                Framing::StartCodes => {
                    let start = start_code(self.rest)?;
                    let body = self.rest.get(start + 3..)?;
                    let end = start_code(body).unwrap_or(body.len());
                    let (unit, rest) = body.split_at_checked(end)?;
                    self.rest = rest;
                    // Zeros before the next start code belong to it, or fill up.
                    let length = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                    unit.get(..length).unwrap_or_default()
                }
            };
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    }
}

/// Where the next 00 00 01 starts.
fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

/// The parameter sets of an `avcC`, and how its packets are framed.
pub(super) fn of_avcc(config: &[u8]) -> Option<(Framing, Vec<&[u8]>)> {
    let mut rest = Cursor(config);
    if rest.u8()? != 1 {
        return None;
    }
    rest.take(3)?;
    let framing = Framing::Lengths((rest.u8()? & 3) + 1);
    let mut sets = Vec::new();
    for mask in [0x1F, 0xFF] {
        let Some(count) = rest.u8() else { break };
        for _ in 0..usize::from(count & mask).min(MAX_SETS) {
            let Some(set) = rest.u16().and_then(|length| rest.take(length.into())) else { break };
            sets.push(set);
        }
    }
    Some((framing, sets))
}

/// The parameter sets of an `hvcC`, and how its packets are framed.
#[cfg(feature = "hevc")]
pub(super) fn of_hvcc(config: &[u8]) -> Option<(Framing, Vec<&[u8]>)> {
    let mut rest = Cursor(config);
    let fixed = rest.take(23)?;
    let framing = Framing::Lengths((fixed.get(21)? & 3) + 1);
    let mut sets = Vec::new();
    for _ in 0..*fixed.get(22)? {
        let Some(_kind) = rest.u8() else { break };
        for _ in 0..usize::from(rest.u16().unwrap_or(0)).min(MAX_SETS) {
            let Some(set) = rest.u16().and_then(|length| rest.take(length.into())) else { break };
            sets.push(set);
        }
    }
    Some((framing, sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_both_framings() {
        let lengths = [0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9, 0, 0, 0, 9, 1];
        assert_eq!(Framing::Lengths(4).units(&lengths).collect::<Vec<_>>(), [&[7, 8][..], &[9]]);
        let codes = [0, 0, 0, 1, 7, 8, 0, 0, 1, 9, 0, 0, 0, 1];
        assert_eq!(Framing::StartCodes.units(&codes).collect::<Vec<_>>(), [&[7, 8][..], &[9]]);
        assert_eq!(Framing::StartCodes.units(&[1, 2, 3]).count(), 0);
    }
}
