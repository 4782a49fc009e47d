//! Core Audio files (Apple, "Core Audio Format Specification"): a description, the data, and a table of packets where
//! they differ in size. Opus has no header here: it is made from the description and the table.

use super::{Demuxer, Kind, Packet, Track, Want};
use crate::bytes::{Blocks, Cursor, array, be32, be64};
use crate::codec::aac::Config;
use crate::codec::of_sample_entry;
use crate::codec::opus::OpusHead;
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;

/// The most chunks that are looked at.
const MAX_CHUNKS: usize = 1024;

/// The largest cookie that is read.
const MAX_COOKIE: usize = 64 * 1024;

/// The largest packet that is read.
const MAX_PACKET: u64 = 1024 * 1024;

/// Frames of PCM in a packet, for the container has none.
const PCM_FRAMES: u64 = 2048;

/// The description (`desc`).
#[derive(Debug, Clone, Copy, Default)]
struct Description {
    rate: f64,
    code: [u8; 4],
    flags: u32,
    packet_bytes: u32,
    packet_frames: u32,
    channels: u32,
    bits: u32,
}

/// What Opus encoders put before the sound where the table does not tell, in samples at 48 kHz (6.5 ms).
const USUAL_PRE_SKIP: u16 = 312;

/// A chunk's place.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u64,
    end: u64,
}

/// The head of the packet table (`pakt`).
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    packets: u64,
    valid_frames: u64,
    priming: u32,
    remainder: u32,
}

/// A Core Audio file.
#[derive(Debug)]
pub(crate) struct Caf<'a> {
    source: &'a Source,
    data: Blocks<'a>,
    sizes: Blocks<'a>,
    tracks: [Track; 1],
    description: Description,
    table: Option<Table>,
    content: Place,
    entries: Place,
    /// AAC's configuration, where that is its codec.
    pub aac: Option<Config>,
    /// Bytes of the chunks that only inform.
    pub metadata_bytes: u64,
    at: u64,
    entry: u64,
    left: u64,
    time: i64,
    damage: Vec<Damage>,
}

impl<'a> Caf<'a> {
    /// Reads the chunks.
    ///
    /// # Errors
    /// `Malformed` without a description; `Io` when the source cannot be read.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let mut caf = Self {
            source,
            data: Blocks::new(source)?,
            sizes: Blocks::new(source)?,
            tracks: [Track::new(0, Kind::Audio, "unknown", 1)],
            description: Description::default(),
            table: None,
            content: Place::default(),
            entries: Place::default(),
            aac: None,
            metadata_bytes: 0,
            at: 0,
            entry: 0,
            left: 0,
            time: 0,
            damage: Vec::new(),
        };
        let cookie = caf.read_chunks()?;
        if caf.description.code == [0; 4] {
            return Err(Error::malformed("the description of the sound is missing"));
        }
        caf.describe(&cookie);
        (caf.at, caf.entry) = (caf.content.start, caf.entries.start);
        caf.left = caf.table.map_or(0, |table| table.packets);
        Ok(caf)
    }

    /// Ways in which the bytes break their format.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Bytes of sound.
    pub(crate) const fn content_bytes(&self) -> u64 {
        self.content.end - self.content.start
    }

    /// Samples as played, by the packet table, or by the data where packets are alike.
    pub(crate) fn samples(&self) -> Option<u64> {
        if let Some(table) = self.table.filter(|table| table.valid_frames > 0) {
            return Some(table.valid_frames);
        }
        let size = u64::from(self.description.packet_bytes);
        let packets = self.content_bytes().checked_div(size)?;
        Some(packets.saturating_mul(u64::from(self.description.packet_frames)))
    }

    /// Takes the chunks in; gives the cookie.
    fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let length = self.source.len();
        let (mut at, mut cookie) = (8_u64, Vec::new());
        for _ in 0..MAX_CHUNKS {
            let head = self.source.bytes_at(at, 12)?;
            let (Some(kind), Some(size)) = (array::<4>(&head, 0), be64(&head, 4)) else { break };
            let start = at + 12;
            // -1: the data goes on to the end of the file.
            let open = size == u64::MAX && &kind == b"data";
            let end = if open { length } else { start.saturating_add(size) };
            if size > i64::MAX as u64 && !open {
                self.damage.push(Damage::Malformed("a chunk has a negative size".to_owned()));
                break;
            }
            let place = Place { start: start.min(length), end: end.min(length) };
            match &kind {
                b"desc" => self.read_description(&self.source.bytes_at(start, 32)?),
                b"kuki" => {
                    cookie = self.source.bytes_at(start, usize::try_from(size).unwrap_or(MAX_COOKIE).min(MAX_COOKIE))?
                }
                b"pakt" => self.read_table(place)?,
                // Four bytes of edit count stand before the sound.
                b"data" => self.content = Place { start: (start + 4).min(place.end), end: place.end },
                _ => self.metadata_bytes += place.end - place.start,
            }
            if end > length {
                let missing = end - length;
                self.damage.push(Damage::Truncated(format!("the file ends {missing} bytes before its content")));
            }
            at = end;
            if at >= length {
                break;
            }
        }
        Ok(cookie)
    }

    fn read_description(&mut self, bytes: &[u8]) {
        let number = |at| be32(bytes, at).unwrap_or(0);
        let Some(code) = array(bytes, 8) else { return };
        self.description = Description {
            rate: array(bytes, 0).map_or(0.0, f64::from_be_bytes),
            code,
            flags: number(12),
            packet_bytes: number(16),
            packet_frames: number(20),
            channels: number(24),
            bits: number(28),
        };
    }

    fn read_table(&mut self, place: Place) -> Result<()> {
        let bytes = self.source.bytes_at(place.start, 24)?;
        let (Some(packets), Some(valid)) = (be64(&bytes, 0), be64(&bytes, 8)) else { return Ok(()) };
        let trim = |at| be32(&bytes, at).filter(|&frames| frames <= 1 << 20).unwrap_or(0);
        self.entries = Place { start: (place.start + 24).min(place.end), end: place.end };
        self.table = Some(Table { packets, valid_frames: valid.min(1 << 48), priming: trim(16), remainder: trim(20) });
        Ok(())
    }

    /// Fills in the track.
    fn describe(&mut self, cookie: &[u8]) {
        const IS_FLOAT: u32 = 1;
        let description = self.description;
        let is_pcm = &description.code == b"lpcm";
        let is_float = is_pcm && description.flags & IS_FLOAT != 0;
        let codec = if is_float { "pcm-float".to_owned() } else { of_sample_entry(description.code) };
        // Rates are floating-point numbers here: what is none becomes 0.
        let rate = if description.rate.is_finite() { description.rate.clamp(0.0, f64::from(u32::MAX)) } else { 0.0 };
        let rate = rate.round() as u32;
        let mut track = Track::new(0, Kind::Audio, codec, rate);
        track.sample_rate = Some(rate).filter(|&rate| rate > 0);
        track.channels = u16::try_from(description.channels).ok().filter(|&channels| channels > 0);
        track.bits = u8::try_from(description.bits).ok().filter(|&bits| bits > 0);
        track.default = true;
        if let Some(table) = self.table {
            track.priming = Some(table.priming).filter(|&frames| frames > 0);
            track.padding = Some(table.remainder).filter(|&frames| frames > 0);
        }
        match track.codec.as_str() {
            "opus" => {
                let channels = u8::try_from(description.channels).unwrap_or(1);
                let told = track.priming.map(|priming| u64::from(priming) * 48_000 / u64::from(rate.max(1)));
                let priming = told.and_then(|told| u16::try_from(told).ok()).unwrap_or(USUAL_PRE_SKIP);
                let made = OpusHead::plain(channels, priming, rate);
                track.config = OpusHead::parse(cookie).unwrap_or(made).to_bytes();
            }
            "aac" => {
                track.config = specific_info(cookie).unwrap_or(cookie).to_vec();
                self.aac = Config::parse(&track.config);
            }
            "alac" => track.config = alac_cookie(cookie).to_vec(),
            _ => track.config = cookie.to_vec(),
        }
        if !is_pcm && description.packet_bytes == 0 && self.table.is_none() && self.damage.is_empty() {
            self.damage.push(Damage::Malformed("packets of different sizes without a packet table".to_owned()));
        }
        self.tracks = [track];
    }

    /// The next packet's bytes and frames.
    fn step(&mut self) -> Result<Option<(u64, u64)>> {
        let description = self.description;
        let (size, frames) = (u64::from(description.packet_bytes), u64::from(description.packet_frames));
        if size > 0 && frames > 0 {
            let there = self.content.end.saturating_sub(self.at) / size;
            // Many small packets at once.
            let count = if frames == 1 { there.min(PCM_FRAMES).min((MAX_PACKET / size).max(1)) } else { there.min(1) };
            return Ok((count > 0).then_some((count * size, count * frames)));
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let size = if size > 0 { Some(size) } else { self.number()? };
        let frames = if frames > 0 { Some(frames) } else { self.number()? };
        Ok(size.zip(frames))
    }

    /// A number of the packet table: seven bits a byte, the highest bit for "goes on".
    fn number(&mut self) -> Result<Option<u64>> {
        let mut value = 0_u64;
        for _ in 0..5 {
            if self.entry >= self.entries.end {
                return Ok(None);
            }
            let Some(&next) = self.sizes.from(self.entry, 1)?.first() else { return Ok(None) };
            self.entry += 1;
            value = value << 7 | u64::from(next & 0x7f);
            if next & 0x80 == 0 {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl Demuxer for Caf<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((size, frames)) = self.step()? else {
            return if self.damage.is_empty() {
                Ok(false)
            } else {
                Err(Error::malformed("the file ends before its content"))
            };
        };
        if size > MAX_PACKET || size > self.content.end.saturating_sub(self.at) {
            return Err(Error::malformed(format!("a packet ends beyond the data; found {size} bytes")));
        }
        let length = usize::try_from(size).unwrap_or(0);
        packet.data.clear();
        if want != Want::Table {
            let bytes = self.data.from(self.at, length)?;
            match bytes.get(..length) {
                Some(bytes) => packet.data.extend_from_slice(bytes),
                // Larger than the buffer.
                None => packet.data = self.source.bytes_at(self.at, length)?,
            }
        }
        packet.size = u32::try_from(size).unwrap_or(u32::MAX);
        (packet.track, packet.dts, packet.pts) = (0, self.time, self.time);
        (packet.duration, packet.sync, packet.discard_ns) = (frames, true, 0);
        self.at += size;
        self.time = self.time.saturating_add(i64::try_from(frames).unwrap_or(0));
        Ok(true)
    }
}

/// The DecoderSpecificInfo within an ES_Descriptor (ISO/IEC 14496-1 §7.2.6).
fn specific_info(cookie: &[u8]) -> Option<&[u8]> {
    const ES: u8 = 3;
    const DECODER_CONFIG: u8 = 4;
    const SPECIFIC_INFO: u8 = 5;
    let mut rest = Cursor(cookie);
    for _ in 0..8 {
        let tag = rest.u8()?;
        let mut size = 0_usize;
        for _ in 0..4 {
            let next = rest.u8()?;
            size = size << 7 | usize::from(next & 0x7f);
            if next & 0x80 == 0 {
                break;
            }
        }
        match tag {
            ES => rest.take(3).map(|_| ())?,
            DECODER_CONFIG => rest.take(13).map(|_| ())?,
            SPECIFIC_INFO => return rest.take(size),
            _ => rest.take(size).map(|_| ())?,
        }
    }
    None
}

/// ALACSpecificConfig, without the `frma` and `alac` atoms that old files have around it.
fn alac_cookie(cookie: &[u8]) -> &[u8] {
    if cookie.get(4..8) == Some(b"frma") { cookie.get(24..).unwrap_or_default() } else { cookie }
}
