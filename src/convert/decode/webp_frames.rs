//! Frames of an animated WebP, composed here (RFC 9649 §2.7.1.1): `image` leaves out what a frame asks for at its end, and
//! clears the wrong place before an opaque one. Each frame is decoded as the still picture that it is.

use super::raster::{limits, refused};
use crate::bytes::{array, byte, le24, le32};
use crate::error::{Error, Result};
use crate::limits::MAX_PIXELS;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, RgbaImage};
use std::io::Cursor;

/// Bytes of a frame's own fields, in front of its chunks.
const FIELDS: usize = 16;

/// The frames, as they are shown.
pub(super) struct WebpFrames<'a> {
    /// What was not read yet.
    rest: &'a [u8],
    canvas: RgbaImage,
    /// Left, top, width and height of what is cleared before the next frame.
    clear: Option<[u32; 4]>,
}

impl<'a> WebpFrames<'a> {
    /// For an extended file.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self> {
        let head = chunks(bytes.get(12..).unwrap_or_default()).next().filter(|chunk| chunk.kind == *b"VP8X");
        let size = head.and_then(|chunk| le24(chunk.body, 4).zip(le24(chunk.body, 7)));
        let (width, height) = size.ok_or_else(|| Error::malformed("the animation has no header"))?;
        let (width, height) = (width + 1, height + 1);
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(Error::limit(format!("too many pixels; found {width}x{height}, allowed {MAX_PIXELS}")));
        }
        let rest = bytes.get(12..).unwrap_or_default();
        Ok(Self { rest, canvas: RgbaImage::new(width, height), clear: None })
    }

    /// The next frame, and how long it is stated to be shown, in milliseconds.
    pub(super) fn next(&mut self) -> Result<Option<(RgbaImage, u32)>> {
        let Some(chunk) = chunks(self.rest).find(|chunk| chunk.kind == *b"ANMF") else { return Ok(None) };
        self.rest = chunk.after;
        let short = || Error::malformed("a frame (ANMF) that is too short");
        let number = |at| le24(chunk.body, at).ok_or_else(short);
        let [left, top, width, height] = [number(0)? * 2, number(3)? * 2, number(6)? + 1, number(9)? + 1];
        let duration_ms = number(12)?;
        let flags = byte(chunk.body, 15).ok_or_else(short)?;
        if left + width > self.canvas.width() || top + height > self.canvas.height() {
            return Err(Error::malformed("a frame that lies outside of the animation"));
        }
        if let Some([left, top, width, height]) = self.clear.take() {
            self.each_row(left, top, width, height, |row, _| row.fill(0));
        }
        let frame = still(chunk.body.get(FIELDS..).unwrap_or_default(), width, height)?;
        let blends = flags & 2 == 0;
        let stride = 4 * width as usize;
        self.each_row(left, top, width, height, |row, y| {
            let from = frame.as_raw().get(y * stride..(y + 1) * stride).unwrap_or_default();
            for (to, from) in row.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
                *to = if blends { blended(*from, *to) } else { *from };
            }
        });
        self.clear = (flags & 1 == 1).then_some([left, top, width, height]);
        Ok(Some((self.canvas.clone(), duration_ms)))
    }

    /// Hands each row of a part of the canvas to `change`, with its number within the part.
    fn each_row(&mut self, left: u32, top: u32, width: u32, height: u32, mut change: impl FnMut(&mut [u8], usize)) {
        let stride = 4 * self.canvas.width() as usize;
        let (from, to) = (4 * left as usize, 4 * (left + width) as usize);
        let rows = self.canvas.as_flat_samples_mut().samples.chunks_exact_mut(stride.max(4));
        for (y, row) in rows.skip(top as usize).take(height as usize).enumerate() {
            change(row.get_mut(from..to).unwrap_or_default(), y);
        }
    }
}

/// One pixel over another, neither multiplied by its alpha.
fn blended(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    let (front, back) = (u32::from(above[3]), u32::from(below[3]));
    if front == 255 || back == 0 {
        return above;
    }
    // In 255ths of 255ths.
    let (front, back) = (front * 255, back * (255 - front));
    let all = front + back;
    if all == 0 {
        return below;
    }
    let mut pixel = [0; 4];
    for ((to, above), below) in pixel.iter_mut().zip(above).zip(below).take(3) {
        *to = ((u32::from(above) * front + u32::from(below) * back + all / 2) / all) as u8;
    }
    pixel[3] = ((all + 127) / 255) as u8;
    pixel
}

/// The picture in a frame's chunks.
fn still(parts: &[u8], width: u32, height: u32) -> Result<RgbaImage> {
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    let wanted = || chunks(parts).filter(|chunk| [*b"ALPH", *b"VP8 ", *b"VP8L"].contains(&chunk.kind));
    if wanted().any(|chunk| chunk.kind == *b"ALPH") {
        file.extend(b"VP8X\x0A\0\0\0\x10\0\0\0");
        for side in [width - 1, height - 1] {
            file.extend(side.to_le_bytes().into_iter().take(3));
        }
    }
    for chunk in wanted() {
        file.extend(chunk.kind);
        file.extend(u32::try_from(chunk.body.len()).unwrap_or(0).to_le_bytes());
        file.extend_from_slice(chunk.body);
        if chunk.body.len() % 2 == 1 {
            file.push(0);
        }
    }
    let length = u32::try_from(file.len() - 8).unwrap_or(u32::MAX);
    if let Some(place) = file.get_mut(4..8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(refused)?;
    decoder.set_limits(limits(u64::from(width) * u64::from(height))).map_err(refused)?;
    if decoder.dimensions() != (width, height) {
        let (wide, high) = decoder.dimensions();
        return Err(Error::malformed(format!("a frame of {wide}x{high} where {width}x{height} is stated")));
    }
    DynamicImage::from_decoder(decoder).map(DynamicImage::into_rgba8).map_err(refused)
}

/// A chunk, and the bytes behind it.
#[derive(Clone, Copy)]
struct Chunk<'b> {
    kind: [u8; 4],
    body: &'b [u8],
    after: &'b [u8],
}

/// The chunks in `bytes`; the last one may be cut.
fn chunks(mut bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let (kind, length) = (array(bytes, 0)?, le32(bytes, 4)? as usize);
        let rest = bytes.get(8..)?;
        let body = rest.get(..length).unwrap_or(rest);
        let after = rest.get(length.saturating_add(length % 2)..).unwrap_or_default();
        bytes = after;
        Some(Chunk { kind, body, after })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_laid_over_one_another() {
        assert_eq!(blended([1, 2, 3, 255], [9, 9, 9, 255]), [1, 2, 3, 255]);
        assert_eq!(blended([1, 2, 3, 0], [9, 8, 7, 255]), [9, 8, 7, 255]);
        assert_eq!(blended([200, 0, 0, 128], [0, 200, 0, 255]), [100, 100, 0, 255]);
        assert_eq!(blended([200, 0, 0, 128], [0, 0, 200, 128]), [134, 0, 66, 192]);
    }

    /// A frame of one colour, as a chunk.
    fn frame(left: u32, top: u32, side: u32, color: [u8; 4], flags: u8) -> Vec<u8> {
        let pixels = RgbaImage::from_pixel(side, side, image::Rgba(color));
        let still = webp::Encoder::from_rgba(&pixels, side, side).encode_lossless();
        let picture = &still[12..];
        let mut body = Vec::new();
        for number in [left / 2, top / 2, side - 1, side - 1, 70] {
            body.extend(&number.to_le_bytes()[..3]);
        }
        body.push(flags);
        body.extend(picture);
        [b"ANMF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
    }

    #[test]
    fn what_a_frame_covered_is_cleared_before_the_next() {
        let head = b"VP8X\x0A\0\0\0\x12\0\0\0\x03\0\0\x03\0\0";
        let (red, blue) = ([200, 0, 0, 255], [0, 0, 200, 255]);
        let frames = [frame(0, 0, 4, red, 0), frame(0, 0, 2, blue, 1), frame(2, 2, 2, blue, 0)].concat();
        let file = [b"RIFF\0\0\0\0WEBP", &head[..], &frames].concat();
        let mut webp = WebpFrames::open(&file).unwrap();
        let mut next =
            || webp.next().unwrap().map(|(frame, ms)| (frame.get_pixel(0, 0).0, frame.get_pixel(3, 3).0, ms));
        assert_eq!(next(), Some((red, red, 70)));
        assert_eq!(next(), Some((blue, red, 70)));
        assert_eq!(next(), Some(([0; 4], blue, 70)));
        assert_eq!(next(), None);
        let outside = [b"RIFF\0\0\0\0WEBP", &head[..], &frame(4, 0, 2, red, 0)].concat();
        assert!(WebpFrames::open(&outside).unwrap().next().is_err());
    }
}
