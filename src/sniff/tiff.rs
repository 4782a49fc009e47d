//! TIFF, and the camera raw files that are built like it.

use super::Sniffed;
use super::bytes::{Window, array};
use crate::error::Result;
use crate::format::Format;

/// The most directory entries that are read; cameras write some dozens.
const MAX_TAGS: u16 = 200;

/// The magic of raw files that only look like TIFF, or not at all: Olympus, Panasonic, Fujifilm, Sigma, old Canon, Minolta.
const RAW_MAGIC: &[&[u8]] = &[
    b"IIRO\x08\0",
    b"IIRS\x08\0",
    b"MMOR\0\0",
    b"IIU\0",
    b"FUJIFILMCCD-RAW ",
    b"FOVb",
    b"II\x1a\0\0\0HEAPCCDR",
    b"\0MRM",
];

/// Cameras whose raw files are TIFFs with a preview in front, by the beginning of Make.
const RAW_MAKES: &[&[u8]] =
    &[b"NIKON", b"SONY", b"PENTAX", b"RICOH", b"SAMSUNG", b"KODAK", b"EASTMAN", b"Hasselblad", b"Phase One"];

const NEW_SUBFILE_TYPE: u16 = 0x00fe;
const COMPRESSION: u16 = 0x0103;
const MAKE: u16 = 0x010f;
const SUB_IFDS: u16 = 0x014a;
const DNG_VERSION: u16 = 50706;

/// How numbers are stored.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        array(bytes, at).map(|number| if self.big { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        array(bytes, at).map(|number| if self.big { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) })
    }
}

/// Looks at a file that starts with a TIFF header or a raw file's magic.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if RAW_MAGIC.iter().any(|magic| head.starts_with(magic)) {
        return Ok(Some(Sniffed::of(Format::RawPhoto)));
    }
    let order = match head.first_chunk() {
        Some(b"II*\0") => Order { big: false },
        Some(b"MM\0*") => Order { big: true },
        Some(b"II+\0" | b"MM\0+") => return Ok(Some(Sniffed::of(Format::Tiff))),
        _ => return Ok(None),
    };
    let is_raw = head.get(8..11) == Some(b"CR\x02") || is_raw(window, order)?;
    Ok(Some(Sniffed::of(if is_raw { Format::RawPhoto } else { Format::Tiff })))
}

/// Whether the first directory is that of a DNG, or of a camera's preview with the raw picture in a directory below. An
/// edited TIFF keeps the camera's Make, but holds the picture itself in the first directory.
fn is_raw(window: &mut Window<'_>, order: Order) -> Result<bool> {
    let Some(offset) = order.u32(window.head(), 4) else { return Ok(false) };
    let offset = u64::from(offset);
    let Some(count) = order.u16(window.at(offset, 2)?, 0) else { return Ok(false) };
    let entries = window.at(offset + 2, usize::from(count.min(MAX_TAGS)) * 12)?.to_vec();
    let (mut make, mut below, mut preview) = (false, false, false);
    for entry in entries.chunks_exact(12) {
        let short = order.u16(entry, 8);
        match order.u16(entry, 0) {
            Some(DNG_VERSION) => return Ok(true),
            Some(NEW_SUBFILE_TYPE) => preview |= order.u32(entry, 8) == Some(1),
            // Old-style JPEG, and the raw compressions of Sony and Nikon.
            Some(COMPRESSION) => preview |= matches!(short, Some(6 | 32767 | 34713)),
            Some(SUB_IFDS) => below = true,
            Some(MAKE) => {
                let place = order.u32(entry, 8).unwrap_or(0);
                let name = window.at(place.into(), 16)?;
                make = RAW_MAKES.iter().any(|make| name.starts_with(make));
            }
            _ => {}
        }
    }
    Ok(make && below && preview)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn format(entries: &[[u32; 2]]) -> Format {
        let mut bytes = b"II*\0\x1a\0\0\0NIKON CORPORATION\0".to_vec();
        bytes.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
        for [tag, value] in entries {
            bytes.extend_from_slice(&tag.to_le_bytes()[..2]);
            bytes.extend_from_slice(&[4, 0, 1, 0, 0, 0]);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().unwrap().format
    }

    #[test]
    fn raw_is_a_dng_or_a_preview_before_the_picture() {
        assert_eq!(format(&[[0x0100, 10], [50706, 0x0401]]), Format::RawPhoto);
        assert_eq!(format(&[[0x00fe, 1], [0x010f, 8], [0x014a, 100]]), Format::RawPhoto);
        assert_eq!(format(&[[0x00fe, 0], [0x010f, 8], [0x014a, 100]]), Format::Tiff);
        assert_eq!(format(&[[0x0100, 10]]), Format::Tiff);
    }
}
