//! Edit lists: what is shown of each track, and when (ISO/IEC 14496-12 §8.6.6).
//!
//! A track with an edit list keeps it. One without shows each packet at its own time; that takes an edit only where its
//! times do not start at the presentation's zero: a wait before (an empty edit), or a start within the track (priming,
//! pictures that are decoded and not shown).

use super::table::Samples;
use crate::demux::{EditEntry, Kind, Track};

/// A movie's ticks per second at least, so that edits are exact enough.
const MIN_TIMESCALE: u32 = 1000;

/// The most entries that are kept.
const MAX_EDITS: usize = 4096;

/// Normal speed.
const NORMAL: i32 = 0x0001_0000;

/// An entry as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// In the movie's ticks.
    pub duration: u64,
    /// In the track's ticks from its first sample; -1 for an empty edit.
    pub media_time: i64,
    /// Speed, 16.16 fixed point.
    pub rate: i32,
}

/// A track on the movie's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its edit list; empty where it changes nothing.
    pub edits: Vec<Edit>,
    /// How long it is shown, in the movie's ticks.
    pub duration: u64,
    /// What is taken off each composition offset.
    pub offset_base: i64,
}

/// The movie's clock: that of its finest track.
pub(super) fn timescale(tracks: &[Track]) -> u32 {
    tracks.iter().map(|track| track.timescale).max().unwrap_or(0).clamp(MIN_TIMESCALE, 1_000_000)
}

/// Each track on the movie's clock of `timescale`.
pub(super) fn shown(tracks: &[Track], samples: &[Samples], timescale: u32) -> Vec<Shown> {
    let plans: Vec<Plan> = tracks.iter().zip(samples).map(|(track, samples)| Plan::of(track, samples)).collect();
    // The presentation starts with its first track. Times of an ISO base media file count from its zero already, unless
    // a track that started there was left out or they were cut from a live stream.
    let first = plans.iter().filter_map(Plan::start_ns).min().unwrap_or(0);
    let absolute = tracks.iter().any(|track| track.sample_entry.is_some());
    let origin = if absolute && (0..LATE_NS).contains(&first) { 0 } else { first };
    plans.iter().map(|plan| plan.shown(origin, timescale)).collect()
}

/// A presentation that starts later is moved to zero, in nanoseconds.
const LATE_NS: i128 = 1_000_000_000;

/// What is shown of a track, in its own ticks.
struct Plan<'a> {
    track: &'a Track,
    /// The time that media time zero stands for.
    start: i64,
    offset_base: i64,
    how: How,
    /// Where its first packet is shown, and its length, from `start` on.
    lead: i64,
    end: i64,
}

enum How {
    /// One piece: the presentation time of its first tick (in nanoseconds), where it starts in the media, and its length
    /// (in nanoseconds) where it does not go to the end.
    Piece { at_ns: i128, from: i64, length_ns: Option<i128> },
    /// Anything else.
    List,
}

impl<'a> Plan<'a> {
    fn of(track: &'a Track, samples: &Samples) -> Self {
        let (least, most) = if samples.count > 0 { samples.offset } else { (0, 0) };
        // Offsets below zero need version 1 of `ctts`, and equal ones no table at all: both go into the edit list.
        let offset_base = if least < 0 || least == most { least } else { 0 };
        let start = samples.first.saturating_add(offset_base);
        let end = samples.shown.1.saturating_sub(start).max(0);
        let how = Self::how(track, samples, start, end);
        let lead = samples.shown.0.saturating_sub(start);
        Self { track, start, offset_base, how, lead, end }
    }

    fn how(track: &Track, samples: &Samples, start: i64, end: i64) -> How {
        let list = &track.edits.list;
        if let Some((last, waits)) = list.split_last() {
            let simple = last.rate == NORMAL && last.media_time >= 0 && waits.iter().all(|entry| entry.media_time < 0);
            if !simple {
                return How::List;
            }
            let wait: i128 = waits.iter().map(|entry| i128::from(entry.duration_us) * 1000).sum();
            let from = last.media_time.saturating_sub(start);
            let length_ns = (last.duration_us > 0).then_some(i128::from(last.duration_us) * 1000);
            // Media that starts after the edit does: nothing is shown until then.
            let missing = ns(from.min(0).saturating_neg(), track.timescale);
            return How::Piece {
                at_ns: wait + missing,
                from: from.max(0),
                length_ns: length_ns.map(|length| (length - missing).max(0)),
            };
        }
        let at = samples.shown.0;
        let rate = track.sample_rate.unwrap_or(track.timescale).max(1);
        let ticks = |count: Option<u32>| {
            let ticks = u64::from(count.unwrap_or(0)) * u64::from(track.timescale) / u64::from(rate);
            i64::try_from(ticks).unwrap_or(0)
        };
        let sound = track.kind == Kind::Audio;
        let (priming, padding) = if sound { (ticks(track.priming), ticks(track.padding)) } else { (0, 0) };
        let first = at.saturating_add(priming);
        let from = first.saturating_sub(start).max(0);
        let length = end.saturating_sub(from).saturating_sub(padding).max(0);
        How::Piece {
            at_ns: ns(first, track.timescale),
            from,
            length_ns: (padding > 0).then_some(ns(length, track.timescale)),
        }
    }

    /// When it is first seen or heard.
    fn start_ns(&self) -> Option<i128> {
        match self.how {
            How::Piece { at_ns, .. } if self.end > 0 => Some(at_ns),
            _ => None,
        }
    }

    fn shown(&self, origin: i128, timescale: u32) -> Shown {
        let offset_base = self.offset_base;
        if self.end == 0 {
            return Shown { edits: Vec::new(), duration: 0, offset_base };
        }
        let edits = match self.how {
            How::Piece { at_ns, from, length_ns } => self.piece(at_ns - origin, from, length_ns, timescale),
            How::List => self.list(timescale),
        };
        let duration = if edits.is_empty() {
            u64::try_from(movie(ns(self.end, self.track.timescale), timescale)).unwrap_or(0)
        } else {
            edits.iter().map(|edit| edit.duration).fold(0, u64::saturating_add)
        };
        Shown { edits, duration, offset_base }
    }

    /// A wait where there is one, then the piece; nothing where the whole track is shown from the start on.
    fn piece(&self, at_ns: i128, from: i64, length_ns: Option<i128>, timescale: u32) -> Vec<Edit> {
        let own = self.track.timescale;
        let at = at_ns.max(0);
        // Nothing lies before its first packet: a wait as long as that hole needs no edit.
        let (at, from) = if from <= self.lead && at == ns(from, own) { (0, 0) } else { (at, from) };
        let available = ns(self.end.saturating_sub(from).max(0), own);
        let length = length_ns.map_or(available, |length| length.min(available));
        let whole = (available - length).abs() <= ns(1, own).max(ns(1, timescale));
        let wait = u64::try_from(movie(at, timescale)).unwrap_or(0);
        if wait == 0 && from == 0 && whole {
            return Vec::new();
        }
        let duration = u64::try_from(movie(length, timescale)).unwrap_or(0);
        let piece = Edit { duration, media_time: from, rate: NORMAL };
        if wait == 0 {
            return vec![piece];
        }
        vec![Edit { duration: wait, media_time: -1, rate: NORMAL }, piece]
    }

    fn list(&self, timescale: u32) -> Vec<Edit> {
        let entry = |entry: &EditEntry| {
            let empty = entry.media_time < 0;
            let media_time = if empty { -1 } else { entry.media_time.saturating_sub(self.start).max(0) };
            let rest = || ns(self.end.saturating_sub(media_time).max(0), self.track.timescale);
            let length = if entry.duration_us > 0 || empty { i128::from(entry.duration_us) * 1000 } else { rest() };
            let duration = u64::try_from(movie(length, timescale)).unwrap_or(0);
            Edit { duration, media_time, rate: entry.rate }
        };
        self.track.edits.list.iter().take(MAX_EDITS).map(entry).collect()
    }
}

/// Ticks in nanoseconds, rounded to the nearest.
fn ns(ticks: i64, timescale: u32) -> i128 {
    let scale = i128::from(timescale.max(1));
    (i128::from(ticks) * 1_000_000_000 + scale / 2).div_euclid(scale)
}

/// Nanoseconds in ticks of the movie, rounded to the nearest.
fn movie(ns: i128, timescale: u32) -> i128 {
    (ns * i128::from(timescale) + 500_000_000).div_euclid(1_000_000_000)
}
