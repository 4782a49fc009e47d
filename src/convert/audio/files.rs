//! Files that are one stream and no more: WAV, AU, AIFF, CAF, FLAC.

use super::PcmSource;
use super::symphonia::ReaderSource;
use super::wav;
use super::window::Window;
use super::{aiff, au, caf};
use crate::bytes::byte;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::limits::MAX_ENTRIES;
use crate::source::Source;
use symphonia::core::formats::FormatOptions;
use symphonia::default::formats::FlacReader;

/// The samples of a file of these formats, with `salvage` as much of it as there is; nothing for formats, and codings in CAF, whose packets a demuxer gives.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what the file says.
pub(crate) fn open(source: &Source, format: Format, salvage: bool) -> Result<Option<Box<dyn PcmSource + '_>>> {
    Ok(Some(match format {
        Format::Wav | Format::Rf64 | Format::W64 => wav::open(source)?,
        Format::Au => au::open(source)?,
        Format::Flac => flac(source, salvage)?,
        Format::Aiff => aiff::open(source)?,
        Format::Caf => return caf::open(source),
        _ => return Ok(None),
    }))
}

/// FLAC's stream information and frames, without the metadata between them.
fn flac(source: &Source, salvage: bool) -> Result<Box<dyn PcmSource + '_>> {
    let broken = || Error::malformed("the FLAC header is damaged; send the original again");
    let start = behind_id3(source, 0)?;
    let mut at = start + 4;
    let mut front = None;
    for _ in 0..MAX_ENTRIES {
        let head = source.bytes_at(at, 4)?;
        let Some(&[kind, a, b, c]) = head.first_chunk::<4>() else { return Err(broken()) };
        let length = u32::from_be_bytes([0, a, b, c]);
        if kind & 0x7f == 0 && length == 34 && front.is_none() {
            let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
            bytes.extend(source.bytes_at(at + 4, 34)?);
            front = Some(bytes);
        }
        at += 4 + u64::from(length);
        if kind & 0x80 != 0 {
            let stream = Window::new(source, front.ok_or_else(broken)?, at, source.len()).into_stream();
            let reader =
                FlacReader::try_new(stream, FormatOptions::default()).map_err(super::symphonia::from_symphonia)?;
            return Ok(Box::new(ReaderSource::new(Box::new(reader), salvage)?));
        }
    }
    Err(broken())
}

/// Where the tags in front end (ID3v2 §3.1: 28 bits of size, a footer of 10 bytes; some writers put several).
fn behind_id3(source: &Source, mut at: u64) -> Result<u64> {
    for _ in 0..16 {
        let head = source.bytes_at(at, 10)?;
        let (Some(b"ID3"), Some(size)) = (head.get(..3), head.get(6..10)) else { break };
        let size = size.iter().fold(0_u64, |size, &byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if byte(&head, 5).is_some_and(|flags| flags & 0x10 != 0) { 10 } else { 0 };
        at += 10 + size + footer;
    }
    Ok(at)
}
