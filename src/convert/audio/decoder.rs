//! A decoder of packets by the codec of their track.

use super::aac::AacDecoder;
use super::amr::AmrDecoder;
use super::layout::Layout;
use super::opus::OpusDecoder;
use super::pcm::PcmDecoder;
use super::symphonia::SymphoniaDecoder;
use super::vorbis::VorbisDecoder;
use crate::demux::Track;
use crate::error::{Error, Result};
use crate::limits::{SOUND_RATES, sound_refused};

/// The most samples of a channel that one packet may announce. A CAF of 62 KB that announces 2^31 samples a packet would have
/// 8 GB reserved for it.
pub(super) const MAX_PACKET_FRAMES: u64 = 65_536;

/// What a decoder's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    /// Samples per second.
    pub rate: u32,
    /// Whose they are.
    pub layout: Layout,
}

impl Spec {
    /// The guard in front of every decoder.
    pub(super) fn guarded(self) -> Result<Self> {
        guard(u64::from(self.layout.channels()), self.rate, None).map(|()| self)
    }
}

/// Turns packets into interleaved samples.
pub(super) trait Decoder {
    /// Appends the samples of `packet` and tells what they are. On an error the decoder is ready for the next packet.
    ///
    /// # Errors
    /// `Malformed` when the packet does not decode.
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec>;
}

/// Refuses what no honest file has, before anything is reserved for it.
pub(super) fn guard(channels: u64, rate: u32, packet_frames: Option<u64>) -> Result<()> {
    if let Some(what) = sound_refused(channels, rate) {
        return Err(Error::limit(what));
    }
    match packet_frames {
        Some(frames) if frames > MAX_PACKET_FRAMES => Err(Error::limit(format!(
            "announces packets that are too long; found {frames} samples, allowed {MAX_PACKET_FRAMES}"
        ))),
        _ => Ok(()),
    }
}

/// The decoder of a track's packets.
///
/// # Errors
/// `Unsupported`, naming the codec, where there is none; `Malformed` or `Limit` by the track's configuration.
pub(super) fn of_track(track: &Track) -> Result<Box<dyn Decoder>> {
    if track.encrypted {
        return Err(Error::unsupported("the sound is encrypted; send the original without copy protection"));
    }
    if let Some(channels) = track.channels {
        guard(
            u64::from(channels.max(1)),
            track.sample_rate.unwrap_or(*SOUND_RATES.start()).max(*SOUND_RATES.start()),
            None,
        )?;
    }
    Ok(match track.codec.as_str() {
        "aac" => Box::new(AacDecoder::new(&track.config)?),
        "opus" => Box::new(OpusDecoder::new(track)?),
        "amr" | "amr-wb" => Box::new(AmrDecoder::new(track.codec == "amr-wb")?),
        "pcm" | "pcm-float" | "alaw" | "mulaw" => Box::new(PcmDecoder::of_track(track)?),
        "vorbis" if track.channels.is_some_and(|channels| channels > 2) => Box::new(VorbisDecoder::new(track)?),
        "mp3" | "vorbis" | "flac" | "alac" | "adpcm" => Box::new(SymphoniaDecoder::of_track(track)?),
        other => return Err(undecodable(other)),
    })
}

/// The refusal of a codec that this build is without.
#[cfg(not(all(feature = "aac", feature = "amr", feature = "opus")))]
pub(super) fn left_out(codec: &str) -> Error {
    Error::unsupported(crate::built::refusal(codec, codec).unwrap_or_default())
}

/// The refusal of a codec for which there is no decoder.
pub(super) fn undecodable(codec: &str) -> Error {
    Error::unsupported(format!("{codec} has no built-in decoder; install ffmpeg, or convert it to WAV first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn guards() {
        assert!(guard(2, 44_100, Some(65_536)).is_ok());
        for (channels, rate, frames) in [
            (0, 44_100, None),
            (9, 44_100, None),
            (65_408, 8000, None),
            (2, 3999, None),
            (2, 384_001, None),
            (1, 8000, Some(1 << 31)),
        ] {
            assert_eq!(guard(channels, rate, frames).unwrap_err().kind(), ErrorKind::Limit);
        }
    }

    #[test]
    fn refusals_name_the_codec() {
        let track = Track::new(1, crate::demux::Kind::Audio, "wma", 1000);
        let error = of_track(&track).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.what().contains("wma"), "{error}");
    }
}
