//! MPEG transport streams, by a walk through their packets.

use super::sbr;
use super::stream::Streamed;
use super::tracks::{count, facts};
use crate::demux::Demuxer;
use crate::demux::mpegts::MpegTs;
use crate::error::{ErrorKind, Result};
use crate::facts::Damage;
use crate::source::Source;

/// The most that is walked: there is no header that tells a length, and beyond it the rest is reckoned by bytes.
const WALKED: u64 = 64 * 1024 * 1024;

/// What a transport stream holds.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut file = match MpegTs::open(source) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        Err(error) => return Ok(Streamed { damage: vec![Damage::Malformed(error.what())], ..Streamed::default() }),
    };
    let counted = count(&mut file, |file| file.position() < WALKED)?;
    let mut whole = counted.clone();
    whole.whole = true;
    let mut streams = facts(file.tracks(), &whole);
    if !counted.whole {
        let scaled = |us: u64| {
            let us = u128::from(us) * u128::from(source.len()) / u128::from(file.position().max(1));
            u64::try_from(us).unwrap_or(u64::MAX)
        };
        streams.duration_us = streams.duration_us.map(scaled);
        for track in &mut streams.video {
            track.frames = None;
            track.duration_us = track.duration_us.map(scaled);
        }
        for track in &mut streams.audio {
            track.duration_us = track.duration_us.map(scaled);
        }
    }
    sbr::reveal_again(file.tracks(), &mut streams, || MpegTs::open(source));
    Ok(Streamed { streams, damage: file.damage().to_vec() })
}
