//! The container that HEIC and AVIF share: bounded before its parser sees a byte, its items, their colours.

use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{HeifFile, ItemId};

use super::Cicp;
use crate::error::Error;

/// The most items, locations, property lists or tiles of one file. A 200-megapixel phone photo has 800.
const MAX_ITEMS: u64 = 4096;
/// The most extents over all items: with zero-sized fields an extent takes no byte of the file, but 32 of memory.
const MAX_EXTENTS: u64 = 65_536;
/// The largest `iref` box; its lists are searched once for each tile.
const MAX_IREF_BYTES: usize = 256 * 1024;
/// The deepest chain of derived images (`grid` of `iden` of …).
pub(super) const MAX_DERIVATION: u32 = 4;

/// The whole boxes at the front of a file: cameras and messengers append bytes that are no box.
pub(super) fn bytes_of(bytes: &[u8]) -> &[u8] {
    let mut end = 0_usize;
    while let Some((size, _, _)) = bytes.get(end..).and_then(box_at) {
        end = end.saturating_add(size);
    }
    bytes.get(..end).unwrap_or(bytes)
}

/// Size, type and content of the box at the start of `bytes`, if it lies in them whole.
fn box_at(bytes: &[u8]) -> Option<(usize, &[u8; 4], &[u8])> {
    let size = u32::from_be_bytes(*bytes.first_chunk()?);
    let kind = bytes.get(4..)?.first_chunk::<4>()?;
    let (size, header) = match size {
        0 => (bytes.len(), 8),
        1 => (usize::try_from(u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)).ok()?, 16),
        n => (usize::try_from(n).ok()?, 8),
    };
    Some((size, kind, bytes.get(header..size)?))
}

/// The boxes lying one after the other in `bytes`.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, kind, content) = box_at(bytes)?;
        bytes = bytes.get(size..)?;
        Some((kind, content))
    })
}

/// Parses the container after the counts in it were found bounded.
///
/// Stops the quadratic search and the memory bombs of a parser that trusts `iinf`, `iloc` and `ipma` counts.
pub(super) fn open(bytes: &[u8]) -> Result<HeifFile<'_>, Error> {
    let bytes = bytes_of(bytes);
    for (_, meta) in boxes(bytes).filter(|(kind, _)| *kind == b"meta") {
        if meta.len() > crate::limits::MAX_METADATA {
            return Err(Error::limit(format!(
                "HEIF metadata too large; found {} bytes, allowed {}",
                meta.len(),
                crate::limits::MAX_METADATA
            )));
        }
        for (kind, content) in boxes(meta.get(4..).unwrap_or_default()) {
            check_counts(kind, content)?;
        }
    }
    HeifFile::parse(bytes).map_err(|e| Error::malformed(format!("HEIF container: {e}")))
}

/// Refuses a box of `meta` that holds more entries than any real file.
fn check_counts(kind: &[u8; 4], content: &[u8]) -> Result<(), Error> {
    let number = |at: usize, bytes: usize| {
        content.get(at..at.saturating_add(bytes)).map(|b| b.iter().fold(0_u64, |n, &b| n << 8 | u64::from(b)))
    };
    let too_many = |what: &str, found: u64, allowed: u64| {
        Err(Error::limit(format!("too many {what} in a HEIF file; found {found}, allowed {allowed}")))
    };
    let version = content.first().copied().unwrap_or_default();
    match kind {
        b"iinf" => {
            let count = number(4, if version == 0 { 2 } else { 4 }).unwrap_or_default();
            if count > MAX_ITEMS {
                return too_many("items", count, MAX_ITEMS);
            }
        }
        b"iref" if content.len() > MAX_IREF_BYTES => {
            return too_many("bytes of references", content.len() as u64, MAX_IREF_BYTES as u64);
        }
        b"iprp" => {
            for (_, ipma) in boxes(content).filter(|(kind, _)| *kind == b"ipma") {
                let count = ipma.get(4..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b));
                if u64::from(count) > MAX_ITEMS {
                    return too_many("property lists", u64::from(count), MAX_ITEMS);
                }
            }
        }
        b"iloc" => {
            let sizes = number(4, 2).unwrap_or_default();
            let nibble = |shift: u64| usize::try_from(sizes >> shift & 15).unwrap_or_default();
            let (offset, length, base) = (nibble(12), nibble(8), nibble(4));
            let index = if version == 0 { 0 } else { nibble(0) };
            let wide = if version < 2 { 2 } else { 4 };
            let count = number(6, wide).unwrap_or_default();
            if count > MAX_ITEMS {
                return too_many("item locations", count, MAX_ITEMS);
            }
            let mut at = 6 + wide;
            let mut total = 0_u64;
            for _ in 0..count {
                at += wide + if version == 0 { 0 } else { 2 } + 2 + base;
                let Some(extents) = number(at, 2) else { break };
                total += extents;
                if total > MAX_EXTENTS {
                    return too_many("extents", total, MAX_EXTENTS);
                }
                at += 2 + usize::try_from(extents).unwrap_or_default() * (index + offset + length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Refuses a picture by the size it declares, before anything is allocated for it.
pub(super) fn check_declared_size(file: &HeifFile<'_>, max_pixels: u64) -> Result<(), Error> {
    let grid = file.grid(file.primary_id).ok().map(|g| (g.output_width, g.output_height));
    let declared = file.image_size(file.primary_id).ok().flatten();
    for (width, height) in [grid, declared].into_iter().flatten() {
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(Error::limit(format!(
                "picture too large; found {width}x{height}, allowed {max_pixels} pixels"
            )));
        }
    }
    Ok(())
}

/// What may still be spent on one file. A grid may name one tile 65,536 times, and a tile may be all skipped
/// blocks: a few hundred bytes would then keep a core busy for hours.
pub(super) struct Work {
    /// Pixels still to be decoded, over all tiles and planes.
    pub(super) pixels: u64,
    /// Coded bytes still to be read.
    pub(super) bytes: u64,
    /// Coded images still to be decoded.
    pub(super) items: u64,
}

impl Work {
    pub(super) fn new(bytes: &[u8], max_pixels: u64) -> Self {
        let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // Twice: colour and alpha. The rest is for the tiles' overhang.
        let pixels = max_pixels.saturating_mul(2).saturating_add(1 << 22);
        Self { pixels, bytes: bytes.saturating_mul(2), items: 2 * MAX_ITEMS }
    }

    /// Takes one coded image of `bytes` bytes and `pixels` pixels off the budget.
    pub(super) fn charge(&mut self, bytes: usize, pixels: u64) -> Result<(), Error> {
        let left = |have: u64, cost: u64| {
            have.checked_sub(cost).ok_or_else(|| Error::limit("the tiles of this picture ask for too much work"))
        };
        self.items = left(self.items, 1)?;
        self.bytes = left(self.bytes, u64::try_from(bytes).unwrap_or(u64::MAX))?;
        self.pixels = left(self.pixels, pixels)?;
        Ok(())
    }
}

/// The items that carry the transparency of `id`.
pub(super) fn alpha_items(file: &HeifFile<'_>, id: ItemId) -> Vec<ItemId> {
    let is_alpha = |p: &Property| {
        matches!(p, Property::AuxiliaryType(t)
            if t == "urn:mpeg:hevc:2015:auxid:1" || t == "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
    };
    let mut items = file.referencing_items(id, b"auxl");
    items.retain(|&aux| file.item_properties(aux).is_ok_and(|mut properties| properties.any(is_alpha)));
    items
}

/// The four characters that say how an item is coded or derived.
pub(super) fn item_type<'a>(file: &'a HeifFile<'_>, id: ItemId) -> Result<&'a [u8; 4], Error> {
    file.item(id).map(|item| &item.item_type.0).map_err(|e| Error::malformed(format!("HEIF container: {e}")))
}

/// The primary image and what it is derived from, first sources only: a bounded walk, for references may run in rings.
pub(super) fn lineage<'f>(file: &'f HeifFile<'_>) -> impl Iterator<Item = ItemId> + 'f {
    let next = |&id: &ItemId| file.referenced_items(id, b"dimg").first().copied();
    std::iter::successors(Some(file.primary_id), next).take(MAX_DERIVATION as usize + 1)
}

/// The ICC profile of the primary image, or of its first tile.
pub(super) fn icc(file: &HeifFile<'_>) -> Option<Vec<u8>> {
    let own = |id| {
        file.item_properties(id).ok()?.find_map(|p| match p {
            Property::Color(ColorInfo::Icc(icc)) if !icc.is_empty() => Some(icc.clone()),
            _ => None,
        })
    };
    lineage(file).find_map(own)
}

/// The colour numbers of the container, of the primary image or of its first tile.
pub(super) fn nclx(file: &HeifFile<'_>) -> Option<Cicp> {
    lineage(file).find_map(|id| item_nclx(file, id))
}

/// The colour numbers of one item.
pub(super) fn item_nclx(file: &HeifFile<'_>, id: ItemId) -> Option<Cicp> {
    // A number of no known meaning counts as 2, unspecified.
    let code = |n: u16| u8::try_from(n).unwrap_or(2);
    file.item_properties(id).ok()?.find_map(|p| match *p {
        Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
            Some(Cicp { primaries: code(primaries), transfer: code(transfer), matrix: code(matrix), full_range })
        }
        _ => None,
    })
}
