//! PNG chunks: length, type, data, CRC (PNG third edition §5.3).

use crate::bytes::{Region, array, be32};
use crate::error::Result;
use crate::limits::MAX_METADATA;

/// A chunk, by its place; its data was not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    /// Type: `IHDR`.
    pub kind: [u8; 4],
    /// Where its length field lies.
    pub at: u64,
    /// Length of its data as stated.
    pub len: u64,
}

impl Chunk {
    /// The chunk at `at`, when its header is there.
    pub(super) fn read(file: Region<'_>, at: u64) -> Result<Option<Self>> {
        let Some(head) = file.array::<8>(at)? else { return Ok(None) };
        let (Some(len), Some(kind)) = (be32(&head, 0), array(&head, 4)) else { return Ok(None) };
        Ok(Some(Self { kind, at, len: u64::from(len) }))
    }

    /// Where it ends, CRC included.
    pub(super) const fn end(&self) -> u64 {
        self.at + 12 + self.len
    }

    /// Its data's place.
    pub(super) fn data<'a>(&self, file: Region<'a>) -> Region<'a> {
        file.part(self.at + 8, self.len)
    }

    /// Its data, and whether the CRC is right (too large a chunk is cut and passes).
    pub(super) fn checked(&self, file: Region<'_>) -> Result<(Vec<u8>, bool)> {
        let room = MAX_METADATA.min(usize::try_from(self.len).unwrap_or(MAX_METADATA));
        let mut bytes = file.bytes(self.at + 4, room + 8)?;
        let stated = be32(&bytes, room + 4);
        bytes.truncate(room + 4);
        let right = room as u64 != self.len || stated == Some(crc32(&bytes));
        bytes.drain(..bytes.len().min(4));
        Ok((bytes, right))
    }

    /// Whether the type's letters are letters, without which it is no chunk.
    pub(super) fn is_plausible(&self) -> bool {
        self.kind.iter().all(u8::is_ascii_alphabetic) && self.len <= 0x7FFF_FFFF
    }
}

/// What follows the last IDAT, read backwards from the IEND at the file's very end; `None` where that cannot be told
/// from `tail` (the file's last bytes). It saves a walk over hundreds of 8 KiB IDATs.
pub(super) fn after_last_data(tail: &[u8], file_len: u64) -> Option<Vec<Chunk>> {
    const IEND: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";
    let mut end = tail.strip_suffix(IEND)?.len();
    let before = file_len.checked_sub(tail.len() as u64)?;
    let mut chunks = Vec::new();
    loop {
        // The chunk whose stated length ends exactly where the next one starts.
        let (at, chunk) = (0..=end.checked_sub(12)?).rev().find_map(|at| {
            let len = be32(tail, at)?;
            let chunk = Chunk { kind: array(tail, at + 4)?, at: before + at as u64, len: u64::from(len) };
            (len as usize == end - 12 - at && chunk.is_plausible()).then_some((at, chunk))
        })?;
        if chunk.kind == *b"IDAT" {
            return Some(chunks);
        }
        chunks.push(chunk);
        end = at;
    }
}

/// The CRC of ISO 3309 that PNG uses, over a chunk's type and data.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| {
        TABLE.get(usize::from(crc.to_le_bytes()[0] ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let body = [kind, data].concat();
        [&(data.len() as u32).to_be_bytes(), body.as_slice(), &crc32(&body).to_be_bytes()].concat()
    }

    #[test]
    fn the_checksum_is_the_one_of_iend() {
        assert_eq!(crc32(b"IEND"), 0xAE42_6082);
    }

    #[test]
    fn the_tail_is_read_backwards_to_the_last_data() {
        let file = [chunk(b"IDAT", &[9; 40]), chunk(b"tEXt", b"a\0b"), chunk(b"eXIf", &[0; 30]), chunk(b"IEND", b"")];
        let file = file.concat();
        let kinds = |tail: &[u8]| {
            after_last_data(tail, file.len() as u64).map(|chunks| chunks.iter().map(|c| c.kind).collect::<Vec<_>>())
        };
        assert_eq!(kinds(&file), Some(vec![*b"eXIf", *b"tEXt"]));
        assert_eq!(kinds(&file[10..]), None, "the IDAT's header is out of sight");
        assert_eq!(kinds(&file[..file.len() - 1]), None);
    }
}
