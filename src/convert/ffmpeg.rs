//! What an installed ffmpeg does for us: samples of sound that nothing here decodes, and pictures coded anew.

mod cube;
mod probe;
mod video;

pub(crate) use probe::complete;
pub(super) use video::{Job, transcode};

use super::audio::PcmSource;
use crate::cancel::Cancel;
use crate::engine::{Ffmpeg, Input, Running, input};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::AudioTrack;
use crate::format::Format;
use crate::source::Source;
use std::ffi::OsString;

/// How much is read from the pipe at once, in bytes: a multiple of every frame size up to eight channels.
const BLOCK: usize = 64 * 1024;

/// The rate that is asked for where the container names none, or one that no decoder is made for.
const USUAL_RATE: u32 = 48_000;

/// The most samples that may come behind the stated end and are left out as padding, in microseconds: what is longer is
/// sound that the header does not know of.
const PADDING_US: u64 = 500_000;

/// Samples that ffmpeg decodes.
pub(super) struct Pipe {
    running: Option<Running>,
    rate: u32,
    channels: u16,
    block: Vec<u8>,
    /// The codec, for refusals.
    codec: String,
    end: End,
    /// A file that stands in for a source in memory, until the end.
    _input: Input,
}

/// Which part of a stream of sound is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Whether it begins at its own start, and not at that of the file.
    pub waits: bool,
    /// Behind which time all is padding, in microseconds from its start.
    pub end_us: Option<u64>,
}

/// The samples of the sound stream `track` of `source`, whose facts are `facts`.
///
/// # Errors
/// `Unsupported` for formats that ffmpeg is not given; `Engine` when it cannot be run.
pub(super) fn open(
    ffmpeg: &Ffmpeg,
    source: &Source,
    format: Format,
    track: usize,
    facts: &AudioTrack,
    part: Part,
    cancel: &Cancel,
) -> Result<Pipe> {
    let input = input(source, format)?;
    let rate = facts.sample_rate.filter(|rate| (4000..=192_000).contains(rate)).unwrap_or(USUAL_RATE);
    let channels = facts.channels.filter(|channels| (1..=2).contains(channels)).unwrap_or(2);
    let mut arguments = input.arguments.clone();
    arguments.extend(["-map", &format!("0:a:{track}"), "-vn", "-sn", "-dn"].map(OsString::from));
    arguments.extend(["-ac", &channels.to_string(), "-ar", &rate.to_string()].map(OsString::from));
    // What lies between packets is silence, as players have it; channels that are mixed must not add up to more than one.
    let start = if part.waits { "" } else { ":first_pts=0" };
    let filter = format!("aresample=async=1{start}:rematrix_maxval=1.0");
    arguments.extend(["-af", &filter, "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"].map(OsString::from));
    let running = ffmpeg.start(&arguments, cancel)?;
    let (block, codec) = (vec![0; BLOCK], facts.codec.clone());
    let end = End::new(part.end_us, rate, channels);
    Ok(Pipe { running: Some(running), rate, channels, block, codec, end, _input: input })
}

/// Where the stated length ends: decoders give whole frames, and ffmpeg cuts few containers' padding off the last one.
#[derive(Debug)]
struct End {
    /// Values that are played before it, all channels; none where nothing is stated, or it was wrong.
    left: Option<usize>,
    /// What came behind it.
    held: Vec<f32>,
    max_held: usize,
}

impl End {
    fn new(end_us: Option<u64>, rate: u32, channels: u16) -> Self {
        let values = |us: u64| {
            let frames = (u128::from(us) * u128::from(rate) + 500_000) / 1_000_000;
            usize::try_from(frames * u128::from(channels)).unwrap_or(usize::MAX)
        };
        Self { left: end_us.map(values), held: Vec::new(), max_held: values(PADDING_US) }
    }

    /// Holds back what of `into` behind `fresh` lies beyond the end, until there is too much of it.
    fn pass(&mut self, into: &mut Vec<f32>, fresh: usize) {
        let Some(left) = &mut self.left else { return };
        let played = (into.len() - fresh).min(*left);
        *left -= played;
        self.held.extend(into.drain(fresh + played..));
        if self.held.len() > self.max_held {
            self.left = None;
            into.append(&mut self.held);
        }
    }
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
        let before = into.len();
        // A decoder may give what is no number; it would poison every filter behind it.
        into.extend(
            samples
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .map(|sample| if sample.is_finite() { sample } else { 0.0 }),
        );
        self.end.pass(into, before);
        if count == BLOCK {
            return Ok(true);
        }
        if let Some(running) = self.running.take() {
            running.finish().map_err(|error| match error.kind() {
                ErrorKind::Unsupported => Error::unsupported(format!(
                    "{} is not decoded by the installed ffmpeg; convert it first, or install one that does",
                    self.codec
                )),
                _ => error,
            })?;
        }
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(end_us: Option<u64>, blocks: &[usize]) -> usize {
        let (mut end, mut into) = (End::new(end_us, 1000, 2), Vec::new());
        for &block in blocks {
            let before = into.len();
            into.resize(before + block, 0.5);
            end.pass(&mut into, before);
        }
        into.len()
    }

    #[test]
    fn padding_behind_the_end_is_left_out() {
        assert_eq!(played(None, &[700, 700]), 1400);
        assert_eq!(played(Some(600_000), &[700, 700]), 1200);
        assert_eq!(played(Some(600_000), &[1200, 1000]), 1200);
        assert_eq!(played(Some(900_000), &[700, 700]), 1400);
        // A header that is wrong about the length.
        assert_eq!(played(Some(100_000), &[700, 700]), 1400);
    }
}
