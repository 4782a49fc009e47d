//! When pictures of H.264 are shown, out of their own order count (H.264 §8.2.1.1): AVI stores when they are decoded alone.

use crate::bytes::byte;
use crate::codec::rbsp::Rbsp;
use crate::demux::annexb::{is_slice, kind};

const IDR: u8 = 5;

/// The most pictures by which the order at the start is looked at.
const MAX_FIRST: usize = 64;

/// How slices carry the order count, and where it has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    frame_number_bits: usize,
    count_bits: u32,
    fields: bool,
    /// Bytes of the length before each NAL unit; 0 in a byte stream.
    length_size: u8,
    /// The count of the reference picture before, in two parts.
    high: i64,
    low: i64,
    /// The counts of the first pictures, while these are looked at.
    first: Vec<i64>,
    /// Order counts of one frame; pictures that are decoded ahead of one shown before them.
    each: i64,
    depth: i64,
    /// When the last picture was decoded that all others count from, in ticks.
    start: i64,
}

impl Order {
    /// As `self`, in frames whose NAL units stand behind lengths of so many bytes.
    pub(super) fn prefixed(self, length_size: u8) -> Self {
        Self { length_size, ..self }
    }

    /// By a sequence parameter set; none where order is not counted in slices (types 1 and 2) or planes are apart.
    pub(super) fn of(sps: &[u8]) -> Option<Self> {
        const WITH_CHROMA: [u8; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];
        let mut bits = Rbsp::new(sps);
        bits.skip(32)?;
        bits.ue()?;
        if WITH_CHROMA.contains(&byte(sps, 1)?) {
            let chroma = bits.ue_to(3)?;
            bits.ue()?;
            bits.ue()?;
            // Planes apart, bypass, matrices: none of what cameras and encoders write in files of this kind.
            if chroma == 3 || {
                bits.skip(1)?;
                bits.flag()?
            } {
                return None;
            }
        }
        let frame_number_bits = bits.ue_to(12)? as usize + 4;
        if bits.ue()? != 0 {
            return None;
        }
        let count_bits = bits.ue_to(12)? + 4;
        bits.ue()?;
        bits.skip(1)?;
        bits.ue()?;
        bits.ue()?;
        let fields = !bits.flag()?;
        Some(Self { frame_number_bits, count_bits, fields, ..Self::default() })
    }

    /// The order count of a picture by its first slice, and whether all count anew from it.
    fn count(&mut self, nal: &[u8]) -> Option<(bool, i64)> {
        let mut bits = Rbsp::new(nal.get(..nal.len().min(64))?);
        bits.skip(8)?;
        bits.ue()?;
        bits.ue()?;
        bits.ue()?;
        bits.skip(self.frame_number_bits)?;
        if self.fields && bits.flag()? {
            return None;
        }
        let idr = kind(nal) == IDR;
        if idr {
            bits.ue()?;
            (self.high, self.low) = (0, 0);
        }
        let low = i64::from(bits.bits(self.count_bits)?);
        let wrap = 1_i64 << self.count_bits;
        let high = if low < self.low && self.low - low >= wrap / 2 {
            self.high + wrap
        } else if low > self.low && low - self.low > wrap / 2 {
            self.high - wrap
        } else {
            self.high
        };
        // nal_ref_idc: others count from pictures that are referred to alone.
        if byte(nal, 0)? & 0x60 != 0 {
            (self.high, self.low) = (high, low);
        }
        Some((idr, high + low))
    }

    /// Looks at one of the first pictures.
    pub(super) fn look(&mut self, unit: &[u8]) {
        let Some((idr, count)) = first_slice(unit, self.length_size).and_then(|nal| self.count(nal)) else { return };
        if idr && !self.first.is_empty() {
            self.settle();
        }
        if self.depth == 0 && self.first.len() < MAX_FIRST {
            self.first.push(count);
        }
    }

    /// What the first pictures tell: the step from one to the next, and how far they are reordered.
    fn settle(&mut self) {
        let mut sorted = self.first.clone();
        sorted.sort_unstable();
        let step = sorted.windows(2).filter_map(|pair| pair[1].checked_sub(pair[0])).filter(|&step| step > 0).min();
        self.each = self.each.max(step.unwrap_or(0).min(2));
        for (index, count) in self.first.iter().enumerate() {
            let ahead = self.first.get(..index).unwrap_or_default().iter().filter(|&&before| before > *count).count();
            self.depth = self.depth.max(i64::try_from(ahead).unwrap_or(0));
        }
        self.first.clear();
    }

    /// Ends the look: whether pictures are reordered at all.
    pub(super) fn is_used(&mut self) -> bool {
        self.settle();
        (self.high, self.low) = (0, 0);
        self.depth > 0 && self.each > 0
    }

    /// When a picture is decoded and shown that stands at `time`; a frame lasts so many ticks.
    pub(super) fn times(&mut self, unit: &[u8], time: i64, frame: i64) -> (i64, i64) {
        let dts = time - self.depth * frame;
        let Some((idr, count)) = first_slice(unit, self.length_size).and_then(|nal| self.count(nal)) else {
            return (dts, time);
        };
        if idr {
            self.start = time;
        }
        let later = (count / self.each.max(1)).clamp(-1_000_000, 1_000_000) * frame;
        (dts, self.start.saturating_add(later).max(dts))
    }
}

fn first_slice(unit: &[u8], length_size: u8) -> Option<&[u8]> {
    if length_size > 0 {
        return crate::demux::annexb::prefixed(unit, length_size).find(|nal| is_slice(nal));
    }
    crate::demux::annexb::units(unit).find(|nal| is_slice(nal))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits, most significant first, as bytes with a set bit behind them.
    fn bits(text: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = text.bytes().filter(|&letter| letter != b' ').map(|letter| letter - b'0').collect();
        bits.push(1);
        bits.resize(bits.len().next_multiple_of(8), 0);
        bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
    }

    /// A slice of a picture with this order count of five bits.
    fn slice(head: u8, count: u8) -> Vec<u8> {
        let idr = if head & 31 == IDR { "1" } else { "" };
        [vec![head], bits(&format!("1 1 1 0000 {idr} {count:05b}"))].concat()
    }

    #[test]
    fn order_is_the_same_behind_start_codes_and_lengths() {
        // Main, counts of type 0 with five bits, one reference, frames alone.
        let sps = [vec![0x67, 77, 0, 30], bits("1 1 1 010 010 0 1 1 1 0 0 0")].concat();
        let pictures = [(0x65, 0), (0x61, 8), (0x41, 4), (0x01, 2), (0x01, 6), (0x61, 16), (0x41, 12), (0x01, 10)];
        for length_size in [0, 4] {
            let units: Vec<Vec<u8>> = pictures
                .iter()
                .map(|&(head, count)| {
                    let nal = slice(head, count);
                    let lead = if length_size == 0 { [0, 0, 0, 1] } else { (nal.len() as u32).to_be_bytes() };
                    [&lead[..], &nal].concat()
                })
                .collect();
            let mut order = Order::of(&sps).unwrap().prefixed(length_size);
            units.iter().for_each(|unit| order.look(unit));
            assert!(order.is_used());
            let shown: Vec<i64> =
                units.iter().enumerate().map(|(index, unit)| order.times(unit, index as i64 * 10, 10).1).collect();
            assert_eq!(shown, [0, 40, 20, 10, 30, 80, 60, 50], "{length_size}");
        }
    }
}
