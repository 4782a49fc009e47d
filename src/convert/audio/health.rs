//! How many packets may fail before a stream is called broken, and what of it is lost.

use super::microseconds;
use crate::error::{Error, Result};
use crate::facts::Lost;

/// How much sound may be lost before a stream counts as broken, in microseconds: one packet of any usual codec, of
/// which FLAC has the longest.
const TOLERATED_US: u64 = 120_000;

/// Of a long one, this part of it, but at most a second in all: an hour with a crackle here and there is what was recorded.
const TOLERATED_PART: u64 = 200;
const TOLERATED_MOST_US: u64 = 1_000_000;

/// Packets that decoded, and that did not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    good: u64,
    bad: u64,
    /// Samples of a channel so far, those of them that were lost, and where the first of these stand.
    samples: u64,
    lost: u64,
    first: Option<u64>,
    /// Whether as much is taken as there is.
    salvage: bool,
}

/// Players go on after a packet that does not decode; a stream that lost more than a moment is not what was recorded, and one
/// of which fewer packets decode than fail is no stream.
impl Health {
    pub(super) fn new(salvage: bool) -> Self {
        Self { salvage, ..Self::default() }
    }

    /// A packet gave so many samples of a channel.
    pub(super) fn success(&mut self, samples: u64) {
        self.good += 1;
        self.samples += samples;
    }

    /// So many packets failed, or are not there, and so many samples of a channel with them.
    pub(super) fn failure(&mut self, packets: u64, samples: u64) {
        self.bad += packets;
        // Before the first that decodes, a decoder may miss what was cut off on purpose.
        if self.good > 0 {
            self.first.get_or_insert(self.samples);
            self.lost += samples;
        }
        self.samples += samples;
    }

    pub(super) const fn failed(&self) -> u64 {
        self.bad
    }

    /// What was lost so far, where `rate` samples are a second.
    pub(super) fn lost(&self, rate: u32) -> Option<Lost> {
        let at_us = microseconds(self.first?, rate);
        Some(Lost { packets: self.bad, of: self.good + self.bad, us: microseconds(self.lost, rate), at_us })
    }

    /// The judgement at the end of the stream.
    pub(super) fn verdict(&self, rate: u32) -> Result<()> {
        if self.bad > self.good {
            return Err(self.verdict_of_none());
        }
        let tolerated = (microseconds(self.samples, rate) / TOLERATED_PART).clamp(TOLERATED_US, TOLERATED_MOST_US);
        match self.lost(rate).filter(|lost| lost.us > tolerated && !self.salvage) {
            Some(lost) => Err(Error::malformed(format!("{lost}; send the original again"))),
            None => Ok(()),
        }
    }

    /// The judgement when too little decoded.
    pub(super) fn verdict_of_none(&self) -> Error {
        let (bad, all) = (self.bad, self.bad + self.good);
        Error::malformed(format!(
            "the sound does not decode; found {bad} of {all} packets damaged; send the original again"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict of a recording at 48 kHz in packets of 20 ms, some of which fail.
    fn passes(packets: u64, bad: u64) -> bool {
        let mut health = Health::new(false);
        for index in 0..packets {
            if index > 0 && index <= bad { health.failure(1, 960) } else { health.success(960) }
        }
        health.verdict(48_000).is_ok()
    }

    #[test]
    fn a_moment_may_be_lost_and_more_of_an_hour() {
        assert!(passes(500, 6) && !passes(500, 7));
        assert!(passes(3000, 15) && !passes(3000, 16));
        assert!(passes(180_000, 50) && !passes(180_000, 51));
    }
}
