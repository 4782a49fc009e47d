//! Movie fragments (ISO/IEC 14496-12 §8.8): the runs of one `moof`.

use super::guard::{child, children};
use super::header::TrackExtends;
use super::table::Sample;
use crate::boxes::full;
use crate::bytes::{Cursor, be32};

/// The most runs of one fragment that are kept.
const MAX_RUNS: usize = 65_536;

/// The most samples of a run that have no bytes at all, neither here nor in the file.
const MAX_EMPTY: u32 = 65_536;

/// `sample_is_non_sync_sample` (§8.8.3.1).
const NOT_SYNC: u32 = 0x0001_0000;

/// Flags of `trun` for fields that each sample has, in their order: duration, size, flags, composition offset.
const FIELDS: [u32; 4] = [0x100, 0x200, 0x400, 0x800];

/// Samples of one track, one behind the other in the file.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Index of the track.
    pub track: usize,
    /// Where its first sample starts in the file.
    pub offset: u64,
    /// How many samples.
    pub count: u32,
    /// When its first sample is decoded; without, behind the run before.
    pub dts: Option<i64>,
    /// What samples have that do not say otherwise: duration, size, flags.
    defaults: [u32; 3],
    first_flags: Option<u32>,
    flags: u32,
    table: Vec<u8>,
}

/// What a sample of a run says.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunSample {
    pub duration: u32,
    pub size: u32,
    pub offset: i32,
    pub sync: bool,
}

impl Run {
    fn stride(flags: u32) -> usize {
        4 * FIELDS.iter().filter(|&&field| flags & field != 0).count()
    }

    /// Whether all samples are alike.
    pub(super) fn uniform(&self) -> bool {
        Self::stride(self.flags) == 0
    }

    /// The sample `index`.
    pub(super) fn sample(&self, index: u32) -> Option<RunSample> {
        if index >= self.count {
            return None;
        }
        let mut at = Self::stride(self.flags).checked_mul(usize::try_from(index).ok()?)?;
        let [duration, size, flags] = self.defaults;
        let mut values = [duration, size, flags, 0];
        for (value, field) in values.iter_mut().zip(FIELDS) {
            if self.flags & field != 0 {
                *value = be32(&self.table, at)?;
                at += 4;
            }
        }
        let [duration, size, flags, offset] = values;
        let flags = self.first_flags.filter(|_| index == 0).unwrap_or(flags);
        Some(RunSample { duration, size, offset: offset.cast_signed(), sync: flags & NOT_SYNC == 0 })
    }

    /// Bytes of all its samples.
    pub(super) fn bytes(&self) -> u64 {
        if self.flags & 0x200 == 0 {
            let [_, size, _] = self.defaults;
            return u64::from(size).saturating_mul(self.count.into());
        }
        (0..self.count).filter_map(|index| self.sample(index)).map(|sample| u64::from(sample.size)).sum()
    }
}

/// Where a run's reader stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RunAt {
    index: u32,
    bytes: u64,
}

impl RunAt {
    /// The next sample of `run`, when the one before ended at `dts`.
    pub(super) fn next(&mut self, run: &Run, dts: i64) -> Option<Sample> {
        let sample = run.sample(self.index)?;
        let dts = run.dts.filter(|_| self.index == 0).unwrap_or(dts);
        let offset = run.offset.checked_add(self.bytes)?;
        self.index += 1;
        self.bytes = self.bytes.checked_add(sample.size.into())?;
        Some(Sample {
            offset,
            size: sample.size,
            dts,
            pts: dts.saturating_add(sample.offset.into()),
            duration: sample.duration.into(),
            sync: sample.sync,
        })
    }
}

/// The runs of the `moof` whose box starts at `start`. `extends` holds the defaults of each track, at its index.
pub(super) fn read(body: &[u8], start: u64, extends: &[TrackExtends]) -> Vec<Run> {
    let mut runs = Vec::new();
    // Without a base of its own, a track's data follows that of the track before (§8.8.7.1).
    let mut behind = start;
    for traf in children(body).filter(|found| &found.kind == b"traf") {
        if let Some(end) = track_runs(traf.body, start, behind, extends, &mut runs) {
            behind = end;
        }
    }
    runs
}

fn track_runs(traf: &[u8], start: u64, behind: u64, extends: &[TrackExtends], runs: &mut Vec<Run>) -> Option<u64> {
    let (_, flags, mut rest) = full(child(traf, b"tfhd")?)?;
    let id = rest.u32()?;
    let track = extends.iter().position(|known| known.id == id)?;
    let known = extends.get(track)?;
    let base = if flags & 0x01 != 0 {
        rest.number(8)?
    } else if flags & 0x02_0000 != 0 {
        start
    } else {
        behind
    };
    if flags & 0x02 != 0 {
        rest.u32()?;
    }
    let mut field = |flag, default| if flags & flag != 0 { rest.u32() } else { Some(default) };
    let defaults = [field(0x08, known.duration)?, field(0x10, known.size)?, field(0x20, known.flags)?];
    let mut dts = child(traf, b"tfdt").and_then(decode_time);
    let mut end = base;
    for trun in children(traf).filter(|found| &found.kind == b"trun") {
        if runs.len() >= MAX_RUNS {
            break;
        }
        let Some(mut run) = run(trun.body, base, end, defaults) else { continue };
        run.track = track;
        run.dts = dts.take();
        end = run.offset.saturating_add(run.bytes());
        runs.push(run);
    }
    Some(end)
}

fn decode_time(body: &[u8]) -> Option<i64> {
    let (version, _, mut rest) = full(body)?;
    i64::try_from(rest.number(if version == 1 { 8 } else { 4 })?).ok()
}

fn run(trun: &[u8], base: u64, end: u64, defaults: [u32; 3]) -> Option<Run> {
    let (_, flags, mut rest): (u8, u32, Cursor<'_>) = full(trun)?;
    let count = rest.u32()?;
    let offset = match flags & 0x01 {
        0 => end,
        _ => base.checked_add_signed(i64::from(rest.u32()?.cast_signed()))?,
    };
    let first_flags = if flags & 0x04 != 0 { Some(rest.u32()?) } else { None };
    let [_, size, _] = defaults;
    let most = match Run::stride(flags) {
        0 if size == 0 => MAX_EMPTY,
        0 => u32::MAX,
        stride => u32::try_from(rest.0.len() / stride).unwrap_or(u32::MAX),
    };
    Some(Run {
        track: 0,
        offset,
        count: count.min(most),
        dts: None,
        defaults,
        first_flags,
        flags,
        table: rest.0.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let mut bytes = u32::try_from(words.len() * 4 + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
        bytes
    }

    #[test]
    fn runs_are_read_with_their_defaults_and_never_longer_than_their_box() {
        let tfhd = boxed(b"tfhd", &[0x02_0008, 7, 512]);
        let tfdt = boxed(b"tfdt", &[0, 5120]);
        let trun = boxed(b"trun", &[0x0201, 0xffff_ffff, 100, 10, 20, 30]);
        let content = [tfhd, tfdt, trun].concat();
        let mut traf = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        traf.extend_from_slice(b"traf");
        traf.extend_from_slice(&content);
        let extends = [TrackExtends { id: 7, duration: 1, size: 2, flags: 0 }];
        let runs = read(&traf, 1000, &extends);
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!((run.offset, run.count, run.bytes(), run.dts), (1100, 3, 60, Some(5120)));
        let mut at = RunAt::default();
        at.next(run, 0).unwrap();
        let second = at.next(run, 5632).unwrap();
        assert_eq!((second.offset, second.size, second.dts, second.duration), (1110, 20, 5632, 512));
        assert!(read(&traf, 0, &[]).is_empty());

        // A fragment that starts later leaves a hole, which counts as its length does in a table.
        let mut timing = super::super::Timing::default();
        timing.fragment(run);
        let mut later = run.clone();
        later.dts = Some(5120 + 3 * 512 + 1000);
        timing.fragment(&later);
        assert_eq!((timing.samples, timing.ticks), (6, 6 * 512 + 1000));
    }
}
