//! What is made from the arguments' own description: completions and manual pages.

use super::args::Cli;
use super::screen::print;
use super::{Exit, Outcome};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use mediafit::Error;

/// Prints the completions for `shell`.
pub(crate) fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mediafit", &mut script);
    print(&script)?;
    Ok(Exit::Fit)
}

/// Prints the manual page of the command, or of one of its verbs.
pub(crate) fn manual(verb: Option<&str>) -> Outcome {
    let mut command = Cli::command();
    command.build();
    let command = verb.and_then(|verb| command.find_subcommand(verb).cloned()).unwrap_or(command);
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| Error::io("the manual cannot be made", error))?;
    print(&page)?;
    Ok(Exit::Fit)
}
