//! Where a result is gathered: in memory while it is small, in a temporary file once it is not.

use crate::disk::Temporary;
use crate::error::{Error, Result};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What is held in memory at most, in bytes.
const IN_MEMORY: usize = 1024 * 1024;

/// A result that is being written.
#[derive(Debug)]
pub(crate) struct Spool {
    data: Data,
    /// Where its file shall be.
    folder: Option<PathBuf>,
    /// Where the next byte goes.
    at: u64,
    /// Where the last byte is.
    len: u64,
    /// The most bytes there may be: a file whose tables name the same bytes over and over must not fill the disk.
    max: u64,
}

#[derive(Debug)]
enum Data {
    Memory(Cursor<Vec<u8>>),
    File(Temporary),
}

/// A result that is complete.
#[derive(Debug)]
pub(crate) enum Body {
    /// Small.
    Memory(Vec<u8>),
    /// Large: a file, rewound to its start, and its length.
    File(Temporary, u64),
}

impl Spool {
    /// An empty one that takes `max` bytes at most.
    pub(crate) fn new(max: u64) -> Self {
        Self { data: Data::Memory(Cursor::default()), folder: None, at: 0, len: 0, max }
    }

    /// As [`new`](Self::new), with its file in `folder`, whence it can be moved to where it shall stay.
    pub(crate) fn within(max: u64, folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_path_buf), ..Self::new(max) }
    }

    /// How many bytes it holds.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes it takes at most.
    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// Moves to `at`, which may lie beyond the end.
    pub(crate) fn move_to(&mut self, at: u64) -> Result<()> {
        if at != self.at {
            self.seek(SeekFrom::Start(at)).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes all of `bytes` at the position.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(failed)
    }

    /// Fills `into` from the position on.
    pub(crate) fn get(&mut self, into: &mut [u8]) -> Result<()> {
        self.read_exact(into).map_err(failed)
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// `Io` when the file cannot be rewound.
    pub(crate) fn into_body(self) -> Result<Body> {
        match self.data {
            Data::Memory(bytes) => Ok(Body::Memory(bytes.into_inner())),
            Data::File(file) => {
                file.file().rewind().map_err(failed)?;
                Ok(Body::File(file, self.len))
            }
        }
    }

    /// Goes on in a file.
    fn spill(&mut self) -> io::Result<()> {
        let Data::Memory(bytes) = &self.data else { return Ok(()) };
        let file = Temporary::new(self.folder.as_deref())?;
        file.file().write_all(bytes.get_ref())?;
        file.file().seek(SeekFrom::Start(self.at))?;
        self.data = Data::File(file);
        Ok(())
    }
}

impl Body {
    /// How many bytes it has.
    pub(crate) const fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }
}

/// An error of the spool as the library's: a full spool is a guard that was met, anything else is the system's refusal.
pub(crate) fn failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::FileTooLarge {
        Error::limit("the result grows beyond what its source can hold; the file's tables name bytes more than once")
    } else {
        Error::io("the result cannot be kept in a temporary file", error)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.at.saturating_add(bytes.len() as u64);
        if end > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if end > IN_MEMORY as u64 {
            self.spill()?;
        }
        let count = match &mut self.data {
            Data::Memory(memory) => memory.write(bytes)?,
            Data::File(file) => file.file().write(bytes)?,
        };
        self.at += count as u64;
        self.len = self.len.max(self.at);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Spool {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.data {
            Data::Memory(memory) => memory.read(into)?,
            Data::File(file) => file.file().read(into)?,
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Spool {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        let target = target.filter(|&at| at <= self.max).ok_or(io::ErrorKind::InvalidInput)?;
        self.at = match &mut self.data {
            Data::Memory(memory) => memory.seek(SeekFrom::Start(target))?,
            Data::File(file) => file.file().seek(SeekFrom::Start(target))?,
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(body: Body) -> (bool, Vec<u8>) {
        match body {
            Body::Memory(bytes) => (true, bytes),
            Body::File(file, len) => {
                let mut bytes = Vec::new();
                file.file().read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, len);
                (false, bytes)
            }
        }
    }

    #[test]
    fn small_stays_in_memory_and_large_does_not() {
        for (size, in_memory) in [(0, true), (1000, true), (IN_MEMORY, true), (IN_MEMORY + 1, false)] {
            let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
            let mut spool = Spool::new(u64::MAX);
            bytes.chunks(100_000).for_each(|chunk| spool.put(chunk).unwrap());
            assert_eq!(spool.len(), size as u64);
            assert_eq!(content(spool.into_body().unwrap()), (in_memory, bytes));
        }
    }

    #[test]
    fn written_out_of_order_and_read_back() {
        let mut spool = Spool::new(100);
        spool.move_to(6).unwrap();
        spool.put(b"world").unwrap();
        spool.move_to(0).unwrap();
        spool.put(b"hello ").unwrap();
        let mut back = String::new();
        spool.rewind().unwrap();
        spool.read_to_string(&mut back).unwrap();
        assert_eq!(back, "hello world");
    }

    #[test]
    fn a_full_spool_is_a_limit() {
        let mut spool = Spool::new(4);
        spool.put(b"1234").unwrap();
        assert_eq!(spool.put(b"5").unwrap_err().kind(), crate::error::ErrorKind::Limit);
        assert_eq!(spool.len(), 4);
    }
}
