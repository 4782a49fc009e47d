//! Whether what was coded looks like what was to be coded: an independent decoder reads a few pictures back.

use super::decode::Decoder as _;
use super::decode::h264::H264;
use super::picture::{Canvas, Picture, Samples};
use crate::error::{Error, Result};
use std::collections::VecDeque;

/// The least similarity of brightness (SSIM), and the most that colours may be off on average, in levels. The coarsest
/// quantiser stays far from both; a black, green or torn picture is far beyond.
const LEAST_SSIM: f64 = 0.35;
const MOST_COLOUR: f64 = 12.0;

/// Pictures of a run that are decoded, up to the first anchor; the last of them is compared.
const RUN: usize = super::rate::PERIOD as usize + 1;

/// Runs of a segment that are looked at.
const RUNS: u32 = 3;

/// Watches an encoder's output.
pub(super) struct Check {
    run: Vec<Vec<u8>>,
    left: u32,
    watching: bool,
    since: u32,
    /// The least similarity that was found.
    pub least: f64,
    /// How many pictures were compared.
    pub compared: u32,
}

impl Check {
    pub(super) const fn new() -> Self {
        Self { run: Vec::new(), left: RUNS, watching: false, since: 0, least: 1.0, compared: 0 }
    }

    /// Takes the next access unit and the picture it was made of.
    pub(super) fn take(&mut self, unit: &[u8], key: bool, canvas: &Canvas, config: &[u8]) -> Result<()> {
        if key {
            if self.watching {
                self.run.clear();
            }
            // The first run, and then one of every few: later ones are farther apart.
            self.watching = self.left > 0 && (self.since == 0 || self.since >= 4 * (RUNS - self.left));
            self.since = if self.watching { 1 } else { self.since + 1 };
        }
        if !self.watching {
            return Ok(());
        }
        self.run.push(unit.to_vec());
        if self.run.len() < RUN {
            return Ok(());
        }
        self.watching = false;
        self.left -= 1;
        let run = std::mem::take(&mut self.run);
        let found = last_of(&run, config)?;
        self.compare(&found, canvas)
    }

    fn compare(&mut self, found: &Picture, canvas: &Canvas) -> Result<()> {
        let [y, u, v] = &found.planes;
        let (Samples::Narrow(luma), Samples::Narrow(blue), Samples::Narrow(red)) = (&y.samples, &u.samples, &v.samples)
        else {
            return Err(Error::verify("the coded pictures are not of 8 bits"));
        };
        if (y.width, y.height) != (canvas.width, canvas.height) {
            return Err(Error::verify(format!(
                "the coded pictures have another size; found {}x{}, wanted {}x{}",
                y.width, y.height, canvas.width, canvas.height
            )));
        }
        let [wanted, wanted_blue, wanted_red] = &canvas.planes;
        let similar = ssim(luma, wanted, canvas.width);
        let off = difference(blue, wanted_blue).max(difference(red, wanted_red));
        self.least = self.least.min(similar);
        self.compared += 1;
        if similar < LEAST_SSIM || off > MOST_COLOUR {
            return Err(Error::verify(format!(
                "the coded pictures do not look like the source; similarity {similar:.2}, colours off by {off:.1}"
            )));
        }
        Ok(())
    }
}

fn last_of(run: &[Vec<u8>], config: &[u8]) -> Result<Picture> {
    let broken = |error: &dyn std::fmt::Display| Error::verify(format!("the coded pictures do not decode: {error}"));
    let mut decoder = H264::new(config).map_err(|error| broken(&error))?;
    let mut pictures = VecDeque::new();
    for (pts, unit) in (0..).zip(run) {
        decoder.decode(unit, pts, &mut pictures).map_err(|error| broken(&error))?;
    }
    decoder.flush(&mut pictures);
    if pictures.len() != run.len() {
        let (found, wanted) = (pictures.len(), run.len());
        return Err(Error::verify(format!("{found} of {wanted} coded pictures decode")));
    }
    pictures.pop_back().ok_or_else(|| Error::verify("no coded picture decodes"))
}

/// Mean similarity of blocks of 8x8 (Wang et al. 2004, with flat weights).
pub(super) fn ssim(one: &[u8], other: &[u8], width: usize) -> f64 {
    const SIDE: usize = 8;
    const C1: f64 = 6.5025;
    const C2: f64 = 58.5225;
    let rows = |plane: &'_ [u8]| plane.len() / width.max(1);
    let height = rows(one).min(rows(other));
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..height.saturating_sub(SIDE - 1)).step_by(SIDE) {
        for left in (0..width.saturating_sub(SIDE - 1)).step_by(SIDE) {
            let [mut a, mut b, mut aa, mut bb, mut ab] = [0_u32; 5];
            for row in top..top + SIDE {
                let at = row * width + left;
                let pairs =
                    one.get(at..at + SIDE).unwrap_or_default().iter().zip(other.get(at..at + SIDE).unwrap_or_default());
                for (&x, &y) in pairs {
                    let (x, y) = (u32::from(x), u32::from(y));
                    a += x;
                    b += y;
                    aa += x * x;
                    bb += y * y;
                    ab += x * y;
                }
            }
            let n = (SIDE * SIDE) as f64;
            let [a, b, aa, bb, ab] = [a, b, aa, bb, ab].map(|sum| f64::from(sum) / n);
            let (va, vb, cov) = (aa - a * a, bb - b * b, ab - a * b);
            sum += (2.0 * a * b + C1) * (2.0 * cov + C2) / ((a * a + b * b + C1) * (va + vb + C2));
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 1.0 }
}

fn difference(one: &[u8], other: &[u8]) -> f64 {
    let sum: u64 = one.iter().zip(other).map(|(&one, &other)| u64::from(one.abs_diff(other))).sum();
    sum as f64 / one.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_green_are_not_similar() {
        let picture: Vec<u8> = (0..64 * 64_u32).map(|at| (at * 37 % 200) as u8).collect();
        assert!(ssim(&picture, &picture, 64) > 0.999);
        assert!(ssim(&picture, &vec![0; 64 * 64], 64) < 0.1);
        assert!(difference(&[128; 16], &[0; 16]) > MOST_COLOUR);
    }
}
