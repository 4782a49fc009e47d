//! AIFF, AIFC and Core Audio files.

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, array, be16, be32, be64};
use crate::codec;
use crate::error::Result;
use crate::format::Format;

/// The most chunks that are looked at.
const MAX_CHUNKS: usize = 128;

/// Looks at a file that starts with an AIFF form.
pub(super) fn examine_aiff(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let compressed = match (head.get(..4), head.get(8..12)) {
        (Some(b"FORM"), Some(b"AIFF")) => false,
        (Some(b"FORM"), Some(b"AIFC")) => true,
        _ => return Ok(None),
    };
    let mut streams = Streams::default();
    let mut offset = 12_u64;
    for _ in 0..MAX_CHUNKS {
        let chunk = window.at(offset, 32)?;
        let (Some(kind), Some(size)) = (array::<4>(chunk, 0), be32(chunk, 4)) else { break };
        if &kind == b"COMM" {
            streams.channels = be16(chunk, 8).filter(|&channels| channels > 0);
            // AIFF-C §3.1: the code stands behind the ten bytes of the rate.
            let code = if compressed { array(chunk, 26) } else { Some(*b"NONE") };
            streams.audio_codecs.extend(code.map(codec::of_sample_entry));
            break;
        }
        let size = u64::from(size);
        offset = offset.saturating_add(8 + size + size % 2);
    }
    Ok(Some(Sniffed::of(Format::Aiff).with(streams)))
}

/// Looks at a Core Audio file: its description is always the first chunk (Apple, "CAF File Structure").
pub(super) fn examine_caf(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    if !head.starts_with(b"caff\0\x01") {
        return Ok(None);
    }
    let mut streams = Streams::default();
    if head.get(8..12) == Some(b"desc") && be64(head, 12).is_some_and(|size| size >= 32) {
        const IS_FLOAT: u32 = 1;
        let code = array::<4>(head, 28);
        let is_float = code == Some(*b"lpcm") && be32(head, 32).is_some_and(|flags| flags & IS_FLOAT != 0);
        let code = if is_float { Some(*b"fpcm") } else { code };
        streams.audio_codecs.extend(code.map(codec::of_sample_entry));
        streams.channels = be32(head, 44).and_then(|channels| u16::try_from(channels).ok());
    }
    Ok(Some(Sniffed::of(Format::Caf).with(streams)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn compressed_aiff_and_caf_name_their_codec() {
        let aifc =
            b"FORM\0\0\0\0AIFCFVER\0\0\0\x04\0\0\0\0COMM\0\0\0\x18\0\x02\0\0\0\0\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0alaw";
        let source = Source::from_bytes(&aifc[..], None);
        let sniffed = examine_aiff(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!((sniffed.streams.audio_codecs, sniffed.streams.channels), (vec!["alaw".to_owned()], Some(2)));

        let caf = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20\x40\xe7\0\0\0\0\0\0aac \0\0\0\x02\0\0\0\0\0\0\x04\0\0\0\0\x01\0\0\0\0";
        let source = Source::from_bytes(&caf[..], None);
        let sniffed = examine_caf(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!((sniffed.streams.audio_codecs, sniffed.streams.channels), (vec!["aac".to_owned()], Some(1)));
    }
}
