//! Downloads to a file: what is there under the final name is whole.

use super::{MediaInfo, Uploader};
use crate::error::{Error, Result};
use std::path::Path;

/// Writes the media `id` to `path`: to a temporary file beside it first, which is checked and renamed. A download that
/// breaks leaves nothing under the final name.
///
/// # Errors
/// As [`Uploader::fetch`]; `Io` when the file cannot be written.
pub fn save(uploader: &dyn Uploader, id: &str, path: &Path) -> Result<MediaInfo> {
    let failed = |error| Error::io("cannot be written", error).at(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".mediafit-").tempfile_in(folder).map_err(failed)?;
    let info = uploader.fetch(id, temporary.as_file_mut())?;
    // An earlier try may have got more than there is.
    temporary.as_file().set_len(info.bytes.unwrap_or(0)).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(info)
}
