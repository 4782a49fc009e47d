//! What an edit list does to a track: how long it plays, when it starts, and whether every player honours it.

use crate::demux::isobmff::Timing;
use crate::demux::{EditEntry, Track};
use crate::facts::Edit;

/// Normal speed, 16.16 fixed point.
const NORMAL: i32 = 1 << 16;

/// What may be cut off the end unnoticed: an encoder's last packet is longer than the sound in it.
const TAIL_US: u64 = 100_000;

/// A start that is later by less than this is not noticed: it was rounded, or an encoder's first frame of sound (two of AAC at
/// 48 kHz) was left out.
const DELAY_US: u64 = 45_000;

/// How a track plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Played {
    /// How long, in microseconds.
    pub duration_us: Option<u64>,
    /// How long nothing is shown before, in microseconds.
    pub delay_us: u64,
    /// How much is taken off the start, in ticks.
    pub trim: u64,
    /// Length of what is stored, in microseconds.
    pub stored_us: Option<u64>,
    /// What the list does.
    pub edit: Edit,
}

/// How `track` plays.
pub(super) fn played(track: &Track, timing: &Timing) -> Played {
    let us = |ticks: u64| {
        u64::try_from(u128::from(ticks) * 1_000_000 / u128::from(track.timescale.max(1))).unwrap_or(u64::MAX)
    };
    // Where the last in order of decoding is shown earlier than another, the lengths may add up to less than is shown.
    let shown = timing.last_shown.unwrap_or(0).saturating_sub(timing.first_shown.unwrap_or(0));
    let ticks = timing.ticks.max(u64::try_from(shown).unwrap_or(0));
    let ticks = Some(ticks).filter(|&ticks| ticks > 0).or(track.duration);
    let stored_us = ticks.map(us);
    let whole = Played { duration_us: stored_us, stored_us, ..Played::default() };
    let list = &track.edits.list;
    let empty = list.iter().take_while(|entry| entry.media_time < 0);
    let (count, delay_us) =
        empty.fold((0, 0_u64), |(count, sum), entry| (count + 1, sum.saturating_add(entry.duration_us)));
    match list.get(count..).unwrap_or_default() {
        // What iTunes' tag or the codec's header takes off is played by nobody, as behind an edit list.
        [] => {
            let rate = u128::from(track.sample_rate.unwrap_or(track.timescale).max(1));
            let samples = u128::from(track.priming.unwrap_or(0)) + u128::from(track.padding.unwrap_or(0));
            let unplayed = u64::try_from(samples * 1_000_000 / rate).unwrap_or(u64::MAX);
            Played { duration_us: stored_us.map(|us| us.saturating_sub(unplayed)), ..whole }
        }
        [entry] if entry.rate == NORMAL => {
            let first = timing.first_shown.unwrap_or(0);
            let end = first.saturating_add_unsigned(ticks.unwrap_or(0));
            let there = us(u64::try_from(end.saturating_sub(entry.media_time)).unwrap_or(0));
            // A length of 0 reaches to the end: writers of fragments do not know it yet.
            let length = if entry.duration_us == 0 { there } else { entry.duration_us.min(there) };
            // Media that starts after the edit does: nothing is shown until then.
            let missing = us(u64::try_from(first.saturating_sub(entry.media_time)).unwrap_or(0));
            let edit = if there == 0 || there - length > TAIL_US {
                Edit::Complex
            } else if delay_us >= DELAY_US {
                Edit::Delay
            } else if entry.media_time > 0 {
                Edit::Trim
            } else {
                Edit::None
            };
            let trim = u64::try_from(entry.media_time).unwrap_or(0);
            let shown = length.saturating_sub(missing);
            Played { duration_us: Some(shown), delay_us: delay_us.saturating_add(missing), trim, stored_us, edit }
        }
        pieces => {
            let sum = pieces.iter().map(|entry: &EditEntry| entry.duration_us).fold(0, u64::saturating_add);
            Played { duration_us: Some(sum), delay_us, trim: 0, stored_us, edit: Edit::Complex }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::Kind;

    fn of(list: &[(u64, i64, i32)]) -> (Edit, Option<u64>, u64) {
        let mut track = Track::new(1, Kind::Audio, "aac", 48_000);
        let entry = |&(duration_us, media_time, rate)| EditEntry { duration_us, media_time, rate };
        track.edits.list = list.iter().map(entry).collect();
        let timing = Timing { ticks: 48_000, first_shown: Some(0), ..Timing::default() };
        let played = played(&track, &timing);
        (played.edit, played.duration_us, played.delay_us)
    }

    #[test]
    fn lists_are_told_apart() {
        assert_eq!(of(&[]), (Edit::None, Some(1_000_000), 0));
        assert_eq!(of(&[(1_000_000, 0, NORMAL)]), (Edit::None, Some(1_000_000), 0));
        assert_eq!(of(&[(0, 4800, NORMAL)]), (Edit::Trim, Some(900_000), 0));
        assert_eq!(of(&[(5_000_000, 4800, NORMAL)]), (Edit::Trim, Some(900_000), 0));
        assert_eq!(of(&[(500_000, -1, NORMAL), (1_000_000, 0, NORMAL)]), (Edit::Delay, Some(1_000_000), 500_000));
        assert_eq!(of(&[(500_000, 0, NORMAL)]), (Edit::Complex, Some(500_000), 0));
        assert_eq!(of(&[(500_000, 0, NORMAL), (400_000, 0, NORMAL)]), (Edit::Complex, Some(900_000), 0));
        assert_eq!(of(&[(1_000_000, 0, 2 * NORMAL)]), (Edit::Complex, Some(1_000_000), 0));
        assert_eq!(of(&[(1_000_000, 1 << 40, NORMAL)]).0, Edit::Complex);
        // What a lead of AAC comes to is not noticed.
        assert_eq!(of(&[(21_333, -1, NORMAL), (1_000_000, 0, NORMAL)]), (Edit::None, Some(1_000_000), 21_333));
    }

    #[test]
    fn nothing_is_shown_before_the_media_starts() {
        let mut track = Track::new(1, Kind::Video, "h264", 48_000);
        track.edits.list = vec![EditEntry { duration_us: 1_000_000, media_time: 0, rate: NORMAL }];
        let timing = Timing { ticks: 48_000, first_shown: Some(2400), ..Timing::default() };
        let played = played(&track, &timing);
        assert_eq!((played.duration_us, played.delay_us), (Some(950_000), 50_000));
    }

    #[test]
    fn what_is_shown_late_counts() {
        let track = Track::new(1, Kind::Video, "h264", 1000);
        let timing = Timing { ticks: 1000, first_shown: Some(80), last_shown: Some(1380), ..Timing::default() };
        assert_eq!(played(&track, &timing).duration_us, Some(1_300_000));
    }

    #[test]
    fn without_a_list_priming_and_padding_are_not_played() {
        let mut track = Track::new(1, Kind::Audio, "aac", 48_000);
        (track.sample_rate, track.priming, track.padding) = (Some(48_000), Some(2112), Some(288));
        let timing = Timing { ticks: 48_000, first_shown: Some(0), ..Timing::default() };
        let found = played(&track, &timing);
        assert_eq!((found.duration_us, found.stored_us, found.edit), (Some(950_000), Some(1_000_000), Edit::None));
    }
}
