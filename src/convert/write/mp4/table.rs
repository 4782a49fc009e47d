//! What the first pass over the packets finds: the tables of each track, and how the content is cut into chunks.

use super::column::{Column, Runs};
use crate::cancel::Cancel;
use crate::convert::write::Packets;
use crate::demux::{Packet, Track, Want};
use crate::error::{Error, Result};
use crate::limits::capped_vec;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The most samples of a track: 74 hours at 60 frames a second. Tables of a few bytes can claim billions.
const MAX_SAMPLES: u32 = 16_000_000;

/// The most chunks; beyond, they only grow. 18 hours of two tracks.
const MAX_CHUNKS: usize = 1 << 18;

/// Packets between two looks at the switch.
const CANCEL_EVERY: u32 = 1024;

/// Samples of a track that lie one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub track: usize,
    pub samples: u32,
    pub bytes: u64,
}

/// A track's samples.
#[derive(Debug)]
pub(super) struct Samples {
    /// How many there are.
    pub count: u32,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Lengths in decoding time, in runs.
    pub deltas: Column,
    /// Presentation time less decoding time, in runs; as signed numbers.
    pub offsets: Column,
    /// Numbers of the samples at which decoding can start, from 1; all when none is named.
    pub syncs: Column,
    /// Whether decoding can start at each.
    pub all_sync: bool,
    /// Lengths in bytes.
    pub sizes: Column,
    /// The length in bytes, where all have the same.
    pub one_size: Option<u32>,
    /// Decoding time of the first.
    pub first: i64,
    /// The sum of the lengths in decoding time.
    pub duration: u64,
    /// The least and the largest offset.
    pub offset: (i64, i64),
    /// When the first is shown, and when the last ends.
    pub shown: (i64, i64),
}

/// What the first pass found.
#[derive(Debug)]
pub(super) struct Table {
    /// By track.
    pub tracks: Vec<Samples>,
    /// In the order of the file.
    pub chunks: Vec<Chunk>,
    /// By which the second pass is known to be the same.
    pub digest: u64,
}

impl Table {
    /// Reads all packets of `tracks`.
    pub(super) fn read(tracks: &[Track], packets: &mut dyn Packets, cancel: &Cancel) -> Result<Self> {
        let mut building: Vec<Building> = tracks.iter().map(Building::new).collect();
        let mut chunks: Vec<Chunk> = capped_vec(1024);
        let mut digest = Digest::default();
        let mut packet = Packet::default();
        while packets.next(&mut packet, Want::Table)? {
            digest.add(&packet, cancel)?;
            let track = building.get_mut(packet.track).ok_or_else(|| Error::engine("a packet of no track"))?;
            track.add(&packet)?;
            let goes_on = packet.dts.saturating_sub(track.chunk_from) < track.half_second || track.chunks_left == 0;
            let index = track.chunk.filter(|_| goes_on).unwrap_or(chunks.len());
            if index == chunks.len() {
                (track.chunk, track.chunk_from) = (Some(index), packet.dts);
                track.chunks_left = track.chunks_left.saturating_sub(1);
                chunks.push(Chunk { track: packet.track, samples: 0, bytes: 0 });
            }
            let Some(chunk) = chunks.get_mut(index) else { continue };
            chunk.samples += 1;
            chunk.bytes += u64::from(packet.size);
        }
        let tracks = building.into_iter().map(Building::end).collect::<Result<_>>()?;
        Ok(Self { tracks, chunks, digest: digest.end() })
    }
}

/// Everything about packets but their content, in one number.
#[derive(Debug, Default)]
pub(super) struct Digest {
    hasher: DefaultHasher,
    count: u32,
}

impl Digest {
    pub(super) fn add(&mut self, packet: &Packet, cancel: &Cancel) -> Result<()> {
        let Packet { track, dts, pts, duration, sync, size, .. } = packet;
        (track, dts, pts, duration, sync, size).hash(&mut self.hasher);
        self.count = self.count.wrapping_add(1);
        if self.count.is_multiple_of(CANCEL_EVERY) { cancel.check() } else { Ok(()) }
    }

    pub(super) fn end(&self) -> u64 {
        self.hasher.finish()
    }
}

/// A track whose packets are being read.
struct Building {
    half_second: i64,
    count: u32,
    bytes: u64,
    deltas: Runs,
    offsets: Runs,
    syncs: Column,
    sync_count: u32,
    sizes: Column,
    one_size: Option<u32>,
    first: i64,
    /// Decoding time of the last, its length, and the length before.
    last: i64,
    last_duration: u64,
    last_delta: u32,
    duration: u64,
    offset: (i64, i64),
    shown: (i64, i64),
    /// Its open chunk, when that starts, and how many more there may be.
    chunk: Option<usize>,
    chunk_from: i64,
    chunks_left: usize,
}

impl Building {
    fn new(track: &Track) -> Self {
        Self {
            half_second: i64::from(track.timescale / 2).max(1),
            count: 0,
            bytes: 0,
            deltas: Runs::new(),
            offsets: Runs::new(),
            syncs: Column::new(),
            sync_count: 0,
            sizes: Column::new(),
            one_size: None,
            first: 0,
            last: 0,
            last_duration: 0,
            last_delta: 0,
            duration: 0,
            offset: (i64::MAX, i64::MIN),
            shown: (i64::MAX, i64::MIN),
            chunk: None,
            chunk_from: 0,
            chunks_left: MAX_CHUNKS / 2,
        }
    }

    fn add(&mut self, packet: &Packet) -> Result<()> {
        if self.count >= MAX_SAMPLES {
            return Err(Error::limit(format!(
                "has too many packets; allowed {MAX_SAMPLES} a track; cut it into parts"
            )));
        }
        // Decoding times cannot go back in an MP4: one that does comes right after the one before.
        let dts = if self.count == 0 {
            (self.first, self.one_size) = (packet.dts, Some(packet.size));
            packet.dts
        } else {
            if self.one_size != Some(packet.size) {
                self.one_size = None;
            }
            let dts = if packet.dts < self.last { self.last.saturating_add(1) } else { packet.dts };
            self.end_sample(dts.abs_diff(self.last))?;
            dts
        };
        let offset = packet.pts.saturating_sub(dts);
        let stored = i32::try_from(offset).map_err(|_| jump())?;
        self.offsets.push(stored.cast_unsigned())?;
        self.offset = (self.offset.0.min(offset), self.offset.1.max(offset));
        self.count += 1;
        self.bytes += u64::from(packet.size);
        self.sizes.push(packet.size)?;
        if packet.sync {
            self.sync_count += 1;
            self.syncs.push(self.count)?;
        }
        (self.last, self.last_duration) = (dts, packet.duration);
        let end = packet.pts.saturating_add_unsigned(packet.duration);
        self.shown = (self.shown.0.min(packet.pts), self.shown.1.max(end));
        Ok(())
    }

    fn end_sample(&mut self, delta: u64) -> Result<()> {
        self.last_delta = u32::try_from(delta).map_err(|_| jump())?;
        self.duration += delta;
        self.deltas.push(self.last_delta)
    }

    fn end(mut self) -> Result<Samples> {
        if self.count > 0 {
            // The last one's length is that of the one before where no length is known.
            let last = if self.last_duration > 0 { self.last_duration } else { u64::from(self.last_delta.max(1)) };
            self.end_sample(last)?;
            if self.last_duration == 0 {
                self.shown.1 = self.shown.1.saturating_add_unsigned(last);
            }
        }
        Ok(Samples {
            count: self.count,
            bytes: self.bytes,
            deltas: self.deltas.end()?,
            offsets: self.offsets.end()?,
            syncs: self.syncs,
            all_sync: self.sync_count == self.count,
            sizes: self.sizes,
            one_size: self.one_size.filter(|&size| size > 0),
            first: self.first,
            duration: self.duration,
            offset: self.offset,
            shown: self.shown,
        })
    }
}

fn jump() -> Error {
    Error::malformed("has packets whose times lie too far apart")
}
