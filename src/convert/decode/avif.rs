//! AVIF: AV1-coded stills in a HEIF container. The container is read by `heifer-isobmff`, the pictures by
//! `re_rav1d` (dav1d in Rust); joining tiles, colour matrix, alpha, crop and turning are done here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use heifer_isobmff::boxes::Property;
use heifer_isobmff::{HeifFile, ItemId};
use image::{DynamicImage, ImageBuffer};
use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Error as Av1Error, Picture, PixelLayout, PlanarImageComponent as Plane, Settings};

use super::heif_items::{self as items, Work};
use super::{Cicp, Decoded, hdr};
use crate::codec::av1::coded_frames;
use crate::error::Error;
use crate::facts::Orientation;

/// The most frames in one coded image. A still has one, a progressive one a few; a hidden frame of skipped blocks
/// costs the file a hundred bytes and us a whole picture.
const MAX_FRAMES: u32 = 16;

/// Decodes the primary image (of a sequence: its still) of an AVIF file, upright, in its own colour space
/// (HDR: tone mapped to sRGB).
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Decoded, Error> {
    let file = items::open(bytes)?;
    items::check_declared_size(&file, max_pixels)?;
    let mut job = Job { file: &file, max_pixels, work: Work::new(bytes, max_pixels) };
    let id = file.primary_id;

    let mut canvas = job.canvas(id)?;
    // Only the first is in use.
    for plane in items::alpha_items(&file, id).into_iter().take(1) {
        let opacity = job.canvas(plane)?;
        canvas.set_alpha(&opacity, file.referenced_items(id, b"prem").contains(&plane))?;
    }

    let cicp = items::nclx(&file).or(canvas.stream);
    let mut image = turned(canvas.into_image()?, &file, id)?;
    let (mut icc, mut primaries) = (items::icc(&file), cicp.filter(|c| c.primaries != 2 || c.transfer != 2));
    if let Some(cicp) = primaries.filter(hdr::is_hdr) {
        image = hdr::tone_map(&image, cicp);
        // The result is sRGB: neither the profile nor the numbers of the source describe it any longer.
        (icc, primaries) = (None, None);
    }
    Ok(Decoded { image, icc, orientation: Orientation::Normal, primaries })
}

/// Crops, turns and mirrors as the item's properties say, in their order (ISO/IEC 23008-12, 6.5).
fn turned(mut image: DynamicImage, file: &HeifFile<'_>, id: ItemId) -> Result<DynamicImage, Error> {
    let malformed = |e| Error::malformed(format!("AVIF container: {e}"));
    for property in file.item_properties(id).map_err(malformed)? {
        image = match *property {
            // `irot` turns anti-clockwise.
            Property::Rotation(1) => image.rotate270(),
            Property::Rotation(2) => image.rotate180(),
            Property::Rotation(3) => image.rotate90(),
            Property::Mirror(true) => image.flipv(),
            Property::Mirror(false) => image.fliph(),
            Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                let (x, w) = aperture(image.width(), width, horiz_offset)?;
                let (y, h) = aperture(image.height(), height, vert_offset)?;
                image.crop_imm(x, y, w, h)
            }
            _ => image,
        };
    }
    Ok(image)
}

/// Start and length of a clean aperture along one side (ISO/IEC 14496-12, 12.1.4).
fn aperture(side: u32, length: (u32, u32), offset: (i32, u32)) -> Result<(u32, u32), Error> {
    let bad = || Error::malformed("AVIF crop outside the picture");
    if length.1 == 0 || offset.1 == 0 {
        return Err(bad());
    }
    let length = f64::from(length.0) / f64::from(length.1);
    let centre = f64::from(offset.0) / f64::from(offset.1) + (f64::from(side) - 1.0) / 2.0;
    let start = (centre - (length - 1.0) / 2.0).round();
    let length = length.round();
    if start < 0.0 || length < 1.0 || start + length > f64::from(side) {
        return Err(bad());
    }
    Ok((start as u32, length as u32))
}

/// One file being decoded, and what may still be spent on it.
struct Job<'f> {
    file: &'f HeifFile<'f>,
    max_pixels: u64,
    work: Work,
}

impl Job<'_> {
    /// Decodes a coded image or a grid of them.
    fn canvas(&mut self, id: ItemId) -> Result<Canvas, Error> {
        match items::item_type(self.file, id)? {
            b"av01" => {
                let frame = self.frame(id)?;
                let mut canvas = Canvas::new(frame.width(), frame.height(), &frame)?;
                canvas.draw(&frame, items::item_nclx(self.file, id), 0, 0)?;
                Ok(canvas)
            }
            b"grid" => self.grid(id),
            b"hvc1" | b"hev1" => Err(Error::unsupported("HEVC image in an AVIF file")),
            other => Err(Error::unsupported(format!("AVIF image coded as {}", String::from_utf8_lossy(other)))),
        }
    }

    /// Joins the tiles of a grid; those at the right and lower edge may hang over (ISO/IEC 23008-12, 6.6.2.3).
    fn grid(&mut self, id: ItemId) -> Result<Canvas, Error> {
        let grid = self.file.grid(id).map_err(|e| Error::malformed(format!("AVIF grid: {e}")))?;
        let (width, height, allowed) = (grid.output_width, grid.output_height, self.max_pixels);
        if u64::from(width) * u64::from(height) > allowed {
            return Err(Error::limit(format!("picture too large; found {width}x{height}, allowed {allowed} pixels")));
        }
        let tiles = self.file.referenced_items(id, b"dimg");
        let columns = usize::from(grid.columns).max(1);
        if tiles.len() != columns * usize::from(grid.rows) {
            let (rows, found) = (grid.rows, tiles.len());
            return Err(Error::malformed(format!("AVIF grid of {columns}x{rows} with {found} tiles")));
        }
        let whole = items::item_nclx(self.file, id);
        let mut canvas: Option<(Canvas, u32, u32)> = None;
        for (i, &tile) in tiles.iter().enumerate() {
            if items::item_type(self.file, tile)? != b"av01" {
                return Err(Error::unsupported("AVIF grid of something else than AV1 tiles"));
            }
            let frame = self.frame(tile)?;
            let (canvas, tile_width, tile_height) = match &mut canvas {
                Some(begun) => begun,
                // Allocated only now that one tile was really decoded.
                none => none.insert((Canvas::new(width, height, &frame)?, frame.width(), frame.height())),
            };
            if (frame.width(), frame.height()) != (*tile_width, *tile_height) {
                return Err(Error::malformed("AVIF grid with tiles of different sizes"));
            }
            let column = u32::try_from(i % columns).unwrap_or(u32::MAX);
            let row = u32::try_from(i / columns).unwrap_or(u32::MAX);
            let at = |n: u32, size: u32| usize::try_from(u64::from(n) * u64::from(size)).unwrap_or(usize::MAX);
            let cicp = items::item_nclx(self.file, tile).or(whole);
            canvas.draw(&frame, cicp, at(column, *tile_width), at(row, *tile_height))?;
        }
        let (canvas, tile_width, tile_height) = canvas.ok_or_else(|| Error::malformed("AVIF grid without tiles"))?;
        let covers = |tile: u32, count: usize, side: u32| u64::from(tile) * count as u64 >= u64::from(side);
        if !covers(tile_width, columns, width) || !covers(tile_height, usize::from(grid.rows), height) {
            return Err(Error::malformed("AVIF grid larger than its tiles"));
        }
        Ok(canvas)
    }

    /// Decodes the first frame that an item shows.
    fn frame(&mut self, id: ItemId) -> Result<Picture, Error> {
        let data = self.file.item_data(id).map_err(|e| Error::malformed(format!("AVIF container: {e}")))?;
        let frames = coded_frames(&data);
        if frames > MAX_FRAMES {
            return Err(Error::limit(format!(
                "too many frames in one AVIF image; found {frames}, allowed {MAX_FRAMES}"
            )));
        }
        self.work.charge(data.len(), 0)?;

        let mut settings = Settings::new();
        // One thread: files run side by side, and a panic on the decoder's own thread would leave us waiting for it.
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_all_layers(false);
        // Checked by the decoder on each frame header, before the frame is allocated.
        let limit = self.max_pixels.min(self.work.pixels);
        settings.set_frame_size_limit(u32::try_from(limit).unwrap_or(u32::MAX).max(1));
        let mut decoder = Decoder::with_settings(&settings).map_err(from_av1d)?;
        let mut sent = decoder.send_data(data.into_owned(), None, None, None);
        // Bounded by the frames that were counted: each turn takes one out or ends.
        for _ in 0..=MAX_FRAMES {
            match decoder.get_picture() {
                Ok(frame) => {
                    self.work.charge(0, u64::from(frame.width()) * u64::from(frame.height()))?;
                    return Ok(frame);
                }
                Err(Av1Error::Again) => match sent {
                    Err(Av1Error::Again) => sent = decoder.send_pending_data(),
                    Err(e) => return Err(from_av1d(e)),
                    Ok(()) => break,
                },
                Err(e) => return Err(from_av1d(e)),
            }
        }
        Err(Error::malformed("AVIF image without a frame to show"))
    }
}

fn from_av1d(error: Av1Error) -> Error {
    match error {
        Av1Error::NotEnoughMemory => Error::limit("AVIF picture larger than allowed"),
        Av1Error::UnsupportedBitstream => Error::unsupported("AVIF: AV1 feature that the decoder lacks"),
        other => Error::malformed(format!("AVIF: broken AV1 image ({other})")),
    }
}

/// The samples of a picture under construction, four to a pixel.
enum Samples {
    /// Of an 8-bit source.
    Narrow(Vec<u8>),
    /// Of a 10- or 12-bit source, stretched to 16 bits.
    Wide(Vec<u16>),
}

/// A picture under construction.
struct Canvas {
    width: usize,
    height: usize,
    samples: Samples,
    has_alpha: bool,
    /// The colour numbers of the AV1 stream, for a container that is silent.
    stream: Option<Cicp>,
}

impl Canvas {
    fn new(width: u32, height: u32, like: &Picture) -> Result<Self, Error> {
        let (width, height) = (usize::try_from(width).unwrap_or(0), usize::try_from(height).unwrap_or(0));
        let len = width.checked_mul(height).and_then(|n| n.checked_mul(4)).filter(|&n| n > 0);
        let len = len.ok_or_else(|| Error::malformed("AVIF: empty picture"))?;
        let narrow = like.bit_depth() == 8;
        let samples = if narrow { Samples::Narrow(vec![255; len]) } else { Samples::Wide(vec![u16::MAX; len]) };
        Ok(Self { width, height, samples, has_alpha: false, stream: None })
    }

    /// Converts a frame to RGB and puts it at (`left`, `top`), cut at the canvas's edge.
    fn draw(&mut self, frame: &Picture, cicp: Option<Cicp>, left: usize, top: usize) -> Result<(), Error> {
        let mut rows = Rows::new(frame, cicp.unwrap_or_else(|| *self.stream.insert(stream_cicp(frame))))?;
        let width = rows.width.min(self.width.saturating_sub(left));
        let height = rows.height.min(self.height.saturating_sub(top));
        let wide = matches!(self.samples, Samples::Wide(_));
        if wide != (frame.bit_depth() != 8) {
            return Err(Error::malformed("AVIF grid with tiles of different depths"));
        }
        let top_code = if wide { 65_535.0 } else { 255.0 };
        for y in 0..height {
            rows.convert(y, top_code);
            let start = ((top + y) * self.width + left) * 4;
            let pixels = rows.rgb.iter().take(width);
            match &mut self.samples {
                Samples::Narrow(all) => {
                    let row = all.get_mut(start..).unwrap_or_default();
                    for (to, &[r, g, b]) in row.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                        *to = [r as u8, g as u8, b as u8, 255];
                    }
                }
                Samples::Wide(all) => {
                    let row = all.get_mut(start..).unwrap_or_default();
                    for (to, &[r, g, b]) in row.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                        *to = [r as u16, g as u16, b as u16, u16::MAX];
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the first channel of `opacity` for this picture's alpha.
    fn set_alpha(&mut self, opacity: &Self, premultiplied: bool) -> Result<(), Error> {
        if (opacity.width, opacity.height) != (self.width, self.height) {
            let (width, height) = (opacity.width, opacity.height);
            return Err(Error::unsupported(format!("AVIF transparency of another size; found {width}x{height}")));
        }
        let alpha: Box<dyn Iterator<Item = u16>> = match &opacity.samples {
            Samples::Narrow(all) => Box::new(all.as_chunks::<4>().0.iter().map(|p| u16::from(p[0]) * 257)),
            Samples::Wide(all) => Box::new(all.as_chunks::<4>().0.iter().map(|p| p[0])),
        };
        // Premultiplied colour is divided by its alpha again, as every later step expects.
        let divided = |v: u16, a: u16, top: u16| {
            if premultiplied && a > 0 {
                u16::try_from((u32::from(v) * 65_535 / u32::from(a)).min(u32::from(top))).unwrap_or(top)
            } else {
                v
            }
        };
        match &mut self.samples {
            Samples::Narrow(all) => {
                for (to, a) in all.as_chunks_mut::<4>().0.iter_mut().zip(alpha) {
                    let [r, g, b, _] = *to;
                    let [r, g, b] = [r, g, b].map(|v| divided(u16::from(v), a, 255) as u8);
                    *to = [r, g, b, (a >> 8) as u8];
                }
            }
            Samples::Wide(all) => {
                for (to, a) in all.as_chunks_mut::<4>().0.iter_mut().zip(alpha) {
                    let [r, g, b, _] = *to;
                    let [r, g, b] = [r, g, b].map(|v| divided(v, a, u16::MAX));
                    *to = [r, g, b, a];
                }
            }
        }
        self.has_alpha = true;
        Ok(())
    }

    /// The finished picture; without transparency the fourth channel goes.
    fn into_image(self) -> Result<DynamicImage, Error> {
        fn rgb<T: Copy>(mut all: Vec<T>) -> Vec<T> {
            let pixels = all.len() / 4;
            for i in 1..pixels {
                all.copy_within(i * 4..i * 4 + 3, i * 3);
            }
            all.truncate(pixels * 3);
            all
        }
        let side = |n: usize| u32::try_from(n).unwrap_or(0);
        let (width, height) = (side(self.width), side(self.height));
        match (self.samples, self.has_alpha) {
            (Samples::Narrow(all), true) => ImageBuffer::from_raw(width, height, all).map(DynamicImage::ImageRgba8),
            (Samples::Narrow(all), false) => {
                ImageBuffer::from_raw(width, height, rgb(all)).map(DynamicImage::ImageRgb8)
            }
            (Samples::Wide(all), true) => ImageBuffer::from_raw(width, height, all).map(DynamicImage::ImageRgba16),
            (Samples::Wide(all), false) => ImageBuffer::from_raw(width, height, rgb(all)).map(DynamicImage::ImageRgb16),
        }
        .ok_or_else(|| Error::malformed("AVIF: empty picture"))
    }
}

/// The colour numbers in the AV1 sequence header, for a container that is silent.
///
/// `re_rav1d`'s accessors panic on numbers that H.273 reserves; such a stream counts as unspecified.
fn stream_cicp(frame: &Picture) -> Cicp {
    let read =
        || (frame.color_primaries() as u8, frame.transfer_characteristic() as u8, frame.matrix_coefficients() as u8);
    let (primaries, transfer, matrix) = catch_unwind(AssertUnwindSafe(read)).unwrap_or((2, 2, 2));
    Cicp { primaries, transfer, matrix, full_range: matches!(frame.color_range(), YUVRange::Full) }
}

/// How luma and chroma become red, green and blue (ITU-T H.273, 8.3).
#[derive(Clone, Copy)]
enum Matrix {
    /// Weighted by `kr` and `kb`.
    Weights { kr: f32, kb: f32 },
    /// The planes are green, blue, red.
    Identity,
    /// YCgCo.
    GreenOrange,
}

/// The rows of a frame on their way to RGB.
struct Rows {
    /// Luma and, unless it is gray, chroma, with the bytes from row to row.
    planes: Vec<(re_rav1d::dav1d::Plane, usize)>,
    wide: bool,
    width: usize,
    height: usize,
    layout: PixelLayout,
    matrix: Matrix,
    /// Luma and chroma: what stands for zero, and one over the range.
    scale: [(f32, f32); 2],
    luma: Vec<f32>,
    chroma: [Vec<f32>; 2],
    /// The result, in codes of the canvas.
    rgb: Vec<[f32; 3]>,
}

impl Rows {
    fn new(frame: &Picture, cicp: Cicp) -> Result<Self, Error> {
        #[rustfmt::skip]
        let matrix = match (cicp.matrix, cicp.primaries) {
            (0, _) => Matrix::Identity,
            (1, _) | (12, 1) => Matrix::Weights { kr: 0.2126, kb: 0.0722 },
            (4, _) => Matrix::Weights { kr: 0.30, kb: 0.11 },
            (7, _) => Matrix::Weights { kr: 0.212, kb: 0.087 },
            (9, _) | (12, 9) => Matrix::Weights { kr: 0.2627, kb: 0.0593 },
            (8, _) => Matrix::GreenOrange,
            // Unspecified is taken for BT.601, as libavif and browsers do.
            (2 | 3 | 5 | 6, _) => Matrix::Weights { kr: 0.299, kb: 0.114 },
            (other, _) => return Err(Error::unsupported(format!("AVIF colour matrix {other}"))),
        };
        let layout = frame.pixel_layout();
        if matches!(matrix, Matrix::Identity) && !matches!(layout, PixelLayout::I444 | PixelLayout::I400) {
            return Err(Error::malformed("AVIF: RGB planes of different sizes"));
        }
        let bits = frame.bits_per_component().map_or(8, |bits| bits.0);
        let (top, unit) = (f32::from((1_u16 << bits) - 1), f32::from(1_u16 << (bits - 8)));
        let luma = if cicp.full_range { (0.0, 1.0 / top) } else { (16.0 * unit, 1.0 / (219.0 * unit)) };
        let chroma = (128.0 * unit, if cicp.full_range { 1.0 / top } else { 1.0 / (224.0 * unit) });
        let side = |n: u32| usize::try_from(n).unwrap_or(0);
        let planes =
            if matches!(layout, PixelLayout::I400) { &[Plane::Y][..] } else { &[Plane::Y, Plane::U, Plane::V] };
        let planes = planes.iter().map(|&p| (frame.plane(p), side(frame.stride(p)))).collect();
        Ok(Self {
            planes,
            wide: frame.bit_depth() != 8,
            width: side(frame.width()),
            height: side(frame.height()),
            layout,
            matrix,
            scale: [luma, chroma],
            luma: Vec::new(),
            chroma: [Vec::new(), Vec::new()],
            rgb: Vec::new(),
        })
    }

    /// One row of a plane as numbers; rows past the end repeat the last, which cannot happen with a whole frame.
    fn row(&self, plane: usize, y: usize, width: usize) -> impl Iterator<Item = f32> {
        let (all, stride) = self.planes.get(plane).map_or((&[][..], 0), |(all, stride)| (all.as_ref(), *stride));
        let row = all.get(y.saturating_mul(stride)..).unwrap_or_default();
        let wide = self.wide;
        let narrow = if wide { &[][..] } else { row.get(..width).unwrap_or(row) };
        let pairs = if wide { row.get(..width * 2).unwrap_or(row) } else { &[][..] };
        let pairs = pairs.as_chunks::<2>().0.iter().map(|&p| f32::from(u16::from_ne_bytes(p)));
        narrow.iter().map(|&v| f32::from(v)).chain(pairs)
    }

    /// Row `y` as red, green and blue from 0 to `top`.
    fn convert(&mut self, y: usize, top: f32) {
        let [(black, luma_unit), (middle, chroma_unit)] = self.scale;
        let direct = matches!(self.matrix, Matrix::Identity);
        let mut luma = std::mem::take(&mut self.luma);
        luma.clear();
        luma.extend(self.row(0, y, self.width).map(|v| (v - black) * luma_unit));
        let mut chroma = std::mem::take(&mut self.chroma);
        for (plane, row) in (1..).zip(&mut chroma) {
            row.clear();
            // The planes of RGB all have luma's range.
            let (zero, unit) = if direct { (black, luma_unit) } else { (middle, chroma_unit) };
            match self.layout {
                PixelLayout::I400 if direct => row.extend_from_slice(&luma),
                PixelLayout::I400 => row.resize(self.width, 0.0),
                PixelLayout::I444 => row.extend(self.row(plane, y, self.width).map(|v| (v - zero) * unit)),
                PixelLayout::I422 => {
                    let half: Vec<f32> = self.row(plane, y, self.width.div_ceil(2)).collect();
                    widened(&half, self.width, row);
                    row.iter_mut().for_each(|v| *v = (*v - zero) * unit);
                }
                PixelLayout::I420 => {
                    // Chroma sits between two rows of luma: 3/4 of the nearer and 1/4 of the farther.
                    let near = y / 2;
                    let last = self.height.div_ceil(2).saturating_sub(1);
                    let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(last) };
                    let half = self.width.div_ceil(2);
                    let rows = self.row(plane, near, half).zip(self.row(plane, far, half));
                    let half: Vec<f32> = rows.map(|(near, far)| near * 0.75 + far * 0.25).collect();
                    widened(&half, self.width, row);
                    row.iter_mut().for_each(|v| *v = (*v - zero) * unit);
                }
            }
        }
        (self.luma, self.chroma) = (luma, chroma);
        let matrix = self.matrix;
        let code = |v: f32| (v * top + 0.5).clamp(0.0, top);
        self.rgb.clear();
        let [u, v] = &self.chroma;
        for ((&y, &u), &v) in self.luma.iter().zip(u).zip(v) {
            let [r, g, b] = match matrix {
                Matrix::Weights { kr, kb } => {
                    let (r, b) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
                    [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
                }
                Matrix::Identity => [v, y, u],
                Matrix::GreenOrange => [y - u + v, y + u, y - u - v],
            };
            self.rgb.push([code(r), code(g), code(b)]);
        }
    }
}

/// A row of half the width at full width: each sample weighs 3/4 in the two pixels it lies between.
fn widened(half: &[f32], width: usize, out: &mut Vec<f32>) {
    let mut before = half.first().copied().unwrap_or_default();
    for (i, &here) in half.iter().enumerate() {
        let after = half.get(i + 1).copied().unwrap_or(here);
        out.push(here * 0.75 + before * 0.25);
        out.push(here * 0.75 + after * 0.25);
        before = here;
    }
    out.truncate(width);
}
