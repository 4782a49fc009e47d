//! Decoded pictures to what the encoder takes: deinterlaced, scaled, in the result's colours, upright.

use super::color::{Conversion, Cube, Plan, dithered};
use super::picture::{Canvas, Picture, Plane, Samples};
use crate::error::{Error, Result};
use crate::facts::VideoTrack;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// How far a line may lie from what its neighbours suggest before it counts as of another moment, in 8-bit levels.
const COMB: i32 = 10;

/// Makes canvases of one size.
pub(super) struct Renderer {
    facts: VideoTrack,
    /// Width and height of the result, upright.
    width: usize,
    height: usize,
    resizer: Resizer,
    options: ResizeOptions,
    /// By the depth for which it was made.
    color: Option<(u8, Plan)>,
}

impl Renderer {
    pub(super) fn new(facts: &VideoTrack, width: u32, height: u32) -> Self {
        Self {
            facts: facts.clone(),
            width: width as usize,
            height: height as usize,
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)),
            color: None,
        }
    }

    /// Primaries, transfer and matrix of the results.
    pub(super) fn tags(&self) -> Result<[u8; 3]> {
        Ok(Plan::new(&self.facts, self.facts.bit_depth.unwrap_or(8))?.tags)
    }

    /// `picture`, ready to be encoded.
    pub(super) fn render(&mut self, picture: Picture) -> Result<Canvas> {
        let picture = if self.facts.interlaced { progressive(picture) } else { picture };
        let turned = self.facts.rotation % 180 == 90;
        let (wide, high) = if turned { (self.height, self.width) } else { (self.width, self.height) };
        let [y, u, v] = picture.planes;
        let planes =
            [self.scaled(y, wide, high)?, self.scaled(u, wide / 2, high / 2)?, self.scaled(v, wide / 2, high / 2)?];
        if self.color.as_ref().is_none_or(|(depth, _)| *depth != picture.depth) {
            self.color = Some((picture.depth, Plan::new(&self.facts, picture.depth)?));
        }
        let Some((_, plan)) = &self.color else { return Err(Error::engine("a picture without colours")) };
        let [y, u, v] = converted(planes, &plan.conversion, wide, high);
        let shown = |mut plane: Vec<u8>, width: usize, height: usize| {
            if self.facts.mirrored {
                plane.chunks_mut(width.max(1)).for_each(<[u8]>::reverse);
            }
            upright(plane, width, height, self.facts.rotation)
        };
        let planes = [shown(y, wide, high), shown(u, wide / 2, high / 2), shown(v, wide / 2, high / 2)];
        Ok(Canvas { width: self.width, height: self.height, planes })
    }

    fn scaled(&mut self, plane: Plane, width: usize, height: usize) -> Result<Samples> {
        if (plane.width, plane.height) == (width, height) {
            return Ok(plane.samples);
        }
        // One column or row too many is cut off: scaling by so little only blurs.
        let cut = |from: usize, to: usize| from == to || from == to + 1;
        if cut(plane.width, width) && cut(plane.height, height) {
            return Ok(match &plane.samples {
                Samples::Narrow(samples) => Samples::Narrow(cropped(samples, plane.width, width, height)),
                Samples::Wide(samples) => Samples::Wide(cropped(samples, plane.width, width, height)),
            });
        }
        let failed = |error: &dyn std::fmt::Display| Error::engine(format!("a picture cannot be scaled: {error}"));
        let size = |value: usize| u32::try_from(value).unwrap_or(0);
        let (from, to) = ((size(plane.width), size(plane.height)), (size(width), size(height)));
        match &plane.samples {
            Samples::Narrow(samples) => {
                let source = ImageRef::new(from.0, from.1, samples, PixelType::U8).map_err(|error| failed(&error))?;
                let mut result = Image::new(to.0, to.1, PixelType::U8);
                self.resizer.resize(&source, &mut result, &self.options).map_err(|error| failed(&error))?;
                Ok(Samples::Narrow(result.into_vec()))
            }
            Samples::Wide(samples) => {
                let mut source = Image::new(from.0, from.1, PixelType::U16);
                for (pair, sample) in source.buffer_mut().as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                    *pair = sample.to_ne_bytes();
                }
                let mut result = Image::new(to.0, to.1, PixelType::U16);
                self.resizer.resize(&source, &mut result, &self.options).map_err(|error| failed(&error))?;
                let pairs = result.buffer().as_chunks::<2>().0.iter();
                Ok(Samples::Wide(pairs.map(|&pair| u16::from_ne_bytes(pair)).collect()))
            }
        }
    }
}

fn cropped<T: Copy>(samples: &[T], stride: usize, width: usize, height: usize) -> Vec<T> {
    samples.chunks(stride.max(1)).take(height).flat_map(|row| row.iter().take(width).copied()).collect()
}

/// The planes at 8 bits in the result's colours.
fn converted(planes: [Samples; 3], conversion: &Conversion, width: usize, height: usize) -> [Vec<u8>; 3] {
    let planes = match (planes, conversion) {
        ([Samples::Narrow(y), Samples::Narrow(u), Samples::Narrow(v)], Conversion::Same) => return [y, u, v],
        (planes, _) => planes.map(widened),
    };
    match conversion {
        Conversion::Same => planes.map(|plane| plane.into_iter().map(|sample| sample.min(255) as u8).collect()),
        Conversion::Tables([luma, chroma]) => {
            let [y, u, v] = planes;
            [tabled(&y, luma, width), tabled(&u, chroma, width / 2), tabled(&v, chroma, width / 2)]
        }
        Conversion::Cube(cube) => cubed(&planes, cube, width, height),
    }
}

/// All three components together; the four pixels of a colour share what is looked up for it.
fn cubed([y, u, v]: &[Vec<u16>; 3], cube: &Cube, width: usize, height: usize) -> [Vec<u8>; 3] {
    let half = (width / 2).max(1);
    let mut luma = vec![16; width * height];
    let (mut blue, mut red) = (Vec::new(), Vec::new());
    let colours = u.chunks(half).zip(v.chunks(half));
    let pairs = y.chunks(2 * width).zip(luma.chunks_mut(2 * width));
    for (row, ((from, to), (cbs, crs))) in pairs.zip(colours).enumerate() {
        let (Some((upper, lower)), Some((upper_to, lower_to))) =
            (from.split_at_checked(width), to.split_at_mut_checked(width))
        else {
            break;
        };
        let twos = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        let twos_to = upper_to.as_chunks_mut::<2>().0.iter_mut().zip(lower_to.as_chunks_mut::<2>().0);
        for (x, (((up, low), (up_to, low_to)), (&cb, &cr))) in twos.zip(twos_to).zip(cbs.iter().zip(crs)).enumerate() {
            let lines = cube.lines(cb, cr);
            for side in 0..2 {
                up_to[side] = dithered(cube.along(&lines, up[side], 0), 2 * x + side, 2 * row);
                low_to[side] = dithered(cube.along(&lines, low[side], 0), 2 * x + side, 2 * row + 1);
            }
            let sum = u32::from(up[0]) + u32::from(up[1]) + u32::from(low[0]) + u32::from(low[1]);
            let mean = u16::try_from(sum / 4).unwrap_or(u16::MAX);
            blue.push(dithered(cube.along(&lines, mean, 1), x, row));
            red.push(dithered(cube.along(&lines, mean, 2), x, row));
        }
    }
    [luma, blue, red]
}

fn widened(samples: Samples) -> Vec<u16> {
    match samples {
        Samples::Narrow(samples) => samples.into_iter().map(u16::from).collect(),
        Samples::Wide(samples) => samples,
    }
}

fn tabled(plane: &[u16], table: &[u16], width: usize) -> Vec<u8> {
    let mut result = Vec::new();
    result.reserve_exact(plane.len());
    for (y, row) in plane.chunks(width.max(1)).enumerate() {
        let last = table.last().copied().unwrap_or(0);
        result.extend(
            row.iter()
                .enumerate()
                .map(|(x, &code)| dithered(table.get(usize::from(code)).copied().unwrap_or(last), x, y)),
        );
    }
    result
}

/// A plane of `width`x`height` turned clockwise by `degrees`.
fn upright(plane: Vec<u8>, width: usize, height: usize, degrees: u16) -> Vec<u8> {
    match degrees {
        180 => plane.into_iter().rev().collect(),
        90 | 270 => {
            let mut turned = vec![0; plane.len()];
            // In tiles, so that both sides stay in the cache.
            const TILE: usize = 16;
            for (top, left) in
                (0..height).step_by(TILE).flat_map(|top| (0..width).step_by(TILE).map(move |left| (top, left)))
            {
                for y in top..(top + TILE).min(height) {
                    for x in left..(left + TILE).min(width) {
                        let to = if degrees == 90 { x * height + height - 1 - y } else { (width - 1 - x) * height + y };
                        if let (Some(to), Some(&from)) = (turned.get_mut(to), plane.get(y * width + x)) {
                            *to = from;
                        }
                    }
                }
            }
            turned
        }
        _ => plane,
    }
}

/// One moment of a picture that may hold two: lines of the second field that do not fit between their neighbours are
/// made of them.
pub(super) fn progressive(picture: Picture) -> Picture {
    let threshold = COMB << (picture.depth.max(8) - 8);
    let planes = picture.planes.map(|plane| {
        let samples = match plane.samples {
            Samples::Narrow(samples) => {
                Samples::Narrow(one_field(samples, plane.width, plane.height, threshold, |value| {
                    u8::try_from(value).unwrap_or(u8::MAX)
                }))
            }
            Samples::Wide(samples) => {
                Samples::Wide(one_field(samples, plane.width, plane.height, threshold, |value| {
                    u16::try_from(value).unwrap_or(u16::MAX)
                }))
            }
        };
        Plane { samples, ..plane }
    });
    Picture { pts: picture.pts, depth: picture.depth, planes }
}

fn one_field<T: Copy + Into<i32>>(
    mut samples: Vec<T>,
    width: usize,
    height: usize,
    threshold: i32,
    narrow: fn(i32) -> T,
) -> Vec<T> {
    for row in (1..height).step_by(2) {
        let above = (row - 1) * width;
        let below = if row + 1 < height { above + 2 * width } else { above };
        for x in 0..width {
            let at = |index: usize| samples.get(index + x).copied().map_or(0, Into::into);
            let (up, here, down) = (at(above), at(above + width), at(below));
            // Combed: brighter than both neighbours, or darker than both, by more than noise.
            let comb = (here > up.max(down) + threshold) || (here < up.min(down) - threshold);
            if comb && let Some(sample) = samples.get_mut(above + width + x) {
                *sample = narrow((up + down + 1) / 2);
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_by_quarters() {
        let plane = vec![1, 2, 3, 4, 5, 6];
        assert_eq!(upright(plane.clone(), 3, 2, 90), [4, 1, 5, 2, 6, 3]);
        assert_eq!(upright(plane.clone(), 3, 2, 270), [3, 6, 2, 5, 1, 4]);
        assert_eq!(upright(plane, 3, 2, 180), [6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn mirrored_before_they_are_turned() {
        let facts = VideoTrack { width: 4, height: 2, rotation: 90, mirrored: true, ..VideoTrack::default() };
        let plane = |width, height, samples: &[u8]| Plane { width, height, samples: Samples::Narrow(samples.to_vec()) };
        let planes = [plane(4, 2, &[1, 2, 3, 4, 5, 6, 7, 8]), plane(2, 1, &[1, 2]), plane(2, 1, &[3, 4])];
        let canvas = Renderer::new(&facts, 2, 4).render(Picture { pts: 0, depth: 8, planes }).unwrap();
        assert_eq!(canvas.planes, [vec![8, 4, 7, 3, 6, 2, 5, 1], vec![2, 1], vec![4, 3]]);
    }

    #[test]
    fn combs_are_filled_and_edges_stay() {
        let combed: Vec<u8> = vec![10, 10, 200, 200, 10, 10, 200, 200];
        assert_eq!(one_field(combed, 2, 4, 10, |value| value as u8)[2..4], [10, 10]);
        let edge: Vec<u8> = vec![10, 100, 200, 200];
        assert_eq!(one_field(edge.clone(), 1, 4, 10, |value| value as u8), edge);
    }
}
