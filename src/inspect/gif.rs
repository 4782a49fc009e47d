//! GIF: the whole block structure, since frames can only be counted by walking it (GIF89a §15-27).

use super::{Inspected, xmp};
use crate::bytes::{Blocks, Region, le16};
use crate::error::Result;
use crate::facts::{Animation, ColorModel};
use crate::limits::MAX_FRAMES;
use crate::source::Source;

/// What a GIF's blocks tell. Delays are as the file states them; browsers play one below 20 ms as 100 ms.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let mut walk = Walk {
        source,
        blocks: Blocks::new(source)?,
        found: Inspected::blank(),
        frames: 0,
        delay_ms: 0,
        shortest_ms: None,
        total_ms: 0,
        played_ns: 0,
    };
    walk.found.image.color = ColorModel::Palette;
    walk.found.image.lossless = true;
    let head = source.bytes_at(0, 13)?;
    let (Some(width), Some(height), Some(&flags)) = (le16(&head, 6), le16(&head, 8), head.get(10)) else {
        walk.found.truncated("the file ends within its header");
        return Ok(walk.found);
    };
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        walk.found.malformed("no GIF signature");
        return Ok(walk.found);
    }
    (walk.found.image.width, walk.found.image.height) = (u32::from(width), u32::from(height));
    walk.blocks(13 + table_bytes(flags))?;
    if walk.frames == 0 && walk.found.damage.is_empty() {
        walk.found.malformed("no picture");
    }
    if walk.frames > 1 {
        walk.found.image.animation = Some(Animation {
            frames: walk.frames,
            shortest_frame_ms: walk.shortest_ms,
            total_ms: Some(walk.total_ms),
            played_us: Some(walk.played_ns / 1000),
        });
    }
    walk.found.check_size();
    Ok(walk.found)
}

/// Bytes of the colour table that packed flags announce.
const fn table_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

struct Walk<'a> {
    source: &'a Source,
    blocks: Blocks<'a>,
    found: Inspected,
    frames: u32,
    /// The delay that the last graphic control extension set for the next frame.
    delay_ms: u32,
    shortest_ms: Option<u32>,
    total_ms: u64,
    played_ns: u64,
}

impl Walk<'_> {
    /// Each step goes forward by a byte at least, so the file's length bounds the loop.
    fn blocks(&mut self, mut at: u64) -> Result<()> {
        while let Some([block]) = self.blocks.array(at)? {
            let next = match block {
                0x3B => {
                    self.found.image.trailing_bytes = self.source.len() - at - 1;
                    return Ok(());
                }
                0x21 => self.extension(at)?,
                0x2C if self.frames >= MAX_FRAMES => return Ok(()),
                0x2C => self.picture(at)?,
                // Some writers leave a stray terminator behind a block.
                0x00 => Some(at + 1),
                _ => {
                    self.found.malformed(format!("an unknown block; found 0x{block:02X}"));
                    return Ok(());
                }
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        self.found.truncated("the file ends without a trailer");
        Ok(())
    }

    /// An image descriptor, its table and its data (§20-22).
    fn picture(&mut self, at: u64) -> Result<Option<u64>> {
        let Some(head) = self.blocks.array::<10>(at)? else { return Ok(None) };
        let (Some(width), Some(height), Some(&flags)) = (le16(&head, 5), le16(&head, 7), head.get(9)) else {
            return Ok(None);
        };
        let image = &mut self.found.image;
        if self.frames == 0 {
            image.progressive = flags & 0x40 != 0;
            // A logical screen of 0x0 is as large as its first picture, as browsers take it.
            if image.pixels() == 0 {
                (image.width, image.height) = (u32::from(width), u32::from(height));
            }
        }
        self.frames += 1;
        self.total_ms += u64::from(self.delay_ms);
        self.played_ns += Animation::shown_ns(u64::from(self.delay_ms) * 1_000_000);
        self.shortest_ms = Some(self.shortest_ms.map_or(self.delay_ms, |shortest| shortest.min(self.delay_ms)));
        self.delay_ms = 0;
        // One byte tells the code size, then the data follows in sub-blocks.
        self.sub_blocks(at + 10 + table_bytes(flags) + 1)
    }

    fn extension(&mut self, at: u64) -> Result<Option<u64>> {
        let Some([label, size]) = self.blocks.array(at + 1)? else { return Ok(None) };
        let mut name = [0; 11];
        match (label, size) {
            (0xF9, 4) => {
                let Some([flags, low, high]) = self.blocks.array(at + 3)? else { return Ok(None) };
                self.found.image.alpha |= flags & 1 == 1;
                self.delay_ms = u32::from(u16::from_le_bytes([low, high])) * 10;
            }
            (0xFF, 11) => name = self.blocks.array(at + 3)?.unwrap_or(name),
            _ => {}
        }
        let end = self.sub_blocks(at + 2)?;
        let length = end.unwrap_or(self.source.len()) - at;
        match (label, &name) {
            (0xF9, _) | (0xFF, b"NETSCAPE2.0" | b"ANIMEXTS1.0" | b"ICCRGBG1012") => {}
            (0xFF, b"XMP DataXMP") => {
                // XMP part 3 §1.1.2: the packet stands bare, and reads as sub-blocks thanks to its magic trailer.
                self.found.image.metadata_bytes += length;
                self.found.note_xmp(xmp::read(Region::whole(self.source).part(at + 14, length.saturating_sub(14)))?);
            }
            _ => self.found.image.metadata_bytes += length,
        }
        Ok(end)
    }

    /// Passes over sub-blocks, each behind its length, to what follows the empty one.
    fn sub_blocks(&mut self, mut at: u64) -> Result<Option<u64>> {
        loop {
            match self.blocks.array(at)? {
                Some([0]) => return Ok(Some(at + 1)),
                Some([length]) => at += u64::from(length) + 1,
                None => return Ok(None),
            }
        }
    }
}
