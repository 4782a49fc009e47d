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

/// What is aimed at where the rate follows what was spent.
const STEERED_SHARE: f64 = 0.99;

/// How often the rate follows, and when it has to stop before the end, in seconds.
const STEERED_EVERY: f64 = 1.0;

/// For how many seconds of sound an encoder is believed to spend what it is asked for, and how long what it spent instead is
/// remembered: the next half minute is more like the last than like all before.
const BELIEVED: f64 = 5.0;
const REMEMBERED: f64 = 20.0;

/// What one try codes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    pub channels: u16,
    pub bitrate: u32,
    /// Bits per second that are enough, wherever the limit leaves more.
    pub enough: u32,
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
    let first = settle(coding, channels, f64::from(wanted).min(affordable), f64::INFINITY, seconds, max_bytes)?;
    Ok(Try { enough: wanted.min(ceiling(coding, first.channels)), ..first })
}

/// The next try, when `last` came out as `bytes`, which is too much.
///
/// # Errors
/// As [`first`].
pub(super) fn corrected(coding: &AudioCoding, last: Try, bytes: u64, seconds: f64, max_bytes: u64) -> Result<Try> {
    let ratio = max_bytes as f64 / bytes.max(1) as f64;
    let bitrate = f64::from(last.bitrate) * (ratio * CORRECTED_SHARE).min(0.98);
    settle(coding, last.channels, bitrate, seconds * ratio, Some(seconds), max_bytes)
}

/// The try at the least rate.
pub(super) fn least(coding: &AudioCoding) -> Try {
    let (mono, _) = floors(coding);
    Try { channels: 1, bitrate: mono, enough: coding.bitrate.max(mono) }
}

/// Seconds of one channel that fit at the least rate.
pub(super) fn fitting(coding: &AudioCoding, max_bytes: u64) -> f64 {
    max_bytes as f64 * 8.0 * SHARE / f64::from(floors(coding).0.max(1))
}

/// Keeps one try to its limit: the rate of what is to come follows from what was spent so far, since an encoder of variable
/// rate spends what the sound needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steering {
    max_bytes: f64,
    seconds: f64,
    floor: f64,
    enough: f64,
    /// Bits per second that the encoder is asked for now, and since when, in seconds.
    rate: f64,
    since: f64,
    /// Bits of the file until then.
    spent: f64,
    /// Bits that it was asked for of late, and that it spent.
    lately: (f64, f64),
}

impl Steering {
    /// For a recording of `seconds` in `max_bytes`.
    pub(super) fn new(coding: &AudioCoding, first: Try, seconds: f64, max_bytes: u64) -> Self {
        let (mono, stereo) = floors(coding);
        let floor = f64::from(if first.channels >= 2 { stereo } else { mono });
        let (rate, enough) = (f64::from(first.bitrate), f64::from(first.enough));
        Self { max_bytes: max_bytes as f64, seconds, floor, enough, rate, since: 0.0, spent: 0.0, lately: (0.0, 0.0) }
    }

    /// What to ask for from `at` seconds on, where the file has `spent` bytes by then; none while it is too early to tell.
    pub(super) fn next(&mut self, at: f64, spent: u64) -> Option<u32> {
        if at < self.since + STEERED_EVERY || at > self.seconds - STEERED_EVERY {
            return None;
        }
        let (spent, passed) = (spent as f64 * 8.0, at - self.since);
        let fades = (-passed / REMEMBERED).exp();
        let (asked, used) = self.lately;
        self.lately = (asked * fades + self.rate * passed, used * fades + spent - self.spent);
        (self.spent, self.since) = (spent, at);
        let believed = self.rate * BELIEVED;
        let spends = (self.lately.1 + believed) / (self.lately.0 + believed);
        let left = self.max_bytes * 8.0 * STEERED_SHARE - spent;
        let affordable = left / (self.seconds - at) / spends;
        self.rate = affordable.min(self.enough).max(self.floor);
        // Between the floors and what was wanted.
        Some(self.rate as u32)
    }
}

/// The limit spread over the length, in bits per second.
fn rate(max_bytes: u64, seconds: f64) -> f64 {
    max_bytes as f64 * 8.0 / seconds
}

/// What is coded at `bitrate`; where that is too little, the length that fits is at most `tried` seconds.
fn settle(
    coding: &AudioCoding,
    channels: u16,
    bitrate: f64,
    tried: f64,
    seconds: Option<f64>,
    max_bytes: u64,
) -> Result<Try> {
    let (mono, stereo) = floors(coding);
    let channels = if channels >= 2 && bitrate >= f64::from(stereo) { 2 } else { 1 };
    if bitrate < f64::from(mono) {
        // Down to what fits, and the length up, so that following it is enough.
        let fitting = (fitting(coding, max_bytes).min(tried) * 10.0).floor() / 10.0;
        let found = seconds.map_or_else(
            || "an unknown length".to_owned(),
            |seconds| format!("{:.1} s", (seconds * 10.0).ceil() / 10.0),
        );
        return Err(Error::cannot_fit(format!(
            "is too long for {max_bytes} bytes; found {found}, allowed {fitting:.1} s at {} kbit/s; cut it, use --trim-to-fit, or send it in parts",
            mono / 1000
        )));
    }
    // Between the floors and what 32 bits hold.
    let bitrate = (bitrate as u32).min(ceiling(coding, channels));
    Ok(Try { channels, bitrate, enough: bitrate })
}

/// The most that is of any use.
fn ceiling(coding: &AudioCoding, channels: u16) -> u32 {
    let most = CEILINGS.iter().find(|(codec, _)| *codec == coding.codec).map_or(u32::MAX, |(_, most)| *most);
    most.saturating_mul(channels.into())
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
        target_bytes: u64::MAX,
        trim_to_fit: false,
    };
    const AAC: AudioCoding =
        AudioCoding { codec: AudioCodec::Aac, max_channels: 2, bitrate: 128_000, voice: false, floor: 32_000, ..OPUS };

    #[test]
    fn short_gets_what_was_wanted_and_long_what_is_left() {
        assert_eq!(first(&OPUS, 1, Some(60.0), 512_000).unwrap(), Try { channels: 1, bitrate: 32_000, enough: 32_000 });
        assert_eq!(
            first(&OPUS, 1, Some(200.0), 512_000).unwrap(),
            Try { channels: 1, bitrate: 19_660, enough: 32_000 }
        );
        assert_eq!(first(&OPUS, 1, None, 512_000).unwrap().bitrate, 32_000);
        assert_eq!(
            first(&AAC, 2, Some(60.0), 16_000_000).unwrap(),
            Try { channels: 2, bitrate: 128_000, enough: 128_000 }
        );
    }

    #[test]
    fn below_two_channels_floor_one_is_left() {
        assert_eq!(first(&AAC, 2, Some(1000.0), 7_000_000).unwrap().bitrate, 53_760);
        assert_eq!(
            first(&AudioCoding { voice: true, bitrate: 48_000, ..AAC }, 1, None, 7_000_000).unwrap().bitrate,
            96_000
        );
    }

    #[test]
    fn eight_hours_do_not_fit_and_it_says_what_would() {
        let error = first(&OPUS, 1, Some(28_800.0), 16_000_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CannotFit);
        assert!(error.what().contains("28800.0 s") && error.what().contains("10240.0 s"), "{error}");
    }

    #[test]
    fn corrections_go_down() {
        let last = Try { channels: 1, bitrate: 20_000, enough: 32_000 };
        assert_eq!(corrected(&OPUS, last, 600_000, 200.0, 512_000).unwrap().bitrate, 16_810);
        assert!(corrected(&OPUS, last, 512_001, 200.0, 512_000).unwrap().bitrate < 19_700);
        assert_eq!(corrected(&OPUS, last, 1_000_000, 400.0, 512_000).unwrap_err().kind(), ErrorKind::CannotFit);
    }

    /// Encoders that spend more than asked, less, less and then more, and what the sound in hand happens to need.
    #[test]
    fn what_is_spent_steers_what_is_asked_for() {
        let spends: [fn(f64) -> f64; 5] = [
            |_| 1.07,
            |_| 0.9,
            |at| if at < 100.0 { 0.5 } else { 1.1 },
            |at| if at < 150.0 { 1.2 } else { 1.0 },
            |at| 1.0 + 0.3 * (at / 3.0).sin(),
        ];
        for (index, spends) in spends.iter().enumerate() {
            let seconds = 200.0;
            let first = first(&OPUS, 1, Some(seconds), 512_000).unwrap();
            let mut steering = Steering::new(&OPUS, first, seconds, 512_000);
            let (mut at, mut rate, mut spent) = (0.0, f64::from(first.bitrate), 0.0);
            while at < seconds {
                at += 0.06;
                spent += rate / 8.0 * 0.06 * spends(at);
                rate = steering.next(at, spent as u64).map_or(rate, f64::from);
            }
            let share = spent / 512_000.0;
            assert!((0.97..=1.0).contains(&share), "{index}: {share}");
        }
    }

    #[test]
    fn steering_keeps_to_what_is_enough_and_to_the_floor() {
        let first = first(&OPUS, 1, Some(60.0), 512_000).unwrap();
        let mut steering = Steering::new(&OPUS, first, 60.0, 512_000);
        assert_eq!(steering.next(0.5, 1_000), None);
        assert_eq!(steering.next(10.0, 40_000), Some(32_000));
        assert_eq!(steering.next(20.0, 500_000), Some(12_000));
        assert_eq!(steering.next(59.5, 510_000), None);
    }
}
