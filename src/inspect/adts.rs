//! ADTS: the configuration of the first frame, and the length by a walk over all.

use super::sound;
use super::stream::Streamed;
use crate::codec::amr::Band;
use crate::demux::adts::Adts;
use crate::demux::amr::Amr;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage, Ragged};
use crate::source::Source;

/// What can be measured of an ADTS stream.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut adts = match sound::or_damage(Adts::open(source))? {
        Ok(adts) => adts,
        Err(damage) => {
            return Ok(sound::alone(AudioTrack { codec: "aac".to_owned(), ..AudioTrack::default() }, vec![damage]));
        }
    };
    let counted = adts.count()?;
    let config = *adts.config();
    let mut damage = Vec::from_iter(counted.damage());
    if counted.frames == 0 && damage.is_empty() {
        damage.push(Damage::Truncated("the first frame ends beyond the file".to_owned()));
    }
    let duration_us = sound::microseconds(counted.samples, config.core_rate);
    let track = AudioTrack {
        codec: "aac".to_owned(),
        profile: Some(config.profile.to_owned()),
        sample_rate: Some(config.sample_rate),
        channels: Some(config.channels).filter(|&channels| channels > 0),
        duration_us,
        bitrate: sound::bitrate(counted.bytes, duration_us),
        default: true,
        // A stream that is recorded is cut anywhere by its nature; only the piece of a frame is to be left out.
        ragged: counted.cut.then_some(Ragged::End),
        ..AudioTrack::default()
    };
    let mut found = sound::alone(track, damage);
    found.streams.cover_art = adts.tags.picture;
    found.streams.metadata_bytes = adts.tags.start + (source.len() - adts.tags.end);
    Ok(found)
}

/// What can be measured of an AMR file: every frame lasts 20 ms.
pub(super) fn inspect_amr(source: &Source) -> Result<Streamed> {
    let opened = Amr::open(source);
    if let Err(error) = &opened
        && error.kind() == crate::error::ErrorKind::Unsupported
    {
        return Ok(sound::alone(AudioTrack { codec: "amr".to_owned(), ..AudioTrack::default() }, Vec::new()));
    }
    let mut amr = match sound::or_damage(opened)? {
        Ok(amr) => amr,
        Err(damage) => {
            return Ok(sound::alone(AudioTrack { codec: "amr".to_owned(), ..AudioTrack::default() }, vec![damage]));
        }
    };
    let counted = amr.count()?;
    let band: Band = amr.band;
    let mut damage = amr.damage().to_vec();
    if counted.frames == 0 && damage.is_empty() {
        damage.push(Damage::Truncated("no frame follows the magic".to_owned()));
    }
    let duration_us = sound::microseconds(counted.samples, band.sample_rate());
    let track = AudioTrack {
        codec: band.codec().to_owned(),
        sample_rate: Some(band.sample_rate()),
        channels: Some(1),
        duration_us,
        bitrate: sound::bitrate(counted.bytes, duration_us),
        default: true,
        ..AudioTrack::default()
    };
    Ok(sound::alone(track, damage))
}
