//! H.264 as a byte stream (ITU-T H.264 annex B) → length-prefixed access units and an avcC, as MP4 stores them.

use crate::bytes::{Cursor, byte};
use crate::codec::h264::Sps;
use crate::codec::rbsp::Rbsp;

/// Types of NAL units (table 7-1).
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// The most parameter sets of a kind that a configuration takes, and the longest of them.
const MAX_SETS: usize = 16;
const MAX_SET: usize = 4096;

/// The most bytes of an access unit.
pub(crate) const MAX_UNIT: usize = 32 * 1024 * 1024;

/// The type of a NAL unit.
pub(crate) fn kind(nal: &[u8]) -> u8 {
    byte(nal, 0).unwrap_or(0) & 0x1F
}

/// Where the next start code is, from `from` on: its place, and where the NAL unit behind it starts.
pub(crate) fn start_code(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(&[first, second, third]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<3>) {
        match third {
            1 if first == 0 && second == 0 => return Some((at, at + 3)),
            0 => at += 1,
            _ => at += if third == 1 { 1 } else { 3 },
        }
    }
    None
}

/// The NAL units of a byte stream, without start codes and the zeros around them.
pub(crate) fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = start_code(bytes, 0).map(|(_, body)| body);
    std::iter::from_fn(move || {
        let start = next?;
        let following = start_code(bytes, start);
        next = following.map(|(_, body)| body);
        let end = following.map_or(bytes.len(), |(place, _)| place);
        Some(trimmed(bytes.get(start..end).unwrap_or_default()))
    })
}

/// The NAL units of an access unit in which each stands behind its length, of `size` bytes.
pub(crate) fn prefixed(bytes: &[u8], size: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Cursor(bytes);
    std::iter::from_fn(move || {
        let length = rest.number(size.into())?;
        rest.take(usize::try_from(length).ok()?)
    })
}

/// A NAL unit never ends with a zero: those are of the byte stream (§B.1.1).
fn trimmed(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    nal.get(..end).unwrap_or_default()
}

/// Whether a NAL unit is a slice of a picture.
pub(crate) fn is_slice(nal: &[u8]) -> bool {
    (SLICE..=IDR).contains(&kind(nal))
}

/// Whether `nal` is the first of an access unit, when a slice came before it (§7.4.1.2.3).
pub(crate) fn starts_unit(nal: &[u8]) -> bool {
    match kind(nal) {
        DELIMITER | SPS | PPS | SEI | 14..=18 => true,
        // first_mb_in_slice is 0: an Exp-Golomb number whose first bit is set.
        SLICE | 2 | IDR => byte(nal, 1).is_some_and(|first| first & 0x80 != 0),
        _ => false,
    }
}

/// The parameter sets of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParameterSets {
    sps: Vec<Vec<u8>>,
    pps: Vec<Vec<u8>>,
}

impl ParameterSets {
    /// Takes up the sets among these NAL units, as long as there is no whole configuration.
    pub(crate) fn learn(&mut self, unit: &[u8]) {
        for nal in units(unit) {
            let sets = match kind(nal) {
                SPS if Sps::parse(nal).is_some() => &mut self.sps,
                PPS => &mut self.pps,
                _ => continue,
            };
            if sets.len() < MAX_SETS && nal.len() <= MAX_SET && !sets.iter().any(|known| known == nal) {
                sets.push(nal.to_vec());
            }
        }
    }

    /// Whether there is a set of each kind.
    pub(crate) fn is_whole(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// The first sequence parameter set.
    pub(crate) fn sps(&self) -> Option<Sps> {
        self.sps.first().and_then(|nal| Sps::parse(nal))
    }

    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2).
    pub(crate) fn avcc(&self) -> Option<Vec<u8>> {
        let first = self.sps.first().filter(|_| !self.pps.is_empty())?;
        let &[_, profile, constraints, level] = first.first_chunk()?;
        let mut record = vec![1, profile, constraints, level, 0xFF, 0xE0 | u8::try_from(self.sps.len()).ok()?];
        let put = |sets: &[Vec<u8>], record: &mut Vec<u8>| {
            for set in sets {
                record.extend(u16::try_from(set.len()).unwrap_or(0).to_be_bytes());
                record.extend(set);
            }
        };
        put(&self.sps, &mut record);
        record.push(u8::try_from(self.pps.len()).ok()?);
        put(&self.pps, &mut record);
        if matches!(profile, 100 | 110 | 122 | 144) {
            let (chroma, luma_depth, chroma_depth) = formats(first)?;
            record.extend([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0]);
        }
        Some(record)
    }

    /// Puts an access unit's NAL units into `into`, each behind its length, and says whether decoding can start here.
    /// Delimiters, filler and the sets that the configuration has are left out (ISO/IEC 14496-15 §5.3.2).
    pub(crate) fn to_lengths(&self, unit: &[u8], into: &mut Vec<u8>) -> bool {
        let (mut idr, mut sets, mut intra) = (false, false, false);
        for nal in units(unit) {
            match kind(nal) {
                DELIMITER | FILLER => continue,
                SPS => {
                    sets = true;
                    if self.sps.iter().any(|known| known == nal) {
                        continue;
                    }
                }
                PPS if self.pps.iter().any(|known| known == nal) => continue,
                IDR => idr = true,
                SLICE => intra |= is_intra(nal),
                _ => {}
            }
            if nal.is_empty() {
                continue;
            }
            into.extend(u32::try_from(nal.len()).unwrap_or(u32::MAX).to_be_bytes());
            into.extend_from_slice(nal);
        }
        // Broadcasts start groups with an intra picture that is no IDR, behind its parameter sets.
        idr || sets && intra
    }
}

/// The shape of a pixel, where it is stated and not square.
pub(crate) fn pixel_aspect(sps: &Sps) -> Option<(u32, u32)> {
    sps.pixel_aspect.filter(|(wide, high)| wide != high)
}

/// Chroma format and bit depths above 8 of a sequence parameter set that has them.
fn formats(nal: &[u8]) -> Option<(u8, u8, u8)> {
    let mut bits = Rbsp::new(nal);
    bits.skip(32)?;
    bits.ue()?;
    let chroma = bits.ue_to(3)?;
    if chroma == 3 {
        bits.skip(1)?;
    }
    let (luma, color) = (bits.ue_to(6)?, bits.ue_to(6)?);
    Some((u8::try_from(chroma).ok()?, u8::try_from(luma).ok()?, u8::try_from(color).ok()?))
}

/// Whether a slice is of type I (§7.4.3).
fn is_intra(nal: &[u8]) -> bool {
    let mut bits = Rbsp::new(nal.get(..nal.len().min(24)).unwrap_or_default());
    bits.skip(8).and_then(|()| bits.ue()).and_then(|_| bits.ue()).is_some_and(|kind| kind == 2 || kind == 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_between_start_codes() {
        let stream = [0, 0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x67, 7, 0, 0, 0, 0, 1, 0x65, 0x88, 0, 0, 3, 1];
        let found: Vec<&[u8]> = units(&stream).collect();
        assert_eq!(found, [&[0x09, 0xF0][..], &[0x67, 7], &[0x65, 0x88, 0, 0, 3, 1]]);
        assert_eq!(units(&[1, 2, 3]).count(), 0);
        assert_eq!(units(&[0, 0, 1]).map(<[u8]>::len).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn lengths_stand_before_slices_alone() {
        let sets = ParameterSets { sps: vec![vec![0x67, 66, 0, 30]], pps: vec![vec![0x68, 1]] };
        let unit = [0, 0, 1, 9, 16, 0, 0, 1, 0x67, 66, 0, 30, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88];
        let mut data = Vec::new();
        assert!(sets.to_lengths(&unit, &mut data));
        assert_eq!(data, [0, 0, 0, 2, 0x65, 0x88]);
        assert_eq!(sets.avcc().unwrap(), [1, 66, 0, 30, 255, 0xE1, 0, 4, 0x67, 66, 0, 30, 1, 0, 2, 0x68, 1]);
    }
}
