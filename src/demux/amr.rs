//! AMR files (RFC 4867 §5): a magic, then frames of 20 ms. A packet is a frame with its type byte, as 3GP has it.

use super::frames::Counted;
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::bytes::Blocks;
use crate::codec::amr::{Band, MAGIC_NARROW, MAGIC_WIDE};
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;

/// An AMR file of one channel.
#[derive(Debug)]
pub(crate) struct Amr<'a> {
    blocks: Blocks<'a>,
    end: u64,
    /// Narrow or wide.
    pub band: Band,
    first: u64,
    at: u64,
    time: i64,
    tracks: [Track; 1],
    damage: Vec<Damage>,
}

impl<'a> Amr<'a> {
    /// Reads the magic.
    ///
    /// # Errors
    /// `Unsupported` for several channels, `Malformed` without the magic; `Io` when the source cannot be read.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let head = source.head()?;
        let (band, first) = if head.starts_with(MAGIC_NARROW) {
            (Band::Narrow, MAGIC_NARROW.len())
        } else if head.starts_with(MAGIC_WIDE) {
            (Band::Wide, MAGIC_WIDE.len())
        } else if head.starts_with(b"#!AMR") {
            return Err(Error::unsupported("AMR of several channels is not read; found a magic of RFC 4867 §5.2"));
        } else {
            return Err(Error::malformed("the magic of AMR is missing"));
        };
        let mut track = Track::new(0, Kind::Audio, band.codec(), band.sample_rate());
        (track.channels, track.sample_rate, track.default) = (Some(1), Some(band.sample_rate()), true);
        let first = first as u64;
        let blocks = Blocks::new(source)?;
        Ok(Self { blocks, end: source.len(), band, first, at: first, time: 0, tracks: [track], damage: Vec::new() })
    }

    /// Ways in which the bytes break their format, as far as they were read.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Counts all frames, and goes back to the first. What is damaged stays known.
    pub(crate) fn count(&mut self) -> Result<Counted> {
        (self.at, self.time) = (self.first, 0);
        self.damage.clear();
        let mut counted = Counted::default();
        while let Some((_, length)) = self.step()? {
            counted.frames += 1;
            counted.samples += u64::from(self.band.frame_samples());
            counted.bytes += length as u64;
        }
        counted.cut = !self.damage.is_empty();
        self.at = self.first;
        Ok(counted)
    }

    /// The next whole frame's place and length.
    fn step(&mut self) -> Result<Option<(u64, usize)>> {
        let left = self.end.saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        let place = self.at;
        let Some(&first) = self.blocks.from(place, 1)?.first() else { return Ok(None) };
        if !self.band.starts_frame(first) {
            let what = format!("no frame starts at byte {place}; found {first:#04x}");
            return Ok(self.stop(Damage::Malformed(what)));
        }
        let length = self.band.frame_length(first);
        if length as u64 > left {
            let what = format!("the last frame ends beyond the file; found {left} bytes, expected {length}");
            return Ok(self.stop(Damage::Truncated(what)));
        }
        self.at += length as u64;
        Ok(Some((place, length)))
    }

    fn stop<T>(&mut self, damage: Damage) -> Option<T> {
        if self.damage.is_empty() {
            self.damage.push(damage);
        }
        None
    }
}

impl Demuxer for Amr<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((place, length)) = self.step()? else {
            return match self.damage.first() {
                None => Ok(false),
                Some(Damage::Truncated(what) | Damage::Malformed(what) | Damage::Undecodable(what)) => {
                    Err(Error::malformed(what.clone()))
                }
            };
        };
        packet.data.clear();
        if want != Want::Table {
            let bytes = self.blocks.from(place, length)?;
            packet.data.extend_from_slice(bytes.get(..length).unwrap_or(bytes));
        }
        packet.size = u32::try_from(length).unwrap_or(u32::MAX);
        let samples = self.band.frame_samples();
        (packet.track, packet.dts, packet.pts) = (0, self.time, self.time);
        (packet.duration, packet.sync, packet.discard_ns) = (u64::from(samples), true, 0);
        self.time = self.time.saturating_add(i64::from(samples));
        Ok(true)
    }
}
