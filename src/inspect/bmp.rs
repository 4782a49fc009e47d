//! BMP: the file header and the bitmap header in its sizes (12 of OS/2, 40 of Windows 3, 108 and 124 of V4 and V5).

use super::{Inspected, icc};
use crate::bytes::{Region, array, le16, le32};
use crate::error::Result;
use crate::facts::ColorModel;
use crate::source::Source;

/// What a bitmap's header tells.
pub(super) struct Header {
    /// Length of the header.
    pub size: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits of a pixel.
    pub bits: u16,
    compression: u32,
    picture_bytes: u32,
    /// Whether it states a mask for transparency.
    pub alpha_mask: bool,
}

impl Header {
    /// The header that `bytes` start with.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let size = le32(bytes, 0)?;
        if size == 12 {
            let (width, height) = (u32::from(le16(bytes, 4)?), u32::from(le16(bytes, 6)?));
            let (bits, compression, picture_bytes) = (le16(bytes, 10)?, 0, 0);
            return Some(Self { size, width, height, bits, compression, picture_bytes, alpha_mask: false });
        }
        // OS/2 2.x headers may be cut anywhere from 16 bytes on; what is missing counts as zero.
        if !(16..=256).contains(&size) {
            return None;
        }
        let width = i32::from_le_bytes(array(bytes, 4)?);
        // A negative height means rows from the top down.
        let height = i32::from_le_bytes(array(bytes, 8)?).unsigned_abs();
        let field = |at: usize| if at + 4 <= size as usize { le32(bytes, at) } else { Some(0) };
        let compression = field(16)?;
        // Masks count only where the compression names them, and 64 bytes are OS/2's, which has none.
        let masked = size != 64 && matches!(compression, 3 | 6);
        Some(Self {
            size,
            width: u32::try_from(width).unwrap_or(0),
            height,
            bits: le16(bytes, 14)?,
            compression,
            picture_bytes: field(20)?,
            alpha_mask: masked && field(52)? != 0,
        })
    }

    /// How colours are coded.
    pub(super) const fn color(&self) -> ColorModel {
        match self.bits {
            1..=8 => ColorModel::Palette,
            _ if self.alpha_mask => ColorModel::Rgba,
            _ => ColorModel::Rgb,
        }
    }

    /// Bytes of the pixels: computed when they are stored plain, else as stated.
    fn pixel_bytes(&self) -> u64 {
        match self.compression {
            // BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS; in OS/2 headers (64 bytes) 3 is Huffman coding.
            0 | 3 | 6 if self.size != 64 || self.compression == 0 => {
                let row = (u64::from(self.width) * u64::from(self.bits)).div_ceil(32) * 4;
                row.saturating_mul(u64::from(self.height))
            }
            _ => u64::from(self.picture_bytes),
        }
    }
}

/// What a BMP's headers tell. Its own file size field is often wrong, so it never counts against it.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut found = Inspected::blank();
    found.image.lossless = true;
    let head = file.bytes(0, 14 + 124)?;
    if !head.starts_with(b"BM") {
        found.malformed("no BM signature");
        return Ok(found);
    }
    let (Some(stated), Some(offset), Some(header)) =
        (le32(&head, 2), le32(&head, 10), head.get(14..).and_then(Header::read))
    else {
        match le32(&head, 14) {
            Some(size) if head.len() == 138 => found.malformed(format!("a bitmap header of {size} bytes")),
            _ => found.truncated("the file ends within its header"),
        }
        return Ok(found);
    };
    let image = &mut found.image;
    (image.width, image.height, image.color) = (header.width, header.height, header.color());
    image.alpha = header.alpha_mask;
    // A JPEG or PNG in a bitmap's clothes states no bits.
    let bits_are_right = match header.compression {
        4 | 5 if header.size != 64 => header.bits == 0,
        _ => matches!(header.bits, 1 | 2 | 4 | 8 | 16 | 24 | 32),
    };
    if !bits_are_right {
        found.malformed(format!("{} bits a pixel", header.bits));
    }
    found.check_size();
    let mut end = u64::from(offset).saturating_add(header.pixel_bytes());
    if end > file.len() && found.damage.is_empty() {
        found.truncated(format!("the pixels end beyond the file; found {} bytes, needed {end}", file.len()));
    }
    // LCS 'MBED': the profile lies at an offset from the bitmap header (V5).
    if header.size >= 124 && le32(&head, 14 + 56) == Some(0x4D42_4544) {
        let place = (le32(&head, 14 + 112), le32(&head, 14 + 116));
        if let (Some(at), Some(len)) = place {
            let (at, len) = (u64::from(at) + 14, u64::from(len));
            end = end.max(at + len);
            found.image.profile = Some(icc::read(file.part(at, len))?);
        }
    }
    found.image.trailing_bytes = file.len().saturating_sub(end.max(u64::from(stated)));
    Ok(found)
}
