//! MP4, MOV, M4V, M4A and 3GP: what their index says of each track, and of the whole.
//!
//! Nothing of the media data is read but the first bytes of a track whose parameter sets stand there alone, and the first
//! frames of AAC that may hide a doubled rate.

mod edit;
mod picture;
mod sound;

use super::sbr;
use super::stream::Streamed;
use crate::codec;
use crate::demux::isobmff::{Isobmff, Measured};
use crate::demux::{Demuxer, Kind, Track};
use crate::error::Result;
use crate::facts::{Damage, OtherKind, OtherTrack, StreamFacts};
use crate::format::Family;
use crate::sniff::Sniffed;
use crate::source::Source;
use edit::Played;

/// Codecs of still pictures: beside sound they are a cover, or the pictures of chapters.
const STILLS: [&str; 2] = ["mjpeg", "png"];

/// Tracks of timed metadata that hold positions: GoPro's, and that of Google's Camera Motion Metadata.
const WITH_POSITION: [&[u8; 4]; 2] = [b"gpmd", b"camm"];

/// What can be measured of `source` without decoding it.
pub(super) fn inspect(source: &Source, sniffed: &Sniffed) -> Result<Streamed> {
    let mut file = Isobmff::open(source)?;
    let tags = file.tags();
    let mut streams = StreamFacts {
        brand: file.layout().brand.clone(),
        fragmented: file.fragmented(),
        index_last: file.layout().index_last(),
        cover_art: tags.cover,
        metadata_bytes: tags.bytes,
        gps: tags.gps,
        device: tags.device,
        joined: file.layout().joined,
        ..StreamFacts::default()
    };
    let mut clock = Clock::default();
    let mut samples = 0;
    for (track, measured) in file.tracks().iter().zip(file.measured()) {
        let played = edit::played(track, &measured.timing);
        match kind(track, measured, sniffed) {
            Kind::Video => {
                streams.video.push(picture::facts(source, track, measured, &played)?);
                clock.add(&played);
                samples += measured.timing.samples;
            }
            Kind::Audio => {
                streams.audio.push(sound::facts(source, track, measured, &played)?);
                clock.add(&played);
                samples += measured.timing.samples;
            }
            Kind::Other(kind) => {
                streams.cover_art |= kind == OtherKind::Cover;
                streams.gps |= measured.code.is_some_and(|code| WITH_POSITION.contains(&&code));
                streams.other.push(other(kind, track, measured));
            }
        }
    }
    streams.duration_us = clock.length();
    sbr::reveal(&mut file, &mut streams);
    let mut damage = file.damage().to_vec();
    if damage.is_empty() && samples == 0 {
        let what = match (streams.video.len() + streams.audio.len(), streams.fragmented) {
            (0, _) => "there is neither sound nor a moving picture in it",
            (_, true) => "it is the head of a fragmented file without any fragment",
            (_, false) => "its tracks hold nothing",
        };
        damage.push(Damage::Malformed(what.to_owned()));
    }
    Ok(Streamed { streams, damage })
}

/// What a track counts as: the pictures of a file that is sound are no film, and what holds nothing is neither.
fn kind(track: &Track, measured: &Measured, sniffed: &Sniffed) -> Kind {
    let still = STILLS.contains(&track.codec.as_str());
    match track.kind {
        Kind::Video | Kind::Audio if measured.timing.samples == 0 => Kind::Other(OtherKind::Unknown),
        Kind::Video if still && sniffed.format.family() == Family::Audio => Kind::Other(OtherKind::Chapters),
        kind => kind,
    }
}

fn other(kind: OtherKind, track: &Track, measured: &Measured) -> OtherTrack {
    let codec = match measured.code {
        Some(code) => codec::of_sample_entry(code),
        None => track.codec.clone(),
    };
    OtherTrack { kind, codec }
}

/// When the first track starts and the last ends, in microseconds.
#[derive(Debug, Default)]
struct Clock {
    first: Option<u64>,
    last: u64,
}

impl Clock {
    fn add(&mut self, played: &Played) {
        if let Some(length) = played.duration_us {
            self.first = Some(self.first.map_or(played.delay_us, |first| first.min(played.delay_us)));
            self.last = self.last.max(played.delay_us.saturating_add(length));
        }
    }

    fn length(&self) -> Option<u64> {
        self.first.map(|first| self.last.saturating_sub(first))
    }
}

/// Bits per second of `bytes` in `us` microseconds.
fn bitrate(bytes: u64, us: Option<u64>) -> Option<u64> {
    let us = us.filter(|&us| us > 0)?;
    u64::try_from(u128::from(bytes) * 8_000_000 / u128::from(us)).ok().filter(|&rate| rate > 0)
}

#[cfg(test)]
mod tests;
