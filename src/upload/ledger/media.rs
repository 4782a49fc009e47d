//! The tables of media and of conversions.

use super::{Ledger, seconds};
use crate::error::Result;
use crate::format::Role;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use std::time::Duration;

/// Where ids hold: at one host, for one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: String,
    /// The number or account.
    pub number: String,
}

/// How media got its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// We uploaded it.
    Upload,
    /// A user sent it; a callback named it.
    Webhook,
}

impl Origin {
    /// The name in the ledger and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Webhook => "webhook",
        }
    }
}

/// Media that has just got its id.
#[derive(Debug, Clone)]
pub struct NewMedia<'a> {
    /// The id.
    pub id: &'a str,
    /// The SHA-256 of the bytes.
    pub sha256: &'a str,
    /// The wire type.
    pub mime: &'a str,
    /// The length in bytes.
    pub bytes: u64,
    /// What it serves as, where that is known.
    pub role: Option<Role>,
    /// The file name it was uploaded under.
    pub name: Option<&'a str>,
    /// The source file.
    pub source: Option<&'a str>,
    /// How it got its id.
    pub origin: Origin,
    /// How long the id lives; `None` for ever.
    pub lifetime: Option<Duration>,
}

/// Media that the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The id.
    pub id: String,
    /// Where the id holds.
    pub target: Target,
    /// The SHA-256 of the bytes.
    pub sha256: String,
    /// The wire type.
    pub mime: String,
    /// The length in bytes.
    pub bytes: u64,
    /// What it serves as, where that is known.
    pub role: Option<Role>,
    /// The file name it was uploaded under.
    pub name: Option<String>,
    /// The source file.
    pub source: Option<String>,
    /// `upload` or `webhook`.
    pub origin: String,
    /// When it got its id, in seconds since 1970.
    pub uploaded_at: i64,
    /// When the id ends, in seconds since 1970.
    pub expires_at: Option<i64>,
    /// When it was deleted or replaced, in seconds since 1970.
    pub gone_at: Option<i64>,
}

/// Which entries are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this host and number. Default: all.
    pub target: Option<Target>,
    /// Only those that end within this time. Default: all.
    pub expiring_within: Option<Duration>,
    /// Also those that have ended or are gone. Default: false.
    pub ended: bool,
    /// Only those that got their id in this way. Default: all.
    pub origin: Option<Origin>,
}

/// What a source became by one policy, one set of options and one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The SHA-256 of what came out.
    pub sha256: String,
    /// Its wire type.
    pub mime: String,
    /// What it serves as.
    pub role: Role,
    /// Its length in bytes.
    pub bytes: u64,
}

const COLUMNS: &str =
    "id, host, number, sha256, mime, bytes, role, name, source, origin, uploaded_at, expires_at, gone_at";

const GONE: &str = "UPDATE media SET gone_at = ?1 WHERE host = ?2 AND number = ?3 AND id = ?4 AND gone_at IS NULL";

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        target: Target { host: row.get(1)?, number: row.get(2)? },
        sha256: row.get(3)?,
        mime: row.get(4)?,
        bytes: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        role: row.get::<_, Option<String>>(6)?.and_then(|role| role.parse().ok()),
        name: row.get(7)?,
        source: row.get(8)?,
        origin: row.get(9)?,
        uploaded_at: row.get(10)?,
        expires_at: row.get(11)?,
        gone_at: row.get(12)?,
    })
}

/// The newest id of this content that still lives at `until`.
fn live(
    connection: &Connection,
    target: &Target,
    sha256: &str,
    mime: &str,
    until: i64,
) -> rusqlite::Result<Option<Entry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM media WHERE sha256 = :sha256 AND mime = :mime AND host = :host AND number = :number \
         AND gone_at IS NULL AND (expires_at IS NULL OR expires_at > :until) ORDER BY uploaded_at DESC, row DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = named_params! {
        ":sha256": sha256, ":mime": mime, ":host": target.host, ":number": target.number, ":until": until,
    };
    statement.query_row(values, entry).optional()
}

impl Ledger {
    /// The id of this content, unless it nears its end.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn find(&self, target: &Target, sha256: &str, mime: &str) -> Result<Option<Entry>> {
        let until = self.now().saturating_add(seconds(self.margin));
        self.read(|connection| live(connection, target, sha256, mime, until))
    }

    /// Stores media that has just got its id. Where another process has stored a living id of the same content
    /// meanwhile, that one is given back, and `media`'s own is not stored.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn add(&self, target: &Target, media: &NewMedia<'_>) -> Result<Entry> {
        self.store(target, media, None)
    }

    /// Stores media that replaces the id `old`, which is marked as gone. Other ids of the same content stay.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn replace(&self, target: &Target, old: &str, media: &NewMedia<'_>) -> Result<Entry> {
        self.store(target, media, Some(old))
    }

    fn store(&self, target: &Target, media: &NewMedia<'_>, replaced: Option<&str>) -> Result<Entry> {
        let now = self.now();
        let until = now.saturating_add(seconds(self.margin));
        let expires_at = media.lifetime.map(|lifetime| now.saturating_add(seconds(lifetime)));
        let bytes = i64::try_from(media.bytes).unwrap_or(i64::MAX);
        self.write(|transaction| {
            if let Some(old) = replaced {
                transaction.execute(GONE, params![now, target.host, target.number, old])?;
            } else if let Some(entry) = live(transaction, target, media.sha256, media.mime, until)? {
                return Ok(entry);
            }
            transaction.execute(
                "INSERT INTO media (sha256, mime, host, number, id, bytes, role, name, source, origin, uploaded_at, \
                 expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
                 ON CONFLICT (host, number, id) DO UPDATE SET sha256 = excluded.sha256, mime = excluded.mime, \
                 bytes = excluded.bytes, expires_at = excluded.expires_at, gone_at = NULL",
                params![
                    media.sha256,
                    media.mime,
                    target.host,
                    target.number,
                    media.id,
                    bytes,
                    media.role.map(Role::name),
                    media.name,
                    media.source,
                    media.origin.name(),
                    now,
                    expires_at
                ],
            )?;
            let sql = format!("SELECT {COLUMNS} FROM media WHERE host = ?1 AND number = ?2 AND id = ?3");
            transaction.query_row(&sql, params![target.host, target.number, media.id], entry)
        })
    }

    /// What the ledger knows about an id.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn get(&self, target: &Target, id: &str) -> Result<Option<Entry>> {
        let sql = format!("SELECT {COLUMNS} FROM media WHERE host = ?1 AND number = ?2 AND id = ?3");
        self.read(|connection| connection.query_row(&sql, params![target.host, target.number, id], entry).optional())
    }

    /// What the ledger knows about an id, wherever it holds: the newest, where several hosts gave the same.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn find_id(&self, id: &str) -> Result<Option<Entry>> {
        let sql = format!("SELECT {COLUMNS} FROM media WHERE id = ?1 ORDER BY row DESC LIMIT 1");
        self.read(|connection| connection.query_row(&sql, [id], entry).optional())
    }

    /// The entries by `filter`, those that end first before the others.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>> {
        let now = self.now();
        let until = filter.expiring_within.map(|time| now.saturating_add(seconds(time)));
        let (host, number) = match &filter.target {
            Some(target) => (Some(&target.host), Some(&target.number)),
            None => (None, None),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM media WHERE (:host IS NULL OR host = :host) AND (:number IS NULL OR number = :number) \
             AND (:until IS NULL OR expires_at <= :until) AND (:origin IS NULL OR origin = :origin) \
             AND (:ended OR (gone_at IS NULL AND (expires_at IS NULL OR expires_at > :now))) \
             ORDER BY expires_at IS NULL, expires_at, row"
        );
        self.read(|connection| {
            let values = named_params! {
                ":host": host, ":number": number, ":until": until, ":ended": filter.ended, ":now": now,
                ":origin": filter.origin.map(Origin::name),
            };
            connection.prepare(&sql)?.query_map(values, entry)?.collect()
        })
    }

    /// Marks an id as gone: deleted, or no longer known to the platform.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn forget(&self, target: &Target, id: &str) -> Result<()> {
        let now = self.now();
        self.write(|transaction| transaction.execute(GONE, params![now, target.host, target.number, id]).map(drop))
    }

    /// What the source with this hash became under `fingerprint`, if that was done before.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be read.
    pub fn converted(&self, source_sha256: &str, fingerprint: &str) -> Result<Option<Conversion>> {
        let sql = "SELECT sha256, mime, role, bytes FROM conversion WHERE source_sha256 = ?1 AND fingerprint = ?2";
        let row = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let conversion =
                |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?));
            statement.query_row(params![source_sha256, fingerprint], conversion).optional()
        })?;
        Ok(row.and_then(|(sha256, mime, role, bytes)| {
            let (role, bytes) = (role.parse().ok()?, u64::try_from(bytes).ok()?);
            Some(Conversion { sha256, mime, role, bytes })
        }))
    }

    /// Stores what a source became.
    ///
    /// # Errors
    /// `Io` when the ledger cannot be written.
    pub fn note_conversion(&self, source_sha256: &str, fingerprint: &str, became: &Conversion) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO conversion (source_sha256, fingerprint, sha256, mime, role, bytes) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let bytes = i64::try_from(became.bytes).unwrap_or(i64::MAX);
        let values = params![source_sha256, fingerprint, became.sha256, became.mime, became.role.name(), bytes];
        self.write(|transaction| transaction.execute(sql, values).map(drop))
    }
}
