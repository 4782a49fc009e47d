//! Sun's AU files: samples behind a header, big-endian.

use super::PcmSource;
use super::decoder::{Spec, guard, undecodable};
use super::layout::Layout;
use super::pcm::{Storage, Stored};
use super::stored::{Reading, StoredSource};
use crate::codec::au::Header;
use crate::error::{Error, Result};
use crate::source::Source;

/// The samples of an AU file.
///
/// # Errors
/// `Malformed` without a header; `Unsupported` by the codec's name; `Limit`.
pub(super) fn open(source: &Source) -> Result<Box<dyn PcmSource + '_>> {
    let header = Header::parse(source.head()?);
    let header = header.ok_or_else(|| Error::malformed("the AU header is damaged; send the original again"))?;
    guard(u64::from(header.channels), header.sample_rate, None)?;
    let bits = header.bits().map_or(0, u16::from);
    let stored = match header.encoding {
        1 => Some(Stored::bytes(Storage::MuLaw)),
        27 => Some(Stored::bytes(Storage::ALaw)),
        2..=5 => Stored::integers(bits, true, false),
        _ => Stored::floats(bits, true),
    };
    let stored = stored.ok_or_else(|| undecodable(&header.codec()))?;
    let spec = Spec { rate: header.sample_rate, layout: Layout::of_count(header.channels) };
    let end = header.size.map_or(source.len(), |size| header.start.saturating_add(size)).min(source.len());
    Ok(Box::new(StoredSource::new(source, spec, Reading::Plain(stored), (header.start, end), None)))
}
