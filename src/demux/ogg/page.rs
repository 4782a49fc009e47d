//! Ogg pages (RFC 3533 §6), read forward.

use crate::bytes::{Blocks, array, byte, find, le32};
use crate::error::{Error, Result};
use crate::source::Source;

/// Bytes of a page's header before its lacing values.
const FIXED: usize = 27;

/// Where the checksum stands in it.
const CHECKSUM: usize = 22;

/// The longest header.
const LONGEST: usize = FIXED + 255;

/// How much is searched for the next page where one is missing.
const MAX_SEARCH: u64 = 256 * 1024;

/// The most bytes between pages that are searched in a file.
const MAX_JUNK: u64 = 16 * 1024 * 1024;

/// A page by its header.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// The number of its logical stream.
    pub serial: u32,
    /// Where the last packet that ends on it ends; -1: none does.
    pub granule: i64,
    flags: u8,
    lacing: Vec<u8>,
    /// Where it starts, and where its content does.
    at: u64,
    body: u64,
}

impl Page {
    fn parse(bytes: &[u8], at: u64) -> Option<Self> {
        if !bytes.starts_with(b"OggS\0") {
            return None;
        }
        let count = usize::from(byte(bytes, 26)?);
        Some(Self {
            serial: le32(bytes, 14)?,
            granule: i64::from_le_bytes(array(bytes, 6)?),
            flags: byte(bytes, 5)?,
            lacing: bytes.get(FIXED..FIXED + count)?.to_vec(),
            at,
            body: at + (FIXED + count) as u64,
        })
    }

    /// Where the last packet that ends on it ends.
    pub(super) fn position(&self) -> Option<i64> {
        Some(self.granule).filter(|&granule| granule != -1)
    }

    /// Whether its first packet started on a page before.
    pub(super) const fn continues(&self) -> bool {
        self.flags & 0x01 != 0
    }

    /// Whether it is the first of its logical stream.
    pub(super) const fn begins(&self) -> bool {
        self.flags & 0x02 != 0
    }

    /// Whether it is the last of its logical stream.
    pub(super) const fn ends(&self) -> bool {
        self.flags & 0x04 != 0
    }

    /// Bytes of its content.
    pub(super) fn length(&self) -> usize {
        self.lacing.iter().map(|&value| usize::from(value)).sum()
    }

    /// Where the next page starts.
    pub(super) fn end(&self) -> u64 {
        self.body.saturating_add(self.length() as u64)
    }

    /// The pieces of packets on it: where each starts and ends in the content, and whether the packet ends there.
    pub(super) fn pieces(&self) -> Vec<(usize, usize, bool)> {
        let (mut pieces, mut start, mut end) = (Vec::new(), 0_usize, 0_usize);
        let mut open = false;
        for &value in &self.lacing {
            end += usize::from(value);
            open = value == 255;
            if !open {
                pieces.push((start, end, true));
                start = end;
            }
        }
        if open {
            pieces.push((start, end, false));
        }
        pieces
    }
}

/// The pages of a file.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    blocks: Blocks<'a>,
    at: u64,
    end: u64,
    junk: u64,
    /// Whether a page ends beyond the file.
    pub cut: bool,
}

impl<'a> Pages<'a> {
    /// Those from `at` on.
    pub(super) fn from(source: &'a Source, at: u64) -> Result<Self> {
        Ok(Self { blocks: Blocks::new(source)?, at, end: source.len(), junk: 0, cut: false })
    }

    /// The next whole page.
    pub(super) fn next(&mut self) -> Result<Option<Page>> {
        while self.at < self.end {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let bytes = self.blocks.from(self.at, LONGEST.min(left))?;
            if let Some(page) = Page::parse(bytes, self.at) {
                let end = page.end();
                if end > self.end {
                    return Ok(self.stop(true));
                }
                self.at = end;
                return Ok(Some(page));
            }
            // The beginning of a header at the end of the file.
            if left < LONGEST && bytes.starts_with(b"OggS") {
                return Ok(self.stop(true));
            }
            if !self.search()? {
                return Ok(self.stop(false));
            }
        }
        Ok(None)
    }

    /// The content of a page, which its checksum covers (RFC 3533 §6): players leave a page out that does not match.
    pub(super) fn content(&mut self, page: &Page) -> Result<&[u8]> {
        let length = usize::try_from(page.end() - page.at).unwrap_or(0);
        let bytes = self.blocks.from(page.at, length)?;
        let bytes = bytes.get(..length).unwrap_or(bytes);
        if le32(bytes, CHECKSUM) != Some(checksum(bytes)) {
            return Err(Error::malformed(format!("the page at byte {} does not match its checksum", page.at)));
        }
        Ok(bytes.get(length - page.length()..).unwrap_or_default())
    }

    fn stop(&mut self, cut: bool) -> Option<Page> {
        self.cut |= cut;
        self.at = self.end;
        None
    }

    /// Moves to the next capture pattern; false when there is none near.
    fn search(&mut self) -> Result<bool> {
        let from = self.at + 1;
        let limit = from.saturating_add(MAX_SEARCH.min(MAX_JUNK.saturating_sub(self.junk))).min(self.end);
        let mut at = from;
        while at < limit {
            let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
            let bytes = self.blocks.from(at, left.min(LONGEST))?;
            if let Some(place) = find(bytes, b"OggS\0") {
                self.at = at + place as u64;
                self.junk += self.at - from;
                return Ok(true);
            }
            // The pattern may lie across the end of what is buffered.
            at += (bytes.len().saturating_sub(4) as u64).max(1);
        }
        Ok(false)
    }
}

/// The checksum of a page, with zeros where it stands: polynomial 0x04c11db7, highest bit first, from 0.
fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let (mut crc, mut bit) = ((index as u32) << 24, 0);
            while bit < 8 {
                crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 };
                bit += 1;
            }
            table[index] = crc;
            index += 1;
        }
        table
    };
    let step = |crc: u32, byte: u8| {
        let [high, ..] = crc.to_be_bytes();
        crc << 8 ^ TABLE.get(usize::from(high ^ byte)).copied().unwrap_or_default()
    };
    page.iter()
        .enumerate()
        .fold(0, |crc, (at, &byte)| step(crc, if (CHECKSUM..CHECKSUM + 4).contains(&at) { 0 } else { byte }))
}
