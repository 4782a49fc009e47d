//! An uploader with a ledger: the same content is uploaded once.

use super::Uploader;
use super::body::wire_name;
use super::ledger::{Entry, Ledger, NewMedia, Origin, Target};
use crate::error::Result;
use crate::verify::Fitted;
use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// How media got its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// What the ledger holds about it.
    pub entry: Entry,
    /// Whether it was there before.
    pub reused: bool,
}

/// Uploads what the ledger does not know.
pub struct Courier<'a> {
    uploader: &'a dyn Uploader,
    ledger: &'a Ledger,
    target: Target,
    in_flight: Mutex<HashSet<(String, &'static str)>>,
    landed: Condvar,
}

impl<'a> Courier<'a> {
    /// A courier to `uploader`, with `ledger`.
    #[must_use]
    pub fn new(uploader: &'a dyn Uploader, ledger: &'a Ledger) -> Self {
        let target = Target { host: uploader.host().to_owned(), number: uploader.number().to_owned() };
        Self { uploader, ledger, target, in_flight: Mutex::default(), landed: Condvar::new() }
    }

    /// Where its ids hold.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Where it uploads to.
    #[must_use]
    pub const fn uploader(&self) -> &dyn Uploader {
        self.uploader
    }

    /// What it remembers by.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// The id of this content, if the ledger has one that does not near its end.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn known(&self, sha256: &str, mime: &str) -> Result<Option<Entry>> {
        self.ledger.find(&self.target, sha256, mime)
    }

    /// Gets an id for `fitted`: from the ledger, or by an upload under the name of `source`. Equal content of several
    /// threads is uploaded by the first, the others wait for its id.
    ///
    /// # Errors
    /// As [`Uploader::upload`], and `Io` when the ledger cannot be used.
    pub fn deliver(&self, fitted: &Fitted, name: Option<&str>, source: Option<&str>) -> Result<Delivered> {
        self.uploader.accepts(fitted)?;
        let _flight = self.take_off(fitted);
        if let Some(entry) = self.known(fitted.sha256(), fitted.mime())? {
            return Ok(Delivered { entry, reused: true });
        }
        let receipt = self.uploader.upload(fitted, name)?;
        let name = wire_name(name, fitted.format());
        let entry = self.ledger.add(&self.target, &self.media(fitted, &receipt.id, &name, source))?;
        // Another process was faster: its id stands, ours is an orphan that ends by itself if it cannot be deleted.
        let reused = entry.id != receipt.id;
        if reused {
            let _ = self.uploader.delete(&receipt.id);
        }
        Ok(Delivered { entry, reused })
    }

    /// Uploads `fitted` whatever the ledger knows; the new id takes the place of `old`.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    pub fn renew(&self, fitted: &Fitted, old: &Entry) -> Result<Entry> {
        let (name, source) = (old.name.as_deref(), old.source.as_deref());
        let receipt = self.uploader.upload(fitted, name)?;
        let name = wire_name(name, fitted.format());
        self.ledger.replace(&self.target, &old.id, &self.media(fitted, &receipt.id, &name, source))
    }

    fn media<'m>(&self, fitted: &'m Fitted, id: &'m str, name: &'m str, source: Option<&'m str>) -> NewMedia<'m> {
        NewMedia {
            id,
            sha256: fitted.sha256(),
            mime: fitted.mime(),
            bytes: fitted.len(),
            role: Some(fitted.role()),
            name: Some(name),
            source,
            origin: Origin::Upload,
            lifetime: self.uploader.lifetime(),
        }
    }

    fn take_off(&self, fitted: &Fitted) -> Flight<'_, 'a> {
        let content = (fitted.sha256().to_owned(), fitted.mime());
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        while !in_flight.insert(content.clone()) {
            in_flight = self.landed.wait(in_flight).unwrap_or_else(PoisonError::into_inner);
        }
        Flight { courier: self, content }
    }
}

/// Content that is being uploaded, until it is dropped.
struct Flight<'c, 'a> {
    courier: &'c Courier<'a>,
    content: (String, &'static str),
}

impl Drop for Flight<'_, '_> {
    fn drop(&mut self) {
        self.courier.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.content);
        self.courier.landed.notify_all();
    }
}
