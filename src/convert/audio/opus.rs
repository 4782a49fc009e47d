//! Opus by libopus: packets to samples, and samples to packets.

use super::decoder::{Decoder, Spec, guard};
use super::layout::Layout;
use crate::codec::opus::{OpusHead, packet_samples_48k};
use crate::demux::Track;
use crate::error::{Error, Result};
use opus::{Application, Bandwidth, Bitrate, Channels, Encoder, MSDecoder, Repacketizer, Signal};

/// The rate of Opus' clock.
pub(crate) const CLOCK: u32 = 48_000;

/// The longest packet, in samples of a channel.
const MAX_PACKET_SAMPLES: usize = 5760;

/// Milliseconds of a packet, as phones record them: one client did not play 20.
const PACKET_MS: u32 = 60;

/// Frames of a packet, but of SILK's.
const FRAMES: usize = 3;

/// The most bytes that a packet is given: all frames at the highest rate.
const MAX_PACKET_BYTES: usize = FRAMES * 1275 + 8;

/// Complexity of encoding, the highest: 8 takes the same time, and below 7 music is not told from speech, which then costs
/// more time at less quality.
const COMPLEXITY: i32 = 10;

/// Decodes packets of up to eight channels, as one stream or several (RFC 7845 §5.1.1).
pub(super) struct OpusDecoder {
    decoder: MSDecoder,
    spec: Spec,
    buffer: Vec<f32>,
}

impl OpusDecoder {
    /// For the track's `OpusHead`, or its count of channels where the container has no header.
    pub(super) fn new(track: &Track) -> Result<Self> {
        let plain = || OpusHead::plain(if track.channels == Some(1) { 1 } else { 2 }, 0, CLOCK);
        let head = if track.config.is_empty() { Some(plain()) } else { OpusHead::parse(&track.config) };
        let head = head.ok_or_else(|| Error::malformed("the Opus header is damaged; send the original again"))?;
        let channels = u16::from(head.channels);
        guard(u64::from(channels), CLOCK, None)?;
        let (streams, coupled, mapping) = match &head.mapping {
            None => (1, head.channels - 1, vec![0, 1]),
            Some(mapping) => (mapping.streams, mapping.coupled, mapping.channels.clone()),
        };
        let mapping = mapping.get(..usize::from(channels)).ok_or_else(|| failed("an incomplete channel mapping"))?;
        let mut decoder = MSDecoder::new(CLOCK, streams, coupled, mapping).map_err(failed)?;
        decoder.set_gain(i32::from(head.gain)).map_err(failed)?;
        let layout = if head.family <= 1 { Layout::vorbis(channels) } else { Layout::unnamed(channels) };
        Ok(Self { decoder, spec: Spec { rate: CLOCK, layout }, buffer: Vec::new() })
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let damaged = || Error::malformed("an Opus packet does not decode");
        // An empty packet would be taken for a lost one, whose length nobody knows.
        packet_samples_48k(packet).ok_or_else(damaged)?;
        let channels = usize::from(self.spec.layout.channels());
        self.buffer.resize(MAX_PACKET_SAMPLES * channels, 0.0);
        let frames = self.decoder.decode_float(packet, &mut self.buffer, false).map_err(|_| damaged())?;
        into.extend_from_slice(self.buffer.get(..frames * channels).ok_or_else(damaged)?);
        Ok(self.spec)
    }
}

/// What an Opus encoder is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpusCoding {
    /// Samples per second of what comes in: one of [`OpusEncoder::RATES`].
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Bits per second.
    pub bitrate: u32,
    /// Tuned for speech.
    pub voice: bool,
}

/// Encodes interleaved samples.
pub(crate) struct OpusEncoder {
    encoder: Encoder,
    coding: OpusCoding,
    /// Samples of a packet, all channels.
    packet: usize,
    pending: Vec<f32>,
    /// Whether the last packet was SILK's alone.
    silk: bool,
    frames: Frames,
    output: Vec<u8>,
    pre_skip: u16,
    /// Samples of a channel that came in.
    taken: u64,
    /// Samples of a channel that were encoded, at 48 kHz.
    coded: u64,
}

impl OpusEncoder {
    /// The rates that libopus takes as they are.
    pub(crate) const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

    /// An encoder.
    ///
    /// # Errors
    /// `Engine` when libopus refuses.
    pub(crate) fn new(coding: OpusCoding) -> Result<Self> {
        let channels = if coding.channels == 1 { Channels::Mono } else { Channels::Stereo };
        let application = if coding.voice { Application::Voip } else { Application::Audio };
        let mut encoder = Encoder::new(coding.rate, channels, application).map_err(failed)?;
        encoder.set_vbr(true).map_err(failed)?;
        encoder.set_vbr_constraint(true).map_err(failed)?;
        encoder.set_complexity(COMPLEXITY).map_err(failed)?;
        // What it is, speech or music, the encoder hears for itself at this complexity: music coded as speech costs more time,
        // and more bits are spent on what is not heard.
        let lookahead = encoder.get_lookahead().map_err(failed)?;
        let pre_skip = u64::try_from(lookahead).unwrap_or(0) * u64::from(CLOCK / coding.rate.max(1));
        let mut made = Self {
            encoder,
            coding,
            packet: (coding.rate / 1000 * PACKET_MS) as usize * usize::from(coding.channels),
            pending: Vec::new(),
            silk: false,
            frames: Frames::new()?,
            output: vec![0; MAX_PACKET_BYTES],
            pre_skip: u16::try_from(pre_skip).unwrap_or(312),
            taken: 0,
            coded: 0,
        };
        made.ask(coding.bitrate)?;
        Ok(made)
    }

    /// Bits per second, for what is to come.
    ///
    /// # Errors
    /// `Engine` when libopus refuses.
    pub(crate) fn ask(&mut self, bitrate: u32) -> Result<()> {
        let bits = i32::try_from(bitrate).unwrap_or(i32::MAX);
        self.encoder.set_bitrate(Bitrate::Bits(bits)).map_err(failed)
    }

    /// Seconds that were encoded.
    pub(crate) fn seconds(&self) -> f64 {
        self.coded as f64 / f64::from(CLOCK)
    }

    /// The header of the stream.
    pub(crate) fn head(&self, input_rate: u32) -> OpusHead {
        // One or two channels.
        OpusHead::plain(self.coding.channels as u8, self.pre_skip, input_rate)
    }

    /// Encodes `samples`; `each` gets every packet with its samples at 48 kHz.
    ///
    /// # Errors
    /// `Engine` when libopus fails; what `each` gives.
    pub(crate) fn encode(&mut self, samples: &[f32], each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<()> {
        self.taken += (samples.len() / usize::from(self.coding.channels.max(1))) as u64;
        let mut pending = std::mem::take(&mut self.pending);
        let mut rest = samples;
        if !pending.is_empty() {
            let (head, tail) = rest.split_at((self.packet - pending.len()).min(rest.len()));
            pending.extend_from_slice(head);
            rest = tail;
            if pending.len() == self.packet {
                self.packet(&pending, each)?;
                pending.clear();
            }
        }
        let whole = rest.chunks_exact(self.packet);
        pending.extend_from_slice(whole.remainder());
        for packet in whole {
            self.packet(packet, each)?;
        }
        self.pending = pending;
        Ok(())
    }

    /// Encodes what is left, and silence until the decoder has given out the last sample; gives the samples that are
    /// played, at 48 kHz.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<u64> {
        let played = self.taken * u64::from(CLOCK / self.coding.rate.max(1));
        let mut last = std::mem::take(&mut self.pending);
        while self.coded < played + u64::from(self.pre_skip) {
            last.resize(self.packet, 0.0);
            self.packet(&last, each)?;
            last.clear();
        }
        Ok(played)
    }

    /// Encodes the samples of a packet.
    ///
    /// Of a packet with several frames libopus (1.6.1) holds each to its share of the bitrate, unless all of it is SILK's: nothing
    /// is left of the variable rate, its quantiser tries up to seven times to get below, and of steady tones (telephone keys)
    /// it makes bursts. So frames are encoded one by one and joined, but for SILK's, which codes three frames of a packet
    /// better than three packets.
    fn packet(&mut self, samples: &[f32], each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<()> {
        let channels = usize::from(self.coding.channels.max(1));
        let frames = u32::try_from(samples.len() / channels).unwrap_or(0) * (CLOCK / self.coding.rate.max(1));
        self.coded += u64::from(frames);
        if self.silk {
            let length = self.encoder.encode_float(samples, &mut self.output).map_err(failed)?;
            let packet = self.output.get(..length).ok_or_else(|| failed("a packet that is too long"))?;
            self.silk = coded(packet).0 == Coded::Silk;
            return each(packet, frames);
        }
        for samples in samples.chunks_exact(self.packet / FRAMES) {
            let length = self.encoder.encode_float(samples, &mut self.output).map_err(failed)?;
            let frame = self.output.get(..length).ok_or_else(|| failed("a frame that is too long"))?;
            if !self.frames.take(frame) {
                self.frames.join(each)?;
                self.frames.take(frame);
            }
            let (coded, bandwidth) = coded(frame);
            self.silk = coded == Coded::Silk;
            // The next is coded alike, so that one packet can hold both; but a change to CELT is announced in the frame before
            // it, which therefore is the last of a packet.
            let signal = match (self.frames.count(), coded) {
                (_, Coded::Celt) => Signal::Music,
                (1, _) => Signal::Voice,
                _ => Signal::Auto,
            };
            self.encoder.set_bandwidth(bandwidth).map_err(failed)?;
            self.encoder.set_signal(signal).map_err(failed)?;
        }
        self.encoder.set_bandwidth(Bandwidth::Auto).map_err(failed)?;
        self.encoder.set_signal(Signal::Auto).map_err(failed)?;
        self.frames.join(each)
    }
}

/// Frames that become one packet.
struct Frames {
    repacketizer: Repacketizer,
    frames: Vec<Vec<u8>>,
    packet: Vec<u8>,
}

impl Frames {
    fn new() -> Result<Self> {
        let repacketizer = Repacketizer::new().map_err(failed)?;
        Ok(Self { repacketizer, frames: Vec::new(), packet: vec![0; MAX_PACKET_BYTES] })
    }

    /// False for one that was coded otherwise than those before it, so that no packet can hold both.
    fn take(&mut self, frame: &[u8]) -> bool {
        let coding = |frame: &[u8]| frame.first().map(|toc| toc & !3);
        let alike = self.frames.first().is_none_or(|first| coding(first) == coding(frame));
        if alike {
            self.frames.push(frame.to_vec());
        }
        alike
    }

    /// How many are taken.
    const fn count(&self) -> usize {
        self.frames.len()
    }

    /// Gives the packet of what was taken.
    fn join(&mut self, each: &mut dyn FnMut(&[u8], u32) -> Result<()>) -> Result<()> {
        let frames: Vec<&[u8]> = self.frames.iter().map(Vec::as_slice).collect();
        let length = self.repacketizer.combine(&frames, &mut self.packet).map_err(failed)?;
        self.frames.clear();
        let packet = self.packet.get(..length).ok_or_else(|| failed("a packet that is too long"))?;
        each(packet, packet_samples_48k(packet).unwrap_or(0))
    }
}

/// Who coded a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coded {
    Silk,
    Hybrid,
    Celt,
}

/// Who coded a packet, and what it holds of the spectrum (RFC 6716 §3.1).
fn coded(packet: &[u8]) -> (Coded, Bandwidth) {
    match packet.first().map_or(0, |toc| toc >> 3) {
        0..4 => (Coded::Silk, Bandwidth::Narrowband),
        4..8 => (Coded::Silk, Bandwidth::Mediumband),
        8..12 => (Coded::Silk, Bandwidth::Wideband),
        12..14 => (Coded::Hybrid, Bandwidth::Superwideband),
        14..16 => (Coded::Hybrid, Bandwidth::Fullband),
        16..20 => (Coded::Celt, Bandwidth::Narrowband),
        20..24 => (Coded::Celt, Bandwidth::Wideband),
        24..28 => (Coded::Celt, Bandwidth::Superwideband),
        _ => (Coded::Celt, Bandwidth::Fullband),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::engine(format!("libopus: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::capped_vec;

    #[test]
    fn there_and_back_is_as_long_and_alike() {
        for (rate, channels, voice) in [(48_000, 2, false), (48_000, 1, true), (16_000, 1, true), (8_000, 1, true)] {
            let frames = rate as usize + 777;
            let sine = |index: usize| (index as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin() * 0.5;
            let mut samples = capped_vec(frames * 2);
            (0..frames).for_each(|index| samples.extend(std::iter::repeat_n(sine(index), usize::from(channels))));
            let mut encoder = OpusEncoder::new(OpusCoding { rate, channels, bitrate: 64_000, voice }).unwrap();
            let head = encoder.head(rate);
            let mut track = Track::new(1, crate::demux::Kind::Audio, "opus", CLOCK);
            track.config = head.to_bytes();
            let mut decoder = OpusDecoder::new(&track).unwrap();
            let (mut decoded, mut packets) = (Vec::new(), Vec::new());
            let mut each = |packet: &[u8], samples: u32| {
                assert_eq!(packet_samples_48k(packet), Some(samples));
                packets.push(packet.to_vec());
                Ok(())
            };
            for block in samples.chunks(1000 * usize::from(channels)) {
                encoder.encode(block, &mut each).unwrap();
            }
            let played = encoder.finish(&mut each).unwrap() as usize;
            for packet in &packets {
                decoder.decode(packet, &mut decoded).unwrap();
            }
            assert_eq!(played, frames * (48_000 / rate as usize));
            let skip = usize::from(head.pre_skip);
            let step = usize::from(channels);
            let decoded = &decoded[skip * step..(skip + played) * step];
            let error: f32 = (0..played)
                .skip(9600)
                .map(|index| {
                    let wanted = (index as f32 * 440.0 * std::f32::consts::TAU / 48_000.0).sin() * 0.5;
                    (decoded[index * step] - wanted).powi(2)
                })
                .sum::<f32>()
                / (played - 9600) as f32;
            // Speech coding keeps the spectrum, not the wave.
            assert!(error < if voice { 0.03 } else { 1e-3 }, "{rate} {channels} {voice}: {error}");
        }
    }

    /// Key tones of a telephone, with pauses.
    fn keys(rate: u32, seed: usize) -> Vec<f32> {
        const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
        const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
        let fifth = rate as usize / 5;
        let tone = |hertz: f32, index: usize| (index as f32 * hertz * std::f32::consts::TAU / rate as f32).sin();
        let key = |index: usize| {
            let (key, within) = (index / fifth, index % fifth);
            let (low, high) = (LOW[(key * 5 + seed) % 4], HIGH[(key * 3 + seed / 4) % 4]);
            let volume = if within < fifth * 3 / 4 { 0.2 } else { 0.002 };
            volume * (tone(low, index) + tone(high, index))
        };
        (0..rate as usize * 4).map(key).collect()
    }

    /// The level of each block of 50 ms.
    fn levels(samples: &[f32], rate: u32) -> Vec<f32> {
        let level =
            |block: &[f32]| (block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32).sqrt();
        samples.chunks_exact(rate as usize / 20).map(level).collect()
    }

    #[test]
    fn steady_tones_make_no_bursts() {
        for (rate, bitrate, seed) in [(8_000, 24_000, 0), (16_000, 32_000, 5), (48_000, 32_000, 10)] {
            let samples = keys(rate, seed);
            let mut encoder = OpusEncoder::new(OpusCoding { rate, channels: 1, bitrate, voice: true }).unwrap();
            let head = encoder.head(rate);
            let mut track = Track::new(1, crate::demux::Kind::Audio, "opus", CLOCK);
            track.config = head.to_bytes();
            let mut decoder = OpusDecoder::new(&track).unwrap();
            let mut decoded = Vec::new();
            let mut each = |packet: &[u8], _| decoder.decode(packet, &mut decoded).map(drop);
            encoder.encode(&samples, &mut each).unwrap();
            encoder.finish(&mut each).unwrap();
            let is = levels(&decoded[usize::from(head.pre_skip)..], CLOCK);
            let was = levels(&samples, rate);
            assert_eq!(was.len(), 80);
            for (index, is) in is.iter().take(was.len()).enumerate() {
                // A key may be heard a little before or behind its block's edge.
                let beside = &was[index.saturating_sub(1)..(index + 2).min(was.len())];
                let allowed = beside.iter().copied().fold(0.0, f32::max) * 1.2;
                assert!(*is <= allowed, "{rate} {seed} {index}: found {is}, allowed {allowed}");
            }
        }
    }

    /// Chords with a beat, 4 s in turn with noise whose loudness goes up and down as that of syllables.
    fn music_and_speech(seconds: usize) -> Vec<f32> {
        let mut noise = 1_u32;
        let mut smooth = 0.0;
        let mut sample = |index: usize| {
            let at = index as f32 / CLOCK as f32;
            let tone = |hertz: f32| (at * hertz * std::f32::consts::TAU).sin();
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth += 0.15 * ((noise >> 8) as f32 / 8_388_608.0 - 1.0 - smooth);
            let syllable = (0.5 - 0.5 * (at * 4.0 * std::f32::consts::TAU).cos()).powi(2);
            let beat = (-3.0 * (at % 0.5)).exp();
            let chord = tone(220.0) + tone(277.2) + tone(329.6) + tone(440.0) + tone(1760.0);
            if ((at / 4.0) as u32).is_multiple_of(2) { 0.08 * beat * chord } else { syllable * smooth }
        };
        (0..seconds * CLOCK as usize).map(&mut sample).collect()
    }

    #[test]
    fn frames_are_joined_whoever_codes_them_and_the_rate_varies() {
        let samples = music_and_speech(24);
        let mut encoder =
            OpusEncoder::new(OpusCoding { rate: CLOCK, channels: 1, bitrate: 32_000, voice: true }).unwrap();
        let (mut coders, mut largest, mut bytes) = (Vec::new(), 0, 0);
        let mut each = |packet: &[u8], samples: u32| {
            assert_eq!((samples, packet_samples_48k(packet)), (2880, Some(2880)));
            coders.push(coded(packet).0);
            largest = largest.max(packet.len());
            bytes += packet.len();
            Ok(())
        };
        encoder.encode(&samples, &mut each).unwrap();
        encoder.finish(&mut each).unwrap();
        assert_eq!(coders.len(), 401);
        coders.dedup();
        assert!(coders.contains(&Coded::Celt) && coders.contains(&Coded::Hybrid), "{coders:?}");
        // 240 bytes are the share of a packet.
        assert!(largest > 300 && (24_000 * 3..24_000 * 5).contains(&bytes), "{largest} {bytes}");
    }
}
