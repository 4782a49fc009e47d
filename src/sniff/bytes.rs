//! A window that reads a source by position in small blocks.

pub(super) use crate::bytes::{array, be16, be32, be64, byte, code_name, find, le16, le32, le64};
use crate::error::Result;
use crate::source::Source;

/// How much is read at once outside the head: a box header and what stands beside it.
const BLOCK: usize = 1024;

/// The most that one file may make us read outside its head. Hostile headers can point anywhere, many times.
const BUDGET: usize = 256 * 1024;

/// A source seen through its head and one block read by position.
pub(super) struct Window<'a> {
    source: &'a Source,
    head: &'a [u8],
    block: Vec<u8>,
    start: u64,
    budget: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a Source) -> Result<Self> {
        Ok(Self { source, head: source.head()?, block: Vec::new(), start: 0, budget: BUDGET })
    }

    /// The first bytes, at most 32 KiB.
    pub(super) const fn head(&self) -> &'a [u8] {
        self.head
    }

    /// The file's length in bytes.
    pub(super) const fn len(&self) -> u64 {
        self.source.len()
    }

    /// Up to `count` bytes at `offset`: fewer at the end of the file, and none when the file asked for too much.
    pub(super) fn at(&mut self, offset: u64, count: usize) -> Result<&[u8]> {
        let there = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = count.min(there);
        if let Some(bytes) = within(self.head, 0, offset, count) {
            return Ok(bytes);
        }
        if within(&self.block, self.start, offset, count).is_none() {
            let wanted = count.max(BLOCK.min(there)).min(self.budget);
            self.budget -= wanted;
            self.block = self.source.bytes_at(offset, wanted)?;
            self.start = offset;
        }
        let count = count.min(self.block.len());
        Ok(within(&self.block, self.start, offset, count).unwrap_or_default())
    }

    /// The four bytes at `offset`.
    pub(super) fn code(&mut self, offset: u64) -> Result<Option<[u8; 4]>> {
        Ok(array(self.at(offset, 4)?, 0))
    }
}

/// `count` bytes at the file's `offset` out of a `block` that starts at `start`.
fn within(block: &[u8], start: u64, offset: u64, count: usize) -> Option<&[u8]> {
    let from = usize::try_from(offset.checked_sub(start)?).ok()?;
    block.get(from..from.checked_add(count)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_ends_with_the_file_and_with_its_budget() {
        let source = Source::from_bytes(vec![7_u8; 100_000], None);
        let mut window = Window::new(&source).unwrap();
        assert_eq!(window.at(99_998, 4).unwrap(), [7, 7]);
        assert!(window.at(u64::MAX, 4).unwrap().is_empty());
        for round in 0..1000 {
            window.at(40_000 + round % 2 * 20_000, 8).unwrap();
        }
        assert!(source.bytes_read() <= (32 * 1024 + BUDGET) as u64);
        assert!(window.at(50_000, 8).unwrap().is_empty());
    }
}
