//! New pictures and the sound beside them, in one file.

use super::Bench;
use crate::convert::audio::AacEncoded;
use crate::convert::copy::{self, Beside, CopyJob, Kept, Target, Until};
use crate::convert::spool::Spool;
use crate::convert::write::Packets;
use crate::demux;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::source::Source;

/// What stands beside pictures that are coded anew.
pub(super) enum Sound {
    /// Nothing.
    None,
    /// What was coded.
    Coded(Box<AacEncoded>),
    /// A track of the source, and which of the measured ones it is.
    Copied { kept: Box<Kept>, of: usize },
}

impl Bench<'_> {
    /// One file of `pictures`, an MP4 of ours, and `sound`, which ends with them where they are cut.
    pub(super) fn join(&self, out: &mut Spool, pictures: &Source, sound: &Sound, ends_at: Option<f64>) -> Result<()> {
        let mut open = || demux::open(pictures, Format::Mp4);
        let job = CopyJob { keep: &[0], target: Target::Mp4, salvage: false, source: None };
        let track = match sound {
            Sound::None => return copy::copy(out, &mut open, job, self.cancel).map(drop),
            Sound::Coded(encoded) => &encoded.track,
            Sound::Copied { kept, .. } => &kept.track,
        };
        let end = ends_at.map(|seconds| (seconds * f64::from(track.timescale)) as i64);
        let packets = || -> Result<Box<dyn Packets + '_>> {
            let packets: Box<dyn Packets + '_> = match sound {
                Sound::None => return Err(Error::engine("silence has no packets")),
                Sound::Coded(encoded) => Box::new(encoded.packets()),
                Sound::Copied { kept, .. } => kept.packets(self.open()?),
            };
            Ok(Box::new(Until { packets, end, salvage: self.salvage }))
        };
        copy::copy_beside(out, &mut open, job, &Beside { track, packets: &packets }, self.cancel).map(drop)
    }
}
