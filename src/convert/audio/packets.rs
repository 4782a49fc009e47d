//! Samples of a track whose packets a demuxer gives.

use super::PcmSource;
use super::decoder::{Decoder, Spec, of_track};
use super::health::Health;
use super::layout::{Layout, respread};
use super::timeline::{Step, Timeline, Times};
use super::trim::{Trim, Trimmer};
use crate::codec::opus::OpusHead;
use crate::demux::{Demuxer, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::Lost;

/// How many packets may fail before the first one decodes.
const MAX_FIRST_FAILURES: u32 = 64;

/// The longest silence that is put in for a packet that does not decode, in seconds.
const MAX_SILENCE: u64 = 10;

/// How much silence holes may take in all, in seconds: times that lie could ask for years of it.
const MAX_HOLES: u64 = 4 * 3600;

/// The speed of edits, 16.16 fixed point.
const NORMAL: i32 = 1 << 16;

/// What is done where a stream is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Opening {
    /// A file that is cut off is played as far as it goes. Default: it is an error.
    pub salvage: bool,
    /// What of the packets' times is kept. Default: nothing.
    pub times: Times,
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
        health: Health::new(opening.salvage),
        packet: Packet::default(),
        usual: 0,
        ahead: Vec::new(),
        surplus: Vec::new(),
        timeline: Timeline::default(),
        silent: 0,
        filled: 0,
        waiting: false,
        drop: 0,
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
    source.trimmer = Trimmer::new(trim(&described, spec.rate)?, spec.layout.channels());
    Ok(Box::new(source))
}

/// What the track says is not played, in samples at `rate`.
///
/// # Errors
/// `Unsupported` where pieces are played in another order than they stand in, more than once, or faster.
fn trim(track: &Track, rate: u32) -> Result<Trim> {
    let samples = |count: u64, per: u64| {
        let exact = u128::from(count) * u128::from(rate) + u128::from(per) / 2;
        u64::try_from(exact / u128::from(per.max(1))).unwrap_or(u64::MAX)
    };
    let mut trim = Trim { tail: track.padding.unwrap_or(0).into(), ..Trim::default() };
    // Empty entries at the start put the sound off; whoever plays it beside pictures keeps them.
    let mut shown = track.edits.list.iter().filter(|entry| entry.media_time >= 0);
    if let Some(entry) = shown.next() {
        trim.skip = samples(entry.media_time.unsigned_abs(), track.timescale.into());
        trim.total = (entry.duration_us > 0).then(|| samples(entry.duration_us, 1_000_000));
        let mut end = trim.skip.saturating_add(trim.total.unwrap_or(u64::MAX));
        for entry in shown {
            let start = samples(entry.media_time.unsigned_abs(), track.timescale.into());
            // Each end is rounded.
            let skip = start.saturating_add(1).checked_sub(end).filter(|_| entry.rate == NORMAL).ok_or_else(|| {
                Error::unsupported("plays pieces of its sound in another order; export it as one piece, and send that")
            })?;
            let total = samples(entry.duration_us, 1_000_000);
            trim.further.push_back((skip.saturating_sub(1), total));
            end = start.saturating_add(total);
        }
    }
    // Opus' header says it again what an edit list may have said; other codecs have one place only.
    let priming = u64::from(track.priming.unwrap_or(0));
    if track.codec == "opus" {
        let head = OpusHead::parse(&track.config).map_or(0, |head| u64::from(head.pre_skip));
        trim.skip = trim.skip.max(priming).max(head);
    } else {
        trim.skip = trim.skip.saturating_add(priming);
    }
    Ok(trim)
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
    /// What the last packet decoded to beyond its stated length: padding if no other follows.
    surplus: Vec<f32>,
    /// Where the samples are, by the packets' times.
    timeline: Timeline,
    /// Silence that comes before the packet that was read, in samples, and how much there was.
    silent: u64,
    filled: u64,
    /// Whether a packet was read and not decoded yet.
    waiting: bool,
    /// Samples to leave out of it, since those before are late.
    drop: usize,
    ended: bool,
}

impl PacketSource<'_> {
    /// Decodes the next packet onto `ahead`, or puts a stretch of silence there; false at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.silent > 0 {
            let stretch = self.silent.min(self.spec.map_or(1, |spec| spec.rate.into()));
            self.silent -= stretch;
            self.silence(stretch);
            return Ok(true);
        }
        if !std::mem::take(&mut self.waiting) {
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
            self.ahead.append(&mut self.surplus);
            self.follow_clock();
            if self.silent > 0 {
                self.waiting = true;
                return Ok(true);
            }
        }
        if self.packet.restarts
            && let Some(track) = self.demuxer.tracks().get(self.track)
        {
            self.decoder = of_track(track)?;
        }
        let before = self.ahead.len();
        match self.decoder.decode(&self.packet.data, &mut self.ahead) {
            Ok(spec) if self.spec.is_none_or(|known| known.rate == spec.rate) => self.decoded(before, spec),
            Err(error) if error.kind() != ErrorKind::Malformed => return Err(error),
            // Another rate in the middle of a stream is not played either.
            Ok(_) | Err(_) => {
                self.ahead.truncate(before);
                let samples = self.packet_samples().map_or(self.usual, |samples| samples.max(1));
                // A stated length that reaches over a hole is filled by the clock.
                let samples = if self.usual > 0 { samples.min(self.usual) } else { samples };
                let silent = self.silence(samples);
                self.health.failure(1, silent);
                self.timeline.add(silent);
            }
        }
        Ok(true)
    }

    fn decoded(&mut self, before: usize, spec: Spec) {
        let known = *self.spec.get_or_insert(spec);
        if known.layout != spec.layout {
            let changed = self.ahead.split_off(before);
            respread(&changed, &spec.layout, &known.layout, &mut self.ahead);
        }
        let channels = usize::from(known.layout.channels().max(1));
        let mut frames = (self.ahead.len() - before) / channels;
        self.health.success(frames as u64);
        self.usual = frames as u64;
        self.timeline.start(self.packet.pts, frames);
        self.timeline.add(frames as u64);
        let late = std::mem::take(&mut self.drop).min(frames);
        self.ahead.drain(before..before + late * channels);
        frames -= late;
        // An ISO base media file cuts the padding off the last frame by stating less than a frame. Before others, less is
        // a rounding of times, or a writer's guess.
        let stated = self.packet_samples().and_then(|stated| usize::try_from(stated).ok());
        if let Some(stated) = stated.filter(|&stated| self.states_ends && stated < frames - frames / 20) {
            self.surplus = self.ahead.split_off(before + stated * channels);
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

    /// Compares the samples so far with the time of the packet that comes: holes become silence, what overlaps is left out.
    fn follow_clock(&mut self) {
        let Some(spec) = self.spec else { return };
        let (pts, timescale) = (self.packet.pts, self.timescale);
        match self.opening.times {
            Times::Ignored => return,
            Times::Holes => {
                let samples = self.timeline.hole(pts, timescale, spec.rate);
                self.fill(samples, spec.rate);
                return;
            }
            Times::Followed => {}
        }
        match self.timeline.step(pts, timescale, spec.rate) {
            Step::None => {}
            Step::Fill(samples) => {
                self.fill(samples, spec.rate);
                // Beyond what is filled, time goes on from here.
                self.timeline.add(samples);
            }
            Step::Drop(samples) => {
                self.drop = usize::try_from(samples).unwrap_or(usize::MAX);
                self.timeline.take(samples);
            }
        }
    }

    /// Has a hole of so many samples become silence before the packet that was read, within what may be filled in all.
    fn fill(&mut self, samples: u64, rate: u32) {
        let allowed = (u64::from(rate) * MAX_HOLES).saturating_sub(self.filled);
        self.silent = samples.min(allowed);
        self.filled += self.silent;
    }

    /// Silence of so many samples, or as many as may be; nothing before it is known whose.
    fn silence(&mut self, samples: u64) -> u64 {
        let Some(spec) = self.spec else { return 0 };
        let samples = samples.min(u64::from(spec.rate) * MAX_SILENCE);
        let count = usize::try_from(samples).unwrap_or(0) * usize::from(spec.layout.channels());
        self.ahead.resize(self.ahead.len() + count, 0.0);
        samples
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
                return self.health.verdict(self.rate()).map(|()| false);
            }
            self.advance()?;
        }
    }

    fn lost(&self) -> Option<Lost> {
        self.health.lost(self.rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::codec::opus::OpusHead;
    use crate::convert::audio::listen;
    use crate::demux::{EditEntry, Kind};

    /// A second of Opus in packets of 20 ms.
    struct Second {
        tracks: Vec<Track>,
        packets: std::vec::IntoIter<Packet>,
    }

    impl Second {
        fn new(change: impl FnOnce(&mut Track, &mut Vec<Packet>)) -> Self {
            let mut encoder = opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
            let mut track = Track::new(1, Kind::Audio, "opus", 48_000);
            track.config = OpusHead::plain(2, 312, 48_000).to_bytes();
            let packet = |index: i64| {
                // The last holds what the pre-skip pushed out of the second, and silence.
                let level = if index < 50 { 0.25 } else { 0.0 };
                let data = encoder.encode_vec_float(&[level; 960 * 2], 1275).unwrap();
                Packet { pts: index * 960, duration: 960, data, ..Packet::default() }
            };
            let mut packets: Vec<Packet> = (0..51).map(packet).collect();
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
        Ok(listen(open(Box::new(Second::new(change)), 0, opening)?, &Cancel::default())?.duration_us)
    }

    const WHOLE: Opening = Opening { salvage: false, times: Times::Ignored };

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
        let pieces = |list: Vec<EditEntry>| played(WHOLE, |track, _| track.edits.list = list);
        assert_eq!(pieces(vec![entry(312, 250_000), entry(24_312, 125_000), entry(30_312, 100_000)]).unwrap(), 475_000);
        assert_eq!(
            pieces(vec![entry(24_312, 250_000), entry(312, 250_000)]).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
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
        let error = played(WHOLE, damaged(8)).unwrap_err().what();
        assert!(error.contains("8 of 51 packets") && error.contains("0.160 s"), "{error}");
        assert_eq!(played(Opening { salvage: true, ..WHOLE }, damaged(8)).unwrap(), 1_013_500);
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
        let beside = Opening { times: Times::Followed, ..WHOLE };
        let alone = Opening { times: Times::Holes, ..WHOLE };
        assert_eq!([beside, alone].map(|opening| played(opening, hole).unwrap()), [1_513_500; 2]);
        // A clock that runs a tenth too slow.
        let drift = |_: &mut Track, packets: &mut Vec<Packet>| {
            packets.iter_mut().for_each(|packet| packet.pts += packet.pts / 10)
        };
        assert_eq!(played(alone, drift).unwrap(), 1_013_500);
        assert!(played(beside, drift).unwrap() > 1_060_000);
        // An ISO base media file has the hole in the length of the packet before it; a long one goes in stretches.
        let stated = |track: &mut Track, packets: &mut Vec<Packet>| {
            track.sample_entry = Some(Vec::new());
            packets[9].duration += 48_000 * 30;
            packets.iter_mut().skip(10).for_each(|packet| packet.pts += 48_000 * 30);
        };
        assert_eq!(played(beside, stated).unwrap(), 31_013_500);
    }

    #[test]
    fn uneven_lengths_cut_the_last_packet_alone() {
        let uneven = |last: u64| {
            move |track: &mut Track, packets: &mut Vec<Packet>| {
                track.sample_entry = Some(Vec::new());
                let mut pts = 0;
                for (index, packet) in packets.iter_mut().enumerate() {
                    packet.pts = pts;
                    packet.duration = if index % 2 == 0 { 720 } else { 1200 };
                    pts += packet.duration as i64;
                }
                packets.last_mut().unwrap().duration = last;
            }
        };
        for times in [Times::Ignored, Times::Followed] {
            let opening = Opening { times, ..WHOLE };
            assert_eq!(played(opening, uneven(960)).unwrap(), 1_013_500);
            assert_eq!(played(opening, uneven(480)).unwrap(), 1_003_500);
        }
    }
}
