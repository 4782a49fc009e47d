//! Decoding times out of presentation times, for containers that store only these.

/// The most frames that any codec reorders (H.264 and HEVC: 16).
const MAX_DEPTH: usize = 16;

/// Gives each frame, in decoding order, a time to decode it by: presentation times put in order, late by as many
/// frames as the codec reorders. They never go back, and never come after the presentation unless a file breaks
/// the depth it started with.
#[derive(Debug, Clone)]
pub(crate) struct Reorder {
    depth: usize,
    /// Presentation times that are still to be given, in order.
    window: Vec<i64>,
    seen: usize,
    /// The earliest presentation time, and the length of a frame: the first few times lie before it.
    start: i64,
    frame: i64,
    last: Option<i64>,
}

impl Reorder {
    /// By the presentation times of the first frames in decoding order, the codec's own word of its `depth`, and the
    /// length of a frame where it is known.
    pub(crate) fn new(first: &[i64], depth: Option<usize>, frame: Option<i64>) -> Self {
        let depth = depth_of(first).max(depth.unwrap_or(0)).min(MAX_DEPTH);
        let mut sorted = first.to_vec();
        sorted.sort_unstable();
        let shortest = sorted.windows(2).filter_map(|pair| pair[1].checked_sub(pair[0])).filter(|&gap| gap > 0).min();
        let frame = frame.filter(|&frame| frame > 0).or(shortest).unwrap_or(1);
        Self { depth, window: Vec::new(), seen: 0, start: sorted.first().copied().unwrap_or(0), frame, last: None }
    }

    /// How many frames may come before one that is shown before them.
    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// When the next frame, which is shown at `pts`, is decoded.
    pub(crate) fn next(&mut self, pts: i64) -> i64 {
        if self.depth == 0 {
            self.last = Some(self.last.map_or(pts, |last| pts.max(last.saturating_add(1))));
            return self.last.unwrap_or(pts);
        }
        let place = self.window.partition_point(|&one| one <= pts);
        self.window.insert(place, pts);
        let dts = if self.seen < self.depth {
            let before = i64::try_from(self.depth - self.seen).unwrap_or(0);
            self.start.saturating_sub(self.frame.saturating_mul(before))
        } else {
            self.window.remove(0)
        };
        self.seen += 1;
        let dts = dts.min(pts);
        let dts = self.last.map_or(dts, |last| dts.max(last.saturating_add(1)));
        self.last = Some(dts);
        dts
    }
}

/// The most frames of `times` that stand before one that is shown before them.
fn depth_of(times: &[i64]) -> usize {
    let mut depth = 0;
    for (index, &pts) in times.iter().enumerate() {
        let from = index.saturating_sub(4 * MAX_DEPTH);
        let later = times.get(from..index).unwrap_or_default().iter().filter(|&&before| before > pts).count();
        depth = depth.max(later);
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(times: &[i64]) -> Vec<i64> {
        let mut reorder = Reorder::new(times, None, None);
        times.iter().map(|&pts| reorder.next(pts)).collect()
    }

    #[test]
    fn pictures_in_order_are_decoded_as_shown() {
        assert_eq!(decode(&[0, 40, 80]), [0, 40, 80]);
    }

    #[test]
    fn a_pyramid_is_two_frames_late() {
        let times = [0, 160, 80, 40, 120, 320, 240, 200, 280];
        let decoded = decode(&times);
        assert_eq!(decoded, [-80, -40, 0, 40, 80, 120, 160, 200, 240]);
        assert!(decoded.iter().zip(&times).all(|(dts, pts)| dts <= pts));
    }

    #[test]
    fn times_never_go_back() {
        let mut reorder = Reorder::new(&[0, 40, 80], None, None);
        let decoded: Vec<i64> = [0, 200, 100, 50, i64::MIN, i64::MAX].iter().map(|&pts| reorder.next(pts)).collect();
        assert!(decoded.windows(2).all(|pair| pair[0] < pair[1] || pair[1] == i64::MAX), "{decoded:?}");
    }
}
