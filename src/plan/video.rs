//! Plans for moving pictures: packets copied where they can be, the sound coded anew alone, the pictures last.

use super::audio::engine_for;
use super::coding::{AudioCodec, AudioCoding, Engine, EngineChoice, Tools, VideoCoding};
use super::kept::kept_audio;
use super::{Options, Plan, Reason, Refusal, Rewrite, Rung, Shape, Step, lossless_steps};
use crate::built;
use crate::facts::{AudioTrack, Chroma, Facts, StreamFacts, VideoTrack};
use crate::format::Format;
use crate::judge::{self, Finding, Rule};
use crate::policy::Policy;

/// Bitrate of the sound of a video, in bits per second: stereo, mono, and at least (whatsapp-media §1.5).
const STEREO: u32 = 128_000;
const MONO: u32 = 96_000;
const FLOOR: u32 = 32_000;

/// Containers whose packets can be had by themselves.
const DEMUXED: [Format; 9] = [
    Format::Mp4,
    Format::M4v,
    Format::Mov,
    Format::ThreeGp,
    Format::Mkv,
    Format::Webm,
    Format::MpegTs,
    Format::Flv,
    Format::Avi,
];

/// Codecs of pictures that are decoded here, unless they were left out. All else goes to ffmpeg or is refused.
const DECODED: [&str; 6] = ["av1", "h264", "hevc", "mjpeg", "vp8", "vp9"];

/// Whether this very track is decoded here: kinds of these codecs that no phone makes are not.
fn decoded_here(track: &VideoTrack) -> bool {
    let depth = track.bit_depth.unwrap_or(8);
    let kind = match track.codec.as_str() {
        // 4:4:4 is refused by its decoder; so are 9, 12 and 14 bits.
        "h264" => track.chroma != Some(Chroma::Full) && [8, 10].contains(&depth),
        // Main and Main 10; the range extensions are refused.
        "hevc" => matches!(track.chroma, None | Some(Chroma::Quarter)) && depth <= 10,
        _ => true,
    };
    let shown = !track.odd_matrix || track.mirrored;
    kind && shown && DECODED.contains(&track.codec.as_str()) && built::left_out(&track.codec).is_none()
}

/// Rules whose cure needs new pictures.
const PICTURES: [Rule; 8] = [
    Rule::VideoCodec,
    Rule::VideoProfile,
    Rule::VideoBFrames,
    Rule::VideoBitDepth,
    Rule::VideoPixelFormat,
    Rule::VideoInterlaced,
    Rule::VideoDimensions,
    Rule::VideoSize,
];

/// What a video needs at most: frames in flight and an encoder's references, or the tables of a copy.
pub(super) fn memory(pixels: u64, plan: &Plan) -> u64 {
    const FLOOR: u64 = 24 * 1024 * 1024;
    const FRAMES: u64 = 40;
    // Sizes in headers may be lies: what is beyond our guards is refused when it is decoded.
    if plan.encodes_video() { FLOOR.saturating_add(pixels.saturating_mul(FRAMES * 3 / 2)) } else { FLOOR }
}

/// Pixels of the largest pictures.
pub(super) fn largest(streams: &StreamFacts) -> u64 {
    streams.video.iter().map(|track| u64::from(track.width) * u64::from(track.height)).max().unwrap_or(0)
}

/// One video to be planned for.
pub(super) struct Case<'a> {
    pub(super) facts: &'a Facts,
    pub(super) streams: &'a StreamFacts,
    pub(super) cures: &'a [&'a Finding],
    pub(super) policy: &'a Policy,
    pub(super) options: &'a Options,
    pub(super) tools: Tools,
}

impl Case<'_> {
    pub(super) fn plan(&self) -> Plan {
        let band = self.policy.video.size;
        let over = self.has(Rule::VideoSize);
        let target = self.options.target(band);
        let max_bytes = if over { target } else { band.hard_bytes };
        if let Some(steps) = lossless_steps(self.cures).filter(|steps| steps.as_slice() == [Step::Rename]) {
            let rungs = vec![Rung { steps, format: self.facts.format }];
            return Plan::Rewrite(Rewrite::builtin(rungs, max_bytes, Shape::Playing));
        }
        let Some((index, picture)) = kept_video(self.streams) else {
            let message = format!("found no moving pictures in this {}", self.facts.format.label());
            return Plan::refuse(Reason::Unsupported, message);
        };
        let readable = |track: &AudioTrack| self.copies_sound(track) || self.sound_engine(track).is_ok();
        let (sound, kept_audio) = kept_audio(self.streams, self.options, readable).unzip();
        let video_as_it_is = self.copies_pictures(picture);
        let audio_as_it_is = sound.is_none_or(|(_, track)| self.copies_sound(track));
        let mut engines = Vec::new();
        if let Some((_, track)) = sound.filter(|_| !audio_as_it_is || (over && !video_as_it_is)) {
            engines.push(self.sound_engine(track));
            engines.extend(AudioCodec::Aac.unwritten().map(|message| Err(Refusal::unsupported(message))));
        }
        let mut rungs = Vec::new();
        if video_as_it_is {
            if audio_as_it_is {
                rungs.push(
                    self.rung(Step::CopyVideo { track: index }, sound.map(|(track, _)| Step::CopyAudio { track })),
                );
            } else {
                let coded = sound.map(|(index, track)| audio_step(index, track, target));
                rungs.push(self.rung(Step::CopyVideo { track: index }, coded));
            }
        }
        if over || !video_as_it_is {
            engines.push(picture_engine(picture, self.options.engine, self.tools));
            if engines.iter().all(Result::is_ok) {
                let coding = VideoCoding {
                    max_height: self.options.max_height,
                    quantiser: self.options.video_quality,
                    target_bytes: target,
                    trim_to_fit: self.options.trim_to_fit,
                };
                let step = match sound {
                    Some((track, _)) if audio_as_it_is && !over => Some(Step::CopyAudio { track }),
                    Some((index, track)) => Some(audio_step(index, track, target)),
                    None => None,
                };
                rungs.push(self.rung(Step::EncodeVideo { track: index, coding }, step));
            }
        }
        let failed = engines.iter().find_map(|engine| engine.as_ref().err());
        match failed {
            Some(refusal) if rungs.is_empty() || (video_as_it_is && !over) => Plan::Refuse(refusal.clone()),
            // Leaving something out may be enough; if not, the refusal says what would help.
            _ => {
                let ffmpeg = engines.iter().any(|engine| engine == &Ok(Engine::Ffmpeg));
                let engine = if ffmpeg { Engine::Ffmpeg } else { Engine::Builtin };
                let kept_audio = kept_audio.flatten();
                Plan::Rewrite(Rewrite { rungs, max_bytes, shape: Shape::Playing, engine, kept_audio })
            }
        }
    }

    /// Who can decode the sound of `track`.
    fn sound_engine(&self, track: &AudioTrack) -> Result<Engine, Refusal> {
        engine_for(track, self.facts.format, self.options.engine, self.tools)
    }

    fn has(&self, rule: Rule) -> bool {
        self.cures.iter().any(|finding| finding.rule == rule)
    }

    /// Whether the coded pictures can stay: nothing that is to be cured lies in them, but perhaps the size of all.
    fn copies_pictures(&self, track: &VideoTrack) -> bool {
        // What is wrong with tracks that are left out is cured by that.
        let own = judge::of_pictures(track, self.policy);
        let pictures = self.cures.iter().any(|finding| PICTURES.contains(&finding.rule) && own.contains(finding));
        let coded =
            track.bitrate.zip(track.duration_us).map(|(rate, us)| u128::from(rate) * u128::from(us) / 8_000_000);
        let too_large = self.has(Rule::VideoSize)
            && coded.is_none_or(|bytes| bytes > u128::from(self.policy.video.size.target_bytes));
        track.codec == "h264" && !pictures && !too_large && DEMUXED.contains(&self.facts.format)
    }

    /// Whether the coded sound can stay.
    fn copies_sound(&self, track: &AudioTrack) -> bool {
        let accepted = self.policy.video.audio_codecs.iter().any(|codec| *codec == track.codec);
        // Broadcasts and AVI carry AAC too; where its packets cannot be had, it is decoded.
        let own = judge::of_sound(track, self.policy);
        let profile = self.cures.iter().any(|finding| finding.rule == Rule::VideoAudioProfile && own.contains(finding));
        accepted && !profile && DEMUXED.contains(&self.facts.format)
    }

    /// One way: what becomes of the pictures and of the sound, and what is said of the rest.
    fn rung(&self, pictures: Step, sound: Option<Step>) -> Rung {
        let streams = self.streams;
        let mut steps = vec![pictures];
        steps.extend(sound);
        if streams.audio.len() + streams.video.len() > steps.len() || !streams.other.is_empty() || streams.cover_art {
            steps.push(Step::DropTracks);
        }
        if streams.fragmented {
            steps.push(Step::Defragment);
        }
        if streams.gps || streams.device {
            steps.push(Step::StripMetadata);
        }
        steps.push(Step::Faststart);
        // A 3GP whose streams are copied stays one.
        let copied = steps.iter().all(|step| !matches!(step, Step::EncodeVideo { .. } | Step::EncodeAudio { .. }));
        let stays = copied && self.facts.format == Format::ThreeGp;
        Rung { steps, format: if stays { Format::ThreeGp } else { Format::Mp4 } }
    }
}

/// The pictures that are kept: those marked as default where only one is, else the first.
fn kept_video(streams: &StreamFacts) -> Option<(usize, &VideoTrack)> {
    let mut marked = streams.video.iter().enumerate().filter(|(_, track)| track.default);
    let only = marked.next().filter(|_| marked.next().is_none());
    only.or_else(|| streams.video.iter().enumerate().next())
}

fn audio_step(index: usize, track: &AudioTrack, target_bytes: u64) -> Step {
    let bitrate = if track.channels == Some(1) { MONO } else { STEREO };
    let coding = AudioCoding {
        codec: AudioCodec::Aac,
        max_channels: 2,
        bitrate,
        floor: FLOOR,
        voice: false,
        loudness_centi_lufs: None,
        target_bytes,
        // It ends where the pictures do.
        trim_to_fit: false,
    };
    Step::EncodeAudio { track: index, coding }
}

/// The codec, and its profile where another of them is decoded here.
fn kind(track: &VideoTrack) -> String {
    match &track.profile {
        Some(profile) if DECODED.contains(&track.codec.as_str()) => format!("{} {profile}", track.codec),
        _ => track.codec.clone(),
    }
}

/// Who can decode the pictures and code them anew, or why nobody can.
fn picture_engine(track: &VideoTrack, choice: EngineChoice, tools: Tools) -> Result<Engine, Refusal> {
    let lacking = built::refusal(&track.codec, &track.codec)
        .unwrap_or_else(|| format!("{} pictures are not coded anew here", kind(track)));
    choice.engine(decoded_here(track), tools, &lacking).map_err(Refusal::unsupported)
}
