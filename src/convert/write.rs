//! Containers that are written, one file or folder each.

pub(crate) mod adts;
pub(crate) mod mp4;
pub(crate) mod ogg;
#[cfg_attr(not(feature = "video"), expect(dead_code, reason = "packets are gathered for new pictures alone"))]
pub(crate) mod store;

use crate::demux::{Demuxer, Packet, Want};
use crate::error::Result;

/// Packets on their way into a writer, in the order of decoding times; [`Packet::track`] is the writer's number of the track.
pub(crate) trait Packets {
    /// Puts the next packet into `packet`, whose buffer is used again; false at the end.
    ///
    /// # Errors
    /// As [`Demuxer::next`].
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool>;
}

/// A demuxer's packets of some of its tracks.
pub(crate) struct Chosen<D> {
    demuxer: D,
    /// By the demuxer's number of the track: the writer's.
    places: Vec<Option<usize>>,
}

impl<D: Demuxer> Chosen<D> {
    /// The packets of the tracks whose indices are `keep`, in this order.
    pub(crate) fn new(demuxer: D, keep: &[usize]) -> Self {
        let places = (0..demuxer.tracks().len()).map(|track| keep.iter().position(|&kept| kept == track)).collect();
        Self { demuxer, places }
    }
}

impl<D: Demuxer> Packets for Chosen<D> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        while self.demuxer.next(packet, want)? {
            if let Some(&Some(place)) = self.places.get(packet.track) {
                packet.track = place;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<D: Demuxer + ?Sized> Demuxer for Box<D> {
    fn tracks(&self) -> &[crate::demux::Track] {
        (**self).tracks()
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        (**self).next(packet, want)
    }
}
