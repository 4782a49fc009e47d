//! The samples of one track in their order: first those of the table, then those of fragments.

use super::fragment::{Run, RunAt};
use super::table::{Sample, SampleTable, Samples};
use std::collections::VecDeque;

/// How many bytes of uncompressed sound make a packet.
const PCM_BYTES: u32 = 32 * 1024;

/// The samples of one track.
#[derive(Debug)]
pub(super) struct Lane {
    table: SampleTable,
    samples: Samples,
    /// Whether samples are put together, as sound is that is stored sample by sample.
    together: bool,
    runs: VecDeque<Run>,
    at: RunAt,
    dts: Option<i64>,
    pending: Option<Sample>,
}

impl Lane {
    pub(super) fn new(table: SampleTable, frame_bytes: Option<u32>) -> Self {
        Self {
            table,
            samples: Samples::default(),
            together: frame_bytes.is_some(),
            runs: VecDeque::new(),
            at: RunAt::default(),
            dts: None,
            pending: None,
        }
    }

    /// Adds a run of a fragment.
    pub(super) fn add(&mut self, run: Run) {
        self.runs.push_back(run);
    }

    /// Has the next sample ready, when there is one.
    pub(super) fn fill(&mut self) {
        if self.pending.is_some() {
            return;
        }
        self.pending = self.samples.next(&self.table, self.together.then_some(PCM_BYTES));
        while self.pending.is_none()
            && let Some(run) = self.runs.front()
        {
            let dts = self.dts.unwrap_or(self.samples.dts());
            self.pending = self.at.next(run, dts);
            match self.pending {
                Some(sample) => self.dts = Some(sample.dts.saturating_add_unsigned(sample.duration)),
                None => {
                    self.runs.pop_front();
                    self.at = RunAt::default();
                }
            }
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.pending.is_some()
    }

    pub(super) const fn peek(&self) -> Option<&Sample> {
        self.pending.as_ref()
    }

    pub(super) const fn take(&mut self) -> Option<Sample> {
        self.pending.take()
    }
}
