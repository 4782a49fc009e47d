//! True Audio, WavPack, Monkey's Audio and Musepack: what their headers say, and whether all is there. Nothing here decodes them.

use super::sound;
use super::stream::Streamed;
use crate::bytes::{Blocks, le32};
use crate::codec::packed::{self, Block, Header};
use crate::demux::frames::Tags;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::format::Format;
use crate::source::Source;

/// Bytes of a header, at the most that is read.
const HEAD: usize = 1024;

/// What can be measured of a file of these formats.
pub(super) fn inspect(source: &Source, format: Format) -> Result<Streamed> {
    let tags = Tags::find(source)?;
    let head = source.bytes_at(tags.start, HEAD)?;
    let mut damage = Vec::new();
    let (codec, header) = match format {
        Format::Tta => (
            "tta",
            match packed::tta(&head) {
                Some(header) => Some(Header { bytes: true_audio(source, &tags, &header)?, ..header }),
                None => None,
            },
        ),
        Format::WavPack => ("wavpack", blocks(source, &tags, &mut damage)?),
        Format::Ape => ("ape", packed::ape(&head)),
        Format::MusepackSv7 => ("musepack", packed::musepack_7(&head)),
        _ => (
            "musepack",
            match packed::musepack_8(&head) {
                Some(header) => packets(source, &tags, &mut damage)?.then_some(header),
                None => None,
            },
        ),
    };
    let Some(header) = header else { return Ok(sound::broken(codec, "the header is damaged")) };
    let there = tags.end - tags.start;
    if let Some(expected) = header.bytes.filter(|&bytes| bytes > there) {
        let what = format!("the sound ends beyond the file; found {there} bytes, expected {expected}");
        damage.push(Damage::Truncated(what));
    }
    // How much of it plays that is not all there, who decodes it finds out.
    let samples = header.samples.filter(|_| damage.is_empty());
    let duration_us = samples.and_then(|samples| sound::microseconds(samples, header.sample_rate));
    let track = AudioTrack {
        codec: codec.to_owned(),
        sample_rate: Some(header.sample_rate).filter(|&rate| rate > 0),
        channels: Some(header.channels).filter(|&channels| channels > 0),
        bits: header.bits,
        duration_us,
        bitrate: sound::bitrate(there, duration_us),
        default: true,
        encrypted: header.encrypted,
        ..AudioTrack::default()
    };
    let mut found = sound::alone(track, damage);
    found.streams.cover_art = tags.picture;
    found.streams.metadata_bytes = tags.start + (source.len() - tags.end);
    Ok(found)
}

/// Bytes up to the end of the last frame of True Audio, by the table of their lengths.
fn true_audio(source: &Source, tags: &Tags, header: &Header) -> Result<Option<u64>> {
    let frames = packed::tta_frames(header);
    let table = packed::TTA_HEADER + 4 * frames + 4;
    if table > tags.end - tags.start {
        return Ok(Some(table));
    }
    let (mut blocks, mut bytes) = (Blocks::new(source)?, table);
    for frame in 0..frames {
        let length = blocks.array(tags.start + packed::TTA_HEADER + 4 * frame)?;
        bytes += u64::from(length.map_or(0, u32::from_le_bytes));
    }
    Ok(Some(bytes))
}

/// The header of a WavPack file, by a walk over its blocks: each must follow the one before.
fn blocks(source: &Source, tags: &Tags, damage: &mut Vec<Damage>) -> Result<Option<Header>> {
    let mut reader = Blocks::new(source)?;
    let (mut at, mut counted, mut found): (u64, u64, Option<Header>) = (tags.start, 0, None);
    let mut together = true;
    while at < tags.end {
        let bytes = reader.from(at, Block::SIZE)?;
        let Some(block) = Block::parse(bytes) else {
            // Zeros and the start of a block that was cut.
            let left = tags.end - at;
            if le32(bytes, 0) != Some(0) {
                let cut = left < Block::SIZE as u64;
                let what = format!("no block starts at byte {at}");
                damage.push(if cut { Damage::Truncated(what) } else { Damage::Malformed(what) });
            }
            break;
        };
        if at + block.length > tags.end {
            damage.push(Damage::Truncated(format!("the block at byte {at} ends beyond the file")));
            break;
        }
        match &mut found {
            None => found = Some(block.header),
            // Those that play at one time have a channel or two each.
            Some(header) if together && !block.ends.0 => header.channels += block.header.channels,
            Some(_) => {}
        }
        together &= !block.ends.1;
        counted += if block.ends.0 { u64::from(block.samples) } else { 0 };
        at += block.length;
    }
    let Some(header) = found else { return Ok(None) };
    if let Some(expected) = header.samples.filter(|&samples| samples > counted && damage.is_empty()) {
        damage.push(Damage::Truncated(format!("its blocks hold {counted} samples, expected {expected}")));
    }
    let samples = header.samples.or(Some(counted).filter(|&samples| samples > 0));
    Ok(Some(Header { samples, ..header }))
}

/// Walks over the packets of Musepack to the one that ends them; false where there is none at the start.
fn packets(source: &Source, tags: &Tags, damage: &mut Vec<Damage>) -> Result<bool> {
    const LONGEST: usize = 11;
    let mut reader = Blocks::new(source)?;
    let mut at = tags.start + 4;
    while at < tags.end {
        match packed::musepack_packet(reader.from(at, LONGEST)?) {
            Some((key, ..)) if &key == b"SE" => return Ok(true),
            Some((_, length, _)) => at = at.saturating_add(length),
            None if tags.end - at >= LONGEST as u64 => {
                damage.push(Damage::Malformed(format!("no packet starts at byte {at}")));
                return Ok(true);
            }
            None => break,
        }
    }
    damage.push(Damage::Truncated("the packet that ends the stream is missing".to_owned()));
    Ok(true)
}
