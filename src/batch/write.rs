//! Nothing is ever half there: temporary file in the target folder → fsync → rename.

use crate::error::{Error, Result};
use crate::verify::Fitted;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

/// Writes `fitted` to `path`, or links it there where it is kept and `link` is asked for.
pub(super) fn atomically(fitted: &Fitted, path: &Path, link: bool) -> Result<()> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error| Error::io(what, error).at(path)
    };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed("its folder cannot be made"))?;
    if let Some(source) = fitted.kept_path() {
        if is_same_file(source, path) {
            return Err(
                Error::io("is the source itself", std::io::Error::other("choose another output folder")).at(path)
            );
        }
        // Another file system, or one without links, gets a copy.
        if link && linked(source, folder, path) {
            return Ok(());
        }
    }
    let temporary =
        tempfile::Builder::new().prefix(".mediafit-").tempfile_in(folder).map_err(failed("cannot be written"))?;
    let mut out = BufWriter::with_capacity(128 * 1024, temporary.as_file());
    fitted.write_to(&mut out)?;
    out.flush().map_err(failed("cannot be written"))?;
    drop(out);
    readable(temporary.as_file()).map_err(failed("cannot be written"))?;
    temporary.as_file().sync_all().map_err(failed("cannot be written"))?;
    temporary.persist(path).map_err(|error| Error::io("cannot be put in place", error.error).at(path))?;
    Ok(())
}

/// The SHA-256 of the file at `path`.
pub(super) fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 128 * 1024];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))),
            count => hash.update(block.get(..count).unwrap_or_default()),
        }
    }
}

/// A hard link under a temporary name, renamed into place: an older output is replaced as a whole.
fn linked(source: &Path, folder: &Path, path: &Path) -> bool {
    let Ok(place) = tempfile::Builder::new().prefix(".mediafit-").tempdir_in(folder) else { return false };
    let link = place.path().join("link");
    std::fs::hard_link(source, &link).is_ok() && std::fs::rename(&link, path).is_ok()
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Temporary files are private; outputs are for a server to read, within what the user's mask allows.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}
