//! The sound beside new pictures, and both into one file.

use super::Job;
use super::pass::Encoded;
use super::size::Chosen;
use crate::cancel::Cancel;
use crate::convert::copy::{Beside, Kept, Until};
use crate::convert::spool::Spool;
use crate::convert::write::store::Merged;
use crate::convert::write::{Packets, mp4};
use crate::demux::{Packet, Track, Want};
use crate::error::{ErrorKind, Result};

/// What stands beside the pictures.
pub(crate) enum Sound<'s> {
    /// Nothing.
    None,
    /// The packets of the demuxer's track of this number.
    Copy(usize),
    /// Packets that were made.
    Made(&'s Beside<'s>),
}

/// How much of it there is.
pub(super) struct Measured {
    pub bytes: u64,
    pub packets: u64,
    kept: Option<Kept>,
}

impl Sound<'_> {
    /// Walks its packets.
    pub(super) fn measured(&self, job: &Job<'_, '_, '_>, cancel: &Cancel) -> Result<Measured> {
        let mut measured = Measured { bytes: 0, packets: 0, kept: None };
        let mut packets: Box<dyn Packets + '_> = match self {
            Sound::None => return Ok(measured),
            Sound::Copy(track) => {
                let demuxer = (job.clip.open)()?;
                let kept = Kept::new(&*demuxer, *track)?;
                let packets = kept.packets(demuxer);
                measured.kept = Some(kept);
                packets
            }
            Sound::Made(beside) => (beside.packets)()?,
        };
        let mut packet = Packet::default();
        loop {
            if measured.packets.is_multiple_of(1024) {
                cancel.check()?;
            }
            match packets.next(&mut packet, Want::Table) {
                Ok(true) => {}
                Err(error) if error.kind() == ErrorKind::Malformed && job.clip.salvage => break,
                other => {
                    other?;
                    break;
                }
            }
            measured.bytes += u64::from(packet.size);
            measured.packets += 1;
        }
        drop(packets);
        Ok(measured)
    }
}

/// Writes pictures and sound as one file.
pub(super) fn assemble(
    job: &Job<'_, '_, '_>,
    sound: &Measured,
    encoded: &Encoded,
    chosen: &Chosen,
    cancel: &Cancel,
) -> Result<Spool> {
    let mut tracks: Vec<Track> = vec![encoded.track.clone()];
    match (&job.sound, &sound.kept) {
        (Sound::Copy(_), Some(kept)) => tracks.push(kept.track.clone()),
        (Sound::Made(beside), _) => tracks.push(beside.track.clone()),
        _ => {}
    }
    let mut out = Spool::new(u64::MAX);
    let mut open = || -> Result<Box<dyn Packets + '_>> {
        let mut parts: Vec<(Box<dyn Packets + '_>, Vec<u32>)> =
            vec![(Box::new(encoded.store.replay()), vec![encoded.track.timescale])];
        let packets: Option<Box<dyn Packets + '_>> = match (&job.sound, &sound.kept) {
            (Sound::Copy(_), Some(kept)) => Some(kept.packets((job.clip.open)()?)),
            (Sound::Made(beside), _) => Some((beside.packets)()?),
            _ => None,
        };
        if let (Some(packets), Some(track)) = (packets, tracks.get(1)) {
            let until = chosen.ends_at.map(|seconds| (seconds * f64::from(track.timescale)) as i64);
            parts.push((Box::new(Until { packets, end: until, salvage: job.clip.salvage }), vec![track.timescale]));
        }
        Ok(Box::new(Merged::new(parts)))
    };
    mp4::write(&mut out, mp4::Brand::Mp4, &tracks, &mut open, None, cancel)?;
    Ok(out)
}
