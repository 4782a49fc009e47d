//! Frames that follow one another with nothing but their own headers to tell where, between tags and junk: ADTS, MPEG audio,
//! AC-3, DTS.

use std::marker::PhantomData;

use crate::bytes::{Blocks, array, le32};
use crate::codec::mpeg_audio::{id3_has_picture, id3_length};
use crate::error::Result;
use crate::facts::Damage;
use crate::source::Source;

/// Frames that must follow one another before a sync word is believed: eleven or twelve set bits are found in any junk.
const CONSISTENT: usize = 3;

/// The longest header.
const HEADER: u64 = 16;

/// How much junk is searched before the first frame, behind the tags.
const MAX_LEAD: u64 = 256 * 1024;

/// How much junk is searched in the whole file: a sync word costs more to look at than a frame to skip.
const MAX_JUNK: u64 = 16 * 1024 * 1024;

/// The most tags that are skipped, one behind the other.
const MAX_TAGS: usize = 8;

/// How much of a tag is looked at for a picture.
const TAG_HEAD: usize = 256 * 1024;

/// A frame by its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Whole length in bytes.
    pub length: usize,
    /// Samples per channel.
    pub samples: u32,
    /// What all frames of a stream have in common.
    pub common: u32,
}

/// How frames are headed.
pub(crate) trait Syntax {
    /// What the first byte of a header may be.
    const FIRST: &[u8] = &[0xff];
    /// Bytes of the longest frame: by 13 bits of length.
    const LONGEST: u64 = 8192;

    /// The frame whose header starts these bytes.
    fn frame(bytes: &[u8]) -> Option<Frame>;
}

/// What stands before and behind the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tags {
    /// Where the tags in front end.
    pub start: u64,
    /// Where the tags at the end start.
    pub end: u64,
    /// Whether one of them holds a picture.
    pub picture: bool,
}

impl Tags {
    /// Looks for ID3v2 in front, and ID3v1, APE and Lyrics3 at the end.
    pub(crate) fn find(source: &Source) -> Result<Self> {
        let mut tags = Self { start: 0, end: source.len(), picture: false };
        for _ in 0..MAX_TAGS {
            let Some(length) = id3_length(&source.bytes_at(tags.start, 10)?) else { break };
            let there = usize::try_from(length).unwrap_or(TAG_HEAD).min(TAG_HEAD);
            tags.picture |= id3_has_picture(&source.bytes_at(tags.start, there)?);
            tags.start = (tags.start + length).min(tags.end);
        }
        for _ in 0..MAX_TAGS {
            let length = tags.last(source)?;
            if length == 0 || length > tags.end - tags.start {
                break;
            }
            tags.end -= length;
        }
        Ok(tags)
    }

    /// The length of the tag that ends where the frames and tags found so far end.
    fn last(&mut self, source: &Source) -> Result<u64> {
        const ID3V1: u64 = 128;
        const APE_HAS_HEADER: u32 = 1 << 31;
        let there = ID3V1.min(self.end - self.start);
        let tail = source.bytes_at(self.end - there, usize::try_from(there).unwrap_or(0))?;
        if there == ID3V1 && tail.starts_with(b"TAG") {
            return Ok(ID3V1);
        }
        if let Some(footer) = tail.len().checked_sub(32).and_then(|at| tail.get(at..))
            && footer.starts_with(b"APETAGEX")
            && let (Some(size), Some(flags)) = (le32(footer, 12), le32(footer, 20))
        {
            let length = u64::from(size) + if flags & APE_HAS_HEADER == 0 { 0 } else { 32 };
            let head = source.bytes_at(self.end.saturating_sub(length), TAG_HEAD)?;
            self.picture |= crate::bytes::find(&head, b"Cover Art (").is_some();
            return Ok(length);
        }
        // Lyrics3 v2: six digits of size (which does not count itself) and the mark.
        if let Some(digits) = tail.strip_suffix(b"LYRICS200").and_then(<[u8]>::last_chunk::<6>) {
            let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
            return Ok(size.map_or(0, |size| size + 15));
        }
        Ok(0)
    }
}

/// Frames read forward.
#[derive(Debug)]
pub(crate) struct Walk<'a, S> {
    blocks: Blocks<'a>,
    at: u64,
    end: u64,
    common: Option<u32>,
    /// Bytes between frames that belong to none.
    pub junk: u64,
    /// Whether the last frame is not all there.
    pub cut: bool,
    /// Whether frames of another kind follow, most often of another rate: files that were joined. The walk ends before them.
    pub changed: bool,
    syntax: PhantomData<S>,
}

/// What a walk over all frames has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    /// Whole frames.
    pub frames: u64,
    /// Samples per channel of the core.
    pub samples: u64,
    /// Bytes of the frames.
    pub bytes: u64,
    /// Bytes between them that belong to none.
    pub junk: u64,
    /// Where the last whole one ends.
    pub end: u64,
    /// Whether a part of a frame stands at the end. What is no frame (tags, junk, less than a header) is none.
    pub cut: bool,
    /// Whether frames of another kind follow.
    pub changed: bool,
}

impl<'a, S: Syntax> Walk<'a, S> {
    /// Finds the first frame between `start` and `end`; none where there is none near the start.
    pub(crate) fn find(source: &'a Source, start: u64, end: u64) -> Result<Option<Self>> {
        let end = end.min(source.len());
        let blocks = Blocks::new(source)?;
        let mut walk =
            Self { blocks, at: start, end, common: None, junk: 0, cut: false, changed: false, syntax: PhantomData };
        Ok(walk.search(start, MAX_LEAD)?.then_some(walk))
    }

    /// Counts all frames from `first` on, and goes back there.
    pub(crate) fn count(&mut self, first: u64) -> Result<Counted> {
        self.rewind(first);
        let mut counted = Counted { end: first, ..Counted::default() };
        while let Some((_, frame)) = self.next()? {
            (counted.junk, counted.end) = (self.junk, self.at);
            counted.frames += 1;
            counted.samples += u64::from(frame.samples);
            counted.bytes += frame.length as u64;
        }
        (counted.cut, counted.changed) = (self.cut, self.changed);
        self.rewind(first);
        Ok(counted)
    }

    /// Where the next frame is expected.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// Starts over at `at`, where a frame is.
    pub(crate) const fn rewind(&mut self, at: u64) {
        self.at = at;
        self.junk = 0;
        (self.cut, self.changed) = (false, false);
    }

    /// The next whole frame and its place.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Frame)>> {
        loop {
            let left = self.end.saturating_sub(self.at);
            if left == 0 {
                return Ok(None);
            }
            let (place, common) = (self.at, self.common);
            let bytes = self.clipped(place, HEADER)?;
            if let Some(frame) = S::frame(bytes).filter(|frame| common.is_none_or(|common| common == frame.common)) {
                let length = frame.length as u64;
                if length > left {
                    self.cut = true;
                    self.at = self.end;
                    return Ok(None);
                }
                self.common = Some(frame.common);
                self.at += length;
                return Ok(Some((place, frame)));
            }
            // A tag in the midst: files that were joined.
            let head = self.clipped(place, 10)?;
            let tagged = head.starts_with(b"TAG") || head.starts_with(b"APETAGEX");
            if let Some(length) = id3_length(head).filter(|&length| length < left) {
                self.at += length;
                continue;
            }
            let budget = MAX_JUNK.saturating_sub(self.junk);
            let junk = self.junk;
            if !self.search(place, budget)? || self.changed {
                self.at = self.end;
                return Ok(None);
            }
            if tagged {
                self.junk = junk;
            }
        }
    }

    /// The content of a frame.
    pub(crate) fn content(&mut self, at: u64, length: usize) -> Result<&[u8]> {
        let bytes = self.blocks.from(at, length)?;
        Ok(bytes.get(..length).unwrap_or(bytes))
    }

    /// At least `least` bytes at `at`, or what there is before the end; nothing behind it.
    fn clipped(&mut self, at: u64, least: u64) -> Result<&[u8]> {
        let left = self.end.saturating_sub(at);
        let bytes = self.blocks.from(at, usize::try_from(least.min(left)).unwrap_or(0))?;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        Ok(bytes.get(..left).unwrap_or(bytes))
    }

    /// Moves to the first frame from `from` on that others follow, be they of another kind; false when `budget` bytes hold none.
    fn search(&mut self, from: u64, budget: u64) -> Result<bool> {
        let (start, end) = (self.at, self.end);
        let limit = from.saturating_add(budget).min(end);
        let mut at = from;
        while at < limit {
            let bytes = self.clipped(at, HEADER)?;
            let Some(next) = bytes.iter().position(|byte| S::FIRST.contains(byte)) else {
                at += (bytes.len() as u64).max(1);
                continue;
            };
            // The sync word may lie across the end of what is buffered.
            let next_at = at + next as u64;
            if S::frame(self.clipped(next_at, HEADER)?).is_some() {
                let wanted = self.believed(next_at, from, self.common)?;
                self.changed = !wanted && self.common.is_some() && self.believed(next_at, start, None)?;
                if wanted || self.changed {
                    self.junk += next_at - start;
                    self.at = next_at;
                    return Ok(true);
                }
            }
            at = next_at + 1;
        }
        Ok(false)
    }

    /// Whether the frame at `at` is followed by others of the kind that is wanted, or of its own, or ends the file.
    fn believed(&mut self, at: u64, from: u64, wanted: Option<u32>) -> Result<bool> {
        // Room for as many frames of the longest kind.
        let run = CONSISTENT as u64 * S::LONGEST + HEADER;
        let ends = at.saturating_add(run) >= self.end;
        // A stream that was seen already, or starts where it should, needs no second frame at the end of the file.
        let least = if wanted.is_some() || at == from { 1 } else { 2 };
        let bytes = self.clipped(at, run)?;
        let (mut place, mut count, mut common) = (0_usize, 0, wanted);
        while count < CONSISTENT {
            let rest = bytes.get(place..).unwrap_or_default();
            if ends && count >= least && is_end(rest) {
                return Ok(true);
            }
            let Some(frame) = S::frame(rest) else { return Ok(false) };
            if common.get_or_insert(frame.common) != &frame.common {
                return Ok(false);
            }
            count += 1;
            place = place.saturating_add(frame.length);
        }
        Ok(true)
    }
}

impl Counted {
    /// What is wrong with what was counted: sound of another kind is played by few players, and not read here.
    pub(crate) fn damage(&self) -> Option<Damage> {
        if self.changed {
            return Some(Damage::Malformed(CHANGES.to_owned()));
        }
        let (junk, each) = (self.junk, self.bytes.checked_div(self.frames).filter(|&each| each > 0)?);
        let lost = junk / each;
        (lost >= MISSED)
            .then(|| Damage::Malformed(format!("{junk} bytes between frames are none: about {lost} frames are lost")))
    }
}

/// So many frames between others, in bytes that are none, are a loss that is heard: a tenth of a second.
const MISSED: u64 = 5;

/// What is wrong with a stream whose frames change their kind.
pub(super) const CHANGES: &str = "the sample rate or the coding changes in the midst, as in files that were joined";

/// Whether this is how a file ends behind its last frame: nothing, zeros, or the start of a frame that was cut.
fn is_end(rest: &[u8]) -> bool {
    rest.len() < 4 || array(rest, 0) == Some([0_u8; 4])
}
