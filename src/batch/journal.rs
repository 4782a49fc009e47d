//! `mediafit.jsonl`: what a run did, line by line as it is done, and what a later run need not do again.

use super::names;
use super::walk::JOURNAL;
use crate::digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::format::FORMATS;
use crate::limits::MAX_METADATA;
use crate::report::{Origin, Record};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The record of a run in its output folder.
pub(super) struct Journal {
    path: PathBuf,
    earlier: HashMap<String, Record>,
    lines: Mutex<Lines>,
}

struct Lines {
    file: File,
    written: HashMap<String, String>,
    error: Option<std::io::Error>,
}

impl Journal {
    /// Reads what an earlier run left in `out`, and goes on after it.
    pub(super) fn open(out: &Path) -> Result<Self> {
        let path = out.join(JOURNAL);
        let failed = |error| Error::io("cannot be written", error);
        std::fs::create_dir_all(out).map_err(|error| Error::io("the output folder cannot be made", error).at(out))?;
        let earlier = earlier(&path);
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|error| failed(error).at(&path))?;
        // A run that was killed may have left half a line: ours start on their own.
        file.write_all(b"\n").map_err(|error| failed(error).at(&path))?;
        let lines = Mutex::new(Lines { file, written: HashMap::new(), error: None });
        Ok(Self { path, earlier, lines })
    }

    /// Notes `record`. Written at once: what was done counts even when the run is killed.
    pub(super) fn add(&self, record: &Record) {
        let line = record.to_json();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = lines.file.write_all(format!("{line}\n").as_bytes()) {
            lines.error.get_or_insert(error);
        }
        lines.written.insert(record.path.clone(), line);
    }

    /// The record of an earlier run for this source, if all of it still holds: the source (length and time, else content),
    /// policy, options and version, and the output as it was written. `origin` gets the hash when it had to be made.
    pub(super) fn whole(
        &self,
        path: &Path,
        bytes: u64,
        origin: &mut Origin,
        out: &Path,
        target: &Path,
    ) -> Option<Record> {
        let record = self.earlier.get(path.to_string_lossy().as_ref())?;
        let source = record.source.as_ref()?;
        if source.fingerprint != origin.fingerprint || record.bytes != bytes {
            return None;
        }
        if source.modified_ns != origin.modified_ns {
            origin.sha256 = digest::of_file(path).ok();
            if origin.sha256.is_none() || origin.sha256 != source.sha256 {
                return None;
            }
        }
        if let Some(output) = &record.output {
            let format = FORMATS.iter().find(|row| row.name == output.format)?.format;
            // Another neighbour can have changed the name that this source's output gets.
            let place = out.join(names::with_extension(target, format));
            let as_recorded = place.to_string_lossy() == output.path
                && place.metadata().ok()?.len() == output.bytes
                && digest::of_file(&place).ok()? == output.sha256;
            if !as_recorded {
                return None;
            }
        }
        origin.sha256 = origin.sha256.take().or_else(|| source.sha256.clone());
        let mut record = record.clone();
        record.source = Some(origin.clone());
        Some(record)
    }

    /// Puts the whole record in order: one line a file, sorted by path, files of earlier runs included.
    pub(super) fn finish(&self) -> Result<()> {
        let failed = |error| Error::io("cannot be written", error).at(&self.path);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = lines.error.take() {
            return Err(failed(error));
        }
        let mut all: Vec<(&str, String)> = self
            .earlier
            .iter()
            .filter(|(path, _)| !lines.written.contains_key(*path))
            .map(|(path, record)| (path.as_str(), record.to_json()))
            .chain(lines.written.iter().map(|(path, line)| (path.as_str(), line.clone())))
            .collect();
        all.sort_unstable();
        disk::write(&self.path, |out| {
            all.iter().try_for_each(|(_, line)| out.write_all(format!("{line}\n").as_bytes()).map_err(failed))
        })
    }
}

/// The last line of each source; half and foreign lines are passed over.
fn earlier(path: &Path) -> HashMap<String, Record> {
    let Ok(file) = File::open(path) else { return HashMap::new() };
    let mut reader = BufReader::new(file);
    let mut found = HashMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(MAX_METADATA as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return found,
            Ok(_) => {
                if let Ok(record) = serde_json::from_slice::<Record>(&line) {
                    found.insert(record.path.clone(), record);
                }
            }
        }
    }
}
