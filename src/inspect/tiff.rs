//! TIFF and BigTIFF: the first directory (TIFF 6.0); other pages are not frames in time.

use super::exif::{Entry, Tiff};
use super::{Inspected, icc, xmp};
use crate::bytes::Region;
use crate::error::Result;
use crate::facts::{ColorModel, Orientation};
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES: u16 = 277;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const EXTRA_SAMPLES: u16 = 338;
const XMP: u16 = 700;
const IPTC: u16 = 33_723;
const PHOTOSHOP: u16 = 34_377;
const ICC: u16 = 34_675;

/// What a TIFF's first directory tells.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut found = Inspected::blank();
    let Some((tiff, first)) = Tiff::open(file)? else {
        found.malformed("no TIFF header");
        return Ok(found);
    };
    let Some(entries) = tiff.entries(first)? else {
        found.truncated("its first directory lies beyond the file");
        return Ok(found);
    };
    Page { tiff, entries: &entries }.inspect(&mut found)?;
    found.check_size();
    Ok(found)
}

/// What a camera's raw file tells, where it is built on TIFF; another structure stays unknown, without damage.
pub(crate) fn inspect_raw(source: &Source) -> Result<Inspected> {
    let mut found = inspect(source)?;
    found.damage.clear();
    Ok(found)
}

struct Page<'a> {
    tiff: Tiff<'a>,
    entries: &'a [Entry],
}

impl Page<'_> {
    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    fn number(&self, tag: u16) -> Result<Option<u64>> {
        self.entry(tag).map_or(Ok(None), |entry| self.tiff.first(entry))
    }

    fn inspect(&self, found: &mut Inspected) -> Result<()> {
        let side = |number: Option<u64>| u32::try_from(number.unwrap_or(0)).unwrap_or(0);
        found.image.width = side(self.number(WIDTH)?);
        found.image.height = side(self.number(HEIGHT)?);
        self.color(found)?;
        let compression = self.number(COMPRESSION)?.unwrap_or(1);
        // JPEG old and new, JPEG 2000, JPEG XL, WebP may lose; all others do not.
        found.image.lossless =
            !matches!(compression, 6 | 7 | 33_003 | 33_005 | 34_712 | 34_892 | 50_001 | 50_002 | 52_546);
        self.metadata(found)?;
        self.check_data(found, STRIP_OFFSETS, STRIP_BYTES)?;
        self.check_data(found, TILE_OFFSETS, TILE_BYTES)?;
        if self.entry(STRIP_OFFSETS).or(self.entry(TILE_OFFSETS)).is_none() {
            found.malformed("no strips and no tiles");
        }
        Ok(())
    }

    fn color(&self, found: &mut Inspected) -> Result<()> {
        let bits = self.entry(BITS).map_or(Ok(vec![1]), |entry| self.tiff.numbers(entry, 16))?;
        found.image.bit_depth = bits.into_iter().max().and_then(|bits| u8::try_from(bits).ok()).unwrap_or(1);
        let samples = self.number(SAMPLES)?.unwrap_or(1);
        // Extra sample 0 is unspecified, 1 and 2 are transparency.
        let alpha = self.entry(EXTRA_SAMPLES).map_or(Ok(Vec::new()), |entry| self.tiff.numbers(entry, 16))?;
        let alpha = alpha.iter().any(|kind| matches!(kind, 1 | 2));
        found.image.alpha = alpha;
        found.image.color = match (self.number(PHOTOMETRIC)?, alpha) {
            (Some(0 | 1), false) => ColorModel::Gray,
            (Some(0 | 1), true) => ColorModel::GrayAlpha,
            (Some(2 | 6), _) if samples < 3 => ColorModel::Other,
            (Some(2 | 6), false) => ColorModel::Rgb,
            (Some(2 | 6), true) => ColorModel::Rgba,
            (Some(3), _) => ColorModel::Palette,
            (Some(5), _) => ColorModel::Cmyk,
            _ => ColorModel::Other,
        };
        Ok(())
    }

    fn metadata(&self, found: &mut Inspected) -> Result<()> {
        let exif = self.tiff.exif(self.entries)?;
        found.note_exif(exif);
        found.image.orientation = exif.orientation.unwrap_or(Orientation::Normal);
        for entry in self.entries.iter().filter(|entry| matches!(entry.tag, XMP | IPTC | PHOTOSHOP | ICC)) {
            let (data, _) = self.tiff.data(entry)?;
            if entry.tag == ICC {
                found.image.profile = Some(icc::read(data)?);
                continue;
            }
            found.image.metadata_bytes += data.len();
            if entry.tag == XMP {
                found.note_xmp(xmp::read(data)?);
            }
        }
        Ok(())
    }

    /// Whether all strips (or tiles) lie within the file.
    fn check_data(&self, found: &mut Inspected, offsets: u16, lengths: u16) -> Result<()> {
        let (Some(offsets), Some(lengths)) = (self.entry(offsets), self.entry(lengths)) else { return Ok(()) };
        let all_there = |entry: &Entry| Ok(self.tiff.data(entry)?.1);
        if !all_there(offsets)? || !all_there(lengths)? {
            found.truncated("its table of strips ends beyond the file");
            return Ok(());
        }
        let starts = self.tiff.numbers(offsets, MAX_ENTRIES)?;
        let counts = self.tiff.numbers(lengths, MAX_ENTRIES)?;
        let file_len = self.tiff.len();
        let beyond = |(start, count): (&u64, &u64)| start.saturating_add(*count) > file_len;
        if let Some(index) = starts.iter().zip(&counts).position(beyond) {
            found.truncated(format!("strip {index} of {} ends beyond the file", starts.len()));
        }
        Ok(())
    }
}
