//! Uploads again, before an id ends: the same bytes, or none.

use crate::error::{Error, ErrorKind, Result};
use crate::fault::{Class, Fault};
use crate::format::{FORMATS, Format};
use crate::pipeline::{Ask, Ending, Fitter};
use crate::plan::{Animated, Options, Repair};
use crate::source::Source;
use crate::upload::ledger::Entry;
use crate::upload::{Courier, save, wire_name};
use crate::verify::Fitted;
use std::path::Path;

/// An id for the content of `entry` that does not end soon: one that the ledger has already, or that of a new upload. The
/// platform's own copy is uploaded, which has to be what the ledger says, and is judged without being repaired: what was
/// kept once on request (an animated sticker) is still kept. Where the copy is gone, the source is made fit again by
/// `fitter`, and uploaded if the same comes out.
///
/// # Errors
/// `Upload` when neither can be had or uploaded, or the source has changed; `CannotFit` when the copy is not fit by the
/// rules of today. The message names the id.
pub fn renew(fitter: &Fitter, courier: &Courier<'_>, entry: &Entry) -> Result<Entry> {
    let newer = courier.known(&entry.sha256, &entry.mime)?;
    if let Some(newer) = newer.filter(|newer| newer.id != entry.id && newer.expires_at >= entry.expires_at) {
        courier.ledger().forget(courier.target(), &entry.id)?;
        return Ok(newer);
    }
    let ask = entry.role.map_or(Ask::Content, Ask::Role);
    let error = match from_platform(fitter, courier, entry, ask) {
        Ok((fitted, _folder)) => return courier.renew(&fitted, entry),
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        Err(error) => error,
    };
    if Fault::of(&error).is_some_and(|fault| fault.class == Class::Missing) {
        courier.ledger().forget(courier.target(), &entry.id)?;
    }
    let Some(source) = entry.source.as_deref().map(Path::new).filter(|source| source.is_file()) else {
        return Err(error);
    };
    let fitted = fitted(fitter, source, ask).map_err(|error| named(entry, error.at(source)))?;
    if fitted.sha256() != entry.sha256 {
        let what = format!(
            "media {}: the source changed: what {} is made into is not what was uploaded, and the platform's copy cannot be had ({error}); upload it as what it is now: mediafit upload",
            entry.id,
            source.display()
        );
        return Err(Error::new(ErrorKind::Upload { retryable: false }, what));
    }
    courier.renew(&fitted, entry)
}

/// The platform's copy with the folder that it lies in, if it is what the ledger says, and fit as it is.
fn from_platform(
    fitter: &Fitter,
    courier: &Courier<'_>,
    entry: &Entry,
    ask: Ask,
) -> Result<(Box<Fitted>, tempfile::TempDir)> {
    let failed = |error| Error::io("no temporary folder can be made", error);
    let folder = tempfile::Builder::new().prefix("mediafit-").tempdir().map_err(failed)?;
    let path = folder.path().join(copy_name(entry));
    save(courier.uploader(), &entry.id, &path)?;
    let as_it_is = Options { repair: Repair::Required, animated: Animated::Keep, ..Options::default() };
    let fitted = fitted(&fitter.clone().with_options(as_it_is), &path, ask).map_err(|error| named(entry, error))?;
    if fitted.sha256() == entry.sha256 {
        return Ok((fitted, folder));
    }
    let what = "the platform's copy is not fit by the rules of today; upload the source again: mediafit upload";
    Err(named(entry, Error::cannot_fit(what)))
}

/// The same error with the id that it is about.
fn named(entry: &Entry, error: Error) -> Error {
    if error.kind() == ErrorKind::Cancelled {
        return error;
    }
    Error::new(error.kind(), format!("media {}: {error}", entry.id))
}

/// A name whose extension fits, so that it is no finding.
fn copy_name(entry: &Entry) -> String {
    let row = FORMATS.iter().find(|row| row.mime == entry.mime);
    wire_name(entry.name.as_deref(), row.map_or(Format::Binary, |row| row.format))
}

fn fitted(fitter: &Fitter, path: &Path, ask: Ask) -> Result<Box<Fitted>> {
    match fitter.fit(&Source::open(path)?, ask)?.1 {
        Ending::Fitted { fitted, .. } => Ok(fitted),
        Ending::Refused(refusal) => Err(Error::cannot_fit(refusal.message)),
    }
}
