//! MPEG transport streams (ISO/IEC 13818-1): the first program, its H.264 as length-prefixed access units, its AAC
//! without ADTS headers.
//!
//! Times are 90 kHz, counted from the earliest of the first program. The stream is read from end to end in either case:
//! sizes of frames are known only when their bytes were seen.

mod clock;
mod opus;
mod stream;
pub(crate) mod tables;
#[cfg(test)]
mod tests;

use super::{Demuxer, Kind, Packet, Track, Want};
use crate::bytes::{be16, byte};
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;
use clock::Clock;
use std::collections::VecDeque;
use stream::Stream;

/// Bytes of a packet; Blu-ray puts four before it, some broadcasters sixteen behind.
const PACKET: usize = 188;
const SHAPES: [(usize, usize); 3] = [(PACKET, 0), (PACKET + 4, 4), (PACKET + 16, 0)];

/// Packets whose sync bytes must stand in line where one is looked for: `G` is a common letter.
const IN_LINE: usize = 4;

/// How much is read at once.
const BLOCK: usize = 256 * 1024;

/// How far streams and their configurations are looked for.
const MAX_LOOK: u64 = 5 * 1024 * 1024;

/// The most places at which a stream may lose its sync before it is given up.
const MAX_BREAKS: usize = 64;

/// A transport stream, read forward.
#[derive(Debug)]
pub(crate) struct MpegTs<'a> {
    source: &'a Source,
    buffer: Vec<u8>,
    /// Where the buffer starts, and how much of it was used.
    start: u64,
    used: usize,
    stride: usize,
    lead: usize,
    map: Option<u16>,
    /// The section of the map that is being put together.
    section: Vec<u8>,
    mapped: bool,
    streams: Vec<Stream>,
    tracks: Vec<Track>,
    queue: VecDeque<Packet>,
    ended: bool,
    first: i64,
    clock: Clock,
    breaks: usize,
    lost: bool,
    damage: Vec<Damage>,
}

impl<'a> MpegTs<'a> {
    /// Finds the packets, the first program and the configurations of its streams.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let head = source.bytes_at(0, 64 * 1024)?;
        let (offset, stride, lead) = shape(&head).ok_or_else(|| Error::malformed("no transport packets"))?;
        let mut file = Self {
            source,
            buffer: Vec::new(),
            start: offset,
            used: 0,
            stride,
            lead,
            map: None,
            section: Vec::new(),
            mapped: false,
            streams: Vec::new(),
            tracks: Vec::new(),
            queue: VecDeque::new(),
            ended: false,
            first: 0,
            clock: Clock::default(),
            breaks: 0,
            lost: false,
            damage: Vec::new(),
        };
        file.look()?;
        let again = |stream: &Stream| {
            let mut fresh = Stream::with(stream.track.clone(), stream.sets.clone());
            fresh.shown_from = stream.shown_from;
            fresh
        };
        let known: Vec<Stream> = file.streams.iter().map(again).collect();
        file.tracks = known.iter().map(|stream| stream.track.clone()).collect();
        file.streams = known;
        (file.start, file.used, file.ended, file.breaks, file.lost) = (offset, 0, false, 0, false);
        file.clock = Clock::default();
        file.buffer.clear();
        file.damage.clear();
        if !file.mapped {
            file.damage.push(Damage::Malformed("no program map".to_owned()));
        }
        Ok(file)
    }

    /// In what ways the bytes break their format, as far as was seen.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How far the walk has come, in bytes.
    pub(crate) const fn position(&self) -> u64 {
        self.start + self.used as u64
    }

    /// Reads until every stream is known and has a time.
    fn look(&mut self) -> Result<()> {
        let mut firsts: Vec<Option<i64>> = Vec::new();
        let mut unsure: Vec<Option<i64>> = Vec::new();
        let mut unseen = 0;
        while self.position() < MAX_LOOK && self.step(Want::Table)? {
            firsts.resize(self.streams.len(), None);
            unsure.resize(self.streams.len(), None);
            for packet in self.queue.drain(..) {
                let video = self.streams.get(packet.track).is_some_and(|stream| stream.track.kind == Kind::Video);
                let (Some(first), Some(any)) = (firsts.get_mut(packet.track), unsure.get_mut(packet.track)) else {
                    continue;
                };
                *any = Some(any.map_or(packet.pts, |any| any.min(packet.pts)));
                // Pictures count from the first that can be decoded by itself.
                if !video {
                    *first = *any;
                } else if packet.sync {
                    first.get_or_insert(packet.pts);
                }
            }
            let counts = |stream: &Stream| !matches!(stream.track.kind, Kind::Other(_));
            let known = self.streams.iter().all(Stream::is_known)
                && self.streams.iter().zip(&firsts).all(|(stream, first)| first.is_some() || !counts(stream));
            // A little more, for pictures that are shown before the first.
            unseen += usize::from(known && self.mapped);
            if unseen > 256 {
                break;
            }
        }
        self.queue.clear();
        for ((stream, first), any) in self.streams.iter_mut().zip(&mut firsts).zip(unsure) {
            if stream.track.kind == Kind::Video {
                stream.shown_from = *first;
            }
            *first = first.or(any);
            if stream.track.codec == tables::PRIVATE {
                "unknown".clone_into(&mut stream.track.codec);
            }
        }
        self.first = firsts.iter().flatten().min().copied().unwrap_or(0);
        Ok(())
    }

    /// Takes one transport packet; false at the end.
    fn step(&mut self, want: Want) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.buffer.len().saturating_sub(self.used) < self.stride && !self.fill()? {
            self.finish(want);
            return Ok(true);
        }
        let Some(packet) = self.buffer.get(self.used + self.lead..self.used + self.lead + PACKET) else {
            self.finish(want);
            return Ok(true);
        };
        if byte(packet, 0) != Some(0x47) {
            return self.resume();
        }
        let Some(Unit { pid, starts, scrambled, counter, announced, content }) = unit(packet) else {
            self.used = (self.used + self.stride).min(self.buffer.len());
            return Ok(true);
        };
        let place = self.start + self.used as u64;
        self.used = (self.used + self.stride).min(self.buffer.len());
        if pid == 0 || Some(pid) == self.map {
            if !self.mapped {
                let content = content.to_vec();
                self.table(pid, starts, &content);
            }
            return Ok(true);
        }
        let Some(index) = self.streams.iter().position(|stream| stream.pid == pid) else { return Ok(true) };
        let Some(stream) = self.streams.get_mut(index) else { return Ok(true) };
        let mut lost = false;
        if !stream.counts(counter, starts, content, &mut lost) {
            return Ok(true);
        }
        if lost && !announced && !std::mem::replace(&mut self.lost, true) {
            self.damage.push(Damage::Malformed(format!("packets are missing before byte {place}")));
        }
        stream.track.encrypted |= scrambled;
        let queue = &mut self.queue;
        let mut out = |packet: Packet| queue.push_back(Packet { track: index, ..packet });
        if starts {
            stream.flush(false, want, &mut self.clock, &mut out);
        }
        stream.push(starts, content);
        if stream.is_whole() {
            stream.flush(false, want, &mut self.clock, &mut out);
        }
        Ok(true)
    }

    /// Reads tables: that of programs within one packet, as it always is with few of them; the map out of as many as it takes.
    fn table(&mut self, pid: u16, starts: bool, content: &[u8]) {
        let section = || content.get(1 + usize::from(byte(content, 0).unwrap_or(0))..).unwrap_or_default();
        if pid == 0 {
            if starts {
                self.map = self.map.or_else(|| tables::first_map(section()));
            }
            return;
        }
        if starts {
            self.section = section().to_vec();
        } else if !self.section.is_empty() && self.section.len() < tables::MAX_SECTION {
            self.section.extend_from_slice(content);
        }
        let whole = tables::section_length(&self.section).is_some_and(|length| self.section.len() >= length);
        if let Some(listed) = tables::streams(&self.section).filter(|_| whole) {
            self.streams = listed.iter().map(Stream::new).collect();
            self.mapped = true;
        }
    }

    /// The end of the file: what is held comes out.
    fn finish(&mut self, want: Want) {
        self.ended = true;
        let rest = self.buffer.len().saturating_sub(self.used);
        let head = self.used + self.lead;
        let mut cut = None;
        if rest > self.lead && byte(&self.buffer, head) == Some(0x47) {
            self.damage
                .push(Damage::Truncated(format!("the file ends within a packet: {rest} of {} bytes", self.stride)));
            // One that starts something leaves what came before it whole.
            let flags = be16(&self.buffer, head + 1).unwrap_or(0);
            cut = Some((flags & 0x1FFF, flags & 0x4000 != 0));
        } else if self.streams.iter().any(Stream::is_cut) {
            self.damage.push(Damage::Truncated("the file ends within a frame".to_owned()));
            cut = Some((0x1FFF, false));
        }
        for (index, stream) in self.streams.iter_mut().enumerate() {
            if let Some((pid, starts)) = cut.filter(|&(pid, starts)| !(starts && pid == stream.pid)) {
                stream.drop_cut(pid == stream.pid && !starts);
            }
            let queue = &mut self.queue;
            stream.flush(true, want, &mut self.clock, &mut |packet| {
                queue.push_back(Packet { track: index, ..packet });
            });
        }
    }

    /// Reads on; false when not even a whole packet is left.
    fn fill(&mut self) -> Result<bool> {
        self.start += self.used as u64;
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        let held = self.buffer.len();
        self.buffer.resize(BLOCK, 0);
        let there = self.buffer.get_mut(held..).unwrap_or_default();
        let read = self.source.read_at(self.start + held as u64, there)?;
        self.buffer.truncate(held + read);
        // The last packet may lack what stands behind it.
        Ok(self.buffer.len() >= self.lead + PACKET)
    }

    /// Looks for packets behind bytes that are none.
    fn resume(&mut self) -> Result<bool> {
        let place = self.position();
        self.breaks += 1;
        if self.breaks == 1 {
            self.damage.push(Damage::Malformed(format!("bytes between packets at byte {place}")));
        }
        if self.breaks > MAX_BREAKS {
            self.ended = true;
            return Err(Error::malformed(format!("bytes between packets at byte {place}")));
        }
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            let most = rest.len().saturating_sub(self.stride * IN_LINE);
            let found = (1..most).find(|&at| in_line(rest, at + self.lead, self.stride));
            if let Some(found) = found {
                self.used += found;
                return Ok(true);
            }
            self.used += most.max(1).min(rest.len());
            let before = self.buffer.len() - self.used;
            if !self.fill()? || self.buffer.len() <= before {
                self.used = self.buffer.len();
                return Ok(true);
            }
        }
    }
}

fn in_line(bytes: &[u8], start: usize, stride: usize) -> bool {
    (0..IN_LINE).all(|packet| byte(bytes, start + packet * stride) == Some(0x47))
}

/// Where the first packet stands, how far apart they are, and what stands before each.
fn shape(head: &[u8]) -> Option<(u64, usize, usize)> {
    let start = (0..PACKET + 16).find_map(|start| {
        let found = SHAPES.iter().find(|&&(stride, lead)| in_line(head, start + lead, stride))?;
        Some((start as u64, found.0, found.1))
    });
    // A file of fewer packets than are asked for.
    start.or_else(|| (byte(head, 0) == Some(0x47)).then_some((0, PACKET, 0)))
}

/// What a packet says (§2.4.3.2).
struct Unit<'p> {
    pid: u16,
    /// Whether a packet of an elementary stream, or a section, starts in it.
    starts: bool,
    scrambled: bool,
    counter: u8,
    /// Whether it says itself that the counter may jump (`discontinuity_indicator`, §2.4.3.5).
    announced: bool,
    content: &'p [u8],
}

fn unit(packet: &[u8]) -> Option<Unit<'_>> {
    let flags = be16(packet, 1)?;
    let control = byte(packet, 3)?;
    let at = match control >> 4 & 3 {
        1 => 4,
        3 => 5 + usize::from(byte(packet, 4)?),
        _ => return None,
    };
    // A packet in error is marked as such.
    if flags & 0x8000 != 0 {
        return None;
    }
    let (starts, scrambled) = (flags & 0x4000 != 0, control & 0xC0 != 0);
    let announced = at > 5 && byte(packet, 5)? & 0x80 != 0;
    let (pid, counter) = (flags & 0x1FFF, control & 0x0F);
    Some(Unit { pid, starts, scrambled, counter, announced, content: packet.get(at..)? })
}

impl Demuxer for MpegTs<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        loop {
            if let Some(mut found) = self.queue.pop_front() {
                let from = self.streams.get(found.track).and_then(|stream| stream.shown_from);
                if from.is_some_and(|from| found.pts < from) {
                    continue;
                }
                found.pts -= self.first;
                found.dts -= self.first;
                *packet = found;
                return Ok(true);
            }
            if self.ended {
                return match self.damage.iter().any(|damage| matches!(damage, Damage::Truncated(_))) && !self.told() {
                    true => Err(Error::malformed("the file ends within a packet")),
                    false => Ok(false),
                };
            }
            self.step(want)?;
        }
    }
}

impl MpegTs<'_> {
    /// Whether the end was told already: an error is given once.
    fn told(&mut self) -> bool {
        std::mem::replace(&mut self.breaks, usize::MAX) == usize::MAX
    }
}
