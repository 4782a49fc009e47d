//! Holds true peaks below a ceiling where a recording is made louder: the gain goes down before a peak comes and back up
//! slowly behind it, so that neither is heard.

use std::collections::VecDeque;

/// How long before a peak the gain begins to go down, in parts of a second.
const AHEAD: u32 = 200;

/// How long it takes to go back up by most of the way, in parts of a second.
const RELEASE: f32 = 7.0;

/// Samples that a value between samples is made of.
const TAPS: usize = 12;

/// By how many samples such a value comes late.
const LATE: usize = TAPS / 2;

/// Values a quarter and less behind a sample; those before it are the same, backwards (ITU-R BS.1770-5 annex 2).
#[rustfmt::skip]
const BETWEEN: [[f32; TAPS]; 2] = [
    [
        0.001_708_984_4, 0.010_986_328, -0.019_653_32, 0.033_203_125, -0.059_448_242, 0.137_329_1,
        0.972_167_97, -0.102_294_92, 0.047_607_422, -0.026_611_328, 0.014_892_578, -0.008_300_781,
    ],
    [
        -0.029_174_805, 0.029_296_875, -0.051_757_812, 0.089_111_33, -0.166_503_9, 0.465_087_9,
        0.779_785_16, -0.200_317_38, 0.101_562_5, -0.058_227_54, 0.033_081_055, -0.018_920_898,
    ],
];

/// Works on interleaved samples.
pub(super) struct Limiter {
    channels: usize,
    ceiling: f32,
    /// Frames that the gain is averaged over.
    ahead: usize,
    /// Of the distance to the ceiling's gain, what is gone back in a frame.
    release: f32,
    /// The last samples of each channel, the newest last.
    recent: Vec<[f32; TAPS]>,
    /// Samples that wait for their gain.
    waiting: VecDeque<f32>,
    /// Gains that hold the ceiling, with the frame they belong to, each smaller than those before it.
    least: VecDeque<(u64, f32)>,
    frames: u64,
    /// The gain that came back so far.
    held: f32,
    /// The last of those, and their sum.
    averaged: VecDeque<f32>,
    sum: f64,
}

impl Limiter {
    /// For a stream whose true peaks are to stay below `ceiling`, of full scale.
    pub(super) fn new(rate: u32, channels: usize, ceiling: f32) -> Self {
        let ahead = (rate / AHEAD).max(1) as usize;
        Self {
            channels,
            ceiling,
            ahead,
            release: 1.0 - (-RELEASE / rate.max(1) as f32).exp(),
            recent: vec![[0.0; TAPS]; channels],
            waiting: VecDeque::new(),
            least: VecDeque::new(),
            frames: 0,
            held: 1.0,
            averaged: std::iter::repeat_n(1.0, ahead).collect(),
            sum: ahead as f64,
        }
    }

    /// Takes `samples` and appends those whose gain is known by now.
    pub(super) fn feed(&mut self, samples: &[f32], into: &mut Vec<f32>) {
        for frame in samples.chunks_exact(self.channels.max(1)) {
            let gain = self.gain(frame);
            self.waiting.extend(frame);
            if self.waiting.len() > (self.ahead + LATE) * self.channels {
                into.extend(self.waiting.drain(..self.channels).map(|sample| sample * gain));
            }
        }
    }

    /// Appends what is left.
    pub(super) fn finish(&mut self, into: &mut Vec<f32>) {
        let silence = vec![0.0; (self.ahead + LATE) * self.channels];
        self.feed(&silence, into);
    }

    /// The gain of the frame that is `ahead + LATE` frames before this one.
    fn gain(&mut self, frame: &[f32]) -> f32 {
        let peak = self.peak(frame);
        let needed = if peak > self.ceiling { self.ceiling / peak } else { 1.0 };
        while self.least.back().is_some_and(|&(_, gain)| gain >= needed) {
            self.least.pop_back();
        }
        self.least.push_back((self.frames, needed));
        // Every gain of the average has seen the frame that it is for.
        while self.least.front().is_some_and(|&(at, _)| at + self.ahead as u64 + 1 < self.frames) {
            self.least.pop_front();
        }
        self.frames += 1;
        let least = self.least.front().map_or(1.0, |&(_, gain)| gain);
        self.held = least.min(self.held + (1.0 - self.held) * self.release);
        self.sum += f64::from(self.held) - f64::from(self.averaged.pop_front().unwrap_or(1.0));
        self.averaged.push_back(self.held);
        (self.sum / self.ahead as f64) as f32
    }

    /// The highest value of the last samples and between them.
    fn peak(&mut self, frame: &[f32]) -> f32 {
        let mut peak = 0.0_f32;
        for (recent, &sample) in self.recent.iter_mut().zip(frame) {
            recent.rotate_left(1);
            recent[TAPS - 1] = sample;
            peak = peak.max(recent[TAPS - LATE].abs()).max(recent[TAPS - LATE - 1].abs());
            for taps in &BETWEEN {
                let forwards: f32 = recent.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
                let backwards: f32 = recent.iter().rev().zip(taps).map(|(sample, tap)| sample * tap).sum();
                peak = peak.max(forwards.abs()).max(backwards.abs());
            }
        }
        peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebur128::{EbuR128, Mode};

    fn limited(samples: &[f32], channels: usize, ceiling: f32) -> Vec<f32> {
        let mut limiter = Limiter::new(48_000, channels, ceiling);
        let mut out = Vec::new();
        for block in samples.chunks(channels * 1000) {
            limiter.feed(block, &mut out);
        }
        limiter.finish(&mut out);
        out
    }

    /// Noise with claps in it, left louder than right.
    fn claps(frames: usize) -> Vec<f32> {
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..frames)
            .flat_map(|index| {
                let clap = 3.0 * (-((index % 12_000) as f32) / 300.0).exp() + 0.1;
                [noise() * clap, noise() * clap / 2.0]
            })
            .collect()
    }

    #[test]
    fn peaks_stay_below_and_the_rest_stays() {
        let samples = claps(96_000);
        let out = limited(&samples, 2, 0.8);
        assert_eq!(out.len(), samples.len());
        let mut meter = EbuR128::new(2, 48_000, Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(&out).unwrap();
        for channel in 0..2 {
            // The meter's filter is another one.
            assert!(meter.true_peak(channel).unwrap() < 0.8 * 1.02, "{}", meter.true_peak(channel).unwrap());
        }
        // Long behind a clap, and where it is in time.
        let quiet = |samples: &[f32]| samples[2 * 11_000..2 * 11_600].to_vec();
        let error = quiet(&samples).iter().zip(quiet(&out)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 0.03, "{error}");
    }

    #[test]
    fn what_is_below_is_left_alone() {
        let samples: Vec<f32> = claps(5000).iter().map(|sample| sample / 5.0).collect();
        let out = limited(&samples, 2, 0.8);
        assert!(samples.iter().zip(&out).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(limited(&[], 1, 0.8), [0.0; 0]);
    }
}
