//! MP4, M4A and 3GP: index first, plain (no fragments), without metadata.
//!
//! The packets are read twice. The first pass takes times and sizes and keeps them in tables; then every byte's place is
//! known, and the second pass puts the content there. Whatever the length of the file, neither holds more than a few
//! buffers in memory. If the second pass does not see what the first saw, the result is not given away.

mod column;
mod edits;
mod entry;
mod media;
mod moov;
mod table;
#[cfg(test)]
mod tests;

use super::Packets;
use crate::cancel::Cancel;
use crate::convert::spool::{Spool, failed};
use crate::demux::Track;
use crate::error::{Error, Result};
use crate::source::Source;
use std::io::{BufWriter, Write};
use table::Table;

/// Which kind of file it is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brand {
    /// Moving pictures: `isom`.
    Mp4,
    /// Sound alone: `M4A `.
    M4a,
    /// 3GPP: `3gp6` with H.264, else `3gp4`.
    ThreeGp,
}

/// Opens the packets from their start; called once a pass.
pub(crate) type Open<'o, 'p> = &'o mut dyn FnMut() -> Result<Box<dyn Packets + 'p>>;

/// Writes `tracks`, whose packets `open` gives, as one file. [`Track`] says how each shall stand: its times, its edit
/// list, its sample entry (as it is, or made of codec and configuration). With `source`, packets may say where in it
/// their content lies in place of giving it.
///
/// # Errors
/// What the packets give; `Unsupported` for a codec that has no sample entry here; `Malformed` when there are no packets
/// or the two passes differ; `Limit` when it would not go into `out`.
pub(crate) fn write(
    out: &mut Spool,
    brand: Brand,
    tracks: &[Track],
    open: Open,
    source: Option<&Source>,
    cancel: &Cancel,
) -> Result<()> {
    let mut table = Table::read(tracks, &mut *open()?, cancel)?;
    if table.chunks.is_empty() {
        return Err(Error::malformed("holds no packets"));
    }
    let timescale = edits::timescale(tracks);
    let shown = edits::shown(tracks, &table.tracks, timescale);
    let entries = tracks.iter().zip(&table.tracks).map(|(track, samples)| {
        let bits = u128::from(samples.bytes) * 8 * u128::from(track.timescale);
        let average = bits / u128::from(samples.duration.max(1));
        entry::sample_entry(track, entry::Rate { average: u32::try_from(average).unwrap_or(u32::MAX) })
    });
    let entries: Vec<Vec<u8>> = entries.collect::<Result<_>>()?;
    let bytes: u64 = table.tracks.iter().map(|samples| samples.bytes).sum();

    let movie = moov::Movie { brand, tracks, table: &table, shown: &shown, entries: &entries, timescale };
    // The boxes are as long wherever the content starts, once it is known how wide the offsets are.
    let mut wide = false;
    let mut length = movie.head(0, wide)?.len();
    if u32::try_from(length.saturating_add(bytes).saturating_add(16)).is_err() {
        wide = true;
        length = movie.head(0, wide)?.len();
    }
    let mdat = media::header(bytes);
    let content = length + mdat.len() as u64;
    if content.saturating_add(bytes) > out.max() {
        let (found, allowed) = (content.saturating_add(bytes), out.max());
        return Err(Error::limit(format!(
            "names more content than it holds; found {found} bytes, allowed {allowed}; its tables are broken"
        )));
    }
    let head = movie.head(content, wide)?;
    let bases: Vec<i64> = shown.iter().map(|shown| shown.offset_base).collect();
    let mut buffered = BufWriter::with_capacity(64 * 1024, &mut *out);
    head.write(&mut buffered, &mut table, &bases)?;
    buffered.write_all(&mdat).and_then(|()| buffered.flush()).map_err(failed)?;
    drop(buffered);
    drop(head);
    media::place(out, content, &table, &mut *open()?, source, cancel)
}
