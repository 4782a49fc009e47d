//! WAV, RF64, RIFX and Wave64: format, data, and how far the data's size can be believed (RIFF MCI §3, EBU Tech 3306).

use super::sound;
use super::stream::Streamed;
use crate::bytes::{array, be32, byte, le16, le32, le64};
use crate::codec::mpeg_audio::id3_has_picture;
use crate::codec::{dts, of_wave_tag};
use crate::demux::framed::Dts;
use crate::demux::frames::Walk;
use crate::demux::mp3::Mp3;
use crate::demux::wave::{Chunk, Wave};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// The most chunks that are looked at.
const MAX_CHUNKS: usize = 1024;

/// A tag chunk is read up to here for a picture.
const MAX_TAG: usize = 256 * 1024;

/// The format (`fmt `).
#[derive(Debug, Clone, Copy, Default)]
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    byte_rate: u32,
    align: u16,
    bits: u16,
    block_samples: u16,
}

impl Format {
    fn parse(bytes: &[u8]) -> Option<Self> {
        const EXTENSIBLE: u16 = 0xfffe;
        let tag = le16(bytes, 0)?;
        let mut format = Self {
            tag,
            channels: le16(bytes, 2)?,
            rate: le32(bytes, 4)?,
            byte_rate: le32(bytes, 8)?,
            align: le16(bytes, 12)?,
            bits: le16(bytes, 14).unwrap_or(0),
            block_samples: le16(bytes, 18).unwrap_or(0),
        };
        if tag == EXTENSIBLE {
            // The first word of the sub-format is the tag; valid bits stand where ADPCM has its samples.
            format.tag = le16(bytes, 24).unwrap_or(tag);
            format.bits = Some(format.block_samples).filter(|&bits| bits > 0).unwrap_or(format.bits);
        }
        Some(format)
    }

    /// Bytes of a block, or of a sample of all channels.
    const fn block(&self) -> u64 {
        if self.align == 0 { 1 } else { self.align as u64 }
    }

    /// Samples that `bytes` hold, where blocks tell.
    fn samples(&self, bytes: u64) -> Option<u64> {
        let codec = of_wave_tag(self.tag);
        match codec.as_str() {
            "pcm" | "pcm-float" | "alaw" | "mulaw" => {
                let bits = u64::from(self.bits.max(8)).div_ceil(8) * u64::from(self.channels);
                let frame = if self.align > 0 { u64::from(self.align) } else { bits };
                bytes.checked_div(frame)
            }
            "adpcm" if self.block_samples > 0 => Some(self.adpcm(bytes)),
            _ => None,
        }
    }

    /// Samples of ADPCM: a last block that is shorter counts by what it holds (four bits a sample behind its head).
    fn adpcm(&self, bytes: u64) -> u64 {
        let channels = u64::from(self.channels.max(1));
        // Microsoft's head holds two samples in 7 bytes, IMA's one in 4.
        let (head, first) = if self.tag == 2 { (7 * channels, 2) } else { (4 * channels, 1) };
        let (whole, rest) = (bytes / self.block(), bytes % self.block());
        let partial = if rest > head { (rest - head) * 2 / channels + first } else { 0 };
        whole.saturating_mul(u64::from(self.block_samples)).saturating_add(partial.min(u64::from(self.block_samples)))
    }
}

/// What the chunks tell.
#[derive(Debug, Default)]
struct Chunks {
    format: Option<Format>,
    /// Where the data starts and ends; and its size by its header, where that is believed.
    data: Option<(u64, u64, Option<u64>)>,
    fact_samples: Option<u64>,
    long_data: Option<u64>,
    metadata: u64,
    picture: bool,
    /// Whether another file follows.
    joined: bool,
}

/// What can be measured of a WAV.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let chunks = read(source)?;
    let Some(format) = chunks.format else {
        return Ok(sound::broken("unknown", "the format chunk is missing"));
    };
    let codec = of_wave_tag(format.tag);
    let mut track = AudioTrack {
        codec: codec.clone(),
        sample_rate: Some(format.rate).filter(|&rate| rate > 0),
        channels: Some(format.channels).filter(|&channels| channels > 0),
        bits: u8::try_from(format.bits).ok().filter(|&bits| bits > 0),
        default: true,
        ..AudioTrack::default()
    };
    let mut damage = Vec::new();
    let Some((start, end, told)) = chunks.data else {
        damage.push(Damage::Truncated("the data chunk is missing".to_owned()));
        return Ok(sound::alone(track, damage));
    };
    let there = end - start;
    if let Some(told) = told.filter(|&told| told > there.saturating_add(format.block())) {
        damage.push(Damage::Truncated(format!("the data ends beyond the file; found {there} bytes, expected {told}")));
    }
    if format.channels == 0 || format.rate == 0 {
        damage.push(Damage::Malformed(format!("found {} channels at {} Hz", format.channels, format.rate)));
    }
    let mut samples = format.samples(there);
    if codec == "mp3" || codec == "mp2" {
        if let Ok(mut mp3) = sound::or_damage(Mp3::within(source, start, end))? {
            (track.sample_rate, track.channels) = (Some(mp3.header.sample_rate), Some(mp3.header.channels));
            samples = Some(mp3.count()?.samples.saturating_sub(mp3.delays()));
        }
        track.bits = None;
    } else if let Some(header) = dts_within(source, &format, start, end)? {
        // Played as samples it is noise.
        track.codec = "dts".to_owned();
        (track.sample_rate, track.channels) = (Some(header.sample_rate), Some(header.channels));
        (track.bits, samples) = (None, None);
    } else if codec == "adpcm" {
        // The encoder's count leaves out what fills the last block.
        samples = chunks.fact_samples.filter(|&fact| samples.is_none_or(|all| fact <= all)).or(samples);
        track.bits = None;
        // Nobody says whether the numbers in its blocks are big-endian as well.
        if Wave::of(source.head()?) == Wave::Rifx {
            "adpcm-be".clone_into(&mut track.codec);
        }
    }
    let by_rate = || {
        let us = u128::from(there) * 1_000_000 / u128::from(std::num::NonZeroU32::new(format.byte_rate)?.get());
        u64::try_from(us).ok()
    };
    track.duration_us = samples
        .or(chunks.fact_samples.filter(|&fact| fact > 0))
        .and_then(|samples| sound::microseconds(samples, track.sample_rate.unwrap_or(0)))
        .or_else(by_rate);
    track.bitrate = sound::bitrate(there, track.duration_us);
    if damage.is_empty() && (there == 0 || track.duration_us.is_none_or(|us| us == 0)) {
        damage.push(Damage::Truncated("the data holds no sample".to_owned()));
    }
    let mut found = sound::alone(track, damage);
    (found.streams.metadata_bytes, found.streams.cover_art) = (chunks.metadata, chunks.picture);
    found.streams.joined = chunks.joined;
    Ok(found)
}

fn read(source: &Source) -> Result<Chunks> {
    let length = source.len();
    let wave = Wave::of(source.head()?);
    let (mut chunks, mut at) = (Chunks::default(), wave.first());
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = wave.chunk(&source.bytes_at(at, Wave::HEADER)?, at) else { break };
        let Chunk { kind, start, size } = chunk;
        let mut end = start.saturating_add(size);
        let there = usize::try_from(size).unwrap_or(usize::MAX);
        match &kind {
            b"fmt " => {
                let format = wave.format(source.bytes_at(start, 40.min(there))?);
                chunks.format = chunks.format.or(Format::parse(&format));
            }
            b"ds64" => chunks.long_data = le64(&source.bytes_at(start, 16)?, 8),
            b"fact" => chunks.fact_samples = wave.number(&source.bytes_at(start, 4)?).map(u64::from),
            b"data" if chunks.data.is_none() => {
                let extent = wave.data(source, &chunk, chunks.long_data)?;
                end = extent.end;
                chunks.data = Some((start, end.min(length), extent.told));
            }
            b"RIFF" | b"RF64" | b"RIFX" | b"riff" if chunks.data.is_some() => {
                chunks.joined = true;
                break;
            }
            _ => {
                chunks.metadata += end.min(length).saturating_sub(start);
                if kind.eq_ignore_ascii_case(b"id3 ") {
                    chunks.picture |= id3_has_picture(&source.bytes_at(start, MAX_TAG.min(there))?);
                }
            }
        }
        // Chunks are padded; some writers forget it.
        at = wave.behind(&chunk, end);
        if at >= length {
            break;
        }
    }
    Ok(chunks)
}

/// The first frame of DTS in data that may be called PCM, as on compact discs: behind silence, and followed by others.
fn dts_within(source: &Source, format: &Format, start: u64, end: u64) -> Result<Option<dts::Header>> {
    const SILENCE: usize = 4096;
    let of_discs = (format.tag, format.bits, format.channels) == (1, 16, 2);
    if !of_discs && of_wave_tag(format.tag) != "dts" {
        return Ok(None);
    }
    let head = source.bytes_at(start, SILENCE)?;
    let silent = head.iter().position(|&byte| byte != 0).unwrap_or(0) as u64;
    if head.get(silent as usize..).and_then(dts::Header::parse).is_none() {
        return Ok(None);
    }
    let at = start + silent;
    let Some(mut walk) = Walk::<Dts>::find(source, at, end)?.filter(|walk| walk.at() == at) else { return Ok(None) };
    Ok(dts::Header::parse(walk.content(at, dts::Header::SIZE)?))
}

/// What can be measured of an AIFF or AIFC.
pub(super) fn inspect_aiff(source: &Source) -> Result<Streamed> {
    let length = source.len();
    let (mut at, mut metadata, mut picture) = (12_u64, 0, false);
    let (mut common, mut data) = (None, None);
    for _ in 0..MAX_CHUNKS {
        let head = source.bytes_at(at, 8)?;
        let (Some(kind), Some(size)) = (array::<4>(&head, 0), be32(&head, 4)) else { break };
        let start = at + 8;
        let end = start.saturating_add(u64::from(size));
        match &kind {
            b"COMM" => common = common.or(Common::parse(&source.bytes_at(start, 22)?, source.head()?)),
            // Offset and block size stand before the samples.
            b"SSND" => data = data.or(Some((start.saturating_add(8).min(length), end))),
            _ => {
                metadata += end.min(length).saturating_sub(start);
                if kind.eq_ignore_ascii_case(b"id3 ") {
                    picture |= id3_has_picture(&source.bytes_at(start, MAX_TAG.min(size as usize))?);
                }
            }
        }
        at = end.saturating_add(u64::from(size % 2));
        if at >= length {
            break;
        }
    }
    let Some(common) = common else { return Ok(sound::broken("unknown", "the common chunk is missing")) };
    let mut damage = Vec::new();
    let there = data.map_or(0, |(start, end)| end.min(length).saturating_sub(start));
    if let Some((_, end)) = data.filter(|&(_, end)| end > length) {
        damage.push(Damage::Truncated(format!("the sound ends {} bytes beyond the file", end - length)));
    }
    let needed = common.bytes();
    if damage.is_empty() && needed.is_some_and(|needed| needed > there.saturating_add(u64::from(common.channels) * 8)) {
        damage.push(Damage::Truncated(format!("found {there} bytes of sound, expected {}", needed.unwrap_or(0))));
    }
    if damage.is_empty() && (there == 0 || common.frames == 0) {
        damage.push(Damage::Truncated("the file holds no sample".to_owned()));
    }
    let duration_us = sound::microseconds(common.samples(), common.rate);
    let track = AudioTrack {
        codec: common.codec,
        sample_rate: Some(common.rate).filter(|&rate| rate > 0),
        channels: Some(common.channels).filter(|&channels| channels > 0),
        bits: u8::try_from(common.bits).ok().filter(|&bits| bits > 0),
        duration_us,
        bitrate: sound::bitrate(there, duration_us),
        default: true,
        ..AudioTrack::default()
    };
    let mut found = sound::alone(track, damage);
    (found.streams.metadata_bytes, found.streams.cover_art) = (metadata, picture);
    Ok(found)
}

/// The common chunk of an AIFF.
#[derive(Debug)]
struct Common {
    codec: String,
    code: [u8; 4],
    channels: u16,
    frames: u32,
    bits: u16,
    rate: u32,
}

impl Common {
    fn parse(bytes: &[u8], head: &[u8]) -> Option<Self> {
        let compressed = head.get(8..12) == Some(b"AIFC");
        let code = if compressed { array(bytes, 18)? } else { *b"NONE" };
        Some(Self {
            codec: crate::codec::of_sample_entry(code),
            code,
            channels: u16::from_be_bytes(array(bytes, 0)?),
            frames: be32(bytes, 2)?,
            bits: u16::from_be_bytes(array(bytes, 6)?),
            rate: extended(bytes.get(8..18)?)?,
        })
    }

    /// Samples per channel: packets of `ima4` hold 64.
    const fn samples(&self) -> u64 {
        if matches!(&self.code, b"ima4") { self.frames as u64 * 64 } else { self.frames as u64 }
    }

    /// Bytes that the sound takes, where samples are alike.
    fn bytes(&self) -> Option<u64> {
        let sample = match self.codec.as_str() {
            "pcm" | "pcm-float" => u64::from(self.bits).div_ceil(8),
            "alaw" | "mulaw" => 1,
            _ => return None,
        };
        Some(u64::from(self.frames) * sample * u64::from(self.channels))
    }
}

/// A rate as an 80-bit floating-point number (IEEE 754 extended), rounded down.
fn extended(bytes: &[u8]) -> Option<u32> {
    let exponent = u32::from(u16::from_be_bytes([byte(bytes, 0)? & 0x7f, byte(bytes, 1)?]));
    let mantissa = u64::from_be_bytes(array(bytes, 2)?);
    let shift = 16_383_u32.checked_add(63)?.checked_sub(exponent)?;
    u32::try_from(mantissa.checked_shr(shift).unwrap_or(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(size: u32, data: &[u8], behind: &[u8]) -> Streamed {
        let format =
            [&b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"[..], &size.to_le_bytes()].concat();
        let bytes = [&b"RIFF\xff\xff\xff\xffWAVE"[..], &format, data, behind].concat();
        inspect(&Source::from_bytes(bytes, None)).unwrap()
    }

    #[test]
    fn sizes_of_recorders_that_never_came_back() {
        for size in [0, u32::MAX, 0x7fff_ffff, 0x7fff_ffdb] {
            let found = wav(size, &[1; 16_000], &[]);
            assert_eq!((found.streams.duration_us, found.damage), (Some(1_000_000), vec![]), "{size:#x}");
        }
        let odd = wav(16_001, &[1; 16_000], &[]);
        assert!(odd.damage.is_empty());
        let cut = wav(32_000, &[1; 16_000], &[]);
        assert!(matches!(cut.damage.as_slice(), [Damage::Truncated(_)]));
        assert_eq!(cut.streams.duration_us, Some(1_000_000));
        assert!(matches!(wav(0, &[], &[]).damage.as_slice(), [Damage::Truncated(_)]));
        assert!(matches!(wav(0, &[], b"LIST\x04\0\0\0INFO").damage.as_slice(), [Damage::Truncated(_)]));
    }

    #[test]
    fn frames_of_dts_are_no_samples() {
        let head = [0x7f, 0xfe, 0x80, 0x01, 0xfc, 0x3c, 0x75, 0xb0, 0xb6, 0x60, 0x08, 0];
        let frames = [&head[..], &[0x11; 1872]].concat().repeat(8);
        // Two channels of 16 bits at 44.1 kHz, as on compact discs, with silence in front.
        let format = b"fmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data";
        let codec = |data: &[u8]| {
            let size = u32::try_from(data.len()).unwrap().to_le_bytes();
            let bytes = [&b"RIFF\xff\xff\xff\xffWAVE"[..], format, &size, data].concat();
            let found = inspect(&Source::from_bytes(bytes, None)).unwrap();
            assert_eq!(found.damage, []);
            found.streams.audio[0].codec.clone()
        };
        assert_eq!(codec(&frames), "dts");
        assert_eq!(codec(&[&[0; 1000], frames.as_slice()].concat()), "dts");
        assert_eq!(codec(&[&head[..], &[0x11; 8000]].concat()), "pcm");
        assert_eq!(codec(&[&[0x11, 0x22], frames.as_slice()].concat()), "pcm");
    }

    #[test]
    fn rates_of_eighty_bits() {
        assert_eq!(extended(&[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), Some(44_100));
        assert_eq!(extended(&[0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]), Some(8_000));
        assert_eq!(extended(&[0x7f, 0xff, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(extended(&[0, 0, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), Some(0));
    }
}
