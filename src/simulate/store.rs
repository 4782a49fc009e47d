//! What the stand-in keeps.

use super::Options;
use super::faults::{Fault, Faults};
use super::route::Side;
use axum::body::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// GET is blocked for this time after so many errors within an hour.
const MAX_GET_ERRORS: usize = 20;
const GET_WINDOW: Duration = Duration::from_secs(60 * 60);

/// Media as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) side: Side,
    pub(super) number: String,
    pub(super) mime: String,
    pub(super) filename: Option<String>,
    pub(super) sha256: String,
    pub(super) bytes: Bytes,
    pub(super) since: SystemTime,
}

impl Kept {
    pub(super) fn lifetime(&self) -> Duration {
        let days = if self.side == Side::V1 { 14 } else { 30 };
        Duration::from_secs(days * 24 * 60 * 60)
    }
}

/// Media that the stand-in keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMedia {
    /// Its id.
    pub id: String,
    /// The type it was declared as.
    pub mime: String,
    /// The file name it came with.
    pub filename: Option<String>,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

impl StoredMedia {
    pub(super) fn of(kept: &Kept) -> Self {
        Self {
            id: kept.id.clone(),
            mime: kept.mime.clone(),
            filename: kept.filename.clone(),
            sha256: kept.sha256.clone(),
            bytes: kept.bytes.len() as u64,
        }
    }
}

/// A resumable upload.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) mime: String,
    pub(super) length: u64,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) media: BTreeMap<String, Kept>,
    pub(super) messages: Vec<Value>,
    pub(super) callbacks: Vec<Value>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) uploads: usize,
    pub(super) most_uploads: usize,
    pub(super) faults: Faults,
    pub(super) ahead: Duration,
    get_errors: VecDeque<SystemTime>,
    given: u64,
}

impl Inner {
    /// The time by the stand-in's clock.
    pub(super) fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead
    }

    /// A number that was not given before.
    pub(super) fn next(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    /// Media with this id that lives, and belongs to this number.
    pub(super) fn living(&self, side: Side, number: &str, id: &str) -> Option<&Kept> {
        let kept = self.media.get(id)?;
        let age = self.now().duration_since(kept.since).unwrap_or_default();
        let own = kept.side == side && (number.is_empty() || kept.number == number);
        (own && age < kept.lifetime()).then_some(kept)
    }

    pub(super) fn note_get_error(&mut self) {
        let now = self.now();
        self.get_errors.push_back(now);
    }

    pub(super) fn blocks_get(&mut self) -> bool {
        let now = self.now();
        while self.get_errors.front().is_some_and(|then| now.duration_since(*then).unwrap_or_default() > GET_WINDOW) {
            self.get_errors.pop_front();
        }
        self.get_errors.len() >= MAX_GET_ERRORS
    }
}

/// The stand-in's state.
#[derive(Debug)]
pub(super) struct Store {
    inner: Mutex<Inner>,
    pub(super) key: Option<String>,
    volume_bytes: u64,
}

impl Store {
    pub(super) fn new(options: &Options) -> Self {
        let inner = Inner {
            media: BTreeMap::new(),
            messages: Vec::new(),
            callbacks: Vec::new(),
            sessions: BTreeMap::new(),
            requests: 0,
            failed: 0,
            uploads: 0,
            most_uploads: 0,
            faults: options.faults.clone(),
            ahead: Duration::ZERO,
            get_errors: VecDeque::new(),
            given: 0,
        };
        Self { inner: Mutex::new(inner), key: options.key.clone(), volume_bytes: options.volume_bytes }
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&Inner) -> T) -> T {
        work(&self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request, and says how it is to fail. Without a body, none can be cut.
    pub(super) fn request(&self, has_body: bool) -> (Option<Fault>, Duration) {
        self.write(|inner| {
            inner.requests += 1;
            let fault = inner.faults.of(inner.requests, inner.failed);
            let fault = fault.filter(|fault| has_body || *fault != Fault::CutBody);
            inner.failed += u64::from(fault.is_some());
            (fault, inner.faults.delay)
        })
    }

    /// Keeps media, unless the volume is full.
    pub(super) fn keep(
        &self,
        side: Side,
        number: &str,
        mime: &str,
        filename: Option<String>,
        bytes: Bytes,
    ) -> Option<String> {
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.write(|inner| {
            let used: u64 = inner.media.values().map(|kept| kept.bytes.len() as u64).sum();
            if self.volume_bytes > 0 && used.saturating_add(bytes.len() as u64) > self.volume_bytes {
                return None;
            }
            let count = inner.next();
            let id = match side {
                Side::V1 => format!("f043afd0-f0ae-4b9c-ab3d-{count:012x}"),
                Side::Dialog | Side::Meta => format!("{}", 4_490_709_000_000_000_u64.saturating_add(count)),
            };
            let since = inner.now();
            let (number, mime) = (number.to_owned(), mime.to_owned());
            let kept = Kept { id: id.clone(), side, number, mime, filename, sha256, bytes, since };
            inner.media.insert(id.clone(), kept);
            Some(id)
        })
    }
}
