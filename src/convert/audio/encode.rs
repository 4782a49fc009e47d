//! A whole recording into a file that fits: tries, their sizes, and what follows from them.

use super::aac::{AacEncoder, FRAME};
use super::access_units::{AacEncoded, Gathering};
use super::budget::{self, Steering, Try};
use super::chain::{self, Found, Level, Levelled, Wanted};
use super::layout::Layout;
use super::opus::{OpusCoding, OpusEncoder};
use super::trim::{Trim, Trimmer};
use super::{AudioCodec, AudioCoding, PcmSource, Transcoded, microseconds};
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::convert::write::ogg::{OggOpusWriter, serial_of};
use crate::convert::write::{Packets, mp4};
use crate::error::{Error, Result};
use crate::facts::Lost;
use std::cell::Cell;

/// How often a recording is encoded again when it came out too large.
const MAX_CORRECTIONS: u32 = 3;

/// What of the length that would fit by the size of a try is kept at the next.
const CUT_SHARE: f64 = 0.98;

/// Samples that are left in the last frame for a length that is not exact.
const SPARE: u128 = 32;

/// Opens the recording from its start.
pub(crate) type Reopen<'r, 'a> = &'r mut dyn FnMut() -> Result<Box<dyn PcmSource + 'a>>;

/// Encodes all of `input` as Ogg Opus or M4A into `out`, in at most `max_bytes`.
///
/// `reopen` gives the recording from its start, for the loudness that is to be measured first and for tries after the first.
///
/// # Errors
/// `CannotFit` when no allowed rate makes it small enough; `Malformed` when there is no sound or too little of it decodes;
/// `Cancelled`; `Io`; `Engine`.
pub(crate) fn transcode<'a>(
    input: Box<dyn PcmSource + 'a>,
    duration_us: Option<u64>,
    coding: &AudioCoding,
    max_bytes: u64,
    cancel: &Cancel,
    out: &mut Spool,
    reopen: Reopen<'_, 'a>,
) -> Result<Transcoded> {
    let channels = input.channels().clamp(1, coding.max_channels.clamp(1, 2));
    let (chosen, cut) = match budget::first(coding, channels, duration_us.map(in_seconds), max_bytes) {
        Err(_) if coding.trim_to_fit => (budget::least(coding), Some(budget::fitting(coding, max_bytes))),
        first => (first?, None),
    };
    let mut attempt = Attempt { coding, chosen, duration_us, max_bytes, cut, only: None, level: Level::ONE };
    let mut first = Some(input);
    let mut open = || first.take().map_or_else(&mut *reopen, Ok);
    let mut missed_centi_lufs = attempt.levelled(cancel, &mut open)?;
    let mut corrections = 0;
    loop {
        *out = Spool::new(out.max());
        let mut input = open()?;
        let (made, only) = encode(&mut *input, attempt, cancel, out)?;
        if only.is_some() {
            attempt.only = only;
            missed_centi_lufs = attempt.levelled(cancel, &mut open)?;
            continue;
        }
        if out.len() <= max_bytes {
            return Ok(Transcoded { missed_centi_lufs, lost: input.lost(), ..made });
        }
        if corrections == MAX_CORRECTIONS {
            break;
        }
        corrections += 1;
        let seconds = in_seconds(made.duration_us);
        match budget::corrected(coding, attempt.chosen, out.len(), seconds, max_bytes) {
            Err(_) if coding.trim_to_fit => {
                attempt.cut = Some(seconds * max_bytes as f64 / out.len().max(1) as f64 * CUT_SHARE);
            }
            chosen => attempt = Attempt { chosen: chosen?, duration_us: Some(made.duration_us), ..attempt },
        }
    }
    let found = out.len();
    Err(Error::cannot_fit(format!(
        "cannot be made small enough; found {found} bytes, allowed {max_bytes}; cut it, or send it in parts"
    )))
}

/// Encodes all of `input` as AAC-LC at `bitrate`, for a container of the caller's.
///
/// # Errors
/// As [`transcode`], without `CannotFit`.
pub(crate) fn encode_aac<'a>(
    input: Box<dyn PcmSource + 'a>,
    duration_us: Option<u64>,
    coding: &AudioCoding,
    cancel: &Cancel,
    reopen: Reopen<'_, 'a>,
) -> Result<AacEncoded> {
    let channels = input.channels().clamp(1, coding.max_channels.clamp(1, 2));
    let chosen = budget::first(coding, channels, None, u64::MAX)?;
    let max_bytes = u64::MAX;
    let mut attempt = Attempt { coding, chosen, duration_us, max_bytes, cut: None, only: None, level: Level::ONE };
    let mut first = Some(input);
    let mut open = || first.take().map_or_else(&mut *reopen, Ok);
    attempt.levelled(cancel, &mut open)?;
    let (encoded, found) = aac(&mut *open()?, attempt, cancel)?;
    if found.only.is_none() {
        return Ok(encoded);
    }
    attempt.only = found.only;
    attempt.levelled(cancel, &mut open)?;
    aac(&mut *open()?, attempt, cancel).map(|(encoded, _)| encoded)
}

fn in_seconds(duration_us: u64) -> f64 {
    duration_us as f64 / 1e6
}

/// One try.
#[derive(Clone, Copy)]
struct Attempt<'c> {
    coding: &'c AudioCoding,
    chosen: Try,
    duration_us: Option<u64>,
    max_bytes: u64,
    /// Seconds after which it ends, where more cannot fit.
    cut: Option<f64>,
    /// The channel that is heard alone.
    only: Option<usize>,
    level: Level,
}

impl Attempt<'_> {
    /// What an encoder at `rate` is given.
    const fn wanted(&self, rate: u32) -> Wanted {
        Wanted { rate, channels: self.chosen.channels, only: self.only, level: self.level }
    }

    /// How long it becomes, in seconds.
    fn seconds(&self) -> Option<f64> {
        let whole = self.duration_us.map(in_seconds);
        self.cut.map_or(whole, |cut| Some(whole.map_or(cut, |whole| whole.min(cut))))
    }

    /// Finds the level for the loudness that is wanted; gives the one that is reached where that is another.
    fn levelled<'a>(
        &mut self,
        cancel: &Cancel,
        open: &mut dyn FnMut() -> Result<Box<dyn PcmSource + 'a>>,
    ) -> Result<Option<i32>> {
        let Some(loudness) = self.coding.loudness_centi_lufs else { return Ok(None) };
        let input = open()?;
        let rate = match self.coding.codec {
            AudioCodec::Opus => opus_rate(input.rate()),
            AudioCodec::Aac => aac_rate(input.rate()),
        };
        let mut first = Some(input);
        let mut open = || first.take().map_or_else(&mut *open, Ok);
        let Levelled { level, missed_at } = chain::level_for(&mut open, self.wanted(rate), loudness, cancel)?;
        self.level = level;
        Ok(missed_at)
    }
}

/// Encodes all of `input`, or up to the cut; gives the channel, too, that should have been taken alone.
fn encode(
    input: &mut dyn PcmSource,
    attempt: Attempt<'_>,
    cancel: &Cancel,
    out: &mut Spool,
) -> Result<(Transcoded, Option<usize>)> {
    let mut input = Cut::new(input, attempt.cut);
    match attempt.coding.codec {
        AudioCodec::Opus => opus(&mut input, attempt, cancel, out),
        AudioCodec::Aac => {
            let (encoded, found) = aac(&mut input, attempt, cancel)?;
            let tracks = [encoded.track.clone()];
            let mut open = || -> Result<Box<dyn Packets + '_>> { Ok(Box::new(encoded.packets())) };
            mp4::write(out, mp4::Brand::M4a, &tracks, &mut open, None, cancel)?;
            Ok(transcoded(attempt.chosen, encoded.frames, encoded.track.timescale, found))
        }
    }
}

/// A recording up to a time.
struct Cut<'s> {
    input: &'s mut dyn PcmSource,
    trimmer: Option<Trimmer>,
    samples: Vec<f32>,
}

impl<'s> Cut<'s> {
    fn new(input: &'s mut dyn PcmSource, seconds: Option<f64>) -> Self {
        // Of less than a limit holds at the least rate.
        let total = seconds.map(|seconds| (seconds * f64::from(input.rate())) as u64);
        let trimmer = total.map(|_| Trimmer::new(Trim { total, ..Trim::default() }, input.channels()));
        Self { input, trimmer, samples: Vec::new() }
    }
}

impl PcmSource for Cut<'_> {
    fn rate(&self) -> u32 {
        self.input.rate()
    }

    fn channels(&self) -> u16 {
        self.input.channels()
    }

    fn layout(&self) -> Layout {
        self.input.layout()
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        let Some(trimmer) = &mut self.trimmer else { return self.input.read(into) };
        let more = self.input.read(&mut self.samples)?;
        Ok(trimmer.pass(&mut self.samples, into) && more)
    }

    fn lost(&self) -> Option<Lost> {
        self.input.lost()
    }
}

fn opus(
    input: &mut dyn PcmSource,
    attempt: Attempt<'_>,
    cancel: &Cancel,
    out: &mut Spool,
) -> Result<(Transcoded, Option<usize>)> {
    let Attempt { coding, chosen, max_bytes, .. } = attempt;
    let mut steering = attempt.seconds().map(|seconds| Steering::new(coding, chosen, seconds, max_bytes));
    let rate = opus_rate(input.rate());
    let mut encoder =
        OpusEncoder::new(OpusCoding { rate, channels: chosen.channels, bitrate: chosen.bitrate, voice: coding.voice })?;
    let head = encoder.head(input.rate());
    let mut out = Some(out);
    let mut writer = None::<OggOpusWriter<'_>>;
    let spent = Cell::new(0);
    let mut keep = |packet: &[u8], samples: u32| {
        if let Some(out) = out.take() {
            writer = Some(OggOpusWriter::new(out, &head, serial_of(&head, packet))?);
        }
        let Some(writer) = &mut writer else { return Ok(()) };
        writer.packet(packet, samples)?;
        spent.set(writer.bytes());
        Ok(())
    };
    let found = chain::run(input, attempt.wanted(rate), cancel, &mut |block| {
        encoder.encode(block, &mut keep)?;
        let next = steering.as_mut().and_then(|steering| steering.next(encoder.seconds(), spent.get()));
        next.map_or(Ok(()), |bitrate| encoder.ask(bitrate))
    })?;
    if found.frames == 0 {
        return Err(silent());
    }
    let played = encoder.finish(&mut keep)?;
    writer.ok_or_else(silent)?.finish(Some(played))?;
    Ok(transcoded(chosen, found.frames, rate, found))
}

/// The rate at which Opus is fed: the source's own where libopus takes it, which spares the resampling.
fn opus_rate(rate: u32) -> u32 {
    if OpusEncoder::RATES.contains(&rate) { rate } else { super::opus::CLOCK }
}

/// 44,100 Hz and its fractions stay what they are; the rest becomes 48,000.
const fn aac_rate(rate: u32) -> u32 {
    if rate.is_multiple_of(11_025) { 44_100 } else { 48_000 }
}

fn aac(input: &mut dyn PcmSource, attempt: Attempt<'_>, cancel: &Cancel) -> Result<(AacEncoded, Found)> {
    let chosen = attempt.chosen;
    let rate = aac_rate(input.rate());
    let duration_us = attempt.duration_us.filter(|_| attempt.cut.is_none());
    let mut encoder = AacEncoder::new(rate, chosen.channels, chosen.bitrate, lead(duration_us, rate))?;
    let mut units = Gathering::new(u64::MAX);
    let mut each = |block: &[f32]| encoder.encode(block, &mut |unit| units.take(unit));
    let found = chain::run(input, attempt.wanted(rate), cancel, &mut each)?;
    if found.frames == 0 {
        return Err(silent());
    }
    let frames = encoder.finish(&mut |unit| units.take(unit))?;
    let mut encoded = units.finish(&encoder, frames)?;
    encoded.lost = input.lost();
    Ok((encoded, found))
}

/// Silence in front with which sound of this length ends where a frame does, since many players give the last one whole. Where
/// the length is not known, none.
fn lead(duration_us: Option<u64>, rate: u32) -> u32 {
    let samples = |us: u64| (u128::from(us) * u128::from(rate) + 500_000) / 1_000_000;
    let over = duration_us.map_or(0, |us| (samples(us) + SPARE) % u128::from(FRAME));
    (FRAME - u32::try_from(over).unwrap_or(0)) % FRAME
}

fn transcoded(chosen: Try, frames: u64, rate: u32, found: Found) -> (Transcoded, Option<usize>) {
    let duration_us = microseconds(frames, rate);
    let Try { channels, bitrate, .. } = chosen;
    let waveform = found.waveform.bars();
    (Transcoded { bitrate, channels, duration_us, waveform, missed_centi_lufs: None, lost: None }, found.only)
}

fn silent() -> Error {
    Error::malformed("holds no sound; send the original again")
}
