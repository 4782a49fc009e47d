//! The command: arguments → the library's public API → what is printed, and the exit code.
//!
//! Standard output carries data (with `--json` nothing else), standard error what is said to a person.

#[cfg(feature = "http")]
mod api;
mod args;
mod check;
#[cfg(feature = "http")]
mod compose;
mod fit;
mod inputs;
mod interrupt;
#[cfg(feature = "http")]
mod link;
#[cfg(feature = "http")]
mod media;
mod observer;
mod pages;
#[cfg(feature = "http")]
mod platform_args;
mod policy;
mod screen;
#[cfg(feature = "http")]
mod send;
#[cfg(feature = "serve")]
mod server_args;
#[cfg(feature = "serve")]
mod servers;
mod settings;
mod single;
mod table;
#[cfg(feature = "http")]
mod upload;
mod version;
#[cfg(feature = "http")]
mod webhook;
#[cfg(feature = "http")]
mod when;

use args::{Cli, Verb};
use clap::Parser;
use mediafit::{Error, ErrorKind};
use std::io::Write;
use std::panic;
use std::process::ExitCode;
use std::thread;

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Every file is (now) fit.
    Fit = 0,
    /// Some file is unfit, or could not be made fit.
    Unfit = 1,
    /// Wrong usage, or the run could not do its work.
    Failed = 2,
    /// Stopped by the user.
    Interrupted = 130,
}

/// What ends the command before its verb is done.
enum Stop {
    /// Arguments that do not go together.
    Usage(clap::Error),
    /// The work could not go on.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The result of a verb.
type Outcome = Result<Exit, Stop>;

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    keep_guarded_panics_quiet();
    let code = match panic::catch_unwind(run) {
        Ok(Ok(exit)) => exit as u8,
        Ok(Err(Stop::Usage(error))) => {
            // A reader that has gone needs no help text.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(Exit::Failed as u8)
        }
        Ok(Err(Stop::Failed(error))) => {
            say(&error.to_string());
            let interrupted = error.kind() == ErrorKind::Cancelled;
            if interrupted { Exit::Interrupted as u8 } else { Exit::Failed as u8 }
        }
        Err(_) => {
            say("this is a bug in mediafit; please report it");
            Exit::Failed as u8
        }
    };
    ExitCode::from(code)
}

fn run() -> Outcome {
    match Cli::try_parse().map_err(Stop::Usage)?.verb {
        Verb::Check(args) => check::run(&args),
        Verb::Fit(args) => fit::run(&args),
        #[cfg(feature = "http")]
        Verb::Upload(args) => upload::run(&args),
        #[cfg(feature = "http")]
        Verb::Send(args) => send::run(&args),
        #[cfg(feature = "http")]
        Verb::Media(args) => media::run(&args),
        #[cfg(feature = "http")]
        Verb::Link(args) => link::run(&args),
        #[cfg(feature = "http")]
        Verb::Webhook(args) => webhook::run(&args),
        #[cfg(feature = "serve")]
        Verb::Serve(args) => servers::serve(&args),
        #[cfg(feature = "serve")]
        Verb::Simulate(args) => servers::simulate(&args),
        Verb::Policy(args) => policy::run(&args),
        Verb::Completions { shell } => pages::completions(shell),
        Verb::Man { verb } => pages::manual(verb.as_deref()),
    }
}

fn say(line: &str) {
    // There is nobody to tell when standard error has gone.
    let _ = writeln!(std::io::stderr(), "mediafit: {line}");
}

/// The library catches a decoder's panic on its worker threads and makes it an error of that file: nothing else need be
/// said about it. Panics elsewhere are bugs and are reported as ever.
fn keep_guarded_panics_quiet() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let guarded = thread::current().name().is_some_and(|name| name.starts_with("mediafit-"));
        if !guarded {
            report(info);
        }
    }));
}
