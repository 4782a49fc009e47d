//! MP4 and M4A.

use super::Packets;
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::demux::Track;
use crate::error::{Error, Result};

/// Which kind of file it is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brand {
    /// Sound alone: `M4A `.
    M4a,
}

/// Opens the packets from their start; called once a pass.
pub(crate) type Open<'o, 'p> = &'o mut dyn FnMut() -> Result<Box<dyn Packets + 'p>>;

/// Writes `tracks`, whose packets `open` gives from the first on.
///
/// # Errors
/// `Unsupported`.
pub(crate) fn write(_out: &mut Spool, _brand: Brand, _tracks: &[Track], _open: Open, _cancel: &Cancel) -> Result<()> {
    Err(Error::unsupported("MP4 is not written yet"))
}
