//! Sound and moving pictures: what a container says of its streams, and what its frames say themselves.

use serde::{Deserialize, Serialize};

/// What was measured about a file of sound or moving pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamFacts {
    /// Length of the longest stream as it is played (edit lists and priming taken off), in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// The whole file's bytes over its length, in bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// Moving pictures, in the order of the container. Cover art is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub video: Vec<VideoTrack>,
    /// Sound, in the order of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio: Vec<AudioTrack>,
    /// All other tracks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<OtherTrack>,
    /// Major brand of an ISO base media file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Whether an ISO base media file is fragmented (`moof` or `mvex`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub fragmented: bool,
    /// Whether `moov` stands behind the media data, so that nothing plays before the last byte has come.
    #[serde(default, skip_serializing_if = "is_false")]
    pub index_last: bool,
    /// Whether a picture goes along with the sound: a track, an `APIC` or `covr` tag, a FLAC picture.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cover_art: bool,
    /// Bytes of metadata that do not change how it plays (ID3, `udta`, comments, pictures).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub metadata_bytes: u64,
    /// Bytes of an MP3 that are neither tags nor frames, before its first frame.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub junk_bytes: u64,
    /// Whether metadata holds a GPS position.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gps: bool,
    /// Whether metadata names the device's maker, model or serial number.
    #[serde(default, skip_serializing_if = "is_false")]
    pub device: bool,
    /// Whether a second recording follows behind the first, as in files that were joined byte by byte.
    #[serde(default, skip_serializing_if = "is_false")]
    pub joined: bool,
}

impl StreamFacts {
    /// Whether any of its streams is encrypted.
    #[must_use]
    pub fn encrypted(&self) -> bool {
        self.audio.iter().any(|track| track.encrypted) || self.video.iter().any(|track| track.encrypted)
    }
}

/// A stream of sound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AudioTrack {
    /// The codec by the name of the field: `aac`, `opus`, or the container's own code.
    pub codec: String,
    /// AAC's object type: `lc`, `he`, `he-v2`, `xhe`, `main`, `ltp`, `ssr`, `ld`, `eld`, by explicit and implicit signalling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Samples per second and channel as they are played (with SBR: twice the core's), in hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels as they are played (with parametric stereo: 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    /// Bits per sample where the coding has them (PCM, FLAC, ALAC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
    /// Length as it is played, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Bits per second of the coded stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// Samples at the start that are decoded and not played: pre-skip, encoder delay (at `sample_rate`; Opus at 48 kHz).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priming: Option<u32>,
    /// Length of an Opus packet, in microseconds (of the first; that of nearly all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_us: Option<u32>,
    /// Frame-count code of an Opus packet, 0..=3 (RFC 6716 §3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_code: Option<u8>,
    /// ISO 639 language, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether the container marks it as the one to play.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// Whether it is encrypted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub encrypted: bool,
    /// What its edit list does.
    #[serde(default, skip_serializing_if = "Edit::is_none")]
    pub edit: Edit,
    /// What a stream of Ogg Opus or ADTS lacks to be whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ragged: Option<Ragged>,
    /// What does not decode, where it was decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

impl AudioTrack {
    /// Whether its codec, which is lossless, has packets of a second and more.
    pub(crate) fn has_long_packets(&self) -> bool {
        matches!(self.codec.as_str(), "ape" | "tta" | "wavpack")
    }
}

/// Sound that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// How many packets do not decode, or are missing.
    pub packets: u64,
    /// Of how many.
    pub of: u64,
    /// How long they are, in microseconds.
    pub us: u64,
    /// Where the first of them stands, in microseconds.
    pub at_us: u64,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |us: u64| us as f64 / 1e6;
        let (packets, of, us, at) = (self.packets, self.of, seconds(self.us), seconds(self.at_us));
        write!(
            formatter,
            "{packets} of {of} packets of sound do not decode: {us:.3} s are lost, the first at {at:.3} s"
        )
    }
}

/// A stream of moving pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VideoTrack {
    /// The codec by the name of the field: `h264`, `hevc`, or the container's own code.
    pub codec: String,
    /// The profile by its name: `Constrained Baseline`, `Main`, `High`, `High 10`, `Main 10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The codec's number of the profile (`profile_idc`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_idc: Option<u8>,
    /// Ten times the level: 31 for level 3.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Width as stored, in pixels (after cropping, before pixel aspect and rotation).
    pub width: u32,
    /// Height as stored, in pixels.
    pub height: u32,
    /// Shape of a pixel, width to height, where it is not square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_aspect: Option<(u32, u32)>,
    /// Degrees by which it is turned clockwise for display: 0, 90, 180 or 270.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rotation: u16,
    /// Whether it is mirrored for display, or turned by another angle than a quarter.
    #[serde(default, skip_serializing_if = "is_false")]
    pub odd_matrix: bool,
    /// Whether it is mirrored left to right before it is turned by [`rotation`](Self::rotation); the matrix is odd then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mirrored: bool,
    /// Bits per component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// How much colour is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma: Option<Chroma>,
    /// Whether frames may be stored as two fields.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interlaced: bool,
    /// Whether frames are decoded in another order than shown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub b_frames: bool,
    /// Frames per second, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<FrameRate>,
    /// Whether frames differ in length by more than rounding.
    #[serde(default, skip_serializing_if = "is_false")]
    pub variable_rate: bool,
    /// Number of frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// Length as it is played, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Bits per second of the coded stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// Colour by the numbers of ITU-T H.273.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<ColorTags>,
    /// Which kind of high dynamic range it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdr: Option<Hdr>,
    /// ISO 639 language, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether the container marks it as the one to play.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// Whether it is encrypted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub encrypted: bool,
    /// What its edit list does.
    #[serde(default, skip_serializing_if = "Edit::is_none")]
    pub edit: Edit,
}

impl VideoTrack {
    /// Width and height as seen: pixels made square, rotation applied.
    #[must_use]
    pub fn shown(&self) -> (u32, u32) {
        let width = match self.pixel_aspect {
            Some((wide, high)) if wide > 0 && high > 0 => {
                let width = u64::from(self.width) * u64::from(wide) / u64::from(high);
                u32::try_from(width).unwrap_or(u32::MAX).max(1)
            }
            _ => self.width,
        };
        if self.rotation % 180 == 90 { (self.height, width) } else { (width, self.height) }
    }
}

/// A track that is neither sound nor moving pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherTrack {
    /// What it holds.
    pub kind: OtherKind,
    /// The container's own code of its content.
    pub codec: String,
}

/// What a track holds that is neither sound nor moving pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherKind {
    /// Time code (`tmcd`).
    Timecode,
    /// Timed metadata (`meta`, `camm`, `gpmd`).
    Metadata,
    /// Subtitles or captions.
    Text,
    /// Titles of chapters, or their pictures.
    Chapters,
    /// One still: the cover of a song.
    Cover,
    /// Hints for streaming servers.
    Hint,
    /// Anything else.
    Unknown,
}

/// How much colour is stored beside brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Chroma {
    /// None.
    #[serde(rename = "4:0:0")]
    Gray,
    /// A quarter of the samples.
    #[serde(rename = "4:2:0")]
    Quarter,
    /// Half of the samples.
    #[serde(rename = "4:2:2")]
    Half,
    /// As many as of brightness.
    #[serde(rename = "4:4:4")]
    Full,
}

impl Chroma {
    /// The name of the field: `4:2:0`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gray => "4:0:0",
            Self::Quarter => "4:2:0",
            Self::Half => "4:2:2",
            Self::Full => "4:4:4",
        }
    }
}

/// Frames per second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames.
    pub frames: u32,
    /// In so many seconds.
    pub seconds: u32,
}

impl FrameRate {
    /// As a number.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds.max(1))
    }
}

/// Colour by the numbers of ITU-T H.273; 2 where a number is not stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColorTags {
    /// Colour primaries: 1 for BT.709, 9 for BT.2020, 12 for Display P3.
    pub primaries: u8,
    /// Transfer characteristics: 1 for BT.709, 16 for PQ, 18 for HLG.
    pub transfer: u8,
    /// Matrix coefficients: 1 for BT.709, 5 and 6 for BT.601, 9 for BT.2020.
    pub matrix: u8,
    /// Whether all values of a byte are used, not 16..=235 alone.
    pub full_range: bool,
}

impl Default for ColorTags {
    fn default() -> Self {
        Self { primaries: 2, transfer: 2, matrix: 2, full_range: false }
    }
}

/// Kinds of high dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hdr {
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantizer (SMPTE ST 2084), HDR10.
    Pq,
    /// Dolby Vision, whatever its base layer is.
    DolbyVision,
}

/// What a track's edit list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// There is none, or it changes nothing.
    #[default]
    None,
    /// It takes priming or pictures before the first off the start.
    Trim,
    /// It starts the track later than the others.
    Delay,
    /// Anything else: several pieces, another speed. Of Ogg Opus: a chain of streams.
    Complex,
}

/// What a stream of Ogg Opus (RFC 7845 §4) or ADTS lacks to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ragged {
    /// A start: its positions are not counted from its first packet, as where it was cut out of a longer one.
    Start,
    /// An end: no page is marked as the last, or the last frame is not all there, as where a recorder was stopped.
    End,
}

impl Edit {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
