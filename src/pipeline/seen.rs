//! What only a decode shows: clear margins, amplitudes, what is lost.

use super::{Ask, Checked, Fitter, is_picture};
use crate::convert::{Depth, decode_whole, listen};
use crate::error::{ErrorKind, Result};
use crate::facts::{Lost, Media};
use crate::source::Source;

/// What only a full decode shows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The clear margin of a sticker, in pixels.
    pub margin: Option<u32>,
    /// How loud a file of sound is over its length.
    pub waveform: Option<[u8; 64]>,
    /// What of its sound does not decode, by the tracks.
    pub lost: Vec<(usize, Lost)>,
}

impl Fitter {
    /// What pixels and samples told: the verdict may have one more finding then, the plan stays (it is no failure).
    pub(super) fn note(&self, checked: &mut Checked, ask: Ask, margin: Option<u32>, lost: &[(usize, Lost)]) {
        match &mut checked.facts.media {
            Media::Image(image) if margin.is_some() => image.margin_px = margin,
            Media::Audio(streams) | Media::Video(streams) if !lost.is_empty() => {
                for &(track, lost) in lost {
                    streams.audio.get_mut(track).into_iter().for_each(|track| track.lost = Some(lost));
                }
            }
            _ => return,
        }
        checked.verdict = self.judged(checked.facts.clone(), ask).verdict;
    }

    /// Decodes everything, or of sound as much as `depth` says, and gives what only that shows.
    pub(super) fn decoded(&self, source: &Source, checked: &Checked, depth: Depth) -> Result<Seen> {
        if is_picture(checked) {
            let margin = decode_whole(&source.read_all()?, &checked.facts)?;
            return Ok(Seen { margin, ..Seen::default() });
        }
        match listen(source, &checked.facts, depth, self.ffmpeg.as_ref(), &self.cancel) {
            Ok(heard) => Ok(Seen { margin: None, waveform: heard.waveform, lost: heard.lost }),
            // What no decoder here reads was not found damaged.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Seen::default()),
            Err(error) => Err(error),
        }
    }
}
