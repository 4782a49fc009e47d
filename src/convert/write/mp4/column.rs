//! Tables with a row for each sample: kept in a spool, since a long recording has millions.

use crate::convert::spool::{Spool, failed};
use crate::error::Result;
use crate::limits::capped_vec;
use std::io::{Read, Seek, Write};

/// The largest table, in bytes.
const MAX_TABLE: u64 = 512 * 1024 * 1024;

/// Bytes that are gathered before they go into the spool; divisible by the size of each row.
const BLOCK: usize = 12 * 1024;

/// Big-endian 32-bit words.
#[derive(Debug)]
pub(super) struct Column {
    spool: Spool,
    block: Vec<u8>,
}

impl Column {
    pub(super) fn new() -> Self {
        Self { spool: Spool::new(MAX_TABLE), block: capped_vec(BLOCK) }
    }

    /// Adds a word.
    pub(super) fn push(&mut self, word: u32) -> Result<()> {
        self.block.extend(word.to_be_bytes());
        if self.block.len() >= BLOCK {
            self.spool.put(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.spool.len() + self.block.len() as u64
    }

    /// Writes it all; `map` may change blocks of whole rows before.
    pub(super) fn write(&mut self, out: &mut impl Write, map: impl Fn(&mut [u8])) -> Result<()> {
        self.spool.put(&self.block)?;
        self.block.clear();
        self.spool.rewind().map_err(failed)?;
        let mut block = [0; BLOCK];
        let mut left = self.spool.len();
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let (rows, _) = block.split_at_mut(count);
            self.spool.read_exact(rows).map_err(failed)?;
            map(rows);
            out.write_all(rows).map_err(failed)?;
            left -= count as u64;
        }
        Ok(())
    }
}

/// Rows of a count and a value.
#[derive(Debug)]
pub(super) struct Runs {
    column: Column,
    /// The run that may still grow.
    last: Option<(u32, u32)>,
}

impl Runs {
    pub(super) fn new() -> Self {
        Self { column: Column::new(), last: None }
    }

    /// Adds a value.
    pub(super) fn push(&mut self, value: u32) -> Result<()> {
        match &mut self.last {
            Some((count, same)) if *same == value => *count += 1,
            last => {
                if let Some((count, value)) = last.replace((1, value)) {
                    self.column.push(count)?;
                    self.column.push(value)?;
                }
            }
        }
        Ok(())
    }

    /// The rows, all of them.
    pub(super) fn end(mut self) -> Result<Column> {
        if let Some((count, value)) = self.last.take() {
            self.column.push(count)?;
            self.column.push(value)?;
        }
        Ok(self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(column: &mut Column) -> Vec<u8> {
        let mut bytes = Vec::new();
        column.write(&mut bytes, |_| {}).unwrap();
        assert_eq!(bytes.len() as u64, column.len());
        bytes
    }

    #[test]
    fn equal_values_are_counted() {
        let mut runs = Runs::new();
        [5, 5, 5, 7, 5].iter().for_each(|&value| runs.push(value).unwrap());
        let expected: Vec<u8> = [3_u32, 5, 1, 7, 1, 5].iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(bytes(&mut runs.end().unwrap()), expected);
        assert!(bytes(&mut Runs::new().end().unwrap()).is_empty());
    }

    #[test]
    fn long_tables_go_through_the_spool() {
        let mut column = Column::new();
        (0..600_000_u32).for_each(|word| column.push(word).unwrap());
        let mut twice = Vec::new();
        column.write(&mut twice, |rows| rows.chunks_exact_mut(4).for_each(|row| row[0] = 9)).unwrap();
        assert_eq!(twice.len(), 2_400_000);
        assert_eq!(&twice[2_399_996..], [9, 9, 0x27, 0xbf]);
        assert_eq!(&bytes(&mut column)[4..8], [0, 0, 0, 1]);
    }
}
