//! The largest quality under a number of bytes, from a sample, with one full encode in the common case.

use super::dct::{halve_horizontally, halve_vertically};
use super::encode;
use super::entropy::{Coded, Coder};
use super::layout::{Block, Color, Layout, Progression};
use super::quant::{self, Quantiser, Table, factor_of, plain, quality_of};
use super::recode::{Coefficients, Keep, markers};
use super::sample::Sample;
use super::{Pixels, Subsampling};
use crate::error::Error;

/// The qualities between which `fit_pixels` and `fit_jpeg` look, on libjpeg's scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Below this the picture should be scaled down instead.
    pub(crate) min_quality: f32,
    /// Not more than this, even if it fits.
    pub(crate) max_quality: f32,
}

/// A JPEG under the limit.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// What was given up; none when the coefficients are the source's own.
    pub(crate) quality: Option<f32>,
    /// The resolution of colour.
    #[allow(dead_code, reason = "for the comparison of codecs and tests")]
    pub(crate) subsampling: Subsampling,
    /// How often the whole picture was encoded.
    pub(crate) full_encodes: u8,
}

/// What a search for the largest quality found.
#[derive(Clone, Debug)]
pub(crate) enum Fit {
    /// It fits.
    Encoded(Encoded),
    /// Not at the lowest quality allowed; scaled by this factor (below 1) it should.
    TooLarge {
        /// What to multiply width and height by.
        scale: f64,
    },
}

/// What was settled by measurement; a struct so that the measuring program can vary it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knobs {
    /// By how much of a step rounding leans to zero.
    pub(crate) dead_zone: f32,
    /// 4:2:0 or not; none: by measurement.
    pub(crate) halve: Option<bool>,
}

/// The dead zone gains 0.2 to 1 point of SSIMULACRA2 at equal bytes above quality 60 and 4 below 30. See
/// docs/jpeg-codecs.md.
pub(crate) const KNOBS: Knobs = Knobs { dead_zone: 0.1, halve: None };

/// Where a full encode aims, as a share of the limit: an error of the model of 1.5 % either way needs no second one.
const AIM: f64 = 0.985;
/// A result under this share of the limit is encoded again, if quality was given up for it.
const FILLED: f64 = 0.95;
/// How near the search comes to its target on the sample, and while it only chooses between ways.
const NEAR: f64 = 0.985;
const ROUGHLY: f64 = 0.97;
/// Where the search begins: quality 90.
const FIRST_FACTOR: f32 = 0.2;
/// Quality 99.5: finer tables are all ones.
const MIN_FACTOR: f32 = 0.01;
/// A share of the limit under which recoding without loss surely fits, and one up to which it may.
const SURELY: f64 = 0.98;
const PERHAPS: f64 = 1.07;
/// The least step, in logarithms, to a factor on the other side of the target; each next one is twice as long.
const FIRST_STRIDE: f32 = 0.02;
/// How often what lies between two factors is cut.
const MAX_CUTS: u8 = 8;
const MAX_ENCODES: u8 = 4;
/// Larger pictures are always 4:2:0: coefficients of 4:4:4 take six bytes a pixel beside the three of the picture itself.
const MAX_FULL_PIXELS: u64 = 64_000_000;

/// What the model says of one factor of the base tables.
#[derive(Clone, Copy, Debug)]
struct Point {
    factor: f32,
    /// Steps of these ranks, from the first to before the second, are those of `coarser`.
    split: (usize, usize),
    coarser: f32,
    bytes: f64,
}

/// The steps of up to four planes by the diagonal of their frequency, then by row, then by plane: near the order of their
/// importance, and each one is a rank of its own.
const RANKS: usize = 120 * 4;

fn rank(plane: usize, index: usize) -> usize {
    let (row, column) = (index / 8, index % 8);
    ((row + column) * 8 + row) * 4 + plane
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    At { point: Point, finest: bool },
    Never { coarsest: Point },
}

/// Encodes the whole picture with these tables; no more than its length when that passes the limit.
type Encode<'a> = dyn FnMut(&[Table]) -> Result<Coded, Error> + 'a;

/// The tables at a factor, one a plane.
type Tables<'a> = dyn Fn(f32) -> Vec<Table> + 'a;

/// One way to encode a picture: its sample, and the tables at a factor.
struct Way<'a> {
    sample: &'a Sample,
    tables: &'a Tables<'a>,
    knobs: Knobs,
    /// Where the search begins.
    start: f32,
    /// How near it comes to its target, as a share.
    near: f64,
}

impl Way<'_> {
    fn point(&self, x: f32) -> Point {
        self.weighed(Point { factor: x.exp(), split: (RANKS, RANKS), coarser: x.exp(), bytes: 0.0 })
    }

    fn weighed(&self, point: Point) -> Point {
        let bytes = self.sample.bytes(&self.tables(point), self.knobs.dead_zone);
        Point { bytes: bytes.max(1.0), ..point }
    }

    fn tables(&self, point: Point) -> Vec<Table> {
        let mut fine = (self.tables)(point.factor);
        let (first, end) = point.split;
        if first < end {
            for (plane, (fine, coarse)) in fine.iter_mut().zip((self.tables)(point.coarser)).enumerate() {
                // Planes that share a table in the file share their ranks.
                let plane = plane.min(1);
                let pairs = fine.iter_mut().zip(coarse).enumerate();
                pairs
                    .filter(|(i, _)| (first..end).contains(&rank(plane, *i)))
                    .for_each(|(_, (fine, coarse))| *fine = coarse);
            }
        }
        fine
    }

    /// The finest factor between `finest` and `coarsest` whose predicted bytes stay under `target`.
    fn solve(&self, target: f64, finest: f32, coarsest: f32) -> Answer {
        let (low, high) = (finest.max(MIN_FACTOR).ln(), coarsest.max(MIN_FACTOR).ln());
        let (mut over, mut under) = (None::<(f32, Point)>, None::<(f32, Point)>);
        // Bytes fall with the factor about as a power of -0.6; between two points the power is measured.
        let wanted = (target * (1.0 + self.near) / 2.0).ln();
        let mut x = self.start.ln().clamp(low, high.max(low));
        let (mut stride, mut cuts) = (FIRST_STRIDE, 0);
        loop {
            let point = self.point(x);
            if point.bytes > target {
                if x >= high {
                    return Answer::Never { coarsest: point };
                }
                over = Some((x, point));
            } else {
                if x <= low || point.bytes >= target * self.near {
                    return Answer::At { point, finest: x <= low };
                }
                under = Some((x, point));
            }
            x = match (over, under) {
                (Some((a, over)), Some((b, under))) if cuts == MAX_CUTS || b - a < 0.004 => {
                    return Answer::At { point: self.between(over, under, target), finest: false };
                }
                (Some((a, over)), Some((b, under))) => {
                    cuts += 1;
                    let share = (over.bytes.ln() - wanted) / (over.bytes / under.bytes).ln().max(1e-9);
                    a + (b - a) * (share as f32).clamp(0.1, 0.9)
                }
                _ => {
                    // Where the source's own steps are coarser, the factor changes nothing: only ever longer strides end that.
                    let step = ((point.bytes.ln() - wanted) / 0.6) as f32;
                    let step = step.abs().max(stride).copysign(step);
                    stride *= 2.0;
                    (x + step).clamp(low, high)
                }
            };
        }
    }

    /// Coefficients that were quantised before all lie on multiples of one step, so that bytes jump where such a multiple
    /// passes from one level to the next. At a jump no factor fills the budget; its two sides together do: the finer one for
    /// the low frequencies, the coarser one for the rest. Where a single frequency makes the jump, the highest ones are
    /// made fine again.
    fn between(&self, over: Point, under: Point, target: f64) -> Point {
        let at = |split| self.weighed(Point { factor: over.factor, split, coarser: under.factor, bytes: 0.0 });
        let mut best = under;
        let mut last = |(mut fits, mut fails): (usize, usize), split: &dyn Fn(usize) -> (usize, usize)| {
            while usize::abs_diff(fails, fits) > 1 && best.bytes < target * self.near {
                let middle = usize::midpoint(fits, fails);
                let point = at(split(middle));
                if point.bytes <= target {
                    best = if point.bytes > best.bytes { point } else { best };
                    fits = middle;
                } else {
                    fails = middle;
                }
            }
            fits
        };
        let first = last((0, RANKS), &|first| (first, RANKS));
        last((RANKS, first), &|end| (first, end));
        best
    }

    /// Encodes in full at the solution, again if the model was off, never over `max_bytes`.
    fn encode(
        &self,
        max_bytes: u64,
        bounds: (f32, f32),
        subsampling: Subsampling,
        encode: &mut Encode<'_>,
    ) -> Result<Fit, Error> {
        let max = max_bytes as f64;
        let mut best: Option<Encoded> = None;
        let mut off = 1.0f64;
        for attempt in 1..=MAX_ENCODES {
            let (point, finest) = match self.solve(max * AIM / off, bounds.0, bounds.1) {
                Answer::At { point, finest } => (point, finest),
                Answer::Never { coarsest } => {
                    let scale = scale_for(max * AIM / off, coarsest.bytes);
                    return Ok(best.map_or(Fit::TooLarge { scale }, Fit::Encoded));
                }
            };
            let Coded { length, bytes } = encode(&self.tables(point))?;
            let fits = bytes.is_some();
            let larger = |bytes: &Vec<u8>| best.as_ref().is_none_or(|best| best.bytes.len() < bytes.len());
            if let Some(bytes) = bytes.filter(larger) {
                let quality = Some(quality_of(point.factor));
                best = Some(Encoded { bytes, quality, subsampling, full_encodes: attempt });
            }
            if let Some(best) = &mut best {
                best.full_encodes = attempt;
            }
            // A point that was to leave room did: another encode would not find better.
            let expected = point.bytes * off < max * FILLED;
            if fits && (finest || expected || length as f64 >= max * FILLED) {
                break;
            }
            off = length as f64 / point.bytes;
        }
        best.map(Fit::Encoded).ok_or_else(|| Error::cannot_fit(format!("JPEG does not come under {max_bytes} bytes")))
    }
}

/// By what to scale a picture of `bytes` so that it takes `target`, at the same quality: fewer pixels hold more detail
/// each, so bytes fall slower than the area.
fn scale_for(target: f64, bytes: f64) -> f64 {
    (target / bytes.max(1.0)).powf(1.0 / 1.6).clamp(0.01, 0.98)
}

/// The largest quality of a picture under `max_bytes`.
pub(crate) fn encode_under(pixels: Pixels<'_>, max_bytes: u64, bounds: Bounds) -> Result<Fit, Error> {
    encode_under_with(pixels, max_bytes, bounds, KNOBS)
}

/// `encode_under` with other knobs than those that were settled.
pub(super) fn encode_under_with(
    pixels: Pixels<'_>,
    max_bytes: u64,
    bounds: Bounds,
    knobs: Knobs,
) -> Result<Fit, Error> {
    let full = encode::sample(&pixels);
    let tables_of = |subsampling: Subsampling| {
        move |factor: f32| {
            let chroma = quant::chroma(factor, subsampling);
            vec![quant::luma(factor), chroma, chroma]
        }
    };
    let both = (&tables_of(Subsampling::Full) as &Tables<'_>, &tables_of(Subsampling::Half) as &Tables<'_>);
    let range = (factor_of(bounds.max_quality), factor_of(bounds.min_quality));
    let halved = |sample: &Sample| sample.halved(true, true);
    let (width, height) = pixels.size();
    let huge = u64::from(width) * u64::from(height) > MAX_FULL_PIXELS;
    let halved: Option<&dyn Fn(&Sample) -> Sample> =
        if matches!(pixels, Pixels::Luma(_)) { None } else { Some(&halved) };
    let knobs = if huge && knobs.halve.is_none() { Knobs { halve: Some(true), ..knobs } } else { knobs };
    let (subsampling, start) = choose(&full, halved, both, max_bytes, range, knobs);
    let (sample, tables) = match subsampling {
        Subsampling::Half => (full.halved(true, true), both.1),
        Subsampling::Full => (full, both.0),
    };
    let way = Way { sample: &sample, tables, knobs, start, near: NEAR };
    let allowed = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    way.encode(max_bytes, range, subsampling, &mut |tables| {
        let luma = tables.first().copied().unwrap_or([1; 64]);
        let pair = [luma, tables.get(1).copied().unwrap_or(luma)];
        encode::write(&pixels, &pair, knobs.dead_zone, subsampling, allowed)
    })
}

/// 4:2:0 is taken when what it saves of the squared error of brightness, at equal bytes, is at least this share of what it
/// costs in colour. Tried on 8 pictures at 5 rates each against SSIMULACRA2: wrong in 2 of 40, and there by 0.1 and 0.4
/// points, where always 4:2:0 loses up to 1.4 and always 4:4:4 up to 13.
const HALVING_PAYS: f64 = 0.28;

/// 4:4:4 or 4:2:0, by the errors on the thinned sample at equal bytes; and the factor that the search for it ended at.
fn choose(
    full: &Sample,
    halved: Option<&dyn Fn(&Sample) -> Sample>,
    tables: (&Tables<'_>, &Tables<'_>),
    max_bytes: u64,
    range: (f32, f32),
    knobs: Knobs,
) -> (Subsampling, f32) {
    let halved = halved.filter(|_| knobs.halve != Some(false));
    let full = full.thinned();
    let solve = |sample: &Sample, tables: &Tables<'_>, start: f32| {
        let way = Way { sample, tables, knobs, start, near: ROUGHLY };
        way.solve(max_bytes as f64 * AIM, range.0, range.1)
    };
    let (point, finest) = match (solve(&full, tables.0, FIRST_FACTOR), halved) {
        (Answer::At { point, finest }, _) => (point, finest),
        (Answer::Never { coarsest }, None) => return (Subsampling::Full, coarsest.factor),
        (Answer::Never { coarsest }, Some(_)) => return (Subsampling::Half, coarsest.factor),
    };
    let Some(halved) = halved.filter(|_| !finest || knobs.halve.is_some()) else {
        return (Subsampling::Full, point.factor);
    };
    let half = halved(&full);
    let (half_point, half_finest) = match solve(&half, tables.1, point.factor) {
        Answer::At { point, finest } => (point, finest),
        Answer::Never { .. } => return (Subsampling::Full, point.factor),
    };
    // Halved, it does not fill the budget even in the finest steps: the rest would be given up for nothing.
    if half_finest && knobs.halve.is_none() {
        return (Subsampling::Full, point.factor);
    }
    let (luma, chroma) = full.error(&(tables.0)(point.factor), knobs.dead_zone);
    let (half_luma, half_chroma) = half.error(&(tables.1)(half_point.factor), knobs.dead_zone);
    let half_chroma = half_chroma + full.lost_by(&half);
    let pays = luma - half_luma >= HALVING_PAYS * (half_chroma - chroma);
    if pays || knobs.halve == Some(true) {
        return (Subsampling::Half, half_point.factor);
    }
    (Subsampling::Full, point.factor)
}

/// Steps for coefficients that were quantised before: never finer than the source's.
fn coarser(source: &Table, wanted: &Table) -> Table {
    std::array::from_fn(|i| wanted[i].max(source[i]))
}

/// The largest quality of a JPEG under `max_bytes`, without decoding it to pixels: recoded without loss if that is enough,
/// else its coefficients made coarser. Its profile and orientation must be ones that may stay.
pub(crate) fn refit_under(
    bytes: &[u8],
    max_bytes: u64,
    max_pixels: u64,
    keep: Keep,
    bounds: Bounds,
) -> Result<Fit, Error> {
    refit_under_with(bytes, max_bytes, max_pixels, keep, bounds, KNOBS)
}

/// `refit_under` with other knobs than those that were settled.
pub(super) fn refit_under_with(
    bytes: &[u8],
    max_bytes: u64,
    max_pixels: u64,
    keep: Keep,
    bounds: Bounds,
    knobs: Knobs,
) -> Result<Fit, Error> {
    let mut source = Coefficients::read(bytes, max_pixels)?;
    let full = Sample::of_coefficients(&mut source.reader, &source.tables)?;
    let tables = source.tables.clone();
    let own = Subsampling::of(&source.layout);
    let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let expected = full.thinned().bytes(&tables, 0.0) / max_bytes as f64;
    let whole = |bytes| Encoded { bytes, quality: None, subsampling: own, full_encodes: 1 };
    if expected < SURELY
        && let Some(bytes) = source.requantised(&tables, 0.0, keep, limit)?.bytes
    {
        return Ok(Fit::Encoded(whole(bytes)));
    }
    // Bit by bit takes four times as long and saves a few percent: only where that decides.
    if (SURELY..PERHAPS).contains(&expected)
        && let Some(bytes) = source.write(&tables, keep, Progression::Successive, limit)?
    {
        return Ok(Fit::Encoded(whole(bytes)));
    }
    // Planes of red, green and blue, or of inks, all carry brightness.
    let colour = source.layout.color == Color::Ycc;
    let requantised = |factor: f32| -> Vec<Table> {
        let chroma = if colour { quant::chroma(factor, own) } else { quant::luma(factor) };
        let wanted = [quant::luma(factor), chroma];
        let table = |(i, from): (usize, &Table)| coarser(from, &wanted[i.min(1)]);
        tables.iter().enumerate().map(table).collect()
    };
    let range = (factor_of(bounds.max_quality), factor_of(bounds.min_quality));
    let (width, height) = halvings(&source.layout);
    // A halved plane has new coefficients: the source's steps say nothing about them.
    let halved = |factor: f32| -> Vec<Table> {
        let chroma = quant::chroma(factor, Subsampling::Half);
        vec![requantised(factor).first().copied().unwrap_or(chroma), chroma, chroma]
    };
    let halves = |sample: &Sample| sample.halved(width, height);
    let both = (&requantised as &Tables<'_>, &halved as &Tables<'_>);
    let may_halve = (width || height).then_some(&halves as &dyn Fn(&Sample) -> Sample);
    let (subsampling, start) = choose(&full, may_halve, both, max_bytes, range, knobs);
    if may_halve.is_some() && subsampling == Subsampling::Half {
        let way = Way { sample: &halves(&full), tables: &halved, knobs, start, near: NEAR };
        let fit = way.encode(max_bytes, range, subsampling, &mut |tables| {
            write_halved(&mut source, tables, (width, height), keep, knobs, limit)
        })?;
        // The choice was made on a thin sample: that halved colour cannot fill the budget may show only now.
        if !matches!(&fit, Fit::Encoded(done) if (done.bytes.len() as f64) < max_bytes as f64 * FILLED) {
            return Ok(fit);
        }
    }
    let way = Way { sample: &full, tables: &requantised, knobs, start, near: NEAR };
    way.encode(max_bytes, range, own, &mut |tables| source.requantised(tables, knobs.dead_zone, keep, limit))
}

/// Which directions the chroma of a picture can still be halved in.
fn halvings(layout: &Layout) -> (bool, bool) {
    match (layout.color, layout.planes.as_slice()) {
        (Color::Ycc, [luma, blue, red]) if (blue.h, blue.v) == (red.h, red.v) => (luma.h == blue.h, luma.v == blue.v),
        _ => (false, false),
    }
}

/// Writes a picture's coefficients with its chroma halved.
fn write_halved(
    source: &mut Coefficients<'_>,
    tables: &[Table],
    (width, height): (bool, bool),
    keep: Keep,
    knobs: Knobs,
    max_bytes: usize,
) -> Result<Coded, Error> {
    let layout = Layout::new(source.layout.width, source.layout.height, Color::Ycc, &[(2, 2, 0), (1, 1, 1), (1, 1, 1)]);
    let mut coder = Coder::new(&layout, max_bytes)?;
    let (units, own) = (source.tables.clone(), source.layout.planes.clone());
    let planes = layout.planes.iter().zip(&own).zip(&units).zip(tables);
    for (index, (((shape, from), unit), table)) in planes.enumerate() {
        if index == 0 {
            let quantiser = Quantiser::new(table, unit, knobs.dead_zone);
            for row in 0..shape.blocks_h {
                let blocks = source.reader.block_row(index, row.min(from.blocks_h.saturating_sub(1)))?;
                let at = |column: u32| blocks.get(column as usize).or(blocks.last()).copied().unwrap_or([0; 64]);
                coder.row(index, (0..shape.blocks_w).map(|column| quantiser.relevelled(&at(column))));
            }
            continue;
        }
        let quantiser = Quantiser::new(table, &[1; 64], knobs.dead_zone);
        let (mut upper, mut lower): (Vec<Block>, Vec<Block>) = (Vec::new(), Vec::new());
        let mut copy = |line: &mut Vec<Block>, row: u32| -> Result<(), Error> {
            line.clear();
            line.extend_from_slice(source.reader.block_row(index, row.min(from.blocks_h.saturating_sub(1)))?);
            Ok(())
        };
        for row in 0..shape.blocks_h {
            copy(&mut upper, if height { row * 2 } else { row })?;
            if height {
                copy(&mut lower, row * 2 + 1)?;
            }
            let at = |line: &[Block], column: usize| plain(line.get(column).or(line.last()).unwrap_or(&[0; 64]), unit);
            let tall = |column: usize| match height {
                true => halve_vertically(&at(&upper, column), &at(&lower, column)),
                false => at(&upper, column),
            };
            let block = |column: usize| match width {
                true => quantiser.levels(&halve_horizontally(&tall(column * 2), &tall(column * 2 + 1))),
                false => quantiser.levels(&tall(column)),
            };
            coder.row(index, (0..shape.blocks_w as usize).map(block));
        }
    }
    let slots: Vec<Table> = tables.iter().take(2).copied().collect();
    Ok(coder.finish(&slots, &markers(keep, source.header.icc())))
}
