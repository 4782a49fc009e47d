//! EXIF, and the TIFF structure under it: directories of tagged values (TIFF 6.0 §2, CIPA DC-008 §4.6).
//!
//! Only the directories that matter are read, each once and by position: a directory that points back at an
//! earlier one, or at another picture's, is never followed, so loops cannot arise.

use crate::bytes::{Region, array};
use crate::error::Result;
use crate::facts::Orientation;
use crate::limits::MAX_ENTRIES;

const ORIENTATION: u16 = 0x0112;
const MAKE: u16 = 0x010F;
const EXIF_IFD: u16 = 0x8769;
const MAKER_NOTE: u16 = 0x927C;
const GPS_IFD: u16 = 0x8825;
/// Latitude and longitude of the camera and of what it looks at, and the name of the area (CIPA DC-008 §4.6.6).
const GPS_PLACES: [u16; 5] = [2, 4, 20, 22, 28];
const CAMERA_OWNER_NAME: u16 = 0xA430;
const BODY_SERIAL_NUMBER: u16 = 0xA431;
const LENS_SERIAL_NUMBER: u16 = 0xA435;
const CAMERA_SERIAL_NUMBER: u16 = 0xC62F;

/// How a camera maker's note is laid out.
struct Maker {
    /// What the note starts with; where that is nothing, how the camera's make starts.
    starts: &'static [u8],
    /// Where its directory stands in the note; none where a TIFF header of its own stands at `base`.
    directory: Option<u64>,
    /// From where in the note offsets count; none where they count from the start of the EXIF block.
    base: Option<u64>,
    /// Tags of serial numbers of cameras and lenses, and of the owner's name.
    serials: &'static [u16],
}

/// By Exiv2's and ExifTool's lists of tags, which stand in for what no maker publishes.
#[rustfmt::skip]
const MAKERS: &[Maker] = &[
    Maker { starts: b"Nikon\0\x02",       directory: None,     base: Some(10), serials: &[0x001D, 0x00A0] },
    Maker { starts: OLYMPUS,              directory: Some(12), base: Some(0),  serials: &[0x0101, 0x0102, 0x0202] },
    Maker { starts: b"Panasonic\0\0\0",   directory: Some(12), base: None,     serials: &[0x0025, 0x0052] },
    Maker { starts: b"FUJIFILM",          directory: Some(12), base: Some(0),  serials: &[0x0010] },
    Maker { starts: b"PENTAX \0",         directory: Some(10), base: Some(0),  serials: &[0x0229] },
    Maker { starts: b"AOC\0",             directory: Some(6),  base: None,     serials: &[0x0229] },
    Maker { starts: b"SONY DSC ",         directory: Some(12), base: None,     serials: &[0x2031] },
    Maker { starts: b"",                  directory: Some(0),  base: None,     serials: &[0x0009, 0x000C, 0x0096] },
];
/// The maker whose notes have no signature.
const UNSIGNED: &[u8] = b"Canon";
/// Who keeps serial numbers in a directory of the note's own, and its tag.
const OLYMPUS: &[u8] = b"OLYMPUS\0II";
const EQUIPMENT: u16 = 0x2010;

/// What of EXIF matters here.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExifFacts {
    /// Which way up, when the tag is there.
    pub orientation: Option<Orientation>,
    /// A latitude, a longitude or the name of an area is there.
    pub gps: bool,
    /// The serial number of a camera or lens, or the owner's name, is there.
    pub serials: bool,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// What it is.
    pub tag: u16,
    kind: u16,
    /// How many values it states.
    pub count: u64,
    /// Where its value field lies.
    at: u64,
}

/// A TIFF structure: byte order, and 32- or 64-bit offsets (BigTIFF).
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiff<'a> {
    region: Region<'a>,
    little: bool,
    big: bool,
}

impl<'a> Tiff<'a> {
    /// Reads the header; gives the structure and the offset of the first directory.
    pub(super) fn open(region: Region<'a>) -> Result<Option<(Self, u64)>> {
        let Some(head) = region.array::<8>(0)? else { return Ok(None) };
        let little = match head {
            [b'I', b'I', ..] => true,
            [b'M', b'M', ..] => false,
            _ => return Ok(None),
        };
        // Panasonic RW2 (0x55) and Olympus ORF (0x4F52, 0x5352) are TIFF under another number.
        let big = match number(head.get(2..4).unwrap_or_default(), little) {
            42 | 0x55 | 0x4F52 | 0x5352 => false,
            43 => true,
            _ => return Ok(None),
        };
        let tiff = Self { region, little, big };
        let first = if big {
            region.array::<8>(8)?.map(|bytes| number(&bytes, little))
        } else {
            array::<4>(&head, 4).map(|bytes| number(&bytes, little))
        };
        Ok(first.map(|first| (tiff, first)))
    }

    /// How many bytes there are in all.
    pub(super) const fn len(&self) -> u64 {
        self.region.len()
    }

    /// The entries of the directory at `offset`; `None` where it is not all there.
    pub(super) fn entries(&self, offset: u64) -> Result<Option<Vec<Entry>>> {
        let (counter, size) = if self.big { (8, 20) } else { (2, 12) };
        let counted = self.region.bytes(offset, counter)?;
        if offset == 0 || counted.len() < counter {
            return Ok(None);
        }
        let count = number(&counted, self.little);
        let start = offset + counter as u64;
        let room = self.region.len().saturating_sub(start) / size;
        if count > room || count > MAX_ENTRIES as u64 {
            return Ok(None);
        }
        let bytes = self.region.bytes(start, usize::try_from(count * size).unwrap_or(0))?;
        let mut entries = Vec::new();
        for (index, entry) in bytes.chunks_exact(usize::try_from(size).unwrap_or(12)).enumerate() {
            let field = |from: usize, to: usize| number(entry.get(from..to).unwrap_or_default(), self.little);
            let (count_end, tag) = (if self.big { 12 } else { 8 }, field(0, 2));
            entries.push(Entry {
                tag: u16::try_from(tag).unwrap_or(0),
                kind: u16::try_from(field(2, 4)).unwrap_or(0),
                count: field(4, count_end),
                at: start + index as u64 * size + count_end as u64,
            });
        }
        Ok(Some(entries))
    }

    /// Where an entry's values lie, and whether all that it states is there.
    pub(super) fn data(&self, entry: &Entry) -> Result<(Region<'a>, bool)> {
        let inline = if self.big { 8 } else { 4 };
        let len = entry.count.saturating_mul(size_of_kind(entry.kind));
        let at = if len <= inline {
            entry.at
        } else {
            let bytes = self.region.bytes(entry.at, usize::try_from(inline).unwrap_or(4))?;
            number(&bytes, self.little)
        };
        let data = self.region.part(at, len);
        Ok((data, data.len() == len))
    }

    /// An entry's values as whole numbers, at most `most` of them; none for text and fractions.
    pub(super) fn numbers(&self, entry: &Entry, most: usize) -> Result<Vec<u64>> {
        if !matches!(entry.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return Ok(Vec::new());
        }
        let size = usize::try_from(size_of_kind(entry.kind)).unwrap_or(1);
        let (data, _) = self.data(entry)?;
        let bytes = data.bytes(0, most.saturating_mul(size))?;
        Ok(bytes.chunks_exact(size).map(|bytes| number(bytes, self.little)).collect())
    }

    /// An entry's first value as a whole number.
    pub(super) fn first(&self, entry: &Entry) -> Result<Option<u64>> {
        Ok(self.numbers(entry, 1)?.first().copied())
    }

    /// Orientation, position and serial numbers from `entries` and the directories that they name.
    pub(super) fn exif(&self, entries: &[Entry]) -> Result<ExifFacts> {
        let mut facts = ExifFacts::default();
        for entry in entries {
            match entry.tag {
                ORIENTATION if facts.orientation.is_none() => {
                    let value = self.first(entry)?.and_then(|value| u16::try_from(value).ok());
                    facts.orientation = value.map(Orientation::from_exif);
                }
                EXIF_IFD => {
                    let make = entries.iter().find(|entry| entry.tag == MAKE);
                    for entry in self.named(entry)? {
                        facts.serials = facts.serials
                            || if entry.tag == MAKER_NOTE {
                                self.notes_serial(&entry, make)?
                            } else {
                                self.is_serial(&entry)?
                            };
                    }
                }
                GPS_IFD => {
                    let position = |entry: &Entry| GPS_PLACES.contains(&entry.tag);
                    facts.gps |= self.named(entry)?.iter().any(|entry| position(entry) && entry.count > 0);
                }
                _ => facts.serials = facts.serials || self.is_serial(entry)?,
            }
        }
        Ok(facts)
    }

    fn named(&self, entry: &Entry) -> Result<Vec<Entry>> {
        let Some(offset) = self.first(entry)? else { return Ok(Vec::new()) };
        Ok(self.entries(offset)?.unwrap_or_default())
    }

    /// Whether it is one of the tags that name a device or a person, and not blank (many cameras write blanks).
    fn is_serial(&self, entry: &Entry) -> Result<bool> {
        if !matches!(entry.tag, CAMERA_OWNER_NAME | BODY_SERIAL_NUMBER | LENS_SERIAL_NUMBER | CAMERA_SERIAL_NUMBER) {
            return Ok(false);
        }
        self.says_something(entry)
    }

    fn says_something(&self, entry: &Entry) -> Result<bool> {
        let value = self.data(entry)?.0.bytes(0, 64)?;
        Ok(value.iter().any(|&byte| byte != 0 && byte != 0xFF && !byte.is_ascii_whitespace()))
    }

    /// Whether the maker's own note names the camera, its lens or its owner.
    fn notes_serial(&self, entry: &Entry, make: Option<&Entry>) -> Result<bool> {
        let note = self.data(entry)?.0;
        let head = note.bytes(0, 16)?;
        let make = make.map_or_else(|| Ok(Vec::new()), |make| self.data(make)?.0.bytes(0, UNSIGNED.len()))?;
        let fits = |maker: &&Maker| head.starts_with(maker.starts) && (!maker.starts.is_empty() || make == UNSIGNED);
        let Some(maker) = MAKERS.iter().find(fits) else { return Ok(false) };
        let region = maker.base.map_or(self.region, |base| note.from(base));
        let (tiff, directory) = match maker.directory {
            None => match Self::open(region)? {
                Some(opened) => opened,
                None => return Ok(false),
            },
            // Where offsets count from the block's start, so does the directory's.
            Some(at) => {
                let outside = if maker.base.is_none() { self.data(entry)?.0.start() - self.region.start() } else { 0 };
                let little = maker.starts == b"FUJIFILM" || self.little;
                (Self { region, little, big: false }, outside + at)
            }
        };
        let mut entries = tiff.entries(directory)?.unwrap_or_default();
        if maker.starts == OLYMPUS {
            let equipment = entries.iter().find(|entry| entry.tag == EQUIPMENT);
            entries = equipment.map_or_else(|| Ok(Vec::new()), |equipment| tiff.named(equipment))?;
        }
        for entry in entries.iter().filter(|entry| maker.serials.contains(&entry.tag)) {
            if tiff.says_something(entry)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What an EXIF block says; `Exif\0\0` in front of it, which WebP and PNG writers add by mistake, is passed over.
pub(super) fn read(region: Region<'_>) -> Result<ExifFacts> {
    let prefixed = region.array::<6>(0)? == Some(*b"Exif\0\0");
    let region = if prefixed { region.from(6) } else { region };
    let Some((tiff, first)) = Tiff::open(region)? else { return Ok(ExifFacts::default()) };
    let entries = tiff.entries(first)?.unwrap_or_default();
    tiff.exif(&entries)
}

fn number(bytes: &[u8], little: bool) -> u64 {
    let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if little { bytes.iter().rev().fold(0, push) } else { bytes.iter().fold(0, push) }
}

/// Bytes of one value of a TIFF type; an unknown type counts as bytes.
const fn size_of_kind(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn read_bytes(bytes: &[u8]) -> ExifFacts {
        read(Region::whole(&Source::from_bytes(bytes, None))).unwrap()
    }

    #[test]
    fn reads_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(read_bytes(little).orientation, Some(Orientation::Rotate90));
        let big = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0";
        assert_eq!(read_bytes(big).orientation, Some(Orientation::Rotate180));
    }

    #[test]
    fn every_tag_of_a_place_is_a_position() {
        for tag in [2, 4, 20, 22, 28] {
            let head = b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0\x01\0";
            let bytes = [&head[..], &[tag, 0, 7, 0, 2, 0, 0, 0, 65, 66, 0, 0, 0, 0, 0, 0]].concat();
            assert!(read_bytes(&bytes).gps, "{tag}");
        }
    }

    #[test]
    fn a_makers_note_may_name_the_camera() {
        // Make and the EXIF directory, its maker's note, and that note's directory.
        let note = |make: &[u8; 5], tag: u16, value: u32| {
            let mut bytes =
                b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x06\0\0\0\x26\0\0\0\x69\x87\x04\0\x01\0\0\0\x2c\0\0\0".to_vec();
            bytes.extend(b"\0\0\0\0");
            bytes.extend(make);
            bytes.push(0);
            bytes.extend(b"\x01\0\x7c\x92\x07\0\x12\0\0\0\x3e\0\0\0\0\0\0\0\x01\0");
            bytes.extend(tag.to_le_bytes());
            bytes.extend(b"\x04\0\x01\0\0\0");
            bytes.extend(value.to_le_bytes());
            bytes.extend([0; 4]);
            read_bytes(&bytes).serials
        };
        assert!(note(b"Canon", 0x000C, 420_212));
        assert!(!note(b"Canon", 0x000C, 0) && !note(b"Canon", 0x0006, 7) && !note(b"Casio", 0x000C, 7));
    }

    #[test]
    fn a_directory_that_names_itself_ends() {
        let looped =
            b"II*\0\x08\0\0\0\x02\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!(read_bytes(looped), ExifFacts::default());
    }

    #[test]
    fn lying_counts_and_offsets_give_nothing() {
        assert_eq!(read_bytes(b"II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0"), ExifFacts::default());
        assert_eq!(read_bytes(b"II*\0\xff\xff\xff\xff"), ExifFacts::default());
        let far = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(read_bytes(far), ExifFacts::default());
    }
}
