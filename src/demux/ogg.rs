//! Ogg: pages, the packets laced across them, and the clock that granule positions keep (RFC 3533, RFC 7845).
//!
//! Times are counted from the first packet, so that a stream cut out of a broadcast starts at 0. What an encoder put
//! before the sound is in the track's `priming`, what it put behind in the packets' `discard_ns`.

use std::collections::VecDeque;

use super::{Demuxer, Kind, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{Damage, Ragged};
use crate::source::Source;
use page::{Page, Pages};
use stream::{Codec, MAX_KEPT, Stream};

mod page;
mod stream;

/// The most logical streams.
const MAX_STREAMS: usize = 32;

/// The most pages that are read for the headers: 64 KiB each.
const MAX_HEADER_PAGES: usize = 1024;

/// Pages that are looked at, at each place, for one of the stream.
const MAX_PROBED: usize = 32;

/// The most links of a chain.
const MAX_LINKS: usize = 4096;

/// What is read of the end at first to find the last page; a page is shorter than 64 KiB.
const TAIL: u64 = 192 * 1024;

/// A packet that waits to be asked for.
#[derive(Debug)]
struct Waiting {
    stream: usize,
    samples: u32,
    discard: u32,
    /// Samples at its start that are not played, where a further link of a chain begins.
    skip: u32,
    /// Whether it is the first packet of a further link.
    restarts: bool,
    data: Vec<u8>,
}

/// An Ogg file.
#[derive(Debug)]
pub(crate) struct Ogg<'a> {
    source: &'a Source,
    pages: Pages<'a>,
    streams: Vec<Stream>,
    tracks: Vec<Track>,
    waiting: VecDeque<Waiting>,
    /// Whether one physical stream follows another (RFC 3533 §4).
    pub chained: bool,
    damage: Vec<Damage>,
}

/// How a logical stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ending {
    granule: i64,
    /// Whether a page is marked as the last.
    marked: bool,
}

impl<'a> Ogg<'a> {
    /// Reads the headers of all streams.
    ///
    /// # Errors
    /// `Malformed` when there is no stream; `Io` when the source cannot be read.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let mut ogg = Self {
            source,
            pages: Pages::from(source, 0)?,
            streams: Vec::new(),
            tracks: Vec::new(),
            waiting: VecDeque::new(),
            chained: false,
            damage: Vec::new(),
        };
        for _ in 0..MAX_HEADER_PAGES {
            if !ogg.waiting.is_empty() || !ogg.load()? {
                break;
            }
        }
        if ogg.tracks.is_empty() {
            return Err(Error::malformed("no logical stream begins in the file"));
        }
        Ok(ogg)
    }

    /// Ways in which the bytes break their format, as far as they were read.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The last granule position of a track less its first, and what it lacks of a start and an end. Read from the end of the file.
    pub(crate) fn samples(&mut self, track: usize) -> Result<(Option<u64>, Option<Ragged>)> {
        let stream = self.streams.iter().find(|stream| stream.track == track);
        let Some((serial, start)) = stream.map(|stream| (stream.serial, stream.start.unwrap_or(0))) else {
            return Ok((None, None));
        };
        let (mut last, mut chained) = self.tail(self.source.len().saturating_sub(TAIL), serial)?;
        if last.is_none_or(|last| self.is_uneven(serial, last.granule).unwrap_or(true)) {
            // Other streams fill the end, or there is another link.
            (last, chained) = self.tail(0, serial)?;
        }
        self.chained |= chained;
        let Some(Ending { granule, marked }) = last else { return Ok((None, None)) };
        let ragged = match (start, marked) {
            (0, true) => None,
            (0, false) => Some(Ragged::End),
            _ => Some(Ragged::Start),
        };
        Ok((u64::try_from(granule.saturating_sub(start)).ok(), ragged))
    }

    /// Samples of all links of a chained file, each less its pre-skip. Links of another codec or rate than the track are damage.
    pub(crate) fn chained_samples(&mut self, track: usize) -> Result<Option<u64>> {
        let Some(track) = self.tracks.get(track).filter(|_| self.tracks.len() == 1).cloned() else { return Ok(None) };
        let mut pages = Pages::from(self.source, 0)?;
        // The serial of the link, its pre-skip, the last position.
        let mut links: Vec<(u32, i64, i64)> = Vec::new();
        while let Some(page) = pages.next()? {
            if page.begins() {
                let (_, link) = match pages.content(&page) {
                    Ok(content) => Stream::begin(page.serial, 0, first_packet(&page, content)),
                    Err(error) if error.kind() == ErrorKind::Malformed => return Ok(None),
                    Err(error) => return Err(error),
                };
                if !goes_on(&track, &link) {
                    self.damage.push(Damage::Malformed(format!(
                        "files that differ were joined; found {} of {} Hz behind {} of {} Hz",
                        link.codec, link.timescale, track.codec, track.timescale
                    )));
                    return Ok(None);
                }
                if links.len() >= MAX_LINKS {
                    return Ok(None);
                }
                links.push((page.serial, i64::from(link.priming.unwrap_or(0)), 0));
            } else if page.granule > 0
                && let Some((_, _, last)) = links.last_mut().filter(|(serial, ..)| *serial == page.serial)
            {
                *last = page.granule;
            }
        }
        let samples = links.iter().fold(0_i64, |sum, (_, skip, last)| sum.saturating_add((last - skip).max(0)));
        Ok(u64::try_from(samples).ok())
    }

    /// Bytes of the comment header, and whether it holds a picture.
    pub(crate) fn comments(&self, track: usize) -> (u64, bool) {
        let stream = self.streams.iter().find(|stream| stream.track == track);
        stream.map_or((0, false), |stream| (stream.comment_bytes, stream.picture))
    }

    /// The first packet of a track, when it was read along with the headers.
    pub(crate) fn first_packet(&self, track: usize) -> Option<&[u8]> {
        let of = |waiting: &&Waiting| self.streams.get(waiting.stream).is_some_and(|stream| stream.track == track);
        self.waiting.iter().find(of).map(|waiting| waiting.data.as_slice())
    }

    /// Walks the pages from `at` on: the last position of a stream, and whether another stream begins there.
    fn tail(&mut self, at: u64, serial: u32) -> Result<(Option<Ending>, bool)> {
        let mut pages = Pages::from(self.source, at)?;
        let (mut last, mut chained) = (None, false);
        while let Some(page) = pages.next()? {
            // Files that were joined as they are keep one serial.
            chained |= page.begins() && last.as_ref().is_some_and(|last: &Ending| last.granule > 0);
            if page.serial == serial {
                let granule = page.position().or(last.map(|last| last.granule));
                last = granule.map(|granule| Ending { granule, marked: page.ends() });
            } else if self.streams.iter().all(|stream| stream.serial != page.serial) {
                chained = true;
            }
        }
        if pages.cut {
            self.note_cut();
        }
        Ok((last, chained))
    }

    /// Whether positions do not grow evenly up to `last`: a link with the same serial may begin out of sight of the end.
    fn is_uneven(&self, serial: u32, last: i64) -> Result<bool> {
        let length = self.source.len();
        for at in [length / 4, length / 2, length / 4 * 3].into_iter().filter(|_| length > TAIL) {
            let mut pages = Pages::from(self.source, at)?;
            for _ in 0..MAX_PROBED {
                let Some(page) = pages.next()? else { break };
                if page.serial != serial || page.granule <= 0 {
                    continue;
                }
                let (found, expected) =
                    (i128::from(page.granule) * i128::from(length), i128::from(last) * i128::from(at));
                if (found - expected).abs() > expected / 3 {
                    return Ok(true);
                }
                break;
            }
        }
        Ok(false)
    }

    fn note_cut(&mut self) {
        if self.damage.is_empty() {
            self.damage.push(Damage::Truncated("the last page ends beyond the file".to_owned()));
        }
    }

    /// Reads a page, and puts the packets that end on it into `waiting`; false at the end.
    fn load(&mut self) -> Result<bool> {
        let Some(page) = self.pages.next()? else {
            if self.pages.cut {
                self.note_cut();
            }
            return Ok(false);
        };
        if page.begins() {
            self.begin(&page)?;
        }
        let Some(index) = self.streams.iter().position(|stream| stream.serial == page.serial) else { return Ok(true) };
        let content = self.pages.content(&page)?;
        let (Some(stream), waiting) = (self.streams.get_mut(index), &mut self.waiting) else { return Ok(true) };
        if !stream.is_sound() {
            return Ok(true);
        }
        let Some(track) = self.tracks.get_mut(stream.track) else { return Ok(true) };
        if !page.continues() {
            (stream.partial_bytes, stream.lost) = (0, false);
            stream.partial.clear();
        } else if stream.partial_bytes == 0 {
            stream.lost = true;
        }
        let before = waiting.len();
        for (start, end, whole) in page.pieces() {
            let piece = content.get(start..end).unwrap_or_default();
            let room = MAX_KEPT.saturating_sub(stream.partial.len());
            stream.partial_bytes += piece.len();
            if !whole || stream.partial_bytes > piece.len() {
                stream.partial.extend_from_slice(piece.get(..room).unwrap_or(piece));
                if !whole {
                    continue;
                }
            }
            let length = std::mem::take(&mut stream.partial_bytes);
            let joined = std::mem::take(&mut stream.partial);
            let packet = if joined.is_empty() { piece } else { joined.as_slice() };
            let lost = std::mem::take(&mut stream.lost);
            if lost || length == 0 || stream.take_header(packet, length, track) || length > MAX_KEPT {
                continue;
            }
            let samples = stream.samples(packet);
            waiting.push_back(Waiting {
                stream: index,
                samples,
                discard: 0,
                skip: std::mem::take(&mut stream.skip),
                restarts: std::mem::take(&mut stream.restarts),
                data: packet.to_vec(),
            });
        }
        self.set_clock(&page, index, before);
        Ok(true)
    }

    /// Starts a logical stream, or the next link of a chain: it goes on in the track of the same codec.
    fn begin(&mut self, page: &Page) -> Result<()> {
        let content = self.pages.content(page)?;
        let (mut stream, track) = Stream::begin(page.serial, self.tracks.len(), first_packet(page, content));
        let running = self.streams.iter().any(|stream| stream.start.is_some());
        if running {
            self.chained = true;
            let index = self.tracks.iter().position(|old| goes_on(old, &track));
            let Some(index) = index.filter(|_| stream.is_sound()) else { return Ok(()) };
            if let (Some(old), Some(described)) =
                (self.streams.iter_mut().find(|stream| stream.track == index), self.tracks.get_mut(index))
            {
                (stream.track, stream.time) = (index, old.time);
                (stream.skip, stream.restarts) = (track.priming.unwrap_or(0), true);
                (described.channels, described.config) = (track.channels, track.config);
                *old = stream;
            }
            return Ok(());
        }
        if self.streams.len() < MAX_STREAMS && self.streams.iter().all(|stream| stream.serial != page.serial) {
            self.streams.push(stream);
            self.tracks.push(track);
        }
        Ok(())
    }

    /// Sets the stream's clock by the page's position, and trims its end (RFC 7845 §4.4, §4.5).
    fn set_clock(&mut self, page: &Page, index: usize, before: usize) {
        // Pages are read when nothing waits, so that the clock stands at the first packet of this one.
        let Some(stream) = self.streams.get_mut(index) else { return };
        let added: i64 = self.waiting.iter().skip(before).map(|waiting| i64::from(waiting.samples)).sum();
        let Some(position) = page.position().filter(|_| self.waiting.len() > before) else { return };
        let time = stream.time;
        let (start, first) = match stream.start {
            Some(start) => (start, false),
            None => (position.saturating_sub(added), true),
        };
        // Recorders that are stopped leave the last page unmarked.
        let last = page.ends() || page.end() >= self.source.len();
        if first {
            // A first page that ends the stream as well is trimmed at its end; else Vorbis is trimmed at the start, and
            // Opus was cut out of a longer stream.
            let early = start < 0 && !last;
            let (primed, cut) =
                (early && matches!(stream.codec, Codec::Vorbis(..)), early && matches!(stream.codec, Codec::Opus));
            if let (true, Some(track)) = (primed && time == 0, self.tracks.get_mut(stream.track)) {
                track.priming = u32::try_from(start.unsigned_abs()).ok();
            }
            stream.start = Some(if primed || cut { start } else { start.max(0) }.saturating_sub(time));
        }
        let told = position.saturating_sub(stream.start.unwrap_or(0));
        let reached = time.saturating_add(added);
        if told > reached && !first {
            // Pages were lost.
            stream.time = time.saturating_add(told - reached);
        }
        if last && told < reached {
            let mut excess = reached - told;
            for waiting in self.waiting.iter_mut().skip(before).rev() {
                let part = excess.min(i64::from(waiting.samples));
                waiting.discard = u32::try_from(part).unwrap_or(0);
                excess -= part;
            }
        }
    }
}

/// The packet with which a page that begins a stream starts.
fn first_packet<'p>(page: &Page, content: &'p [u8]) -> &'p [u8] {
    page.pieces().first().and_then(|&(start, end, _)| content.get(start..end)).unwrap_or_default()
}

/// Whether a stream can go on in the track of another.
fn goes_on(old: &Track, next: &Track) -> bool {
    old.kind == Kind::Audio && old.codec == next.codec && old.timescale == next.timescale
}

impl Demuxer for Ogg<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        while self.waiting.is_empty() {
            if !self.load()? {
                return if self.pages.cut {
                    Err(Error::malformed("the last page ends beyond the file"))
                } else {
                    Ok(false)
                };
            }
        }
        let Some(waiting) = self.waiting.pop_front() else { return Ok(false) };
        let Some(stream) = self.streams.get_mut(waiting.stream) else { return Ok(false) };
        let rate = self.tracks.get(stream.track).map_or(1, |track| i64::from(track.timescale));
        packet.track = stream.track;
        (packet.dts, packet.pts) = (stream.time, stream.time);
        packet.duration = u64::from(waiting.samples);
        (packet.sync, packet.restarts) = (true, waiting.restarts);
        // A start that is not played is a negative length, as in Matroska.
        let discard = if waiting.discard > 0 { i64::from(waiting.discard) } else { -i64::from(waiting.skip) };
        packet.discard_ns = discard * 1_000_000_000 / rate.max(1);
        packet.size = u32::try_from(waiting.data.len()).unwrap_or(u32::MAX);
        stream.time = stream.time.saturating_add(i64::from(waiting.samples));
        packet.data = if want != Want::Table { waiting.data } else { Vec::new() };
        Ok(true)
    }
}
