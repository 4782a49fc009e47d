//! Core Audio files: description, packet table, data.

use super::sound;
use super::stream::Streamed;
use crate::codec::opus;
use crate::demux::caf::Caf;
use crate::demux::{Demuxer, Packet, Want};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// What can be measured of a Core Audio file.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut caf = match sound::or_damage(Caf::open(source))? {
        Ok(caf) => caf,
        Err(damage) => return Ok(sound::alone(AudioTrack::default(), vec![damage])),
    };
    let mut track = caf.tracks().first().map(sound::described).unwrap_or_default();
    let rate = caf.tracks().first().map_or(0, |track| track.timescale);
    track.duration_us = caf.samples().and_then(|samples| sound::microseconds(samples, rate));
    track.bitrate = sound::bitrate(caf.content_bytes(), track.duration_us);
    if let Some(config) = caf.aac {
        track.profile = Some(config.profile.to_owned());
        track.sample_rate = Some(config.sample_rate);
        track.channels = Some(config.channels).filter(|&channels| channels > 0).or(track.channels);
    }
    let mut damage = caf.damage().to_vec();
    if track.codec == "opus" {
        let mut packet = Packet::default();
        if matches!(caf.next(&mut packet, Want::Content), Ok(true)) {
            track.packet_us = opus::packet_samples_48k(&packet.data).map(opus::microseconds);
            track.packet_code = opus::packet_code(&packet.data);
        }
    }
    if track.duration_us.is_none_or(|us| us == 0) && damage.is_empty() {
        damage.push(Damage::Malformed("no sound in the data".to_owned()));
    }
    let mut found = sound::alone(track, damage);
    found.streams.metadata_bytes = caf.metadata_bytes;
    Ok(found)
}
