//! The table of sends: what callbacks are explained from.

use super::Ledger;
use crate::error::Result;
use rusqlite::{OptionalExtension, Row, params};

/// How a send stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The platform took it.
    Sent,
    /// It was sent, and no answer came back: it may have been taken, or not.
    Uncertain,
    /// It was not taken, or a callback said that it failed.
    Failed,
}

const STATES: [(State, &str); 3] = [(State::Sent, "sent"), (State::Uncertain, "uncertain"), (State::Failed, "failed")];

impl State {
    /// The name in the ledger and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        STATES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

/// What is noted about a send, apart from how it went. Not to whom: that is not needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendNote {
    /// What kind of message.
    pub kind: String,
    /// The media's id, where it went by id.
    pub media_id: Option<String>,
    /// The link, where it went by link.
    pub link: Option<String>,
    /// The source file, where it is known.
    pub source: Option<String>,
}

/// A send that the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRecord {
    /// The message's id, once there is one.
    pub message_id: Option<String>,
    /// What was sent.
    pub note: SendNote,
    /// When, in seconds since 1970.
    pub at: i64,
    /// How it stands.
    pub state: State,
    /// What is known about a failure.
    pub detail: Option<String>,
}

const COLUMNS: &str = "message_id, kind, media_id, link, source, at, state, detail";

fn record(row: &Row<'_>) -> rusqlite::Result<SendRecord> {
    let state: String = row.get(6)?;
    Ok(SendRecord {
        message_id: row.get(0)?,
        note: SendNote { kind: row.get(1)?, media_id: row.get(2)?, link: row.get(3)?, source: row.get(4)? },
        at: row.get(5)?,
        // What cannot be read is not taken for sent.
        state: STATES.iter().find(|row| row.1 == state).map_or(State::Uncertain, |row| row.0),
        detail: row.get(7)?,
    })
}

impl Ledger {
    /// Notes that a message is about to be sent. Until its end is noted it is uncertain: so it stays when the process
    /// is killed.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn begin_send(&self, host: &str, number: &str, note: &SendNote) -> Result<i64> {
        let now = self.now();
        let sql = "INSERT INTO send (kind, media_id, link, source, host, number, at, state) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let source = note.source.clone().or_else(|| self.source_of(host, number, note));
        self.write(|transaction| {
            let state = State::Uncertain.name();
            transaction.execute(sql, params![note.kind, note.media_id, note.link, source, host, number, now, state])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Notes how a send ended.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn end_send(&self, row: i64, state: State, message_id: Option<&str>, detail: Option<&str>) -> Result<()> {
        let sql = "UPDATE send SET state = ?2, message_id = ?3, detail = ?4 WHERE row = ?1";
        self.write(|transaction| transaction.execute(sql, params![row, state.name(), message_id, detail]).map(drop))
    }

    /// Notes that a callback reported the message as failed.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn fail_send(&self, message_id: &str, detail: &str) -> Result<()> {
        let sql = "UPDATE send SET state = ?2, detail = ?3 WHERE message_id = ?1";
        let state = State::Failed.name();
        self.write(|transaction| transaction.execute(sql, params![message_id, state, detail]).map(drop))
    }

    /// The send with this message id.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn find_send(&self, message_id: &str) -> Result<Option<SendRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM send WHERE message_id = ?1 ORDER BY row DESC LIMIT 1");
        self.read(|connection| connection.query_row(&sql, [message_id], record).optional())
    }

    /// The newest sends, at most `count`.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn sends(&self, count: u32) -> Result<Vec<SendRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM send ORDER BY row DESC LIMIT ?1");
        self.read(|connection| connection.prepare(&sql)?.query_map([count], record)?.collect())
    }

    /// The file that an id was uploaded from.
    fn source_of(&self, host: &str, number: &str, note: &SendNote) -> Option<String> {
        let target = super::Target { host: host.to_owned(), number: number.to_owned() };
        self.get(&target, note.media_id.as_deref()?).ok()??.source
    }
}
