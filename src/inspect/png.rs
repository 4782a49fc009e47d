//! PNG and APNG: the chunks before the picture data, and those after it (PNG third edition).

use super::png_chunk::{Chunk, after_last_data};
use super::{Inspected, exif, icc, xmp};
use crate::bytes::{Region, be16, be32};
use crate::error::Result;
use crate::facts::{Animation, ColorModel, Orientation, ProfileFacts, ProfileKind};
use crate::limits::{MAX_ENTRIES, MAX_FRAMES};
use crate::source::Source;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// How much of the tail is read to find what follows the last IDAT: libpng writes IDATs of 8 KiB.
const TAIL: usize = 8 * 1024 + 512;

/// The most that one file's compressed chunks may inflate to together: more than any real profile has, less than a
/// bomb wants.
const INFLATE_BUDGET: usize = 4 * 1024 * 1024;

/// What a PNG's chunks tell.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let mut walk = Walk {
        file: Region::whole(source),
        source,
        found: Inspected::blank(),
        has_palette: false,
        has_data: false,
        frames_stated: None,
        frames: 0,
        shortest_ms: None,
        total_ms: 0,
        played_ns: 0,
        space: None,
        budget: INFLATE_BUDGET,
    };
    walk.found.image.lossless = true;
    if walk.file.array(0)? != Some(*b"\x89PNG\r\n\x1a\n") {
        walk.found.malformed("no PNG signature");
        return Ok(walk.found);
    }
    walk.chunks()?;
    walk.finish();
    Ok(walk.found)
}

/// Where a colour space came from, in the order of precedence (§4.3): the later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Gamma,
    Srgb,
    Icc,
    CodePoints,
}

struct Walk<'a> {
    file: Region<'a>,
    source: &'a Source,
    found: Inspected,
    has_palette: bool,
    has_data: bool,
    /// What acTL says.
    frames_stated: Option<u32>,
    /// How many fcTL there are.
    frames: u32,
    shortest_ms: Option<u32>,
    total_ms: u64,
    played_ns: u64,
    space: Option<(Origin, ProfileFacts)>,
    budget: usize,
}

impl Walk<'_> {
    fn chunks(&mut self) -> Result<()> {
        let mut at = 8;
        for index in 0..MAX_ENTRIES {
            let Some(chunk) = Chunk::read(self.file, at)? else {
                self.found.truncated("the file ends without an IEND chunk");
                return Ok(());
            };
            let name = chunk.kind.escape_ascii().to_string();
            if index == 0 && chunk.kind != *b"IHDR" {
                self.found.malformed(format!("a first chunk that is not IHDR; found {name}"));
                return Ok(());
            }
            if !chunk.is_plausible() {
                self.found.malformed(format!("a chunk that is none; found {name} of {} bytes", chunk.len));
                return Ok(());
            }
            if chunk.end() > self.file.len() {
                self.found.truncated(format!("chunk {name} ends beyond the file"));
                self.has_data |= chunk.kind == *b"IDAT";
                return Ok(());
            }
            self.visit(&chunk)?;
            at = chunk.end();
            if chunk.kind == *b"IEND" {
                self.found.image.trailing_bytes = self.file.len() - at;
                return Ok(());
            }
            if chunk.kind == *b"IDAT" && !self.has_data {
                self.has_data = true;
                if self.frames_stated.is_none()
                    && let Some(chunks) = after_last_data(&self.source.tail(TAIL)?, self.file.len())
                {
                    return chunks.iter().try_for_each(|chunk| self.visit(chunk));
                }
            }
        }
        self.found.malformed(format!("more than {MAX_ENTRIES} chunks"));
        Ok(())
    }

    /// A chunk's data; a wrong CRC is noted.
    fn data(&mut self, chunk: &Chunk) -> Result<Vec<u8>> {
        let (data, right) = chunk.checked(self.file)?;
        if !right {
            self.found.malformed(format!("chunk {} with a wrong CRC", chunk.kind.escape_ascii()));
        }
        Ok(data)
    }

    fn visit(&mut self, chunk: &Chunk) -> Result<()> {
        match &chunk.kind {
            b"IHDR" => self.header(chunk)?,
            b"PLTE" => {
                self.has_palette = true;
                if !chunk.len.is_multiple_of(3) || chunk.len == 0 || chunk.len > 768 {
                    self.found.malformed(format!("a palette (PLTE) of {} bytes", chunk.len));
                }
                self.data(chunk)?;
            }
            b"tRNS" => {
                let data = self.data(chunk)?;
                let palette = self.found.image.color == ColorModel::Palette;
                self.found.image.alpha |= !palette || data.iter().any(|&alpha| alpha < 255);
            }
            b"gAMA" => {
                let data = self.data(chunk)?;
                self.gamma(be32(&data, 0));
            }
            b"sRGB" => {
                self.data(chunk)?;
                self.set_space(Origin::Srgb, by_name(ProfileKind::Srgb, "sRGB"));
            }
            b"cICP" => {
                let data = self.data(chunk)?;
                if let [primaries, transfer, ..] = *data
                    && let Some(space) = icc::from_code_points(u64::from(primaries), u64::from(transfer))
                {
                    self.set_space(Origin::CodePoints, space);
                }
            }
            b"iCCP" => self.profile(chunk)?,
            b"acTL" if !self.has_data => {
                let data = self.data(chunk)?;
                self.frames_stated = be32(&data, 0);
            }
            b"fcTL" => self.frame(chunk)?,
            b"eXIf" => {
                self.data(chunk)?;
                let exif = exif::read(chunk.data(self.file))?;
                self.found.note_exif(exif);
                self.found.image.orientation = exif.orientation.unwrap_or(Orientation::Normal);
            }
            b"iTXt" => self.international_text(chunk)?,
            b"zTXt" | b"tEXt" => self.raw_profile(chunk)?,
            _ => {}
        }
        if is_droppable(chunk.kind) {
            self.found.image.metadata_bytes += chunk.len + 12;
        }
        Ok(())
    }

    fn header(&mut self, chunk: &Chunk) -> Result<()> {
        let data = self.data(chunk)?;
        let (Some(width), Some(height)) = (be32(&data, 0), be32(&data, 4)) else {
            self.found.malformed("an IHDR chunk that is too short");
            return Ok(());
        };
        let Some(&[depth, color, compression, filter, interlace]) = data.get(8..13) else {
            self.found.malformed("an IHDR chunk that is too short");
            return Ok(());
        };
        let image = &mut self.found.image;
        (image.width, image.height, image.bit_depth) = (width, height, depth);
        image.progressive = interlace == 1;
        // Table 12 of §11.2.1: which depths go with which colour type.
        let depths: &[u8] = match color {
            0 => &[1, 2, 4, 8, 16],
            3 => &[1, 2, 4, 8],
            2 | 4 | 6 => &[8, 16],
            _ => &[],
        };
        (image.color, image.alpha) = match color {
            0 => (ColorModel::Gray, false),
            2 => (ColorModel::Rgb, false),
            3 => (ColorModel::Palette, false),
            4 => (ColorModel::GrayAlpha, true),
            6 => (ColorModel::Rgba, true),
            _ => (ColorModel::Other, false),
        };
        if !depths.contains(&depth) {
            self.found.malformed(format!("colour type {color} with {depth} bits"));
        }
        if chunk.len != 13 || compression != 0 || filter != 0 || interlace > 1 {
            self.found.malformed("an IHDR chunk with unknown values");
        }
        if width == 0 || height == 0 || width > 0x7FFF_FFFF || height > 0x7FFF_FFFF {
            self.found.malformed(format!("an impossible size; found {width}x{height}"));
        }
        Ok(())
    }

    fn frame(&mut self, chunk: &Chunk) -> Result<()> {
        let data = self.data(chunk)?;
        let (Some(delay), Some(unit)) = (be16(&data, 20), be16(&data, 22)) else {
            self.found.malformed("an fcTL chunk that is too short");
            return Ok(());
        };
        if self.frames >= MAX_FRAMES {
            return Ok(());
        }
        // A denominator of 0 stands for 100 (§11.3.6.2).
        let unit = if unit == 0 { 100 } else { u32::from(unit) };
        let delay_ms = u32::from(delay) * 1000 / unit;
        self.frames += 1;
        // Frames that acTL does not announce are not shown.
        if self.frames_stated.is_none_or(|stated| self.frames <= stated) {
            self.played_ns += Animation::shown_ns(u64::from(delay) * 1_000_000_000 / u64::from(unit));
        }
        self.total_ms += u64::from(delay_ms);
        self.shortest_ms = Some(self.shortest_ms.map_or(delay_ms, |shortest| shortest.min(delay_ms)));
        Ok(())
    }

    fn set_space(&mut self, origin: Origin, space: ProfileFacts) {
        if self.space.as_ref().is_none_or(|(before, _)| *before < origin) {
            self.space = Some((origin, space));
        }
    }

    /// A bare gamma: 1/2.2 is what everything shows as sRGB, 1.0 is a linear picture.
    fn gamma(&mut self, gamma: Option<u32>) {
        let Some(gamma) = gamma.filter(|&gamma| gamma > 0) else { return };
        let space = if (44_000..=47_000).contains(&gamma) {
            by_name(ProfileKind::Srgb, "gamma 2.2")
        } else {
            let kind = match self.found.image.color {
                ColorModel::Gray | ColorModel::GrayAlpha => ProfileKind::Gray,
                _ => ProfileKind::Rgb,
            };
            by_name(kind, &format!("gamma {:.2}", 100_000.0 / f64::from(gamma)))
        };
        self.set_space(Origin::Gamma, space);
    }

    fn profile(&mut self, chunk: &Chunk) -> Result<()> {
        let data = self.data(chunk)?;
        let unreadable = ProfileFacts {
            kind: ProfileKind::Other,
            name: String::new(),
            bytes: u32::try_from(chunk.len).unwrap_or(0),
        };
        let mut parts = data.splitn(2, |&byte| byte == 0).skip(1);
        let profile = match parts.next().and_then(|rest| self.inflate(rest.get(1..)?)) {
            Some(profile) => icc::read(Region::whole(&Source::from_bytes(profile, None)))?,
            None => unreadable,
        };
        self.set_space(Origin::Icc, profile);
        Ok(())
    }

    /// Text in UTF-8, where XMP lives: keyword, compression, language, translated keyword, text (§11.3.3.4).
    fn international_text(&mut self, chunk: &Chunk) -> Result<()> {
        let data = self.data(chunk)?;
        let Some(rest) = data.strip_prefix(b"XML:com.adobe.xmp\0") else { return Ok(()) };
        let compressed = rest.first() == Some(&1);
        let text = rest.get(2..).unwrap_or_default().splitn(3, |&byte| byte == 0).nth(2).unwrap_or_default();
        let xmp = if compressed { xmp::search(&self.inflate(text).unwrap_or_default()) } else { xmp::search(text) };
        self.found.note_xmp(xmp);
        Ok(())
    }

    /// ImageMagick's older way: `Raw profile type exif`, a length, and hexadecimal digits.
    fn raw_profile(&mut self, chunk: &Chunk) -> Result<()> {
        const KEYWORD: &[u8] = b"Raw profile type ";
        if !chunk.data(self.file).bytes(0, KEYWORD.len())?.starts_with(KEYWORD) {
            return Ok(());
        }
        let data = self.data(chunk)?;
        let mut parts = data.get(KEYWORD.len()..).unwrap_or_default().splitn(2, |&byte| byte == 0);
        let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let text = match chunk.kind {
            [b'z', ..] => self.inflate(rest.get(1..).unwrap_or_default()).unwrap_or_default(),
            _ => rest.to_vec(),
        };
        // "\nexif\n     132\n4578..."
        let digits = text.splitn(4, |&byte| byte == b'\n').nth(3).unwrap_or_default();
        let digits = digits.iter().filter_map(|&byte| char::from(byte).to_digit(16)).collect::<Vec<_>>();
        let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8));
        let bytes = bytes.collect::<Vec<u8>>();
        match kind {
            b"exif" | b"EXIF" | b"APP1" => {
                self.found.note_xmp(xmp::search(&bytes));
                let exif = exif::read(Region::whole(&Source::from_bytes(bytes, None)))?;
                self.found.note_exif(exif);
            }
            b"xmp" => self.found.note_xmp(xmp::search(&bytes)),
            _ => {}
        }
        Ok(())
    }

    fn inflate(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let inflated = decompress_to_vec_zlib_with_limit(bytes, self.budget);
        let spent = inflated.as_ref().map_or_else(|error| error.output.len(), Vec::len);
        self.budget = self.budget.saturating_sub(spent);
        inflated.ok()
    }

    fn finish(&mut self) {
        if self.found.image.color == ColorModel::Palette && !self.has_palette {
            self.found.malformed("no palette (PLTE)");
        }
        if !self.has_data && self.found.damage.is_empty() {
            self.found.malformed("no picture data (IDAT)");
        }
        if let Some(stated) = self.frames_stated {
            if stated > self.frames && self.frames < MAX_FRAMES && self.found.damage.is_empty() {
                self.found.malformed(format!("{} frames (fcTL) where acTL promises {stated}", self.frames));
            }
            if self.frames > 1 {
                self.found.image.animation = Some(Animation {
                    frames: self.frames,
                    shortest_frame_ms: self.shortest_ms,
                    total_ms: Some(self.total_ms),
                    played_us: Some(self.played_ns / 1000),
                });
            }
        }
        self.found.image.profile = self.space.take().map(|(_, space)| space);
    }
}

fn by_name(kind: ProfileKind, name: &str) -> ProfileFacts {
    ProfileFacts { kind, name: name.to_owned(), bytes: 0 }
}

/// Whether a lossless strip could drop it: ancillary, and not needed for colours, transparency or animation.
fn is_droppable(kind: [u8; 4]) -> bool {
    let ancillary = kind.first().is_some_and(u8::is_ascii_lowercase);
    ancillary
        && !matches!(
            &kind,
            b"tRNS"
                | b"gAMA"
                | b"cHRM"
                | b"sRGB"
                | b"iCCP"
                | b"cICP"
                | b"mDCV"
                | b"cLLI"
                | b"sBIT"
                | b"bKGD"
                | b"pHYs"
                | b"hIST"
                | b"sPLT"
                | b"acTL"
                | b"fcTL"
                | b"fdAT"
        )
}
