//! Ogg: what the pages that begin its streams hold (RFC 3533, RFC 5334).

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, be16, byte, le32};
use crate::error::Result;
use crate::format::Format;

/// The most streams that are looked at.
const MAX_STREAMS: usize = 32;

/// The beginning of a stream's first packet, the codec, whether it is to be seen, and the format of a file that holds it alone.
#[rustfmt::skip]
const STREAMS: &[(&[u8], &str, bool, Format)] = &[
    (b"OpusHead",    "opus",   false, Format::OggOpus),
    (b"\x01vorbis",  "vorbis", false, Format::OggVorbis),
    (b"\x7fFLAC",    "flac",   false, Format::OggFlac),
    (b"fLaC",        "flac",   false, Format::OggFlac),
    (b"Speex   ",    "speex",  false, Format::OggSpeex),
    (b"CELT    ",    "celt",   false, Format::OggOther),
    (b"PCM     ",    "pcm",    false, Format::OggOther),
    (b"\x80theora",  "theora", true,  Format::OggTheora),
    (b"OVP80",       "vp8",    true,  Format::OggTheora),
    (b"BBCD\0",      "dirac",  true,  Format::OggTheora),
];

/// Looks at a file that starts with an Ogg page.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    Ok(head.starts_with(b"OggS\0").then(|| read(head)))
}

fn read(head: &[u8]) -> Sniffed {
    let mut streams = Streams::default();
    let (mut format, mut at) = (Format::OggOther, 0_usize);
    for _ in 0..MAX_STREAMS {
        let Some((payload, next)) = first_page(head, at) else { break };
        at = next;
        let known = STREAMS.iter().find(|(start, ..)| payload.starts_with(start));
        let Some(&(_, codec, seen, alone)) = known else { continue };
        if seen {
            streams.video_codecs.push(codec.to_owned());
            format = Format::OggTheora;
        } else {
            if streams.audio_codecs.is_empty() {
                streams.channels = channels(codec, payload);
                format = if format == Format::OggTheora { format } else { alone };
            }
            streams.audio_codecs.push(codec.to_owned());
        }
    }
    Sniffed::of(format).with(streams)
}

/// The payload of the page at `at` when it begins a stream, and where the next page starts.
fn first_page(head: &[u8], at: usize) -> Option<(&[u8], usize)> {
    const BEGINS_STREAM: u8 = 0x02;
    let page = head.get(at..)?;
    if !page.starts_with(b"OggS") || byte(page, 5)? & BEGINS_STREAM == 0 {
        return None;
    }
    let count = usize::from(byte(page, 26)?);
    let length = page.get(27..27 + count)?.iter().map(|&lacing| usize::from(lacing)).sum::<usize>();
    let payload = page.get(27 + count..)?;
    Some((payload.get(..length).unwrap_or(payload), at + 27 + count + length))
}

/// Channels by the codec's own header (RFC 7845 §5.1, Vorbis I §4.2.2, RFC 9639 §8.2, Speex manual §6).
fn channels(codec: &str, payload: &[u8]) -> Option<u16> {
    match codec {
        "opus" => byte(payload, 9).map(u16::from),
        "vorbis" => byte(payload, 11).map(u16::from),
        "flac" => {
            // Native FLAC stands behind nine bytes of mapping (RFC 9639 §10.1).
            let native = if payload.starts_with(b"fLaC") { payload } else { payload.get(9..)? };
            flac_channels(native)
        }
        "speex" => le32(payload, 48).and_then(|channels| u16::try_from(channels).ok()),
        _ => None,
    }
}

/// Channels of a FLAC stream by its STREAMINFO (RFC 9639 §8.2): three bits after the rate's twenty.
pub(super) fn flac_channels(stream: &[u8]) -> Option<u16> {
    be16(stream, 19).map(|bits| (bits >> 1 & 0x7) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&b"OggS\0\x02"[..], &[0; 20], &[1, length], payload].concat()
    }

    #[test]
    fn pictures_decide_a_multiplexed_file_whatever_comes_first() {
        let (theora, vorbis) = (page(b"\x80theora"), page(b"\x01vorbis\0\0\0\0\x02"));
        for bytes in [[theora.clone(), vorbis.clone()].concat(), [vorbis.clone(), theora].concat()] {
            let sniffed = read(&bytes);
            assert_eq!(sniffed.format, Format::OggTheora);
            assert_eq!(sniffed.streams.audio_codecs, ["vorbis"]);
            assert_eq!(sniffed.streams.channels, Some(2));
        }
        assert_eq!(read(&vorbis).format, Format::OggVorbis);
    }

    #[test]
    fn opus_tells_its_channels() {
        let sniffed = read(&page(b"OpusHead\x01\x06"));
        assert_eq!((sniffed.format, sniffed.streams.channels), (Format::OggOpus, Some(6)));
    }
}
