//! JPEG XL: the container's boxes and the first bits of the code stream (ISO/IEC 18181-1 Annex D, 18181-2).
//!
//! Frames are not counted, since that needs the entropy-coded frame headers: an animation is reported with 2 frames,
//! which is the least it can have. The orientation is the code stream's, which a decoder applies; EXIF is ignored.

use super::{Inspected, exif, xmp};
use crate::boxes::TopBoxes;
use crate::bytes::{Pieces, Region};
use crate::error::Result;
use crate::facts::{Animation, ColorModel, Orientation, ProfileFacts, ProfileKind};
use crate::source::Source;

/// More than any header up to the colour encoding takes.
const HEADER: usize = 1024;

/// What a JPEG XL file's header tells.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut found = Inspected::blank();
    let stream =
        if file.array(0)? == Some([0xFF, 0x0A]) { file.bytes(0, HEADER)? } else { container(file, &mut found)? };
    let Some(bits) = stream.strip_prefix(&[0xFF, 0x0A]) else {
        found.malformed("no code stream");
        return Ok(found);
    };
    let mut bits = Bits { bytes: bits, at: 0 };
    if bits.header(&mut found).is_none() && found.damage.is_empty() {
        found.truncated("the file ends within its header");
    }
    found.check_size();
    Ok(found)
}

/// The start of the code stream in a container; metadata is noted.
fn container(file: Region<'_>, found: &mut Inspected) -> Result<Vec<u8>> {
    let top = TopBoxes::read(file)?;
    if let Some(kind) = top.cut {
        found.truncated(format!("box {} ends beyond the file", kind.escape_ascii()));
    }
    found.image.trailing_bytes = top.trailing;
    let mut pieces = Pieces(Vec::new());
    for part in &top.boxes {
        match &part.kind {
            b"jxlc" => pieces.0.push(part.body),
            // Each part starts with its number.
            b"jxlp" => pieces.0.push(part.body.from(4)),
            b"Exif" | b"xml " | b"brob" | b"jumb" | b"jbrd" => {
                found.image.metadata_bytes += part.body.len() + 8;
                if part.kind == *b"Exif" {
                    let skip = part.body.array(0)?.map_or(0, u32::from_be_bytes);
                    found.note_exif(exif::read(part.body.from(4 + u64::from(skip)))?);
                } else if part.kind == *b"xml " {
                    found.note_xmp(xmp::read(part.body)?);
                }
            }
            _ => {}
        }
    }
    pieces.bytes(0, HEADER)
}

/// Bits from the lowest of each byte on; every reader gives `None` at the end.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bits(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            number |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(number)
    }

    fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// One of four ways, each an offset and a number of bits.
    fn choice(&mut self, ways: [(u32, u32); 4]) -> Option<u32> {
        let (offset, count) = *ways.get(self.bits(2)? as usize)?;
        self.bits(count)?.checked_add(offset)
    }

    fn enumerated(&mut self) -> Option<u32> {
        self.choice([(0, 0), (1, 0), (2, 4), (18, 6)])
    }

    fn header(&mut self, found: &mut Inspected) -> Option<()> {
        let image = &mut found.image;
        (image.width, image.height) = self.size()?;
        (image.color, image.bit_depth) = (ColorModel::Rgb, 8);
        // ImageMetadata: all at their defaults is 8-bit sRGB.
        if self.flag()? {
            image.profile = Some(space(ProfileKind::Srgb, "sRGB"));
            return Some(());
        }
        if self.flag()? {
            image.orientation = Orientation::from_exif(u16::try_from(self.bits(3)? + 1).ok()?);
            if self.flag()? {
                self.size()?;
            }
            if self.flag()? {
                self.preview()?;
            }
            if self.flag()? {
                self.animation()?;
                image.animation =
                    Some(Animation { frames: 2, shortest_frame_ms: None, total_ms: None, played_us: None });
            }
        }
        image.bit_depth = self.depth()?;
        self.flag()?;
        let extra_channels = self.choice([(0, 0), (1, 0), (2, 4), (1, 12)])?;
        for _ in 0..extra_channels {
            image.alpha |= self.extra_channel()?;
        }
        self.flag()?;
        let (gray, profile) = self.encoding()?;
        image.profile = profile;
        image.color = match (gray, image.alpha) {
            (true, false) => ColorModel::Gray,
            (true, true) => ColorModel::GrayAlpha,
            (false, false) => ColorModel::Rgb,
            (false, true) => ColorModel::Rgba,
        };
        Some(())
    }

    /// Width and height (§D.2).
    fn size(&mut self) -> Option<(u32, u32)> {
        let small = self.flag()?;
        let side = |bits: &mut Self| {
            if small { Some((bits.bits(5)? + 1) * 8) } else { bits.choice([(1, 9), (1, 13), (1, 18), (1, 30)]) }
        };
        let height = side(self)?;
        let width = match self.bits(3)? {
            0 => side(self)?,
            ratio => by_ratio(height, ratio)?,
        };
        Some((width, height))
    }

    fn preview(&mut self) -> Option<()> {
        let small = self.flag()?;
        let ways = if small { [(16, 0), (32, 0), (1, 5), (33, 9)] } else { [(1, 6), (65, 8), (321, 10), (1345, 12)] };
        self.choice(ways)?;
        if self.bits(3)? == 0 {
            self.choice(ways)?;
        }
        Some(())
    }

    fn animation(&mut self) -> Option<()> {
        self.choice([(100, 0), (1000, 0), (1, 10), (1, 30)])?;
        self.choice([(1, 0), (1001, 0), (1, 8), (1, 10)])?;
        self.choice([(0, 0), (0, 3), (0, 16), (0, 32)])?;
        self.flag().map(|_| ())
    }

    fn depth(&mut self) -> Option<u8> {
        let float = self.flag()?;
        let depth =
            self.choice(if float { [(32, 0), (16, 0), (24, 0), (1, 6)] } else { [(8, 0), (10, 0), (12, 0), (1, 6)] })?;
        if float {
            self.bits(4)?;
        }
        u8::try_from(depth).ok()
    }

    /// Whether an extra channel is transparency.
    fn extra_channel(&mut self) -> Option<bool> {
        if self.flag()? {
            return Some(true);
        }
        let kind = self.enumerated()?;
        self.depth()?;
        self.choice([(0, 0), (3, 0), (4, 0), (1, 3)])?;
        let name = self.choice([(0, 0), (0, 4), (16, 5), (48, 10)])?;
        self.at += name as usize * 8;
        match kind {
            0 => self.bits(1)?,
            // A spot colour of four half floats.
            2 => self.bits(32).and(self.bits(32))?,
            5 => self.choice([(1, 0), (0, 2), (3, 4), (19, 8)])?,
            _ => 0,
        };
        Some(kind == 0)
    }

    /// Whether it is gray, and the colour space (§E.2).
    fn encoding(&mut self) -> Option<(bool, Option<ProfileFacts>)> {
        if self.flag()? {
            return Some((false, Some(space(ProfileKind::Srgb, "sRGB"))));
        }
        let by_icc = self.flag()?;
        let gray = match self.enumerated()? {
            1 => true,
            2 if !by_icc => return Some((false, None)),
            _ => false,
        };
        if by_icc {
            let kind = if gray { ProfileKind::Gray } else { ProfileKind::Other };
            return Some((gray, Some(space(kind, "ICC profile within the code stream"))));
        }
        let white = self.enumerated()?;
        if white == 2 {
            self.custom_point()?;
        }
        let primaries = if gray { 1 } else { self.enumerated()? };
        if primaries == 2 {
            (0..3).try_for_each(|_| self.custom_point())?;
        }
        let transfer = if self.flag()? {
            self.bits(24)?;
            u32::MAX
        } else {
            self.enumerated()?
        };
        // The numbers are those of ITU-T H.273, but for P3, which with a white of D65 is Display P3.
        let points = match (primaries, white) {
            (11, 1) => 12,
            (1 | 9, 1) => u64::from(primaries),
            _ => u64::MAX,
        };
        let profile = super::icc::from_code_points(points, u64::from(transfer));
        Some((gray, profile))
    }

    fn custom_point(&mut self) -> Option<()> {
        for _ in 0..2 {
            self.choice([(0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21)])?;
        }
        Some(())
    }
}

/// A width by its ratio to the height (§D.2).
fn by_ratio(height: u32, ratio: u32) -> Option<u32> {
    let (over, under) = match ratio {
        1 => (1, 1),
        2 => (12, 10),
        3 => (4, 3),
        4 => (3, 2),
        5 => (16, 9),
        6 => (5, 4),
        _ => (2, 1),
    };
    u32::try_from(u64::from(height) * over / under).ok()
}

fn space(kind: ProfileKind, name: &str) -> ProfileFacts {
    ProfileFacts { kind, name: name.to_owned(), bytes: 0 }
}
