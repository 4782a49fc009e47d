//! `mediafit upload`.

use super::api::Setup;
use super::interrupt;
use super::platform_args::UploadArgs;
use super::screen::Screen;
use super::settings::{Settings, notice};
use super::table::{files, size};
use super::when::until;
use super::{Exit, Outcome, inputs};
use mediafit::batch::{DEFAULT_IN_FLIGHT, Job, UploadObserver, UploadRecord, UploadSummary};
use mediafit::error::clean;
use mediafit::upload::{Account, Courier};
use mediafit::{Ask, Ending, Fitter, Result, Source};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes files fit, and gets ids for them.
pub(crate) fn run(args: &UploadArgs) -> Outcome {
    let from_stdin = args.inputs.is_stdin("upload")?;
    let settings = Settings::new(&args.rules, &args.inputs, &args.repair, &args.run)?;
    let setup = Setup::new("upload", &args.rules, &args.api, !args.dry_run)?;
    let screen = Arc::new(Screen::new(&args.run));
    if let Some(notice) = notice(settings.policy()) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let fitter = &settings.batch.fitter;
    let folder = tempfile_for(from_stdin)?;
    let found = match &folder {
        // An upload streams from disk: what comes on standard input goes there first.
        Some(folder) => {
            let path = folder.path().join("stdin");
            let failed = |error| mediafit::Error::io("cannot be written", error).at(&path);
            std::fs::write(&path, inputs::stdin()?).map_err(failed)?;
            let ask = settings.walk.role.map_or(Ask::Content, Ask::Role);
            inputs::Inputs { jobs: vec![Job { path, relative: "stdin".into(), ask }], incomplete: false }
        }
        None => inputs::find(&args.inputs.paths, &settings.walk, &screen)?,
    };
    interrupt::watch(fitter.cancel(), &screen)?;
    if args.dry_run {
        let exit = shown(&setup.account, fitter, &found.jobs, &screen)?;
        screen.end()?;
        return Ok(if found.incomplete { exit.max(Exit::Failed) } else { exit });
    }
    let client = setup.client(fitter.cancel())?;
    let ledger = setup.ledger()?;
    let courier = Courier::new(&client, &ledger);
    let in_flight = args.in_flight.map(usize::from).or(setup.config.upload.in_flight).unwrap_or(DEFAULT_IN_FLIGHT);
    let stdin = folder.as_ref().map(|folder| folder.path());
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

fn tempfile_for(wanted: bool) -> Result<Option<Folder>> {
    if wanted { Folder::new().map(Some) } else { Ok(None) }
}

/// A temporary folder, gone with the value.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("mediafit-stdin-{}", std::process::id()));
        let failed = |error| mediafit::Error::io("cannot be made", error).at(&path);
        // Fails where it is there already: nobody else has prepared it for us.
        std::fs::create_dir(&path).map_err(failed)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is for the system to clear.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Prints the requests that would upload `jobs`.
fn shown(account: &Account, fitter: &Fitter, jobs: &[Job], screen: &Screen) -> Result<Exit> {
    let mut exit = Exit::Fit;
    for job in jobs {
        fitter.cancel().check()?;
        let ending = Source::open(&job.path).and_then(|source| fitter.fit(&source, job.ask)).map(|(_, ending)| ending);
        let name = job.path.file_name().map(|name| name.to_string_lossy());
        let problem = match ending {
            Ok(Ending::Fitted { fitted, .. }) => {
                let call = account.upload(&fitted, name.as_deref());
                let request = call.to_json();
                let line = if screen.json {
                    request.to_string()
                } else {
                    format!(
                        "{}: {} {} as {}, {}",
                        clean(&job.path.to_string_lossy()),
                        call.method,
                        call.url,
                        fitted.mime(),
                        size(fitted.len())
                    )
                };
                screen.put(&line);
                continue;
            }
            Ok(Ending::Refused(refusal)) => format!("refused: {}", clean(&refusal.message)),
            Err(error) => error.what(),
        };
        screen.problem(&format!("mediafit: {}: {problem}", clean(&job.path.to_string_lossy())));
        exit = Exit::Unfit;
    }
    Ok(exit)
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
            "-".clone_into(&mut record.file.path);
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
