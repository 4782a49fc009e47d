//! How each macroblock is predicted: from within the picture, or from another (RFC 6386 §10, §11 and §16).

use super::bits::Bits;
use super::header::{Header, Kept, Probabilities};
use super::motion::{Motion, Search};
use super::tables::KEY_BLOCK_MODES;

/// Modes of whole macroblocks and of their colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Flat,
    Down,
    Across,
    Gradient,
    /// Each block of 4x4 by a mode of its own.
    Blocks,
}

/// Modes of blocks of 4x4, in the order of their numbers in the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BlockMode {
    Flat,
    Gradient,
    Down,
    Across,
    DownLeft,
    DownRight,
    DownRightSteep,
    DownLeftSteep,
    DownRightShallow,
    UpRightShallow,
}

/// Probabilities of key frames, which do not change.
const KEY_LUMA: [u8; 4] = [145, 156, 163, 128];
const KEY_CHROMA: [u8; 3] = [142, 114, 183];

/// Probabilities of the modes of blocks of 4x4 between key frames.
const BLOCK_MODES: [u8; 9] = [120, 90, 79, 133, 87, 85, 80, 111, 151];

/// What is said of one macroblock.
#[derive(Clone)]
pub(super) struct Macroblock {
    pub(super) segment: u8,
    /// Whether it is said to be empty.
    pub(super) empty: bool,
    /// Prediction from within; where the motion has a reference, from there instead.
    pub(super) luma: Mode,
    pub(super) chroma: Mode,
    pub(super) blocks: [BlockMode; 16],
    pub(super) motion: Motion,
}

impl Macroblock {
    /// Whether the DC of its blocks is coded by itself.
    pub(super) fn has_second(&self) -> bool {
        if self.motion.reference == 0 { self.luma != Mode::Blocks } else { self.motion.split.is_none() }
    }

    /// The kind of its mode, for the level of smoothing (RFC 6386 §9.4).
    pub(super) fn kind(&self) -> Option<usize> {
        match (self.motion.reference, self.motion.split, self.motion.still) {
            (0, ..) => (self.luma == Mode::Blocks).then_some(0),
            (_, Some(_), _) => Some(3),
            (_, None, true) => Some(1),
            (_, None, false) => Some(2),
        }
    }
}

/// What is remembered of the macroblocks above and to the left.
pub(super) struct Modes {
    key: bool,
    columns: usize,
    rows: usize,
    /// Modes of blocks above, by column, and to the left.
    above: Vec<[BlockMode; 4]>,
    left: [BlockMode; 4],
    /// Motion in the row above, by column, to the left, and above the left.
    over: Vec<Motion>,
    before: Motion,
    corner: Motion,
}

impl Modes {
    pub(super) fn new(key: bool, columns: usize, rows: usize) -> Self {
        Self {
            key,
            columns,
            rows,
            above: vec![[BlockMode::Flat; 4]; columns],
            left: [BlockMode::Flat; 4],
            over: vec![Motion::NONE; columns],
            before: Motion::NONE,
            corner: Motion::NONE,
        }
    }

    /// To be called at the start of each row.
    pub(super) fn start_row(&mut self) {
        self.left = [BlockMode::Flat; 4];
        self.before = Motion::NONE;
        self.corner = Motion::NONE;
    }

    /// Reads the macroblock at `column` and `row`; `segment` is the one that it was in.
    pub(super) fn read(
        &mut self,
        bits: &mut Bits<'_>,
        (header, kept): (&Header, &Kept),
        (column, row): (usize, usize),
        segment: u8,
    ) -> Macroblock {
        let segments = &kept.segments;
        let segment = match (segments.update_map, self.key) {
            (true, _) => read_segment(bits, segments.tree),
            (false, true) => 0,
            (false, false) => segment,
        };
        let empty = header.full.is_some_and(|probability| bits.read(probability));
        let mut read = Macroblock {
            segment,
            empty,
            luma: Mode::Flat,
            chroma: Mode::Flat,
            blocks: [BlockMode::Flat; 16],
            motion: Motion::NONE,
        };
        if self.key {
            self.key_modes(bits, &mut read, column);
            return read;
        }
        let Some(over) = self.over.get_mut(column) else { return read };
        if bits.read(header.within) {
            let search = Search {
                above: over,
                left: &self.before,
                corner: &self.corner,
                reversed: kept.reversed,
                position: (column, row),
                size: (self.columns, self.rows),
            };
            let reference = if !bits.read(header.last) { 1 } else { 2 + u8::from(bits.read(header.golden)) };
            read.motion = search.read(bits, reference, &kept.probabilities.motion);
        } else {
            modes(bits, &mut read, &kept.probabilities);
        }
        self.corner = std::mem::replace(over, read.motion.clone());
        self.before = read.motion.clone();
        read
    }

    /// The modes of a key frame's macroblock; those of its blocks depend on the blocks around them.
    fn key_modes(&mut self, bits: &mut Bits<'_>, read: &mut Macroblock, column: usize) {
        let [blocks, half, first, second] = KEY_LUMA;
        read.luma = match bits.read(blocks) {
            false => Mode::Blocks,
            true => match bits.read(half) {
                false => {
                    if bits.read(first) {
                        Mode::Down
                    } else {
                        Mode::Flat
                    }
                }
                true => {
                    if bits.read(second) {
                        Mode::Gradient
                    } else {
                        Mode::Across
                    }
                }
            },
        };
        let Some(above) = self.above.get_mut(column) else { return };
        if read.luma == Mode::Blocks {
            for (blocks, left) in read.blocks.as_chunks_mut::<4>().0.iter_mut().zip(&mut self.left) {
                for (block, above) in blocks.iter_mut().zip(above.iter_mut()) {
                    let of = KEY_BLOCK_MODES.get(*above as usize).and_then(|of| of.get(*left as usize));
                    *block = block_mode(bits, of.unwrap_or(&BLOCK_MODES));
                    *left = *block;
                    *above = *block;
                }
            }
        } else {
            let same = match read.luma {
                Mode::Down => BlockMode::Down,
                Mode::Across => BlockMode::Across,
                Mode::Gradient => BlockMode::Gradient,
                Mode::Flat | Mode::Blocks => BlockMode::Flat,
            };
            *above = [same; 4];
            self.left = [same; 4];
        }
        read.chroma = chroma_mode(bits, KEY_CHROMA);
    }
}

fn read_segment(bits: &mut Bits<'_>, [half, first, second]: [u8; 3]) -> u8 {
    if bits.read(half) { 2 + u8::from(bits.read(second)) } else { u8::from(bits.read(first)) }
}

/// The modes of a macroblock that is predicted from within, between key frames.
fn modes(bits: &mut Bits<'_>, read: &mut Macroblock, probabilities: &Probabilities) {
    let [flat, half, first, second] = probabilities.luma;
    read.luma = match bits.read(flat) {
        false => Mode::Flat,
        true => match bits.read(half) {
            false => {
                if bits.read(first) {
                    Mode::Across
                } else {
                    Mode::Down
                }
            }
            true => {
                if bits.read(second) {
                    Mode::Blocks
                } else {
                    Mode::Gradient
                }
            }
        },
    };
    if read.luma == Mode::Blocks {
        read.blocks = [(); 16].map(|()| block_mode(bits, &BLOCK_MODES));
    }
    read.chroma = chroma_mode(bits, probabilities.chroma);
}

fn chroma_mode(bits: &mut Bits<'_>, [flat, down, across]: [u8; 3]) -> Mode {
    if !bits.read(flat) {
        Mode::Flat
    } else if !bits.read(down) {
        Mode::Down
    } else if !bits.read(across) {
        Mode::Across
    } else {
        Mode::Gradient
    }
}

/// The tree of the modes of blocks (RFC 6386 §11.2).
fn block_mode(bits: &mut Bits<'_>, of: &[u8; 9]) -> BlockMode {
    let &[flat, gradient, down, half, across, right, left, steep, shallow] = of;
    if !bits.read(flat) {
        BlockMode::Flat
    } else if !bits.read(gradient) {
        BlockMode::Gradient
    } else if !bits.read(down) {
        BlockMode::Down
    } else if !bits.read(half) {
        if !bits.read(across) {
            BlockMode::Across
        } else if !bits.read(right) {
            BlockMode::DownRight
        } else {
            BlockMode::DownRightSteep
        }
    } else if !bits.read(left) {
        BlockMode::DownLeft
    } else if !bits.read(steep) {
        BlockMode::DownLeftSteep
    } else if !bits.read(shallow) {
        BlockMode::DownRightShallow
    } else {
        BlockMode::UpRightShallow
    }
}
