//! ICO and CUR: a directory of pictures, each a PNG or a bitmap without its file header; the largest one counts.

use super::Inspected;
use super::bmp::Header;
use crate::bytes::{Region, be32, le16, le32};
use crate::error::Result;
use crate::facts::ColorModel;
use crate::source::Source;

/// What an icon's largest picture tells.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut found = Inspected::blank();
    found.image.lossless = true;
    let head = file.bytes(0, 6)?;
    let count = match (le16(&head, 0), le16(&head, 2), le16(&head, 4)) {
        (Some(0), Some(1 | 2), Some(count)) if count > 0 => count,
        _ => {
            found.malformed("no icon directory");
            return Ok(found);
        }
    };
    let directory = file.bytes(6, usize::from(count) * 16)?;
    // Sides are one byte each, 0 for 256.
    let side = |entry: &[u8], at: usize| entry.get(at).map_or(0, |&side| if side == 0 { 256 } else { u32::from(side) });
    let area = |entry: &&[u8]| (side(entry, 0) * side(entry, 1), le16(entry, 6));
    let Some(entry) = directory.chunks_exact(16).max_by_key(area) else {
        found.truncated("the file ends within its directory");
        return Ok(found);
    };
    let image = &mut found.image;
    (image.width, image.height) = (side(entry, 0), side(entry, 1));
    // A mask makes pixels transparent whatever the depth.
    (image.color, image.alpha) = (ColorModel::Rgba, true);
    let (Some(len), Some(at)) = (le32(entry, 8), le32(entry, 12)) else { return Ok(found) };
    let data = file.part(u64::from(at), u64::from(len));
    let start = data.bytes(0, 40)?;
    if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        if let (Some(width), Some(height), Some(&depth)) = (be32(&start, 16), be32(&start, 20), start.get(24)) {
            (image.width, image.height, image.bit_depth) = (width, height, depth);
        }
    } else if let Some(header) = Header::read(&start) {
        // The height counts the mask as well.
        (image.width, image.height) = (header.width, header.height / 2);
    } else if data.len() == u64::from(len) {
        found.malformed("a picture that is neither PNG nor bitmap");
    }
    if data.len() < u64::from(len) {
        found.truncated("its largest picture ends beyond the file");
    }
    found.check_size();
    Ok(found)
}
