//! MPEG audio frames (MP3 and its older layers), behind tags and junk, or inside a WAV. A packet is a whole frame.

use super::frames::{CHANGES, Counted, Frame, Syntax, Tags, Walk};
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::codec::mpeg_audio::{DECODER_DELAY, Header, Information, Version};
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;

/// Bytes that a first frame's word on the stream's length may exceed what is there: writers count tags or do not.
const TOLERANCE: u64 = 4096;

/// Frames whose mean length is held against the one that a first frame tells.
const SAMPLED: u64 = 32;

/// How MPEG audio frames are headed.
#[derive(Debug)]
pub(crate) struct MpegAudio;

impl Syntax for MpegAudio {
    fn frame(bytes: &[u8]) -> Option<Frame> {
        let header = Header::parse(bytes)?;
        let (version, layer, rate) = header.common();
        let version = match version {
            Version::One => 1_u32,
            Version::Two => 2,
            Version::TwoAndHalf => 3,
        };
        let common = version << 28 | u32::from(layer) << 24 | rate;
        Some(Frame { length: header.frame_length, samples: header.samples(), common })
    }
}

/// An MPEG audio stream.
#[derive(Debug)]
pub(crate) struct Mp3<'a> {
    walk: Walk<'a, MpegAudio>,
    tracks: [Track; 1],
    /// The header of the first frame.
    pub header: Header,
    /// What an encoder wrote into a frame of its own before the sound.
    pub information: Option<Information>,
    /// What stands before and behind the frames.
    pub tags: Tags,
    /// Where that frame is, or the first of sound.
    begin: u64,
    /// Where the first frame of sound is.
    first: u64,
    time: i64,
    /// Channels of the frame before.
    channels: u16,
    damage: Vec<Damage>,
}

impl<'a> Mp3<'a> {
    /// Finds the first frame.
    ///
    /// # Errors
    /// `Malformed` when there is none; `Io` when the source cannot be read.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        Self::between(source, Tags::find(source)?)
    }

    /// The same for a part of the source, such as the data of a WAV.
    pub(crate) fn within(source: &'a Source, start: u64, end: u64) -> Result<Self> {
        Self::between(source, Tags { start, end: end.min(source.len()), picture: false })
    }

    fn between(source: &'a Source, tags: Tags) -> Result<Self> {
        let missing = || Error::malformed("no MPEG audio frame was found");
        let Some(mut walk) = Walk::<MpegAudio>::find(source, tags.start, tags.end)? else { return Err(missing()) };
        let begin = walk.at();
        let Some((_, frame)) = walk.next()? else { return Err(missing()) };
        let content = walk.content(begin, frame.length)?;
        let Some(header) = Header::parse(content) else { return Err(missing()) };
        let information = Information::parse(content, &header);
        let first = if information.is_some() { walk.at() } else { begin };
        walk.rewind(first);
        let mut track = Track::new(0, Kind::Audio, header.codec(), header.sample_rate);
        track.channels = Some(header.channels);
        track.sample_rate = Some(header.sample_rate);
        track.default = true;
        if let Some((delay, padding)) = information.and_then(|information| information.delays) {
            track.priming = Some(u32::from(delay) + DECODER_DELAY);
            // The decoder's delay stands in the padding already.
            track.padding = Some(u32::from(padding).saturating_sub(DECODER_DELAY));
        }
        let channels = header.channels;
        let (tracks, time, damage) = ([track], 0, Vec::new());
        let mut opened = Self { walk, tracks, header, information, tags, begin, first, time, channels, damage };
        opened.measure_against_information();
        Ok(opened)
    }

    /// Ways in which the bytes break their format, as far as the first frame shows them.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Frames by the word of the first frame, when its count of bytes agrees with what is there, and the bytes of a frame
    /// that follow from it with the first frames.
    pub(crate) fn frames_told(&mut self) -> Result<Option<u64>> {
        let Some(Information { frames: Some(frames), bytes: Some(told), .. }) = self.information else {
            return Ok(None);
        };
        let there = self.tags.end.saturating_sub(self.begin);
        // Where there is less than was told, the last frame may be cut.
        if there.checked_sub(told.into()).is_none_or(|more| more > TOLERANCE.min(there / 64 + 256)) {
            return Ok(None);
        }
        let (mut count, mut bytes) = (0, 0);
        self.walk.rewind(self.first);
        while count < SAMPLED
            && let Some((_, frame)) = self.walk.next()?
        {
            count += 1;
            bytes += frame.length as u64;
        }
        self.walk.rewind(self.first);
        let (frames, expected) = (u64::from(frames), bytes * u64::from(frames));
        let found = there * count;
        Ok((found.abs_diff(expected) <= expected / 4).then_some(frames))
    }

    /// Samples to take off for what encoder and decoder put before and behind.
    pub(crate) fn delays(&self) -> u64 {
        let delays = self.information.and_then(|information| information.delays);
        delays.map_or(0, |(delay, padding)| u64::from(delay) + u64::from(padding))
    }

    /// Where the frames start, the encoder's own included, and where what stands behind them does.
    pub(crate) const fn frames(&self) -> (u64, u64) {
        (self.begin, self.tags.end)
    }

    /// Counts all frames of sound, and goes back to the first.
    pub(crate) fn count(&mut self) -> Result<Counted> {
        self.time = 0;
        self.walk.count(self.first)
    }

    /// A file that has far fewer bytes than its encoder counted was cut off.
    fn measure_against_information(&mut self) {
        let told = self.information.and_then(|information| information.bytes).map_or(0, u64::from);
        let there = self.tags.end.saturating_sub(self.begin);
        // Some writers count the tags.
        let most = there + self.tags.start + TOLERANCE;
        if told > most && told > there + there / 64 {
            self.damage.push(Damage::Truncated(format!(
                "the stream ends before its length; found {there} bytes, expected {told}"
            )));
        }
    }
}

impl Demuxer for Mp3<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((place, frame)) = self.walk.next()? else {
            return if self.walk.changed {
                Err(Error::malformed(CHANGES))
            } else if self.damage.is_empty() {
                Ok(false)
            } else {
                Err(Error::malformed("the stream ends before its length"))
            };
        };
        packet.data.clear();
        if want != Want::Table {
            packet.data.extend_from_slice(self.walk.content(place, frame.length)?);
            // The decoder takes no other count of channels than that of its first frame.
            let channels = Header::parse(&packet.data).map_or(self.channels, |header| header.channels);
            packet.restarts = std::mem::replace(&mut self.channels, channels) != channels;
        }
        packet.size = u32::try_from(frame.length).unwrap_or(u32::MAX);
        (packet.track, packet.dts, packet.pts) = (0, self.time, self.time);
        (packet.duration, packet.sync, packet.discard_ns) = (u64::from(frame.samples), true, 0);
        self.time = self.time.saturating_add(i64::from(frame.samples));
        Ok(true)
    }
}
