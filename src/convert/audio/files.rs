//! Files that are one stream and no more: WAV, AIFF, CAF, FLAC, MP3.

use super::PcmSource;
use super::aiff;
use super::symphonia::ReaderSource;
use super::wav;
use super::window::Window;
use crate::bytes::byte;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::limits::MAX_ENTRIES;
use crate::source::Source;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::default::formats::{CafReader, FlacReader, MpaReader};

/// The samples of a file of these formats; nothing for formats whose packets a demuxer gives.
///
/// # Errors
/// `Malformed`, `Unsupported`, `Limit` by what the file says.
pub(crate) fn open(source: &Source, format: Format) -> Result<Option<Box<dyn PcmSource + '_>>> {
    Ok(Some(match format {
        Format::Wav | Format::Rf64 => wav::open(source)?,
        Format::Mp3 => mpeg_audio(source, 0, source.len())?,
        Format::Flac => flac(source)?,
        Format::Aiff => aiff::open(source)?,
        Format::Caf => {
            let stream = Window::new(source, Vec::new(), 0, source.len()).into_stream();
            read(CafReader::try_new(stream, FormatOptions::default()).map(boxed))?
        }
        _ => return Ok(None),
    }))
}

/// MPEG audio between `start` and `end`, without the tags round it: a tag's picture would be taken into memory.
pub(super) fn mpeg_audio(source: &Source, start: u64, end: u64) -> Result<Box<dyn PcmSource + '_>> {
    let start = behind_id3(source, start)?;
    let mut end = end.min(source.len());
    if source.bytes_at(end.saturating_sub(128), 3)? == b"TAG" {
        end -= 128;
    }
    let stream = Window::new(source, Vec::new(), start, end).into_stream();
    read(MpaReader::try_new(stream, FormatOptions::default()).map(boxed))
}

/// FLAC's stream information and frames, without the metadata between them.
fn flac(source: &Source) -> Result<Box<dyn PcmSource + '_>> {
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
            return read(FlacReader::try_new(stream, FormatOptions::default()).map(boxed));
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

fn boxed<'a>(reader: impl FormatReader + 'a) -> Box<dyn FormatReader + 'a> {
    Box::new(reader)
}

fn read<'a>(reader: symphonia::core::errors::Result<Box<dyn FormatReader + 'a>>) -> Result<Box<dyn PcmSource + 'a>> {
    Ok(Box::new(ReaderSource::new(reader.map_err(super::symphonia::from_symphonia)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Asked for 8.4 GB in 62 KB: so many samples are announced a packet.
    #[test]
    fn a_core_audio_file_that_announces_long_packets() {
        for (format, frames) in [(b"ima4", 0x4000_0000_u32), (b"alac", 0x7fff_ffff), (b"lpcm", 0x7fff_ffff)] {
            let mut bytes = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
            bytes.extend(44_100_f64.to_be_bytes());
            bytes.extend(format);
            bytes.extend([0, 68, frames, 2, 16].map(u32::to_be_bytes).concat());
            bytes.extend(b"data\0\0\0\0\0\0\xf2\x34");
            bytes.resize(62_000, 0);
            let source = Source::from_bytes(bytes, None);
            let error = open(&source, Format::Caf).err().map(|error| error.kind());
            assert!(error.is_some() && error != Some(ErrorKind::Io), "{error:?}");
        }
    }
}
