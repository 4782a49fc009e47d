//! How long a frame of sound lasts by its codec, where the container does not say.

use super::tracks::{Entry, TICKS};
use crate::codec::{aac, flac, opus};
use crate::demux::Kind;

/// What tells the length of a track's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameLength {
    /// Nothing.
    Unknown,
    /// All last so many nanoseconds.
    Fixed(u64),
    /// Their first bytes (RFC 6716 §3.1), or else so many nanoseconds.
    Opus {
        /// What the container says of all.
        usual: Option<u64>,
    },
    /// Their first bytes: samples at so many a second, or else so many nanoseconds. The last one is shorter than the
    /// container's default says.
    Flac {
        /// Samples a second.
        rate: u64,
        /// What the container says of all.
        usual: Option<u64>,
    },
    /// Their sizes: so many bytes a second.
    Bytes(u64),
}

impl FrameLength {
    /// By the codec and what the container says of the sound.
    pub(super) fn of(entry: &Entry) -> Self {
        let track = &entry.track;
        let rate = track.sample_rate.filter(|&rate| rate > 0).map(u64::from);
        if let Some(rate) = rate.filter(|_| track.codec == "flac") {
            return Self::Flac { rate, usual: entry.default_duration };
        }
        if track.codec == "opus" {
            return Self::Opus { usual: entry.default_duration };
        }
        if let Some(duration) = entry.default_duration {
            return Self::Fixed(duration);
        }
        let samples = |count: u64| rate.map_or(Self::Unknown, |rate| Self::Fixed(count * u64::from(TICKS) / rate));
        if track.kind != Kind::Audio {
            return Self::Unknown;
        }
        match track.codec.as_str() {
            "aac" => match aac::Config::parse(&track.config) {
                Some(config) if config.core_rate > 0 => {
                    let samples = u64::from(config.frame_samples) * u64::from(TICKS);
                    Self::Fixed(samples / u64::from(config.core_rate))
                }
                _ => samples(1024),
            },
            // Layer III has half the samples at the lower rates (ISO/IEC 13818-3 §2.4.3.2).
            "mp3" if rate.is_some_and(|rate| rate < 32_000) => samples(576),
            "mp3" | "mp2" => samples(1152),
            "ac3" | "eac3" => samples(1536),
            "pcm" | "pcm-be" | "pcm-float" | "alaw" | "mulaw" => {
                let bytes = u64::from(track.bits.unwrap_or(8)).div_ceil(8) * u64::from(track.channels.unwrap_or(1));
                rate.filter(|_| bytes > 0).map_or(Self::Unknown, |rate| Self::Bytes(rate * bytes))
            }
            _ => Self::Unknown,
        }
    }

    /// How many of a frame's first bytes tell its length.
    pub(super) const fn bytes_needed(self) -> usize {
        match self {
            Self::Unknown | Self::Fixed(_) | Self::Bytes(_) => 0,
            Self::Opus { .. } => 2,
            Self::Flac { .. } => 13,
        }
    }

    /// The length of a frame of `size` bytes that starts with `bytes`, in nanoseconds.
    pub(super) fn nanoseconds(self, bytes: &[u8], size: u64) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Fixed(duration) => Some(duration),
            Self::Opus { usual } => {
                opus::packet_samples_48k(bytes).map(|samples| u64::from(samples) * u64::from(TICKS) / 48_000).or(usual)
            }
            Self::Flac { rate, usual } => {
                flac::frame_samples(bytes).map(|samples| u64::from(samples) * u64::from(TICKS) / rate).or(usual)
            }
            Self::Bytes(rate) => size.checked_mul(u64::from(TICKS)).map(|ticks| ticks / rate.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_of_flac_is_as_long_as_its_header_says() {
        let length = FrameLength::Flac { rate: 44_100, usual: Some(104_489_795) };
        let samples = |frame: &[u8]| length.nanoseconds(frame, 900).map(|ns| (ns * 44_100).div_ceil(1_000_000_000));
        assert_eq!(samples(&[0xff, 0xf8, 0xc9, 0x18, 0x00, 0xc2]), Some(4096));
        assert_eq!(samples(&[0xff, 0xf8, 0x79, 0x18, 0x09, 0x0a, 0x43]), Some(2628));
        assert_eq!(samples(b"no frame"), Some(4608), "what the container says");
    }
}
