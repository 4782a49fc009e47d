//! A whole recording into a file that fits: tries, their sizes, and what follows from them.

use super::aac::{AacEncoder, FRAME};
use super::access_units::{AacEncoded, Gathering};
use super::budget::{self, Try};
use super::chain::{self, Gain, Wanted};
use super::opus::{OpusCoding, OpusEncoder};
use super::{AudioCodec, AudioCoding, PcmSource, Transcoded};
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::convert::write::ogg::{OggOpusWriter, serial_of};
use crate::convert::write::{Packets, mp4};
use crate::error::{Error, Result};

/// How often a recording is encoded again when it came out too large.
const MAX_CORRECTIONS: u32 = 3;

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
    let seconds = duration_us.map(|duration| duration as f64 / 1e6);
    let mut next = budget::first(coding, channels, seconds, max_bytes)?;
    let (mut input, gain) = levelled(input, channels, coding, cancel, reopen)?;
    for correction in 0..=MAX_CORRECTIONS {
        *out = Spool::new(out.max());
        let made = encode(&mut *input, duration_us, coding, next, gain.factor, cancel, out)?;
        if out.len() <= max_bytes {
            return Ok(Transcoded { missed_centi_lufs: gain.missed_at, ..made });
        }
        if correction < MAX_CORRECTIONS {
            next = budget::corrected(coding, next, out.len(), made.duration_us as f64 / 1e6, max_bytes)?;
            input = reopen()?;
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
    let (mut input, gain) = levelled(input, chosen.channels, coding, cancel, reopen)?;
    aac(&mut *input, duration_us, chosen, gain.factor, cancel).map(|(encoded, _)| encoded)
}

/// The recording from its start, and what it is multiplied with.
fn levelled<'a>(
    mut input: Box<dyn PcmSource + 'a>,
    channels: u16,
    coding: &AudioCoding,
    cancel: &Cancel,
    reopen: Reopen<'_, 'a>,
) -> Result<(Box<dyn PcmSource + 'a>, Gain)> {
    let Some(loudness) = coding.loudness_centi_lufs else { return Ok((input, Gain::ONE)) };
    let gain = chain::gain_for(&mut *input, channels, loudness, cancel)?;
    Ok((reopen()?, gain))
}

fn encode(
    input: &mut dyn PcmSource,
    duration_us: Option<u64>,
    coding: &AudioCoding,
    chosen: Try,
    gain: f32,
    cancel: &Cancel,
    out: &mut Spool,
) -> Result<Transcoded> {
    match coding.codec {
        AudioCodec::Opus => opus(input, coding.voice, chosen, gain, cancel, out),
        AudioCodec::Aac => {
            let (encoded, found) = aac(input, duration_us, chosen, gain, cancel)?;
            let made = transcoded(chosen, encoded.frames, encoded.track.timescale, found);
            let tracks = [encoded.track.clone()];
            let mut open = || -> Result<Box<dyn Packets + '_>> { Ok(Box::new(encoded.packets())) };
            mp4::write(out, mp4::Brand::M4a, &tracks, &mut open, None, cancel)?;
            Ok(made)
        }
    }
}

fn opus(
    input: &mut dyn PcmSource,
    voice: bool,
    chosen: Try,
    gain: f32,
    cancel: &Cancel,
    out: &mut Spool,
) -> Result<Transcoded> {
    let rate = opus_rate(input.rate());
    let mut encoder = OpusEncoder::new(OpusCoding { rate, channels: chosen.channels, bitrate: chosen.bitrate, voice })?;
    let head = encoder.head(input.rate());
    let mut out = Some(out);
    let mut writer = None::<OggOpusWriter<'_>>;
    let mut keep = |packet: &[u8], samples: u32| {
        if let Some(out) = out.take() {
            writer = Some(OggOpusWriter::new(out, &head, serial_of(&head, packet))?);
        }
        writer.as_mut().map_or(Ok(()), |writer| writer.packet(packet, samples))
    };
    let wanted = Wanted { rate, channels: chosen.channels, gain };
    let found = chain::run(input, wanted, cancel, &mut |block| encoder.encode(block, &mut keep))?;
    if found.frames == 0 {
        return Err(silent());
    }
    let played = encoder.finish(&mut keep)?;
    writer.ok_or_else(silent)?.finish(Some(played))?;
    Ok(transcoded(chosen, found.frames, rate, found.waveform.bars()))
}

/// The rate at which Opus is fed: the source's own where libopus takes it, which spares the resampling.
fn opus_rate(rate: u32) -> u32 {
    if OpusEncoder::RATES.contains(&rate) { rate } else { super::opus::CLOCK }
}

fn aac(
    input: &mut dyn PcmSource,
    duration_us: Option<u64>,
    chosen: Try,
    gain: f32,
    cancel: &Cancel,
) -> Result<(AacEncoded, [u8; super::BARS])> {
    // 44,100 Hz and its fractions stay what they are; the rest becomes 48,000.
    let rate = if input.rate().is_multiple_of(11_025) { 44_100 } else { 48_000 };
    let mut encoder = AacEncoder::new(rate, chosen.channels, chosen.bitrate, lead(duration_us, rate))?;
    let mut units = Gathering::new(u64::MAX);
    let wanted = Wanted { rate, channels: chosen.channels, gain };
    let found = chain::run(input, wanted, cancel, &mut |block| encoder.encode(block, &mut |unit| units.take(unit)))?;
    if found.frames == 0 {
        return Err(silent());
    }
    let frames = encoder.finish(&mut |unit| units.take(unit))?;
    Ok((units.finish(&encoder, frames)?, found.waveform.bars()))
}

/// Silence in front with which sound of this length ends where a frame does, since many players give the last one whole. Where
/// the length is not known, none.
fn lead(duration_us: Option<u64>, rate: u32) -> u32 {
    let samples = |us: u64| (u128::from(us) * u128::from(rate) + 500_000) / 1_000_000;
    let over = duration_us.map_or(0, |us| (samples(us) + SPARE) % u128::from(FRAME));
    (FRAME - u32::try_from(over).unwrap_or(0)) % FRAME
}

fn transcoded(chosen: Try, frames: u64, rate: u32, waveform: [u8; super::BARS]) -> Transcoded {
    let duration_us = u64::try_from(u128::from(frames) * 1_000_000 / u128::from(rate.max(1))).unwrap_or(u64::MAX);
    Transcoded { bitrate: chosen.bitrate, channels: chosen.channels, duration_us, waveform, missed_centi_lufs: None }
}

fn silent() -> Error {
    Error::malformed("holds no sound; send the original again")
}
