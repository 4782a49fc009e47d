//! What holds calls back: the pace of one key, a stop for all after an answer that no other call would fare better
//! with, and the platform's own block on failing GETs.

use super::ledger::{Ledger, Target};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// GET is blocked for 30 minutes after 20 errors within 60 (whatsapp-media §5): we stop before.
const MAX_GET_ERRORS: usize = 15;
const GET_WINDOW: Duration = Duration::from_secs(60 * 60);

/// How long a sleep lasts before the switch is looked at again.
const SLICE: Duration = Duration::from_millis(50);

/// Sleeps for `time`, or until `cancel` is thrown.
pub(super) fn sleep(time: Duration, cancel: &Cancel) -> Result<()> {
    // A time that no clock reaches is slept through until the switch is thrown.
    let end = Instant::now().checked_add(time);
    loop {
        cancel.check()?;
        let left = end.map_or(SLICE, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}

/// One turn after the other, at most so many a second.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `per_second` turns a second; 0 for no limit.
    pub(super) fn new(per_second: f64) -> Self {
        let gap = if per_second > 0.0 { Duration::from_secs_f64(1.0 / per_second.max(0.001)) } else { Duration::ZERO };
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn.
    pub(super) fn wait(&self, cancel: &Cancel) -> Result<()> {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn.checked_add(self.gap).unwrap_or(turn);
            turn
        };
        sleep(turn.saturating_duration_since(Instant::now()), cancel)
    }

    /// Nobody gets a turn before `time` is over: the platform asked for it.
    pub(super) fn hold(&self, time: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Instant::now().checked_add(time).map_or(*next, |end| end.max(*next));
    }
}

/// Open after an answer that stops everything.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    stopped: Mutex<Option<Stop>>,
    get_errors: Mutex<VecDeque<Instant>>,
    shared: OnceLock<(Ledger, Target)>,
}

/// What stopped everything, and until when; `None` for ever.
#[derive(Debug)]
struct Stop {
    fault: Fault,
    until: Option<Instant>,
}

impl Circuit {
    /// Nothing, or the answer that stopped everything.
    pub(super) fn check(&self) -> Result<()> {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.as_ref().and_then(|stop| stop.until).is_some_and(|until| Instant::now() >= until) {
            *stopped = None;
        }
        match &*stopped {
            Some(stop) => Err(stop.fault.clone().into_error("not tried, after an earlier answer")),
            None => Ok(()),
        }
    }

    /// Takes note of `fault`.
    pub(super) fn note(&self, fault: &Fault) {
        if fault.stops_all() {
            // A wait that is too long to be borne holds for all, and ends.
            let wait = if fault.class.stops_all() { None } else { fault.retry_after };
            let until = wait.and_then(|wait| Instant::now().checked_add(wait));
            let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
            stopped.get_or_insert_with(|| Stop { fault: fault.clone(), until });
        }
    }

    /// Counts failed GETs together with all that share `ledger`: the platform counts them by key, not by process.
    pub(super) fn share(&self, ledger: &Ledger, target: Target) {
        // Once is enough; a second ledger of one client would be no other.
        let _ = self.shared.set((ledger.clone(), target));
    }

    /// Nothing, or that too many GETs have failed lately.
    pub(super) fn check_get(&self) -> Result<()> {
        let own = {
            let mut errors = self.get_errors.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            while errors.front().is_some_and(|then| now.duration_since(*then) > GET_WINDOW) {
                errors.pop_front();
            }
            errors.len()
        };
        let shared = self.shared.get().map_or(Ok(0), |(ledger, target)| ledger.get_errors(target, GET_WINDOW))?;
        if own.max(shared) < MAX_GET_ERRORS {
            return Ok(());
        }
        let what = format!(
            "not tried; {MAX_GET_ERRORS} downloads have failed within an hour, and the platform blocks all of them after 20; wait, and check the ids"
        );
        Err(Error::new(ErrorKind::Upload { retryable: true }, what))
    }

    /// Takes note of a GET that failed.
    pub(super) fn note_get(&self) {
        self.get_errors.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
        if let Some((ledger, target)) = self.shared.get() {
            // What went wrong with the call is told, and not that it could not be counted.
            let _ = ledger.note_get_error(target, GET_WINDOW);
        }
    }
}
