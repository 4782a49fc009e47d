//! Prediction from another picture (RFC 6386 §18).

use super::frame::{Frame, Plane, REGION, chunk, put};
use super::motion::{Motion, Split, Vector, chroma_vectors};

/// Six taps by eighths of a sample: the amounts of the first, third, fourth and sixth, which are added, and of the second
/// and fifth, which are taken off.
type Taps = [u16; 6];

#[rustfmt::skip]
const SIX: [Taps; 8] = [
    [0,  0, 128,   0,  0, 0],
    [0,  6, 123,  12,  1, 0],
    [2, 11, 108,  36,  8, 1],
    [0,  9,  93,  50,  6, 0],
    [3, 16,  77,  77, 16, 3],
    [0,  6,  50,  93,  9, 0],
    [1,  8,  36, 108, 11, 2],
    [0,  1,  12, 123,  6, 0],
];

#[rustfmt::skip]
const TWO: [Taps; 8] = [
    [0, 0, 128,   0, 0, 0],
    [0, 0, 112,  16, 0, 0],
    [0, 0,  96,  32, 0, 0],
    [0, 0,  80,  48, 0, 0],
    [0, 0,  64,  64, 0, 0],
    [0, 0,  48,  80, 0, 0],
    [0, 0,  32,  96, 0, 0],
    [0, 0,  16, 112, 0, 0],
];

/// Predicts a macroblock at `column` and `row`.
pub(super) fn macroblock(from: &Frame, into: &mut Frame, (column, row): (usize, usize), motion: &Motion, version: u8) {
    let taps = if version == 0 { &SIX } else { &TWO };
    let ([luma, colors @ ..], [luma_into, colors_into @ ..]) = (&from.planes, &mut into.planes);
    let (x, y) = (column * 16, row * 16);
    // Luma vectors are quarters.
    let luma_vector =
        |block: usize| motion.vectors.get(block).map_or((0, 0), |v| (i32::from(v.x) * 2, i32::from(v.y) * 2));
    let whole = if version == 3 { !7 } else { !0 };
    let chroma_vector = |vector: Vector| (i32::from(vector.x) & whole, i32::from(vector.y) & whole);
    let Some(split) = motion.split else {
        square::<16>(luma, luma_into, (x, y), luma_vector(0), taps);
        let vector = motion.vectors.first().map_or((0, 0), |&vector| chroma_vector(vector));
        for (from, into) in colors.iter().zip(colors_into) {
            square::<8>(from, into, (column * 8, row * 8), vector, taps);
        }
        return;
    };
    if split == Split::Sixteenths {
        for block in 0..16 {
            square::<4>(luma, luma_into, (x + block % 4 * 4, y + block / 4 * 4), luma_vector(block), taps);
        }
    } else {
        for (quarter, block) in [0, 2, 8, 10].into_iter().enumerate() {
            square::<8>(luma, luma_into, (x + quarter % 2 * 8, y + quarter / 2 * 8), luma_vector(block), taps);
        }
    }
    let vectors = chroma_vectors(&motion.vectors).map(chroma_vector);
    for (from, into) in colors.iter().zip(colors_into) {
        for (quarter, &vector) in vectors.iter().enumerate() {
            let at = (column * 8 + quarter % 2 * 4, row * 8 + quarter / 2 * 4);
            square::<4>(from, into, at, vector, taps);
        }
    }
}

/// Predicts a square of `N` samples, moved by `vector` in eighths.
fn square<const N: usize>(
    from: &Plane,
    into: &mut Plane,
    (x, y): (usize, usize),
    vector: (i32, i32),
    taps: &[Taps; 8],
) {
    let (across, down) = ((vector.0 & 7) as usize, (vector.1 & 7) as usize);
    let (left, top) = (x as i32 + (vector.0 >> 3), y as i32 + (vector.1 >> 3));
    // Two samples before and three behind, where there is something to be interpolated.
    let fits = |start: i32, fraction: usize, size: usize| {
        let (before, behind) = if fraction == 0 { (0, 0) } else { (2, 3) };
        start >= before && start + N as i32 + behind <= size as i32
    };
    if fits(left, across, from.width) && fits(top, down, from.height) {
        let at = from.at(left as usize, top as usize);
        interpolate::<N>(&from.samples, at, from.stride, into, (x, y), (taps[across], taps[down]));
    } else {
        let region = from.region(left - 2, top - 2, N + 5, N + 5);
        interpolate::<N>(region.as_flattened(), 2 * REGION + 2, REGION, into, (x, y), (taps[across], taps[down]));
    }
}

/// First across, then down, each rounded to 8 bits. Both passes change nothing where there is no fraction.
fn interpolate<const N: usize>(
    samples: &[u8],
    at: usize,
    stride: usize,
    into: &mut Plane,
    (x, y): (usize, usize),
    (across, down): (Taps, Taps),
) {
    let (start, into_stride) = (into.at(x, y), into.stride);
    let is_whole = |taps: Taps| taps[2] == 128;
    let row_at = |row: usize| start + row * into_stride;
    if is_whole(down) {
        for row in 0..N {
            let at = at + row * stride;
            let line: [u8; N] = if is_whole(across) { *chunk(samples, at) } else { filtered_row(samples, at, across) };
            put(&mut into.samples, row_at(row), &line);
        }
        return;
    }
    let mut rows = [[0; N]; REGION];
    let first = at - 2 * stride;
    for (row, line) in rows.iter_mut().take(N + 5).enumerate() {
        let at = first + row * stride;
        *line = if is_whole(across) { *chunk(samples, at) } else { filtered_row(samples, at, across) };
    }
    for (row, window) in rows.windows(6).take(N).enumerate() {
        if let [a, b, c, d, e, f] = window {
            put(&mut into.samples, row_at(row), &filtered([a, b, c, d, e, f], down));
        }
    }
}

/// `N` samples from `at` on, out of their neighbours in the row.
#[inline(always)]
fn filtered_row<const N: usize>(samples: &[u8], at: usize, taps: Taps) -> [u8; N] {
    let from = |offset: usize| chunk::<N>(samples, at + offset - 2);
    filtered([from(0), from(1), from(2), from(3), from(4), from(5)], taps)
}

/// 16 bits are enough: what is added is at most 160 times 255.
#[inline(always)]
fn filtered<const N: usize>([a, b, c, d, e, f]: [&[u8; N]; 6], taps: Taps) -> [u8; N] {
    let [t0, t1, t2, t3, t4, t5] = taps;
    let mut line = [0; N];
    for i in 0..N {
        let of = |samples: &[u8; N], tap: u16| u16::from(samples[i]) * tap;
        let plus = of(a, t0) + of(c, t2) + of(d, t3) + of(f, t5) + 64;
        line[i] = (plus.saturating_sub(of(b, t1) + of(e, t4)) >> 7).min(255) as u8;
    }
    line
}
