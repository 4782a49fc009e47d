//! JPEG to its planes as they are stored, for pictures that stay brightness and colours: frames of Motion JPEG.

use super::decode::{MAX_SCANS, admit};
use super::ffi::{Reader, Space};
use super::layout::{Color, Layout};
use crate::error::Error;

/// Brightness, blue and red difference, of full range: width, height and samples of each.
pub(crate) type Planes = [(usize, usize, Vec<u8>); 3];

/// The planes of a JPEG of at most `max_pixels`; gray has colours too, which are none. Frames without Huffman tables have
/// those of the standard, as libjpeg does it (ITU-T T.81 annex K.3).
pub(crate) fn planes(bytes: &[u8], max_pixels: u64) -> Result<Planes, Error> {
    let header = admit(bytes, max_pixels)?;
    let mut reader = Reader::open(bytes, MAX_SCANS)?;
    let layout = reader.layout()?;
    if (layout.width, layout.height) != (header.width, header.height) {
        return Err(Error::malformed("JPEG header reads two ways"));
    }
    let space = match layout.color {
        Color::Gray => Space::Gray,
        Color::Ycc => Space::Ycc,
        Color::Rgb | Color::Cmyk | Color::Ycck => {
            return Err(Error::unsupported(
                "Motion JPEG of red, green and blue or of inks is not decoded here; use ffmpeg, or convert the file first",
            ));
        }
    };
    let (width, height, pixels, damage) = reader.pixels(1, space)?;
    if damage.truncated {
        return Err(Error::malformed("a picture is cut off"));
    }
    let (width, height) = (width as usize, height as usize);
    if space == Space::Gray {
        let (across, down) = (width.div_ceil(2), height.div_ceil(2));
        let none = vec![128; across * down];
        return Ok([(width, height, pixels), (across, down, none.clone()), (across, down, none)]);
    }
    let (step_x, step_y) = steps(&layout);
    let rows = || pixels.as_chunks::<3>().0.chunks(width.max(1));
    let colour = |part: fn(&[u8; 3]) -> u8| {
        let samples = rows().step_by(step_y).flat_map(|row| row.iter().step_by(step_x).map(part)).collect();
        (width.div_ceil(step_x), height.div_ceil(step_y), samples)
    };
    let luma = pixels.as_chunks::<3>().0.iter().map(|pixel| pixel[0]).collect();
    Ok([(width, height, luma), colour(|pixel| pixel[1]), colour(|pixel| pixel[2])])
}

/// Columns and rows that share a colour; one where that is not a whole number.
fn steps(layout: &Layout) -> (usize, usize) {
    let (most_x, most_y) = layout.max_factors();
    let colours = layout.planes.get(1..).unwrap_or_default();
    let step = |most: u32, factors: &mut dyn Iterator<Item = u32>| {
        let most_of_colours = factors.max().unwrap_or(1).max(1);
        if most.is_multiple_of(most_of_colours) { (most / most_of_colours) as usize } else { 1 }
    };
    (step(most_x, &mut colours.iter().map(|plane| plane.h)), step(most_y, &mut colours.iter().map(|plane| plane.v)))
}
