//! Sound with a magic and a header of its own: AU, True Audio, WavPack, Monkey's Audio, Musepack. The magic alone is believed of none.

use super::bytes::Window;
use super::{Sniffed, Streams};
use crate::codec::{au, packed};
use crate::error::Result;
use crate::format::Format;

/// Looks at the header.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    Ok(of(window.head()))
}

/// What starts so.
pub(super) fn of(head: &[u8]) -> Option<Sniffed> {
    if let Some(header) = au::Header::parse(head) {
        return Some(sniffed(Format::Au, header.codec(), header.channels));
    }
    let (format, codec, channels) = match head.get(..4)? {
        b"TTA1" => (Format::Tta, "tta", packed::tta(head)?.channels),
        // Of more channels than two, the first block has but its own.
        b"wvpk" => (Format::WavPack, "wavpack", packed::Block::parse(head)?.header.channels),
        b"MAC " => (Format::Ape, "ape", packed::ape(head)?.channels),
        b"MPCK" => (Format::Musepack, "musepack", packed::musepack_8(head)?.channels),
        [b'M', b'P', b'+', _] => (Format::MusepackSv7, "musepack", packed::musepack_7(head)?.channels),
        _ => return None,
    };
    Some(sniffed(format, codec.to_owned(), channels))
}

fn sniffed(format: Format, codec: String, channels: u16) -> Sniffed {
    let channels = Some(channels).filter(|&channels| channels > 0);
    Sniffed::of(format).with(Streams { audio_codecs: vec![codec], channels, ..Streams::default() })
}
