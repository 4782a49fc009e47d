//! Everything decoded and dropped: what headers do not show is seen.

use super::{Bench, streams};
use crate::cancel::Cancel;
use crate::convert::audio;
use crate::demux::Kind;
use crate::engine::Ffmpeg;
use crate::error::{ErrorKind, Result};
use crate::facts::{Facts, StreamFacts};
use crate::plan::{Engine, decodes};
use crate::source::Source;
use std::sync::OnceLock;

/// What was heard of a file that was decoded whole.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How loud it is over its length.
    pub waveform: Option<[u8; 64]>,
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
    /// Whether the sound plays, as far as a few of its packets show.
    fn plays(&self, track: usize) -> Result<bool> {
        let codec = self.streams.audio.get(track).map(|track| track.codec.as_str());
        if !codec.is_some_and(|codec| decodes(codec, self.facts.format)) {
            return Ok(false);
        }
        audio::plays(self.open()?, self.source, self.number(Kind::Audio, track)?, self.cancel)
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
    let (engine, max_bytes, folder, salvage) = (Engine::Builtin, u64::MAX, None, false);
    let (strict, coded_us) = (false, OnceLock::new());
    Bench { source, facts, streams, engine, ffmpeg, folder, cancel, max_bytes, salvage, strict, coded_us }
}
