//! From what the search found to the plan that is said: units per line, lanes, dates and cost terms.

use crate::interner::NodeIx;
use crate::network::Site;
use crate::planner::cost::{MICRO, micro, minor_up, per_unit_micro, times};
use crate::planner::demand::{Demands, Missing, Part};
use crate::planner::problem::Problem;
use crate::planner::question::Question;
use crate::planner::score::Given;
use crate::policy::{PolicyVersion, kind_minor};
use std::collections::BTreeMap;
use waybill_types::exchange::{
    Assignment, CostTerm, Plan, PlanStamp, PromiseWindow, Unplanned, UnplannedReason,
};
use waybill_types::network::{LocalDay, Policy};
use waybill_types::{Quantity, ServiceId, Text, Timestamp};

/// Costs by term, in millionths of a minor unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) parcel: i128,
    pub(crate) carriage: i128,
    pub(crate) handling: i128,
    pub(crate) pick: i128,
    pub(crate) node_kind: i128,
    pub(crate) split: i128,
    pub(crate) lateness: i128,
    pub(crate) backorder: i128,
    pub(crate) price: i128,
}

impl Terms {
    fn named(&self) -> [(&'static str, i128); 9] {
        [
            ("parcel", self.parcel),
            ("carriage", self.carriage),
            ("handling", self.handling),
            ("pick", self.pick),
            ("node_kind", self.node_kind),
            ("split", self.split),
            ("lateness", self.lateness),
            ("backorder", self.backorder),
            ("price", self.price),
        ]
    }
    /// The terms that are not zero, each rounded up to a minor unit.
    pub(crate) fn said(&self) -> Vec<CostTerm> {
        let term = |(name, micro): (&str, i128)| CostTerm {
            name: Text::new(name).unwrap_or_else(|_| unreachable!("a literal within bounds")),
            minor: minor_up(micro),
        };
        self.named().into_iter().filter(|(_, micro)| *micro != 0).map(term).collect()
    }
    pub(crate) fn total_micro(&self) -> i128 {
        self.named().iter().map(|(_, micro)| *micro).sum()
    }
}

/// One shipment or pickup with its dates.
struct Stop<'n> {
    site: &'n Site,
    parts: Vec<Part>,
    service: Option<ServiceId>,
    ship_by: Timestamp,
    ship_day: LocalDay,
    promise: PromiseWindow,
}

/// All units of a plan: who serves what, and what nobody serves.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) shipped: Vec<Part>,
    pub(crate) collected: Vec<Part>,
    pub(crate) missing: Vec<Missing>,
}

impl Draft {
    /// Takes the pinned, collected and found units together.
    pub(crate) fn of(
        question: &Question<'_>,
        demands: &Demands<'_>,
        problem: &Problem<'_>,
        given: &[Given],
    ) -> Self {
        let mut draft = Self { missing: demands.missing.clone(), ..Self::default() };
        for part in &demands.pinned {
            if demands.is_shipped(part.line) { &mut draft.shipped } else { &mut draft.collected }.push(*part);
        }
        draft.collected.extend(&demands.collected);
        for (index, demand) in demands.shipped.iter().enumerate() {
            if !demand.pieces.is_empty() {
                draft.add_joined(question, demands, problem, (index, given));
                continue;
            }
            let mut sources: Vec<(u32, NodeIx, u64)> = given
                .iter()
                .filter(|part| part.want == index)
                .map(|part| {
                    let source = problem.sources[problem.rows[part.row as usize].source as usize];
                    (source.rank, source.node, part.units)
                })
                .collect();
            sources.sort_unstable();
            let mut sources = sources.into_iter();
            let mut source = sources.next();
            for (line, asked) in &demand.lines {
                let mut remaining = *asked;
                while remaining > 0 {
                    let Some((_, node, left)) = &mut source else { break };
                    let units = remaining.min(*left);
                    assert!(units > 0, "each step of an allocation gives something");
                    draft.shipped.push(Part { line: *line, node: *node, units });
                    remaining -= units;
                    *left -= units;
                    if *left == 0 {
                        source = sources.next();
                    }
                }
                if remaining > 0 {
                    let reason = question.why_unserved(demands, index);
                    draft.missing.push(Missing { line: *line, units: remaining, reason });
                }
            }
            assert!(source.is_none(), "no more is given than was asked");
        }
        draft
    }

    /// All of a joined demand comes from one node, or none of it does.
    fn add_joined(
        &mut self,
        question: &Question<'_>,
        demands: &Demands<'_>,
        problem: &Problem<'_>,
        (index, given): (usize, &[Given]),
    ) {
        let part = given.iter().find(|part| part.want == index);
        let node = part.map(|part| problem.sources[problem.rows[part.row as usize].source as usize].node);
        for (line, units) in demands.shipped[index].lines.iter().copied() {
            match node {
                Some(node) => self.shipped.push(Part { line, node, units }),
                None => {
                    let reason = question.why_unserved(demands, index);
                    self.missing.push(Missing { line, units, reason });
                }
            }
        }
    }

    /// Chooses lanes and dates by the question's policy, and counts the cost by `policy`.
    fn stops<'q>(
        &self,
        question: &Question<'q>,
        demands: &Demands<'_>,
        policy: &Policy,
    ) -> (Vec<Stop<'q>>, Terms) {
        let mut terms = Terms::default();
        let mut stops = Vec::new();
        for (node, parts) in by_node(&self.shipped) {
            stops.push(question.shipment(demands, node, parts, policy, &mut terms));
        }
        terms.split = micro(policy.split_penalty_minor) * (stops.len() as i128 - 1).max(0);
        for (node, parts) in by_node(&self.collected) {
            stops.push(question.pickup(demands, node, parts, policy, &mut terms));
        }
        for missing in &self.missing {
            let each = per_unit_micro(demands.item(missing.line), policy.backorder_cost_minor);
            terms.backorder += times(missing.units, each);
        }
        (stops, terms)
    }

    /// The cost of the draft as it is, in millionths of a minor unit.
    pub(crate) fn cost_micro(&self, question: &Question<'_>, demands: &Demands<'_>) -> i128 {
        self.stops(question, demands, question.policy).1.total_micro()
    }

    /// Says the plan, with costs by `policy` and without a lower bound.
    pub(crate) fn say(&self, question: &Question<'_>, demands: &Demands<'_>, policy: &PolicyVersion) -> Plan {
        self.check(demands);
        let (stops, terms) = self.stops(question, demands, &policy.policy);
        let mut assignments: BTreeMap<(usize, u32, bool), Assignment> = BTreeMap::new();
        for stop in &stops {
            for part in &stop.parts {
                let fresh = || Assignment {
                    line: demands.lines[part.line].line,
                    node: stop.site.record.id.clone(),
                    quantity: Quantity::ZERO,
                    service: stop.service.clone(),
                    ship_by: stop.ship_by,
                    promise: stop.promise,
                    ship_day: Some(stop.ship_day),
                };
                let key = (part.line, stop.site.rank, stop.service.is_none());
                let assignment = assignments.entry(key).or_insert_with(fresh);
                assignment.quantity = assignment.quantity.plus(Quantity::of(part.units));
            }
        }
        Plan {
            assignments: assignments.into_values().collect(),
            unplanned: self.unplanned(demands),
            cost: terms.said(),
            lower_bound_minor: 0,
            stamp: PlanStamp {
                network: question.network.version(),
                policy: policy.version,
                mirror: question.stock.version(),
            },
        }
    }

    fn unplanned(&self, demands: &Demands<'_>) -> Vec<Unplanned> {
        let mut by_line: BTreeMap<usize, Unplanned> = BTreeMap::new();
        for missing in &self.missing {
            let line = demands.lines[missing.line].line;
            let fresh = Unplanned { line, quantity: Quantity::ZERO, reason: missing.reason };
            let unplanned = by_line.entry(missing.line).or_insert(fresh);
            unplanned.quantity = unplanned.quantity.plus(Quantity::of(missing.units));
        }
        by_line.into_values().collect()
    }

    /// Given and missing units are exactly the units asked.
    fn check(&self, demands: &Demands<'_>) {
        let mut open: Vec<u64> = demands.lines.iter().map(|line| line.quantity.units()).collect();
        let given = self.shipped.iter().chain(&self.collected).map(|part| (part.line, part.units));
        for (line, units) in given.chain(self.missing.iter().map(|missing| (missing.line, missing.units))) {
            let rest = open[line].checked_sub(units);
            open[line] = rest.expect("a plan never gives a line more than it asked");
        }
        assert!(open.iter().all(|rest| *rest == 0), "given and missing units are the units asked");
    }
}

/// Parts by node, in ascending order of the node's number; what is said does not depend on that order.
fn by_node(parts: &[Part]) -> Vec<(NodeIx, Vec<Part>)> {
    let mut nodes: BTreeMap<NodeIx, Vec<Part>> = BTreeMap::new();
    for part in parts {
        nodes.entry(part.node).or_default().push(*part);
    }
    nodes.into_iter().collect()
}

impl<'q> Question<'q> {
    /// Chooses the lane for everything that the node ships, and counts its cost.
    fn shipment(
        &self,
        demands: &Demands<'_>,
        node: NodeIx,
        parts: Vec<Part>,
        policy: &Policy,
        terms: &mut Terms,
    ) -> Stop<'q> {
        let weights = parts.iter().map(|part| demands.weight_mg(part));
        let load_mg = weights.fold(0u64, u64::saturating_add);
        let (_, chosen) =
            self.cheapest_lane(node, load_mg).expect("only nodes with a lane are given shipments");
        let (site, ready_ms) = self.ready(node).expect("a node with a lane has dates");
        let way = self.network.way(chosen);
        let leaving = self.dates.leaving(site, way, ready_ms).expect("a lane with a cost has dates");
        let arrival = self.dates.arrival_day(way, leaving).expect("a lane with a cost has dates");
        let (base, carriage) = way.tariff.cost_minor(load_mg);
        terms.parcel += base * i128::from(MICRO);
        terms.carriage += carriage * i128::from(MICRO);
        terms.handling += micro(site.handling_cost_minor);
        terms.node_kind += micro(kind_minor(policy, site.record.kind));
        terms.lateness += micro(policy.lateness_cost_minor_per_day * self.dates.days_late(way, arrival));
        terms.pick += picks(demands, site, &parts);
        terms.price += self.prices(demands, node, &parts);
        Stop {
            site,
            parts,
            service: Some(way.record.service.clone()),
            ship_by: Timestamp::from_ms(leaving.at_ms),
            ship_day: leaving.day,
            promise: self.dates.window(way, leaving, arrival),
        }
    }

    fn pickup(
        &self,
        demands: &Demands<'_>,
        node: NodeIx,
        parts: Vec<Part>,
        policy: &Policy,
        terms: &mut Terms,
    ) -> Stop<'q> {
        let site = self.network.site(node).expect("a known node");
        let ready = self.dates.collectable(site).expect("only nodes that open are given pickups");
        terms.handling += micro(site.handling_cost_minor);
        let days = self.dates.days_until(site, ready.at_ms);
        terms.lateness += micro(policy.lateness_cost_minor_per_day * days);
        terms.pick += picks(demands, site, &parts);
        terms.price += self.prices(demands, node, &parts);
        let at = Timestamp::from_ms(ready.at_ms);
        let promise = PromiseWindow { earliest: at, latest: at };
        Stop { site, parts, service: None, ship_by: at, ship_day: ready.day, promise }
    }

    /// What the units cost on top at their node.
    fn prices(&self, demands: &Demands<'_>, node: NodeIx, parts: &[Part]) -> i128 {
        let each = |part: &Part| {
            let minor = self.price_minor(&demands.stocks[demands.stock_of[part.line]], node);
            times(part.units, per_unit_micro(demands.item(part.line), minor))
        };
        parts.iter().map(each).sum()
    }

    /// Units of a shipped demand are missing: does a node have some that it cannot send there?
    fn why_unserved(&self, demands: &Demands<'_>, demand: usize) -> UnplannedReason {
        let stock = &demands.stocks[demands.shipped[demand].stock];
        let strands = stock.rows.iter().any(|row| {
            let works = self.network.site(row.node).is_some_and(Site::takes_work);
            works
                && !self.excluded.contains(&row.node)
                && !self.ships(row.node)
                && stock.after_pickups(row.node, row.available.units()) > 0
        });
        if strands { UnplannedReason::NoRoute } else { UnplannedReason::NoStock }
    }
}

fn picks(demands: &Demands<'_>, site: &Site, parts: &[Part]) -> i128 {
    let each = |part: &Part| per_unit_micro(demands.item(part.line), site.pick_cost_minor);
    parts.iter().map(|part| times(part.units, each(part))).sum()
}
