//! Pictures on their way from a decoder to the encoder.

use crate::error::Result;

/// The samples of one plane, row by row without gaps.
#[derive(Debug, Clone)]
pub(super) enum Samples {
    /// 8 bits each.
    Narrow(Vec<u8>),
    /// 9 to 16 bits each.
    Wide(Vec<u16>),
}

/// One plane.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub samples: Samples,
}

impl Plane {
    /// Whether it holds what its size says.
    pub(super) fn is_whole(&self) -> bool {
        let length = match &self.samples {
            Samples::Narrow(samples) => samples.len(),
            Samples::Wide(samples) => samples.len(),
        };
        self.width > 0 && self.height > 0 && self.width.checked_mul(self.height) == Some(length)
    }
}

/// A decoded picture: brightness and two planes of colour, cropped, as stored (not turned, not squared).
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// When it is shown, in ticks of its track.
    pub pts: i64,
    /// Bits a sample.
    pub depth: u8,
    /// Brightness, blue difference, red difference.
    pub planes: [Plane; 3],
}

/// Pictures in the order in which they are shown.
pub(super) trait PictureSource {
    /// The next picture; nothing at the end.
    ///
    /// # Errors
    /// `Malformed` when too little of the stream decodes; `Limit`; `Io`.
    fn next(&mut self) -> Result<Option<Picture>>;
}

/// A picture as the encoder takes it: 8 bits, 4:2:0, even sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
    pub planes: [Vec<u8>; 3],
}
