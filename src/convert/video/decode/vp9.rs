//! VP9 by `rusty_vp9`: all profiles of 4:2:0 to 4:4:4, 8 to 12 bits.

use super::{Decoder, Picture, guarded, plane};
use crate::error::{Error, Result};
use rusty_vp9::{DecodedFrame, Error as Vp9Error, Vp9Decoder, parse_uncompressed_header};
use std::collections::VecDeque;

pub(super) struct Vp9 {
    decoder: Vp9Decoder,
}

impl Vp9 {
    pub(super) fn new() -> Self {
        Self { decoder: Vp9Decoder::new() }
    }

    fn take(&mut self, out: &mut VecDeque<Picture>) -> Result<()> {
        // A hidden picture answers "again" although more wait; each call takes one, and a superframe has eight at most.
        for _ in 0..16 {
            match self.decoder.next_frame() {
                Ok(frame) => out.extend(picture(frame)),
                Err(Vp9Error::Again) => {}
                Err(Vp9Error::Eof) => break,
                Err(error) => return Err(Error::malformed(format!("a picture does not decode: {error:?}"))),
            }
        }
        Ok(())
    }
}

impl Decoder for Vp9 {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        let mut bits = rusty_vp9::BitReader::new(packet);
        if let Ok(header) = parse_uncompressed_header(&mut bits, &[(0, 0); 8]) {
            guarded(header.width, header.height)?;
        }
        self.decoder.push(packet, Some(pts)).map_err(|error| Error::malformed(format!("{error:?}")))?;
        self.take(out)
    }

    fn flush(&mut self, out: &mut VecDeque<Picture>) {
        self.decoder.flush();
        let _: Result<()> = self.take(out);
    }
}

fn picture(frame: DecodedFrame) -> Option<Picture> {
    let depth = u8::try_from(frame.bit_depth).ok()?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let across = width.div_ceil(1 << frame.subsampling_x.min(1));
    let down = height.div_ceil(1 << frame.subsampling_y.min(1));
    let mut planes = frame.planes.into_iter();
    let planes = [
        plane(planes.next()?, width, height, depth),
        plane(planes.next()?, across, down, depth),
        plane(planes.next()?, across, down, depth),
    ];
    Some(Picture { pts: frame.pts.unwrap_or(i64::MIN), depth, planes })
}
