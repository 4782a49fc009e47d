//! A listener with bounds: how many connections, how long and large a head may be. Its runtime lives on a thread of its
//! own; nothing outside of this room and the servers above it is asynchronous.

mod lively;

use crate::error::{Error, Result};
use axum::Router;
use axum::response::Response;
use futures_util::future::{Either, select};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lively::Lively;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// The largest head of a request, in bytes, and the most headers in it.
const MAX_HEAD: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;

/// How long a head may take: a client that sends a byte a minute must not hold a connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);

/// How long a connection may live at most.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How long a reader may take nothing, unless said otherwise: one that has gone to sleep must not hold a connection.
pub(crate) const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// What a server bears.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most connections at once.
    pub(crate) connections: usize,
    /// How long a reader may take nothing of what is written.
    pub(crate) write_patience: Duration,
}

/// Put into a response's extensions: the connection is cut in place of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

/// A server under way; stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `router` at `address` (port 0 for any that is free), within `bounds`.
    ///
    /// # Errors
    /// `Io` when the address cannot be listened at.
    pub(crate) fn start(address: SocketAddr, bounds: Bounds, router: Router) -> Result<Self> {
        let failed = |error| Error::io(format!("{address} cannot be listened at"), error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("the server cannot be started", error))?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("mediafit-server".to_owned())
            .spawn(move || runtime.block_on(serve(listener, bounds, router, stopped)))
            .map_err(|error| Error::io("the server cannot be started", error))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it still serves.
    pub(crate) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody listens any more when the thread has ended by itself.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, bounds: Bounds, router: Router, mut stopped: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let permits = Arc::new(Semaphore::new(bounds.connections.max(1)));
    loop {
        // The permit first: beyond the bound, connections wait in the system's queue.
        let permit = match select(pin!(Arc::clone(&permits).acquire_owned()), pin!(stopped.changed())).await {
            Either::Left((Ok(permit), _)) => permit,
            Either::Left((Err(_), _)) | Either::Right(_) => return,
        };
        let accepted = match select(pin!(listener.accept()), pin!(stopped.changed())).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(_) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(
                        CONNECTION_PATIENCE,
                        connection(Lively::new(stream, bounds.write_patience), router),
                    )
                    .await;
                    drop(permit);
                });
            }
            // Out of files, or the peer has gone: the next one may fare better.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn connection(stream: Lively, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = TowerToHyperService::new(router.clone()).call(request);
        async move {
            let Ok(response): std::result::Result<Response, std::convert::Infallible> = answer.await;
            if response.extensions().get::<Cut>().is_some() {
                return Err(std::io::Error::other("cut"));
            }
            Ok(response)
        }
    });
    // A peer that breaks off, or was cut, is no error of ours.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
