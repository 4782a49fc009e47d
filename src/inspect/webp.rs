//! WebP: RIFF chunks, the headers of the bit streams, and the frames of an animation (RFC 9649).

use super::{Inspected, exif, icc, xmp};
use crate::bytes::{Region, array, le16, le24, le32};
use crate::error::Result;
use crate::facts::{Animation, ColorModel, Orientation};
use crate::limits::{MAX_ENTRIES, MAX_FRAMES};
use crate::source::Source;

/// What a WebP's chunks tell.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let file = Region::whole(source);
    let mut walk = Walk {
        file,
        found: Inspected::blank(),
        canvas: None,
        frames: Frames::default(),
        lossy: false,
        lossless: false,
    };
    let head = file.bytes(0, 12)?;
    let Some(size) = le32(&head, 4).filter(|_| array(&head, 0) == Some(*b"RIFF") && array(&head, 8) == Some(*b"WEBP"))
    else {
        walk.found.malformed("no RIFF/WEBP header");
        return Ok(walk.found);
    };
    // Chunks are padded to even lengths, and so is the whole.
    let end = 8 + u64::from(size) + u64::from(size & 1);
    walk.chunks(end)?;
    if end > file.len() + 1 && walk.found.damage.is_empty() {
        walk.found.truncated(format!("the file is shorter than it states; found {} bytes, stated {end}", file.len()));
    }
    walk.found.image.trailing_bytes = file.len().saturating_sub(end);
    walk.finish();
    Ok(walk.found)
}

#[derive(Default)]
struct Frames {
    count: u32,
    shortest_ms: Option<u32>,
    total_ms: u64,
    played_ns: u64,
}

struct Walk<'a> {
    file: Region<'a>,
    found: Inspected,
    /// Width and height by VP8X, and whether it says that this is an animation.
    canvas: Option<(u32, u32, bool)>,
    frames: Frames,
    lossy: bool,
    lossless: bool,
}

impl Walk<'_> {
    fn chunks(&mut self, end: u64) -> Result<()> {
        let end = end.min(self.file.len());
        let mut at = 12;
        for _ in 0..MAX_ENTRIES {
            if at + 8 > end {
                return Ok(());
            }
            let Some(head) = self.file.array::<8>(at)? else { return Ok(()) };
            let (Some(kind), Some(len)) = (array::<4>(&head, 0), le32(&head, 4)) else { return Ok(()) };
            let len = u64::from(len);
            self.visit(kind, self.file.part(at + 8, len))?;
            if at + 8 + len > end {
                self.found.truncated(format!("chunk {} ends beyond the file", kind.escape_ascii()));
                return Ok(());
            }
            at += 8 + len + len % 2;
        }
        self.found.malformed(format!("more than {MAX_ENTRIES} chunks"));
        Ok(())
    }

    fn visit(&mut self, kind: [u8; 4], data: Region<'_>) -> Result<()> {
        match &kind {
            b"VP8X" => {
                let head = data.bytes(0, 10)?;
                let (Some(&flags), Some(width), Some(height)) = (head.first(), le24(&head, 4), le24(&head, 7)) else {
                    self.found.malformed("a VP8X chunk that is too short");
                    return Ok(());
                };
                self.found.image.alpha |= flags & 0x10 != 0;
                self.canvas = Some((width + 1, height + 1, flags & 0x02 != 0));
            }
            b"VP8 " | b"VP8L" => self.picture(kind, data)?,
            b"ALPH" => self.found.image.alpha = true,
            b"ANIM" => {}
            b"ANMF" => self.frame(data)?,
            b"ICCP" => self.found.image.profile = Some(icc::read(data)?),
            b"EXIF" => {
                self.found.image.metadata_bytes += data.len() + 8;
                let exif = exif::read(data)?;
                self.found.note_exif(exif);
                self.found.image.orientation = exif.orientation.unwrap_or(Orientation::Normal);
            }
            b"XMP " => {
                self.found.image.metadata_bytes += data.len() + 8;
                self.found.note_xmp(xmp::read(data)?);
            }
            // What is not known stays (RFC 9649 §2.7.1.6).
            _ => {}
        }
        Ok(())
    }

    /// A still picture's bit stream; its own size must be the canvas's.
    fn picture(&mut self, kind: [u8; 4], data: Region<'_>) -> Result<()> {
        if self.lossy || self.lossless {
            return Ok(());
        }
        let Some(stream) = self.stream(kind, data)? else { return Ok(()) };
        let image = &mut self.found.image;
        (image.width, image.height) = (stream.0, stream.1);
        if let Some((width, height, false)) = self.canvas
            && (width, height) != stream
        {
            let (w, h) = stream;
            self.found.malformed(format!(
                "a picture of another size than its canvas; found {w}x{h}, canvas {width}x{height}"
            ));
        }
        Ok(())
    }

    /// Width and height from the header of a VP8 key frame (RFC 6386 §9.1) or a VP8L stream (RFC 9649 §3.4).
    fn stream(&mut self, kind: [u8; 4], data: Region<'_>) -> Result<Option<(u32, u32)>> {
        let head = data.bytes(0, 10)?;
        if kind == *b"VP8L" {
            let Some(bits) = le32(&head, 1).filter(|_| head.first() == Some(&0x2F)) else {
                self.found.malformed("a VP8L stream without its signature");
                return Ok(None);
            };
            self.lossless = true;
            self.found.image.alpha |= bits >> 28 & 1 == 1;
            return Ok(Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)));
        }
        let key_frame = head.first().is_some_and(|byte| byte & 1 == 0) && array(&head, 3) == Some([0x9D, 0x01, 0x2A]);
        let (Some(width), Some(height)) = (le16(&head, 6), le16(&head, 8)) else {
            self.found.truncated("the file ends within the VP8 header");
            return Ok(None);
        };
        if !key_frame {
            self.found.malformed("a VP8 stream that does not start with a key frame");
            return Ok(None);
        }
        self.lossy = true;
        Ok(Some((u32::from(width & 0x3FFF), u32::from(height & 0x3FFF))))
    }

    /// A frame: place and size in 24-bit numbers, the duration, and the chunks of its picture.
    fn frame(&mut self, data: Region<'_>) -> Result<()> {
        let head = data.bytes(0, 24)?;
        let Some(duration) = le24(&head, 12) else {
            self.found.malformed("a frame (ANMF) that is too short");
            return Ok(());
        };
        if self.frames.count >= MAX_FRAMES {
            return Ok(());
        }
        self.frames.count += 1;
        self.frames.total_ms += u64::from(duration);
        self.frames.played_ns += Animation::shown_ns(u64::from(duration) * 1_000_000);
        self.frames.shortest_ms = Some(self.frames.shortest_ms.map_or(duration, |shortest| shortest.min(duration)));
        match array(&head, 16) {
            Some([b'V', b'P', b'8', b'L']) => self.lossless = true,
            _ => self.lossy = true,
        }
        Ok(())
    }

    fn finish(&mut self) {
        let image = &mut self.found.image;
        if let Some((width, height, animated)) = self.canvas {
            if animated || (image.width, image.height) == (0, 0) {
                (image.width, image.height) = (width, height);
            }
            // The flag alone makes it an animation to those who read it, even one of a single frame.
            if animated && self.frames.count > 0 {
                let Frames { count, shortest_ms, total_ms, played_ns } = self.frames;
                image.animation = Some(Animation {
                    frames: count,
                    shortest_frame_ms: shortest_ms,
                    total_ms: Some(total_ms),
                    played_us: Some(played_ns / 1000),
                });
            }
        }
        image.color = if image.alpha { ColorModel::Rgba } else { ColorModel::Rgb };
        image.lossless = self.lossless && !self.lossy;
        if !self.lossy && !self.lossless && self.found.damage.is_empty() {
            self.found.malformed("no picture (VP8, VP8L or ANMF)");
        }
        self.found.check_size();
    }
}
