//! Sample entries of moving pictures (ISO/IEC 14496-12 §12.1.3) and the boxes that change how they are shown.

use super::guard::{child, children};
use crate::bytes::{array, be16, be32, byte};
use crate::demux::Track;
use crate::facts::ColorTags;

/// Length of the fields in front of an entry's boxes.
const FIELDS: usize = 78;

/// Reads the entry's own fields into `track`; gives the bytes of its boxes.
pub(super) fn read<'b>(body: &'b [u8], track: &mut Track) -> &'b [u8] {
    if let (Some(width), Some(height)) = (be16(body, 24), be16(body, 26)) {
        track.size = Some((width.into(), height.into()));
    }
    let boxes = body.get(FIELDS..).unwrap_or_default();
    for found in children(boxes) {
        match &found.kind {
            b"pasp" => {
                track.pixel_aspect = be32(found.body, 0)
                    .zip(be32(found.body, 4))
                    .filter(|&(wide, high)| wide > 0 && high > 0 && wide != high);
            }
            b"colr" => track.color = color(found.body).or(track.color),
            // Dolby Vision Streams Within the ISO Base Media File Format §3.
            b"dvcC" | b"dvvC" | b"dvwC" => track.dolby_vision = true,
            _ => {}
        }
    }
    boxes
}

/// `colr` by numbers (ISO/IEC 14496-12 §12.1.5; QTFF has no range).
fn color(body: &[u8]) -> Option<ColorTags> {
    let full_range = match &array::<4>(body, 0)? {
        b"nclx" => byte(body, 10)? & 0x80 != 0,
        b"nclc" => false,
        _ => return None,
    };
    let number = |at| be16(body, at).map(|number| u8::try_from(number).unwrap_or(2));
    Some(ColorTags { primaries: number(4)?, transfer: number(6)?, matrix: number(8)?, full_range })
}

/// Whether the sample entry says that pictures are stored as two fields (QTFF `fiel`).
pub(super) fn two_fields(entry: &[u8]) -> bool {
    entry.get(8 + FIELDS..).and_then(|boxes| child(boxes, b"fiel")).and_then(|body| byte(body, 0)) == Some(2)
}
