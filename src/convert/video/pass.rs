//! The whole clip through decoder and encoder, once: segment by segment, several side by side where cores are idle.

use super::Clip;
use super::check::Check;
use super::decode::Stream;
use super::encoder::AccessUnits;
use super::picture::Canvas;
use super::rate::{Due, EachKind, Log, Model, Steering};
use super::render::Renderer;
use super::segments::{self, Segment, WAVE};
use super::shown::Shown;
use super::size::{Chosen, key_seconds, settings};
use super::survey::Survey;
use crate::cancel::Cancel;
use crate::convert::write::Packets as _;
use crate::convert::write::store::PacketStore;
use crate::demux::{Kind, Packet, Track, Want};
use crate::error::{Error, Result};
use crate::facts::ColorTags;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Mean difference of brightness, in levels, beyond which a picture starts a new scene, and the least time between two
/// key pictures, in seconds.
const SCENE: f64 = 28.0;
const LEAST_SECONDS: f64 = 0.4;

/// Every so many samples across and down are looked at for a new scene.
const SPARSE: usize = 8;

/// How far the quantiser may move within a segment: little while others follow that can make up for it.
const REACH: f64 = 1.0;
const LAST_REACH: f64 = 5.0;

/// The share of the whole after which what was found counts as much as what was sampled.
const TRUST: f64 = 0.10;

/// What a pass made.
pub(super) struct Encoded {
    pub track: Track,
    pub store: PacketStore,
    pub log: Log,
    pub similarity: (f64, u32),
}

/// What all segments of a pass share.
struct Task<'t, 'j, 'd> {
    clip: &'t Clip<'j, 'd>,
    survey: &'t Survey,
    chosen: &'t Chosen,
    color: [u8; 3],
    cancel: &'t Cancel,
    /// Pictures that are coded, of all segments.
    done: AtomicU64,
}

/// A segment that was coded.
struct Part {
    store: PacketStore,
    config: Vec<u8>,
    log: Log,
    similarity: (f64, u32),
}

impl Encoded {
    /// The quantiser on average.
    pub(super) fn qp(&self) -> f64 {
        self.log.sum / (self.store.count() as f64).max(1.0)
    }
}

/// Codes the clip with `model`, towards `budget` bytes; with nearly one quantiser throughout where it is `known` how many
/// pictures of each kind there are, since then the model is of the whole clip too.
pub(super) fn encode(
    clip: &Clip<'_, '_>,
    survey: &Survey,
    chosen: &Chosen,
    model: Model,
    budget: f64,
    known: Option<EachKind>,
    cancel: &Cancel,
) -> Result<Encoded> {
    let color = Renderer::new(clip.facts, chosen.width, chosen.height).tags()?;
    let task = Task { clip, survey, chosen, color, cancel, done: AtomicU64::new(0) };
    let segments = segments::of(survey, chosen.end);
    let pictures = known.unwrap_or_else(|| chosen.kinds());
    let whole: f64 = segments.iter().map(|segment| segment.share).sum::<f64>().max(f64::MIN_POSITIVE);
    // What of a share is of each kind, of the pictures that are coded at all.
    let kinds = |share: f64| pictures.map(|count| count * share / whole);
    let mut rate = Spending::new(model, budget, pictures);
    let mut joined = Joined::new(&task);
    for (number, wave) in segments.chunks(WAVE).enumerate() {
        let last = (number + 1) * WAVE >= segments.len();
        let left = kinds(segments.iter().skip(number * WAVE).map(|segment| segment.share).sum());
        let (model, qp) = rate.next(left, chosen.finest);
        let reach = if last && known.is_none() { LAST_REACH } else { REACH };
        let parts = each(wave, cancel, |segment| {
            let kinds = kinds(segment.share);
            // Of a fast clip every second picture is left out.
            let pictures = (segment.pictures as f64 * chosen.rate / survey.rate()).round() as usize;
            let steering = Steering::new(model, model.bytes(qp, kinds), (kinds, pictures), chosen.finest, reach);
            task.part(segment, steering)
        });
        for (segment, part) in wave.iter().zip(parts) {
            let part = part?;
            let kinds = kinds(segment.share);
            rate.note(model.bytes(qp, kinds), part.store.bytes() as f64);
            joined.add(part)?;
        }
    }
    joined.finish()
}

/// Works on all of `items`: side by side where no other file waits for a core. Only within a pool of the caller's: another
/// one is not ours to use.
fn each<T: Sync, R: Send>(items: &[T], cancel: &Cancel, work: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    if items.len() > 1 && rayon::current_thread_index().is_some() && cancel.is_last() {
        return items.par_iter().map(&work).collect();
    }
    items.iter().map(work).collect()
}

/// What is left to spend, from wave to wave.
struct Spending {
    model: Model,
    budget: f64,
    used: f64,
    foreseen: f64,
    /// Bytes by which the model is believed before anything was coded.
    doubt: f64,
}

impl Spending {
    fn new(model: Model, budget: f64, pictures: EachKind) -> Self {
        let qp = model.solve(budget, pictures);
        Self { model, budget, used: 0.0, foreseen: 0.0, doubt: TRUST * model.bytes(qp, pictures) }
    }

    /// The model as it is known by now, and the quantiser with which the rest fills what is left.
    fn next(&self, left: EachKind, finest: f64) -> (Model, f64) {
        let wrong = (self.used + self.doubt) / (self.foreseen + self.doubt).max(1.0);
        let model = if self.foreseen > 0.0 { self.model.scaled(wrong) } else { self.model };
        let qp = model.solve((self.budget - self.used).max(1.0), left);
        (model, qp.max(finest))
    }

    /// What a segment was to take by the model it was coded with, and what it took.
    fn note(&mut self, foreseen: f64, used: f64) {
        self.foreseen += foreseen;
        self.used += used;
    }
}

impl Task<'_, '_, '_> {
    fn part(&self, segment: &Segment, mut steering: Steering) -> Result<Part> {
        let (clip, survey, chosen) = (self.clip, self.survey, self.chosen);
        let stream = Stream::new((clip.open)()?, clip.track, segment.start, clip.salvage)?;
        let until = segment.until.min(chosen.end);
        let mut pictures = Shown::new(stream, survey.clock, (segment.from, until), chosen.gap);
        let mut renderer = Renderer::new(clip.facts, chosen.width, chosen.height);
        let mut encoder = AccessUnits::new(settings(chosen, self.color), 30)?;
        let mut scenes = Scenes::new(survey.clock.to, key_seconds(survey.seconds_between(segment.from, until)));
        let mut check = Check::new();
        let mut store = PacketStore::new(clip.coding.target_bytes.saturating_mul(4).max(1 << 24));
        let mut unit = Vec::new();
        while let Some((picture, time)) = pictures.next()? {
            self.cancel.check()?;
            let (weight, bias) = (survey.weight(picture.pts), survey.bias(picture.pts));
            let mut canvas = renderer.render(picture)?;
            let key = scenes.starts(&canvas, time);
            let due = Due { kind: steering.kind(key), weight, bias };
            let key = encoder.encode(&mut canvas, key, steering.next(&due), &mut unit)?;
            steering.note(&due, unit.len());
            check.take(&unit, key, &canvas, &encoder.config()?)?;
            let packet = Packet { track: 0, dts: time, pts: time, sync: key, ..Packet::default() };
            store.push(&packet, &unit)?;
            let done = self.done.fetch_add(1, Ordering::Relaxed) as f64;
            self.cancel.progress().reach(SAMPLED_SHARE + (1.0 - SAMPLED_SHARE) * done / chosen.count.max(1.0));
        }
        store.finish()?;
        // A segment behind the last picture that decodes is empty.
        let config = if store.count() > 0 { encoder.config()? } else { Vec::new() };
        Ok(Part { store, config, log: *steering.log(), similarity: (check.least, check.compared) })
    }
}

/// How much of the work is done when a clip was sampled, about.
const SAMPLED_SHARE: f64 = 0.15;

/// Segments one behind the other.
struct Joined<'t, 'j, 'd> {
    task: &'t Task<'t, 'j, 'd>,
    store: PacketStore,
    config: Vec<u8>,
    /// The packet whose length is not known yet: it ends where the next one starts.
    waiting: Option<Packet>,
    log: Log,
    similarity: (f64, u32),
}

impl<'t, 'j, 'd> Joined<'t, 'j, 'd> {
    fn new(task: &'t Task<'t, 'j, 'd>) -> Self {
        let store = PacketStore::new(task.clip.coding.target_bytes.saturating_mul(4).max(1 << 24));
        Self { task, store, config: Vec::new(), waiting: None, log: Log::EMPTY, similarity: (1.0, 0) }
    }

    fn add(&mut self, part: Part) -> Result<()> {
        if self.config.is_empty() {
            self.config = part.config;
        } else if !part.config.is_empty() && part.config != self.config {
            return Err(Error::engine("the H.264 encoder changed its parameters between segments"));
        }
        self.log = self.log.with(&part.log);
        self.similarity = (self.similarity.0.min(part.similarity.0), self.similarity.1 + part.similarity.1);
        let mut replay = part.store.replay();
        let mut packet = Packet::default();
        while replay.next(&mut packet, Want::Content)? {
            if let Some(mut before) = self.waiting.take() {
                packet.pts = packet.pts.max(before.pts.saturating_add(1));
                packet.dts = packet.pts;
                before.duration = u64::try_from(packet.pts - before.pts).unwrap_or(1).max(1);
                self.store.push(&before, &before.data)?;
            }
            self.waiting = Some(std::mem::take(&mut packet));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Encoded> {
        let Task { clip, survey, chosen, color, .. } = self.task;
        let clock = survey.clock;
        if let Some(mut last) = self.waiting.take() {
            last.duration = ((clock.seconds(survey.last) * f64::from(clock.to)).round() as u64).max(1);
            self.store.push(&last, &last.data)?;
        }
        self.store.finish()?;
        counted(clip, survey, chosen, &self.store)?;
        let mut track = Track::new(1, Kind::Video, "h264", clock.to);
        track.config = self.config;
        track.size = Some((chosen.width, chosen.height));
        let [primaries, transfer, matrix] = *color;
        track.color = Some(ColorTags { primaries, transfer, matrix, full_range: false });
        track.default = true;
        Ok(Encoded { track, store: self.store, log: self.log, similarity: self.similarity })
    }
}

/// Nearly all pictures that the table announces must have come out.
fn counted(clip: &Clip<'_, '_>, survey: &Survey, chosen: &Chosen, store: &PacketStore) -> Result<()> {
    let (found, wanted) = (store.count(), survey.count() as u64);
    if found == 0 {
        return Err(Error::malformed("none of its pictures decodes; send the original again"));
    }
    // VP8 and VP9 have packets that are never shown.
    let shown = !["vp8", "vp9"].contains(&clip.facts.codec.as_str());
    let whole = shown && chosen.gap == 0 && chosen.ends_at.is_none() && !clip.salvage;
    if whole && found * 20 < wanted * 19 {
        return Err(Error::malformed(format!("only {found} of its {wanted} pictures decode; send the original again")));
    }
    Ok(())
}

/// Where key pictures stand: at equal distances, and at cuts.
struct Scenes {
    timescale: f64,
    /// Seconds between them.
    distance: f64,
    last_key: Option<i64>,
    before: Vec<u8>,
}

impl Scenes {
    fn new(timescale: u32, distance: f64) -> Self {
        Self { timescale: f64::from(timescale), distance, last_key: None, before: Vec::new() }
    }

    fn starts(&mut self, canvas: &Canvas, time: i64) -> bool {
        let rows = canvas.planes[0].chunks(canvas.width.max(1)).step_by(SPARSE);
        let now: Vec<u8> = rows.flat_map(|row| row.iter().step_by(SPARSE).copied()).collect();
        let sum: u64 = now.iter().zip(&self.before).map(|(&now, &before)| u64::from(now.abs_diff(before))).sum();
        let change = sum as f64 / now.len().max(1) as f64;
        self.before = now;
        let since = self.last_key.map_or(f64::MAX, |last| time.saturating_sub(last) as f64 / self.timescale);
        let key = since >= self.distance - 1e-3 || (since >= LEAST_SECONDS && change > SCENE);
        if key {
            self.last_key = Some(time);
        }
        key
    }
}
