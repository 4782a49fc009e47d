//! XMP: what a packet says of position and serial numbers, found by property names without an XML parser.
//!
//! `tiff:Orientation` is ignored, as viewers ignore it. Names are looked for whatever their prefix, which a
//! writer may choose freely.

use crate::bytes::Region;
use crate::error::Result;
use crate::limits::MAX_METADATA;

/// Compared without case: DJI writes `GpsLatitude` and, misspelt, `GpsLongtitude`.
const POSITION: [&str; 3] = ["GPSLatitude", "GPSLongitude", "GPSLongtitude"];
const SERIALS: [&str; 5] = ["SerialNumber", "BodySerialNumber", "LensSerialNumber", "CameraOwnerName", "OwnerName"];

/// What of XMP matters here.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct XmpFacts {
    /// A latitude or a longitude is there.
    pub gps: bool,
    /// The serial number of a camera or lens, or the owner's name, is there.
    pub serials: bool,
    /// Bytes that the packet says are appended to the file: the video of a motion photo, a gain map.
    pub appended: u64,
}

/// What the packet in `region` says.
pub(super) fn read(region: Region<'_>) -> Result<XmpFacts> {
    Ok(search(&region.bytes(0, MAX_METADATA)?))
}

/// What `packet` says.
pub(super) fn search(packet: &[u8]) -> XmpFacts {
    // A packet in UTF-16 or UTF-32 (XMP part 1 §7.1) becomes searchable without its zeros.
    if packet.contains(&0) {
        return search(&packet.iter().copied().filter(|&byte| byte != 0).collect::<Vec<_>>());
    }
    let mut facts = XmpFacts::default();
    let mut rest = packet;
    while let Some(colon) = rest.iter().position(|&byte| byte == b':') {
        let (before, from_colon) = rest.split_at(colon);
        let prefix = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let closes = before.get(..before.len() - prefix).is_some_and(|before| before.ends_with(b"/"));
        rest = from_colon.get(1..).unwrap_or_default();
        let name_ends = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_ends);
        let is_one_of = |names: &[&str]| names.iter().any(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name));
        rest = after;
        if closes {
            continue;
        }
        if is_one_of(&POSITION) {
            facts.gps |= has_value(after);
        } else if is_one_of(&SERIALS) {
            facts.serials |= has_value(after);
        } else if is_one_of(&["MicroVideoOffset", "Length", "Padding"]) {
            // Google's motion photo and Ultra HDR containers: every item but the first states its length.
            facts.appended = facts.appended.saturating_add(attribute_number(after));
        }
    }
    facts
}

/// Whether the attribute or element that `after` follows has a value: `="1"`, `>1<`, or nested elements.
fn has_value(after: &[u8]) -> bool {
    let mut bytes = after.iter().filter(|byte| !byte.is_ascii_whitespace());
    match bytes.next() {
        Some(b'=') => matches!((bytes.next(), bytes.next()), (Some(quote), Some(first)) if first != quote),
        Some(b'>') => !matches!((bytes.next(), bytes.next()), (None, _) | (Some(b'<'), Some(b'/'))),
        _ => false,
    }
}

fn attribute_number(after: &[u8]) -> u64 {
    let digits = after.iter().skip_while(|byte| matches!(byte, b'=' | b'"' | b'\'' | b' ' | b'>'));
    digits
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_attributes_and_elements() {
        assert!(search(br#"<d exif:GPSLatitude="48,12.5N"/>"#).gps);
        assert!(search(b"<exif:GPSLongitude>16,2E</exif:GPSLongitude>").gps);
        assert!(search(br#"<d drone-dji:GpsLatitude="48.1"/>"#).gps && search(br#"<d dji:GpsLongtitude="16.2"/>"#).gps);
        assert!(search(br#"<d aux:SerialNumber = "123"/>"#).serials);
        assert!(search(b"<exifEX:BodySerialNumber>7</exifEX:BodySerialNumber>").serials);
        assert!(search(b"<\0a\0:\0O\0w\0n\0e\0r\0N\0a\0m\0e\0>\0m\0e\0").serials);
    }

    #[test]
    fn empty_values_and_longer_names_do_not_count() {
        assert_eq!(search(br#"<d exif:GPSLatitude="" aux:SerialNumber=''/>"#), XmpFacts::default());
        assert_eq!(search(b"<exif:GPSLatitude></exif:GPSLatitude><a>"), XmpFacts::default());
        assert_eq!(search(br#"<d exif:GPSLatitudeRef="N" tiff:Orientation="6"/>"#), XmpFacts::default());
    }

    #[test]
    fn adds_up_what_is_appended() {
        assert_eq!(search(br#"<d GCamera:MicroVideoOffset="4021"/>"#).appended, 4021);
        assert_eq!(search(br#"<i Item:Length="0" Item:Padding="8"/><i Item:Length="100"/>"#).appended, 108);
    }
}
