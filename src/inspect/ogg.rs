//! Ogg: the streams' headers, and the length by the last granule position, from the end of the file.

use super::sound;
use super::stream::Streamed;
use crate::codec::opus;
use crate::demux::ogg::Ogg;
use crate::demux::{Demuxer, Kind};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage, Edit, OtherTrack, StreamFacts, VideoTrack};
use crate::source::Source;

/// What can be measured of an Ogg file.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut ogg = match sound::or_damage(Ogg::open(source))? {
        Ok(ogg) => ogg,
        Err(damage) => return Ok(Streamed { streams: StreamFacts::default(), damage: vec![damage] }),
    };
    let mut streams = StreamFacts::default();
    let tracks = ogg.tracks().to_vec();
    for (index, track) in tracks.iter().enumerate() {
        match track.kind {
            Kind::Audio => {
                let (all, ragged) = ogg.samples(index)?;
                let played = all.map(|all| all.saturating_sub(u64::from(track.priming.unwrap_or(0))));
                let chained = if ogg.chained { ogg.chained_samples(index)? } else { None };
                let duration_us = chained.or(played).and_then(|samples| sound::microseconds(samples, track.timescale));
                let (comments, picture) = ogg.comments(index);
                streams.metadata_bytes += comments;
                streams.cover_art |= picture;
                let first = ogg.first_packet(index).filter(|_| track.codec == "opus");
                streams.audio.push(AudioTrack {
                    duration_us,
                    packet_us: first.and_then(opus::packet_samples_48k).map(opus::microseconds),
                    packet_code: first.and_then(opus::packet_code),
                    ragged: ragged.filter(|_| track.codec == "opus" && !ogg.chained),
                    edit: if chained.is_some() { Edit::Complex } else { Edit::None },
                    ..sound::described(track)
                });
            }
            Kind::Video => {
                let (width, height) = track.size.unwrap_or_default();
                streams.video.push(VideoTrack { codec: track.codec.clone(), width, height, ..VideoTrack::default() });
            }
            Kind::Other(kind) => streams.other.push(OtherTrack { kind, codec: track.codec.clone() }),
        }
    }
    streams.duration_us = streams.audio.iter().filter_map(|track| track.duration_us).max();
    if let ([track], true) = (streams.audio.as_mut_slice(), streams.video.is_empty()) {
        track.default = true;
        track.bitrate = sound::bitrate(source.len().saturating_sub(streams.metadata_bytes), track.duration_us);
    }
    let mut damage = ogg.damage().to_vec();
    let silent = streams.duration_us.is_none_or(|us| us == 0) && streams.video.is_empty();
    if silent && damage.is_empty() && !streams.audio.is_empty() {
        damage.push(Damage::Truncated("no sound follows the headers".to_owned()));
    }
    Ok(Streamed { streams, damage })
}
