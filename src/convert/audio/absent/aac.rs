//! In place of AAC's decoder and encoder, where they were left out: neither can be made.

use super::decoder::{Decoder, Spec, left_out};
use crate::error::Result;

/// Cannot be made.
pub(super) enum AacDecoder {}

impl AacDecoder {
    pub(super) fn new(_config: &[u8]) -> Result<Self> {
        Err(left_out("aac"))
    }
}

impl Decoder for AacDecoder {
    fn decode(&mut self, _packet: &[u8], _into: &mut Vec<f32>) -> Result<Spec> {
        match *self {}
    }
}

/// Samples a frame and channel.
pub(crate) const FRAME: u32 = 1024;

/// Cannot be made.
pub(crate) enum AacEncoder {}

impl AacEncoder {
    pub(crate) fn new(_rate: u32, _channels: u16, _bitrate: u32, _lead: u32) -> Result<Self> {
        Err(left_out("aac"))
    }

    pub(crate) const fn rate(&self) -> u32 {
        match *self {}
    }

    pub(crate) const fn channels(&self) -> u16 {
        match *self {}
    }

    pub(crate) fn asc(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) const fn priming(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn encode(&mut self, _samples: &[f32], _each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match *self {}
    }

    pub(crate) fn finish(&mut self, _each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        match *self {}
    }
}
