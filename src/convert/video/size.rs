//! How large the pictures are, and whether they fit at all: by what samples of the clip cost.

use super::decode::Stream;
use super::encoder::{AccessUnits, level};
use super::ffi::Settings;
use super::picture::PictureSource;
use super::rate::{COARSEST_QP, COMFORT_QP, Cadence, EachKind, FINEST_QP, Model, PERIOD, SAMPLED, Tally};
use super::render::Renderer;
use super::survey::{Start, Survey};
use super::{Clip, FIXED_TABLES, H264_GROWTH, OTHER_GROWTH, RESERVE, beside};
use crate::cancel::Cancel;
use crate::error::{Error, Result};

/// Picture heights that are tried, tallest first, in pixels of the shorter side (as with ffmpeg).
const SIDES: [u32; 6] = [1080, 720, 540, 432, 360, 240];

/// The longest side, in pixels.
const LONGEST: u32 = 1920;

/// Seconds between key pictures, about: as far apart as other encoders put them, since each costs as much as many others.
const KEY_SECONDS: f64 = 10.0;

/// Rates from which every second picture is left out before the picture is made smaller.
const FAST: f64 = 40.0;

/// How many places of a clip are sampled, and how many pictures in all.
const PLACES: usize = 6;
const FEWEST: usize = 18;
const MOST: usize = 120;

/// Pictures of a place at least: up to the first anchor and a little beyond it.
const ROUND: usize = PERIOD as usize + 2;

/// A quantiser whose pictures nobody complains of.
const DECENT_QP: f64 = 31.0;

/// The share of what a model holds to fit that does: it errs most where quality is at its end.
const SURE: f64 = 0.95;

/// Bytes go with the number of pixels to this power, at one quantiser.
const PIXEL_POWER: f64 = 0.75;

/// What was decided.
pub(super) struct Chosen {
    pub width: u32,
    pub height: u32,
    /// Pictures a second, of those that are coded.
    pub rate: f64,
    /// At least so many of the track's ticks lie between two pictures.
    pub gap: i64,
    /// Where the clip is cut, in ticks of the track, and in seconds of the result.
    pub end: i64,
    pub ends_at: Option<f64>,
    /// Pictures that are expected.
    pub count: f64,
    pub model: Model,
    /// Bytes that the pictures aim for, and that they may have at most.
    pub budget: f64,
    pub limit: f64,
    /// The finest quantiser that is used.
    pub finest: f64,
}

/// How many key pictures so many seconds have, without those at cuts.
fn key_pictures(seconds: f64) -> f64 {
    (seconds / KEY_SECONDS).round().max(1.0)
}

/// How far they are apart, in seconds: evenly, so that none stands just before the end.
pub(super) fn key_seconds(seconds: f64) -> f64 {
    seconds / key_pictures(seconds)
}

impl Chosen {
    /// How many pictures of each kind are expected.
    pub(super) fn kinds(&self) -> EachKind {
        let keys = key_pictures(self.count / self.rate).min(self.count.max(1.0));
        let others = (self.count - keys).max(0.0);
        let anchors = (others / f64::from(PERIOD)).floor();
        [others - anchors, anchors, keys]
    }
}

/// Chooses by samples.
pub(super) fn chosen(clip: &Clip<'_, '_>, survey: &Survey, sound_bytes: u64, cancel: &Cancel) -> Result<Chosen> {
    let (wide, high) = clip.facts.shown();
    super::decode::guarded(wide, high)?;
    let short = wide.min(high).max(2);
    let tallest = clip.coding.max_height.unwrap_or(u32::MAX).min(short).clamp(16, 1080);
    let ladder: Vec<u32> = std::iter::once(tallest).chain(SIDES.into_iter().filter(|&side| side < tallest)).collect();
    let limit = clip.coding.target_bytes as f64 - FIXED_TABLES - beside(survey, sound_bytes);
    let growth = if clip.facts.codec == "h264" { H264_GROWTH } else { OTHER_GROWTH };
    let shown = survey.count() as f64 / survey.packets.max(1) as f64;
    let worth = survey.bytes as f64 * shown * growth;
    let mut chosen = Chosen {
        width: 0,
        height: 0,
        rate: survey.rate(),
        gap: 0,
        end: i64::MAX,
        ends_at: None,
        count: survey.count() as f64,
        model: Model::EMPTY,
        budget: (limit * RESERVE).max(1.0),
        limit,
        finest: clip.coding.quantiser.map_or(FINEST_QP, f64::from),
    };
    let mut step = 0;
    loop {
        let side = ladder.get(step).copied().unwrap_or(tallest);
        let last = step + 1 >= ladder.len();
        (chosen.width, chosen.height) = scaled((wide, high), side);
        if !keeps_shape((wide, high), (chosen.width, chosen.height)) {
            return Err(Error::limit(format!(
                "has pictures of {wide}x{high}, which are narrower than a video can be; crop them, or fill them up"
            )));
        }
        chosen.model = sampled(clip, survey, &chosen, cancel)?;
        let pictures = chosen.kinds();
        let qp = chosen.model.solve(chosen.budget, pictures);
        if qp <= COMFORT_QP {
            // More than the source had keeps only its errors; but a source that was coded better than here is not pressed
            // to its own size, and who asks for a quality gets it.
            if clip.coding.quantiser.is_none() {
                chosen.budget = chosen.budget.min(worth.max(chosen.model.bytes(DECENT_QP, pictures)));
            }
            return Ok(chosen);
        }
        if chosen.gap == 0 && chosen.rate > FAST && !clip.every_picture {
            chosen.gap = (1.5 / chosen.rate * f64::from(survey.clock.from)) as i64;
            chosen.rate /= 2.0;
            chosen.count /= 2.0;
            continue;
        }
        if last {
            return if qp <= COARSEST_QP { Ok(chosen) } else { trimmed(clip, survey, chosen, sound_bytes) };
        }
        // Sides that are too tall by far are passed over.
        let wanted = chosen.budget / chosen.model.bytes(COMFORT_QP, pictures);
        let fits =
            |side: u32| (f64::from(side) / f64::from(ladder.get(step).copied().unwrap_or(1))).powf(2.0 * PIXEL_POWER);
        let next =
            (step + 1..ladder.len()).find(|&next| ladder.get(next).is_some_and(|&side| fits(side) <= wanted * 1.15));
        step = next.unwrap_or(ladder.len() - 1);
    }
}

/// A smaller size, where coding it showed that a clip costs more than its samples: by what it cost, and that in the new size.
pub(super) fn smaller(
    clip: &Clip<'_, '_>,
    chosen: &Chosen,
    model: Model,
    budget: f64,
    pictures: EachKind,
) -> Option<(u32, u32, Model)> {
    let side = chosen.width.min(chosen.height);
    let model = |to: u32| model.scaled((f64::from(to) / f64::from(side.max(1))).powf(2.0 * PIXEL_POWER));
    let smaller = || SIDES.into_iter().filter(|&to| to < side);
    let fits = smaller()
        .find(|&to| model(to).solve(budget, pictures) <= COMFORT_QP)
        .or(SIDES.into_iter().rfind(|&to| to < side))?;
    let (width, height) = scaled(clip.facts.shown(), fits);
    keeps_shape(clip.facts.shown(), (width, height)).then(|| (width, height, model(fits)))
}

/// Even sides with the shape of `shown`, whose shorter side is `side`.
fn scaled((wide, high): (u32, u32), side: u32) -> (u32, u32) {
    let (wide, high) = (f64::from(wide.max(1)), f64::from(high.max(1)));
    let scale = (f64::from(side) / wide.min(high)).min(f64::from(LONGEST) / wide.max(high)).min(1.0);
    // Down, so that an odd side loses a line and is not scaled.
    let even = |length: f64| ((length * scale / 2.0 + 1e-6).floor() as u32 * 2).max(16);
    let near = |length: f64| ((length * scale / 2.0).round() as u32 * 2).max(16);
    if scale < 1.0 { (near(wide), near(high)) } else { (even(wide), even(high)) }
}

/// Whether the shape stays but for rounding: no side is shorter than a macroblock, none longer than [`LONGEST`].
fn keeps_shape((wide, high): (u32, u32), (width, height): (u32, u32)) -> bool {
    let off = (f64::from(width) * f64::from(high) - f64::from(height) * f64::from(wide)).abs();
    off <= 2.0 * f64::from(wide.saturating_add(high)) + 1.0
}

/// Cut to what fits, where that is allowed.
fn trimmed(clip: &Clip<'_, '_>, survey: &Survey, mut chosen: Chosen, sound_bytes: u64) -> Result<Chosen> {
    let least = chosen.model.bytes(COARSEST_QP, chosen.kinds());
    let each = beside(survey, sound_bytes);
    let share = ((clip.coding.target_bytes as f64 - FIXED_TABLES).max(0.0) * RESERVE / (least + each)).min(1.0);
    let fits = survey.seconds() * share;
    if !clip.coding.trim_to_fit || fits * SURE < 1.0 {
        return Err(too_long(clip, survey, fits));
    }
    cut(clip, survey, &mut chosen, share, sound_bytes);
    Ok(chosen)
}

/// The refusal of a clip of which `fits` seconds would about fit.
pub(super) fn too_long(clip: &Clip<'_, '_>, survey: &Survey, fits: f64) -> Error {
    let seconds = survey.seconds();
    let way_out = match (fits * SURE).floor() {
        fits if fits >= 1.0 => format!("{fits} s would fit in {} bytes; cut it", clip.coding.target_bytes),
        _ => format!("less than a second would fit in {} bytes; allow it more", clip.coding.target_bytes),
    };
    let trim = if clip.coding.trim_to_fit { "" } else { ", or use --trim-to-fit" };
    Error::cannot_fit(format!("the video is too long for its limit; found {seconds:.1} s, {way_out}{trim}"))
}

/// Cuts what is left of the clip to `share` of it, and a little more.
pub(super) fn cut(clip: &Clip<'_, '_>, survey: &Survey, chosen: &mut Chosen, share: f64, sound_bytes: u64) {
    let start = survey.times.first().copied().unwrap_or(0).max(survey.clock.start);
    let scale = f64::from(survey.clock.from);
    let whole = survey.seconds();
    let before = if chosen.ends_at.is_some() { chosen.end.saturating_sub(start) as f64 / scale } else { whole };
    let seconds = before * share.min(1.0) * SURE;
    chosen.end = start.saturating_add((seconds * scale) as i64);
    chosen.ends_at = Some(survey.clock.shown(chosen.end) as f64 / f64::from(survey.clock.to));
    chosen.count *= seconds / before.max(f64::MIN_POSITIVE);
    let each = beside(survey, sound_bytes);
    chosen.limit = (clip.coding.target_bytes as f64 - FIXED_TABLES - each * seconds / whole).max(1.0);
    chosen.budget = chosen.limit * RESERVE;
}

/// What pictures of this size cost, by samples from all of the clip.
fn sampled(clip: &Clip<'_, '_>, survey: &Survey, chosen: &Chosen, cancel: &Cancel) -> Result<Model> {
    let pictures = (survey.count() / 8).clamp(FEWEST, MOST);
    let places = places(survey, chosen.end, (pictures / ROUND).clamp(1, PLACES));
    let each = (pictures / places.len().max(1)).max(ROUND);
    let mut tally = Tally::default();
    for start in places {
        let mut stream = Stream::new((clip.open)()?, clip.track, start, true)?;
        let mut renderer = Renderer::new(clip.facts, chosen.width, chosen.height);
        let settings = settings(chosen, renderer.tags()?);
        let mut encoders = [AccessUnits::new(settings, SAMPLED[0])?, AccessUnits::new(settings, SAMPLED[1])?];
        let mut unit = Vec::new();
        let mut last = None::<i64>;
        let mut cadence = Cadence::default();
        let mut taken = 0;
        while taken < each {
            cancel.check()?;
            // What fails here fails again, with its reason, when the whole is coded.
            let Ok(Some(picture)) = stream.next() else { break };
            if last.is_some_and(|last| picture.pts.saturating_sub(last) < chosen.gap) {
                continue;
            }
            last = Some(picture.pts);
            let weight = survey.weight(picture.pts);
            let mut canvas = renderer.render(picture)?;
            let mut sizes = [0; 2];
            let kind = cadence.next(taken == 0);
            for ((encoder, qp), size) in encoders.iter_mut().zip(SAMPLED).zip(&mut sizes) {
                encoder.encode(&mut canvas, taken == 0, kind.quantiser(qp.into()) as u8, &mut unit)?;
                *size = unit.len();
            }
            tally.add(kind, weight, sizes);
            taken += 1;
        }
    }
    tally.model().ok_or_else(|| Error::malformed("none of its pictures decodes; send the original again"))
}

/// At most `count` places where decoding can start, spread over what is shown.
fn places(survey: &Survey, end: i64, count: usize) -> Vec<Start> {
    let end = survey.times.partition_point(|&time| time < end);
    let mut places: Vec<Start> = Vec::new();
    for place in 0..count {
        // The middle of each part.
        let wanted = survey.times.get((2 * place + 1) * end / (2 * count)).copied().unwrap_or(i64::MAX);
        let before = survey.starts.iter().rev().find(|start| start.pts <= wanted).or(survey.starts.first());
        places.extend(before.filter(|before| !places.contains(before)));
    }
    places
}

/// What the encoder is told.
pub(super) fn settings(chosen: &Chosen, color: [u8; 3]) -> Settings {
    let seconds = chosen.count / chosen.rate.max(1e-3);
    let bits = chosen.budget * 8.0 / seconds.max(0.1);
    let level = level(chosen.width, chosen.height, chosen.rate, bits);
    let rate = chosen.rate.clamp(1.0, 60.0) as f32;
    Settings { width: chosen.width, height: chosen.height, rate, level, color }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_their_shape_and_are_even() {
        assert_eq!(scaled((1920, 1080), 720), (1280, 720));
        assert_eq!(scaled((1080, 1920), 720), (720, 1280));
        assert_eq!(scaled((3840, 1600), 1080), (1920, 800));
        assert_eq!(scaled((641, 361), 361), (640, 360));
        assert_eq!(scaled((2, 2), 2), (16, 16));
        assert!(keeps_shape((641, 361), (640, 360)) && keeps_shape((2, 2), (16, 16)));
        assert!(!keeps_shape((201, 37_527), scaled((201, 37_527), 201)));
        assert!(!keeps_shape((8, 100), scaled((8, 100), 8)));
    }
}
