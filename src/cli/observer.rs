//! Watches a run: prints each file as it is finished, moves the bar, counts.

use super::screen::{Screen, wants_color};
use super::table::{Layout, Tally};
use mediafit::batch::{Job, Observer};
use mediafit::{Fitter, Record, Severity, Standing, Summary};
use std::sync::{Mutex, PoisonError};

/// What the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Says how files stand.
    Check,
    /// Makes files fit.
    Fit,
}

/// Watches a run of `verb`.
pub(crate) struct Watch<'a> {
    verb: Verb,
    screen: &'a Screen,
    layout: Layout,
    fitter: &'a Fitter,
    tally: Mutex<Tally>,
}

impl<'a> Watch<'a> {
    /// A watch over `jobs`.
    pub(crate) fn new(verb: Verb, jobs: &[Job], screen: &'a Screen, fitter: &'a Fitter) -> Self {
        let color =
            if screen.quiet || screen.json { wants_color(&std::io::stderr()) } else { wants_color(&std::io::stdout()) };
        Self { verb, screen, layout: Layout::of(jobs, color), fitter, tally: Mutex::default() }
    }

    /// What was counted so far.
    pub(crate) fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints the end of the run.
    pub(crate) fn sum_up(&self, summary: &Summary) {
        self.screen.lower();
        let lines = match self.verb {
            Verb::Check => self.layout.summed_check(summary, &self.tally()),
            Verb::Fit => self.layout.summed_fit(summary, &self.tally()),
        };
        if self.screen.json {
            self.screen.put(&summary.to_json());
            self.screen.say(&lines);
        } else if !self.screen.quiet {
            self.screen.put(&lines);
        }
    }

    fn print(&self, record: &Record) {
        if self.screen.json {
            return self.screen.put(&record.to_json());
        }
        let (lines, is_problem) = match self.verb {
            Verb::Check => (self.layout.checked(record), self.is_unfit(record)),
            Verb::Fit => (self.layout.fitted(record), record.output.is_none()),
        };
        if !self.screen.quiet {
            self.screen.put(&lines);
        } else if is_problem {
            self.screen.problem(&lines);
        }
    }

    fn is_unfit(&self, record: &Record) -> bool {
        let strict = self.fitter.options().strict;
        let warns = || record.findings.iter().any(|finding| finding.severity == Severity::Warn);
        record.error.is_some() || record.verdict != Standing::Fit || (strict && warns())
    }
}

impl Observer for Watch<'_> {
    fn looking(&self, files: u64) {
        self.screen.look(files);
    }

    fn begin(&self, files: u64, bytes: u64) {
        self.screen.begin(files, bytes);
    }

    fn finished(&self, record: &Record) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        self.print(record);
        self.screen.advance(record.bytes);
        // When nobody reads what is found, a check has no purpose left; files written to a folder are wanted all the same.
        if self.verb == Verb::Check && self.screen.is_closed() {
            self.fitter.cancel().cancel();
        }
    }
}
