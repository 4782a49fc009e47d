//! Pictures whose configuration changes within the stream: an MP4 has one place for it, and players go by that.

use crate::codec::h264::{Config, Sps};
use crate::convert::write::Packets;
use crate::demux::{Packet, Track, Want, annexb};
use crate::error::{Error, Result};

/// `nal_unit_type` of a sequence parameter set.
const SPS: u8 = 7;

/// What may not change: size, profile, chroma, depth.
type Kind = (u32, u32, u8, crate::facts::Chroma, u8);

fn kind(sps: &Sps) -> Kind {
    (sps.width, sps.height, sps.profile_idc, sps.chroma, sps.bit_depth)
}

/// Packets, as long as the pictures in them stay what the track says.
pub(super) struct Steady<P> {
    packets: P,
    /// Of tracks that are looked at: bytes of a length, and what its pictures are.
    kinds: Vec<Option<(u8, Kind)>>,
}

impl<P: Packets> Steady<P> {
    /// ISO base media files name their configurations; in other containers these change without notice.
    pub(super) fn new(packets: P, tracks: &[Track]) -> Self {
        let known = |track: &Track| {
            let config =
                Config::parse(&track.config).filter(|_| track.codec == "h264" && track.sample_entry.is_none())?;
            let sps = config.sps.and_then(Sps::parse)?;
            Some((config.length_size, kind(&sps)))
        };
        Self { packets, kinds: tracks.iter().map(known).collect() }
    }
}

impl<P: Packets> Packets for Steady<P> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let more = self.packets.next(packet, want)?;
        let Some((length_size, was)) = self.kinds.get(packet.track).copied().flatten().filter(|_| more) else {
            return Ok(more);
        };
        let changed = annexb::prefixed(&packet.data, length_size)
            .filter(|nal| annexb::kind(nal) == SPS)
            .filter_map(Sps::parse)
            .find(|sps| kind(sps) != was);
        match changed {
            None => Ok(true),
            Some(is) => Err(Error::unsupported(format!(
                "its pictures change in the middle; found {}x{} behind {}x{}; it has to be converted",
                is.width, is.height, was.0, was.1
            ))),
        }
    }
}
