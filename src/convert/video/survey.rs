//! What the container's table says of a track before anything is decoded: how many pictures, where decoding can start, how
//! times are counted, and which parts of the clip its own encoder found hard.

use super::rate::USUAL_SLOPE;
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

/// Seconds over which the sizes of a source's pictures are evened out: its key pictures and B-frames are not ours.
const EVENED_SECONDS: f64 = 1.0;

/// How far a picture may be from the average: what its source spent says less and less about what it costs here.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.25..=8.0;

/// Bytes go with the weight to this power: at 1 all parts have the same quantiser, at 0 the same bytes (as libx264's
/// `qcomp`; measured: from 0.65 to 0.9 hardly different, 1 is worse where pictures stand still).
const EVENNESS: f64 = 0.75;

/// A place where decoding can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// The packet, in the order of decoding.
    pub packet: u64,
    /// When its picture is shown, in the track's ticks.
    pub pts: i64,
}

/// A track's table.
#[derive(Debug)]
pub(super) struct Survey {
    pub clock: Clock,
    /// Presentation times, in order, of the pictures that are shown.
    pub times: Vec<i64>,
    /// What each of these costs, as a multiple of the average, by the bytes that its source took around it.
    pub weights: Vec<f32>,
    /// What each is to take, likewise: hard parts are given less than they ask for, and easy ones, which keep what they
    /// are given, more.
    pub shares: Vec<f32>,
    /// Where decoding can start, in the order of decoding.
    pub starts: Vec<Start>,
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
        let described = demuxer.tracks().get(track).ok_or_else(none)?;
        let (clock, stated) = (Clock::of(described), described.duration);
        let (times, starts, weights) = (Vec::new(), Vec::new(), Vec::new());
        let shares = Vec::new();
        let mut survey = Self { clock, times, weights, shares, starts, packets: 0, bytes: 0, last: 0 };
        let mut pictures: Vec<(i64, u32)> = Vec::new();
        let mut keys: Vec<usize> = Vec::new();
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
            if pictures.len() >= MAX_PICTURES {
                return Err(Error::limit(format!("has more than {MAX_PICTURES} pictures; cut it first")));
            }
            if packet.sync {
                survey.starts.push(Start { packet: survey.packets, pts: packet.pts });
                keys.push(pictures.len());
            }
            survey.packets += 1;
            survey.bytes += u64::from(packet.size);
            pictures.push((packet.pts, packet.size));
            if packet.pts >= latest {
                latest = packet.pts;
                survey.last = i64::try_from(packet.duration).unwrap_or(0);
            }
        }
        smoothed(&mut pictures, &keys);
        survey.finish(pictures, stated, none)
    }

    fn finish(mut self, mut pictures: Vec<(i64, u32)>, stated: Option<u64>, none: impl Fn() -> Error) -> Result<Self> {
        pictures.sort_unstable_by_key(|&(time, _)| time);
        let Clock { start, end, .. } = self.clock;
        // The one that is on the screen when the edit starts is shown too.
        let before = pictures.partition_point(|&(time, _)| time <= start).saturating_sub(1);
        let after = pictures.partition_point(|&(time, _)| time < end);
        let shown = pictures.get(before..after).unwrap_or_default();
        self.times = shown.iter().map(|&(time, _)| time).collect();
        if self.times.is_empty() {
            return Err(none());
        }
        let (first, last) = (self.times.first().copied().unwrap_or(0), self.times.last().copied().unwrap_or(0));
        if self.last <= 0 {
            self.last = match stated.and_then(|stated| i64::try_from(stated).ok()) {
                // A picture alone has no distance to another, so it lasts as long as the container says.
                Some(stated) if first == last => stated.saturating_sub(last),
                _ => (last - first) / i64::try_from(self.times.len()).unwrap_or(1).max(1),
            };
        }
        self.last = self.last.min(end.saturating_sub(last)).max(1);
        if self.starts.is_empty() {
            self.starts.push(Start { packet: 0, pts: i64::MIN });
        }
        let sizes: Vec<u32> = shown.iter().map(|&(_, size)| size).collect();
        self.weights = evened(&sizes, (self.rate() * EVENED_SECONDS) as usize);
        self.shares = normal(self.weights.iter().map(|&weight| f64::from(weight).powf(EVENNESS)).collect());
        Ok(self)
    }

    /// What the picture that is shown at `pts` costs at the same quantiser, as a multiple of the average.
    pub(super) fn weight(&self, pts: i64) -> f64 {
        at(&self.weights, self.index(pts))
    }

    /// How far its quantiser is off the average, so that it takes its share.
    pub(super) fn bias(&self, pts: i64) -> f64 {
        let index = self.index(pts);
        (at(&self.shares, index) / at(&self.weights, index)).ln() / USUAL_SLOPE
    }

    fn index(&self, pts: i64) -> usize {
        self.times.partition_point(|&time| time < pts)
    }

    /// What all pictures from `from` to before `until` are to take together.
    pub(super) fn share_between(&self, from: i64, until: i64) -> f64 {
        let first = self.times.partition_point(|&time| time < from);
        let last = self.times.partition_point(|&time| time < until);
        self.shares.get(first..last).unwrap_or_default().iter().copied().map(f64::from).sum()
    }

    /// How many pictures there are from `from` to before `until`.
    pub(super) fn count_between(&self, from: i64, until: i64) -> usize {
        self.index(until).saturating_sub(self.index(from))
    }

    /// How long the pictures from `from` to before `until` are shown, in seconds.
    pub(super) fn seconds_between(&self, from: i64, until: i64) -> f64 {
        let first = self.times.first().copied().unwrap_or(0).max(self.clock.start).max(from);
        let last = self.times.last().copied().unwrap_or(0).saturating_add(self.last).min(until);
        self.clock.seconds(last.saturating_sub(first)).max(1e-3)
    }

    /// How many pictures are shown.
    pub(super) fn count(&self) -> usize {
        self.times.len()
    }

    /// How often the time between pictures changes, in ticks of the result.
    pub(super) fn changes(&self) -> usize {
        let times = self.times.iter().map(|&pts| self.clock.shown(pts));
        let steps = times.clone().zip(times.skip(1)).map(|(one, next)| next - one);
        steps.clone().zip(steps.skip(1)).filter(|(one, next)| one != next).count()
    }

    /// How long they are shown, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds_between(i64::MIN, i64::MAX)
    }

    /// Pictures a second.
    pub(super) fn rate(&self) -> f64 {
        self.count() as f64 / self.seconds()
    }
}

/// Gives key pictures the size of the one that follows, since theirs says nothing of the motion around them. Where all are
/// key pictures, as in animations, that goes for the first alone.
fn smoothed(pictures: &mut [(i64, u32)], keys: &[usize]) {
    let keys = if keys.len() < pictures.len() { keys } else { &[0] };
    for &key in keys.iter().rev() {
        let next = pictures.get(key + 1).map(|&(_, size)| size);
        if let (Some(next), Some((_, own))) = (next, pictures.get_mut(key)) {
            *own = next;
        }
    }
}

/// Sizes as multiples of their mean, evened out over `window` neighbours.
fn evened(sizes: &[u32], window: usize) -> Vec<f32> {
    let mut sums: Vec<u64> = vec![0];
    let mut sum = 0_u64;
    sums.extend(sizes.iter().map(|&size| {
        sum += u64::from(size);
        sum
    }));
    let mean = (sum as f64 / sizes.len().max(1) as f64).max(1.0);
    let half = window.max(2) / 2;
    let around = |index: usize| {
        let (from, to) = (index.saturating_sub(half), (index + half + 1).min(sizes.len()));
        let between = sums.get(to).zip(sums.get(from)).map_or(0, |(to, from)| to - from);
        (between as f64 / (to - from).max(1) as f64 / mean).clamp(*WEIGHTS.start(), *WEIGHTS.end())
    };
    normal((0..sizes.len()).map(around).collect())
}

/// Of a mean of 1.
fn normal(values: Vec<f64>) -> Vec<f32> {
    let factor = values.len() as f64 / values.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    values.into_iter().map(|value| (value * factor) as f32).collect()
}

fn at(values: &[f32], index: usize) -> f64 {
    values.get(index).copied().map_or(1.0, f64::from)
}

#[cfg(test)]
impl Survey {
    /// A survey of pictures of equal size, in ticks of `timescale`.
    pub(super) fn of_times(times: Vec<i64>, timescale: u32) -> Self {
        let clock = Clock { from: timescale, to: timescale, start: i64::MIN, end: i64::MAX, shift: 0 };
        let packets = times.len() as u64;
        let weights = vec![1.0; times.len()];
        Self {
            clock,
            times,
            shares: weights.clone(),
            weights,
            starts: Vec::new(),
            packets,
            bytes: packets * 1000,
            last: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_source_and_are_one_on_average() {
        // A still title, then motion; every twelfth picture is a key picture.
        let size = |index: u32| if index < 50 { 100 } else { 2000 } * if index.is_multiple_of(12) { 5 } else { 1 };
        let sizes: Vec<u32> = (0..200).map(size).collect();
        let weights = evened(&sizes, 24);
        let mean = weights.iter().sum::<f32>() / 200.0;
        assert!((mean - 1.0).abs() < 1e-3, "{mean}");
        assert!(weights[10] < 0.3 && (1.1..1.6).contains(&weights[120]), "{} {}", weights[10], weights[120]);
    }
}
