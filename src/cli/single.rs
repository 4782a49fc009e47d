//! One file outside a batch: from standard input, or to standard output.

use super::screen::Screen;
use super::{Exit, Outcome};
use mediafit::batch::Batch;
use mediafit::error::clean;
use mediafit::{Ask, Cancel, Ending, Error, ErrorKind, Fitter, Record, Result, Role, Source, Summary};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

/// What standard input is called in records.
const STDIN: &str = "-";
/// The stack of the batch's workers; the main thread's is not ours to choose.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// What a check of `bytes` from standard input found.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn checked(fitter: &Fitter, bytes: Vec<u8>, role: Option<Role>, deep: bool) -> Result<Record> {
    let start = Instant::now();
    let source = Source::from_bytes(bytes, None);
    let ask = role.map_or(Ask::Content, Ask::Role);
    let checked = guarded(|| if deep { fitter.check_deep(&source, ask) } else { fitter.check(&source, ask) })?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(match checked {
        Ok(checked) => Record::of_check(Path::new(STDIN), &checked, seconds),
        Err(error) => Record::of_error(Path::new(STDIN), source.len(), None, &error, seconds),
    })
}

/// Makes `source`, from standard input, fit, and writes it as `stdin` to the folder `out`.
///
/// # Errors
/// When the folder cannot be written to.
pub(crate) fn to_folder(batch: &Batch, source: &Source, ask: Ask, out: &Path) -> Result<Record> {
    guarded(|| batch.fit_source(source, ask, "stdin", out))?
}

/// Makes `source` fit, and writes its bytes to standard output.
///
/// # Errors
/// When standard output takes no more, or the work was stopped.
pub(crate) fn to_stdout(fitter: &Fitter, source: &Source, ask: Ask, screen: &Screen) -> Outcome {
    let name = clean(&source.name().unwrap_or(Path::new(STDIN)).to_string_lossy());
    let ending = match guarded(|| fitter.fit(source, ask))? {
        Ok((_, ending)) => ending,
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error.into()),
        Err(error) => {
            screen.problem(&format!("mediafit: {name}: {}", error.what()));
            return Ok(Exit::Unfit);
        }
    };
    match ending {
        Ending::Refused(refusal) => {
            screen.problem(&format!("mediafit: {name}: refused: {}", clean(&refusal.message)));
            Ok(Exit::Unfit)
        }
        Ending::Fitted { fitted, steps } => {
            let names: Vec<_> = steps.iter().map(|step| step.name()).collect();
            let done = if names.is_empty() { "kept".to_owned() } else { names.join(", ") };
            let mut out = BufWriter::new(io::stdout().lock());
            let written = fitted
                .write_to(&mut out)
                .and_then(|()| out.flush().map_err(|error| Error::io("cannot be written", error)));
            match written {
                // A reader that has gone got all it wanted.
                Err(error) if is_broken_pipe(&error) => {
                    // What is still in the buffer has nowhere to go either.
                    let _ = out.into_parts();
                }
                Err(error) => return Err(error.at("standard output").into()),
                Ok(()) => {
                    screen.say(&format!("mediafit: {name}: {} {} ({done})", fitted.role(), fitted.format().label()))
                }
            }
            Ok(Exit::Fit)
        }
    }
}

/// The summary of a run on one file.
pub(crate) fn summary(record: &Record, cancel: &Cancel) -> Summary {
    let mut summary = Summary::default();
    summary.add(record);
    summary.seconds = record.seconds;
    summary.interrupted = cancel.is_cancelled();
    summary
}

/// Runs `work` on a thread of its own, named as one whose panics the library catches.
fn guarded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    let failed = |error| Error::io("no thread can be started", error);
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("mediafit-single".to_owned()).stack_size(STACK_BYTES);
        let worker = builder.spawn_scoped(scope, work).map_err(failed)?;
        worker.join().map_err(|_| Error::engine("mediafit failed in a way it must not; please report this file"))
    })
}

fn is_broken_pipe(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
