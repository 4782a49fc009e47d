//! Motion vectors: which are near, and what is added to them (RFC 6386 §16.3, §16.4 and §17).

use super::bits::Bits;

/// A motion in quarters of a luma sample, which are eighths of a chroma sample.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Vector {
    pub(super) x: i16,
    pub(super) y: i16,
}

impl Vector {
    const ZERO: Self = Self { x: 0, y: 0 };

    /// Hostile vectors wrap, as they do in the reference decoder.
    fn plus(self, other: Self) -> Self {
        Self { x: self.x.wrapping_add(other.x), y: self.y.wrapping_add(other.y) }
    }

    fn reversed(self) -> Self {
        Self { x: self.x.wrapping_neg(), y: self.y.wrapping_neg() }
    }
}

/// Into which parts a macroblock with several vectors is split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Split {
    TopBottom,
    LeftRight,
    Quarters,
    Sixteenths,
}

/// The part of each block of 4x4.
#[rustfmt::skip]
const PARTS: [[u8; 16]; 4] = [
    [0, 0, 0, 0,  0, 0, 0, 0,  1, 1, 1, 1,  1, 1, 1, 1],
    [0, 0, 1, 1,  0, 0, 1, 1,  0, 0, 1, 1,  0, 0, 1, 1],
    [0, 0, 1, 1,  0, 0, 1, 1,  2, 2, 3, 3,  2, 2, 3, 3],
    [0, 1, 2, 3,  4, 5, 6, 7,  8, 9, 10, 11, 12, 13, 14, 15],
];

/// The first block of each part.
const FIRST: [&[usize]; 4] =
    [&[0, 8], &[0, 2], &[0, 2, 8, 10], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]];

/// Probabilities of the ways to split.
const SPLIT: [u8; 3] = [110, 111, 150];

/// Probabilities of a part's way to its vector, by what is to the left and above.
const PART: [[u8; 3]; 5] = [[147, 136, 18], [106, 145, 1], [179, 121, 1], [223, 1, 34], [208, 1, 1]];

/// Probabilities of a macroblock's way to its vector, by how often its neighbours go this way.
#[rustfmt::skip]
const WAYS: [[u8; 4]; 6] = [
    [  7,   1,   1, 143],
    [ 14,  18,  14, 107],
    [135,  64,  57,  68],
    [ 60,  56, 128,  65],
    [159, 134, 128,  34],
    [234, 188, 128,  28],
];

/// The motion of one macroblock.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    /// 0 for prediction from within, 1 for the last picture, 2 for the golden and 3 for the alternate one.
    pub(super) reference: u8,
    /// Whether it was said not to move; a vector of nought may come in other ways.
    pub(super) still: bool,
    pub(super) split: Option<Split>,
    /// The vector of each block of 4x4.
    pub(super) vectors: [Vector; 16],
}

impl Motion {
    pub(super) const NONE: Self = Self { reference: 0, still: false, split: None, vectors: [Vector::ZERO; 16] };

    /// The vector that stands for the macroblock: its last block's.
    fn vector(&self) -> Vector {
        let [.., last] = self.vectors;
        last
    }
}

/// What the search for near vectors looks at.
pub(super) struct Search<'a> {
    pub(super) above: &'a Motion,
    pub(super) left: &'a Motion,
    pub(super) corner: &'a Motion,
    /// Whether vectors into a reference point the other way.
    pub(super) reversed: [bool; 4],
    /// Column and row of the macroblock, and how many there are.
    pub(super) position: (usize, usize),
    pub(super) size: (usize, usize),
}

/// What the search finds.
struct Near {
    best: Vector,
    nearest: Vector,
    near: Vector,
    counts: [usize; 4],
}

impl Search<'_> {
    /// Reads the motion of a macroblock from `reference`.
    pub(super) fn read(&self, bits: &mut Bits<'_>, reference: u8, probabilities: &[[u8; 19]; 2]) -> Motion {
        let near = self.near(reference);
        let [moves, other, further, own] = std::array::from_fn(|index| {
            let count = near.counts.get(index).copied().unwrap_or(0);
            WAYS.get(count).and_then(|ways| ways.get(index)).copied().unwrap_or(128)
        });
        if !bits.read(moves) {
            return Motion { reference, still: true, ..Motion::NONE };
        }
        let vector = if !bits.read(other) {
            near.nearest
        } else if !bits.read(further) {
            near.near
        } else if !bits.read(own) {
            near.best.plus(read_vector(bits, probabilities))
        } else {
            return self.split(bits, reference, near.best, probabilities);
        };
        Motion { reference, vectors: [vector; 16], ..Motion::NONE }
    }

    /// Counts the vectors of the neighbours (RFC 6386 §16.3).
    fn near(&self, reference: u8) -> Near {
        let reversed = |reference: u8| self.reversed.get(usize::from(reference)).copied().unwrap_or(false);
        let mut found = [Vector::ZERO; 4];
        let mut counts = [0; 4];
        let mut last = 0;
        for (neighbour, weight) in [(self.above, 2), (self.left, 2), (self.corner, 1)] {
            if neighbour.reference == 0 {
                continue;
            }
            let vector = neighbour.vector();
            if vector == Vector::ZERO {
                counts[0] += weight;
                continue;
            }
            let other_way = reversed(neighbour.reference) != reversed(reference);
            let vector = if other_way { vector.reversed() } else { vector };
            if last == 0 || found[last] != vector {
                last += 1;
                found[last] = vector;
            }
            counts[last] += weight;
        }
        // Three vectors, of which the third is the first again.
        if counts[3] > 0 && found[3] == found[1] {
            counts[1] += 1;
        }
        let is_split = |motion: &Motion| usize::from(motion.split.is_some());
        counts[3] = (is_split(self.above) + is_split(self.left)) * 2 + is_split(self.corner);
        if counts[2] > counts[1] {
            counts.swap(1, 2);
            found.swap(1, 2);
        }
        let best = if counts[1] >= counts[0] { found[1] } else { Vector::ZERO };
        let [best, nearest, near] = [best, found[1], found[2]].map(|vector| self.clamped(vector));
        Near { best, nearest, near, counts }
    }

    /// A vector that leads at most one macroblock beyond the picture.
    fn clamped(&self, vector: Vector) -> Vector {
        let within = |component: i16, position: usize, count: usize| {
            let most = i64::from(i16::MAX);
            let low = -64 * (position as i64 + 1);
            let high = 64 * (count as i64 - position as i64);
            i64::from(component).clamp(low.max(-most), high.clamp(0, most)) as i16
        };
        let ((column, row), (columns, rows)) = (self.position, self.size);
        Vector { x: within(vector.x, column, columns), y: within(vector.y, row, rows) }
    }

    /// Reads the vectors of the parts (RFC 6386 §16.4).
    fn split(&self, bits: &mut Bits<'_>, reference: u8, best: Vector, probabilities: &[[u8; 19]; 2]) -> Motion {
        let [whole, quarters, halves] = SPLIT;
        let split = if !bits.read(whole) {
            Split::Sixteenths
        } else if !bits.read(quarters) {
            Split::Quarters
        } else if !bits.read(halves) {
            Split::TopBottom
        } else {
            Split::LeftRight
        };
        let mut vectors = [Vector::ZERO; 16];
        let of = |vectors: &[Vector; 16], block: usize| vectors.get(block).copied().unwrap_or_default();
        let parts = PARTS[split as usize];
        for (part, &first) in (0..).zip(FIRST[split as usize]) {
            let left = if first % 4 == 0 { of(&self.left.vectors, first + 3) } else { of(&vectors, first - 1) };
            let above = if first < 4 { of(&self.above.vectors, first + 12) } else { of(&vectors, first - 4) };
            let context = match (left == above, left == Vector::ZERO, above == Vector::ZERO) {
                (true, true, _) => 4,
                (true, false, _) => 3,
                (false, _, true) => 2,
                (false, true, false) => 1,
                (false, false, false) => 0,
            };
            let [is_left, is_above, is_zero] = PART[context];
            let vector = if !bits.read(is_left) {
                left
            } else if !bits.read(is_above) {
                above
            } else if !bits.read(is_zero) {
                Vector::ZERO
            } else {
                best.plus(read_vector(bits, probabilities))
            };
            for (into, _) in vectors.iter_mut().zip(parts).filter(|(_, of)| *of == part) {
                *into = vector;
            }
        }
        Motion { reference, still: false, split: Some(split), vectors }
    }
}

/// First down, then across.
fn read_vector(bits: &mut Bits<'_>, [down, across]: &[[u8; 19]; 2]) -> Vector {
    let y = component(bits, down);
    Vector { x: component(bits, across), y }
}

/// One component (RFC 6386 §17.1).
fn component(bits: &mut Bits<'_>, probabilities: &[u8; 19]) -> i16 {
    let &[is_long, sign, s0, s1, s2, s3, s4, s5, s6, ref long @ ..] = probabilities;
    let amount = if bits.read(is_long) {
        let mut amount = 0;
        for bit in [0, 1, 2, 9, 8, 7, 6, 5, 4] {
            amount |= i16::from(bits.read(long[bit])) << bit;
        }
        // What is long has at least 8; where no higher bit says so, this one is not coded.
        if amount & 0x3F0 == 0 || bits.read(long[3]) { amount | 8 } else { amount }
    } else if !bits.read(s0) {
        if !bits.read(s1) { i16::from(bits.read(s2)) } else { 2 + i16::from(bits.read(s3)) }
    } else if !bits.read(s4) {
        4 + i16::from(bits.read(s5))
    } else {
        6 + i16::from(bits.read(s6))
    };
    if amount != 0 && bits.read(sign) { -amount } else { amount }
}

/// The vectors of the four chroma blocks of 4x4: each is the average of four.
pub(super) fn chroma_vectors(vectors: &[Vector; 16]) -> [Vector; 4] {
    [0, 2, 8, 10].map(|first| {
        let four = [0, 1, 4, 5].map(|next| vectors.get(first + next).copied().unwrap_or_default());
        let average = |components: [i16; 4]| {
            let sum: i32 = components.into_iter().map(i32::from).sum();
            // Halves are rounded away from nought.
            (((sum.abs() + 2) >> 2) * sum.signum()) as i16
        };
        Vector { x: average(four.map(|vector| vector.x)), y: average(four.map(|vector| vector.y)) }
    })
}
