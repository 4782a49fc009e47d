//! Elementary streams in pieces → whole frames of sound, and whole pictures, each with the time of the piece it starts in.

use super::annexb;
use crate::codec::{aac::AdtsHeader, mpeg_audio};
use std::collections::VecDeque;

/// The most bytes that are held for one frame.
const MAX_HELD: usize = annexb::MAX_UNIT;

/// The most times that wait for their frame.
const MAX_MARKS: usize = 4096;

/// When a piece of a stream is to be shown and decoded, in the container's ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub pts: i64,
    pub dts: i64,
}

/// What a stream consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// AAC with ADTS headers, which are taken off.
    Adts,
    /// MPEG audio.
    Mpeg,
    /// H.264 as a byte stream.
    Avc,
}

/// A whole frame or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Framed {
    /// The time of the piece that it is the first to start in.
    pub mark: Option<Mark>,
    /// Samples of sound.
    pub samples: u32,
    /// Samples per second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// The AudioSpecificConfig, of AAC.
    pub asc: Option<[u8; 2]>,
}

/// Puts frames together.
#[derive(Debug)]
pub(crate) struct Framer {
    framing: Framing,
    held: Vec<u8>,
    /// How much of what is held was given already, and how far it was searched.
    used: usize,
    searched: usize,
    /// Bytes that came before what is held.
    before: u64,
    marks: VecDeque<(u64, Mark)>,
    in_line: bool,
    slice_seen: bool,
}

impl Framer {
    pub(crate) const fn new(framing: Framing) -> Self {
        Self {
            framing,
            held: Vec::new(),
            used: 0,
            searched: 0,
            before: 0,
            marks: VecDeque::new(),
            in_line: false,
            slice_seen: false,
        }
    }

    /// Adds a piece that starts at `mark`.
    pub(crate) fn push(&mut self, bytes: &[u8], mark: Option<Mark>) {
        if self.used > 0 {
            self.held.drain(..self.used);
            self.before += self.used as u64;
            self.searched -= self.used.min(self.searched);
            self.used = 0;
        }
        if self.held.len() + bytes.len() > MAX_HELD {
            // No frame is as large: a stream of another kind.
            self.before += self.held.len() as u64;
            self.held.clear();
            (self.searched, self.in_line, self.slice_seen) = (0, false, false);
        }
        if let Some(mark) = mark.filter(|_| self.marks.len() < MAX_MARKS) {
            self.marks.push_back((self.before + self.held.len() as u64, mark));
        }
        self.held.extend_from_slice(bytes);
    }

    /// Puts the next whole frame into `data`; at the `end` also what can no longer be completed.
    pub(crate) fn next(&mut self, end: bool, data: &mut Vec<u8>) -> Option<Framed> {
        data.clear();
        match self.framing {
            Framing::Adts | Framing::Mpeg => self.next_sound(end, data),
            Framing::Avc => self.next_picture(end, data),
        }
    }

    /// The latest time that stands at or before `at`; used once.
    fn mark(&mut self, at: usize) -> Option<Mark> {
        let place = self.before + at as u64;
        let mut found = None;
        while let Some(&(offset, mark)) = self.marks.front()
            && offset <= place
        {
            found = Some(mark);
            self.marks.pop_front();
        }
        found
    }

    fn next_sound(&mut self, end: bool, data: &mut Vec<u8>) -> Option<Framed> {
        loop {
            let rest = self.held.get(self.used..)?;
            let Some((whole, skip, framed)) = self.header(rest) else {
                self.in_line = false;
                // A header may be cut in two.
                if rest.len() < 16 && !end || rest.is_empty() {
                    return None;
                }
                self.used += 1;
                continue;
            };
            if rest.len() < whole {
                // Behind junk a header is only one when another follows it.
                if end {
                    self.used = self.held.len();
                }
                return None;
            }
            let follows = rest.get(whole..).filter(|after| after.len() >= 16);
            if !self.in_line && follows.is_some_and(|after| self.header(after).is_none()) {
                self.used += 1;
                continue;
            }
            self.in_line = true;
            data.extend_from_slice(rest.get(skip..whole).unwrap_or_default());
            let at = self.used;
            self.used += whole;
            return Some(Framed { mark: self.mark(at), ..framed });
        }
    }

    /// Length of the frame at the start of `bytes`, the bytes of its header to leave out, and what it tells.
    fn header(&self, bytes: &[u8]) -> Option<(usize, usize, Framed)> {
        match self.framing {
            Framing::Adts => {
                let header = AdtsHeader::parse(bytes)?;
                let config = header.config();
                let (samples, rate) = (header.samples(), config.core_rate);
                let asc = Some(header.asc());
                let framed = Framed { mark: None, samples, rate, channels: header.channels(), asc };
                let (whole, skip) = (header.frame_length, header.header_length);
                (whole > skip).then_some((whole, skip, framed))
            }
            Framing::Mpeg => {
                let header = mpeg_audio::Header::parse(bytes)?;
                let (samples, rate) = (header.samples(), header.sample_rate);
                (header.frame_length > 4).then_some((
                    header.frame_length,
                    0,
                    Framed { mark: None, samples, rate, channels: header.channels, asc: None },
                ))
            }
            Framing::Avc => None,
        }
    }

    fn next_picture(&mut self, end: bool, data: &mut Vec<u8>) -> Option<Framed> {
        loop {
            let Some((place, body)) = annexb::start_code(&self.held, self.searched) else {
                // The last three bytes may be the start of one.
                self.searched = self.held.len().saturating_sub(3).max(self.searched);
                return if end { self.picture(self.held.len(), data) } else { None };
            };
            // Type and first bits must be there.
            let Some(nal) = self.held.get(body..body + 2) else {
                return if end { self.picture(self.held.len(), data) } else { None };
            };
            let (starts, slice) = (annexb::starts_unit(nal), annexb::is_slice(nal));
            self.searched = body;
            if self.slice_seen && starts {
                self.slice_seen = slice;
                // The zero before the start code belongs to it.
                let place = if place > 0 && self.held.get(place - 1) == Some(&0) { place - 1 } else { place };
                return self.picture(place, data);
            }
            self.slice_seen |= slice;
        }
    }

    fn picture(&mut self, to: usize, data: &mut Vec<u8>) -> Option<Framed> {
        let picture = self.held.get(self.used..to).filter(|picture| !picture.is_empty())?;
        data.extend_from_slice(picture);
        let mark = self.mark(self.used);
        self.used = to;
        self.searched = self.searched.max(to);
        Some(Framed { mark, ..Framed::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_sound_are_found_behind_junk_and_across_pieces() {
        // Layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
        let frame = [&[0xFF, 0xFB, 0x90, 0x00][..], &[0; 413]].concat();
        let stream = [&[1, 2, 0xFF, 0xFB][..], &frame, &frame, &frame].concat();
        let mut framer = Framer::new(Framing::Mpeg);
        let (mut data, mut sizes) = (Vec::new(), Vec::new());
        for (index, piece) in stream.chunks(100).enumerate() {
            framer.push(piece, Some(Mark { pts: index as i64, dts: 0 }));
            while let Some(framed) = framer.next(false, &mut data) {
                sizes.push((data.len(), framed.samples, framed.mark.map(|mark| mark.pts)));
            }
        }
        while framer.next(true, &mut data).is_some() {
            sizes.push((data.len(), 0, None));
        }
        assert_eq!(sizes, [(417, 1152, Some(0)), (417, 1152, Some(4)), (417, 1152, Some(8))]);
    }

    #[test]
    fn pictures_end_where_the_next_begins() {
        let stream = [
            0, 0, 0, 1, 9, 16, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1, 0x65, 0x08, 2, 0, 0, 0, 1, 9, 16, 0, 0, 1, 0x41, 0x9A,
            3,
        ];
        let mut framer = Framer::new(Framing::Avc);
        let (mut data, mut sizes) = (Vec::new(), Vec::new());
        for piece in stream.chunks(5) {
            framer.push(piece, None);
            while framer.next(false, &mut data).is_some() {
                sizes.push(data.len());
            }
        }
        while framer.next(true, &mut data).is_some() {
            sizes.push(data.len());
        }
        assert_eq!(sizes, [18, 12]);
    }
}
