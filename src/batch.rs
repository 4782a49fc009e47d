//! Many files at once: the largest first, memory admitted before the start, one bad file never ends the run.

mod admission;
mod alone;
#[cfg(feature = "http")]
mod hatch;
#[cfg(feature = "http")]
mod index;
mod journal;
mod names;
mod place;
#[cfg(feature = "http")]
mod renew;
#[cfg(feature = "http")]
mod upload;
mod walk;

use crate::cancel::Progress;
use crate::digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::format::Role;
use crate::pipeline::{Ask, Checked, Ending, Fitter};
use crate::plan::Plan;
use crate::report::{Origin, Record, Summary};
use crate::source::Source;
use admission::Admission;
use journal::Journal;
use names::Target;
use place::Places;
#[cfg(feature = "http")]
pub use renew::renew;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};
#[cfg(feature = "http")]
pub use upload::{DEFAULT_IN_FLIGHT, UploadObserver, UploadRecord, UploadSummary, Uploaded};
pub use walk::{WalkOptions, Walked, walk};

/// The stack of a worker: some decoders recurse, and a picture in a deep structure must not end the run.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Where it is.
    pub path: PathBuf,
    /// Its place below the argument it was found under: outputs go to the same place below theirs. `-` for what came on
    /// standard input: the ledger does not keep where it lay meanwhile.
    pub relative: PathBuf,
    /// What it is to serve as.
    pub ask: Ask,
}

/// Is told how a run goes on, from the workers' threads.
pub trait Observer: Sync {
    /// The headers of this many files are looked at, before a repair [begins](Self::begin).
    fn looking(&self, files: u64) {
        let _ = files;
    }

    /// The run starts, on this many files with this many bytes.
    fn begin(&self, files: u64, bytes: u64) {
        let _ = (files, bytes);
    }

    /// Work on a file has started; `progress` says at any time how far it is.
    fn started(&self, path: &Path, progress: &Progress) {
        let _ = (path, progress);
    }

    /// A file is finished.
    fn finished(&self, record: &Record) {
        let _ = record;
    }

    /// A repair is over, but its record cannot be written: what was done is told here, since the run ends with the error.
    fn unrecorded(&self, summary: &Summary) {
        let _ = summary;
    }
}

/// An observer that does nothing.
impl Observer for () {}

/// A run over many files.
///
/// ```no_run
/// use mediafit::batch::{Batch, WalkOptions, walk};
/// use mediafit::{Fitter, Policy};
///
/// let found = walk(&["assets".into()], &WalkOptions::default())?;
/// let summary = Batch::new(Fitter::new(Policy::cloud())).fit(&found.jobs, "fit".as_ref(), &())?;
/// println!("{} of {} files are fit now", summary.written, summary.files);
/// # Ok::<(), mediafit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    /// What is done with each file.
    pub fitter: Fitter,
    /// How many files are worked on at once. Default: 0, as many as there are cores.
    pub jobs: usize,
    /// How much memory the files in work may take together, in bytes. Default: 0, half of what is free.
    pub memory_bytes: u64,
    /// Whether files that are kept are hard-linked in place of copied. Default: false.
    pub link_kept: bool,
}

/// A job with what its headers told.
struct Looked<'a> {
    job: &'a Job,
    bytes: u64,
    modified_ns: u64,
    checked: Result<Checked>,
    seconds: f64,
}

impl Batch {
    /// A run with `fitter` on all cores.
    #[must_use]
    pub const fn new(fitter: Fitter) -> Self {
        Self { fitter, jobs: 0, memory_bytes: 0, link_kept: false }
    }

    /// Checks every job; `deep` decodes everything.
    ///
    /// # Errors
    /// `Engine` when the threads cannot be started. What is wrong with a file stands in its record.
    pub fn check(&self, jobs: &[Job], deep: bool, observer: &dyn Observer) -> Result<Summary> {
        let start = Instant::now();
        observer.begin(jobs.len() as u64, 0);
        let tally = Tally::default();
        self.each(
            jobs.iter().collect(),
            |_| 0,
            |job| {
                let looked = self.look(job, deep);
                let record = match &looked.checked {
                    Ok(checked) => Record::of_check(&job.path, checked, looked.seconds),
                    Err(error) => Record::of_error(&job.path, looked.bytes, None, error, looked.seconds),
                };
                tally.add(&record);
                observer.finished(&record);
            },
        )?;
        Ok(tally.summary(start, self.fitter.cancel().is_cancelled()))
    }

    /// Makes every job fit, and writes what is fit below `out`, with `out/mediafit.jsonl`. Neither a source nor a file that
    /// no earlier run wrote is replaced: that is an error of the file at hand.
    ///
    /// # Errors
    /// `Io` when `out` cannot be written to; `Engine` when the threads cannot be started. What is wrong with a file
    /// stands in its record.
    pub fn fit(&self, jobs: &[Job], out: &Path, observer: &dyn Observer) -> Result<Summary> {
        let start = Instant::now();
        let fingerprint = self.fingerprint();
        let journal = Journal::open(out)?;
        observer.looking(jobs.len() as u64);
        let looked = self.look_at_all(jobs)?;
        observer.begin(looked.len() as u64, looked.iter().map(|looked| looked.bytes).sum());
        let targets = names::targets(looked.iter().map(|looked| (looked.job, looked.checked.as_ref().ok())));
        let folders: BTreeSet<&Path> = targets.iter().filter_map(Target::folder).collect();
        for folder in folders.iter().map(|folder| out.join(folder)).chain([out.to_path_buf()]) {
            disk::sweep(&folder);
        }
        let places = Places::new(jobs, &journal);
        let tally = Tally::default();
        let batch = &Self { fitter: self.fitter.clone().gathering_in(out), ..self.clone() };
        let run = Run { batch, out, observer, journal: &journal, places, fingerprint, tally };
        let mut groups = run.groups(looked.into_iter().zip(targets).collect())?;
        // The largest first: the last one must not run alone at the end.
        groups.sort_by_key(|group| std::cmp::Reverse(group.cost()));
        self.each(groups, Group::memory_needed, |group| run.work(group))?;
        let summary = run.tally.summary(start, self.fitter.cancel().is_cancelled());
        journal.finish().inspect_err(|_| observer.unrecorded(&summary))?;
        Ok(summary)
    }

    /// Runs `work` on every item in a pool of our own. The feeding thread admits an item's memory before it is spawned:
    /// a worker that waited for memory would hold what others need to finish.
    fn each<T: Send>(&self, items: Vec<T>, memory: impl Fn(&T) -> u64, work: impl Fn(T) + Sync) -> Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.jobs == 0 { cores } else { self.jobs };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("mediafit-{index}"))
            .build()
            .map_err(|error| Error::engine(format!("the worker threads could not be started: {error}")))?;
        let admission = Admission::new(self.memory_bytes, threads);
        // While files wait, each is worked on by one thread; the last ones share those that are idle.
        let cancel = self.fitter.cancel();
        let mut waiting = items.len();
        cancel.queue(waiting);
        pool.in_place_scope(|scope| {
            for item in items {
                if cancel.is_cancelled() {
                    break;
                }
                let permit = admission.admit(memory(&item));
                let work = &work;
                waiting -= 1;
                scope.spawn(move |_| {
                    cancel.dequeue(1);
                    work(item);
                    drop(permit);
                });
            }
        });
        cancel.dequeue(waiting);
        Ok(())
    }

    fn look_at_all<'a>(&self, jobs: &'a [Job]) -> Result<Vec<Looked<'a>>> {
        let looked = Mutex::new(Vec::new());
        self.each(
            jobs.iter().enumerate().collect(),
            |_| 0,
            |(index, job)| {
                let one = self.look(job, false);
                looked.lock().unwrap_or_else(PoisonError::into_inner).push((index, one));
            },
        )?;
        let mut looked = looked.into_inner().unwrap_or_else(PoisonError::into_inner);
        looked.sort_by_key(|(index, _)| *index);
        Ok(looked.into_iter().map(|(_, looked)| looked).collect())
    }

    fn look<'a>(&self, job: &'a Job, deep: bool) -> Looked<'a> {
        let start = Instant::now();
        let mut looked = Looked { job, bytes: 0, modified_ns: 0, checked: Err(Error::cancelled()), seconds: 0.0 };
        looked.checked = Source::open(&job.path).and_then(|source| {
            looked.bytes = source.len();
            looked.modified_ns = modified_ns(&source);
            if deep { self.fitter.check_deep(&source, job.ask) } else { self.fitter.check(&source, job.ask) }
        });
        looked.seconds = start.elapsed().as_secs_f64();
        looked
    }

    fn fit_one(&self, job: &Job, checked: Checked, observer: &dyn Observer) -> (Checked, Result<Ending>) {
        let fallback = checked.clone();
        let fitter = self.fitter.clone().with_cancel(self.fitter.cancel().one());
        observer.started(&job.path, fitter.cancel().progress());
        let fitted = Source::open(&job.path).and_then(|source| {
            // What was planned was planned for the file as it was.
            if source.len() == checked.facts.bytes {
                return fitter.fit_checked(&source, checked, job.ask);
            }
            fitter.fit(&source, job.ask)
        });
        match fitted {
            Ok((checked, ending)) => (checked, Ok(ending)),
            Err(error) => (fallback, Err(error)),
        }
    }

    /// Policy, options and version in one number.
    fn fingerprint(&self) -> String {
        let policy = serde_json::to_string(self.fitter.policy()).unwrap_or_default();
        // What was refused for want of an ffmpeg is looked at again once there is one.
        let ffmpeg = self.fitter.ffmpeg().is_some();
        let all = format!("{}{policy}{:?}{ffmpeg}", env!("CARGO_PKG_VERSION"), self.fitter.options());
        let mut fingerprint = digest::of(all.as_bytes());
        fingerprint.truncate(16);
        fingerprint
    }
}

/// Jobs with the same content and the same question: converted once.
struct Group<'a> {
    members: Vec<(Looked<'a>, Target)>,
    sha256: Option<String>,
}

impl Group<'_> {
    fn memory_needed(&self) -> u64 {
        self.members.first().map_or(0, |(looked, _)| looked.checked.as_ref().map_or(0, Checked::memory_needed))
    }

    fn cost(&self) -> u64 {
        self.memory_needed().max(self.members.first().map_or(0, |(looked, _)| looked.bytes))
    }
}

/// A fit run under way.
struct Run<'a> {
    batch: &'a Batch,
    out: &'a Path,
    observer: &'a dyn Observer,
    journal: &'a Journal,
    places: Places<'a>,
    fingerprint: String,
    tally: Tally,
}

impl<'a> Run<'a> {
    /// Puts jobs of equal content together. Only files of the same length and question are hashed.
    fn groups(&self, jobs: Vec<(Looked<'a>, Target)>) -> Result<Vec<Group<'a>>> {
        let mut twins: HashMap<(u64, Ask), usize> = HashMap::new();
        for (looked, _) in &jobs {
            *twins.entry((looked.bytes, looked.job.ask)).or_default() += 1;
        }
        let groups: Mutex<HashMap<(String, Ask, bool), Group<'a>>> = Mutex::default();
        let alone = Mutex::new(Vec::new());
        self.batch.each(
            jobs,
            |_| 0,
            |(looked, target)| {
                let has_twin = twins.get(&(looked.bytes, looked.job.ask)).is_some_and(|count| *count > 1);
                let rewrites = matches!(looked.checked.as_ref().map(|checked| &checked.plan), Ok(Plan::Rewrite(_)));
                let hash = (has_twin && rewrites).then(|| digest::of_file(&looked.job.path).ok()).flatten();
                match hash {
                    Some(hash) => {
                        let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
                        let key = (hash.clone(), looked.job.ask, only_renames(&looked));
                        groups
                            .entry(key)
                            .or_insert_with(|| Group { members: Vec::new(), sha256: Some(hash) })
                            .members
                            .push((looked, target));
                    }
                    None => {
                        let group = Group { members: vec![(looked, target)], sha256: None };
                        alone.lock().unwrap_or_else(PoisonError::into_inner).push(group);
                    }
                }
            },
        )?;
        let mut all = alone.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.extend(groups.into_inner().unwrap_or_else(PoisonError::into_inner).into_values());
        for group in &mut all {
            group.members.sort_by(|one, other| one.0.job.path.cmp(&other.0.job.path));
        }
        Ok(all)
    }

    fn work(&self, group: Group<'a>) {
        let mut done: Option<(Checked, Ending)> = None;
        for (looked, target) in group.members {
            if self.batch.fitter.cancel().is_cancelled() {
                return;
            }
            let start = Instant::now();
            let origin = |sha256| Origin {
                modified_ns: looked.modified_ns,
                sha256,
                fingerprint: format!("{}-{:?}", self.fingerprint, looked.job.ask),
            };
            let mut known = origin(group.sha256.clone());
            if let Some(line) = self.journal.whole(&looked.job.path, looked.bytes, &mut known, self.out, &target) {
                self.finished_before(line);
                continue;
            }
            let seconds = |start: Instant| looked.seconds + start.elapsed().as_secs_f64();
            let (checked, ending) = match (looked.checked, &done) {
                (Err(error), _) => {
                    self.finish(Record::of_error(&looked.job.path, looked.bytes, None, &error, looked.seconds), None);
                    continue;
                }
                (Ok(checked), Some((_, ending))) => (checked, Ok(ending.clone())),
                (Ok(checked), None) => self.batch.fit_one(looked.job, checked, self.observer),
            };
            let mut ending = match ending {
                Ok(ending) => ending,
                Err(error) if error.kind() == crate::ErrorKind::Cancelled => return,
                Err(error) => {
                    let record =
                        Record::of_error(&looked.job.path, looked.bytes, Some(&checked), &error, seconds(start));
                    self.finish(record, None);
                    continue;
                }
            };
            let written = self.write(&mut ending, &target);
            let record = match written {
                Ok(Some(path)) => {
                    let record = Record::of_fit(&looked.job.path, &checked, &ending, seconds(start));
                    match &ending {
                        Ending::Fitted { fitted, .. } => record.written_to(&path, fitted),
                        Ending::Refused(_) => record,
                    }
                }
                Ok(None) => Record::of_fit(&looked.job.path, &checked, &ending, seconds(start)),
                Err(error) => Record::of_error(&looked.job.path, looked.bytes, Some(&checked), &error, seconds(start)),
            };
            self.finish(record, Some(known));
            done = Some((checked, ending));
        }
    }

    fn write(&self, ending: &mut Ending, target: &Target) -> Result<Option<PathBuf>> {
        let Ending::Fitted { fitted, .. } = ending else { return Ok(None) };
        let path = self.out.join(target.path(fitted.format()));
        self.places.put(fitted, &path, self.batch.link_kept)?;
        Ok(Some(path))
    }

    fn finish(&self, mut record: Record, origin: Option<Origin>) {
        // Without an origin, or with an error, the next run tries again.
        if record.error.is_none() {
            record.source = origin;
        }
        self.journal.add(&record);
        self.tally.add(&record);
        self.observer.finished(&record);
    }

    /// The journal says how each file stands, whichever run saw to it; that this one did not is for whoever watches.
    fn finished_before(&self, mut record: Record) {
        self.journal.add(&record);
        record.reused = true;
        self.tally.add(&record);
        self.observer.finished(&record);
    }
}

fn only_renames(looked: &Looked<'_>) -> bool {
    looked.checked.as_ref().is_ok_and(|checked| checked.plan.steps() == [crate::plan::Step::Rename])
}

fn modified_ns(source: &Source) -> u64 {
    let since = source.modified().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

/// Counts what was done, from many threads.
#[derive(Default)]
struct Tally(Mutex<Summary>);

impl Tally {
    fn add(&self, record: &Record) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(record);
    }

    fn summary(&self, start: Instant, interrupted: bool) -> Summary {
        let mut summary = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        summary.seconds = (start.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        summary.interrupted = interrupted;
        summary
    }
}

/// The role that a folder's name or the caller asks for.
fn ask_for(role: Option<Role>, folder: Option<Role>) -> Ask {
    match (role, folder) {
        (Some(role), _) => Ask::Role(role),
        (None, Some(role)) => Ask::Folder(role),
        (None, None) => Ask::Content,
    }
}
