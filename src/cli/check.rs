//! `mediafit check`.

use super::args::CheckArgs;
use super::observer::{Verb, Watch};
use super::screen::Screen;
use super::settings::{Settings, notice};
use super::{Exit, Outcome, inputs, interrupt, single};
use mediafit::Summary;
use mediafit::batch::Observer;
use std::sync::Arc;

/// Says how the files stand.
pub(crate) fn run(args: &CheckArgs) -> Outcome {
    let from_stdin = args.inputs.is_stdin("check")?;
    let settings = Settings::of_check(args)?;
    let screen = Arc::new(Screen::new(&args.run));
    if let Some(notice) = notice(settings.policy()) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let fitter = &settings.batch.fitter;
    if from_stdin {
        let bytes = inputs::stdin()?;
        interrupt::watch(fitter.cancel(), &screen)?;
        let watch = Watch::new(Verb::Check, &[], &screen, fitter);
        let record = single::checked(fitter, bytes, settings.walk.role, args.deep)?;
        watch.finished(&record);
        let summary = single::summary(&record, fitter.cancel());
        return ended(&watch, &summary, &screen, false);
    }
    let found = inputs::find(&args.inputs.paths, &settings.walk, &screen)?;
    interrupt::watch(fitter.cancel(), &screen)?;
    let watch = Watch::new(Verb::Check, &found.jobs, &screen, fitter);
    let summary = settings.batch.check(&found.jobs, args.deep, &watch)?;
    ended(&watch, &summary, &screen, found.incomplete)
}

fn ended(watch: &Watch<'_>, summary: &Summary, screen: &Screen, incomplete: bool) -> Outcome {
    watch.sum_up(summary);
    screen.end()?;
    Ok(match () {
        // A run that ended because nobody reads it was not interrupted.
        () if summary.interrupted && !screen.is_closed() => Exit::Interrupted,
        () if incomplete => Exit::Failed,
        () if watch.unfit() > 0 => Exit::Unfit,
        () => Exit::Fit,
    })
}
