//! In place of AMR's decoder, where it was left out: it cannot be made.

use super::decoder::{Decoder, Spec, left_out};
use crate::error::Result;

/// Cannot be made.
pub(super) enum AmrDecoder {}

impl AmrDecoder {
    pub(super) fn new(_wide: bool) -> Result<Self> {
        Err(left_out("amr"))
    }
}

impl Decoder for AmrDecoder {
    fn decode(&mut self, _packet: &[u8], _into: &mut Vec<f32>) -> Result<Spec> {
        match *self {}
    }
}
