//! How many packets may fail before a stream is called broken.

use crate::error::{Error, Result};

/// Packets that decoded, and that did not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    good: u64,
    bad: u64,
}

/// Players go on after a packet that does not decode; a stream of which fewer packets decode than fail is no stream.
impl Health {
    pub(super) fn success(&mut self) {
        self.good += 1;
    }

    pub(super) fn failure(&mut self) {
        self.bad += 1;
    }

    pub(super) const fn failed(&self) -> u64 {
        self.bad
    }

    /// The judgement at the end of the stream.
    pub(super) fn verdict(&self) -> Result<()> {
        if self.bad > self.good { Err(self.verdict_of_none()) } else { Ok(()) }
    }

    /// The judgement when too little decoded.
    pub(super) fn verdict_of_none(&self) -> Error {
        let (bad, all) = (self.bad, self.bad + self.good);
        Error::malformed(format!(
            "the sound does not decode; found {bad} of {all} packets damaged; send the original again"
        ))
    }
}
