//! Tracks of a demuxer → facts: what the container says, what the codec's configuration says, what a walk counted.

use crate::codec::{aac, h264, hevc, opus, vpx_av1};
use crate::demux::{Demuxer, HOLE_MS, Kind, Packet, Track, Want};
use crate::error::{ErrorKind, Result};
use crate::facts::{AudioTrack, ColorTags, FrameRate, Hdr, OtherKind, OtherTrack, StreamFacts, VideoTrack};

/// Rates that cameras and encoders use; what is near one of them is that one.
#[rustfmt::skip]
const RATES: [(u32, u32); 16] = [
    (24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1), (120, 1), (5, 1),
    (10, 1), (12, 1), (15, 1), (20, 1), (15_000, 1001),
];

/// Transfer characteristics of high dynamic range (H.273 table 3).
const PQ: u8 = 16;
const HLG: u8 = 18;

/// Matrix coefficients (H.273 table 4).
const UNSTATED: u8 = 2;
const BT601: u8 = 6;

/// What was counted of one track.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub packets: u64,
    pub bytes: u64,
    /// The earliest presentation and the end of the latest, in ticks.
    pub first: Option<i64>,
    pub end: i64,
    /// The shortest and longest step from one decoding time to the next.
    steps: Option<(i64, i64)>,
    first_decoded: Option<i64>,
    last: Option<i64>,
    /// The last presentation, where no length is stated.
    latest: Option<i64>,
    /// What all packets play, and the holes between them, in ticks; none once a packet does not tell its length.
    filled: Option<i64>,
    /// Where the packet before ended.
    reached: Option<i64>,
    pub reordered: bool,
    /// The first packet's content, of Opus.
    pub opus: Vec<u8>,
}

/// What was counted of all tracks.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub tracks: Vec<Tally>,
    /// Whether it was the whole file.
    pub whole: bool,
    /// Whether sound is as long as its packets and the holes between them, as it is played without pictures: a recorder's
    /// clock may run apart from what it records. Only where lengths are not rounded.
    pub by_packets: bool,
}

/// Counts packets for as long as `go_on` allows. What breaks is for the demuxer to tell.
pub(super) fn count<D: Demuxer>(demuxer: &mut D, go_on: impl Fn(&D) -> bool) -> Result<Counted> {
    let mut counted = Counted { tracks: vec![Tally::default(); demuxer.tracks().len()], ..Counted::default() };
    let is_opus: Vec<bool> = demuxer.tracks().iter().map(|track| track.codec == "opus").collect();
    let timescales: Vec<u32> = demuxer.tracks().iter().map(|track| track.timescale).collect();
    let mut packet = Packet::default();
    let mut want = if is_opus.contains(&true) { Want::Content } else { Want::Table };
    while go_on(demuxer) {
        match demuxer.next(&mut packet, want) {
            Ok(true) => {}
            Ok(false) => {
                counted.whole = true;
                break;
            }
            Err(error) if error.kind() == ErrorKind::Io => return Err(error),
            Err(_) => {
                counted.whole = true;
                break;
            }
        }
        let Some(tally) = counted.tracks.get_mut(packet.track) else { continue };
        if want == Want::Content && is_opus.get(packet.track) == Some(&true) {
            tally.opus = packet.data.get(..packet.data.len().min(2)).unwrap_or_default().to_vec();
            want = Want::Table;
        }
        let scale = timescales.get(packet.track).copied().unwrap_or(1);
        tally.add(&packet, i64::from(scale));
    }
    Ok(counted)
}

impl Tally {
    fn add(&mut self, packet: &Packet, timescale: i64) {
        self.packets += 1;
        self.bytes += u64::from(packet.size);
        self.first = Some(self.first.map_or(packet.pts, |first| first.min(packet.pts)));
        let unplayed = i128::from(packet.discard_ns.max(0)) * i128::from(timescale) / 1_000_000_000;
        let duration = i64::try_from(packet.duration).unwrap_or(0);
        let duration = duration.saturating_sub(i64::try_from(unplayed).unwrap_or(0));
        let end = packet.pts.saturating_add(duration);
        self.end = self.end.max(end);
        let before = if self.packets == 1 { Some(0) } else { self.filled };
        let hole = self.reached.map_or(0, |reached| packet.pts.saturating_sub(reached));
        let hole = if hole >= timescale * HOLE_MS / 1000 { hole } else { 0 };
        self.filled =
            before.filter(|_| packet.duration > 0).map(|sum| sum.saturating_add(hole).saturating_add(duration));
        self.reached = Some(packet.pts.saturating_add_unsigned(packet.duration));
        self.latest = self.latest.max(Some(packet.pts));
        self.reordered |= packet.pts != packet.dts;
        if let Some(step) = self.last.map(|last| packet.dts.saturating_sub(last)).filter(|&step| step > 0) {
            self.steps = Some(self.steps.map_or((step, step), |(low, high)| (low.min(step), high.max(step))));
        }
        self.first_decoded = self.first_decoded.or(Some(packet.dts));
        self.last = Some(packet.dts);
    }

    /// From the first presentation to the end of the last, in ticks; a last frame without a length lasts as the average.
    fn span(&self) -> Option<u64> {
        let (first, latest) = (self.first?, self.latest?);
        let end = if self.end > latest {
            self.end
        } else {
            let steps = i64::try_from(self.packets.checked_sub(1)?).ok().filter(|&steps| steps > 0)?;
            latest.saturating_add(latest.saturating_sub(first) / steps)
        };
        u64::try_from(end.saturating_sub(first)).ok().filter(|&span| span > 0)
    }

    /// Microseconds by which steps may differ: what is stored is rounded to a millisecond.
    fn varies(&self, timescale: u32) -> bool {
        let slack = i64::from(timescale) * 5 / 2000;
        self.steps.is_some_and(|(low, high)| high - low > slack.max(1))
    }

    /// Frames per second: of the steps between the first and the last frame.
    fn rate(&self, timescale: u32) -> Option<FrameRate> {
        let steps = self.packets.checked_sub(1).filter(|&steps| steps > 0)?;
        // What is decoded in order has no gaps at its end, where the file may be cut.
        let (first, last) =
            if self.reordered { (self.first_decoded?, self.last?) } else { (self.first?, self.latest?) };
        let ticks = u64::try_from(last.saturating_sub(first)).ok().filter(|&ticks| ticks > 0)?;
        rate_of(steps, ticks, timescale)
    }
}

/// The rate of so many frames in so many ticks.
pub(super) fn rate_of(frames: u64, ticks: u64, timescale: u32) -> Option<FrameRate> {
    #[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
    let (rate, seconds) = {
        let seconds = ticks as f64 / f64::from(timescale);
        (frames as f64 / seconds, seconds)
    };
    // Times of containers are rounded to a millisecond.
    let slack = (0.0015 / seconds).clamp(0.0002, 0.05) * rate;
    let off = |&(frames, seconds): &(u32, u32)| (f64::from(frames) / f64::from(seconds) - rate).abs();
    let near = RATES.iter().min_by(|one, other| off(one).total_cmp(&off(other))).filter(|near| off(near) <= slack);
    if let Some(&(frames, seconds)) = near {
        return Some(FrameRate { frames, seconds });
    }
    let (mut numerator, mut denominator) = (u128::from(frames) * u128::from(timescale), u128::from(ticks));
    let (mut one, mut other) = (numerator, denominator);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    (numerator, denominator) = (numerator / one.max(1), denominator / one.max(1));
    while numerator > u128::from(u32::MAX) || denominator > u128::from(u32::MAX) {
        (numerator, denominator) = (numerator >> 1, denominator >> 1);
    }
    let rate = FrameRate { frames: u32::try_from(numerator).ok()?, seconds: u32::try_from(denominator).ok()? };
    (rate.frames > 0 && rate.seconds > 0).then_some(rate)
}

/// Ticks as microseconds.
pub(super) fn microseconds(ticks: u64, timescale: u32) -> u64 {
    u64::try_from(u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
}

/// Bits per second.
fn bitrate(bytes: u64, us: Option<u64>) -> Option<u64> {
    let us = us.filter(|&us| us > 0 && bytes > 0)?;
    u64::try_from(u128::from(bytes) * 8_000_000 / u128::from(us)).ok()
}

/// All tracks as facts. Lengths are counted where the whole file was, else as the container says.
pub(super) fn facts(tracks: &[Track], counted: &Counted) -> StreamFacts {
    let mut streams = StreamFacts::default();
    let none = Tally::default();
    // A track that holds nothing is neither sound nor pictures, beside one that does.
    let filled = counted.tracks.iter().any(|tally| tally.packets > 0);
    let is_empty = |tally: &Tally| counted.whole && filled && tally.packets == 0;
    let shown = |(track, tally): (&Track, &Tally)| track.kind == Kind::Video && !is_empty(tally);
    let by_packets = counted.by_packets && !tracks.iter().zip(&counted.tracks).any(shown);
    for (index, track) in tracks.iter().enumerate() {
        let tally = counted.tracks.get(index).unwrap_or(&none);
        match track.kind {
            Kind::Video | Kind::Audio if is_empty(tally) => {
                streams.other.push(OtherTrack { kind: OtherKind::Unknown, codec: track.codec.clone() });
            }
            Kind::Video => streams.video.push(video(track, tally, counted.whole)),
            Kind::Audio => streams.audio.push(audio(track, tally, counted.whole, by_packets)),
            Kind::Other(kind) => streams.other.push(OtherTrack { kind, codec: track.codec.clone() }),
        }
    }
    let lengths =
        streams.video.iter().map(|track| track.duration_us).chain(streams.audio.iter().map(|track| track.duration_us));
    streams.duration_us = lengths.flatten().max();
    streams
}

fn duration(track: &Track, tally: &Tally, whole: bool) -> Option<u64> {
    let ticks = if whole { tally.span().or(track.duration) } else { track.duration };
    ticks.map(|ticks| microseconds(ticks, track.timescale))
}

fn audio(track: &Track, tally: &Tally, whole: bool, by_packets: bool) -> AudioTrack {
    let mut facts = AudioTrack {
        codec: track.codec.clone(),
        sample_rate: track.sample_rate,
        channels: track.channels,
        bits: track.bits.filter(|_| ["pcm", "pcm-be", "pcm-float", "flac", "alac"].contains(&&*track.codec)),
        priming: track.priming,
        language: track.language.clone(),
        default: track.default,
        encrypted: track.encrypted,
        ..AudioTrack::default()
    };
    match track.codec.as_str() {
        "aac" => {
            if let Some(config) = aac::Config::parse(&track.config) {
                facts.profile = Some(config.profile.to_owned());
                facts.sample_rate = Some(config.sample_rate);
                facts.channels = Some(config.channels).filter(|&channels| channels > 0).or(track.channels);
            }
        }
        "opus" => {
            let head = opus::OpusHead::parse(&track.config);
            facts.sample_rate = Some(48_000);
            facts.channels = head.as_ref().map(|head| u16::from(head.channels)).or(track.channels);
            facts.priming = track.priming.or_else(|| head.map(|head| u32::from(head.pre_skip)));
            facts.packet_us = opus::packet_samples_48k(&tally.opus).map(opus::microseconds);
            facts.packet_code = opus::packet_code(&tally.opus);
        }
        _ => {}
    }
    let filled = tally.filled.and_then(|ticks| u64::try_from(ticks).ok()).filter(|&ticks| ticks > 0);
    facts.duration_us = match filled.filter(|_| whole && by_packets) {
        Some(ticks) => Some(microseconds(ticks, track.timescale)),
        None => duration(track, tally, whole),
    };
    // Priming is decoded and not played.
    if let (true, Some(us), Some(priming), Some(rate)) =
        (whole, facts.duration_us, track.priming, facts.sample_rate.filter(|&rate| rate > 0))
    {
        facts.duration_us = Some(us.saturating_sub(u64::from(priming) * 1_000_000 / u64::from(rate)));
    }
    facts.bitrate = bitrate(tally.bytes, facts.duration_us).filter(|_| whole);
    facts
}

fn video(track: &Track, tally: &Tally, whole: bool) -> VideoTrack {
    let (width, height) = track.size.unwrap_or((0, 0));
    let mut facts = VideoTrack {
        codec: track.codec.clone(),
        width,
        height,
        pixel_aspect: track.pixel_aspect.filter(|(wide, high)| wide != high),
        b_frames: tally.reordered,
        language: track.language.clone(),
        default: track.default,
        encrypted: track.encrypted,
        color: track.color,
        ..VideoTrack::default()
    };
    configured(&mut facts, track);
    if let Some(matrix) = track.matrix {
        turn(&mut facts, matrix);
    }
    facts.duration_us = duration(track, tally, whole);
    facts.frames = Some(tally.packets).filter(|_| whole);
    facts.frame_rate = tally.rate(track.timescale);
    facts.variable_rate = tally.varies(track.timescale);
    facts.bitrate = bitrate(tally.bytes, facts.duration_us).filter(|_| whole);
    facts.hdr = match facts.color.map(|color| color.transfer) {
        _ if track.dolby_vision => Some(Hdr::DolbyVision),
        Some(PQ) => Some(Hdr::Pq),
        Some(HLG) => Some(Hdr::Hlg),
        _ => None,
    };
    facts
}

/// What the codec's own configuration tells. The container's word on colour goes before it.
fn configured(facts: &mut VideoTrack, track: &Track) {
    let color = |stated: Option<ColorTags>| track.color.or(stated);
    match track.codec.as_str() {
        "h264" => {
            let Some(config) = h264::Config::parse(&track.config) else { return };
            facts.profile_idc = Some(config.profile_idc);
            facts.profile = h264::profile_name(config.profile_idc, config.constraints).map(str::to_owned);
            facts.level = Some(config.level_idc);
            let Some(sps) = config.sps.and_then(h264::Sps::parse) else { return };
            (facts.width, facts.height) = (sps.width, sps.height);
            facts.chroma = Some(sps.chroma);
            facts.bit_depth = Some(sps.bit_depth);
            facts.interlaced |= !sps.frames_only;
            facts.color = color(sps.color);
            facts.b_frames = sps.reorder.map_or(facts.b_frames, |frames| frames > 0);
            facts.pixel_aspect = facts.pixel_aspect.or(sps.pixel_aspect.filter(|(wide, high)| wide != high));
        }
        "hevc" => {
            let Some(config) = hevc::Config::parse(&track.config) else { return };
            facts.profile_idc = Some(config.profile_idc);
            facts.profile = hevc::profile_name(config.profile_idc).map(str::to_owned);
            facts.level = Some(config.level);
            facts.chroma = config.chroma;
            facts.bit_depth = Some(config.bit_depth);
            let Some(sps) = config.sps.and_then(hevc::Sps::parse) else { return };
            (facts.width, facts.height) = (sps.width, sps.height);
            facts.interlaced |= sps.fields;
            facts.color = color(sps.color);
            facts.b_frames |= sps.reorder > 0;
            facts.pixel_aspect = facts.pixel_aspect.or(sps.pixel_aspect.filter(|(wide, high)| wide != high));
        }
        "av1" => {
            let Some(config) = vpx_av1::Config::parse_av1c(&track.config) else { return };
            facts.profile_idc = Some(config.profile_idc);
            facts.profile = Some(config.profile.to_owned());
            facts.level = config.level;
            facts.chroma = Some(config.chroma);
            facts.bit_depth = Some(config.bit_depth);
            facts.color = color(config.color);
        }
        "mjpeg" => facts.color = Some(of_jpeg(track.color)),
        _ => {}
    }
}

/// The colour of Motion JPEG: JPEG is of full range and BT.601, whatever a container says of the range (JFIF 1.02, "Standard").
pub(super) fn of_jpeg(stated: Option<ColorTags>) -> ColorTags {
    let stated = stated.unwrap_or_default();
    let matrix = if stated.matrix == UNSTATED { BT601 } else { stated.matrix };
    ColorTags { matrix, full_range: true, ..stated }
}

/// Rotation by a display matrix: quarters, or an odd one.
fn turn(facts: &mut VideoTrack, matrix: [i32; 9]) {
    const ONE: i32 = 1 << 16;
    let near = |value: i32, wanted: i32| value.abs_diff(wanted) < 64;
    let is = |wanted: [i32; 4]| {
        let [a, b, _, c, d, ..] = matrix;
        [a, b, c, d].iter().zip(wanted).all(|(&value, wanted)| near(value, wanted))
    };
    facts.rotation = match () {
        () if is([ONE, 0, 0, ONE]) => 0,
        () if is([0, ONE, -ONE, 0]) => 90,
        () if is([-ONE, 0, 0, -ONE]) => 180,
        () if is([0, -ONE, ONE, 0]) => 270,
        () => {
            facts.odd_matrix = true;
            0
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_near_a_known_one_are_that_one() {
        let rate = |frames, ticks, timescale| rate_of(frames, ticks, timescale).map(|rate| (rate.frames, rate.seconds));
        assert_eq!(rate(29, 967, 1000), Some((30, 1)));
        assert_eq!(rate(2997, 99_999_900_000, 1_000_000_000), Some((30_000, 1001)));
        assert_eq!(rate(7, 10, 10), Some((7, 1)));
        assert_eq!(rate(0, 10, 10), None);
    }
}

#[cfg(test)]
mod containers;
#[cfg(test)]
mod mutations;
