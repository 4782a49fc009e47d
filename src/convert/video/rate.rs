//! How many bytes which quantiser costs, measured on samples of the clip itself, and which one fills a budget.

/// Quantisers between which a clip is coded: above, blocks are all that is seen; below, the source's own noise is coded.
pub(super) const FINEST_QP: f64 = 20.0;
pub(super) const COARSEST_QP: f64 = 42.0;

/// Beyond this quantiser a smaller picture looks better (measured: docs/performance.md).
pub(super) const COMFORT_QP: f64 = 35.0;

/// Key pictures are coded finer by so much, since all that follow are predicted from them.
pub(super) const KEY_OFFSET: f64 = 4.0;

/// Quantisers at which samples are coded.
pub(super) const SAMPLED: [u8; 2] = [26, 34];

/// Bytes of key pictures and of others at the sampled quantisers, for a picture of average weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    key: [f64; 2],
    delta: [f64; 2],
    /// What was found to be wrong with the above.
    scale: f64,
}

/// Sizes of sampled pictures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    bytes: [[f64; 2]; 2],
    weight: [f64; 2],
}

impl Tally {
    /// Adds a picture of `weight`, with its sizes at the sampled quantisers.
    pub(super) fn add(&mut self, key: bool, weight: f64, sizes: [usize; 2]) {
        let kind = usize::from(key);
        if let (Some(bytes), Some(sum)) = (self.bytes.get_mut(kind), self.weight.get_mut(kind)) {
            bytes.iter_mut().zip(sizes).for_each(|(bytes, size)| *bytes += size as f64);
            *sum += weight;
        }
    }

    /// What follows from it; nothing without a key picture.
    pub(super) fn model(&self) -> Option<Model> {
        let [deltas, keys] = self.weight;
        let mean =
            |kind: usize, weight: f64| self.bytes.get(kind).map(|bytes| bytes.map(|bytes| (bytes / weight).max(8.0)));
        let key = mean(1, keys).filter(|_| keys > 0.0)?;
        let delta = mean(0, deltas).filter(|_| deltas > 0.0).unwrap_or(key);
        Some(Model { key, delta, scale: 1.0 })
    }
}

/// By how much the logarithm of a size changes with each step of the quantiser. Sizes fall by a twelfth to a third; what
/// was sampled of a still clip may say anything.
fn slope(sizes: [f64; 2]) -> f64 {
    let [low, high] = SAMPLED.map(f64::from);
    let [fine, coarse] = sizes.map(f64::ln);
    ((coarse - fine) / (high - low)).clamp(-0.30, -0.04)
}

/// The quantiser in the middle of the sampled ones.
fn middle() -> f64 {
    SAMPLED.map(f64::from).iter().sum::<f64>() / 2.0
}

/// A size at quantiser `qp` between or beyond two sampled ones: sizes go with the logarithm.
fn at(sizes: [f64; 2], qp: f64) -> f64 {
    let mean = sizes.map(f64::ln).iter().sum::<f64>() / 2.0;
    (mean + slope(sizes) * (qp - middle())).exp()
}

impl Model {
    /// Before anything was sampled.
    pub(super) const EMPTY: Self = Self { key: [1.0; 2], delta: [1.0; 2], scale: 1.0 };

    /// Bytes of so many pictures of average weight.
    pub(super) fn bytes(&self, qp: f64, keys: f64, deltas: f64) -> f64 {
        self.scale * (at(self.key, qp - KEY_OFFSET) * keys + at(self.delta, qp) * deltas)
    }

    /// The finest quantiser at which so many pictures take `budget` bytes at most, within the bounds and beyond by ten.
    pub(super) fn solve(&self, budget: f64, keys: f64, deltas: f64) -> f64 {
        let (mut low, mut high) = (FINEST_QP - 10.0, COARSEST_QP + 9.0);
        for _ in 0..24 {
            let middle = (low + high) / 2.0;
            if self.bytes(middle, keys, deltas) > budget { low = middle } else { high = middle }
        }
        high
    }

    /// What a picture of this size at quantiser `qp` of its kind would take in the middle of the sampled ones.
    fn at_middle(&self, key: bool, qp: f64, bytes: f64) -> f64 {
        let slope = slope(if key { self.key } else { self.delta });
        bytes * (slope * (middle() - qp)).exp()
    }

    /// The model that foresees what a whole clip took, by its sizes in the middle of the sampled quantisers.
    #[must_use]
    pub(super) fn learnt(self, [delta_bytes, key_bytes]: [f64; 2], (keys, deltas): (f64, f64)) -> Self {
        let around = |sizes: [f64; 2], total: f64, weight: f64| {
            let mean = (total / weight.max(1e-6)).max(8.0);
            SAMPLED.map(|qp| mean * (slope(sizes) * (f64::from(qp) - middle())).exp())
        };
        Self { key: around(self.key, key_bytes, keys), delta: around(self.delta, delta_bytes, deltas), scale: 1.0 }
    }

    /// The same with all sizes times `factor`.
    #[must_use]
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..self }
    }
}

/// Steers the quantiser along a clip so that it ends within its budget.
#[derive(Debug, Clone)]
pub(super) struct Steering {
    model: Model,
    budget: f64,
    /// Weights of both kinds that are still to come, by expectation.
    keys: f64,
    deltas: f64,
    /// Bytes that were used, and that the model had foreseen for them.
    used: f64,
    foreseen: f64,
    /// Bytes of the whole as the model foresees them: how slowly it is doubted.
    whole: f64,
    /// What the pictures started with, what they have now, and how far the one may be from the other.
    base: f64,
    qp: f64,
    reach: f64,
    /// What rounding has left.
    rest: f64,
    /// Pictures since the quantiser was set.
    since: u32,
    log: Log,
}

/// What was done with the pictures of a clip, or of a part of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Log {
    /// The sum of the quantisers.
    pub sum: f64,
    /// The finest and the coarsest.
    pub finest: f64,
    pub coarsest: f64,
    /// Bytes of others and of key pictures, each brought to the middle of the sampled quantisers.
    pub at_middle: [f64; 2],
}

impl Log {
    /// Of no pictures.
    pub(super) const EMPTY: Self = Self { sum: 0.0, finest: f64::MAX, coarsest: f64::MIN, at_middle: [0.0; 2] };

    /// Of both.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            finest: self.finest.min(other.finest),
            coarsest: self.coarsest.max(other.coarsest),
            at_middle: [self.at_middle[0] + other.at_middle[0], self.at_middle[1] + other.at_middle[1]],
        }
    }

    /// How far the finest and the coarsest quantiser are apart.
    pub(super) fn spread(&self) -> f64 {
        (self.coarsest - self.finest).max(0.0)
    }
}

/// The quantiser is set anew at key pictures and after so many others, by one step at most there.
const EVERY: u32 = 12;

/// The share of the whole after which what was found counts as much as what was sampled.
const TRUST: f64 = 0.10;

impl Steering {
    /// For pictures of these weights, with a quantiser that moves by `reach` at most, or not at all where it is 0.
    pub(super) fn new(model: Model, budget: f64, (keys, deltas): (f64, f64), finest: f64, reach: f64) -> Self {
        let qp = model.solve(budget, keys, deltas).clamp(finest, COARSEST_QP + 3.0);
        let whole = model.bytes(qp, keys, deltas);
        Self {
            model,
            budget,
            keys,
            deltas,
            used: 0.0,
            foreseen: 0.0,
            whole,
            base: qp,
            qp,
            reach,
            rest: 0.0,
            since: 0,
            log: Log::EMPTY,
        }
    }

    /// The quantiser of the next picture.
    pub(super) fn next(&mut self, key: bool, finest: f64) -> u8 {
        self.since += 1;
        if self.reach > 0.0 && (key || self.since >= EVERY) && self.foreseen > 0.0 {
            self.since = 0;
            let doubt = TRUST * self.whole;
            let wrong = (self.used + doubt) / (self.foreseen + doubt);
            let left = (self.budget - self.used).max(1.0);
            let wanted = self.model.scaled(wrong).solve(left, self.keys.max(1.0), self.deltas.max(0.0));
            let step = if key { self.reach } else { 1.0 };
            let wanted = wanted.clamp(self.qp - step, self.qp + step);
            self.qp = wanted.clamp(self.base - self.reach, self.base + self.reach).clamp(finest, COARSEST_QP + 6.0);
        }
        let wanted = if key { (self.qp - KEY_OFFSET).max(finest - KEY_OFFSET) } else { self.qp };
        let exact = wanted + if key { 0.0 } else { self.rest };
        let rounded = exact.round().clamp(10.0, 51.0);
        if !key {
            self.rest = (exact - rounded).clamp(-1.0, 1.0);
        }
        self.log.sum += self.qp;
        self.log.finest = self.log.finest.min(self.qp);
        self.log.coarsest = self.log.coarsest.max(self.qp);
        rounded as u8
    }

    /// What a picture of `weight` came to at quantiser `qp`.
    pub(super) fn note(&mut self, key: bool, weight: f64, qp: u8, bytes: usize) {
        self.log.at_middle[usize::from(key)] += self.model.at_middle(key, f64::from(qp), bytes as f64);
        let (keys, deltas) = if key { (weight, 0.0) } else { (0.0, weight) };
        self.foreseen += self.model.bytes(self.qp, keys, deltas);
        self.used += bytes as f64;
        self.keys -= keys;
        self.deltas -= deltas;
    }

    /// What was done so far.
    pub(super) const fn log(&self) -> &Log {
        &self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let mut tally = Tally::default();
        tally.add(true, 1.0, [40_000, 14_000]);
        tally.add(false, 1.0, [4_000, 1_200]);
        tally.model().unwrap()
    }

    #[test]
    fn the_solution_fills_the_budget() {
        let model = model();
        for budget in [100_000.0, 300_000.0, 900_000.0] {
            let qp = model.solve(budget, 5.0, 295.0);
            let bytes = model.bytes(qp, 5.0, 295.0);
            assert!((bytes / budget - 1.0).abs() < 0.01, "{qp} {bytes} {budget}");
        }
    }

    #[test]
    fn steering_lands_though_the_model_is_wrong() {
        let budget = 400_000.0;
        let mut steering = Steering::new(model(), budget, (10.0, 590.0), FINEST_QP, 6.0);
        let mut used = 0.0;
        for index in 0..600 {
            let key = index % 60 == 0;
            let chosen = steering.next(key, FINEST_QP);
            let qp = f64::from(chosen) + if key { KEY_OFFSET } else { 0.0 };
            let bytes = 1.25 * model().bytes(qp, f64::from(u8::from(key)), f64::from(u8::from(!key)));
            steering.note(key, 1.0, chosen, bytes as usize);
            used += bytes;
        }
        assert!((0.93..1.03).contains(&(used / budget)), "{}", used / budget);
        // What was learnt foresees the same clip at any quantiser.
        let learnt = model().learnt(steering.log().at_middle, (10.0, 590.0));
        for qp in [24.0, 30.0, 36.0] {
            let ratio = learnt.bytes(qp, 10.0, 590.0) / (1.25 * model().bytes(qp, 10.0, 590.0));
            assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
        }
    }
}
