//! Flash video (Adobe Flash Video File Format Specification 10.1, annex E) with the codes of Enhanced RTMP.
//!
//! Times are milliseconds, counted from the first tag of sound or pictures.

use super::annexb;
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::bytes::{Blocks, array, be16, be32, byte, find};
use crate::codec::h264;
use crate::codec::{aac, of_sample_entry};
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;

/// Bytes of a tag's header, and of the length behind its content.
const TAG: u64 = 11;
const BACK: u64 = 4;

/// How far streams are looked for.
const MAX_LOOK: u64 = 4 * 1024 * 1024;
const MAX_LOOK_TAGS: usize = 1024;

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;

/// What a tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The codec's configuration.
    Config,
    /// A frame, so many milliseconds later shown than decoded.
    Frame { offset: i64, key: bool },
    /// Neither.
    Other,
}

/// A tag by its place.
#[derive(Debug, Clone, Copy)]
struct Tag {
    kind: u8,
    encrypted: bool,
    body: u64,
    size: u64,
    time: i64,
}

/// A Flash video, read forward.
#[derive(Debug)]
pub(crate) struct Flv<'a> {
    source: &'a Source,
    blocks: Blocks<'a>,
    at: u64,
    start: Option<i64>,
    tracks: Vec<Track>,
    damage: Vec<Damage>,
}

impl<'a> Flv<'a> {
    /// Reads the header and the first tags of each stream.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let head = source.bytes_at(0, 9)?;
        let (Some(b"FLV"), Some(flags), Some(size)) = (head.get(..3), byte(&head, 4), be32(&head, 5)) else {
            return Err(Error::malformed("no FLV header"));
        };
        let first = u64::from(size).max(9) + BACK;
        let mut file = Self {
            source,
            blocks: Blocks::new(source)?,
            at: first,
            start: None,
            tracks: Vec::new(),
            damage: Vec::new(),
        };
        file.look(flags)?;
        file.at = first;
        file.damage.clear();
        Ok(file)
    }

    /// In what ways the bytes break their format, as far as was seen.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How far the walk has come, in bytes.
    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    /// Finds the streams and their configurations. The header's flags are a hint alone: many recorders set both.
    fn look(&mut self, flags: u8) -> Result<()> {
        let (mut duration, mut sides) = (None, None);
        let (mut wants_audio, mut wants_video) = (flags & 4 != 0, flags & 1 != 0);
        for _ in 0..MAX_LOOK_TAGS {
            if self.at > MAX_LOOK {
                break;
            }
            let Ok(Some(tag)) = self.tag() else { break };
            let size = usize::try_from(tag.size.min(64 * 1024)).unwrap_or(0);
            let body = self.blocks.from(tag.body, size)?;
            let body = body.get(..size).unwrap_or(body).to_vec();
            match tag.kind {
                SCRIPT => {
                    duration = duration.or_else(|| number(&body, b"duration"));
                    sides = sides.or_else(|| side(&body, b"width").zip(side(&body, b"height")));
                }
                AUDIO | VIDEO => {
                    let video = tag.kind == VIDEO;
                    let (part, skip) = part_of(tag.kind, &body);
                    if part == Part::Other {
                        continue;
                    }
                    self.start = Some(self.start.map_or(tag.time, |start| start.min(tag.time)));
                    let track = self.track(&tag, &body);
                    if part == Part::Config && track.config.is_empty() {
                        track.config = body.get(skip..).unwrap_or_default().to_vec();
                        configured(track);
                    }
                    let done = !track.config.is_empty() || !["aac", "h264", "hevc", "av1"].contains(&&*track.codec);
                    if video { wants_video &= !done } else { wants_audio &= !done }
                }
                _ => {}
            }
            if !wants_audio && !wants_video {
                break;
            }
        }
        let milliseconds = duration.map(|seconds| seconds * 1000.0).filter(|ms| (1.0..1e12).contains(ms));
        for track in &mut self.tracks {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1..1e12")]
            let ticks = milliseconds.map(|ms| ms.round() as u64);
            track.duration = ticks;
            if track.kind == Kind::Video {
                track.size = track.size.or(sides);
            }
        }
        Ok(())
    }

    /// The track of a tag, new where it is the first.
    fn track(&mut self, tag: &Tag, body: &[u8]) -> &mut Track {
        let id = u64::from(tag.kind);
        let index = self.tracks.iter().position(|track| track.id == id).unwrap_or_else(|| {
            let mut track = match tag.kind {
                VIDEO => pictures_track(id, body),
                _ => sound_track(id, body),
            };
            track.default = true;
            track.encrypted = tag.encrypted;
            if tag.encrypted {
                track.codec = "encrypted".to_owned();
            }
            self.tracks.push(track);
            self.tracks.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed in the line above")]
        &mut self.tracks[index]
    }

    /// The next tag; none at the end.
    fn tag(&mut self) -> Result<Option<Tag>> {
        let len = self.source.len();
        if self.at >= len {
            return Ok(None);
        }
        let Some([kind, s0, s1, s2, t0, t1, t2, t3, ..]) = self.blocks.array::<11>(self.at)? else {
            return Err(self.cut("a tag's header"));
        };
        let size = u64::from(u32::from_be_bytes([0, s0, s1, s2]));
        // The fourth byte of the time is its highest.
        let time = i64::from(i32::from_be_bytes([t3, t0, t1, t2]));
        let body = self.at + TAG;
        if body + size > len {
            return Err(self.cut("a tag"));
        }
        let low = kind & 0x1F;
        if ![AUDIO, VIDEO, SCRIPT].contains(&low) {
            let back = self.blocks.array::<4>(body + size)?.map(u32::from_be_bytes);
            if back.is_none_or(|back| u64::from(back) != size + TAG) {
                let what = format!("bytes that are no tag at byte {}", self.at);
                self.damage.push(Damage::Malformed(what.clone()));
                self.at = len;
                return Err(Error::malformed(what));
            }
        }
        self.at = body + size + BACK;
        Ok(Some(Tag { kind: low, encrypted: kind & 0x20 != 0, body, size, time }))
    }

    fn cut(&mut self, what: &str) -> Error {
        let what = format!("the file ends within {what} at byte {}", self.at);
        self.damage.push(Damage::Truncated(what.clone()));
        self.at = self.source.len();
        Error::malformed(what)
    }
}

fn pictures_track(id: u64, body: &[u8]) -> Track {
    let mut track = Track::new(id, Kind::Video, video_codec(body), 1000);
    if track.codec == "flv1" {
        track.size = size_of_sorenson(body.get(1..).unwrap_or_default());
    }
    track
}

/// Width and height by the header of a Sorenson H.263 picture (annex E.4.3.1 calls it `H263VIDEOPACKET`): behind a start code of
/// 17 bits, a version of 5 and a time of 8.
fn size_of_sorenson(picture: &[u8]) -> Option<(u32, u32)> {
    let bits = u64::from_be_bytes(array(picture, 1)?);
    // The first byte is gone: 22 bits stand before the three that tell how the sides are written.
    let rest = bits << 22;
    let side = |at: u32, count: u32| u32::try_from(rest << at >> (64 - count)).ok().filter(|&side| side > 0);
    match rest >> 61 {
        0 => side(3, 8).zip(side(11, 8)),
        1 => side(3, 16).zip(side(19, 16)),
        2 => Some((352, 288)),
        3 => Some((176, 144)),
        4 => Some((128, 96)),
        5 => Some((320, 240)),
        6 => Some((160, 120)),
        _ => None,
    }
}

fn sound_track(id: u64, body: &[u8]) -> Track {
    const RATES: [u32; 4] = [5_512, 11_025, 22_050, 44_100];
    let flags = byte(body, 0).unwrap_or(0);
    let mut track = Track::new(id, Kind::Audio, audio_codec(flags >> 4), 1000);
    track.channels = Some(u16::from(flags & 1) + 1);
    track.bits = Some(if flags & 2 == 0 { 8 } else { 16 });
    track.sample_rate = match flags >> 4 {
        4 | 14 if flags >> 4 == 4 => Some(16_000),
        5 | 7 | 8 | 14 => Some(8_000),
        11 => Some(16_000),
        _ => RATES.get(usize::from(flags >> 2 & 3)).copied(),
    };
    track
}

/// Takes size, channels and rate from a configuration.
fn configured(track: &mut Track) {
    match track.codec.as_str() {
        "h264" => {
            let sps = h264::Config::parse(&track.config).and_then(|config| h264::Sps::parse(config.sps?));
            track.size = sps.map(|sps| (sps.width, sps.height));
            track.pixel_aspect = sps.as_ref().and_then(annexb::pixel_aspect);
        }
        "aac" => {
            if let Some(config) = aac::Config::parse(&track.config) {
                track.channels = Some(config.channels);
                track.sample_rate = Some(config.sample_rate);
            }
        }
        _ => {}
    }
}

/// What a tag holds, and how many bytes stand before it.
fn part_of(kind: u8, body: &[u8]) -> (Part, usize) {
    let Some(first) = byte(body, 0) else { return (Part::Other, 0) };
    let second = byte(body, 1);
    let offset = |at: usize| {
        // Three bytes with a sign.
        let [high, middle, low] = array::<3>(body, at).unwrap_or_default();
        i64::from(i32::from_be_bytes([high, middle, low, 0]) >> 8)
    };
    if kind == AUDIO {
        return match (first >> 4, second) {
            (10, Some(0)) => (Part::Config, 2),
            (10, Some(1)) => (Part::Frame { offset: 0, key: true }, 2),
            (10, _) => (Part::Other, 0),
            _ => (Part::Frame { offset: 0, key: true }, 1),
        };
    }
    let key = first >> 4 & 7 == 1;
    if first & 0x80 != 0 {
        // Enhanced RTMP: the kind of packet stands where the codec was, and four letters behind it.
        let with_offset = matches!(body.get(1..5), Some(b"avc1" | b"hvc1"));
        return match first & 0x0F {
            0 => (Part::Config, 5),
            1 if with_offset => (Part::Frame { offset: offset(5), key }, 8),
            1 | 3 => (Part::Frame { offset: 0, key }, 5),
            _ => (Part::Other, 0),
        };
    }
    match (first >> 4, first & 0x0F, second) {
        // A command for the player.
        (5, ..) => (Part::Other, 0),
        (_, 7 | 12, Some(0)) => (Part::Config, 5),
        (_, 7 | 12, Some(1)) => (Part::Frame { offset: offset(2), key }, 5),
        (_, 7 | 12, _) => (Part::Other, 0),
        _ => (Part::Frame { offset: 0, key }, 1),
    }
}

fn audio_codec(code: u8) -> &'static str {
    match code {
        0 | 3 => "pcm",
        1 => "adpcm",
        2 | 14 => "mp3",
        4..=6 => "nellymoser",
        7 => "alaw",
        8 => "mulaw",
        10 => "aac",
        11 => "speex",
        _ => "unknown",
    }
}

fn video_codec(body: &[u8]) -> String {
    let first = byte(body, 0).unwrap_or(0);
    if first & 0x80 != 0 {
        return array::<4>(body, 1).map_or_else(|| "unknown".to_owned(), of_sample_entry);
    }
    match first & 0x0F {
        2 => "flv1",
        3 | 6 => "screen",
        4 | 5 => "vp6",
        7 => "h264",
        12 => "hevc",
        13 => "av1",
        _ => "unknown",
    }
    .to_owned()
}

/// The number of this name in script data (AMF 0): two bytes of length, the name, a type of 0, eight bytes.
fn number(script: &[u8], name: &[u8]) -> Option<f64> {
    let at = find(script, name)?;
    let length = at.checked_sub(2).and_then(|at| be16(script, at))?;
    let value = at + name.len();
    if usize::from(length) != name.len() || byte(script, value)? != 0 {
        return None;
    }
    array(script, value + 1).map(f64::from_be_bytes).filter(|number| number.is_finite())
}

/// A side of the pictures by script data.
fn side(script: &[u8], name: &[u8]) -> Option<u32> {
    let side = number(script, name)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1..=16384")]
    (1.0..=16_384.0).contains(&side).then_some(side as u32)
}

impl Demuxer for Flv<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        while let Some(tag) = self.tag()? {
            let Some(track) = self.tracks.iter().position(|track| track.id == u64::from(tag.kind)) else { continue };
            let least = usize::try_from(tag.size.min(16)).unwrap_or(16);
            let head = self.blocks.from(tag.body, least)?;
            let head = head.get(..least).unwrap_or(head);
            let (Part::Frame { offset, key }, skip) = part_of(tag.kind, head) else { continue };
            let Some(size) = tag.size.checked_sub(skip as u64).filter(|&size| size > 0) else { continue };
            packet.track = track;
            packet.dts = tag.time - self.start.unwrap_or(0);
            packet.pts = packet.dts.saturating_add(offset);
            packet.duration = 0;
            packet.sync = key;
            packet.discard_ns = 0;
            packet.size = u32::try_from(size).unwrap_or(u32::MAX);
            packet.data.clear();
            if want != Want::Table {
                let size = usize::try_from(size).unwrap_or(0);
                let at = tag.body + skip as u64;
                if size <= 8 * 1024 {
                    let bytes = self.blocks.from(at, size)?;
                    packet.data.extend_from_slice(bytes.get(..size).unwrap_or(bytes));
                } else {
                    // A tag is 16 MiB at most, and wholly there.
                    packet.data.resize(size, 0);
                    let read = self.source.read_at(at, &mut packet.data)?;
                    packet.data.truncate(read);
                }
            }
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, time: u8, body: &[u8]) -> Vec<u8> {
        let size = u8::try_from(body.len()).unwrap();
        [&[kind, 0, 0, size, 0, 0, time, 0, 0, 0, 0][..], body, &[0, 0, 0, size + 11]].concat()
    }

    #[test]
    fn configurations_are_no_frames_and_offsets_have_a_sign() {
        let bytes = [
            &b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..],
            &tag(9, 10, &[0x17, 0, 0, 0, 0, 1, 66, 0, 30]),
            &tag(8, 10, &[0xAF, 0, 0x12, 0x10]),
            &tag(9, 10, &[0x17, 1, 0, 0, 40, 1, 2, 3]),
            &tag(9, 50, &[0x27, 1, 0xFF, 0xFF, 0xF0, 1]),
            &tag(8, 20, &[0xAF, 1, 9, 9]),
        ]
        .concat();
        let source = Source::from_bytes(&bytes[..bytes.len() - 5], None);
        let mut file = Flv::open(&source).unwrap();
        assert_eq!((&*file.tracks[0].codec, &*file.tracks[1].codec), ("h264", "aac"));
        assert_eq!((file.tracks[1].channels, file.tracks[1].sample_rate), (Some(2), Some(44_100)));
        let mut packet = Packet::default();
        assert!(file.next(&mut packet, Want::Content).unwrap());
        assert_eq!((packet.dts, packet.pts, packet.sync, &packet.data[..]), (0, 40, true, &[1, 2, 3][..]));
        assert!(file.next(&mut packet, Want::Table).unwrap());
        assert_eq!((packet.dts, packet.pts, packet.sync, packet.size), (40, 24, false, 1));
        assert!(file.next(&mut packet, Want::Table).is_err());
        assert!(matches!(file.damage(), [Damage::Truncated(_)]));
        assert!(!file.next(&mut packet, Want::Table).unwrap());
    }
    #[test]
    fn sizes_of_sorenson_pictures_stand_in_their_headers() {
        // A start code of 17 bits, a version of 5, a time of 8, three for the kind of size, and the sides.
        let size = |kind: u128, sides: u128, bits: u32| {
            let head = ((1 << 13) | 7) << 3 | kind;
            size_of_sorenson(&(head << 95 | sides << (95 - bits)).to_be_bytes())
        };
        assert_eq!(size(3, 0, 0), Some((176, 144)));
        assert_eq!(size(0, 128 << 8 | 96, 16), Some((128, 96)));
        assert_eq!(size(1, 640 << 16 | 361, 32), Some((640, 361)));
        assert_eq!((size(0, 0, 16), size(7, 0, 0), size_of_sorenson(&[0, 0])), (None, None, None));
    }

    #[test]
    fn sides_are_those_of_the_script_where_no_picture_tells_them() {
        let script = |width: f64| {
            let number = |name: &[u8], value: f64| [&[0, name.len() as u8], name, &[0], &value.to_be_bytes()].concat();
            [&b"\x02\0\x0aonMetaData\x08\0\0\0\x02"[..], &number(b"width", width), &number(b"height", 64.0)].concat()
        };
        let size = |width| {
            let bytes = [&b"FLV\x01\x01\0\0\0\x09\0\0\0\0"[..], &tag(18, 0, &script(width)), &tag(9, 0, &[0x14, 0, 1])];
            let source = Source::from_bytes(bytes.concat(), None);
            Flv::open(&source).unwrap().tracks[0].size
        };
        assert_eq!((size(96.0), size(f64::NAN), size(1e9)), (Some((96, 64)), None, None));
    }
}
