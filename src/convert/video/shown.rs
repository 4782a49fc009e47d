//! The pictures that are shown, with the times of the result: edits applied, order held, some left out where asked.

use super::picture::{Picture, PictureSource};
use super::survey::Clock;
use crate::error::Result;

/// Pictures of a source within a clock's bounds.
pub(super) struct Shown<S> {
    source: S,
    clock: Clock,
    /// The first time of this part, and the first that is not shown any more, in ticks of the track.
    from: i64,
    end: i64,
    /// At least so many of the track's ticks lie between two pictures.
    gap: i64,
    waiting: Option<Picture>,
    last: Option<i64>,
    last_source: Option<i64>,
}

impl<S: PictureSource> Shown<S> {
    pub(super) fn new(source: S, clock: Clock, (from, end): (i64, i64), gap: i64) -> Self {
        let end = end.min(clock.end);
        Self { source, clock, from, end, gap, waiting: None, last: None, last_source: None }
    }

    /// The next picture and when it is shown, in ticks of the result.
    pub(super) fn next(&mut self) -> Result<Option<(Picture, i64)>> {
        loop {
            let picture = match self.waiting.take() {
                Some(picture) => Some(picture),
                None => self.source.next()?,
            };
            let Some(picture) = picture else { return Ok(None) };
            if picture.pts >= self.end {
                // In the order in which they are shown: nothing comes back.
                return Ok(None);
            }
            if picture.pts < self.from {
                continue;
            }
            if picture.pts < self.clock.start {
                let following = self.source.next()?;
                let hides = following.as_ref().is_some_and(|following| following.pts <= self.clock.start);
                self.waiting = following;
                if hides {
                    continue;
                }
            }
            if self.last_source.is_some_and(|last| picture.pts.saturating_sub(last) < self.gap) {
                continue;
            }
            self.last_source = Some(picture.pts);
            let stated = self.clock.shown(picture.pts);
            let time = self.last.map_or(stated, |last| stated.max(last.saturating_add(1)));
            self.last = Some(time);
            return Ok(Some((picture, time)));
        }
    }
}
