//! Which stream of sound is kept where only one may be.

use super::Options;
use crate::facts::{AudioTrack, StreamFacts};
use serde::{Deserialize, Serialize};

/// Which of several streams of sound is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAudio {
    /// Its place among the streams of sound, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
    /// Its language, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Why it is this one.
    pub because: Because,
}

/// Why a stream of sound is kept rather than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// It is in the language that was asked for.
    Language,
    /// It alone is marked as default.
    Default,
    /// It is the first.
    First,
    /// None is in the language that was asked for: it is marked as default, or the first.
    NoSuchLanguage,
    /// The one that would be kept can be neither copied nor decoded.
    OnlyReadable,
}

/// The stream that is kept, by its place: the one in the language that is asked for, else the one that alone is marked as
/// default, else the first; or, where that one is not `readable`, the first that is. And what is said of it, where there are
/// several.
pub(super) fn kept_audio<'a>(
    streams: &'a StreamFacts,
    options: &Options,
    readable: impl Fn(&AudioTrack) -> bool,
) -> Option<((usize, &'a AudioTrack), Option<KeptAudio>)> {
    let tracks = &streams.audio;
    let asked = options.audio_language;
    let named = asked.and_then(|language| {
        tracks.iter().position(|track| track.language.as_deref().is_some_and(|code| language.is(code)))
    });
    let marked = tracks.iter().position(|track| track.default);
    // A mark that several carry tells nothing.
    let marked = marked.filter(|_| tracks.iter().filter(|track| track.default).count() == 1);
    let (wanted, because) = match (named, marked) {
        (Some(index), _) => (index, Because::Language),
        (None, Some(index)) => (index, if asked.is_some() { Because::NoSuchLanguage } else { Because::Default }),
        (None, None) => (0, if asked.is_some() { Because::NoSuchLanguage } else { Because::First }),
    };
    let (index, because) = match tracks.iter().position(&readable) {
        Some(first) if !readable(tracks.get(wanted)?) => (first, Because::OnlyReadable),
        _ => (wanted, because),
    };
    let track = tracks.get(index)?;
    let said = KeptAudio { index, of: tracks.len(), language: track.language.clone(), because };
    Some(((index, track), Some(said).filter(|_| tracks.len() > 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_wins_over_marks_and_what_is_read_over_both() {
        let track = |codec: &str, language: &str, default| AudioTrack {
            codec: codec.to_owned(),
            language: Some(language.to_owned()),
            default,
            ..AudioTrack::default()
        };
        let audio = vec![track("ac3", "fra", false), track("aac", "eng", true), track("aac", "spa", false)];
        let streams = StreamFacts { audio, ..StreamFacts::default() };
        let kept = |language: Option<&str>, codec: &str| {
            let audio_language = language.map(|code| code.parse().unwrap());
            let options = Options { audio_language, ..Options::default() };
            let said = kept_audio(&streams, &options, |track| track.codec == codec).unwrap().1.unwrap();
            (said.index, said.because)
        };
        assert_eq!(kept(None, "aac"), (1, Because::Default));
        assert_eq!(kept(Some("es"), "aac"), (2, Because::Language));
        assert_eq!(kept(Some("de"), "aac"), (1, Because::NoSuchLanguage));
        assert_eq!(kept(Some("fr"), "aac"), (1, Because::OnlyReadable));
        assert_eq!(kept(Some("fr"), "opus"), (0, Because::Language));
    }
}
