//! Coefficients back to differences (RFC 6386 §14).

use super::frame::{chunk, put};

/// The square roots of two times the cosine and the sine of an eighth of pi, in 65536ths; the first without its whole one.
const COSINE: i32 = 20091;
const SINE: i32 = 35468;

/// The DCs of 16 blocks out of the block that codes them (§14.3).
pub(super) fn second(block: &[i16; 16]) -> [i16; 16] {
    let mut values = block.map(i32::from);
    for i in 0..4 {
        let (a, b) = (values[i] + values[12 + i], values[4 + i] + values[8 + i]);
        let (c, d) = (values[4 + i] - values[8 + i], values[i] - values[12 + i]);
        [values[i], values[4 + i], values[8 + i], values[12 + i]] = [a + b, c + d, a - b, d - c];
    }
    for row in values.as_chunks_mut::<4>().0 {
        let [p, q, r, s] = *row;
        let (a, b, c, d) = (p + s, q + r, q - r, p - s);
        *row = [a + b, c + d, a - b, d - c].map(|value| (value + 3) >> 3);
    }
    values.map(|value| value as i16)
}

/// Adds a block that is its DC alone.
#[inline]
pub(super) fn add_flat(dc: i16, samples: &mut [u8], at: usize, stride: usize) {
    let difference = (i32::from(dc) + 4) >> 3;
    for row in 0..4 {
        let at = at + row * stride;
        let mut line = *chunk::<4>(samples, at);
        for sample in &mut line {
            *sample = (i32::from(*sample) + difference).clamp(0, 255) as u8;
        }
        put(samples, at, &line);
    }
}

/// One dimension: four values to four.
#[inline(always)]
fn inverse([p, q, r, s]: [i32; 4]) -> [i32; 4] {
    let times_cosine = |value: i32| value + ((value * COSINE) >> 16);
    let times_sine = |value: i32| (value * SINE) >> 16;
    let (a, b) = (p + r, p - r);
    let c = times_sine(q) - times_cosine(s);
    let d = times_cosine(q) + times_sine(s);
    [a + d, b + c, b - c, a - d]
}

/// Adds a block (§14.4).
#[inline]
pub(super) fn add(block: &[i16; 16], samples: &mut [u8], at: usize, stride: usize) {
    let mut values = [0; 16];
    for (value, coefficient) in values.iter_mut().zip(block) {
        *value = i32::from(*coefficient);
    }
    for i in 0..4 {
        let [a, b, c, d] = inverse([values[i], values[4 + i], values[8 + i], values[12 + i]]);
        // The reference decoder keeps 16 bits between the passes; only hostile streams need more.
        let kept = |value: i32| i32::from(value as i16);
        [values[i], values[4 + i], values[8 + i], values[12 + i]] = [kept(a), kept(b), kept(c), kept(d)];
    }
    for (row, values) in values.as_chunks::<4>().0.iter().enumerate() {
        let differences = inverse(*values);
        let at = at + row * stride;
        let mut line = *chunk::<4>(samples, at);
        for (sample, difference) in line.iter_mut().zip(differences) {
            *sample = (i32::from(*sample) + ((difference + 4) >> 3)).clamp(0, 255) as u8;
        }
        put(samples, at, &line);
    }
}
