//! Photoshop documents: the file header (Adobe Photoshop File Formats Specification, "File Header Section").

use super::Inspected;
use crate::bytes::{be16, be32};
use crate::error::Result;
use crate::facts::ColorModel;
use crate::source::Source;

/// What a PSD's header tells.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let head = source.bytes_at(0, 26)?;
    let mut found = Inspected::blank();
    if header(&head, &mut found).is_none() {
        found.truncated("the file ends within its header");
    } else if !head.starts_with(b"8BPS") {
        found.malformed("no 8BPS signature");
    }
    found.check_size();
    Ok(found)
}

fn header(head: &[u8], found: &mut Inspected) -> Option<()> {
    let channels = be16(head, 12)?;
    let image = &mut found.image;
    (image.height, image.width) = (be32(head, 14)?, be32(head, 18)?);
    image.bit_depth = u8::try_from(be16(head, 22)?).unwrap_or(u8::MAX);
    image.lossless = true;
    (image.color, image.alpha) = match be16(head, 24)? {
        0 | 1 | 8 => (ColorModel::Gray, channels > 1),
        2 => (ColorModel::Palette, false),
        3 => (ColorModel::Rgb, channels > 3),
        4 => (ColorModel::Cmyk, channels > 4),
        _ => (ColorModel::Other, false),
    };
    Some(())
}
