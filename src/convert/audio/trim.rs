//! What of the decoded samples is played: priming off the front, padding off the end, and never more than there should be.

use std::collections::VecDeque;

/// What to leave out, in samples of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Trim {
    /// Left out at the start.
    pub skip: u64,
    /// Left out at the end.
    pub tail: u64,
    /// The most that is played, after `skip`.
    pub total: Option<u64>,
    /// Further pieces behind the first: how much is left out before each, and how much is played of it.
    pub further: VecDeque<(u64, u64)>,
}

/// Carries a [`Trim`] out on blocks of samples.
#[derive(Debug)]
pub(super) struct Trimmer {
    channels: usize,
    skip: u64,
    tail: usize,
    left: u64,
    further: VecDeque<(u64, u64)>,
    /// The last samples, until it is known whether the stream ends with them.
    held: Vec<f32>,
}

/// The most that is held back: a longer padding than two seconds at 192 kHz is no padding.
const MAX_TAIL: u64 = 384_000;

impl Trimmer {
    pub(super) fn new(trim: Trim, channels: u16) -> Self {
        let channels = usize::from(channels.max(1));
        let tail = usize::try_from(trim.tail.min(MAX_TAIL)).unwrap_or(0) * channels;
        Self {
            channels,
            skip: trim.skip,
            tail,
            left: trim.total.unwrap_or(u64::MAX),
            further: trim.further,
            held: Vec::new(),
        }
    }

    /// Moves what is surely played of `samples` to `into`; false once nothing more will be.
    pub(super) fn pass(&mut self, samples: &mut Vec<f32>, into: &mut Vec<f32>) -> bool {
        if self.tail == 0 {
            self.play(samples, into);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(samples);
            let sure = held.len().saturating_sub(self.tail);
            self.play(held.get(..sure).unwrap_or_default(), into);
            held.drain(..sure);
            self.held = held;
        }
        samples.clear();
        self.left > 0 || !self.further.is_empty()
    }

    fn play(&mut self, mut samples: &[f32], into: &mut Vec<f32>) {
        while samples.len() >= self.channels {
            let is_played = self.skip == 0;
            let wanted = if is_played { &mut self.left } else { &mut self.skip };
            let frames = (*wanted).min((samples.len() / self.channels) as u64);
            if frames == 0 {
                let Some(next) = self.further.pop_front() else { return };
                (self.skip, self.left) = next;
                continue;
            }
            *wanted -= frames;
            let count = usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(self.channels);
            let (now, rest) = samples.split_at(count.min(samples.len()));
            if is_played {
                into.extend_from_slice(now);
            }
            samples = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(trim: Trim, blocks: &[usize]) -> Vec<f32> {
        let mut trimmer = Trimmer::new(trim, 1);
        let (mut out, mut next) = (Vec::new(), 0.0);
        for &length in blocks {
            let mut block: Vec<f32> = (0..length).map(|index| next + index as f32).collect();
            next += length as f32;
            trimmer.pass(&mut block, &mut out);
        }
        out
    }

    #[test]
    fn front_and_end_are_left_out_across_blocks() {
        assert_eq!(played(Trim { skip: 5, tail: 4, ..Trim::default() }, &[3, 3, 3, 3]), [5.0, 6.0, 7.0]);
        assert_eq!(played(Trim { skip: 1, total: Some(3), ..Trim::default() }, &[2, 2, 2]), [1.0, 2.0, 3.0]);
        assert_eq!(played(Trim { skip: 20, ..Trim::default() }, &[4, 4]), [0.0; 0]);
        assert_eq!(played(Trim { tail: 9, ..Trim::default() }, &[4, 4]), [0.0; 0]);
        let pieces = Trim { skip: 1, total: Some(2), further: [(1, 1), (0, 0), (3, 9)].into(), ..Trim::default() };
        assert_eq!(played(pieces, &[2, 2, 4, 2]), [1.0, 2.0, 4.0, 8.0, 9.0]);
    }
}
