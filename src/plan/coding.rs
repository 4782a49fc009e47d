//! How sound and moving pictures are coded, and by whom.

use crate::built;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Codecs that sound is coded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// Opus in Ogg, mono: smallest for speech, and the only one with a waveform in chats.
    Opus,
    /// AAC-LC in MP4: stereo for music.
    Aac,
}

impl AudioCodec {
    /// Its name in facts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Aac => "aac",
        }
    }

    /// That its encoder was left out, where it was.
    pub(super) fn unwritten(self) -> Option<String> {
        built::refusal(self.name(), &format!("{} encoding", self.name()))
    }
}

/// How a stream of sound is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioCoding {
    /// With which codec.
    pub codec: AudioCodec,
    /// At most so many channels; more are mixed down.
    pub max_channels: u16,
    /// The bitrate where the limit allows it, in bits per second.
    pub bitrate: u32,
    /// The least bitrate, in bits per second.
    pub floor: u32,
    /// Whether it is tuned for speech.
    pub voice: bool,
    /// The loudness it is brought to, in hundredths of LUFS.
    pub loudness_centi_lufs: Option<i32>,
    /// The size that the coded file aims below, in bytes.
    pub target_bytes: u64,
    /// Whether the end is cut off where it cannot fit otherwise.
    pub trim_to_fit: bool,
}

/// How a stream of moving pictures is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoCoding {
    /// The most lines it may have, in pixels.
    pub max_height: Option<u32>,
    /// The finest quantiser of H.264 that is used, from 10 to 40, where the size allows it; else what the source is worth.
    pub quantiser: Option<u8>,
    /// The size that the whole file aims below, in bytes.
    pub target_bytes: u64,
    /// Whether the end is cut off where it cannot fit otherwise.
    pub trim_to_fit: bool,
}

/// Who decodes and encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The codecs in this library.
    #[default]
    Builtin,
    /// An installed ffmpeg, run as a child process.
    Ffmpeg,
}

impl Engine {
    /// The engine's name in the JSON Lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EngineChoice {
    /// What is built in, and ffmpeg for what it cannot read, where one is installed.
    #[default]
    Auto,
    /// Only what is built in.
    Builtin,
    /// ffmpeg wherever something is decoded or encoded.
    Ffmpeg,
}

impl EngineChoice {
    /// Who does what may be `builtin`, or why nobody can; `lacking` says what is not there.
    pub(super) fn engine(self, builtin: bool, tools: Tools, lacking: &str) -> Result<Engine, String> {
        match (self, builtin, tools.ffmpeg) {
            (Self::Auto | Self::Builtin, true, _) => Ok(Engine::Builtin),
            (Self::Auto, false, true) | (Self::Ffmpeg, _, true) => Ok(Engine::Ffmpeg),
            (Self::Ffmpeg, _, false) => {
                Err("ffmpeg is asked for and was not found; install it, or use --engine auto".to_owned())
            }
            (Self::Auto, false, false) => {
                Err(format!("{lacking} and no ffmpeg was found; install ffmpeg, or convert the file first"))
            }
            (Self::Builtin, false, _) => {
                Err(format!("{lacking}; use --engine auto with ffmpeg installed, or convert the file first"))
            }
        }
    }
}

/// What is there beside the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tools {
    /// Whether an ffmpeg can be run.
    pub ffmpeg: bool,
}

/// A language by its code of two or three letters (ISO 639): `en`, `eng`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language([u8; 3]);

impl Language {
    /// Whether a track's code means this language, by either of its codes of three letters or by that of two.
    #[must_use]
    pub fn is(self, code: &str) -> bool {
        let own: String = self.0.iter().filter(|&&letter| letter != 0).map(|&letter| char::from(letter)).collect();
        crate::demux::language::same(&own, code)
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a, b] if text.bytes().all(|letter| letter.is_ascii_alphabetic()) => {
                Ok(Self([a.to_ascii_lowercase(), b.to_ascii_lowercase(), 0]))
            }
            [a, b, c] if text.bytes().all(|letter| letter.is_ascii_alphabetic()) => {
                Ok(Self([a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()]))
            }
            _ => Err(format!("{text:?} is not a language code of two or three letters: en, eng")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adpcm_is_known_by_its_container() {
        use super::super::audio::decodes;
        use crate::format::Format;
        assert!(decodes("adpcm", Format::Wav) && decodes("adpcm", Format::Mov) && decodes("aac", Format::Avi));
        assert!(!decodes("aac", Format::Wav) && !decodes("adpcm", Format::Avi) && !decodes("ac3", Format::Mov));
    }

    #[test]
    fn languages_match_by_either_code() {
        let english: Language = "en".parse().unwrap();
        assert!(english.is("eng") && english.is("en") && english.is("EN-us") && !english.is("de") && !english.is(""));
        let german: Language = "de".parse().unwrap();
        assert!(german.is("ger") && german.is("deu") && !german.is("den"));
        assert!("german".parse::<Language>().is_err() && "e1".parse::<Language>().is_err());
    }
}
