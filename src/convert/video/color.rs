//! Colours of the source → 8 bits, limited range, standard dynamic range.
//!
//! Three ways, by what the tags say: nothing to do; a table a component (depth and range); a cube of all three components
//! (another matrix, wide gamut, high dynamic range).

mod hdr;
#[cfg(test)]
mod reference;

use crate::error::{Error, Result};
use crate::facts::{ColorTags, Hdr, VideoTrack};
use hdr::Light;
pub(super) use hdr::share_of;

/// Numbers of ITU-T H.273.
const BT709: u8 = 1;
const UNSTATED: u8 = 2;
const BT601: u8 = 6;
const BT2020: u8 = 9;
const PQ: u8 = 16;
const HLG: u8 = 18;

/// Lines from which a picture without tags is taken for BT.709, as players do.
const HD_LINES: u32 = 720;

/// Sixteenths: tables and cubes keep so much of what lies between two levels, for the dithering.
const FINE: f32 = 16.0;

/// Points of a cube along each side.
const POINTS: usize = 33;

/// Thresholds of an ordered dither, in sixteenths (Bayer).
const DITHER: [[u16; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// What is done to the components.
pub(super) enum Conversion {
    /// Nothing.
    Same,
    /// Each by itself: brightness, and both colours.
    Tables([Vec<u16>; 2]),
    /// All three together.
    Cube(Cube),
}

/// How a source's colours become the result's.
pub(super) struct Plan {
    pub conversion: Conversion,
    /// Primaries, transfer and matrix of the result.
    pub tags: [u8; 3],
}

impl Plan {
    /// For pictures of `depth` bits with the track's tags.
    pub(super) fn new(facts: &VideoTrack, depth: u8) -> Result<Self> {
        let color = facts.color.unwrap_or_default();
        if facts.hdr == Some(Hdr::DolbyVision) && ![PQ, HLG].contains(&color.transfer) && color.transfer == UNSTATED {
            return Err(Error::unsupported(
                "is Dolby Vision without a base layer that others play; use ffmpeg, or convert the file first",
            ));
        }
        let (light, wide) = (light_of(color), is_wide(color));
        let strange = ![BT709, UNSTATED, 5, BT601, BT2020, 10].contains(&color.matrix);
        if light != Light::Sdr || wide || strange {
            let conversion = Conversion::Cube(Cube::new(color, depth, light));
            return Ok(Self { conversion, tags: [BT709; 3] });
        }
        let conversion = if depth == 8 && !color.full_range {
            Conversion::Same
        } else {
            Conversion::Tables(tables(depth, color.full_range))
        };
        let matrix = if color.matrix == UNSTATED { usual_matrix(facts.width, facts.height) } else { color.matrix };
        let or = |value: u8| if value == UNSTATED || value == 0 { matrix.min(BT601) } else { value };
        Ok(Self { conversion, tags: [or(color.primaries), or(color.transfer), matrix] })
    }
}

const fn light_of(color: ColorTags) -> Light {
    match color.transfer {
        PQ => Light::Pq,
        HLG => Light::Hlg,
        _ => Light::Sdr,
    }
}

const fn is_wide(color: ColorTags) -> bool {
    color.primaries == BT2020 || matches!(color.matrix, BT2020 | 10)
}

/// What red, green and blue as coded come to in BT.709, each from 0 to 1; none where their gamut and light are not others.
pub(in crate::convert) fn mapping(color: ColorTags) -> Option<impl Fn([f64; 3]) -> [f64; 3]> {
    const DEPTH: u8 = 16;
    let light = light_of(color);
    if light == Light::Sdr && !is_wide(color) {
        return None;
    }
    // Planes that are green, blue and red themselves.
    let convert = hdr::Converter::new(ColorTags { matrix: 0, full_range: true, ..color }, DEPTH, light);
    let [red, blue] = share_of(BT709);
    Some(move |[r, g, b]: [f64; 3]| {
        let [y, cb, cr] = convert.levels([g, b, r].map(|value| value * f64::from(u16::MAX)));
        let (y, cb, cr) = ((y - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0);
        let (r, b) = (y + 2.0 * (1.0 - red) * cr, y + 2.0 * (1.0 - blue) * cb);
        let g = (y - red * r - blue * b) / (1.0 - red - blue);
        [r, g, b].map(|value| value.clamp(0.0, 1.0))
    })
}

/// The matrix that players take pictures of this size to have.
pub(super) const fn usual_matrix(width: u32, height: u32) -> u8 {
    if height >= HD_LINES || width >= 1280 { BT709 } else { BT601 }
}

/// Codes of `depth` bits to sixteenths of limited 8-bit levels.
fn tables(depth: u8, full: bool) -> [Vec<u16>; 2] {
    let top = f32::from(u16::MAX >> (16 - depth.clamp(8, 16)));
    let unit = f32::from(1_u16 << (depth.clamp(8, 16) - 8));
    let table = |range: f32, least: f32, middle: f32| {
        (0..=top as u32).map(move |code| {
            let code = code as f32;
            let level = match (full, middle > 0.0) {
                (false, _) => code / unit,
                (true, false) => least + code * range / top,
                (true, true) => middle + (code - ((top + 1.0) / 2.0)) * range / top,
            };
            (level.clamp(0.0, 255.0) * FINE).round() as u16
        })
    };
    [table(219.0, 16.0, 0.0).collect(), table(224.0, 16.0, 128.0).collect()]
}

/// A sixteenth of a level, brought to 8 bits with the dither of its place.
pub(super) fn dithered(fine: u16, x: usize, y: usize) -> u8 {
    let threshold = DITHER[y & 3][x & 3];
    ((fine.saturating_add(threshold)) >> 4).min(255) as u8
}

/// A conversion by interpolation between points.
pub(super) struct Cube {
    /// Brightness and both colours of the result in sixteenths of levels, each by red difference, blue difference and
    /// brightness.
    points: [Vec<f32>; 3],
    /// Points a code.
    scale: f32,
}

/// The four lines of a cube that stand around a colour: where each starts, and how much it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines([(usize, f32); 4]);

impl Cube {
    fn new(color: ColorTags, depth: u8, light: Light) -> Self {
        let top = f32::from(u16::MAX >> (16 - depth.clamp(8, 16)));
        let step = top / (POINTS - 1) as f32;
        let convert = hdr::Converter::new(color, depth, light);
        let mut points = [Vec::new(), Vec::new(), Vec::new()];
        for cr in 0..POINTS {
            for cb in 0..POINTS {
                for y in 0..POINTS {
                    let levels = convert.levels([y, cb, cr].map(|point| f64::from(point as f32 * step)));
                    points.iter_mut().zip(levels).for_each(|(points, level)| points.push(level as f32 * FINE));
                }
            }
        }
        Self { points, scale: 1.0 / step }
    }

    /// The point before a code, and how far behind it the code lies.
    fn place(&self, code: u16) -> (usize, f32) {
        let place = (f32::from(code) * self.scale).min((POINTS - 1) as f32);
        let base = (place as usize).min(POINTS - 2);
        (base, place - base as f32)
    }

    /// The lines around a colour.
    pub(super) fn lines(&self, cb: u16, cr: u16) -> Lines {
        let ((cb, across), (cr, down)) = (self.place(cb), self.place(cr));
        let start = (cr * POINTS + cb) * POINTS;
        Lines([
            (start, (1.0 - across) * (1.0 - down)),
            (start + POINTS, across * (1.0 - down)),
            (start + POINTS * POINTS, (1.0 - across) * down),
            (start + POINTS * POINTS + POINTS, across * down),
        ])
    }

    /// A component of the result for a brightness among these lines, in sixteenths of levels.
    pub(super) fn along(&self, lines: &Lines, y: u16, component: usize) -> u16 {
        let (base, part) = self.place(y);
        let Some(points) = self.points.get(component) else { return 0 };
        let sum: f32 = lines
            .0
            .iter()
            .map(|&(start, weight)| match points.get(start + base..start + base + 2) {
                Some(&[before, after]) => weight * (before + part * (after - before)),
                _ => 0.0,
            })
            .sum();
        sum.clamp(0.0, 255.0 * FINE) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_bits_keep_their_levels() {
        let [luma, chroma] = tables(10, false);
        assert_eq!((luma[64], luma[940], chroma[512]), (16 * 16, 235 * 16, 128 * 16));
        let [luma, chroma] = tables(8, true);
        assert_eq!((luma[0], luma[255], chroma[128]), (16 * 16, 235 * 16, 128 * 16));
        assert_eq!(dithered(16 * 16, 1, 1), 16);
    }

    #[test]
    fn the_cube_follows_the_formula() {
        let color = ColorTags { primaries: BT2020, transfer: HLG, matrix: BT2020, full_range: false };
        let cube = Cube::new(color, 10, Light::Hlg);
        let exact = hdr::Converter::new(color, 10, Light::Hlg);
        let (mut worst, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
        for y in (64..940).step_by(31) {
            for (cb, cr) in [(512, 512), (480, 560), (560, 480), (430, 520), (512, 600)] {
                let lines = cube.lines(cb, cr);
                let found = [0, 1, 2].map(|component| cube.along(&lines, y, component));
                let wanted = exact.levels([y, cb, cr].map(f64::from));
                let error = (f64::from(found[0]) / 16.0 - wanted[0]).abs();
                worst = worst.max(error);
                sum += error;
                count += 1.0;
            }
        }
        assert!(worst < 4.0 && sum / count < 0.6, "{worst} {}", sum / count);
    }
}
