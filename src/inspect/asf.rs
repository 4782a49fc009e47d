//! Windows Media: the objects of its header (ASF specification §3).

use super::stream::Streamed;
use crate::bytes::{Region, array, byte, le16, le32, le64};
use crate::codec;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage, FrameRate, VideoTrack};
use crate::limits::MAX_METADATA;
use crate::source::Source;

type Guid = [u8; 16];

const HEADER: Guid = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const FILE_PROPERTIES: Guid = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const STREAM_PROPERTIES: Guid = *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const EXTENDED_HEADER: Guid = *b"\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65";
const EXTENDED_STREAM: Guid = *b"\xcb\xa5\xe6\x14\x72\xc6\x32\x43\x83\x99\xa9\x69\x52\x06\x5b\x5a";
const ENCRYPTION: Guid = *b"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e";
const EXTENDED_ENCRYPTION: Guid = *b"\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c";
const DATA: Guid = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const AUDIO: Guid = *b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const VIDEO: Guid = *b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";

/// The most objects of a header.
const MAX_OBJECTS: usize = 1024;

/// What the header says.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut found = Streamed::default();
    let file = Region::whole(source);
    let Some(size) = file.array::<24>(0)?.filter(|head| head.starts_with(&HEADER)).and_then(|head| le64(&head, 16))
    else {
        found.damage.push(Damage::Malformed("no ASF header".to_owned()));
        return Ok(found);
    };
    if size > file.len() {
        found.damage.push(Damage::Truncated("the file ends within its header".to_owned()));
    }
    let count = usize::try_from(size).unwrap_or(MAX_METADATA).min(MAX_METADATA);
    let header = file.bytes(30, count.saturating_sub(30))?;
    read(&header, &mut found, true);
    // The content follows, with its length.
    if let Some(data) = file.array::<24>(size)?
        && data.starts_with(&DATA)
        && let Some(length) = le64(&data, 16)
        && length > 24
        && size.saturating_add(length) > file.len()
    {
        let missing = size.saturating_add(length) - file.len();
        found.damage.push(Damage::Truncated(format!("the file ends {missing} bytes before its content does")));
    }
    let duration = found.streams.duration_us;
    found.streams.video.iter_mut().for_each(|track| track.duration_us = duration);
    found.streams.audio.iter_mut().for_each(|track| track.duration_us = duration);
    Ok(found)
}

/// The objects of a header, or of the extension within.
fn read(mut bytes: &[u8], found: &mut Streamed, top: bool) {
    for _ in 0..MAX_OBJECTS {
        let (Some(kind), Some(size)) = (array::<16>(bytes, 0), le64(bytes, 16)) else { return };
        let Some(size) = usize::try_from(size).ok().filter(|&size| size >= 24) else { return };
        let body = bytes.get(24..size.min(bytes.len())).unwrap_or_default();
        match kind {
            FILE_PROPERTIES => found.streams.duration_us = played(body),
            STREAM_PROPERTIES => stream(body, found),
            EXTENDED_STREAM if !top => extended_stream(body, found),
            EXTENDED_HEADER if top => read(body.get(22..).unwrap_or_default(), found, false),
            ENCRYPTION | EXTENDED_ENCRYPTION => {
                found.streams.audio.iter_mut().for_each(|track| track.encrypted = true);
                found.streams.video.iter_mut().for_each(|track| track.encrypted = true);
            }
            _ => {}
        }
        let Some(rest) = bytes.get(size..) else { return };
        bytes = rest;
    }
}

/// Play duration in 100 ns, less the preroll in milliseconds (§3.2). A broadcast states none.
fn played(body: &[u8]) -> Option<u64> {
    const BROADCAST: u32 = 1;
    let flags = le32(body, 64)?;
    let (duration, preroll) = (le64(body, 40)? / 10, le64(body, 56)?.saturating_mul(1000));
    duration.checked_sub(preroll).filter(|&us| us > 0 && flags & BROADCAST == 0)
}

/// §3.3: type, correction, time offset, two lengths, flags (with the number and whether it is encrypted), and then its own.
fn stream(body: &[u8], found: &mut Streamed) {
    let encrypted = le16(body, 48).is_some_and(|flags| flags & 0x8000 != 0);
    let Some(specific) = body.get(54..) else { return };
    match array::<16>(body, 0) {
        Some(AUDIO) => {
            let tag = le16(specific, 0);
            found.streams.audio.push(AudioTrack {
                codec: tag.map_or_else(|| "unknown".to_owned(), codec::of_wave_tag),
                channels: le16(specific, 2).filter(|&channels| channels > 0),
                sample_rate: le32(specific, 4).filter(|&rate| rate > 0),
                bitrate: le32(specific, 8).map(|bytes| u64::from(bytes) * 8).filter(|&bits| bits > 0),
                bits: byte(specific, 14).filter(|_| tag == Some(1)),
                default: true,
                encrypted,
                ..AudioTrack::default()
            });
        }
        Some(VIDEO) => {
            let code = array::<4>(specific, 27);
            found.streams.video.push(VideoTrack {
                codec: code.map_or_else(|| "unknown".to_owned(), codec::of_bitmap),
                width: le32(specific, 0).unwrap_or(0),
                height: le32(specific, 4).unwrap_or(0),
                default: true,
                encrypted,
                ..VideoTrack::default()
            });
        }
        _ => {}
    }
}

/// §4.1: the average time of a frame in 100 ns; an embedded stream properties object may follow the names.
fn extended_stream(body: &[u8], found: &mut Streamed) {
    let (bits, each) = (le32(body, 16), le64(body, 52));
    let names = usize::from(le16(body, 60).unwrap_or(0));
    let systems = usize::from(le16(body, 62).unwrap_or(0));
    let mut at = 64_usize;
    for _ in 0..names {
        let Some(length) = le16(body, at + 2) else { return };
        at += 4 + usize::from(length);
    }
    for _ in 0..systems {
        let Some(length) = le32(body, at + 18) else { return };
        at = at.saturating_add(22).saturating_add(length as usize);
    }
    let before = found.streams.video.len();
    if let Some(rest) = body.get(at..).filter(|rest| rest.starts_with(&STREAM_PROPERTIES)) {
        stream(rest.get(24..).unwrap_or_default(), found);
    }
    if let Some(each) = each.filter(|&each| (1000..1_000_000_000).contains(&each)) {
        let rate = super::tracks::rate_of(1000, each.saturating_mul(1000), 10_000_000);
        let only = found.streams.video.len() == 1 || found.streams.video.len() > before;
        if let (true, Some(track)) = (only, found.streams.video.last_mut()) {
            track.frame_rate = rate.or(None::<FrameRate>);
            track.bitrate = bits.map(u64::from).filter(|&bits| bits > 0);
        }
    }
}
