//! The problem of an outlook as the exact kernel reads it: lines with their substitutes and parts, and every parcel,
//! counter, transfer and backorder that could serve them, on every day on which goods are ready. Tariffs are replaced by
//! the straight line below each; what a plan truly costs is counted when it is told.

use super::shelves::Shelf;
use super::{Beyond, Supply, Wider};
use crate::dates::Leaving;
use crate::interner::NodeIx;
use crate::kernel::{self, Ask, Bond, Complete, Facility, Kind, Limits, Line, Share, Solver};
use crate::mirror::ItemFacts;
use crate::network::Site;
use crate::planner::cost::{micro, minor_up, opening_minor, per_unit_micro, unit_weight_mg};
use crate::planner::question::Question;
use crate::planner::terms::{Price, clamped, price_at};
use crate::routes::{Journey, WeightClass};
use std::collections::BTreeMap;
use waybill_types::exchange::Delivery;
use waybill_types::network::{Completeness, LocalDay};
use waybill_types::{NodeId, OwnerId, Sku, Timestamp};

/// Days on which a pickup may be collected.
const PICKUP_DAYS: usize = 10;

/// Units of one line by one item.
pub(super) struct Item<'q> {
    /// Index into the request's lines.
    pub(super) line: usize,
    pub(super) sku: Sku,
    pub(super) facts: ItemFacts,
    /// Index into [`Field::shelves`].
    pub(super) shelf: usize,
    /// What a whole unit of it costs on top wherever it comes from.
    extra_minor: i64,
    pub(super) beyond: Option<Beyond>,
    prices: Vec<Price<'q>>,
}

impl<'q> Item<'q> {
    pub(super) fn prices(&self) -> &[Price<'q>] {
        &self.prices
    }
}

/// How a candidate serves.
pub(super) enum How {
    Parcel { way: u32, leaving: Leaving, arrival: LocalDay },
    Counter { at: NodeId, ready_ms: i64 },
    Transfer { at: NodeId, journey: Journey },
    Backorder { days: u16 },
}

/// One way in which one node could serve one destination from one day on.
pub(super) struct Candidate<'q> {
    rank: u32,
    pub(super) site: Option<(NodeIx, &'q Site)>,
    pub(super) ready_ms: i64,
    /// Goods that come to hand by then are in it.
    pub(super) at_hand_ms: i64,
    pub(super) how: How,
    /// What using it costs besides a tariff.
    pub(super) opening_minor: i64,
    floor_micro: i64,
    per_kg_minor: i64,
    pub(super) days: u32,
}

/// The whole problem.
pub(super) struct Field<'q> {
    pub(super) question: &'q Question<'q>,
    pub(super) wider: &'q Wider,
    pub(super) items: Vec<Item<'q>>,
    pub(super) lines: Vec<(Line, u32)>,
    pub(super) shelves: Vec<((Sku, &'q OwnerId), Shelf)>,
    pub(super) candidates: Vec<Candidate<'q>>,
    pub(super) now_ms: i64,
}

/// What the kernel said.
pub(super) struct Apart {
    pub(super) shares: Vec<Share>,
    pub(super) bound_minor: i64,
}

impl<'q> Field<'q> {
    pub(super) fn gather(
        question: &'q Question<'q>,
        wider: &'q Wider,
        serves: impl Fn(&Supply, NodeIx) -> bool,
    ) -> Self {
        let now_ms = question.dates.release_ms();
        let mut field = Self {
            question,
            wider,
            items: Vec::new(),
            lines: Vec::new(),
            shelves: Vec::new(),
            candidates: Vec::new(),
            now_ms,
        };
        for line in 0..question.request.lines.len() {
            field.add_line(line, &serves);
        }
        field.add_candidates();
        field
    }

    fn add_line(&mut self, number: usize, serves: &impl Fn(&Supply, NodeIx) -> bool) {
        let question = self.question;
        let line = &question.request.lines[number];
        let unfilled = |facts| per_unit_micro(facts, question.policy.backorder_cost_minor);
        let quantity = u32::try_from(line.quantity.units()).unwrap_or(u32::MAX);
        if let Some(bundle) = self.wider.bundles.iter().find(|bundle| bundle.sku == line.sku) {
            // A bundle that is left costs what one unit of the line does: the first part bears it.
            let mut left_micro = unfilled(question.stock.item(&line.sku));
            for (sku, each) in &bundle.parts {
                let each = (*each).max(1);
                self.add_item(number, sku, &line.owner, (0, Some(Beyond::Bundle)), serves);
                let bond = Bond::Bundle { group: number as u32, each };
                let (quantity, unfilled) = (quantity.saturating_mul(each), left_micro / i64::from(each));
                self.lines.push((Line { quantity, unfilled, bond }, 1));
                left_micro = 0;
            }
            return;
        }
        let facts = self.add_item(number, &line.sku, &line.owner, (0, None), serves);
        let together = question.together(&line.sku).filter(|_| line.delivery == Delivery::Ship);
        let bond = match together {
            Some(rule) => Bond::Together(rule as u32),
            None if facts.no_split() => Bond::Whole,
            None => Bond::Free,
        };
        let mut items = 1;
        if together.is_none() {
            for other in self.wider.substitutes.iter().filter(|other| other.sku == line.sku) {
                let of_other = question.stock.item(&other.instead);
                // A unit of the one is a unit of the other only where both are counted alike.
                if of_other.scale() == facts.scale() && other.instead != line.sku {
                    let marked = (other.unit_minor, Some(Beyond::Substitute));
                    self.add_item(number, &other.instead, &line.owner, marked, serves);
                    items += 1;
                }
            }
        }
        self.lines.push((Line { quantity, unfilled: unfilled(facts), bond }, items));
    }

    fn add_item(
        &mut self,
        line: usize,
        sku: &Sku,
        owner: &'q OwnerId,
        (extra_minor, beyond): (i64, Option<Beyond>),
        serves: &impl Fn(&Supply, NodeIx) -> bool,
    ) -> ItemFacts {
        let known = self.shelves.iter().position(|((known, of), _)| known == sku && *of == owner);
        let shelf = known.unwrap_or_else(|| {
            let shelf = Shelf::of(self.question, (sku, owner), &self.wider.supply, serves);
            self.shelves.push(((sku.clone(), owner), shelf));
            self.shelves.len() - 1
        });
        let facts = self.question.stock.item(sku);
        let prices = self.question.prices_of(sku);
        self.items.push(Item { line, sku: sku.clone(), facts, shelf, extra_minor, beyond, prices });
        facts
    }

    /// Where the line of an item goes; `None` is to the address.
    fn pickup_of(&self, item: &Item<'_>) -> Option<&'q NodeId> {
        match &self.question.request.lines[item.line].delivery {
            Delivery::Pickup(at) => Some(at),
            Delivery::Ship => None,
        }
    }

    /// When goods are ready at each node that has something for a destination, as (node, ready, at hand).
    fn ready(&self, pickup: Option<&NodeId>) -> Vec<(NodeIx, i64, i64)> {
        let mut at_hand: BTreeMap<NodeIx, Vec<i64>> = BTreeMap::new();
        for item in self.items.iter().filter(|item| self.pickup_of(item) == pickup) {
            for (node, steps) in &self.shelves[item.shelf].1.nodes {
                at_hand.entry(*node).or_default().extend(steps.iter().map(|(from_ms, _)| *from_ms));
            }
        }
        let network = self.question.network;
        let days = |(node, times): (NodeIx, Vec<i64>)| {
            let times: Vec<Timestamp> = times.into_iter().map(Timestamp::from_ms).collect();
            let days = network.ready_days(node, &times).into_iter();
            days.map(move |day| (node, day.ready.as_ms(), day.at_hand.as_ms()))
        };
        at_hand.into_iter().flat_map(days).collect()
    }

    fn add_candidates(&mut self) {
        let mut found = Vec::new();
        self.add_parcels(&mut found);
        let mut pickups: Vec<&NodeId> = self.items.iter().filter_map(|item| self.pickup_of(item)).collect();
        pickups.sort_unstable();
        pickups.dedup();
        for at in pickups {
            self.add_pickup(at, &mut found);
        }
        if let Some(backorder) = self.wider.backorder {
            let days = u32::from(backorder.days);
            let late = self.question.policy.lateness_cost_minor_per_day * i64::from(days);
            found.push(Candidate {
                rank: u32::MAX,
                site: None,
                ready_ms: self.now_ms,
                at_hand_ms: self.now_ms,
                how: How::Backorder { days: backorder.days },
                opening_minor: backorder.order_minor + late,
                floor_micro: clamped(micro(backorder.order_minor + late)),
                per_kg_minor: 0,
                days,
            });
        }
        found.sort_by_key(|candidate| candidate.rank);
        self.candidates = found;
    }

    fn add_parcels(&self, found: &mut Vec<Candidate<'q>>) {
        let question = self.question;
        let Some(lanes) = question.lanes else { return };
        for (node, ready_ms, at_hand_ms) in self.ready(None) {
            let Some(site) = question.network.site(node).filter(|site| site.record.can.ships) else {
                continue;
            };
            let costs = question.network.costs(node);
            let (low_mg, high_mg) = self.loads(node, at_hand_ms, None);
            for entry in lanes.from(node) {
                let way = question.network.way(entry.way);
                let Some(leaving) = question.dates.leaving(site, way, ready_ms) else { continue };
                let Some(arrival) = question.dates.arrival_day(way, leaving) else { continue };
                let days = question.dates.days_late(way, arrival);
                let opening_minor = opening_minor(question.policy, costs, days);
                let floor = way.tariff.floors(low_mg, high_mg).best(opening_minor);
                found.push(Candidate {
                    rank: costs.rank,
                    site: Some((node, site)),
                    ready_ms,
                    at_hand_ms,
                    how: How::Parcel { way: entry.way, leaving, arrival },
                    opening_minor,
                    floor_micro: clamped(micro(opening_minor) + i128::from(floor.base_micro)),
                    per_kg_minor: floor.per_kg_minor,
                    days: days as u32,
                });
            }
        }
    }

    /// The lightest and the heaviest load a node could be given.
    fn loads(&self, node: NodeIx, by_ms: i64, pickup: Option<&NodeId>) -> (u64, u64) {
        let (mut low_mg, mut high_mg) = (u64::MAX, 0u64);
        for item in self.items.iter().filter(|item| self.pickup_of(item) == pickup) {
            let asked = self.question.request.lines[item.line].quantity.units();
            let units = u64::from(self.shelves[item.shelf].1.units(node, by_ms));
            let each = unit_weight_mg(item.facts);
            if units > 0 {
                low_mg = low_mg.min(each);
                // Parts of a bundle are more units than the line has.
                let most = if item.beyond == Some(Beyond::Bundle) { units } else { units.min(asked) };
                high_mg = high_mg.saturating_add(each.saturating_mul(most));
            }
        }
        (low_mg.min(high_mg), high_mg)
    }

    fn add_pickup(&self, at: &'q NodeId, found: &mut Vec<Candidate<'q>>) {
        let question = self.question;
        let network = question.network;
        let Some(here) = network.node_index(at).filter(|node| question.collects(*node)) else { return };
        let Some(counter) = network.site(here) else { return };
        let late = |ready_ms: i64| {
            let days = question.dates.days_until(counter, ready_ms);
            (days, question.policy.lateness_cost_minor_per_day * days)
        };
        for (node, ready_ms, at_hand_ms) in self.ready(Some(at)) {
            let Some(site) = network.site(node) else { continue };
            let (rank, handling) = (network.costs(node).rank, site.handling_cost_minor);
            let mut add = |ready_at: i64, cost_minor: i64, how: How| {
                let (days, late_minor) = late(ready_at);
                let opening_minor = handling + cost_minor + late_minor;
                let floor_micro = clamped(micro(opening_minor));
                let days = days as u32;
                found.push(Candidate {
                    rank,
                    site: Some((node, site)),
                    ready_ms,
                    at_hand_ms,
                    how,
                    opening_minor,
                    floor_micro,
                    per_kg_minor: 0,
                    days,
                });
            };
            if node == here {
                let open = question.dates.next_open(counter.clock, &counter.hours, ready_ms);
                if let Some(Leaving { at_ms, .. }) = open {
                    add(at_ms, 0, How::Counter { at: at.clone(), ready_ms: at_ms });
                }
            } else if self.wider.transfers {
                let class = WeightClass::of_g(self.loads(node, at_hand_ms, Some(at)).1.div_ceil(1_000));
                for (journey, cost_minor) in self.transfers(at, (node, ready_ms), class, &late) {
                    let there_ms = journey.promise.earliest.as_ms();
                    add(there_ms, cost_minor, How::Transfer { at: at.clone(), journey });
                }
            }
        }
    }

    /// The ways to a counter that are worth taking: each later one is cheaper, lateness included.
    fn transfers(
        &self,
        at: &NodeId,
        (node, ready_ms): (NodeIx, i64),
        class: WeightClass,
        late: &impl Fn(i64) -> (i64, i64),
    ) -> Vec<(Journey, i64)> {
        let network = self.question.network;
        let mut kept: Vec<(Journey, i64)> = Vec::new();
        let mut least = i64::MAX;
        for day in network.pickup_days(at, Timestamp::from_ms(self.now_ms), PICKUP_DAYS) {
            let Some(routes) = network.routes_to_node(at, day.by, class) else { continue };
            let ready = Timestamp::from_ms(ready_ms);
            let Some(label) = routes.cheapest(node, ready) else { continue };
            let Some(journey) = network.journey(&routes, label, ready) else { continue };
            let weighed = label.cost_minor() + late(journey.promise.earliest.as_ms()).1;
            if weighed < least {
                least = weighed;
                kept.push((journey, label.cost_minor()));
            }
        }
        kept
    }

    /// Units of an item that a candidate could give.
    pub(super) fn units(&self, candidate: &Candidate<'_>, item: &Item<'_>) -> u32 {
        let serves = match &candidate.how {
            How::Parcel { .. } => self.pickup_of(item).is_none(),
            How::Counter { at, .. } | How::Transfer { at, .. } => self.pickup_of(item) == Some(at),
            How::Backorder { .. } => item.beyond != Some(Beyond::Substitute),
        };
        match candidate.site {
            _ if !serves => 0,
            None => u32::MAX,
            Some((node, _)) => self.shelves[item.shelf].1.units(node, candidate.at_hand_ms),
        }
    }

    /// The cost of one unit of an item from a candidate, besides its carriage.
    pub(super) fn unit_micro(&self, candidate: &Candidate<'_>, item: &Item<'_>) -> i64 {
        let of_node = match candidate.site {
            Some((node, site)) => {
                let ready = self.question.dates.local(site.clock, candidate.ready_ms).0;
                site.pick_cost_minor + price_at(&item.prices, (node, site), || Some(ready))
            }
            None => self.wider.backorder.map_or(0, |backorder| backorder.unit_minor),
        };
        per_unit_micro(item.facts, of_node + item.extra_minor)
    }

    /// Solves it without hubs. `None` where its numbers are beyond all sense.
    pub(super) fn solve(&self) -> Option<Apart> {
        let mut solver = Solver::new();
        (0..8).find_map(|step| {
            let bits = step * 6;
            let problem = self.tell(bits, |_| true);
            let solution = solver.solve(&problem, &Ask::default()).ok()?;
            // The first parcel is spared the split penalty that each has in its cost.
            let any = self.candidates.iter().any(|one| matches!(one.how, How::Parcel { .. }));
            let first = if any { micro(self.question.policy.split_penalty_minor) } else { 0 };
            let bound = (i128::from(solution.certificate.lower_bound) << bits) - first;
            Some(Apart { shares: solution.shares, bound_minor: minor_up(bound) })
        })
    }

    /// The problem for the kernel with the candidates that `keep` keeps. A place in it is a place among those.
    pub(super) fn tell(&self, bits: u32, keep: impl Fn(&Candidate<'_>) -> bool) -> kernel::Problem {
        let mut problem = kernel::Problem::new();
        for (line, items) in &self.lines {
            problem.add_line(Line { unfilled: line.unfilled >> bits, ..*line }, *items);
        }
        let mut draws: BTreeMap<(usize, NodeIx), Vec<(i64, u32, u32)>> = BTreeMap::new();
        let kept = self.candidates.iter().filter(|candidate| keep(candidate));
        for (place, candidate) in (0u32..).zip(kept) {
            let ships = matches!(candidate.how, How::Parcel { .. });
            let facility = Facility {
                id: place,
                node: candidate.rank,
                fixed: candidate.floor_micro >> bits,
                day: candidate.days,
                kind: if ships { Kind::Ship } else { Kind::Virtual },
                barred: 0,
            };
            let (costs, stock) = problem.add_facility(facility);
            for (number, item) in self.items.iter().enumerate() {
                let carried = i128::from(unit_weight_mg(item.facts)) * i128::from(candidate.per_kg_minor);
                costs[number] = clamped(carried + i128::from(self.unit_micro(candidate, item))) >> bits;
                stock[number] = self.units(candidate, item);
                if let Some((node, _)) = candidate.site.filter(|_| stock[number] > 0) {
                    let draw = (candidate.at_hand_ms, place, number as u32);
                    draws.entry((item.shelf, node)).or_default().push(draw);
                }
            }
        }
        self.add_lots(&mut problem, &draws);
        problem.limits = self.limits();
        problem
    }

    /// What several draw on: for each instant from which there is more, all that is drawn from before it is bounded by
    /// what there is then.
    fn add_lots(
        &self,
        problem: &mut kernel::Problem,
        draws: &BTreeMap<(usize, NodeIx), Vec<(i64, u32, u32)>>,
    ) {
        for ((shelf, node), draws) in draws {
            let mut instants: Vec<i64> = draws.iter().map(|(at_ms, ..)| *at_ms).collect();
            instants.sort_unstable();
            instants.dedup();
            for at_ms in instants {
                let earlier = draws.iter().filter(|(from_ms, ..)| *from_ms <= at_ms);
                let mut members: Vec<(u32, u32)> = earlier.map(|(_, place, item)| (*place, *item)).collect();
                members.sort_unstable();
                if members.len() > 1 {
                    problem.add_lot(self.shelves[*shelf].1.units(*node, at_ms), &members);
                }
            }
        }
    }

    fn limits(&self) -> Limits {
        // An order that is fetched in part has no common parcel.
        let shipped = self.items.iter().all(|item| self.pickup_of(item).is_none());
        let complete = match self.question.completeness() {
            Completeness::OneNode if shipped => Complete::OneFacility,
            Completeness::OneDay if shipped => Complete::OneDay,
            Completeness::Apart | Completeness::OneNode | Completeness::OneDay => Complete::No,
        };
        let shipments_max = u32::from(self.question.policy.shipments_max);
        Limits { shipments_max, complete, one_per_node: false }
    }
}
