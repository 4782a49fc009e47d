//! The way to the platform: upload, look up, fetch and delete media, send messages; what was done is kept in a ledger.
//!
//! ```text
//! Fitted ─Courier→ Ledger ─(not there, or near its end)→ Uploader → Receipt ─→ Ledger
//! ```
//!
//! Only [`Fitted`] media is taken, so that what is uploaded was checked. Three uploaders behave alike, and pass one
//! conformance test: [`HttpUploader`] talks to the three APIs, [`FolderUploader`] and [`MemoryUploader`] stand in for
//! them.
//!
//! ```
//! use mediafit::upload::{MemoryUploader, Uploader};
//! use mediafit::{Ending, Fitter, Policy};
//!
//! let (_, ending) = Fitter::new(Policy::cloud()).fit_path("testdata/image/fit__rgb.png")?;
//! let Ending::Fitted { fitted, .. } = ending else { panic!("it was fit before") };
//! let uploader = MemoryUploader::default();
//! let receipt = uploader.upload(&fitted, Some("photo.png"))?;
//! assert_eq!(uploader.info(&receipt.id)?.mime, "image/png");
//! # Ok::<(), mediafit::Error>(())
//! ```

mod account;
mod body;
mod call;
mod circuit;
mod courier;
mod download;
mod early;
mod folder;
mod hash;
mod http;
mod key;
pub mod ledger;
mod memory;
mod resumable;
mod retry;
mod send;
mod transport;

use crate::error::Result;
use crate::verify::Fitted;
pub use account::{Account, Api, GRAPH_VERSION};
pub use body::wire_name;
pub use call::{Body, Call, Piece};
pub use courier::{Courier, Delivered};
pub use download::{save, save_as_told};
pub use folder::FolderUploader;
pub use hash::same_sha256;
pub use http::{HttpOptions, HttpUploader};
pub use key::Key;
pub use ledger::Ledger;
pub use memory::MemoryUploader;
pub use resumable::TemplateSampleUploader;
pub use send::{Sender, Sent};
use std::io::{Seek, Write};
use std::time::Duration;

/// What an upload gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The media's id.
    pub id: String,
}

/// What an uploader knows about uploaded media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// The media's id.
    pub id: String,
    /// Its MIME type.
    pub mime: String,
    /// Its length in bytes, where it is told.
    pub bytes: Option<u64>,
    /// The SHA-256 of its bytes in lower-case hexadecimal, where it is told.
    pub sha256: Option<String>,
    /// Where it can be fetched from for five minutes, where there is such a place.
    pub url: Option<String>,
}

/// A place to write to that can be rewound: a download that broke begins anew.
pub trait Place: Write + Seek {}

impl<T: Write + Seek> Place for T {}

/// Somewhere that fit media is uploaded to.
pub trait Uploader: Send + Sync {
    /// The host it uploads to: ids of one mean nothing at another.
    fn host(&self) -> &str;

    /// The number or account it uploads for: ids of one mean nothing to another.
    fn number(&self) -> &str;

    /// How long an id lives; `None` for ever.
    fn lifetime(&self) -> Option<Duration>;

    /// Whether it takes this media at all.
    ///
    /// # Errors
    /// `CannotFit` when it is too large for an upload, with the way out.
    fn accepts(&self, fitted: &Fitted) -> Result<()>;

    /// Uploads `fitted`, under a file name if there is one.
    ///
    /// # Errors
    /// `Upload` when it was refused or could not be reached; `Io` when the content cannot be read.
    fn upload(&self, fitted: &Fitted, name: Option<&str>) -> Result<Receipt>;

    /// What is known about the media with this id.
    ///
    /// # Errors
    /// `Upload` when there is none, or it cannot be asked.
    fn info(&self, id: &str) -> Result<MediaInfo>;

    /// Writes the media with this id to `out`, from its start, and checks length and hash where they are told.
    ///
    /// # Errors
    /// `Upload` when there is none, it cannot be fetched, or is not what was told; `Io` when `out` takes no more.
    fn fetch(&self, id: &str, out: &mut dyn Place) -> Result<MediaInfo>;

    /// Deletes the media with this id.
    ///
    /// # Errors
    /// `Upload` when there is none, or it cannot be deleted.
    fn delete(&self, id: &str) -> Result<()>;
}
