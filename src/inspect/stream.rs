//! Sound and moving pictures: which container is looked at by whom.

use super::movie;
use super::{adts, au, caf, flac, framed, mp3, ogg, packed, wav, wma};
use super::{asf, avi, flv, matroska, mpegps, mpegts};
use crate::error::Result;
use crate::facts::{AudioTrack, Damage, StreamFacts, VideoTrack};
use crate::format::Format;
use crate::sniff::{Sniffed, Streams};
use crate::source::Source;

/// What an inspector of a container gives.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    /// What was measured.
    pub streams: StreamFacts,
    /// In what ways the bytes break their format.
    pub damage: Vec<Damage>,
}

/// What can be measured of a container without decoding it.
pub(super) fn inspect(source: &Source, sniffed: &Sniffed) -> Result<Streamed> {
    let mut found = match sniffed.format {
        Format::Mp4
        | Format::Mov
        | Format::MovAudio
        | Format::M4v
        | Format::M4a
        | Format::ThreeGp
        | Format::ThreeGpAudio => movie::inspect(source, sniffed)?,
        Format::Adts => adts::inspect(source)?,
        Format::Amr | Format::AmrWb => adts::inspect_amr(source)?,
        Format::Mp3 | Format::Mp2 => mp3::inspect(source)?,
        Format::Ac3 => framed::inspect_ac3(source)?,
        Format::Dts => framed::inspect_dts(source)?,
        Format::Loas => framed::inspect_loas(source)?,
        Format::OggOpus | Format::OggVorbis | Format::OggFlac | Format::OggSpeex | Format::OggTheora => {
            ogg::inspect(source)?
        }
        Format::Wav | Format::Rf64 | Format::W64 => wav::inspect(source)?,
        Format::Aiff => wav::inspect_aiff(source)?,
        Format::Au => au::inspect(source)?,
        Format::Caf => caf::inspect(source)?,
        Format::Flac => flac::inspect(source)?,
        Format::Wma => wma::inspect(source)?,
        Format::Tta | Format::WavPack | Format::Ape | Format::Musepack | Format::MusepackSv7 => {
            packed::inspect(source, sniffed.format)?
        }
        Format::Mkv | Format::Mka | Format::Webm | Format::WebmAudio => matroska::inspect(source)?,
        Format::Avi => avi::inspect(source)?,
        Format::MpegTs => mpegts::inspect(source)?,
        Format::Flv => flv::inspect(source)?,
        Format::Wmv => asf::inspect(source)?,
        Format::MpegPs | Format::MpegVideo => mpegps::inspect(source)?,
        _ => Streamed { streams: outline(&sniffed.streams), damage: Vec::new() },
    };
    let streams = &mut found.streams;
    streams.bitrate = streams
        .duration_us
        .filter(|&us| us > 0)
        .map(|us| u64::try_from(u128::from(source.len()) * 8_000_000 / u128::from(us)).unwrap_or(u64::MAX));
    Ok(found)
}

/// What sniffing has seen, for containers that nobody looks into further.
fn outline(seen: &Streams) -> StreamFacts {
    let video = seen.video_codecs.iter().map(|codec| VideoTrack { codec: codec.clone(), ..VideoTrack::default() });
    let audio = seen.audio_codecs.iter().enumerate().map(|(index, codec)| AudioTrack {
        codec: codec.clone(),
        channels: seen.channels.filter(|_| index == 0),
        encrypted: codec == "encrypted",
        ..AudioTrack::default()
    });
    StreamFacts {
        video: video.map(|track| VideoTrack { encrypted: track.codec == "encrypted", ..track }).collect(),
        audio: audio.collect(),
        brand: seen.brand.clone(),
        fragmented: seen.fragmented,
        ..StreamFacts::default()
    }
}
