//! Sample descriptions (ISO/IEC 14496-12 §8.5.2): which codec a track has, and its configuration.

use super::esds;
use super::guard::{Child, child, children};
use super::{picture, protection, sound};
use crate::boxes::full;
use crate::bytes::{array, find};
use crate::codec;
use crate::codec::opus::OpusHead;
use crate::demux::{Kind, Track};

/// The most of a sample entry that is kept: parameter sets with user data have a few kilobytes.
const MAX_ENTRY: usize = 1024 * 1024;

/// Boxes that hold a codec's configuration as it is handed on.
const CONFIGURATIONS: [&[u8; 4]; 7] = [b"avcC", b"hvcC", b"vvcC", b"av1C", b"vpcC", b"dac3", b"dec3"];

/// Audio object types that `mp4a` shares with AAC (ISO/IEC 14496-3 table 1.17).
const LOSSLESS: u8 = 36;
const UNIFIED: u8 = 42;

/// Describes `track` by the content of its `stsd`; gives the sample entry's own code.
pub(super) fn read(stsd: &[u8], track: &mut Track) -> Option<[u8; 4]> {
    let (version, _, mut rest) = full(stsd)?;
    rest.u32()?;
    let mut entries = children(rest.0);
    let entry = entries.next()?;
    track.descriptions = 1 + u32::try_from(entries.count()).unwrap_or(u32::MAX);
    let boxes = match track.kind {
        Kind::Video => picture::read(entry.body, track),
        Kind::Audio => sound::read(entry.body, version, track),
        Kind::Other(_) => &[],
    };
    let original = protection::original(entry.kind, boxes);
    track.encrypted = original.is_some();
    let code = original.unwrap_or(entry.kind);
    track.codec = match code {
        // Its maker hid what it was.
        code if original.is_some() && code == entry.kind => "encrypted".to_owned(),
        code => codec::of_sample_entry(code),
    };
    if entry.whole.len() <= MAX_ENTRY {
        track.sample_entry = Some(entry.whole.to_vec());
    }
    match track.kind {
        Kind::Video | Kind::Audio => configure(&entry, boxes, code, track),
        Kind::Other(_) => {}
    }
    Some(entry.kind)
}

/// The codec's configuration, from the entry's own boxes or those of QuickTime's `wave` (QTFF "Sound Sample Descriptions").
fn configure(entry: &Child<'_>, boxes: &[u8], code: [u8; 4], track: &mut Track) {
    let wave = child(boxes, b"wave").unwrap_or_default();
    let found = |kind: &[u8; 4]| child(boxes, kind).or_else(|| child(wave, kind));
    if let Some(config) = CONFIGURATIONS.iter().find_map(|kind| found(kind)) {
        config.clone_into(&mut track.config);
    }
    let coded_bits = track.bits.take();
    match &code {
        b"mp4a" | b"mp4v" | b"aac " => {
            // Writers put it where they like; behind an entry of a version that is not theirs.
            let body = found(b"esds").or_else(|| find(entry.body, b"esds").and_then(|at| entry.body.get(at + 4..)));
            if let Some(decoder) = body.and_then(esds::read) {
                track.codec = of_decoder(&decoder);
                decoder.specific.clone_into(&mut track.config);
            }
        }
        b"Opus" | b"opus" => {
            if let Some(head) = found(b"dOps").and_then(OpusHead::parse_dops) {
                track.channels = Some(head.channels.into());
                track.priming = Some(head.pre_skip.into());
                track.config = head.to_bytes();
            }
            track.sample_rate = Some(48_000);
        }
        b"alac" => {
            // Version and flags stand before the cookie.
            if let Some(cookie) = found(b"alac").and_then(|body| body.get(4..)).filter(|cookie| cookie.len() >= 24) {
                sound::by_alac(cookie, track);
                cookie.clone_into(&mut track.config);
            }
        }
        b"fLaC" | b"flac" => {
            // Version and flags, then metadata blocks, the first of which is STREAMINFO.
            if let Some(info) = found(b"dfLa").and_then(|body| body.get(8..42)) {
                sound::by_streaminfo(info, track);
                info.clone_into(&mut track.config);
            }
        }
        b"samr" | b"sawb" => {
            // 3GPP TS 26.244 §6.5: the entry's channels and rate are templates.
            track.channels = Some(1);
            track.sample_rate = Some(if &code == b"samr" { 8000 } else { 16_000 });
        }
        b"ac-3" | b"ec-3" => sound::by_ac3(&code, track),
        _ => {
            track.bits = coded_bits;
            sound::by_pcm(code, entry.body, found, track);
        }
    }
}

/// The codec by its object type, and by the audio object type where two share one.
fn of_decoder(decoder: &esds::Decoder<'_>) -> String {
    if decoder.object_type == 0x40 {
        let outer = array::<2>(decoder.specific, 0).map(|[first, second]| match first >> 3 {
            31 => 32 + ((first & 7) << 3 | second >> 5),
            outer => outer,
        });
        match outer {
            Some(LOSSLESS) => return "als".to_owned(),
            Some(UNIFIED) => return "xhe-aac".to_owned(),
            _ => {}
        }
    }
    codec::of_object_type(decoder.object_type)
}
