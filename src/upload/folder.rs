//! An uploader that keeps everything in a folder: for trying things out, and for handing media on by other means.

use super::hash::of_reader;
use super::memory::missing;
use super::{MediaInfo, Place, Receipt, Uploader};
use crate::error::{Error, Result};
use crate::verify::Fitted;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Media in a folder: each with its content as `ID` and its description as `ID.json`.
#[derive(Debug, Clone)]
pub struct FolderUploader {
    folder: PathBuf,
    name: String,
}

impl FolderUploader {
    /// Keeps media in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// `Io` when it cannot be made.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let failed = |error| Error::io("cannot be made", error).at(&folder);
        fs::create_dir_all(&folder).map_err(failed)?;
        let folder = folder.as_ref().canonicalize().map_err(failed)?;
        let name = format!("file://{}", folder.to_string_lossy());
        Ok(Self { folder, name })
    }

    /// An id leads nowhere but into the folder.
    fn place(&self, id: &str) -> Result<PathBuf> {
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain { Ok(self.folder.join(id)) } else { Err(missing(id)) }
    }
}

impl Uploader for FolderUploader {
    fn host(&self) -> &str {
        &self.name
    }

    fn number(&self) -> &str {
        "folder"
    }

    fn lifetime(&self) -> Option<Duration> {
        None
    }

    fn accepts(&self, _: &Fitted) -> Result<()> {
        Ok(())
    }

    fn upload(&self, fitted: &Fitted, name: Option<&str>) -> Result<Receipt> {
        let failed = |error| Error::io("cannot be written", error).at(&self.folder);
        let content = tempfile::Builder::new().prefix(".mediafit-").tempfile_in(&self.folder).map_err(failed)?;
        let mut out = BufWriter::new(content.as_file());
        fitted.write_to(&mut out)?;
        out.flush().map_err(failed)?;
        drop(out);
        content.as_file().sync_all().map_err(failed)?;
        let stem = fitted.sha256().get(..16).unwrap_or_default();
        let mut content = content;
        // Two uploads of one content are two ids, as they are at the platform.
        for number in 1_u32.. {
            let id = format!("{stem}-{number}");
            match content.persist_noclobber(self.folder.join(&id)) {
                Ok(_) => {
                    let about =
                        json!({"mime": fitted.mime(), "sha256": fitted.sha256(), "bytes": fitted.len(), "name": name});
                    fs::write(self.folder.join(format!("{id}.json")), format!("{about}\n")).map_err(failed)?;
                    return Ok(Receipt { id });
                }
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => content = error.file,
                Err(error) => return Err(failed(error.error)),
            }
        }
        Err(failed(std::io::Error::other("no name is free")))
    }

    fn info(&self, id: &str) -> Result<MediaInfo> {
        let place = self.place(id)?;
        let about = fs::read(place.with_extension("json")).map_err(|_| missing(id))?;
        let about: Value = serde_json::from_slice(&about).map_err(|_| missing(id))?;
        let text = |name: &str| about.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(MediaInfo {
            id: id.to_owned(),
            mime: text("mime").unwrap_or_default(),
            bytes: about.get("bytes").and_then(Value::as_u64),
            sha256: text("sha256"),
            url: None,
        })
    }

    fn fetch(&self, id: &str, out: &mut dyn Place) -> Result<MediaInfo> {
        let info = self.info(id)?;
        let place = self.place(id)?;
        let mut file = File::open(&place).map_err(|_| missing(id))?;
        let written = |error| Error::io("cannot be written", error);
        out.seek(SeekFrom::Start(0)).map_err(written)?;
        std::io::copy(&mut file, out).map_err(written)?;
        out.flush().map_err(written)?;
        let mut again = File::open(&place).map_err(|_| missing(id))?;
        let (sha256, _) = of_reader(&mut again).map_err(|error| Error::io("cannot be read", error).at(&place))?;
        if info.sha256.as_ref() == Some(&sha256) {
            return Ok(info);
        }
        Err(Error::io("is not what was put there", std::io::Error::other("its SHA-256 differs")).at(&place))
    }

    fn delete(&self, id: &str) -> Result<()> {
        let place = self.place(id)?;
        fs::remove_file(&place).map_err(|_| missing(id))?;
        let about = place.with_extension("json");
        fs::remove_file(&about).map_err(|error| Error::io("cannot be removed", error).at(&about))
    }
}
