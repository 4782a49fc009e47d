//! Flash video: codecs by the first tags (Adobe Flash Video File Format Specification 10.1, annex E).

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, be32, byte};
use super::movie::audio_config;
use crate::error::Result;
use crate::format::Format;

/// The most tags that are looked at.
const MAX_TAGS: usize = 32;

/// The code of AAC.
const AAC: u8 = 10;

/// Looks at a file that starts with an FLV header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if !head.starts_with(b"FLV\x01") {
        return Ok(None);
    }
    let mut streams = Streams::default();
    // Behind the header stands the size of the tag before the first: none.
    let mut at = be32(head, 5).map_or(usize::MAX, |size| size as usize).saturating_add(4);
    for _ in 0..MAX_TAGS {
        let Some([kind, high, middle, low]) = array(head, at) else { break };
        let Some(first) = at.checked_add(11).and_then(|body| byte(head, body)) else { break };
        match kind & 0x1f {
            8 if streams.audio_codecs.is_empty() => {
                streams.audio_codecs.push(audio_codec(first >> 4).to_owned());
                streams.channels = match first >> 4 {
                    // The bit for stereo is always set beside AAC; its first tag holds the configuration.
                    AAC => head.get(at + 13..).and_then(|specific| audio_config(specific).1),
                    _ => Some(u16::from(first & 1) + 1),
                };
            }
            9 if streams.video_codecs.is_empty() => streams.video_codecs.push(video_codec(first & 0x0f).to_owned()),
            _ => {}
        }
        let size = u32::from_be_bytes([0, high, middle, low]) as usize;
        at = at.saturating_add(size + 15);
    }
    Ok(Some(Sniffed::of(Format::Flv).with(streams)))
}

const fn audio_codec(code: u8) -> &'static str {
    match code {
        0 | 3 => "pcm",
        1 => "adpcm",
        2 | 14 => "mp3",
        4..=6 => "nellymoser",
        7 => "alaw",
        8 => "mulaw",
        AAC => "aac",
        11 => "speex",
        _ => "unknown",
    }
}

const fn video_codec(code: u8) -> &'static str {
    match code {
        2 => "flv1",
        3 | 6 => "screen",
        4 | 5 => "vp6",
        7 => "h264",
        12 => "hevc",
        13 => "av1",
        _ => "unknown",
    }
}
