//! The second pass: each packet's content into its place.

use super::table::{Digest, Table};
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::convert::write::Packets;
use crate::demux::{Packet, Want};
use crate::error::{Error, Result};
use crate::limits::capped_vec;
use crate::source::Source;

/// Content of a track that is gathered before it goes into the spool, in bytes.
const BUFFER: usize = 512 * 1024;

/// The header of the `mdat` box around `bytes` of content.
pub(super) fn header(bytes: u64) -> Vec<u8> {
    match u32::try_from(bytes + 8) {
        Ok(size) => [size.to_be_bytes(), *b"mdat"].concat(),
        Err(_) => [&[0, 0, 0, 1], b"mdat".as_slice(), &(bytes + 16).to_be_bytes()].concat(),
    }
}

/// A track's way through its chunks.
#[derive(Default)]
struct Lane {
    /// How many of the table's chunks it has passed, and how many samples and bytes of its own are to come in this one.
    passed: usize,
    samples: u32,
    bytes: u64,
    /// Where its next byte goes, behind what is gathered.
    at: u64,
    gathered: Vec<u8>,
    filled: usize,
}

/// Writes the content, which starts at `content`; what packets say to lie in `source` is read there.
pub(super) fn place(
    out: &mut Spool,
    content: u64,
    table: &Table,
    packets: &mut dyn Packets,
    source: Option<&Source>,
    cancel: &Cancel,
) -> Result<()> {
    let mut offsets = capped_vec(table.chunks.len());
    let mut at = content;
    for chunk in &table.chunks {
        offsets.push(at);
        at += chunk.bytes;
    }
    let mut lanes: Vec<Lane> = (0..table.tracks.len()).map(|_| Lane::default()).collect();
    let mut digest = Digest::default();
    let mut packet = Packet::default();
    let want = if source.is_some() { Want::Place } else { Want::Content };
    while packets.next(&mut packet, want)? {
        digest.add(&packet, cancel)?;
        let lane = lanes.get_mut(packet.track).ok_or_else(changed)?;
        if lane.samples == 0 {
            lane.flush(out)?;
            lane.enter(packet.track, table, &offsets)?;
        }
        let size = u64::from(packet.size);
        if size > lane.bytes {
            return Err(changed());
        }
        (lane.samples, lane.bytes) = (lane.samples - 1, lane.bytes - size);
        match (packet.at, source) {
            (Some(from), Some(source)) => lane.copy(out, source, from, size)?,
            _ if packet.data.len() as u64 == size => lane.put(out, &packet.data)?,
            _ => return Err(changed()),
        }
    }
    for lane in &mut lanes {
        lane.flush(out)?;
    }
    // Whatever was counted, timed or sized otherwise than before shows here; bytes are in their places only if nothing was.
    if digest.end() != table.digest || out.len() != at { Err(changed()) } else { Ok(()) }
}

impl Lane {
    /// Goes on to the track's next chunk.
    fn enter(&mut self, track: usize, table: &Table, offsets: &[u64]) -> Result<()> {
        let rest = table.chunks.iter().enumerate().skip(self.passed);
        let (index, chunk) = rest.into_iter().find(|(_, chunk)| chunk.track == track).ok_or_else(changed)?;
        (self.passed, self.samples, self.bytes) = (index + 1, chunk.samples, chunk.bytes);
        self.at = offsets.get(index).copied().ok_or_else(changed)?;
        Ok(())
    }

    /// Room for the next `count` bytes, at most [`BUFFER`] of them.
    fn room(&mut self, out: &mut Spool, count: usize) -> Result<&mut [u8]> {
        if self.filled + count > BUFFER {
            self.flush(out)?;
        }
        // Made long once: what is filled again and again need not be cleared before.
        if self.gathered.is_empty() {
            self.gathered.resize(BUFFER, 0);
        }
        let from = self.filled;
        self.filled += count;
        self.gathered
            .get_mut(from..from + count)
            .ok_or_else(|| Error::engine("more is gathered than there is room for"))
    }

    fn put(&mut self, out: &mut Spool, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(BUFFER) {
            self.room(out, part.len())?.copy_from_slice(part);
        }
        Ok(())
    }

    /// Puts `size` bytes of `source` from `from` on.
    fn copy(&mut self, out: &mut Spool, source: &Source, mut from: u64, size: u64) -> Result<()> {
        let mut left = size;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            if source.read_at(from, self.room(out, count)?)? != count {
                return Err(changed());
            }
            (from, left) = (from + count as u64, left - count as u64);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Spool) -> Result<()> {
        let filled = std::mem::take(&mut self.filled);
        if let Some(bytes) = self.gathered.get(..filled).filter(|bytes| !bytes.is_empty()) {
            out.move_to(self.at)?;
            out.put(bytes)?;
            self.at += filled as u64;
        }
        Ok(())
    }
}

fn changed() -> Error {
    Error::malformed("changed while it was read, or its tables contradict its content")
}
