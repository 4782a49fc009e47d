//! What the container's table says of a track before anything is decoded: how many pictures, where decoding can start, how
//! times are counted.

use crate::cancel::Cancel;
use crate::demux::{Demuxer, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};

/// The most pictures of one file: ten hours at 60 a second.
const MAX_PICTURES: usize = 2_160_000;

/// Ticks per second beyond which 32-bit durations end within hours, and the clock taken instead.
const FINEST: u32 = 200_000;
const MPEG: u32 = 90_000;

/// Which times of a track are shown, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Ticks per second of the track.
    pub from: u32,
    /// Ticks per second of the result.
    pub to: u32,
    /// The first time that is shown, and the first that is not, in the track's ticks.
    pub start: i64,
    pub end: i64,
    /// What is added to a time, in the track's ticks.
    shift: i64,
}

impl Clock {
    fn of(track: &Track) -> Self {
        let from = track.timescale.max(1);
        let to = if from > FINEST { MPEG } else { from };
        let ticks = |us: u64| i64::try_from(u128::from(us) * u128::from(from) / 1_000_000).unwrap_or(i64::MAX);
        let mut clock = Self { from, to, start: i64::MIN, end: i64::MAX, shift: 0 };
        let list = &track.edits.list;
        let wait: u64 = list.iter().take_while(|entry| entry.media_time < 0).map(|entry| entry.duration_us).sum();
        let mut shown = list.iter().filter(|entry| entry.media_time >= 0);
        if let Some(first) = shown.next() {
            clock.start = first.media_time;
            clock.shift = ticks(wait).saturating_sub(first.media_time);
            // Several pieces are shown as one, from the first on.
            if shown.next().is_none() && first.duration_us > 0 {
                clock.end = first.media_time.saturating_add(ticks(first.duration_us));
            }
        }
        clock
    }

    /// When a picture is shown, in ticks of the result.
    pub(super) fn shown(&self, pts: i64) -> i64 {
        let time = i128::from(pts.max(self.start)) + i128::from(self.shift);
        let (from, to) = (i128::from(self.from), i128::from(self.to));
        i64::try_from((time * to + from / 2).div_euclid(from)).unwrap_or(i64::MAX)
    }

    /// Ticks of the track in seconds.
    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.from)
    }
}

/// A track's table.
#[derive(Debug)]
pub(super) struct Survey {
    pub clock: Clock,
    /// Presentation times, in order, of the pictures that are shown.
    pub times: Vec<i64>,
    /// Indices of packets, in the order of decoding, at which decoding can start.
    pub starts: Vec<u64>,
    /// All packets.
    pub packets: u64,
    /// Bytes of all packets.
    pub bytes: u64,
    /// How long the last picture is shown, in the track's ticks.
    pub last: i64,
}

impl Survey {
    /// Walks the table.
    pub(super) fn read(demuxer: &mut dyn Demuxer, track: usize, salvage: bool, cancel: &Cancel) -> Result<Self> {
        let none = || Error::malformed("holds no moving pictures; send the original again");
        let clock = Clock::of(demuxer.tracks().get(track).ok_or_else(none)?);
        let mut survey = Self { clock, times: Vec::new(), starts: Vec::new(), packets: 0, bytes: 0, last: 0 };
        let mut packet = Packet::default();
        let mut latest = i64::MIN;
        loop {
            cancel.check()?;
            match demuxer.next(&mut packet, Want::Table) {
                Ok(true) => {}
                Err(error) if error.kind() == ErrorKind::Malformed && salvage => break,
                other => {
                    other?;
                    break;
                }
            }
            if packet.track != track {
                continue;
            }
            if survey.times.len() >= MAX_PICTURES {
                return Err(Error::limit(format!("has more than {MAX_PICTURES} pictures; cut it first")));
            }
            if packet.sync {
                survey.starts.push(survey.packets);
            }
            survey.packets += 1;
            survey.bytes += u64::from(packet.size);
            survey.times.push(packet.pts);
            if packet.pts >= latest {
                latest = packet.pts;
                survey.last = i64::try_from(packet.duration).unwrap_or(0);
            }
        }
        survey.finish(none)
    }

    fn finish(mut self, none: impl Fn() -> Error) -> Result<Self> {
        self.times.sort_unstable();
        let Clock { start, end, .. } = self.clock;
        // The one that is on the screen when the edit starts is shown too.
        let before = self.times.partition_point(|&time| time <= start).saturating_sub(1);
        let after = self.times.partition_point(|&time| time < end);
        self.times = self.times.get(before..after).unwrap_or_default().to_vec();
        if self.times.is_empty() {
            return Err(none());
        }
        let (first, last) = (self.times.first().copied().unwrap_or(0), self.times.last().copied().unwrap_or(0));
        if self.last <= 0 {
            self.last = (last - first) / i64::try_from(self.times.len()).unwrap_or(1).max(1);
        }
        self.last = self.last.min(end.saturating_sub(last)).max(1);
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        Ok(self)
    }

    /// How many pictures are shown.
    pub(super) fn count(&self) -> usize {
        self.times.len()
    }

    /// How long they are shown, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        let first = self.times.first().copied().unwrap_or(0).max(self.clock.start);
        let last = self.times.last().copied().unwrap_or(0);
        self.clock.seconds(last.saturating_sub(first).saturating_add(self.last)).max(1e-3)
    }

    /// Pictures a second.
    pub(super) fn rate(&self) -> f64 {
        self.count() as f64 / self.seconds()
    }
}
