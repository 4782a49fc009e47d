//! MPEG audio: the first frame's header, and the length by what an encoder wrote there or by a walk over all frames.

use super::sound;
use super::stream::Streamed;
use crate::demux::frames::Tags;
use crate::demux::mp3::Mp3;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// Frames below which there is no sound: the first of a stream only primes the decoder.
const LEAST_FRAMES: u64 = 2;

/// Tags of a WAV stand in a chunk of it: with one in front, no player knows it.
const TAGGED_WAVE: &str = "it is a WAV with an ID3 tag in front; strip the tag";

/// What can be measured of an MP3, or a stream of its older layers.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut mp3 = match sound::or_damage(Mp3::open(source))? {
        Ok(mp3) => mp3,
        Err(damage) => {
            let behind = source.bytes_at(Tags::find(source)?.start, 12)?;
            let is_wave = behind.starts_with(b"RIFF") && behind.ends_with(b"WAVE");
            let damage = if is_wave { Damage::Malformed(TAGGED_WAVE.to_owned()) } else { damage };
            return Ok(sound::alone(AudioTrack { codec: "mp3".to_owned(), ..AudioTrack::default() }, vec![damage]));
        }
    };
    let header = mp3.header;
    let tags = mp3.tags;
    let mut damage = mp3.damage().to_vec();
    let (frames, samples, bytes) = match mp3.frames_told()? {
        Some(frames) => (frames, frames.saturating_mul(u64::from(header.samples())), tags.end - tags.start),
        None => {
            let counted = mp3.count()?;
            damage.extend(counted.damage());
            // Players leave the piece out, and so could we; but an MP3 is a file that was finished once, and nothing tells
            // whether a download lost a piece or its second half. Who knows better salvages the whole frames.
            if counted.cut && damage.is_empty() {
                damage.push(Damage::Truncated("the last frame ends beyond the file".to_owned()));
            }
            (counted.frames, counted.samples, counted.bytes)
        }
    };
    if frames < LEAST_FRAMES && damage.is_empty() {
        damage.push(Damage::Malformed(format!("no sound; found {frames} frames, needed {LEAST_FRAMES}")));
    }
    let duration_us = sound::microseconds(samples.saturating_sub(mp3.delays()), header.sample_rate);
    let track = AudioTrack {
        codec: header.codec().to_owned(),
        sample_rate: Some(header.sample_rate),
        channels: Some(header.channels),
        duration_us,
        bitrate: sound::bitrate(bytes, duration_us),
        priming: crate::demux::Demuxer::tracks(&mp3).first().and_then(|track| track.priming),
        default: true,
        ..AudioTrack::default()
    };
    let mut found = sound::alone(track, damage);
    found.streams.cover_art = tags.picture;
    found.streams.junk_bytes = mp3.frames().0 - tags.start;
    found.streams.metadata_bytes = tags.start + (source.len() - tags.end);
    Ok(found)
}
