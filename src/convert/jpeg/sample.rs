//! A sample of a picture's blocks, and what it says about the whole: the bytes and the error at any quantisation.
//!
//! The sample is runs of neighbouring MCUs, spread over the picture by a low-discrepancy sequence, laid out as a small
//! picture of its own. That picture is counted by the same coder with the same scans as the whole will be, so the model
//! has no constants: its entropy-coded bytes times the ratio of areas, plus its headers.

use super::dct::{Coefficients, halve_horizontally, halve_vertically};
use super::entropy::Coder;
use super::ffi::Reader;
use super::layout::{Color, Layout};
use super::quant::{Quantiser, Table, plain};
use crate::error::Error;

/// MCUs of 16×16 pixels (or what the source's sampling makes of them) that are enough for an estimate.
const WANTED_MCUS: u64 = 1800;
/// A larger sample for large pictures, as a share of their MCUs.
const WANTED_SHARE: u64 = 32;
/// Neighbours in a run: long enough that the coding of differences (DC) is as in the whole picture.
const RUN: u32 = 12;

/// A thinned sample holds one run of so many.
const THIN_BY: usize = 3;

/// One plane of the sample.
#[derive(Clone)]
pub(super) struct SamplePlane {
    pub(super) h: u32,
    pub(super) v: u32,
    pub(super) blocks_w: u32,
    pub(super) blocks: Vec<Coefficients>,
}

/// Where the runs lie: `(column, row)` of their first MCU.
pub(super) struct Runs {
    pub(super) length: u32,
    pub(super) starts: Vec<(u32, u32)>,
    /// Area of the picture over area of the sample.
    pub(super) ratio: f64,
}

impl Runs {
    /// Runs over a picture of `columns` × `rows` MCUs; all of it when it is small.
    pub(super) fn over(columns: u32, rows: u32) -> Self {
        let (columns, rows) = (columns.max(1), rows.max(1));
        let all = u64::from(columns) * u64::from(rows);
        let wanted = WANTED_MCUS.max(all / WANTED_SHARE);
        if wanted * 2 >= all {
            let starts = (0..rows).map(|row| (0, row)).collect();
            return Self { length: columns, starts, ratio: 1.0 };
        }
        let length = RUN.min(columns);
        let count = wanted.div_ceil(u64::from(length));
        let starts = (0..count).map(|i| {
            let row = (2 * i + 1) * u64::from(rows) / (2 * count);
            // The golden section spreads the columns evenly however many rows there are.
            let column = (i as f64 * 0.618_033_988_75).fract() * f64::from(columns - length + 1);
            (column as u32, row as u32)
        });
        let starts: Vec<_> = starts.collect();
        let ratio = all as f64 / (count * u64::from(length)) as f64;
        Self { length, starts, ratio }
    }
}

/// A sample of a picture.
#[derive(Clone)]
pub(super) struct Sample {
    color: Color,
    ratio: f64,
    planes: Vec<SamplePlane>,
}

impl Sample {
    pub(super) fn new(color: Color, ratio: f64, planes: Vec<SamplePlane>) -> Self {
        Self { color, ratio, planes }
    }

    /// The sample of a JPEG whose coefficients have been read, in units of one (steps multiplied in).
    pub(super) fn of_coefficients(reader: &mut Reader<'_>, tables: &[Table]) -> Result<Self, Error> {
        let layout = reader.layout()?;
        let (max_h, max_v) = layout.max_factors();
        // Two by two MCUs of a picture without subsampling, so that its chroma can be halved.
        let (group_w, group_h) = (2u32.div_ceil(max_h), 2u32.div_ceil(max_v));
        let runs = Runs::over(layout.width / (8 * max_h * group_w), layout.height / (8 * max_v * group_h));
        let mut planes = Vec::new();
        for (index, plane) in layout.planes.iter().enumerate() {
            let (h, v) = (plane.h * group_w, plane.v * group_h);
            let unit = tables.get(index).copied().unwrap_or([1; 64]);
            let mut blocks = Vec::new();
            for &(column, row) in &runs.starts {
                for line in 0..v {
                    let source = reader.block_row(index, (row * v + line).min(plane.blocks_h.saturating_sub(1)))?;
                    for x in column * h..(column + runs.length) * h {
                        let at = (x as usize).min(source.len().saturating_sub(1));
                        let block = source.get(at).copied().unwrap_or([0; 64]);
                        blocks.push(plain(&block, &unit));
                    }
                }
            }
            planes.push(SamplePlane { h, v, blocks_w: runs.length * h, blocks });
        }
        Ok(Self { color: layout.color, ratio: runs.ratio, planes })
    }

    /// A third of the sample: enough to choose between ways, and to begin a search near its end.
    pub(super) fn thinned(&self) -> Self {
        let runs = |plane: &SamplePlane| plane.blocks.len() / (plane.blocks_w * plane.v).max(1) as usize;
        let all = self.planes.first().map_or(0, runs);
        if all < THIN_BY * 16 {
            return self.clone();
        }
        let thin = |plane: &SamplePlane| {
            let runs = plane.blocks.chunks_exact((plane.blocks_w * plane.v) as usize);
            SamplePlane { blocks: runs.step_by(THIN_BY).flatten().copied().collect(), ..*plane }
        };
        let ratio = self.ratio * all as f64 / all.div_ceil(THIN_BY) as f64;
        Self { color: self.color, ratio, planes: self.planes.iter().map(thin).collect() }
    }

    /// The same picture with its chroma at half the width, the height or both.
    pub(super) fn halved(&self, width: bool, height: bool) -> Self {
        let halve = |plane: &SamplePlane| {
            let line = plane.blocks_w as usize;
            let lines: Vec<&[Coefficients]> = plane.blocks.chunks_exact(line.max(1)).collect();
            let tall = |pair: &[&[Coefficients]], at: usize| match pair {
                [top, bottom] => halve_vertically(&top[at], &bottom[at]),
                pair => pair.first().map_or([0.0; 64], |only| only[at]),
            };
            let (by_w, by_h) = (if width { 2 } else { 1 }, if height { 2 } else { 1 });
            let mut blocks = Vec::new();
            for pair in lines.chunks_exact(by_h) {
                let columns = (0..line - line % by_w).step_by(by_w);
                blocks.extend(columns.map(|at| match width {
                    true => halve_horizontally(&tall(pair, at), &tall(pair, at + 1)),
                    false => tall(pair, at),
                }));
            }
            let (h, v) = (plane.h / by_w as u32, plane.v / by_h as u32);
            SamplePlane { h, v, blocks_w: plane.blocks_w / by_w as u32, blocks }
        };
        let planes = self.planes.iter().enumerate().map(|(i, plane)| if i == 0 { plane.clone() } else { halve(plane) });
        Self { color: self.color, ratio: self.ratio, planes: planes.collect() }
    }

    /// The bytes that the whole picture would take with these tables, one a plane.
    pub(super) fn bytes(&self, tables: &[Table], dead_zone: f32) -> f64 {
        let Some(luma) = self.planes.first().filter(|plane| plane.blocks_w > 0 && !plane.blocks.is_empty()) else {
            return 0.0;
        };
        // The same geometry in the smallest factors: an interleaved scan may hold no more than ten blocks an MCU.
        let by_h = if self.planes.iter().all(|plane| plane.h % 2 == 0) { 2 } else { 1 };
        let by_v = if self.planes.iter().all(|plane| plane.v % 2 == 0) { 2 } else { 1 };
        let factor = |(i, plane): (usize, &SamplePlane)| (plane.h / by_h, plane.v / by_v, i);
        let factors: Vec<_> = self.planes.iter().enumerate().map(factor).collect();
        let lines = u32::try_from(luma.blocks.len()).unwrap_or(u32::MAX) / luma.blocks_w;
        let layout = Layout::new(luma.blocks_w * 8, lines * 8, self.color, &factors);
        let mut coder = Coder::counting(&layout);
        for (index, (plane, table)) in self.planes.iter().zip(tables).enumerate() {
            let quantiser = Quantiser::new(table, &[1; 64], dead_zone);
            coder.row(index, plane.blocks.iter().map(|block| quantiser.levels(block)));
        }
        let (head, coded) = coder.lengths(tables);
        head + coded * self.ratio
    }

    /// Squared error a pixel of luma and of chroma (both planes, at full resolution) with these tables.
    pub(super) fn error(&self, tables: &[Table], dead_zone: f32) -> (f64, f64) {
        let mut errors = [0.0f64; 2];
        let pixels = self.planes.first().map_or(1, |plane| plane.blocks.len().max(1)) as f64 * 64.0;
        let full = self.planes.first().map_or((1, 1), |plane| (plane.h, plane.v));
        for (index, (plane, table)) in self.planes.iter().zip(tables).enumerate() {
            let quantiser = Quantiser::new(table, &[1; 64], dead_zone);
            let mut sum = 0.0f64;
            for block in &plane.blocks {
                let levels = quantiser.levels(block);
                let terms = block.iter().zip(&levels).zip(table);
                sum += f64::from(terms.map(|((c, l), s)| (c - f32::from(*l) * f32::from(*s)).powi(2)).sum::<f32>());
            }
            // A sample at half size stands for two or four pixels.
            let weight = f64::from(full.0 * full.1) / f64::from((plane.h * plane.v).max(1));
            errors[usize::from(index > 0)] += sum * weight;
        }
        (errors[0] / pixels, errors[1] / pixels)
    }

    /// Squared error a pixel of chroma that halving alone costs: what `half` cannot hold of `self`.
    pub(super) fn lost_by(&self, half: &Self) -> f64 {
        let energy = |sample: &Self| -> f64 {
            let plane_energy = |plane: &SamplePlane| -> f64 {
                plane.blocks.iter().map(|block| f64::from(block.iter().map(|c| c * c).sum::<f32>())).sum()
            };
            sample.planes.iter().skip(1).map(plane_energy).sum()
        };
        let count = |sample: &Self| sample.planes.get(1).map_or(1, |plane| plane.blocks.len().max(1)) as f64;
        let pixels = self.planes.first().map_or(1, |plane| plane.blocks.len().max(1)) as f64 * 64.0;
        ((energy(self) - energy(half) * count(self) / count(half)) / pixels).max(0.0)
    }
}
