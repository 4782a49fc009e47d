//! AV1 by `re_rav1d` (dav1d in Rust): all profiles, 8 to 12 bits, film grain laid on.

use super::{Decoder, MAX_PIXELS, Picture};
use crate::codec::av1::coded_frames;
use crate::convert::video::picture::{Plane, Samples};
use crate::error::{Error, Result};
use re_rav1d::dav1d::{
    Decoder as Rav1d, Error as Av1Error, Picture as Frame, PixelLayout, PlanarImageComponent, Settings,
};
use std::collections::VecDeque;

/// Bytes of a configuration record in front of its units (AV1 Codec ISO Media File Format Binding §2.3.3).
const CONFIG_HEAD: usize = 4;

/// The most frames of one packet. A temporal unit shows one a layer and hides a few; one of skipped blocks costs the file a
/// hundred bytes and us a whole picture.
const MAX_FRAMES: u32 = 64;

pub(super) struct Av1 {
    decoder: Rav1d,
}

impl Av1 {
    /// For an `av1C`, or nothing.
    pub(super) fn new(config: &[u8]) -> Result<Self> {
        let mut settings = Settings::new();
        // One thread: files run side by side, and a panic on the decoder's own thread would leave us waiting for it.
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_all_layers(false);
        // Checked by the decoder on each frame header, before the frame is allocated.
        settings.set_frame_size_limit(u32::try_from(MAX_PIXELS).unwrap_or(u32::MAX));
        let mut decoder = Self { decoder: Rav1d::with_settings(&settings).map_err(failed)? };
        let units = config.get(CONFIG_HEAD..).filter(|units| !units.is_empty() && coded_frames(units) == 0);
        if let Some(units) = units {
            // The stream repeats the sequence header; a record that does not read is no harm.
            let _: Result<()> = decoder.send(units, i64::MIN, &mut VecDeque::new());
        }
        Ok(decoder)
    }

    fn send(&mut self, data: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let frames = coded_frames(data);
        if frames > MAX_FRAMES {
            return Err(Error::malformed(format!("{frames} frames in one packet; allowed {MAX_FRAMES}")));
        }
        let mut failure = None;
        let mut sent = self.decoder.send_data(data.to_vec(), None, Some(pts), None);
        // Each turn takes a picture out, or a part of the data in, or ends.
        for _ in 0..4 * (frames + 4) {
            match self.decoder.get_picture() {
                Ok(frame) => match picture(&frame, pts) {
                    Some(picture) => out.push_back(picture),
                    None => return Err(Error::engine("the AV1 decoder gave a picture that is not whole")),
                },
                Err(Av1Error::Again) => match sent {
                    Err(Av1Error::Again) => sent = self.decoder.send_pending_data(),
                    Err(error) => return Err(failed(failure.unwrap_or(error))),
                    Ok(()) => return failure.map_or(Ok(()), |error| Err(failed(error))),
                },
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        // What is left over must not meet the next packet.
        self.decoder.flush();
        Err(failed(failure.unwrap_or(Av1Error::InvalidArgument)))
    }
}

impl Decoder for Av1 {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        if packet.is_empty() {
            return Err(Error::malformed("an empty packet"));
        }
        self.send(packet, pts, out)
    }

    // Without a delay nothing waits.
    fn flush(&mut self, _: &mut VecDeque<Picture>) {}
}

fn picture(frame: &Frame, pts: i64) -> Option<Picture> {
    use PlanarImageComponent::{U, V, Y};
    let depth = u8::try_from(frame.bit_depth()).ok()?;
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (across, down) = match frame.pixel_layout() {
        PixelLayout::I400 | PixelLayout::I420 => (width.div_ceil(2), height.div_ceil(2)),
        PixelLayout::I422 => (width.div_ceil(2), height),
        PixelLayout::I444 => (width, height),
    };
    let luma = plane(frame, Y, (width, height), depth)?;
    let planes = if frame.pixel_layout() == PixelLayout::I400 {
        let gray = if depth > 8 {
            Samples::Wide(vec![1 << (depth - 1); across * down])
        } else {
            Samples::Narrow(vec![128; across * down])
        };
        let gray = Plane { width: across, height: down, samples: gray };
        [luma, gray.clone(), gray]
    } else {
        [luma, plane(frame, U, (across, down), depth)?, plane(frame, V, (across, down), depth)?]
    };
    Some(Picture { pts, depth, planes })
}

/// One plane without the gaps between its rows.
fn plane(frame: &Frame, which: PlanarImageComponent, (width, height): (usize, usize), depth: u8) -> Option<Plane> {
    let (data, stride) = (frame.plane(which), frame.stride(which) as usize);
    let bytes = if depth > 8 { 2 * width } else { width };
    let mut rows = (0..height).map(|row| data.get(row * stride..row * stride + bytes));
    let samples = if depth > 8 {
        let mut wide = Vec::new();
        for row in rows {
            wide.extend(row?.as_chunks::<2>().0.iter().map(|&pair| u16::from_ne_bytes(pair)));
        }
        Samples::Wide(wide)
    } else {
        let mut narrow = Vec::new();
        rows.try_for_each(|row| {
            narrow.extend_from_slice(row?);
            Some(())
        })?;
        Samples::Narrow(narrow)
    };
    Some(Plane { width, height, samples })
}

fn failed(error: Av1Error) -> Error {
    match error {
        Av1Error::NotEnoughMemory => Error::limit("has AV1 pictures larger than allowed; send a smaller one"),
        Av1Error::UnsupportedBitstream => {
            Error::unsupported("AV1 of this kind is not decoded here; use ffmpeg, or convert the file first")
        }
        other => Error::malformed(format!("a picture does not decode: {other}")),
    }
}
