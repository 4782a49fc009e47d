//! The shapes that the reader, the writer and the size model share: planes of blocks, and the order they are sent in.

/// 64 quantised coefficients in natural (row by row) order.
pub(super) type Block = [i16; 64];

/// The colour model of the planes, as the file stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    Ycc,
    Rgb,
    Cmyk,
    Ycck,
}

/// One plane: sampling factors, the index of its quantisation table, and its size in blocks (dummy blocks not counted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) h: u32,
    pub(super) v: u32,
    pub(super) table: usize,
    pub(super) blocks_w: u32,
    pub(super) blocks_h: u32,
}

/// A picture as planes of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) color: Color,
    pub(super) planes: Vec<Plane>,
}

impl Layout {
    /// The layout of a picture with these sampling factors and table indices a plane.
    pub(super) fn new(width: u32, height: u32, color: Color, factors: &[(u32, u32, usize)]) -> Self {
        let max_h = factors.iter().map(|f| f.0).max().unwrap_or(1);
        let max_v = factors.iter().map(|f| f.1).max().unwrap_or(1);
        let blocks = |pixels: u32, factor: u32, max: u32| {
            let blocks = (u64::from(pixels) * u64::from(factor)).div_ceil(u64::from(max) * 8);
            u32::try_from(blocks).unwrap_or(u32::MAX)
        };
        let plane = |&(h, v, table): &(u32, u32, usize)| {
            let (blocks_w, blocks_h) = (blocks(width, h, max_h), blocks(height, v, max_v));
            Plane { h, v, table, blocks_w, blocks_h }
        };
        Self { width, height, color, planes: factors.iter().map(plane).collect() }
    }

    /// The largest sampling factors, horizontal and vertical.
    pub(super) fn max_factors(&self) -> (u32, u32) {
        let fold = |factor: fn(&Plane) -> u32| self.planes.iter().map(factor).max().unwrap_or(1).max(1);
        (fold(|plane| plane.h), fold(|plane| plane.v))
    }
}

/// One progressive scan: its planes, the band of coefficients, and the bits of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) planes: &'static [u8],
    pub(super) first: u8,
    pub(super) last: u8,
    pub(super) high: u8,
    pub(super) low: u8,
}

const fn scan(planes: &'static [u8], first: u8, last: u8, high: u8, low: u8) -> Scan {
    Scan { planes, first, last, high, low }
}

/// Spectral selection, and the last bit apart. libjpeg's own progression sends the last two bits of luma and that of DC apart
/// as well: 1 % fewer bytes at best, at times more, for a seventh more time.
#[rustfmt::skip]
const SUCCESSIVE_3: &[Scan] = &[
    scan(&[0, 1, 2], 0, 0, 0, 0), scan(&[0], 1, 5, 0, 1), scan(&[2], 1, 63, 0, 1), scan(&[1], 1, 63, 0, 1),
    scan(&[0], 6, 63, 0, 1), scan(&[2], 1, 63, 1, 0), scan(&[1], 1, 63, 1, 0), scan(&[0], 1, 63, 1, 0),
];
#[rustfmt::skip]
const SUCCESSIVE_1: &[Scan] = &[
    scan(&[0], 0, 0, 0, 0), scan(&[0], 1, 5, 0, 1), scan(&[0], 6, 63, 0, 1), scan(&[0], 1, 63, 1, 0),
];

/// How libjpeg orders the coefficients in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progression {
    /// One scan.
    #[allow(dead_code, reason = "for the comparison of codecs and tests")]
    Sequential,
    /// Bands, then bit by bit.
    Successive,
}

impl Progression {
    /// The scans for so many planes; none means sequential. Four planes (CMYK) are always sequential.
    pub(super) fn scans(self, planes: usize) -> &'static [Scan] {
        match (self, planes) {
            (Self::Successive, 3) => SUCCESSIVE_3,
            (Self::Successive, 1) => SUCCESSIVE_1,
            _ => &[],
        }
    }
}
