//! The way of one packet: header, macroblocks, smoothing, references.

use super::bits::Bits;
use super::frame::{Frame, chunk};
use super::header::{Header, Kept, Tag, tag};
use super::modes::{Macroblock, Mode, Modes};
use super::residual::{Filled, Residual, SECOND_BLOCK};
use super::smooth::{self, Edges};
use super::{inter, intra, transform};
use crate::error::{Error, Result};
use std::sync::Arc;

/// A decoded picture with its size, which its planes may exceed.
pub(super) struct Shown {
    pub(super) frame: Arc<Frame>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What is carried from picture to picture.
pub(super) struct Decoder {
    kept: Kept,
    width: usize,
    height: usize,
    /// Macroblocks a row, and rows.
    columns: usize,
    rows: usize,
    /// The last picture, the golden and the alternate one.
    references: [Option<Arc<Frame>>; 3],
    /// Room of a picture that nobody refers to any more.
    spare: Option<Frame>,
    /// The segment of each macroblock.
    segments: Vec<u8>,
    edges: Vec<Edges>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            kept: Kept::new(),
            width: 0,
            height: 0,
            columns: 0,
            rows: 0,
            references: [None, None, None],
            spare: None,
            segments: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Decodes a packet of whose size the caller thinks well; nothing if the picture is not to be shown.
    pub(super) fn decode(&mut self, packet: &[u8]) -> Result<Option<Shown>> {
        let (tag, rest) = tag(packet)?;
        let (first, rest) = rest
            .split_at_checked(tag.first)
            .ok_or_else(|| Error::malformed("a picture's first partition is cut off"))?;
        if let Some((width, height)) = tag.size {
            self.resize(width as usize, height as usize);
        } else if self.references.iter().any(Option::is_none) {
            return Err(Error::malformed("a picture refers to one that was not there"));
        }
        let mut bits = Bits::new(first);
        let header = self.kept.header(&mut bits, tag.key);
        let outcome = partitions(rest, header.partitions).map(|mut partitions| {
            let mut frame = self.room();
            self.macroblocks((&tag, &header), bits, &mut partitions, &mut frame);
            let smoothing = &self.kept.smoothing;
            if smoothing.level > 0 {
                let how = (smoothing.simple, smoothing.sharpness, tag.key);
                smooth::picture(&mut frame, &self.edges, self.columns, how);
            }
            self.refer(&header, Arc::new(frame))
        });
        if let Some(saved) = self.kept.saved.take() {
            self.kept.probabilities = *saved;
        }
        let shown = |frame| Shown { frame, width: self.width, height: self.height };
        Ok(Some(outcome?).filter(|_| tag.shown).map(shown))
    }

    /// For a key frame of this size. What came before is only forgotten if it does not fit.
    fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        if (columns, rows) == (self.columns, self.rows) {
            return;
        }
        (self.columns, self.rows) = (columns, rows);
        self.references = [None, None, None];
        self.spare = None;
        self.segments = vec![0; columns * rows];
        self.edges = vec![Edges::default(); columns * rows];
    }

    /// A picture to decode into. What is in it will be written over, and what lies around it is always the same.
    fn room(&mut self) -> Frame {
        self.spare
            .take()
            .filter(|spare| spare.is_for(self.columns, self.rows))
            .unwrap_or_else(|| Frame::new(self.columns, self.rows))
    }

    fn macroblocks(
        &mut self,
        (tag, header): (&Tag, &Header),
        mut bits: Bits<'_>,
        partitions: &mut [Bits<'_>],
        frame: &mut Frame,
    ) {
        let factors = header.factors(&self.kept.segments);
        let mut modes = Modes::new(tag.key, self.columns, self.rows);
        let mut above = vec![Filled::default(); self.columns];
        let mut residual = Residual::new();
        let count = partitions.len();
        let segments = self.segments.chunks_exact_mut(self.columns);
        let edges = self.edges.chunks_exact_mut(self.columns);
        for (row, (segments, edges)) in segments.zip(edges).enumerate() {
            let Some(tokens) = partitions.get_mut(row % count) else { return };
            modes.start_row();
            let mut left = Filled::default();
            let cells = segments.iter_mut().zip(edges).zip(&mut above).enumerate();
            for (column, ((segment, edges), above)) in cells {
                let read = modes.read(&mut bits, (header, &self.kept), (column, row), *segment);
                *segment = read.segment;
                let has_second = read.has_second();
                let any = if read.empty {
                    above.clear(has_second);
                    left.clear(has_second);
                    false
                } else {
                    let probabilities = &self.kept.probabilities.coefficients;
                    let factors = &factors[usize::from(read.segment) & 3];
                    residual.read(tokens, probabilities, factors, has_second, (above, &mut left))
                };
                let Kept { segments, smoothing, .. } = &self.kept;
                let level = smoothing.level_of(segments, read.segment, read.motion.reference, read.kind());
                *edges = Edges { level, inner: any || !has_second };
                let reference = usize::from(read.motion.reference).checked_sub(1);
                match reference.and_then(|reference| self.references.get(reference)?.as_ref()) {
                    Some(from) => inter::macroblock(from, frame, (column, row), &read.motion, tag.version),
                    None => within(frame, (column, row), &read, &mut residual),
                }
                if any {
                    add(frame, (column, row), has_second, &mut residual);
                }
            }
            let [luma, ..] = &mut frame.planes;
            luma.repeat_last(row * 16 + 15);
        }
    }

    /// Changes the references after a picture was decoded (RFC 6386 §9.7), in the order of the reference decoder.
    fn refer(&mut self, header: &Header, frame: Arc<Frame>) -> Arc<Frame> {
        let [last, golden, alternate] = &mut self.references;
        let mut released = Vec::new();
        let mut set =
            |into: &mut Option<Arc<Frame>>, to: Option<Arc<Frame>>| released.extend(std::mem::replace(into, to));
        let [to_golden, to_alternate] = header.copies;
        match to_alternate {
            1 => set(alternate, last.clone()),
            2 => set(alternate, golden.clone()),
            _ => {}
        }
        match to_golden {
            1 => set(golden, last.clone()),
            2 => set(golden, alternate.clone()),
            _ => {}
        }
        for (into, becomes) in [last, golden, alternate].into_iter().zip(header.becomes) {
            if becomes {
                set(into, Some(Arc::clone(&frame)));
            }
        }
        if let Some(spare) = released.into_iter().find_map(Arc::into_inner) {
            self.spare = Some(spare);
        }
        frame
    }
}

/// The partitions of coefficients: all sizes but the last come first, of three bytes each (RFC 6386 §9.5).
fn partitions(rest: &[u8], count: usize) -> Result<Vec<Bits<'_>>> {
    let cut = || Error::malformed("a picture's partitions are cut off");
    let (sizes, mut rest) = rest.split_at_checked((count - 1) * 3).ok_or_else(cut)?;
    let mut partitions = Vec::new();
    for &[a, b, c] in sizes.as_chunks().0 {
        let (partition, behind) = rest.split_at_checked(u32::from_le_bytes([a, b, c, 0]) as usize).ok_or_else(cut)?;
        partitions.push(Bits::new(partition));
        rest = behind;
    }
    partitions.push(Bits::new(rest));
    Ok(partitions)
}

/// Predicts a macroblock from within the picture. Its blocks of 4x4 depend on each other, so what is added to them is added
/// at once.
fn within(frame: &mut Frame, (column, row): (usize, usize), read: &Macroblock, residual: &mut Residual) {
    let [luma, colors @ ..] = &mut frame.planes;
    for plane in colors {
        intra::square::<8>(plane, (column * 8, row * 8), read.chroma);
    }
    if read.luma != Mode::Blocks {
        intra::square::<16>(luma, (column * 16, row * 16), read.luma);
        return;
    }
    let (start, stride) = (luma.at(column * 16, row * 16), luma.stride);
    // Below the first row, what is right of the macroblock is not there yet: what is above all of it stands for that.
    let beside = *chunk::<4>(&luma.samples, start - stride + 16);
    for (block, &mode) in read.blocks.iter().enumerate() {
        let at = start + block / 4 * 4 * stride + block % 4 * 4;
        let right = if block % 4 == 3 { beside } else { *chunk(&luma.samples, at - stride + 4) };
        intra::block(&mut luma.samples, at, stride, right, mode);
        add_block(residual, block, &mut luma.samples, at, stride);
    }
}

/// Adds what was coded to the prediction.
fn add(frame: &mut Frame, (column, row): (usize, usize), has_second: bool, residual: &mut Residual) {
    let [luma, colors @ ..] = &mut frame.planes;
    if has_second && residual.ends[SECOND_BLOCK] > 0 {
        let second = std::mem::take(&mut residual.blocks[SECOND_BLOCK]);
        residual.ends[SECOND_BLOCK] = 0;
        let dcs = transform::second(&second);
        for ((block, end), dc) in residual.blocks.iter_mut().zip(&mut residual.ends).zip(dcs) {
            block[0] = dc;
            *end = (*end).max(1);
        }
    }
    let (start, stride) = (luma.at(column * 16, row * 16), luma.stride);
    for block in 0..16 {
        add_block(residual, block, &mut luma.samples, start + block / 4 * 4 * stride + block % 4 * 4, stride);
    }
    for (first, plane) in [16, 20].into_iter().zip(colors) {
        let (start, stride) = (plane.at(column * 8, row * 8), plane.stride);
        for block in 0..4 {
            let at = start + block / 2 * 4 * stride + block % 2 * 4;
            add_block(residual, first + block, &mut plane.samples, at, stride);
        }
    }
}

/// Adds one block, which is empty thereafter.
#[inline]
fn add_block(residual: &mut Residual, index: usize, samples: &mut [u8], at: usize, stride: usize) {
    let (Some(block), Some(end)) = (residual.blocks.get_mut(index), residual.ends.get_mut(index)) else { return };
    match std::mem::take(end) {
        0 => return,
        1 => transform::add_flat(block[0], samples, at, stride),
        _ => transform::add(block, samples, at, stride),
    }
    *block = [0; 16];
}
