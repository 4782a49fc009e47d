//! What a track's samples come to: counted by runs, so that a table's claim of four thousand million samples costs nothing.

use super::fragment::Run;
use super::table::{Chunks, SampleTable, Times, chunk_bytes};

/// What a track's samples come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timing {
    /// How many samples there are.
    pub samples: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Length of all of them, in ticks.
    pub ticks: u64,
    /// The earliest time at which one is shown, in ticks.
    pub first_shown: Option<i64>,
    /// The latest time at which one ends, in ticks.
    pub last_shown: Option<i64>,
    /// Whether one is shown before another that was decoded earlier.
    pub reordered: bool,
    /// The shortest and the longest of them, in ticks. The last does not count: its length is whatever was left.
    pub lengths: Option<(u32, u32)>,
    /// Where the furthest ends in the file.
    pub end: u64,
    /// Where the first starts in the file.
    pub start: Option<u64>,
    /// Samples that no chunk holds.
    pub missing: u64,
    /// Where counting stands.
    pub counted: Counted,
}

/// What counting has to remember from one run to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    dts: i64,
    /// The latest time at which one is shown.
    shown: Option<i64>,
    /// The length of the last.
    pending: Option<u32>,
}

impl Timing {
    /// Counts all samples of `table`.
    pub(super) fn of(table: &SampleTable) -> Self {
        let mut timing = Self::default();
        let mut times = Times::default();
        while let Some(run) = times.next(table, u64::MAX) {
            timing.run(run.count, run.delta, run.offset);
        }
        let mut chunks = Chunks::default();
        while let Some(chunk) = chunks.next(table) {
            timing.extent(chunk.offset, chunk_bytes(table, &chunk));
        }
        timing.missing = chunks.missing(table);
        timing
    }

    /// Counts a run of a fragment.
    pub(super) fn fragment(&mut self, run: &Run) {
        if let Some(dts) = run.dts {
            // What lies between belongs to the sample before, as in a table of whole files.
            if self.samples > 0 {
                let gap = dts.saturating_sub(self.counted.dts);
                self.ticks = self.ticks.saturating_add_signed(gap);
            }
            self.counted.dts = dts;
        }
        if run.uniform() {
            if let Some(sample) = run.sample(0) {
                self.run(run.count.into(), sample.duration, sample.offset);
            }
        } else {
            for sample in (0..run.count).map_while(|index| run.sample(index)) {
                self.run(1, sample.duration, sample.offset);
            }
        }
        self.extent(run.offset, run.bytes());
    }

    fn extent(&mut self, offset: u64, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        // Nothing can be missing of a sample without content.
        if bytes > 0 {
            self.end = self.end.max(offset.saturating_add(bytes));
            self.start = self.start.or(Some(offset));
        }
    }

    fn run(&mut self, count: u64, delta: u32, offset: i32) {
        let first = self.counted.dts.saturating_add(offset.into());
        let length = count.saturating_mul(delta.into());
        self.counted.dts = self.counted.dts.saturating_add_unsigned(length);
        let last = self.counted.dts.saturating_sub(delta.into()).saturating_add(offset.into());
        self.first_shown = Some(self.first_shown.map_or(first, |shown| shown.min(first)));
        self.last_shown = self.last_shown.max(Some(last.saturating_add(delta.into())));
        // Within a run times only rise.
        self.reordered |= self.counted.shown.is_some_and(|shown| first < shown);
        self.counted.shown = Some(self.counted.shown.map_or(last, |shown| shown.max(last)));
        self.samples = self.samples.saturating_add(count);
        self.ticks = self.ticks.saturating_add(length);
        let behind = (count > 1).then_some(delta);
        for delta in self.counted.pending.replace(delta).into_iter().chain(behind) {
            let (shortest, longest) = self.lengths.unwrap_or((delta, delta));
            self.lengths = Some((shortest.min(delta), longest.max(delta)));
        }
    }
}
