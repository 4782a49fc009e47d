//! Metadata dropped and trailing bytes cut without touching the coded picture.

mod jpeg;
mod png;
pub(crate) mod tags;
mod webp;

use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::format::Format;

/// What is left out of a file whose coded picture stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strip {
    /// Metadata that does not change the look.
    pub(crate) metadata: bool,
    /// What makes a still PNG pass for an animated one.
    pub(crate) animation: bool,
    /// A profile that says sRGB, where metadata goes: stickers are shown in it anyway.
    pub(crate) srgb: bool,
    /// Bytes after the picture's end.
    pub(crate) trailing: u64,
    /// Which way up the picture is stored: kept in a minimal EXIF block where it matters.
    pub(crate) orientation: Orientation,
}

/// `bytes` without what `strip` names.
pub(crate) fn stripped(format: Format, bytes: &[u8], strip: Strip) -> Result<Vec<u8>> {
    let kept = usize::try_from((bytes.len() as u64).saturating_sub(strip.trailing)).unwrap_or(bytes.len());
    let bytes = bytes.get(..kept).unwrap_or(bytes);
    if !strip.metadata && !strip.animation && format != Format::Webp {
        return Ok(bytes.to_vec());
    }
    match format {
        Format::Jpeg => jpeg::stripped(bytes, strip.orientation),
        Format::Png | Format::Apng => png::stripped(bytes, strip),
        Format::Webp => webp::stripped(bytes, strip),
        other => Err(Error::unsupported(format!("metadata of {} cannot be stripped without loss", other.label()))),
    }
}

/// A TIFF block that holds the orientation and nothing else (EXIF 2.3 §4.6.4, tag 0x0112).
fn minimal_exif(orientation: Orientation) -> [u8; 26] {
    let mut exif = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    exif[19] = orientation.to_exif();
    exif
}
