//! Sound: from packets and files to samples, and from samples to Opus and AAC that fit.
//!
//! A source gives samples in blocks and an encoder takes them in blocks: nothing holds a recording as a whole, so that an
//! hour takes no more memory than a second.

mod aac;
mod access_units;
mod aiff;
mod amr;
mod budget;
mod caf;
mod chain;
mod decoder;
mod encode;
mod files;
mod health;
mod layout;
mod opus;
mod packets;
mod pcm;
mod resample;
mod stored;
mod symphonia;
mod trim;
mod wav;
mod waveform;
mod window;

pub(crate) use aac::AacEncoder;
pub(crate) use access_units::{AacEncoded, AccessUnits};
pub(crate) use encode::{encode_aac, transcode};
pub(crate) use files::open as open_file;
pub(crate) use layout::Layout;
pub(crate) use packets::{Opening, open as open_track};
pub(crate) use waveform::BARS;

use crate::cancel::Cancel;
use crate::error::Result;

/// Samples of a recording, from its start to its end.
pub(crate) trait PcmSource {
    /// Samples per second and channel.
    fn rate(&self) -> u32;

    /// How many channels.
    fn channels(&self) -> u16;

    /// Whose channels they are. Default: the usual order for their count.
    fn layout(&self) -> Layout {
        Layout::of_count(self.channels())
    }

    /// Appends the next samples, interleaved; false at the end.
    ///
    /// # Errors
    /// `Malformed` when too little of the recording decodes; `Io`.
    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool>;
}

/// What sound is coded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioCodec {
    /// Opus in Ogg.
    Opus,
    /// AAC-LC in M4A.
    Aac,
}

/// How sound is to be coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioCoding {
    /// As what.
    pub codec: AudioCodec,
    /// The most channels: 1 or 2.
    pub max_channels: u16,
    /// Bits per second that are wanted, where length and limit leave them.
    pub bitrate: u32,
    /// The least, in bits per second.
    pub floor: u32,
    /// Whether it is speech.
    pub voice: bool,
    /// The loudness to bring it to, in hundredths of LUFS (EBU R128); nothing leaves it as it is.
    pub loudness_centi_lufs: Option<i32>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transcoded {
    /// Bits per second that the encoder was given.
    pub bitrate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Length as played.
    pub duration_us: u64,
    /// Loudness along the length, 0 to 100.
    pub waveform: [u8; BARS],
}

/// Decodes everything and drops it; gives the length in microseconds.
///
/// # Errors
/// `Malformed` when the recording holds no sound, or too little of it decodes; `Cancelled`; `Io`.
pub(crate) fn decode_whole(mut input: Box<dyn PcmSource + '_>, cancel: &Cancel) -> Result<u64> {
    let (mut samples, mut frames) = (Vec::new(), 0_u64);
    let channels = usize::from(input.channels().max(1));
    while input.read(&mut samples)? {
        cancel.check()?;
        frames += (samples.len() / channels) as u64;
        samples.clear();
    }
    Ok(u64::try_from(u128::from(frames) * 1_000_000 / u128::from(input.rate().max(1))).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
