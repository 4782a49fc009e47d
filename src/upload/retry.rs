//! Again, and when not: exponential backoff with full jitter, by what was answered (whatsapp-media §5, "Retry").

use super::body::random;
use super::circuit::{Pace, sleep};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::{Class, Fault, MAX_WAIT};
use crate::format::Role;
use std::time::Duration;

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The platform answered with a fault.
    Fault(Box<Fault>),
    /// No connection came about: nothing was sent.
    NotSent(String),
    /// Something was sent, and no whole answer came back.
    Unanswered(String),
    /// Our own side: the source cannot be read, the caller stopped.
    Own(Error),
}

impl Failure {
    /// Whether the same call may be made again when a repetition does no harm: at worst, an id is orphaned.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.class.is_retryable(),
            Self::NotSent(_) | Self::Unanswered(_) => true,
            Self::Own(_) => false,
        }
    }

    /// The same failure of a file that serves as `role`.
    pub(super) fn about(self, role: Role) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(Box::new(fault.about(role))),
            other => other,
        }
    }

    /// The failure as an error, with what was being done.
    pub(super) fn into_error(self, what: &str) -> Error {
        match self {
            Self::Fault(fault) => fault.into_error(what),
            Self::NotSent(why) | Self::Unanswered(why) => {
                Error::of(ErrorKind::Upload { retryable: true }, what, std::io::Error::other(why))
            }
            Self::Own(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

/// How often, and how long in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) tries: u32,
    pub(super) base: Duration,
    pub(super) cap: Duration,
}

impl Backoff {
    /// The wait after failed try number `tried` (from 1).
    fn wait(&self, failure: &Failure, tried: u32) -> Duration {
        let fault = match failure {
            Failure::Fault(fault) => Some(fault),
            Failure::NotSent(_) | Failure::Unanswered(_) | Failure::Own(_) => None,
        };
        let slow = fault.is_some_and(|fault| fault.class == Class::PairRate);
        let factor = if slow { 4_u32.saturating_pow(tried) } else { 2_u32.saturating_pow(tried.saturating_sub(1)) };
        let ceiling = self.base.saturating_mul(factor).min(self.cap);
        // One recipient's limit is a rhythm, not a crowd: no jitter below its floor.
        let floor = if slow { ceiling / 2 } else { Duration::ZERO };
        #[expect(clippy::cast_precision_loss, reason = "a random fraction")]
        let share = random() as f64 / u64::MAX as f64;
        let jittered = floor + (ceiling - floor).mul_f64(share.clamp(0.0, 1.0));
        fault.and_then(|fault| fault.retry_after).map_or(jittered, |asked| asked.max(jittered))
    }

    /// Calls `attempt` until it succeeds, `again` says no, or the tries are used up.
    pub(super) fn run<T>(
        &self,
        pace: &Pace,
        cancel: &Cancel,
        again: impl Fn(&Failure) -> bool,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut tried = 0;
        loop {
            pace.wait(cancel)?;
            let failure = match attempt() {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            tried += 1;
            let wait = self.wait(&failure, tried);
            if tried >= self.tries || matches!(failure, Failure::Own(_)) || !again(&failure) || wait > MAX_WAIT {
                return Err(failure);
            }
            // What the platform asks of one call holds for all with this key.
            if let Failure::Fault(fault) = &failure
                && let Some(asked) = fault.retry_after
            {
                pace.hold(asked);
            }
            sleep(wait, cancel)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_follow_what_is_asked() {
        let backoff = Backoff { tries: 5, base: Duration::from_secs(1), cap: Duration::from_secs(60) };
        let lost = Failure::Unanswered(String::new());
        for tried in 1..40 {
            assert!(
                backoff.wait(&lost, tried) <= Duration::from_secs(60).min(Duration::from_secs(1 << (tried - 1).min(6)))
            );
        }
        let asked = Fault::of_answer(429, b"", Some(Duration::from_secs(90)));
        assert!(backoff.wait(&Failure::Fault(Box::new(asked)), 1) >= Duration::from_secs(90));
        let pair = Fault::of_answer(400, br#"{"error":{"code":131056}}"#, None);
        assert!(backoff.wait(&Failure::Fault(Box::new(pair)), 1) >= Duration::from_secs(2));
    }
}
