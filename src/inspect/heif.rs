//! HEIF with HEVC or AV1 pictures: HEIC and AVIF (ISO/IEC 23008-12, AVIF 1.1).
//!
//! Width and height are those before `irot` and `imir`, and the orientation is what these two amount to: they are part
//! of the format, so a decoder applies them and its pixels come out upright. EXIF orientation is ignored, as the
//! standard demands. A clean aperture (`clap`) crops before them, so it counts in the size.

use super::heif_items::{Items, Location};
use super::heif_sequence::{Track, track};
use super::{Inspected, exif, icc, xmp};
use crate::boxes;
use crate::boxes::TopBoxes;
use crate::bytes::{Cursor, Pieces, Region, be32};
use crate::error::Result;
use crate::facts::{ColorModel, Orientation};
use crate::limits::MAX_METADATA;
use crate::source::Source;

/// What a HEIF file's boxes tell.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let top = TopBoxes::read(file)?;
    let mut found = Inspected::blank();
    found.image.trailing_bytes = top.trailing;
    // A motion photo's video in a box of its own (Google's `mpvd`).
    found.image.trailing_bytes +=
        top.boxes.iter().filter(|found| found.kind == *b"mpvd").map(|v| v.body.len() + 8).sum::<u64>();
    if top.first(*b"ftyp").is_none() {
        found.malformed("no ftyp box");
    }
    if let Some(kind) = top.cut {
        found.truncated(format!("box {} ends beyond the file", kind.escape_ascii()));
    }
    let body = |kind| top.first(kind).map_or(Ok(Vec::new()), |found| found.body.bytes(0, MAX_METADATA));
    let (meta, moov) = (body(*b"meta")?, body(*b"moov")?);
    let items = Items::read(meta.get(4..).unwrap_or_default());
    let sequence = track(&moov);
    let mut picture = Picture { file, items, found };
    match (picture.items.primary, &sequence) {
        (Some(primary), _) => picture.still(primary)?,
        (None, Some(track)) => picture.sequence(track),
        (None, None) if picture.found.damage.is_empty() => picture.found.malformed("no primary item (pitm)"),
        (None, None) => {}
    }
    picture.found.image.animation = sequence.map(|track| track.frames).filter(|frames| frames.frames > 1);
    picture.metadata()?;
    picture.found.check_size();
    Ok(picture.found)
}

struct Picture<'a> {
    file: Region<'a>,
    items: Items<'a>,
    found: Inspected,
}

impl Picture<'_> {
    fn still(&mut self, primary: u32) -> Result<()> {
        // The tiles of a grid hold what the grid itself may leave out: colours, depth.
        let tiles = self.items.references.iter().find(|(kind, from, _)| kind == b"dimg" && *from == primary);
        let tile = tiles.and_then(|(_, _, to)| to.first()).copied();
        self.size(primary);
        let configured = [Some(primary), tile].into_iter().flatten().find_map(|id| self.coding(id));
        let gray = configured.is_some_and(|(_, gray)| gray);
        if let Some((bits, _)) = configured {
            self.found.image.bit_depth = bits;
        }
        self.found.image.alpha = self.items.references.iter().any(|(kind, from, to)| {
            kind == b"auxl" && to.contains(&primary) && self.items.property(*from, *b"auxC").is_some_and(is_alpha)
        });
        self.found.image.color = color(gray, self.found.image.alpha);
        self.orientation(primary);
        for id in [Some(primary), tile].into_iter().flatten() {
            if self.found.image.profile.is_none() {
                let colours = self.items.properties(id).filter(|(kind, _)| kind == b"colr").map(|(_, body)| body);
                self.found.image.profile = profile(colours)?;
            }
        }
        self.check_places();
        Ok(())
    }

    fn sequence(&mut self, track: &Track<'_>) {
        (self.found.image.width, self.found.image.height) = track.size;
        let coding = boxes::children(track.entry).find_map(|(kind, body)| configuration(kind, body));
        if let Some((bits, _)) = coding {
            self.found.image.bit_depth = bits;
        }
        self.found.image.color = color(coding.is_some_and(|(_, gray)| gray), false);
    }

    /// The size by `ispe`, cropped by `clap` where that makes sense.
    fn size(&mut self, primary: u32) {
        let extents = self.items.property(primary, *b"ispe");
        let Some((width, height)) = extents.and_then(|body| Some((be32(body, 4)?, be32(body, 8)?))) else {
            self.found.malformed("no size (ispe) of the primary item");
            return;
        };
        (self.found.image.width, self.found.image.height) = (width, height);
        let side = |rest: &mut Cursor<'_>, most: u32| {
            let (over, under) = (rest.u32()?, rest.u32()?);
            over.checked_div(under).filter(|side| (1..=most).contains(side))
        };
        if let Some(body) = self.items.property(primary, *b"clap") {
            let mut rest = Cursor(body);
            if let (Some(width), Some(height)) = (side(&mut rest, width), side(&mut rest, height)) {
                (self.found.image.width, self.found.image.height) = (width, height);
            }
        }
    }

    /// Bits and grayness of an item by `pixi`, or by its decoder's configuration.
    fn coding(&self, id: u32) -> Option<(u8, bool)> {
        let stated = self.items.property(id, *b"pixi").and_then(|body| {
            let channels = *body.get(4)?;
            Some((*body.get(5)?, channels == 1))
        });
        stated.or_else(|| self.items.properties(id).find_map(|(kind, body)| configuration(kind, body)))
    }

    /// What `irot` and `imir` amount to, in the order of their association (23008-12 §6.5.10, §6.5.12).
    fn orientation(&mut self, primary: u32) {
        let mut turned = Turn::default();
        for (kind, body) in self.items.properties(primary) {
            match (&kind, body.first()) {
                (b"irot", Some(angle)) => (0..angle & 3).for_each(|_| turned = turned.then_left()),
                (b"imir", Some(axis)) => turned = if axis & 1 == 0 { turned.then_flip() } else { turned.then_mirror() },
                _ => {}
            }
        }
        self.found.image.orientation = turned.orientation();
    }

    /// Whether all items lie within the file.
    fn check_places(&mut self) {
        let beyond = |place: &Location| {
            let room =
                if place.in_idat { self.items.idat.map_or(0, |idat| idat.len() as u64) } else { self.file.len() };
            place.here && place.extents.iter().any(|(offset, len)| offset.saturating_add(*len) > room)
        };
        // The smallest number, so that the message does not depend on the order of a hash map.
        let cut = self.items.locations.iter().filter(|(_, place)| beyond(place)).map(|(id, _)| *id).min();
        if let Some(id) = cut {
            self.found.truncated(format!("item {id} ends beyond the file"));
        }
    }

    fn metadata(&mut self) -> Result<()> {
        for item in &self.items.items {
            if item.kind != *b"Exif" && item.kind != *b"mime" {
                continue;
            }
            let Some(place) = self.items.locations.get(&item.id).filter(|place| place.here && !place.in_idat) else {
                continue;
            };
            let whole = |len: u64| if len == 0 { u64::MAX } else { len };
            let extents = place.extents.iter().map(|(offset, len)| self.file.part(*offset, whole(*len)));
            let pieces = Pieces(extents.collect());
            self.found.image.metadata_bytes += pieces.len();
            let Some(&data) = pieces.0.first() else { continue };
            if item.kind == *b"Exif" {
                // The offset of the TIFF header behind it (23008-12 §A.2.1).
                let skip = data.array(0)?.map_or(0, u32::from_be_bytes);
                let exif = exif::read(data.from(4 + u64::from(skip)))?;
                self.found.note_exif(exif);
            } else if item.xmp {
                self.found.note_xmp(xmp::read(data)?);
            }
        }
        Ok(())
    }
}

const fn color(gray: bool, alpha: bool) -> ColorModel {
    match (gray, alpha) {
        (true, false) => ColorModel::Gray,
        (true, true) => ColorModel::GrayAlpha,
        (false, false) => ColorModel::Rgb,
        (false, true) => ColorModel::Rgba,
    }
}

fn is_alpha(auxiliary: &[u8]) -> bool {
    let name = auxiliary.get(4..).unwrap_or_default().split(|&byte| byte == 0).next();
    matches!(name, Some(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" | b"urn:mpeg:hevc:2015:auxid:1"))
}

/// Bits and grayness from a decoder's configuration: `hvcC` (14496-15 §8.3.3.1), `av1C` (AV1-ISOBMFF §2.3.3).
fn configuration(kind: [u8; 4], body: &[u8]) -> Option<(u8, bool)> {
    match &kind {
        b"hvcC" => Some((8 + (body.get(17)? & 7), body.get(16)? & 3 == 0)),
        b"av1C" => {
            let flags = *body.get(2)?;
            let bits = match (flags & 0x40 != 0, flags & 0x20 != 0) {
                (true, true) => 12,
                (true, false) => 10,
                (false, _) => 8,
            };
            Some((bits, flags & 0x10 != 0))
        }
        _ => None,
    }
}

/// An ICC profile before code points, as AVIF 1.1 §2.2 has it.
fn profile<'a>(colours: impl Iterator<Item = &'a [u8]>) -> Result<Option<crate::facts::ProfileFacts>> {
    let mut by_points = None;
    for body in colours {
        let mut rest = Cursor(body);
        match rest.take(4) {
            Some(b"prof" | b"rICC") => {
                let source = Source::from_bytes(rest.0, None);
                return icc::read(Region::whole(&source)).map(Some);
            }
            Some(b"nclx") => {
                if let (Some(primaries), Some(transfer)) = (rest.u16(), rest.u16()) {
                    by_points = icc::from_code_points(u64::from(primaries), u64::from(transfer));
                }
            }
            _ => {}
        }
    }
    Ok(by_points)
}

/// A turn of the plane: first mirrored left to right or not, then turned by quarters to the left.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    mirrored: bool,
    left: u8,
}

impl Turn {
    const fn then_left(self) -> Self {
        Self { left: (self.left + 1) % 4, ..self }
    }

    /// Left and right change places; a mirror after a turn is the opposite turn after a mirror.
    const fn then_mirror(self) -> Self {
        Self { mirrored: !self.mirrored, left: (4 - self.left) % 4 }
    }

    /// Top and bottom change places: a mirror and half a turn.
    const fn then_flip(self) -> Self {
        self.then_mirror().then_left().then_left()
    }

    const fn orientation(self) -> Orientation {
        match (self.mirrored, self.left) {
            (false, 0) => Orientation::Normal,
            (false, 1) => Orientation::Rotate270,
            (false, 2) => Orientation::Rotate180,
            (false, _) => Orientation::Rotate90,
            (true, 0) => Orientation::FlipHorizontal,
            (true, 1) => Orientation::Transpose,
            (true, 2) => Orientation::FlipVertical,
            (true, _) => Orientation::Transverse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_mirrors_add_up_as_exif_names_them() {
        // The pairs that libavif writes for the EXIF values 5 and 7: a turn to the left, then `imir` 0.
        assert_eq!(Turn::default().then_left().then_flip().orientation().to_exif(), 5);
        let thrice = Turn::default().then_left().then_left().then_left();
        assert_eq!(thrice.orientation().to_exif(), 6);
        assert_eq!(thrice.then_flip().orientation().to_exif(), 7);
        assert_eq!(Turn::default().then_left().orientation().to_exif(), 8);
        assert_eq!(Turn::default().then_mirror().orientation().to_exif(), 2);
        assert_eq!(Turn::default().then_flip().orientation().to_exif(), 4);
        assert_eq!(Turn::default().then_flip().then_mirror().orientation().to_exif(), 3);
    }
}
