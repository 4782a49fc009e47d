//! What stands before the macroblocks (RFC 6386 §9 and §19.2).

use super::bits::Bits;
use super::tables::{COEFFICIENT_UPDATES, COEFFICIENTS};
use crate::error::{Error, Result};

/// Probabilities of the parts of motion vectors at each key frame, down and across (RFC 6386 §17.2).
#[rustfmt::skip]
const MOTION: [[u8; 19]; 2] = [
    [162, 128, 225, 146, 172, 147, 214,  39, 156, 128, 129, 132,  75, 145, 178, 206, 239, 254, 254],
    [164, 128, 204, 170, 119, 235, 140, 230, 228, 128, 130, 130,  74, 148, 180, 203, 236, 254, 254],
];

/// How probable it is that each of them stays as it is.
#[rustfmt::skip]
const MOTION_UPDATES: [[u8; 19]; 2] = [
    [237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254],
    [231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254],
];

/// Probabilities of the modes of macroblocks predicted from within, at each key frame (RFC 6386 §16.1).
const LUMA: [u8; 4] = [112, 86, 140, 37];
const CHROMA: [u8; 3] = [162, 101, 204];

/// What stands at the start of each frame, not coded.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) key: bool,
    pub(super) version: u8,
    pub(super) shown: bool,
    /// Width and height, which a key frame says.
    pub(super) size: Option<(u32, u32)>,
    /// Bytes of the first partition.
    pub(super) first: usize,
}

/// A frame's tag, and the partitions' bytes.
pub(super) fn tag(packet: &[u8]) -> Result<(Tag, &[u8])> {
    let short = || Error::malformed("a picture ends within its header");
    let (&[a, b, c], rest) = packet.split_first_chunk().ok_or_else(short)?;
    let bits = u32::from_le_bytes([a, b, c, 0]);
    let first = (bits >> 5) as usize;
    let tag = Tag { key: bits & 1 == 0, version: (bits >> 1 & 7) as u8, shown: bits >> 4 & 1 == 1, size: None, first };
    if tag.version > 3 {
        return Err(Error::malformed("a picture is of a version that VP8 reserves"));
    }
    if !tag.key {
        return Ok((tag, rest));
    }
    let (&[x, y, z, w0, w1, h0, h1], rest) = rest.split_first_chunk().ok_or_else(short)?;
    if [x, y, z] != [0x9D, 0x01, 0x2A] {
        return Err(Error::malformed("a key frame without its start code"));
    }
    // The two bits above each side are a wish for scaling, which nobody grants.
    let [width, height] = [[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3FFF));
    if width == 0 || height == 0 {
        return Err(Error::malformed("a key frame without width or height"));
    }
    Ok((Tag { size: Some((width, height)), ..tag }, rest))
}

/// Probabilities that the stream may change.
#[derive(Clone)]
pub(super) struct Probabilities {
    pub(super) coefficients: [[[[u8; 11]; 3]; 8]; 4],
    pub(super) motion: [[u8; 19]; 2],
    pub(super) luma: [u8; 4],
    pub(super) chroma: [u8; 3],
}

/// Groups of macroblocks with values of their own.
#[derive(Clone, Default)]
pub(super) struct Segments {
    pub(super) enabled: bool,
    pub(super) update_map: bool,
    /// Whether the values replace the frame's own, or are added to them.
    absolute: bool,
    quantizers: [i8; 4],
    levels: [i8; 4],
    pub(super) tree: [u8; 3],
}

/// How the picture's edges are smoothed.
#[derive(Clone, Default)]
pub(super) struct Smoothing {
    pub(super) simple: bool,
    pub(super) level: u8,
    pub(super) sharpness: u8,
    adjusted: bool,
    by_reference: [i8; 4],
    by_mode: [i8; 4],
}

/// What a frame takes over from those before.
pub(super) struct Kept {
    pub(super) probabilities: Probabilities,
    /// What holds again after this frame.
    pub(super) saved: Option<Box<Probabilities>>,
    pub(super) segments: Segments,
    pub(super) smoothing: Smoothing,
    /// Whether vectors into the reference point the other way: within, last, golden, alternate.
    pub(super) reversed: [bool; 4],
}

/// What holds for one frame.
pub(super) struct Header {
    /// Index of the luma quantizer, and the offsets of: luma DC, second-order DC and AC, chroma DC and AC.
    quantizer: u8,
    offsets: [i8; 5],
    pub(super) partitions: usize,
    /// Whether the picture becomes the last, golden and alternate reference.
    pub(super) becomes: [bool; 3],
    /// What is copied to the golden and to the alternate reference.
    pub(super) copies: [u8; 2],
    /// The probability that a macroblock is not empty, where that is said of each.
    pub(super) full: Option<u8>,
    pub(super) within: u8,
    pub(super) last: u8,
    pub(super) golden: u8,
}

/// Factors of DC and AC.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    pub(super) luma: [i32; 2],
    pub(super) second: [i32; 2],
    pub(super) chroma: [i32; 2],
}

impl Kept {
    pub(super) fn new() -> Self {
        let probabilities = Probabilities { coefficients: COEFFICIENTS, motion: MOTION, luma: LUMA, chroma: CHROMA };
        let (segments, smoothing) = (Segments::default(), Smoothing::default());
        Self { probabilities, saved: None, segments, smoothing, reversed: [false; 4] }
    }

    /// Reads a frame's header and makes its changes.
    pub(super) fn header(&mut self, bits: &mut Bits<'_>, key: bool) -> Header {
        if key {
            *self = Self::new();
            // What the colours are, and whether sums stay within 8 bits: neither changes how pictures are decoded.
            bits.number(2);
        }
        self.segments.update(bits);
        self.smoothing.update(bits);
        let partitions = 1 << bits.number(2);
        let quantizer = bits.number(7);
        let offsets = [(); 5].map(|()| bits.maybe_signed(4).unwrap_or(0));
        let (mut becomes, mut copies) = ([true; 3], [0; 2]);
        if !key {
            let refreshed = [bits.flag(), bits.flag()];
            copies = refreshed.map(|refreshed| if refreshed { 0 } else { bits.number(2) });
            self.reversed = [false, false, bits.flag(), bits.flag()];
            becomes = [true, refreshed[0], refreshed[1]];
        }
        self.saved = (!bits.flag()).then(|| Box::new(self.probabilities.clone()));
        if !key {
            becomes[0] = bits.flag();
        }
        self.coefficients(bits);
        let full = bits.flag().then(|| bits.number(8));
        let mut header =
            Header { quantizer, offsets, partitions, becomes, copies, full, within: 0, last: 0, golden: 0 };
        if !key {
            header.within = bits.number(8);
            header.last = bits.number(8);
            header.golden = bits.number(8);
            self.modes(bits);
        }
        header
    }

    fn coefficients(&mut self, bits: &mut Bits<'_>) {
        let current = self.probabilities.coefficients.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let updates = COEFFICIENT_UPDATES.as_flattened().as_flattened().as_flattened();
        for (probability, &update) in current.iter_mut().zip(updates) {
            if bits.read(update) {
                *probability = bits.number(8);
            }
        }
    }

    fn modes(&mut self, bits: &mut Bits<'_>) {
        if bits.flag() {
            self.probabilities.luma = [(); 4].map(|()| bits.number(8));
        }
        if bits.flag() {
            self.probabilities.chroma = [(); 3].map(|()| bits.number(8));
        }
        let current = self.probabilities.motion.as_flattened_mut();
        for (probability, &update) in current.iter_mut().zip(MOTION_UPDATES.as_flattened()) {
            if bits.read(update) {
                *probability = (bits.number(7) << 1).max(1);
            }
        }
    }
}

impl Segments {
    fn update(&mut self, bits: &mut Bits<'_>) {
        self.enabled = bits.flag();
        self.update_map = self.enabled && bits.flag();
        if self.enabled && bits.flag() {
            self.absolute = bits.flag();
            self.quantizers = [(); 4].map(|()| bits.maybe_signed(7).unwrap_or(0));
            self.levels = [(); 4].map(|()| bits.maybe_signed(6).unwrap_or(0));
        }
        if self.update_map {
            self.tree = [(); 3].map(|()| if bits.flag() { bits.number(8) } else { 255 });
        }
    }

    /// A segment's value: `own` is the frame's.
    fn value(&self, values: [i8; 4], segment: usize, own: u8, most: i32) -> i32 {
        let value = values.get(segment).copied().map_or(0, i32::from);
        match (self.enabled, self.absolute) {
            (false, _) => i32::from(own),
            (true, true) => value.clamp(0, most),
            (true, false) => (i32::from(own) + value).clamp(0, most),
        }
    }
}

impl Smoothing {
    fn update(&mut self, bits: &mut Bits<'_>) {
        self.simple = bits.flag();
        self.level = bits.number(6);
        self.sharpness = bits.number(3);
        self.adjusted = bits.flag();
        if self.adjusted && bits.flag() {
            for delta in self.by_reference.iter_mut().chain(&mut self.by_mode) {
                *delta = bits.maybe_signed(6).unwrap_or(*delta);
            }
        }
    }

    /// The level of a macroblock by its segment, its reference, and the kind of its mode if that counts.
    pub(super) fn level_of(&self, segments: &Segments, segment: u8, reference: u8, kind: Option<usize>) -> u8 {
        let level = segments.value(segments.levels, usize::from(segment), self.level, 63);
        if !self.adjusted {
            return level as u8;
        }
        let of = |deltas: [i8; 4], index: usize| deltas.get(index).copied().map_or(0, i32::from);
        let by_mode = kind.map_or(0, |kind| of(self.by_mode, kind));
        (level + of(self.by_reference, usize::from(reference)) + by_mode).clamp(0, 63) as u8
    }
}

impl Header {
    /// The factors of each segment (RFC 6386 §14.1).
    pub(super) fn factors(&self, segments: &Segments) -> [Factors; 4] {
        let [y_dc, y2_dc, y2_ac, uv_dc, uv_ac] = self.offsets;
        std::array::from_fn(|segment| {
            let base = segments.value(segments.quantizers, segment, self.quantizer, 127);
            let of = |table: &[u16; 128], offset: i8| {
                let index = (base + i32::from(offset)).clamp(0, 127) as usize;
                table.get(index).copied().map_or(0, i32::from)
            };
            Factors {
                luma: [of(&DC, y_dc), of(&AC, 0)],
                second: [of(&DC, y2_dc) * 2, (of(&AC, y2_ac) * 155 / 100).max(8)],
                chroma: [of(&DC, uv_dc).min(132), of(&AC, uv_ac)],
            }
        })
    }
}

/// Factors of DC by index (RFC 6386 §14.1).
#[rustfmt::skip]
const DC: [u16; 128] = [
      4,   5,   6,   7,   8,   9,  10,  10,  11,  12,  13,  14,  15,  16,  17,  17,
     18,  19,  20,  20,  21,  21,  22,  22,  23,  23,  24,  25,  25,  26,  27,  28,
     29,  30,  31,  32,  33,  34,  35,  36,  37,  37,  38,  39,  40,  41,  42,  43,
     44,  45,  46,  46,  47,  48,  49,  50,  51,  52,  53,  54,  55,  56,  57,  58,
     59,  60,  61,  62,  63,  64,  65,  66,  67,  68,  69,  70,  71,  72,  73,  74,
     75,  76,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,  86,  87,  88,  89,
     91,  93,  95,  96,  98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118,
    122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
];

/// Factors of AC by index.
#[rustfmt::skip]
const AC: [u16; 128] = [
      4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,  15,  16,  17,  18,  19,
     20,  21,  22,  23,  24,  25,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,
     36,  37,  38,  39,  40,  41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51,
     52,  53,  54,  55,  56,  57,  58,  60,  62,  64,  66,  68,  70,  72,  74,  76,
     78,  80,  82,  84,  86,  88,  90,  92,  94,  96,  98, 100, 102, 104, 106, 108,
    110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140, 143, 146, 149, 152,
    155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205, 209,
    213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
];
