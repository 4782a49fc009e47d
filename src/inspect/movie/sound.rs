//! A track of sound.

use super::bitrate;
use super::edit::Played;
use crate::bytes::byte;
use crate::codec::{aac, opus};
use crate::demux::Track;
use crate::demux::isobmff::Measured;
use crate::error::Result;
use crate::facts::AudioTrack;
use crate::source::Source;

/// What is known of it.
pub(super) fn facts(source: &Source, track: &Track, measured: &Measured, played: &Played) -> Result<AudioTrack> {
    let timing = &measured.timing;
    let mut facts = AudioTrack {
        codec: track.codec.clone(),
        sample_rate: track.sample_rate,
        channels: track.channels,
        bits: track.bits,
        duration_us: played.duration_us,
        bitrate: bitrate(timing.bytes, played.stored_us),
        language: track.language.clone(),
        default: track.default,
        encrypted: track.encrypted,
        edit: played.edit,
        ..AudioTrack::default()
    };
    match track.codec.as_str() {
        "aac" | "xhe-aac" => by_config(track, &mut facts),
        // Object types do not tell the layers of MPEG audio apart; the first header does (ISO/IEC 11172-3 §2.4.2.3).
        "mp3" if !track.encrypted => {
            if let Some(start) = timing.start
                && let header = source.bytes_at(start, 2)?
                && byte(&header, 0) == Some(0xFF)
                && byte(&header, 1).is_some_and(|second| second & 0xE6 == 0xE4)
            {
                "mp2".clone_into(&mut facts.codec);
            }
        }
        "opus" => {
            // The first two bytes of a packet tell how its frames are counted (RFC 6716 §3.2).
            if let Some(start) = timing.start.filter(|_| !track.encrypted) {
                facts.packet_code = opus::packet_code(&source.bytes_at(start, 2)?);
            }
            let length = timing.lengths.map(|(shortest, _)| u64::from(shortest)).or(Some(timing.ticks));
            let us = length.map(|ticks| ticks * 1_000_000 / u64::from(track.timescale.max(1)));
            facts.packet_us = us.and_then(|us| u32::try_from(us).ok()).filter(|&us| us > 0);
        }
        _ => {}
    }
    let trimmed =
        u128::from(played.trim) * u128::from(facts.sample_rate.unwrap_or(0)) / u128::from(track.timescale.max(1));
    facts.priming = track.priming.or_else(|| u32::try_from(trimmed).ok().filter(|&samples| samples > 0));
    Ok(facts)
}

/// AAC by its AudioSpecificConfig, which knows better than the entry, and by what the entry adds to it.
fn by_config(track: &Track, facts: &mut AudioTrack) {
    let Some(mut config) = aac::Config::parse(&track.config) else { return };
    // Implicit signalling: the entry has the doubled rate, the configuration that of the core.
    if config.may_hide_sbr() && track.sample_rate == config.core_rate.checked_mul(2) {
        config = config.with_implicit_sbr(false);
    }
    facts.profile = Some(config.profile.to_owned());
    facts.sample_rate = Some(config.sample_rate).filter(|&rate| rate > 0).or(facts.sample_rate);
    facts.channels = Some(config.channels).filter(|&channels| channels > 0).or(facts.channels);
}
