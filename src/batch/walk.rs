//! From paths to jobs: folders are walked, each file is taken once, in a sorted order.

use super::{Job, ask_for};
use crate::error::{Error, Result};
use crate::format::Role;
use globset::GlobMatcher;
use ignore::WalkBuilder;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The name of the run's own record, which is never input.
pub(super) const JOURNAL: &str = "mediafit.jsonl";

/// Files of ours that may lie among the sources, and are none.
const OURS: [&str; 2] = [JOURNAL, "mediafit.toml"];

/// What is taken, and as what.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// The role of every file, whatever its content. Default: none.
    pub role: Option<Role>,
    /// Roles by glob on the path below the argument, or below [`base`](Self::base); the first match counts. Default: none.
    pub roles: Vec<(GlobMatcher, Role)>,
    /// The folder of the configuration that has the globs. Default: none.
    pub base: Option<PathBuf>,
    /// Whether hidden files and folders are taken. Default: false.
    pub hidden: bool,
    /// Whether `.gitignore` is followed. Default: false.
    pub respect_gitignore: bool,
    /// Folders that are not entered: the output's. Default: none.
    pub exclude: Vec<PathBuf>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walked {
    /// The files, sorted by path, each once.
    pub jobs: Vec<Job>,
    /// What could not be entered or does not exist.
    pub errors: Vec<Error>,
}

/// Finds the files at and below `paths`. Links to files are followed, links to folders only where named as an argument.
///
/// # Errors
/// `Io` when the current folder is gone; what is wrong with single paths stands in [`Walked::errors`].
pub fn walk(paths: &[PathBuf], options: &WalkOptions) -> Result<Walked> {
    let exclude: HashSet<PathBuf> = options.exclude.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut walked = Walked::default();
    let base = options.base.as_deref().and_then(|base| in_whole(base).canonicalize().ok());
    let mut found = Found { options, base, walked: &mut walked, seen: HashMap::new() };
    for root in paths {
        if !root.is_dir() {
            file(root, &mut found);
        } else if root.canonicalize().is_ok_and(|root| exclude.contains(&root)) {
            let way_out = std::io::Error::other("what is in it is never input; name another --out folder");
            found.walked.errors.push(Error::io("is the output folder", way_out).at(root));
        } else {
            folder(root, &exclude, &mut found);
        }
    }
    walked.jobs.sort_by(|one, other| one.relative.cmp(&other.relative).then_with(|| one.path.cmp(&other.path)));
    Ok(walked)
}

/// What was found so far.
struct Found<'a> {
    options: &'a WalkOptions,
    /// The whole path of [`WalkOptions::base`].
    base: Option<PathBuf>,
    walked: &'a mut Walked,
    /// Whole paths, and which job each is.
    seen: HashMap<PathBuf, usize>,
}

impl Found<'_> {
    /// Adds a file, once: under its own name rather than under that of a link to it.
    fn add(&mut self, path: PathBuf, relative: PathBuf, folder: Option<Role>) {
        let index = self.walked.jobs.len();
        let before = *self.seen.entry(path.canonicalize().unwrap_or_else(|_| path.clone())).or_insert(index);
        if before < index {
            let Some(job) = self.walked.jobs.get(before) else { return };
            if !job.path.is_symlink() || path.is_symlink() {
                return;
            }
        }
        let below_base = self.below_base(&path);
        let matches = |glob: &GlobMatcher| {
            glob.is_match(&relative) || below_base.as_deref().is_some_and(|below| glob.is_match(below))
        };
        let by_glob = || self.options.roles.iter().find(|(glob, _)| matches(glob)).map(|(_, role)| *role);
        let ask = ask_for(self.options.role.or_else(by_glob), folder);
        let job = Job { path, relative, ask };
        match self.walked.jobs.get_mut(before) {
            Some(link) => *link = job,
            None => self.walked.jobs.push(job),
        }
    }

    /// The path below the configuration's folder, links to the file itself not followed.
    fn below_base(&self, path: &Path) -> Option<PathBuf> {
        let base = self.base.as_deref().filter(|_| !self.options.roles.is_empty())?;
        let folder = in_whole(path.parent()?).canonicalize().ok()?;
        Some(folder.strip_prefix(base).ok()?.join(path.file_name()?))
    }
}

/// `folder`, where the empty path stands for the current one.
fn in_whole(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn file(path: &Path, found: &mut Found<'_>) {
    match path.metadata() {
        Ok(meta) if meta.is_file() => {
            let relative = PathBuf::from(path.file_name().unwrap_or(path.as_os_str()));
            found.add(path.to_path_buf(), relative, None);
        }
        Ok(_) => {
            let pipe = std::io::Error::other("found a pipe or device; name a file or folder");
            found.walked.errors.push(Error::io("is not a regular file", pipe).at(path));
        }
        Err(error) => found.walked.errors.push(Error::io("cannot be opened", error).at(path)),
    }
}

fn folder(root: &Path, exclude: &HashSet<PathBuf>, found: &mut Found<'_>) {
    let (options, exclude) = (found.options, exclude.clone());
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .hidden(!options.hidden)
        .git_ignore(options.respect_gitignore)
        .git_exclude(options.respect_gitignore)
        .git_global(options.respect_gitignore)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            !is_folder
                || exclude.is_empty()
                || entry.path().canonicalize().map_or(true, |path| !exclude.contains(&path))
        });
    // The last component of the argument counts as a role's folder too: `fit photos`.
    let argument = root.canonicalize().ok();
    let argument =
        argument.as_deref().and_then(Path::file_name).and_then(|name| Role::of_folder(&name.to_string_lossy()));
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found
                    .walked
                    .errors
                    .push(Error::io("cannot be read", std::io::Error::other(error.to_string())).at(root));
                continue;
            }
        };
        let path = entry.path();
        let is_file = match entry.file_type() {
            Some(kind) if kind.is_symlink() => match path.metadata() {
                Ok(meta) => meta.is_file(),
                // A dangling link or a loop is a file that is not there: its own line, not the run's end.
                Err(_) => true,
            },
            Some(kind) => kind.is_file(),
            None => false,
        };
        if !is_file || path.file_name().is_some_and(|name| OURS.iter().any(|ours| name == *ours)) {
            continue;
        }
        let relative = path.strip_prefix(root).unwrap_or(path).to_path_buf();
        let role = by_folder(&relative).or(argument);
        found.add(path.to_path_buf(), relative, role);
    }
}

/// The role of the nearest folder above the file that is named after one.
fn by_folder(relative: &Path) -> Option<Role> {
    relative.parent()?.components().rev().find_map(|part| Role::of_folder(&part.as_os_str().to_string_lossy()))
}
