//! Which speaker each channel is for, and the matrix that mixes them down to two or one.

pub(crate) use crate::limits::MAX_CHANNELS;

/// Where a channel is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCenter,
    FrontRightOfCenter,
    BackCenter,
    SideLeft,
    SideRight,
    /// Nobody says: goes to both sides.
    #[default]
    Unknown,
}

use Speaker::{
    BackCenter, BackLeft, BackRight, FrontCenter, FrontLeft, FrontLeftOfCenter, FrontRight, FrontRightOfCenter,
    LowFrequency, SideLeft, SideRight, Unknown,
};

/// The order of WAVE_FORMAT_EXTENSIBLE's channel mask, bit by bit.
const MASK: [Speaker; 11] = [
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCenter,
    FrontRightOfCenter,
    BackCenter,
    SideLeft,
    SideRight,
];

/// The usual order by count, as WAV and FLAC have it (FLAC format, "Frame header"; Microsoft, KSAUDIO_SPEAKER).
#[rustfmt::skip]
const BY_COUNT: [&[Speaker]; MAX_CHANNELS + 1] = [
    &[],
    &[FrontCenter],
    &[FrontLeft, FrontRight],
    &[FrontLeft, FrontRight, FrontCenter],
    &[FrontLeft, FrontRight, BackLeft, BackRight],
    &[FrontLeft, FrontRight, FrontCenter, BackLeft, BackRight],
    &[FrontLeft, FrontRight, FrontCenter, LowFrequency, BackLeft, BackRight],
    &[FrontLeft, FrontRight, FrontCenter, LowFrequency, BackCenter, SideLeft, SideRight],
    &[FrontLeft, FrontRight, FrontCenter, LowFrequency, BackLeft, BackRight, SideLeft, SideRight],
];

/// Vorbis' order by count, which is that of Opus' mapping family 1 (RFC 7845 §5.1.1.2).
#[rustfmt::skip]
const VORBIS: [&[Speaker]; MAX_CHANNELS + 1] = [
    &[],
    &[FrontCenter],
    &[FrontLeft, FrontRight],
    &[FrontLeft, FrontCenter, FrontRight],
    &[FrontLeft, FrontRight, BackLeft, BackRight],
    &[FrontLeft, FrontCenter, FrontRight, BackLeft, BackRight],
    &[FrontLeft, FrontCenter, FrontRight, BackLeft, BackRight, LowFrequency],
    &[FrontLeft, FrontCenter, FrontRight, SideLeft, SideRight, BackCenter, LowFrequency],
    &[FrontLeft, FrontCenter, FrontRight, SideLeft, SideRight, BackLeft, BackRight, LowFrequency],
];

/// The speakers of a stream's channels, in the order of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    speakers: [Speaker; MAX_CHANNELS],
    count: usize,
}

impl Layout {
    /// These speakers (the first eight).
    pub(crate) fn new(speakers: impl IntoIterator<Item = Speaker>) -> Self {
        let mut layout = Self { speakers: [Unknown; MAX_CHANNELS], count: 0 };
        for (slot, speaker) in layout.speakers.iter_mut().zip(speakers) {
            *slot = speaker;
            layout.count += 1;
        }
        layout
    }

    /// The usual order for this many channels.
    pub(crate) fn of_count(count: u16) -> Self {
        Self::by(&BY_COUNT, count)
    }

    /// Vorbis' order for this many channels.
    pub(crate) fn vorbis(count: u16) -> Self {
        Self::by(&VORBIS, count)
    }

    /// Channels that nobody names.
    pub(crate) fn unnamed(count: u16) -> Self {
        Self::new(std::iter::repeat_n(Unknown, usize::from(count)))
    }

    /// By a channel mask, where it names as many speakers as there are channels.
    pub(crate) fn of_mask(mask: u32, count: u16) -> Self {
        let named = (0..).zip(MASK).filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, speaker)| speaker);
        let layout = Self::new(named);
        if layout.count == usize::from(count) && mask.count_ones() == u32::from(count) {
            layout
        } else {
            Self::of_count(count)
        }
    }

    /// How many channels.
    pub(crate) fn channels(&self) -> u16 {
        // At most MAX_CHANNELS.
        self.count as u16
    }

    /// The speakers in order.
    pub(crate) fn speakers(&self) -> &[Speaker] {
        self.speakers.get(..self.count).unwrap_or_default()
    }

    fn by(table: &[&[Speaker]; MAX_CHANNELS + 1], count: u16) -> Self {
        match table.get(usize::from(count)) {
            Some(speakers) => Self::new(speakers.iter().copied()),
            None => Self::unnamed(count),
        }
    }
}

/// -3 dB.
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// What of a channel goes to the left and to the right (ITU-R BS.775-3 annex 4; the low-frequency effects are left out).
const fn sides(speaker: Speaker) -> (f32, f32) {
    match speaker {
        FrontLeft | FrontLeftOfCenter => (1.0, 0.0),
        FrontRight | FrontRightOfCenter => (0.0, 1.0),
        FrontCenter | Unknown => (HALF_POWER, HALF_POWER),
        BackLeft | SideLeft => (HALF_POWER, 0.0),
        BackRight | SideRight => (0.0, HALF_POWER),
        BackCenter => (0.5, 0.5),
        LowFrequency => (0.0, 0.0),
    }
}

/// Mixes interleaved samples of one layout down to fewer channels.
#[derive(Debug, Clone)]
pub(crate) struct Mixer {
    inputs: usize,
    /// A row an output; none where nothing is to be done.
    rows: Vec<[f32; MAX_CHANNELS]>,
}

impl Mixer {
    /// From `layout` to at most `outputs` channels, of which there are two kinds: two, or one.
    pub(crate) fn new(layout: &Layout, outputs: u16) -> Self {
        let inputs = layout.speakers().len();
        if inputs <= usize::from(outputs.clamp(1, 2)) {
            return Self { inputs, rows: Vec::new() };
        }
        let mut left = [0.0; MAX_CHANNELS];
        let mut right = [0.0; MAX_CHANNELS];
        for (index, speaker) in layout.speakers().iter().enumerate() {
            (left[index], right[index]) = sides(*speaker);
        }
        let mut rows = if outputs >= 2 {
            vec![left, right]
        } else {
            let mut both = left;
            both.iter_mut().zip(right).for_each(|(sum, other)| *sum += other);
            vec![both]
        };
        // So that full scale on all channels stays full scale; no quieter than that.
        let loudest = rows.iter().map(|row| row.iter().sum::<f32>()).fold(0.0, f32::max);
        if loudest > 1.0 {
            rows.iter_mut().flatten().for_each(|coefficient| *coefficient /= loudest);
        }
        Self { inputs, rows }
    }

    /// Takes one channel alone.
    pub(crate) fn only(layout: &Layout, channel: usize) -> Self {
        let mut row = [0.0; MAX_CHANNELS];
        if let Some(coefficient) = row.get_mut(channel) {
            *coefficient = 1.0;
        }
        Self { inputs: layout.speakers().len(), rows: vec![row] }
    }

    /// How many channels come out.
    pub(crate) fn outputs(&self) -> usize {
        if self.rows.is_empty() { self.inputs } else { self.rows.len() }
    }

    /// Appends the mixed `samples`.
    pub(crate) fn mix(&self, samples: &[f32], into: &mut Vec<f32>) {
        match self.rows.as_slice() {
            [] => into.extend_from_slice(samples),
            [row] if self.inputs == 2 => {
                let [left, right, ..] = *row;
                into.extend(samples.as_chunks::<2>().0.iter().map(|[l, r]| l * left + r * right));
            }
            rows => {
                for frame in samples.chunks_exact(self.inputs.max(1)) {
                    let mixed = |row: &[f32; MAX_CHANNELS]| frame.iter().zip(row).map(|(s, c)| s * c).sum::<f32>();
                    into.extend(rows.iter().map(mixed));
                }
            }
        }
    }
}

/// Brings samples whose channels changed in the middle of a stream to the channels that it started with.
pub(super) fn respread(samples: &[f32], from: &Layout, to: &Layout, into: &mut Vec<f32>) {
    let (inputs, outputs) = (usize::from(from.channels().max(1)), usize::from(to.channels()));
    if inputs > outputs && outputs <= 2 {
        return Mixer::new(from, to.channels()).mix(samples, into);
    }
    for frame in samples.chunks_exact(inputs) {
        // One channel goes to all; of others, each to its own place.
        let spread = |index: usize| if inputs == 1 { frame.first() } else { frame.get(index) };
        into.extend((0..outputs).map(|index| spread(index).copied().unwrap_or(0.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(layout: &Layout, outputs: u16, frame: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        Mixer::new(layout, outputs).mix(frame, &mut out);
        out
    }

    #[test]
    fn stereo_to_mono_is_the_mean() {
        assert_eq!(mixed(&Layout::of_count(2), 1, &[0.5, -0.25]), [0.125]);
        assert_eq!(mixed(&Layout::of_count(2), 2, &[0.5, -0.25]), [0.5, -0.25]);
        assert_eq!(mixed(&Layout::of_count(1), 2, &[0.5]), [0.5]);
    }

    #[test]
    fn surround_keeps_sides_and_drops_the_low_effects() {
        let wav = Layout::of_count(6);
        let right_only = mixed(&wav, 2, &[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(right_only[0] == 0.0 && (right_only[1] - 1.0 / 2.414_213_5).abs() < 1e-6, "{right_only:?}");
        let full = mixed(&wav, 2, &[1.0; 6]);
        assert!(full.iter().all(|&sample| (sample - 1.0).abs() < 1e-6), "{full:?}");
        // The same sound in Vorbis' order.
        let vorbis = mixed(&Layout::vorbis(6), 2, &[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(vorbis, right_only);
    }

    #[test]
    fn masks_that_lie_are_not_believed() {
        assert_eq!(Layout::of_mask(0x3f, 6), Layout::of_count(6));
        assert_eq!(Layout::of_mask(0x60f, 6).speakers()[4], Speaker::SideLeft);
        assert_eq!(Layout::of_mask(0xffff_ffff, 2), Layout::of_count(2));
        assert_eq!(Layout::of_mask(0, 8), Layout::of_count(8));
    }
}
