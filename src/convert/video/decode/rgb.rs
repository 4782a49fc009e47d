//! Red, green and blue of 8 bits, row by row, to brightness and colours of limited range (ITU-T H.273 §8.3).

use super::{Decoder, Picture};
use crate::convert::video::color::share_of;
use crate::convert::video::picture::{Plane, Samples};
use crate::demux::Track;
use crate::error::{Error, Result};
use std::collections::VecDeque;

/// The name that such a track goes by within this room.
pub(in crate::convert::video) const CODEC: &str = "animation";

/// One in fixed point.
const ONE: f64 = 65_536.0;

pub(super) struct Rgb {
    width: usize,
    height: usize,
    /// Rows for brightness, blue and red difference, in fixed point.
    matrix: [[i32; 3]; 3],
}

impl Rgb {
    /// For pictures of the track's size, with its matrix.
    pub(super) fn new(track: &Track) -> Result<Self> {
        let (width, height) = track.size.ok_or_else(|| Error::malformed("pictures without a size"))?;
        let [red, blue] = share_of(track.color.unwrap_or_default().matrix);
        let green = 1.0 - red - blue;
        let fixed = |row: [f64; 3], range: f64| row.map(|part| (part * range / 255.0 * ONE).round() as i32);
        let (to_blue, to_red) = (0.5 / (1.0 - blue), 0.5 / (1.0 - red));
        let matrix = [
            fixed([red, green, blue], 219.0),
            fixed([-red * to_blue, -green * to_blue, 0.5], 224.0),
            fixed([0.5, -green * to_red, -blue * to_red], 224.0),
        ];
        Ok(Self { width: width as usize, height: height as usize, matrix })
    }

    /// A component of a sum of pixels whose weights add up to 2^`shift`.
    fn component(row: [i32; 3], [r, g, b]: [i32; 3], zero: i32, shift: u32) -> u8 {
        let sum =
            i64::from(row[0]) * i64::from(r) + i64::from(row[1]) * i64::from(g) + i64::from(row[2]) * i64::from(b);
        let shift = 16 + shift;
        let level = i64::from(zero) + ((sum + (1 << (shift - 1))) >> shift);
        u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX)
    }

    /// The two planes of colour. A colour stands at the left of its two columns and between its two rows, where players
    /// take it to be (H.264 figure E-1): columns weigh 1, 2, 1.
    fn colours(&self, pixels: &[[u8; 3]]) -> [Vec<u8>; 2] {
        let [_, to_blue, to_red] = self.matrix;
        let (mut blue, mut red) = (Vec::new(), Vec::new());
        let mut columns = vec![[0_i32; 3]; self.width];
        for rows in pixels.chunks(2 * self.width.max(1)) {
            let (upper, lower) = rows.split_at_checked(self.width).unwrap_or((rows, &[]));
            // An odd last row stands for itself.
            let lower = if lower.is_empty() { upper } else { lower };
            for ((column, up), low) in columns.iter_mut().zip(upper).zip(lower) {
                *column = [0, 1, 2].map(|part| i32::from(up[part]) + i32::from(low[part]));
            }
            for x in (0..self.width).step_by(2) {
                let here = columns.get(x).copied().unwrap_or_default();
                let left = x.checked_sub(1).and_then(|left| columns.get(left)).copied().unwrap_or(here);
                let right = columns.get(x + 1).copied().unwrap_or(here);
                let sum = [0, 1, 2].map(|part| left[part] + 2 * here[part] + right[part]);
                blue.push(Self::component(to_blue, sum, 128, 3));
                red.push(Self::component(to_red, sum, 128, 3));
            }
        }
        [blue, red]
    }
}

impl Decoder for Rgb {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let (pixels, rest) = packet.as_chunks::<3>();
        if pixels.len() != self.width * self.height || !rest.is_empty() {
            return Err(Error::malformed("a picture is not as large as its track says"));
        }
        let [to_luma, ..] = self.matrix;
        let luma = pixels.iter().map(|pixel| Self::component(to_luma, pixel.map(i32::from), 16, 0)).collect();
        let [blue, red] = self.colours(pixels);
        let (across, down) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let plane = |samples, width, height| Plane { width, height, samples: Samples::Narrow(samples) };
        let planes = [plane(luma, self.width, self.height), plane(blue, across, down), plane(red, across, down)];
        out.push_back(Picture { pts, depth: 8, planes });
        Ok(())
    }

    fn flush(&mut self, _: &mut VecDeque<Picture>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::Kind;
    use crate::facts::ColorTags;

    fn of(matrix: u8, (width, height): (u32, u32), pixels: &[[u8; 3]]) -> [Vec<u8>; 3] {
        let mut track = Track::new(1, Kind::Video, CODEC, 1);
        track.size = Some((width, height));
        track.color = Some(ColorTags { matrix, ..ColorTags::default() });
        let mut out = VecDeque::new();
        Rgb::new(&track).unwrap().decode(pixels.as_flattened(), 0, &mut out).unwrap();
        out.pop_front().unwrap().planes.map(|plane| {
            assert!(plane.is_whole());
            match plane.samples {
                Samples::Narrow(samples) => samples,
                Samples::Wide(_) => panic!("8 bits"),
            }
        })
    }

    #[test]
    fn colours_have_the_codes_of_the_standards() {
        // BT.601 and BT.709 colour bars at 100 %.
        assert_eq!(of(6, (1, 1), &[[255, 0, 0]]), [[81], [90], [240]].map(Vec::from));
        assert_eq!(of(1, (1, 1), &[[255, 0, 0]]), [[63], [102], [240]].map(Vec::from));
        assert_eq!(of(6, (1, 1), &[[0, 0, 255]]), [[41], [240], [110]].map(Vec::from));
        assert_eq!(of(1, (1, 1), &[[255; 3]]), [[235], [128], [128]].map(Vec::from));
        assert_eq!(of(1, (1, 1), &[[0; 3]]), [[16], [128], [128]].map(Vec::from));
    }

    #[test]
    fn odd_sides_have_a_colour_more() {
        let [luma, blue, red] = of(1, (3, 3), &[[9; 3]; 9]);
        assert_eq!((luma.len(), blue, red), (9, vec![128; 4], vec![128; 4]));
    }
}
