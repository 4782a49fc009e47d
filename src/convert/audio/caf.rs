//! Plain samples in Core Audio files (Apple, "Core Audio Format Specification 1.0"); coded packets are the demuxer's.

use super::PcmSource;
use super::core_audio;
use super::decoder::{Spec, guard};
use super::pcm::{Stored, of_code};
use super::stored::{Reading, StoredSource};
use super::symphonia::SymphoniaDecoder;
use crate::bytes::{array, be32, be64};
use crate::error::{Error, Result};
use crate::limits::MAX_ENTRIES;
use crate::source::Source;

/// Format flags of linear PCM.
const FLOAT: u32 = 1;
const LITTLE_ENDIAN: u32 = 2;

/// As much of a channel layout as describes the channels that are decoded.
const MAX_LAYOUT: usize = 256;

/// The samples of a Core Audio file; nothing where they are coded in packets.
///
/// # Errors
/// `Malformed` without a description or data; `Limit`.
pub(super) fn open(source: &Source) -> Result<Option<Box<dyn PcmSource + '_>>> {
    let broken = |what: &str| Error::malformed(format!("the Core Audio file has no {what}; send the original again"));
    let (mut at, mut description, mut layout, mut frames, mut data) = (8_u64, None, None, None, None);
    for _ in 0..MAX_ENTRIES {
        let head = source.bytes_at(at, 12)?;
        let Some(size) = be64(&head, 4) else { break };
        let body = at + 12;
        // A size of -1 reaches to the end of the file.
        let end = body.saturating_add(size).min(source.len());
        match head.get(..4) {
            Some(b"desc") => description = Some(source.bytes_at(body, 32)?),
            Some(b"chan") => layout = Some(source.bytes_at(body, MAX_LAYOUT)?),
            Some(b"pakt") => frames = be64(&source.bytes_at(body, 16)?, 8),
            // A count of edits stands in front.
            Some(b"data") => data = Some((body.saturating_add(4), end)),
            _ => {}
        }
        at = end;
    }
    let description = description.ok_or_else(|| broken("description"))?;
    let Some((reading, spec, coded)) = reading(&description, layout.as_deref())? else { return Ok(None) };
    let range = data.ok_or_else(|| broken("data"))?;
    let frames = frames.filter(|&frames| coded && frames > 0);
    Ok(Some(Box::new(StoredSource::new(source, spec, reading, range, frames))))
}

/// How the description has the samples read, and whether in blocks; nothing for packets.
fn reading(description: &[u8], layout: Option<&[u8]>) -> Result<Option<(Reading, Spec, bool)>> {
    let broken = || Error::malformed("the Core Audio file's description is cut off; send the original again");
    let field = |at| be32(description, at).ok_or_else(broken);
    let rate = f64::from_be_bytes(array(description, 0).ok_or_else(broken)?);
    let code: [u8; 4] = array(description, 8).ok_or_else(broken)?;
    let (flags, channels, bits) = (field(12)?, field(24)?, field(28)?);
    // Beyond 32 bits, and what is no number, becomes a rate that the guard refuses.
    let rate = rate as u32;
    let bits = u16::try_from(bits).unwrap_or(0);
    let stored = match &code {
        b"lpcm" if flags & FLOAT != 0 => Stored::floats(bits, flags & LITTLE_ENDIAN == 0),
        b"lpcm" => Stored::integers(bits, flags & LITTLE_ENDIAN == 0, false),
        b"alaw" | b"ulaw" => of_code(&code, 8, false),
        _ => None,
    };
    if stored.is_none() && &code != b"ima4" {
        return Ok(None);
    }
    guard(channels.into(), rate, None)?;
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    let spec = Spec { rate, layout: core_audio::layout(layout.unwrap_or_default(), channels) };
    let reading = match stored {
        Some(stored) => Reading::Plain(stored),
        None => Reading::Blocks(SymphoniaDecoder::of_quicktime_adpcm(rate, channels)?, 34 * usize::from(channels), 64),
    };
    Ok(Some((reading, spec, stored.is_none())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn caf(code: &[u8; 4], flags: u32, [packet, frames, channels, bits]: [u32; 4], size: u64, data: &[u8]) -> Source {
        let mut bytes = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
        bytes.extend(44_100_f64.to_be_bytes());
        bytes.extend(code);
        bytes.extend([flags, packet, frames, channels, bits].map(u32::to_be_bytes).concat());
        bytes.extend(b"data");
        bytes.extend(size.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(data);
        Source::from_bytes(bytes, None)
    }

    #[test]
    fn samples_of_any_order_and_size() {
        for (flags, data) in [(0, [0x40, 0, 0xc0, 0]), (LITTLE_ENDIAN, [0, 0x40, 0, 0xc0])] {
            for size in [8, u64::MAX, 1 << 60] {
                let source = caf(b"lpcm", flags, [2, 1, 1, 16], size, &data);
                let mut pcm = open(&source).unwrap().unwrap();
                let mut samples = Vec::new();
                while pcm.read(&mut samples).unwrap() {}
                assert_eq!((pcm.rate(), samples), (44_100, vec![0.5, -0.5]));
            }
        }
    }

    /// Had 8.4 GB reserved for 62 KB: so many samples, or bytes, were announced a packet.
    #[test]
    fn announced_packets_reserve_nothing() {
        let data = vec![0; 62_000];
        for (code, packet, frames) in [(b"ima4", 68, 0x4000_0000), (b"lpcm", u32::MAX, 1), (b"lpcm", 4, 0x7fff_ffff)] {
            let source = caf(code, 0, [packet, frames, 2, 16], 1 << 60, &data);
            let mut pcm = open(&source).unwrap().unwrap();
            let mut samples = Vec::new();
            while pcm.read(&mut samples).unwrap() {}
            assert!(samples.len() < 130_000 && samples.capacity() < 1_000_000, "{}", samples.capacity());
        }
        let source = caf(b"lpcm", 0, [2, 1, 65_408, 16], 1 << 60, &data);
        assert_eq!(open(&source).err().map(|error| error.kind()), Some(ErrorKind::Limit));
        assert!(open(&caf(b"alac", 0, [0, 4096, 2, 16], 1 << 60, &data)).unwrap().is_none());
    }

    #[test]
    fn channels_are_those_of_the_layout() {
        let plain = caf(b"lpcm", 0, [6, 1, 3, 16], 6, &[0; 6]).read_all().unwrap();
        let layout = [133_u32 << 16 | 3, 0, 0].map(u32::to_be_bytes).concat();
        let chunk = [b"chan".as_slice(), &12_u64.to_be_bytes(), &layout].concat();
        let at = plain.windows(4).position(|window| window == b"data").unwrap();
        let source = Source::from_bytes([&plain[..at], &chunk, &plain[at..]].concat(), None);
        let speakers = open(&source).unwrap().unwrap().layout();
        assert_eq!(speakers, core_audio::layout(&layout, 3));
        assert_ne!(speakers, open(&Source::from_bytes(plain, None)).unwrap().unwrap().layout());
    }
}
