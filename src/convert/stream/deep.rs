//! Everything decoded and dropped: what headers do not show is seen.

use super::{Bench, streams};
use crate::cancel::Cancel;
use crate::convert::audio;
use crate::demux::Kind;
use crate::engine::Ffmpeg;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{AudioTrack, Facts, Lost, StreamFacts};
use crate::format::Format;
use crate::plan::{Engine, decodes};
use crate::source::Source;
use std::sync::OnceLock;

/// How much less sound than its headers announce ffmpeg may find, in microseconds, and decoders here: a packet of FLAC.
const LOST_US: u64 = 500_000;
const PACKET_US: u64 = 120_000;

/// The same where headers tell it roughly: by whole packets of a second, or by clocks that run ahead.
const ROUGHLY_US: u64 = 1_100_000;

/// What was heard of a file that was decoded whole.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How loud it is over its length.
    pub waveform: Option<[u8; 64]>,
    /// What did not decode, by the tracks.
    pub lost: Vec<(usize, Lost)>,
}

/// How much of the sound is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All of it.
    Whole,
    /// As much as shows whether it plays.
    Sampled,
}

/// Decodes the sound of a file and drops it: shows what the headers cannot.
///
/// # Errors
/// `Malformed` when it does not decode; `Unsupported` where nobody here decodes it; `Limit`; `Cancelled`; `Io`.
pub(crate) fn listen(
    source: &Source,
    facts: &Facts,
    depth: Depth,
    ffmpeg: Option<&Ffmpeg>,
    cancel: &Cancel,
) -> Result<Heard> {
    let Some(streams) = streams(facts) else { return Ok(Heard::default()) };
    let pictures = !streams.video.is_empty();
    let mut heard = Heard::default();
    for track in 0..streams.audio.len() {
        let bench = looking(source, facts, streams, ffmpeg, cancel);
        // Whatever keeps it from that shows below.
        if depth == Depth::Sampled && bench.plays(track).unwrap_or(false) {
            continue;
        }
        match bench.pcm(track, pictures) {
            Ok(input) => {
                let listened = audio::listen(input, cancel)?;
                if !pictures {
                    bench.is_whole(track, listened.duration_us)?;
                }
                heard.waveform = heard.waveform.or(Some(listened.waveform));
                heard.lost.extend(listened.lost.map(|lost| (track, lost)));
            }
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

/// Decodes all pictures of `source` and drops them: what headers do not show is seen. Pictures in a codec without a decoder
/// here are passed over.
///
/// # Errors
/// `Malformed` when too little decodes; `Limit`; `Cancelled`; `Io`.
#[cfg(feature = "video")]
pub(crate) fn watch(source: &Source, facts: &Facts, cancel: &Cancel) -> Result<()> {
    let Some(streams) = streams(facts).filter(|streams| !streams.encrypted()) else { return Ok(()) };
    let bench = looking(source, facts, streams, None, cancel);
    for number in 0..streams.video.len() {
        let watched = bench
            .open()
            .and_then(|demuxer| crate::convert::video::watch(demuxer, bench.number(Kind::Video, number)?, cancel));
        match watched {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            other => other?,
        }
    }
    Ok(())
}

impl Bench<'_> {
    /// That as much sound came out of a track as its headers announce: what is missing between packets shows nowhere else, and
    /// ffmpeg goes over what it cannot decode without a word.
    pub(super) fn is_whole(&self, track: usize, found_us: u64) -> Result<()> {
        let facts = self.streams.audio.get(track);
        let Some(stated) = facts.and_then(|facts| facts.duration_us).filter(|_| !self.salvage) else { return Ok(()) };
        let long = facts.is_some_and(AudioTrack::has_long_packets);
        let by_clock = matches!(self.facts.format, Format::MpegPs | Format::MpegVideo);
        let allowed = match self.engine {
            _ if long || by_clock => ROUGHLY_US,
            Engine::Ffmpeg => LOST_US,
            Engine::Builtin => PACKET_US,
        };
        // Times that lie put in silence; what ffmpeg goes on with behind the end is cut by who asks for it.
        let more = self.engine == Engine::Builtin && found_us > stated.saturating_add(allowed);
        if found_us.saturating_add(allowed) >= stated && !more {
            return Ok(());
        }
        let seconds = |us: u64| us as f64 / 1e6;
        let missing = seconds(stated.saturating_sub(found_us));
        let (stated, found) = (seconds(stated), seconds(found_us));
        Err(match self.engine {
            Engine::Builtin if more => Error::malformed(format!(
                "{found:.3} s of sound are in it, where its times tell {stated:.3} s; send the original again"
            )),
            Engine::Builtin => Error::malformed(format!(
                "{missing:.3} s of its {stated:.3} s of sound are missing; send the original again"
            )),
            // What is not decoded here was not found damaged.
            Engine::Ffmpeg => Error::unsupported(format!(
                "ffmpeg decodes {found:.3} s of its {stated:.3} s of sound; convert it to WAV with what made it, and send that"
            )),
        })
    }

    /// Whether the sound plays, as far as a few of its packets show.
    fn plays(&self, track: usize) -> Result<bool> {
        let codec = self.streams.audio.get(track).map(|track| track.codec.as_str());
        if !codec.is_some_and(|codec| decodes(codec, self.facts.format)) {
            return Ok(false);
        }
        let us = audio::plays(self.open()?, self.source, self.number(Kind::Audio, track)?, self.cancel)?;
        // Packets that are missing show by their length, where it is known.
        let stated = self.streams.audio.get(track).and_then(|track| track.duration_us).unwrap_or(0);
        Ok(us.is_some_and(|us| us == 0 || us.saturating_add(PACKET_US) >= stated))
    }
}

/// A bench for looking alone, by what is built in.
fn looking<'a>(
    source: &'a Source,
    facts: &'a Facts,
    streams: &'a StreamFacts,
    ffmpeg: Option<&'a Ffmpeg>,
    cancel: &'a Cancel,
) -> Bench<'a> {
    let (engine, max_bytes, folder, strict) = (Engine::Builtin, u64::MAX, None, false);
    let (salvage, coded_us, lost) = (!facts.damage.is_empty(), OnceLock::new(), OnceLock::new());
    Bench { source, facts, streams, engine, ffmpeg, folder, cancel, max_bytes, salvage, strict, coded_us, lost }
}
