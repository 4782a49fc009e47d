//! Native FLAC (RFC 9639 §8): the metadata blocks in front, and the last frame, which tells whether all are there.

use super::sound;
use super::stream::Streamed;
use crate::bytes::byte;
use crate::codec::flac::{StreamInfo, frame_samples};
use crate::codec::vorbis::has_picture;
use crate::demux::frames::Tags;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

/// What is read of the end to find the last frame, at least.
const TAIL: u64 = 128 * 1024;

/// The same at most.
const MAX_TAIL: u64 = 1024 * 1024;

/// The most of a comment block that is looked at.
const MAX_COMMENT: usize = 256 * 1024;

/// The longest header of a frame.
const MAX_HEADER: usize = 16;

/// What can be measured of a FLAC file.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    const COMMENT: u8 = 4;
    const PICTURE: u8 = 6;
    let around = Tags::find(source)?;
    let (mut at, mut info, mut picture) = (around.start + 4, None, around.picture);
    for _ in 0..MAX_ENTRIES {
        let head = source.bytes_at(at, 4)?;
        let &[kind, high, middle, low] = head.as_slice() else { break };
        let size = u32::from_be_bytes([0, high, middle, low]);
        match kind & 0x7f {
            0 => info = info.or(StreamInfo::parse(&source.bytes_at(at + 4, StreamInfo::SIZE)?)),
            COMMENT => {
                let there = MAX_COMMENT.min(usize::try_from(size).unwrap_or(MAX_COMMENT));
                picture |= has_picture(&source.bytes_at(at + 4, there)?);
            }
            PICTURE => picture = true,
            _ => {}
        }
        at = at.saturating_add(4 + u64::from(size));
        if kind & 0x80 != 0 {
            break;
        }
    }
    let Some(info) = info else { return Ok(sound::broken("flac", "STREAMINFO is missing")) };
    let mut damage = Vec::new();
    let begin = at.min(around.end);
    let last = last_frame(source, begin, around.end, &info)?;
    match (info.samples, &last) {
        (_, None) if at >= around.end => damage.push(Damage::Truncated("no frame follows the metadata".to_owned())),
        (Some(told), Some(last)) if last.end < told => {
            let what = format!("the last frame ends at sample {}, expected {told}", last.end);
            damage.push(Damage::Truncated(what));
        }
        (_, Some(last)) if !last.whole => {
            damage.push(Damage::Truncated("the last frame does not end with its checksum".to_owned()));
        }
        _ => {}
    }
    if info.sample_rate == 0 {
        damage.push(Damage::Malformed("a rate of zero".to_owned()));
    }
    // A piece out of a longer stream keeps that one's numbers, and its length.
    let first = source.bytes_at(begin, MAX_HEADER)?;
    let before = frame_end(&first, &info).zip(frame_samples(&first));
    let before = before.map_or(0, |(end, samples)| end.saturating_sub(samples.into()));
    let samples = info.samples.or(last.map(|last| last.end)).map(|samples| samples.saturating_sub(before));
    let duration_us = samples.and_then(|samples| sound::microseconds(samples, info.sample_rate));
    let track = AudioTrack {
        codec: "flac".to_owned(),
        sample_rate: Some(info.sample_rate).filter(|&rate| rate > 0),
        channels: Some(info.channels),
        bits: Some(info.bits),
        duration_us,
        bitrate: sound::bitrate(around.end - begin, duration_us),
        default: true,
        ..AudioTrack::default()
    };
    let mut found = sound::alone(track, damage);
    found.streams.cover_art = picture;
    found.streams.metadata_bytes = begin.saturating_sub(around.start + 42) + around.start + (source.len() - around.end);
    Ok(found)
}

/// The last frame of a file.
#[derive(Debug, Clone, Copy)]
struct Last {
    /// Samples up to its end.
    end: u64,
    /// Whether it ends the file with its checksum.
    whole: bool,
}

/// Looks for the last frame between `begin` and `end`: a header whose checksum is right and whose number makes sense.
fn last_frame(source: &Source, begin: u64, end: u64, info: &StreamInfo) -> Result<Option<Last>> {
    let room = u64::from(info.max_block) * u64::from(info.channels) * 5;
    let start = end.saturating_sub(room.clamp(TAIL, MAX_TAIL)).max(begin);
    let tail = source.bytes_at(start, usize::try_from(end.saturating_sub(start)).unwrap_or(0))?;
    let (mut at, mut last): (usize, Option<(usize, u64)>) = (0, None);
    while let Some(next) = tail.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) {
        at += next;
        let ends = tail.get(at..).and_then(|frame| frame_end(frame, info));
        // A number beyond the stream, or before the frame last seen, is chance.
        if let Some(ends) = ends.filter(|&ends| info.samples.is_none_or(|all| ends <= all))
            && last.is_none_or(|(_, before)| ends > before)
        {
            last = Some((at, ends));
        }
        at += 1;
    }
    Ok(last.map(|(at, end)| Last { end, whole: crc16(tail.get(at..).unwrap_or_default()) == 0 }))
}

/// The sample at which a frame ends, when its header is one (RFC 9639 §9.1).
fn frame_end(frame: &[u8], info: &StreamInfo) -> Option<u64> {
    let samples = u64::from(frame_samples(frame)?);
    let (third, fourth) = (byte(frame, 2)?, byte(frame, 3)?);
    if third & 0x0f == 0x0f || fourth >> 4 > 10 || fourth & 0x01 != 0 {
        return None;
    }
    let first = byte(frame, 4)?;
    let ones = usize::try_from(first.leading_ones()).ok()?;
    if ones == 1 || ones > 7 {
        return None;
    }
    let count = ones.max(1);
    let lead = if ones == 0 { u64::from(first) } else { u64::from(first) & ((1 << (7 - ones.min(7))) - 1) };
    let number = frame
        .get(5..4 + count)?
        .iter()
        .try_fold(lead, |number, &byte| (byte & 0xc0 == 0x80).then_some(number << 6 | u64::from(byte & 0x3f)))?;
    let extra = match third >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    } + match third & 0x0f {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    let header = 4 + count + extra;
    if crc8(frame.get(..header)?) != byte(frame, header)? {
        return None;
    }
    // The lowest bit of the second byte: numbers count samples, not frames of one size.
    let variable = byte(frame, 1)? & 0x01 != 0;
    let start = if variable { number } else { number.checked_mul(u64::from(info.max_block))? };
    start.checked_add(samples)
}

/// The checksum of frame headers: polynomial 0x07.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 })
    })
}

/// The checksum of frames: polynomial 0x8005. Over a frame with its checksum it is 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let crc = crc ^ u16::from(byte) << 8;
        (0..8).fold(crc, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 })
    })
}
