//! Watches a run: prints each file as it is finished, moves the bar, counts.

use super::screen::{Screen, wants_color};
use super::table::{Layout, Tally};
use mediafit::batch::{Job, Observer};
use mediafit::{Fitter, Progress, Record, Standing, Summary};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
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
    unfit: AtomicU64,
}

impl<'a> Watch<'a> {
    /// A watch over `jobs`.
    pub(crate) fn new(verb: Verb, jobs: &[Job], screen: &'a Screen, fitter: &'a Fitter) -> Self {
        let color =
            if screen.quiet || screen.json { wants_color(&std::io::stderr()) } else { wants_color(&std::io::stdout()) };
        Self {
            verb,
            screen,
            layout: Layout::of(jobs, color),
            fitter,
            tally: Mutex::default(),
            unfit: AtomicU64::new(0),
        }
    }

    /// How many sources cannot go as they are.
    pub(crate) fn unfit(&self) -> u64 {
        self.unfit.load(Ordering::Relaxed)
    }

    /// What was counted so far.
    fn tally(&self) -> Tally {
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

    /// Whether the source cannot go as it is; with `--strict` a warning is enough.
    fn is_unfit(&self, record: &Record) -> bool {
        let fails = || record.findings.iter().any(|finding| self.fitter.options().fails(finding));
        record.error.is_some() || record.verdict != Standing::Fit || fails()
    }
}

impl Observer for Watch<'_> {
    fn looking(&self, files: u64) {
        self.screen.look(files);
    }

    fn begin(&self, files: u64, bytes: u64) {
        self.screen.begin(files, bytes);
    }

    fn started(&self, path: &Path, progress: &Progress) {
        self.screen.start(&path.to_string_lossy(), progress);
    }

    fn finished(&self, record: &Record) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        self.unfit.fetch_add(self.is_unfit(record).into(), Ordering::Relaxed);
        self.print(record);
        self.screen.advance(&record.path, record.bytes);
        // When nobody reads what is found, a check has no purpose left; files written to a folder are wanted all the same.
        if self.verb == Verb::Check && self.screen.is_closed() {
            self.fitter.cancel().cancel();
        }
    }

    fn unrecorded(&self, summary: &Summary) {
        self.sum_up(summary);
    }
}
