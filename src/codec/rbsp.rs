//! Raw byte sequence payloads: the bits of H.264's and H.265's parameter sets (H.264 §7.3.1, §9.1; H.265 §7.3.1, §9.2).

/// The most of a parameter set that is read. Real ones have less than 200 bytes.
const MAX_BYTES: usize = 4096;

/// The bits of a NAL unit without its emulation prevention bytes, read forward.
#[derive(Debug)]
pub(crate) struct Rbsp {
    bytes: Vec<u8>,
    /// In bits.
    at: usize,
}

impl Rbsp {
    /// The bits of `nal`, its header included.
    pub(crate) fn new(nal: &[u8]) -> Self {
        let mut bytes = Vec::new();
        let mut zeros = 0;
        for &byte in nal.iter().take(MAX_BYTES) {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    /// The next bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut number = 0_u32;
        for _ in 0..count.min(32) {
            number = number << 1 | u32::from(self.flag()?);
        }
        Some(number)
    }

    /// The next `count` bits as a byte.
    pub(crate) fn byte(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.bits(count.min(8))?).ok()
    }

    /// Leaves out `count` bits.
    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// The next unsigned Exp-Golomb number.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(((1_u64 << zeros) - 1 + u64::from(self.bits(zeros)?)) as u32)
    }

    /// The next unsigned Exp-Golomb number that may be `most` at most.
    pub(crate) fn ue_to(&mut self, most: u32) -> Option<u32> {
        self.ue().filter(|&number| number <= most)
    }

    /// The next signed Exp-Golomb number.
    pub(crate) fn se(&mut self) -> Option<i64> {
        let number = i64::from(self.ue()?);
        Some(if number % 2 == 1 { (number + 1) / 2 } else { -(number / 2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_prevention_bytes_left_out() {
        let mut bits = Rbsp::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!(
            (bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.se()),
            (Some(0), Some(1), Some(2), Some(3), Some(-2))
        );
        let mut bits = Rbsp::new(&[0, 0, 3, 1, 0, 0, 3]);
        assert_eq!((bits.bits(24), bits.bits(16), bits.flag()), (Some(1), Some(0), None));
        assert_eq!(Rbsp::new(&[0; 9]).ue(), None);
    }
}
