//! The `moov` box: its tracks, their codecs and channels, by positioned reads of box headers alone.

use super::Streams;
use super::bytes::{Window, array, be16, be32, be64, byte, find};
use super::isobmff::{BoxAt, box_at, children, number16};
use crate::codec;
use crate::error::Result;

/// The most of a sample entry that is read: `esds` stands in its first bytes.
const MAX_ENTRY: usize = 1024;

/// The most tracks that are looked at.
const MAX_TRACKS: usize = 64;

/// Codec names of still pictures.
const STILLS: [&str; 2] = ["mjpeg", "png"];

/// What the tracks of a file are.
#[derive(Default)]
pub(super) struct Movie {
    /// Codecs, channels, fragments.
    pub(super) streams: Streams,
    /// Codecs of tracks of pictures whose tables are empty.
    empty: Vec<String>,
    /// Whether a table of sound is not.
    heard: bool,
}

impl Movie {
    pub(super) fn has_video(&self) -> bool {
        !self.streams.video_codecs.is_empty()
    }

    pub(super) fn has_audio(&self) -> bool {
        !self.streams.audio_codecs.is_empty()
    }

    /// Whether all that is to be seen is stills.
    pub(super) fn only_stills(&self) -> bool {
        self.streams.video_codecs.iter().all(|codec| STILLS.contains(&codec.as_str()))
    }
}

/// The tracks of `moov`.
pub(super) fn read(window: &mut Window<'_>, moov: BoxAt) -> Result<Movie> {
    let mut movie = Movie::default();
    let mut tracks = 0;
    let mut offset = moov.body;
    // Not `children`: coming back to each track after the list of all would read its place twice.
    while tracks < MAX_TRACKS
        && let Some(child) = box_at(window, offset, moov.end)?
    {
        match &child.kind {
            b"mvex" => movie.streams.fragmented = true,
            b"trak" => {
                tracks += 1;
                read_track(window, child, &mut movie)?;
            }
            _ => {}
        }
        offset = child.end;
    }
    // Fragments fill tables that are empty; beside sound that has its own, what holds nothing is no film.
    if movie.streams.fragmented || !movie.heard {
        movie.streams.video_codecs.append(&mut movie.empty);
    }
    Ok(movie)
}

/// Adds a track's codec to `movie` when it is one of sound or moving pictures.
fn read_track(window: &mut Window<'_>, trak: BoxAt, movie: &mut Movie) -> Result<()> {
    let Some(media) = child(window, trak, *b"mdia")? else { return Ok(()) };
    let (mut handler, mut table) = (None, None);
    for part in children(window, media.body, media.end)? {
        match &part.kind {
            b"hdlr" => handler = window.code(part.body.saturating_add(8))?,
            b"minf" => {
                for part in children(window, part.body, part.end)? {
                    match &part.kind {
                        b"stbl" => table = Some(part),
                        // The kind of media header stands in for a lost handler.
                        b"vmhd" => handler = handler.or(Some(*b"vide")),
                        b"smhd" => handler = handler.or(Some(*b"soun")),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let is_video = match handler.as_ref() {
        Some(b"vide") => true,
        Some(b"soun") => false,
        _ => return Ok(()),
    };
    let sample = match table {
        Some(table) => read_table(window, table)?,
        None => Sample::default(),
    };
    let codec = sample.codec.unwrap_or_else(|| "unknown".to_owned());
    let streams = &mut movie.streams;
    if !is_video {
        movie.heard |= sample.times.is_some_and(|times| times > 0);
        if streams.audio_codecs.is_empty() {
            streams.channels = sample.channels.filter(|&channels| channels > 0);
        }
        streams.audio_codecs.push(codec);
    } else if sample.times == Some(0) {
        movie.empty.push(codec);
    } else if !(sample.count == Some(1) && STILLS.contains(&codec.as_str())) {
        // One still in a video track is the cover of a song.
        streams.video_codecs.push(codec);
    }
    Ok(())
}

fn child(window: &mut Window<'_>, parent: BoxAt, kind: [u8; 4]) -> Result<Option<BoxAt>> {
    Ok(children(window, parent.body, parent.end)?.into_iter().find(|child| child.kind == kind))
}

/// What the sample table tells.
#[derive(Default)]
struct Sample {
    codec: Option<String>,
    channels: Option<u16>,
    count: Option<u32>,
    /// Rows of its first table, that of times.
    times: Option<u32>,
}

fn read_table(window: &mut Window<'_>, table: BoxAt) -> Result<Sample> {
    let mut sample = Sample::default();
    for part in children(window, table.body, table.end)? {
        match &part.kind {
            b"stsd" if number16(window, part.body.saturating_add(6))?.is_some_and(|entries| entries > 0) => {
                let start = part.body.saturating_add(8);
                let there = usize::try_from(part.end.saturating_sub(start)).unwrap_or(usize::MAX);
                let bytes = window.at(start, there.min(MAX_ENTRY))?;
                let size = be32(bytes, 0).map_or(0, |size| size as usize);
                let entry = bytes.get(..size).unwrap_or(bytes);
                (sample.codec, sample.channels) = read_entry(entry);
            }
            b"stts" => sample.times = be32(window.at(part.body, 8)?, 4),
            b"stsz" => sample.count = be32(window.at(part.body, 12)?, 8),
            _ => {}
        }
        // The number of samples stands behind tables of any length, and matters for stills alone.
        let still = sample.codec.as_deref().is_none_or(|codec| STILLS.contains(&codec));
        if !still && sample.times.is_some() {
            break;
        }
    }
    Ok(sample)
}

/// Codec and channels of a sample entry (ISO/IEC 14496-12 §12.2.3; QTFF "Sound Sample Descriptions").
fn read_entry(entry: &[u8]) -> (Option<String>, Option<u16>) {
    let Some(code) = array::<4>(entry, 4) else { return (None, None) };
    let channels = match be16(entry, 16) {
        Some(2) => be32(entry, 48).and_then(|channels| u16::try_from(channels).ok()),
        _ => be16(entry, 24),
    };
    let channels = coded_channels(code, entry).or(channels);
    if !matches!(&code, b"mp4a" | b"mp4v") {
        return (Some(codec::of_sample_entry(code)), channels);
    }
    // `esds` is a child of the entry, or, in QuickTime files, of its `wave`; where it starts depends on the version.
    let Some(config) = find(entry, b"esds").and_then(|at| entry.get(at + 8..)).and_then(decoder_config) else {
        return (Some(codec::of_sample_entry(code)), channels);
    };
    if config.object_type != 0x40 {
        return (Some(codec::of_object_type(config.object_type)), channels);
    }
    // ISO/IEC 14496-3 table 1.17: lossless ALS and xHE-AAC share AAC's object type on the outer level.
    let codec = match config.audio_object_type {
        Some(36) => "als",
        Some(42) => "xhe-aac",
        _ => "aac",
    };
    (Some(codec.to_owned()), config.channels.or(channels))
}

/// Channels where the codec knows better than the entry, in which many writers leave the template value of two: AMR has
/// always one (3GPP TS 26.244 §6.5), AC-3 tells them in its own box (ETSI TS 102 366 annex F).
fn coded_channels(code: [u8; 4], entry: &[u8]) -> Option<u16> {
    let (name, skipped) = match &code {
        b"samr" | b"sawb" => return Some(1),
        b"ac-3" => (b"dac3", 10),
        b"ec-3" => (b"dec3", 28),
        _ => return None,
    };
    let config = find(entry, name).and_then(|at| entry.get(at + 4..))?;
    let bits = be64(&[config, &[0; 8]].concat(), 0)?;
    Some(ac3_channels((bits >> (60 - skipped) & 0x0f) as u8))
}

/// Channels by AC-3's mode and low-frequency bit (ETSI TS 102 366 table 4.3).
fn ac3_channels(mode_and_low: u8) -> u16 {
    codec::ac3::CHANNELS.get(usize::from(mode_and_low >> 1)).copied().unwrap_or(0) + u16::from(mode_and_low & 1)
}

/// What an elementary stream descriptor says of its decoder.
struct DecoderConfig {
    object_type: u8,
    audio_object_type: Option<u8>,
    channels: Option<u16>,
}

/// Reads an ES_Descriptor down to the AudioSpecificConfig (ISO/IEC 14496-1 §7.2.6.5, 14496-3 §1.6.2.1).
fn decoder_config(descriptors: &[u8]) -> Option<DecoderConfig> {
    let stream = open_descriptor(descriptors, 0x03)?;
    let flags = byte(stream, 2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(byte(stream, at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let decoder = open_descriptor(stream.get(at..)?, 0x04)?;
    let specific = decoder.get(13..).and_then(|rest| open_descriptor(rest, 0x05));
    let (audio_object_type, channels) = specific.map_or((None, None), audio_config);
    Some(DecoderConfig { object_type: byte(decoder, 0)?, audio_object_type, channels })
}

/// Audio object type and channels of an AudioSpecificConfig.
pub(super) fn audio_config(specific: &[u8]) -> (Option<u8>, Option<u16>) {
    let Some(bits) = be32(&[specific, &[0; 4]].concat(), 0) else { return (None, None) };
    let field = |at: u32, count: u32| ((bits << at) >> (32 - count)) as u8;
    let (object_type, at) = match field(0, 5) {
        31 => (32 + field(5, 6), 11),
        object_type => (object_type, 5),
    };
    // Rate index 15 is followed by the rate itself, in 24 bits, beyond these four bytes for most types.
    let channels = match (field(at, 4), field(at + 4, 4)) {
        (15, _) => None,
        (_, known @ 1..=6) => Some(u16::from(known)),
        // Configuration 7 is for eight speakers.
        (_, 7) => Some(8),
        _ => None,
    };
    (Some(object_type), channels)
}

/// The content of the descriptor `tag`; its length comes in groups of seven bits.
fn open_descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    if byte(bytes, 0)? != tag {
        return None;
    }
    let more = bytes.iter().skip(1).take(3).take_while(|&&byte| byte & 0x80 != 0).count();
    // The length is not held against what follows: writers cut it short, and only the first fields are read.
    bytes.get(2 + more..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mp4a(object_type: u8, specific: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; 36];
        entry[4..8].copy_from_slice(b"mp4a");
        entry[25] = 2;
        entry.extend_from_slice(b"\0\0\0\x33esds\0\0\0\0\x03\x80\x80\x80\x22\0\x01\0\x04\x80\x80\x80\x14");
        entry.push(object_type);
        entry.extend_from_slice(&[0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 0x02]);
        entry.extend_from_slice(specific);
        entry
    }

    #[test]
    fn object_type_tells_what_mp4a_holds() {
        let cases: [(u8, &[u8], &str, u16); 5] = [
            (0x40, &[0x12, 0x08], "aac", 1),
            (0x40, &[0x12, 0x10], "aac", 2),
            (0x6b, &[], "mp3", 2),
            (0x40, &[0xf8, 0x9e, 0x40], "als", 2),
            (0x40, &[0xf9, 0x48, 0x40], "xhe-aac", 2),
        ];
        for (object_type, specific, codec, channels) in cases {
            let (found, count) = read_entry(&mp4a(object_type, specific));
            assert_eq!(found.as_deref(), Some(codec));
            assert_eq!(count, Some(channels), "{codec}");
        }
    }

    #[test]
    fn codecs_that_know_their_channels_overrule_the_entry() {
        let entry = |code: &[u8; 4], config: &[u8]| {
            let mut entry = vec![0; 36];
            entry[4..8].copy_from_slice(code);
            entry[25] = 2;
            read_entry(&[&entry, config].concat()).1
        };
        assert_eq!(entry(b"samr", b""), Some(1));
        assert_eq!(entry(b"ac-3", b"\0\0\0\x0bdac3\x10\x3d\xe0"), Some(6));
        assert_eq!(entry(b"ec-3", b"\0\0\0\x0ddec3\x14\0\x20\x04\0"), Some(2));
        assert_eq!(entry(b"alac", b""), Some(2));
    }

    #[test]
    fn entry_of_version_two_has_its_channels_elsewhere() {
        let mut entry = vec![0; 72];
        entry[4..8].copy_from_slice(b"lpcm");
        entry[17] = 2;
        entry[25] = 3;
        entry[51] = 6;
        assert_eq!(read_entry(&entry), (Some("pcm".to_owned()), Some(6)));
    }
}
