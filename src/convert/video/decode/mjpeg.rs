//! Motion JPEG by libjpeg: each packet a picture, or two fields of one (AVI1, QuickTime's format A).

use super::{Decoder, MAX_PIXELS, Picture};
use crate::bytes::find;
use crate::convert::jpeg::{Planes, planes};
use crate::convert::video::picture::{Plane, Samples};
use crate::convert::video::render::progressive;
use crate::demux::Track;
use crate::error::Result;
use std::collections::VecDeque;

/// Start and end of a JPEG.
const START: &[u8] = &[0xFF, 0xD8, 0xFF];
const END: &[u8] = &[0xFF, 0xD9];

/// What AVI1 says of a picture whose lower field comes first (OpenDML 1.02, "Motion JPEG DIB"): even lines first.
const LOWER_FIRST: u8 = 2;

/// How far into a field its AVI1 segment is looked for.
const HEAD: usize = 256;

pub(super) struct Mjpeg {
    /// Lines of a whole picture by the container.
    height: Option<usize>,
}

impl Mjpeg {
    pub(super) fn new(track: &Track) -> Self {
        Self { height: track.size.map(|(_, height)| height as usize) }
    }
}

impl Decoder for Mjpeg {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        // Some cameras put their own words in front.
        let packet = find(packet, START).and_then(|start| packet.get(start..)).unwrap_or(packet);
        let first = planes(packet, MAX_PIXELS)?;
        let lines = first[0].1;
        let half =
            self.height.is_some_and(|height| lines > 1 && lines.abs_diff(height / 2) <= 8 && lines * 3 < height * 2);
        let second = if half { following(packet).and_then(|field| planes(field, MAX_PIXELS).ok()) } else { None };
        let sizes = |field: &Planes| [0, 1, 2].map(|index| field.get(index).map(|plane| (plane.0, plane.1)));
        let picture = match second {
            Some(second) if sizes(&first) == sizes(&second) => {
                let lower_first = find(packet.get(..HEAD.min(packet.len())).unwrap_or_default(), b"AVI1")
                    .and_then(|at| packet.get(at + 4))
                    == Some(&LOWER_FIRST);
                let (upper, lower) = if lower_first { (second, first) } else { (first, second) };
                progressive(picture(woven(&upper, &lower), pts))
            }
            _ => picture(first, pts),
        };
        out.push_back(picture);
        Ok(())
    }

    fn flush(&mut self, _: &mut VecDeque<Picture>) {}
}

/// The field behind the first one: no coded data has an end marker in it.
fn following(packet: &[u8]) -> Option<&[u8]> {
    let rest = packet.get(find(packet, END)? + END.len()..)?;
    rest.get(find(rest, START)?..)
}

/// The lines of two fields in turn.
fn woven(upper: &Planes, lower: &Planes) -> Planes {
    let weave = |(width, height, above): &(usize, usize, Vec<u8>), (.., below): &(usize, usize, Vec<u8>)| {
        let rows = above.chunks(*width.max(&1)).zip(below.chunks(*width.max(&1)));
        (*width, 2 * height, rows.flat_map(|(above, below)| [above, below]).flatten().copied().collect())
    };
    let ([y, u, v], [other_y, other_u, other_v]) = (upper, lower);
    [weave(y, other_y), weave(u, other_u), weave(v, other_v)]
}

fn picture(planes: Planes, pts: i64) -> Picture {
    let planes = planes.map(|(width, height, samples)| Plane { width, height, samples: Samples::Narrow(samples) });
    Picture { pts, depth: 8, planes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_woven() {
        assert_eq!(
            following(&[0xFF, 0xD8, 0xFF, 1, 0xFF, 0xD9, 0, 0xFF, 0xD8, 0xFF, 2]),
            Some(&[0xFF, 0xD8, 0xFF, 2][..])
        );
        assert_eq!(following(&[0xFF, 0xD8, 0xFF, 1, 0xFF, 0xD9]), None);
        let field = |value: u8| [(); 3].map(|()| (2, 1, vec![value; 2]));
        assert_eq!(woven(&field(1), &field(2))[0], (2, 2, vec![1, 1, 2, 2]));
    }
}
