//! The walk through clusters, block by block (RFC 9559 §5.1.3).
//!
//! It is flat: a cluster is stepped into, its known size only bounds its blocks. So clusters of unknown size, as live
//! recordings have them, are nothing special, and a recording that stops between two elements is whole.

use super::block::{BlockHead, frames};
use super::ebml::{Element, Found, element_at, unsigned};
use super::id;
use super::length::FrameLength;
use super::open::open;
use super::tracks::{Entry, Packing, discard};
use crate::bytes::{Blocks, find};
use crate::demux::Kind;
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;
use std::collections::VecDeque;

/// The largest frame that is read: an intra frame of 8K at the highest rates has less.
pub(super) const MAX_FRAME: u64 = 32 * 1024 * 1024;

/// The most bytes of lacing sizes before the frames of a block.
const MAX_LACE: u64 = 32 * 1024;

/// The most children of a block group that are looked at.
const MAX_GROUP: usize = 64;

/// How far a cluster is searched behind broken bytes.
const MAX_SEARCH: u64 = 16 * 1024 * 1024;

/// The most places at which one file may be broken before it is given up.
const MAX_BREAKS: usize = 8;

/// A frame by its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Index of its track.
    pub track: usize,
    pub at: u64,
    pub size: u64,
    pub pts: i64,
    pub duration: u64,
    pub key: bool,
    pub discard_ns: i64,
    /// Whether it is its track's first of another recording.
    pub restarts: bool,
}

/// What a block group says of its block.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    key: bool,
    duration: Option<u64>,
    discard_ns: i64,
}

/// What is left of a segment.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    source: &'a Source,
    blocks: Blocks<'a>,
    /// Where the next element stands.
    at: u64,
    /// Where the segment ends, or the file.
    end: u64,
    /// Nanoseconds of a tick.
    scale: u64,
    cluster_time: u64,
    cluster_end: Option<u64>,
    /// Where the recording starts that is walked, in nanoseconds: behind those before it in a file of several.
    base: i64,
    /// Where the latest frame so far ends.
    reached: i64,
    /// The tracks of another recording that had no frame yet.
    fresh: Vec<usize>,
    queue: VecDeque<Frame>,
    /// In what ways the bytes broke their format on the way.
    pub damage: Vec<Damage>,
}

impl<'a> Walk<'a> {
    /// From a cluster at `at` on.
    pub(super) fn new(source: &'a Source, at: u64, end: u64, scale: u64) -> Result<Self> {
        Ok(Self {
            source,
            blocks: Blocks::new(source)?,
            at,
            end: end.min(source.len()),
            scale,
            cluster_time: 0,
            cluster_end: None,
            base: 0,
            reached: 0,
            fresh: Vec::new(),
            queue: VecDeque::new(),
            damage: Vec::new(),
        })
    }

    /// How far it has come.
    pub(super) const fn position(&self) -> u64 {
        self.at
    }

    /// The next frame of a known track; none at the end.
    pub(super) fn next(&mut self, entries: &[Entry], lengths: &[FrameLength]) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Ok(Some(frame));
            }
            if self.at >= self.end {
                return Ok(None);
            }
            match element_at(&mut self.blocks, self.at)? {
                Found::End => return Ok(None),
                Found::Cut => return Err(self.cut("an element's header")),
                Found::Junk => self.resume("bytes that are no element")?,
                Found::Element(element) => self.step(element, entries, lengths)?,
            }
        }
    }

    fn step(&mut self, element: Element, entries: &[Entry], lengths: &[FrameLength]) -> Result<()> {
        match (element.id, element.end()) {
            (id::CLUSTER, end) => {
                self.cluster_end = end;
                self.cluster_time = 0;
                self.at = element.body;
            }
            (id::EBML, _) => self.another(entries)?,
            // Another segment of the same file, or a group without a size: stepped into.
            (id::SEGMENT | id::BLOCK_GROUP, None) | (id::SEGMENT, Some(_)) => self.at = element.body,
            (id::SIMPLE_BLOCK | id::BLOCK, Some(end)) => {
                if self.fits(element.id, end)? {
                    self.block(element, None, entries, lengths)?;
                    self.at = end;
                }
            }
            (id::BLOCK_GROUP, Some(end)) => {
                if self.fits(element.id, end)? {
                    self.group(element, end, entries, lengths)?;
                    self.at = end;
                }
            }
            (id::TIMESTAMP, Some(end)) if element.size.is_some_and(|size| size <= 8) => {
                let content = self.blocks.from(element.body, 8)?;
                let size = usize::try_from(end - element.body).unwrap_or(8);
                self.cluster_time = unsigned(content.get(..size).unwrap_or(content));
                self.at = end;
            }
            (other, Some(end)) => {
                if self.fits(other, end)? {
                    self.at = end;
                }
            }
            (other, None) if id::OF_SEGMENT.contains(&other) => self.at = element.body,
            (_, None) => self.resume("an element without a size")?,
        }
        Ok(())
    }

    /// Goes on with the recording that starts here, behind the first, where it has the same tracks.
    fn another(&mut self, entries: &[Entry]) -> Result<()> {
        let opened = open(self.source, self.at)?;
        let alike = entries.len() == opened.entries.len() && entries.iter().zip(&opened.entries).all(is_alike);
        if !alike {
            let what = "another recording with other tracks follows, of which nothing is played,";
            self.note(what)?;
            self.at = self.end;
            return Ok(());
        }
        self.base = self.reached;
        (self.scale, self.at, self.end) = (opened.scale, opened.first_cluster, opened.end);
        (self.cluster_time, self.cluster_end) = (0, None);
        self.fresh = (0..entries.len()).collect();
        Ok(())
    }

    /// Whether an element that ends at `end` is where it should be; else the walk has gone on behind it, or ends.
    fn fits(&mut self, id: u32, end: u64) -> Result<bool> {
        let over_file = end > self.source.len();
        let known =
            [id::SIMPLE_BLOCK, id::BLOCK, id::BLOCK_GROUP, id::VOID].contains(&id) || id::OF_SEGMENT.contains(&id);
        let in_cluster = self.cluster_end.filter(|&cluster| self.at < cluster);
        let over_cluster = in_cluster.is_some_and(|cluster| end > cluster);
        if over_file && known && (!over_cluster || in_cluster.is_some_and(|cluster| cluster > self.source.len())) {
            return Err(self.cut("an element"));
        }
        if over_file || over_cluster {
            self.resume("an element larger than what it is in")?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that the file ends too early, and ends the walk.
    fn cut(&mut self, what: &str) -> Error {
        let what = format!("the file ends within {what} at byte {}", self.at);
        self.damage.push(Damage::Truncated(what.clone()));
        self.at = self.end;
        Error::malformed(what)
    }

    /// Notes that bytes are broken, and goes on at the next cluster.
    fn resume(&mut self, what: &str) -> Result<()> {
        let what = format!("{what} at byte {}", self.at);
        self.damage.push(Damage::Malformed(what.clone()));
        if self.damage.len() > MAX_BREAKS {
            self.at = self.end;
            return Err(Error::malformed(what));
        }
        if let Some(end) = self.cluster_end.take().filter(|&end| end > self.at && end < self.end) {
            self.at = end;
            return Ok(());
        }
        let limit = self.end.min(self.at.saturating_add(MAX_SEARCH));
        let mut at = self.at.saturating_add(1);
        while at < limit {
            let bytes = self.blocks.from(at, 4)?;
            if let Some(place) = find(bytes, &id::CLUSTER.to_be_bytes()) {
                self.at = at + place as u64;
                return Ok(());
            }
            // Three bytes may be the start of one.
            match bytes.len().checked_sub(3) {
                Some(step) if step > 0 => at += step as u64,
                _ => break,
            }
        }
        self.at = self.end;
        Err(Error::malformed(what))
    }

    fn group(&mut self, group: Element, end: u64, entries: &[Entry], lengths: &[FrameLength]) -> Result<()> {
        let (mut block, mut said) = (None, Group { key: true, ..Group::default() });
        let mut at = group.body;
        for _ in 0..MAX_GROUP {
            if at >= end {
                break;
            }
            let Found::Element(part) = element_at(&mut self.blocks, at)? else { break };
            let Some(next) = part.end().filter(|&next| next <= end) else { break };
            let small = part.size.is_some_and(|size| size <= 8);
            let size = usize::try_from(next - part.body).unwrap_or(8);
            match part.id {
                id::BLOCK => block = Some(part),
                id::REFERENCE_BLOCK => said.key = false,
                id::BLOCK_DURATION | id::DISCARD_PADDING if small => {
                    let content = self.blocks.from(part.body, 8)?;
                    let content = content.get(..size).unwrap_or(content);
                    if part.id == id::BLOCK_DURATION {
                        said.duration = Some(unsigned(content));
                    } else {
                        said.discard_ns = discard(content);
                    }
                }
                _ => {}
            }
            at = next;
        }
        match block {
            Some(block) => self.block(block, Some(said), entries, lengths),
            None => Ok(()),
        }
    }

    fn block(
        &mut self,
        block: Element,
        group: Option<Group>,
        entries: &[Entry],
        lengths: &[FrameLength],
    ) -> Result<()> {
        let size = block.size.unwrap_or(0);
        let least = usize::try_from(size.min(16)).unwrap_or(16);
        let Some(head) = BlockHead::parse(self.blocks.from(block.body, least)?) else {
            return self.note("a block without a header");
        };
        let Some(track) = entries.iter().position(|entry| entry.number == head.track) else { return Ok(()) };
        let least = if head.lacing == 0 { least } else { usize::try_from(size.min(MAX_LACE)).unwrap_or(least) };
        let bytes = self.blocks.from(block.body, least)?;
        let bytes = bytes.get(..usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len())).unwrap_or_default();
        let Some((skip, sizes)) = frames(&head, bytes, size) else { return self.note("a lace that lies") };
        let (Some(entry), Some(&length)) = (entries.get(track), lengths.get(track)) else { return Ok(()) };
        let ticks = i128::from(self.cluster_time) + i128::from(head.time);
        let start = ticks * i128::from(self.scale) - i128::from(entry.codec_delay) + i128::from(self.base);
        let mut pts = i64::try_from(start).unwrap_or(i64::MAX / 4).clamp(-i64::MAX / 4, i64::MAX / 4);
        let whole = group.and_then(|group| group.duration).map(|ticks| ticks.saturating_mul(self.scale));
        let each = whole.map(|whole| whole / sizes.len().max(1) as u64);
        let key = group.map_or(head.key, |group| group.key) || entry.track.kind != Kind::Video;
        let last = sizes.len().saturating_sub(1);
        let mut at = block.body.saturating_add(skip as u64);
        for (index, size) in sizes.into_iter().enumerate() {
            let first = match length.bytes_needed() {
                0 => &[],
                count if entry.packing == Packing::None => self.blocks.from(at, count)?,
                _ => &[],
            };
            // What frames say themselves is exact; a block's length is rounded to the file's ticks.
            let own = length.nanoseconds(first, size);
            let duration = if first.is_empty() { each.or(own) } else { own.or(each) };
            let duration = duration.unwrap_or(0).min(u64::from(u32::MAX) << 8);
            let mut discard_ns = group.map_or(0, |group| if index == last { group.discard_ns } else { 0 });
            let restarts =
                self.fresh.iter().position(|&fresh| fresh == track).map(|place| self.fresh.swap_remove(place));
            // What primes the decoder is taken off the start of the first recording alone.
            if restarts.is_some() && discard_ns == 0 && entry.codec_delay < duration {
                discard_ns = -i64::try_from(entry.codec_delay).unwrap_or(0);
            }
            let restarts = restarts.is_some();
            self.reached = self.reached.max(pts.saturating_add_unsigned(duration).saturating_sub(discard_ns.max(0)));
            self.queue.push_back(Frame { track, at, size, pts, duration, key, discard_ns, restarts });
            at = at.saturating_add(size);
            pts = pts.saturating_add_unsigned(duration);
        }
        Ok(())
    }

    /// Notes a broken block that can be stepped over.
    fn note(&mut self, what: &str) -> Result<()> {
        if self.damage.len() < MAX_BREAKS {
            self.damage.push(Damage::Malformed(format!("{what} at byte {}", self.at)));
        }
        Ok(())
    }

    /// Puts the content of a frame into `data`, as its codec has it.
    pub(super) fn content(&mut self, frame: &Frame, packing: &Packing, data: &mut Vec<u8>) -> Result<()> {
        data.clear();
        if frame.size > MAX_FRAME {
            return Err(Error::limit(format!(
                "has a frame too large; found {} bytes, allowed {MAX_FRAME}",
                frame.size
            )));
        }
        if let Packing::Header(header) = packing {
            data.extend_from_slice(header);
        }
        let size = usize::try_from(frame.size).unwrap_or(0);
        let start = data.len();
        // Small frames come out of the block that is read anyway.
        if size <= 8 * 1024 {
            let bytes = self.blocks.from(frame.at, size)?;
            data.extend_from_slice(bytes.get(..size).unwrap_or(bytes));
        } else {
            data.resize(start + size, 0);
            let read = self.source.read_at(frame.at, data.get_mut(start..).unwrap_or_default())?;
            data.truncate(start + read);
        }
        if data.len() < start + size {
            return Err(Error::malformed("the file ends within a frame"));
        }
        if *packing == Packing::Zlib {
            let most = usize::try_from(MAX_FRAME).unwrap_or(usize::MAX);
            *data = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, most)
                .map_err(|_| Error::malformed("a packed frame cannot be unpacked"))?;
        }
        Ok(())
    }
}

/// Whether the frames of two tracks can be played as one.
fn is_alike((one, other): (&Entry, &Entry)) -> bool {
    let of = |entry: &Entry| {
        let Entry { number, track, .. } = entry;
        (*number, track.kind, track.sample_rate, track.channels, track.size)
    };
    let (first, second) = (&one.track, &other.track);
    of(one) == of(other) && first.codec == second.codec && first.config == second.config && one.packing == other.packing
}
