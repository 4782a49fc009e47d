//! PNG chunks: what stays is what the picture needs to look right.

use super::{Strip, minimal_exif};
use crate::error::{Error, Result};
use crate::facts::Orientation;
use crate::limits::capped_vec;

/// Critical chunks and those that change the look (PNG 3rd edition §11); all others are metadata.
#[rustfmt::skip]
const NEEDED: [&[u8; 4]; 19] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT", b"hIST",
];

/// What makes an animation of it (§11.3.6).
const ANIMATION: [&[u8; 4]; 3] = [b"acTL", b"fcTL", b"fdAT"];

const SIGNATURE: usize = 8;

/// The file without what `strip` names: text, time, EXIF and makers' chunks, where an orientation stays in a minimal
/// `eXIf`; and all frames but the default image.
pub(super) fn stripped(bytes: &[u8], strip: Strip) -> Result<Vec<u8>> {
    let malformed = || Error::malformed("a PNG chunk has a length beyond the file");
    let mut out: Vec<u8> = capped_vec(bytes.len());
    out.extend(bytes.get(..SIGNATURE).ok_or_else(malformed)?);
    let mut at = SIGNATURE;
    loop {
        let header = bytes.get(at..at + 8).ok_or_else(malformed)?;
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = [header[4], header[5], header[6], header[7]];
        let end = at.checked_add(length).and_then(|end| end.checked_add(12)).ok_or_else(malformed)?;
        let chunk = bytes.get(at..end).ok_or_else(malformed)?;
        let kept = !strip.metadata || NEEDED.contains(&&kind);
        if kept && !(strip.animation && ANIMATION.contains(&&kind)) {
            out.extend(chunk);
        }
        if &kind == b"IHDR" && strip.metadata && strip.orientation != Orientation::Normal {
            out.extend(exif_chunk(strip.orientation));
        }
        if &kind == b"IEND" {
            return Ok(out);
        }
        at = end;
    }
}

fn exif_chunk(orientation: Orientation) -> Vec<u8> {
    let exif = minimal_exif(orientation);
    let mut chunk = (exif.len() as u32).to_be_bytes().to_vec();
    let mut typed = b"eXIf".to_vec();
    typed.extend(exif);
    chunk.extend(&typed);
    chunk.extend(crc32(&typed).to_be_bytes());
    chunk
}

/// The CRC of PNG (ISO 3309), bit by bit: it runs over 30 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
