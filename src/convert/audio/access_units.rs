//! Encoded AAC on its way into a container: access units in a spool, and a track that describes them.

use super::aac::{AacEncoder, FRAME};
use super::microseconds;
use crate::convert::spool::{Spool, failed};
use crate::convert::write::Packets;
use crate::demux::{EditEntry, Kind, Packet, Track, Want};
use crate::error::{Error, Result};
use crate::facts::Lost;
use std::cell::RefCell;
use std::io::{Read, Write};

/// The most access units of one stream: 27 hours at 44,100 Hz.
const MAX_UNITS: usize = 4 * 1024 * 1024;

/// A stream of AAC-LC in access units, for an M4A or beside a video.
#[derive(Debug)]
pub(crate) struct AacEncoded {
    /// What a container has to say of it, its edit list included.
    pub track: Track,
    units: RefCell<Spool>,
    /// Bytes of each unit.
    sizes: Vec<u16>,
    /// Samples of a channel that are played.
    pub frames: u64,
    /// What of the recording did not decode.
    pub lost: Option<Lost>,
}

/// Gathers access units.
pub(super) struct Gathering {
    units: std::io::BufWriter<Spool>,
    sizes: Vec<u16>,
}

impl Gathering {
    /// At most `max` bytes.
    pub(super) fn new(max: u64) -> Self {
        Self { units: std::io::BufWriter::new(Spool::new(max)), sizes: Vec::new() }
    }

    /// Takes the next unit.
    pub(super) fn take(&mut self, unit: &[u8]) -> Result<()> {
        let size =
            u16::try_from(unit.len()).map_err(|_| Error::engine("the AAC encoder made a unit that is too long"))?;
        if self.sizes.len() >= MAX_UNITS {
            return Err(Error::limit("the sound is too long to encode; cut it first"));
        }
        self.sizes.push(size);
        self.units.write_all(unit).map_err(failed)
    }

    /// The stream, of which `frames` samples are played.
    pub(super) fn finish(self, encoder: &AacEncoder, frames: u64) -> Result<AacEncoded> {
        let units = self.units.into_inner().map_err(|error| failed(error.into_error()))?;
        let rate = encoder.rate();
        let mut track = Track::new(1, Kind::Audio, "aac", rate);
        track.config = encoder.asc().to_vec();
        track.duration = Some(self.sizes.len() as u64 * u64::from(FRAME));
        let duration_us = microseconds(frames, rate);
        let edit = EditEntry { duration_us, media_time: encoder.priming().into(), rate: 1 << 16 };
        track.edits.list.push(edit);
        track.channels = Some(encoder.channels());
        track.sample_rate = Some(rate);
        track.bits = Some(16);
        track.default = true;
        Ok(AacEncoded { track, units: RefCell::new(units), sizes: self.sizes, frames, lost: None })
    }
}

impl AacEncoded {
    /// Bytes of all units.
    pub(crate) fn bytes(&self) -> u64 {
        self.units.borrow().len()
    }

    /// The packets from the first on, as often as they are wanted.
    pub(crate) fn packets(&self) -> AccessUnits<'_> {
        AccessUnits { units: &self.units, sizes: self.sizes.iter(), time: 0, at: 0, block: Vec::new(), used: 0 }
    }
}

/// Bytes that are read at once.
const READ: usize = 64 * 1024;

/// The packets of an [`AacEncoded`].
pub(crate) struct AccessUnits<'a> {
    units: &'a RefCell<Spool>,
    sizes: std::slice::Iter<'a, u16>,
    time: i64,
    /// Where the next block starts.
    at: u64,
    block: Vec<u8>,
    used: usize,
}

impl AccessUnits<'_> {
    fn unit(&mut self, size: usize, into: &mut Vec<u8>) -> Result<()> {
        if self.block.len() - self.used < size {
            self.block.drain(..self.used);
            self.used = 0;
            let mut units = self.units.borrow_mut();
            units.move_to(self.at)?;
            let count = (&mut *units).take(READ as u64).read_to_end(&mut self.block).map_err(failed)?;
            self.at += count as u64;
        }
        let unit = self.block.get(self.used..self.used + size);
        into.extend_from_slice(unit.ok_or_else(|| failed(std::io::ErrorKind::UnexpectedEof.into()))?);
        self.used += size;
        Ok(())
    }
}

impl Packets for AccessUnits<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some(&size) = self.sizes.next() else { return Ok(false) };
        packet.data.clear();
        if want != Want::Table {
            self.unit(size.into(), &mut packet.data)?;
        }
        (packet.track, packet.dts, packet.pts) = (0, self.time, self.time);
        (packet.duration, packet.sync, packet.discard_ns, packet.size) = (FRAME.into(), true, 0, size.into());
        self.time += i64::from(FRAME);
        Ok(true)
    }
}
