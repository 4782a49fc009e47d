//! A logical stream: its codec, its headers, its clock.

use crate::bytes::{array, be16, le32};
use crate::codec::flac::{self, StreamInfo};
use crate::codec::opus::{OpusHead, packet_samples_48k};
use crate::codec::vorbis::{Identification, Modes, has_picture, lace};
use crate::demux::{Kind, Track};
use crate::facts::OtherKind;

/// The most bytes of a header or a packet that are kept.
pub(super) const MAX_KEPT: usize = 1024 * 1024;

/// The most header packets of a stream.
const MAX_HEADERS: usize = 64;

/// What a stream is coded in.
#[derive(Debug)]
pub(super) enum Codec {
    /// RFC 7845.
    Opus,
    /// Vorbis I, appendix A.2; the modes are known behind the third header.
    Vorbis(Identification, Option<Modes>),
    /// RFC 9639 §10.1.
    Flac,
    /// Samples of a packet.
    Speex(u32),
    /// Pictures, and all that is not read.
    Other,
}

/// A logical stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub serial: u32,
    pub codec: Codec,
    /// Index of its track.
    pub track: usize,
    /// Header packets that were seen.
    headers: Vec<Vec<u8>>,
    wanted: usize,
    /// Bytes of the comment header.
    pub comment_bytes: u64,
    pub picture: bool,
    /// The packet that goes on on the next page, and how long it is with what was not kept.
    pub partial: Vec<u8>,
    pub partial_bytes: usize,
    /// Whether the packet that goes on lost a piece.
    pub lost: bool,
    /// Samples before the next packet, counted from the first.
    pub time: i64,
    /// The granule position at which the first packet starts.
    pub start: Option<i64>,
    /// Samples at the start of its next packet that are not played.
    pub skip: u32,
    /// Whether its next packet is the first of a further link.
    pub restarts: bool,
    previous_block: Option<u32>,
}

impl Stream {
    /// Starts with the packet that begins the stream.
    pub(super) fn begin(serial: u32, track: usize, first: &[u8]) -> (Self, Track) {
        let (codec, described, wanted) = identify(serial, first);
        let stream = Self {
            serial,
            codec,
            track,
            headers: Vec::new(),
            wanted,
            comment_bytes: 0,
            picture: false,
            partial: Vec::new(),
            partial_bytes: 0,
            lost: false,
            time: 0,
            start: None,
            skip: 0,
            restarts: false,
            previous_block: None,
        };
        (stream, described)
    }

    /// Whether it is sound that is read.
    pub(super) const fn is_sound(&self) -> bool {
        !matches!(self.codec, Codec::Other)
    }

    /// Whether all headers were seen.
    pub(super) fn is_ready(&self) -> bool {
        self.headers.len() >= self.wanted
    }

    /// Takes a packet that is a header, of `length` bytes of which these were kept; false when it is none.
    pub(super) fn take_header(&mut self, packet: &[u8], length: usize, track: &mut Track) -> bool {
        let first = packet.first().copied();
        let is_header = match self.codec {
            // The mapping's count may be 0 for "unknown" (RFC 9639 §10.1): a frame starts with its sync code.
            Codec::Flac => first != Some(0xff) && self.headers.len() < MAX_HEADERS,
            Codec::Vorbis(..) => !self.is_ready() && first.is_some_and(|first| first & 1 == 1),
            Codec::Opus | Codec::Speex(_) | Codec::Other => !self.is_ready(),
        };
        if !is_header {
            // Headers that are missing will not come.
            self.wanted = self.wanted.min(self.headers.len());
            return false;
        }
        let magic = match self.codec {
            Codec::Opus => 8,
            Codec::Vorbis(..) => 7,
            Codec::Flac => 4,
            Codec::Speex(_) | Codec::Other => 0,
        };
        let is_comment = match self.codec {
            Codec::Flac => first.is_some_and(|first| matches!(first & 0x7f, 4 | 6)),
            _ => self.headers.len() == 1,
        };
        if is_comment {
            self.comment_bytes += length as u64;
            self.picture |= has_picture(packet.get(magic..).unwrap_or_default())
                || matches!(self.codec, Codec::Flac) && first.is_some_and(|first| first & 0x7f == 6);
        }
        let keep = matches!(self.codec, Codec::Vorbis(..));
        self.headers.push(if keep { packet.to_vec() } else { Vec::new() });
        if let (Codec::Vorbis(head, modes), [one, two, three]) = (&mut self.codec, self.headers.as_slice()) {
            *modes = Modes::parse(three, head);
            track.config = lace(one, two, three);
            self.headers.iter_mut().for_each(|header| *header = Vec::new());
        }
        true
    }

    /// Samples that a packet adds.
    pub(super) fn samples(&mut self, packet: &[u8]) -> u32 {
        match &self.codec {
            Codec::Opus => packet_samples_48k(packet).unwrap_or(0),
            Codec::Vorbis(_, modes) => {
                let block = modes.as_ref().and_then(|modes| modes.block(packet));
                let samples = match (self.previous_block, block) {
                    // Half of each of two neighbours overlap; the first packet only primes.
                    (Some(before), Some(block)) => (before + block) / 4,
                    _ => 0,
                };
                self.previous_block = block.or(self.previous_block);
                samples
            }
            Codec::Flac => flac::frame_samples(packet).unwrap_or(0),
            Codec::Speex(samples) => *samples,
            Codec::Other => 0,
        }
    }
}

/// The codec of a first packet, its track, and how many headers there are.
fn identify(serial: u32, first: &[u8]) -> (Codec, Track, usize) {
    let track = |kind, codec: &str, rate| Track::new(u64::from(serial), kind, codec, rate);
    if let Some(head) = OpusHead::parse(first) {
        let mut described = track(Kind::Audio, "opus", 48_000);
        described.channels = Some(u16::from(head.channels));
        described.sample_rate = Some(48_000);
        described.priming = Some(u32::from(head.pre_skip));
        described.config = first.get(..head.to_bytes().len()).unwrap_or(first).to_vec();
        return (Codec::Opus, described, 2);
    }
    if let Some(head) = Identification::parse(first) {
        let mut described = track(Kind::Audio, "vorbis", head.sample_rate);
        (described.channels, described.sample_rate) = (Some(u16::from(head.channels)), Some(head.sample_rate));
        return (Codec::Vorbis(head, None), described, 3);
    }
    // Nine bytes of mapping stand before native FLAC's magic and first block.
    let block = first.strip_prefix(b"\x7fFLAC").and_then(|rest| rest.get(12..)).unwrap_or_default();
    if let Some(info) = StreamInfo::parse(block) {
        let mut described = track(Kind::Audio, "flac", info.sample_rate);
        (described.channels, described.sample_rate) = (Some(info.channels), Some(info.sample_rate));
        described.bits = Some(info.bits);
        described.config = block.get(..StreamInfo::SIZE).unwrap_or_default().to_vec();
        let headers = be16(first, 7).map_or(0, usize::from);
        return (Codec::Flac, described, headers.min(MAX_HEADERS) + 1);
    }
    if let (true, Some(rate), Some(channels)) = (first.starts_with(b"Speex   "), le32(first, 36), le32(first, 48)) {
        let mut described = track(Kind::Audio, "speex", rate);
        (described.channels, described.sample_rate) = (u16::try_from(channels).ok(), Some(rate));
        described.config = first.get(..80).unwrap_or(first).to_vec();
        let samples = le32(first, 56).unwrap_or(0).min(1280) * le32(first, 64).unwrap_or(1).clamp(1, 64);
        let headers = 2 + le32(first, 68).map_or(0, |extra| extra.min(8) as usize);
        return (Codec::Speex(samples), described, headers);
    }
    let kind = if first.starts_with(b"\x80theora") { Kind::Video } else { Kind::Other(OtherKind::Unknown) };
    let name = match first {
        [0x80, b't', b'h', b'e', b'o', b'r', b'a', ..] => "theora".to_owned(),
        [b'f', b'i', b's', b'h', b'e', b'a', b'd', ..] => "skeleton".to_owned(),
        _ => crate::bytes::code_name(first.get(..8).unwrap_or(first)),
    };
    let mut described = track(kind, &name, 1);
    if let Some([a, b, c, d, e, f]) = array(first, 14).filter(|_| kind == Kind::Video) {
        // The picture's size in 24 bits each (Theora §6.2).
        described.size = Some((u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([0, d, e, f])));
    }
    (Codec::Other, described, 0)
}
