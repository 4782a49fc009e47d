//! Where decoded samples are by the times of their packets: holes between these, and clocks that run apart.

use crate::demux::HOLE_MS;

/// A distance that is made up for at once, in milliseconds: what is shorter may be a rounding of times.
const AT_ONCE_MS: i64 = 60;

/// What of the packets' times is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Times {
    /// Nothing: samples follow one another. Default.
    #[default]
    Ignored,
    /// Holes, as long as they are; a clock that drifts is not followed, as nothing has to stay beside the sound.
    Holes,
    /// All, as beside pictures.
    Followed,
}

/// What may stay between samples and times, in milliseconds: a fifth of what is seen beside pictures.
const DRIFT_MS: i64 = 5;

/// Packets over which a drift has to last: recorders note times that jitter.
const LASTING: u32 = 48;

/// What is to be done before a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    None,
    /// So many samples are missing.
    Fill(u64),
    /// So many samples are too many.
    Drop(u64),
}

/// Counts samples beside times.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timeline {
    /// The time of the first packet that gave samples.
    start: Option<i64>,
    samples: i64,
    /// The least and the most drift over the packets so far, and how many.
    least: i64,
    most: i64,
    packets: u32,
}

impl Timeline {
    /// A packet at `pts` gave so many samples: the first one is where counting starts.
    pub(super) fn start(&mut self, pts: i64, samples: usize) {
        if samples > 0 {
            self.start.get_or_insert(pts);
        }
    }

    /// So many samples came.
    pub(super) fn add(&mut self, samples: u64) {
        if self.start.is_some() {
            self.samples = self.samples.saturating_add_unsigned(samples);
        }
    }

    /// So many samples of the next packet will be left out.
    pub(super) fn take(&mut self, samples: u64) {
        self.samples = self.samples.saturating_sub_unsigned(samples);
    }

    /// The hole before the next packet, in samples, and counting that starts anew there.
    pub(super) fn hole(&mut self, pts: i64, timescale: u64, rate: u32) -> u64 {
        let Some(start) = self.start.replace(pts) else {
            self.start = None;
            return 0;
        };
        let stated = i128::from(pts.saturating_sub(start)) * i128::from(rate) / i128::from(timescale.max(1));
        let missing = stated - i128::from(std::mem::take(&mut self.samples));
        u64::try_from(missing)
            .ok()
            .filter(|&missing| missing * 1000 >= HOLE_MS.unsigned_abs() * u64::from(rate))
            .unwrap_or(0)
    }

    /// What the time of the next packet asks for.
    pub(super) fn step(&mut self, pts: i64, timescale: u64, rate: u32) -> Step {
        let Some(start) = self.start else { return Step::None };
        let per_ms = i128::from(rate) / 1000;
        let stated = i128::from(pts.saturating_sub(start)) * i128::from(rate) / i128::from(timescale.max(1));
        let drift = i64::try_from(stated - i128::from(self.samples)).unwrap_or(0);
        let ms = |count: i64| i64::try_from(per_ms).unwrap_or(1).saturating_mul(count);
        if drift > ms(AT_ONCE_MS) {
            (self.packets, self.least, self.most) = (0, 0, 0);
            return Step::Fill(drift.unsigned_abs());
        }
        if self.packets == 0 {
            (self.least, self.most) = (drift, drift);
        }
        (self.least, self.most) = (self.least.min(drift), self.most.max(drift));
        self.packets += 1;
        if self.packets < LASTING {
            return Step::None;
        }
        let (least, most) = (self.least, self.most);
        self.packets = 0;
        if least > ms(DRIFT_MS) {
            Step::Fill(least.unsigned_abs())
        } else if most < -ms(DRIFT_MS) {
            Step::Drop(most.unsigned_abs())
        } else {
            Step::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms at 48 kHz whose times are `at` of their number, in milliseconds: samples filled and left out.
    fn run(count: i64, at: impl Fn(i64) -> i64) -> (u64, u64) {
        let (mut timeline, mut filled, mut dropped) = (Timeline::default(), 0, 0);
        for packet in 0..count {
            match timeline.step(at(packet), 1000, 48_000) {
                Step::None => {}
                Step::Fill(samples) => {
                    filled += samples;
                    timeline.add(samples);
                }
                Step::Drop(samples) => {
                    dropped += samples;
                    timeline.take(samples);
                }
            }
            timeline.start(at(packet), 960);
            timeline.add(960);
        }
        (filled, dropped)
    }

    #[test]
    fn jitter_stays_and_what_lasts_is_followed() {
        assert_eq!(run(500, |packet| packet * 20 + packet % 3 * 9), (0, 0));
        assert_eq!(run(500, |packet| packet * 20 + if packet > 100 { 500 } else { 0 }), (24_000, 0));
        let (filled, dropped) = run(5000, |packet| packet * 20 + packet / 100);
        assert!((1500..2400).contains(&filled) && dropped == 0, "{filled} {dropped}");
        let (filled, dropped) = run(5000, |packet| packet * 20 - packet / 100);
        assert!((1500..2400).contains(&dropped) && filled == 0, "{filled} {dropped}");
    }
}
