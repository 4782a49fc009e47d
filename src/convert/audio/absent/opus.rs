//! In place of libopus, where it was left out: neither decoder nor encoder can be made.

use super::decoder::{Decoder, Spec, left_out};
use crate::codec::opus::OpusHead;
use crate::demux::Track;
use crate::error::Result;

/// The rate of Opus' clock.
pub(crate) const CLOCK: u32 = 48_000;

/// Cannot be made.
pub(super) enum OpusDecoder {}

impl OpusDecoder {
    pub(super) fn new(_track: &Track) -> Result<Self> {
        Err(left_out("opus"))
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, _packet: &[u8], _into: &mut Vec<f32>) -> Result<Spec> {
        match *self {}
    }
}

/// What an Opus encoder would be asked for.
#[expect(dead_code, reason = "there is no encoder to read it")]
pub(crate) struct OpusCoding {
    pub rate: u32,
    pub channels: u16,
    pub bitrate: u32,
    pub voice: bool,
}

/// Cannot be made.
pub(crate) enum OpusEncoder {}

impl OpusEncoder {
    pub(crate) const RATES: [u32; 0] = [];

    pub(crate) fn new(_coding: OpusCoding) -> Result<Self> {
        Err(left_out("opus"))
    }

    pub(crate) fn ask(&mut self, _bitrate: u32) -> Result<()> {
        match *self {}
    }

    pub(crate) fn seconds(&self) -> f64 {
        match *self {}
    }

    pub(crate) fn head(&self, _input_rate: u32) -> OpusHead {
        match *self {}
    }

    pub(crate) fn encode(&mut self, _samples: &[f32], _each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<()> {
        match *self {}
    }

    pub(crate) fn finish(&mut self, _each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<u64> {
        match *self {}
    }
}
