//! How loud a recording is along its length: the 64 bars that chat clients draw for a voice note.

/// How many bars.
pub(crate) const BARS: usize = 64;

/// How many sums are kept before pairs are joined.
const CELLS: usize = 4096;

/// Energy over time, gathered without knowing how long it will go on.
#[derive(Debug, Clone)]
pub(crate) struct Waveform {
    /// Samples a cell.
    span: u32,
    cells: Vec<f32>,
    sum: f32,
    counted: u32,
}

impl Default for Waveform {
    fn default() -> Self {
        Self { span: 64, cells: Vec::new(), sum: 0.0, counted: 0 }
    }
}

impl Waveform {
    /// Adds samples (interleaved ones are as good: the whole counts).
    pub(crate) fn add(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let wanted = (self.span - self.counted) as usize;
            let (now, rest) = samples.split_at(wanted.min(samples.len()));
            self.sum += now.iter().map(|sample| sample * sample).sum::<f32>();
            // At most `span`.
            self.counted += now.len() as u32;
            samples = rest;
            if self.counted == self.span {
                self.close();
            }
        }
    }

    /// The bars, 0 to 100; the loudest is 100 unless there is silence alone.
    pub(crate) fn bars(mut self) -> [u8; BARS] {
        if self.counted > 0 {
            self.close();
        }
        let mut bars = [0.0_f32; BARS];
        let cells = self.cells.len();
        for (bar, loudness) in bars.iter_mut().enumerate() {
            let start = bar * cells / BARS;
            let end = ((bar + 1) * cells / BARS).max(start + 1);
            let part = self.cells.get(start..end.min(cells)).unwrap_or_default();
            *loudness = (part.iter().sum::<f32>() / part.len().max(1) as f32).sqrt();
        }
        let loudest = bars.iter().copied().fold(0.0, f32::max);
        // Quieter than one step of 16 bits is silence.
        if loudest < 1.0 / 32_768.0 {
            return [0; BARS];
        }
        bars.map(|loudness| (loudness / loudest * 100.0).round() as u8)
    }

    fn close(&mut self) {
        self.cells.push(self.sum / self.counted as f32);
        (self.sum, self.counted) = (0.0, 0);
        if self.cells.len() >= CELLS && self.span <= u32::MAX / 2 {
            self.cells = self.cells.chunks(2).map(|pair| pair.iter().sum::<f32>() / pair.len() as f32).collect();
            self.span *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_halves_stand_out_at_any_length() {
        for length in [1, 64, 1000, 48_000, 3_000_000] {
            let mut waveform = Waveform::default();
            waveform.add(&vec![0.1; length]);
            waveform.add(&vec![0.5; length]);
            let bars = waveform.bars();
            assert_eq!(bars[BARS - 1], 100, "{length}");
            assert!(length < 64 || (bars[0] == 20 && bars[20] == 20 && bars[40] == 100), "{length}: {bars:?}");
        }
    }

    #[test]
    fn silence_and_nothing_are_flat() {
        assert_eq!(Waveform::default().bars(), [0; BARS]);
        let mut waveform = Waveform::default();
        waveform.add(&[0.0; 5000]);
        assert_eq!(waveform.bars(), [0; BARS]);
    }
}
