//! What the inspectors of sound have in common: one track, its length, its bitrate.

use super::stream::Streamed;
use crate::demux::Track;
use crate::facts::{AudioTrack, Damage, StreamFacts};

/// Microseconds for `samples` at `rate`.
pub(super) fn microseconds(samples: u64, rate: u32) -> Option<u64> {
    let us = u128::from(samples) * 1_000_000 / u128::from(std::num::NonZeroU32::new(rate)?.get());
    u64::try_from(us).ok()
}

/// Bits per second of `bytes` that last so long.
pub(super) fn bitrate(bytes: u64, duration_us: Option<u64>) -> Option<u64> {
    let us = duration_us.filter(|&us| us > 0)?;
    u64::try_from(u128::from(bytes) * 8_000_000 / u128::from(us)).ok()
}

/// A track as its container describes it.
pub(super) fn described(track: &Track) -> AudioTrack {
    AudioTrack {
        codec: track.codec.clone(),
        sample_rate: track.sample_rate,
        channels: track.channels,
        bits: track.bits,
        priming: track.priming,
        language: track.language.clone(),
        default: track.default,
        encrypted: track.encrypted,
        ..AudioTrack::default()
    }
}

/// One track of sound and what is around it.
pub(super) fn alone(track: AudioTrack, damage: Vec<Damage>) -> Streamed {
    let streams = StreamFacts { duration_us: track.duration_us, audio: vec![track], ..StreamFacts::default() };
    Streamed { streams, damage }
}

/// A file without a stream that can be read.
pub(super) fn broken(codec: &str, what: impl Into<String>) -> Streamed {
    let track = AudioTrack { codec: codec.to_owned(), ..AudioTrack::default() };
    alone(track, vec![Damage::Malformed(what.into())])
}

/// The value, or the damage that an error stands for: a file that cannot be understood is a broken file, not an error.
pub(super) fn or_damage<T>(result: crate::error::Result<T>) -> crate::error::Result<Result<T, Damage>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == crate::error::ErrorKind::Io => Err(error),
        Err(error) => Ok(Err(Damage::Malformed(error.what()))),
    }
}

#[cfg(test)]
mod tests;
