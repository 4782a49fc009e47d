//! Where a clip is cut for coding: at borders that follow from the clip alone, so that its bytes do not depend on who codes
//! which part.

use super::survey::{Start, Survey};

/// The least length of a segment, in seconds: each starts with a key picture, and knows nothing of those before it.
const SECONDS: f64 = 6.0;

/// How many segments are coded side by side, before what they came to sets the quantiser of the next.
pub(super) const WAVE: usize = 4;

/// A part of a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Segment {
    /// Where its decoding starts.
    pub start: Start,
    /// The first time that belongs to it, and the first that does not, in the track's ticks.
    pub from: i64,
    pub until: i64,
    /// What its pictures are to take, in average pictures.
    pub share: f64,
    /// How many these are.
    pub pictures: usize,
}

/// The segments of a clip that ends at `end`, in order.
pub(super) fn of(survey: &Survey, end: i64) -> Vec<Segment> {
    let first = Start { packet: 0, pts: i64::MIN };
    let last = survey.times.last().copied().unwrap_or(0).saturating_add(survey.last).min(end);
    let mut borders = vec![(first, i64::MIN)];
    let mut before = survey.times.first().copied().unwrap_or(0).max(survey.clock.start);
    for start in &survey.starts {
        let long = |from: i64, to: i64| survey.clock.seconds(to.saturating_sub(from)) >= SECONDS;
        if start.pts > before && long(before, start.pts) && long(start.pts, last) {
            borders.push((*start, start.pts));
            before = start.pts;
        }
    }
    let ends: Vec<i64> = borders.iter().skip(1).map(|&(_, from)| from).chain([i64::MAX]).collect();
    let segment = |((start, from), until): ((Start, i64), i64)| {
        let share = survey.share_between(from, until.min(end));
        let pictures = survey.count_between(from, until.min(end));
        Segment { start, from, until, share, pictures }
    };
    borders.into_iter().zip(ends).map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(seconds: i64, every: i64) -> Survey {
        let mut survey = Survey::of_times((0..seconds * 30).collect(), 30);
        survey.starts = (0..seconds).step_by(every as usize).map(|second| at(second * 30)).collect();
        survey
    }

    fn at(pts: i64) -> Start {
        Start { packet: pts.unsigned_abs(), pts }
    }

    #[test]
    fn borders_are_key_pictures_some_seconds_apart() {
        let found = of(&survey(31, 2), i64::MAX);
        let borders: Vec<i64> = found.iter().skip(1).map(|segment| segment.from).collect();
        assert_eq!(borders, [180, 360, 540, 720]);
        assert_eq!(found.iter().map(|segment| segment.share).sum::<f64>(), 31.0 * 30.0);
        assert!(found.windows(2).all(|pair| pair[0].until == pair[1].from));
    }

    #[test]
    fn short_clips_and_clips_with_one_key_picture_are_one() {
        assert_eq!(of(&survey(11, 1), i64::MAX).len(), 1);
        assert_eq!(of(&survey(40, 40), i64::MAX).len(), 1);
        assert_eq!(of(&survey(31, 2), 300).len(), 1);
    }
}
