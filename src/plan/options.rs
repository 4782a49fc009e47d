//! How files are to be repaired: plain data with defaults.

use super::coding::{AudioCodec, EngineChoice, Language};
use crate::judge::{Finding, Rule, Severity};
use crate::policy::Band;

/// What is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Repair {
    /// Only failures.
    Required,
    /// Failures, and every warning whose cure loses nothing.
    #[default]
    Lossless,
    /// Failures and every warning.
    All,
}

/// What becomes of an animated picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Animated {
    /// It is refused, naming the ways out.
    #[default]
    Refuse,
    /// Its first frame is taken.
    FirstFrame,
    /// It stays an animated sticker, within the platform's limits.
    Keep,
    /// It becomes a video.
    Video,
}

/// What becomes of transparency that does not fit the limit as PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Transparency {
    /// It is flattened on the background.
    #[default]
    Auto,
    /// It stays: the PNG gets fewer colours, then fewer pixels.
    Keep,
}

/// How a file is to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What is repaired. Default: `Lossless`.
    pub repair: Repair,
    /// Whether warnings count as failures. Default: false.
    pub strict: bool,
    /// What becomes of animated pictures. Default: `Refuse`.
    pub animated: Animated,
    /// Whether damaged files are repaired as far as they can be read. Default: false.
    pub salvage: bool,
    /// Whether GPS positions and serial numbers stay in files that need no other change. Default: false.
    pub keep_metadata: bool,
    /// What transparent parts are laid on when transparency has to go: red, green, blue. Default: white.
    pub background: [u8; 3],
    /// What becomes of transparency that does not fit. Default: `Auto`.
    pub transparency: Transparency,
    /// Which codec sound is coded with where it has to be. Default: Opus for speech, AAC for music.
    pub audio_codec: Option<AudioCodec>,
    /// The loudness that sound is brought to, in hundredths of LUFS (EBU R 128): -1600 for -16 LUFS. Default: as it is.
    pub loudness_centi_lufs: Option<i32>,
    /// Which audio stream is kept where only one may be. Default: the one that is marked as default, else the first.
    pub audio_language: Option<Language>,
    /// Who decodes and encodes. Default: `Auto`.
    pub engine: EngineChoice,
    /// The most lines a video may have, in pixels. Default: as many as fit.
    pub max_height: Option<u32>,
    /// The finest quantiser of H.264 that new pictures have, from 10 (best) to 40. Default: 20, and nothing finer than the
    /// source is worth.
    pub video_quality: Option<u8>,
    /// The size that re-encoded files aim below, in bytes, where it is less than the platform's. Default: the platform's.
    pub target_bytes: Option<u64>,
    /// Whether a video or sound that cannot fit is cut at its end. Default: false.
    pub trim_to_fit: bool,
    /// The longest that one file may take, in seconds; what takes longer is refused. Default: 3600.
    pub time_limit_seconds: u64,
}

impl Options {
    /// Every option at its default.
    pub const DEFAULT: Self = Self {
        repair: Repair::Lossless,
        strict: false,
        animated: Animated::Refuse,
        salvage: false,
        keep_metadata: false,
        background: [255; 3],
        transparency: Transparency::Auto,
        audio_codec: None,
        loudness_centi_lufs: None,
        audio_language: None,
        engine: EngineChoice::Auto,
        max_height: None,
        video_quality: None,
        target_bytes: None,
        trim_to_fit: false,
        time_limit_seconds: 3600,
    };
}

impl Options {
    /// What a file that is coded anew is to stay below, where the platform's own limits are `band`.
    pub(super) fn target(&self, band: Band) -> u64 {
        self.target_bytes.map_or(band.target_bytes, |bytes| bytes.min(band.target_bytes))
    }

    /// Whether `finding` counts as a failure. With `strict` a warning does, but not one of metadata that is to be kept.
    #[must_use]
    pub fn fails(&self, finding: &Finding) -> bool {
        let kept = self.keep_metadata && matches!(finding.rule, Rule::ImageMetadata | Rule::VideoMetadata);
        match finding.severity {
            Severity::Fail => true,
            Severity::Warn => self.strict && !kept,
            Severity::Info => false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}
