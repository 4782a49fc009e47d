//! `mediafit upload`.

use super::api::{Setup, told};
use super::interrupt;
use super::platform_args::UploadArgs;
use super::screen::Screen;
use super::settings::{Settings, notice};
use super::table::{files, size};
use super::when::until;
use super::{Exit, Outcome, inputs};
use mediafit::batch::{DEFAULT_IN_FLIGHT, Job, UploadObserver, UploadRecord, UploadSummary};
use mediafit::error::clean;
use mediafit::upload::{Account, Call, Courier};
use mediafit::{Ask, Ending, Fitted, Fitter, Record, Result, Source};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What standard input is called in records.
const STDIN: &str = "-";

/// Makes files fit, and gets ids for them.
pub(crate) fn run(args: &UploadArgs) -> Outcome {
    told(args.run.json, || prepared(args))
}

fn prepared(args: &UploadArgs) -> Outcome {
    let from_stdin = args.inputs.is_stdin("upload")?;
    let settings = Settings::new(&args.rules, &args.inputs, &args.repair, &args.run)?;
    let setup = Setup::new("upload", &args.rules, &args.api, !args.dry_run)?;
    let screen = Arc::new(Screen::new(&args.run));
    if let Some(notice) = notice(settings.policy()) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let fitter = &settings.batch.fitter;
    let failed = |error| mediafit::Error::io("no temporary folder can be made", error);
    let folder =
        if from_stdin { Some(tempfile::Builder::new().prefix("mediafit-").tempdir().map_err(failed)?) } else { None };
    let found = match &folder {
        // An upload streams from disk: what comes on standard input goes there first.
        Some(folder) => {
            let path = folder.path().join("stdin");
            let failed = |error| mediafit::Error::io("cannot be written", error).at(&path);
            std::fs::write(&path, inputs::stdin()?).map_err(failed)?;
            let ask = settings.walk.role.map_or(Ask::Content, Ask::Role);
            inputs::Inputs { jobs: vec![Job { path, relative: STDIN.into(), ask }], incomplete: false }
        }
        None => inputs::find(&args.inputs.paths, &settings.walk, &screen)?,
    };
    interrupt::watch(fitter.cancel(), &screen)?;
    if args.dry_run {
        let exit = shown(&setup.account, fitter, &found.jobs, &screen)?;
        screen.end()?;
        return Ok(if found.incomplete { exit.max(Exit::Failed) } else { exit });
    }
    let ledger = setup.ledger()?;
    let client = setup.client(fitter.cancel(), &ledger)?;
    let courier = Courier::new(&client, &ledger);
    let in_flight = args.in_flight.map(usize::from).or(setup.config.upload.in_flight).unwrap_or(DEFAULT_IN_FLIGHT);
    let stdin = folder.as_ref().map(tempfile::TempDir::path);
    let watch = Watch { screen: &screen, stdin, failed: AtomicBool::new(false) };
    let summary = settings.batch.upload(&found.jobs, &courier, in_flight, &watch)?;
    watch.sum_up(&summary);
    screen.end()?;
    Ok(match () {
        () if summary.interrupted => Exit::Interrupted,
        () if found.incomplete || watch.failed.load(Ordering::Relaxed) => Exit::Failed,
        () if summary.have_ids < summary.files => Exit::Unfit,
        () => Exit::Fit,
    })
}

/// Prints the requests that would upload `jobs`.
fn shown(account: &Account, fitter: &Fitter, jobs: &[Job], screen: &Screen) -> Result<Exit> {
    let mut exit = Exit::Fit;
    for job in jobs {
        fitter.cancel().check()?;
        let start = Instant::now();
        let path = if job.relative == Path::new(STDIN) { Path::new(STDIN) } else { &job.path };
        let bytes = std::fs::metadata(&job.path).map_or(0, |meta| meta.len());
        let name = job.path.file_name().map(|name| name.to_string_lossy());
        let fitted = Source::open(&job.path).and_then(|source| fitter.fit(&source, job.ask));
        let seconds = start.elapsed().as_secs_f64();
        let (record, problem) = match &fitted {
            Ok((checked, Ending::Fitted { fitted, .. })) => match account.accepts(fitted) {
                Ok(()) => {
                    show(&account.upload(fitted, name.as_deref()), path, fitted, screen);
                    continue;
                }
                Err(error) => (Record::of_error(path, bytes, Some(checked), &error, seconds), error.what()),
            },
            Ok((checked, ending @ Ending::Refused(refusal))) => {
                (Record::of_fit(path, checked, ending, seconds), format!("refused: {}", clean(&refusal.message)))
            }
            Err(error) => (Record::of_error(path, bytes, None, error, seconds), error.what()),
        };
        if screen.json {
            screen.put(&record.to_json());
        }
        screen.problem(&format!("mediafit: {}: {problem}", clean(&path.to_string_lossy())));
        exit = Exit::Unfit;
    }
    Ok(exit)
}

fn show(call: &Call, path: &Path, fitted: &Fitted, screen: &Screen) {
    let plain = || {
        let (path, length) = (clean(&path.to_string_lossy()), size(fitted.len()));
        format!("{path}: {} {} as {}, {length}", call.method, call.url, fitted.mime())
    };
    screen.put(&if screen.json { call.to_json().to_string() } else { plain() });
}

/// Prints each file as it is finished.
struct Watch<'a> {
    screen: &'a Screen,
    /// Where standard input was put, which nobody named.
    stdin: Option<&'a Path>,
    /// Whether the platform refused, or was not reached.
    failed: AtomicBool,
}

impl Watch<'_> {
    fn sum_up(&self, summary: &UploadSummary) {
        self.screen.lower();
        let stopped = if summary.interrupted { " (stopped before the end)" } else { "" };
        let line = format!(
            "{} in {:.1} s: {} uploaded ({}), {} known before, {} refused, {} errors{stopped}",
            files(summary.files),
            summary.seconds,
            summary.uploaded,
            size(summary.bytes_out),
            summary.reused,
            summary.refused,
            summary.errors,
        );
        if self.screen.json {
            self.screen.put(&mediafit::report::tagged("summary", summary));
            self.screen.say(&line);
        } else if !self.screen.quiet {
            self.screen.put(&line);
        }
    }
}

impl UploadObserver for Watch<'_> {
    fn begin(&self, files: u64, bytes: u64) {
        self.screen.begin(files, bytes);
    }

    fn finished(&self, record: &UploadRecord) {
        let mut record = record.clone();
        if self.stdin.is_some_and(|folder| Path::new(&record.file.path).starts_with(folder)) {
            STDIN.clone_into(&mut record.file.path);
        }
        if record.file.error.as_ref().is_some_and(|error| error.kind == "upload") {
            self.failed.store(true, Ordering::Relaxed);
        }
        let path = clean(&record.file.path);
        if self.screen.json {
            self.screen.put(&record.to_json());
        } else if let Some(upload) = &record.upload {
            let how = if upload.reused { "known" } else { "uploaded" };
            if !self.screen.quiet {
                self.screen.put(&format!("{path}  {how}  {}  {}", clean(&upload.id), until(upload.expires_at)));
            }
        } else {
            let why = record.file.error.as_ref().map(|error| clean(&error.message));
            let why = why.or_else(|| {
                record.file.refusal.as_ref().map(|refusal| format!("refused: {}", clean(&refusal.message)))
            });
            self.screen.problem(&format!("mediafit: {path}: {}", why.unwrap_or_default()));
        }
        self.screen.advance(&record.file.path, record.file.bytes);
    }
}
