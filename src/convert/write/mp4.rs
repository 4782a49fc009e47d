//! MP4 and M4A.

use super::Packets;
use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::demux::Track;
use crate::error::{Error, Result};

/// Writes `tracks`, whose packets `open` gives from the first on.
///
/// # Errors
/// `Unsupported`.
pub(crate) fn write<'p>(
    _out: &mut Spool,
    _brand: &[u8; 4],
    _tracks: &[Track],
    _open: &mut dyn FnMut() -> Result<Box<dyn Packets + 'p>>,
    _cancel: &Cancel,
) -> Result<()> {
    Err(Error::unsupported("MP4 is not written yet"))
}
