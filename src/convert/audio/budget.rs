//! How many bits a second a length and a limit leave, and what is done with them.

use super::{AudioCodec, AudioCoding};
use crate::error::{Error, Result};

/// What of the limit is spent on sound at the first try; the rest is the container's, and what rates miss.
const SHARE: f64 = 0.96;

/// What is aimed at once the real size is known.
const CORRECTED_SHARE: f64 = 0.985;

/// Bits per second below which nothing is coded, one and two channels: below, speech is no longer understood, or two
/// channels are worse than one.
#[rustfmt::skip]
const FLOORS: [(AudioCodec, u32, u32); 2] = [
    (AudioCodec::Opus, 12_000, 24_000),
    (AudioCodec::Aac,  32_000, 64_000),
];

/// The highest rates that are of any use, a channel.
const CEILINGS: [(AudioCodec, u32); 2] = [(AudioCodec::Opus, 160_000), (AudioCodec::Aac, 192_000)];

/// Speech in AAC: with less, this encoder is worse than Opus at a third of it.
const AAC_SPEECH: u32 = 96_000;

/// What one try codes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    pub channels: u16,
    pub bitrate: u32,
}

/// The channels and the rate of the first try.
///
/// # Errors
/// `CannotFit` where even the floor is too much, naming the length that would fit.
pub(super) fn first(coding: &AudioCoding, channels: u16, seconds: Option<f64>, max_bytes: u64) -> Result<Try> {
    let mut wanted = coding.bitrate;
    if coding.codec == AudioCodec::Aac && coding.voice {
        wanted = wanted.max(AAC_SPEECH);
    }
    let affordable =
        seconds.filter(|&seconds| seconds > 0.0).map_or(f64::INFINITY, |seconds| rate(max_bytes, seconds) * SHARE);
    settle(coding, channels, f64::from(wanted).min(affordable), seconds, max_bytes)
}

/// The next try, when `last` came out as `bytes`, which is too much.
///
/// # Errors
/// As [`first`].
pub(super) fn corrected(coding: &AudioCoding, last: Try, bytes: u64, seconds: f64, max_bytes: u64) -> Result<Try> {
    let ratio = max_bytes as f64 / bytes.max(1) as f64 * CORRECTED_SHARE;
    settle(coding, last.channels, f64::from(last.bitrate) * ratio.min(0.98), Some(seconds), max_bytes)
}

/// The limit spread over the length, in bits per second.
fn rate(max_bytes: u64, seconds: f64) -> f64 {
    max_bytes as f64 * 8.0 / seconds
}

fn settle(coding: &AudioCoding, channels: u16, bitrate: f64, seconds: Option<f64>, max_bytes: u64) -> Result<Try> {
    let (mono, stereo) = floors(coding);
    let channels = if channels >= 2 && bitrate >= f64::from(stereo) { 2 } else { 1 };
    if bitrate < f64::from(mono) {
        let fitting = max_bytes as f64 * 8.0 * SHARE / f64::from(mono);
        let found = seconds.map_or_else(|| "an unknown length".to_owned(), |seconds| format!("{seconds:.0} s"));
        return Err(Error::cannot_fit(format!(
            "is too long for {max_bytes} bytes; found {found}, allowed {fitting:.0} s at {} kbit/s; cut it, or send it in parts",
            mono / 1000
        )));
    }
    let ceiling = CEILINGS.iter().find(|(codec, _)| *codec == coding.codec).map_or(u32::MAX, |(_, most)| *most);
    let ceiling = ceiling.saturating_mul(channels.into());
    // Between the floors and what 32 bits hold.
    Ok(Try { channels, bitrate: (bitrate as u32).min(ceiling) })
}

/// The least for one channel and for two.
fn floors(coding: &AudioCoding) -> (u32, u32) {
    let row = FLOORS.iter().find(|(codec, _, _)| *codec == coding.codec);
    let (mono, stereo) = row.map_or((0, 0), |&(_, mono, stereo)| (mono, stereo));
    (mono.max(coding.floor), stereo.max(coding.floor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const OPUS: AudioCoding = AudioCoding {
        codec: AudioCodec::Opus,
        max_channels: 1,
        bitrate: 32_000,
        floor: 12_000,
        voice: true,
        loudness_centi_lufs: None,
    };
    const AAC: AudioCoding =
        AudioCoding { codec: AudioCodec::Aac, max_channels: 2, bitrate: 128_000, voice: false, floor: 32_000, ..OPUS };

    #[test]
    fn short_gets_what_was_wanted_and_long_what_is_left() {
        assert_eq!(first(&OPUS, 1, Some(60.0), 512_000).unwrap(), Try { channels: 1, bitrate: 32_000 });
        assert_eq!(first(&OPUS, 1, Some(200.0), 512_000).unwrap().bitrate, 19_660);
        assert_eq!(first(&OPUS, 1, None, 512_000).unwrap().bitrate, 32_000);
        assert_eq!(first(&AAC, 2, Some(60.0), 16_000_000).unwrap(), Try { channels: 2, bitrate: 128_000 });
    }

    #[test]
    fn below_two_channels_floor_one_is_left() {
        assert_eq!(first(&AAC, 2, Some(1000.0), 7_000_000).unwrap(), Try { channels: 1, bitrate: 53_760 });
        assert_eq!(
            first(&AudioCoding { voice: true, bitrate: 48_000, ..AAC }, 1, None, 7_000_000).unwrap().bitrate,
            96_000
        );
    }

    #[test]
    fn eight_hours_do_not_fit_and_it_says_what_would() {
        let error = first(&OPUS, 1, Some(28_800.0), 16_000_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CannotFit);
        assert!(error.what().contains("28800 s") && error.what().contains("10240 s"), "{error}");
    }

    #[test]
    fn corrections_go_down() {
        let last = Try { channels: 1, bitrate: 20_000 };
        assert_eq!(corrected(&OPUS, last, 600_000, 200.0, 512_000).unwrap().bitrate, 16_810);
        assert!(corrected(&OPUS, last, 512_001, 200.0, 512_000).unwrap().bitrate < 19_700);
        assert_eq!(corrected(&OPUS, last, 1_000_000, 400.0, 512_000).unwrap_err().kind(), ErrorKind::CannotFit);
    }
}
