//! ASF: Windows Media audio or video, by the stream properties of its header (ASF specification §3).

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, le16, le32, le64};
use super::riff::wave_codec;
use crate::codec;
use crate::error::Result;
use crate::format::Format;

type Guid = [u8; 16];

const HEADER: Guid = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const STREAM_PROPERTIES: Guid = *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const AUDIO: Guid = *b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const VIDEO: Guid = *b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";

/// The most header objects that are looked at.
const MAX_OBJECTS: usize = 128;

/// Looks at a file that starts with an ASF header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if array(head, 0) != Some(HEADER) {
        return Ok(None);
    }
    let end = le64(head, 16).unwrap_or(0).min(window.len());
    let mut streams = Streams::default();
    let mut offset = 30_u64;
    for _ in 0..MAX_OBJECTS {
        if offset >= end {
            break;
        }
        let object = window.at(offset, 128)?;
        let (Some(kind), Some(size)) = (array::<16>(object, 0), le64(object, 16)) else { break };
        if kind == STREAM_PROPERTIES {
            read_stream(object, &mut streams);
        }
        if size < 24 {
            break;
        }
        offset = offset.saturating_add(size);
    }
    let sound_alone = streams.video_codecs.is_empty() && !streams.audio_codecs.is_empty();
    Ok(Some(Sniffed::of(if sound_alone { Format::Wma } else { Format::Wmv }).with(streams)))
}

fn read_stream(object: &[u8], streams: &mut Streams) {
    // Behind type, correction, time offset, two lengths, flags and a reserved word.
    let Some(specific) = object.get(78..) else { return };
    match array::<16>(object, 24) {
        Some(AUDIO) => {
            if streams.audio_codecs.is_empty() {
                streams.channels = le16(specific, 2).filter(|&channels| channels > 0);
            }
            streams.audio_codecs.push(wave_codec(specific).unwrap_or_else(|| "unknown".to_owned()));
        }
        Some(VIDEO) => {
            // Width, height, flags and a length stand before the bitmap header.
            let code = le32(specific, 27).map(u32::to_le_bytes);
            streams.video_codecs.push(code.map_or_else(|| "unknown".to_owned(), codec::of_bitmap));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn sound_alone_is_wma() {
        let stream = [&STREAM_PROPERTIES[..], &[100, 0, 0, 0, 0, 0, 0, 0], &AUDIO, &[0; 38], &[0x61, 1, 2, 0]].concat();
        let bytes = [&HEADER[..], &[200, 0, 0, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 1, 2], &stream].concat();
        let source = Source::from_bytes(bytes, None);
        let sniffed = examine(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!((sniffed.format, sniffed.streams.channels), (Format::Wma, Some(2)));
        assert_eq!(sniffed.streams.audio_codecs, ["wma"]);
    }
}
