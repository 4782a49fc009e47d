//! `mediafit policy`.

use super::args::PolicyArgs;
use super::screen::print;
use super::settings::{configured, notice};
use super::{Exit, Outcome, say};
use mediafit::Error;

/// Prints the rules in force.
pub(crate) fn run(args: &PolicyArgs) -> Outcome {
    let policy = configured(&args.rules)?.rules()?;
    if let Some(notice) = notice(&policy).filter(|_| !args.quiet) {
        say(notice);
    }
    let json = if args.json { serde_json::to_string(&policy) } else { serde_json::to_string_pretty(&policy) };
    let json = json.map_err(|error| Error::engine(format!("the policy cannot be printed: {error}")))?;
    print(format!("{json}\n").as_bytes())?;
    Ok(Exit::Fit)
}
