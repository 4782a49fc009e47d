//! H.264 of 8 bits, 4:2:0 and whole frames by `rusty_h264`: exact, B-frames included, in half the time of the thorough one.

use super::super::{Picture, plane};
use super::{IDR, kind};
use crate::error::{Error, Result};
use rusty_h264_decoder::{DecodeError, Decoder};
use std::collections::{BTreeMap, VecDeque};

pub(super) struct Quick {
    decoder: Decoder,
    /// Pictures come in the order of decoding, and wait here for those that are shown before them.
    waiting: BTreeMap<(i64, u64), Picture>,
    depth: usize,
    count: u64,
    /// The access unit, behind start codes as the decoder takes it.
    unit: Vec<u8>,
    /// How many parameter sets it knows.
    known: usize,
}

impl Quick {
    pub(super) fn new(depth: usize) -> Self {
        Self { decoder: Decoder::new(), waiting: BTreeMap::new(), depth, count: 0, unit: Vec::new(), known: 0 }
    }

    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    /// Decodes an access unit; `sets` are the parameters so far.
    pub(super) fn decode(
        &mut self,
        sets: &[Vec<u8>],
        units: &[&[u8]],
        pts: i64,
        out: &mut VecDeque<Picture>,
    ) -> Result<()> {
        self.unit.clear();
        let known = std::mem::replace(&mut self.known, sets.len());
        let new = if known == 0 { sets } else { &[] };
        for unit in new.iter().map(Vec::as_slice).chain(units.iter().copied()) {
            self.unit.extend([0, 0, 1]);
            self.unit.extend_from_slice(unit);
        }
        // All that stands before such a picture is shown before it.
        if units.iter().any(|unit| kind(unit) == IDR) {
            self.flush(out);
        }
        if let Some(frame) = self.decoder.decode(&self.unit).map_err(failed)? {
            let (width, height) = (frame.width, frame.height);
            let (across, down) = (width.div_ceil(2), height.div_ceil(2));
            let planes =
                [plane(frame.y, width, height, 8), plane(frame.u, across, down, 8), plane(frame.v, across, down, 8)];
            self.waiting.insert((pts, self.count), Picture { pts, depth: 8, planes });
            self.count += 1;
        }
        while self.waiting.len() > self.depth {
            out.extend(self.waiting.pop_first().map(|(_, picture)| picture));
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, out: &mut VecDeque<Picture>) {
        out.extend(std::mem::take(&mut self.waiting).into_values());
    }
}

fn failed(error: DecodeError) -> Error {
    match error {
        DecodeError::Unsupported(what) => Error::unsupported(format!("H.264 with {what} is not decoded here")),
        other => Error::malformed(format!("a picture does not decode: {other}")),
    }
}
