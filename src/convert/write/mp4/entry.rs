//! Sample entries: those of ISO base media files as they are, QuickTime's sound entries in the form of the standard, and
//! new ones for tracks of other containers.

use crate::boxes::children;
use crate::bytes::{array, be16, find};
use crate::codec::aac;
use crate::demux::{Kind, Track};
use crate::error::{Error, Result};

/// Boxes of a video entry that players of MP4 know; QuickTime's others (`gama`, `fiel`, `chrm` …) are dropped.
#[rustfmt::skip]
const VIDEO_BOXES: &[&[u8; 4]] = &[
    b"SmDm", b"CoLL", b"amve", b"av1C", b"avcC", b"btrt", b"clap", b"clli", b"colr", b"d263", b"dvcC", b"dvvC", b"esds",
    b"hvcC", b"lhvC", b"mdcv", b"pasp", b"vpcC", b"vvcC",
];

/// Boxes of a sound entry.
#[rustfmt::skip]
const SOUND_BOXES: &[&[u8; 4]] = &[
    b"alac", b"btrt", b"chnl", b"dOps", b"dac3", b"dac4", b"damr", b"dec3", b"dfLa", b"esds", b"mhaC", b"srat",
];

/// Bytes before the boxes of a video entry and of a sound entry of version 0, header included (ISO/IEC 14496-12
/// §12.1.3 and §12.2.3), and what QuickTime's versions 1 and 2 have more (QTFF, "Sound Sample Description").
const VIDEO_HEAD: usize = 86;
const SOUND_HEAD: usize = 36;
const VERSION_1_MORE: usize = 16;
const VERSION_2_MORE: usize = 36;

/// What the whole track says of its rate, for the decoder's configuration.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    /// Bits per second.
    pub average: u32,
}

/// The sample entry of `track`.
pub(super) fn sample_entry(track: &Track, rate: Rate) -> Result<Vec<u8>> {
    if track.encrypted {
        return Err(Error::unsupported("is encrypted; its tracks cannot be copied"));
    }
    let entry = match (&track.sample_entry, track.kind) {
        (Some(entry), Kind::Video) => video_kept(entry, track),
        (Some(entry), Kind::Audio) => sound_kept(entry, track, rate),
        (None, Kind::Video) if track.codec == "h264" => video_new(track),
        (None, Kind::Audio) if track.codec == "aac" => sound_new(track, rate),
        _ => None,
    };
    entry.ok_or_else(|| {
        let codec = &track.codec;
        Error::unsupported(format!("has a track of {codec} that cannot be copied into an MP4; it has to be converted"))
    })
}

/// A video entry without QuickTime's own fields and boxes.
fn video_kept(entry: &[u8], track: &Track) -> Option<Vec<u8>> {
    let (head, boxes) = entry.split_at_checked(VIDEO_HEAD)?;
    let mut kept = head.to_vec();
    // One data reference is all a file of ours has; version, vendor and qualities are reserved by the standard.
    kept.get_mut(14..16)?.copy_from_slice(&[0, 1]);
    kept.get_mut(16..32)?.fill(0);
    for (kind, body) in children(boxes) {
        if !VIDEO_BOXES.contains(&&kind) {
            continue;
        }
        // QuickTime's colour has no range; the standard's has (ISO/IEC 14496-12 §12.1.5).
        if let (b"colr", Some(b"nclc"), Some(numbers)) = (&kind, body.first_chunk::<4>(), body.get(4..10)) {
            let full = track.color.is_some_and(|color| color.full_range);
            boxed(&mut kept, b"colr", &[b"nclx", numbers, &[u8::from(full) << 7]]);
        } else {
            boxed(&mut kept, &kind, &[body]);
        }
    }
    sized(kept)
}

/// A sound entry in the form of version 0.
fn sound_kept(entry: &[u8], track: &Track, rate: Rate) -> Option<Vec<u8>> {
    let version = be16(entry, 16)?;
    let more = match version {
        // The standard's own version 1 has no more fields than its version 0: there, boxes follow at once.
        1 if !starts_with_box(entry.get(SOUND_HEAD..)?) => VERSION_1_MORE,
        2 => VERSION_2_MORE,
        _ => 0,
    };
    let boxes = entry.get(SOUND_HEAD + more..)?;
    let mut kept = entry.get(..SOUND_HEAD)?.to_vec();
    kept.get_mut(14..16)?.copy_from_slice(&[0, 1]);
    kept.get_mut(16..24)?.fill(0);
    if version == 2 || more > 0 {
        let config = aac::Config::parse(&track.config);
        let channels = track.channels.or(config.map(|config| config.channels)).unwrap_or(2);
        let rate = track.sample_rate.or(config.map(|config| config.sample_rate)).unwrap_or(0);
        kept.get_mut(24..36)?.copy_from_slice(&sound_fields(channels, rate));
    } else {
        // Compression identifier and packet size of QuickTime are reserved by the standard.
        kept.get_mut(28..32)?.fill(0);
    }
    let mut found = false;
    let inner = children(boxes).find(|(kind, _)| kind == b"wave").map(|(_, body)| body);
    for (kind, body) in children(boxes).chain(children(inner.unwrap_or_default())) {
        if SOUND_BOXES.contains(&&kind) {
            boxed(&mut kept, &kind, &[body]);
            found = true;
        }
    }
    if !found && track.codec == "aac" && !track.config.is_empty() {
        boxed(&mut kept, b"esds", &[&esds(&track.config, rate)]);
    }
    sized(kept)
}

/// Whether these bytes start with a box that a sound entry may have.
fn starts_with_box(bytes: &[u8]) -> bool {
    array::<4>(bytes, 4).is_some_and(|kind| SOUND_BOXES.contains(&&kind) || &kind == b"wave" || &kind == b"sinf")
}

/// A new `avc1` of the decoder configuration.
fn video_new(track: &Track) -> Option<Vec<u8>> {
    let (width, height) = track.size?;
    if track.config.len() < 7 || track.config.first() != Some(&1) {
        return None;
    }
    let mut entry = vec![0; VIDEO_HEAD];
    entry.get_mut(4..8)?.copy_from_slice(b"avc1");
    entry.get_mut(14..16)?.copy_from_slice(&[0, 1]);
    entry.get_mut(32..34)?.copy_from_slice(&u16::try_from(width).ok()?.to_be_bytes());
    entry.get_mut(34..36)?.copy_from_slice(&u16::try_from(height).ok()?.to_be_bytes());
    // 72 dots per inch both ways, one frame a sample, 24 bits deep, no colour table.
    entry.get_mut(36..44)?.copy_from_slice(&[0, 0x48, 0, 0, 0, 0x48, 0, 0]);
    entry.get_mut(48..50)?.copy_from_slice(&[0, 1]);
    entry.get_mut(82..86)?.copy_from_slice(&[0, 0x18, 0xff, 0xff]);
    boxed(&mut entry, b"avcC", &[&track.config]);
    if let Some((wide, high)) = track.pixel_aspect {
        boxed(&mut entry, b"pasp", &[&wide.to_be_bytes(), &high.to_be_bytes()]);
    }
    if let Some(color) = track.color {
        let numbers = [0, color.primaries, 0, color.transfer, 0, color.matrix, u8::from(color.full_range) << 7];
        boxed(&mut entry, b"colr", &[b"nclx", &numbers]);
    }
    sized(entry)
}

/// A new `mp4a` of the AudioSpecificConfig.
fn sound_new(track: &Track, rate: Rate) -> Option<Vec<u8>> {
    let config = aac::Config::parse(&track.config)?;
    let channels = if config.channels > 0 { config.channels } else { track.channels? };
    let mut entry = vec![0; SOUND_HEAD];
    entry.get_mut(4..8)?.copy_from_slice(b"mp4a");
    entry.get_mut(14..16)?.copy_from_slice(&[0, 1]);
    entry.get_mut(24..36)?.copy_from_slice(&sound_fields(channels, config.sample_rate));
    boxed(&mut entry, b"esds", &[&esds(&track.config, rate)]);
    sized(entry)
}

/// Channels, bits and rate of a sound entry; a rate that does not fit is left to the decoder's configuration.
fn sound_fields(channels: u16, rate: u32) -> [u8; 12] {
    let [channel_high, channel_low] = channels.to_be_bytes();
    let [rate_high, rate_low] = u16::try_from(rate).unwrap_or(0).to_be_bytes();
    [channel_high, channel_low, 0, 16, 0, 0, 0, 0, rate_high, rate_low, 0, 0]
}

/// Elementary stream descriptor of AAC (ISO/IEC 14496-1 §7.2.6, ISO/IEC 14496-14 §3.1.2), the configuration verbatim.
fn esds(config: &[u8], rate: Rate) -> Vec<u8> {
    let mut decoder = vec![0x40, 0x15, 0, 0, 0];
    decoder.extend(rate.average.to_be_bytes());
    decoder.extend(rate.average.to_be_bytes());
    descriptor(&mut decoder, 5, config);
    let mut stream = vec![0, 0, 0];
    descriptor(&mut stream, 4, &decoder);
    descriptor(&mut stream, 6, &[2]);
    let mut body = vec![0; 4];
    descriptor(&mut body, 3, &stream);
    body
}

/// A descriptor with its length in four bytes of seven bits.
fn descriptor(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(0);
    let seven = |shift: u32| (length >> shift).to_le_bytes()[0] & 0x7f;
    out.extend([tag, seven(21) | 0x80, seven(14) | 0x80, seven(7) | 0x80, seven(0)]);
    out.extend(body);
}

/// Adds a box.
fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], parts: &[&[u8]]) {
    let size = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    parts.iter().for_each(|part| out.extend(*part));
}

/// The entry with its own size in front.
fn sized(mut entry: Vec<u8>) -> Option<Vec<u8>> {
    let size = u32::try_from(entry.len()).ok()?;
    entry.get_mut(..4)?.copy_from_slice(&size.to_be_bytes());
    Some(entry)
}

/// Whether the entry is one of H.264.
pub(super) fn is_avc(entry: &[u8]) -> bool {
    matches!(entry.get(4..8), Some(b"avc1" | b"avc3")) && find(entry, b"avcC").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(version: u16, more: usize, boxes: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; SOUND_HEAD];
        entry[4..8].copy_from_slice(b"mp4a");
        entry[15] = 1;
        entry[16..18].copy_from_slice(&version.to_be_bytes());
        entry[24..36].copy_from_slice(&[0, 2, 0, 16, 0xff, 0xfe, 0, 0, 0xac, 0x44, 0, 0]);
        entry.extend(vec![7; more]);
        entry.extend(boxes);
        sized(entry).unwrap()
    }

    fn a_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        boxed(&mut out, kind, &[body]);
        out
    }

    fn aac_track() -> Track {
        let mut track = Track::new(1, Kind::Audio, "aac", 44_100);
        (track.config, track.channels, track.sample_rate) = (vec![0x12, 0x10], Some(2), Some(44_100));
        track
    }

    #[test]
    fn quicktime_sound_becomes_the_standard_form() {
        let esds = a_box(b"esds", &[1, 2, 3]);
        let wave = a_box(
            b"wave",
            &[a_box(b"frma", b"mp4a"), a_box(b"mp4a", &[0; 4]), esds.clone(), vec![0, 0, 0, 8, 0, 0, 0, 0]].concat(),
        );
        let mut track = aac_track();
        for (version, more) in [(1, VERSION_1_MORE), (2, VERSION_2_MORE)] {
            track.sample_entry = Some(sound(version, more, &[wave.clone(), a_box(b"chan", &[0; 12])].concat()));
            let entry = sample_entry(&track, Rate::default()).unwrap();
            assert_eq!(entry.len(), SOUND_HEAD + esds.len());
            assert_eq!(entry[SOUND_HEAD..], esds);
            assert_eq!(entry[16..36], [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xac, 0x44, 0, 0]);
        }
        // The standard's version 1 is told from QuickTime's by the box that follows.
        track.sample_entry = Some(sound(1, 0, &esds));
        assert_eq!(sample_entry(&track, Rate::default()).unwrap()[SOUND_HEAD..], esds);
    }

    #[test]
    fn video_boxes_are_kept_but_for_quicktimes_own() {
        let avcc = a_box(b"avcC", &[1, 100, 0, 31, 0xff, 0xe0, 0, 0xfd, 0xf8, 0xf8, 0]);
        let pasp = a_box(b"pasp", &[0, 0, 0, 4, 0, 0, 0, 3]);
        let mut entry = vec![0; VIDEO_HEAD];
        entry[4..8].copy_from_slice(b"avc1");
        entry[20..24].copy_from_slice(b"appl");
        for part in [&avcc, &a_box(b"gama", &[0; 4]), &a_box(b"colr", b"nclc\0\x01\0\x01\0\x01"), &pasp] {
            entry.extend(part);
        }
        entry.extend([0; 4]);
        let mut track = Track::new(1, Kind::Video, "h264", 600);
        track.sample_entry = sized(entry);
        let kept = sample_entry(&track, Rate::default()).unwrap();
        let expected = [avcc, a_box(b"colr", b"nclx\0\x01\0\x01\0\x01\0"), pasp].concat();
        assert_eq!(kept[VIDEO_HEAD..], expected);
        assert_eq!(kept[16..32], [0; 16]);
        assert!(is_avc(&kept));
    }

    #[test]
    fn new_entries_hold_the_configuration_verbatim() {
        let mut track = aac_track();
        // HE-AAC by explicit signalling: three bytes more than plain LC.
        track.config = vec![0x13, 0x90, 0x56, 0xe5, 0xa0];
        let entry = sample_entry(&track, Rate { average: 64_000 }).unwrap();
        assert!(find(&entry, &[5, 0x80, 0x80, 0x80, 5, 0x13, 0x90, 0x56, 0xe5, 0xa0]).is_some());
        track.codec = "opus".to_owned();
        assert!(sample_entry(&track, Rate::default()).is_err());
        track.encrypted = true;
        assert_eq!(sample_entry(&track, Rate::default()).unwrap_err().kind(), crate::error::ErrorKind::Unsupported);
    }
}
