//! Pixels to JPEG: colour conversion, transform and quantisation, strip by strip.

use super::dct::{self, Coefficients, Square};
use super::entropy::{Coded, Coder};
use super::layout::{Color, Layout};
use super::quant::{Quantiser, Table};
use super::sample::{Runs, Sample, SamplePlane};
use super::{Pixels, Subsampling};
use crate::error::Error;

/// Rows of pixels that are converted at once: one row of 16×16 MCUs.
const STRIP: usize = 16;

/// One strip of a picture as planes of samples, centred on zero, padded to whole MCUs.
pub(super) struct Strip {
    width: usize,
    planes: Vec<Vec<f32>>,
}

impl Strip {
    /// Room for strips of `width` pixels.
    pub(super) fn new(width: usize, planes: usize) -> Self {
        let width = width.next_multiple_of(STRIP);
        Self { width, planes: vec![vec![0.0; width * STRIP]; planes] }
    }

    /// Fills the strip with the 16 rows from `top`, from column `left`; what lies outside repeats the edge.
    pub(super) fn load(&mut self, pixels: &Pixels<'_>, left: usize, top: usize) {
        let (width, height) = pixels.size();
        let channels = self.planes.len();
        let stride = width as usize * channels;
        for line in 0..STRIP {
            let y = (top + line).min((height as usize).saturating_sub(1));
            let row = pixels.bytes().get(y * stride..(y + 1) * stride).unwrap_or_default();
            let row = row.get(left * channels..).unwrap_or_default();
            let span = line * self.width..(line + 1) * self.width;
            let used = (row.len() / channels).min(self.width);
            match self.planes.as_mut_slice() {
                [luma] => {
                    let luma = luma.get_mut(span).unwrap_or_default();
                    for (to, from) in luma.iter_mut().zip(row) {
                        *to = f32::from(*from) - 128.0;
                    }
                    repeat_last(luma, used);
                }
                [luma, blue, red] => {
                    let rows = [luma, blue, red].map(|plane| plane.get_mut(span.clone()).unwrap_or_default());
                    convert(row, rows, used);
                }
                _ => {}
            }
        }
    }

    /// A copy of a chroma plane at half size in both directions.
    fn halved(&self, plane: usize) -> Vec<f32> {
        let Some(plane) = self.planes.get(plane) else { return Vec::new() };
        let mut out = Vec::new();
        for pair in plane.chunks_exact(self.width * 2) {
            let (top, bottom) = pair.split_at(self.width);
            let sums = top.chunks_exact(2).zip(bottom.chunks_exact(2));
            out.extend(sums.map(|(a, b)| (a.iter().sum::<f32>() + b.iter().sum::<f32>()) * 0.25));
        }
        out
    }
}

/// BT.601 full range, as JFIF asks.
#[inline]
fn convert(row: &[u8], [luma, blue, red]: [&mut [f32]; 3], used: usize) {
    let targets = luma.iter_mut().zip(blue.iter_mut()).zip(red.iter_mut());
    for (((y, cb), cr), rgb) in targets.zip(row.as_chunks::<3>().0) {
        let [r, g, b] = rgb.map(f32::from);
        let light = 0.299 * r + 0.587 * g + 0.114 * b;
        *y = light - 128.0;
        *cb = (b - light) * 0.564_334_1;
        *cr = (r - light) * 0.713_266_76;
    }
    for plane in [luma, blue, red] {
        repeat_last(plane, used);
    }
}

fn repeat_last(row: &mut [f32], used: usize) {
    if let Some(&last) = used.checked_sub(1).and_then(|at| row.get(at)) {
        row.get_mut(used..).unwrap_or_default().fill(last);
    }
}

/// The 8×8 samples at block `column` of the rows of blocks that `samples` holds.
#[inline]
fn gather(samples: &[f32], stride: usize, block_row: usize, column: usize) -> Square {
    let mut square = [[0.0; 8]; 8];
    let lines = samples.chunks_exact(stride).skip(block_row * 8);
    for (to, from) in square.iter_mut().zip(lines) {
        if let Some(from) = from.get(column * 8..column * 8 + 8) {
            to.copy_from_slice(from);
        }
    }
    square
}

/// The layout of a picture at a subsampling, its planes' table index being their own.
fn layout(pixels: &Pixels<'_>, subsampling: Subsampling) -> Layout {
    let (width, height) = pixels.size();
    let luma = if subsampling == Subsampling::Half { 2 } else { 1 };
    match pixels {
        Pixels::Luma(_) => Layout::new(width, height, Color::Gray, &[(1, 1, 0)]),
        Pixels::Rgb(_) => Layout::new(width, height, Color::Ycc, &[(luma, luma, 0), (1, 1, 1), (1, 1, 1)]),
    }
}

/// Encodes the whole picture.
pub(super) fn write(
    pixels: &Pixels<'_>,
    tables: &[Table; 2],
    dead_zone: f32,
    subsampling: Subsampling,
    max_bytes: usize,
) -> Result<Coded, Error> {
    let layout = layout(pixels, subsampling);
    let planes = layout.planes.len();
    let mut coder = Coder::new(&layout, max_bytes)?;
    let quantisers = tables.map(|table| Quantiser::new(&table, &[1; 64], dead_zone));
    let (width, height) = pixels.size();
    let mut strip = Strip::new(width as usize, planes);
    let halve = subsampling == Subsampling::Half;
    for (index, top) in (0u32..).zip((0..height as usize).step_by(STRIP)) {
        strip.load(pixels, 0, top);
        for (plane, shape) in layout.planes.iter().enumerate() {
            let half = if plane > 0 && halve { strip.halved(plane) } else { Vec::new() };
            let (samples, stride, rows) = match strip.planes.get(plane) {
                _ if plane > 0 && halve => (half.as_slice(), strip.width / 2, 1),
                Some(samples) => (samples.as_slice(), strip.width, 2),
                None => continue,
            };
            let Some(quantiser) = quantisers.get(shape.table) else { continue };
            let first = index * rows;
            for row in (first..first + rows).take_while(|&row| row < shape.blocks_h) {
                let block = |column| {
                    let square = gather(samples, stride, (row - first) as usize, column);
                    quantiser.levels(&dct::forward(&square, dct::scale()))
                };
                coder.row(plane, (0..shape.blocks_w as usize).map(block));
            }
        }
    }
    Ok(coder.finish(tables.get(..planes.min(2)).unwrap_or_default(), &[]))
}

/// The sample of a picture, its chroma at full resolution.
pub(super) fn sample(pixels: &Pixels<'_>) -> Sample {
    let (width, height) = pixels.size();
    let (columns, rows) = (width / STRIP as u32, height / STRIP as u32);
    let runs = Runs::over(columns, rows);
    let planes = if matches!(pixels, Pixels::Luma(_)) { 1 } else { 3 };
    let length = runs.length as usize * STRIP;
    let mut strip = Strip::new(length, planes);
    let mut blocks: Vec<Vec<Coefficients>> = vec![Vec::new(); planes];
    for &(column, row) in &runs.starts {
        strip.load(pixels, column as usize * STRIP, row as usize * STRIP);
        for (samples, blocks) in strip.planes.iter().zip(&mut blocks) {
            for line in 0..2 {
                let square = |x| gather(samples, strip.width, line, x);
                blocks.extend((0..strip.width / 8).map(|x| dct::forward(&square(x), dct::scale())));
            }
        }
    }
    let plane = |blocks| SamplePlane { h: 2, v: 2, blocks_w: runs.length * 2, blocks };
    let planes = blocks.into_iter().map(plane).collect();
    let color = if matches!(pixels, Pixels::Luma(_)) { Color::Gray } else { Color::Ycc };
    Sample::new(color, runs.ratio, planes)
}
