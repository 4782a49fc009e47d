//! The rules by name: what a finding can be about.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing needs to be done.
    Info,
    /// Accepted by the platform, but looks or works worse than it could.
    Warn,
    /// Refused by the platform, or not shown to the receiver.
    Fail,
}

macro_rules! rules {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// A rule that a file can break. Matched without `_`: a new rule does not compile until it has a cure or a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $doc] $variant,)*
        }

        /// Every rule.
        pub const RULES: &[Rule] = &[$(Rule::$variant),*];

        impl Rule {
            /// The rule's name in the JSON Lines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

#[rustfmt::skip]
rules! {
    Empty                "any.empty"                "There is nothing in the file."
    Unreadable           "any.unreadable"           "The file cannot be read."
    Malformed            "any.malformed"            "The bytes break their own format."
    Extension            "any.extension"            "The file name's extension belongs to another format."
    Limit                "any.limit"                "The file is beyond mediafit's own guards."
    Role                 "any.role"                 "The content cannot serve the role that the folder or option asks for."

    ImageFormat          "image.format"             "Neither JPEG nor PNG."
    ImageSize            "image.size"               "More bytes than an image may have."
    ImageColor           "image.color"              "CMYK fails; gray and palette warn."
    ImageBitDepth        "image.bit-depth"          "Not 8 bits per component."
    ImageAnimated        "image.animated"           "More than one frame."
    ImageTruncated       "image.truncated"          "The file ends before the picture does."
    ImageOrientation     "image.orientation"        "Shown upright only by readers that honour the EXIF orientation."
    ImageProfile         "image.icc-profile"        "A colour profile other than sRGB."
    ImageAlpha           "image.alpha"              "Transparent parts are shown on an unknown background."
    ImageDimensions      "image.dimensions"         "More pixels a side than chats show."
    ImageMetadata        "image.metadata"           "A GPS position or a serial number would be sent along."
    ImageTrailing        "image.trailing-bytes"     "Bytes after the picture's end."
    ImageCoding          "image.coding"             "A coding (arithmetic JPEG) that browsers and phones do not decode."

    StickerFormat        "sticker.format"           "Not WebP."
    StickerDimensions    "sticker.dimensions"       "Not 512×512."
    StickerAnimated      "sticker.animated"         "Animated, where stickers are static."
    StickerSize          "sticker.size"             "More bytes than a sticker may have."
    StickerFrame         "sticker.frame-duration"   "A frame is shown too briefly."
    StickerTotal         "sticker.total-duration"   "The animation is too long."
    StickerTrailing      "sticker.trailing-bytes"   "Bytes after the RIFF length."
    StickerOpaque        "sticker.opaque"           "No transparency."
    StickerMargin        "sticker.margin"           "A narrower clear margin than is recommended."

    AudioContainer       "audio.container"          "Not one of the five accepted containers."
    AudioCodec           "audio.codec"              "A codec that its container may not carry."
    AudioChannels        "audio.channels"           "More than one channel in Ogg."
    AudioFragmented      "audio.fragmented"         "A fragmented MP4."
    AudioStreams         "audio.streams"            "More than one audio stream."
    AudioProfile         "audio.profile"            "AAC of another kind than LC."
    AudioCover           "audio.cover-art"          "A picture goes along as a track."
    AudioChapters        "audio.chapters"           "Chapters go along as a track."
    AudioEncrypted       "audio.encrypted"          "Encrypted."
    AudioSize            "audio.size"               "More bytes than an audio file may have."
    VoiceContainer       "voice.container"          "Not Ogg."
    VoiceCodec           "voice.codec"              "Not Opus."
    VoiceChannels        "voice.channels"           "Not mono."
    VoiceSize            "voice.size"               "More bytes than a voice note may have."
    VoiceFraming         "voice.framing"            "Opus packets of another length than phones record."

    VideoContainer       "video.container"          "Neither MP4 nor 3GP."
    VideoBrand           "video.brand"              "A brand (QuickTime, M4V) that is not played."
    VideoCodec           "video.codec"              "Not H.264."
    VideoAudioCodec      "video.audio-codec"        "Sound other than AAC."
    VideoProfile         "video.profile"            "High with B-frames fails on Android; High without them warns."
    VideoBFrames         "video.b-frames"           "B-frames in another profile than High."
    VideoBitDepth        "video.bit-depth"          "More than 8 bits per component."
    VideoPixelFormat     "video.pixel-format"       "Another chroma subsampling than 4:2:0."
    VideoInterlaced      "video.interlaced"         "Frames stored as two fields."
    VideoAudioProfile    "video.audio-profile"      "AAC of another kind than LC, or more than two channels."
    VideoAudioStreams    "video.audio-streams"      "More than one audio stream."
    VideoFragmented      "video.fragmented"         "A fragmented MP4."
    VideoStreams         "video.streams"            "Tracks of time code, text, metadata or further pictures."
    VideoMoovLast        "video.moov-last"          "Nothing plays before the last byte has come."
    VideoEditList        "video.edit-list"          "An edit list that is more than a plain trim of the start."
    VideoRotation        "video.rotation"           "Shown upright by the display matrix."
    VideoDimensions      "video.dimensions"         "Odd sizes warn; more than receivers show is worth knowing."
    VideoFrameRate       "video.frame-rate"         "More frames a second than is advised."
    VideoMetadata        "video.metadata"           "A GPS position would be sent along."
    VideoEncrypted       "video.encrypted"          "Encrypted."
    VideoSize            "video.size"               "More bytes than a video may have."

    DocumentType         "document.type"            "A type that the platform refuses at upload."
    DocumentSize         "document.size"            "More bytes than a document may have."
    DocumentFilename     "document.filename"        "No file name: shown unnamed, with the extension .bin."
    DocumentExtension    "document.extension"       "The file name's extension belongs to another type."
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let rule = RULES.iter().find(|rule| rule.name() == name);
        rule.copied().ok_or_else(|| serde::de::Error::custom(format!("unknown rule {name:?}")))
    }
}
