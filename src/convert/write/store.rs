//! Packets that are made here and written later: encoders give theirs one by one, and an index that stands first needs them
//! all. Their content and their times lie in spools, so that their number does not matter.

use super::Packets;
use crate::convert::spool::Spool;
use crate::demux::{Packet, Want};
use crate::error::{Error, Result};
use crate::limits::capped_vec;
use std::cell::RefCell;

/// Bytes of a packet's times: track, flags, size, duration, decoding and presentation time.
const RECORD: usize = 4 + 4 + 4 + 8 + 8 + 8;

/// Records that are gathered or read at once.
const RECORDS: usize = 1024 * RECORD;

/// Content that is gathered or read at once.
const BLOCK: usize = 128 * 1024;

/// Packets in the order in which they were given.
#[derive(Debug)]
pub(crate) struct PacketStore {
    // Several readers may be under way, each with its own place.
    records: RefCell<Spool>,
    content: RefCell<Spool>,
    new_records: Vec<u8>,
    new_content: Vec<u8>,
    count: u64,
}

impl PacketStore {
    /// An empty one that takes `max` bytes of content.
    pub(crate) fn new(max: u64) -> Self {
        Self {
            records: RefCell::new(Spool::new(u64::MAX)),
            content: RefCell::new(Spool::new(max)),
            new_records: capped_vec(RECORDS),
            new_content: capped_vec(BLOCK),
            count: 0,
        }
    }

    /// How many packets there are.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// How many bytes of content there are.
    pub(crate) fn bytes(&self) -> u64 {
        self.content.borrow().len() + self.new_content.len() as u64
    }

    /// Adds a packet: track, times and the sync flag of `packet`, and `data`.
    ///
    /// # Errors
    /// `Io` and `Limit` by the spool.
    pub(crate) fn push(&mut self, packet: &Packet, data: &[u8]) -> Result<()> {
        let size = u32::try_from(data.len()).map_err(|_| Error::limit("has a packet of 4 GiB or more"))?;
        let track = u32::try_from(packet.track).map_err(|_| Error::engine("a packet of no track"))?;
        for word in [track, u32::from(packet.sync), size] {
            self.new_records.extend(word.to_le_bytes());
        }
        self.new_records.extend(packet.duration.to_le_bytes());
        self.new_records.extend(packet.dts.to_le_bytes());
        self.new_records.extend(packet.pts.to_le_bytes());
        if self.new_records.len() >= RECORDS {
            self.records.get_mut().put(&self.new_records)?;
            self.new_records.clear();
        }
        if self.new_content.len() + data.len() > BLOCK {
            self.content.get_mut().put(&self.new_content)?;
            self.new_content.clear();
        }
        if data.len() > BLOCK / 2 {
            self.content.get_mut().put(&self.new_content)?;
            self.new_content.clear();
            self.content.get_mut().put(data)?;
        } else {
            self.new_content.extend(data);
        }
        self.count += 1;
        Ok(())
    }

    /// Ends the adding: afterwards the packets can be read.
    ///
    /// # Errors
    /// `Io` and `Limit` by the spool.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.records.get_mut().put(&self.new_records)?;
        self.content.get_mut().put(&self.new_content)?;
        self.new_records.clear();
        self.new_content.clear();
        Ok(())
    }

    /// The packets from the first on.
    pub(crate) fn replay(&self) -> Replay<'_> {
        Replay { records: Reader::new(&self.records, RECORDS), content: Reader::new(&self.content, BLOCK) }
    }
}

/// The packets of a store, read forward.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    records: Reader<'a>,
    content: Reader<'a>,
}

impl Packets for Replay<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        if self.records.at >= self.records.len() {
            return Ok(false);
        }
        let mut word = [0; 4];
        let mut read = |records: &mut Reader| -> Result<u32> {
            records.fill(&mut word)?;
            Ok(u32::from_le_bytes(word))
        };
        packet.track = usize::try_from(read(&mut self.records)?).unwrap_or(usize::MAX);
        packet.sync = read(&mut self.records)? != 0;
        packet.size = read(&mut self.records)?;
        let mut long = [0; 8];
        self.records.fill(&mut long)?;
        packet.duration = u64::from_le_bytes(long);
        self.records.fill(&mut long)?;
        packet.dts = i64::from_le_bytes(long);
        self.records.fill(&mut long)?;
        packet.pts = i64::from_le_bytes(long);
        packet.discard_ns = 0;
        packet.data.clear();
        if want != Want::Table {
            packet.data.resize(usize::try_from(packet.size).unwrap_or(0), 0);
            self.content.fill(&mut packet.data)?;
        }
        Ok(true)
    }
}

/// Reads a spool that others read too.
#[derive(Debug)]
struct Reader<'a> {
    spool: &'a RefCell<Spool>,
    block: Vec<u8>,
    /// What of the block was given away.
    used: usize,
    /// Where the next byte given away lies.
    at: u64,
    size: usize,
}

impl<'a> Reader<'a> {
    fn new(spool: &'a RefCell<Spool>, size: usize) -> Self {
        Self { spool, block: Vec::new(), used: 0, at: 0, size }
    }

    fn len(&self) -> u64 {
        self.spool.borrow().len()
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < into.len() {
            let there = self.block.get(self.used..).unwrap_or_default();
            let rest = into.get_mut(filled..).unwrap_or_default();
            if there.is_empty() {
                self.refill()?;
                continue;
            }
            let count = there.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..count), there.get(..count)) {
                to.copy_from_slice(from);
            }
            filled += count;
            self.used += count;
            self.at += count as u64;
        }
        Ok(())
    }

    fn refill(&mut self) -> Result<()> {
        let mut spool = self.spool.borrow_mut();
        let left = usize::try_from(spool.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        if left == 0 {
            return Err(Error::engine("a packet store ends before its packets do"));
        }
        self.block.resize(left.min(self.size), 0);
        self.used = 0;
        spool.move_to(self.at)?;
        spool.get(&mut self.block)
    }
}

/// Packets of several places in one order, that of decoding times.
pub(crate) struct Merged<'a> {
    /// With its ticks per second, the number its tracks start from, and the packet that waits.
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    packets: Box<dyn Packets + 'a>,
    /// By the part's number of a track: ticks per second.
    timescales: Vec<u32>,
    /// What the number of its first track becomes.
    first: usize,
    waiting: Option<Packet>,
    ended: bool,
}

impl<'a> Merged<'a> {
    /// The packets of `parts`, each with the timescales of its tracks; numbers of tracks go on from part to part.
    pub(crate) fn new(parts: Vec<(Box<dyn Packets + 'a>, Vec<u32>)>) -> Self {
        let mut first = 0;
        let parts = parts.into_iter().map(|(packets, timescales)| {
            let part = Part { packets, first, waiting: None, ended: false, timescales };
            first += part.timescales.len();
            part
        });
        Self { parts: parts.collect() }
    }
}

impl Packets for Merged<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        for part in &mut self.parts {
            if part.waiting.is_none() && !part.ended {
                let mut next = Packet::default();
                if part.packets.next(&mut next, want)? {
                    part.waiting = Some(next);
                } else {
                    part.ended = true;
                }
            }
        }
        let earliest = self.parts.iter_mut().filter(|part| part.waiting.is_some()).min_by_key(|part| part.due());
        let Some(part) = earliest else { return Ok(false) };
        let Some(next) = part.waiting.take() else { return Ok(false) };
        *packet = next;
        packet.track += part.first;
        Ok(true)
    }
}

impl Part<'_> {
    /// When the packet that waits is decoded, in nanoseconds.
    fn due(&self) -> i128 {
        let Some(packet) = &self.waiting else { return i128::MAX };
        let timescale = self.timescales.get(packet.track).copied().unwrap_or(1).max(1);
        i128::from(packet.dts) * 1_000_000_000 / i128::from(timescale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(track: usize, dts: i64) -> Packet {
        Packet { track, dts, pts: dts + 1, duration: 2, sync: dts % 3 == 0, ..Packet::default() }
    }

    #[test]
    fn packets_come_back_as_often_as_wanted() {
        let mut store = PacketStore::new(u64::MAX);
        // Small ones, empty ones, and some that are larger than what is gathered.
        let size = |index: i64| if index % 500 == 499 { 200_000 } else { usize::try_from(index % 70).unwrap() * 37 };
        let content = |index: i64| vec![index.to_le_bytes()[0]; size(index)];
        (0..3000).for_each(|index| store.push(&packet(0, index), &content(index)).unwrap());
        store.finish().unwrap();
        assert_eq!(store.count(), 3000);
        for want in [Want::Table, Want::Content, Want::Content] {
            let mut replay = store.replay();
            let mut found = Packet::default();
            for index in 0..3000 {
                assert!(replay.next(&mut found, want).unwrap());
                let expected = packet(0, index);
                assert_eq!((found.dts, found.pts, found.sync), (expected.dts, expected.pts, expected.sync));
                assert_eq!(usize::try_from(found.size).unwrap(), content(index).len());
                assert!(found.data == if want == Want::Content { content(index) } else { Vec::new() });
            }
            assert!(!replay.next(&mut found, want).unwrap());
        }
    }

    #[test]
    fn merged_by_decoding_time() {
        let mut stores = [PacketStore::new(100), PacketStore::new(100)];
        [0, 40, 80].iter().for_each(|&dts| stores[0].push(&packet(0, dts), b"v").unwrap());
        [0, 1024, 2048, 3072].iter().for_each(|&dts| stores[1].push(&packet(0, dts), b"a").unwrap());
        stores.iter_mut().for_each(|store| store.finish().unwrap());
        let parts: Vec<(Box<dyn Packets>, _)> =
            vec![(Box::new(stores[0].replay()), vec![1000]), (Box::new(stores[1].replay()), vec![48_000])];
        let mut merged = Merged::new(parts);
        let mut packet = Packet::default();
        let mut order = Vec::new();
        while merged.next(&mut packet, Want::Content).unwrap() {
            order.push((packet.track, packet.dts));
        }
        assert_eq!(order, [(0, 0), (1, 0), (1, 1024), (0, 40), (1, 2048), (1, 3072), (0, 80)]);
    }
}
