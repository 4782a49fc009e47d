//! Compound files: Office 97 documents by the streams under the root ([MS-CFB] §2).

use super::Sniffed;
use super::bytes::{Window, array, byte, le16, le32};
use crate::error::Result;
use crate::format::Format;

const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// The most directory sectors and entries that are read.
const MAX_SECTORS: usize = 64;
const MAX_ENTRIES: usize = 512;

const ENTRY: usize = 128;

/// A stream's name under the root, and the format it makes.
#[rustfmt::skip]
const STREAMS: &[(&str, Format)] = &[
    ("WordDocument",        Format::Doc),
    ("Workbook",            Format::Xls),
    ("Book",                Format::Xls),
    ("PowerPoint Document", Format::Ppt),
];

/// A directory entry: its name and the places of its neighbours in the tree of its folder.
struct Entry {
    name: String,
    left: u32,
    right: u32,
    child: u32,
}

/// Looks at a file that starts with a compound file's header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if array(head, 0) != Some(MAGIC) {
        return Ok(None);
    }
    let entries = read_directory(window)?;
    let mut format = Format::Cfb;
    for name in root_names(&entries) {
        if let Some(&(_, found)) = STREAMS.iter().find(|(stream, _)| *stream == name) {
            format = found;
            break;
        }
    }
    Ok(Some(Sniffed::of(format)))
}

/// The names directly under the root: a workbook that is embedded in a letter lies deeper.
fn root_names(entries: &[Entry]) -> Vec<&str> {
    let mut names = Vec::new();
    let mut waiting = entries.first().map(|root| vec![root.child]).unwrap_or_default();
    // Each entry is visited once at most: a tree that runs in a circle ends here.
    for _ in 0..entries.len() {
        let Some(next) = waiting.pop() else { break };
        if let Some(entry) = entries.get(next as usize) {
            names.push(entry.name.as_str());
            waiting.extend([entry.left, entry.right]);
        } else if waiting.is_empty() {
            break;
        }
        waiting.retain(|&place| (place as usize) < entries.len());
    }
    names
}

fn read_directory(window: &mut Window<'_>) -> Result<Vec<Entry>> {
    let head = window.head();
    let mut entries = Vec::new();
    // §2.2: sectors are of 512 or 4096 bytes, nothing else.
    let (Some(shift @ (9 | 12)), Some(mut sector)) = (le16(head, 30), le32(head, 48)) else { return Ok(entries) };
    for _ in 0..MAX_SECTORS {
        if entries.len() >= MAX_ENTRIES {
            break;
        }
        let bytes = window.at(sector_at(sector, shift), 1 << shift)?;
        if bytes.is_empty() {
            break;
        }
        entries.extend(bytes.chunks_exact(ENTRY).map_while(entry));
        let Some(next) = next_sector(window, sector, shift)? else { break };
        sector = next;
    }
    Ok(entries)
}

/// Sector 0 stands behind the header, which fills one sector.
fn sector_at(sector: u32, shift: u16) -> u64 {
    (u64::from(sector) + 1) << shift
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(le16(bytes, 64)?).min(64);
    let units = bytes.get(..length)?.chunks_exact(2).filter_map(|unit| le16(unit, 0)).take_while(|&unit| unit != 0);
    let name = char::decode_utf16(units).map(|unit| unit.unwrap_or('_')).collect();
    byte(bytes, 66)?;
    Some(Entry { name, left: le32(bytes, 68)?, right: le32(bytes, 72)?, child: le32(bytes, 76)? })
}

/// The sector that follows `sector` by the allocation table, whose first 109 sectors are listed in the header.
fn next_sector(window: &mut Window<'_>, sector: u32, shift: u16) -> Result<Option<u32>> {
    const LISTED: usize = 109;
    const LAST_REGULAR: u32 = 0xffff_fffa;
    let per_sector = 1_u32 << (shift - 2);
    let table = (sector / per_sector) as usize;
    if table >= LISTED {
        return Ok(None);
    }
    let Some(place) = le32(window.head(), 76 + 4 * table) else { return Ok(None) };
    let offset = sector_at(place, shift) + 4 * u64::from(sector % per_sector);
    Ok(le32(window.at(offset, 4)?, 0).filter(|&next| next <= LAST_REGULAR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn directory_entry(name: &str, right: u32, child: u32) -> Vec<u8> {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u16::try_from(entry.len() + 2).unwrap();
        entry.resize(64, 0);
        entry.extend_from_slice(&length.to_le_bytes());
        entry.extend_from_slice(&[2, 1, 0xff, 0xff, 0xff, 0xff]);
        entry.extend_from_slice(&right.to_le_bytes());
        entry.extend_from_slice(&child.to_le_bytes());
        entry.resize(ENTRY, 0);
        entry
    }

    fn compound(entries: &[Vec<u8>]) -> Format {
        let mut bytes = vec![0; 512];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[30] = 9;
        bytes[48] = 1;
        // Sector 0 is the table: the directory's sector 1 is the last of its chain.
        let mut table = vec![0xff; 512];
        table[4..8].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
        bytes.extend_from_slice(&table);
        bytes.extend(entries.concat());
        bytes.resize(512 * 3, 0);
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().unwrap().format
    }

    #[test]
    fn only_streams_under_the_root_count() {
        const NONE: u32 = u32::MAX;
        let letter = [
            directory_entry("Root Entry", NONE, 1),
            directory_entry("ObjectPool", 2, 3),
            directory_entry("WordDocument", NONE, NONE),
            directory_entry("Workbook", NONE, NONE),
        ];
        assert_eq!(compound(&letter), Format::Doc);
        assert_eq!(
            compound(&[directory_entry("Root Entry", NONE, 1), directory_entry("__properties", 1, 1)]),
            Format::Cfb
        );
    }
}
