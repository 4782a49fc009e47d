//! Pictures as they are decoded: planes with what prediction finds around them.

/// Samples to the left of a plane and to its right; one would do to the left, the rest is for alignment.
const SIDE: usize = 16;

/// Samples around a picture, from which the first blocks are predicted (RFC 6386 §12.2).
const ABOVE: u8 = 127;
const BEFORE: u8 = 129;

/// The most columns and rows of a region that a block of 16x16 is predicted from.
pub(super) const REGION: usize = 21;

/// One plane of whole macroblocks, with a row above it and columns beside it.
#[derive(Clone)]
pub(super) struct Plane {
    pub(super) samples: Vec<u8>,
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Plane {
    fn new(width: usize, height: usize) -> Self {
        let stride = SIDE + width + SIDE;
        let mut samples = vec![ABOVE; stride * (height + 1)];
        for row in samples.chunks_exact_mut(stride).skip(1) {
            if let Some(before) = row.get_mut(SIDE - 1) {
                *before = BEFORE;
            }
        }
        Self { samples, stride, width, height }
    }

    /// Where the sample of column `x` and row `y` lies.
    #[inline]
    pub(super) fn at(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + SIDE + x
    }

    /// The last sample of a row once more behind it, for blocks that are predicted from above and right.
    pub(super) fn repeat_last(&mut self, y: usize) {
        let end = self.at(self.width, y);
        if let Some([last, behind @ ..]) = self.samples.get_mut(end - 1..end + 4) {
            behind.fill(*last);
        }
    }

    /// A region that lies partly or wholly outside, where the outermost samples go on without end.
    pub(super) fn region(&self, x: i32, y: i32, width: usize, height: usize) -> [[u8; REGION]; REGION] {
        let mut region = [[0; REGION]; REGION];
        let last = (self.height - 1) as i32;
        for (line, y) in region.iter_mut().take(height).zip(y..) {
            let start = self.at(0, y.clamp(0, last) as usize);
            let row = self.samples.get(start..start + self.width).unwrap_or_default();
            for (sample, x) in line.iter_mut().take(width).zip(x..) {
                *sample = row.get(x.clamp(0, row.len() as i32 - 1) as usize).copied().unwrap_or(0);
            }
        }
        region
    }

    /// The part of `width`x`height` at the top left, without gaps.
    pub(super) fn cropped(&self, width: usize, height: usize) -> Vec<u8> {
        let mut samples = vec![0; width * height];
        let start = self.at(0, 0);
        let rows = self.samples.get(start..).unwrap_or_default().chunks(self.stride);
        for (into, row) in samples.chunks_exact_mut(width).zip(rows) {
            if let Some(row) = row.get(..width) {
                into.copy_from_slice(row);
            }
        }
        samples
    }
}

/// Brightness, blue difference, red difference.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) planes: [Plane; 3],
}

impl Frame {
    /// For so many macroblocks.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let chroma = Plane::new(columns * 8, rows * 8);
        Self { planes: [Plane::new(columns * 16, rows * 16), chroma.clone(), chroma] }
    }

    /// Whether it is for so many macroblocks.
    pub(super) fn is_for(&self, columns: usize, rows: usize) -> bool {
        let [luma, ..] = &self.planes;
        luma.width == columns * 16 && luma.height == rows * 16
    }
}

/// `N` samples from `at` on.
#[inline(always)]
pub(super) fn chunk<const N: usize>(samples: &[u8], at: usize) -> &[u8; N] {
    samples.get(at..).and_then(<[u8]>::first_chunk).unwrap_or(const { &[0; N] })
}

/// `N` samples from `at` on are set.
#[inline(always)]
pub(super) fn put<const N: usize>(samples: &mut [u8], at: usize, chunk: &[u8; N]) {
    if let Some(into) = samples.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *into = *chunk;
    }
}
