//! What of the decoded samples is played: priming off the front, padding off the end, and never more than there should be.

/// What to leave out, in samples of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Trim {
    /// Left out at the start.
    pub skip: u64,
    /// Left out at the end.
    pub tail: u64,
    /// The most that is played, after `skip`.
    pub total: Option<u64>,
}

/// Carries a [`Trim`] out on blocks of samples.
#[derive(Debug)]
pub(super) struct Trimmer {
    channels: usize,
    skip: u64,
    tail: usize,
    left: u64,
    /// The last samples, until it is known whether the stream ends with them.
    held: Vec<f32>,
}

/// The most that is held back: a longer padding than two seconds at 192 kHz is no padding.
const MAX_TAIL: u64 = 384_000;

impl Trimmer {
    pub(super) fn new(trim: Trim, channels: u16) -> Self {
        let channels = usize::from(channels.max(1));
        let tail = usize::try_from(trim.tail.min(MAX_TAIL)).unwrap_or(0) * channels;
        Self { channels, skip: trim.skip, tail, left: trim.total.unwrap_or(u64::MAX), held: Vec::new() }
    }

    /// Moves what is surely played of `samples` to `into`; false once nothing more will be.
    pub(super) fn pass(&mut self, samples: &mut Vec<f32>, into: &mut Vec<f32>) -> bool {
        let frames = samples.len() / self.channels;
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(frames);
        self.skip -= skipped as u64;
        let fresh = samples.get(skipped * self.channels..).unwrap_or_default();
        if self.tail == 0 {
            self.play(fresh, into);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(fresh);
            let sure = held.len().saturating_sub(self.tail);
            self.play(held.get(..sure).unwrap_or_default(), into);
            held.drain(..sure);
            self.held = held;
        }
        samples.clear();
        self.left > 0
    }

    fn play(&mut self, samples: &[f32], into: &mut Vec<f32>) {
        let frames = (samples.len() / self.channels) as u64;
        let played = frames.min(self.left);
        self.left -= played;
        let played = usize::try_from(played).unwrap_or(0) * self.channels;
        into.extend_from_slice(samples.get(..played).unwrap_or_default());
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
        assert_eq!(played(Trim { skip: 5, tail: 4, total: None }, &[3, 3, 3, 3]), [5.0, 6.0, 7.0]);
        assert_eq!(played(Trim { skip: 1, tail: 0, total: Some(3) }, &[2, 2, 2]), [1.0, 2.0, 3.0]);
        assert_eq!(played(Trim { skip: 20, tail: 0, total: None }, &[4, 4]), [0.0; 0]);
        assert_eq!(played(Trim { skip: 0, tail: 9, total: None }, &[4, 4]), [0.0; 0]);
    }
}
