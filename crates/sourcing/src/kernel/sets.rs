//! The best way of sharing a few units among givers whose cost may be any function of what they give: rates with steps
//! of weight, or a hub that must first get the goods. It goes through all sets of units (3^n for n single units), giver
//! by giver, so it is for small orders and few givers. It knows no facility: a giver is a number.

use crate::kernel::problem::Malformed;

/// Pairs of sets that may be gone through for each giver: 3^12.
const PAIRS_MAX: u64 = 531_441;

/// What no set costs.
const NEVER: i64 = i64::MAX / 4;

/// The least cost of giving each set of units, and who gives what. Its memory is used again.
#[derive(Debug, Default)]
pub struct Sets {
    /// By kind of unit: how many there are.
    quantities: Vec<u32>,
    /// By kind: the step between sets that differ by one unit of it.
    strides: Vec<usize>,
    size: usize,
    /// Layers of at most so many givers, each with the least cost by set.
    layers: usize,
    /// There are fewer givers allowed than units.
    limited: bool,
    costs: Vec<i64>,
    /// By giver, layer and set: the set that this giver gives; 0 is nothing.
    gives: Vec<u32>,
    /// By set: what the present giver asks for it.
    asks: Vec<i64>,
    /// By giver: it counts against the limit.
    counts: Vec<bool>,
    /// Scratch: costs without the present giver.
    before: Vec<i64>,
    /// Scratch: an odometer of units, and how far it goes.
    units: Vec<u32>,
    room: Vec<u32>,
    /// Pairs of sets looked at.
    pub steps: u64,
}

impl Sets {
    /// No sets yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pairs of sets each giver takes for such quantities.
    #[must_use]
    pub fn pairs(quantities: &[u32]) -> u64 {
        let of = |units: &u32| (u64::from(*units) + 1).saturating_mul(u64::from(*units) + 2) / 2;
        quantities.iter().map(of).fold(1, u64::saturating_mul)
    }

    /// Begins with no givers. At most `givers_max` of them may give something in the end.
    ///
    /// # Errors
    /// [`Malformed::TooManySets`] when there are more sets than can be gone through.
    pub fn start(&mut self, quantities: &[u32], givers_max: u32) -> Result<(), Malformed> {
        let pairs = Self::pairs(quantities);
        if pairs > PAIRS_MAX {
            return Err(Malformed::TooManySets(pairs, PAIRS_MAX));
        }
        self.quantities.clear();
        self.quantities.extend_from_slice(quantities);
        self.strides.clear();
        self.size = 1;
        for quantity in quantities {
            self.strides.push(self.size);
            self.size *= *quantity as usize + 1;
        }
        // More givers than units have nothing to give, so that no limit is needed.
        let units: u32 = quantities.iter().sum();
        self.limited = givers_max < units;
        self.layers = if self.limited { givers_max as usize + 1 } else { 1 };
        self.costs.clear();
        self.costs.resize(self.layers * self.size, NEVER);
        for layer in 0..self.layers {
            self.costs[layer * self.size] = 0;
        }
        self.gives.clear();
        self.counts.clear();
        Ok(())
    }

    /// Adds a giver. `ask` says what it costs that it gives these units by kind, never none; `None` where it cannot. A
    /// giver that does not count against the limit says so.
    pub fn add(&mut self, counts: bool, mut ask: impl FnMut(&[u32]) -> Option<i64>) {
        self.asks.clear();
        self.asks.resize(self.size, NEVER);
        self.units.clear();
        self.units.resize(self.quantities.len(), 0);
        for set in 1..self.size {
            advance(&mut self.units, &self.quantities);
            if let Some(cost) = ask(&self.units).filter(|cost| *cost < NEVER) {
                self.asks[set] = cost;
            }
        }
        let begin = self.gives.len();
        self.gives.resize(begin + self.layers * self.size, 0);
        self.counts.push(counts);
        self.before.clone_from(&self.costs);
        for layer in 0..self.layers {
            let from = match self.limited && counts {
                false => layer,
                true if layer == 0 => continue,
                true => layer - 1,
            };
            for part in 1..self.size {
                if self.asks[part] < NEVER {
                    self.join(from * self.size, layer * self.size, begin + layer * self.size, part);
                }
            }
        }
    }

    /// Joins `part` of the present giver to every set that leaves room for it, where that is cheaper.
    fn join(&mut self, from: usize, to: usize, gives: usize, part: usize) {
        self.room.clear();
        let mut rest = part;
        for quantity in &self.quantities {
            let radix = *quantity as usize + 1;
            self.room.push(*quantity - (rest % radix) as u32);
            rest /= radix;
        }
        let ask = self.asks[part];
        self.units.fill(0);
        let mut set = 0;
        loop {
            self.steps += 1;
            let before = self.before[from + set];
            let joined = &mut self.costs[to + set + part];
            if before < NEVER && before + ask < *joined {
                *joined = before + ask;
                self.gives[gives + set + part] = part as u32;
            }
            let mut kind = 0;
            while kind < self.units.len() && self.units[kind] == self.room[kind] {
                set -= self.units[kind] as usize * self.strides[kind];
                self.units[kind] = 0;
                kind += 1;
            }
            if kind == self.units.len() {
                return;
            }
            self.units[kind] += 1;
            set += self.strides[kind];
        }
    }

    /// The least cost of giving exactly these units; `None` where nobody can.
    #[must_use]
    pub fn cost(&self, units: &[u32]) -> Option<i64> {
        let set: usize =
            units.iter().zip(&self.strides).map(|(units, stride)| *units as usize * stride).sum();
        Some(self.costs[(self.layers - 1) * self.size + set]).filter(|cost| *cost < NEVER)
    }

    /// Every set of units with its least cost, where it can be given.
    pub fn each(&self, mut see: impl FnMut(&[u32], i64)) {
        let mut units = vec![0; self.quantities.len()];
        for set in 0..self.size {
            if set > 0 {
                advance(&mut units, &self.quantities);
            }
            let cost = self.costs[(self.layers - 1) * self.size + set];
            if cost < NEVER {
                see(&units, cost);
            }
        }
    }

    /// Who gives what, for a set that can be given: givers by number, in descending order, each with its units by kind.
    #[must_use]
    pub fn parts(&self, units: &[u32]) -> Vec<(usize, Vec<u32>)> {
        let mut set: usize =
            units.iter().zip(&self.strides).map(|(units, stride)| *units as usize * stride).sum();
        let mut layer = self.layers - 1;
        let mut parts = Vec::new();
        for giver in (0..self.counts.len()).rev() {
            let begin = (giver * self.layers + layer) * self.size;
            let part = self.gives[begin + set] as usize;
            if part > 0 {
                parts.push((giver, self.units_of(part)));
                set -= part;
                if self.limited && self.counts[giver] {
                    layer -= 1;
                }
            }
        }
        parts
    }

    fn units_of(&self, set: usize) -> Vec<u32> {
        let mut rest = set;
        let digit = |quantity: &u32| {
            let radix = *quantity as usize + 1;
            let units = (rest % radix) as u32;
            rest /= radix;
            units
        };
        self.quantities.iter().map(digit).collect()
    }
}

/// The next set in order: counts up as an odometer does.
fn advance(units: &mut [u32], quantities: &[u32]) {
    for (units, quantity) in units.iter_mut().zip(quantities) {
        if *units < *quantity {
            *units += 1;
            return;
        }
        *units = 0;
    }
}
