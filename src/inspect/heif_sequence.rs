//! The `moov` box of an image sequence (`avis`, `msf1`): its frames and how long they stand (ISO/IEC 23008-12 §7).

use crate::boxes::{child, children, full};
use crate::bytes::be16;
use crate::facts::Animation;
use crate::limits::{MAX_ENTRIES, MAX_FRAMES};

/// A track of pictures.
#[derive(Debug)]
pub(super) struct Track<'a> {
    /// Number of frames and their durations.
    pub frames: Animation,
    /// Width and height of the coded pictures.
    pub size: (u32, u32),
    /// The boxes within the sample entry: `av1C`, `hvcC`, `colr`.
    pub entry: &'a [u8],
}

/// The first track of pictures in a `moov` box; a motion photo's video track is none.
pub(super) fn track(moov: &[u8]) -> Option<Track<'_>> {
    children(moov).filter(|(kind, _)| kind == b"trak").find_map(|(_, trak)| read(child(trak, b"mdia")?))
}

fn read(mdia: &[u8]) -> Option<Track<'_>> {
    let (_, _, mut handler) = full(child(mdia, b"hdlr")?)?;
    handler.take(4)?;
    if handler.take(4)? != b"pict" {
        return None;
    }
    let (version, _, mut header) = full(child(mdia, b"mdhd")?)?;
    header.take(if version == 1 { 16 } else { 8 })?;
    let timescale = u64::from(header.u32()?.max(1));
    let table = child(child(mdia, b"minf")?, b"stbl")?;
    let frames = durations(child(table, b"stts")?, timescale)?;
    // Version, flags and count, then the entry: a header of 8 bytes, 78 of a visual sample entry, boxes.
    let (_, _, mut description) = full(child(table, b"stsd")?)?;
    description.take(4)?;
    let (_, entry) = children(description.0).next()?;
    let size = (u32::from(be16(entry, 24)?), u32::from(be16(entry, 26)?));
    Some(Track { frames, size, entry: entry.get(78..)? })
}

/// Runs of frames of one duration.
fn durations(stts: &[u8], timescale: u64) -> Option<Animation> {
    let (_, _, mut rest) = full(stts)?;
    let runs = rest.u32()? as usize;
    let (mut frames, mut total, mut shortest) = (0_u64, 0_u64, None::<u64>);
    for _ in 0..runs.min(MAX_ENTRIES) {
        let (Some(count), Some(delta)) = (rest.u32(), rest.u32()) else { break };
        let (count, delta) = (u64::from(count), u64::from(delta));
        frames = frames.saturating_add(count);
        total = total.saturating_add(count.saturating_mul(delta));
        shortest = Some(shortest.map_or(delta, |shortest| shortest.min(delta)));
    }
    let ms = |units: u64| units.saturating_mul(1000) / timescale;
    Some(Animation {
        frames: u32::try_from(frames).unwrap_or(MAX_FRAMES).min(MAX_FRAMES),
        shortest_frame_ms: shortest.map(|units| u32::try_from(ms(units)).unwrap_or(u32::MAX)),
        total_ms: Some(ms(total)),
        played_us: None,
    })
}
