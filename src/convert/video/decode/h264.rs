//! H.264 by `rust_h264`: exact for B-frames, interlaced pictures, High 10 and 4:2:2; 4:4:4 is refused by name.

use super::{Decoder, Picture, guarded, plane};
use crate::codec::h264::Sps;
use crate::convert::video::nal::{Framing, of_avcc};
use crate::error::{Error, Result};
use crate::facts::Chroma;
use rust_h264::decoder::{Frame, OrderedDecoder};
use rust_h264::error::DecodeError;
use rust_h264::nal::{NalUnit, parse_avcc};
use std::collections::VecDeque;

/// `nal_unit_type` of a sequence parameter set (H.264 table 7-1).
const SPS: u8 = 7;

/// Pictures that are held back for their order: 16 is the most that the standard allows.
const MAX_DEPTH: usize = 16;

pub(in crate::convert::video) struct H264 {
    decoder: OrderedDecoder<i64>,
    framing: Framing,
    /// A unit behind its length, as the parser takes it.
    unit: Vec<u8>,
}

impl H264 {
    /// For an `avcC`, or for units behind start codes where there is none.
    pub(in crate::convert::video) fn new(config: &[u8]) -> Result<Self> {
        let (framing, sets) = of_avcc(config).unwrap_or((Framing::StartCodes, Vec::new()));
        let depth = sets.iter().find_map(|set| Sps::parse(set)).and_then(|sps| sps.reorder);
        let depth = depth.map_or(MAX_DEPTH, |depth| usize::try_from(depth).unwrap_or(MAX_DEPTH).clamp(1, MAX_DEPTH));
        let mut decoder = Self { decoder: OrderedDecoder::with_max_depth(depth), framing, unit: Vec::new() };
        for set in sets {
            decoder.unit(set, 0, &mut VecDeque::new())?;
        }
        Ok(decoder)
    }

    fn unit(&mut self, nal: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        if nal.first().is_some_and(|first| first & 0x1F == SPS) {
            let sps = Sps::parse(nal).ok_or_else(|| Error::malformed("its H.264 parameters do not read"))?;
            guarded(sps.width, sps.height)?;
            if matches!(sps.chroma, Chroma::Full) {
                return Err(Error::unsupported(
                    "H.264 of 4:4:4 is not decoded here; use ffmpeg, or convert the file first",
                ));
            }
        }
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
}

impl Decoder for H264 {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let mut failure = None;
        for nal in self.framing.units(packet) {
            if let Err(error) = self.unit(nal, pts, out) {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn flush(&mut self, out: &mut VecDeque<Picture>) {
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
