//! Matroska and WebM: the headers, and the blocks of what is small or has no length in its header.

use super::sbr;
use super::stream::Streamed;
use super::tracks::{count, facts, rate_of};
use crate::demux::matroska::Matroska;
use crate::demux::{Demuxer, Kind};
use crate::error::{ErrorKind, Result};
use crate::facts::Damage;
use crate::source::Source;

/// Up to this length all blocks are walked: counts and lengths are exact, and cuts are found wherever they are.
const WALKED: u64 = 32 * 1024 * 1024;

/// Beyond it, so much is walked for the rate and order of frames.
const LOOKED_AT: u64 = 2 * 1024 * 1024;

/// Codecs whose packets do not tell how long they are, and how long one of them may be, in microseconds.
const UNTOLD: [(&str, u64); 3] = [("alac", 150_000), ("tta", 1_100_000), ("vorbis", 150_000)];

/// What a Matroska file holds.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut file = match Matroska::open(source) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        Err(error) => return Ok(Streamed { damage: vec![Damage::Malformed(error.what())], ..Streamed::default() }),
    };
    let limit = if source.len() <= WALKED { u64::MAX } else { LOOKED_AT };
    let mut counted = count(&mut file, |file| file.position() < limit)?;
    counted.by_packets = true;
    let mut tracks = file.tracks().to_vec();
    let about = file.about();
    for (track, tally) in tracks.iter_mut().zip(&counted.tracks) {
        // A track of which nothing came is as long as nothing.
        if counted.whole && tally.packets == 0 {
            track.duration = None;
        }
    }
    let mut streams = facts(&tracks, &counted);
    if !counted.whole {
        streams.duration_us = about.duration_ns.map(|ns| ns / 1000);
    }
    // Packets of these do not tell their length: the header knows better where the last one ends.
    if let ([track], [], Some(ns)) = (streams.audio.as_mut_slice(), streams.video.as_slice(), about.duration_ns)
        && let Some((_, longest)) = UNTOLD.iter().find(|(codec, _)| *codec == track.codec)
        && track.duration_us.is_some_and(|us| (1..*longest).contains(&us.saturating_sub(ns / 1000)))
    {
        track.duration_us = Some(ns / 1000);
        streams.duration_us = track.duration_us;
    }
    let pictures = tracks.iter().enumerate().filter(|(_, track)| track.kind == Kind::Video);
    for (found, (index, _)) in streams.video.iter_mut().zip(pictures) {
        found.interlaced |= file.interlaced(index);
        found.b_frames |= file.reorder_depth(index) > 0;
        if let Some(ns) = file.default_duration(index).filter(|_| !found.variable_rate) {
            found.frame_rate = rate_of(1000, ns.saturating_mul(1000), 1_000_000_000).or(found.frame_rate);
        }
    }
    sbr::reveal_again(&tracks, &mut streams, || Matroska::open(source));
    streams.cover_art = about.cover_art;
    streams.metadata_bytes = about.metadata_bytes;
    streams.gps = about.gps;
    streams.device = about.device;
    Ok(Streamed { streams, damage: file.damage() })
}
