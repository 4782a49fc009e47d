//! Packets out of containers, by position: what inspection counts and conversion copies or decodes.
//!
//! One folder or file a container. A demuxer reads headers when it is opened and packets when they are asked for; it
//! holds its index and one packet in memory, never the file. Nothing here decodes, and nothing here judges.

pub(crate) mod adts;
pub(crate) mod amr;
pub(crate) mod annexb;
pub(crate) mod avi;
pub(crate) mod caf;
pub(crate) mod flv;
pub(crate) mod framed;
pub(crate) mod frames;
mod framing;
pub(crate) mod isobmff;
pub(crate) mod language;
pub(crate) mod matroska;
pub(crate) mod mp3;
pub(crate) mod mpegts;
pub(crate) mod ogg;
pub(crate) mod reorder;
pub(crate) mod wave;

use crate::error::{Error, Result};
use crate::facts::{ColorTags, OtherKind};
use crate::format::Format;
use crate::source::Source;

/// The shortest hole between packets that is a loss or a pause, in milliseconds: what is shorter is a rounding of times, or a
/// clock that drifts, which without pictures nobody notices.
pub(crate) const HOLE_MS: i64 = 100;

/// What kind of content a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Something else.
    Other(OtherKind),
}

/// A track as its container describes it.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// The container's own number of it.
    pub id: u64,
    /// What it holds.
    pub kind: Kind,
    /// The codec by the name of the field: `h264`, `aac`, or the container's own code.
    pub codec: String,
    /// The codec's configuration, verbatim: avcC, hvcC, AudioSpecificConfig, OpusHead (little-endian, with its magic),
    /// the three Vorbis headers as Matroska laces them, ALAC's cookie, FLAC's STREAMINFO; for uncompressed sound the layout of
    /// a sample: `s16le`, `u8`, `f32be`. Empty where there is none.
    pub config: Vec<u8>,
    /// The whole box of the sample entry, for ISO base media files: copied verbatim by a remux.
    pub sample_entry: Option<Vec<u8>>,
    /// How many sample entries its samples use: a copy of [`sample_entry`](Self::sample_entry) alone is whole with 1.
    pub descriptions: u32,
    /// Ticks per second of this track's times.
    pub timescale: u32,
    /// Length by the container's headers, in ticks.
    pub duration: Option<u64>,
    /// Where the presentation starts within the track's own times, in ticks, and when it starts: see [`Edits`].
    pub edits: Edits,
    /// Samples to drop at the start (Opus pre-skip, encoder delay that no edit list takes off), at the codec's rate.
    pub priming: Option<u32>,
    /// Samples to drop at the end.
    pub padding: Option<u32>,
    /// ISO 639 language, where one is named.
    pub language: Option<String>,
    /// Whether it is marked as the one to play.
    pub default: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Channels by the container.
    pub channels: Option<u16>,
    /// Samples per second by the container.
    pub sample_rate: Option<u32>,
    /// Bits per sample by the container.
    pub bits: Option<u8>,
    /// Width and height by the container, in pixels.
    pub size: Option<(u32, u32)>,
    /// Shape of a pixel, where it is not square.
    pub pixel_aspect: Option<(u32, u32)>,
    /// The display matrix of an ISO base media file (ISO/IEC 14496-12 §8.3.2), verbatim.
    pub matrix: Option<[i32; 9]>,
    /// Colour by the container.
    pub color: Option<ColorTags>,
    /// Whether the container marks it as Dolby Vision.
    pub dolby_vision: bool,
}

impl Track {
    /// A track of which only this is known.
    pub(crate) fn new(id: u64, kind: Kind, codec: impl Into<String>, timescale: u32) -> Self {
        Self {
            id,
            kind,
            codec: codec.into(),
            config: Vec::new(),
            sample_entry: None,
            descriptions: 1,
            timescale: timescale.max(1),
            duration: None,
            edits: Edits::default(),
            priming: None,
            padding: None,
            language: None,
            default: false,
            encrypted: false,
            channels: None,
            sample_rate: None,
            bits: None,
            size: None,
            pixel_aspect: None,
            matrix: None,
            color: None,
            dolby_vision: false,
        }
    }
}

/// A track's edit list, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Edits {
    /// The list itself: length in microseconds, start within the track in its ticks (-1: nothing is shown), and speed
    /// as a 16.16 fixed-point number.
    pub list: Vec<EditEntry>,
}

/// One entry of an edit list (ISO/IEC 14496-12 §8.6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EditEntry {
    /// How long it lasts, in microseconds; 0 for "to the end" (as writers of fragmented files have it).
    pub duration_us: u64,
    /// Where it starts within the track, in ticks; -1 for an empty edit.
    pub media_time: i64,
    /// Speed, 16.16 fixed point.
    pub rate: i32,
}

/// One packet: a frame of pictures, a block of sound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    /// Index of its track in [`Demuxer::tracks`].
    pub track: usize,
    /// When it is decoded, in ticks.
    pub dts: i64,
    /// When it is shown, in ticks.
    pub pts: i64,
    /// How long it is shown, in ticks; 0 when the container does not say.
    pub duration: u64,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Samples at its end that are not played (Matroska's `DiscardPadding`), in nanoseconds.
    pub discard_ns: i64,
    /// Length of its content in bytes.
    pub size: u32,
    /// Whether another recording begins with it, so that its decoder has to be made anew.
    pub restarts: bool,
    /// Its content; empty where only the table was asked for, or where it lies in the source as it is.
    pub data: Vec<u8>,
    /// Where its content starts in the source, where [`Want::Place`] was asked for and it lies there as it is.
    pub at: Option<u64>,
}

/// What is wanted of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Times and sizes alone: the content is not read where the container allows.
    Table,
    /// The content as well.
    Content,
    /// The content, or the place in the source from which it can be copied as it is.
    Place,
}

/// A container, read forward.
pub(crate) trait Demuxer {
    /// Its tracks, all of them.
    fn tracks(&self) -> &[Track];

    /// Puts the next packet, in the order of decoding times, into `packet`, whose buffer is used again; false at the end.
    ///
    /// # Errors
    /// `Io` when the source cannot be read; `Malformed` when the structure ends before the content does, or contradicts itself.
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool>;
}

/// The packets of `source`, whose content is of `format`.
///
/// # Errors
/// `Unsupported` for containers that nobody takes apart; otherwise as each demuxer.
pub(crate) fn open(source: &Source, format: Format) -> Result<Box<dyn Demuxer + '_>> {
    Ok(match format {
        Format::Mp4
        | Format::M4v
        | Format::Mov
        | Format::ThreeGp
        | Format::M4a
        | Format::MovAudio
        | Format::ThreeGpAudio => Box::new(isobmff::Isobmff::open(source)?),
        Format::Mkv | Format::Webm | Format::Mka | Format::WebmAudio => Box::new(matroska::Matroska::open(source)?),
        Format::Avi | Format::AviAudio => Box::new(avi::Avi::open(source)?),
        Format::MpegTs | Format::MpegTsAudio => Box::new(mpegts::MpegTs::open(source)?),
        Format::Flv | Format::FlvAudio => Box::new(flv::Flv::open(source)?),
        Format::Adts => Box::new(adts::Adts::open(source)?),
        Format::Amr | Format::AmrWb => Box::new(amr::Amr::open(source)?),
        Format::Caf => Box::new(caf::Caf::open(source)?),
        Format::Mp3 | Format::Mp2 => Box::new(mp3::Mp3::open(source)?),
        Format::OggOpus | Format::OggVorbis | Format::OggFlac | Format::OggSpeex | Format::OggTheora => {
            Box::new(ogg::Ogg::open(source)?)
        }
        other => return Err(Error::unsupported(format!("{} is not taken apart here", other.label()))),
    })
}
