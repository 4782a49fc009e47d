//! The top level of a file (ISO/IEC 14496-12 §4.2, §8.1, §8.2.1): where things are, by their headers alone.

use crate::bytes::{Blocks, array, be32, be64, code_name, find};
use crate::error::Result;
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

/// How much is read at once where boxes are small and follow each other.
const BLOCK: usize = 4096;

/// How far a fragment is searched behind broken bytes, and at how many places one file may be broken.
const MAX_SEARCH: u64 = 16 * 1024 * 1024;
const MAX_BREAKS: usize = 8;

/// Where a box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where its header starts.
    pub start: u64,
    /// Where its content starts.
    pub body: u64,
    /// Where it ends, cut to the file's end.
    pub end: u64,
    /// Whether it claims to end later.
    pub cut: bool,
}

impl Place {
    /// How many bytes of content there are.
    pub(crate) const fn len(&self) -> u64 {
        self.end.saturating_sub(self.body)
    }
}

/// Where things are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// Major brand.
    pub brand: Option<String>,
    /// The index.
    pub moov: Option<Place>,
    /// The first box of media data that has content.
    pub mdat: Option<Place>,
    /// The fragments.
    pub moofs: Vec<Place>,
    /// Metadata at the top level: `meta`, `udta`, `uuid`.
    pub metadata: Vec<([u8; 4], Place)>,
    /// Where the walk ended: before the file's end when what follows is no box.
    pub end: u64,
    /// Where bytes between fragments are no box, or a box is larger than what is left.
    pub breaks: Vec<u64>,
    /// Whether another file follows behind the first.
    pub joined: bool,
}

impl Layout {
    /// Whether the index stands behind the media data.
    pub(crate) fn index_last(&self) -> bool {
        self.moov.zip(self.mdat).is_some_and(|(moov, mdat)| moov.start > mdat.start)
    }

    /// Walks the top level.
    pub(super) fn read(source: &Source) -> Result<Self> {
        let mut layout = Self::default();
        let (mut at, mut block, mut block_at) = (0_u64, Vec::new(), 0_u64);
        for _ in 0..MAX_ENTRIES {
            let held = at.checked_sub(block_at).and_then(|skip| usize::try_from(skip).ok());
            if held.and_then(|skip| block.get(skip..skip + 16)).is_none() {
                // After a box that the block holds whole, more such are likely.
                let near = at > 0 && at - block_at < BLOCK as u64 && !block.is_empty();
                block = source.bytes_at(at, if near { BLOCK } else { 16 })?;
                block_at = at;
            }
            let header = usize::try_from(at - block_at).ok().and_then(|skip| block.get(skip..)).unwrap_or_default();
            let found = place(header, at, source.len());
            if !layout.moofs.is_empty()
                && found.is_none_or(|(_, place)| place.cut)
                && layout.breaks.len() < MAX_BREAKS
                && let Some(next) = next_fragment(source, at + 1)?
            {
                layout.breaks.push(at);
                at = next;
                continue;
            }
            let Some((kind, place)) = found else { break };
            layout.add(source, kind, place)?;
            layout.end = place.end;
            at = place.end;
            if at >= source.len() {
                break;
            }
        }
        Ok(layout)
    }

    fn add(&mut self, source: &Source, kind: [u8; 4], place: Place) -> Result<()> {
        match &kind {
            b"ftyp" if self.moov.is_some() && self.mdat.is_some() => self.joined = true,
            b"ftyp" | b"styp" if self.brand.is_none() => {
                self.brand = array::<4>(&source.bytes_at(place.body, 4)?, 0).map(|brand| code_name(&brand));
            }
            b"moov" if self.moov.is_none() => self.moov = Some(place),
            b"mdat" if self.mdat.is_none() && place.len() > 0 => self.mdat = Some(place),
            b"moof" => self.moofs.push(place),
            b"meta" | b"udta" | b"uuid" => self.metadata.push((kind, place)),
            _ => {}
        }
        Ok(())
    }
}

/// Where the next fragment starts, from `from` on.
fn next_fragment(source: &Source, from: u64) -> Result<Option<u64>> {
    let mut blocks = Blocks::new(source)?;
    let (mut at, limit) = (from, source.len().min(from.saturating_add(MAX_SEARCH)));
    while at < limit {
        let bytes = blocks.from(at, 8)?;
        match find(bytes, b"moof") {
            Some(name) => {
                let size = name.checked_sub(4).and_then(|start| be32(bytes, start)).unwrap_or(0);
                if size > 8 && u64::from(size) < source.len() - at {
                    return Ok(Some(at + name as u64 - 4));
                }
                at += name as u64 + 1;
            }
            // Seven bytes may be the start of one.
            None => at += (bytes.len() as u64).saturating_sub(7).max(1),
        }
    }
    Ok(None)
}

fn place(header: &[u8], at: u64, len: u64) -> Option<([u8; 4], Place)> {
    let (small, kind) = (be32(header, 0)?, array::<4>(header, 4)?);
    let (size, length) = match small {
        0 => (len - at, 8),
        1 => (be64(header, 8)?, 16),
        small => (u64::from(small), 8),
    };
    // A type is four printable letters; QuickTime's begin with the copyright sign at times.
    let printable = kind.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xA9));
    if size < length || !printable {
        return None;
    }
    let end = at.saturating_add(size);
    Some((kind, Place { start: at, body: (at + length).min(len), end: end.min(len), cut: end > len }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes: &[u8]) -> Layout {
        Layout::read(&Source::from_bytes(bytes, None)).unwrap()
    }

    #[test]
    fn fragments_behind_broken_bytes_are_found() {
        let fragment = b"\0\0\0\x0cmoofabcd\0\0\0\x0cmdatefgh";
        let whole = [fragment.as_slice(), fragment, fragment].concat();
        let found = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let layout = layout(&bytes);
            (layout.moofs.iter().map(|moof| moof.start).collect::<Vec<_>>(), layout.breaks)
        };
        assert_eq!(found(3, 12), (vec![0, 24, 48], vec![]));
        assert_eq!(found(15, 5), (vec![0, 24, 48], vec![12]), "too small for a box");
        assert_eq!(found(12, 5), (vec![0, 24, 48], vec![12]), "larger than what is left");
        assert_eq!(found(28, 0), (vec![0, 48], vec![24]), "a name that is none");
        assert!(layout(b"\0\0\0\x0cmoofabcd\0\0\0\0junk").breaks.is_empty());
    }

    #[test]
    fn a_second_file_behind_the_first_is_seen() {
        let file = b"\0\0\0\x0cftypM4A \0\0\0\x09moovx\0\0\0\x09mdatx".as_slice();
        assert!(!layout(file).joined && layout(&[file, file].concat()).joined);
    }

    #[test]
    fn boxes_are_found_wherever_they_stand() {
        let mut bytes = b"\0\0\0\x0cftypmp42\0\0\0\x08mdat\0\0\0\x09mdatx\0\0\0\x09moovx".to_vec();
        let found = layout(&bytes);
        assert_eq!((found.brand.as_deref(), found.index_last(), found.end), (Some("mp42"), true, 38));
        assert_eq!(found.moov.map(|moov| (moov.start, moov.body, moov.end, moov.cut)), Some((29, 37, 38, false)));
        bytes.extend_from_slice(b"\0\0\0\0\0\0\0\0junk");
        assert_eq!(layout(&bytes).end, 38);
        assert!(layout(b"\0\0\0\x10moovx").moov.is_some_and(|moov| moov.cut && moov.len() == 1));
        assert!(
            layout(b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff")
                .moov
                .is_some_and(|moov| moov.cut && moov.len() == 0)
        );
        let many: Vec<u8> = b"\0\0\0\x08free".repeat(3000);
        assert_eq!(layout(&many).end, 24_000);
    }
}
