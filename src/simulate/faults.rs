//! What goes wrong, and when: decided by a count and a seed, so that a run can be repeated.

use std::time::Duration;

/// One way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers after half a second.
    Delay,
    /// 429 with `Retry-After` in seconds.
    TooMany,
    /// 429 with `Retry-After` as a date.
    TooManyDate,
    /// The rate limit as 360dialog tells it: status 400 with a text.
    TooManyText,
    /// 500 with the platform's own code.
    ServerError,
    /// 503 with a page in HTML.
    Page,
    /// 200 with something that is not JSON.
    Garbage,
    /// The connection ends while the body is being sent.
    CutBody,
    /// All is done, and the connection ends without an answer.
    LoseAnswer,
    /// All is done, and the connection ends within the answer.
    HalfAnswer,
    /// The key has expired.
    KeyExpired,
    /// The volume is full.
    VolumeFull,
    /// A redirect to another host.
    Redirect,
    /// 429 that asks for a wait of two hours.
    TooManyLong,
    /// An error whose every text repeats the key.
    EchoKey,
}

/// Every fault by name, and whether it is part of a rate of faults: what passes by itself is.
#[rustfmt::skip]
pub const FAULTS: &[(Fault, &str, bool)] = &[
    (Fault::Delay,       "delay",         true),
    (Fault::TooMany,     "too-many",      true),
    (Fault::TooManyDate, "too-many-date", true),
    (Fault::TooManyText, "too-many-text", true),
    (Fault::ServerError, "server-error",  true),
    (Fault::Page,        "page",          true),
    (Fault::Garbage,     "garbage",       true),
    (Fault::CutBody,     "cut-body",      true),
    (Fault::LoseAnswer,  "lose-answer",   true),
    (Fault::HalfAnswer,  "half-answer",   true),
    (Fault::KeyExpired,  "key-expired",   false),
    (Fault::VolumeFull,  "volume-full",   false),
    (Fault::Redirect,    "redirect",      false),
    (Fault::TooManyLong, "too-many-long", false),
    (Fault::EchoKey,     "echo-key",      false),
];

impl Fault {
    /// The fault's name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        FAULTS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The share of requests that fail, from 0 to 1. Default: 0.
    pub rate: f64,
    /// How they fail, in turn. Default: every fault that passes by itself.
    pub kinds: Vec<Fault>,
    /// Which requests fail. Default: 1.
    pub seed: u64,
    /// How many fail at most. Default: no bound.
    pub count: u64,
    /// How long every answer takes. Default: not longer than it takes.
    pub delay: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        let kinds = FAULTS.iter().filter(|row| row.2).map(|row| row.0).collect();
        Self { rate: 0.0, kinds, seed: 1, count: u64::MAX, delay: Duration::ZERO }
    }
}

impl Faults {
    /// Every request fails in this way, `count` of them.
    #[must_use]
    pub fn always(kind: Fault, count: u64) -> Self {
        Self { rate: 1.0, kinds: vec![kind], count, ..Self::default() }
    }

    /// How request number `request` fails, `failed` having failed before it.
    pub(super) fn of(&self, request: u64, failed: u64) -> Option<Fault> {
        if failed >= self.count || self.kinds.is_empty() {
            return None;
        }
        // SplitMix64: a number from a count.
        let mut mixed = self.seed.wrapping_add(request.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        #[expect(clippy::cast_precision_loss, reason = "a share of all numbers")]
        let share = mixed as f64 / u64::MAX as f64;
        if share >= self.rate {
            return None;
        }
        let turn = usize::try_from(failed).unwrap_or(0) % self.kinds.len();
        self.kinds.get(turn).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_met_and_repeats_itself() {
        let faults = Faults { rate: 0.2, ..Faults::default() };
        let hits = |seed| {
            let faults = Faults { seed, ..faults.clone() };
            (0..10_000).filter(|request| faults.of(*request, 0).is_some()).collect::<Vec<_>>()
        };
        assert!((1900..2100).contains(&hits(1).len()), "{}", hits(1).len());
        assert_eq!(hits(7), hits(7));
        assert_ne!(hits(1), hits(2));
        assert_eq!(Faults::default().kinds.len(), 10);
        assert_eq!(Faults::always(Fault::Page, 2).of(5, 2), None);
    }
}
