//! Core Audio files: description, packet table, data.

use super::stream::Streamed;
use super::{sbr, sound};
use crate::codec::opus;
use crate::demux::caf::Caf;
use crate::demux::{Demuxer, Packet, Want};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// Up to this length the packets of Opus are walked, whose lengths stand in them.
const WALKED: u64 = 32 * 1024 * 1024;

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
        let (mut packet, mut counted) = (Packet::default(), 0_u64);
        while matches!(caf.next(&mut packet, Want::Content), Ok(true)) {
            let samples = opus::packet_samples_48k(&packet.data);
            if counted == 0 {
                track.packet_us = samples.map(opus::microseconds);
                track.packet_code = opus::packet_code(&packet.data);
            }
            counted += u64::from(samples.unwrap_or(0));
            if source.len() > WALKED {
                counted = u64::MAX;
                break;
            }
        }
        // Writers that do not know the length of a packet state a table that holds more than the packets do.
        let skipped =
            caf.tracks().first().and_then(|track| opus::OpusHead::parse(&track.config)).map(|head| head.pre_skip);
        let there = sound::microseconds(counted.saturating_sub(skipped.unwrap_or(0).into()), 48_000);
        track.priming = track.priming.or(skipped.map(u32::from));
        track.duration_us = track.duration_us.zip(there).map(|(stated, there)| stated.min(there));
        track.bitrate = sound::bitrate(caf.content_bytes(), track.duration_us);
    }
    if track.duration_us.is_none_or(|us| us == 0) && damage.is_empty() {
        damage.push(Damage::Malformed("no sound in the data".to_owned()));
    }
    let mut found = sound::alone(track, damage);
    sbr::reveal_again(caf.tracks(), &mut found.streams, || Caf::open(source));
    found.streams.metadata_bytes = caf.metadata_bytes;
    Ok(found)
}
