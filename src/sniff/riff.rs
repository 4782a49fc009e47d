//! RIFF files: WAV in its kinds, Wave64 among them; AVI, WebP.

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, le16, le32};
use crate::codec;
use crate::demux::wave::{WAVE64, Wave};
use crate::error::Result;
use crate::format::Format;

/// The most chunks that are looked at on one level.
const MAX_CHUNKS: usize = 128;

/// The outer code and the form behind it.
#[rustfmt::skip]
const FORMS: &[(&[u8; 4], &[u8; 4], Format)] = &[
    (b"RIFF", b"WAVE", Format::Wav),
    (b"RIFX", b"WAVE", Format::Wav),
    (b"RF64", b"WAVE", Format::Rf64),
    (b"BW64", b"WAVE", Format::Rf64),
    (b"RIFF", b"AVI ", Format::Avi),
    (b"RIFF", b"AVIX", Format::Avi),
    (b"RIFF", b"WEBP", Format::Webp),
    (b"RIFF", b"RMID", Format::Midi),
];

/// A chunk's place.
struct Chunk {
    kind: [u8; 4],
    body: u64,
    end: u64,
}

/// Looks at a file that starts with a RIFF header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let (Some(outer), Some(form)) = (array::<4>(head, 0), array::<4>(head, 8)) else { return Ok(None) };
    if head.starts_with(&WAVE64) && head.get(24..28) == Some(b"wave") {
        let streams = wave(window)?;
        return Ok(Some(Sniffed::of(Format::W64).with(streams)));
    }
    let row = FORMS.iter().find(|(code, kind, _)| **code == outer && **kind == form);
    let Some(&(.., format)) = row else { return Ok(None) };
    let streams = match format {
        Format::Wav | Format::Rf64 => wave(window)?,
        Format::Avi => avi(window)?,
        _ => Streams::default(),
    };
    Ok(Some(Sniffed::of(format).with(streams)))
}

/// The chunks from `start` to `end`, padded to even places; a size beyond the end is cut.
fn chunks(window: &mut Window<'_>, start: u64, end: u64) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    let mut offset = start;
    while chunks.len() < MAX_CHUNKS && offset < end {
        let header = window.at(offset, 8)?;
        let (Some(kind), Some(size)) = (array(header, 0), le32(header, 4)) else { break };
        let body = offset.saturating_add(8).min(end);
        let size = u64::from(size);
        let over = body.saturating_add(size).min(end);
        chunks.push(Chunk { kind, body, end: over });
        offset = body.saturating_add(size + size % 2);
    }
    Ok(chunks)
}

fn wave(window: &mut Window<'_>) -> Result<Streams> {
    let kind = Wave::of(window.head());
    let (mut streams, mut at) = (Streams::default(), kind.first());
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = kind.chunk(window.at(at, Wave::HEADER)?, at) else { break };
        if &chunk.kind == b"fmt " {
            let format = kind.format(window.at(chunk.start, 40)?.to_vec());
            streams.channels = le16(&format, 2).filter(|&channels| channels > 0);
            streams.audio_codecs.extend(wave_codec(&format));
            break;
        }
        at = kind.behind(&chunk, chunk.start.saturating_add(chunk.size));
    }
    Ok(streams)
}

/// The codec of a WAVEFORMATEX; an extensible one tells it in the first word of its sub-format.
pub(super) fn wave_codec(format: &[u8]) -> Option<String> {
    const EXTENSIBLE: u16 = 0xfffe;
    let tag = le16(format, 0)?;
    let tag = if tag == EXTENSIBLE { le16(format, 24).unwrap_or(tag) } else { tag };
    Some(codec::of_wave_tag(tag))
}

/// The streams of an AVI: each `strl` of the header list holds a `strh` (what it is) and a `strf` (how it is coded).
fn avi(window: &mut Window<'_>) -> Result<Streams> {
    let end = window.len();
    let mut streams = Streams::default();
    let Some(header) = list(window, 12, end, *b"hdrl")?.into_iter().next() else { return Ok(streams) };
    for stream in list(window, header.body + 4, header.end, *b"strl")? {
        let (mut kind, mut handler) = (None, None);
        for chunk in chunks(window, stream.body + 4, stream.end)? {
            match &chunk.kind {
                b"strh" => {
                    kind = window.code(chunk.body)?;
                    handler = window.code(chunk.body.saturating_add(4))?;
                }
                b"strf" if kind == Some(*b"vids") => {
                    let code = window.code(chunk.body.saturating_add(16))?.or(handler);
                    streams.video_codecs.extend(code.map(codec::of_bitmap));
                }
                b"strf" if kind == Some(*b"auds") => {
                    let format = window.at(chunk.body, 40)?;
                    if streams.audio_codecs.is_empty() {
                        streams.channels = le16(format, 2).filter(|&channels| channels > 0);
                    }
                    streams.audio_codecs.extend(wave_codec(format));
                }
                _ => {}
            }
        }
    }
    Ok(streams)
}

/// The lists of this kind from `start` on.
fn list(window: &mut Window<'_>, start: u64, end: u64, kind: [u8; 4]) -> Result<Vec<Chunk>> {
    let mut found = Vec::new();
    for chunk in chunks(window, start, end)? {
        if &chunk.kind == b"LIST" && window.code(chunk.body)? == Some(kind) {
            found.push(chunk);
            if &kind == b"hdrl" {
                break;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn wav(outer: &[u8; 4], format: &[u8]) -> Sniffed {
        let size = u32::try_from(format.len()).unwrap().to_le_bytes();
        let bytes = [&outer[..], &[0xff; 4], b"WAVEJUNK\x03\0\0\0abc\0fmt ", &size, format].concat();
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn format_tag_tells_the_codec() {
        let mp3 = wav(b"RIFF", &[0x55, 0, 2, 0]);
        assert_eq!((mp3.streams.audio_codecs, mp3.streams.channels), (vec!["mp3".to_owned()], Some(2)));
        let extensible = [&[0xfe, 0xff, 6, 0][..], &[0; 20], &[3, 0], &[0; 14]].concat();
        let float = wav(b"RF64", &extensible);
        assert_eq!((float.format, float.streams.channels), (Format::Rf64, Some(6)));
        assert_eq!(float.streams.audio_codecs, ["pcm-float"]);
    }
}
