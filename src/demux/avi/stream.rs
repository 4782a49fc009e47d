//! A stream of an AVI: how it is read, by its header and its first chunks.

use super::header::Clock;
use super::order::Order;
use crate::codec::{h264, mpeg_audio};
use crate::demux::annexb::{self, ParameterSets};
use crate::demux::framing::{Framer, Framing};
use crate::demux::{Kind, Track};

/// A stream, and where it stands.
#[derive(Debug)]
pub(super) struct Stream {
    pub clock: Clock,
    pub block_align: u16,
    /// Whether frames of H.264 are a byte stream.
    pub byte_stream: bool,
    pub sets: ParameterSets,
    pub framer: Option<Framer>,
    /// Bytes, chunks or samples so far, by the clock.
    pub units: u64,
    /// When pictures of H.264 are shown, where they are reordered.
    pub order: Option<Order>,
    /// Units from one frame to the next: more than one where each is followed by empty chunks.
    pub frame_units: i64,
}

impl Stream {
    pub(super) fn new(clock: Clock, block_align: u16) -> Self {
        Self {
            clock,
            block_align,
            byte_stream: false,
            sets: ParameterSets::default(),
            framer: None,
            units: u64::from(clock.start),
            order: None,
            frame_units: 1,
        }
    }
}

/// Takes up what one of the first chunks of a stream tells.
pub(super) fn learn(track: &mut Track, stream: &mut Stream, bytes: &[u8]) {
    match (track.kind, track.codec.as_str()) {
        (Kind::Video, "h264") => {
            if stream.order.is_none() {
                stream.order = match h264::Config::parse(&track.config) {
                    // Its NAL units stand behind their lengths, unless the first chunk says otherwise.
                    Some(config) if annexb::start_code(bytes.get(..4).unwrap_or_default(), 0).is_none() => {
                        config.sps.and_then(Order::of).map(|order| order.prefixed(config.length_size))
                    }
                    _ => annexb::units(bytes).find(|nal| annexb::kind(nal) == 7).and_then(Order::of),
                };
            }
            stream.sets.learn(bytes);
            if let Some(order) = &mut stream.order {
                order.look(bytes);
            }
        }
        (Kind::Audio, "aac") if stream.framer.is_none() => {
            if let Some(header) = crate::codec::aac::AdtsHeader::parse(bytes) {
                track.config = header.asc().to_vec();
                track.channels = Some(header.channels()).filter(|&channels| channels > 0).or(track.channels);
                track.sample_rate = Some(header.core_rate);
                stream.framer = Some(Framer::new(Framing::Adts));
            }
        }
        (Kind::Audio, "mp3" | "mp2") if stream.framer.is_none() => {
            let found = (0..bytes.len().min(4096)).find_map(|at| {
                let header = mpeg_audio::Header::parse(bytes.get(at..)?)?;
                let next = bytes.get(at + header.frame_length..).unwrap_or_default();
                (next.len() < 4 || mpeg_audio::Header::parse(next).is_some()).then_some(header)
            });
            if let Some(header) = found {
                header.codec().clone_into(&mut track.codec);
                track.sample_rate = Some(header.sample_rate);
                track.channels = Some(header.channels);
                stream.framer = Some(Framer::new(Framing::Mpeg));
            }
        }
        _ => {}
    }
}

/// Fixes how a stream is read, by its header and its first chunks.
pub(super) fn settle(track: &mut Track, stream: &mut Stream) {
    let seconds =
        |units: u64, stream: &Stream| units * u64::from(stream.clock.scale) / u64::from(stream.clock.rate.max(1));
    if track.codec == "h264" {
        if h264::Config::parse(&track.config).is_none() && stream.sets.is_whole() {
            stream.byte_stream = true;
            track.config = stream.sets.avcc().unwrap_or_default();
        }
        stream.order = stream.order.take().and_then(|mut order| order.is_used().then_some(order));
        let sps = h264::Config::parse(&track.config).and_then(|config| h264::Sps::parse(config.sps?));
        if let Some(sps) = sps {
            track.size = Some((sps.width, sps.height));
            track.pixel_aspect = annexb::pixel_aspect(&sps).or(track.pixel_aspect);
        }
    }
    if let (Some(_), Some(rate)) = (&stream.framer, track.sample_rate) {
        // Counted in samples from here on.
        track.timescale = rate;
        track.duration = Some(seconds(u64::from(stream.clock.length) * u64::from(rate), stream));
        stream.units = seconds(u64::from(stream.clock.start) * u64::from(rate), stream);
    } else if let (true, Some(rate)) = (track.codec.starts_with("pcm"), track.sample_rate) {
        // Blocks of samples, whatever the header calls a unit.
        track.timescale = rate;
        let block = u32::from(stream.block_align).max(1);
        stream.clock = Clock { scale: 1, rate, sample_size: block, ..stream.clock };
        track.duration = Some(u64::from(stream.clock.length));
    } else {
        track.duration = Some(u64::from(stream.clock.length) * u64::from(stream.clock.scale));
    }
    track.duration = track.duration.filter(|&duration| duration > 0);
}
