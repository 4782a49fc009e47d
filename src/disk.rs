//! What is put on the disk is whole or not there: temporary file in the target's folder → fsync → rename.
//!
//! A process that is killed leaves its temporary files behind. They are known by their name, and by their lock, which
//! the system lifts when its holder ends: what nobody holds is [swept](sweep) when the next run starts.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use tempfile::{Builder, NamedTempFile};

/// Our temporary files are named `.mediafit-` and so many letters and digits.
const PREFIX: &str = ".mediafit-";
const RANDOM: usize = 6;

/// Where the file system has no locks, only what is older than this is swept.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes what `content` gives to `path`, and makes its folders; an older file there is replaced as a whole.
///
/// # Errors
/// `Io`, and those of `content`; then nothing is left.
pub(crate) fn write(path: &Path, content: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed = |error| Error::io("cannot be written", error).at(path);
    let folder = folder_of(path)?;
    let temporary = temporary(folder).map_err(failed)?;
    let mut out = BufWriter::with_capacity(128 * 1024, temporary.as_file());
    content(&mut out).map_err(|error| error.at(path))?;
    out.flush().map_err(failed)?;
    drop(out);
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| Error::io("cannot be put in place", error.error).at(path))?;
    Ok(())
}

/// A temporary file of ours.
#[derive(Debug)]
pub(crate) enum Temporary {
    /// Gone with its last handle, whatever happens.
    Nameless(File),
    /// In a folder of results, to be [put](Self::put) beside it.
    Named(NamedTempFile),
}

impl Temporary {
    /// A new one: in `folder`, or without a name where the system keeps its own.
    pub(crate) fn new(folder: Option<&Path>) -> io::Result<Self> {
        match folder {
            Some(folder) => temporary(folder).map(Self::Named),
            None => tempfile::tempfile().map(Self::Nameless),
        }
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &File {
        match self {
            Self::Nameless(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }

    /// Moves it to `path`, and makes its folders; gives it back where a copy has to get there, as on another file system,
    /// or to say what is in the way.
    pub(crate) fn put(self, path: &Path) -> Option<Self> {
        match self {
            Self::Named(file) if folder_of(path).is_ok() && file.as_file().sync_all().is_ok() => {
                file.persist(path).err().map(|error| Self::Named(error.file))
            }
            other => Some(other),
        }
    }
}

/// Makes `path` a hard link to `source`, in the place of an older file. Whether that worked: another file system, or
/// one without links, wants a copy.
pub(crate) fn link(source: &Path, path: &Path) -> bool {
    // A link to a link would name a place that is somewhere else from here (link(2) does not follow one).
    let Ok(source) = &source.canonicalize() else { return false };
    let Ok(folder) = folder_of(path) else { return false };
    let Ok(link) = builder().make_in(folder, |place| fs::hard_link(source, place)) else { return false };
    // Renaming one name of a file to another of its names does nothing (POSIX rename); dropping `link` then removes it.
    fs::rename(link.path(), path).is_ok()
}

/// Removes the temporary files that killed processes left in `folder`; folders in it are not entered.
pub(crate) fn sweep(folder: &Path) {
    // What cannot be listed cannot be written to either, and that will be said.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_ours(&entry.file_name()) && is_file() {
            remove_abandoned(&entry.path());
        }
    }
}

fn remove_abandoned(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    let abandoned = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => {
            let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
            age.is_some_and(|age| age > STALE)
        }
    };
    if abandoned {
        // Still under the lock. What cannot be removed stays for the next run.
        let _ = fs::remove_file(path);
    }
}

fn is_ours(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// A temporary file that no sweeper takes while we live.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..16 {
        let temporary = builder().tempfile_in(folder)?;
        let locked = temporary.as_file().lock().is_ok();
        // Between its making and its lock a sweeper may have taken it for an abandoned one.
        if !locked || temporary.path().exists() {
            return Ok(temporary);
        }
    }
    Err(io::Error::other("its temporary file is removed again and again"))
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    // Temporary files are private; results are for others to read, within what the user's mask allows.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

/// The folder of `path`, which is made where it is not there.
fn folder_of(path: &Path) -> Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Error::io("its folder cannot be made", error).at(path))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_abandoned_files_of_our_naming_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| fs::write(folder.path().join(name), b"half").unwrap();
        ["a.jpg", ".mediafit-", ".mediafit-abc12", ".mediafit-abc123", ".mediafit-abc123.jpg", ".mediafit-ab_123"]
            .iter()
            .for_each(|name| put(name));
        fs::create_dir(folder.path().join(".mediafit-folder")).unwrap();
        let alive = temporary(folder.path()).unwrap();
        sweep(folder.path());
        let left = names(folder.path());
        assert!(!left.contains(&".mediafit-abc123".to_owned()), "{left:?}");
        assert_eq!(left.len(), 7, "{left:?}");
        assert!(alive.path().exists());
    }

    #[test]
    fn what_is_in_a_folder_of_results_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.mp4");
        let named = Temporary::new(Some(folder.path())).unwrap();
        named.file().write_all(b"content").unwrap();
        assert!(named.put(&path).is_none());
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(names(folder.path()), ["a"]);
        // What has no name, and what cannot be renamed, is to be copied.
        assert!(Temporary::new(None).unwrap().put(&path).is_some());
        let named = Temporary::new(Some(folder.path())).unwrap();
        assert!(named.put(&folder.path().join("a")).is_some());
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn what_fails_midway_leaves_nothing_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let full = |_: &mut dyn Write| Err(Error::io("cannot be written", io::Error::other("no space")));
        assert!(write(&path, full).is_err());
        assert_eq!(names(folder.path()), Vec::<String>::new());
        write(&path, |out| out.write_all(b"old").map_err(|error| Error::io("", error))).unwrap();
        let error = write(&path, full).unwrap_err();
        assert_eq!(error.path(), Some(path.as_path()));
        assert_eq!((names(folder.path()), fs::read(&path).unwrap()), (vec!["a.jpg".to_owned()], b"old".to_vec()));
    }

    #[test]
    fn a_link_over_itself_leaves_no_other_name() {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&source, b"content").unwrap();
        for _ in 0..2 {
            assert!(link(&source, &path));
            assert_eq!(names(folder.path()), ["a", "b"]);
        }
    }
}
