//! All other H.264 by `rust_h264`: interlaced pictures, gray, 4:2:2, and 10 bits, exact.

use super::super::{Picture, plane};
use crate::error::{Error, Result};
use rust_h264::decoder::{Frame, OrderedDecoder};
use rust_h264::error::DecodeError;
use rust_h264::nal::{NalUnit, parse_avcc};
use std::collections::VecDeque;

pub(super) struct Thorough {
    decoder: OrderedDecoder<i64>,
    /// A unit behind its length, as the parser takes it.
    unit: Vec<u8>,
}

impl Thorough {
    pub(super) fn new(depth: usize) -> Self {
        Self { decoder: OrderedDecoder::with_max_depth(depth.max(1)), unit: Vec::new() }
    }

    pub(super) fn unit(&mut self, nal: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        self.unit.clear();
        self.unit.extend(u32::try_from(nal.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.unit.extend_from_slice(nal);
        let units: Vec<NalUnit<'_>> = parse_avcc(&self.unit, 4);
        for unit in &units {
            let frames = self.decoder.decode_nal_with_meta(unit, pts).map_err(failed)?;
            out.extend(frames.into_iter().map(picture));
        }
        Ok(())
    }

    /// Decodes an access unit as far as it goes.
    pub(super) fn decode(&mut self, units: &[&[u8]], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let mut failure = None;
        for nal in units {
            if let Err(error) = self.unit(nal, pts, out) {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    pub(super) fn flush(&mut self, out: &mut VecDeque<Picture>) {
        out.extend(self.decoder.flush_with_meta().into_iter().map(picture));
    }
}

fn picture((frame, pts): (Frame, i64)) -> Picture {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let (across, down) = (frame.chroma_width() as usize, frame.chroma_height() as usize);
    let depth = frame.bit_depth;
    let planes = [
        plane(frame.y, width, height, depth),
        plane(frame.u, across, down, depth),
        plane(frame.v, across, down, depth),
    ];
    Picture { pts, depth, planes }
}

fn failed(error: DecodeError) -> Error {
    match error {
        DecodeError::Unsupported(what) => Error::unsupported(format!(
            "H.264 of this kind is not decoded here ({what}); use ffmpeg, or convert the file first"
        )),
        other => Error::malformed(format!("a picture does not decode: {other}")),
    }
}
