//! From a source's samples to an encoder's: mixed, resampled, brought to a loudness, and within full scale.

use super::PcmSource;
use super::layout::Mixer;
use super::resample::Resampler;
use super::waveform::Waveform;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use ebur128::{EbuR128, Mode};

/// How loud the loudest true peak may become by normalisation, in dBTP, before it is coded: one below what may be heard (EBU
/// R128 §2 has -1), since coding at low rates makes peaks of its own (EBU Tech 3344 §7: -2 to -3).
const TRUE_PEAK_LIMIT: f64 = -2.0;

/// A loudness that is missed by less is not missed: EBU R128 allows half a unit where it cannot be better.
const MISSED_LU: f64 = 0.5;

/// The quietest recording that is brought up: below, there is noise alone (the gate of BS.1770 is -70).
const SILENCE: f64 = -69.0;

/// The most a recording is brought up, in dB.
const MAX_GAIN: f64 = 30.0;

/// What an encoder wants, and how loud.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub rate: u32,
    pub channels: u16,
    /// Times this.
    pub gain: f32,
}

/// What was found on the way.
pub(super) struct Found {
    /// Samples of a channel, at the wanted rate.
    pub frames: u64,
    pub waveform: Waveform,
}

/// Sends all of `input` to `each`, in blocks, as `wanted`.
pub(super) fn run(
    input: &mut dyn PcmSource,
    wanted: Wanted,
    cancel: &Cancel,
    each: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<Found> {
    let mixer = Mixer::new(&input.layout(), wanted.channels);
    let channels = mixer.outputs().max(1);
    let same = input.rate() == wanted.rate;
    let mut resampler = if same { None } else { Some(Resampler::new(input.rate(), wanted.rate, channels)?) };
    let mut found = Found { frames: 0, waveform: Waveform::default() };
    let (mut raw, mut mixed, mut out) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        cancel.check()?;
        let more = input.read(&mut raw)?;
        mixed.clear();
        mixer.mix(&raw, &mut mixed);
        raw.clear();
        let block = match &mut resampler {
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
        if wanted.gain != 1.0 {
            block.iter_mut().for_each(|sample| *sample *= wanted.gain);
        }
        // Filters and lossy codecs overshoot: what is beyond full scale has nowhere to go.
        block.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
        found.frames += (block.len() / channels) as u64;
        found.waveform.add(block);
        each(block)?;
        if !more {
            return Ok(found);
        }
    }
}

/// What a recording is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gain {
    pub factor: f32,
    /// The loudness that it comes to, in hundredths of LUFS, where its peaks or its noise do not allow what was wanted.
    pub missed_at: Option<i32>,
}

impl Gain {
    /// As it is.
    pub(super) const ONE: Self = Self { factor: 1.0, missed_at: None };
}

/// The factor that brings `input` to this loudness, in hundredths of LUFS, with its true peaks below the limit.
pub(super) fn gain_for(input: &mut dyn PcmSource, channels: u16, centi_lufs: i32, cancel: &Cancel) -> Result<Gain> {
    let mixer = Mixer::new(&input.layout(), channels);
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
    let loudness = meter.loudness_global().map_err(failed)?;
    if !loudness.is_finite() || loudness < SILENCE {
        return Ok(Gain::ONE);
    }
    let peak = (0..outputs).filter_map(|channel| meter.true_peak(channel).ok()).fold(0.0, f64::max);
    let headroom = TRUE_PEAK_LIMIT - 20.0 * peak.max(1e-9).log10();
    let wanted = f64::from(centi_lufs) / 100.0 - loudness;
    let gain = wanted.min(headroom).min(MAX_GAIN);
    let missed_at = (wanted - gain > MISSED_LU).then(|| ((loudness + gain) * 100.0).round() as i32);
    Ok(Gain { factor: 10.0_f64.powf(gain / 20.0) as f32, missed_at })
}

fn failed(error: ebur128::Error) -> Error {
    Error::engine(format!("the loudness meter: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Tone;
    use super::*;

    #[test]
    fn loudness_is_reached_and_peaks_stay_below_the_limit() {
        let cancel = Cancel::default();
        // A full-scale sine of 997 Hz in one of two channels is -3.01 LUFS (BS.1770 §2.8).
        let quiet = || Tone::new(48_000, 2, 480_000, 0.01);
        let gain = gain_for(&mut quiet(), 2, -2300, &cancel).unwrap();
        assert!((20.0 * gain.factor.log10() - 17.0).abs() < 0.2 && gain.missed_at.is_none(), "{gain:?}");
        let gain = gain_for(&mut quiet(), 2, 0, &cancel).unwrap();
        assert!((20.0 * gain.factor.log10() - 30.0).abs() < 0.2, "{gain:?}");
        assert!((gain.missed_at.unwrap() + 1000).abs() < 20, "{gain:?}");
        let loud = gain_for(&mut Tone::new(48_000, 1, 480_000, 0.5), 1, -5, &cancel).unwrap();
        assert!((0.5 * loud.factor) < 0.8 && loud.missed_at.is_some(), "{loud:?}");
        assert_eq!(gain_for(&mut Tone::new(48_000, 1, 4800, 0.0), 1, -2300, &cancel).unwrap(), Gain::ONE);
    }

    #[test]
    fn lengths_are_kept() {
        for (rate, to) in [(44_100, 48_000), (48_000, 48_000), (8_000, 44_100)] {
            let mut blocks = 0;
            let wanted = Wanted { rate: to, channels: 1, gain: 4.0 };
            let mut each = |block: &[f32]| {
                blocks += block.len();
                assert!(block.iter().all(|sample| sample.abs() <= 1.0));
                Ok(())
            };
            let found = run(&mut Tone::new(rate, 2, rate.into(), 0.5), wanted, &Cancel::default(), &mut each).unwrap();
            assert_eq!((found.frames, blocks), (to.into(), to as usize));
        }
    }
}
