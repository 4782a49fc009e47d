//! The header list of an AVI: what each stream is (AVI RIFF File Reference; OpenDML AVI File Format Extensions 1.02).

use crate::bytes::{array, byte, le16, le32};
use crate::codec;
use crate::demux::{Kind, Track};
use crate::facts::OtherKind;

/// The most streams of a file: their numbers have two digits.
const MAX_STREAMS: usize = 100;

/// Bytes of a WAVEFORMATEX and of a BITMAPINFOHEADER, behind which the codec's own configuration stands.
const WAVE_FORMAT: usize = 18;
const BITMAP_HEADER: usize = 40;

/// What times the chunks of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// A unit lasts `scale / rate` seconds.
    pub scale: u32,
    pub rate: u32,
    /// Units before the first chunk.
    pub start: u32,
    /// Units in all, by the header.
    pub length: u32,
    /// Bytes of a unit; 0 where each chunk is one.
    pub sample_size: u32,
}

/// A stream by its header.
#[derive(Debug, Clone)]
pub(super) struct StreamHead {
    pub track: Track,
    pub clock: Clock,
    /// Bytes of a block of samples.
    pub block_align: u16,
}

/// What the header list tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub streams: Vec<StreamHead>,
}

/// The chunks within a list that is in memory.
pub(super) fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let kind = array(bytes, at)?;
        let size = usize::try_from(le32(bytes, at + 4)?).ok()?;
        let body = bytes.get(at + 8..)?;
        at = at.saturating_add(8).saturating_add(size).saturating_add(size % 2);
        Some((kind, body.get(..size).unwrap_or(body)))
    })
    .take(crate::limits::MAX_ENTRIES)
}

/// Reads the content of the `hdrl` list.
pub(super) fn read(content: &[u8]) -> Head {
    let lists = chunks(content).filter(|(kind, body)| kind == b"LIST" && body.starts_with(b"strl"));
    let streams =
        lists.take(MAX_STREAMS).enumerate().map(|(index, (_, body))| stream(index, body.get(4..).unwrap_or_default()));
    Head { streams: streams.collect() }
}

fn stream(index: usize, list: &[u8]) -> StreamHead {
    let first = |wanted: &[u8; 4]| chunks(list).find(|(kind, _)| kind == wanted).map_or(&[][..], |(_, body)| body);
    let (header, format) = (first(b"strh"), first(b"strf"));
    let number = |at: usize| le32(header, at).unwrap_or(0);
    let clock = Clock {
        scale: number(20).max(1),
        rate: number(24),
        start: number(28).min(1 << 20),
        length: number(32),
        sample_size: number(44),
    };
    // Without a rate a second has 25 units, so that there is some order.
    let clock = if clock.rate == 0 { Clock { scale: 1, rate: 25, ..clock } } else { clock };
    let id = index as u64;
    let mut block_align = 0;
    let mut track = match header.get(..4) {
        Some(b"vids") => {
            let code = array::<4>(format, 16).filter(|code| code != b"\0\0\0\0").or_else(|| array(header, 4));
            let mut track =
                Track::new(id, Kind::Video, code.map_or_else(|| "unknown".to_owned(), codec::of_bitmap), clock.rate);
            let side = |at: usize| le32(format, at).map(|side| side.cast_signed().unsigned_abs());
            track.size = side(4).zip(side(8)).filter(|&(width, height)| width > 0 && height > 0);
            track.config = format.get(BITMAP_HEADER..).unwrap_or_default().to_vec();
            track.pixel_aspect = track.size.and_then(|size| pixel_aspect(first(b"vprp"), size));
            track
        }
        Some(b"auds") => {
            const EXTENSIBLE: u16 = 0xFFFE;
            let tag = le16(format, 0).unwrap_or(0);
            let tag = if tag == EXTENSIBLE { le16(format, 24).unwrap_or(tag) } else { tag };
            let mut track = Track::new(id, Kind::Audio, codec::of_wave_tag(tag), clock.rate);
            track.channels = le16(format, 2).filter(|&channels| channels > 0);
            track.sample_rate = le32(format, 4).filter(|&rate| rate > 0);
            block_align = le16(format, 12).unwrap_or(0);
            track.bits = byte(format, 14).filter(|&bits| bits > 0);
            let extra = usize::from(le16(format, 16).unwrap_or(0));
            let rest = format.get(WAVE_FORMAT..).unwrap_or_default();
            track.config = rest.get(..extra).unwrap_or(rest).to_vec();
            track
        }
        Some(b"txts") => Track::new(id, Kind::Other(OtherKind::Text), "text", clock.rate),
        Some(kind) => Track::new(id, Kind::Other(OtherKind::Unknown), crate::bytes::code_name(kind), clock.rate),
        None => Track::new(id, Kind::Other(OtherKind::Unknown), "unknown", clock.rate),
    };
    track.default = true;
    StreamHead { track, clock, block_align }
}

/// The shape of a pixel by the shape of the picture in the video properties header.
fn pixel_aspect(properties: &[u8], (width, height): (u32, u32)) -> Option<(u32, u32)> {
    let shape = le32(properties, 20)?;
    let (wide, high) = (u64::from(shape >> 16), u64::from(shape & 0xFFFF));
    let (one, other) = (wide * u64::from(height), high * u64::from(width));
    if one == 0 || other == 0 || one.abs_diff(other) * 100 < one {
        return None;
    }
    let (mut divisor, mut rest) = (one, other);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    Some((u32::try_from(one / divisor).ok()?, u32::try_from(other / divisor).ok()?))
}
