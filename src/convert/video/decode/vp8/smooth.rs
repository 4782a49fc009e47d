//! Smoothing of the edges of macroblocks and blocks (RFC 6386 §15), after the whole picture was put together.

use super::frame::{Frame, Plane, chunk, put};

/// What is smoothed of one macroblock.
#[derive(Clone, Copy, Default)]
pub(super) struct Edges {
    /// Nothing at level 0.
    pub(super) level: u8,
    /// Whether blocks are smoothed within it.
    pub(super) inner: bool,
}

/// Differences up to which edges are smoothed.
#[derive(Clone, Copy)]
struct Limits {
    edge: i16,
    interior: i16,
    /// Beyond it, the picture itself varies at the edge.
    variance: i16,
}

/// Four samples before an edge and four behind it, at 16 places along it.
type Segment = [[u8; 16]; 8];

/// Smooths a picture of `columns` macroblocks a row.
pub(super) fn picture(frame: &mut Frame, edges: &[Edges], columns: usize, (simple, sharpness, key): (bool, u8, bool)) {
    for (index, edges) in edges.iter().enumerate().filter(|(_, edges)| edges.level > 0) {
        let (column, row) = (index % columns, index / columns);
        let (outer, inner) = limits(edges.level, sharpness, key);
        if simple {
            macroblock_simple(frame, (column, row), (outer.edge, inner.edge), edges.inner);
        } else {
            macroblock(frame, (column, row), (outer, inner), edges.inner);
        }
    }
}

/// Limits between macroblocks and within them (§15.4).
fn limits(level: u8, sharpness: u8, key: bool) -> (Limits, Limits) {
    let mut interior = level;
    if sharpness > 0 {
        interior = (interior >> if sharpness > 4 { 2 } else { 1 }).min(9_u8.saturating_sub(sharpness));
    }
    let interior = i16::from(interior.max(1));
    let variance = match (level, key) {
        (40.., false) => 3,
        (40.., true) | (20.., false) => 2,
        (15.., _) => 1,
        _ => 0,
    };
    let level = i16::from(level);
    let inner = Limits { edge: level * 2 + interior, interior, variance };
    (Limits { edge: (level + 2) * 2 + interior, ..inner }, inner)
}

fn macroblock(frame: &mut Frame, (column, row): (usize, usize), (outer, inner): (Limits, Limits), blocks: bool) {
    let [luma, blue, red] = &mut frame.planes;
    let (at, stride) = (luma.at(column * 16, row * 16), luma.stride);
    let (chroma_at, chroma_stride) = (blue.at(column * 8, row * 8), blue.stride);
    if column > 0 {
        across(luma, at, |segment| strong(segment, outer));
        across_both(blue, red, chroma_at, |segment| strong(segment, outer));
    }
    if blocks {
        for x in [4, 8, 12] {
            across(luma, at + x, |segment| weak(segment, inner));
        }
        across_both(blue, red, chroma_at + 4, |segment| weak(segment, inner));
    }
    if row > 0 {
        down(luma, at, |segment| strong(segment, outer));
        down_both(blue, red, chroma_at, |segment| strong(segment, outer));
    }
    if blocks {
        for y in [4, 8, 12] {
            down(luma, at + y * stride, |segment| weak(segment, inner));
        }
        down_both(blue, red, chroma_at + 4 * chroma_stride, |segment| weak(segment, inner));
    }
}

/// The simple filter treats brightness alone.
fn macroblock_simple(frame: &mut Frame, (column, row): (usize, usize), (outer, inner): (i16, i16), blocks: bool) {
    let [luma, ..] = &mut frame.planes;
    let (at, stride) = (luma.at(column * 16, row * 16), luma.stride);
    if column > 0 {
        across(luma, at, |segment| simple(segment, outer));
    }
    if blocks {
        for x in [4, 8, 12] {
            across(luma, at + x, |segment| simple(segment, inner));
        }
    }
    if row > 0 {
        down(luma, at, |segment| simple(segment, outer));
    }
    if blocks {
        for y in [4, 8, 12] {
            down(luma, at + y * stride, |segment| simple(segment, inner));
        }
    }
}

/// A level edge of 16 samples, the first of which behind it is at `at`.
#[inline(always)]
fn down(plane: &mut Plane, at: usize, filter: impl Fn(&mut Segment)) {
    let first = at - 4 * plane.stride;
    let mut segment = [[0; 16]; 8];
    for (row, line) in segment.iter_mut().enumerate() {
        *line = *chunk(&plane.samples, first + row * plane.stride);
    }
    filter(&mut segment);
    for (row, line) in segment.iter().enumerate().take(7).skip(1) {
        put(&mut plane.samples, first + row * plane.stride, line);
    }
}

/// Level edges of 8 samples in both planes of colour.
#[inline(always)]
fn down_both(blue: &mut Plane, red: &mut Plane, at: usize, filter: impl Fn(&mut Segment)) {
    let stride = blue.stride;
    let first = at - 4 * stride;
    let mut segment = [[0; 16]; 8];
    for (row, line) in segment.iter_mut().enumerate() {
        *line = joined(*chunk(&blue.samples, first + row * stride), *chunk(&red.samples, first + row * stride));
    }
    filter(&mut segment);
    for (row, line) in segment.iter().enumerate().take(7).skip(1) {
        put::<8>(&mut blue.samples, first + row * stride, chunk(line, 0));
        put::<8>(&mut red.samples, first + row * stride, chunk(line, 8));
    }
}

/// An upright edge of 16 samples.
#[inline(always)]
fn across(plane: &mut Plane, at: usize, filter: impl Fn(&mut Segment)) {
    let (first, stride) = (at - 4, plane.stride);
    let mut halves = [lines(plane, first), lines(plane, first + 8 * stride)];
    turned_filter(&mut halves, filter);
    for (row, line) in halves.as_flattened().iter().enumerate() {
        put(&mut plane.samples, first + row * stride, &line.to_le_bytes());
    }
}

/// Upright edges of 8 samples in both planes of colour.
#[inline(always)]
fn across_both(blue: &mut Plane, red: &mut Plane, at: usize, filter: impl Fn(&mut Segment)) {
    let (first, stride) = (at - 4, blue.stride);
    let mut halves = [lines(blue, first), lines(red, first)];
    turned_filter(&mut halves, filter);
    for (plane, half) in [blue, red].into_iter().zip(&halves) {
        for (row, line) in half.iter().enumerate() {
            put(&mut plane.samples, first + row * stride, &line.to_le_bytes());
        }
    }
}

/// Eight lines of eight samples.
#[inline(always)]
fn lines(plane: &Plane, first: usize) -> [u64; 8] {
    let mut lines = [0; 8];
    for (row, line) in lines.iter_mut().enumerate() {
        *line = u64::from_le_bytes(*chunk(&plane.samples, first + row * plane.stride));
    }
    lines
}

/// Applies a filter to 16 lines of 8 samples, turned so that it finds them as it does at level edges.
#[inline(always)]
fn turned_filter(halves: &mut [[u64; 8]; 2], filter: impl Fn(&mut Segment)) {
    let [upper, lower] = *halves;
    let (upper, lower) = (transposed(upper), transposed(lower));
    let mut segment = [[0; 16]; 8];
    for ((line, upper), lower) in segment.iter_mut().zip(upper).zip(lower) {
        *line = joined(upper.to_le_bytes(), lower.to_le_bytes());
    }
    filter(&mut segment);
    for (half, start) in halves.iter_mut().zip([0, 8]) {
        for (row, line) in half.iter_mut().zip(&segment) {
            *row = u64::from_le_bytes(*chunk(line, start));
        }
        *half = transposed(*half);
    }
}

fn joined(left: [u8; 8], right: [u8; 8]) -> [u8; 16] {
    let mut both = [0; 16];
    both.as_chunks_mut::<8>().0.copy_from_slice(&[left, right]);
    both
}

/// Rows to columns: halves, then quarters, then single bytes change places.
#[inline(always)]
fn transposed(mut rows: [u64; 8]) -> [u64; 8] {
    for (distance, mask) in [(4, 0xFFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FF_u64)] {
        for row in (0..8).filter(|row| row & distance == 0) {
            let shift = distance * 8;
            let change = (rows[row] >> shift ^ rows[row + distance]) & mask;
            rows[row + distance] ^= change;
            rows[row] ^= change << shift;
        }
    }
    rows
}

/// Within 8 bits and a sign.
#[inline(always)]
fn c(value: i16) -> i16 {
    value.clamp(-128, 127)
}

/// All bits where a condition holds, else none.
#[inline(always)]
fn mask(condition: bool) -> i16 {
    -i16::from(condition)
}

/// A value back as a sample.
#[inline(always)]
fn sample(value: i16) -> u8 {
    (c(value) + 128) as u8
}

/// The change of the two samples at the edge, which are `p0` and `q0`, by a difference `a`.
#[inline(always)]
fn adjusted(p0: i16, q0: i16, a: i16) -> (i16, i16, i16) {
    let (taken, added) = (c(a + 4) >> 3, c(a + 3) >> 3);
    (c(p0 + added), c(q0 - taken), taken)
}

/// The eight samples at one place, with signs.
#[inline(always)]
fn place(segment: &Segment, i: usize) -> [i16; 8] {
    let of = |row: usize| i16::from(segment[row][i]) - 128;
    [of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)]
}

/// Whether a place is smoothed, and whether the picture varies there (§15.3).
#[inline(always)]
fn conditions([p3, p2, p1, p0, q0, q1, q2, q3]: [i16; 8], limits: Limits) -> (i16, i16) {
    let steps = [p3 - p2, p2 - p1, p1 - p0, q3 - q2, q2 - q1, q1 - q0];
    let mut steepest = 0;
    for step in steps {
        steepest = step.abs().max(steepest);
    }
    let edge = (p0 - q0).abs() * 2 + ((p1 - q1).abs() >> 1);
    let smoothed = mask(edge <= limits.edge) & mask(steepest <= limits.interior);
    (smoothed, mask((p1 - p0).abs().max((q1 - q0).abs()) > limits.variance))
}

/// The simple filter (§15.2).
#[inline(always)]
fn simple(segment: &mut Segment, limit: i16) {
    for i in 0..16 {
        let [_, _, p1, p0, q0, q1, ..] = place(segment, i);
        let smoothed = mask((p0 - q0).abs() * 2 + ((p1 - q1).abs() >> 1) <= limit);
        let a = c(c(p1 - q1) + 3 * (q0 - p0)) & smoothed;
        let (p0, q0, _) = adjusted(p0, q0, a);
        (segment[3][i], segment[4][i]) = (sample(p0), sample(q0));
    }
}

/// The filter between blocks (§15.3).
#[inline(always)]
fn weak(segment: &mut Segment, limits: Limits) {
    for i in 0..16 {
        let all @ [_, _, p1, p0, q0, q1, ..] = place(segment, i);
        let (smoothed, varied) = conditions(all, limits);
        let a = c((c(p1 - q1) & varied) + 3 * (q0 - p0)) & smoothed;
        let (p0, q0, taken) = adjusted(p0, q0, a);
        let half = (taken + 1) >> 1 & !varied;
        segment[2][i] = sample(p1 + half);
        segment[3][i] = sample(p0);
        segment[4][i] = sample(q0);
        segment[5][i] = sample(q1 - half);
    }
}

/// The filter between macroblocks (§15.3).
#[inline(always)]
fn strong(segment: &mut Segment, limits: Limits) {
    for i in 0..16 {
        let all @ [_, p2, p1, p0, q0, q1, q2, _] = place(segment, i);
        let (smoothed, varied) = conditions(all, limits);
        let w = c(c(p1 - q1) + 3 * (q0 - p0)) & smoothed;
        let (p0, q0, _) = adjusted(p0, q0, w & varied);
        let w = w & !varied;
        let (near, next, far) = ((27 * w + 63) >> 7, (18 * w + 63) >> 7, (9 * w + 63) >> 7);
        segment[1][i] = sample(p2 + far);
        segment[2][i] = sample(p1 + next);
        segment[3][i] = sample(p0 + near);
        segment[4][i] = sample(q0 - near);
        segment[5][i] = sample(q1 - next);
        segment[6][i] = sample(q2 - far);
    }
}
