//! H.264 by one of two decoders, as its parameters say: what nearly all cameras and encoders make by the quick one, the rest
//! by the thorough one.

mod quick;
mod thorough;

use super::{Decoder, Picture, guarded};
use crate::codec::h264::Sps;
use crate::convert::video::nal::{Framing, of_avcc};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::Chroma;
use quick::Quick;
use std::collections::VecDeque;
use thorough::Thorough;

/// `nal_unit_type` (H.264 table 7-1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Pictures that are held back for their order: 16 is the most that the standard allows.
const MAX_DEPTH: usize = 16;

pub(in crate::convert::video) struct H264 {
    framing: Framing,
    /// The latest parameter sets, for a change of decoders.
    sets: Vec<Vec<u8>>,
    way: Way,
}

enum Way {
    /// No parameters were seen yet.
    Open,
    Quick(Box<Quick>),
    Thorough(Box<Thorough>),
}

/// The type of a NAL unit.
fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |first| first & 0x1F)
}

impl H264 {
    /// For an `avcC`, or for units behind start codes where there is none.
    pub(in crate::convert::video) fn new(config: &[u8]) -> Result<Self> {
        let (framing, sets) = of_avcc(config).unwrap_or((Framing::StartCodes, Vec::new()));
        let mut decoder = Self { framing, sets: Vec::new(), way: Way::Open };
        decoder.learn(&sets)?;
        Ok(decoder)
    }

    /// Takes parameter sets: checks sizes, and chooses the decoder by the first.
    fn learn(&mut self, sets: &[&[u8]]) -> Result<()> {
        for set in sets {
            if kind(set) == SPS {
                let sps = Sps::parse(set).ok_or_else(|| Error::malformed("its H.264 parameters do not read"))?;
                guarded(sps.width, sps.height)?;
                if matches!(sps.chroma, Chroma::Full) {
                    return Err(Error::unsupported(
                        "H.264 of 4:4:4 is not decoded here; use ffmpeg, or convert the file first",
                    ));
                }
                self.choose(&sps)?;
            }
            if !self.sets.iter().any(|known| known == set) {
                // A stream has a handful; one that has more is not followed into all of them.
                if self.sets.len() >= 64 {
                    self.sets.remove(0);
                }
                self.sets.push(set.to_vec());
            }
            if let Way::Thorough(decoder) = &mut self.way {
                decoder.unit(set, 0, &mut VecDeque::new())?;
            }
        }
        Ok(())
    }

    fn choose(&mut self, sps: &Sps) -> Result<()> {
        let common = sps.frames_only && sps.bit_depth == 8 && matches!(sps.chroma, Chroma::Quarter);
        match (&self.way, common) {
            (Way::Open, true) => self.way = Way::Quick(Box::new(Quick::new(depth(sps)))),
            (Way::Open | Way::Quick(_), false) => self.be_thorough(depth(sps))?,
            (Way::Quick(_), true) | (Way::Thorough(_), _) => {}
        }
        Ok(())
    }

    fn be_thorough(&mut self, depth: usize) -> Result<()> {
        let mut decoder = Thorough::new(depth);
        for set in &self.sets {
            decoder.unit(set, 0, &mut VecDeque::new())?;
        }
        self.way = Way::Thorough(Box::new(decoder));
        Ok(())
    }
}

/// How many pictures may come before one that is shown before them.
fn depth(sps: &Sps) -> usize {
    /// `profile_idc` of Baseline, which has no B-frames.
    const BASELINE: u8 = 66;
    let stated = sps.reorder.and_then(|depth| usize::try_from(depth).ok());
    stated.unwrap_or(if sps.profile_idc == BASELINE { 0 } else { MAX_DEPTH }).min(MAX_DEPTH)
}

impl Decoder for H264 {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let units: Vec<&[u8]> = self.framing.units(packet).collect();
        let sets: Vec<&[u8]> = units.iter().copied().filter(|unit| [SPS, PPS].contains(&kind(unit))).collect();
        self.learn(&sets)?;
        if let Way::Quick(decoder) = &mut self.way {
            match decoder.decode(&self.sets, &units, pts, out) {
                // A tool that it lacks: the stream's parameters promised less than its slices ask for.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    let depth = decoder.depth();
                    decoder.flush(out);
                    self.be_thorough(depth)?;
                }
                other => return other,
            }
        }
        let Way::Thorough(decoder) = &mut self.way else {
            return Err(Error::malformed("has pictures before their H.264 parameters"));
        };
        decoder.decode(&units, pts, out)
    }

    fn flush(&mut self, out: &mut VecDeque<Picture>) {
        match &mut self.way {
            Way::Open => {}
            Way::Quick(decoder) => decoder.flush(out),
            Way::Thorough(decoder) => decoder.flush(out),
        }
    }
}
