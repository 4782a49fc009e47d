//! Samples, or blocks of ADPCM, that stand one behind the other in a file.

use super::PcmSource;
use super::decoder::{Decoder, Spec};
use super::health::Health;
use super::layout::Layout;
use super::pcm::Stored;
use super::symphonia::SymphoniaDecoder;
use crate::error::Result;
use crate::source::Source;

/// Bytes that are read at once.
const READ: usize = 64 * 1024;

/// How the samples are read.
pub(super) enum Reading {
    Plain(Stored),
    /// The decoder, and bytes and samples of a block.
    Blocks(SymphoniaDecoder, usize, u64),
}

/// Samples between two places of a file.
pub(super) struct StoredSource<'a> {
    source: &'a Source,
    spec: Spec,
    reading: Reading,
    at: u64,
    end: u64,
    /// Samples of a channel that are still to be played, where the file says.
    left: Option<u64>,
    block: Vec<u8>,
    health: Health,
}

impl<'a> StoredSource<'a> {
    /// The samples between `start` and `end`, of which `frames` are played.
    pub(super) fn new(
        source: &'a Source,
        spec: Spec,
        reading: Reading,
        (start, end): (u64, u64),
        frames: Option<u64>,
    ) -> Self {
        Self { source, spec, reading, at: start, end, left: frames, block: Vec::new(), health: Health::default() }
    }
}

impl StoredSource<'_> {
    /// Reads the next whole frames or blocks.
    fn fill(&mut self, unit: usize) -> Result<bool> {
        let unit = unit.max(1);
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = (READ / unit).max(1) * unit;
        self.block.resize(wanted.min(left), 0);
        let count = self.source.read_at(self.at, &mut self.block)?;
        self.block.truncate(count - count % unit);
        self.at += self.block.len() as u64;
        Ok(!self.block.is_empty())
    }
}

impl PcmSource for StoredSource<'_> {
    fn rate(&self) -> u32 {
        self.spec.rate
    }

    fn channels(&self) -> u16 {
        self.spec.layout.channels()
    }

    fn layout(&self) -> Layout {
        self.spec.layout
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        let channels = usize::from(self.spec.layout.channels());
        let unit = match &self.reading {
            Reading::Plain(stored) => stored.size() * channels,
            Reading::Blocks(_, bytes, _) => *bytes,
        };
        if self.left == Some(0) || !self.fill(unit)? {
            return self.health.verdict(self.rate()).map(|()| false);
        }
        let before = into.len();
        match &mut self.reading {
            Reading::Plain(stored) => stored.convert(&self.block, into),
            Reading::Blocks(decoder, bytes, frames) => {
                for block in self.block.chunks_exact(*bytes) {
                    let start = into.len();
                    if decoder.decode(block, into).is_ok() {
                        self.health.success(*frames);
                    } else {
                        self.health.failure(1, 0);
                        // At most MAX_PACKET_FRAMES.
                        into.resize(start + *frames as usize * channels, 0.0);
                    }
                }
            }
        }
        if let Some(left) = &mut self.left {
            let frames = ((into.len() - before) / channels.max(1)) as u64;
            let played = frames.min(*left);
            *left -= played;
            into.truncate(before + usize::try_from(played).unwrap_or(0) * channels);
        }
        Ok(true)
    }
}
