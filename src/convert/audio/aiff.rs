//! AIFF and AIFF-C ("Audio Interchange File Format", version 1.3, and its draft on AIFF-C).

use super::PcmSource;
use super::decoder::{Spec, guard, undecodable};
use super::layout::Layout;
use super::pcm::of_code;
use super::stored::{Reading, StoredSource};
use super::symphonia::SymphoniaDecoder;
use crate::bytes::{array, be16, be32};
use crate::codec::of_sample_entry;
use crate::error::{Error, Result};
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

/// What the common chunk says.
struct Common {
    channels: u16,
    frames: u32,
    bits: u16,
    rate: u32,
    compression: [u8; 4],
}

impl Common {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            channels: be16(bytes, 0)?,
            frames: be32(bytes, 2)?,
            bits: be16(bytes, 6)?,
            rate: extended(be16(bytes, 8)?, be32(bytes, 10)?),
            compression: array(bytes, 18).unwrap_or(*b"NONE"),
        })
    }
}

/// A number of 80 bits (IEEE 754 extended), of which the upper 32 of the fraction are enough for a rate.
fn extended(exponent: u16, fraction: u32) -> u32 {
    // 16383 is the bias; the fraction starts with its whole bit.
    let shift = 16_383 + 31 - i32::from(exponent);
    u32::try_from(shift).ok().and_then(|shift| fraction.checked_shr(shift)).unwrap_or(0)
}

/// The samples of an AIFF file.
///
/// # Errors
/// `Malformed` without a common or a sound chunk; `Unsupported` by the codec's name; `Limit`.
pub(super) fn open(source: &Source) -> Result<Box<dyn PcmSource + '_>> {
    let (common, start, end) = walk(source)?;
    guard(u64::from(common.channels), common.rate, None)?;
    let spec = Spec { rate: common.rate, layout: Layout::of_count(common.channels) };
    let (reading, frames) = if &common.compression == b"ima4" {
        // Counted in blocks of 64 samples.
        let decoder = SymphoniaDecoder::of_quicktime_adpcm(common.rate, common.channels)?;
        (Reading::Blocks(decoder, 34 * usize::from(common.channels), 64), u64::from(common.frames) * 64)
    } else {
        let stored = of_code(&common.compression, common.bits, false);
        let stored = stored.ok_or_else(|| undecodable(&of_sample_entry(common.compression)))?;
        (Reading::Plain(stored), u64::from(common.frames))
    };
    Ok(Box::new(StoredSource::new(source, spec, reading, (start, end), Some(frames).filter(|&frames| frames > 0))))
}

/// Finds the common chunk, and where the samples stand.
fn walk(source: &Source) -> Result<(Common, u64, u64)> {
    let broken = |what: &str| Error::malformed(format!("the AIFF file has no {what}; send the original again"));
    let (mut at, mut common, mut sound) = (12_u64, None, None);
    for _ in 0..MAX_ENTRIES {
        let head = source.bytes_at(at, 8)?;
        let Some(size) = be32(&head, 4) else { break };
        let body = at + 8;
        let end = body.saturating_add(size.into());
        match head.get(..4) {
            Some(b"COMM") => common = Common::parse(&source.bytes_at(body, 22.min(size as usize))?),
            Some(b"SSND") => {
                let offset = be32(&source.bytes_at(body, 4)?, 0).unwrap_or(0);
                sound = Some((body.saturating_add(8).saturating_add(offset.into()), end.min(source.len())));
            }
            _ => {}
        }
        at = end.saturating_add(u64::from(size & 1));
    }
    let (start, end) = sound.ok_or_else(|| broken("sound chunk"))?;
    Ok((common.ok_or_else(|| broken("common chunk"))?, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn aiff(channels: u16, data: &[u8]) -> Source {
        let mut bytes = b"FORM\0\0\x40\0AIFFCOMM\0\0\0\x12".to_vec();
        bytes.extend(channels.to_be_bytes());
        bytes.extend(b"\0\0\0\x02\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND");
        bytes.extend((data.len() as u32 + 8).to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(data);
        Source::from_bytes(bytes, None)
    }

    #[test]
    fn samples_and_rate() {
        let source = aiff(1, &[0x40, 0, 0xc0, 0, 9, 9]);
        let mut pcm = open(&source).unwrap();
        let mut samples = Vec::new();
        while pcm.read(&mut samples).unwrap() {}
        assert_eq!((pcm.rate(), samples), (44_100, vec![0.5, -0.5]));
    }

    /// Reserved channels times samples a packet.
    #[test]
    fn more_channels_than_anyone_has() {
        for channels in [0, 9, 65_408] {
            let source = aiff(channels, &[0; 4096]);
            assert_eq!(open(&source).err().map(|error| error.kind()), Some(ErrorKind::Limit));
        }
        assert_eq!(
            open(&Source::from_bytes(b"FORM\0\0\0\x04AIFF".as_slice(), None)).err().unwrap().kind(),
            ErrorKind::Malformed
        );
    }
}
