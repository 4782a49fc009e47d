//! From the PATH arguments to files: folders are walked, `@list` is read, standard input is taken whole.

use super::screen::Screen;
use mediafit::batch::{Job, WalkOptions, walk};
use mediafit::limits::MAX_IN_MEMORY;
use mediafit::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The largest list of paths that is read, in bytes: `@/dev/zero` must end.
const MAX_LIST: u64 = 256 * 1024 * 1024;

/// The files of a run.
pub(crate) struct Inputs {
    /// What was found.
    pub(crate) jobs: Vec<Job>,
    /// Whether some path could not be entered or does not exist; it was said.
    pub(crate) incomplete: bool,
}

/// Finds the files of `paths`, and says what cannot be entered.
///
/// # Errors
/// When no file was found, or a list cannot be read.
pub(crate) fn find(paths: &[PathBuf], options: &WalkOptions, screen: &Screen) -> Result<Inputs> {
    let mut plain = Vec::new();
    for path in paths {
        match path.as_os_str().as_encoded_bytes() {
            [b'@', _, ..] => plain.extend(listed(path)?),
            _ => plain.push(path.clone()),
        }
    }
    let walked = walk(&plain, options)?;
    for error in &walked.errors {
        screen.problem(&format!("mediafit: {error}"));
    }
    if walked.jobs.is_empty() {
        return Err(Error::new(
            ErrorKind::Io,
            "no file found; name files, or folders with files in them (--hidden takes hidden ones too)",
        ));
    }
    Ok(Inputs { jobs: walked.jobs, incomplete: !walked.errors.is_empty() })
}

/// The paths that `@list` names, one a line, taken from the current folder; `@-` is read from standard input.
fn listed(argument: &Path) -> Result<Vec<PathBuf>> {
    let name = without_at(argument);
    let failed = |error| Error::io("cannot be read as a list of paths", error).at(&name);
    if name == Path::new("-") {
        return lines(std::io::stdin().lock()).map_err(failed);
    }
    let file = File::open(&name).map_err(failed)?;
    lines(BufReader::new(file)).map_err(failed)
}

fn lines(reader: impl BufRead) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut reader = reader.take(MAX_LIST + 1);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if reader.limit() == 0 {
            return Err(std::io::Error::other(format!("too long; allowed {MAX_LIST} bytes; name folders instead")));
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = if paths.is_empty() { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        if !text.is_empty() {
            paths.push(path_of(text));
        }
        line.clear();
    }
    Ok(paths)
}

/// All of standard input.
///
/// # Errors
/// `Io` when it cannot be read, `Limit` when it is too large.
pub(crate) fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = |error| Error::io("standard input cannot be read", error);
    std::io::stdin().lock().take(MAX_IN_MEMORY + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_IN_MEMORY {
        return Err(Error::limit(format!(
            "standard input is too large; found more than {MAX_IN_MEMORY} bytes, allowed {MAX_IN_MEMORY}; name the file instead"
        )));
    }
    Ok(bytes)
}

/// All of a text file, or of standard input for `-`.
///
/// # Errors
/// `Io` when it cannot be read or is not UTF-8.
#[cfg(feature = "http")]
pub(crate) fn text(path: &Path) -> Result<String> {
    let failed = |error| Error::io("cannot be read", error).at(path);
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_LIST).read_to_string(&mut text).map_err(failed)?;
    } else {
        File::open(path).map_err(failed)?.take(MAX_LIST).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    OsString::from(String::from_utf8_lossy(bytes).into_owned()).into()
}

#[cfg(unix)]
fn without_at(argument: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    path_of(argument.as_os_str().as_bytes().get(1..).unwrap_or_default())
}

#[cfg(not(unix))]
fn without_at(argument: &Path) -> PathBuf {
    argument.to_string_lossy().get(1..).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line() {
        let list = b"\xef\xbb\xbfa b.jpg\r\n\n./@c\n-\nlast";
        assert_eq!(lines(&list[..]).unwrap(), ["a b.jpg", "./@c", "-", "last"].map(PathBuf::from));
    }

    #[test]
    fn the_at_sign_is_not_part_of_the_name() {
        assert_eq!(without_at(Path::new("@@x")), Path::new("@x"));
    }
}
