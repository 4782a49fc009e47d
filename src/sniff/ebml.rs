//! WebM and Matroska: the EBML elements down to the tracks (RFC 8794, RFC 9559).

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, byte};
use crate::codec;
use crate::error::Result;
use crate::format::Format;

/// The most elements that are looked at on one level.
const MAX_ELEMENTS: usize = 256;

const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114D_9B74;
const SEEK: u32 = 0x4DBB;
const SEEK_ID: u32 = 0x53AB;
const SEEK_POSITION: u32 = 0x53AC;
const TRACKS: u32 = 0x1654_AE6B;
const CLUSTER: u32 = 0x1F43_B675;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const AUDIO: u32 = 0xE1;
const CHANNELS: u32 = 0x9F;
const CONTENT_ENCODINGS: u32 = 0x6D80;
const CONTENT_ENCODING: u32 = 0x6240;
const CONTENT_ENCRYPTION: u32 = 0x5035;

/// An element's place.
#[derive(Clone, Copy)]
struct Element {
    id: u32,
    body: u64,
    end: u64,
}

/// Looks at a file that starts with an EBML header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    if array(window.head(), 0) != Some(EBML.to_be_bytes()) {
        return Ok(None);
    }
    let end = window.len();
    let Some(header) = element_at(window, 0, end)? else { return Ok(Some(Sniffed::of(Format::Other))) };
    let mut webm = None;
    for child in children(window, header.body, header.end)? {
        if child.id == DOC_TYPE {
            let name = content(window, child)?;
            webm = Some(name.starts_with(b"webm"));
        }
    }
    let mut streams = Streams::default();
    let mut offset = header.end;
    for _ in 0..MAX_ELEMENTS {
        let Some(found) = element_at(window, offset, end)? else { break };
        if found.id == SEGMENT {
            if let Some(tracks) = find_tracks(window, found)? {
                read_tracks(window, tracks, &mut streams)?;
            }
            break;
        }
        offset = found.end;
    }
    let sound_alone = streams.video_codecs.is_empty() && !streams.audio_codecs.is_empty();
    let format = match (webm.unwrap_or(false), sound_alone) {
        (true, true) => Format::WebmAudio,
        (true, false) => Format::Webm,
        (false, true) => Format::Mka,
        (false, false) => Format::Mkv,
    };
    Ok(Some(Sniffed::of(format).with(streams)))
}

/// The element at `offset` of a parent that ends at `limit`. An unknown size (all ones: a live recording) lasts to the end.
fn element_at(window: &mut Window<'_>, offset: u64, limit: u64) -> Result<Option<Element>> {
    if offset >= limit {
        return Ok(None);
    }
    let bytes = window.at(offset, 12)?;
    let Some((id, id_length)) = variable(bytes, 4, false) else { return Ok(None) };
    let Some((size, size_length)) = bytes.get(id_length..).and_then(|rest| variable(rest, 8, true)) else {
        return Ok(None);
    };
    let body = offset.saturating_add((id_length + size_length) as u64).min(limit);
    let unknown = size == (1 << (7 * size_length)) - 1;
    let end = if unknown { limit } else { body.saturating_add(size).min(limit) };
    Ok(u32::try_from(id).ok().map(|id| Element { id, body, end }))
}

/// A number whose leading zeros tell its length (RFC 8794 §4), of at most `longest` bytes.
fn variable(bytes: &[u8], longest: usize, strip_marker: bool) -> Option<(u64, usize)> {
    let first = byte(bytes, 0)?;
    let length = first.leading_zeros() as usize + 1;
    if length > longest {
        return None;
    }
    let start = if strip_marker { u64::from(first) & ((1 << (8 - length)) - 1) } else { u64::from(first) };
    let rest = bytes.get(1..length)?;
    Some((rest.iter().fold(start, |number, &byte| number << 8 | u64::from(byte)), length))
}

fn children(window: &mut Window<'_>, start: u64, end: u64) -> Result<Vec<Element>> {
    let mut elements = Vec::new();
    let mut offset = start;
    while elements.len() < MAX_ELEMENTS
        && let Some(found) = element_at(window, offset, end)?
    {
        offset = found.end;
        elements.push(found);
    }
    Ok(elements)
}

/// The first bytes of an element's content.
fn content<'w>(window: &'w mut Window<'_>, element: Element) -> Result<&'w [u8]> {
    let count = usize::try_from(element.end - element.body).unwrap_or(usize::MAX);
    window.at(element.body, count.min(64))
}

/// An unsigned integer element.
fn number(window: &mut Window<'_>, element: Element) -> Result<u64> {
    Ok(content(window, element)?.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// The Tracks element: before the first Cluster, or where the SeekHead points.
fn find_tracks(window: &mut Window<'_>, segment: Element) -> Result<Option<Element>> {
    let mut pointed = None;
    let mut offset = segment.body;
    for _ in 0..MAX_ELEMENTS {
        let Some(found) = element_at(window, offset, segment.end)? else { break };
        match found.id {
            TRACKS => return Ok(Some(found)),
            SEEK_HEAD => pointed = pointed.or(seek_tracks(window, found)?),
            CLUSTER => break,
            _ => {}
        }
        offset = found.end;
    }
    let Some(position) = pointed else { return Ok(None) };
    let found = element_at(window, segment.body.saturating_add(position), segment.end)?;
    Ok(found.filter(|found| found.id == TRACKS))
}

/// Where a SeekHead says that the tracks are, counted from the segment's content.
fn seek_tracks(window: &mut Window<'_>, seek_head: Element) -> Result<Option<u64>> {
    for seek in children(window, seek_head.body, seek_head.end)? {
        if seek.id != SEEK {
            continue;
        }
        let (mut is_tracks, mut position) = (false, None);
        for part in children(window, seek.body, seek.end)? {
            match part.id {
                SEEK_ID => is_tracks = number(window, part)? == u64::from(TRACKS),
                SEEK_POSITION => position = Some(number(window, part)?),
                _ => {}
            }
        }
        if is_tracks {
            return Ok(position);
        }
    }
    Ok(None)
}

fn read_tracks(window: &mut Window<'_>, tracks: Element, streams: &mut Streams) -> Result<()> {
    for entry in children(window, tracks.body, tracks.end)? {
        if entry.id == TRACK_ENTRY {
            read_track(window, entry, streams)?;
        }
    }
    Ok(())
}

fn read_track(window: &mut Window<'_>, entry: Element, streams: &mut Streams) -> Result<()> {
    let (mut kind, mut codec, mut encrypted) = (0, None, false);
    // RFC 9559 §5.1.4.1.29.3: one channel where none is stated.
    let mut channels = 1;
    for part in children(window, entry.body, entry.end)? {
        match part.id {
            TRACK_TYPE => kind = number(window, part)?,
            CODEC_ID => codec = Some(codec::of_matroska(content(window, part)?)),
            AUDIO => {
                for detail in children(window, part.body, part.end)? {
                    if detail.id == CHANNELS {
                        channels = number(window, detail)?;
                    }
                }
            }
            CONTENT_ENCODINGS => encrypted = is_encrypted(window, part)?,
            _ => {}
        }
    }
    let codec = if encrypted { "encrypted".to_owned() } else { codec.unwrap_or_else(|| "unknown".to_owned()) };
    match kind {
        1 => streams.video_codecs.push(codec),
        2 => {
            if streams.audio_codecs.is_empty() {
                streams.channels = u16::try_from(channels).ok();
            }
            streams.audio_codecs.push(codec);
        }
        _ => {}
    }
    Ok(())
}

fn is_encrypted(window: &mut Window<'_>, encodings: Element) -> Result<bool> {
    for encoding in children(window, encodings.body, encodings.end)? {
        if encoding.id == CONTENT_ENCODING
            && children(window, encoding.body, encoding.end)?.iter().any(|part| part.id == CONTENT_ENCRYPTION)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn live_recording_of_unknown_size_is_read() {
        // A segment and, in it, tracks of unknown size, as MediaRecorder writes them.
        let bytes = [
            &b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"[..],
            b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
            b"\x16\x54\xae\x6b\xff\xae\x90\x83\x81\x02\x86\x86A_OPUS\xe1\x83\x9f\x81\x02",
        ]
        .concat();
        let source = Source::from_bytes(bytes, None);
        let sniffed = examine(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!(sniffed.format, Format::WebmAudio);
        assert_eq!(sniffed.streams.audio_codecs, ["opus"]);
        assert_eq!(sniffed.streams.channels, Some(2));
    }

    #[test]
    fn numbers_tell_their_length() {
        assert_eq!(variable(&[0x81], 8, true), Some((1, 1)));
        assert_eq!(variable(&[0x40, 0x02], 8, true), Some((2, 2)));
        assert_eq!(variable(&[0x40], 8, true), None);
        assert_eq!(variable(&[0x00, 0x01], 8, true), None);
    }
}
