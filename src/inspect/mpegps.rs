//! MPEG program streams and MPEG video without a system layer: codecs and size by the first packets (ISO/IEC 13818-1
//! §2.5, 11172-1 §2.4), length by the clocks of the first and the last pack.

use super::stream::Streamed;
use crate::bytes::{array, be16, byte};
use crate::codec::mpeg_audio;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage, FrameRate, VideoTrack};
use crate::source::Source;

/// How much of the start and of the end is looked at.
const LOOKED_AT: usize = 1024 * 1024;

/// Frames per second by their code (ISO/IEC 13818-2 table 6-4).
const RATES: [(u32, u32); 8] =
    [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)];

/// What the first packets tell.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut found = Streamed::default();
    let head = source.bytes_at(0, LOOKED_AT)?;
    let tail = source.tail(LOOKED_AT)?;
    let mut seen: Vec<u8> = Vec::new();
    let (mut first, mut at) = (None, 0);
    while let Some((id, body)) = start(&head, at) {
        at = body;
        match id {
            0xBA => {
                first = first.or_else(|| clock(&head, body));
            }
            0xB3 => picture(&head, body, &mut found),
            0xC0..=0xDF => {
                let content = packet(&head, body);
                if !seen.contains(&id)
                    && let Some(header) = frame(content)
                {
                    seen.push(id);
                    found.streams.audio.push(AudioTrack {
                        codec: header.codec().to_owned(),
                        sample_rate: Some(header.sample_rate),
                        channels: Some(header.channels),
                        bitrate: Some(u64::from(header.kilobits) * 1000),
                        default: true,
                        ..AudioTrack::default()
                    });
                }
                at = body + 2 + be16(&head, body).map_or(0, usize::from);
            }
            // Private stream 1 of DVDs: a number tells what it is.
            0xBD => {
                if let Some(codec) = byte(packet(&head, body), 0).and_then(private)
                    && !seen.contains(&id)
                {
                    seen.push(id);
                    found.streams.audio.push(AudioTrack {
                        codec: codec.to_owned(),
                        default: true,
                        ..AudioTrack::default()
                    });
                }
                at = body + 2 + be16(&head, body).map_or(0, usize::from);
            }
            _ => {}
        }
    }
    let (mut last, mut at) = (None, 0);
    while let Some((id, body)) = start(&tail, at) {
        at = body;
        if id == 0xBA {
            last = clock(&tail, body).or(last);
        }
    }
    let length = first.zip(last).map(|(first, last)| last.wrapping_sub(first) & 0x1_FFFF_FFFF);
    // What is longer than a day started anew in between.
    let length = length.filter(|&ticks| ticks > 0 && ticks < 90_000 * 86_400).map(|ticks| ticks * 1_000_000 / 90_000);
    found.streams.duration_us = length;
    found.streams.video.iter_mut().for_each(|track| track.duration_us = length);
    found.streams.audio.iter_mut().for_each(|track| track.duration_us = length);
    if found.streams.video.is_empty() && found.streams.audio.is_empty() {
        found.damage.push(Damage::Malformed("no streams in the first packets".to_owned()));
    }
    Ok(found)
}

/// The next start code from `from` on: its number, and what stands behind it.
fn start(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let place = bytes.get(from..)?.windows(3).position(|three| three == [0, 0, 1])?;
    Some((byte(bytes, from + place + 3)?, from + place + 4))
}

/// The clock of a pack, in 90 kHz: MPEG-2 marks it by 01, MPEG-1 by 0010.
fn clock(bytes: &[u8], at: usize) -> Option<u64> {
    let raw = array::<5>(bytes, at)?.map(u64::from);
    let [a, b, c, d, e] = raw;
    match a {
        a if a & 0xC4 == 0x44 => {
            Some((a >> 3 & 7) << 30 | (a & 3) << 28 | b << 20 | (c >> 3) << 15 | (c & 3) << 13 | d << 5 | e >> 3)
        }
        a if a & 0xF1 == 0x21 => Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1),
        _ => None,
    }
}

/// The content of a packet whose length stands at `at`: without the header of either kind.
fn packet(bytes: &[u8], at: usize) -> &[u8] {
    let length = be16(bytes, at).map_or(0, usize::from);
    let body = bytes.get(at + 2..).unwrap_or_default();
    let body = body.get(..length).unwrap_or(body);
    let skip = match byte(body, 0) {
        Some(first) if first & 0xC0 == 0x80 => 3 + byte(body, 2).map_or(0, usize::from),
        // MPEG-1: stuffing, perhaps a buffer size, perhaps times.
        _ => {
            let mut at = body.iter().take(16).take_while(|&&byte| byte == 0xFF).count();
            if byte(body, at).is_some_and(|first| first & 0xC0 == 0x40) {
                at += 2;
            }
            at + match byte(body, at).map(|first| first >> 4) {
                Some(2) => 5,
                Some(3) => 10,
                _ => 1,
            }
        }
    };
    body.get(skip..).unwrap_or_default()
}

/// The first header of MPEG audio in a packet.
fn frame(content: &[u8]) -> Option<mpeg_audio::Header> {
    (0..content.len().min(2048)).find_map(|at| mpeg_audio::Header::parse(content.get(at..)?))
}

fn private(number: u8) -> Option<&'static str> {
    match number {
        0x80..=0x87 => Some("ac3"),
        0x88..=0x8F => Some("dts"),
        0xA0..=0xAF => Some("pcm"),
        _ => None,
    }
}

/// A sequence header, and whether MPEG-2's extension follows (ISO/IEC 13818-2 §6.2.2).
fn picture(bytes: &[u8], at: usize, found: &mut Streamed) {
    let Some([a, b, c, d]) = array::<4>(bytes, at).filter(|_| found.streams.video.is_empty()) else { return };
    let rate = RATES.get(usize::from(d & 15).wrapping_sub(1)).map(|&(frames, seconds)| FrameRate { frames, seconds });
    let (width, height) = (u32::from(a) << 4 | u32::from(b >> 4), u32::from(b & 15) << 8 | u32::from(c));
    // At most two tables of 64 bytes stand between.
    let extended = bytes.get(at..(at + 200).min(bytes.len())).unwrap_or_default();
    let extension = extended.windows(4).position(|four| four == [0, 0, 1, 0xB5]);
    let shape = match (d >> 4, extension) {
        (2, Some(_)) => Some((4, 3)),
        (3, Some(_)) => Some((16, 9)),
        _ => None,
    };
    let pixel_aspect = shape.and_then(|(wide, high): (u32, u32)| {
        let (one, other) = (wide * height, high * width);
        let (mut divisor, mut rest) = (one, other);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        (one != other && divisor > 0 && other > 0).then(|| (one / divisor, other / divisor))
    });
    let progressive = extension.and_then(|place| byte(extended, place + 5)).map(|flags| flags & 0x08 != 0);
    found.streams.video.push(VideoTrack {
        codec: if extension.is_some() { "mpeg2" } else { "mpeg1" }.to_owned(),
        width,
        height,
        pixel_aspect,
        frame_rate: rate,
        interlaced: progressive == Some(false),
        default: true,
        ..VideoTrack::default()
    });
}
