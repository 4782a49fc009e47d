//! Sound and moving pictures: which step is done by whom.

use super::Candidate;
use crate::cancel::Cancel;
use crate::engine::Ffmpeg;
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::plan::Rewrite;
use crate::source::Source;

/// What was heard of a file that was decoded whole.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How loud it is over its length.
    pub waveform: Option<[u8; 64]>,
}

/// Carries out `rewrite` on a file of sound or moving pictures.
pub(crate) fn convert(
    source: &Source,
    facts: &Facts,
    rewrite: &Rewrite,
    ffmpeg: Option<&Ffmpeg>,
    cancel: &Cancel,
) -> Result<Candidate> {
    let _ = (source, facts, rewrite, ffmpeg, cancel);
    Err(Error::unsupported("not there"))
}

/// Decodes everything that can be decoded here and drops it.
pub(crate) fn listen(source: &Source, facts: &Facts, ffmpeg: Option<&Ffmpeg>, cancel: &Cancel) -> Result<Heard> {
    let _ = (source, facts, ffmpeg, cancel);
    Ok(Heard::default())
}
