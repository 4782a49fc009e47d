//! Downloads to a file: what is there under the final name is whole, and what it was told to be.

use super::{MediaInfo, Uploader, same_sha256};
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// Writes the media `id` to `path`: to a temporary file beside it first, which is checked and renamed. A download that
/// breaks leaves nothing under the final name.
///
/// # Errors
/// As [`Uploader::fetch`]; `Io` when the file cannot be written.
pub fn save(uploader: &dyn Uploader, id: &str, path: &Path) -> Result<MediaInfo> {
    save_as_told(uploader, id, path, None)
}

/// The same, where a callback has `told` the SHA-256, in hexadecimal or base64. What differs is not put in place: a file
/// that stands there stays as it was.
///
/// # Errors
/// As [`save`]; `Upload` when the SHA-256 is another one.
pub fn save_as_told(uploader: &dyn Uploader, id: &str, path: &Path, told: Option<&str>) -> Result<MediaInfo> {
    let failed = |error| Error::io("cannot be written", error).at(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".mediafit-").tempfile_in(folder).map_err(failed)?;
    let info = uploader.fetch(id, temporary.as_file_mut())?;
    let sha256 = info.sha256.as_deref().unwrap_or_default();
    if told.is_some_and(|told| !same_sha256(told, sha256)) {
        let what = format!("media {id}: the download's SHA-256 is not what the callback says");
        return Err(Error::new(ErrorKind::Upload { retryable: true }, what));
    }
    // An earlier try may have got more than there is.
    temporary.as_file().set_len(info.bytes.unwrap_or(0)).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(info)
}
