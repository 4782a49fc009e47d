//! Sound: from packets and files to samples, and from samples to Opus and AAC that fit.
//!
//! A source gives samples in blocks and an encoder takes them in blocks: nothing holds a recording as a whole, so that an
//! hour takes no more memory than a second.

#[cfg(feature = "aac")]
mod aac;
#[cfg(not(feature = "aac"))]
#[path = "audio/absent/aac.rs"]
mod aac;
mod access_units;
mod aiff;
#[cfg(feature = "amr")]
mod amr;
#[cfg(not(feature = "amr"))]
#[path = "audio/absent/amr.rs"]
mod amr;
mod au;
mod budget;
mod caf;
mod chain;
mod core_audio;
mod decoder;
mod encode;
mod files;
mod health;
mod layout;
mod limiter;
#[cfg(feature = "opus")]
mod opus;
#[cfg(not(feature = "opus"))]
#[path = "audio/absent/opus.rs"]
mod opus;
mod packets;
mod pcm;
mod resample;
mod sampled;
mod stored;
mod symphonia;
mod timeline;
mod trim;
mod vorbis;
mod wav;
mod waveform;
mod window;

pub(crate) use access_units::AacEncoded;
pub(crate) use encode::{encode_aac, transcode};
pub(crate) use files::open as open_file;
pub(crate) use layout::Layout;
pub(crate) use packets::{Opening, open as open_track};
pub(crate) use sampled::plays;
pub(crate) use timeline::Times;
pub(crate) use wav::frames as frames_of_wave;
pub(crate) use waveform::{BARS, Waveform};

use crate::cancel::Cancel;
use crate::error::Result;
use crate::facts::Lost;
use crate::plan::{AudioCodec, AudioCoding};

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

    /// What of it did not decode so far. Default: nothing.
    fn lost(&self) -> Option<Lost> {
        None
    }
}

/// How long so many samples of a channel are.
pub(crate) fn microseconds(samples: u64, rate: u32) -> u64 {
    u64::try_from(u128::from(samples) * 1_000_000 / u128::from(rate.max(1))).unwrap_or(u64::MAX)
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
    /// The loudness that it has, in hundredths of LUFS, where its peaks do not allow the one that was wanted.
    pub missed_centi_lufs: Option<i32>,
    /// What of the recording did not decode.
    pub lost: Option<Lost>,
}

/// What was heard of a recording.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listened {
    /// How loud it is over its length.
    pub waveform: [u8; BARS],
    /// Its length, in microseconds.
    pub duration_us: u64,
    /// What of it did not decode.
    pub lost: Option<Lost>,
}

/// Decodes everything and drops it.
///
/// # Errors
/// `Malformed` when the recording holds no sound, or too little of it decodes; `Cancelled`; `Io`.
pub(crate) fn listen(mut input: Box<dyn PcmSource + '_>, cancel: &Cancel) -> Result<Listened> {
    let mut samples = Vec::new();
    let mut waveform = Waveform::default();
    let mut count = 0_u64;
    while input.read(&mut samples)? {
        cancel.check()?;
        count += samples.len() as u64;
        waveform.add(&samples);
        samples.clear();
    }
    if count == 0 {
        return Err(crate::error::Error::malformed("holds no sound; send the original again"));
    }
    let duration_us = microseconds(count / u64::from(input.channels().max(1)), input.rate());
    Ok(Listened { waveform: waveform.bars(), duration_us, lost: input.lost() })
}

#[cfg(test)]
mod tests;
