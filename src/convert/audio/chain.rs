//! From a source's samples to an encoder's: mixed, resampled, brought to a loudness, and within full scale.

use super::PcmSource;
use super::layout::{MAX_CHANNELS, Mixer};
use super::limiter::Limiter;
use super::resample::Resampler;
use super::waveform::Waveform;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use ebur128::{EbuR128, Mode};

/// How loud the loudest true peak may become by normalisation, in dBTP, before it is coded: one below what may be heard (EBU
/// R128 §2 has -1), since coding at low rates makes peaks of its own (EBU Tech 3344 §7: -2 to -3).
const TRUE_PEAK_LIMIT: f64 = -2.0;

/// By how much single peaks may be held down for it, in dB: speech at -16 LUFS takes 3 to 8, more is heard.
const MAX_LIMITING: f64 = 12.0;

/// A loudness that is missed by less is not missed: EBU R128 allows half a unit where it cannot be better.
const MISSED_LU: f64 = 0.5;

/// What is tried to be met, where peaks that are held down take loudness away, and how often.
const CLOSE_LU: f64 = 0.1;
const MAX_MEASURES: u32 = 3;

/// The quietest recording that is brought up: below, there is noise alone (the gate of BS.1770 is -70).
const SILENCE: f64 = -69.0;

/// The most a recording is brought up, in dB.
const MAX_GAIN: f64 = 30.0;

/// What is left of the loudest channel, as energy, in a mix that lost it: channels that are each other's opposite.
const LOST: f64 = 0.05;

/// The energy of channels that hold nothing, as a part of the loudest one's.
const SILENT_BESIDE: f64 = 1e-4;

/// What an encoder wants, and how loud.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub rate: u32,
    pub channels: u16,
    /// The one channel that is heard, where a mix of all would not do.
    pub only: Option<usize>,
    pub level: Level,
}

/// What was found on the way.
pub(super) struct Found {
    /// Samples of a channel, at the wanted rate.
    pub frames: u64,
    pub waveform: Waveform,
    /// The channel that should have been taken alone, as the mix is much less loud than it.
    pub only: Option<usize>,
}

/// Sends all of `input` to `each`, in blocks, as `wanted`.
pub(super) fn run(
    input: &mut dyn PcmSource,
    wanted: Wanted,
    cancel: &Cancel,
    each: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<Found> {
    let mixer = mixer(input, wanted.channels, wanted.only);
    let channels = mixer.outputs().max(1);
    let same = input.rate() == wanted.rate;
    let mut resampler = if same { None } else { Some(Resampler::new(input.rate(), wanted.rate, channels)?) };
    let Level { factor, ceiling } = wanted.level;
    let mut limiter = ceiling.map(|ceiling| Limiter::new(wanted.rate, channels, ceiling));
    let mut energies = Energies::new(input.channels(), channels, wanted.only);
    let mut found = Found { frames: 0, waveform: Waveform::default(), only: None };
    let (mut raw, mut mixed, mut out, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    loop {
        cancel.check()?;
        let more = input.read(&mut raw)?;
        mixed.clear();
        mixer.mix(&raw, &mut mixed);
        if let Some(energies) = &mut energies {
            energies.add(&raw, &mixed);
        }
        raw.clear();
        let mut block = match &mut resampler {
            None => &mut mixed,
            Some(resampler) => {
                out.clear();
                resampler.feed(&mixed, &mut out)?;
                if !more {
                    resampler.finish(&mut out)?;
                }
                &mut out
            }
        };
        if factor != 1.0 {
            block.iter_mut().for_each(|sample| *sample *= factor);
        }
        if let Some(limiter) = &mut limiter {
            held.clear();
            limiter.feed(block, &mut held);
            if !more {
                limiter.finish(&mut held);
            }
            block = &mut held;
        }
        // Filters and lossy codecs overshoot: what is beyond full scale has nowhere to go.
        block.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
        found.frames += (block.len() / channels) as u64;
        found.waveform.add(block);
        each(block)?;
        if !more {
            found.only = energies.and_then(|energies| energies.only());
            return Ok(found);
        }
    }
}

fn mixer(input: &dyn PcmSource, channels: u16, only: Option<usize>) -> Mixer {
    match only {
        Some(channel) => Mixer::only(&input.layout(), channel),
        None => Mixer::new(&input.layout(), channels),
    }
}

/// What the channels of a recording hold, and what is left of it where they become one.
struct Energies {
    channels: usize,
    each: [f64; MAX_CHANNELS],
    mix: f64,
}

impl Energies {
    /// None where there is nothing to choose.
    fn new(inputs: u16, outputs: usize, only: Option<usize>) -> Option<Self> {
        let inputs = usize::from(inputs);
        let chooses = only.is_none() && outputs == 1 && inputs > 1 && inputs <= MAX_CHANNELS;
        chooses.then_some(Self { channels: inputs, each: [0.0; MAX_CHANNELS], mix: 0.0 })
    }

    fn add(&mut self, samples: &[f32], mixed: &[f32]) {
        let mut sums = [0.0_f32; MAX_CHANNELS];
        for frame in samples.chunks_exact(self.channels) {
            frame.iter().zip(&mut sums).for_each(|(sample, sum)| *sum += sample * sample);
        }
        self.each.iter_mut().zip(sums).for_each(|(energy, sum)| *energy += f64::from(sum));
        self.mix += f64::from(mixed.iter().map(|sample| sample * sample).sum::<f32>());
    }

    /// The loudest channel, where the mix lost it, or where all others are silent, so that a mix is but less loud.
    fn only(&self) -> Option<usize> {
        let loudest = (0..self.channels).max_by(|&a, &b| self.each[a].total_cmp(&self.each[b]))?;
        let most = self.each[loudest];
        let others: f64 = (0..self.channels).filter(|&index| index != loudest).map(|index| self.each[index]).sum();
        (most > 0.0 && (self.mix < most * LOST || others < most * SILENT_BESIDE)).then_some(loudest)
    }
}

/// How much louder a recording becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    /// What it is multiplied with.
    pub factor: f32,
    /// What its peaks are held below, of full scale, where they would get above.
    pub ceiling: Option<f32>,
}

impl Level {
    /// As it is.
    pub(super) const ONE: Self = Self { factor: 1.0, ceiling: None };

    /// Louder by `gain` dB, with peaks that are at `peak` dBTP now.
    fn by(gain: f64, peak: f64) -> Self {
        let ceiling = (gain + peak > TRUE_PEAK_LIMIT).then(|| amplitude(TRUE_PEAK_LIMIT));
        Self { factor: amplitude(gain), ceiling }
    }
}

fn amplitude(decibels: f64) -> f32 {
    10.0_f64.powf(decibels / 20.0) as f32
}

/// A recording's level, and the loudness it comes to, in hundredths of LUFS, where that is not what was wanted.
pub(super) struct Levelled {
    pub level: Level,
    pub missed_at: Option<i32>,
}

/// The level that brings a recording to this loudness, in hundredths of LUFS, with its true peaks below the limit.
///
/// `open` gives it from its start.
pub(super) fn level_for<'a>(
    open: &mut dyn FnMut() -> Result<Box<dyn PcmSource + 'a>>,
    wanted: Wanted,
    centi_lufs: i32,
    cancel: &Cancel,
) -> Result<Levelled> {
    let (loudness, peak) = loudness_and_peak(&mut *open()?, wanted, cancel)?;
    if !loudness.is_finite() || loudness < SILENCE {
        return Ok(Levelled { level: Level::ONE, missed_at: None });
    }
    let target = f64::from(centi_lufs) / 100.0;
    let most = (TRUE_PEAK_LIMIT + MAX_LIMITING - peak).min(MAX_GAIN);
    let mut gain = (target - loudness).min(most);
    let mut reached = loudness + gain;
    let mut measures = 0;
    while Level::by(gain, peak).ceiling.is_some() && measures < MAX_MEASURES {
        reached = loudness_of(&mut *open()?, Wanted { level: Level::by(gain, peak), ..wanted }, cancel)?;
        let lacks = target - reached;
        if lacks.abs() < CLOSE_LU || gain + lacks > most {
            break;
        }
        measures += 1;
        if measures < MAX_MEASURES {
            gain += lacks;
        }
    }
    let missed_at = ((target - reached).abs() > MISSED_LU).then(|| (reached * 100.0).round() as i32);
    Ok(Levelled { level: Level::by(gain, peak), missed_at })
}

/// The loudness of a recording as it is, in LUFS, and its loudest true peak, in dBTP.
fn loudness_and_peak(input: &mut dyn PcmSource, wanted: Wanted, cancel: &Cancel) -> Result<(f64, f64)> {
    let mixer = mixer(input, wanted.channels, wanted.only);
    let outputs = u32::try_from(mixer.outputs()).unwrap_or(1);
    // A histogram, so that an hour takes no more memory than a second.
    let mode = Mode::I | Mode::TRUE_PEAK | Mode::HISTOGRAM;
    let mut meter = EbuR128::new(outputs, input.rate(), mode).map_err(failed)?;
    let (mut raw, mut mixed) = (Vec::new(), Vec::new());
    while input.read(&mut raw)? {
        cancel.check()?;
        mixed.clear();
        mixer.mix(&raw, &mut mixed);
        raw.clear();
        meter.add_frames_f32(&mixed).map_err(failed)?;
    }
    let peak = (0..outputs).filter_map(|channel| meter.true_peak(channel).ok()).fold(0.0, f64::max);
    Ok((meter.loudness_global().map_err(failed)?, 20.0 * peak.max(1e-9).log10()))
}

/// The loudness of a recording as it would be, in LUFS.
fn loudness_of(input: &mut dyn PcmSource, wanted: Wanted, cancel: &Cancel) -> Result<f64> {
    let channels = u32::try_from(mixer(input, wanted.channels, wanted.only).outputs()).unwrap_or(1);
    let mut meter = EbuR128::new(channels, wanted.rate, Mode::I | Mode::HISTOGRAM).map_err(failed)?;
    run(input, wanted, cancel, &mut |block| meter.add_frames_f32(block).map_err(failed))?;
    meter.loudness_global().map_err(failed)
}

fn failed(error: ebur128::Error) -> Error {
    Error::engine(format!("the loudness meter: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Tone;
    use super::*;

    const PLAIN: Wanted = Wanted { rate: 48_000, channels: 2, only: None, level: Level::ONE };

    /// Two channels of samples.
    struct Stereo(Vec<[f32; 2]>);

    impl PcmSource for Stereo {
        fn rate(&self) -> u32 {
            48_000
        }
        fn channels(&self) -> u16 {
            2
        }
        fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
            let now = self.0.len().min(5000);
            into.extend(self.0.drain(..now).flatten());
            Ok(now > 0)
        }
    }

    #[test]
    fn loudness_is_reached_with_peaks_held_below_the_limit() {
        let cancel = Cancel::default();
        let level = |amplitude: f32, centi_lufs: i32| {
            let mut open = || -> Result<Box<dyn PcmSource>> { Ok(Box::new(Tone::new(48_000, 2, 480_000, amplitude))) };
            level_for(&mut open, PLAIN, centi_lufs, &cancel).unwrap()
        };
        // A full-scale sine of 997 Hz in one of two channels is -3.01 LUFS (BS.1770 §2.8).
        let quiet = level(0.01, -2300);
        assert!((20.0 * quiet.level.factor.log10() - 17.0).abs() < 0.2 && quiet.level.ceiling.is_none());
        assert_eq!(quiet.missed_at, None);
        let far = level(0.01, 0);
        assert!((20.0 * far.level.factor.log10() - 30.0).abs() < 0.2);
        assert!((far.missed_at.unwrap() + 1000).abs() < 20, "{:?}", far.missed_at);
        // Peaks of a tone are all there is: held at -2 dB it is as loud as that.
        let loud = level(0.5, 500);
        assert!(loud.level.ceiling.is_some() && (loud.missed_at.unwrap() + 200).abs() < 60, "{:?}", loud.missed_at);
        let silent = level(0.0, -2300);
        assert_eq!((silent.level, silent.missed_at), (Level::ONE, None));
    }

    #[test]
    fn rare_peaks_are_held_and_the_loudness_is_met() {
        let cancel = Cancel::default();
        // A tone at -20 dB with a clap of full scale a second.
        let sample = |index: usize| {
            let tone = 0.1 * (index as f32 * 997.0 / 48_000.0 * std::f32::consts::TAU).sin();
            let clap = (-((index % 48_000) as f32) / 50.0).exp() * if index.is_multiple_of(2) { 0.9 } else { -0.9 };
            [tone + clap; 2]
        };
        let mut open = || -> Result<Box<dyn PcmSource>> { Ok(Box::new(Stereo((0..480_000).map(sample).collect()))) };
        let found = level_for(&mut open, PLAIN, -1600, &cancel).unwrap();
        assert_eq!((found.missed_at, found.level.ceiling.is_some()), (None, true));
        let mut meter = EbuR128::new(2, 48_000, Mode::I | Mode::TRUE_PEAK).unwrap();
        let wanted = Wanted { level: found.level, ..PLAIN };
        run(&mut *open().unwrap(), wanted, &cancel, &mut |block| meter.add_frames_f32(block).map_err(failed)).unwrap();
        let (loudness, peak) = (meter.loudness_global().unwrap(), 20.0 * meter.true_peak(0).unwrap().log10());
        assert!((loudness + 16.0).abs() < 0.3 && peak < TRUE_PEAK_LIMIT + 0.1, "{loudness} LUFS, {peak} dBTP");
    }

    #[test]
    fn a_mix_that_loses_everything_is_noticed() {
        let sample = |index: usize| (index as f32 * 0.05).sin() * 0.3;
        type Case = (fn(f32, usize) -> [f32; 2], Option<usize>);
        let cases: [Case; 5] = [
            (|sample, _| [sample, sample], None),
            (|sample, index| [sample, if index % 3 == 0 { 0.2 } else { -0.1 }], None),
            (|sample, _| [-0.9 * sample, sample], Some(1)),
            (|sample, _| [sample, 0.0], Some(0)),
            (|_, _| [0.0, 0.0], None),
        ];
        let wanted = Wanted { channels: 1, ..PLAIN };
        for (index, (frame, only)) in cases.into_iter().enumerate() {
            let stereo = || Stereo((0..48_000).map(|index| frame(sample(index), index)).collect());
            let found = run(&mut stereo(), wanted, &Cancel::default(), &mut |_| Ok(())).unwrap();
            assert_eq!(found.only, only, "{index}");
            let Some(channel) = only else { continue };
            let mut peak = 0.0_f32;
            let mut each = |block: &[f32]| {
                peak = block.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
                Ok(())
            };
            let alone = Wanted { only: Some(channel), ..wanted };
            let found = run(&mut stereo(), alone, &Cancel::default(), &mut each).unwrap();
            assert!(found.only.is_none() && (peak - 0.3).abs() < 0.01, "{index}: {peak}");
        }
    }

    #[test]
    fn lengths_are_kept() {
        let cases = [(44_100, 48_000), (48_000, 48_000), (8_000, 44_100)];
        for ((rate, to), ceiling) in cases.into_iter().flat_map(|case| [(case, None), (case, Some(0.5))]) {
            let mut blocks = 0;
            let wanted = Wanted { rate: to, channels: 1, only: None, level: Level { factor: 4.0, ceiling } };
            let mut each = |block: &[f32]| {
                blocks += block.len();
                assert!(block.iter().all(|sample| sample.abs() <= ceiling.map_or(1.0, |ceiling| ceiling * 1.01)));
                Ok(())
            };
            let found = run(&mut Tone::new(rate, 2, rate.into(), 0.5), wanted, &Cancel::default(), &mut each).unwrap();
            assert_eq!((found.frames, blocks), (to.into(), to as usize));
        }
    }
}
