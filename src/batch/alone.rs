//! One source that is not found by a walk, as standard input is.

use super::journal::Journal;
use super::names::Target;
use super::place::Places;
use super::{Batch, disk};
use crate::error::{ErrorKind, Result};
use crate::pipeline::{Ask, Ending};
use crate::report::Record;
use crate::source::Source;
use std::path::Path;
use std::time::Instant;

/// What a source without a name is called in records.
const NAMELESS: &str = "-";

impl Batch {
    /// Makes `source` fit, and writes it to the folder `out` as `stem` with the extension that fits, with
    /// `out/mediafit.jsonl`. It is done anew each time; what an earlier run wrote is replaced.
    ///
    /// # Errors
    /// `Io` when `out` cannot be written to, `Cancelled`. What is wrong with the source stands in its record.
    pub fn fit_source(&self, source: &Source, ask: Ask, stem: &str, out: &Path) -> Result<Record> {
        let start = Instant::now();
        let name = source.name().unwrap_or(Path::new(NAMELESS));
        let journal = Journal::open(out)?;
        disk::sweep(out);
        let places = Places::new(&[], &journal);
        let seconds = || start.elapsed().as_secs_f64();
        let record = match self.fitter.clone().gathering_in(out).fit(source, ask) {
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => Record::of_error(name, source.len(), None, &error, seconds()),
            Ok((checked, mut ending)) => {
                let record = Record::of_fit(name, &checked, &ending, seconds());
                match &mut ending {
                    Ending::Refused(_) => record,
                    Ending::Fitted { fitted, .. } => {
                        let path = out.join(Target::of_stem(stem).path(fitted.format()));
                        match places.put(fitted, &path, false) {
                            Ok(()) => record.written_to(&path, fitted),
                            Err(error) => Record::of_error(name, source.len(), Some(&checked), &error, seconds()),
                        }
                    }
                }
            }
        };
        journal.add(&record);
        journal.finish()?;
        Ok(record)
    }
}
