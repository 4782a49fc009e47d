//! The 8×8 cosine transform in `f32`, written over rows of eight lanes so that the compiler vectorises it.

use std::f32::consts::PI;
use std::sync::LazyLock;

/// Eight samples, or coefficients, side by side.
type Row = [f32; 8];
/// An 8×8 matrix, row by row.
pub(super) type Square = [Row; 8];
/// 64 coefficients before quantisation, in natural order.
pub(super) type Coefficients = [f32; 64];

/// The factors that the fast algorithm leaves out (Arai, Agui, Nakajima 1988), for both directions at once.
static AAN_SCALE: LazyLock<Square> = LazyLock::new(|| {
    let factor = |k: usize| if k == 0 { 1.0 } else { (k as f32 * PI / 16.0).cos() * 2f32.sqrt() };
    std::array::from_fn(|v| std::array::from_fn(|u| 1.0 / (8.0 * factor(u) * factor(v))))
});

#[inline(always)]
fn zip(a: Row, b: Row, op: impl Fn(f32, f32) -> f32) -> Row {
    std::array::from_fn(|i| op(a[i], b[i]))
}

#[inline(always)]
fn add(a: Row, b: Row) -> Row {
    zip(a, b, |a, b| a + b)
}

#[inline(always)]
fn sub(a: Row, b: Row) -> Row {
    zip(a, b, |a, b| a - b)
}

#[inline(always)]
fn mul(a: Row, by: f32) -> Row {
    a.map(|a| a * by)
}

/// One direction of the transform, all eight columns at once.
#[inline(always)]
fn transform_columns(s: &Square) -> Square {
    let (t0, t7) = (add(s[0], s[7]), sub(s[0], s[7]));
    let (t1, t6) = (add(s[1], s[6]), sub(s[1], s[6]));
    let (t2, t5) = (add(s[2], s[5]), sub(s[2], s[5]));
    let (t3, t4) = (add(s[3], s[4]), sub(s[3], s[4]));

    let (t10, t13) = (add(t0, t3), sub(t0, t3));
    let (t11, t12) = (add(t1, t2), sub(t1, t2));
    let z1 = mul(add(t12, t13), 0.707_106_77);

    let (o10, o11, o12) = (add(t4, t5), add(t5, t6), add(t6, t7));
    let z5 = mul(sub(o10, o12), 0.382_683_43);
    let z2 = add(mul(o10, 0.541_196_1), z5);
    let z4 = add(mul(o12, 1.306_563), z5);
    let z3 = mul(o11, 0.707_106_77);
    let (z11, z13) = (add(t7, z3), sub(t7, z3));

    [add(t10, t11), add(z11, z4), add(t13, z1), sub(z13, z2), sub(t10, t11), add(z13, z2), sub(t13, z1), sub(z11, z4)]
}

#[inline(always)]
fn transpose(s: &Square) -> Square {
    std::array::from_fn(|i| std::array::from_fn(|j| s[j][i]))
}

/// The coefficients of 8×8 samples that are centred on zero.
#[inline]
pub(super) fn forward(samples: &Square, scale: &Square) -> Coefficients {
    let once = transform_columns(samples);
    let twice = transpose(&transform_columns(&transpose(&once)));
    let mut out = [0.0; 64];
    for ((to, from), by) in out.chunks_exact_mut(8).zip(&twice).zip(scale) {
        to.copy_from_slice(&zip(*from, *by, |a, b| a * b));
    }
    out
}

/// The scale that `forward` wants, looked up once a picture.
pub(super) fn scale() -> &'static Square {
    &AAN_SCALE
}

/// For one direction: the matrix that takes the coefficients of the first of two neighbours to those of their average at
/// half size.
static HALF: LazyLock<Square> = LazyLock::new(|| {
    let basis = |k: usize, n: f32| {
        let norm = if k == 0 { (0.125f32).sqrt() } else { 0.5 };
        norm * ((2.0 * n + 1.0) * k as f32 * PI / 16.0).cos()
    };
    std::array::from_fn(|to| {
        std::array::from_fn(|from| {
            let pair = |n: usize| {
                let average = (basis(from, 2.0 * n as f32) + basis(from, 2.0 * n as f32 + 1.0)) / 2.0;
                basis(to, n as f32) * average
            };
            (0..4).map(pair).sum()
        })
    })
});

/// The coefficients at half size of two blocks, one over the other.
#[inline]
pub(super) fn halve_vertically(top: &Coefficients, bottom: &Coefficients) -> Coefficients {
    let half: &Square = &HALF;
    let mut out = [[0.0; 8]; 8];
    let pairs = top.as_chunks::<8>().0.iter().zip(bottom.as_chunks::<8>().0);
    for (from, (top, bottom)) in pairs.enumerate() {
        // Most blocks of colour hold little but low frequencies.
        if top.iter().chain(bottom).all(|c| *c == 0.0) {
            continue;
        }
        // The lower block's matrix is the upper one's with every other sign turned.
        let both = [zip(*top, *bottom, |a, b| a + b), zip(*top, *bottom, |a, b| a - b)];
        for (to, (out, weights)) in out.iter_mut().zip(half).enumerate() {
            *out = zip(*out, both[(to + from) % 2], |sum, c| sum + weights[from] * c);
        }
    }
    let mut flat = [0.0; 64];
    flat.as_chunks_mut::<8>().0.iter_mut().zip(&out).for_each(|(to, from)| *to = *from);
    flat
}

/// The coefficients at half size of two blocks, side by side.
#[inline]
pub(super) fn halve_horizontally(left: &Coefficients, right: &Coefficients) -> Coefficients {
    flipped(&halve_vertically(&flipped(left), &flipped(right)))
}

#[inline]
fn flipped(block: &Coefficients) -> Coefficients {
    let mut out = [0.0; 64];
    for (v, row) in block.as_chunks::<8>().0.iter().enumerate() {
        for (u, c) in row.iter().enumerate() {
            out[u * 8 + v] = *c;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(samples: &Square) -> Coefficients {
        std::array::from_fn(|i| {
            let (v, u) = (i / 8, i % 8);
            let c = |k: usize| if k == 0 { 0.5f32.sqrt() } else { 1.0 };
            let cos = |k: usize, n: usize| ((2 * n + 1) as f32 * k as f32 * PI / 16.0).cos();
            let sum: f32 = (0..64).map(|n| samples[n / 8][n % 8] * cos(v, n / 8) * cos(u, n % 8)).sum();
            sum * c(u) * c(v) / 4.0
        })
    }

    fn noise(seed: usize) -> Square {
        std::array::from_fn(|y| {
            std::array::from_fn(|x| ((seed + y * 57 + x * 131) * 2_654_435_761 % 255) as f32 - 127.0)
        })
    }

    #[test]
    fn forward_is_the_cosine_transform() {
        let (fast, slow) = (forward(&noise(3), scale()), naive(&noise(3)));
        assert!(fast.iter().zip(&slow).all(|(a, b)| (a - b).abs() < 0.01), "{fast:?}\n{slow:?}");
    }

    #[test]
    fn halving_coefficients_is_halving_samples() {
        let (a, b) = (noise(1), noise(2));
        let average: Square = std::array::from_fn(|y| {
            let (from, at) = if y < 4 { (&a, y * 2) } else { (&b, y * 2 - 8) };
            std::array::from_fn(|x| (from[at][x] + from[at + 1][x]) / 2.0)
        });
        let (halved, direct) = (halve_vertically(&naive(&a), &naive(&b)), naive(&average));
        assert!(halved.iter().zip(&direct).all(|(a, b)| (a - b).abs() < 0.01));
    }
}
