//! How many bytes which quantiser costs, measured on samples of the clip itself, and which one fills a budget.

/// Quantisers between which a clip is coded: above, blocks are all that is seen; below, the source's own noise is coded.
pub(super) const FINEST_QP: f64 = 20.0;
pub(super) const COARSEST_QP: f64 = 42.0;

/// Beyond this quantiser a smaller picture looks better (measured: docs/performance.md).
pub(super) const COMFORT_QP: f64 = 35.0;

/// Quantisers at which samples are coded.
pub(super) const SAMPLED: [u8; 2] = [26, 34];

/// By how much the logarithm of a picture's size changes with each step of the quantiser, where nothing is known of it.
pub(super) const USUAL_SLOPE: f64 = -0.12;

/// What a picture is to those that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Predicted from the one before, and of little use beyond the next.
    Plain,
    /// One of every few that is coded finer: what stands still keeps its quality until the next of its kind.
    Anchor,
    /// Predicted from none.
    Key,
}

/// Something of each kind, in the order of [`Kind`].
pub(super) type EachKind = [f64; 3];

/// How much finer each kind is coded than plain pictures (measured: 5 and every eighth, docs/performance.md).
const FINER: EachKind = [0.0, 5.0, 5.0];

/// Every so many pictures from a key picture on are anchors.
pub(super) const PERIOD: u32 = 8;

impl Kind {
    /// The quantiser of this kind, where plain pictures have `qp`.
    pub(super) fn quantiser(self, qp: f64) -> f64 {
        qp - FINER[self as usize]
    }
}

/// Which kind each picture is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cadence {
    since_key: u32,
}

impl Cadence {
    /// The kind of the next picture.
    pub(super) fn next(&mut self, key: bool) -> Kind {
        self.since_key = if key { 0 } else { self.since_key.saturating_add(1) };
        match self.since_key {
            0 => Kind::Key,
            since if since.is_multiple_of(PERIOD) => Kind::Anchor,
            _ => Kind::Plain,
        }
    }
}

/// Bytes of each kind of picture at the sampled quantisers, for a picture of average weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    sizes: [[f64; 2]; 3],
    /// What was found to be wrong with the above.
    scale: f64,
}

/// Sizes of sampled pictures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    bytes: [[f64; 2]; 3],
    weight: EachKind,
}

impl Tally {
    /// Adds a picture of `weight`, with its sizes at the sampled quantisers.
    pub(super) fn add(&mut self, kind: Kind, weight: f64, sizes: [usize; 2]) {
        // Key pictures cost what they show, not what moves.
        let weight = if kind == Kind::Key { 1.0 } else { weight };
        self.bytes[kind as usize].iter_mut().zip(sizes).for_each(|(bytes, size)| *bytes += size as f64);
        self.weight[kind as usize] += weight;
    }

    /// What follows from it; nothing without a key picture.
    pub(super) fn model(&self) -> Option<Model> {
        let mean = |kind: Kind| {
            let weight = self.weight[kind as usize];
            (weight > 0.0).then(|| self.bytes[kind as usize].map(|bytes| (bytes / weight).max(8.0)))
        };
        let key = mean(Kind::Key)?;
        let plain = mean(Kind::Plain).unwrap_or(key);
        let finer = (-USUAL_SLOPE * FINER[Kind::Anchor as usize]).exp();
        let anchor = mean(Kind::Anchor).unwrap_or(plain.map(|bytes| bytes * finer));
        Some(Model { sizes: [plain, anchor, key], scale: 1.0 })
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
    pub(super) const EMPTY: Self = Self { sizes: [[1.0; 2]; 3], scale: 1.0 };

    /// Bytes of so many pictures of each kind and of average weight, where plain ones have the quantiser `qp`.
    pub(super) fn bytes(&self, qp: f64, pictures: EachKind) -> f64 {
        let each = self.sizes.iter().zip(pictures).map(|(&sizes, pictures)| at(sizes, qp) * pictures);
        self.scale * each.sum::<f64>()
    }

    /// The finest quantiser at which so many pictures take `budget` bytes at most, within the bounds and beyond by ten.
    pub(super) fn solve(&self, budget: f64, pictures: EachKind) -> f64 {
        let (mut low, mut high) = (FINEST_QP - 10.0, COARSEST_QP + 9.0);
        for _ in 0..24 {
            let middle = (low + high) / 2.0;
            if self.bytes(middle, pictures) > budget { low = middle } else { high = middle }
        }
        high
    }

    /// What a picture of this size would take in the middle of the sampled quantisers, if it was coded where plain pictures
    /// have `qp`.
    fn at_middle(&self, kind: Kind, qp: f64, bytes: f64) -> f64 {
        bytes * (slope(self.sizes[kind as usize]) * (middle() - qp)).exp()
    }

    /// The model that foresees what a whole clip took, by its sizes in the middle of the sampled quantisers.
    #[must_use]
    pub(super) fn learnt(self, log: &Log) -> Self {
        let mut sizes = self.sizes;
        for ((sizes, total), share) in sizes.iter_mut().zip(log.at_middle).zip(log.shares) {
            // None of this kind was there: what was sampled stays.
            if share > 0.0 {
                let mean = (total / share).max(8.0);
                *sizes = SAMPLED.map(|qp| mean * (slope(*sizes) * (f64::from(qp) - middle())).exp());
            }
        }
        Self { sizes, scale: 1.0 }
    }

    /// The same with all sizes times `factor`.
    #[must_use]
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..self }
    }
}

/// A picture that is to be coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub kind: Kind,
    /// What it costs at the same quantiser, as a multiple of the average.
    pub weight: f64,
    /// How far its quantiser is to be off the average.
    pub bias: f64,
}

/// Steers the quantiser along a clip so that it ends within its budget.
#[derive(Debug, Clone)]
pub(super) struct Steering {
    model: Model,
    budget: f64,
    finest: f64,
    /// Shares of each kind that are still to come, by expectation, and how many pictures.
    left: EachKind,
    count: usize,
    /// Bytes that were used, and that the model had foreseen for them.
    used: f64,
    foreseen: f64,
    /// Bytes of the whole as the model foresees them: how slowly it is doubted.
    whole: f64,
    /// What the pictures started with, what they have now, and how far the one may be from the other.
    base: f64,
    qp: f64,
    reach: f64,
    /// How far the pictures of this round are off it.
    bias: f64,
    /// What rounding has left.
    rest: f64,
    cadence: Cadence,
    log: Log,
}

/// What was done with the pictures of a clip, or of a part of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Log {
    /// The sum of the quantisers that were steered to.
    pub sum: f64,
    /// The shares of each kind, and their bytes brought to the middle of the sampled quantisers.
    pub shares: EachKind,
    pub at_middle: EachKind,
}

impl Log {
    /// Of no pictures.
    pub(super) const EMPTY: Self = Self { sum: 0.0, shares: [0.0; 3], at_middle: [0.0; 3] };

    /// Of both.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            shares: sum(self.shares, other.shares),
            at_middle: sum(self.at_middle, other.at_middle),
        }
    }
}

fn sum(mut one: EachKind, other: EachKind) -> EachKind {
    one.iter_mut().zip(other).for_each(|(one, other)| *one += other);
    one
}

/// The share of the whole after which what was found counts as much as what was sampled.
const TRUST: f64 = 0.10;

/// How far the quantiser moves from one anchor to the next at most.
const STEP: f64 = 1.0;

impl Steering {
    /// For `count` pictures of these shares, with a quantiser that moves by `reach` at most, or not at all where it is 0.
    pub(super) fn new(model: Model, budget: f64, (left, count): (EachKind, usize), finest: f64, reach: f64) -> Self {
        let qp = model.solve(budget, left).clamp(finest, COARSEST_QP + 3.0);
        let whole = model.bytes(qp, left);
        let (cadence, log) = (Cadence::default(), Log::EMPTY);
        Self {
            model,
            budget,
            finest,
            left,
            count,
            used: 0.0,
            foreseen: 0.0,
            whole,
            base: qp,
            qp,
            reach,
            bias: 0.0,
            rest: 0.0,
            cadence,
            log,
        }
    }

    /// The kind of the next picture. At the end there are no anchors: nothing follows that would gain.
    pub(super) fn kind(&mut self, key: bool) -> Kind {
        match self.cadence.next(key) {
            Kind::Anchor if self.closing() => Kind::Plain,
            kind => kind,
        }
    }

    /// The quantiser of the next picture.
    pub(super) fn next(&mut self, due: &Due) -> u8 {
        // Set between two rounds of the cadence only: within one, what was used says little of what the round will take.
        if self.reach > 0.0 && (due.kind != Kind::Plain || self.closing()) && self.foreseen > 0.0 {
            let doubt = TRUST * self.whole;
            let wrong = (self.used + doubt) / (self.foreseen + doubt);
            let left = (self.budget - self.used).max(1.0);
            let wanted = self.model.scaled(wrong).solve(left, self.left.map(|left| left.max(0.0)));
            let step = if due.kind == Kind::Key { self.reach } else { STEP };
            // What is left over at the end is too little to be seen, and makes the last pictures too large.
            let finer = if self.closing() { 0.25 } else { step };
            let wanted = wanted.clamp(self.qp - finer, self.qp + step);
            self.qp =
                wanted.clamp(self.base - self.reach, self.base + self.reach).clamp(self.finest, COARSEST_QP + 6.0);
        }
        // So with the bias: what stands still is coded again whenever the quantiser gets finer.
        if due.kind != Kind::Plain {
            let room = (self.qp - self.finest).max(0.0);
            self.bias = due.bias.clamp(-room, room);
        }
        let rest = if due.kind == Kind::Plain { self.rest } else { 0.0 };
        let exact = due.kind.quantiser(self.qp + self.bias) + rest;
        let rounded = exact.round().clamp(10.0, 51.0);
        if due.kind == Kind::Plain {
            self.rest = (exact - rounded).clamp(-1.0, 1.0);
        }
        rounded as u8
    }

    /// Whether the end is so near that every picture counts.
    fn closing(&self) -> bool {
        self.count < 2 * PERIOD as usize
    }

    /// What a picture came to.
    pub(super) fn note(&mut self, due: &Due, bytes: usize) {
        let kind = due.kind as usize;
        self.log.sum += self.qp;
        self.log.at_middle[kind] += self.model.at_middle(due.kind, self.qp, bytes as f64);
        let weight = if due.kind == Kind::Key { 1.0 } else { due.weight };
        let mut share = EachKind::default();
        share[kind] = weight * (USUAL_SLOPE * self.bias).exp();
        self.foreseen += self.model.bytes(self.qp, share);
        self.used += bytes as f64;
        self.left[kind] -= share[kind];
        self.count = self.count.saturating_sub(1);
        self.log.shares[kind] += share[kind];
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
        tally.add(Kind::Key, 1.0, [40_000, 14_000]);
        tally.add(Kind::Anchor, 1.0, [9_000, 3_000]);
        tally.add(Kind::Plain, 1.0, [4_000, 1_200]);
        tally.model().unwrap()
    }

    #[test]
    fn the_solution_fills_the_budget() {
        let model = model();
        for budget in [100_000.0, 300_000.0, 900_000.0] {
            let pictures = [258.0, 37.0, 5.0];
            let qp = model.solve(budget, pictures);
            let bytes = model.bytes(qp, pictures);
            assert!((bytes / budget - 1.0).abs() < 0.01, "{qp} {bytes} {budget}");
        }
    }

    #[test]
    fn steering_lands_though_the_model_is_wrong() {
        let budget = 500_000.0;
        let pictures = [520.0, 70.0, 10.0];
        let mut steering = Steering::new(model(), budget, (pictures, 600), FINEST_QP, 6.0);
        let mut used = 0.0;
        for index in 0..600 {
            let kind = steering.kind(index % 60 == 0);
            let due = Due { kind, weight: 1.0, bias: 0.0 };
            let chosen = f64::from(steering.next(&due));
            let mut one = EachKind::default();
            one[kind as usize] = 1.0;
            let bytes = 1.25 * model().bytes(chosen + FINER[kind as usize], one);
            steering.note(&due, bytes as usize);
            used += bytes;
        }
        assert!((0.93..1.03).contains(&(used / budget)), "{}", used / budget);
        assert_eq!(steering.log().shares.iter().sum::<f64>(), 600.0);
        // What was learnt foresees the same clip at any quantiser.
        let learnt = model().learnt(steering.log());
        for qp in [24.0, 30.0, 36.0] {
            let ratio = learnt.bytes(qp, pictures) / (1.25 * model().bytes(qp, pictures));
            assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
        }
    }
}
