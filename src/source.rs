//! Where bytes come from: a file or memory, read by position, with a count of what was read.

use crate::error::{Error, Result};
use crate::limits::{MAX_IN_MEMORY, SNIFF_BYTES, capped_vec};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A file or a block of bytes to look at.
#[derive(Debug)]
pub struct Source {
    name: Option<PathBuf>,
    data: Data,
    len: u64,
    modified: Option<SystemTime>,
    head: OnceLock<Vec<u8>>,
    bytes_read: AtomicU64,
}

#[derive(Debug)]
enum Data {
    File(Arc<File>),
    /// A temporary file without a name.
    Spool(Arc<File>),
    Bytes(Arc<[u8]>),
}

impl Source {
    /// The file at `path`, opened for reading.
    ///
    /// # Errors
    /// `Io` when it cannot be opened or is not a regular file (a folder, a pipe or a device would block or never end).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let failed = |error| Error::io("cannot be opened", error).at(path);
        // Asked before the open, since opening a named pipe waits for a writer.
        let before = std::fs::metadata(path).map_err(failed)?;
        if !before.is_file() {
            return Err(Error::new(
                crate::error::ErrorKind::Io,
                "is not a regular file; found a folder, pipe or device; name a file",
            )
            .at(path));
        }
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        Ok(Self {
            name: Some(path.to_path_buf()),
            data: Data::File(Arc::new(file)),
            len: meta.len(),
            modified: meta.modified().ok(),
            head: OnceLock::new(),
            bytes_read: AtomicU64::new(0),
        })
    }

    /// `bytes` in memory, under a file name if there is one.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>, name: Option<&Path>) -> Self {
        let bytes = bytes.into();
        Self {
            name: name.map(Path::to_path_buf),
            len: bytes.len() as u64,
            data: Data::Bytes(bytes),
            modified: None,
            head: OnceLock::new(),
            bytes_read: AtomicU64::new(0),
        }
    }

    /// What is in `file`, an open file of ours that has no name, under the name that it shall have.
    pub(crate) fn from_spool(file: Arc<File>, len: u64, name: &Path) -> Self {
        Self {
            name: Some(name.to_path_buf()),
            data: Data::Spool(file),
            len,
            modified: None,
            head: OnceLock::new(),
            bytes_read: AtomicU64::new(0),
        }
    }

    /// The path or name, when there is one.
    #[must_use]
    pub fn name(&self) -> Option<&Path> {
        self.name.as_deref()
    }

    /// The file name's extension, without the dot.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.name()?.extension()?.to_str()
    }

    /// The length in bytes when it was opened.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is a file, to be read again by its path.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        matches!(self.data, Data::File(_))
    }

    /// When the file was last changed, as of opening it.
    #[must_use]
    pub const fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// How many bytes were read from the file or memory so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The first bytes (at most 32 KiB), read once.
    ///
    /// # Errors
    /// `Io` when the file cannot be read.
    pub fn head(&self) -> Result<&[u8]> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let mut head = vec![0; SNIFF_BYTES.min(usize::try_from(self.len).unwrap_or(SNIFF_BYTES))];
        let count = self.read_raw(0, &mut head)?;
        head.truncate(count);
        Ok(self.head.get_or_init(|| head))
    }

    /// Reads at `offset` until `into` is full or the end is met; gives the count. Bytes within the head come from memory.
    ///
    /// # Errors
    /// `Io` when the file cannot be read.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        if let (Some(head), Ok(start)) = (self.head.get(), usize::try_from(offset))
            && let Some(bytes) = head.get(start..)
            && (bytes.len() >= into.len() || head.len() as u64 == self.len)
        {
            let count = bytes.len().min(into.len());
            into[..count].copy_from_slice(&bytes[..count]);
            return Ok(count);
        }
        self.read_raw(offset, into)
    }

    /// Up to `count` bytes at `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// `Io` when the file cannot be read.
    pub fn bytes_at(&self, offset: u64, count: usize) -> Result<Vec<u8>> {
        let there = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.min(there)];
        let read = self.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The last `count` bytes (fewer when the file is shorter).
    ///
    /// # Errors
    /// `Io` when the file cannot be read.
    pub fn tail(&self, count: usize) -> Result<Vec<u8>> {
        self.bytes_at(self.len.saturating_sub(count as u64), count)
    }

    /// The whole content, for pictures and documents.
    ///
    /// # Errors
    /// `Limit` when it is larger than mediafit takes into memory; `Io` when it cannot be read or changed its length meanwhile.
    pub fn read_all(&self) -> Result<Arc<[u8]>> {
        if let Data::Bytes(bytes) = &self.data {
            return Ok(Arc::clone(bytes));
        }
        if self.len > MAX_IN_MEMORY {
            let found = self.len;
            return Err(Error::limit(format!(
                "is too large to read whole; found {found} bytes, allowed {MAX_IN_MEMORY}; send a smaller file"
            )));
        }
        let length = usize::try_from(self.len).unwrap_or(usize::MAX);
        let mut bytes = capped_vec(length);
        bytes.resize(length, 0);
        let count = self.read_raw(0, &mut bytes)?;
        if count as u64 != self.len {
            return Err(Error::io(
                "changed while it was read",
                std::io::Error::from(std::io::ErrorKind::UnexpectedEof),
            ));
        }
        Ok(bytes.into())
    }

    /// Whether the file still has the length and time it had when it was opened.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        let Data::File(file) = &self.data else { return true };
        file.metadata().is_ok_and(|meta| meta.len() == self.len && meta.modified().ok() == self.modified)
    }

    fn read_raw(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        match &self.data {
            Data::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let rest = &bytes[start..];
                filled = rest.len().min(into.len());
                into[..filled].copy_from_slice(&rest[..filled]);
            }
            Data::File(file) | Data::Spool(file) => {
                while filled < into.len() {
                    match positioned(file, offset.saturating_add(filled as u64), &mut into[filled..]) {
                        Ok(0) => break,
                        Ok(count) => filled += count,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(Error::io("cannot be read", error)),
                    }
                }
            }
        }
        self.bytes_read.fetch_add(filled as u64, Ordering::Relaxed);
        Ok(filled)
    }
}

#[cfg(unix)]
pub(crate) fn positioned(file: &File, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
pub(crate) fn positioned(file: &File, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}
