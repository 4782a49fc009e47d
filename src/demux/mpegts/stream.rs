//! One stream of a program: packets of its elementary stream (§2.4.3.6) → frames with their times.

use super::clock::{Clock, Line};
use super::opus;
use super::tables::{Listed, PRIVATE};
use crate::bytes::{be16, byte};
use crate::codec::rbsp::Rbsp;
use crate::codec::{aac, hevc};
use crate::demux::annexb::{self, MAX_UNIT, ParameterSets, start_code, units};
use crate::demux::framing::{Framed, Framer, Framing, Mark};
use crate::demux::{Kind, Packet, Track, Want};

/// Ticks per second of all times.
pub(super) const TICKS: u32 = 90_000;

/// A stream, and what is held of it.
#[derive(Debug)]
pub(super) struct Stream {
    pub pid: u16,
    pub track: Track,
    pub sets: ParameterSets,
    framer: Option<Framer>,
    /// The packet of the elementary stream that is being put together, and its length where it is stated.
    pes: Vec<u8>,
    open: bool,
    /// The counter of the last transport packet.
    counter: Option<u8>,
    /// Pictures that are shown before this are not: they need others from before the stream's start.
    pub shown_from: Option<i64>,
    /// Where its times are, and the frames since the last time that was stated.
    line: Line,
    base: Option<Mark>,
    since: u64,
    /// Nominal length of a picture.
    step: i64,
}

impl Stream {
    pub(super) fn new(listed: &Listed) -> Self {
        let mut track = Track::new(listed.pid.into(), listed.kind, listed.codec, TICKS);
        track.language.clone_from(&listed.language);
        track.default = true;
        track.encrypted = listed.codec == "encrypted";
        track.config.clone_from(&listed.config);
        Self::with(track, ParameterSets::default())
    }

    /// A stream of which nothing was read, with what is known of it.
    pub(super) fn with(track: Track, sets: ParameterSets) -> Self {
        Self {
            framer: framing(&track.codec).map(Framer::new),
            pid: u16::try_from(track.id).unwrap_or(0),
            track,
            sets,
            pes: Vec::new(),
            open: false,
            counter: None,
            shown_from: None,
            line: Line::default(),
            base: None,
            since: 0,
            step: i64::from(TICKS) / 25,
        }
    }

    /// Whether all is known that a track tells.
    pub(super) fn is_known(&self) -> bool {
        match self.track.codec.as_str() {
            "h264" | "aac" => !self.track.config.is_empty(),
            "mp2" | "mp3" => self.track.sample_rate.is_some(),
            "hevc" | "mpeg2" | "mpeg1" | "mpeg4" => self.track.size.is_some(),
            PRIVATE => false,
            _ => true,
        }
    }

    /// Takes the content of a transport packet. What is whole by it comes out of [`Self::flush`] before.
    pub(super) fn push(&mut self, starts: bool, payload: &[u8]) {
        if starts {
            self.pes.clear();
            self.open = true;
        }
        if self.open && self.pes.len() + payload.len() <= MAX_UNIT {
            self.pes.extend_from_slice(payload);
        }
    }

    /// Takes up a transport packet's counter (§2.4.3.3). False for one that came before; `lost` is set where some are missing
    /// from within what is being put together. Between two of these, streams may have been put behind one another.
    pub(super) fn counts(&mut self, counter: u8, starts: bool, payload: &[u8], lost: &mut bool) -> bool {
        let before = self.counter.replace(counter);
        if before == Some(counter) {
            return !(self.open && !payload.is_empty() && self.pes.ends_with(payload));
        }
        *lost |= self.open && !starts && before.is_some_and(|before| (before + 1) & 0x0F != counter);
        true
    }

    /// Forgets what is being put together where the file's end cut it: a packet of stated length that is not all there, or
    /// one without, since nobody knows how much of it is missing.
    pub(super) fn drop_cut(&mut self, own: bool) {
        if self.is_cut() || self.open && (own || be16(&self.pes, 4) == Some(0)) {
            self.pes.clear();
            self.open = false;
        }
    }

    /// Whether a packet of stated length is all there.
    pub(super) fn is_whole(&self) -> bool {
        self.open && be16(&self.pes, 4).is_some_and(|length| length > 0 && self.pes.len() >= usize::from(length) + 6)
    }

    /// Whether a packet of stated length is being put together.
    pub(super) fn is_cut(&self) -> bool {
        self.open && be16(&self.pes, 4).is_some_and(|length| length > 0 && self.pes.len() < usize::from(length) + 6)
    }

    /// Ends the packet that is being put together: its frames go to `out`.
    pub(super) fn flush(&mut self, end: bool, want: Want, clock: &mut Clock, out: &mut dyn FnMut(Packet)) {
        let pes = std::mem::take(&mut self.pes);
        let whole = std::mem::take(&mut self.open);
        let parsed = if whole { parse_pes(&pes) } else { None };
        if let Some((content, times)) = parsed {
            let mark = times.map(|(pts, dts)| self.line.place(clock, pts, dts));
            self.content(content, mark, want, out);
        }
        if end {
            self.frames(true, want, out);
        }
        self.pes = pes;
        self.pes.clear();
    }

    fn content(&mut self, content: &[u8], mark: Option<Mark>, want: Want, out: &mut dyn FnMut(Packet)) {
        self.learn(content);
        match &mut self.framer {
            Some(framer) => {
                framer.push(content, mark);
                self.frames(false, want, out);
            }
            None if self.track.codec == "opus" => {
                let mut mark = mark.or(self.base).unwrap_or(Mark { pts: 0, dts: 0 });
                for found in opus::packets(content) {
                    let made = packet(mark, found.duration, true, found.data, want);
                    out(Packet { discard_ns: found.discard_ns, ..made });
                    mark.pts = mark.pts.saturating_add_unsigned(found.duration);
                    mark.dts = mark.pts;
                }
                self.base = Some(mark);
            }
            None => {
                let mark = mark.or(self.base).unwrap_or(Mark { pts: 0, dts: 0 });
                self.base = Some(mark);
                let sync = self.track.kind != Kind::Video || starts_group(&self.track.codec, content);
                out(packet(mark, 0, sync, content.to_vec(), want));
            }
        }
    }

    /// Takes up what headers in the stream tell of the track.
    fn learn(&mut self, content: &[u8]) {
        if self.is_known() {
            return;
        }
        match self.track.codec.as_str() {
            PRIVATE => self.probe(content),
            "h264" => {
                self.sets.learn(content);
                if let (true, Some(sps)) = (self.sets.is_whole(), self.sets.sps()) {
                    self.track.config = self.sets.avcc().unwrap_or_default();
                    self.track.size = Some((sps.width, sps.height));
                    self.track.pixel_aspect = annexb::pixel_aspect(&sps);
                    self.track.color = sps.color;
                }
            }
            "hevc" => {
                if let Some(sps) = units(content).find_map(hevc::Sps::parse) {
                    self.track.size = Some((sps.width, sps.height));
                    self.track.pixel_aspect = sps.pixel_aspect;
                    self.track.color = sps.color;
                }
            }
            "mpeg2" | "mpeg1" => {
                self.track.size = sequence_size(content);
                self.track.pixel_aspect = sequence_aspect(content).filter(|_| self.track.codec == "mpeg2");
            }
            "mpeg4" => {
                let layer = units(content).find_map(layer);
                self.track.size = layer.map(|(size, _)| size);
                self.track.pixel_aspect = layer.and_then(|(_, aspect)| aspect);
            }
            _ => {}
        }
    }

    /// What private data is, by how it starts.
    fn probe(&mut self, content: &[u8]) {
        let codec = match content {
            [0x0B, 0x77, _, _, _, bsid, ..] => {
                if bsid >> 3 <= 10 {
                    "ac3"
                } else {
                    "eac3"
                }
            }
            [0x7F, 0xFE, 0x80, 0x01, ..] => "dts",
            _ if aac::AdtsHeader::parse(content).is_some() => "aac",
            _ => "unknown",
        };
        codec.clone_into(&mut self.track.codec);
        if codec != "unknown" {
            self.track.kind = Kind::Audio;
            self.framer = framing(codec).map(Framer::new);
        }
    }

    fn frames(&mut self, end: bool, want: Want, out: &mut dyn FnMut(Packet)) {
        let Some(mut framer) = self.framer.take() else { return };
        let mut data = Vec::new();
        while let Some(framed) = framer.next(end, &mut data) {
            let (mark, duration) = self.time(&framed);
            if self.track.codec == "h264" {
                let mut unit = crate::limits::capped_vec(data.len() + 16);
                let sync = self.sets.to_lengths(&data, &mut unit);
                if !unit.is_empty() && !self.track.config.is_empty() {
                    out(packet(mark, duration, sync, unit, want));
                }
            } else {
                self.sound(&framed, &data);
                out(packet(mark, duration, true, data.clone(), want));
            }
        }
        self.framer = Some(framer);
    }

    /// When a frame is shown and decoded, and how long it is: as stated, or counted on from there.
    fn time(&mut self, framed: &Framed) -> (Mark, u64) {
        if let Some(mark) = framed.mark {
            if let Some(base) = self.base.filter(|_| self.since > 0 && framed.samples == 0) {
                self.step = ((mark.dts - base.dts) / i64::try_from(self.since).unwrap_or(1)).clamp(1, TICKS.into());
            }
            self.base = Some(mark);
            self.since = 0;
        }
        let base = self.base.unwrap_or(Mark { pts: 0, dts: 0 });
        let ticks = |samples: u64| samples * u64::from(TICKS) / u64::from(framed.rate.max(1));
        let (later, duration) = if framed.samples > 0 {
            let later = i64::try_from(ticks(self.since)).unwrap_or(0);
            self.since += u64::from(framed.samples);
            (later, ticks(u64::from(framed.samples)))
        } else {
            let later = self.step.saturating_mul(i64::try_from(self.since).unwrap_or(0));
            self.since += 1;
            (later, 0)
        };
        (Mark { pts: base.pts.saturating_add(later), dts: base.dts.saturating_add(later) }, duration)
    }

    fn sound(&mut self, framed: &Framed, frame: &[u8]) {
        if self.is_known() {
            return;
        }
        self.track.sample_rate = Some(framed.rate);
        self.track.channels = Some(framed.channels).filter(|&channels| channels > 0);
        if let Some(asc) = framed.asc {
            self.track.config = asc.to_vec();
            if self.track.channels.is_none() {
                self.track.channels = aac::channels_of_block(frame);
            }
        } else if let Some(header) = crate::codec::mpeg_audio::Header::parse(frame) {
            self.track.codec = header.codec().to_owned();
        }
    }
}

/// What has frames that packets do not keep to.
fn framing(codec: &str) -> Option<Framing> {
    match codec {
        "aac" => Some(Framing::Adts),
        "mp2" | "mp3" => Some(Framing::Mpeg),
        "h264" => Some(Framing::Avc),
        _ => None,
    }
}

fn packet(mark: Mark, duration: u64, sync: bool, data: Vec<u8>, want: Want) -> Packet {
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let data = if want != Want::Table { data } else { Vec::new() };
    Packet { track: 0, dts: mark.dts, pts: mark.pts, duration, sync, discard_ns: 0, size, data, ..Packet::default() }
}

/// Times of presentation and decoding, of 33 bits.
type Times = (i64, i64);

/// The content of a packet of an elementary stream, and its times of presentation and decoding.
fn parse_pes(pes: &[u8]) -> Option<(&[u8], Option<Times>)> {
    if pes.get(..3)? != [0, 0, 1] {
        return None;
    }
    let stated = usize::from(be16(pes, 4)?);
    let end = if stated == 0 { pes.len() } else { pes.len().min(stated + 6) };
    // Padding and the like have no header of this kind (table 2-21).
    if matches!(byte(pes, 3)?, 0xBC | 0xBE | 0xBF | 0xF0 | 0xF1 | 0xF2 | 0xF8 | 0xFF) {
        return None;
    }
    let flags = byte(pes, 7)?;
    let start = 9 + usize::from(byte(pes, 8)?);
    let pts = if flags & 0x80 != 0 { time(pes, 9) } else { None };
    let dts = if flags & 0x40 != 0 { time(pes, 14) } else { None };
    Some((pes.get(start..end)?, pts.map(|pts| (pts, dts.unwrap_or(pts)))))
}

/// 33 bits between marker bits.
fn time(bytes: &[u8], at: usize) -> Option<i64> {
    let high = i64::from(byte(bytes, at)? >> 1 & 7);
    let middle = i64::from(be16(bytes, at + 1)? >> 1);
    let low = i64::from(be16(bytes, at + 3)? >> 1);
    Some(high << 30 | middle << 15 | low)
}

/// Width and height of an MPEG-2 sequence header (ISO/IEC 13818-2 §6.2.2.1).
pub(super) fn sequence_size(content: &[u8]) -> Option<(u32, u32)> {
    let [high, middle, low, _] = sequence(content)?.map(u32::from);
    Some((high << 4 | middle >> 4, (middle & 15) << 8 | low))
}

/// The shape of a pixel by the shape of the picture that a sequence header of MPEG-2 states (ISO/IEC 13818-2 table 6-3).
fn sequence_aspect(content: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = sequence_size(content)?;
    let (wide, high) = match sequence(content)?[3] >> 4 {
        2 => (4, 3),
        3 => (16, 9),
        4 => (221, 100),
        _ => return None,
    };
    Some((wide * height, high * width))
}

/// The first four bytes of a sequence header.
fn sequence(content: &[u8]) -> Option<[u8; 4]> {
    let mut from = 0;
    for _ in 0..64 {
        let (_, body) = start_code(content, from)?;
        if byte(content, body) == Some(0xB3) {
            return crate::bytes::array(content, body + 1);
        }
        from = body;
    }
    None
}

/// Across and down.
type Pair = (u32, u32);

/// Width and height of a video object layer, and the shape of its pixels (ISO/IEC 14496-2 §6.2.3, table 6-12).
fn layer(unit: &[u8]) -> Option<(Pair, Option<Pair>)> {
    const ASPECTS: [(u32, u32); 5] = [(1, 1), (12, 11), (10, 11), (16, 11), (40, 33)];
    const EXTENDED_ASPECT: u32 = 15;
    if !(0x20..=0x2F).contains(&byte(unit, 0)?) {
        return None;
    }
    let mut bits = Rbsp::new(unit);
    bits.skip(8 + 1 + 8)?;
    if bits.flag()? {
        bits.skip(4 + 3)?;
    }
    let aspect = match bits.bits(4)? {
        EXTENDED_ASPECT => Some((bits.bits(8)?, bits.bits(8)?)).filter(|&(wide, high)| wide > 0 && high > 0),
        known => (known as usize).checked_sub(1).and_then(|index| ASPECTS.get(index).copied()),
    };
    if bits.flag()? {
        bits.skip(3)?;
        if bits.flag()? {
            bits.skip(79)?;
        }
    }
    let rectangular = bits.bits(2)? == 0;
    bits.skip(1)?;
    let resolution = bits.bits(16)?;
    bits.skip(1)?;
    if bits.flag()? {
        let length = 32 - resolution.saturating_sub(1).leading_zeros();
        bits.skip(length.max(1) as usize)?;
    }
    bits.skip(1)?;
    let width = bits.bits(13)?;
    bits.skip(1)?;
    let height = bits.bits(13)?;
    (rectangular && width > 0 && height > 0).then_some(((width, height), aspect))
}

/// Whether decoding can start at a picture: it stands behind a sequence header, or says so itself.
fn starts_group(codec: &str, content: &[u8]) -> bool {
    match codec {
        "mpeg2" | "mpeg1" => sequence_size(content).is_some(),
        // Intra random access points (H.265 table 7-1).
        "hevc" => units(content).any(|nal| byte(nal, 0).is_some_and(|first| (16..=23).contains(&(first >> 1 & 0x3F)))),
        // The coding type of a video object plane (ISO/IEC 14496-2 §6.3.5).
        "mpeg4" => units(content).any(|nal| byte(nal, 0) == Some(0xB6) && byte(nal, 1).is_some_and(|b| b >> 6 == 0)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_have_the_shape_that_headers_state() {
        // 720x576 as 4:3, 16:9, and square pixels.
        let sequence = |aspect: u8| [0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, aspect << 4 | 3];
        let of = |aspect| sequence_aspect(&sequence(aspect)).map(|(wide, high)| f64::from(wide) / f64::from(high));
        assert_eq!(sequence_size(&sequence(1)), Some((720, 576)));
        assert_eq!((of(1), of(2), of(3)), (None, Some(16.0 / 15.0), Some(64.0 / 45.0)));
    }
}
