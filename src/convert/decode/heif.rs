//! HEIC: HEVC-coded stills in a HEIF container, decoded by `heifer` (pure Rust, no `unsafe`).
//!
//! `heifer` applies `clap`, `irot` and `imir` itself, so the result is upright; an EXIF orientation in such a file is
//! informative only (ISO/IEC 23008-12, A.2.3) and must not be applied again. What `heifer` does not do is bound the
//! WORK a small file can ask for, so the container is measured here before it sees a byte: see [`open`] and [`weigh`].

use heifer::heifer_hevc_dec::nal::NalUnit;
use heifer::heifer_hevc_dec::params::ParameterSets;
use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};
use image::{DynamicImage, ImageBuffer};

use super::{Cicp, Decoded};
use crate::error::Error;
use crate::facts::Orientation;

/// The most items, locations, property lists or tiles of one file. A 200-megapixel phone photo has 800.
const MAX_ITEMS: u64 = 4096;
/// The most extents over all items: with zero-sized fields an extent takes no byte of the file, but 32 of memory.
const MAX_EXTENTS: u64 = 65_536;
/// The largest `iref` box; its lists are searched once for each tile.
const MAX_IREF_BYTES: usize = 256 * 1024;
/// The most NAL units of one coded image: one-byte units cost forty times their size in memory.
const MAX_NAL_UNITS: u32 = 65_536;
/// The deepest chain of derived images (`grid` of `iden` of …).
const MAX_DERIVATION: u32 = 4;
/// The most pixels over all inputs of an overlay, which are all held in memory at once.
const MAX_OVERLAY_PIXELS: u64 = 64_000_000;

/// Decodes the primary image of a HEIC file, upright, in its own colour space (HDR: tone mapped to sRGB).
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Decoded, Error> {
    let file = open(bytes)?;
    let leaf = first_coded(&file);
    match item_type(&file, leaf)? {
        b"hvc1" => {}
        // A HEIF file by its brand, an AVIF by its content.
        b"av01" => return super::avif::decode(bytes, max_pixels),
        other => return Err(Error::unsupported(format!("HEIF image coded as {}", name(other)))),
    }
    check_declared_size(&file, max_pixels)?;
    let mut work = Work::new(bytes, max_pixels);
    weigh(&file, file.primary_id, 0, &mut work)?;

    let options = heifer::Options { max_threads: 1, max_pixels };
    let mut primaries = nclx(&file).or_else(|| vui(&file, leaf));
    let deep = file.hevc_config(leaf).ok().flatten().is_some_and(|c| c.bit_depth_luma.max(c.bit_depth_chroma) > 8);
    let mut image = if deep {
        let picture = heifer::decode_with_options(bytes_of(bytes), &options).map_err(from_heifer)?;
        from_wide(picture)?
    } else {
        from_narrow(heifer::decode_rgba8(bytes_of(bytes), &options).map_err(from_heifer)?)?
    };
    let mut icc = icc(&file);
    if let Some(cicp) = primaries.filter(is_hdr) {
        image = tone_map(&image, cicp);
        // The result is sRGB: neither the profile nor the numbers of the source describe it any longer.
        (icc, primaries) = (None, None);
    }
    Ok(Decoded { image, icc, orientation: Orientation::Normal, primaries })
}

/// The whole boxes at the front of a file: cameras and messengers append bytes that are no box.
fn bytes_of(bytes: &[u8]) -> &[u8] {
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

/// Adds up what decoding item `id` will cost, as `heifer` is going to walk it.
fn weigh(file: &HeifFile<'_>, id: ItemId, depth: u32, work: &mut Work) -> Result<(), Error> {
    if depth > MAX_DERIVATION {
        return Err(Error::malformed("HEIF images derived from each other too deeply"));
    }
    let before = work.pixels;
    match item_type(file, id)? {
        b"hvc1" => {
            weigh_coded(file, id, work)?;
            for alpha in alpha_items(file, id).into_iter().take(1) {
                weigh_coded(file, alpha, work)?;
            }
            return Ok(());
        }
        kind @ (b"grid" | b"iovl" | b"iden") => {
            for &source in file.referenced_items(id, b"dimg") {
                work.items = work.items.saturating_sub(1);
                weigh(file, source, depth + 1, work)?;
                if kind == b"iovl" && before.saturating_sub(work.pixels) > MAX_OVERLAY_PIXELS {
                    return Err(Error::limit(format!("overlay too large; allowed {MAX_OVERLAY_PIXELS} pixels")));
                }
            }
        }
        other => return Err(Error::unsupported(format!("HEIF image coded as {}", name(other)))),
    }
    for alpha in alpha_items(file, id).into_iter().take(1) {
        weigh(file, alpha, depth + 1, work)?;
    }
    Ok(())
}

/// Charges a coded image by its sequence parameter sets: `ispe` may lie, the decoder believes these.
fn weigh_coded(file: &HeifFile<'_>, id: ItemId, work: &mut Work) -> Result<(), Error> {
    let malformed = |e: String| Error::malformed(format!("HEVC image: {e}"));
    let config = file.hevc_config(id).map_err(|e| malformed(e.to_string()))?;
    let config = config.ok_or_else(|| Error::malformed("HEVC image without its hvcC box"))?;
    let data = file.item_data(id).map_err(|e| malformed(e.to_string()))?;
    work.charge(data.len(), 0)?;

    let mut sets = ParameterSets::default();
    let mut pixels = 0;
    let mut add = |nal: &[u8]| -> Result<(), Error> {
        // Type 33 is a sequence parameter set; one in the image's own data replaces that of hvcC.
        if nal.first().is_some_and(|b| b >> 1 & 63 == 33) {
            let unit = NalUnit::parse(nal).map_err(|e| malformed(e.to_string()))?;
            sets.add(&unit).map_err(|e| malformed(e.to_string()))?;
            let size = |s: &heifer::heifer_hevc_dec::params::Sps| {
                u64::from(s.pic_width_in_luma_samples) * u64::from(s.pic_height_in_luma_samples)
            };
            pixels = sets.sps.iter().flatten().map(size).max().unwrap_or_default().max(pixels);
        }
        Ok(())
    };
    for nal in &config.nal_units {
        add(nal)?;
    }
    let mut rest: &[u8] = &data;
    let mut units = 0;
    while let Some((length, tail)) = rest.split_at_checked(usize::from(config.nal_length_size)) {
        let length = length.iter().fold(0_usize, |n, &b| n << 8 | usize::from(b));
        let Some((nal, tail)) = tail.split_at_checked(length) else { break };
        units += 1;
        // A length of no bytes would never advance.
        if units > MAX_NAL_UNITS || config.nal_length_size == 0 {
            return Err(Error::limit(format!("too many units in one HEVC image; allowed {MAX_NAL_UNITS}")));
        }
        add(nal)?;
        rest = tail;
    }
    work.charge(0, pixels)
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

fn name(kind: &[u8; 4]) -> String {
    String::from_utf8_lossy(kind).into_owned()
}

/// The primary image and what it is derived from, first sources only: a bounded walk, for references may run in rings.
fn lineage<'f>(file: &'f HeifFile<'_>) -> impl Iterator<Item = ItemId> + 'f {
    let next = |&id: &ItemId| file.referenced_items(id, b"dimg").first().copied();
    std::iter::successors(Some(file.primary_id), next).take(MAX_DERIVATION as usize + 1)
}

/// The first image in the lineage that is coded, not derived.
pub(super) fn first_coded(file: &HeifFile<'_>) -> ItemId {
    let derived = |id: &ItemId| matches!(item_type(file, *id), Ok(b"grid" | b"iovl" | b"iden"));
    lineage(file).find(|id| !derived(id)).unwrap_or(file.primary_id)
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

/// The colour numbers of the HEVC stream itself, where the container is silent.
fn vui(file: &HeifFile<'_>, leaf: ItemId) -> Option<Cicp> {
    let mut sets = ParameterSets::default();
    for nal in &file.hevc_config(leaf).ok()??.nal_units {
        sets.add(&NalUnit::parse(nal).ok()?).ok()?;
    }
    let vui = sets.sps.iter().flatten().find_map(|sps| sps.vui.as_ref())?;
    let cicp = Cicp {
        primaries: vui.colour_primaries,
        transfer: vui.transfer_characteristics,
        matrix: vui.matrix_coeffs,
        full_range: vui.video_full_range_flag,
    };
    (cicp.primaries != 2 || cicp.transfer != 2).then_some(cicp)
}

fn from_heifer(error: heifer::Error) -> Error {
    use heifer::heifer_hevc_dec::Error as Hevc;
    match &error {
        heifer::Error::Unsupported(_) | heifer::Error::Hevc(Hevc::Unimplemented(_)) => {
            Error::unsupported(format!("HEIC: {error}"))
        }
        _ => Error::malformed(format!("HEIC: {error}")),
    }
}

/// An 8-bit picture; RGB unless something is transparent.
fn from_narrow(picture: heifer::Image<u8>) -> Result<DynamicImage, Error> {
    let (width, height) = (picture.width, picture.height);
    if picture.has_alpha {
        ImageBuffer::from_raw(width, height, picture.data).map(DynamicImage::ImageRgba8)
    } else {
        ImageBuffer::from_raw(width, height, picture.into_rgb8()).map(DynamicImage::ImageRgb8)
    }
    .filter(|_| width > 0 && height > 0)
    .ok_or_else(|| Error::malformed("HEIC: empty picture"))
}

/// A 10- or 12-bit picture, stretched to 16 bits so that colour conversion keeps what it has.
fn from_wide(picture: heifer::Image) -> Result<DynamicImage, Error> {
    let (width, height, max) = (picture.width, picture.height, u32::from(picture.max_value()).max(1));
    let mut data = picture.data;
    for sample in &mut data {
        *sample = u16::try_from((u32::from(*sample) * 65_535 + max / 2) / max).unwrap_or(u16::MAX);
    }
    if picture.has_alpha {
        ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageRgba16)
    } else {
        let pixels = data.len() / 4;
        for i in 1..pixels {
            data.copy_within(i * 4..i * 4 + 3, i * 3);
        }
        data.truncate(pixels * 3);
        ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageRgb16)
    }
    .filter(|_| width > 0 && height > 0)
    .ok_or_else(|| Error::malformed("HEIC: empty picture"))
}

/// Whether the transfer is PQ or HLG (ITU-T H.273: 16, 18).
pub(super) fn is_hdr(cicp: &Cicp) -> bool {
    matches!(cicp.transfer, 16 | 18)
}

/// An HDR picture as 8-bit sRGB: graphics white (203 cd/m², ITU-R BT.2408) becomes white, what is brighter is rolled
/// off up to 1000 cd/m² on the largest of R, G and B (which keeps the hue), and the gamut is cut to sRGB.
pub(super) fn tone_map(image: &DynamicImage, cicp: Cicp) -> DynamicImage {
    // BT.2087 and its like for P3: linear light of the wide gamut to that of BT.709.
    #[rustfmt::skip]
    let matrix: [[f32; 3]; 3] = match cicp.primaries {
        9 => [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
        11 | 12 => [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
        _ => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    };
    let hlg = cicp.transfer == 18;
    let linear: Vec<f32> = (0..=4095_u16).map(|v| linearised(f32::from(v) / 4095.0, hlg)).collect();
    let encoded: Vec<u8> = (0..=4095_u16).map(|v| srgb(f32::from(v) / 4095.0)).collect();
    let look = |v: u16| linear.get(usize::from(v >> 4)).copied().unwrap_or_default();
    let has_alpha = image.color().has_alpha();
    let mut out = image::RgbaImage::new(image.width(), image.height());
    let map = |[r, g, b, a]: [u16; 4]| {
        let mut rgb = [look(r), look(g), look(b)];
        if hlg {
            // BT.2100: the system gamma of a 1000 cd/m² screen, over scene luminance.
            let gain = (0.2627 * rgb[0] + 0.6780 * rgb[1] + 0.0593 * rgb[2]).powf(0.2) * (1000.0 / 203.0);
            rgb = rgb.map(|v| v * gain);
        }
        let peak = rgb.into_iter().fold(0.0_f32, f32::max);
        let scale = if peak > KNEE { rolled_off(peak) / peak } else { 1.0 };
        let code = |row: [f32; 3]| {
            let light = scale * (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]);
            // A square root spreads the table's steps as the eye does: no banding in the dark.
            encoded.get((light.clamp(0.0, 1.0).sqrt() * 4095.0) as usize).copied().unwrap_or(255)
        };
        [code(matrix[0]), code(matrix[1]), code(matrix[2]), (a >> 8) as u8]
    };
    // Row by row, not through a 16-bit copy of the whole picture.
    match image {
        DynamicImage::ImageRgb16(wide) => {
            for (to, from) in out.pixels_mut().zip(wide.pixels()) {
                let [r, g, b] = from.0;
                to.0 = map([r, g, b, u16::MAX]);
            }
        }
        DynamicImage::ImageRgba16(wide) => {
            for (to, from) in out.pixels_mut().zip(wide.pixels()) {
                to.0 = map(from.0);
            }
        }
        other => {
            for (to, from) in out.pixels_mut().zip(other.to_rgba16().pixels()) {
                to.0 = map(from.0);
            }
        }
    }
    let out = DynamicImage::ImageRgba8(out);
    if has_alpha { out } else { DynamicImage::ImageRgb8(out.into_rgb8()) }
}

/// Below this share of white the picture is left as it is.
const KNEE: f32 = 0.5;

/// A smooth curve from the knee (slope 1) to white at 1000 cd/m².
fn rolled_off(light: f32) -> f32 {
    let t = (light - KNEE) / (1.0 - KNEE);
    let top = (1000.0 / 203.0 - KNEE) / (1.0 - KNEE);
    (KNEE + (1.0 - KNEE) * t * (1.0 + t / (top * top)) / (1.0 + t)).min(1.0)
}

/// A PQ code as light (1 = 203 cd/m²), or an HLG code as scene light (BT.2100, tables 4 and 5).
fn linearised(code: f32, hlg: bool) -> f32 {
    if hlg {
        return if code <= 0.5 {
            code * code / 3.0
        } else {
            (((code - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_9) / 12.0
        };
    }
    let p = code.powf(1.0 / 78.84375);
    ((p - 0.835_937_5).max(0.0) / (18.851_562 - 18.6875 * p)).powf(1.0 / 0.159_301_76) * (10_000.0 / 203.0)
}

/// The square root of linear light as an sRGB code.
fn srgb(root: f32) -> u8 {
    let light = root * root;
    let v = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (v * 255.0).round() as u8
}
