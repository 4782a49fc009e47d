//! The rules as tables: the cloud's, and on-premise as the difference.

use super::{AudioRules, Band, DocumentRules, ImageRules, Platform, Policy, StickerRules, VideoRules};
use crate::format::Format;
use std::borrow::Cow;

// whatsapp-media §1.1: the binary value is hard, the decimal one is the target.
const IMAGE: Band = Band { hard_bytes: 5_242_880, target_bytes: 5_000_000 };
const STICKER: Band = Band { hard_bytes: 102_400, target_bytes: 100_000 };
const STICKER_ANIMATED: Band = Band { hard_bytes: 512_000, target_bytes: 500_000 };
const AUDIO: Band = Band { hard_bytes: 16_777_216, target_bytes: 16_000_000 };
const VOICE: Band = Band { hard_bytes: 524_288, target_bytes: 512_000 };
const VIDEO: Band = Band { hard_bytes: 16_777_216, target_bytes: 16_000_000 };
const DOCUMENT: Band = Band { hard_bytes: 104_857_600, target_bytes: 100_000_000 };
const UPLOAD_CLOUD: Band = Band { hard_bytes: 104_857_600, target_bytes: 100_000_000 };
const UPLOAD_ON_PREMISE: Band = Band { hard_bytes: 67_108_864, target_bytes: 64_000_000 };

// whatsapp-media §1.2, one row a role.
#[rustfmt::skip]
mod formats {
    use super::Format;
    pub(super) const IMAGE: &[Format] = &[Format::Jpeg, Format::Png];
    pub(super) const STICKER: &[Format] = &[Format::Webp];
    pub(super) const AUDIO: &[Format] = &[Format::Adts, Format::M4a, Format::Amr, Format::Mp3, Format::OggOpus];
    pub(super) const VOICE: &[Format] = &[Format::OggOpus];
    pub(super) const VIDEO: &[Format] = &[Format::Mp4, Format::ThreeGp];
    pub(super) const DOCUMENT: &[Format] = &[
        Format::Text, Format::Pdf, Format::Doc, Format::Xls, Format::Ppt, Format::Docx, Format::Xlsx, Format::Pptx,
    ];
}

pub(super) const CLOUD: Policy = Policy {
    platform: Platform::Cloud,
    image: ImageRules {
        formats: Cow::Borrowed(formats::IMAGE),
        size: IMAGE,
        bit_depth: 8,
        // The platform states none: our own advice, a third more than the widest phone screens have when turned.
        advised_side: 4096,
    },
    sticker: StickerRules {
        formats: Cow::Borrowed(formats::STICKER),
        side: 512,
        size: STICKER,
        animated_size: Some(STICKER_ANIMATED),
        accept_animated: false,
        min_frame_ms: 8,
        max_total_ms: 10_000,
        margin_px: 16,
    },
    audio: AudioRules { formats: Cow::Borrowed(formats::AUDIO), size: AUDIO, max_ogg_channels: 1, max_streams: 1 },
    voice: AudioRules { formats: Cow::Borrowed(formats::VOICE), size: VOICE, max_ogg_channels: 1, max_streams: 1 },
    video: VideoRules {
        formats: Cow::Borrowed(formats::VIDEO),
        size: VIDEO,
        codecs: Cow::Borrowed(&[Cow::Borrowed("h264")]),
        audio_codecs: Cow::Borrowed(&[Cow::Borrowed("aac")]),
        max_audio_streams: 1,
        // whatsapp-media §1.5: at most 1080p at 30 frames a second plays everywhere.
        advised_side: 1920,
        advised_frame_rate: 30,
    },
    document: DocumentRules { formats: Some(Cow::Borrowed(formats::DOCUMENT)), text_as_plain: true, size: DOCUMENT },
    upload: UPLOAD_CLOUD,
};

pub(super) fn on_premise() -> Policy {
    Policy {
        platform: Platform::OnPremise,
        sticker: StickerRules { animated_size: None, ..CLOUD.sticker },
        document: DocumentRules { formats: None, text_as_plain: false, size: DOCUMENT },
        upload: UPLOAD_ON_PREMISE,
        ..CLOUD
    }
}
