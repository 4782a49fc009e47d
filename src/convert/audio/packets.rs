//! Samples of a track whose packets a demuxer gives.

use super::PcmSource;
use super::decoder::{Decoder, Spec, of_track};
use super::health::Health;
use super::layout::{Layout, respread};
use super::trim::{Trim, Trimmer};
use crate::codec::opus::OpusHead;
use crate::demux::{Demuxer, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};

/// How many packets may fail before the first one decodes.
const MAX_FIRST_FAILURES: u32 = 64;

/// The longest silence that is put in for a packet that does not decode, or a hole between two, in seconds.
const MAX_SILENCE: u64 = 10;

/// The shortest hole that is filled, in milliseconds: what is shorter is a rounding of times.
const MIN_HOLE_MS: u64 = 100;

/// What is done where a stream is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Opening {
    /// A file that is cut off is played as far as it goes. Default: it is an error.
    pub salvage: bool,
    /// Holes between the packets' times become silence, as beside pictures they must. Default: no.
    pub fill_holes: bool,
}

/// The samples of track `track` of `demuxer`, trimmed as its edits, its priming and its packets have it.
///
/// # Errors
/// `Unsupported` by the codec's name; `Malformed` when nothing decodes; `Limit`; `Io`.
pub(crate) fn open<'a>(
    demuxer: Box<dyn Demuxer + 'a>,
    track: usize,
    opening: Opening,
) -> Result<Box<dyn PcmSource + 'a>> {
    let none = || Error::malformed("holds no sound; send the original again");
    let described = demuxer.tracks().get(track).ok_or_else(none)?.clone();
    let decoder = of_track(&described)?;
    let mut source = PacketSource {
        demuxer,
        track,
        timescale: u64::from(described.timescale.max(1)),
        states_ends: described.sample_entry.is_some(),
        opening,
        decoder,
        spec: None,
        trimmer: Trimmer::new(Trim::default(), 1),
        health: Health::default(),
        packet: Packet::default(),
        usual: 0,
        ahead: Vec::new(),
        expected: None,
        ended: false,
    };
    for _ in 0..MAX_FIRST_FAILURES {
        if source.spec.is_some() || !source.advance()? {
            break;
        }
    }
    let Some(spec) = source.spec else {
        return Err(if source.health.failed() > 0 { source.health.verdict_of_none() } else { none() });
    };
    source.trimmer = Trimmer::new(trim(&described, spec.rate), spec.layout.channels());
    Ok(Box::new(source))
}

/// What the track says is not played, in samples at `rate`.
fn trim(track: &Track, rate: u32) -> Trim {
    let samples = |count: u64, per: u64| {
        let exact = u128::from(count) * u128::from(rate) + u128::from(per) / 2;
        u64::try_from(exact / u128::from(per.max(1))).unwrap_or(u64::MAX)
    };
    let mut trim = Trim { skip: 0, tail: track.padding.unwrap_or(0).into(), total: None };
    // Empty entries at the start put the sound off; whoever plays it beside pictures keeps them.
    let mut shown = track.edits.list.iter().filter(|entry| entry.media_time >= 0);
    if let (Some(entry), None) = (shown.next(), shown.next()) {
        trim.skip = samples(entry.media_time.unsigned_abs(), track.timescale.into());
        trim.total = (entry.duration_us > 0).then(|| samples(entry.duration_us, 1_000_000));
    }
    // Opus' header says it again what an edit list may have said; other codecs have one place only.
    let priming = u64::from(track.priming.unwrap_or(0));
    if track.codec == "opus" {
        let head = OpusHead::parse(&track.config).map_or(0, |head| u64::from(head.pre_skip));
        trim.skip = trim.skip.max(priming).max(head);
    } else {
        trim.skip = trim.skip.saturating_add(priming);
    }
    trim
}

struct PacketSource<'a> {
    demuxer: Box<dyn Demuxer + 'a>,
    track: usize,
    timescale: u64,
    /// Whether the container states less than a frame where less is played.
    states_ends: bool,
    opening: Opening,
    decoder: Box<dyn Decoder>,
    /// Known from the first packet that decodes.
    spec: Option<Spec>,
    trimmer: Trimmer,
    health: Health,
    packet: Packet,
    /// Samples of a channel in the last packet that decoded.
    usual: u64,
    ahead: Vec<f32>,
    /// When the next packet should start, in ticks.
    expected: Option<i64>,
    ended: bool,
}

impl PacketSource<'_> {
    /// Decodes the next packet onto `ahead`; false at the end.
    fn advance(&mut self) -> Result<bool> {
        let more = match self.demuxer.next(&mut self.packet, Want::Content) {
            Err(error) if error.kind() == ErrorKind::Malformed && self.opening.salvage => false,
            other => other?,
        };
        if !more {
            self.ended = true;
            return Ok(false);
        }
        if self.packet.track != self.track {
            return Ok(true);
        }
        self.fill_hole();
        let before = self.ahead.len();
        match self.decoder.decode(&self.packet.data, &mut self.ahead) {
            Ok(spec) if self.spec.is_none_or(|known| known.rate == spec.rate) => self.decoded(before, spec),
            Err(error) if error.kind() != ErrorKind::Malformed => return Err(error),
            // Another rate in the middle of a stream is not played either.
            Ok(_) | Err(_) => {
                self.health.failure();
                self.ahead.truncate(before);
                let silence = self.packet_samples().map_or(self.usual, |samples| samples.max(1));
                self.silence(silence);
            }
        }
        self.expected = self.packet.pts.checked_add_unsigned(self.packet.duration);
        Ok(true)
    }

    fn decoded(&mut self, before: usize, spec: Spec) {
        self.health.success();
        let known = *self.spec.get_or_insert(spec);
        if known.layout != spec.layout {
            let changed = self.ahead.split_off(before);
            respread(&changed, &spec.layout, &known.layout, &mut self.ahead);
        }
        let channels = usize::from(known.layout.channels().max(1));
        let mut frames = (self.ahead.len() - before) / channels;
        self.usual = frames as u64;
        // An ISO base media file cuts the padding off the last frame by stating less than a frame.
        let stated = self.packet_samples().and_then(|stated| usize::try_from(stated).ok());
        if let Some(stated) = stated.filter(|&stated| self.states_ends && stated < frames - frames / 20) {
            self.ahead.truncate(before + stated * channels);
            frames = stated;
        }
        if self.packet.discard_ns != 0 {
            let count = u128::from(self.packet.discard_ns.unsigned_abs()) * u128::from(known.rate) + 500_000_000;
            let count = usize::try_from(count / 1_000_000_000).unwrap_or(usize::MAX).min(frames) * channels;
            if self.packet.discard_ns > 0 {
                self.ahead.truncate(self.ahead.len() - count);
            } else {
                self.ahead.drain(before..before + count);
            }
        }
    }

    /// The packet's length by the container, in samples.
    fn packet_samples(&self) -> Option<u64> {
        let rate = u128::from(self.spec?.rate);
        let samples = u128::from(self.packet.duration) * rate / u128::from(self.timescale);
        u64::try_from(samples).ok().filter(|&samples| samples > 0)
    }

    fn fill_hole(&mut self) {
        let (Some(expected), Some(spec), true) = (self.expected, self.spec, self.opening.fill_holes) else { return };
        let hole = u64::try_from(self.packet.pts.saturating_sub(expected)).unwrap_or(0);
        if self.packet.duration > 0 && u128::from(hole) * 1000 > u128::from(MIN_HOLE_MS) * u128::from(self.timescale) {
            let samples = u128::from(hole) * u128::from(spec.rate) / u128::from(self.timescale);
            self.silence(u64::try_from(samples).unwrap_or(u64::MAX));
        }
    }

    /// Silence of so many samples; nothing before it is known whose.
    fn silence(&mut self, samples: u64) {
        let Some(spec) = self.spec else { return };
        let samples = samples.min(u64::from(spec.rate) * MAX_SILENCE);
        let samples = usize::try_from(samples).unwrap_or(0) * usize::from(spec.layout.channels());
        self.ahead.resize(self.ahead.len() + samples, 0.0);
    }
}

impl PcmSource for PacketSource<'_> {
    fn rate(&self) -> u32 {
        self.spec.map_or(0, |spec| spec.rate)
    }

    fn channels(&self) -> u16 {
        self.spec.map_or(0, |spec| spec.layout.channels())
    }

    fn layout(&self) -> Layout {
        self.spec.map_or(Layout::of_count(0), |spec| spec.layout)
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        loop {
            let before = into.len();
            let more = self.trimmer.pass(&mut self.ahead, into);
            if into.len() > before {
                return Ok(true);
            }
            if self.ended || !more {
                return self.health.verdict().map(|()| false);
            }
            self.advance()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::opus::{OpusCoding, OpusEncoder};
    use super::*;
    use crate::convert::audio::decoded_us;
    use crate::demux::{EditEntry, Kind};

    /// A second of Opus in packets of 20 ms.
    struct Second {
        tracks: Vec<Track>,
        packets: std::vec::IntoIter<Packet>,
    }

    impl Second {
        fn new(change: impl FnOnce(&mut Track, &mut Vec<Packet>)) -> Self {
            let coding = OpusCoding { rate: 48_000, channels: 2, bitrate: 64_000, voice: false };
            let mut encoder = OpusEncoder::new(coding).unwrap();
            let mut track = Track::new(1, Kind::Audio, "opus", 48_000);
            track.config = encoder.head(48_000).to_bytes();
            let mut packets = Vec::new();
            let mut each = |data: &[u8], samples: u32| {
                let pts = packets.len() as i64 * i64::from(samples);
                packets.push(Packet { pts, duration: samples.into(), data: data.to_vec(), ..Packet::default() });
                Ok(())
            };
            encoder.encode(&vec![0.25; 96_000], &mut each).unwrap();
            encoder.finish(&mut each).unwrap();
            change(&mut track, &mut packets);
            Self { tracks: vec![track], packets: packets.into_iter() }
        }
    }

    impl Demuxer for Second {
        fn tracks(&self) -> &[Track] {
            &self.tracks
        }

        fn next(&mut self, packet: &mut Packet, _want: Want) -> Result<bool> {
            let next = self.packets.next();
            let more = next.is_some();
            if let Some(next) = next {
                if next.size == u32::MAX {
                    return Err(Error::malformed("cut off"));
                }
                *packet = next;
            }
            Ok(more)
        }
    }

    /// Microseconds that are played.
    fn played(opening: Opening, change: impl FnOnce(&mut Track, &mut Vec<Packet>)) -> Result<u64> {
        decoded_us(open(Box::new(Second::new(change)), 0, opening)?)
    }

    const WHOLE: Opening = Opening { salvage: false, fill_holes: false };

    #[test]
    fn trims_are_carried_out_to_the_sample() {
        // 51 packets of 20 ms, of which 312 samples come before the sound.
        assert_eq!(played(WHOLE, |_, _| {}).unwrap(), 1_020_000 - 6_500);
        let entry = |media_time, duration_us| EditEntry { duration_us, media_time, rate: 1 << 16 };
        // What the header says again is not taken off twice.
        assert_eq!(played(WHOLE, |track, _| track.edits.list = vec![entry(312, 1_000_000)]).unwrap(), 1_000_000);
        assert_eq!(
            played(WHOLE, |track, _| track.edits.list = vec![entry(-1, 500_000), entry(312, 0)]).unwrap(),
            1_013_500
        );
        assert_eq!(played(WHOLE, |track, _| track.edits.list = vec![entry(48_312, 500_000)]).unwrap(), 13_500);
        assert_eq!(played(WHOLE, |track, _| track.padding = Some(648)).unwrap(), 1_000_000);
        let discard = |_: &mut Track, packets: &mut Vec<Packet>| packets.last_mut().unwrap().discard_ns = 13_500_000;
        assert_eq!(played(WHOLE, discard).unwrap(), 1_000_000);
    }

    #[test]
    fn damaged_packets_become_silence_until_they_are_most() {
        let damaged = |count: usize| {
            move |_: &mut Track, packets: &mut Vec<Packet>| {
                packets.iter_mut().skip(5).take(count).for_each(|packet| packet.data = vec![0xff, 0xff]);
            }
        };
        assert_eq!(played(WHOLE, damaged(3)).unwrap(), 1_013_500);
        assert_eq!(played(WHOLE, damaged(30)).unwrap_err().kind(), ErrorKind::Malformed);
        let all = |_: &mut Track, packets: &mut Vec<Packet>| packets.iter_mut().for_each(|packet| packet.data.clear());
        assert_eq!(played(WHOLE, all).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn what_is_cut_off_is_played_when_asked_for() {
        let cut = |_: &mut Track, packets: &mut Vec<Packet>| packets[25].size = u32::MAX;
        assert_eq!(played(WHOLE, cut).unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(played(Opening { salvage: true, ..WHOLE }, cut).unwrap(), 493_500);
    }

    #[test]
    fn holes_become_silence_beside_pictures() {
        let hole = |_: &mut Track, packets: &mut Vec<Packet>| {
            packets.iter_mut().skip(10).for_each(|packet| packet.pts += 24_000)
        };
        assert_eq!(played(WHOLE, hole).unwrap(), 1_013_500);
        assert_eq!(played(Opening { fill_holes: true, ..WHOLE }, hole).unwrap(), 1_513_500);
    }
}
