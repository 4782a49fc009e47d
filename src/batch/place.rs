//! Where nothing may be written: over a source, and over what no run of ours wrote.

use super::Job;
use super::journal::Journal;
use crate::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::verify::Fitted;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Tells which places are free, or our own.
pub(super) struct Places<'a> {
    jobs: &'a [Job],
    journal: &'a Journal,
    /// The whole path of every source: made when the first place turns out to be taken.
    sources: OnceLock<HashSet<PathBuf>>,
}

impl<'a> Places<'a> {
    /// For outputs of `jobs` beside those of `journal`.
    pub(super) const fn new(jobs: &'a [Job], journal: &'a Journal) -> Self {
        Self { jobs, journal, sources: OnceLock::new() }
    }

    /// Puts `fitted` at `path`, or leaves there what is the same already.
    ///
    /// # Errors
    /// `Io` when `path` is a source, or a file that no earlier run wrote; else as [`Fitted::save`].
    pub(super) fn put(&self, fitted: &mut Fitted, path: &Path, link_kept: bool) -> Result<()> {
        if path.symlink_metadata().is_ok() && !self.is_ours(fitted, path)? {
            return Ok(());
        }
        if link_kept && fitted.kept_path().is_some() { fitted.save_linked(path) } else { fitted.settle(path) }
    }

    /// Whether what stands at `path` may be replaced; not where it is `fitted` already, byte for byte, as after a run that
    /// was killed between the file and its record.
    fn is_ours(&self, fitted: &Fitted, path: &Path) -> Result<bool> {
        let sources = self.sources.get_or_init(|| self.jobs.iter().map(|job| stands_at(&job.path)).collect());
        let refused = |what: &str, way_out: &str| {
            let message = format!("the output would replace {}, which {what}; {way_out}", path.display());
            Err(Error::new(ErrorKind::Io, message))
        };
        let is_link = path.is_symlink();
        if sources.contains(&stands_at(path))
            || (!is_link && path.canonicalize().is_ok_and(|path| sources.contains(&path)))
        {
            return refused("is a source", "choose another --out folder");
        }
        // What is no file is in the way, as the system will say.
        if self.journal.made(path) || path.is_dir() {
            return Ok(true);
        }
        let same_length = path.metadata().is_ok_and(|meta| meta.len() == fitted.len());
        if !is_link && same_length && digest::of_file(path).is_ok_and(|found| found == fitted.sha256()) {
            return Ok(false);
        }
        refused("no earlier run wrote", "choose another --out folder, or remove it")
    }
}

/// The whole path of `path`: links in its folder are followed, a link in its place is not.
pub(super) fn stands_at(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}
