//! A part of a source as the seekable stream that Symphonia's readers want.

use crate::source::Source;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use symphonia::core::io::{MediaSource, MediaSourceStream};

/// Bytes that stand in front, and then a range of a source.
pub(super) struct Window<'a> {
    source: &'a Source,
    front: Vec<u8>,
    start: u64,
    length: u64,
    position: u64,
}

impl<'a> Window<'a> {
    /// The bytes from `start` to `end` of `source`, behind `front`.
    pub(super) fn new(source: &'a Source, front: Vec<u8>, start: u64, end: u64) -> Self {
        let end = end.min(source.len());
        let start = start.min(end);
        let length = end - start + front.len() as u64;
        Self { source, front, start, length, position: 0 }
    }

    /// As Symphonia takes it.
    pub(super) fn into_stream(self) -> MediaSourceStream<'a> {
        MediaSourceStream::new(Box::new(self), Default::default())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let front = usize::try_from(self.position).ok().and_then(|at| self.front.get(at..)).unwrap_or_default();
        let count = if front.is_empty() {
            let at = self.start + (self.position - self.front.len() as u64);
            let into = into.get_mut(..wanted).unwrap_or_default();
            self.source.read_at(at, into).map_err(Error::other)?
        } else {
            let count = wanted.min(front.len());
            into.iter_mut().zip(front).take(count).for_each(|(to, from)| *to = *from);
            count
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(back) => self.length.checked_add_signed(back),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl MediaSource for Window<'_> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
