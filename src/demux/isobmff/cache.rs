//! The last blocks of a file that were read: interleaved tracks come from them without reading anything twice.

use crate::error::{Error, Result};
use crate::source::Source;

/// Length of a block. Four of them bridge tracks whose data lie apart.
const BLOCK: u64 = 256 * 1024;
const BLOCKS: usize = 4;

/// The last blocks of a file that were read.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// Number and content, the latest used first.
    blocks: Vec<(u64, Vec<u8>)>,
}

impl Cache {
    /// Puts the `size` bytes at `offset` into `into`, all of them or an error.
    pub(super) fn read(&mut self, source: &Source, offset: u64, size: u32, into: &mut Vec<u8>) -> Result<()> {
        into.clear();
        let end = offset.saturating_add(size.into());
        if end > source.len() {
            return Err(Error::malformed("the file ends before its media data does"));
        }
        if u64::from(size) >= BLOCK {
            into.resize(size as usize, 0);
            let read = source.read_at(offset, into)?;
            into.truncate(read);
        } else {
            let mut at = offset;
            while at < end {
                let number = at / BLOCK;
                let block = self.block(source, number)?;
                let from = usize::try_from(at - number * BLOCK).unwrap_or(usize::MAX);
                let to = usize::try_from((end - number * BLOCK).min(BLOCK)).unwrap_or(usize::MAX);
                let Some(bytes) = block.get(from..to.min(block.len())).filter(|bytes| !bytes.is_empty()) else { break };
                into.extend_from_slice(bytes);
                at += bytes.len() as u64;
            }
        }
        if into.len() as u64 == u64::from(size) {
            Ok(())
        } else {
            Err(Error::malformed("the file became shorter while it was read"))
        }
    }

    fn block(&mut self, source: &Source, number: u64) -> Result<&[u8]> {
        if let Some(at) = self.blocks.iter().position(|(known, _)| *known == number) {
            self.blocks.get_mut(..=at).unwrap_or_default().rotate_right(1);
        } else {
            let mut block = if self.blocks.len() < BLOCKS {
                Vec::new()
            } else {
                self.blocks.pop().map(|(_, block)| block).unwrap_or_default()
            };
            let there = source.len().saturating_sub(number * BLOCK).min(BLOCK);
            block.resize(usize::try_from(there).unwrap_or_default(), 0);
            let read = source.read_at(number * BLOCK, &mut block)?;
            block.truncate(read);
            self.blocks.insert(0, (number, block));
        }
        Ok(self.blocks.first().map(|(_, block)| block.as_slice()).unwrap_or_default())
    }
}
