//! AVI (AVI RIFF File Reference), with the further segments of OpenDML.
//!
//! The walk goes through the chunks of `movi` as they stand and needs no index; the old index, where it is there, tells
//! which frames can be started from, read beside the walk. Sound that has frames of its own (MP3, AAC with ADTS headers)
//! is put together from the chunks, which cut it anywhere, and timed by its samples.
//!
//! AVI stores when a frame is decoded. H.264 is shown when the order count of its pictures says; as a byte stream it comes
//! out as length-prefixed access units.

mod header;
mod order;
mod stream;

use super::annexb;
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::bytes::{Blocks, array, byte, le32};
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;
use header::StreamHead;
use std::collections::VecDeque;
use stream::{Stream, learn, settle};

/// The most of a header list that is read.
const MAX_HEADER: usize = 1024 * 1024;

/// The largest chunk that is read.
const MAX_CHUNK: u64 = 32 * 1024 * 1024;

/// Chunks at the start by which streams are known.
const LOOK_CHUNKS: usize = 256;

/// How far the index is searched for the entry of a chunk.
const MAX_INDEX_STEPS: usize = 64;

/// `AVIIF_KEYFRAME`.
const KEY: u32 = 0x10;

/// A chunk of content by its place.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    code: [u8; 4],
    track: usize,
    body: u64,
    size: u64,
}

/// An AVI file, read forward.
#[derive(Debug)]
pub(crate) struct Avi<'a> {
    source: &'a Source,
    blocks: Blocks<'a>,
    /// A second place of reading, for the index.
    index_blocks: Blocks<'a>,
    at: u64,
    movi: u64,
    /// Where the old index stands: from, to.
    index: Option<(u64, u64)>,
    index_at: u64,
    streams: Vec<Stream>,
    tracks: Vec<Track>,
    queue: VecDeque<Packet>,
    ended: bool,
    damage: Vec<Damage>,
}

impl<'a> Avi<'a> {
    /// Reads the headers, finds the content, and looks at the first chunks of each stream.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let head = source.bytes_at(0, 12)?;
        if head.get(..4) != Some(b"RIFF") || head.get(8..12).and_then(|form| form.get(..3)) != Some(b"AVI") {
            return Err(Error::malformed("no AVI header"));
        }
        let mut file = Self {
            source,
            blocks: Blocks::new(source)?,
            index_blocks: Blocks::new(source)?,
            at: 12,
            movi: source.len(),
            index: None,
            index_at: 0,
            streams: Vec::new(),
            tracks: Vec::new(),
            queue: VecDeque::new(),
            ended: false,
            damage: Vec::new(),
        };
        file.head()?;
        file.look()?;
        Ok(file)
    }

    /// In what ways the bytes break their format, as far as was seen.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How far the walk has come, in bytes.
    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    /// Frames of a track by its header.
    pub(crate) fn stated_frames(&self, track: usize) -> Option<u64> {
        self.streams.get(track).map(|stream| u64::from(stream.clock.length)).filter(|&frames| frames > 0)
    }

    /// Frames in so many seconds, by a track's header.
    pub(crate) fn stated_rate(&self, track: usize) -> Option<(u32, u32)> {
        self.streams.get(track).map(|stream| (stream.clock.rate, stream.clock.scale))
    }

    /// The header list, the content and the old index.
    fn head(&mut self) -> Result<()> {
        let mut at = 12;
        for _ in 0..1024 {
            let Some(head) = self.blocks.array::<12>(at)? else { break };
            let size = u64::from(le32(&head, 4).unwrap_or(0));
            let end = at.saturating_add(8 + size);
            match (head.get(..4), head.get(8..12)) {
                (Some(b"LIST"), Some(b"hdrl")) => {
                    let count = usize::try_from(size).unwrap_or(MAX_HEADER).saturating_sub(4).min(MAX_HEADER);
                    let content = self.source.bytes_at(at + 12, count)?;
                    for StreamHead { track, clock, block_align } in header::read(&content).streams {
                        self.tracks.push(track);
                        self.streams.push(Stream::new(clock, block_align));
                    }
                }
                (Some(b"LIST"), Some(b"movi")) => {
                    self.movi = at + 12;
                    // Recorders that were cut off never wrote the size.
                    if size <= 4 || end > self.source.len() {
                        let missing = end.saturating_sub(self.source.len());
                        if size > 4 {
                            let what = format!("the file ends {missing} bytes before its content does");
                            self.damage.push(Damage::Truncated(what));
                        }
                        break;
                    }
                }
                (Some(b"idx1"), _) => {
                    self.index = Some((at + 8, end.min(self.source.len())));
                    self.index_at = at + 8;
                    break;
                }
                _ => {}
            }
            at = end.saturating_add(size % 2);
        }
        self.at = self.movi;
        if self.streams.is_empty() {
            self.damage.push(Damage::Malformed("no streams in the header".to_owned()));
        } else if self.movi >= self.source.len() {
            self.damage.push(Damage::Truncated("no content".to_owned()));
        }
        Ok(())
    }

    /// Looks at the first chunks: whether H.264 is a byte stream, whether sound has frames of its own.
    fn look(&mut self) -> Result<()> {
        let mut seen = vec![0_u32; self.streams.len()];
        let mut slots = vec![(0_i64, None::<i64>, i64::MAX); self.streams.len()];
        let before = self.damage.len();
        for _ in 0..LOOK_CHUNKS {
            let Ok(Some(chunk)) = self.chunk() else { break };
            let Some((slot, last, gap)) = slots.get_mut(chunk.track) else { continue };
            *slot += 1;
            let Some(count) = seen.get_mut(chunk.track).filter(|_| chunk.size > 0) else { continue };
            *gap = last.map_or(*gap, |last| (*slot - last).min(*gap));
            *last = Some(*slot);
            let order = self.streams.get(chunk.track).is_some_and(|stream| stream.order.is_some());
            if *count >= if order { 64 } else { 8 } {
                continue;
            }
            *count += 1;
            let size = usize::try_from(chunk.size.min(64 * 1024)).unwrap_or(0);
            let bytes = self.blocks.from(chunk.body, size)?;
            let bytes = bytes.get(..size).unwrap_or(bytes);
            let (Some(track), Some(stream)) = (self.tracks.get_mut(chunk.track), self.streams.get_mut(chunk.track))
            else {
                continue;
            };
            learn(track, stream, bytes);
            let enough = |(&count, stream): (&u32, &Stream)| count >= if stream.order.is_some() { 64 } else { 4 };
            if seen.iter().zip(&self.streams).all(enough) {
                break;
            }
        }
        for ((track, stream), (.., gap)) in self.tracks.iter_mut().zip(&mut self.streams).zip(slots) {
            stream.frame_units = if gap == i64::MAX { 1 } else { gap };
            settle(track, stream);
        }
        self.damage.truncate(before);
        (self.at, self.ended) = (self.movi, false);
        Ok(())
    }

    /// The next chunk of a stream; none at the end.
    fn chunk(&mut self) -> Result<Option<Chunk>> {
        let len = self.source.len();
        while self.at < len {
            let Some(head) = self.blocks.array::<8>(self.at)? else {
                // A byte of padding, or what is left of a header.
                if len - self.at <= 1 {
                    break;
                }
                return Err(self.cut("a chunk's header"));
            };
            let size = u64::from(le32(&head, 4).unwrap_or(0));
            let code: [u8; 4] = array(&head, 0).unwrap_or_default();
            let (body, end) = (self.at + 8, (self.at + 8).saturating_add(size));
            let next = end.saturating_add(size % 2);
            match &code {
                b"RIFF" => {
                    self.at += 12;
                    continue;
                }
                b"LIST" => {
                    let form = self.blocks.array::<4>(body)?.unwrap_or_default();
                    self.at = if [*b"movi", *b"rec "].contains(&form) { body + 4 } else { next.min(len) };
                    continue;
                }
                [b'i', b'x', ..] | b"idx1" | b"JUNK" | b"junk" => {
                    self.at = next.min(len);
                    continue;
                }
                _ => {}
            }
            let Some(track) = stream_number(code) else {
                if code.iter().all(|letter| letter.is_ascii_graphic() || *letter == b' ') && next <= len {
                    self.at = next;
                    continue;
                }
                let what = format!("bytes that are no chunk at byte {}", self.at);
                self.damage.push(Damage::Malformed(what.clone()));
                self.at = len;
                return Err(Error::malformed(what));
            };
            if end > len {
                return Err(self.cut("a chunk"));
            }
            self.at = next;
            if track < self.streams.len() {
                return Ok(Some(Chunk { code, track, body, size }));
            }
        }
        Ok(None)
    }

    fn cut(&mut self, what: &str) -> Error {
        let what = format!("the file ends within {what} at byte {}", self.at);
        if !self.damage.iter().any(|damage| matches!(damage, Damage::Truncated(_))) {
            self.damage.push(Damage::Truncated(what.clone()));
        }
        self.at = self.source.len();
        Error::malformed(what)
    }

    /// What the old index says of a chunk: whether decoding can start there. The index is read along.
    fn key(&mut self, code: [u8; 4]) -> Result<Option<bool>> {
        let Some((_, end)) = self.index else { return Ok(None) };
        let mut at = self.index_at;
        for _ in 0..MAX_INDEX_STEPS {
            if at + 16 > end {
                return Ok(None);
            }
            let Some(entry) = self.index_blocks.array::<16>(at)? else { return Ok(None) };
            at += 16;
            if array(&entry, 0) == Some(code) {
                self.index_at = at;
                return Ok(Some(le32(&entry, 4).unwrap_or(0) & KEY != 0));
            }
        }
        Ok(None)
    }

    fn content(&mut self, chunk: &Chunk, data: &mut Vec<u8>) -> Result<()> {
        if chunk.size > MAX_CHUNK {
            return Err(Error::limit(format!(
                "has a chunk too large; found {} bytes, allowed {MAX_CHUNK}",
                chunk.size
            )));
        }
        data.clear();
        let size = usize::try_from(chunk.size).unwrap_or(0);
        if size <= 8 * 1024 {
            let bytes = self.blocks.from(chunk.body, size)?;
            data.extend_from_slice(bytes.get(..size).unwrap_or(bytes));
        } else {
            data.resize(size, 0);
            let read = self.source.read_at(chunk.body, data)?;
            data.truncate(read);
        }
        Ok(())
    }

    /// Puts a chunk, as a packet, into `packet`; false when it holds none.
    fn plain(&mut self, chunk: &Chunk, packet: &mut Packet, want: Want) -> Result<bool> {
        let indexed = self.key(chunk.code)?;
        let Some(stream) = self.streams.get_mut(chunk.track) else { return Ok(false) };
        let (scale, by_bytes) = (u64::from(stream.clock.scale), u64::from(stream.clock.sample_size));
        let unit = stream.units;
        let sound = self.tracks.get(chunk.track).is_some_and(|track| track.kind == Kind::Audio);
        let step = match by_bytes {
            // An empty chunk of sound lasts no time: players go by its bytes.
            0 => u64::from(chunk.size > 0 || !sound),
            bytes => chunk.size / bytes,
        };
        stream.units += step;
        let byte_stream = stream.byte_stream;
        let ordered = stream.order.is_some();
        // An empty chunk shows the frame before once more.
        if chunk.size == 0 {
            return Ok(false);
        }
        let (kind, codec) = self.tracks.get(chunk.track).map_or((Kind::Audio, ""), |track| (track.kind, &*track.codec));
        packet.track = chunk.track;
        packet.dts = i64::try_from(unit.saturating_mul(scale)).unwrap_or(i64::MAX / 4);
        packet.pts = packet.dts;
        packet.duration = step.saturating_mul(scale);
        packet.discard_ns = 0;
        packet.size = u32::try_from(chunk.size).unwrap_or(u32::MAX);
        packet.sync = kind != Kind::Video || codec == "mjpeg" || indexed.unwrap_or(unit == 0);
        let looked_into = kind == Kind::Video && indexed.is_none() && codec == "mpeg4";
        packet.data.clear();
        if byte_stream || ordered || want != Want::Table || looked_into {
            let mut data = std::mem::take(&mut packet.data);
            self.content(chunk, &mut data)?;
            if let Some(stream) = self.streams.get_mut(chunk.track) {
                let frame = stream.frame_units.saturating_mul(i64::from(stream.clock.scale));
                if let Some(order) = &mut stream.order {
                    (packet.dts, packet.pts) = order.times(&data, packet.dts, frame);
                }
            }
            if let Some(stream) = self.streams.get_mut(chunk.track).filter(|_| byte_stream) {
                let mut unit = crate::limits::capped_vec(data.len() + 16);
                packet.sync = stream.sets.to_lengths(&data, &mut unit);
                data = unit;
                packet.size = u32::try_from(data.len()).unwrap_or(u32::MAX);
            }
            if looked_into {
                // The coding type of a video object plane (ISO/IEC 14496-2 §6.3.5).
                let plane = annexb::units(&data).find(|nal| byte(nal, 0) == Some(0xB6));
                packet.sync = plane.and_then(|nal| byte(nal, 1)).is_some_and(|kind| kind >> 6 == 0);
            }
            packet.data = data;
            if want == Want::Table {
                packet.data.clear();
            }
        }
        Ok(packet.size > 0)
    }

    /// Adds a chunk to the frames of sound that are being put together; at the end (no chunk) what is left of them.
    fn framed(&mut self, index: usize, chunk: Option<&Chunk>, want: Want) -> Result<()> {
        let mut bytes = Vec::new();
        if let Some(chunk) = chunk {
            self.key(chunk.code)?;
            self.content(chunk, &mut bytes)?;
        }
        let Some(stream) = self.streams.get_mut(index) else { return Ok(()) };
        let Some(framer) = &mut stream.framer else { return Ok(()) };
        framer.push(&bytes, None);
        let mut data = Vec::new();
        while let Some(framed) = framer.next(chunk.is_none(), &mut data) {
            let time = i64::try_from(stream.units).unwrap_or(i64::MAX / 4);
            stream.units += u64::from(framed.samples);
            self.queue.push_back(Packet {
                track: index,
                dts: time,
                pts: time,
                duration: framed.samples.into(),
                sync: true,
                discard_ns: 0,
                size: u32::try_from(data.len()).unwrap_or(u32::MAX),
                data: if want != Want::Table { std::mem::take(&mut data) } else { Vec::new() },
                at: None,
                restarts: false,
            });
        }
        Ok(())
    }
}

/// The number of a stream in a chunk's code: `01wb`.
fn stream_number(code: [u8; 4]) -> Option<usize> {
    let [tens, ones, kind, second] = code;
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    let known = kind.is_ascii_alphabetic() && second.is_ascii_alphanumeric();
    (digits && known).then(|| usize::from(tens - b'0') * 10 + usize::from(ones - b'0'))
}

impl Demuxer for Avi<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        loop {
            if let Some(found) = self.queue.pop_front() {
                *packet = found;
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            match self.chunk()? {
                None => {
                    self.ended = true;
                    for index in 0..self.streams.len() {
                        self.framed(index, None, want)?;
                    }
                }
                Some(chunk) if self.streams.get(chunk.track).is_some_and(|stream| stream.framer.is_some()) => {
                    self.framed(chunk.track, Some(&chunk), want)?;
                }
                Some(chunk) => {
                    if self.plain(&chunk, packet, want)? {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_chunks() {
        assert_eq!(stream_number(*b"01wb"), Some(1));
        assert_eq!(stream_number(*b"00dc"), Some(0));
        assert_eq!(stream_number(*b"ix00"), None);
        assert_eq!(stream_number(*b"0\xffwb"), None);
    }
}
