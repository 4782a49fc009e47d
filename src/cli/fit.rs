//! `mediafit fit`.

use super::args::{FitArgs, conflict};
use super::observer::{Verb, Watch};
use super::screen::Screen;
use super::settings::{Settings, notice};
use super::{Exit, Outcome, Stop, inputs, interrupt, single};
use mediafit::batch::{Job, Observer};
use mediafit::{Ask, Source, Summary};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

/// Makes the files fit.
pub(crate) fn run(args: &FitArgs) -> Outcome {
    let from_stdin = args.inputs.is_stdin("fit")?;
    let to_stdout = args.target.out == Path::new("-");
    if to_stdout {
        refuse_two_outputs(args)?;
    }
    let settings = Settings::of_fit(args)?;
    let screen = Arc::new(Screen::new(&args.run));
    if let Some(notice) = notice(settings.policy()) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let fitter = &settings.batch.fitter;
    if from_stdin {
        let source = Source::from_bytes(inputs::stdin()?, None);
        let ask = settings.walk.role.map_or(Ask::Content, Ask::Role);
        interrupt::watch(fitter.cancel(), &screen)?;
        if to_stdout {
            return single::to_stdout(fitter, &source, ask, &screen);
        }
        let watch = Watch::new(Verb::Fit, &[], &screen, fitter);
        let record = single::to_folder(&settings.batch, &source, ask, &args.target.out)?;
        watch.finished(&record);
        return ended(&watch, &single::summary(&record, fitter.cancel()), &screen, false);
    }
    let found = inputs::find(&args.inputs.paths, &settings.walk, &screen)?;
    interrupt::watch(fitter.cancel(), &screen)?;
    if to_stdout {
        let job = only(&found.jobs)?;
        let exit = single::to_stdout(fitter, &Source::open(&job.path)?, job.ask, &screen)?;
        return Ok(if found.incomplete { exit.max(Exit::Failed) } else { exit });
    }
    let watch = Watch::new(Verb::Fit, &found.jobs, &screen, fitter);
    let summary = settings.batch.fit(&found.jobs, &args.target.out, &watch)?;
    ended(&watch, &summary, &screen, found.incomplete)
}

/// The bytes of one file go to standard output, so nothing else may, and nobody wants them on a terminal.
fn refuse_two_outputs(args: &FitArgs) -> Result<(), Stop> {
    if args.run.json {
        return Err(conflict("fit", "--json and --out - both write to standard output; name a folder with --out"));
    }
    if std::io::stdout().is_terminal() {
        return Err(conflict(
            "fit",
            "--out - would write media to the terminal; redirect standard output, or name a folder",
        ));
    }
    Ok(())
}

fn only(jobs: &[Job]) -> Result<&Job, Stop> {
    match jobs {
        [job] => Ok(job),
        _ => Err(conflict("fit", &format!("--out - takes one file; found {}; name a folder with --out", jobs.len()))),
    }
}

fn ended(watch: &Watch<'_>, summary: &Summary, screen: &Screen, incomplete: bool) -> Outcome {
    watch.sum_up(summary);
    screen.end()?;
    Ok(match () {
        () if summary.interrupted => Exit::Interrupted,
        () if incomplete => Exit::Failed,
        () if summary.written < summary.files => Exit::Unfit,
        () => Exit::Fit,
    })
}
