//! HEVC by `rusty_h265`: Main and Main 10, exact; fed by access unit, so that it holds its references and no more.

use super::{Decoder, Picture, guarded};
use crate::codec::hevc::Sps;
use crate::convert::video::nal::{Framing, of_hvcc};
use crate::convert::video::picture::{Plane, Samples};
use crate::error::{Error, Result};
use rusty_h265::{Decoder as Hevc265, Error as HevcError, Frame};
use std::collections::VecDeque;

/// `nal_unit_type` of a sequence parameter set (H.265 table 7-1).
const SPS: u8 = 33;

pub(super) struct Hevc {
    decoder: Hevc265,
    framing: Framing,
}

impl Hevc {
    /// For an `hvcC`, or for units behind start codes where there is none.
    pub(super) fn new(config: &[u8]) -> Result<Self> {
        let (framing, sets) = of_hvcc(config).unwrap_or((Framing::StartCodes, Vec::new()));
        let mut decoder = Self { decoder: Hevc265::new(), framing };
        for set in sets {
            decoder.unit(set, None)?;
        }
        Ok(decoder)
    }

    fn unit(&mut self, nal: &[u8], pts: Option<i64>) -> Result<()> {
        if nal.first().is_some_and(|first| first >> 1 & 0x3F == SPS)
            && let Some(sps) = Sps::parse(nal)
        {
            guarded(sps.width, sps.height)?;
        }
        // Two bytes of header stand before every payload.
        if nal.len() < 3 {
            return Ok(());
        }
        self.decoder.push_nal(nal, pts).map_err(failed)
    }

    fn take(&mut self, out: &mut VecDeque<Picture>) {
        while let Ok(frame) = self.decoder.next_frame() {
            out.extend(picture(&frame));
        }
    }
}

impl Decoder for Hevc {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let mut failure = None;
        for nal in self.framing.units(packet) {
            if let Err(error) = self.unit(nal, Some(pts)) {
                failure.get_or_insert(error);
            }
        }
        self.take(out);
        failure.map_or(Ok(()), Err)
    }

    fn flush(&mut self, out: &mut VecDeque<Picture>) {
        self.decoder.flush();
        self.take(out);
    }
}

fn picture(frame: &Frame) -> Option<Picture> {
    let picture = &frame.picture;
    let depth = picture.bit_depth_luma.max(picture.bit_depth_chroma);
    let (left, top, width, height) = picture.crop;
    let (across, down) = match picture.chroma_format_idc {
        1 => (2, 2),
        2 => (2, 1),
        3 => (1, 1),
        _ => return None,
    };
    let cut = |index: usize, step: (usize, usize), own: u8| {
        let plane = picture.planes.get(index)?;
        let (wide, high) = (width.div_ceil(step.0), height.div_ceil(step.1));
        let (x, y) = (left / step.0, top / step.1);
        let rows = (y..y + high).map(|row| {
            let start = row * plane.stride + x;
            plane.data.get(start..start + wide).unwrap_or_default()
        });
        let samples = if depth > 8 {
            let more = u32::from(depth - own);
            Samples::Wide(rows.flat_map(|row| row.iter().map(move |&sample| sample << more)).collect())
        } else {
            let mut narrow = Vec::new();
            rows.for_each(|row| narrow.extend(row.iter().map(|&sample| sample.to_le_bytes()[0])));
            Samples::Narrow(narrow)
        };
        Some(Plane { width: wide, height: high, samples })
    };
    let colour = (across, down);
    let planes = [
        cut(0, (1, 1), picture.bit_depth_luma)?,
        cut(1, colour, picture.bit_depth_chroma)?,
        cut(2, colour, picture.bit_depth_chroma)?,
    ];
    Some(Picture { pts: frame.pts.unwrap_or(i64::MIN), depth, planes })
}

fn failed(error: HevcError) -> Error {
    match error {
        HevcError::Unsupported(what) => Error::unsupported(format!(
            "HEVC of this kind is not decoded here ({what}); use ffmpeg, or convert the file first"
        )),
        other => Error::malformed(format!("a picture does not decode: {other:?}")),
    }
}
