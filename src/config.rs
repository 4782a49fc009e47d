//! `mediafit.toml`: the options of a run as a file. What a caller sets afterwards wins over it.
//!
//! ```toml
//! platform = "cloud"
//! policy = "rules.json"     # relative to this file
//! jobs = 4
//!
//! [fit]
//! repair = "lossless"
//! animated = "first-frame"
//! background = "#f0f0f0"
//!
//! [roles]                   # the first glob that matches counts
//! "avatars/*" = "sticker"
//! "*.pdf" = "document"
//!
//! [upload]
//! via = "360dialog"
//! in-flight = 8
//!
//! [api.360dialog]           # only in a file that was named
//! key-file = "waba.key"
//! ```

mod api;

use crate::error::{Error, ErrorKind, Result};
use crate::format::Role;
use crate::plan::{Animated, AudioCodec, EngineChoice, Language, Options, Repair, Transparency};
use crate::policy::{Platform, Policy};
pub use api::{ApiSection, ApiSections, LedgerSection, LinkSection, UploadSection};
use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the file that is read when none is named and it is there.
pub const FILE_NAME: &str = "mediafit.toml";

/// The least size that new files can be aimed below, in bytes: where less is asked for, a unit was forgotten.
const LEAST_TARGET: u64 = 1000;

/// The quantisers that `video-quality` may name.
const QUANTISERS: std::ops::RangeInclusive<u8> = 10..=40;

/// The most files that are worked on at once.
pub const MAX_JOBS: usize = 1024;

/// One value of an option, as the command line and the file spell it.
#[derive(Debug, Clone, Copy)]
pub struct Choice<T: 'static> {
    /// How it is written.
    pub name: &'static str,
    /// What it stands for.
    pub value: T,
    /// What it does, in a few words.
    pub about: &'static str,
}

macro_rules! choices {
    ($(#[doc = $doc:literal] $table:ident: $type:ident = $($name:literal $variant:ident $about:literal)*;)*) => {
        $(#[doc = $doc]
        pub const $table: &[Choice<$type>] = &[$(Choice { name: $name, value: $type::$variant, about: $about },)*];)*
    };
}

#[rustfmt::skip]
choices! {
    /// The platforms by name.
    PLATFORMS: Platform =
        "cloud"       Cloud      "Meta's Cloud API, also behind 360dialog"
        "on-premise"  OnPremise  "the On-Premise API (v1), which ended in October 2025";
    /// The values of `repair`.
    REPAIRS: Repair =
        "required"    Required   "only failures"
        "lossless"    Lossless   "failures, and every warning whose cure loses nothing"
        "all"         All        "failures and every warning";
    /// The values of `animated`.
    ANIMATIONS: Animated =
        "refuse"      Refuse     "refuse, naming the ways out"
        "first-frame" FirstFrame "take the first frame"
        "keep"        Keep       "keep animated stickers within the platform's limits (cloud only)"
        "video"       Video      "make a video of it";
    /// The values of `transparency`.
    TRANSPARENCIES: Transparency =
        "auto"        Auto       "lay it on the background where it does not fit as PNG"
        "keep"        Keep       "keep it: fewer colours, then fewer pixels";
    /// The values of `audio-codec`.
    AUDIO_CODECS: AudioCodec =
        "opus"        Opus       "Opus in Ogg, mono: smallest for speech"
        "aac"         Aac        "AAC-LC in MP4: stereo for music";
    /// The values of `engine`.
    ENGINES: EngineChoice =
        "auto"        Auto       "what is built in, and an installed ffmpeg for what that cannot read"
        "builtin"     Builtin    "only what is built in"
        "ffmpeg"      Ffmpeg     "ffmpeg wherever something is decoded";
}

/// What `mediafit.toml` says; what it does not say is absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whose rules are followed. Default: the cloud's.
    pub platform: Option<Platform>,
    /// A JSON file with rules that replace the platform's own. Default: none.
    pub policy: Option<PathBuf>,
    /// How many files are worked on at once. Default: 0, as many as there are cores.
    #[serde(deserialize_with = "jobs")]
    pub jobs: Option<usize>,
    /// How files are repaired.
    pub fit: FitSection,
    /// The role of a file by its path below the argument: the first glob that matches counts. Default: none.
    #[serde(deserialize_with = "roles")]
    pub roles: Vec<(GlobMatcher, Role)>,
    /// Where the platform's APIs are, and where their keys are to be found.
    pub api: ApiSections,
    /// How media is uploaded.
    pub upload: UploadSection,
    /// Where is remembered what was uploaded and sent.
    pub ledger: LedgerSection,
    /// How links are audited.
    pub link: LinkSection,
    /// The folder of the file, from which the globs of `roles` are matched as well. Default: none.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
}

/// The section `[fit]`: what [`Options`] takes, each absent where the default is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct FitSection {
    /// What is repaired. Default: `lossless`.
    #[serde(deserialize_with = "repair")]
    pub repair: Option<Repair>,
    /// Whether warnings count as failures. Default: false.
    pub strict: Option<bool>,
    /// What becomes of animated pictures. Default: `refuse`.
    #[serde(deserialize_with = "animated")]
    pub animated: Option<Animated>,
    /// Whether damaged files are repaired as far as they can be read. Default: false.
    pub salvage: Option<bool>,
    /// Whether GPS positions and serial numbers stay in files that need no other change. Default: false.
    pub keep_metadata: Option<bool>,
    /// What transparent parts are laid on: `#RRGGBB`, `white` or `black`. Default: white.
    #[serde(deserialize_with = "background")]
    pub background: Option<[u8; 3]>,
    /// What becomes of transparency that does not fit. Default: `auto`.
    #[serde(deserialize_with = "transparency")]
    pub transparency: Option<Transparency>,
    /// Which codec sound is coded with where it has to be. Default: Opus for speech, AAC for music.
    #[serde(deserialize_with = "audio_codec")]
    pub audio_codec: Option<AudioCodec>,
    /// The loudness that sound is brought to, in LUFS; held in hundredths. Default: as it is.
    #[serde(deserialize_with = "loudness")]
    pub loudness: Option<i32>,
    /// Which audio stream is kept where only one may be. Default: the one that is marked as default, else the first.
    #[serde(deserialize_with = "language")]
    pub audio_language: Option<Language>,
    /// Who decodes and encodes. Default: `auto`.
    #[serde(deserialize_with = "engine")]
    pub engine: Option<EngineChoice>,
    /// The most lines a video may have, in pixels. Default: as many as fit.
    pub max_height: Option<u32>,
    /// The finest quantiser of H.264 that new pictures have, from 10 (best) to 40. Default: by what the source is worth.
    #[serde(deserialize_with = "quantiser")]
    pub video_quality: Option<u8>,
    /// The size that re-encoded files aim below, in bytes. Default: the platform's.
    #[serde(deserialize_with = "target_size")]
    pub target_size: Option<u64>,
    /// Whether a video or sound that cannot fit is cut at its end. Default: false.
    pub trim_to_fit: Option<bool>,
    /// The longest that one file may take, in seconds. Default: 3600.
    pub time_limit: Option<u64>,
}

impl FitSection {
    /// The options, with the default where nothing is said.
    #[must_use]
    pub fn options(&self) -> Options {
        let default = Options::default();
        Options {
            repair: self.repair.unwrap_or(default.repair),
            strict: self.strict.unwrap_or(default.strict),
            animated: self.animated.unwrap_or(default.animated),
            salvage: self.salvage.unwrap_or(default.salvage),
            keep_metadata: self.keep_metadata.unwrap_or(default.keep_metadata),
            background: self.background.unwrap_or(default.background),
            transparency: self.transparency.unwrap_or(default.transparency),
            audio_codec: self.audio_codec,
            loudness_centi_lufs: self.loudness,
            audio_language: self.audio_language,
            engine: self.engine.unwrap_or(default.engine),
            max_height: self.max_height,
            video_quality: self.video_quality,
            target_bytes: self.target_size,
            trim_to_fit: self.trim_to_fit.unwrap_or(default.trim_to_fit),
            time_limit_seconds: self.time_limit.unwrap_or(default.time_limit_seconds),
        }
    }
}

impl Config {
    /// What the file at `path` says. Relative paths in it are taken from the file's own folder.
    ///
    /// # Errors
    /// `Io` when it cannot be read; otherwise as [`parse`](Self::parse).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("cannot be read", error).at(path))?;
        let mut config = Self::parse(&text).map_err(|error| error.at(path))?;
        if let Some(folder) = path.parent() {
            let api = &mut config.api;
            let keys = [&mut api.on_premise, &mut api.dialog, &mut api.meta].map(|section| &mut section.key_file);
            for named in keys.into_iter().chain([&mut config.policy, &mut config.ledger.path]).flatten() {
                *named = folder.join(&*named);
            }
            config.folder = Some(folder.to_path_buf());
        }
        Ok(config)
    }

    /// What `text` says.
    ///
    /// # Errors
    /// `Malformed` when it is not TOML, names an unknown key, or a value is not allowed.
    ///
    /// ```
    /// let config = mediafit::config::Config::parse("[fit]\nrepair = \"all\"")?;
    /// assert_eq!(config.fit.options().repair, mediafit::plan::Repair::All);
    /// # Ok::<(), mediafit::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.get(..span.start).unwrap_or("").matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!(" in line {line}"));
            // The parser's message can run over several lines.
            let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            Error::new(ErrorKind::Malformed, format!("is not a valid configuration{place}: {what}"))
        })
    }

    /// The rules in force: the platform's, with those of the policy file in place of their own.
    ///
    /// # Errors
    /// `Io` when the policy file cannot be read, `Malformed` when it is not a valid policy.
    pub fn rules(&self) -> Result<Policy> {
        let rules = Policy::of(self.platform.unwrap_or_default());
        let Some(path) = &self.policy else { return Ok(rules) };
        let json = std::fs::read_to_string(path).map_err(|error| Error::io("cannot be read", error).at(path))?;
        rules.overridden(&json).map_err(|error| error.at(path))
    }
}

/// The value that `name` stands for.
#[must_use]
pub fn chosen<T: Copy>(choices: &[Choice<T>], name: &str) -> Option<T> {
    choices.iter().find(|choice| choice.name == name).map(|choice| choice.value)
}

/// The colour of `text`: `#RRGGBB`, `white` or `black`.
///
/// # Errors
/// A sentence with what was found and what is allowed.
pub fn parse_color(text: &str) -> Result<[u8; 3], String> {
    let byte = |range| text.get(range).and_then(|digits: &str| u8::from_str_radix(digits, 16).ok());
    match text {
        "white" => Ok([255; 3]),
        "black" => Ok([0; 3]),
        _ if text.len() == 7
            && text.starts_with('#')
            && text.chars().skip(1).all(|digit| digit.is_ascii_hexdigit()) =>
        {
            Ok([byte(1..3), byte(3..5), byte(5..7)].map(Option::unwrap_or_default))
        }
        _ => Err(format!("not a colour; found {text:?}, allowed #RRGGBB, white or black")),
    }
}

/// The loudness of `text` in hundredths of LUFS: `-16`, `-23.5`.
///
/// # Errors
/// A sentence with what was found and what is allowed.
pub fn parse_loudness(text: &str) -> Result<i32, String> {
    match text.parse::<f64>() {
        Ok(lufs) if (-50.0..=-5.0).contains(&lufs) => Ok((lufs * 100.0).round() as i32),
        _ => Err(format!("not a loudness; found {text:?}, allowed -50 to -5 (LUFS)")),
    }
}

/// The bytes of `text`: `9500000`, `9500k`, `9.5M` (decimal).
///
/// # Errors
/// A sentence with what was found and what is allowed.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.get(..text.len() - 1).unwrap_or_default(), 1e3),
        Some(b'M' | b'm') => (text.get(..text.len() - 1).unwrap_or_default(), 1e6),
        _ => (text, 1.0),
    };
    let refused = |what| {
        Err(format!("{what}; found {text:?}, allowed {LEAST_TARGET} bytes or more, or a number with k or M: 9.5M"))
    };
    match number.parse::<f64>().map(|number| number * factor) {
        // A thousandth is lost in decimal fractions.
        Ok(bytes) if (0.0..=1e12).contains(&bytes) && (bytes - bytes.round()).abs() > 1e-3 => {
            refused("no whole number of bytes")
        }
        Ok(bytes) if (0.0..LEAST_TARGET as f64).contains(&bytes) => refused("too small for any file"),
        Ok(bytes) if (0.0..=1e12).contains(&bytes) => Ok(bytes.round() as u64),
        _ => refused("not a size"),
    }
}

fn target_size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let bytes = u64::deserialize(from)?;
    let too_small = || D::Error::custom(format!("target-size is {bytes} bytes; allowed at least {LEAST_TARGET}"));
    Some(bytes).filter(|bytes| *bytes >= LEAST_TARGET).map(Some).ok_or_else(too_small)
}

fn choice<'de, D: Deserializer<'de>, T: Copy>(choices: &[Choice<T>], from: D) -> Result<Option<T>, D::Error> {
    let name = String::deserialize(from)?;
    let allowed = || choices.iter().map(|choice| choice.name).collect::<Vec<_>>().join(", ");
    let unknown = || D::Error::custom(format!("unknown value; found {name:?}, allowed {}", allowed()));
    chosen(choices, &name).map(Some).ok_or_else(unknown)
}

fn jobs<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let found = usize::deserialize(from)?;
    let too_many = || D::Error::custom(format!("too many jobs; found {found}, allowed 0 to {MAX_JOBS}"));
    Some(found).filter(|jobs| *jobs <= MAX_JOBS).map(Some).ok_or_else(too_many)
}

fn repair<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Repair>, D::Error> {
    choice(REPAIRS, from)
}

fn quantiser<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    let value = u8::deserialize(from)?;
    if QUANTISERS.contains(&value) {
        return Ok(Some(value));
    }
    let (least, most) = (QUANTISERS.start(), QUANTISERS.end());
    Err(serde::de::Error::custom(format!("video-quality is {value}; allowed {least} to {most}")))
}

fn animated<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Animated>, D::Error> {
    choice(ANIMATIONS, from)
}

fn transparency<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Transparency>, D::Error> {
    choice(TRANSPARENCIES, from)
}

fn audio_codec<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AudioCodec>, D::Error> {
    choice(AUDIO_CODECS, from)
}

fn engine<'de, D: Deserializer<'de>>(from: D) -> Result<Option<EngineChoice>, D::Error> {
    choice(ENGINES, from)
}

fn loudness<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
    parse_loudness(&f64::deserialize(from)?.to_string()).map(Some).map_err(D::Error::custom)
}

fn language<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Language>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}

fn background<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 3]>, D::Error> {
    parse_color(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

/// Globs in the order of the file: a map would sort them, and the first match counts.
fn roles<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(GlobMatcher, Role)>, D::Error> {
    struct Roles;

    impl<'de> Visitor<'de> for Roles {
        type Value = Vec<(GlobMatcher, Role)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of glob = \"role\"")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut roles = Vec::new();
            while let Some((glob, role)) = map.next_entry::<String, Role>()? {
                let glob = Glob::new(&glob).map_err(|error| A::Error::custom(format!("not a glob: {error}")))?;
                roles.push((glob.compile_matcher(), role));
            }
            Ok(roles)
        }
    }

    from.deserialize_map(Roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(
            "platform = \"on-premise\"\npolicy = \"p.json\"\njobs = 3\n[fit]\nrepair = \"required\"\nstrict = true\n\
             animated = \"keep\"\nsalvage = true\nkeep-metadata = true\nbackground = \"#0102ff\"\ntransparency = \"keep\"\n\
             audio-codec = \"aac\"\nloudness = -16.5\naudio-language = \"de\"\nengine = \"builtin\"\nmax-height = 480\n\
             target-size = 9000000\ntrim-to-fit = true\nvideo-quality = 24\ntime-limit = 90\n",
        )
        .unwrap();
        assert_eq!((config.platform, config.jobs), (Some(Platform::OnPremise), Some(3)));
        let expected = Options {
            repair: Repair::Required,
            strict: true,
            animated: Animated::Keep,
            salvage: true,
            keep_metadata: true,
            background: [1, 2, 255],
            transparency: Transparency::Keep,
            audio_codec: Some(AudioCodec::Aac),
            loudness_centi_lufs: Some(-1650),
            audio_language: Some("de".parse().unwrap()),
            engine: EngineChoice::Builtin,
            max_height: Some(480),
            video_quality: Some(24),
            target_bytes: Some(9_000_000),
            trim_to_fit: true,
            time_limit_seconds: 90,
        };
        assert_eq!(config.fit.options(), expected);
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("").unwrap().fit.options(), Options::default());
    }

    #[test]
    fn roles_keep_the_order_of_the_file() {
        let config = Config::parse("[roles]\n\"z/*\" = \"sticker\"\n\"a/*\" = \"image\"\n\"m\" = \"voice\"").unwrap();
        let roles: Vec<_> = config.roles.iter().map(|(glob, role)| (glob.glob().glob(), *role)).collect();
        assert_eq!(roles, [("z/*", Role::Sticker), ("a/*", Role::Image), ("m", Role::Voice)]);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let cases = [
            ("jobs = 1\nnope = 2", "line 2", "nope"),
            ("[fit]\nrepair = \"some\"", "line 2", "required, lossless, all"),
            ("[fit]\nbackground = \"red\"", "line 2", "#RRGGBB"),
            ("[roles]\n\"a\" = \"poster\"", "line 2", "poster"),
            ("[roles]\n\"a[\" = \"image\"", "line", "glob"),
            ("platform = \"moon\"", "line 1", "moon"),
            ("jobs = 1025", "line 1", "1024"),
            ("jobs = -1", "line 1", "-1"),
            ("jobs = ", "line 1", ""),
        ];
        for (text, line, word) in cases {
            let message = Config::parse(text).unwrap_err().to_string();
            assert!(message.contains(line) && message.contains(word) && !message.contains('\n'), "{text:?}: {message}");
        }
    }

    #[test]
    fn sizes_are_whole_and_not_without_their_unit() {
        for (text, bytes) in
            [("900k", 900_000), ("9.5M", 9_500_000), ("1.1M", 1_100_000), ("1000", 1000), ("16777216", 16_777_216)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        let wrong =
            [("1.5", "whole"), ("1.0005k", "whole"), ("9", "too small"), ("-1k", "not a size"), ("1G", "not a size")];
        for (text, why) in wrong {
            assert!(parse_bytes(text).unwrap_err().contains(why), "{text}");
        }
        assert!(Config::parse("[fit]\ntarget-size = 16").unwrap_err().to_string().contains("1000"));
    }

    #[test]
    fn colours_are_read_or_refused() {
        assert_eq!(parse_color("#00FF7f"), Ok([0, 255, 127]));
        assert_eq!(parse_color("black"), Ok([0; 3]));
        for wrong in ["", "#12345", "#1234567", "123456", "#+12345", "#é1234", "red"] {
            assert!(parse_color(wrong).is_err(), "{wrong}");
        }
    }
}
