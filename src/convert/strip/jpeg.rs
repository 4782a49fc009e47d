//! JPEG segments: what stays is what the picture needs to look right.

use super::minimal_exif;
use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::limits::capped_vec;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const COM: u8 = 0xFE;
const APP0: u8 = 0xE0;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
/// TEM, RSTn and SOI have no length (T.81 table B.1).
const STANDS_ALONE: [u8; 10] = [0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, SOI];

/// The file without EXIF, XMP, IPTC, comments, thumbnails and makers' segments. JFIF (pixel density), the ICC profile and
/// Adobe's colour transform stay, and so does the orientation.
pub(super) fn stripped(bytes: &[u8], orientation: Orientation) -> Result<Vec<u8>> {
    let malformed = || Error::malformed("a JPEG segment has a length beyond the file");
    let mut out: Vec<u8> = capped_vec(bytes.len());
    out.extend([0xFF, SOI]);
    let mut exif_due = orientation != Orientation::Normal;
    let (mut at, mut in_scans) = (2, false);
    loop {
        // What stands before a marker is coded data, or fill bytes (ITU-T T.81 §B.1.1.2) and strays, which decoders pass over.
        let Some(coded) = before_marker(bytes.get(at..).unwrap_or_default(), in_scans) else {
            out.extend(bytes.get(at..).filter(|_| in_scans).ok_or_else(malformed)?);
            return Ok(out);
        };
        if in_scans {
            out.extend(bytes.get(at..at + coded).unwrap_or_default());
        }
        at += coded;
        let marker = bytes.get(at + 1).copied().unwrap_or(EOI);
        if marker == EOI {
            out.extend(bytes.get(at..).unwrap_or_default());
            return Ok(out);
        }
        if STANDS_ALONE.contains(&marker) {
            at += 2;
            continue;
        }
        let length = bytes.get(at + 2..at + 4).ok_or_else(malformed)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let segment = bytes.get(at..at + 2 + length.max(2)).ok_or_else(malformed)?;
        in_scans |= marker == SOS;
        // JFIF wants to be first (JFIF 1.02), EXIF follows it.
        if exif_due && marker != APP0 {
            out.extend(exif_segment(orientation));
            exif_due = false;
        }
        if is_needed(marker, segment.get(4..).unwrap_or_default()) {
            out.extend(segment);
        }
        at += segment.len();
    }
}

/// How many bytes stand before the next marker; in coded data a stuffed zero and the restart markers belong to it.
fn before_marker(bytes: &[u8], in_scans: bool) -> Option<usize> {
    let starts = |pair: &[u8]| match pair {
        [0xFF, 0x00 | 0xFF] => false,
        [0xFF, marker] => !(in_scans && STANDS_ALONE.contains(marker)),
        _ => false,
    };
    bytes.windows(2).position(starts)
}

fn is_needed(marker: u8, payload: &[u8]) -> bool {
    match marker {
        // JFXX holds a thumbnail.
        APP0 => payload.starts_with(b"JFIF\0"),
        APP2 => payload.starts_with(b"ICC_PROFILE\0"),
        APP14 => payload.starts_with(b"Adobe"),
        APP0..=APP15 | COM => false,
        _ => true,
    }
}

fn exif_segment(orientation: Orientation) -> Vec<u8> {
    let tiff = minimal_exif(orientation);
    let length = (2 + 6 + tiff.len()) as u16;
    let mut segment = vec![0xFF, 0xE1];
    segment.extend(length.to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    segment
}
