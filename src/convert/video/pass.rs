//! The whole clip through decoder and encoder, once.

use super::Job;
use super::check::Check;
use super::decode::Stream;
use super::encoder::AccessUnits;
use super::picture::Canvas;
use super::rate::{FINEST_QP, Model, Steering};
use super::render::Renderer;
use super::shown::Shown;
use super::size::{Chosen, KEY_SECONDS, settings};
use super::survey::Survey;
use crate::cancel::Cancel;
use crate::convert::write::store::PacketStore;
use crate::demux::{Kind, Packet, Track};
use crate::error::{Error, Result};
use crate::facts::ColorTags;

/// Mean difference of brightness, in levels, beyond which a picture starts a new scene, and the least time between two
/// key pictures, in seconds.
const SCENE: f64 = 28.0;
const LEAST_SECONDS: f64 = 0.4;

/// Every so many samples across and down are looked at for a new scene.
const SPARSE: usize = 8;

/// What a pass made.
pub(super) struct Encoded {
    pub track: Track,
    pub store: PacketStore,
    pub qp: f64,
    pub similarity: (f64, u32),
}

/// Codes the clip with `model`, towards `budget` bytes; with one quantiser throughout where it is `fixed`.
pub(super) fn encode(
    job: &Job<'_, '_, '_>,
    survey: &Survey,
    chosen: &Chosen,
    model: Model,
    (budget, fixed): (f64, bool),
    cancel: &Cancel,
) -> Result<Encoded> {
    let stream = Stream::new((job.open)()?, job.track, 0, job.salvage)?;
    let mut pictures = Shown::new(stream, survey.clock, chosen.end, chosen.gap);
    let mut renderer = Renderer::new(job.facts, chosen.width, chosen.height);
    let color = renderer.tags()?;
    let mut encoder = AccessUnits::new(settings(chosen, color), 30)?;
    let (keys, deltas) = chosen.kinds();
    let mut steering = Steering::new(model, budget, keys, deltas, FINEST_QP, fixed);
    let mut scenes = Scenes::new(survey.clock.to);
    let mut check = Check::new();
    let mut store = PacketStore::new(job.coding.target_bytes.saturating_mul(4).max(1 << 24));
    let mut waiting = None::<(Packet, Vec<u8>)>;
    let mut unit = Vec::new();
    while let Some((picture, time)) = pictures.next()? {
        cancel.check()?;
        let canvas = renderer.render(&picture)?;
        let key = scenes.starts(&canvas, time);
        let qp = steering.next(key, FINEST_QP);
        let key = encoder.encode(&canvas, key, qp, &mut unit)?;
        steering.note(key, unit.len());
        check.take(&unit, key, &canvas, &encoder.config()?)?;
        if let Some((mut packet, data)) = waiting.take() {
            packet.duration = u64::try_from(time.saturating_sub(packet.pts)).unwrap_or(1).max(1);
            store.push(&packet, &data)?;
        }
        let packet = Packet { track: 0, dts: time, pts: time, sync: key, ..Packet::default() };
        waiting = Some((packet, unit.clone()));
    }
    if let Some((mut packet, data)) = waiting.take() {
        let clock = survey.clock;
        let last = clock.seconds(survey.last) * f64::from(clock.to);
        packet.duration = (last.round() as u64).max(1);
        store.push(&packet, &data)?;
    }
    store.finish()?;
    counted(job, survey, chosen, &store)?;
    let mut track = Track::new(1, Kind::Video, "h264", survey.clock.to);
    track.config = encoder.config()?;
    track.size = Some((chosen.width, chosen.height));
    let [primaries, transfer, matrix] = color;
    track.color = Some(ColorTags { primaries, transfer, matrix, full_range: false });
    track.default = true;
    Ok(Encoded { track, store, qp: steering.mean(), similarity: (check.least, check.compared) })
}

/// Nearly all pictures that the table announces must have come out.
fn counted(job: &Job<'_, '_, '_>, survey: &Survey, chosen: &Chosen, store: &PacketStore) -> Result<()> {
    let (found, wanted) = (store.count(), survey.count() as u64);
    if found == 0 {
        return Err(Error::malformed("none of its pictures decodes; send the original again"));
    }
    // VP8 and VP9 have packets that are never shown.
    let shown = !["vp8", "vp9"].contains(&job.facts.codec.as_str());
    let whole = shown && chosen.gap == 0 && chosen.ends_at.is_none() && !job.salvage;
    if whole && found * 20 < wanted * 19 {
        return Err(Error::malformed(format!("only {found} of its {wanted} pictures decode; send the original again")));
    }
    Ok(())
}

/// Where key pictures stand: every two seconds, and at cuts.
struct Scenes {
    timescale: f64,
    last_key: Option<i64>,
    before: Vec<u8>,
}

impl Scenes {
    fn new(timescale: u32) -> Self {
        Self { timescale: f64::from(timescale), last_key: None, before: Vec::new() }
    }

    fn starts(&mut self, canvas: &Canvas, time: i64) -> bool {
        let rows = canvas.planes[0].chunks(canvas.width.max(1)).step_by(SPARSE);
        let now: Vec<u8> = rows.flat_map(|row| row.iter().step_by(SPARSE).copied()).collect();
        let sum: u64 = now.iter().zip(&self.before).map(|(&now, &before)| u64::from(now.abs_diff(before))).sum();
        let change = sum as f64 / now.len().max(1) as f64;
        self.before = now;
        let since = self.last_key.map_or(f64::MAX, |last| time.saturating_sub(last) as f64 / self.timescale);
        let key = since >= KEY_SECONDS - 1e-3 || (since >= LEAST_SECONDS && change > SCENE);
        if key {
            self.last_key = Some(time);
        }
        key
    }
}
