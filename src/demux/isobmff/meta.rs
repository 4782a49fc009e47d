//! What does not change how a movie plays: user data and metadata (ISO/IEC 14496-12 §8.10.1, §8.11; QTFF "User Data
//! Atoms", "Metadata"; iTunes' `ilst`).

use super::guard::{child, children};
use crate::bytes::{be32, find};

/// The name of a `uuid` box that holds XMP.
const XMP: &[u8; 16] = b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

/// Boxes and item codes that hold a position (QTFF; 3GPP TS 26.244 §8.10).
const POSITIONS: [&[u8; 4]; 4] = [b"\xa9xyz", b"loci", b"gps ", b"GPS "];

/// Boxes and item codes that name the device: QuickTime's, Samsung's and Canon's, GoPro's.
#[rustfmt::skip]
const DEVICES: [&[u8; 4]; 12] = [
    b"\xa9mak", b"\xa9mod", b"@mak", b"@mod", b"manu", b"modl", b"mak ", b"mod ", b"CAME", b"CNMN", b"FIRM", b"\xa9lnt",
];

/// Ends of keys that hold a position, and of those that name the device: `com.apple.quicktime.make`.
const POSITION_KEYS: [&str; 5] = ["location.iso6709", "location.name", "location", "gpslatitude", "direction.facing"];
const DEVICE_KEYS: [&str; 7] =
    ["make", "model", "manufacturer", "serial", "serialnumber", "lens_model", "camera.identifier"];

/// iTunes' tag of encoder delay and padding.
const GAPLESS: &[u8] = b"iTunSMPB";

/// How deep user data nests at most: `udta`/`meta`/`ilst`/item.
const MAX_DEPTH: u32 = 3;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// Bytes of all of it.
    pub bytes: u64,
    /// A position.
    pub gps: bool,
    /// The maker, model or serial number of the device.
    pub device: bool,
    /// A picture of the cover.
    pub cover: bool,
    /// Samples to drop at the start and at the end.
    pub gapless: Option<(u32, u32)>,
}

impl Tags {
    /// Adds the content of a `udta` box, or of any other list of tags.
    pub(super) fn add_list(&mut self, body: &[u8]) {
        self.list(body, MAX_DEPTH);
    }

    fn list(&mut self, body: &[u8], depth: u32) {
        for found in children(body) {
            if &found.kind == b"meta" && depth > 0 {
                self.meta(found.body, depth - 1);
            } else if !found.body.is_empty() {
                self.tag(found.kind, found.body);
            }
        }
    }

    /// Adds the content of a `meta` box.
    pub(super) fn add_meta(&mut self, body: &[u8]) {
        self.meta(body, MAX_DEPTH);
    }

    fn meta(&mut self, body: &[u8], depth: u32) {
        // QuickTime's `meta` has no version word before its boxes.
        let boxes = if body.get(4..8) == Some(b"hdlr") { body } else { body.get(4..).unwrap_or_default() };
        for found in children(boxes) {
            match &found.kind {
                b"keys" => self.keys(found.body),
                b"ilst" => {
                    for item in children(found.body) {
                        self.tag(item.kind, item.body);
                        if &item.kind == b"----" {
                            self.free_form(item.body);
                        }
                    }
                }
                b"udta" if depth > 0 => self.list(found.body, depth - 1),
                _ => {}
            }
        }
    }

    /// A `uuid` box: XMP is one of them (XMP part 3 §1.2.5.1).
    pub(super) fn add_xmp(&mut self, body: &[u8]) {
        if let Some(packet) = body.strip_prefix(XMP) {
            self.gps |= find(packet, b"GPSLatitude").is_some();
        }
    }

    fn tag(&mut self, kind: [u8; 4], body: &[u8]) {
        self.gps |= POSITIONS.contains(&&kind);
        self.device |= DEVICES.contains(&&kind);
        self.cover |= &kind == b"covr" && child(body, b"data").is_some_and(|data| data.len() > 8);
        // A film's picture in iTunes' tags is its cover as well; Android's are named by keys.
        if &kind == b"XMP_" {
            self.gps |= find(body, b"GPSLatitude").is_some();
        }
    }

    /// The names of QuickTime's `keys`: each is as long as it says, in the namespace `mdta`.
    fn keys(&mut self, body: &[u8]) {
        for key in children(body.get(8..).unwrap_or_default()) {
            self.name(key.body);
        }
    }

    fn name(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name.get(..name.len().min(256)).unwrap_or_default()).to_lowercase();
        let ends = |keys: &[&str]| {
            keys.iter().any(|key| {
                name.strip_suffix(key).is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-', '_']))
            })
        };
        self.gps |= ends(&POSITION_KEYS);
        self.device |= ends(&DEVICE_KEYS);
    }

    /// `----`: a tag with a name of its own.
    fn free_form(&mut self, body: &[u8]) {
        let Some(name) = child(body, b"name").and_then(|name| name.get(4..)) else { return };
        self.name(name);
        if name == GAPLESS {
            let text = child(body, b"data").and_then(|data| data.get(8..)).unwrap_or_default();
            self.gapless = gapless(text).or(self.gapless);
        }
    }
}

/// ` 00000000 00000840 000001CA …`: nothing, delay, padding, in hexadecimal.
fn gapless(text: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = text.split_ascii_whitespace().skip(1).map(|word| u32::from_str_radix(word, 16));
    let (delay, padding) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (delay < 1 << 16 && padding < 1 << 16).then_some((delay, padding))
}

/// The tracks that `tref` names as the chapters of this one (QTFF "Chapter Lists").
pub(super) fn chapters(tref: &[u8]) -> Vec<u32> {
    let body = child(tref, b"chap").unwrap_or_default();
    (0..body.len().min(64) / 4).filter_map(|index| be32(body, index * 4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(body);
        bytes
    }

    fn tags(list: &[u8]) -> Tags {
        let mut tags = Tags::default();
        tags.add_list(list);
        tags
    }

    #[test]
    fn positions_and_devices_by_code_and_by_key() {
        let xyz = tags(&boxed(b"\xa9xyz", b"\0\x12\x15\xc7+52.5+013.4/"));
        assert!(xyz.gps && !xyz.device);
        let keys =
            boxed(b"keys", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"mdta", b"com.apple.quicktime.make")].concat());
        let with_version = tags(&boxed(b"meta", &[&[0; 4][..], &boxed(b"hdlr", &[0; 24]), &keys].concat()));
        let without = tags(&boxed(b"meta", &[boxed(b"hdlr", &[0; 24]), keys].concat()));
        assert!(with_version.device && without.device && !without.gps);
        assert!(!tags(&boxed(b"\xa9too", b"Lavf")).device);
    }

    #[test]
    fn positions_in_a_box_of_xmp() {
        let found = |kind: &[u8]| {
            let mut tags = Tags::default();
            tags.add_xmp(&[kind, b"<x exif:GPSLatitude='48,12.5N'/>"].concat());
            tags.gps
        };
        assert!(found(XMP) && !found(&[0; 16]));
    }

    #[test]
    fn covers_and_gapless_tags() {
        let covr = boxed(b"covr", &boxed(b"data", b"\0\0\0\x0d\0\0\0\0\xff\xd8\xff"));
        let data = boxed(b"data", b"\0\0\0\x01\0\0\0\0 00000000 00000840 000001CA 00000000003F31F6");
        let free = boxed(
            b"----",
            &[boxed(b"mean", b"\0\0\0\0com.apple.iTunes"), boxed(b"name", b"\0\0\0\0iTunSMPB"), data].concat(),
        );
        let found = tags(&boxed(b"meta", &[&[0; 4][..], &boxed(b"ilst", &[covr, free].concat())].concat()));
        assert!(found.cover);
        assert_eq!(found.gapless, Some((2112, 458)));
    }
}
