//! What was uploaded and sent, in one SQLite file that several processes share.
//!
//! Rules:
//! * An id is stored after the platform gave it, in one transaction: a kill at any moment loses at most the upload in
//!   flight, and never leaves an id that was not given.
//! * Content is known by its SHA-256, its wire type, the host and the number: an id of one number means nothing to another.
//! * No key is ever stored.

mod gets;
mod media;
mod sends;

use crate::error::{Error, Result};
pub use media::{Conversion, Entry, Filter, NewMedia, Origin, Target};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
pub use sends::{SendNote, SendRecord, State};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The layout of the tables; a file with a later one is left alone.
const LAYOUT: i64 = 1;

/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(30);

/// How near its end an id is not handed out any more, unless said otherwise.
pub const DEFAULT_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS media (
    row INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    host TEXT NOT NULL,
    number TEXT NOT NULL,
    id TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    role TEXT,
    name TEXT,
    source TEXT,
    origin TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    expires_at INTEGER,
    gone_at INTEGER,
    UNIQUE (host, number, id)
);
CREATE INDEX IF NOT EXISTS media_by_content ON media (sha256, mime, host, number);
CREATE TABLE IF NOT EXISTS conversion (
    source_sha256 TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    mime TEXT NOT NULL,
    role TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (source_sha256, fingerprint)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS send (
    row INTEGER PRIMARY KEY,
    message_id TEXT,
    media_id TEXT,
    link TEXT,
    source TEXT,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    number TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT
);
CREATE INDEX IF NOT EXISTS send_by_message ON send (message_id);
CREATE TABLE IF NOT EXISTS get_error (
    row INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    number TEXT NOT NULL,
    at INTEGER NOT NULL
);
";

/// What says the time; tests say another.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The ledger. Its clones share one connection.
#[derive(Clone)]
pub struct Ledger {
    connection: Arc<Mutex<Connection>>,
    margin: Duration,
    clock: Clock,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("margin", &self.margin).finish_non_exhaustive()
    }
}

impl Ledger {
    /// The ledger in the file `path`, which is made with its folders where it is not there.
    ///
    /// # Errors
    /// `Io` when it cannot be opened, is no ledger, or was made by a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io("the ledger's folder cannot be made", error).at(folder))?;
        }
        make_private(path).map_err(|error| Error::io("the ledger cannot be made", error).at(path))?;
        Connection::open(path).map_err(failed).and_then(Self::prepared).map_err(|error| error.at(path))
    }

    /// A ledger that is gone with the process.
    ///
    /// # Errors
    /// `Io` when SQLite cannot be started.
    pub fn in_memory() -> Result<Self> {
        Connection::open_in_memory().map_err(failed).and_then(Self::prepared)
    }

    /// The same with another margin before an id's end.
    #[must_use]
    pub const fn with_margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The time by the ledger's clock, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let since = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn prepared(connection: Connection) -> Result<Self> {
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // Readers and the writer of several processes do not wait for each other; each commit is on disk.
        keep_a_log(&connection)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        let ledger = Self {
            connection: Arc::new(Mutex::new(connection)),
            margin: DEFAULT_MARGIN,
            clock: Arc::new(SystemTime::now),
        };
        ledger
            .write(|transaction| {
                let layout: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
                if layout > LAYOUT {
                    return Ok(false);
                }
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", LAYOUT)?;
                Ok(true)
            })?
            .then_some(ledger)
            .ok_or_else(|| {
                let later = std::io::Error::other("it was made by a later version of mediafit");
                Error::io("the ledger cannot be read", later)
            })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(failed)
    }

    /// `work` within one transaction, which takes the right to write before it reads.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

/// Turns on the write-ahead log. Several processes that do so with a new file at the same moment are told "busy" at once,
/// whatever patience they have, lest they wait for each other: they come again.
fn keep_a_log(connection: &Connection) -> Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done.map_err(failed),
        }
    }
}

fn failed(error: rusqlite::Error) -> Error {
    Error::io("the ledger cannot be used", std::io::Error::other(error))
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Ids and paths are nobody else's business.
#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}
