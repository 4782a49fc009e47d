//! What was measured about a file, without any opinion.

mod stream;

pub use stream::{
    AudioTrack, Chroma, ColorTags, Edit, FrameRate, Hdr, Lost, OtherKind, OtherTrack, Ragged, StreamFacts, VideoTrack,
};

use crate::format::Format;
use serde::{Deserialize, Serialize};

/// Everything that was measured about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The format of the content.
    pub format: Format,
    /// Length in bytes.
    pub bytes: u64,
    /// The file name (last component), when the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The file name's extension, lower case, without the dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Ways in which the bytes break their own format.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
    /// What is particular to the kind of content.
    #[serde(flatten)]
    pub media: Media,
}

/// What is particular to a kind of content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "lowercase")]
pub enum Media {
    /// A picture.
    Image(ImageFacts),
    /// Sound.
    Audio(StreamFacts),
    /// Moving pictures.
    Video(StreamFacts),
    /// A document, or what nothing else fits.
    Document(DocumentFacts),
}

/// A way in which the bytes break their own format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "what")]
pub enum Damage {
    /// The file ends before its content does (no EOI, no IEND, a length beyond the end).
    Truncated(String),
    /// The structure contradicts itself.
    Malformed(String),
    /// The content did not survive a full decode.
    Undecodable(String),
}

/// How the colours of a picture are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorModel {
    /// One component.
    Gray,
    /// One component and transparency.
    GrayAlpha,
    /// Indices into a table of colours.
    Palette,
    /// Three components (stored as RGB or as YCbCr).
    Rgb,
    /// Three components and transparency.
    Rgba,
    /// Four ink components.
    Cmyk,
    /// Four ink components, coded as YCCK.
    Ycck,
    /// Something else (CIE Lab, more than four channels), or not stated in the header.
    Other,
}

impl ColorModel {
    /// The name in the JSON Lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::GrayAlpha => "gray-alpha",
            Self::Palette => "palette",
            Self::Rgb => "rgb",
            Self::Rgba => "rgba",
            Self::Cmyk => "cmyk",
            Self::Ycck => "ycck",
            Self::Other => "other",
        }
    }
}

/// Which way up a picture is stored: the eight values of EXIF tag 0x0112.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum Orientation {
    /// 1: as stored.
    #[default]
    Normal,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3: turned by 180°.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored along the main diagonal.
    Transpose,
    /// 6: to be turned by 90° clockwise.
    Rotate90,
    /// 7: mirrored along the other diagonal.
    Transverse,
    /// 8: to be turned by 270° clockwise.
    Rotate270,
}

impl Orientation {
    /// The orientation of an EXIF value; a value out of 1..=8 counts as normal, as viewers treat it.
    #[must_use]
    pub const fn from_exif(value: u16) -> Self {
        match value {
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => Self::Normal,
        }
    }

    /// The EXIF value, 1..=8.
    #[must_use]
    pub const fn to_exif(self) -> u8 {
        self as u8 + 1
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }
}

impl From<u8> for Orientation {
    fn from(value: u8) -> Self {
        Self::from_exif(value.into())
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        orientation.to_exif()
    }
}

/// Which colour space an embedded profile stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileKind {
    /// sRGB, or so close to it that converting would change nothing that can be seen.
    Srgb,
    /// An RGB profile other than sRGB (Display P3, Adobe RGB, a camera's or scanner's own).
    Rgb,
    /// A gray profile.
    Gray,
    /// A CMYK profile.
    Cmyk,
    /// A profile that cannot be read, or of another class.
    Other,
}

/// An embedded ICC profile or its equivalent in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileFacts {
    /// The colour space it stands for.
    pub kind: ProfileKind,
    /// The profile's own description: `Display P3`.
    pub name: String,
    /// Its length in bytes; 0 where the space is signalled by numbers (`nclx`, `cICP`).
    pub bytes: u32,
}

/// The shortest side of a video, in pixels: a macroblock.
const LEAST_SIDE: u32 = 16;

/// What was measured about an animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Animation {
    /// Number of frames, counted up to a guard.
    pub frames: u32,
    /// The shortest frame, in milliseconds, where the headers tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest_frame_ms: Option<u32>,
    /// All frames together, in milliseconds, where the headers tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
    /// All frames together as browsers play them once, in microseconds, where the headers tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub played_us: Option<u64>,
}

impl Animation {
    /// How long browsers show a frame that is to be shown for `stated_ns`, in nanoseconds: 100 ms instead of 10 ms or less,
    /// in all formats (Blink's `ImageDecoder::FrameDurationAtIndex` and its users, after Firefox).
    pub(crate) const fn shown_ns(stated_ns: u64) -> u64 {
        if stated_ns <= 10_000_000 { 100_000_000 } else { stated_ns }
    }
}

/// What was measured about a picture, from its headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Width in pixels, as stored (before orientation).
    pub width: u32,
    /// Height in pixels, as stored (before orientation).
    pub height: u32,
    /// Bits per component.
    pub bit_depth: u8,
    /// How colours are coded.
    pub color: ColorModel,
    /// Whether pixels can be transparent (an alpha channel, or a transparent palette entry).
    pub alpha: bool,
    /// Present when there is more than one frame in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub animation: Option<Animation>,
    /// Which way up it is stored.
    pub orientation: Orientation,
    /// The embedded colour profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileFacts>,
    /// Whether metadata holds a GPS position.
    pub gps: bool,
    /// Whether metadata holds a serial number of a camera, lens or its owner's name.
    pub serials: bool,
    /// Bytes of metadata that do not change how the picture looks (EXIF, XMP, IPTC, comments, thumbnails).
    pub metadata_bytes: u64,
    /// Progressive (JPEG) or interlaced (PNG, GIF).
    pub progressive: bool,
    /// Arithmetic coding (JPEG), which browsers do not decode.
    pub arithmetic: bool,
    /// Whether the coding itself loses nothing (PNG, GIF, BMP, lossless WebP …).
    pub lossless: bool,
    /// Bytes after the picture's end: a second picture, a video, a gain map, or junk.
    pub trailing_bytes: u64,
    /// The fully transparent margin at its narrowest, in pixels, of a picture with transparency: only a full decode tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_px: Option<u32>,
}

impl ImageFacts {
    /// A still, upright 8-bit picture of this size and colour without any metadata: what parsers start from.
    #[must_use]
    pub const fn new(width: u32, height: u32, color: ColorModel) -> Self {
        Self {
            width,
            height,
            bit_depth: 8,
            color,
            alpha: matches!(color, ColorModel::GrayAlpha | ColorModel::Rgba),
            animation: None,
            orientation: Orientation::Normal,
            profile: None,
            gps: false,
            serials: false,
            metadata_bytes: 0,
            progressive: false,
            arithmetic: false,
            lossless: false,
            trailing_bytes: 0,
            margin_px: None,
        }
    }

    /// Number of pixels of one frame.
    #[must_use]
    pub const fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The stream of pictures that a video of this animation has; none of a still. Sides that no video can have
    /// are as long as the shortest that it can.
    #[must_use]
    pub fn as_track(&self) -> Option<VideoTrack> {
        let animation = self.animation?;
        let (width, height) = self.upright();
        Some(VideoTrack {
            codec: "animation".to_owned(),
            width: width.max(LEAST_SIDE),
            height: height.max(LEAST_SIDE),
            bit_depth: Some(8),
            frames: Some(animation.frames.into()),
            duration_us: animation.played_us,
            ..VideoTrack::default()
        })
    }

    /// Width and height as seen, after orientation.
    #[must_use]
    pub const fn upright(&self) -> (u32, u32) {
        if self.orientation.swaps_sides() { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// What was measured about a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DocumentFacts {
    /// Whether the head of the file is valid UTF-8 text (all of it, once it was read).
    pub utf8_text: bool,
    /// The MIME type of a file of another known type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
}
