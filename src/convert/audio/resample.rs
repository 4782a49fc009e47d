//! Another sample rate, with nothing added at the start and nothing lost at the end.

use crate::error::{Error, Result};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// Frames that are worked on at once; the filter is that long, which leaves 20 kHz of 44,100 Hz whole.
const CHUNK: usize = 1024;

/// Changes the rate of interleaved samples.
pub(crate) struct Resampler {
    fft: Fft<f32>,
    channels: usize,
    from: u64,
    to: u64,
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Frames of the filter's delay that are still to be left out.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Between two rates.
    ///
    /// # Errors
    /// `Engine` when the rates do not go together.
    pub(crate) fn new(from: u32, to: u32, channels: usize) -> Result<Self> {
        let window = rubato::WindowFunction::BlackmanHarris2;
        let fft = Fft::new_custom(from as usize, to as usize, chunk(from, to), 1, channels, window, FixedSync::Both);
        let fft = fft.map_err(failed)?;
        let (delay, output) = (fft.output_delay(), vec![0.0; fft.output_frames_max() * channels]);
        Ok(Self {
            fft,
            channels,
            from: from.into(),
            to: to.into(),
            pending: Vec::new(),
            output,
            delay,
            taken: 0,
            given: 0,
        })
    }

    /// Appends what `samples` have become.
    ///
    /// # Errors
    /// `Engine` when the library fails.
    pub(crate) fn feed(&mut self, samples: &[f32], into: &mut Vec<f32>) -> Result<()> {
        self.taken += (samples.len() / self.channels.max(1)) as u64;
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(samples);
        let mut used = 0;
        loop {
            let wanted = self.fft.input_frames_next() * self.channels;
            let Some(block) = pending.get(used..used + wanted) else { break };
            self.block(block, None, into)?;
            used += wanted;
        }
        pending.drain(..used);
        self.pending = pending;
        Ok(())
    }

    /// Appends the rest.
    ///
    /// # Errors
    /// `Engine` when the library fails.
    pub(crate) fn finish(&mut self, into: &mut Vec<f32>) -> Result<()> {
        let due =
            (u128::from(self.taken) * u128::from(self.to) + u128::from(self.from) / 2) / u128::from(self.from.max(1));
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        let before = into.len();
        let given = self.given;
        let mut last = std::mem::take(&mut self.pending);
        while self.given < due {
            let frames = last.len() / self.channels.max(1);
            last.resize(self.fft.input_frames_next() * self.channels, 0.0);
            self.block(&last, Some(frames), into)?;
            last.clear();
        }
        let wanted = usize::try_from(due - given).unwrap_or(usize::MAX).saturating_mul(self.channels);
        into.truncate(before.saturating_add(wanted));
        Ok(())
    }

    fn block(&mut self, block: &[f32], partial: Option<usize>, into: &mut Vec<f32>) -> Result<()> {
        let frames = block.len() / self.channels.max(1);
        let input = InterleavedSlice::new(block, self.channels, frames).map_err(failed)?;
        let room = self.output.len() / self.channels.max(1);
        let mut output = InterleavedSlice::new_mut(&mut self.output, self.channels, room).map_err(failed)?;
        let indexing = partial.map(|frames| Indexing::new().partial_len(frames));
        let (_, made) = self.fft.process_into_buffer(&input, &mut output, indexing.as_ref()).map_err(failed)?;
        let skipped = self.delay.min(made);
        self.delay -= skipped;
        let fresh = self.output.get(skipped * self.channels..made * self.channels).unwrap_or_default();
        into.extend_from_slice(fresh);
        self.given += (made - skipped) as u64;
        Ok(())
    }
}

/// Frames a block: even on both sides where that is cheap, since the filter's middle lies on a whole sample only then.
fn chunk(from: u32, to: u32) -> usize {
    let (mut divisor, mut rest) = (from, to);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let least = [from, to].map(|rate| (rate / divisor.max(1)) as usize);
    let blocks = CHUNK.div_ceil(least[0].max(1));
    let odd = least.iter().any(|least| least % 2 == 1) && least[0] < CHUNK;
    least[0] * if odd { blocks.next_multiple_of(2) } else { blocks }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::engine(format!("resampling: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone comes out where it went in, as loud and as long.
    #[test]
    fn tones_keep_their_place() {
        for (from, to, channels) in
            [(44_100, 48_000, 2), (48_000, 44_100, 1), (22_050, 48_000, 1), (192_000, 48_000, 2), (11_025, 44_100, 1)]
        {
            let tone =
                |index: usize, rate: u32| (index as f32 / rate as f32 * 997.0 * std::f32::consts::TAU).sin() * 0.5;
            let frames = from as usize + 321;
            let samples: Vec<f32> =
                (0..frames).flat_map(|index| std::iter::repeat_n(tone(index, from), channels)).collect();
            let mut resampler = Resampler::new(from, to, channels).unwrap();
            let mut out = Vec::new();
            for block in samples.chunks(777 * channels) {
                resampler.feed(block, &mut out).unwrap();
            }
            resampler.finish(&mut out).unwrap();
            let due = (frames as f64 * f64::from(to) / f64::from(from)).round() as usize;
            assert_eq!(out.len(), due * channels, "{from} {to}");
            let middle = due / 10..due * 9 / 10;
            let worst = middle.map(|index| (out[index * channels] - tone(index, to)).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{from} {to}: {worst}");
        }
    }

    #[test]
    fn short_and_empty() {
        for frames in [0_usize, 1, 3, 100] {
            let mut resampler = Resampler::new(8_000, 48_000, 1).unwrap();
            let mut out = Vec::new();
            resampler.feed(&vec![0.1; frames], &mut out).unwrap();
            resampler.finish(&mut out).unwrap();
            assert_eq!(out.len(), frames * 6);
        }
    }
}
