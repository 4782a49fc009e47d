//! Prediction from within the picture (RFC 6386 §12).

use super::frame::{Plane, chunk, put};
use super::modes::{BlockMode, Mode};

/// Predicts a square of `N` samples whose corner is at column `x` and row `y`.
pub(super) fn square<const N: usize>(plane: &mut Plane, (x, y): (usize, usize), mode: Mode) {
    let (start, stride) = (plane.at(x, y), plane.stride);
    let samples = &mut plane.samples[..];
    let above = *chunk::<N>(samples, start - stride);
    let mut left = [0; N];
    for (row, left) in left.iter_mut().enumerate() {
        [*left] = *chunk(samples, start + row * stride - 1);
    }
    let [corner] = *chunk(samples, start - stride - 1);
    match mode {
        Mode::Down => (0..N).for_each(|row| put(samples, start + row * stride, &above)),
        Mode::Across => {
            for (row, left) in left.iter().enumerate() {
                put(samples, start + row * stride, &[*left; N]);
            }
        }
        Mode::Gradient => {
            for (row, left) in left.iter().enumerate() {
                let change = i16::from(*left) - i16::from(corner);
                let line = above.map(|above| (i16::from(above) + change).clamp(0, 255) as u8);
                put(samples, start + row * stride, &line);
            }
        }
        // Blocks are predicted one by one.
        Mode::Flat | Mode::Blocks => {
            let sum = |side: [u8; N]| side.iter().map(|&sample| usize::from(sample)).sum::<usize>();
            let average = match (y > 0, x > 0) {
                (true, true) => (sum(above) + sum(left) + N) / (2 * N),
                (true, false) => (sum(above) + N / 2) / N,
                (false, true) => (sum(left) + N / 2) / N,
                (false, false) => 128,
            };
            (0..N).for_each(|row| put(samples, start + row * stride, &[average as u8; N]));
        }
    }
}

/// Predicts a block of 4x4 at `at`; `right` is what lies above and right of it.
pub(super) fn block(samples: &mut [u8], at: usize, stride: usize, right: [u8; 4], mode: BlockMode) {
    let [p, a0, a1, a2, a3] = *chunk::<5>(samples, at - stride - 1);
    let [l0, l1, l2, l3] = [0, 1, 2, 3].map(|row| chunk::<1>(samples, at + row * stride - 1)[0]);
    let [a4, a5, a6, a7] = right;
    let two = |x: u8, y: u8| ((u16::from(x) + u16::from(y) + 1) >> 1) as u8;
    let three = |x: u8, y: u8, z: u8| ((u16::from(x) + 2 * u16::from(y) + u16::from(z) + 2) >> 2) as u8;
    let rows = match mode {
        BlockMode::Flat => {
            let sum: u16 = [a0, a1, a2, a3, l0, l1, l2, l3].into_iter().map(u16::from).sum();
            [[((sum + 4) >> 3) as u8; 4]; 4]
        }
        BlockMode::Gradient => [l0, l1, l2, l3].map(|left| {
            let change = i16::from(left) - i16::from(p);
            [a0, a1, a2, a3].map(|above| (i16::from(above) + change).clamp(0, 255) as u8)
        }),
        BlockMode::Down => [[three(p, a0, a1), three(a0, a1, a2), three(a1, a2, a3), three(a2, a3, a4)]; 4],
        BlockMode::Across => {
            [three(p, l0, l1), three(l0, l1, l2), three(l1, l2, l3), three(l2, l3, l3)].map(|left| [left; 4])
        }
        BlockMode::DownLeft => {
            let [b, c, d, e] = [three(a0, a1, a2), three(a1, a2, a3), three(a2, a3, a4), three(a3, a4, a5)];
            let [f, g, h] = [three(a4, a5, a6), three(a5, a6, a7), three(a6, a7, a7)];
            [[b, c, d, e], [c, d, e, f], [d, e, f, g], [e, f, g, h]]
        }
        BlockMode::DownRight => {
            let [b, c, d] = [three(l3, l2, l1), three(l2, l1, l0), three(l1, l0, p)];
            let [e, f, g, h] = [three(l0, p, a0), three(p, a0, a1), three(a0, a1, a2), three(a1, a2, a3)];
            [[e, f, g, h], [d, e, f, g], [c, d, e, f], [b, c, d, e]]
        }
        BlockMode::DownRightSteep => {
            let even = [two(p, a0), two(a0, a1), two(a1, a2), two(a2, a3)];
            let odd = [three(l0, p, a0), three(p, a0, a1), three(a0, a1, a2), three(a1, a2, a3)];
            let (third, fourth) = (three(l1, l0, p), three(l2, l1, l0));
            [even, odd, [third, even[0], even[1], even[2]], [fourth, odd[0], odd[1], odd[2]]]
        }
        BlockMode::DownLeftSteep => {
            let even = [two(a0, a1), two(a1, a2), two(a2, a3), two(a3, a4)];
            let odd = [three(a0, a1, a2), three(a1, a2, a3), three(a2, a3, a4), three(a3, a4, a5)];
            let (third, fourth) = (three(a4, a5, a6), three(a5, a6, a7));
            [even, odd, [even[1], even[2], even[3], third], [odd[1], odd[2], odd[3], fourth]]
        }
        BlockMode::DownRightShallow => {
            let [b, c, d, e] = [two(l3, l2), three(l3, l2, l1), two(l2, l1), three(l2, l1, l0)];
            let [f, g, h, i] = [two(l1, l0), three(l1, l0, p), two(l0, p), three(l0, p, a0)];
            let [j, k] = [three(p, a0, a1), three(a0, a1, a2)];
            [[h, i, j, k], [f, g, h, i], [d, e, f, g], [b, c, d, e]]
        }
        BlockMode::UpRightShallow => {
            let [b, c, d, e] = [two(l0, l1), three(l0, l1, l2), two(l1, l2), three(l1, l2, l3)];
            let [f, g] = [two(l2, l3), three(l2, l3, l3)];
            [[b, c, d, e], [d, e, f, g], [f, g, l3, l3], [l3; 4]]
        }
    };
    for (row, line) in rows.iter().enumerate() {
        put(samples, at + row * stride, line);
    }
}
