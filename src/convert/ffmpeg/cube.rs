//! Our own mapping of wide gamut and high dynamic range as the table that ffmpeg's `lut3d` reads: pictures look alike, whoever
//! makes them.

use crate::error::{Error, Result};
use crate::facts::ColorTags;
use std::path::Path;

/// Points along each side.
#[cfg(feature = "video")]
const POINTS: u32 = 33;

/// Writes the table for pictures of these tags to `path`; false where they need none.
#[cfg(feature = "video")]
pub(super) fn written(color: ColorTags, path: &Path) -> Result<bool> {
    use std::fmt::Write as _;
    let Some(mapping) = crate::convert::video::mapping(color) else { return Ok(false) };
    let mut text = format!("LUT_3D_SIZE {POINTS}\n");
    let value = |point: u32| f64::from(point) / f64::from(POINTS - 1);
    for blue in 0..POINTS {
        for green in 0..POINTS {
            for red in 0..POINTS {
                let [r, g, b] = mapping([red, green, blue].map(value));
                // A string takes whatever is written.
                let _ = writeln!(text, "{r:.6} {g:.6} {b:.6}");
            }
        }
    }
    std::fs::write(path, text).map_err(|error| Error::io("a temporary file cannot be written", error))?;
    Ok(true)
}

/// As above: the mapping belongs to what was left out.
#[cfg(not(feature = "video"))]
pub(super) fn written(color: ColorTags, _: &Path) -> Result<bool> {
    if color.primaries != 9 && ![16, 18].contains(&color.transfer) {
        return Ok(false);
    }
    Err(Error::unsupported(
        "pictures of high dynamic range or wide gamut are not mapped by this build; use one with the feature `video`",
    ))
}
