//! Coded pictures to pictures: which decoder, its guards, and what is made of its failures.

#[cfg(feature = "avif")]
mod av1;
pub(super) mod h264;
#[cfg(feature = "hevc")]
mod hevc;
mod mjpeg;
pub(super) mod rgb;
mod vp8;
mod vp9;

use super::picture::{Picture, PictureSource, Plane, Samples};
use super::survey::Start;
use crate::demux::{Demuxer, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};
use std::collections::VecDeque;

/// The largest picture that is decoded, in pixels: 8K.
const MAX_PIXELS: u64 = 8192 * 4352;

/// The most pictures that may wait.
const MAX_WAITING: usize = 64;

/// One of so many packets may fail before the stream counts as broken.
const TOLERANCE: u64 = 20;

/// A decoder of one codec.
pub(super) trait Decoder {
    /// Decodes a packet; pictures that are ready go to `out`.
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()>;

    /// Gives the pictures that wait.
    fn flush(&mut self, out: &mut VecDeque<Picture>);
}

/// The decoder of `track`.
pub(super) fn of_track(track: &Track) -> Result<Box<dyn Decoder>> {
    match track.codec.as_str() {
        "h264" => Ok(Box::new(h264::H264::new(&track.config)?)),
        #[cfg(feature = "hevc")]
        "hevc" => Ok(Box::new(hevc::Hevc::new(&track.config)?)),
        #[cfg(feature = "avif")]
        "av1" => Ok(Box::new(av1::Av1::new(&track.config)?)),
        "mjpeg" => Ok(Box::new(mjpeg::Mjpeg::new(track))),
        "vp8" => Ok(Box::new(vp8::Vp8::new())),
        "vp9" => Ok(Box::new(vp9::Vp9::new())),
        rgb::CODEC => Ok(Box::new(rgb::Rgb::new(track)?)),
        codec => Err(Error::unsupported(crate::built::refusal(codec, codec).unwrap_or_else(|| {
            format!("{codec} pictures are not coded anew here; use ffmpeg, or convert the file first")
        }))),
    }
}

/// Refuses a size that would cost more than any phone's.
pub(super) fn guarded(width: u32, height: u32) -> Result<()> {
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::limit(format!(
            "has pictures of {width}x{height}; allowed {MAX_PIXELS} pixels; send a smaller one"
        )));
    }
    Ok(())
}

/// The pictures of one track.
pub(super) struct Stream<'a> {
    demuxer: Box<dyn Demuxer + 'a>,
    track: usize,
    decoder: Box<dyn Decoder>,
    packet: Packet,
    waiting: VecDeque<Picture>,
    /// How many packets of the track are passed over first, and which pictures behind the first need one of those.
    skip: u64,
    leading: i64,
    salvage: bool,
    packets: u64,
    failures: u64,
    pictures: u64,
    first_failure: Option<Error>,
    ended: bool,
}

impl<'a> Stream<'a> {
    /// The pictures from `start` on, at which decoding must be able to start.
    pub(super) fn new(demuxer: Box<dyn Demuxer + 'a>, track: usize, start: Start, salvage: bool) -> Result<Self> {
        let described = demuxer.tracks().get(track).ok_or_else(|| Error::malformed("holds no moving pictures"))?;
        if let Some((width, height)) = described.size {
            guarded(width, height)?;
        }
        let decoder = of_track(described)?;
        Ok(Self {
            demuxer,
            track,
            decoder,
            packet: Packet::default(),
            waiting: VecDeque::new(),
            skip: start.packet,
            leading: if start.packet > 0 { start.pts } else { i64::MIN },
            salvage,
            packets: 0,
            failures: 0,
            pictures: 0,
            first_failure: None,
            ended: false,
        })
    }

    fn advance(&mut self) -> Result<()> {
        let want = if self.skip > 0 { Want::Table } else { Want::Content };
        let more = match self.demuxer.next(&mut self.packet, want) {
            Err(error) if error.kind() == ErrorKind::Malformed && self.salvage => false,
            other => other?,
        };
        if !more {
            self.ended = true;
            self.decoder.flush(&mut self.waiting);
            return Ok(());
        }
        if self.packet.track != self.track {
            return Ok(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if self.packet.pts < self.leading {
            return Ok(());
        }
        self.packets += 1;
        match self.decoder.decode(&self.packet.data, self.packet.pts, &mut self.waiting) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Malformed) => {
                self.failures += 1;
                self.first_failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        if self.waiting.len() > MAX_WAITING {
            return Err(Error::limit("keeps more pictures waiting than any codec may"));
        }
        Ok(())
    }

    /// What is said at the end.
    fn verdict(&mut self) -> Result<()> {
        let broken = self.failures * TOLERANCE > self.packets && !self.salvage;
        if self.pictures == 0 || broken {
            return Err(self.first_failure.take().unwrap_or_else(|| Error::malformed("holds no picture that decodes")));
        }
        Ok(())
    }
}

impl PictureSource for Stream<'_> {
    fn next(&mut self) -> Result<Option<Picture>> {
        loop {
            if let Some(picture) = self.waiting.pop_front() {
                if !picture.planes.iter().all(Plane::is_whole) {
                    return Err(Error::engine("a decoder gave a picture that is not whole"));
                }
                self.pictures += 1;
                return Ok(Some(picture));
            }
            if self.ended {
                return self.verdict().map(|()| None);
            }
            self.advance()?;
        }
    }
}

/// A plane of `width`x`height` out of bytes, which are little-endian pairs above 8 bits.
fn plane(bytes: Vec<u8>, width: usize, height: usize, depth: u8) -> Plane {
    let samples = if depth > 8 {
        Samples::Wide(bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect())
    } else {
        Samples::Narrow(bytes)
    };
    Plane { width, height, samples }
}

#[cfg(test)]
mod tests;
