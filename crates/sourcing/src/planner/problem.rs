//! The problem of one order: which nodes, by which lane, could serve which demand, at what cost. It is gathered once;
//! the search only reads it.

use crate::interner::NodeIx;
use crate::network::{Entry, Network};
use crate::planner::cost::{micro, opening_minor, per_unit_micro, scale_factor, times};
use crate::planner::demand::{Demand, Demands};
use crate::planner::question::Question;
use crate::planner::terms::clamped;
use crate::tariff::{Floors, Tariff};
use waybill_types::network::Completeness;

/// A node that could serve something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) node: NodeIx,
    /// Place in ascending order of node ids.
    pub(crate) rank: u32,
    /// Something is pinned here: it sends a shipment anyway, of this weight.
    pub(crate) forced_mg: Option<u64>,
}

/// A way of serving: a source with one of its lanes. Its cost for a load is
/// `opening + tariff(load)`, and never less than `fixed + per_kg * load`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'n> {
    /// Index into [`Problem::sources`].
    pub(crate) source: u32,
    tariff: &'n Tariff,
    /// What using it costs besides parcels and units; where the shipment is forced, less all that costs already.
    opening_micro: i128,
    /// The floor below its cost at no load; 0 where the shipment is forced. May be negative.
    pub(crate) fixed_micro: i64,
    /// The floor's rise in minor units per kilogram, which is millionths per milligram. It is in the unit costs.
    per_kg_minor: i64,
}

/// A lane by which a forced shipment may go.
#[derive(Clone, Copy, Debug)]
struct ForcedLane<'n> {
    source: u32,
    opening_minor: i64,
    tariff: &'n Tariff,
}

/// One demand as the search reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) stock: u32,
    pub(crate) units: u64,
    /// The units that stock could serve if nothing else stood in the way.
    pub(crate) reachable: u64,
    /// How much one unit counts against a unit of another item: 1 to 1,000, so that whole units count alike.
    pub(crate) measure: u64,
    pub(crate) weight_mg: u64,
    pub(crate) backorder_micro: i64,
    pub(crate) whole: bool,
    /// Another demand takes from the same stock.
    pub(crate) shared: bool,
}

/// A problem with its costs laid out in rows.
#[derive(Debug, Default)]
pub(crate) struct Problem<'n> {
    pub(crate) wants: Vec<Want>,
    pub(crate) sources: Vec<Source>,
    /// By [`NodeIx`]: the node's source.
    place: Vec<u32>,
    /// Ascending by rank of the source, then by lane.
    pub(crate) rows: Vec<Row<'n>>,
    /// Units each source has for each want: one row of `wants.len()` per source.
    pub(crate) free: Vec<u64>,
    /// Floor of the cost of one unit: one row of `wants.len()` per row.
    unit_micro: Vec<i64>,
    /// The lanes of forced sources.
    forced_lanes: Vec<ForcedLane<'n>>,
    /// Shipments that may be opened beside the forced ones.
    pub(crate) shipments_max: usize,
    /// Shipments that are sent anyway.
    pub(crate) forced: usize,
    pub(crate) split_micro: i64,
    /// How far putting more into forced shipments may lower their cost: not above zero, and zero for sane rates.
    pub(crate) forced_slack_micro: i128,
}

/// No source yet, and never one.
const NONE: u32 = u32::MAX;
const SKIPPED: u32 = u32::MAX - 1;

/// A lane of a source, before its floor is known.
struct Candidate {
    source: u32,
    entry: Entry,
    opening_minor: i64,
}

impl<'n> Problem<'n> {
    pub(crate) fn gather(question: &Question<'n>, demands: &Demands<'_>) -> Self {
        let forced = forced_loads(demands);
        let mut problem = Self { wants: wants_of(question, demands), ..Self::default() };
        problem.split_micro = per_unit_micro(Default::default(), question.policy.split_penalty_minor);
        problem.forced = forced.len();
        problem.shipments_max = usize::from(question.policy.shipments_max).saturating_sub(forced.len());
        problem.add_sources(question, demands, &forced);
        if question.completeness() == Completeness::OneNode {
            problem.keep_complete_sources();
        }
        let candidates = problem.candidates(question);
        problem.reach();
        problem.add_rows(question, demands, &candidates);
        problem
    }

    /// What source `source` can give to want `want`, given that `asked` units are still wanted.
    #[inline]
    pub(crate) fn serves(&self, source: u32, want: usize, asked: u64) -> u64 {
        let free = self.free[source as usize * self.wants.len() + want];
        if self.wants[want].whole && free < asked { 0 } else { free.min(asked) }
    }
    /// The floor of the cost of one unit.
    #[inline]
    pub(crate) fn unit(&self, row: usize, want: usize) -> i64 {
        self.unit_micro[row * self.wants.len() + want]
    }
    /// What using a row costs on top of its units' floors, when it is loaded with `load_mg`.
    #[inline]
    pub(crate) fn using_micro(&self, row: usize, load_mg: u64) -> i128 {
        let facts = &self.rows[row];
        let using = |opening_micro: i128, tariff: &Tariff, weight_mg: u64| {
            let (base, carriage) = tariff.cost_minor(weight_mg);
            opening_micro + (base + carriage) * 1_000_000
        };
        let Some(pinned_mg) = self.sources[facts.source as usize].forced_mg else {
            return using(facts.opening_micro, facts.tariff, load_mg) - times(load_mg, facts.per_kg_minor);
        };
        // With more in it the parcel may go by another lane.
        let weight_mg = pinned_mg.saturating_add(load_mg);
        let lanes = self.forced_lanes.iter().filter(|lane| lane.source == facts.source);
        let least = lanes.map(|lane| using(micro(lane.opening_minor), lane.tariff, weight_mg)).min();
        facts.opening_micro + least.unwrap_or(0)
    }
    /// Every shipment's fixed cost holds the split penalty; the first one is spared it. Where something is pinned, the
    /// first shipment is among the pinned ones and is counted there.
    pub(crate) fn first_shipment_micro(&self) -> i128 {
        let any = self.wants.iter().any(|want| want.reachable > 0);
        if self.forced == 0 && any { i128::from(self.split_micro) } else { 0 }
    }
    /// About how far the costs of two plans can be apart, backorders aside.
    pub(crate) fn range_micro(&self) -> i128 {
        let (mut dearest, mut units) = (0, 0u64);
        let mut by_want = vec![0i128; self.wants.len()];
        for (row, facts) in self.rows.iter().enumerate() {
            let mut load_mg = 0u64;
            for (index, want) in self.wants.iter().enumerate() {
                let served = self.serves(facts.source, index, want.reachable);
                load_mg = load_mg.saturating_add(served.saturating_mul(want.weight_mg));
                by_want[index] = by_want[index].max(i128::from(self.unit(row, index)).abs());
            }
            for using in
                [i128::from(facts.fixed_micro), self.using_micro(row, 0), self.using_micro(row, load_mg)]
            {
                dearest = dearest.max(using.abs());
            }
        }
        let mut range = i128::from(self.split_micro).abs();
        for (want, each) in self.wants.iter().zip(by_want) {
            units = units.saturating_add(want.reachable);
            range += i128::from(want.reachable) * (each + i128::from(want.backorder_micro.min(0)).abs());
        }
        range + dearest * i128::from(units.min(self.sources.len() as u64))
    }
    #[inline]
    pub(crate) fn rank(&self, row: usize) -> u32 {
        self.sources[self.rows[row].source as usize].rank
    }
    #[inline]
    pub(crate) fn is_forced(&self, row: usize) -> bool {
        self.sources[self.rows[row].source as usize].forced_mg.is_some()
    }
    /// The rows that the search keeps open from the start.
    pub(crate) fn forced_rows(&self) -> Vec<u32> {
        (0..self.rows.len()).filter(|row| self.is_forced(*row)).map(|row| row as u32).collect()
    }

    fn add_sources(&mut self, question: &Question<'n>, demands: &Demands<'_>, forced: &[(NodeIx, u64)]) {
        let Some(lanes) = question.lanes else { return };
        let stride = self.wants.len();
        let mut place = vec![NONE; question.network.node_count()];
        for node in &question.excluded {
            place[node.index()] = SKIPPED;
        }
        for (want, demand) in demands.shipped.iter().enumerate() {
            let stock = &demands.stocks[demand.stock];
            let plain = if demand.pieces.is_empty() { stock.rows } else { &[] };
            let plain = plain.iter().map(|row| (row.node, row.available.units()));
            for (node, available) in plain.chain(demands.joined_rows(demand)) {
                let Some(slot) = place.get_mut(node.index()) else { continue };
                if *slot == NONE {
                    if lanes.from(node).is_empty() {
                        *slot = SKIPPED;
                        continue;
                    }
                    let rank = question.network.costs(node).rank;
                    *slot = self.sources.len() as u32;
                    let pinned = forced.iter().find(|(other, _)| *other == node);
                    let forced_mg = pinned.map(|(_, load_mg)| *load_mg);
                    self.sources.push(Source { node, rank, forced_mg });
                    self.free.resize(self.free.len() + stride, 0);
                }
                if *slot < SKIPPED {
                    let joined = !demand.pieces.is_empty();
                    let free = if joined || stock.collected.is_empty() {
                        available
                    } else {
                        stock.after_pickups(node, available)
                    };
                    self.free[*slot as usize * stride + want] = free;
                }
            }
        }
        self.place = place;
    }

    /// The lanes of each source that arrive, by rank of the source. What a source without one has is not reachable.
    fn candidates(&mut self, question: &Question<'n>) -> Vec<Candidate> {
        let Some(lanes) = question.lanes else { return Vec::new() };
        let order = self.sources_by_rank(question.network);
        let mut candidates = Vec::with_capacity(order.len());
        // By timing: days late, or that it never arrives; unknown at first.
        let mut days_late: Vec<Option<Option<i64>>> = vec![None; lanes.timings];
        let stride = self.wants.len();
        for source in order {
            let node = self.sources[source as usize].node;
            let costs = question.network.costs(node);
            let begin = candidates.len();
            for entry in lanes.from(node) {
                let days = *days_late[entry.timing as usize].get_or_insert_with(|| {
                    let (site, ready_ms) = question.ready(node)?;
                    question.days_late(site, ready_ms, entry.way)
                });
                if let Some(days) = days {
                    let opening_minor = opening_minor(question.policy, costs, days);
                    candidates.push(Candidate { source, entry: *entry, opening_minor });
                }
            }
            if begin == candidates.len() {
                self.free[source as usize * stride..][..stride].fill(0);
            }
        }
        candidates
    }

    /// Sorting a few sources is cheaper than looking at every node; sorting many is not.
    fn sources_by_rank(&self, network: &Network) -> Vec<u32> {
        let mut order: Vec<u32> = Vec::with_capacity(self.sources.len());
        if self.sources.len() * 8 < network.ranked().len() {
            order.extend(0..self.sources.len() as u32);
            order.sort_unstable_by_key(|source| self.sources[*source as usize].rank);
        } else {
            let place = |node: &NodeIx| self.place[node.index()];
            order.extend(network.ranked().iter().map(place).filter(|slot| *slot < SKIPPED));
        }
        order
    }

    fn add_rows(&mut self, question: &Question<'n>, demands: &Demands<'_>, candidates: &[Candidate]) {
        let Some(lanes) = question.lanes else { return };
        self.rows.reserve(candidates.len());
        self.unit_micro.reserve(candidates.len() * self.wants.len());
        // What a minor unit per whole unit is for one unit of each want; where nothing is priced, that is all there is.
        let factors: Vec<i64> =
            demands.shipped.iter().map(|demand| demands.unit_micro(demand, |_| 1)).collect();
        let priced = demands.stocks.iter().any(|stock| !stock.prices.is_empty());
        // By tariff: the range of weights last asked for, and its floors.
        let mut floors: Vec<Option<(u64, u64, Floors)>> = vec![None; lanes.tariffs.len()];
        for of_source in candidates.chunk_by(|a, b| a.source == b.source) {
            let source = of_source[0].source;
            let (low_mg, high_mg) = self.load_range(source);
            let begin = self.rows.len();
            if let Some(pinned_mg) = self.sources[source as usize].forced_mg {
                let row = self.forced_row(question, of_source, pinned_mg, high_mg);
                self.rows.extend(row);
            } else {
                for (place, lane) in of_source.iter().enumerate() {
                    let tariff = &*lanes.tariffs[lane.entry.tariff as usize];
                    let beaten = of_source[..place].iter().any(|before| {
                        let other = &lanes.tariffs[before.entry.tariff as usize];
                        other.dominates(before.opening_minor, tariff, lane.opening_minor)
                    });
                    if beaten {
                        continue;
                    }
                    let known = &mut floors[lane.entry.tariff as usize];
                    let lines = match known {
                        Some((low, high, lines)) if (*low, *high) == (low_mg, high_mg) => *lines,
                        _ => known.insert((low_mg, high_mg, tariff.floors(low_mg, high_mg))).2,
                    };
                    let floor = lines.best(lane.opening_minor);
                    self.rows.push(Row {
                        source,
                        tariff,
                        opening_micro: micro(lane.opening_minor),
                        fixed_micro: lane.opening_minor * 1_000_000 + floor.base_micro,
                        per_kg_minor: floor.per_kg_minor,
                    });
                }
            }
            let node = self.sources[source as usize].node;
            let pick_minor = question.network.costs(node).pick_minor;
            let price = |demand: &Demand| match priced {
                true => demands.unit_micro(demand, |stock| question.price_minor(stock, node)),
                false => 0,
            };
            for row in begin..self.rows.len() {
                let per_kg = self.rows[row].per_kg_minor;
                for ((want, factor), demand) in self.wants.iter().zip(&factors).zip(&demands.shipped) {
                    self.unit_micro.push(if demand.pieces.is_empty() {
                        want.weight_mg as i64 * per_kg + pick_minor * factor + price(demand)
                    } else {
                        let handled =
                            times(want.weight_mg, per_kg) + i128::from(pick_minor) * i128::from(*factor);
                        clamped(handled + i128::from(price(demand)))
                    });
                }
            }
        }
    }

    /// One node sends everything: whoever cannot has nothing to give, and where something is pinned nobody else has.
    fn keep_complete_sources(&mut self) {
        let stride = self.wants.len();
        self.shipments_max = self.shipments_max.min(usize::from(self.forced == 0));
        for (source, facts) in self.sources.iter().enumerate() {
            let free = &mut self.free[source * stride..][..stride];
            let mut asked = 0;
            let mut complete = self.forced == 0 || self.forced == 1 && facts.forced_mg.is_some();
            for (want, facts) in self.wants.iter().enumerate() {
                // Wants of one stock ask for it together.
                let same = want > 0 && self.wants[want - 1].stock == facts.stock;
                asked = if same { asked } else { 0 } + facts.units;
                complete &= free[want] >= asked;
            }
            if !complete {
                free.fill(0);
            }
        }
    }

    /// The lightest and the heaviest load a source could be given.
    fn load_range(&self, source: u32) -> (u64, u64) {
        let (mut low_mg, mut high_mg) = (u64::MAX, 0u64);
        for (index, want) in self.wants.iter().enumerate() {
            let units = self.serves(source, index, want.reachable);
            if units > 0 {
                low_mg = low_mg.min(want.weight_mg);
                high_mg = high_mg.saturating_add(units.saturating_mul(want.weight_mg));
            }
        }
        (low_mg.min(high_mg), high_mg)
    }

    /// The row of a source that sends a shipment already. More units cost their picking, and what the parcel rises by
    /// on whichever lane is cheapest then.
    fn forced_row(
        &mut self,
        question: &Question<'n>,
        lanes: &[Candidate],
        pinned_mg: u64,
        high_mg: u64,
    ) -> Option<Row<'n>> {
        let node = self.sources[lanes[0].source as usize].node;
        let (settled_minor, kept) = question.cheapest_lane(node, pinned_mg)?;
        let least = |lane: &Candidate| {
            let tariff = &question.network.way(lane.entry.way).tariff;
            i128::from(lane.opening_minor)
                + i128::from(tariff.least_minor(pinned_mg, pinned_mg.saturating_add(high_mg)))
        };
        let least_minor = lanes.iter().map(least).min()?;
        self.forced_slack_micro += (least_minor - settled_minor).min(0) * 1_000_000;
        let tariff = &*question.network.way(kept).tariff;
        self.forced_lanes.extend(lanes.iter().map(|lane| ForcedLane {
            source: lane.source,
            opening_minor: lane.opening_minor,
            tariff: &question.network.way(lane.entry.way).tariff,
        }));
        Some(Row {
            source: lanes[0].source,
            tariff,
            opening_micro: -settled_minor * 1_000_000,
            fixed_micro: 0,
            per_kg_minor: 0,
        })
    }

    /// Counts what stock could serve of each want.
    fn reach(&mut self) {
        let stride = self.wants.len();
        for (index, want) in self.wants.iter_mut().enumerate() {
            let free = self.free.iter().skip(index).step_by(stride);
            want.reachable = if want.whole {
                if free.copied().any(|units| units >= want.units) { want.units } else { 0 }
            } else {
                free.fold(0u64, |sum, units| sum.saturating_add(*units)).min(want.units)
            };
        }
    }

    /// The cost of what no stock can serve, whatever the plan.
    pub(crate) fn unreachable_micro(&self) -> i128 {
        self.wants.iter().map(|want| times(want.units - want.reachable, want.backorder_micro)).sum()
    }
}

fn wants_of(question: &Question<'_>, demands: &Demands<'_>) -> Vec<Want> {
    let factor = |demand| demands.makeup(demand).map(|(stock, _)| scale_factor(stock.item)).max();
    let finest = demands.shipped.iter().filter_map(factor).max().unwrap_or(1);
    let mut wants: Vec<Want> = Vec::with_capacity(demands.shipped.len());
    for demand in &demands.shipped {
        let item = demands.stocks[demand.stock].item;
        let mut shared = false;
        if let Some(before) = wants.last_mut().filter(|before| before.stock as usize == demand.stock) {
            before.shared = true;
            shared = true;
        }
        wants.push(Want {
            stock: demand.stock as u32,
            units: demand.units,
            reachable: 0,
            measure: demands.measure(demand, finest),
            weight_mg: demands.unit_mg(demand),
            backorder_micro: demands.unit_micro(demand, |_| question.policy.backorder_cost_minor),
            whole: item.no_split() && demand.pieces.is_empty(),
            shared,
        });
    }
    wants
}

/// Nodes that ship something pinned, each once, with the weight of it.
fn forced_loads(demands: &Demands<'_>) -> Vec<(NodeIx, u64)> {
    let mut loads: Vec<(NodeIx, u64)> = Vec::new();
    for part in demands.pinned.iter().filter(|part| demands.is_shipped(part.line)) {
        let load_mg = demands.weight_mg(part);
        match loads.iter_mut().find(|(node, _)| *node == part.node) {
            Some((_, sum)) => *sum = sum.saturating_add(load_mg),
            None => loads.push((part.node, load_mg)),
        }
    }
    loads
}
