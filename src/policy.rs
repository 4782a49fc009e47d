//! The platform's rules as data: what is accepted, and how large it may be.
//!
//! Source of every figure: whatsapp-media §1.1 (limits in bytes) and §1.2 (types). The platform prints MB and KB without
//! a unit; the binary value is the hard limit, the decimal one is what a re-encode aims below, and a file between the
//! two is accepted with a warning.

mod tables;

use crate::error::{Error, Result};
use crate::format::{Format, Role};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Which generation of the API the media is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Meta's Cloud API, and the same behind 360dialog.
    #[default]
    Cloud,
    /// The On-Premise API (v1), which the platform ended in October 2025.
    OnPremise,
}

/// A limit in bytes: the hard one, and the smaller one that re-encodes aim below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// More than this fails, in bytes.
    pub hard_bytes: u64,
    /// More than this warns; results are made not larger than this, in bytes.
    pub target_bytes: u64,
}

/// The formats a role accepts.
pub type Formats = Cow<'static, [Format]>;

/// Rules for pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRules {
    /// Accepted formats.
    pub formats: Formats,
    /// Size of the file.
    pub size: Band,
    /// Bits per component.
    pub bit_depth: u8,
    /// The longer side up to which pixels are of use, in pixels; more is accepted and worth knowing.
    pub advised_side: u32,
}

/// Rules for stickers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StickerRules {
    /// Accepted formats.
    pub formats: Formats,
    /// Width and height, in pixels.
    pub side: u32,
    /// Size of a static sticker.
    pub size: Band,
    /// Size of an animated sticker; absent where the platform takes none.
    pub animated_size: Option<Band>,
    /// Whether animated stickers are wanted (where the platform takes them). Stickers are static unless asked.
    pub accept_animated: bool,
    /// The shortest frame allowed, in milliseconds.
    pub min_frame_ms: u32,
    /// All frames together at most, in milliseconds.
    pub max_total_ms: u64,
    /// The clear margin that is recommended, in pixels.
    pub margin_px: u32,
}

/// Rules for sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioRules {
    /// Accepted formats.
    pub formats: Formats,
    /// Size of the file.
    pub size: Band,
    /// Most channels in an Ogg file.
    pub max_ogg_channels: u16,
    /// Most audio streams.
    pub max_streams: usize,
}

/// Rules for moving pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoRules {
    /// Accepted formats.
    pub formats: Formats,
    /// Size of the file.
    pub size: Band,
    /// Accepted video codecs.
    pub codecs: Cow<'static, [Cow<'static, str>]>,
    /// Accepted audio codecs.
    pub audio_codecs: Cow<'static, [Cow<'static, str>]>,
    /// Most audio streams.
    pub max_audio_streams: usize,
    /// The longer side up to which every phone plays it, in pixels; more is accepted and worth knowing.
    pub advised_side: u32,
    /// Frames per second up to which every phone plays it; more is accepted and worth knowing.
    pub advised_frame_rate: u32,
}

/// Rules for documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRules {
    /// Accepted formats; absent where any valid type is.
    pub formats: Option<Formats>,
    /// Whether any UTF-8 text is sent as `.txt`, `text/plain`, with its bytes unchanged.
    pub text_as_plain: bool,
    /// Size of the file.
    pub size: Band,
}

/// All rules of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Which platform the rules are for.
    pub platform: Platform,
    /// Rules for pictures.
    pub image: ImageRules,
    /// Rules for stickers.
    pub sticker: StickerRules,
    /// Rules for sound.
    pub audio: AudioRules,
    /// Rules for voice notes.
    pub voice: AudioRules,
    /// Rules for moving pictures.
    pub video: VideoRules,
    /// Rules for documents.
    pub document: DocumentRules,
    /// Size of any upload.
    pub upload: Band,
}

impl Default for Policy {
    fn default() -> Self {
        Self::cloud()
    }
}

impl Policy {
    /// The rules of Meta's Cloud API.
    #[must_use]
    pub const fn cloud() -> Self {
        tables::CLOUD
    }

    /// The rules of the On-Premise API, as the difference from the cloud's.
    #[must_use]
    pub fn on_premise() -> Self {
        tables::on_premise()
    }

    /// The rules of `platform`.
    #[must_use]
    pub fn of(platform: Platform) -> Self {
        match platform {
            Platform::Cloud => Self::cloud(),
            Platform::OnPremise => Self::on_premise(),
        }
    }

    /// These rules with the values of `json` in place of their own: an object that names only what differs.
    ///
    /// # Errors
    /// `Malformed` when it is not JSON, names an unknown rule, or a value has the wrong type.
    ///
    /// ```
    /// let policy = mediafit::Policy::cloud().overridden(r#"{"image":{"size":{"hard_bytes":1000000,"target_bytes":900000}}}"#)?;
    /// assert_eq!(policy.image.size.target_bytes, 900_000);
    /// # Ok::<(), mediafit::Error>(())
    /// ```
    pub fn overridden(&self, json: &str) -> Result<Self> {
        let refused = |error: serde_json::Error| Error::malformed(format!("is not a valid policy: {error}"));
        let changes: serde_json::Value = serde_json::from_str(json).map_err(refused)?;
        let mut merged = serde_json::to_value(self).map_err(refused)?;
        merge(&mut merged, changes);
        let policy: Self = serde_json::from_value(merged).map_err(refused)?;
        policy.checked()
    }

    /// The limit for a file of `role`; `animated` picks the sticker's other one.
    #[must_use]
    pub fn size(&self, role: Role, animated: bool) -> Band {
        match role {
            Role::Image => self.image.size,
            Role::Sticker => match self.sticker.animated_size {
                Some(band) if animated => band,
                _ => self.sticker.size,
            },
            Role::Audio => self.audio.size,
            Role::Voice => self.voice.size,
            Role::Video => self.video.size,
            Role::Document => self.document.size,
        }
    }

    fn checked(self) -> Result<Self> {
        let bands = [
            ("image.size", self.image.size),
            ("sticker.size", self.sticker.size),
            ("sticker.animated_size", self.sticker.animated_size.unwrap_or(self.sticker.size)),
            ("audio.size", self.audio.size),
            ("voice.size", self.voice.size),
            ("video.size", self.video.size),
            ("document.size", self.document.size),
            ("upload", self.upload),
        ];
        for (name, band) in bands {
            if band.target_bytes == 0 || band.target_bytes > band.hard_bytes {
                return Err(Error::malformed(format!(
                    "is not a valid policy: {name}; found target_bytes {}, allowed 1 to hard_bytes ({}); lower target_bytes",
                    band.target_bytes, band.hard_bytes
                )));
            }
        }
        if !(16..=16_383).contains(&self.sticker.side) {
            return Err(Error::malformed(format!(
                "is not a valid policy: sticker.side; found {}, allowed 16 to 16383 (WebP's own limit)",
                self.sticker.side
            )));
        }
        Ok(self)
    }
}

/// Lays `changes` over `base`: objects key by key, all else whole.
fn merge(base: &mut serde_json::Value, changes: serde_json::Value) {
    match (base, changes) {
        (serde_json::Value::Object(base), serde_json::Value::Object(changes)) => {
            for (key, value) in changes {
                merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, changes) => *base = changes,
    }
}
