//! Answers that come before the body is over: a wrong key or a body over the limit is told at once, and the connection
//! closed. What the other side no longer takes is dropped then, so that its answer is read and not "connection reset".

use std::io::ErrorKind;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes connections that outlive the other side's interest in what is sent. Stands below TLS: there, a write that failed
/// would fail the next read as well.
#[derive(Debug)]
pub(super) struct Early;

impl<In: Transport> Connector<In> for Early {
    type Out = Outliving<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Outliving { inner, unheard: false }))
    }
}

/// A connection of which the sending half may be gone.
#[derive(Debug)]
pub(super) struct Outliving<T> {
    inner: T,
    unheard: bool,
}

impl<T: Transport> Transport for Outliving<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.unheard {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed(error.kind()) => {
                self.unheard = true;
                Ok(())
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.unheard && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

const fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
