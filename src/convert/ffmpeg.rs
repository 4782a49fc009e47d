//! What an installed ffmpeg does for us: samples of sound that nothing here decodes, and pictures coded anew.

mod video;

pub(super) use video::{Job, transcode};

use super::audio::PcmSource;
use crate::cancel::Cancel;
use crate::engine::{Ffmpeg, Input, Running, input};
use crate::error::Result;
use crate::facts::AudioTrack;
use crate::format::Format;
use crate::source::Source;
use std::ffi::OsString;

/// How much is read from the pipe at once, in bytes: a multiple of every frame size up to eight channels.
const BLOCK: usize = 64 * 1024;

/// The rate that is asked for where the container names none, or one that no decoder is made for.
const USUAL_RATE: u32 = 48_000;

/// Samples that ffmpeg decodes.
pub(super) struct Pipe {
    running: Option<Running>,
    rate: u32,
    channels: u16,
    block: Vec<u8>,
    /// A file that stands in for a source in memory, until the end.
    _input: Input,
}

/// The samples of the sound stream `track` of `source`, whose facts are `facts`: from its own start on if it `waits`, else
/// from the start of the file on.
///
/// # Errors
/// `Unsupported` for formats that ffmpeg is not given; `Engine` when it cannot be run.
pub(super) fn open(
    ffmpeg: &Ffmpeg,
    source: &Source,
    format: Format,
    track: usize,
    facts: &AudioTrack,
    waits: bool,
    cancel: &Cancel,
) -> Result<Pipe> {
    let input = input(source, format)?;
    let rate = facts.sample_rate.filter(|rate| (4000..=192_000).contains(rate)).unwrap_or(USUAL_RATE);
    let channels = facts.channels.filter(|channels| (1..=2).contains(channels)).unwrap_or(2);
    let mut arguments = input.arguments.clone();
    arguments.extend(["-map", &format!("0:a:{track}"), "-vn", "-sn", "-dn"].map(OsString::from));
    arguments.extend(["-ac", &channels.to_string(), "-ar", &rate.to_string()].map(OsString::from));
    // What lies between packets is silence, as players have it.
    let filter = if waits { "aresample=async=1" } else { "aresample=async=1:first_pts=0" };
    arguments.extend(["-af", filter, "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"].map(OsString::from));
    let running = ffmpeg.start(&arguments, cancel)?;
    Ok(Pipe { running: Some(running), rate, channels, block: vec![0; BLOCK], _input: input })
}

impl PcmSource for Pipe {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn channels(&self) -> u16 {
        self.channels
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        let Some(running) = &mut self.running else { return Ok(false) };
        let count = running.read(&mut self.block)?;
        let read = self.block.get(..count).unwrap_or_default();
        let (samples, _) = read.as_chunks::<4>();
        // A decoder may give what is no number; it would poison every filter behind it.
        into.extend(
            samples
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .map(|sample| if sample.is_finite() { sample } else { 0.0 }),
        );
        if count == BLOCK {
            return Ok(true);
        }
        if let Some(running) = self.running.take() {
            running.finish()?;
        }
        Ok(count > 0)
    }
}
