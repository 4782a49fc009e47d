//! Sound and moving pictures: which step is done by whom.

mod deep;
mod join;

use super::Candidate;
use super::audio::{self, AacEncoded, Opening, PcmSource, Times, Transcoded};
use super::copy::{self, Beside, CopyJob, Kept, Target};
use super::ffmpeg;
use super::spool::{Body, Spool};
use super::strip::tags;
use super::write::Packets;
use crate::cancel::Cancel;
use crate::demux::{self, Demuxer, EditEntry, Kind, Packet, Track, Want};
use crate::engine::Ffmpeg;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{AudioTrack, Edit, Facts, Lost, Media, StreamFacts};
use crate::format::Format;
use crate::plan::{AudioCoding, Engine, Rewrite, Rung, Step, VideoCoding, decodes};
use crate::source::Source;
#[cfg(feature = "video")]
pub(crate) use deep::watch;
pub(crate) use deep::{Depth, listen};
use join::Sound;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What a copy may be larger than its source, in bytes: tables that the source had in another form.
const TABLES: u64 = 4 * 1024 * 1024;

/// How many packets are looked at for the first one of a track.
const MAX_LEAD: usize = 4096;

/// How often pictures that came out too large are coded again.
const MAX_CORRECTIONS: u32 = 4;

/// What may be played too much of a stream whose container went, in microseconds.
const UNNOTICED_US: u128 = 20_000;

/// Carries out `rewrite` on a file of sound or moving pictures. Large results are gathered in `folder`, if there is one.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what demuxers and decoders say; `CannotFit` when nothing comes out small enough;
/// `Engine` when an encoder fails; `Io`; `Cancelled`.
pub(crate) fn convert(
    source: &Source,
    facts: &Facts,
    rewrite: &Rewrite,
    ffmpeg: Option<&Ffmpeg>,
    folder: Option<&Path>,
    cancel: &Cancel,
) -> Result<Candidate> {
    let bench = Bench { folder, ..Bench::new(source, facts, rewrite, ffmpeg, cancel)? };
    let mut refused = None;
    for (index, rung) in rewrite.rungs.iter().enumerate() {
        cancel.check()?;
        let last = index + 1 == rewrite.rungs.len();
        match bench.run(rung).or_else(|error| bench.by_ffmpeg(rung, error)) {
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
    folder: Option<&'a Path>,
    cancel: &'a Cancel,
    max_bytes: u64,
    salvage: bool,
    /// Whether what ffmpeg complains of is an error: what nothing here decodes may be damaged.
    strict: bool,
    /// Length of the sound that was decoded and coded, in microseconds.
    coded_us: OnceLock<u64>,
    /// What of it did not decode.
    lost: OnceLock<(usize, Lost)>,
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
        let (folder, strict, coded_us, lost) = (None, false, OnceLock::new(), OnceLock::new());
        Ok(Self { source, facts, streams, engine, ffmpeg, folder, cancel, max_bytes, salvage, strict, coded_us, lost })
    }

    /// Codes pictures anew by ffmpeg that failed here with `error`: some kinds of a codec are known by their pictures alone.
    fn by_ffmpeg(&self, rung: &Rung, error: Error) -> Result<Candidate> {
        let unread = matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Malformed)
            && matches!(rung.steps.first(), Some(Step::EncodeVideo { .. }));
        if !unread || self.salvage || self.engine == Engine::Ffmpeg || self.ffmpeg.is_none() {
            return Err(error);
        }
        let (engine, coded_us, lost) = (Engine::Ffmpeg, OnceLock::new(), OnceLock::new());
        match (Self { engine, strict: true, coded_us, lost, ..*self }).run(rung) {
            // What is wrong with the file was said better here.
            Err(other) if matches!(other.kind(), ErrorKind::Unsupported | ErrorKind::Malformed) => Err(error),
            made => made,
        }
    }

    fn run(&self, rung: &Rung) -> Result<Candidate> {
        let mut out = Spool::within(self.source.len().saturating_add(TABLES), self.folder);
        let mut made = None;
        match rung.steps.as_slice() {
            [] | [Step::Rename] => return Ok(Candidate::of(rung.format, None, rung.steps.clone())),
            [Step::StripTags, ..] => self.strip(&mut out)?,
            [Step::CopyAudio { track }, ..] => self.copy_sound(&mut out, *track, rung.format)?,
            [Step::EncodeAudio { track, coding }, ..] => {
                out = Spool::within(u64::MAX, self.folder);
                made = Some(self.code_sound(&mut out, *track, coding)?);
            }
            [Step::CopyVideo { track: video }, Step::CopyAudio { track }, ..] => {
                self.copy_video(&mut out, *video, Some(*track), rung.format)?;
            }
            [Step::CopyVideo { track: video }, Step::EncodeAudio { track, coding }, ..] => {
                out = Spool::within(self.source.len().saturating_mul(2).saturating_add(TABLES), self.folder);
                self.copy_video_code_sound(&mut out, *video, *track, coding)?;
            }
            [Step::CopyVideo { track: video }, ..] => self.copy_video(&mut out, *video, None, rung.format)?,
            [Step::EncodeVideo { track: video, coding }, rest @ ..] => {
                let body = self.code_video(*video, *coding, rest.first())?;
                return Ok(self.candidate(rung, body));
            }
            _ => return Err(Error::engine("the plan has a step that is not for sound or moving pictures")),
        }
        let (waveform, missed_centi_lufs) =
            made.map_or((None, None), |made| (Some(made.waveform), made.missed_centi_lufs));
        Ok(Candidate { waveform, missed_centi_lufs, ..self.candidate(rung, out.into_body()?) })
    }

    fn candidate(&self, rung: &Rung, body: Body) -> Candidate {
        let coded = rung.steps.iter().any(|step| matches!(step, Step::EncodeAudio { .. } | Step::EncodeVideo { .. }));
        let engine = if coded { self.engine } else { Engine::Builtin };
        Candidate {
            format: rung.format,
            body: Some(body),
            steps: rung.steps.clone(),
            waveform: None,
            missed_centi_lufs: None,
            engine,
            coded_us: self.coded_us.get().copied(),
            lost: self.lost.get().copied(),
        }
    }

    fn strip(&self, out: &mut Spool) -> Result<()> {
        let (start, end) = match self.facts.format {
            Format::Adts => demux::adts::Adts::open(self.source)?.frames(),
            _ => demux::mp3::Mp3::open(self.source)?.frames(),
        };
        tags::between(out, self.source, start, end, self.cancel)
    }

    fn open(&self) -> Result<Box<dyn Demuxer + 'a>> {
        if matches!(self.facts.format, Format::Wav | Format::Rf64 | Format::W64) {
            return Ok(Box::new(audio::frames_of_wave(self.source)?));
        }
        demux::open(self.source, self.facts.format)
    }

    /// The demuxer's number of the `track`-th of the tracks of `kind` that were measured: those that hold something.
    fn number(&self, kind: Kind, track: usize) -> Result<usize> {
        let lost = || Error::malformed("a track that its headers announce is not there; send the original again");
        let mut demuxer = self.open()?;
        let mut of_kind: Vec<usize> = demuxer
            .tracks()
            .iter()
            .enumerate()
            .filter_map(|(index, found)| (found.kind == kind).then_some(index))
            .collect();
        let measured = if kind == Kind::Audio { self.streams.audio.len() } else { self.streams.video.len() };
        if of_kind.len() > measured {
            let (mut filled, mut packet) = (vec![false; demuxer.tracks().len()], Packet::default());
            while of_kind.iter().any(|&index| !filled.get(index).copied().unwrap_or(true)) {
                match demuxer.next(&mut packet, Want::Table) {
                    Ok(true) => filled.get_mut(packet.track).into_iter().for_each(|one| *one = true),
                    Err(error) if error.kind() == ErrorKind::Io => return Err(error),
                    Ok(false) | Err(_) => break,
                }
            }
            of_kind.retain(|&index| filled.get(index).copied().unwrap_or(false));
        }
        of_kind.get(track).copied().ok_or_else(lost)
    }

    fn copy_sound(&self, out: &mut Spool, track: usize, format: Format) -> Result<()> {
        let target = match format {
            Format::M4a => Target::M4a,
            Format::OggOpus => Target::OggOpus,
            Format::Adts => Target::Adts,
            _ => return self.copy_frames(out, track, format),
        };
        let keep = [self.number(Kind::Audio, track)?];
        let job = CopyJob { keep: &keep, target, salvage: self.salvage, source: Some(self.source) };
        copy::copy(out, &mut || self.open(), job, self.cancel).map(drop)
    }

    /// Frames that need no container: MPEG audio, and AMR behind its magic (RFC 4867 §5).
    fn copy_frames(&self, out: &mut Spool, track: usize, format: Format) -> Result<()> {
        if matches!(self.facts.format, Format::Wav | Format::Rf64 | Format::W64) {
            // With the frame that says what is not played.
            let (start, end) = audio::frames_of_wave(self.source)?.frames();
            return tags::between(out, self.source, start, end, self.cancel);
        }
        let mut demuxer = self.open()?;
        let index = self.number(Kind::Audio, track)?;
        if demuxer.tracks().get(index).is_some_and(|described| self.is_cut(described, track)) {
            return Err(Error::unsupported("plays less than it holds, which frames without a container cannot say"));
        }
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

    /// Whether edits, priming or padding take more off a stream than nobody notices.
    fn is_cut(&self, described: &Track, track: usize) -> bool {
        let us = |count: u64, rate: u32| u128::from(count) * 1_000_000 / u128::from(rate.max(1));
        let unplayed = u64::from(described.priming.unwrap_or(0)) + u64::from(described.padding.unwrap_or(0));
        let rate = described.sample_rate.unwrap_or(described.timescale);
        let played = self.streams.audio.get(track).and_then(|facts| facts.duration_us);
        let edited = !described.edits.list.is_empty()
            && described.duration.filter(|&whole| whole > 0).zip(played).is_some_and(|(whole, played)| {
                us(whole, described.timescale).abs_diff(u128::from(played)) > UNNOTICED_US
            });
        edited || us(unplayed, rate) > UNNOTICED_US
    }

    fn code_sound(&self, out: &mut Spool, track: usize, coding: &AudioCoding) -> Result<Transcoded> {
        let duration = self.streams.audio.get(track).and_then(|track| track.duration_us);
        let duration = duration.or(self.streams.duration_us);
        let max_bytes = coding.target_bytes.min(self.max_bytes);
        let mut reopen = || self.pcm(track, false);
        let input = reopen()?;
        let made = audio::transcode(input, duration, coding, max_bytes, self.cancel, out, &mut reopen)?;
        self.note_coded(track, made.duration_us, made.lost);
        if !coding.trim_to_fit {
            self.is_whole(track, made.duration_us)?;
        }
        Ok(made)
    }

    fn note_coded(&self, track: usize, us: u64, lost: Option<Lost>) {
        let _ = self.coded_us.set(us);
        if let Some(lost) = lost {
            let _ = self.lost.set((track, lost));
        }
    }

    /// The samples of a stream of sound; holes between its packets are silence.
    fn pcm(&self, track: usize, beside_pictures: bool) -> Result<Box<dyn PcmSource + 'a>> {
        let format = self.facts.format;
        let codec = self.streams.audio.get(track).map(|track| track.codec.as_str());
        if self.engine == Engine::Ffmpeg && !(beside_pictures && codec.is_some_and(|codec| decodes(codec, format))) {
            let ffmpeg = self.ffmpeg.ok_or_else(|| Error::engine("the plan needs an ffmpeg that is not there"))?;
            let unknown = AudioTrack::default();
            let facts = self.streams.audio.get(track).unwrap_or(&unknown);
            // When it starts is known of what is taken apart here; so is its number among those that hold nothing.
            let demuxer = self.open().ok();
            let alone = !beside_pictures && facts.edit != Edit::Delay;
            // Alone it begins with its first sample, and so ends where it is stated; else time before that is silence.
            let waits = alone || beside_pictures && demuxer.is_some();
            let part = ffmpeg::Part { waits, end_us: facts.duration_us.filter(|_| alone) };
            let number = match demuxer {
                Some(demuxer) => {
                    let index = self.number(Kind::Audio, track)?;
                    demuxer.tracks().iter().take(index).filter(|found| found.kind == Kind::Audio).count()
                }
                None => track,
            };
            return Ok(Box::new(ffmpeg::open(ffmpeg, self.source, format, number, facts, part, self.cancel)?));
        }
        // What inspection knows of the frames themselves counts, not the container's word.
        if let Some(codec) = codec.filter(|codec| !decodes(codec, format)) {
            return Err(Error::unsupported(format!(
                "{codec} is not decoded here; install ffmpeg, or convert it first"
            )));
        }
        if let Some(samples) = audio::open_file(self.source, format, self.salvage)? {
            return Ok(samples);
        }
        let demuxer = self.open()?;
        let index = self.number(Kind::Audio, track)?;
        // Where lengths are those of packets, nothing but holes is added to them.
        let alone = matches!(format, Format::WebmAudio | Format::Mka);
        let times = if alone { Times::Holes } else { Times::Followed };
        audio::open_track(demuxer, index, Opening { salvage: self.salvage, times })
    }

    fn copy_video(&self, out: &mut Spool, video: usize, sound: Option<usize>, format: Format) -> Result<()> {
        let mut keep = vec![self.number(Kind::Video, video)?];
        if let Some(track) = sound {
            keep.push(self.number(Kind::Audio, track)?);
        }
        let target = if format == Format::ThreeGp { Target::ThreeGp } else { Target::Mp4 };
        let job = CopyJob { keep: &keep, target, salvage: self.salvage, source: Some(self.source) };
        copy::copy(out, &mut || self.open(), job, self.cancel).map(drop)
    }

    fn copy_video_code_sound(&self, out: &mut Spool, video: usize, track: usize, coding: &AudioCoding) -> Result<()> {
        let encoded = self.aac(track, coding)?;
        let keep = [self.number(Kind::Video, video)?];
        let job = CopyJob { keep: &keep, target: Target::Mp4, salvage: self.salvage, source: Some(self.source) };
        let packets = || -> Result<Box<dyn Packets + '_>> { Ok(Box::new(encoded.packets())) };
        let beside = Beside { track: &encoded.track, packets: &packets };
        copy::copy_beside(out, &mut || self.open(), job, &beside, self.cancel).map(drop)
    }

    fn aac(&self, track: usize, coding: &AudioCoding) -> Result<AacEncoded> {
        let mut reopen = || self.pcm(track, true);
        let input = reopen()?;
        let stated = self.streams.audio.get(track).and_then(|track| track.duration_us);
        let mut encoded = audio::encode_aac(input, stated, coding, self.cancel, &mut reopen)?;
        let us = audio::microseconds(encoded.frames, encoded.track.timescale);
        self.note_coded(track, us, encoded.lost);
        // Beside pictures, what is missing was made silence.
        if self.engine == Engine::Ffmpeg {
            self.is_whole(track, us)?;
        }
        let wait_us = self.starts_at(track)?;
        if wait_us > 0 {
            encoded.track.edits.list.insert(0, EditEntry { duration_us: wait_us, media_time: -1, rate: 1 << 16 });
        }
        Ok(encoded)
    }

    /// When a stream of sound starts in the presentation, in microseconds.
    fn starts_at(&self, track: usize) -> Result<u64> {
        let mut demuxer = match self.open() {
            // Of these, ffmpeg fills the time before the first sample with silence.
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(0),
            opened => opened?,
        };
        let index = self.number(Kind::Audio, track)?;
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
                // Opus in a transport stream says with each packet what of its start is not played.
                let unplayed = i128::from(packet.discard_ns.min(0).unsigned_abs()) / 1000;
                return Ok(u64::try_from(us + priming + unplayed).unwrap_or(0));
            }
        }
        Ok(0)
    }

    /// New pictures, with the sound copied or coded by us beside them.
    fn code_video(&self, video: usize, coding: VideoCoding, sound: Option<&Step>) -> Result<Body> {
        let facts =
            self.streams.video.get(video).ok_or_else(|| Error::engine("the plan names no stream of pictures"))?;
        let sound = match sound {
            Some(Step::EncodeAudio { track, coding }) => Sound::Coded(Box::new(self.aac(*track, coding)?)),
            Some(Step::CopyAudio { track }) => {
                let demuxer = self.open()?;
                let index = self.number(Kind::Audio, *track)?;
                Sound::Copied { kept: Box::new(Kept::new(&*demuxer, index)?), of: *track }
            }
            _ => Sound::None,
        };
        #[cfg(feature = "video")]
        if self.engine == Engine::Builtin {
            return self.code_video_here(video, facts, &coding, &sound);
        }
        let ffmpeg = self.ffmpeg.ok_or_else(|| Error::engine("the plan needs an ffmpeg that is not there"))?;
        let duration_us = facts.duration_us.or(self.streams.duration_us).unwrap_or(0);
        let sound_bytes = match &sound {
            Sound::None => 0,
            Sound::Coded(encoded) => encoded.bytes(),
            Sound::Copied { of, .. } => {
                let rate = self.streams.audio.get(*of).and_then(|track| track.bitrate).unwrap_or(192_000);
                u64::try_from(u128::from(rate) * u128::from(duration_us) / 8_000_000).unwrap_or(u64::MAX)
            }
        };
        let (source, format) = (self.source, self.facts.format);
        let job = ffmpeg::Job {
            source,
            format,
            video,
            facts,
            sound_bytes,
            duration_us,
            coding,
            salvage: self.salvage,
            strict: self.strict,
        };
        let mut share = 1.0;
        for _ in 0..MAX_CORRECTIONS {
            let made = ffmpeg::transcode(ffmpeg, &job, share, self.cancel)?;
            let pictures = Source::from_spool(Arc::new(made.file), made.bytes, Path::new("pictures.mp4"));
            let mut out = Spool::new(u64::MAX);
            self.join(&mut out, &pictures, &sound, made.ends_at)?;
            if out.len() <= coding.target_bytes {
                return out.into_body();
            }
            share *= coding.target_bytes as f64 / out.len() as f64 * 0.985;
        }
        let allowed = coding.target_bytes;
        Err(Error::cannot_fit(format!("the video cannot be made small enough; allowed {allowed} bytes; cut it first")))
    }

    /// Pictures coded by what is built in.
    #[cfg(feature = "video")]
    fn code_video_here(
        &self,
        video: usize,
        facts: &crate::facts::VideoTrack,
        coding: &VideoCoding,
        sound: &Sound,
    ) -> Result<Body> {
        let track = self.number(Kind::Video, video)?;
        let open = || self.open();
        let run = |sound: super::video::Sound<'_>| -> Result<Body> {
            let (salvage, every_picture) = (self.salvage, false);
            let clip = super::video::Clip { open: &open, track, facts, coding, salvage, every_picture };
            let job = super::video::Job { clip, sound };
            super::video::transcode(&job, self.cancel)?.0.into_body()
        };
        match sound {
            Sound::None => run(super::video::Sound::None),
            Sound::Copied { kept, .. } => run(super::video::Sound::Copy(kept.index)),
            Sound::Coded(encoded) => {
                let packets = || -> Result<Box<dyn Packets + '_>> { Ok(Box::new(encoded.packets())) };
                let beside = Beside { track: &encoded.track, packets: &packets };
                run(super::video::Sound::Made(&beside))
            }
        }
    }
}
