//! AC-3, DTS and LOAS: what the first frame says, and the length by a walk over all. Nothing here decodes them.

use super::sound;
use super::stream::Streamed;
use crate::codec::aac::Config;
use crate::codec::{ac3, dts};
use crate::demux::framed::{Ac3, Dts, Loas};
use crate::demux::frames::{Syntax, Tags, Walk};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// How many frames are looked at for one that describes the stream: of LOAS not every one does.
const MAX_LEAD: usize = 64;

/// What a frame says of its stream.
struct Described {
    track: AudioTrack,
    /// What its samples are counted by, and how many of them the walk counts as one.
    rate: u32,
    unit: u32,
}

/// What can be measured of AC-3 and E-AC-3.
pub(super) fn inspect_ac3(source: &Source) -> Result<Streamed> {
    inspect::<Ac3>(source, "ac3", |frame| {
        let header = ac3::Header::parse(frame)?;
        Some(described(header.codec, header.sample_rate, header.channels))
    })
}

/// What can be measured of DTS.
pub(super) fn inspect_dts(source: &Source) -> Result<Streamed> {
    inspect::<Dts>(source, "dts", |frame| {
        let header = dts::Header::parse(frame).filter(|header| header.samples > 0)?;
        Some(described("dts", header.sample_rate, header.channels))
    })
}

/// What can be measured of AAC in LOAS.
pub(super) fn inspect_loas(source: &Source) -> Result<Streamed> {
    inspect::<Loas>(source, LATM, |frame| {
        let (subframes, config) = multiplex(frame.get(Loas::HEADER..)?)?;
        let mut found = described(LATM, config.sample_rate, config.channels);
        found.track.profile = Some(config.profile.to_owned());
        if config.may_hide_sbr() {
            // Who decodes it finds out.
            (found.track.sample_rate, found.track.channels) = (None, None);
        }
        (found.rate, found.unit) = (config.core_rate, config.frame_samples * subframes);
        Some(found)
    })
}

/// AAC in LATM by the name of the field.
const LATM: &str = "aac-latm";

fn described(codec: &str, rate: u32, channels: u16) -> Described {
    let track = AudioTrack {
        codec: codec.to_owned(),
        sample_rate: Some(rate),
        channels: Some(channels).filter(|&channels| channels > 0),
        default: true,
        ..AudioTrack::default()
    };
    Described { track, rate, unit: 1 }
}

/// Frames of AAC in one of LOAS, and their configuration (ISO/IEC 14496-3 §1.7.3): the fields before it take two bytes in the
/// version that everybody writes.
fn multiplex(element: &[u8]) -> Option<(u32, Config)> {
    let &[first, second] = element.first_chunk()?;
    // The configuration of the frame before; another version; streams of different lengths, further programmes and layers.
    if first & 0xe0 != 0x20 || second & 0x7f != 0 {
        return None;
    }
    let subframes = u32::from(first & 0x1f) << 1 | u32::from(second >> 7);
    // Nothing tells where it ends; it is not searched for what would stand behind it elsewhere.
    Some((subframes + 1, Config::parse(element.get(2..6)?)?))
}

fn inspect<S: Syntax>(source: &Source, codec: &str, describe: impl Fn(&[u8]) -> Option<Described>) -> Result<Streamed> {
    let tags = Tags::find(source)?;
    let Some(mut walk) = Walk::<S>::find(source, tags.start, tags.end)? else {
        return Ok(sound::broken(codec, "no frame was found"));
    };
    let first = walk.at();
    let mut found = None;
    for _ in 0..MAX_LEAD {
        let Some((place, frame)) = walk.next()? else { break };
        found = describe(walk.content(place, frame.length)?);
        if found.is_some() {
            break;
        }
    }
    let counted = walk.count(first)?;
    let mut damage: Vec<Damage> = counted.damage().into_iter().collect();
    if counted.junk > 0 {
        damage.push(Damage::Malformed(format!("found {} bytes between its frames that belong to none", counted.junk)));
    }
    // Zeros behind the last frame fill up a block of who wrote it.
    let rest = source.bytes_at(counted.end, 4)?;
    let left = tags.end - counted.end;
    if counted.cut || (1..dts::Header::SIZE as u64).contains(&left) && rest.first() != Some(&0) {
        damage.push(Damage::Truncated("the last frame ends beyond the file".to_owned()));
    } else if left > 0 && damage.is_empty() && rest != [0; 4] {
        damage.push(Damage::Malformed(format!("no frame starts at byte {}", counted.end)));
    }
    let Described { track, rate, unit } = found.unwrap_or_else(|| described(codec, 0, 0));
    let duration_us = sound::microseconds(counted.samples.saturating_mul(unit.into()), rate);
    let bitrate = sound::bitrate(counted.bytes, duration_us);
    let sample_rate = track.sample_rate.filter(|&rate| rate > 0);
    let mut found = sound::alone(AudioTrack { sample_rate, duration_us, bitrate, ..track }, damage);
    found.streams.cover_art = tags.picture;
    found.streams.metadata_bytes = tags.start + (source.len() - tags.end);
    Ok(found)
}
