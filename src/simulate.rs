//! A strict stand-in for the three APIs: for our tests, and as `mediafit simulate` for those of others.
//!
//! It checks every header, the rules of multipart, the lists of types, the caps and the shape of bodies as the platform's
//! pages say, gives the errors that the platform gives, and can be told to fail. On-premise style is at `/v1`, the cloud
//! through 360dialog at `/`, the cloud at Meta at `/v23.0`. Nothing leaves the process.
//!
//! ```
//! use mediafit::simulate::{Options, Simulator};
//!
//! let simulator = Simulator::start(&Options::default())?;
//! assert!(simulator.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(simulator.media().len(), 0);
//! # Ok::<(), mediafit::Error>(())
//! ```

mod answer;
mod control;
mod faults;
mod form;
mod media;
mod messages;
mod route;
mod sample;
mod shape;
mod store;

use crate::error::Result;
use crate::listen::{Bounds, Server, WRITE_PATIENCE};
use axum::Router;
pub use faults::{FAULTS, Fault, Faults};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
pub use store::StoredMedia;

/// What the stand-in bears.
const BOUNDS: Bounds = Bounds { connections: 256, write_patience: WRITE_PATIENCE };

/// How the stand-in behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens. Default: 127.0.0.1, a free port.
    pub listen: SocketAddr,
    /// The only key that is taken. Default: none, any is.
    pub key: Option<String>,
    /// How much media is kept before the volume is full, in bytes. Default: 0, no bound.
    pub volume_bytes: u64,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: None,
            volume_bytes: 0,
            faults: Faults::default(),
        }
    }
}

/// A stand-in under way; stopped when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    store: Arc<Store>,
}

impl Simulator {
    /// Starts one.
    ///
    /// # Errors
    /// `Io` when the address cannot be listened at.
    pub fn start(options: &Options) -> Result<Self> {
        let store = Arc::new(Store::new(options));
        let router = Router::new().fallback(route::entry).with_state(Arc::clone(&store));
        let server = Server::start(options.listen, BOUNDS, router)?;
        Ok(Self { server, store })
    }

    /// Its address as the base of 360dialog's cloud and of v1.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Its address as the base of Meta's cloud.
    #[must_use]
    pub fn meta_url(&self) -> String {
        format!("{}/v23.0", self.url())
    }

    /// Whether it still serves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.is_running()
    }

    /// The media it keeps.
    #[must_use]
    pub fn media(&self) -> Vec<StoredMedia> {
        self.store.read(|inner| inner.media.values().map(StoredMedia::of).collect())
    }

    /// The messages it took.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.store.read(|inner| inner.messages.clone())
    }

    /// The callbacks it would have made.
    #[must_use]
    pub fn callbacks(&self) -> Vec<Value> {
        self.store.read(|inner| inner.callbacks.clone())
    }

    /// What has arrived of a template's sample.
    #[must_use]
    pub fn sample(&self, session: &str) -> Option<Vec<u8>> {
        self.store.read(|inner| inner.sessions.get(session).map(|session| session.bytes.clone()))
    }

    /// How many requests came in, failed ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.store.read(|inner| inner.requests)
    }

    /// The most uploads that were under way at once.
    #[must_use]
    pub fn most_uploads_at_once(&self) -> usize {
        self.store.read(|inner| inner.most_uploads)
    }

    /// From now on this goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.store.write(|inner| inner.faults = faults);
    }

    /// Moves its clock: media that has ended is gone.
    pub fn advance(&self, time: Duration) {
        self.store.write(|inner| inner.ahead += time);
    }
}
