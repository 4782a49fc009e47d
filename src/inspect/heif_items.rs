//! The `meta` box of HEIF: items, their properties, references and places (ISO/IEC 23008-12 §9, 14496-12 §8.11).

use crate::boxes::{child, children, full};
use crate::bytes::Cursor;
use crate::limits::MAX_ENTRIES;
use std::collections::HashMap;

/// An item: a picture, a tile, EXIF.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    /// Its number.
    pub id: u32,
    /// Its type: `hvc1`, `grid`, `Exif`, `mime`.
    pub kind: [u8; 4],
    /// A `mime` item that holds XMP.
    pub xmp: bool,
}

/// Where an item's bytes lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Location {
    /// In the `idat` box instead of the file.
    pub in_idat: bool,
    /// In the file or the `idat` box at all: not in another item or another file.
    pub here: bool,
    /// Offset and length; a length of 0 goes to the end.
    pub extents: Vec<(u64, u64)>,
}

/// What a `meta` box holds.
#[derive(Debug, Default)]
pub(super) struct Items<'a> {
    /// The item to show.
    pub primary: Option<u32>,
    /// All items.
    pub items: Vec<Item>,
    /// Where they lie.
    pub locations: HashMap<u32, Location>,
    /// References: type, from, to.
    pub references: Vec<([u8; 4], u32, Vec<u32>)>,
    /// The bytes of `idat`.
    pub idat: Option<&'a [u8]>,
    properties: Vec<([u8; 4], &'a [u8])>,
    associations: HashMap<u32, Vec<usize>>,
}

impl<'a> Items<'a> {
    /// Reads the children of a `meta` box (after its version and flags); what cannot be read is left out.
    pub(super) fn read(meta: &'a [u8]) -> Self {
        let mut found = Self::default();
        for (kind, body) in children(meta) {
            // Each of these reads as far as the bytes go.
            let _ = match &kind {
                b"pitm" => found.primary(body),
                b"iinf" => found.infos(body),
                b"iloc" => found.places(body),
                b"iref" => found.links(body),
                b"iprp" => found.described(body),
                b"idat" => {
                    found.idat = Some(body);
                    Some(())
                }
                _ => Some(()),
            };
        }
        found
    }

    /// The properties of an item, in their order.
    pub(super) fn properties(&self, id: u32) -> impl Iterator<Item = ([u8; 4], &'a [u8])> {
        let indices = self.associations.get(&id).map_or(&[][..], Vec::as_slice);
        // Indices count from 1; 0 stands for none.
        indices.iter().filter_map(|index| self.properties.get(index.checked_sub(1)?)).copied()
    }

    /// An item's first property of a type.
    pub(super) fn property(&self, id: u32, kind: [u8; 4]) -> Option<&'a [u8]> {
        self.properties(id).find(|(found, _)| *found == kind).map(|(_, body)| body)
    }

    fn primary(&mut self, body: &[u8]) -> Option<()> {
        let (version, _, mut rest) = full(body)?;
        self.primary = Some(if version == 0 { u32::from(rest.u16()?) } else { rest.u32()? });
        Some(())
    }

    fn infos(&mut self, body: &[u8]) -> Option<()> {
        let (version, _, mut rest) = full(body)?;
        rest.take(if version == 0 { 2 } else { 4 })?;
        self.items.extend(children(rest.0).filter(|(kind, _)| kind == b"infe").filter_map(|(_, body)| info(body)));
        Some(())
    }

    fn places(&mut self, body: &[u8]) -> Option<()> {
        let (version, _, mut rest) = full(body)?;
        let sizes = rest.u16()?;
        let size = |shift: u16| usize::from(sizes >> shift & 15);
        let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
        let index_size = if version == 0 { 0 } else { size(0) };
        let count = if version < 2 { u32::from(rest.u16()?) } else { rest.u32()? };
        // A file may state extents of no bytes at all: the guard bounds them over all items.
        let mut room = MAX_ENTRIES;
        for _ in 0..(count as usize).min(MAX_ENTRIES) {
            let id = if version < 2 { u32::from(rest.u16()?) } else { rest.u32()? };
            let method = if version == 0 { 0 } else { rest.u16()? & 15 };
            let elsewhere = rest.u16()? != 0;
            let base = rest.number(base_size)?;
            let extents = rest.u16()?;
            let mut location = Location { in_idat: method == 1, here: method < 2 && !elsewhere, extents: Vec::new() };
            for _ in 0..extents {
                rest.take(index_size)?;
                let offset = base.saturating_add(rest.number(offset_size)?);
                location.extents.push((offset, rest.number(length_size)?));
                room = room.checked_sub(1)?;
            }
            self.locations.insert(id, location);
        }
        Some(())
    }

    fn links(&mut self, body: &[u8]) -> Option<()> {
        let (version, _, rest) = full(body)?;
        let number = |rest: &mut Cursor<'_>| if version == 0 { rest.u16().map(u32::from) } else { rest.u32() };
        for (kind, body) in children(rest.0) {
            let mut rest = Cursor(body);
            let from = number(&mut rest)?;
            let count = rest.u16()?;
            let to = (0..count).map_while(|_| number(&mut rest)).collect();
            self.references.push((kind, from, to));
        }
        Some(())
    }

    fn described(&mut self, body: &'a [u8]) -> Option<()> {
        self.properties = children(child(body, b"ipco")?).collect();
        for (_, body) in children(body).filter(|(kind, _)| kind == b"ipma") {
            let (version, flags, mut rest) = full(body)?;
            let count = rest.u32()? as usize;
            for _ in 0..count.min(MAX_ENTRIES) {
                let id = if version == 0 { u32::from(rest.u16()?) } else { rest.u32()? };
                let indices = self.associations.entry(id).or_default();
                for _ in 0..rest.u8()? {
                    // The top bit tells whether the property is essential.
                    let index = if flags & 1 == 1 { rest.u16()? & 0x7FFF } else { u16::from(rest.u8()? & 0x7F) };
                    indices.push(usize::from(index));
                }
            }
        }
        Some(())
    }
}

fn info(body: &[u8]) -> Option<Item> {
    let (version, _, mut rest) = full(body)?;
    let id = match version {
        2 => u32::from(rest.u16()?),
        3 => rest.u32()?,
        _ => return None,
    };
    rest.u16()?;
    let kind = crate::bytes::array(rest.take(4)?, 0)?;
    // A mime item: its name, then its content type.
    let content = rest.0.splitn(3, |&byte| byte == 0).nth(1);
    Some(Item { id, kind, xmp: kind == *b"mime" && content == Some(b"application/rdf+xml") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_extents_and_huge_counts_are_bounded() {
        // Version 2 with all field sizes 0: an extent takes no bytes.
        let mut iloc = b"\x02\0\0\0\0\0\xff\xff\xff\xff".to_vec();
        for id in 0..100_u32 {
            iloc.extend(id.to_be_bytes());
            iloc.extend(b"\0\0\0\0\xff\xff");
        }
        let mut meta = ((iloc.len() + 8) as u32).to_be_bytes().to_vec();
        meta.extend(b"iloc");
        meta.extend(iloc);
        let items = Items::read(&meta);
        assert!(items.locations.len() < 2, "{}", items.locations.len());
    }

    #[test]
    fn items_of_both_versions_are_read() {
        let item = info(b"\x02\0\0\0\0\x07\0\0hvc1\0").unwrap();
        assert_eq!((item.id, item.kind), (7, *b"hvc1"));
        assert!(info(b"\x03\0\0\0\0\0\0\x09\0\0mime\0application/rdf+xml\0").unwrap().xmp);
        assert!(info(b"\x02\0\0\0\0").is_none());
    }
}
