//! WAV in all its kinds: PCM, floating point, A-law, mu-law, ADPCM, MP3 inside; RIFF, RF64, RIFX and Wave64; sizes that were
//! never written.

use super::PcmSource;
use super::decoder::{Spec, guard, undecodable};
use super::layout::Layout;
use super::packets::{self, Opening};
use super::pcm::{Stored, of_wave};
use super::stored::{Reading, StoredSource};
use super::symphonia::SymphoniaDecoder;
use crate::bytes::{le16, le32, le64};
use crate::codec::of_wave_tag;
use crate::demux::mp3::Mp3;
use crate::demux::wave::{Chunk, Wave};
use crate::error::{Error, Result};
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

/// Format tags.
const MICROSOFT_ADPCM: u16 = 0x0002;
const IMA_ADPCM: u16 = 0x0011;
const MPEG: u16 = 0x0050;
const MP3: u16 = 0x0055;
const EXTENSIBLE: u16 = 0xfffe;

/// What the `fmt ` chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    tag: u16,
    channels: u16,
    rate: u32,
    block: u16,
    bits: u16,
    mask: u32,
}

impl Form {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut form = Self {
            tag: le16(bytes, 0)?,
            channels: le16(bytes, 2)?,
            rate: le32(bytes, 4)?,
            block: le16(bytes, 12)?,
            bits: le16(bytes, 14).unwrap_or(8),
            mask: 0,
        };
        if form.tag == EXTENSIBLE {
            form.mask = le32(bytes, 20).unwrap_or(0);
            form.tag = le16(bytes, 24)?;
        }
        Some(form)
    }

    const fn is_adpcm(&self) -> bool {
        matches!(self.tag, MICROSOFT_ADPCM | IMA_ADPCM)
    }

    /// Samples of a channel in a block of ADPCM, as its length has it: writers leave the field out.
    fn frames_of_block(&self) -> u64 {
        let (block, channels) = (u64::from(self.block), u64::from(self.channels.max(1)));
        let (header, per_byte) = if self.tag == IMA_ADPCM { (4 * channels, 1) } else { (7 * channels, 2) };
        block.saturating_sub(header) * 2 / channels + per_byte
    }
}

/// Where the samples stand.
struct Chunks {
    form: Form,
    start: u64,
    end: u64,
    /// Samples of a channel by the `fact` chunk.
    frames: Option<u64>,
    big_endian: bool,
}

/// The samples of a WAV file.
///
/// # Errors
/// `Malformed` without a format or data; `Unsupported` by the codec's name; `Limit`.
pub(super) fn open(source: &Source) -> Result<Box<dyn PcmSource + '_>> {
    let chunks = walk(source)?;
    let form = chunks.form;
    if matches!(form.tag, MP3 | MPEG) {
        let frames = Box::new(Mp3::within(source, chunks.start, chunks.end)?);
        return packets::open(frames, 0, Opening { salvage: true, ..Opening::default() });
    }
    guard(u64::from(form.channels), form.rate, None)?;
    let reading = if form.is_adpcm() && !chunks.big_endian {
        let (bytes, frames) = (usize::from(form.block), form.frames_of_block());
        guard(u64::from(form.channels), form.rate, Some(frames))?;
        if bytes == 0 || form.channels > 2 {
            return Err(Error::malformed("the WAV header names blocks that cannot be; send the original again"));
        }
        let microsoft = form.tag == MICROSOFT_ADPCM;
        Reading::Blocks(SymphoniaDecoder::of_adpcm(microsoft, form.rate, form.channels, bytes, frames)?, bytes, frames)
    } else {
        // 12 bits in 16, 20 in 24: the block tells how many bytes a sample has, and what is left of the bits is zero.
        let bits = u16::try_from(u32::from(form.block) * 8 / u32::from(form.channels)).unwrap_or(form.bits);
        let bits = if form.tag == 1 && (8..=32).contains(&bits) && bits >= form.bits { bits } else { form.bits };
        let stored = of_wave(form.tag, bits).ok_or_else(|| undecodable(&of_wave_tag(form.tag)))?;
        Reading::Plain(Stored { big_endian: chunks.big_endian, ..stored })
    };
    let frames = if form.is_adpcm() { chunks.frames.filter(|&frames| frames > 0) } else { None };
    let spec = Spec { rate: form.rate, layout: Layout::of_mask(form.mask, form.channels) };
    Ok(Box::new(StoredSource::new(source, spec, reading, (chunks.start, chunks.end), frames)))
}

/// The MPEG audio frames of a WAV that holds such.
///
/// # Errors
/// `Unsupported` by the codec's name when it holds another one; `Malformed` when there is no frame.
pub(crate) fn frames(source: &Source) -> Result<Mp3<'_>> {
    let chunks = walk(source)?;
    if matches!(chunks.form.tag, MP3 | MPEG) {
        Mp3::within(source, chunks.start, chunks.end)
    } else {
        Err(Error::unsupported(format!("{} in WAV is not in packets", of_wave_tag(chunks.form.tag))))
    }
}

/// Finds the format and the data.
fn walk(source: &Source) -> Result<Chunks> {
    let broken = |what: &str| Error::malformed(format!("the WAV file has no {what}; send the original again"));
    let wave = Wave::of(source.head()?);
    let (mut at, mut form, mut frames, mut long) = (wave.first(), None, None, None);
    for _ in 0..MAX_ENTRIES {
        let Some(chunk) = wave.chunk(&source.bytes_at(at, Wave::HEADER)?, at) else { break };
        let Chunk { kind, start, size } = chunk;
        match &kind {
            b"fmt " => {
                let there = usize::try_from(size).unwrap_or(64).min(64);
                form = Form::parse(&wave.format(source.bytes_at(start, there)?));
            }
            b"fact" => frames = wave.number(&source.bytes_at(start, 4)?).map(u64::from),
            // The sizes of RF64 (EBU Tech 3306 §3): of the file, of the data.
            b"ds64" => long = le64(&source.bytes_at(start, 16)?, 8),
            b"data" => {
                let form = form.ok_or_else(|| broken("format chunk before its data"))?;
                let end = wave.data(source, &chunk, long)?.end.min(source.len());
                return Ok(Chunks { form, start, end, frames, big_endian: wave == Wave::Rifx });
            }
            _ => {}
        }
        at = wave.behind(&chunk, start.saturating_add(size));
    }
    Err(broken("data chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn wav(tag: u16, channels: u16, rate: u32, bits: u16, size: u32, data: &[u8]) -> Source {
        let block = channels.wrapping_mul(bits / 8);
        let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".to_vec();
        bytes.extend([tag.to_le_bytes(), channels.to_le_bytes()].concat());
        bytes.extend([rate.to_le_bytes(), rate.wrapping_mul(block.into()).to_le_bytes()].concat());
        bytes.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        bytes.extend(b"data");
        bytes.extend(size.to_le_bytes());
        bytes.extend(data);
        Source::from_bytes(bytes, None)
    }

    fn samples(source: &Source) -> Vec<f32> {
        let mut pcm = open(source).unwrap();
        let mut samples = Vec::new();
        while pcm.read(&mut samples).unwrap() {}
        samples
    }

    #[test]
    fn sizes_that_were_never_written() {
        let data = [0, 0x40, 0, 0xc0, 7];
        for size in [0, u32::MAX, 4, 400] {
            assert_eq!(samples(&wav(1, 1, 8000, 16, size, &data)), [0.5, -0.5], "{size}");
        }
        assert_eq!(samples(&wav(1, 1, 8000, 16, 2, &data)), [0.5]);
        assert_eq!(samples(&wav(1, 1, 8000, 16, 0, &[])), [0.0; 0]);
    }

    #[test]
    fn guards_and_refusals() {
        let refused = |source: &Source| open(source).err().map(|error| error.kind());
        assert_eq!(refused(&wav(1, 65_408, 8000, 16, 4, &[0; 4])), Some(ErrorKind::Limit));
        assert_eq!(refused(&wav(1, 0, 8000, 16, 4, &[0; 4])), Some(ErrorKind::Limit));
        assert_eq!(refused(&wav(1, 2, 1, 16, 4, &[0; 4])), Some(ErrorKind::Limit));
        assert_eq!(refused(&wav(0x31, 1, 8000, 16, 4, &[0; 4])), Some(ErrorKind::Unsupported));
        assert_eq!(refused(&Source::from_bytes(b"RIFF\0\0\0\0WAVE".as_slice(), None)), Some(ErrorKind::Malformed));
    }
}
