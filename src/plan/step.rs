//! The changes a plan is made of.

use super::coding::{AudioCoding, VideoCoding};

/// One change to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another name and type, the bytes unchanged.
    Rename,
    /// Bytes after the content's end are cut off.
    CutTrailing,
    /// Metadata that does not change the look is dropped, the coded picture copied.
    StripMetadata,
    /// What makes a still PNG pass for an animated one is dropped, the coded picture copied.
    DropAnimation,
    /// JPEG coefficients are coded anew, without loss, as small as they go.
    RecodeJpeg,
    /// JPEG coefficients are made coarser in place, at the best quality that fits: no pixels are decoded.
    RequantizeJpeg,
    /// PNG filters and compression are chosen anew, without loss.
    OptimizePng,
    /// Pixels are decoded: of a still picture, or of an animation's first frame.
    Decode {
        /// Whether a damaged file is read as far as it goes.
        salvage: bool,
    },
    /// The first frame stands for the animation.
    FirstFrame,
    /// The stored orientation is baked into the pixels.
    Orient,
    /// Colours are converted to sRGB.
    ConvertColor,
    /// Components are reduced to 8 bits.
    ReduceDepth,
    /// Transparent parts are laid on a background.
    Flatten {
        /// Red, green, blue.
        background: [u8; 3],
    },
    /// The picture is scaled into a square and centred on transparency.
    PadToCanvas {
        /// Width and height in pixels.
        side: u32,
    },
    /// Pixels are scaled down, since quality alone would fall below the floor.
    Resize,
    /// Pixels are coded as JPEG at the best quality that fits.
    EncodeJpeg,
    /// Pixels are coded as PNG.
    EncodePng,
    /// Pixels are coded as a PNG with at most 256 colours.
    QuantizePng,
    /// Pixels are coded as WebP: without loss where it fits, else at the best quality that does.
    EncodeWebp,
    /// ID3, APE and other tags around the frames are dropped, the frames copied.
    StripTags,
    /// The packets of a stream of pictures are copied.
    CopyVideo {
        /// Which of the streams of pictures.
        track: usize,
    },
    /// The packets of a stream of sound are copied.
    CopyAudio {
        /// Which of the streams of sound.
        track: usize,
    },
    /// A stream of sound is decoded and coded anew.
    EncodeAudio {
        /// Which of the streams of sound.
        track: usize,
        /// How it is coded.
        coding: AudioCoding,
    },
    /// A stream of pictures is decoded and coded anew.
    EncodeVideo {
        /// Which of the streams of pictures.
        track: usize,
        /// How it is coded.
        coding: VideoCoding,
    },
    /// All tracks but those that are named are left out.
    DropTracks,
    /// Fragments become one plain table of samples.
    Defragment,
    /// `moov` is written before the media.
    Faststart,
}

impl Step {
    /// The step's name in the JSON Lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::CutTrailing => "cut-trailing-bytes",
            Self::StripMetadata => "strip-metadata",
            Self::DropAnimation => "drop-animation",
            Self::RecodeJpeg => "recode-jpeg",
            Self::RequantizeJpeg => "requantize-jpeg",
            Self::OptimizePng => "optimize-png",
            Self::Decode { .. } => "decode",
            Self::FirstFrame => "first-frame",
            Self::Orient => "orient",
            Self::ConvertColor => "convert-color",
            Self::ReduceDepth => "reduce-depth",
            Self::Flatten { .. } => "flatten",
            Self::PadToCanvas { .. } => "pad-to-canvas",
            Self::Resize => "resize",
            Self::EncodeJpeg => "encode-jpeg",
            Self::EncodePng => "encode-png",
            Self::QuantizePng => "quantize-png",
            Self::EncodeWebp => "encode-webp",
            Self::StripTags => "strip-tags",
            Self::CopyVideo { .. } => "copy-video",
            Self::CopyAudio { .. } => "copy-audio",
            Self::EncodeAudio { .. } => "encode-audio",
            Self::EncodeVideo { .. } => "encode-video",
            Self::DropTracks => "drop-tracks",
            Self::Defragment => "defragment",
            Self::Faststart => "faststart",
        }
    }
}
