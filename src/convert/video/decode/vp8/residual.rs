//! What is added to the prediction: the coefficients of each block (RFC 6386 §13).

use super::bits::Bits;
use super::header::Factors;

const ZIGZAG: [u8; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];

/// The band of each coefficient; a seventeenth is never read.
const BANDS: [u8; 17] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];

/// Probabilities of the bits of large values, and where these begin.
const LARGE: [(i32, &[u8]); 6] = [
    (5, &[159]),
    (7, &[165, 145]),
    (11, &[173, 148, 140]),
    (19, &[176, 155, 140, 135]),
    (35, &[180, 157, 141, 134, 130]),
    (67, &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]),
];

/// Kinds of blocks: luma without its DC, the DCs of luma, chroma, and luma whole.
const LUMA_AC: usize = 0;
const SECOND: usize = 1;
const CHROMA: usize = 2;
const LUMA: usize = 3;

/// The block of the DCs of luma, behind 16 of luma and 8 of chroma.
pub(super) const SECOND_BLOCK: usize = 24;

type Probabilities = [[[u8; 11]; 3]; 8];

/// Whether the blocks along one side of a macroblock hold anything: four of luma, two of each colour, the second order.
#[derive(Clone, Copy, Default)]
pub(super) struct Filled {
    luma: [u8; 4],
    chroma: [[u8; 2]; 2],
    second: u8,
}

impl Filled {
    /// An empty macroblock was passed; the second order is remembered where it has none.
    pub(super) fn clear(&mut self, has_second: bool) {
        *self = Self { second: if has_second { 0 } else { self.second }, ..Self::default() };
    }
}

/// The coefficients of one macroblock.
pub(super) struct Residual {
    pub(super) blocks: [[i16; 16]; 25],
    /// Behind the last coefficient of each block.
    pub(super) ends: [u8; 25],
}

impl Residual {
    pub(super) fn new() -> Self {
        Self { blocks: [[0; 16]; 25], ends: [0; 25] }
    }

    /// Reads the coefficients of a macroblock; whether there are any. The blocks were zero before.
    pub(super) fn read(
        &mut self,
        bits: &mut Bits<'_>,
        probabilities: &[Probabilities; 4],
        factors: &Factors,
        has_second: bool,
        (above, left): (&mut Filled, &mut Filled),
    ) -> bool {
        let mut any = false;
        let (mut kind, mut first) = (LUMA, 0);
        if has_second {
            let context = above.second + left.second;
            let end = self.block(bits, &probabilities[SECOND], context, 0, factors.second, SECOND_BLOCK);
            any |= end > 0;
            above.second = u8::from(end > 0);
            left.second = above.second;
            (kind, first) = (LUMA_AC, 1);
        }
        let mut block = 0;
        for left in &mut left.luma {
            for above in &mut above.luma {
                let end = self.block(bits, &probabilities[kind], *above + *left, first, factors.luma, block);
                any |= end > first;
                *above = u8::from(end > first);
                *left = *above;
                block += 1;
            }
        }
        for (above, left) in above.chroma.iter_mut().zip(&mut left.chroma) {
            for left in left {
                for above in above.iter_mut() {
                    let end = self.block(bits, &probabilities[CHROMA], *above + *left, 0, factors.chroma, block);
                    any |= end > 0;
                    *above = u8::from(end > 0);
                    *left = *above;
                    block += 1;
                }
            }
        }
        any
    }

    /// Reads one block from its coefficient `first` on; where it ends.
    #[inline(never)]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        probabilities: &Probabilities,
        context: u8,
        first: usize,
        factors: [i32; 2],
        block: usize,
    ) -> usize {
        let (Some(into), Some(end)) = (self.blocks.get_mut(block), self.ends.get_mut(block)) else { return 0 };
        // A copy, which can live in registers.
        let mut copy = bits.clone();
        let last = coefficients(&mut copy, probabilities, usize::from(context), first, factors, into);
        *bits = copy;
        *end = last as u8;
        last
    }
}

#[inline(always)]
fn coefficients(
    bits: &mut Bits<'_>,
    probabilities: &Probabilities,
    context: usize,
    first: usize,
    [dc, ac]: [i32; 2],
    into: &mut [i16; 16],
) -> usize {
    let of = |at: usize, context: usize| &probabilities[usize::from(BANDS[at]) & 7][context];
    let mut at = first;
    let mut current = of(at, context);
    while bits.read(current[0]) {
        while !bits.read(current[1]) {
            at += 1;
            if at == 16 {
                return 16;
            }
            current = of(at, 0);
        }
        let (value, context) = if bits.read(current[2]) { (more(bits, current), 2) } else { (1, 1) };
        let value = if bits.flag() { -value } else { value };
        let factor = if at == 0 { dc } else { ac };
        // The reference decoder keeps 16 bits; only hostile streams need more.
        into[usize::from(ZIGZAG[at])] = (value * factor) as i16;
        at += 1;
        if at == 16 {
            return 16;
        }
        current = of(at, context);
    }
    at
}

/// A value above 1 (RFC 6386 §13.2).
#[inline(always)]
fn more(bits: &mut Bits<'_>, of: &[u8; 11]) -> i32 {
    let &[_, _, _, small, two, three, medium, one, large, three_or_four, five_or_six] = of;
    if !bits.read(small) {
        return if !bits.read(two) { 2 } else { 3 + i32::from(bits.read(three)) };
    }
    let category = if !bits.read(medium) {
        usize::from(bits.read(one))
    } else if !bits.read(large) {
        2 + usize::from(bits.read(three_or_four))
    } else {
        4 + usize::from(bits.read(five_or_six))
    };
    let (base, probabilities) = LARGE[category];
    let mut extra = 0;
    for &probability in probabilities {
        extra = extra << 1 | i32::from(bits.read(probability));
    }
    base + extra
}
