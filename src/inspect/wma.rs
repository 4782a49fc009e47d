//! Windows Media audio: the header objects of ASF (ASF specification §3).

use super::stream::Streamed;
use crate::bytes::{array, le16, le32, le64};
use crate::codec::of_wave_tag;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

type Guid = [u8; 16];

const FILE_PROPERTIES: Guid = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const STREAM_PROPERTIES: Guid = *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const AUDIO: Guid = *b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const ENCRYPTION: Guid = *b"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e";
const EXTENDED_ENCRYPTION: Guid = *b"\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c";
const CONTENT: [Guid; 2] = [
    *b"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
    *b"\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50",
];
const DATA: Guid = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";

/// The most header objects that are looked at.
const MAX_OBJECTS: usize = 128;

/// What can be measured of Windows Media audio.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let header = le64(&source.bytes_at(16, 8)?, 0).unwrap_or(0);
    let end = header.min(source.len());
    let (mut tracks, mut damage) = (Vec::new(), Vec::new());
    let (mut duration_us, mut metadata, mut encrypted, mut at) = (None, 0, false, 30_u64);
    if header > source.len() {
        damage.push(Damage::Truncated("the header ends beyond the file".to_owned()));
    }
    for _ in 0..MAX_OBJECTS {
        let object = source.bytes_at(at, 128)?;
        let (Some(kind), Some(size)) = (array::<16>(&object, 0), le64(&object, 16)) else { break };
        if at >= end || size < 24 {
            break;
        }
        match kind {
            FILE_PROPERTIES => duration_us = duration(&object),
            STREAM_PROPERTIES => tracks.extend(track(&object)),
            ENCRYPTION | EXTENDED_ENCRYPTION => encrypted = true,
            kind if CONTENT.contains(&kind) => metadata += size.min(end - at),
            _ => {}
        }
        at = at.saturating_add(size);
    }
    check_data(source, header, &mut damage)?;
    for track in &mut tracks {
        track.encrypted |= encrypted;
        track.duration_us = duration_us;
    }
    if tracks.is_empty() {
        damage.push(Damage::Malformed("no stream of sound is described".to_owned()));
    }
    let mut found = Streamed { damage, ..Streamed::default() };
    (found.streams.duration_us, found.streams.metadata_bytes) = (duration_us, metadata);
    found.streams.audio = tracks;
    Ok(found)
}

/// The play time less what is buffered before it, for a file that is no broadcast (§3.2).
fn duration(object: &[u8]) -> Option<u64> {
    let broadcast = le32(object, 88)? & 1 != 0;
    let preroll_us = le64(object, 80)?.saturating_mul(1000);
    let played_us = le64(object, 64)? / 10;
    (!broadcast).then_some(played_us.saturating_sub(preroll_us))
}

/// A stream of sound (§3.3): WAVEFORMATEX stands behind 54 bytes.
fn track(object: &[u8]) -> Option<AudioTrack> {
    const ENCRYPTED: u16 = 0x8000;
    if array::<16>(object, 24) != Some(AUDIO) {
        return None;
    }
    let format = object.get(78..)?;
    Some(AudioTrack {
        codec: of_wave_tag(le16(format, 0)?),
        channels: le16(format, 2).filter(|&channels| channels > 0),
        sample_rate: le32(format, 4).filter(|&rate| rate > 0),
        bitrate: le32(format, 8).map(|bytes| u64::from(bytes) * 8).filter(|&bits| bits > 0),
        bits: None,
        encrypted: le16(object, 72).is_some_and(|flags| flags & ENCRYPTED != 0),
        default: true,
        ..AudioTrack::default()
    })
}

/// The data object behind the header must be all there (§5); a size of 0 is that of a broadcast.
fn check_data(source: &Source, at: u64, damage: &mut Vec<Damage>) -> Result<()> {
    let object = source.bytes_at(at, 24)?;
    if array(&object, 0) != Some(DATA) || !damage.is_empty() {
        if damage.is_empty() {
            damage.push(Damage::Truncated("no data follows the header".to_owned()));
        }
        return Ok(());
    }
    let size = le64(&object, 16).unwrap_or(0);
    if size > source.len().saturating_sub(at) {
        let there = source.len() - at;
        damage.push(Damage::Truncated(format!("the data ends beyond the file; found {there} bytes, expected {size}")));
    }
    Ok(())
}
