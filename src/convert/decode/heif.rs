//! HEIC: HEVC-coded stills in a HEIF container, decoded by `heifer` (pure Rust, no `unsafe`).
//!
//! `heifer` applies `clap`, `irot` and `imir` itself, so the result is upright; an EXIF orientation in such a file is
//! informative only (ISO/IEC 23008-12, A.2.3) and must not be applied again. What `heifer` does not do is bound the
//! WORK a small file can ask for, so the container is measured here before it sees a byte: see [`open`] and [`weigh`].

use heifer::heifer_hevc_dec::nal::NalUnit;
use heifer::heifer_hevc_dec::params::ParameterSets;
use heifer_isobmff::{HeifFile, ItemId};
use image::{DynamicImage, ImageBuffer};

use super::hdr::{is_hdr, tone_map};
use super::heif_items::{
    MAX_DERIVATION, Work, alpha_items, bytes_of, check_declared_size, icc, item_type, lineage, nclx, open,
};
use super::{Cicp, Decoded};
use crate::error::Error;
use crate::facts::Orientation;
use crate::format::Format;

/// The most NAL units of one coded image: one-byte units cost forty times their size in memory.
const MAX_NAL_UNITS: u32 = 65_536;
/// The most pixels over all inputs of an overlay, which are all held in memory at once.
const MAX_OVERLAY_PIXELS: u64 = 64_000_000;

/// Decodes the primary image of a HEIC file, upright, in its own colour space (HDR: tone mapped to sRGB).
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Decoded, Error> {
    let file = open(bytes)?;
    let leaf = first_coded(&file);
    match item_type(&file, leaf)? {
        b"hvc1" => {}
        // A HEIF file by its brand, an AVIF by its content.
        b"av01" => return super::decode(Format::Avif, bytes, false),
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

fn name(kind: &[u8; 4]) -> String {
    String::from_utf8_lossy(kind).into_owned()
}

/// The first image in the lineage that is coded, not derived.
fn first_coded(file: &HeifFile<'_>) -> ItemId {
    let derived = |id: &ItemId| matches!(item_type(file, *id), Ok(b"grid" | b"iovl" | b"iden"));
    lineage(file).find(|id| !derived(id)).unwrap_or(file.primary_id)
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
