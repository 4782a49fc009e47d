//! JPEG 2000: the size and depth, from `ihdr` of a JP2 file or `SIZ` of a bare code stream (ITU-T T.800).

use super::{Inspected, icc};
use crate::boxes;
use crate::boxes::{TopBoxes, child};
use crate::bytes::{Region, be16, be32};
use crate::error::Result;
use crate::facts::ColorModel;
use crate::source::Source;

/// A `jp2h` box is small; more is not read.
const HEADER: usize = 1024 * 1024;

/// What a JPEG 2000 file's header tells.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut found = Inspected::blank();
    let read = if file.array(0)? == Some([0xFF, 0x4F, 0xFF, 0x51]) {
        code_stream(&file.bytes(0, 64)?, &mut found)
    } else {
        let top = TopBoxes::read(file)?;
        if let Some(kind) = top.cut {
            found.truncated(format!("box {} ends beyond the file", kind.escape_ascii()));
        }
        let header = top.first(*b"jp2h").map_or(Ok(Vec::new()), |found| found.body.bytes(0, HEADER))?;
        let profile = boxes::children(&header).filter(|(kind, _)| kind == b"colr").find_map(|(_, body)| {
            // Method 2 is an ICC profile, after method, precedence and approximation (§I.5.3.3).
            body.strip_prefix(&[2])?.get(2..)
        });
        if let Some(profile) = profile {
            found.image.profile = Some(icc::read(Region::whole(&Source::from_bytes(profile, None)))?);
        }
        header_box(&header, &mut found)
    };
    if read.is_none() && found.damage.is_empty() {
        found.malformed("no header");
    }
    found.check_size();
    Ok(found)
}

fn header_box(header: &[u8], found: &mut Inspected) -> Option<()> {
    let body = child(header, b"ihdr")?;
    (found.image.height, found.image.width) = (be32(body, 0)?, be32(body, 4)?);
    set_components(found, be16(body, 8)?, *body.get(10)?);
    if child(header, b"pclr").is_some() {
        found.image.color = ColorModel::Palette;
    }
    Some(())
}

/// `SIZ` (§A.5.1): the size is that of the reference grid less its offset.
fn code_stream(bytes: &[u8], found: &mut Inspected) -> Option<()> {
    let side = |at| Some(be32(bytes, at)?.saturating_sub(be32(bytes, at + 8)?));
    (found.image.width, found.image.height) = (side(8)?, side(12)?);
    set_components(found, be16(bytes, 40)?, *bytes.get(42)?);
    Some(())
}

fn set_components(found: &mut Inspected, components: u16, depth: u8) {
    // 255: the depths differ, and stand in a box of their own.
    found.image.bit_depth = if depth == 255 { 8 } else { (depth & 0x7F) + 1 };
    found.image.color = match components {
        1 => ColorModel::Gray,
        2 => ColorModel::GrayAlpha,
        3 => ColorModel::Rgb,
        4 => ColorModel::Rgba,
        _ => ColorModel::Other,
    };
    found.image.alpha = matches!(components, 2 | 4);
}
