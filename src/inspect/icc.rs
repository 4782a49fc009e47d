//! Colour profiles: the header and the few tags of an ICC profile that tell which space it is (ICC.1:2022 §7-10),
//! and spaces signalled by the code points of ITU-T H.273 (`nclx`, `cICP`).

use crate::bytes::{Pieces, Region, array, be16, be32};
use crate::error::{Result, clean};
use crate::facts::{ProfileFacts, ProfileKind};

/// More tags than any real profile has (about 40).
const MAX_TAGS: usize = 256;

/// sRGB's primaries, adapted to D50 as profiles hold them (IEC 61966-2-1 with ICC.1 Annex E).
const SRGB_PRIMARIES: [[f64; 3]; 3] = [[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]];

/// How far a primary may be from sRGB's: rounding in tiny profiles stays below, Display P3 is ten times as far.
const PRIMARY_TOLERANCE: f64 = 0.004;

/// How far a curve may be from sRGB's, as a share of the coded range: two steps of 8 bits. A pure gamma of 2.2 is
/// seven steps off in the shadows, which can be seen.
const CURVE_TOLERANCE: f64 = 2.0 / 255.0;

/// What the profile in one region stands for.
pub(super) fn read(region: Region<'_>) -> Result<ProfileFacts> {
    read_pieces(&Pieces(vec![region]))
}

/// What the profile in several regions stands for.
pub(super) fn read_pieces(pieces: &Pieces<'_>) -> Result<ProfileFacts> {
    let bytes = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let unreadable = ProfileFacts { kind: ProfileKind::Other, name: String::new(), bytes };
    let head = pieces.bytes(0, 132)?;
    if array(&head, 36) != Some(*b"acsp") {
        return Ok(unreadable);
    }
    let count = be32(&head, 128).map_or(0, |count| (count as usize).min(MAX_TAGS));
    let profile = Profile { pieces, table: pieces.bytes(132, count * 12)? };
    let name = profile.name()?;
    let kind = match array(&head, 16) {
        Some([b'G', b'R', b'A', b'Y']) => ProfileKind::Gray,
        Some([b'C', b'M', b'Y', b'K']) => ProfileKind::Cmyk,
        Some([b'R', b'G', b'B', b' ']) if profile.is_srgb(&name)? => ProfileKind::Srgb,
        Some([b'R', b'G', b'B', b' ']) => ProfileKind::Rgb,
        _ => ProfileKind::Other,
    };
    Ok(ProfileFacts { kind, name, bytes })
}

/// The space that the code points of ITU-T H.273 signal; `None` where they leave it open.
pub(super) fn from_code_points(primaries: u64, transfer: u64) -> Option<ProfileFacts> {
    let space = match primaries {
        1 | 2 => "sRGB",
        5 | 6 => "BT.601",
        9 => "BT.2020",
        11 => "DCI-P3",
        12 => "Display P3",
        _ => "unusual primaries",
    };
    // The curves of BT.709, BT.601 and BT.2020 are shown with sRGB's, as browsers do.
    let curve = match transfer {
        1 | 2 | 6 | 13..=15 => "",
        4 => " gamma 2.2",
        8 => " linear",
        16 => " PQ (HDR)",
        18 => " HLG (HDR)",
        _ => " with an unusual curve",
    };
    if (primaries, transfer) == (2, 2) {
        return None;
    }
    let kind = if space == "sRGB" && curve.is_empty() { ProfileKind::Srgb } else { ProfileKind::Rgb };
    // sRGB's primaries under another curve are no longer sRGB, so they go by their own name.
    let space = if space == "sRGB" && kind == ProfileKind::Rgb { "BT.709" } else { space };
    Some(ProfileFacts { kind, name: format!("{space}{curve}"), bytes: 0 })
}

struct Profile<'a> {
    pieces: &'a Pieces<'a>,
    table: Vec<u8>,
}

impl Profile<'_> {
    /// Up to `most` bytes of the tag `signature`.
    fn tag(&self, signature: [u8; 4], most: usize) -> Result<Option<Vec<u8>>> {
        let Some(entry) = self.table.chunks_exact(12).find(|entry| entry.starts_with(&signature)) else {
            return Ok(None);
        };
        let (Some(offset), Some(size)) = (be32(entry, 4), be32(entry, 8)) else { return Ok(None) };
        self.pieces.bytes(u64::from(offset), most.min(size as usize)).map(Some)
    }

    /// The profile's description (`desc` in version 2, `mluc` in version 4), at most 80 characters of it.
    fn name(&self) -> Result<String> {
        let Some(tag) = self.tag(*b"desc", 1024)? else { return Ok(String::new()) };
        let name = match array(&tag, 0) {
            Some([b'd', b'e', b's', b'c']) => {
                let length = be32(&tag, 8).map_or(0, |length| length as usize).min(tag.len());
                let text = tag.get(12..).unwrap_or_default();
                String::from_utf8_lossy(text.get(..length).unwrap_or(text)).into_owned()
            }
            Some([b'm', b'l', b'u', b'c']) => {
                let field = |at| be32(&tag, at).map_or(0, |number| number as usize);
                let text = tag.get(field(24)..).unwrap_or_default();
                let text = text.get(..field(20)).unwrap_or(text);
                let units = text.chunks_exact(2).filter_map(|unit| be16(unit, 0));
                char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
            }
            _ => String::new(),
        };
        let text = name.split('\0').next().unwrap_or_default().trim();
        Ok(clean(&text.chars().take(80).collect::<String>()))
    }

    /// Whether the primaries and curves are sRGB's; the name decides only where a profile works by tables alone.
    fn is_srgb(&self, name: &str) -> Result<bool> {
        for (signature, wanted) in [*b"rXYZ", *b"gXYZ", *b"bXYZ"].into_iter().zip(SRGB_PRIMARIES) {
            let Some(tag) = self.tag(signature, 20)? else { return Ok(name.starts_with("sRGB")) };
            for (index, wanted) in wanted.into_iter().enumerate() {
                let Some(value) = fixed(&tag, 8 + index * 4) else { return Ok(false) };
                if (value - wanted).abs() > PRIMARY_TOLERANCE {
                    return Ok(false);
                }
            }
        }
        for signature in [*b"rTRC", *b"gTRC", *b"bTRC"] {
            let Some(tag) = self.tag(signature, 12 + 2 * 4096)? else { return Ok(false) };
            let close = |step: u32| {
                let coded = f64::from(step) / 16.0;
                curve(&tag, coded).is_some_and(|linear| (srgb_coded(linear) - coded).abs() <= CURVE_TOLERANCE)
            };
            if !(1..=16).all(close) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A number of the type s15Fixed16.
fn fixed(tag: &[u8], at: usize) -> Option<f64> {
    array(tag, at).map(|bytes| f64::from(i32::from_be_bytes(bytes)) / 65536.0)
}

/// The linear value that a `curv` or `para` tag gives for `coded` (ICC.1 §10.6, §10.18).
fn curve(tag: &[u8], coded: f64) -> Option<f64> {
    if array(tag, 0)? == *b"para" {
        let parameter = |index: usize| fixed(tag, 12 + index * 4);
        let gamma = parameter(0)?;
        return Some(match be16(tag, 8)? {
            0 => coded.powf(gamma),
            kind @ (3 | 4) => {
                let (a, b, c, d) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
                let (e, f) = if kind == 4 { (parameter(5)?, parameter(6)?) } else { (0.0, 0.0) };
                if coded >= d { (a * coded + b).powf(gamma) + e } else { c * coded + f }
            }
            _ => return None,
        });
    }
    let count = be32(tag, 8)? as usize;
    match count {
        0 => Some(coded),
        1 => Some(coded.powf(f64::from(be16(tag, 12)?) / 256.0)),
        2..=4096 => {
            let last = u32::try_from(count - 1).ok()?;
            let place = coded * f64::from(last);
            let before = place.floor();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= place <= last < 4096")]
            let index = (before as usize).min(count - 2);
            let value = |index: usize| Some(f64::from(be16(tag, 12 + index * 2)?) / 65535.0);
            let (low, high) = (value(index)?, value(index + 1)?);
            Some(low + (high - low) * (place - index as f64))
        }
        _ => None,
    }
}

/// sRGB's coded value of a linear one.
fn srgb_coded(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn s15(value: f64) -> [u8; 4] {
        ((value * 65536.0).round() as i32).to_be_bytes()
    }

    /// A matrix profile with these primaries and one curve tag.
    fn profile(primaries: [[f64; 3]; 3], curve: &[u8]) -> Vec<u8> {
        let mut tags: Vec<([u8; 4], Vec<u8>)> = Vec::new();
        for (signature, primary) in [*b"rXYZ", *b"gXYZ", *b"bXYZ"].into_iter().zip(primaries) {
            tags.push((signature, [b"XYZ \0\0\0\0".as_slice(), &primary.map(s15).concat()].concat()));
        }
        for signature in [*b"rTRC", *b"gTRC", *b"bTRC"] {
            tags.push((signature, curve.to_vec()));
        }
        let mut bytes = vec![0; 128];
        bytes[16..20].copy_from_slice(b"RGB ");
        bytes[36..40].copy_from_slice(b"acsp");
        bytes.extend((tags.len() as u32).to_be_bytes());
        let mut offset = 132 + tags.len() * 12;
        for (signature, data) in &tags {
            bytes.extend(signature);
            bytes.extend((offset as u32).to_be_bytes());
            bytes.extend((data.len() as u32).to_be_bytes());
            offset += data.len();
        }
        bytes.extend(tags.into_iter().flat_map(|(_, data)| data));
        bytes
    }

    fn kind(bytes: Vec<u8>) -> ProfileKind {
        read(Region::whole(&Source::from_bytes(bytes, None))).unwrap().kind
    }

    #[test]
    fn srgb_is_known_by_its_numbers() {
        let srgb = [2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045].map(s15).concat();
        let para = [b"para\0\0\0\0\0\x03\0\0".as_slice(), &srgb].concat();
        assert_eq!(kind(profile(SRGB_PRIMARIES, &para)), ProfileKind::Srgb);
        let display_p3 = [[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]];
        assert_eq!(kind(profile(display_p3, &para)), ProfileKind::Rgb);
        let gamma = [b"curv\0\0\0\0\0\0\0\x01".as_slice(), &[2, 0x33]].concat();
        assert_eq!(kind(profile(SRGB_PRIMARIES, &gamma)), ProfileKind::Rgb);
    }

    #[test]
    fn lies_are_unreadable() {
        assert_eq!(kind(vec![]), ProfileKind::Other);
        let mut bytes = profile(SRGB_PRIMARIES, b"curv\0\0\0\0\xff\xff\xff\xff");
        assert_eq!(kind(bytes.clone()), ProfileKind::Rgb);
        bytes[128..132].fill(0xff);
        assert_eq!(kind(bytes), ProfileKind::Rgb);
    }

    #[test]
    fn code_points_name_their_space() {
        let name = |primaries, transfer| from_code_points(primaries, transfer).map(|facts| facts.name);
        assert_eq!(name(12, 13).as_deref(), Some("Display P3"));
        assert_eq!(name(9, 16).as_deref(), Some("BT.2020 PQ (HDR)"));
        assert_eq!(name(2, 2), None);
        assert_eq!(from_code_points(1, 13).map(|facts| facts.kind), Some(ProfileKind::Srgb));
    }
}
