//! What a piece of work is told and tells while it is under way: to stop, by when, and how far it is.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A switch, shared by its clones: once thrown, work under it ends with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    thrown: Arc<AtomicBool>,
    /// When the time of one piece of work is over, and how much it had.
    deadline: Option<(Instant, Duration)>,
    progress: Progress,
    /// How much other work of the same caller has not started yet.
    queued: Arc<AtomicUsize>,
}

impl Cancel {
    /// Throws the switch.
    pub fn cancel(&self) {
        self.thrown.store(true, Ordering::Relaxed);
    }

    /// Whether it was thrown.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.thrown.load(Ordering::Relaxed)
    }

    /// Nothing, or the error that ends the work.
    ///
    /// # Errors
    /// `Cancelled` once the switch was thrown; `Limit` once the time of one piece of work is over.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::cancelled());
        }
        match self.deadline {
            Some((end, allowed)) if Instant::now() > end => Err(Error::limit(format!(
                "took longer than it may; allowed {} s; use a longer --time-limit, or a shorter file",
                allowed.as_secs()
            ))),
            _ => Ok(()),
        }
    }

    /// The same switch for one piece of work, with a progress of its own.
    #[must_use]
    pub fn one(&self) -> Self {
        Self { progress: Progress::default(), ..self.clone() }
    }

    /// The same for work that has `limit` from now on.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        let deadline = Instant::now().checked_add(limit).map(|end| (end, limit));
        Self { deadline, ..self.clone() }
    }

    /// Says that so many pieces of work wait to be started.
    pub(crate) fn queue(&self, count: usize) {
        self.queued.fetch_add(count, Ordering::Relaxed);
    }

    /// Says that one of them was started, or will not be.
    pub(crate) fn dequeue(&self, count: usize) {
        let _ =
            self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| Some(queued.saturating_sub(count)));
    }

    /// Whether no other work waits: only then may one piece use several cores. A worker that waits for another takes up what
    /// it finds; were that whole files, they would pile up on its stack.
    #[cfg(feature = "video")]
    pub(crate) fn is_last(&self) -> bool {
        self.queued.load(Ordering::Relaxed) == 0
    }

    /// How long the work still has, where that is limited.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.map(|(end, _)| end.saturating_duration_since(Instant::now()))
    }

    /// How far the work is.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// How far one piece of work is: read by whoever watches it, at any time, from any thread.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU32>);

impl Progress {
    /// Parts of the whole that are counted.
    const WHOLE: f64 = 10_000.0;

    /// The share that is done, from 0 to 1. Only long work says more than 0 before its end.
    #[must_use]
    pub fn share(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed)) / Self::WHOLE
    }

    /// Says how much is done; it never goes back.
    #[cfg(any(feature = "video", test))]
    pub(crate) fn reach(&self, share: f64) {
        self.0.fetch_max((share.clamp(0.0, 1.0) * Self::WHOLE) as u32, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn time_and_switch_end_the_work() {
        let all = Cancel::default();
        let one = all.within(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(one.check().unwrap_err().kind(), ErrorKind::Limit);
        assert!(all.check().is_ok() && all.one().check().is_ok());
        all.cancel();
        assert_eq!(all.one().check().unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn progress_is_of_one_piece_of_work_and_never_goes_back() {
        let all = Cancel::default();
        let one = all.one();
        one.progress().reach(0.5);
        one.progress().reach(0.25);
        assert!((one.progress().share() - 0.5).abs() < 1e-3 && all.progress().share() == 0.0);
    }
}
