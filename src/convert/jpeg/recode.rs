//! JPEG to JPEG without pixels: the coefficients are kept as they are, or made coarser in place.

use super::decode::{MAX_SCANS, admit};
use super::entropy::{Coded, Coder};
use super::ffi::{Output, Reader, write_from};
use super::header::Header;
use super::layout::{Layout, Progression};
use super::quant::{Quantiser, Table};
use crate::error::Error;

/// What a recoded file keeps beside its picture.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keep {
    /// The ICC profile; false.
    pub(crate) icc: bool,
    /// An EXIF orientation (1 to 8) to write; none.
    pub(crate) orientation: Option<u8>,
}

/// A picture's coefficients in memory.
pub(super) struct Coefficients<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) header: Header,
    pub(super) layout: Layout,
    /// One table a plane.
    pub(super) tables: Vec<Table>,
}

impl<'a> Coefficients<'a> {
    /// Decodes the entropy coding; a truncated file is refused, since what is missing would be written as if it were there.
    pub(super) fn read(bytes: &'a [u8], max_pixels: u64) -> Result<Self, Error> {
        let header = admit(bytes, max_pixels)?;
        let mut reader = Reader::open(bytes, MAX_SCANS)?;
        if reader.read_coefficients()?.truncated {
            return Err(Error::malformed("JPEG is truncated"));
        }
        let layout = reader.layout()?;
        let tables = (0..layout.planes.len()).map(|plane| reader.table(plane)).collect::<Result<_, _>>()?;
        Ok(Self { reader, header, layout, tables })
    }

    /// The table slots of the file: each plane's table at the index that the plane names.
    pub(super) fn slots(&self, tables: &[Table]) -> Vec<Table> {
        let count = self.layout.planes.iter().map(|plane| plane.table + 1).max().unwrap_or(1).min(4);
        let mut slots = vec![[1; 64]; count];
        for (plane, table) in self.layout.planes.iter().zip(tables) {
            if let Some(slot) = slots.get_mut(plane.table) {
                *slot = *table;
            }
        }
        slots
    }

    /// Writes the coefficients with other steps, in spectral progression; they stay as they are in memory.
    pub(super) fn requantised(
        &mut self,
        tables: &[Table],
        dead_zone: f32,
        keep: Keep,
        max_bytes: usize,
    ) -> Result<Coded, Error> {
        // Planes that shared a table may not do so any more.
        let mut layout = self.layout.clone();
        let mut slots: Vec<Table> = Vec::new();
        for (plane, table) in layout.planes.iter_mut().zip(tables) {
            plane.table = slots.iter().position(|slot| slot == table).unwrap_or(slots.len());
            slots.extend((plane.table == slots.len()).then_some(*table));
        }
        let mut coder = Coder::new(&layout, max_bytes)?;
        let tables_of = self.tables.iter().zip(tables);
        for (plane, (shape, (from, to))) in self.layout.planes.iter().zip(tables_of).enumerate() {
            let quantiser = Quantiser::new(to, from, dead_zone);
            for row in 0..shape.blocks_h {
                let blocks = self.reader.block_row(plane, row)?;
                coder.row(plane, blocks.iter().map(|block| quantiser.relevelled(block)));
            }
        }
        Ok(coder.finish(&slots, &markers(keep, self.header.icc())))
    }

    /// Writes the coefficients as they are, by libjpeg.
    pub(super) fn write(
        &mut self,
        tables: &[Table],
        keep: Keep,
        progression: Progression,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let slots = self.slots(tables);
        let markers = markers(keep, self.header.icc());
        let scans = progression.scans(self.layout.planes.len());
        write_from(&mut self.reader, &slots, &Output { scans, markers: &markers, max_bytes })
    }
}

/// The same picture in fewer bytes: coefficients copied, Huffman tables optimised, progressive, metadata dropped but for
/// `keep`. Every sample decodes as before.
pub(crate) fn recode_lossless(bytes: &[u8], max_pixels: u64, keep: Keep) -> Result<Vec<u8>, Error> {
    let mut picture = Coefficients::read(bytes, max_pixels)?;
    let tables = picture.tables.clone();
    let recoded = picture.write(&tables, keep, Progression::Successive, usize::MAX)?;
    recoded.ok_or_else(|| Error::limit("JPEG passed the allowed length"))
}

/// The most that one ICC segment holds.
const ICC_PART: usize = 65_519;

/// The segments to write before the picture.
pub(super) fn markers(keep: Keep, icc: Option<Vec<u8>>) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    if let Some(orientation) = keep.orientation.filter(|orientation| (1..=8).contains(orientation)) {
        // A TIFF header and one directory of one SHORT: 0x0112, the orientation.
        let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        out.push((0xE1, exif));
    }
    let profile = icc.filter(|_| keep.icc).unwrap_or_default();
    let parts = u8::try_from(profile.len().div_ceil(ICC_PART)).unwrap_or(u8::MAX);
    for (number, part) in (1..=parts).zip(profile.chunks(ICC_PART)) {
        let mut segment = b"ICC_PROFILE\0".to_vec();
        segment.extend([number, parts]);
        segment.extend_from_slice(part);
        out.push((0xE2, segment));
    }
    out
}
