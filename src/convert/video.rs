//! Moving pictures coded anew by what is built in: any decoder of ours, H.264 of Main profile out, under a size.
//!
//! The quantiser is one for the whole clip, chosen from samples of it and corrected as it is coded; the picture's size is the
//! largest at which that quantiser stays comfortable. Nothing holds more than a few pictures in memory.

mod animation;
mod check;
mod color;
mod decode;
mod encoder;
mod ffi;
mod nal;
mod pass;
mod picture;
mod rate;
mod render;
mod segments;
mod shown;
mod size;
mod sound;
mod survey;

pub(crate) use animation::convert as convert_animation;
pub(in crate::convert) use color::mapping;
pub(crate) use sound::Sound;

use super::spool::Spool;
use crate::cancel::Cancel;
use crate::demux::Demuxer;
use crate::error::Result;
use crate::facts::VideoTrack;
use crate::plan::VideoCoding;
use pass::Encoded;
use rate::COARSEST_QP;
use survey::Survey;

/// How often a clip is coded again when it came out too large, or far too small.
const MAX_CORRECTIONS: u32 = 3;

/// The least share of its budget that a clip fills whose quality was given up.
const WELL_FILLED: f64 = 0.90;

/// Clips of more pictures are not coded again only to fill their budget.
const SHORT: usize = 5400;

/// Bytes that tables take: of the whole file, of each picture, of each of the sound's packets.
const FIXED_TABLES: f64 = 2048.0;
const PICTURE_TABLES: f64 = 14.0;

/// What the steering may be wrong by at the end, as a share of the budget.
const RESERVE: f64 = 0.99;

/// A copy of H.264 pictures may grow by so much, others by what their codec saves.
const H264_GROWTH: f64 = 1.1;
const OTHER_GROWTH: f64 = 1.8;

/// The pictures that are to be made anew.
pub(crate) struct Clip<'j, 'd> {
    /// Opens the source from its start.
    pub open: &'j (dyn Fn() -> Result<Box<dyn Demuxer + 'd>> + Sync),
    /// The demuxer's number of the track of pictures.
    pub track: usize,
    /// What was measured of it.
    pub facts: &'j VideoTrack,
    /// How it is coded.
    pub coding: &'j VideoCoding,
    /// Whether a source that is cut off is read as far as it goes.
    pub salvage: bool,
    /// Whether no picture may be left out.
    pub every_picture: bool,
}

/// What is to be made.
pub(crate) struct Job<'j, 'd, 's> {
    /// The pictures.
    pub clip: Clip<'j, 'd>,
    /// What stands beside them.
    pub sound: Sound<'s>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Report {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Pictures of the source that are shown, and pictures that were coded.
    pub pictures: (u64, u64),
    /// The quantiser on average.
    pub qp: f64,
    /// The least similarity to the decoded source that was found, and how many pictures were compared.
    pub similarity: (f64, u32),
    /// How often the clip was coded.
    pub passes: u32,
}

/// Codes `job` anew, at its coding's target size at most.
///
/// # Errors
/// `CannotFit` with the length that would fit; `Unsupported` by the codec's name; `Malformed` when too little decodes;
/// `Verify` when the result does not look like its source; `Limit`, `Engine`, `Io`, `Cancelled`.
pub(crate) fn transcode(job: &Job<'_, '_, '_>, cancel: &Cancel) -> Result<(Spool, Report)> {
    let clip = &job.clip;
    let survey = Survey::read(&mut *(clip.open)()?, clip.track, clip.salvage, cancel)?;
    let sound = job.sound.measured(job, cancel)?;
    let mut chosen = size::chosen(clip, &survey, sound.bytes, cancel)?;
    let mut model = chosen.model;
    let mut aim = 1.0;
    let mut known = None;
    let mut best = None::<Encoded>;
    let mut passes = 0;
    let mut found = 0;
    while passes <= MAX_CORRECTIONS {
        passes += 1;
        let budget = chosen.budget * aim;
        let encoded = pass::encode(clip, &survey, &chosen, model, budget, known, cancel)?;
        model = model.learnt(&encoded.log);
        known = Some(encoded.log.shares);
        let total = encoded.store.bytes() as f64;
        found = total as u64;
        let given_up = encoded.qp() > chosen.finest + 0.5;
        if total <= chosen.limit {
            let filled = total * RESERVE / chosen.budget;
            let poor = chosen.budget >= chosen.limit * RESERVE * 0.99 && filled < WELL_FILLED;
            let again = given_up && poor && passes < MAX_CORRECTIONS && survey.count() <= SHORT;
            if best.as_ref().is_none_or(|best| best.store.bytes() < encoded.store.bytes()) {
                best = Some(encoded);
            }
            if !again {
                break;
            }
        } else if best.is_some() {
            break;
        } else {
            // The model knows better now; a little is kept back, in case it errs the same way again.
            aim *= 0.97;
            if model.solve(chosen.budget * aim, encoded.log.shares) > COARSEST_QP {
                let smaller = size::smaller(clip, &chosen, model, chosen.budget * aim, encoded.log.shares);
                if let Some(smaller) = smaller {
                    (chosen.width, chosen.height, model) = smaller;
                } else if clip.coding.trim_to_fit {
                    let share = chosen.limit / total;
                    size::cut(clip, &survey, &mut chosen, share, sound.bytes);
                    known = None;
                }
            }
        }
    }
    let Some(encoded) = best else {
        let fits = survey.seconds() * chosen.limit.max(0.0) / found.max(1) as f64;
        return Err(size::too_long(clip, &survey, fits));
    };
    let report = Report {
        size: (chosen.width, chosen.height),
        pictures: (survey.count() as u64, encoded.store.count()),
        qp: encoded.qp(),
        similarity: encoded.similarity,
        passes,
    };
    sound::assemble(job, &sound, &encoded, &chosen, cancel).map(|out| (out, report))
}

/// Decodes all pictures of a track and drops them.
///
/// # Errors
/// `Malformed` when too little decodes; `Unsupported` by the codec's name; `Limit`; `Cancelled`; `Io`.
pub(crate) fn watch(demuxer: Box<dyn Demuxer + '_>, track: usize, cancel: &Cancel) -> Result<()> {
    let first = survey::Start { packet: 0, pts: i64::MIN };
    let mut stream = decode::Stream::new(demuxer, track, first, false)?;
    while picture::PictureSource::next(&mut stream)?.is_some() {
        cancel.check()?;
    }
    Ok(())
}

/// Bytes of the file that are not pictures.
fn overhead(pictures: usize, sound_bytes: u64, sound_packets: u64) -> f64 {
    FIXED_TABLES + PICTURE_TABLES * pictures as f64 + sound_bytes as f64 + 6.0 * sound_packets as f64
}
