//! Sound and moving pictures: which step is done by whom.

use super::Candidate;
use super::audio::{self, AacEncoded, Opening, PcmSource, Transcoded};
use super::copy::{self, Beside, CopyJob, Target};
use super::ffmpeg;
use super::spool::{Body, Spool};
use super::strip::tags;
use super::write::Packets;
use crate::cancel::Cancel;
use crate::demux::{self, Demuxer, EditEntry, Kind, Packet, Want};
use crate::engine::Ffmpeg;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{AudioTrack, Facts, Media, StreamFacts};
use crate::format::Format;
use crate::plan::{AudioCodec, AudioCoding, Engine, Rewrite, Rung, Step, VideoCoding};
use crate::source::Source;

/// What a copy may be larger than its source, in bytes: tables that the source had in another form.
const TABLES: u64 = 4 * 1024 * 1024;

/// How many packets are looked at for the first one of a track.
const MAX_LEAD: usize = 4096;

/// What was heard of a file that was decoded whole.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How loud it is over its length.
    pub waveform: Option<[u8; 64]>,
}

/// Carries out `rewrite` on a file of sound or moving pictures.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what demuxers and decoders say; `CannotFit` when nothing comes out small enough;
/// `Engine` when an encoder fails; `Io`; `Cancelled`.
pub(crate) fn convert(
    source: &Source,
    facts: &Facts,
    rewrite: &Rewrite,
    ffmpeg: Option<&Ffmpeg>,
    cancel: &Cancel,
) -> Result<Candidate> {
    let bench = Bench::new(source, facts, rewrite, ffmpeg, cancel)?;
    let mut refused = None;
    for (index, rung) in rewrite.rungs.iter().enumerate() {
        cancel.check()?;
        let last = index + 1 == rewrite.rungs.len();
        match bench.run(rung) {
            Ok(candidate) => {
                let length = candidate.len().unwrap_or(source.len());
                if length <= rewrite.max_bytes {
                    return Ok(candidate);
                }
                refused.get_or_insert_with(|| {
                    Error::cannot_fit(format!(
                        "cannot be made small enough; found {length} bytes, allowed {}; send it in parts",
                        rewrite.max_bytes
                    ))
                });
            }
            Err(error) if error.kind() == ErrorKind::CannotFit => refused = Some(error),
            // Packets that cannot be copied can perhaps be decoded.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Malformed) && !last => {}
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| Error::cannot_fit("nothing that may be done makes it fit")))
}

/// Decodes the sound that is kept, or all of it, and drops it: shows what the headers cannot.
///
/// # Errors
/// `Malformed` when it does not decode; `Unsupported` where nobody here decodes it; `Limit`; `Cancelled`; `Io`.
pub(crate) fn listen(source: &Source, facts: &Facts, ffmpeg: Option<&Ffmpeg>, cancel: &Cancel) -> Result<Heard> {
    let Some(streams) = streams(facts) else { return Ok(Heard::default()) };
    let pictures = !streams.video.is_empty();
    let mut heard = Heard::default();
    for track in 0..streams.audio.len() {
        let bench = Bench {
            source,
            facts,
            streams,
            engine: Engine::Builtin,
            ffmpeg,
            cancel,
            max_bytes: u64::MAX,
            salvage: false,
        };
        match bench.pcm(track, pictures) {
            Ok(input) => heard.waveform = heard.waveform.or(Some(audio::listen(input, cancel)?)),
            // A track beside others that is not decoded here was not found damaged.
            Err(error) if error.kind() == ErrorKind::Unsupported && streams.audio.len() > 1 => {}
            Err(error) => return Err(error),
        }
    }
    if pictures {
        heard.waveform = None;
    }
    Ok(heard)
}

const fn streams(facts: &Facts) -> Option<&StreamFacts> {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => Some(streams),
        Media::Image(_) | Media::Document(_) => None,
    }
}

/// One file on the bench.
struct Bench<'a> {
    source: &'a Source,
    facts: &'a Facts,
    streams: &'a StreamFacts,
    engine: Engine,
    ffmpeg: Option<&'a Ffmpeg>,
    cancel: &'a Cancel,
    max_bytes: u64,
    salvage: bool,
}

impl<'a> Bench<'a> {
    fn new(
        source: &'a Source,
        facts: &'a Facts,
        rewrite: &Rewrite,
        ffmpeg: Option<&'a Ffmpeg>,
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let streams = streams(facts).ok_or_else(|| Error::engine("the plan is for sound or moving pictures"))?;
        let (engine, max_bytes) = (rewrite.engine, rewrite.max_bytes);
        // Only what was asked to be salvaged is planned for at all once it is damaged.
        let salvage = !facts.damage.is_empty();
        Ok(Self { source, facts, streams, engine, ffmpeg, cancel, max_bytes, salvage })
    }

    fn run(&self, rung: &Rung) -> Result<Candidate> {
        let mut out = Spool::new(self.source.len().saturating_add(TABLES));
        let mut made = None;
        match rung.steps.as_slice() {
            [] | [Step::Rename] => return Ok(Candidate::of(rung.format, None, rung.steps.clone())),
            [Step::StripTags, ..] => self.strip(&mut out)?,
            [Step::CopyAudio { track }, ..] => self.copy_sound(&mut out, *track, rung.format)?,
            [Step::EncodeAudio { track, coding }, ..] => {
                out = Spool::new(u64::MAX);
                made = Some(self.code_sound(&mut out, *track, coding)?);
            }
            [Step::CopyVideo { track: video }, Step::CopyAudio { track }, ..] => {
                self.copy_video(&mut out, *video, Some(*track))?;
            }
            [Step::CopyVideo { track: video }, Step::EncodeAudio { track, coding }, ..] => {
                out = Spool::new(self.source.len().saturating_mul(2).saturating_add(TABLES));
                self.copy_video_code_sound(&mut out, *video, *track, coding)?;
            }
            [Step::CopyVideo { track: video }, ..] => self.copy_video(&mut out, *video, None)?,
            [Step::EncodeVideo { track: video, coding }, sound, ..] => {
                let body = self.code_video(*video, *coding, sound)?;
                return Ok(self.candidate(rung, body, None));
            }
            _ => return Err(Error::engine("the plan has a step that is not for sound or moving pictures")),
        }
        Ok(self.candidate(rung, out.into_body()?, made.map(|made| made.waveform)))
    }

    fn candidate(&self, rung: &Rung, body: Body, waveform: Option<[u8; 64]>) -> Candidate {
        let coded = rung.steps.iter().any(|step| matches!(step, Step::EncodeAudio { .. } | Step::EncodeVideo { .. }));
        let engine = if coded { self.engine } else { Engine::Builtin };
        Candidate { format: rung.format, body: Some(body), steps: rung.steps.clone(), waveform, engine }
    }

    fn strip(&self, out: &mut Spool) -> Result<()> {
        let (start, end) = match self.facts.format {
            Format::Adts => demux::adts::Adts::open(self.source)?.frames(),
            _ => demux::mp3::Mp3::open(self.source)?.frames(),
        };
        tags::between(out, self.source, start, end, self.cancel)
    }

    fn open(&self) -> Result<Box<dyn Demuxer + 'a>> {
        demux::open(self.source, self.facts.format)
    }

    /// The demuxer's number of a stream of sound.
    fn sound(&self, demuxer: &dyn Demuxer, track: usize) -> Result<usize> {
        nth(demuxer, Kind::Audio, track)
    }

    fn copy_sound(&self, out: &mut Spool, track: usize, format: Format) -> Result<()> {
        let target = match format {
            Format::M4a => Target::M4a,
            Format::OggOpus => Target::OggOpus,
            Format::Adts => Target::Adts,
            _ => return self.copy_frames(out, track, format),
        };
        let keep = [self.sound(&*self.open()?, track)?];
        let job = CopyJob { keep: &keep, target, salvage: self.salvage };
        copy::copy(out, &mut || self.open(), job, self.cancel).map(drop)
    }

    /// Frames that need no container: MPEG audio, and AMR behind its magic (RFC 4867 §5).
    fn copy_frames(&self, out: &mut Spool, track: usize, format: Format) -> Result<()> {
        let mut demuxer = self.open()?;
        let index = self.sound(&*demuxer, track)?;
        if format == Format::Amr {
            out.put(b"#!AMR\n")?;
        }
        let mut packet = Packet::default();
        loop {
            self.cancel.check()?;
            match demuxer.next(&mut packet, Want::Content) {
                Ok(false) => return Ok(()),
                Ok(true) if packet.track == index => out.put(&packet.data)?,
                Ok(true) => {}
                Err(error) if error.kind() == ErrorKind::Malformed && self.salvage => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn code_sound(&self, out: &mut Spool, track: usize, coding: &AudioCoding) -> Result<Transcoded> {
        let duration = self.streams.audio.get(track).and_then(|track| track.duration_us);
        let duration = duration.or(self.streams.duration_us);
        let max_bytes = coding.target_bytes.min(self.max_bytes);
        let mut reopen = || self.pcm(track, false);
        let input = reopen()?;
        audio::transcode(input, duration, coding, max_bytes, self.cancel, out, &mut reopen)
    }

    /// The samples of a stream of sound; beside pictures, holes between its packets are silence.
    fn pcm(&self, track: usize, beside_pictures: bool) -> Result<Box<dyn PcmSource + 'a>> {
        let format = self.facts.format;
        if self.engine == Engine::Ffmpeg {
            let ffmpeg = self.ffmpeg.ok_or_else(|| Error::engine("the plan needs an ffmpeg that is not there"))?;
            let unknown = AudioTrack::default();
            let facts = self.streams.audio.get(track).unwrap_or(&unknown);
            return Ok(Box::new(ffmpeg::open(ffmpeg, self.source, format, track, facts, self.cancel)?));
        }
        if let Some(samples) = audio::open_file(self.source, format)? {
            return Ok(samples);
        }
        let demuxer = self.open()?;
        let index = self.sound(&*demuxer, track)?;
        audio::open_track(demuxer, index, Opening { salvage: self.salvage, fill_holes: beside_pictures })
    }

    fn copy_video(&self, out: &mut Spool, video: usize, sound: Option<usize>) -> Result<()> {
        let demuxer = self.open()?;
        let mut keep = vec![nth(&*demuxer, Kind::Video, video)?];
        if let Some(track) = sound {
            keep.push(self.sound(&*demuxer, track)?);
        }
        drop(demuxer);
        let job = CopyJob { keep: &keep, target: Target::Mp4, salvage: self.salvage };
        copy::copy(out, &mut || self.open(), job, self.cancel).map(drop)
    }

    fn copy_video_code_sound(&self, out: &mut Spool, video: usize, track: usize, coding: &AudioCoding) -> Result<()> {
        let mut encoded = self.aac(track, coding)?;
        let wait_us = self.starts_at(track)?;
        if wait_us > 0 {
            encoded.track.edits.list.insert(0, EditEntry { duration_us: wait_us, media_time: -1, rate: 1 << 16 });
        }
        let demuxer = self.open()?;
        let keep = [nth(&*demuxer, Kind::Video, video)?];
        drop(demuxer);
        let job = CopyJob { keep: &keep, target: Target::Mp4, salvage: self.salvage };
        let packets = || -> Box<dyn Packets + '_> { Box::new(encoded.packets()) };
        let beside = Beside { track: &encoded.track, packets: &packets };
        copy::copy_beside(out, &mut || self.open(), job, &beside, self.cancel).map(drop)
    }

    fn aac(&self, track: usize, coding: &AudioCoding) -> Result<AacEncoded> {
        let mut reopen = || self.pcm(track, true);
        let input = reopen()?;
        audio::encode_aac(input, coding, self.cancel, &mut reopen)
    }

    /// When a stream of sound starts in the presentation, in microseconds.
    fn starts_at(&self, track: usize) -> Result<u64> {
        // ffmpeg fills the time before the first sample with silence.
        if self.engine == Engine::Ffmpeg {
            return Ok(0);
        }
        let mut demuxer = self.open()?;
        let index = self.sound(&*demuxer, track)?;
        let Some(described) = demuxer.tracks().get(index).cloned() else { return Ok(0) };
        let waits = described.edits.list.iter().take_while(|entry| entry.media_time < 0);
        if !described.edits.list.is_empty() {
            return Ok(waits.map(|entry| entry.duration_us).sum());
        }
        let mut packet = Packet::default();
        for _ in 0..MAX_LEAD {
            if !demuxer.next(&mut packet, Want::Table)? {
                break;
            }
            if packet.track == index {
                let us = i128::from(packet.pts) * 1_000_000 / i128::from(described.timescale.max(1));
                let rate = described.sample_rate.unwrap_or(48_000).max(1);
                let priming = i128::from(described.priming.unwrap_or(0)) * 1_000_000 / i128::from(rate);
                return Ok(u64::try_from(us + priming).unwrap_or(0));
            }
        }
        Ok(0)
    }

    fn code_video(&self, video: usize, coding: VideoCoding, sound: &Step) -> Result<Body> {
        let facts =
            self.streams.video.get(video).ok_or_else(|| Error::engine("the plan names no stream of pictures"))?;
        let audio = match sound {
            Step::CopyAudio { track } => Some((*track, 128_000)),
            Step::EncodeAudio { track, coding } if coding.codec == AudioCodec::Aac => Some((*track, coding.bitrate)),
            _ => None,
        };
        let ffmpeg = self.ffmpeg.ok_or_else(|| Error::engine("the plan needs an ffmpeg that is not there"))?;
        let job = ffmpeg::Job {
            source: self.source,
            format: self.facts.format,
            video,
            facts,
            audio,
            duration_us: facts.duration_us.or(self.streams.duration_us).unwrap_or(0),
            coding,
            salvage: self.salvage,
        };
        ffmpeg::transcode(ffmpeg, &job, self.cancel)
    }
}

/// The demuxer's number of the `track`-th of its tracks of `kind`.
fn nth(demuxer: &dyn Demuxer, kind: Kind, track: usize) -> Result<usize> {
    let mut tracks = demuxer.tracks().iter().enumerate().filter(|(_, found)| found.kind == kind);
    let found = tracks.nth(track).map(|(index, _)| index);
    found.ok_or_else(|| Error::malformed("a track that its headers announce is not there; send the original again"))
}
