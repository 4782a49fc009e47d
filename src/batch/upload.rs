//! Fit → upload in one run: what is fit goes up while the next files are converted.

use super::hatch::Hatch;
use super::index::Index;
use super::{Batch, Job, Looked};
use crate::error::{Error, Result};
use crate::fault::Fault;
use crate::judge::Standing;
use crate::pipeline::Ending;
use crate::plan::Plan;
use crate::report::{Failure, Record};
use crate::upload::Courier;
use crate::upload::ledger::Entry;
use crate::verify::Fitted;
use serde::Serialize;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How many uploads are in flight at once, unless said otherwise.
pub const DEFAULT_IN_FLIGHT: usize = 8;

/// How much converted media waits for its upload or is in flight, in bytes of memory. What is on disk weighs nothing.
const MAX_WAITING: u64 = 24 * 1024 * 1024;

/// What an upload gave, as the JSON Lines have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uploaded {
    /// The media's id.
    pub id: String,
    /// Where the id holds.
    pub host: String,
    /// For which number or account.
    pub number: String,
    /// The name it is stored under.
    pub filename: Option<String>,
    /// The MIME type it was declared as.
    pub mime: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// When it was uploaded, in seconds since 1970.
    pub uploaded_at: i64,
    /// When the id ends, in seconds since 1970.
    pub expires_at: Option<i64>,
    /// Whether the ledger knew it.
    pub reused: bool,
}

impl Uploaded {
    /// What the ledger holds, as the JSON Lines have it.
    #[must_use]
    pub fn of(entry: &Entry, reused: bool) -> Self {
        Self {
            id: entry.id.clone(),
            host: entry.target.host.clone(),
            number: entry.target.number.clone(),
            filename: entry.name.clone(),
            mime: entry.mime.clone(),
            bytes: entry.bytes,
            sha256: entry.sha256.clone(),
            uploaded_at: entry.uploaded_at,
            expires_at: entry.expires_at,
            reused,
        }
    }
}

/// What the JSON Lines say about one file that was to be uploaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UploadRecord {
    /// What was found about the file, and what was done to make it fit.
    #[serde(flatten)]
    pub file: Record,
    /// The upload; absent where there was none.
    pub upload: Option<Uploaded>,
    /// What the platform answered, where it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Value>,
}

impl UploadRecord {
    /// The record as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain data to a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the JSON Lines say about a whole run of uploads.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct UploadSummary {
    /// Files looked at.
    pub files: u64,
    /// Sources that were fit.
    pub fit: u64,
    /// Sources that broke a rule.
    pub unfit: u64,
    /// Sources that broke their own format, or could not be read.
    pub broken: u64,
    /// Files that have an id now: the sum of `uploaded` and `reused`.
    pub have_ids: u64,
    /// Files that were uploaded.
    pub uploaded: u64,
    /// Files that the ledger knew.
    pub reused: u64,
    /// Files that were not repaired.
    pub refused: u64,
    /// Files on which the work or the upload failed.
    pub errors: u64,
    /// Bytes of all sources.
    pub bytes_in: u64,
    /// Bytes that were uploaded.
    pub bytes_out: u64,
    /// How long the run took.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// Is told how a run of uploads goes on, from the workers' threads.
pub trait UploadObserver: Sync {
    /// The run starts, on this many files with this many bytes.
    fn begin(&self, files: u64, bytes: u64) {
        let _ = (files, bytes);
    }

    /// A file is finished.
    fn finished(&self, record: &UploadRecord) {
        let _ = record;
    }
}

impl UploadObserver for () {}

/// Fit media on its way to its upload.
struct Parcel<'a> {
    job: &'a Job,
    record: Record,
    fitted: Box<Fitted>,
    source_sha256: Option<String>,
    start: Instant,
}

struct Run<'a> {
    batch: &'a Batch,
    courier: &'a Courier<'a>,
    observer: &'a dyn UploadObserver,
    hatch: Hatch<Parcel<'a>>,
    fingerprint: String,
    summary: Mutex<UploadSummary>,
    /// An answer that no other upload would fare better with.
    stopped: Mutex<Option<Fault>>,
}

impl Batch {
    /// Makes every job fit and gets an id for it: from the ledger, or by an upload, `in_flight` of them at once.
    /// Nothing is written to disk but the ledger.
    ///
    /// # Errors
    /// `Engine` when the threads cannot be started. What is wrong with a file stands in its record.
    pub fn upload(
        &self,
        jobs: &[Job],
        courier: &Courier<'_>,
        in_flight: usize,
        observer: &dyn UploadObserver,
    ) -> Result<UploadSummary> {
        let start = Instant::now();
        let in_flight = in_flight.clamp(1, 64);
        let run = Run {
            batch: self,
            courier,
            observer,
            hatch: Hatch::new(in_flight * 2, MAX_WAITING),
            fingerprint: self.fingerprint(),
            summary: Mutex::default(),
            stopped: Mutex::default(),
        };
        let looked = self.look_at_all(jobs)?;
        observer.begin(looked.len() as u64, looked.iter().map(|looked| looked.bytes).sum());
        std::thread::scope(|scope| {
            for index in 0..in_flight {
                let worker = std::thread::Builder::new().name(format!("mediafit-upload-{index}"));
                let run = &run;
                if let Err(error) = worker.spawn_scoped(scope, move || run.deliver_all()) {
                    run.hatch.close();
                    return Err(Error::engine(format!("the upload threads could not be started: {error}")));
                }
            }
            let memory = |looked: &Looked<'_>| looked.checked.as_ref().map_or(0, |checked| checked.memory_needed());
            let converted = self.each(looked, memory, |looked| run.convert(looked));
            run.hatch.close();
            converted
        })?;
        let mut summary = run.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.seconds = (start.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        summary.interrupted = self.fitter.cancel().is_cancelled();
        Ok(summary)
    }
}

impl<'a> Run<'a> {
    fn convert(&self, looked: Looked<'a>) {
        let start = Instant::now();
        let cancelled = || self.batch.fitter.cancel().is_cancelled();
        if cancelled() {
            return;
        }
        let job = looked.job;
        let checked = match looked.checked {
            Ok(checked) => checked,
            Err(error) => {
                return self.finish(Record::of_error(&job.path, looked.bytes, None, &error, looked.seconds), Err(None));
            }
        };
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(fault) = stopped {
            let error = fault.clone().into_error("not tried, after an earlier answer");
            let record = Record::of_error(&job.path, looked.bytes, Some(&checked), &error, looked.seconds);
            return self.finish(record, Err(Some(fault)));
        }
        let source_sha256 = match &checked.plan {
            Plan::Keep | Plan::Rewrite(_) => crate::digest::of_file(&job.path).ok(),
            Plan::Refuse(_) => None,
        };
        let index = self.index(job);
        if let Some(sha256) = &source_sha256
            && let Some(entry) = index.find(sha256)
        {
            let record = Record::of_check(&job.path, &checked, looked.seconds + start.elapsed().as_secs_f64());
            return self.finish(record, Ok((entry, true)));
        }
        let (checked, ending) = self.batch.fit_one(job, checked, &());
        let seconds = looked.seconds + start.elapsed().as_secs_f64();
        match ending {
            Ok(Ending::Fitted { fitted, steps }) => {
                let record =
                    Record::of_fit(&job.path, &checked, &Ending::Fitted { fitted: fitted.clone(), steps }, seconds);
                let bytes = fitted.memory_bytes();
                self.hatch.put(Parcel { job, record, fitted, source_sha256, start }, bytes);
            }
            Ok(Ending::Refused(refusal)) => {
                let record = Record::of_fit(&job.path, &checked, &Ending::Refused(refusal), seconds);
                self.finish(record, Err(None));
            }
            Err(_) if cancelled() => {}
            Err(error) => {
                let record = Record::of_error(&job.path, looked.bytes, Some(&checked), &error, seconds);
                self.finish(record, Err(None));
            }
        }
    }

    fn index(&self, job: &Job) -> Index<'_> {
        Index::new(self.courier, &self.fingerprint, &job.path, job.ask)
    }

    fn deliver_all(&self) {
        while let Some(load) = self.hatch.take() {
            if catch_unwind(AssertUnwindSafe(|| self.deliver(&load.item))).is_err() {
                let error = Error::engine("the upload gave up; please report this file");
                let mut record = load.item.record.clone();
                record.error = Some(Failure { kind: error.kind().name().into(), message: error.what() });
                self.finish(record, Err(None));
            }
        }
    }

    fn deliver(&self, parcel: &Parcel<'_>) {
        let (fitted, path) = (&parcel.fitted, &parcel.job.path);
        let name = path.file_name().map(|name| name.to_string_lossy());
        // What came on standard input lies in a file that nobody will find again.
        let source = (parcel.job.relative != Path::new("-")).then(|| path.to_string_lossy());
        let delivered = self.courier.deliver(fitted, name.as_deref(), source.as_deref()).and_then(|delivered| {
            if let Some(sha256) = &parcel.source_sha256 {
                self.index(parcel.job).note(sha256, fitted)?;
            }
            Ok(delivered)
        });
        let mut record = parcel.record.clone();
        record.seconds = ((record.seconds + parcel.start.elapsed().as_secs_f64()) * 1e6).round() / 1e6;
        match delivered {
            Ok(delivered) => self.finish(record, Ok((delivered.entry, delivered.reused))),
            Err(error) if error.kind() == crate::error::ErrorKind::Cancelled => {}
            Err(_) if self.batch.fitter.cancel().is_cancelled() => {}
            Err(error) => {
                record.error = Some(Failure { kind: error.kind().name().into(), message: error.what() });
                let fault = Fault::of(&error).cloned();
                if let Some(fault) = fault.as_ref().filter(|fault| fault.stops_all()) {
                    let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
                    stopped.get_or_insert_with(|| fault.clone());
                }
                self.finish(record, Err(fault));
            }
        }
    }

    fn finish(&self, file: Record, outcome: Result<(Entry, bool), Option<Fault>>) {
        let (upload, fault) = match outcome {
            Ok((entry, reused)) => (Some(Uploaded::of(&entry, reused)), None),
            Err(fault) => (None, fault.map(|fault| fault.to_json())),
        };
        {
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.files += 1;
            summary.bytes_in += file.bytes;
            match file.verdict {
                Standing::Fit => summary.fit += 1,
                Standing::Unfit => summary.unfit += 1,
                Standing::Broken => summary.broken += 1,
            }
            summary.errors += u64::from(file.error.is_some());
            summary.refused += u64::from(file.error.is_none() && file.plan == "refuse");
            if let Some(upload) = &upload {
                summary.have_ids += 1;
                summary.reused += u64::from(upload.reused);
                summary.uploaded += u64::from(!upload.reused);
                summary.bytes_out += if upload.reused { 0 } else { upload.bytes };
            }
        }
        self.observer.finished(&UploadRecord { file, upload, fault });
    }
}
