//! Plans for sound: tags off, packets copied into another container, and only then one generation of coding.

use super::coding::{AudioCodec, AudioCoding, Engine, EngineChoice, Tools};
use super::kept::kept_audio;
use super::{Options, Plan, Reason, Refusal, Rewrite, Rung, Shape, Step, lossless_steps};
use crate::built;
use crate::facts::{AudioTrack, Edit, Facts, StreamFacts};
use crate::format::{Format, Role};
use crate::judge::{Finding, Rule};
use crate::limits::{SOUND_RATES, sound_refused};
use crate::policy::{Band, Policy};

/// What a file of sound needs at most: blocks of samples and a page or two, whatever its length.
pub(super) const MEMORY: u64 = 24 * 1024 * 1024;

/// Codecs that are decoded here, unless they were left out. All else goes to ffmpeg or is refused.
const DECODED: [&str; 13] =
    ["aac", "adpcm", "alac", "alaw", "amr", "amr-wb", "flac", "mp3", "mulaw", "opus", "pcm", "pcm-float", "vorbis"];

/// Containers whose packets can be had by themselves.
const DEMUXED: [Format; 13] = [
    Format::Mp3,
    Format::M4a,
    Format::ThreeGpAudio,
    Format::MovAudio,
    Format::Mka,
    Format::WebmAudio,
    Format::MpegTsAudio,
    Format::FlvAudio,
    Format::AviAudio,
    Format::Adts,
    Format::OggOpus,
    Format::Caf,
    Format::Amr,
];

/// Containers beside WAV whose ADPCM is decoded here: each has kinds of its own.
const WITH_ADPCM: [Format; 2] = [Format::Mov, Format::MovAudio];

/// What is decoded out of WAV, which has no place for the configuration of more.
const IN_WAVE: [&str; 6] = ["pcm", "pcm-float", "alaw", "mulaw", "adpcm", "mp3"];

/// Whether sound in `codec` is decoded here, out of a file of `format`.
pub(crate) fn decodes(codec: &str, format: Format) -> bool {
    let in_container = match format {
        Format::Wav | Format::Rf64 | Format::W64 => IN_WAVE.contains(&codec),
        _ => codec != "adpcm" || WITH_ADPCM.contains(&format),
    };
    DECODED.contains(&codec) && built::left_out(codec).is_none() && in_container
}

/// One way of coding sound: at most so many channels, bits per second wanted and at least.
struct Ladder {
    codec: AudioCodec,
    max_channels: u16,
    bitrate: u32,
    floor: u32,
    voice: bool,
}

// Floors by stack.md's measurements; the wanted rates are those of whatsapp-media §1.5.
#[rustfmt::skip]
mod ladders {
    use super::{AudioCodec::{Aac, Opus}, Ladder};
    pub(super) const VOICE:  &[Ladder] = &[Ladder { codec: Opus, max_channels: 1, bitrate:  32_000, floor: 12_000, voice: true }];
    pub(super) const SPEECH: &[Ladder] = &[Ladder { codec: Opus, max_channels: 1, bitrate:  32_000, floor: 12_000, voice: true }];
    pub(super) const MUSIC:  &[Ladder] = &[
        Ladder { codec: Aac,  max_channels: 2, bitrate: 128_000, floor: 64_000, voice: false },
        Ladder { codec: Aac,  max_channels: 1, bitrate:  96_000, floor: 32_000, voice: false },
        Ladder { codec: Opus, max_channels: 1, bitrate:  32_000, floor: 12_000, voice: false },
    ];
    pub(super) const MUSIC_OPUS: &[Ladder] = &[Ladder { codec: Opus, max_channels: 1, bitrate: 64_000, floor: 12_000, voice: false }];
    pub(super) const MUSIC_AAC:  &[Ladder] = &[
        Ladder { codec: Aac, max_channels: 2, bitrate: 128_000, floor: 64_000, voice: false },
        Ladder { codec: Aac, max_channels: 1, bitrate:  96_000, floor: 32_000, voice: false },
    ];
}

/// One file of sound to be planned for.
pub(super) struct Case<'a> {
    pub(super) facts: &'a Facts,
    pub(super) streams: &'a StreamFacts,
    pub(super) role: Role,
    pub(super) cures: &'a [&'a Finding],
    pub(super) policy: &'a Policy,
    pub(super) options: &'a Options,
    pub(super) tools: Tools,
}

impl Case<'_> {
    pub(super) fn plan(&self) -> Plan {
        let format = self.facts.format;
        let band = self.policy.size(self.role, false);
        let over = self.cures.iter().any(|finding| matches!(finding.rule, Rule::AudioSize | Rule::VoiceSize));
        // What only changes its clothes may stay between target and limit, as it was.
        let max_bytes = if over { self.options.target(band) } else { band.hard_bytes };
        let rename = lossless_steps(self.cures).filter(|steps| steps.as_slice() == [Step::Rename]);
        if let Some(steps) = rename.filter(|_| loudness(self.streams, self.options).is_none()) {
            let rungs = vec![Rung { steps, format }];
            return Plan::Rewrite(Rewrite::builtin(rungs, max_bytes, Shape::Playing));
        }
        let readable =
            |track: &AudioTrack| !self.recodes() && self.copy_target(track).is_some() || self.engine(track).is_ok();
        let Some(((index, track), kept_audio)) = kept_audio(self.streams, self.options, readable) else {
            return Plan::refuse(Reason::Unsupported, format!("found no sound in this {}", format.label()));
        };
        let mut rungs: Vec<Rung> = Vec::new();
        if !self.recodes() {
            rungs.extend(self.strip_rung(over));
            rungs.extend(self.copy_rung(index, track, over, max_bytes));
        }
        let shape = Shape::Playing;
        match self.engine(track) {
            Ok(engine) => {
                let ladder = self.ladder(track);
                rungs.extend(self.code_rungs(ladder, index, track, band));
                match ladder.iter().find_map(|way| way.codec.unwritten()).filter(|_| rungs.is_empty()) {
                    Some(message) => Plan::refuse(Reason::Unsupported, message),
                    None => Plan::Rewrite(Rewrite { rungs, max_bytes, shape, engine, kept_audio }),
                }
            }
            // Copied packets are decoded by nobody.
            Err(_) if !rungs.is_empty() => {
                Plan::Rewrite(Rewrite { kept_audio, ..Rewrite::builtin(rungs, max_bytes, shape) })
            }
            Err(refusal) => Plan::Refuse(refusal),
        }
    }

    /// Who can decode `track`.
    fn engine(&self, track: &AudioTrack) -> Result<Engine, Refusal> {
        engine_for(track, self.facts.format, self.options.engine, self.tools)
    }

    /// Whether the sound itself has to change, so that copying its packets is of no use.
    fn recodes(&self) -> bool {
        // The links of a chain have starts and ends that are not played, which one stream cannot say.
        let chained =
            self.facts.format == Format::OggOpus && self.streams.audio.iter().any(|track| track.edit == Edit::Complex);
        chained
            || loudness(self.streams, self.options).is_some()
            || self.cures.iter().any(|finding| {
                matches!(
                    finding.rule,
                    Rule::AudioChannels | Rule::VoiceChannels | Rule::VoiceCodec | Rule::AudioProfile
                )
            })
    }

    /// What is around the frames dropped, where that alone makes it small enough, or junk is among it.
    fn strip_rung(&self, over: bool) -> Option<Rung> {
        let format = self.facts.format;
        let around = self.streams.metadata_bytes > 0 && over || self.streams.junk_bytes > 0;
        let strips = matches!(format, Format::Mp3 | Format::Adts) && around;
        (strips && self.role == Role::Audio).then(|| Rung { steps: vec![Step::StripTags], format })
    }

    /// The packets of the kept stream in the container that the platform takes them in.
    fn copy_rung(&self, index: usize, track: &AudioTrack, over: bool, max_bytes: u64) -> Option<Rung> {
        let format = self.facts.format;
        let target = self.copy_target(track)?;
        // Nothing becomes smaller by moving into the container where it is, but for what is left out.
        let left_out = self.streams.audio.len() > 1 || self.streams.metadata_bytes > 0 || self.streams.cover_art;
        let coded =
            track.bitrate.zip(track.duration_us).map(|(rate, us)| u128::from(rate) * u128::from(us) / 8_000_000);
        if over && (!left_out || coded.is_some_and(|bytes| bytes > u128::from(max_bytes))) {
            return None;
        }
        let mut steps = vec![Step::CopyAudio { track: index }];
        if self.streams.audio.len() > 1 || self.streams.cover_art || !self.streams.other.is_empty() {
            steps.push(Step::DropTracks);
        }
        if self.streams.fragmented {
            steps.push(Step::Defragment);
        }
        if target == Format::M4a && format != Format::M4a {
            steps.push(Step::Faststart);
        }
        Some(Rung { steps, format: target })
    }

    /// Which accepted container takes the packets of `track` as they are.
    fn copy_target(&self, track: &AudioTrack) -> Option<Format> {
        let format = self.facts.format;
        let rules = match self.role {
            Role::Voice => &self.policy.voice,
            Role::Audio | Role::Image | Role::Sticker | Role::Video | Role::Document => &self.policy.audio,
        };
        let target = match track.codec.as_str() {
            "aac" if format == Format::Adts => Format::Adts,
            "aac" => Format::M4a,
            "opus" if track.channels.is_some_and(|count| count <= rules.max_ogg_channels) => Format::OggOpus,
            "mp3" => Format::Mp3,
            "amr" => Format::Amr,
            _ => return None,
        };
        let demuxed = DEMUXED.contains(&format)
            || (target == Format::Mp3 && matches!(format, Format::Wav | Format::Rf64 | Format::W64));
        (rules.formats.contains(&target) && demuxed && !track.encrypted).then_some(target)
    }

    /// The ways of coding it anew, best first.
    fn ladder(&self, track: &AudioTrack) -> &'static [Ladder] {
        let has_opus = AudioCodec::Opus.unwritten().is_none();
        match (self.role, self.options.audio_codec) {
            (Role::Voice, _) => ladders::VOICE,
            (_, None) if is_speech(track) && has_opus => ladders::SPEECH,
            (_, None) => ladders::MUSIC,
            (_, Some(AudioCodec::Opus)) if is_speech(track) => ladders::SPEECH,
            (_, Some(AudioCodec::Opus)) => ladders::MUSIC_OPUS,
            (_, Some(AudioCodec::Aac)) => ladders::MUSIC_AAC,
        }
    }

    /// Those of `ladder` that lead into an accepted format.
    fn code_rungs(&self, ladder: &[Ladder], index: usize, track: &AudioTrack, band: Band) -> Vec<Rung> {
        let accepted = match self.role {
            Role::Voice => &self.policy.voice.formats,
            Role::Audio | Role::Image | Role::Sticker | Role::Video | Role::Document => &self.policy.audio.formats,
        };
        let last = ladder.iter().rposition(|way| way.codec.unwritten().is_none());
        let ways = ladder.iter().enumerate().filter(|(_, way)| way.codec.unwritten().is_none());
        let rungs = ways.map(|(number, way)| {
            let format = match way.codec {
                AudioCodec::Opus => Format::OggOpus,
                AudioCodec::Aac => Format::M4a,
            };
            let coding = AudioCoding {
                codec: way.codec,
                max_channels: way.max_channels,
                bitrate: not_above_the_source(way, track),
                floor: way.floor,
                voice: way.voice,
                loudness_centi_lufs: loudness(self.streams, self.options),
                target_bytes: self.options.target(band),
                // Only once nothing else is left.
                trim_to_fit: self.options.trim_to_fit && last == Some(number),
            };
            Rung { steps: vec![Step::EncodeAudio { track: index, coding }], format }
        });
        rungs.filter(|rung| accepted.contains(&rung.format)).collect()
    }
}

/// Who can decode `track` of a file of `format`, or why nobody can.
pub(super) fn engine_for(
    track: &AudioTrack,
    format: Format,
    choice: EngineChoice,
    tools: Tools,
) -> Result<Engine, Refusal> {
    let (codec, profile) = (track.codec.as_str(), track.profile.as_deref());
    let builtin = decodes(codec, format) && !matches!(profile, Some("xhe" | "main" | "ssr" | "ltp" | "ld" | "eld"));
    let name = match profile {
        Some(profile) if !builtin && codec == "aac" => format!("AAC {profile}"),
        _ => codec.to_owned(),
    };
    let lacking = built::refusal(codec, codec).unwrap_or_else(|| format!("{name} is not decoded here"));
    let engine = choice.engine(builtin, tools, &lacking).map_err(Refusal::unsupported)?;
    let (channels, rate) = (track.channels.unwrap_or(1).into(), track.sample_rate.unwrap_or(*SOUND_RATES.start()));
    // ffmpeg mixes and resamples what it decodes.
    match sound_refused(channels, rate).filter(|_| engine == Engine::Builtin) {
        Some(what) => Err(Refusal { reason: Reason::Limit, message: format!("the sound {what}") }),
        None => Ok(engine),
    }
}

/// The loudness that sound is brought to, where it is long enough to have one: a block of BS.1770 lasts 400 ms.
pub(super) fn loudness(streams: &StreamFacts, options: &Options) -> Option<i32> {
    const BLOCK_US: u64 = 400_000;
    options.loudness_centi_lufs.filter(|_| streams.duration_us.is_none_or(|us| us >= BLOCK_US))
}

/// Whether a stream is taken for speech: one channel, or a rate or codec of telephones. One channel of HE-AAC is none:
/// parametric stereo may be in its frames without a word in the configuration, and be overlooked.
fn is_speech(track: &AudioTrack) -> bool {
    (track.channels == Some(1) && track.profile.as_deref() != Some("he"))
        || track.sample_rate.is_some_and(|rate| rate <= 16_000)
        || matches!(track.codec.as_str(), "amr" | "amr-wb" | "speex" | "gsm")
}

/// No use in coding finer than the source was: a little above its rate, for the loss of the second generation.
fn not_above_the_source(way: &Ladder, track: &AudioTrack) -> u32 {
    const LOSSLESS: [&str; 10] =
        ["pcm", "pcm-float", "flac", "alac", "adpcm", "alaw", "mulaw", "ape", "tta", "wavpack"];
    match track.bitrate.filter(|_| !LOSSLESS.contains(&track.codec.as_str())) {
        Some(rate) => u32::try_from(rate / 4 * 5).unwrap_or(u32::MAX).clamp(way.floor, way.bitrate),
        None => way.bitrate,
    }
}
