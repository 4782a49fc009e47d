//! An uploader that keeps everything in memory: for tests.

use super::{MediaInfo, Place, Receipt, Uploader};
use crate::error::{Error, ErrorKind, Result};
use crate::verify::Fitted;
use std::collections::HashMap;
use std::io::SeekFrom;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Media in memory, shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct MemoryUploader(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    media: HashMap<String, (String, String, Vec<u8>)>,
    given: u64,
}

impl MemoryUploader {
    /// How much media is kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.store(|store| store.media.len())
    }

    fn store<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// There is no media with this id.
pub(super) fn missing(id: &str) -> Error {
    Error::new(ErrorKind::Upload { retryable: false }, format!("media {id}: does not exist"))
}

impl Uploader for MemoryUploader {
    fn host(&self) -> &str {
        "memory"
    }

    fn number(&self) -> &str {
        "memory"
    }

    fn lifetime(&self) -> Option<Duration> {
        None
    }

    fn accepts(&self, _: &Fitted) -> Result<()> {
        Ok(())
    }

    fn upload(&self, fitted: &Fitted, _: Option<&str>) -> Result<Receipt> {
        let bytes = fitted.to_bytes()?;
        Ok(self.store(|store| {
            store.given += 1;
            let id = format!("memory-{}", store.given);
            store.media.insert(id.clone(), (fitted.mime().to_owned(), fitted.sha256().to_owned(), bytes));
            Receipt { id }
        }))
    }

    fn info(&self, id: &str) -> Result<MediaInfo> {
        self.store(|store| {
            let (mime, sha256, bytes) = store.media.get(id).ok_or_else(|| missing(id))?;
            let (mime, sha256) = (mime.clone(), Some(sha256.clone()));
            Ok(MediaInfo { id: id.to_owned(), mime, bytes: Some(bytes.len() as u64), sha256, url: None })
        })
    }

    fn fetch(&self, id: &str, out: &mut dyn Place) -> Result<MediaInfo> {
        let info = self.info(id)?;
        let bytes = self.store(|store| store.media.get(id).map(|media| media.2.clone())).ok_or_else(|| missing(id))?;
        let written = |error| Error::io("cannot be written", error);
        out.seek(SeekFrom::Start(0)).map_err(written)?;
        out.write_all(&bytes).and_then(|()| out.flush()).map_err(written)?;
        Ok(info)
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.store(|store| store.media.remove(id)).map(drop).ok_or_else(|| missing(id))
    }
}
