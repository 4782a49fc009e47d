//! What the markers before the first scan say, read by ourselves: libjpeg is not asked before this is known and allowed.

use super::quant::{ANNEX_CHROMA, ANNEX_LUMA, Table, quality_from};
use crate::error::Error;

/// The position in natural order of the n-th step of a DQT segment.
#[rustfmt::skip]
pub(super) const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
/// The largest ICC profile that is put together: 255 segments of 64 KiB could claim 16 MiB.
const MAX_ICC_BYTES: usize = 4 << 20;

/// The header of a JPEG.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Samples of all planes, padded to whole MCUs: what a decoder that keeps all coefficients holds, twice this in bytes.
    pub(super) samples: u64,
    pub(super) components: u8,
    /// An Adobe APP14 segment is there: CMYK is stored inverted.
    pub(super) adobe: bool,
    /// The parts of the ICC profile as they stand in the file: number and payload.
    icc: Vec<(u8, Vec<u8>)>,
    tables: [Option<Table>; 4],
    /// Table index of each plane.
    planes: Vec<usize>,
}

impl Header {
    /// Reads the markers up to the first scan.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        if !bytes.starts_with(&[0xFF, 0xD8]) {
            return Err(Error::malformed("not a JPEG: no SOI marker"));
        }
        let mut header = Self::default();
        let mut at = 2;
        loop {
            // Any number of 0xFF may precede a marker, and libjpeg skips garbage between segments; so do we.
            let rest = bytes.get(at..).unwrap_or_default();
            let skip = rest.iter().position(|&byte| byte == 0xFF).unwrap_or(rest.len());
            let fill = rest.get(skip..).unwrap_or_default().iter().take_while(|&&byte| byte == 0xFF).count();
            let Some(&code) = rest.get(skip + fill) else {
                return Err(Error::malformed("JPEG ends before its first scan"));
            };
            at += skip + fill + 1;
            match code {
                0x00 | 0x01 | 0xD0..=0xD8 => continue,
                0xD9 => return Err(Error::malformed("JPEG ends before its first scan")),
                0xDA => break,
                _ => {}
            }
            let length = bytes.get(at..at + 2).map_or(0, |pair| pair.iter().fold(0, |n, &b| n << 8 | usize::from(b)));
            let Some(payload) = bytes.get(at + 2..at + length) else {
                return Err(Error::malformed("JPEG segment runs past the end of the file"));
            };
            header.segment(code, payload)?;
            at += length;
        }
        if header.components == 0 {
            return Err(Error::malformed("JPEG has no frame header before its first scan"));
        }
        Ok(header)
    }

    fn segment(&mut self, code: u8, payload: &[u8]) -> Result<(), Error> {
        match code {
            0xDB => self.quantisation(payload),
            0xEE => self.adobe |= payload.starts_with(b"Adobe") && payload.len() >= 12,
            0xE2 => {
                if let Some([number, _count, part @ ..]) = payload.strip_prefix(b"ICC_PROFILE\0") {
                    self.icc.push((*number, part.to_vec()));
                }
            }
            0xC3 | 0xC7 | 0xCB | 0xCF => return Err(Error::unsupported("lossless JPEG; save it as an ordinary JPEG")),
            0xC5 | 0xC6 | 0xCD | 0xCE => {
                return Err(Error::unsupported("hierarchical JPEG; save it as an ordinary JPEG"));
            }
            0xC0..=0xC2 | 0xC9 | 0xCA => self.frame(payload)?,
            _ => {}
        }
        Ok(())
    }

    fn frame(&mut self, payload: &[u8]) -> Result<(), Error> {
        let &[precision, h0, h1, w0, w1, components, ref parts @ ..] = payload else {
            return Err(Error::malformed("JPEG frame header is too short"));
        };
        if self.components != 0 {
            return Err(Error::malformed("JPEG has two frame headers"));
        }
        if precision != 8 {
            return Err(Error::unsupported(format!("JPEG has {precision} bits a sample; only 8 are decoded")));
        }
        self.height = u16::from_be_bytes([h0, h1]).into();
        self.width = u16::from_be_bytes([w0, w1]).into();
        if self.width == 0 || self.height == 0 {
            return Err(Error::malformed(format!("JPEG is {}x{} pixels", self.width, self.height)));
        }
        let parts = parts.as_chunks::<3>().0.get(..usize::from(components));
        let Some(parts) = parts.filter(|parts| matches!(parts.len(), 1 | 3 | 4)) else {
            return Err(Error::unsupported(format!("JPEG has {components} components; 1, 3 or 4 are decoded")));
        };
        self.components = components;
        let mut factors = Vec::new();
        for &[_, sampling, table] in parts {
            let (h, v) = (u64::from(sampling >> 4), u64::from(sampling & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                return Err(Error::malformed("JPEG sampling factor is not between 1 and 4"));
            }
            factors.push((h, v));
            self.planes.push(usize::from(table));
        }
        let max_h = factors.iter().map(|f| f.0).max().unwrap_or(1);
        let max_v = factors.iter().map(|f| f.1).max().unwrap_or(1);
        let mcus = u64::from(self.width).div_ceil(8 * max_h) * u64::from(self.height).div_ceil(8 * max_v);
        self.samples = mcus * 64 * factors.iter().map(|(h, v)| h * v).sum::<u64>();
        Ok(())
    }

    fn quantisation(&mut self, mut payload: &[u8]) {
        while let Some((&head, rest)) = payload.split_first() {
            let size = if head >> 4 == 0 { 64 } else { 128 };
            let (Some(steps), Some(slot)) = (rest.get(..size), self.tables.get_mut(usize::from(head & 15))) else {
                return;
            };
            let mut table = [1u16; 64];
            for (step, place) in steps.chunks_exact(size / 64).zip(ZIGZAG) {
                if let Some(to) = table.get_mut(place) {
                    *to = step.iter().fold(0, |n, &b| n << 8 | u16::from(b)).max(1);
                }
            }
            *slot = Some(table);
            payload = rest.get(size..).unwrap_or_default();
        }
    }

    /// The ICC profile, whole.
    pub(super) fn icc(&self) -> Option<Vec<u8>> {
        let mut parts: Vec<_> = self.icc.iter().collect();
        parts.sort_by_key(|part| part.0);
        let profile: Vec<u8> = parts.iter().flat_map(|part| &part.1).copied().collect();
        (!profile.is_empty() && profile.len() <= MAX_ICC_BYTES).then_some(profile)
    }

    /// The quality on libjpeg's scale that these quantisation tables are nearest to: luma and chroma weigh by their planes.
    pub(super) fn quality(&self) -> Option<f32> {
        let table = |plane: usize| self.planes.get(plane).and_then(|&t| self.tables.get(t)).copied().flatten();
        let luma = quality_from(&table(0)?, &ANNEX_LUMA);
        Some(match table(1) {
            Some(chroma) if self.components == 3 => luma.max(quality_from(&chroma, &ANNEX_CHROMA)),
            _ => luma,
        })
    }
}
