//! From what the kernel gives to what is shown: legs with dates, true tariffs and what each needs that the engine cannot
//! do. It chooses nothing.

use super::gather::{Candidate, Field, How};
use super::{Beyond, Leg, Means, Part};
use crate::check::recompute;
use crate::kernel::Share;
use crate::planner::cost::{micro, minor_up, per_unit_micro, times, unit_weight_mg};
use crate::planner::question::Question;
use crate::policy::PolicyVersion;
use std::collections::BTreeMap;
use waybill_types::exchange::{Assignment, Plan, PlanLine, PlanRequest, PromiseWindow};
use waybill_types::{LineNo, NodeId, Quantity, ServiceId, Timestamp};

/// Legs, what all of it costs in minor units, and what is left.
pub(super) type Told = (Vec<Leg>, i64, Vec<(LineNo, Quantity)>);

/// What is told so far.
#[derive(Default)]
pub(super) struct Telling {
    pub(super) legs: Vec<Leg>,
    pub(super) micro: i128,
    pub(super) parcels: usize,
    /// By item: units given.
    pub(super) given: Vec<u64>,
}

/// Everything of a plan without hubs. Facilities of the shares are places among all candidates.
pub(super) fn told(field: &Field<'_>, shares: &[Share]) -> Told {
    let mut telling = Telling { given: vec![0; field.items.len()], ..Telling::default() };
    telling.add(field, shares);
    telling.finish(field)
}

impl Telling {
    pub(super) fn add(&mut self, field: &Field<'_>, shares: &[Share]) {
        let mut by_candidate: BTreeMap<u32, Vec<(usize, u64)>> = BTreeMap::new();
        for share in shares {
            let part = (share.item as usize, u64::from(share.units));
            by_candidate.entry(share.facility).or_default().push(part);
        }
        for (place, parts) in by_candidate {
            self.add_leg(field, &field.candidates[place as usize], &parts);
        }
    }

    fn add_leg(&mut self, field: &Field<'_>, candidate: &Candidate<'_>, parts: &[(usize, u64)]) {
        let mut cost = micro(candidate.opening_minor);
        let mut load_mg = 0u64;
        let mut beyond = Vec::new();
        for (item, units) in parts {
            let facts = &field.items[*item];
            cost += times(*units, field.unit_micro(candidate, facts));
            load_mg = load_mg.saturating_add(units.saturating_mul(unit_weight_mg(facts.facts)));
            beyond.extend(facts.beyond);
            self.given[*item] += units;
        }
        let ships = matches!(candidate.how, How::Parcel { .. });
        let (means, promise) = self.means(field, candidate, load_mg, &mut cost);
        match candidate.how {
            How::Transfer { .. } => beyond.push(Beyond::Transfer),
            How::Backorder { .. } => beyond.push(Beyond::Backorder),
            How::Parcel { .. } | How::Counter { .. } => {}
        }
        if candidate.at_hand_ms > field.now_ms {
            beyond.push(Beyond::DatedSupply);
        }
        beyond.sort_unstable();
        beyond.dedup();
        self.micro += cost;
        self.legs.push(Leg {
            node: candidate.site.map(|(_, site)| site.record.id.clone()),
            means,
            parts: parts_of(field, parts),
            ready: Timestamp::from_ms(candidate.ready_ms),
            promise,
            cost_minor: minor_up(cost - self.penalty(field, ships)),
            beyond,
        });
    }

    /// The split penalty, which is in the cost of using each parcel and is not a leg's own.
    pub(super) fn penalty(&self, field: &Field<'_>, ships: bool) -> i128 {
        if ships { micro(field.question.policy.split_penalty_minor) } else { 0 }
    }

    fn means(
        &mut self,
        field: &Field<'_>,
        candidate: &Candidate<'_>,
        load_mg: u64,
        cost: &mut i128,
    ) -> (Means, PromiseWindow) {
        let at = |ms| PromiseWindow { earliest: Timestamp::from_ms(ms), latest: Timestamp::from_ms(ms) };
        match &candidate.how {
            How::Parcel { way, leaving, arrival } => {
                let way = field.question.network.way(*way);
                let (base, carriage) = way.tariff.cost_minor(load_mg);
                *cost += (base + carriage) * 1_000_000;
                self.parcels += 1;
                let promise = field.question.dates.window(way, *leaving, *arrival);
                (Means::Parcel(way.record.service.clone()), promise)
            }
            How::Counter { ready_ms, .. } => (Means::Counter, at(*ready_ms)),
            How::Transfer { journey, .. } => {
                (Means::Transfer(journey.legs.iter().map(|leg| leg.from.clone()).collect()), journey.promise)
            }
            How::Backorder { days } => {
                (Means::Backorder, at(field.now_ms + i64::from(*days) * 24 * 3_600_000))
            }
        }
    }

    /// Adds what nobody gives, spares the first parcel its split penalty, and sorts.
    pub(super) fn finish(mut self, field: &Field<'_>) -> Told {
        let mut unserved = Vec::new();
        for (number, line) in field.question.request.lines.iter().enumerate() {
            let of_line = (0..field.items.len()).filter(|item| field.items[*item].line == number);
            let bundle = field.wider.bundles.iter().find(|bundle| bundle.sku == line.sku);
            let served: u64 = match bundle {
                Some(bundle) => {
                    let whole = of_line
                        .zip(&bundle.parts)
                        .map(|(item, (_, each))| self.given[item] / u64::from((*each).max(1)));
                    whole.min().unwrap_or(0)
                }
                None => of_line.map(|item| self.given[item]).sum(),
            };
            let left = line.quantity.units().saturating_sub(served);
            if left > 0 {
                let facts = field.question.stock.item(&line.sku);
                self.micro += times(left, per_unit_micro(facts, field.question.policy.backorder_cost_minor));
                unserved.push((line.line, Quantity::of(left)));
            }
        }
        if self.parcels > 0 {
            self.micro -= micro(field.question.policy.split_penalty_minor);
        }
        self.legs.sort_by(|a, b| (&a.node, a.ready).cmp(&(&b.node, b.ready)));
        (self.legs, minor_up(self.micro), unserved)
    }
}

/// Units by line and item.
pub(super) fn parts_of(field: &Field<'_>, parts: &[(usize, u64)]) -> Vec<Part> {
    let part = |(item, units): &(usize, u64)| {
        let item = &field.items[*item];
        let line = field.question.request.lines[item.line].line;
        Part { line, sku: item.sku.clone(), quantity: Quantity::of(*units) }
    };
    parts.iter().map(part).collect()
}

/// The engine's own plan, node by node.
pub(super) fn of_plan(question: &Question<'_>, plan: &Plan) -> Vec<Leg> {
    let mut stops: BTreeMap<(&NodeId, Option<&ServiceId>), Vec<&Assignment>> = BTreeMap::new();
    for part in &plan.assignments {
        stops.entry((&part.node, part.service.as_ref())).or_default().push(part);
    }
    let leg = |((node, service), parts): ((&NodeId, Option<&ServiceId>), Vec<&Assignment>)| {
        let ready = question.network.node_index(node).and_then(|node| question.ready(node));
        let ready_ms = ready.map_or(parts[0].ship_by.as_ms(), |(_, ready_ms)| ready_ms);
        let sku = |part: &Assignment| {
            question.request.lines.iter().find(|line| line.line == part.line).map(|line| line.sku.clone())
        };
        let said = parts
            .iter()
            .filter_map(|part| Some(Part { line: part.line, sku: sku(part)?, quantity: part.quantity }));
        Leg {
            node: Some(node.clone()),
            means: service.map_or(Means::Counter, |service| Means::Parcel(service.clone())),
            parts: said.collect(),
            ready: Timestamp::from_ms(ready_ms),
            promise: parts[0].promise,
            cost_minor: alone(question, plan, &parts),
            beyond: Vec::new(),
        }
    };
    stops.into_iter().map(leg).collect()
}

/// What these units cost by themselves: a question that asks for no more, answered by them.
fn alone(question: &Question<'_>, plan: &Plan, parts: &[&Assignment]) -> i64 {
    let lines = question.request.lines.iter().filter_map(|line| {
        let units = parts.iter().filter(|part| part.line == line.line).map(|part| part.quantity);
        let quantity = units.sum::<Quantity>();
        (!quantity.is_zero()).then(|| PlanLine { quantity, ..line.clone() })
    });
    let asked = PlanRequest { lines: lines.collect(), ..question.request.clone() };
    let assignments = parts.iter().map(|part| (*part).clone()).collect();
    let only = Plan { assignments, unplanned: Vec::new(), cost: Vec::new(), ..plan.clone() };
    let policy = PolicyVersion { version: plan.stamp.policy, policy: question.policy.clone() };
    recompute(question.network, &policy, question.stock, &asked, &only).unwrap_or(0)
}
