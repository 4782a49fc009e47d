//! AVI, by a walk through its chunks.

use super::sbr;
use super::stream::Streamed;
use super::tracks::{count, facts, rate_of};
use crate::demux::avi::Avi;
use crate::demux::{Demuxer, Kind};
use crate::error::{ErrorKind, Result};
use crate::facts::{Damage, FrameRate};
use crate::source::Source;

/// The most that is walked; beyond it lengths are those of the header.
const WALKED: u64 = 32 * 1024 * 1024;

/// What an AVI holds.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut file = match Avi::open(source) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        Err(error) => return Ok(Streamed { damage: vec![Damage::Malformed(error.what())], ..Streamed::default() }),
    };
    let counted = count(&mut file, |file| file.position() < WALKED)?;
    let mut streams = facts(file.tracks(), &counted);
    let pictures = file.tracks().iter().enumerate().filter(|(_, track)| track.kind == Kind::Video);
    for (found, (index, _)) in streams.video.iter_mut().zip(pictures) {
        // All frames have one length; an empty chunk shows the one before again.
        found.variable_rate = false;
        if let Some((rate, scale)) = file.stated_rate(index) {
            let stated = rate_of(1000, u64::from(scale) * 1000, rate);
            // Where empty chunks stand between frames there are fewer of them.
            let fewer = |(stated, counted): (FrameRate, FrameRate)| counted.per_second() < stated.per_second() * 0.9;
            if !stated.zip(found.frame_rate).is_some_and(fewer) {
                found.frame_rate = stated.or(found.frame_rate);
            }
        }
        found.frames = found.frames.or(file.stated_frames(index));
    }
    sbr::reveal_again(file.tracks(), &mut streams, || Avi::open(source));
    Ok(Streamed { streams, damage: file.damage().to_vec() })
}
