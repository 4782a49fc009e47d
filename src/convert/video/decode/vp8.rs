//! VP8, written after RFC 6386: no crate of a permissive licence decodes more than its key frames.

mod bits;
mod decoder;
mod frame;
mod header;
mod inter;
mod intra;
mod modes;
mod motion;
mod residual;
mod smooth;
mod tables;
#[cfg(test)]
mod tests;
mod transform;

use super::{Decoder, Picture, guarded, plane};
use crate::error::Result;
use std::collections::VecDeque;

pub(super) struct Vp8 {
    decoder: decoder::Decoder,
}

impl Vp8 {
    pub(super) fn new() -> Self {
        Self { decoder: decoder::Decoder::new() }
    }
}

impl Decoder for Vp8 {
    fn decode(&mut self, packet: &[u8], pts: i64, out: &mut VecDeque<Picture>) -> Result<()> {
        // An encoder that dropped a picture says so by a packet of nothing: the one before stays.
        if packet.is_empty() {
            return Ok(());
        }
        if let Some((width, height)) = header::tag(packet)?.0.size {
            guarded(width, height)?;
        }
        out.extend(self.decoder.decode(packet)?.map(|shown| picture(&shown, pts)));
        Ok(())
    }

    fn flush(&mut self, _: &mut VecDeque<Picture>) {}
}

fn picture(shown: &decoder::Shown, pts: i64) -> Picture {
    let (width, height) = (shown.width, shown.height);
    let (across, down) = (width.div_ceil(2), height.div_ceil(2));
    let [luma, blue, red] = &shown.frame.planes;
    let planes = [
        plane(luma.cropped(width, height), width, height, 8),
        plane(blue.cropped(across, down), across, down, 8),
        plane(red.cropped(across, down), across, down, 8),
    ];
    Picture { pts, depth: 8, planes }
}
