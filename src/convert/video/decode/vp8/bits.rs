//! The arithmetic decoder of single decisions (RFC 6386 §7).

/// Reads decisions out of one partition. Beyond its end there are zeros without end.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next bits, from the highest on.
    value: u64,
    /// How many bits of `value` came from the data.
    held: i32,
    range: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, value: 0, held: 0, range: 255 }
    }

    /// A decision that is false with a probability of `probability` in 256.
    #[inline(always)]
    pub(super) fn read(&mut self, probability: u8) -> bool {
        if self.held < 8 {
            (self.data, self.value, self.held) = filled(self.data, self.value, self.held);
        }
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        let threshold = u64::from(split) << 56;
        let set = self.value >= threshold;
        if set {
            self.range -= split;
            self.value -= threshold;
        } else {
            self.range = split;
        }
        let shift = self.range.leading_zeros() - 24;
        self.range <<= shift;
        self.value <<= shift;
        self.held -= shift as i32;
        set
    }

    /// A decision without tendency.
    #[inline]
    pub(super) fn flag(&mut self) -> bool {
        self.read(128)
    }

    /// A number of `width` bits, at most 8.
    pub(super) fn number(&mut self, width: u32) -> u8 {
        (0..width).fold(0, |number, _| number << 1 | u8::from(self.flag()))
    }

    /// A number of `width` bits and its sign, at most 7 bits.
    pub(super) fn signed(&mut self, width: u32) -> i8 {
        let number = self.number(width) as i8;
        if self.flag() { -number } else { number }
    }

    /// A signed number behind a flag that says whether there is one.
    pub(super) fn maybe_signed(&mut self, width: u32) -> Option<i8> {
        self.flag().then(|| self.signed(width))
    }
}

/// So many bits that none has to be fetched for at least one decision. By value, so that the decoder's state stays in
/// registers.
#[inline(never)]
fn filled(mut data: &[u8], mut value: u64, mut held: i32) -> (&[u8], u64, i32) {
    if let Some(eight) = data.first_chunk() {
        let taken = (64 - held) / 8;
        // What is more than whole bytes is put there again by the next call, as the same bits.
        value |= u64::from_be_bytes(*eight) >> held;
        return (data.get(taken as usize..).unwrap_or_default(), value, held + taken * 8);
    }
    while held <= 56 {
        let Some((&byte, rest)) = data.split_first() else {
            return (data, value, 1 << 30);
        };
        value |= u64::from(byte) << (56 - held);
        held += 8;
        data = rest;
    }
    (data, value, held)
}
