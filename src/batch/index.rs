//! The ledger's second index: what a source became before, by its hash and by everything that conversion goes by.

use super::Batch;
use crate::digest;
use crate::error::{Error, Result};
use crate::pipeline::Ask;
use crate::upload::Courier;
use crate::upload::ledger::{Conversion, Entry};
use crate::verify::Fitted;
use std::path::Path;

/// The index for one source.
pub(super) struct Index<'a> {
    courier: &'a Courier<'a>,
    key: String,
}

impl<'a> Index<'a> {
    /// What a conversion goes by: policy, options, version, what was asked for, and the name's extension, by which
    /// documents are judged too.
    pub(super) fn new(courier: &'a Courier<'a>, fingerprint: &str, path: &Path, ask: Ask) -> Self {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        Self { courier, key: format!("{fingerprint}-{ask:?}-{}", extension.unwrap_or_default()) }
    }

    /// The id of what the source became before. A ledger that cannot be read answers nothing here, and tells at the
    /// upload.
    pub(super) fn find(&self, source_sha256: &str) -> Option<Entry> {
        let became = self.courier.ledger().converted(source_sha256, &self.key).ok()??;
        self.courier.known(&became.sha256, &became.mime).ok()?
    }

    /// Stores what the source became.
    pub(super) fn note(&self, source_sha256: &str, fitted: &Fitted) -> Result<()> {
        let became = Conversion {
            sha256: fitted.sha256().to_owned(),
            mime: fitted.mime().to_owned(),
            role: fitted.role(),
            bytes: fitted.len(),
        };
        self.courier.ledger().note_conversion(source_sha256, &self.key, &became)
    }
}

impl Batch {
    /// The id of what the file at `path` became before, if it was converted and uploaded under the same policy and
    /// options: nothing need be converted then.
    #[must_use]
    pub fn known(&self, courier: &Courier<'_>, path: &Path, ask: Ask) -> Option<Entry> {
        let sha256 = digest::of_file(path).ok()?;
        Index::new(courier, &self.fingerprint(), path, ask).find(&sha256)
    }

    /// Remembers that the file at `path` became `fitted`.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, or the ledger not be written.
    pub fn remember(&self, courier: &Courier<'_>, path: &Path, ask: Ask, fitted: &Fitted) -> Result<()> {
        let sha256 = digest::of_file(path).map_err(|error| Error::io("cannot be read", error).at(path))?;
        Index::new(courier, &self.fingerprint(), path, ask).note(&sha256, fitted)
    }
}
