//! The second pass: each packet's content into its place.

use super::table::{Digest, Table};
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::convert::write::Packets;
use crate::demux::{Packet, Want};
use crate::error::{Error, Result};
use crate::limits::capped_vec;

/// Content of a track that is gathered before it goes into the spool, in bytes.
const BUFFER: usize = 256 * 1024;

/// The header of the `mdat` box around `bytes` of content.
pub(super) fn header(bytes: u64) -> Vec<u8> {
    match u32::try_from(bytes + 8) {
        Ok(size) => [size.to_be_bytes(), *b"mdat"].concat(),
        Err(_) => [&[0, 0, 0, 1], b"mdat".as_slice(), &(bytes + 16).to_be_bytes()].concat(),
    }
}

/// A track's way through its chunks.
struct Lane {
    /// The chunk it is in, by its index in the table, and how many samples and bytes of it are to come.
    chunk: usize,
    samples: u32,
    bytes: u64,
    /// Where its next byte goes, behind what is gathered.
    at: u64,
    gathered: Vec<u8>,
}

/// Writes the content, which starts at `content`.
pub(super) fn place(
    out: &mut Spool,
    content: u64,
    table: &Table,
    packets: &mut dyn Packets,
    cancel: &Cancel,
) -> Result<()> {
    let mut offsets = capped_vec(table.chunks.len());
    let mut at = content;
    for chunk in &table.chunks {
        offsets.push(at);
        at += chunk.bytes;
    }
    let mut lanes: Vec<Lane> = (0..table.tracks.len())
        .map(|_| Lane { chunk: usize::MAX, samples: 0, bytes: 0, at: 0, gathered: Vec::new() })
        .collect();
    let mut digest = Digest::default();
    let mut packet = Packet::default();
    while packets.next(&mut packet, Want::Content)? {
        digest.add(&packet, cancel)?;
        let lane = lanes.get_mut(packet.track).ok_or_else(changed)?;
        if lane.samples == 0 {
            lane.flush(out)?;
            lane.enter(packet.track, table, &offsets)?;
        }
        let size = packet.data.len() as u64;
        if size != u64::from(packet.size) || size > lane.bytes {
            return Err(changed());
        }
        (lane.samples, lane.bytes) = (lane.samples - 1, lane.bytes - size);
        lane.put(out, &packet.data)?;
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
        let from = self.chunk.wrapping_add(1);
        let rest = table.chunks.iter().enumerate().skip(from);
        let (index, chunk) = rest.into_iter().find(|(_, chunk)| chunk.track == track).ok_or_else(changed)?;
        (self.chunk, self.samples, self.bytes) = (index, chunk.samples, chunk.bytes);
        self.at = offsets.get(index).copied().ok_or_else(changed)?;
        Ok(())
    }

    fn put(&mut self, out: &mut Spool, bytes: &[u8]) -> Result<()> {
        if self.gathered.len() + bytes.len() > BUFFER {
            self.flush(out)?;
        }
        if bytes.len() >= BUFFER / 2 {
            self.flush(out)?;
            out.move_to(self.at)?;
            out.put(bytes)?;
            self.at += bytes.len() as u64;
        } else {
            self.gathered.extend(bytes);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Spool) -> Result<()> {
        if !self.gathered.is_empty() {
            out.move_to(self.at)?;
            out.put(&self.gathered)?;
            self.at += self.gathered.len() as u64;
            self.gathered.clear();
        }
        Ok(())
    }
}

fn changed() -> Error {
    Error::malformed("changed while it was read, or its tables contradict its content")
}
