//! Sound without a container: MP3 and its older layers, ADTS, AC-3, DTS, LOAS and AMR, also behind an ID3 tag or junk.

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, byte};
use super::ogg::flac_channels;
use super::packed;
use crate::codec::{ac3, dts};
use crate::error::Result;
use crate::format::Format;

/// Frames that must follow one another before a sync word is believed: eleven or twelve set bits are found in any junk.
const CONSISTENT: usize = 3;

/// What is read behind an ID3 tag, and searched there.
const BEHIND_TAG: usize = 16 * 1024;

/// How far beyond the head frames are searched when nothing else fits.
const REACH: usize = 128 * 1024;

/// The most ID3 tags that are skipped, one behind the other.
const MAX_TAGS: usize = 8;

/// The magic of AMR files (RFC 4867 §5): narrow or wide band, one channel or several.
#[rustfmt::skip]
const AMR: &[(&[u8], Format, &str)] = &[
    (b"#!AMR\n",            Format::Amr,   "amr"),
    (b"#!AMR_MC1.0\n",      Format::Amr,   "amr"),
    (b"#!AMR-WB\n",         Format::AmrWb, "amr-wb"),
    (b"#!AMR-WB_MC1.0\n",   Format::AmrWb, "amr-wb"),
];

/// Tags that stand behind the last frame.
const END_TAGS: &[&[u8]] = &[b"TAG", b"APETAGEX", b"LYRICSBEGIN"];

/// A frame's header.
#[derive(Clone, Copy)]
struct Frame {
    codec: &'static str,
    /// What all frames of a stream have in common: version, layer, sampling rate.
    common: u16,
    length: usize,
    channels: u16,
}

impl Frame {
    fn sniffed(self) -> Sniffed {
        let format = match self.codec {
            "aac" => Format::Adts,
            "mp3" => Format::Mp3,
            "mp2" => Format::Mp2,
            "dts" => Format::Dts,
            "aac-latm" => Format::Loas,
            _ => Format::Ac3,
        };
        sound(format, self.codec, Some(self.channels))
    }
}

fn sound(format: Format, codec: &str, channels: Option<u16>) -> Sniffed {
    let channels = channels.filter(|&channels| channels > 0);
    Sniffed::of(format).with(Streams { audio_codecs: vec![codec.to_owned()], channels, ..Streams::default() })
}

/// Looks for the magic of AMR.
pub(super) fn examine_amr(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let row = AMR.iter().find(|(magic, ..)| head.starts_with(magic));
    Ok(row.map(|&(magic, format, codec)| {
        // Several channels are told by the low four bits of the word behind the magic.
        let many = magic.ends_with(b"_MC1.0\n");
        let channels = if many { byte(head, magic.len() + 3).map(|bits| u16::from(bits & 0x0f)) } else { Some(1) };
        sound(format, codec, channels)
    }))
}

/// Looks at a native FLAC stream.
pub(super) fn examine_flac(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    // STREAMINFO must be the first block (RFC 9639 §8.1), so that the word alone is no stream.
    let is_stream = head.starts_with(b"fLaC") && matches!(byte(head, 4), Some(0 | 0x80));
    Ok(is_stream.then(|| sound(Format::Flac, "flac", flac_channels(head))))
}

/// Looks behind an ID3v2 tag: its size may be megabytes of cover art, so what follows is read by position.
pub(super) fn examine_tagged(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let mut offset = 0_u64;
    for _ in 0..MAX_TAGS {
        let Some(size) = tag_size(window.at(offset, 10)?) else { break };
        offset += size;
    }
    if offset == 0 {
        return Ok(None);
    }
    let ends = offset.saturating_add(BEHIND_TAG as u64) >= window.len();
    let behind = window.at(offset, BEHIND_TAG)?;
    if behind.starts_with(b"fLaC") {
        return Ok(Some(sound(Format::Flac, "flac", flac_channels(behind))));
    }
    let found = starts_with_frames(behind, ends).or_else(|| packed::of(behind)).or_else(|| search(behind, ends));
    if found.is_some() {
        return Ok(found);
    }
    // The tag's size lies, or there is nothing behind it: only MP3 lives with a tag alone.
    Ok(Some(search(window.head(), false).unwrap_or_else(|| sound(Format::Mp3, "mp3", None))))
}

/// The bytes that an ID3v2 tag takes, with header and footer (ID3v2.4 §3.1); seven bits a byte.
fn tag_size(bytes: &[u8]) -> Option<u64> {
    let size: [u8; 4] = array(bytes, 6)?;
    if !bytes.starts_with(b"ID3") || byte(bytes, 3)? > 4 || size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let footer = if byte(bytes, 5)? & 0x10 != 0 { 10 } else { 0 };
    Some(size.iter().fold(0_u64, |size, &byte| size << 7 | u64::from(byte)) + 10 + footer)
}

/// Looks at a file that starts with frames.
pub(super) fn examine_frames(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if frame_at(head, 0).is_none() {
        return Ok(None);
    }
    let whole = head.len() as u64 == window.len();
    match starts_with_frames(head, whole) {
        // Frames of DTS may be longer than the head holds enough of.
        None if !whole => {
            let ends = REACH as u64 >= window.len();
            Ok(starts_with_frames(window.at(0, REACH)?, ends))
        }
        found => Ok(found),
    }
}

/// Searches frames of MP3 or ADTS behind junk, in the head and a little further.
pub(super) fn examine_junk(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if let Some(sniffed) = search(head, false) {
        return Ok(Some(sniffed));
    }
    // A run of frames may lie across the head's end.
    let overlap = BEHIND_TAG.min(head.len());
    let offset = (head.len() - overlap) as u64;
    if head.len() as u64 == window.len() {
        return Ok(None);
    }
    Ok(search(window.at(offset, overlap + REACH)?, false))
}

/// A stream that starts at once; where the file `ends` within these bytes, fewer frames are enough.
fn starts_with_frames(bytes: &[u8], ends: bool) -> Option<Sniffed> {
    let frame = frame_at(bytes, 0)?;
    let (count, met_end) = run(bytes, 0);
    // One frame that was cut is still MP3 or AAC; noise has the sync words of others as well.
    let whole = frame.length <= bytes.len() || matches!(frame.codec, "mp3" | "mp2" | "aac");
    (count >= CONSISTENT || (ends && met_end && whole)).then(|| frame.sniffed())
}

/// A stream that starts anywhere; two frames are enough when they end a file that `ends` within these bytes.
fn search(bytes: &[u8], ends: bool) -> Option<Sniffed> {
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) {
        at += next;
        if let Some(frame) = frame_at(bytes, at) {
            let (count, met_end) = run(bytes, at);
            if count >= CONSISTENT || (count == 2 && ends && met_end) {
                return Some(frame.sniffed());
            }
        }
        at += 1;
    }
    None
}

/// How many frames of one stream follow one another from `at` (no more are counted than are needed), and whether
/// the last of them reaches the end of the bytes.
fn run(bytes: &[u8], at: usize) -> (usize, bool) {
    let (mut at, mut count, mut common) = (at, 0, None);
    while count < CONSISTENT {
        let Some(frame) = frame_at(bytes, at) else { return (count, false) };
        if common.get_or_insert(frame.common) != &frame.common {
            return (count, false);
        }
        count += 1;
        at += frame.length;
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() || END_TAGS.iter().any(|tag| rest.starts_with(tag)) {
            return (count, true);
        }
    }
    (count, false)
}

fn frame_at(bytes: &[u8], at: usize) -> Option<Frame> {
    let bytes = bytes.get(at..)?;
    match bytes {
        [0xff, second, ..] if second & 0xf6 == 0xf0 => adts(bytes),
        [0xff, second, ..] if second & 0xe0 == 0xe0 => mpeg(bytes),
        [0x0b, 0x77, ..] => ac3(bytes),
        [0x56, second, third, ..] if second & 0xe0 == 0xe0 => {
            let length = usize::from(second & 0x1f) << 8 | usize::from(*third);
            Some(Frame { codec: "aac-latm", common: 0, length: length + 3, channels: 0 })
        }
        [0x7f, 0xfe, ..] | [0xfe, 0x7f, ..] | [0x1f, 0xff, ..] | [0xff, 0x1f, ..] | [0x64, 0x58, ..] => dts(bytes),
        _ => None,
    }
}

/// An ADTS header (ISO/IEC 14496-3 §1.A.2.2).
fn adts(bytes: &[u8]) -> Option<Frame> {
    let &[_, second, third, fourth, fifth, sixth] = bytes.first_chunk()?;
    let length = usize::from(fourth & 0x03) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let channels = (third & 0x01) << 2 | fourth >> 6;
    if third >> 2 & 0x0f > 12 || length < 7 {
        return None;
    }
    let common = u16::from_be_bytes([second & 0x0f, third & 0xfc]);
    Some(Frame { codec: "aac", common, length, channels: if channels == 7 { 8 } else { channels.into() } })
}

/// An MPEG audio header (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3, and MPEG 2.5).
fn mpeg(bytes: &[u8]) -> Option<Frame> {
    /// kbit/s for layers I, II, III of version 1, then layer I and layers II, III of the lower rates.
    #[rustfmt::skip]
    const BITRATES: [[u16; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56,  64,  80,  96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48,  56,  64,  80,  96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56,  64,  80,  96, 112, 128, 144, 160, 176, 192, 224, 256],
        [ 8, 16, 24,  32,  40,  48,  56,  64,  80,  96, 112, 128, 144, 160],
    ];
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    let &[_, second, third, fourth] = bytes.first_chunk()?;
    let version_1 = match second >> 3 & 0x03 {
        1 => return None,
        version => version == 3,
    };
    let layer = match second >> 1 & 0x03 {
        0 => return None,
        bits => 4 - bits,
    };
    let row = if version_1 { usize::from(layer) - 1 } else { 3 + usize::from(layer > 1) };
    // Bitrate index 0 (free format) does not tell the length, and hardly any file has it.
    let kilobits = BITRATES.get(row)?.get(usize::from(third >> 4).checked_sub(1)?)?;
    let divisor = match second >> 3 & 0x03 {
        3 => 1,
        2 => 2,
        _ => 4,
    };
    let rate = RATES.get(usize::from(third >> 2 & 0x03))? / divisor;
    let padding = u32::from(third >> 1 & 0x01);
    let bits = u32::from(*kilobits) * 1000;
    let length = match layer {
        1 => (12 * bits / rate + padding) * 4,
        3 if !version_1 => 72 * bits / rate + padding,
        _ => 144 * bits / rate + padding,
    };
    let common = u16::from_be_bytes([second & 0xfe, third & 0x0c]);
    let channels = if fourth >> 6 == 3 { 1 } else { 2 };
    Some(Frame { codec: if layer == 3 { "mp3" } else { "mp2" }, common, length: length as usize, channels })
}

/// A header of AC-3 or E-AC-3. Frames of both may stand beside one another, those of the latter with more channels.
fn ac3(bytes: &[u8]) -> Option<Frame> {
    let ac3::Header { codec, sample_rate, channels, frame_length, .. } = ac3::Header::parse(bytes)?;
    Some(Frame { codec, common: (sample_rate / 100) as u16, length: frame_length, channels })
}

/// A header of DTS.
fn dts(bytes: &[u8]) -> Option<Frame> {
    let dts::Header { form, channels, frame_length, .. } = dts::Header::parse(bytes)?;
    Some(Frame { codec: "dts", common: form as u16, length: frame_length, channels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn mp3(frames: usize) -> Vec<u8> {
        let mut frame = vec![0; 417];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        frame.repeat(frames)
    }

    fn junk(bytes: Vec<u8>) -> Option<Format> {
        let source = Source::from_bytes(bytes, None);
        examine_junk(&mut Window::new(&source).unwrap()).unwrap().map(|sniffed| sniffed.format)
    }

    #[test]
    fn three_frames_in_a_row_are_believed_behind_junk() {
        assert_eq!(junk([vec![0x55; 999], mp3(3)].concat()), Some(Format::Mp3));
        assert_eq!(junk([vec![0x55; 999], mp3(2)].concat()), None);
        // Across the head's end, and far behind it.
        for lead in [32_700, 100_000] {
            assert_eq!(junk([vec![0xff; lead], mp3(40)].concat()), Some(Format::Mp3));
        }
        assert_eq!(junk([vec![0; 200_000], mp3(40)].concat()), None);
    }

    #[test]
    fn tag_larger_than_the_head_is_skipped() {
        let adts = [0xff, 0xf1, 0x50, 0x40, 0x01, 0x60, 0x00, 0, 0, 0, 0];
        let tag = [&b"ID3\x04\0\0\0\x04\0\0"[..], &[0xff; 65_536]].concat();
        let source = Source::from_bytes([tag, adts.repeat(4)].concat(), None);
        let sniffed = examine_tagged(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!((sniffed.format, sniffed.streams.channels), (Format::Adts, Some(1)));
        assert!(source.bytes_read() < 60_000);
    }

    #[test]
    fn layers_and_other_syncs_are_told_apart() {
        let layer_2 = mpeg(&[0xff, 0xfd, 0x84, 0x00]).unwrap();
        assert_eq!((layer_2.codec, layer_2.length), ("mp2", 384));
        assert!(mpeg(&[0xff, 0xff, 0xff, 0xff]).is_none());
        assert_eq!(frame_at(&[0x56, 0xe0, 0x10, 0], 0).unwrap().sniffed().format, Format::Loas);
    }
}
