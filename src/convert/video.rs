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
use std::ops::RangeInclusive;
use survey::Survey;

/// How often a clip is coded again when it came out too large, or far too small.
const MAX_CORRECTIONS: u32 = 3;

/// The least share of its budget that a clip fills whose quality was given up.
const WELL_FILLED: f64 = 0.90;

/// What is aimed at when a clip is coded again, as a share of its limit; and which corrections are made in proportion.
const AIMED: f64 = 0.97;
const NEARLY: RangeInclusive<f64> = 0.8..=1.4;

/// Clips of more pictures are not coded again only to fill their budget.
const SHORT: usize = 5400;

/// Bytes that tables take: of the whole file, of each picture, of each change of the time between pictures, of each second of
/// interleaved chunks, of each of the sound's packets.
const FIXED_TABLES: f64 = 2048.0;
const PICTURE_TABLES: f64 = 4.0;
const CHANGE_TABLES: f64 = 8.0;
const SECOND_TABLES: f64 = 64.0;
const PACKET_TABLES: f64 = 6.0;

/// Bytes of a packet of sound at least, about.
const PACKET_BYTES: f64 = 200.0;

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
        let total = encoded.store.bytes() as f64;
        found = total as u64;
        // What missed by little is asked for less, or more, in the same words; else the model knows better now, and a little is
        // kept back in case it errs the same way again.
        let ratio = AIMED * chosen.limit / total.max(1.0);
        if NEARLY.contains(&ratio) {
            aim *= ratio;
        } else {
            model = model.learnt(&encoded.log);
            known = Some(encoded.log.shares);
            aim = if total > chosen.limit { aim * AIMED } else { 1.0 };
        }
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
        } else if best.is_none() && model.solve(chosen.budget * aim, encoded.log.shares) > COARSEST_QP {
            let smaller = size::smaller(clip, &chosen, model, chosen.budget * aim, encoded.log.shares);
            if let Some(smaller) = smaller {
                (chosen.width, chosen.height, model) = smaller;
            } else if clip.coding.trim_to_fit {
                let share = chosen.limit / total;
                size::cut(clip, &survey, &mut chosen, share, sound.bytes);
                (known, aim) = (None, 1.0);
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

/// Bytes that grow with the clip and are not pictures: sound, and tables.
fn beside(survey: &Survey, sound_bytes: u64) -> f64 {
    let tables = PICTURE_TABLES * survey.count() as f64
        + CHANGE_TABLES * survey.changes() as f64
        + SECOND_TABLES * survey.seconds();
    tables + sound_bytes as f64 * (1.0 + PACKET_TABLES / PACKET_BYTES)
}
