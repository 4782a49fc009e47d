//! Quantisation: the tables, the quality scale, and how a coefficient becomes a level.

use super::Subsampling;
use super::dct::Coefficients;
use super::layout::Block;

/// 64 step sizes in natural order.
pub(super) type Table = [u16; 64];

/// ITU-T T.81 table K.1, the base of libjpeg's quality scale, which sources are measured by.
#[rustfmt::skip]
pub(super) const ANNEX_LUMA: Table = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];
/// ITU-T T.81 table K.2.
#[rustfmt::skip]
pub(super) const ANNEX_CHROMA: Table = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// The steps of jpegli (google/jpegli, BSD-3-Clause) at its quality 30, where their whole numbers are finest. At equal bytes
/// they give 1.2 to 1.7 points of SSIMULACRA2 over Annex K: see docs/jpeg-codecs.md.
#[rustfmt::skip]
const LUMA: Table = [
    17, 12, 25, 26, 45, 47, 52, 53,
    12, 17, 25, 30, 47, 43, 55, 55,
    25, 25, 32, 36, 46, 53, 51, 58,
    26, 30, 36, 46, 57, 57, 57, 63,
    45, 47, 46, 57, 62, 67, 76, 75,
    47, 43, 53, 57, 67, 74, 69, 83,
    52, 55, 51, 57, 76, 69, 74, 73,
    53, 55, 58, 63, 75, 83, 73, 59,
];
/// As `LUMA`, for colour.
#[rustfmt::skip]
const CHROMA: Table = [
    16, 10, 22, 20, 36, 34, 40, 43,
    10, 16, 21, 23, 33, 30, 38, 39,
    22, 21, 27, 24, 31, 35, 36, 41,
    20, 23, 24, 29, 37, 32, 35, 44,
    36, 33, 31, 37, 29, 44, 33, 42,
    34, 30, 35, 32, 44, 38, 43, 63,
    40, 38, 36, 35, 33, 43, 68, 63,
    43, 39, 41, 44, 42, 63, 63, 255,
];
/// Times this, they look like Annex K's at the same factor.
const LEVELLED: f32 = 0.8;

/// What the base tables are multiplied by, at a quality on libjpeg's scale (1 to 100, fractions allowed).
pub(super) fn factor_of(quality: f32) -> f32 {
    let quality = quality.clamp(1.0, 100.0);
    if quality < 50.0 { 50.0 / quality } else { 2.0 - quality / 50.0 }
}

/// The quality whose tables are the base ones times `factor`.
pub(super) fn quality_of(factor: f32) -> f32 {
    let quality = if factor > 1.0 { 50.0 / factor } else { 100.0 - 50.0 * factor };
    quality.clamp(1.0, 100.0)
}

/// A base table at a factor of Annex K, each step rounded by itself, within what a baseline JPEG can store.
fn scaled(base: &Table, factor: f32) -> Table {
    base.map(|step| (f32::from(step) * factor).round().clamp(1.0, 255.0) as u16)
}

/// The steps of brightness at a factor.
pub(super) fn luma(factor: f32) -> Table {
    scaled(&LUMA, factor * LEVELLED)
}

/// The steps of colour at a factor. At full resolution those of Annex K, whose high frequencies are coarse, gain 0.5 to 2.6
/// points over jpegli's at equal bytes; at half of it they lose up to 0.8.
pub(super) fn chroma(factor: f32, subsampling: Subsampling) -> Table {
    match subsampling {
        Subsampling::Full => scaled(&ANNEX_CHROMA, factor),
        Subsampling::Half => scaled(&CHROMA, factor * LEVELLED),
    }
}

/// Turns coefficients into levels of a table.
pub(super) struct Quantiser {
    per_step: [f32; 64],
    bias: [f32; 64],
}

/// Adding this to a small float leaves its nearest integer in the low bits, which needs no conversion and vectorises.
const MAGIC: f32 = 12_582_912.0;
const MAGIC_BITS: u32 = 0x4B40_0000;
/// The largest level that every Huffman coder accepts; a hostile source can state more.
const MAX_LEVEL: f32 = 1023.0;

impl Quantiser {
    /// A quantiser to `table` of coefficients that are stored as multiples of `unit` (all 1 for plain coefficients).
    pub(super) fn new(table: &Table, unit: &Table, dead_zone: f32) -> Self {
        let per_step = std::array::from_fn(|i| f32::from(unit[i]) / f32::from(table[i].max(1)));
        let bias = std::array::from_fn(|i| if i == 0 { 0.0 } else { -dead_zone });
        Self { per_step, bias }
    }

    /// The levels of plain coefficients.
    #[inline]
    pub(super) fn levels(&self, coefficients: &Coefficients) -> Block {
        let mut out = [0; 64];
        let terms = coefficients.iter().zip(&self.per_step).zip(&self.bias);
        for (to, ((from, per_step), bias)) in out.iter_mut().zip(terms) {
            *to = level(from * per_step, *bias);
        }
        out
    }

    /// The levels of a block that was quantised before.
    #[inline]
    pub(super) fn relevelled(&self, block: &Block) -> Block {
        let mut out = [0; 64];
        let terms = block.iter().zip(&self.per_step).zip(&self.bias);
        for (to, ((from, per_step), bias)) in out.iter_mut().zip(terms) {
            *to = level(f32::from(*from) * per_step, *bias);
        }
        out
    }
}

#[inline(always)]
fn level(scaled: f32, bias: f32) -> i16 {
    let size = (scaled.abs() + bias).clamp(0.0, MAX_LEVEL);
    let rounded = (size + MAGIC) - MAGIC;
    (rounded.copysign(scaled) + MAGIC).to_bits().wrapping_sub(MAGIC_BITS) as i16
}

/// A block with its steps multiplied in.
#[inline]
pub(super) fn plain(block: &Block, steps: &Table) -> Coefficients {
    let mut out = [0.0; 64];
    for (to, (level, step)) in out.iter_mut().zip(block.iter().zip(steps)) {
        *to = f32::from(*level) * f32::from(*step);
    }
    out
}

/// The quality on libjpeg's scale whose table comes nearest to `table`, by the mean ratio of steps.
pub(super) fn quality_from(table: &Table, base: &Table) -> f32 {
    let (mut steps, mut bases) = (0.0, 0.0);
    for (&step, &base) in table.iter().zip(base) {
        // Steps that were cut at 255 or at 1 say nothing about the factor.
        if step > 1 && step < 255 {
            steps += f32::from(step);
            bases += f32::from(base);
        }
    }
    if bases == 0.0 {
        return if table.iter().all(|&step| step <= 1) { 100.0 } else { 1.0 };
    }
    quality_of(steps / bases)
}
