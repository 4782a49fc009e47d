//! The table of failed GETs: the platform blocks all GETs of a key after 20 within an hour, whichever process made them.

use super::{Ledger, Target, seconds};
use crate::error::Result;
use rusqlite::params;
use std::time::Duration;

impl Ledger {
    /// Notes that a GET was answered with an error; what is older than `window` is dropped.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn note_get_error(&self, target: &Target, window: Duration) -> Result<()> {
        let now = self.now();
        let since = now.saturating_sub(seconds(window));
        self.write(|transaction| {
            transaction.execute("DELETE FROM get_error WHERE at <= ?1", [since])?;
            let sql = "INSERT INTO get_error (host, number, at) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![target.host, target.number, now]).map(drop)
        })
    }

    /// How many GETs were answered with an error within `window`.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn get_errors(&self, target: &Target, window: Duration) -> Result<usize> {
        let since = self.now().saturating_sub(seconds(window));
        let sql = "SELECT count(*) FROM get_error WHERE host = ?1 AND number = ?2 AND at > ?3";
        let count: i64 = self.read(|connection| {
            connection.query_row(sql, params![target.host, target.number, since], |row| row.get(0))
        })?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
