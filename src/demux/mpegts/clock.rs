//! Times of a program on one line, across the wraps of their 33 bits (§2.4.3.7) and across new starts of its clock: recordings
//! that were put behind one another, encoders that were started again.

use crate::demux::framing::Mark;

const WRAP: i64 = 1 << 33;

/// A step back by more than this is a new start, in ticks: decoding times never go back, writers round.
const BACK: i64 = 18_000;

/// So is a step ahead by more than this.
const AHEAD: i64 = 900_000;

/// A usual length of a frame, where none is known.
const USUAL: i64 = 3600;

/// What the streams of a program share.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// The first time of any stream: others lie near it.
    reference: Option<i64>,
    /// What is added to times since the last new start.
    offset: i64,
    /// Where the latest frame of any stream ends.
    latest: i64,
}

/// Where one stream is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    last: Option<i64>,
    offset: i64,
    placed: i64,
}

impl Line {
    /// The times of a frame, as they stand in the stream, on the program's line.
    pub(super) fn place(&mut self, clock: &mut Clock, pts: i64, dts: i64) -> Mark {
        let near = |time: i64, to: i64| to + (time - to + WRAP / 2).rem_euclid(WRAP) - WRAP / 2;
        let raw = near(dts, self.last.or(clock.reference).unwrap_or(dts));
        let later = near(pts, raw) - raw;
        clock.reference.get_or_insert(raw);
        let mut length = USUAL;
        match self.last.map(|last| raw - last) {
            None => self.offset = clock.offset,
            Some(step) if (-BACK..=AHEAD).contains(&step) => length = if step > 0 { step } else { USUAL },
            Some(_) => {
                // Another stream may have met the new start already; one offset for all keeps them together.
                let there = raw.saturating_add(clock.offset);
                if clock.offset == self.offset || (there - self.placed).abs() > AHEAD {
                    clock.offset = clock.latest.saturating_sub(raw);
                }
                self.offset = clock.offset;
            }
        }
        let restarted = self.last.is_some_and(|last| !(-BACK..=AHEAD).contains(&(raw - last)));
        let mut dts = raw.saturating_add(self.offset);
        if restarted {
            dts = dts.max(self.placed + 1);
        }
        (self.last, self.placed) = (Some(raw), dts);
        clock.latest = clock.latest.max(dts.saturating_add(length.min(AHEAD)));
        Mark { pts: dts.saturating_add(later), dts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_starts_again_goes_on_for_all_streams_alike() {
        let (mut clock, mut pictures, mut sound) = (Clock::default(), Line::default(), Line::default());
        let mut placed = Vec::new();
        for start in [126_000, 126_000, WRAP - 5000] {
            for frame in 0..100 {
                let dts = (start + frame * 3600) % WRAP;
                let mark = pictures.place(&mut clock, (dts + 7200) % WRAP, dts);
                let heard = sound.place(&mut clock, (dts + 1000) % WRAP, (dts + 1000) % WRAP);
                assert_eq!((mark.pts - mark.dts, heard.dts - mark.dts), (7200, 1000), "{start} {frame}");
                placed.push(mark.dts);
            }
        }
        assert!(placed.windows(2).all(|pair| (3600..6000).contains(&(pair[1] - pair[0]))), "{placed:?}");
    }
}
