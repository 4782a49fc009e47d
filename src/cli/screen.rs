//! Where text goes: standard output, standard error, and the progress bar that must not garble either.

use super::args::RunArgs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mediafit::{Error, Progress, Result};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const BY_BYTES: &str =
    "{bar:24} {msg}/{files} files  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left{at}";
const BY_FILES: &str = "{bar:24} {pos}/{len} files  {per_sec}  {eta} left";

/// The most of a file's name that stands in the bar, in characters.
const NAME_CHARS: usize = 30;

/// How often the bar or the spinner is drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// Both streams and the bar.
pub(crate) struct Screen {
    /// Whether standard output carries JSON Lines.
    pub(crate) json: bool,
    /// Whether only problems are said.
    pub(crate) quiet: bool,
    bar: ProgressBar,
    by_bytes: AtomicBool,
    files_done: AtomicU64,
    out_is_terminal: bool,
    closed: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    /// Files that are worked on, for the bar: the longest at it is shown with how far it is.
    at_work: Arc<Mutex<Vec<(String, Progress)>>>,
    last_words: Mutex<Option<String>>,
}

impl Screen {
    /// The screen of a run.
    pub(crate) fn new(args: &RunArgs) -> Self {
        Self {
            json: args.json,
            quiet: args.quiet,
            bar: ProgressBar::hidden(),
            by_bytes: AtomicBool::new(false),
            files_done: AtomicU64::new(0),
            out_is_terminal: io::stdout().is_terminal(),
            closed: AtomicBool::new(false),
            failure: Mutex::default(),
            at_work: Arc::default(),
            last_words: Mutex::default(),
        }
    }

    /// Writes lines of data to standard output. When their reader has gone, nothing more is written.
    pub(crate) fn put(&self, lines: &str) {
        if self.is_closed() {
            return;
        }
        let write = || io::stdout().lock().write_all(format!("{lines}\n").as_bytes());
        let written = if self.out_is_terminal { self.bar.suspend(write) } else { write() };
        if let Err(error) = written {
            self.closed.store(true, Ordering::Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }

    /// Says something to a person, unless only problems are to be said.
    pub(crate) fn say(&self, lines: &str) {
        if !self.quiet {
            self.problem(lines);
        }
    }

    /// Says what is wrong.
    pub(crate) fn problem(&self, lines: &str) {
        // There is nobody to tell when standard error has gone too.
        let _ = self.bar.suspend(|| writeln!(io::stderr(), "{lines}"));
    }

    /// What is to be said should the process be ended at once from now on.
    #[cfg(feature = "http")]
    pub(crate) fn last_words(&self, words: Option<String>) {
        *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// Says it.
    pub(crate) fn say_last_words(&self) {
        if let Some(words) = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.problem(&words);
        }
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Shows that the headers of this many files are looked at; [`begin`](Self::begin) puts the bar in its place.
    pub(crate) fn look(&self, files: u64) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let text = format!("{{spinner}} looking at {files} file{}", if files == 1 { "" } else { "s" });
        self.bar.set_style(ProgressStyle::with_template(&text).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
    }

    /// Starts the bar on this many files with this many bytes, or 0 where that is not known.
    pub(crate) fn begin(&self, files: u64, bytes: u64) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let (length, template) = if bytes > 0 { (bytes, BY_BYTES) } else { (files, BY_FILES) };
        let template = template.replace("{files}", &files.to_string());
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let at_work = Arc::clone(&self.at_work);
        let at = move |_: &indicatif::ProgressState, line: &mut dyn std::fmt::Write| {
            let at_work = at_work.lock().unwrap_or_else(PoisonError::into_inner);
            // Short work is over before it says how far it is.
            let Some((path, progress)) = at_work.iter().find(|(_, progress)| progress.share() > 0.0) else { return };
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            let plain = name.chars().filter(|letter| !letter.is_control());
            let name: String = plain.take(NAME_CHARS).collect();
            let _ = write!(line, "  {name} {:.0} %", progress.share() * 100.0);
        };
        self.bar.set_style(style.with_key("at", at));
        self.bar.set_length(length);
        self.bar.set_message("0");
        // The looking before it says nothing about how fast the work is.
        self.bar.reset_elapsed();
        self.bar.reset_eta();
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
        self.by_bytes.store(bytes > 0, Ordering::Relaxed);
    }

    /// Work on a file has started.
    pub(crate) fn start(&self, path: &str, progress: &Progress) {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.push((path.to_owned(), progress.clone()));
    }

    /// Moves the bar by the file at `path`, of `bytes`.
    pub(crate) fn advance(&self, path: &str, bytes: u64) {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner).retain(|(at, _)| at != path);
        let files = self.files_done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(files.to_string());
        self.bar.inc(if self.by_bytes.load(Ordering::Relaxed) { bytes } else { 1 });
    }

    /// Takes the bar away.
    pub(crate) fn lower(&self) {
        self.bar.finish_and_clear();
    }

    /// Ends the talk.
    ///
    /// # Errors
    /// When standard output took no more, for another reason than that its reader had gone.
    pub(crate) fn end(&self) -> Result<()> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(Error::io("standard output cannot be written", error)),
            None => Ok(()),
        }
    }
}

/// Writes `bytes` to standard output; a reader that has gone is no error.
///
/// # Errors
/// `Io` when it takes no more.
pub(crate) fn print(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("standard output cannot be written", error))
        }
        _ => Ok(()),
    }
}

/// Whether colours are wanted on a stream (<https://no-color.org>).
pub(crate) fn wants_color(stream: &impl IsTerminal) -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !forbidden && !dumb
}
