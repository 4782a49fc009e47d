//! Symphonia's decoders on packets of our demuxers, and its readers for the formats where packets and file are one.

use super::PcmSource;
use super::decoder::{Decoder, Spec, guard, undecodable};
use super::health::Health;
use super::layout::Layout;
use super::trim::{Trim, Trimmer};
use crate::demux::Track;
use crate::error::{Error, Result};
use crate::facts::Lost;
use symphonia::core::audio::{Channels, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_QT, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_MP1,
    CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::{Packet, PacketRef};
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::get_codecs;

/// Samples of a channel that a packet may have where neither container nor codec says.
const USUAL_PACKET: u64 = 16_384;

/// One of Symphonia's decoders.
pub(super) struct SymphoniaDecoder {
    decoder: Box<dyn AudioDecoder>,
    /// Bytes and samples of a block, where blocks are put together to packets.
    block: Option<(usize, u64)>,
    /// Whether the next packet only primes the decoder: the first of Vorbis gives no sound (Vorbis I §4.3.8), but
    /// half a block here.
    primes: bool,
    scratch: Vec<f32>,
}

impl SymphoniaDecoder {
    /// For a track whose codec is MPEG audio, Vorbis, FLAC, ALAC or ADPCM.
    pub(super) fn of_track(track: &Track) -> Result<Self> {
        let codec = match track.codec.as_str() {
            "mp1" => CODEC_ID_MP1,
            "mp2" => CODEC_ID_MP2,
            "mp3" => CODEC_ID_MP3,
            "vorbis" => CODEC_ID_VORBIS,
            "flac" => CODEC_ID_FLAC,
            "alac" => CODEC_ID_ALAC,
            "adpcm" if track.sample_entry.is_some() => {
                return Self::of_quicktime_adpcm(track.sample_rate.unwrap_or(0), track.channels.unwrap_or(1));
            }
            other => return Err(undecodable(other)),
        };
        let channels = track.channels.unwrap_or(2);
        let mut params = AudioCodecParameters::new();
        params.for_codec(codec).with_channels(Channels::Discrete(channels)).with_max_frames_per_packet(USUAL_PACKET);
        if let Some(rate) = track.sample_rate {
            params.with_sample_rate(rate);
        }
        if !track.config.is_empty() {
            params.with_extra_data(configuration(&track.codec, &track.config).into());
        }
        Self::new(&params)
    }

    /// For blocks of ADPCM in WAV: so many samples in so many bytes.
    pub(super) fn of_adpcm(microsoft: bool, rate: u32, channels: u16, bytes: usize, frames: u64) -> Result<Self> {
        let mut params = AudioCodecParameters::new();
        let layout = if channels == 1 { Layout::of_count(1) } else { Layout::of_count(2) };
        params
            .for_codec(if microsoft { CODEC_ID_ADPCM_MS } else { CODEC_ID_ADPCM_IMA_WAV })
            .with_sample_rate(rate)
            .with_channels(Channels::Discrete(layout.channels()))
            .with_max_frames_per_packet(frames)
            .with_frames_per_block(frames);
        Ok(Self { block: Some((bytes, frames)), ..Self::new(&params)? })
    }

    /// For QuickTime's IMA ADPCM: 64 samples in 34 bytes, a channel behind the other.
    pub(super) fn of_quicktime_adpcm(rate: u32, channels: u16) -> Result<Self> {
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(CODEC_ID_ADPCM_IMA_QT)
            .with_sample_rate(rate)
            .with_channels(Channels::Discrete(channels))
            .with_max_frames_per_packet(64)
            .with_frames_per_block(64);
        Ok(Self { block: Some((34 * usize::from(channels), 64)), ..Self::new(&params)? })
    }

    /// For what a reader or a container says, once it was looked at.
    fn new(params: &AudioCodecParameters) -> Result<Self> {
        let channels = params.channels.as_ref().map_or(1, Channels::count) as u64;
        // Decoders that find the rate in the stream itself are looked at with their first samples.
        guard(channels, params.sample_rate.unwrap_or(48_000), params.max_frames_per_packet)?;
        let options = AudioDecoderOptions::default().gapless(false);
        let decoder = get_codecs().make_audio_decoder(params, &options).map_err(from_symphonia)?;
        let primes = params.codec == CODEC_ID_VORBIS;
        Ok(Self { decoder, block: None, primes, scratch: Vec::new() })
    }

    fn decode_for(&mut self, packet: &[u8], frames: u64, into: &mut Vec<f32>) -> Result<Spec> {
        let packet = PacketRef::new(0, Timestamp::new(0), Duration::new(frames), packet);
        match self.decoder.decode_ref(&packet) {
            Ok(buffer) => {
                let spec = take(&buffer, &mut self.scratch)?;
                if !std::mem::take(&mut self.primes) {
                    into.extend_from_slice(&self.scratch);
                }
                Ok(spec)
            }
            Err(error) => {
                // A packet is read out of memory: what ends there is the packet's fault.
                let error = match error {
                    SymphoniaError::IoError(_) => Error::malformed("the sound ends in the middle of a block"),
                    error => from_symphonia(error),
                };
                self.decoder.reset();
                Err(error)
            }
        }
    }
}

impl Decoder for SymphoniaDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let Some((bytes, frames)) = self.block else { return self.decode_for(packet, 0, into) };
        let mut spec = None;
        for block in packet.chunks_exact(bytes.max(1)) {
            spec = Some(self.decode_for(block, frames, into)?);
        }
        spec.ok_or_else(|| Error::malformed("a block of ADPCM is cut off"))
    }
}

/// The configuration as the decoder takes it: without what containers put round it.
fn configuration(codec: &str, config: &[u8]) -> Vec<u8> {
    let bare = match codec {
        // The magic and the header of the first metadata block, or the header alone (FLAC in ISOBMFF §3.3.2).
        "flac" => {
            let bare = config.strip_prefix(b"fLaC").unwrap_or(config);
            if bare.len() >= 38 { bare.get(4..38) } else { bare.get(..34) }
        }
        _ => Some(config),
    };
    bare.unwrap_or(config).to_vec()
}

/// Puts the buffer's samples into `scratch`, and tells what they are.
fn take(buffer: &GenericAudioBufferRef<'_>, scratch: &mut Vec<f32>) -> Result<Spec> {
    let spec = Spec { rate: buffer.spec().rate(), layout: layout(buffer.spec().channels()) }.guarded()?;
    buffer.copy_to_vec_interleaved(scratch);
    Ok(spec)
}

/// Positions come in the order of the mask's bits, whatever order the codec has.
fn layout(channels: &Channels) -> Layout {
    let count = u16::try_from(channels.count()).unwrap_or(u16::MAX);
    match channels {
        Channels::Positioned(positions) => Layout::of_mask(u32::try_from(positions.bits()).unwrap_or(0), count),
        _ => Layout::of_count(count),
    }
}

pub(super) fn from_symphonia(error: SymphoniaError) -> Error {
    match error {
        SymphoniaError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::malformed("the sound ends in the middle of a block")
        }
        SymphoniaError::IoError(error) => Error::io("cannot be read", error),
        SymphoniaError::Unsupported(what) => {
            Error::unsupported(format!("{what}; install ffmpeg, or convert it to WAV first"))
        }
        SymphoniaError::LimitError(what) => Error::limit(what),
        error => Error::malformed(error.to_string()),
    }
}

/// Samples through one of Symphonia's readers.
pub(super) struct ReaderSource<'a> {
    reader: Box<dyn FormatReader + 'a>,
    track: u32,
    decoder: SymphoniaDecoder,
    spec: Spec,
    trimmer: Trimmer,
    /// Samples of a channel by the header of FLAC.
    total: Option<u64>,
    health: Health,
    /// Where the first packet stands and where the next should, in samples: FLAC numbers its frames.
    clock: Option<(i64, i64)>,
    /// Samples of a channel in the packet before.
    usual: u64,
    /// A packet that was read and comes behind silence for those that are missing, in samples.
    waiting: Option<Packet>,
    silent: u64,
    /// Decoded samples that were not given out.
    ahead: Vec<f32>,
    ended: bool,
}

/// How many packets may fail before the first one decodes.
const MAX_FIRST_FAILURES: usize = 64;

impl<'a> ReaderSource<'a> {
    /// The reader's first track of sound; with `salvage` as much of it as there is.
    pub(super) fn new(reader: Box<dyn FormatReader + 'a>, salvage: bool) -> Result<Self> {
        let none = || Error::unsupported("holds no sound that can be decoded; convert it to WAV first");
        let track = reader.tracks().iter().find(|track| matches!(track.codec_params, Some(CodecParameters::Audio(_))));
        let track = track.ok_or_else(none)?;
        let Some(CodecParameters::Audio(params)) = &track.codec_params else { return Err(none()) };
        let params = fitting(params);
        let (skip, tail) = (track.delay.unwrap_or(0).into(), track.padding.unwrap_or(0).into());
        let mut trim = Trim { skip, tail, ..Trim::default() };
        if params.codec == CODEC_ID_FLAC {
            trim.total = track.num_frames.filter(|&frames| frames > 0);
        }
        let decoder = SymphoniaDecoder::new(&params)?;
        let spec = Spec { rate: params.sample_rate.unwrap_or(48_000), layout: Layout::of_count(1) };
        let mut source = Self {
            track: track.id,
            reader,
            decoder,
            spec,
            trimmer: Trimmer::new(Trim::default(), 1),
            total: trim.total,
            health: Health::new(salvage),
            clock: None,
            usual: 0,
            waiting: None,
            silent: 0,
            ahead: Vec::new(),
            ended: false,
        };
        source.start(trim)?;
        Ok(source)
    }

    /// Decodes until it is known what the samples are.
    fn start(&mut self, trim: Trim) -> Result<()> {
        for _ in 0..MAX_FIRST_FAILURES {
            match self.packet(true)? {
                Some(spec) => {
                    self.spec = spec;
                    self.trimmer = Trimmer::new(trim, spec.layout.channels());
                    return Ok(());
                }
                None if self.ended => break,
                None => {}
            }
        }
        if self.health.failed() > 0 { Err(self.health.verdict_of_none()) } else { Ok(()) }
    }

    /// Decodes the next packet onto `ahead`.
    fn packet(&mut self, first: bool) -> Result<Option<Spec>> {
        if self.silent > 0 {
            let stretch = self.silent.min(u64::from(self.spec.rate));
            self.silent -= stretch;
            let count = usize::try_from(stretch).unwrap_or(0) * usize::from(self.spec.layout.channels());
            self.ahead.resize(self.ahead.len() + count, 0.0);
            return Ok(None);
        }
        let packet = match self.waiting.take() {
            Some(packet) => packet,
            None => {
                let Some(packet) = self.read_packet(first)? else { return Ok(None) };
                self.silent = self.missing_before(&packet);
                if self.silent > 0 {
                    self.waiting = Some(packet);
                    return Ok(None);
                }
                packet
            }
        };
        if let Some((_, next)) = &mut self.clock {
            *next = packet.pts.get().saturating_add_unsigned(packet.dur.get());
        }
        self.usual = packet.dur.get();
        let before = self.ahead.len();
        let decoded = self.decoder.decode_for(&packet.data, packet.dur.get(), &mut self.ahead);
        match decoded {
            Ok(spec) if first || spec == self.spec => {
                self.health.success(packet.dur.get());
                Ok(Some(spec))
            }
            Ok(spec) if spec.rate == self.spec.rate => {
                self.health.success(packet.dur.get());
                let changed = self.ahead.split_off(before);
                super::layout::respread(&changed, &spec.layout, &self.spec.layout, &mut self.ahead);
                Ok(Some(self.spec))
            }
            Ok(_) | Err(_) => {
                if let Err(error) = decoded
                    && !matches!(error.kind(), crate::error::ErrorKind::Malformed)
                {
                    return Err(error);
                }
                self.ahead.truncate(before);
                let silence = if first { 0 } else { packet.dur.get().min(USUAL_PACKET) };
                let count = usize::try_from(silence).unwrap_or(0) * usize::from(self.spec.layout.channels());
                self.ahead.resize(before + count, 0.0);
                self.health.failure(1, silence);
                Ok(None)
            }
        }
    }

    /// The reader's next packet; none at the end, and for those of other tracks.
    fn read_packet(&mut self, first: bool) -> Result<Option<Packet>> {
        match self.reader.next_packet() {
            Ok(Some(packet)) => return Ok(Some(packet).filter(|packet| packet.track_id == self.track)),
            Ok(None) => {}
            // Readers end on whatever stands behind the last packet.
            Err(SymphoniaError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(SymphoniaError::DecodeError(_)) if !first => self.health.failure(1, 0),
            Err(error) => return Err(from_symphonia(error)),
        }
        self.ended = true;
        // Less than the header says.
        if let Some((start, next)) = self.clock
            && let Some(missing) = self.total.and_then(|total| total.checked_sub(next.abs_diff(start)))
        {
            self.missing(missing, self.usual);
        }
        Ok(None)
    }

    /// The samples that are missing before a packet by its number.
    fn missing_before(&mut self, packet: &Packet) -> u64 {
        let (start, next) = *self.clock.get_or_insert((packet.pts.get(), packet.pts.get()));
        let missing = packet.pts.get().saturating_sub(next);
        // Numbers that go back are another file's, and those beyond the end lie.
        let told = packet.pts.get().abs_diff(start);
        let missing = u64::try_from(missing).ok().filter(|_| self.total.is_some_and(|total| told < total)).unwrap_or(0);
        self.missing(missing, packet.dur.get());
        missing
    }

    /// Counts so many samples as lost, in packets of `each`.
    fn missing(&mut self, samples: u64, each: u64) {
        if samples > 0 {
            self.health.failure(samples.div_ceil(each.max(1)), samples);
        }
    }
}

/// What the reader says, with the readers' own ways of saying "any length" brought to one that is reserved for.
fn fitting(params: &AudioCodecParameters) -> AudioCodecParameters {
    let mut params = params.clone();
    if params.max_frames_per_packet.is_none() && !is_own_framed(params.codec) {
        params.with_max_frames_per_packet(USUAL_PACKET);
    }
    params
}

/// Codecs whose packets say how long they are.
fn is_own_framed(codec: AudioCodecId) -> bool {
    matches!(codec, CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 | CODEC_ID_FLAC | CODEC_ID_VORBIS | CODEC_ID_ALAC)
}

impl PcmSource for ReaderSource<'_> {
    fn rate(&self) -> u32 {
        self.spec.rate
    }

    fn channels(&self) -> u16 {
        self.spec.layout.channels()
    }

    fn layout(&self) -> Layout {
        self.spec.layout
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        loop {
            let before = into.len();
            let more = self.trimmer.pass(&mut self.ahead, into);
            if into.len() > before {
                return Ok(true);
            }
            if self.ended {
                return self.health.verdict(self.spec.rate).map(|()| false);
            }
            self.packet(false)?;
            if !more && !self.ahead.is_empty() {
                return Err(Error::malformed(
                    "the sound goes on behind its stated length, as in files that were joined",
                ));
            }
        }
    }

    fn lost(&self) -> Option<Lost> {
        self.health.lost(self.spec.rate)
    }
}
