//! `mediafit.jsonl`: what a run did, line by line as it is done, and what a later run need not do again.

use super::names::Target;
use super::place::stands_at;
use super::walk::JOURNAL;
use crate::digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::format::FORMATS;
use crate::limits::MAX_METADATA;
use crate::report::{Origin, Record, bytes_of};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The most older outputs that are remembered of one source.
const MAX_EARLIER: usize = 16;

/// The record of a run in its output folder.
pub(super) struct Journal {
    path: PathBuf,
    earlier: HashMap<String, Record>,
    /// Where the outputs of earlier runs stand, however their folder was called then; bytes that are not UTF-8 are replaced.
    outputs: OnceLock<HashSet<String>>,
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
        Ok(Self { path, earlier, outputs: OnceLock::new(), lines })
    }

    /// Notes `record`. Written at once: what was done counts even when the run is killed.
    pub(super) fn add(&self, record: &Record) {
        let key = key_of(record);
        let mut record = record.clone();
        record.earlier_outputs = self.still_there(&key, &record);
        let line = record.to_json();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = lines.file.write_all(format!("{line}\n").as_bytes()) {
            lines.error.get_or_insert(error);
        }
        lines.written.insert(key, line);
    }

    /// What earlier runs wrote for this source elsewhere: other options give other names, and back.
    fn still_there(&self, key: &str, record: &Record) -> Vec<String> {
        let Some(earlier) = self.earlier.get(key) else { return Vec::new() };
        let now = record.output.as_ref().map(|output| output.path.as_str());
        let mut others: Vec<String> = outputs_of(earlier)
            .filter(|path| Some(*path) != now && Path::new(path).exists())
            .take(MAX_EARLIER)
            .map(str::to_owned)
            .collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Whether an earlier run wrote what is at `path`.
    pub(super) fn made(&self, path: &Path) -> bool {
        let place = |path: &Path| stands_at(path).to_string_lossy().into_owned();
        let all = || self.earlier.values().flat_map(outputs_of).map(|path| place(Path::new(path))).collect();
        self.outputs.get_or_init(all).contains(&place(path))
    }

    /// The record of an earlier run for this source, if all of it still holds: the source (length and time, else content),
    /// policy, options and version, and the output as it was written. `origin` gets the hash when it had to be made.
    pub(super) fn whole(
        &self,
        path: &Path,
        bytes: u64,
        origin: &mut Origin,
        out: &Path,
        target: &Target,
    ) -> Option<Record> {
        let record = self.earlier.get(&key(path))?;
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
            let place = out.join(target.path(format));
            let as_recorded = plain(&place).to_string_lossy() == plain(Path::new(&output.path)).to_string_lossy()
                && place.metadata().ok()?.len() == output.bytes
                && digest::of_file(&place).ok()? == output.sha256;
            if !as_recorded {
                return None;
            }
        }
        origin.sha256 = origin.sha256.take().or_else(|| source.sha256.clone());
        let mut record = record.clone();
        record.source = Some(origin.clone());
        // Told as it is named now: `./in` is `in`.
        record.path = path.to_string_lossy().into_owned();
        if let Some(output) = &mut record.output {
            let format = FORMATS.iter().find(|row| row.name == output.format)?.format;
            output.path = out.join(target.path(format)).to_string_lossy().into_owned();
        }
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

/// What a source is known by: its path without `.`, byte for byte.
fn key(path: &Path) -> String {
    let path = plain(path);
    // No path has a zero byte, so that no other path is taken for these.
    bytes_of(&path).map_or_else(|| path.to_string_lossy().into_owned(), |bytes| format!("\0{bytes}"))
}

fn key_of(record: &Record) -> String {
    let bytes = record.path_bytes.as_deref().map(|bytes| format!("\0{}", bytes.strip_prefix("./").unwrap_or(bytes)));
    bytes.unwrap_or_else(|| key(Path::new(&record.path)))
}

/// `path` without `.`
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn outputs_of(record: &Record) -> impl Iterator<Item = &str> {
    let last = record.output.as_ref().map(|output| output.path.as_str());
    last.into_iter().chain(record.earlier_outputs.iter().map(String::as_str))
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
                    found.insert(key_of(&record), record);
                }
            }
        }
    }
}
