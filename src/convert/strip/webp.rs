//! WebP chunks: EXIF and XMP go, the RIFF length is made right.

use super::Strip;
use crate::error::{Error, Result};
use crate::limits::capped_vec;

/// The bits of the VP8X flags byte that say "EXIF" and "XMP", and the one for a profile (RFC 9649 §2.7).
const EXIF_XMP_FLAGS: u8 = 0x08 | 0x04;
const ICC_FLAG: u8 = 0x20;

/// The file with a right RIFF length, and without metadata where that is to go: a profile goes with it if it says sRGB.
pub(super) fn stripped(bytes: &[u8], strip: Strip) -> Result<Vec<u8>> {
    let metadata = strip.metadata;
    let malformed = || Error::malformed("a WebP chunk has a length beyond the file");
    let mut out: Vec<u8> = capped_vec(bytes.len());
    out.extend(bytes.get(..12).ok_or_else(malformed)?);
    let mut at = 12;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        // Chunks are padded to even lengths.
        let end = at.checked_add(8 + length).ok_or_else(malformed)?;
        let chunk = bytes.get(at..end).ok_or_else(malformed)?;
        let start = out.len();
        match header.get(..4) {
            Some(b"EXIF" | b"XMP ") if metadata => {}
            Some(b"ICCP") if metadata && strip.srgb => {}
            _ => out.extend(chunk),
        }
        if out.len() % 2 == 1 {
            out.push(0);
        }
        if metadata
            && header.starts_with(b"VP8X")
            && let Some(flags) = out.get_mut(start + 8)
        {
            *flags &= !EXIF_XMP_FLAGS;
            if strip.srgb {
                *flags &= !ICC_FLAG;
            }
        }
        at = end + (length & 1);
    }
    let riff = u32::try_from(out.len().saturating_sub(8)).map_err(|_| malformed())?;
    if let Some(length) = out.get_mut(4..8) {
        length.copy_from_slice(&riff.to_le_bytes());
    }
    Ok(out)
}
