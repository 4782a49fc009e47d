//! From paths to jobs: folders are walked, each file is taken once, in a sorted order.

use super::{Job, ask_for};
use crate::error::{Error, Result};
use crate::format::Role;
use globset::GlobMatcher;
use ignore::WalkBuilder;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The name of the run's own record, which is never input.
pub(super) const JOURNAL: &str = "mediafit.jsonl";

/// What is taken, and as what.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// The role of every file, whatever its content. Default: none.
    pub role: Option<Role>,
    /// Roles by glob on the path below the argument, the first match counts. Default: none.
    pub roles: Vec<(GlobMatcher, Role)>,
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
    let mut seen = HashSet::new();
    for root in paths {
        if root.is_dir() {
            folder(root, options, &exclude, &mut walked, &mut seen);
        } else {
            file(root, options, &mut walked, &mut seen);
        }
    }
    walked.jobs.sort_by(|one, other| one.relative.cmp(&other.relative).then_with(|| one.path.cmp(&other.path)));
    Ok(walked)
}

fn file(path: &Path, options: &WalkOptions, walked: &mut Walked, seen: &mut HashSet<PathBuf>) {
    match path.metadata() {
        Ok(meta) if meta.is_file() => {
            let relative = PathBuf::from(path.file_name().unwrap_or(path.as_os_str()));
            add(path.to_path_buf(), relative, None, options, walked, seen);
        }
        Ok(_) => {
            let pipe = std::io::Error::other("found a pipe or device; name a file or folder");
            walked.errors.push(Error::io("is not a regular file", pipe).at(path));
        }
        Err(error) => walked.errors.push(Error::io("cannot be opened", error).at(path)),
    }
}

fn folder(
    root: &Path,
    options: &WalkOptions,
    exclude: &HashSet<PathBuf>,
    walked: &mut Walked,
    seen: &mut HashSet<PathBuf>,
) {
    let exclude = exclude.clone();
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
                walked.errors.push(Error::io("cannot be read", std::io::Error::other(error.to_string())).at(root));
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
        if !is_file || path.file_name().is_some_and(|name| name == JOURNAL) {
            continue;
        }
        let relative = path.strip_prefix(root).unwrap_or(path).to_path_buf();
        let role = by_folder(&relative).or(argument);
        add(path.to_path_buf(), relative, role, options, walked, seen);
    }
}

/// The role of the nearest folder above the file that is named after one.
fn by_folder(relative: &Path) -> Option<Role> {
    relative.parent()?.components().rev().find_map(|part| Role::of_folder(&part.as_os_str().to_string_lossy()))
}

fn add(
    path: PathBuf,
    relative: PathBuf,
    folder: Option<Role>,
    options: &WalkOptions,
    walked: &mut Walked,
    seen: &mut HashSet<PathBuf>,
) {
    if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
        return;
    }
    let by_glob = || options.roles.iter().find(|(glob, _)| glob.is_match(&relative)).map(|(_, role)| *role);
    let ask = ask_for(options.role.or_else(by_glob), folder);
    walked.jobs.push(Job { path, relative, ask });
}
