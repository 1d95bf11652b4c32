//! How an amendment ends: all of it happens in one event, or nothing of it does and what nodes gave back goes on where it
//! was.

use super::source::{not_taken, of_line};
use crate::claims::{merged, summed, take};
use crate::decide::draft::{Draft, Manner};
use crate::decide::reserve::works;
use crate::decide::unserved::with_reason;
use crate::event::{AmendmentApplied, AttemptSource, CancelledFrom, CancelledUnits, NewWork, What};
use crate::fold::{ordered, sum_by_line};
use crate::money;
use crate::order::{
    AmendmentRefused, AttemptState, PendingAmendment, Pinned, PinnedUnits, RecalledUnits, Unserved,
    UnservedReason,
};
use crate::units::Bucket;
use std::collections::{BTreeMap, BTreeSet};
use waybill_types::exchange::{Assignment, Claim, LineUnits, TakeOver};
use waybill_types::{LineNo, NodeId, Quantity, ReservationId};

/// What sourcing came to.
pub(super) struct Served {
    pub(super) reservation: Option<ReservationId>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) granted: Vec<Claim>,
    /// New units that nothing serves; they may wait.
    pub(super) unserved: Vec<Unserved>,
}

impl Served {
    /// Nothing was reserved.
    pub(super) const fn nothing(unserved: Vec<Unserved>) -> Self {
        Self { reservation: None, assignments: Vec::new(), granted: Vec::new(), unserved }
    }
}

/// Units and the claims they stand on, by reservation and node.
pub(crate) type Standing = BTreeMap<(ReservationId, NodeId), Vec<(LineNo, Quantity)>>;

impl Draft<'_> {
    /// Nothing of the amendment happens. What nodes gave back for it is planned where it was, on the claims it has.
    pub(crate) fn refuse_amendment(&mut self, number: u32, why: AmendmentRefused) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        let mut standing = Standing::new();
        for RecalledUnits { line, node, reservation, quantity } in &pending.recalled {
            standing.entry((*reservation, node.clone())).or_default().push((*line, *quantity));
        }
        self.push(What::AmendmentRefused { amendment: number, why });
        self.plan_where_they_stand(standing);
    }

    /// Open units outside any attempt that have their claims are planned exactly where these are.
    pub(crate) fn plan_where_they_stand(&mut self, standing: Standing) {
        for ((reservation, node), units) in standing {
            let units = sum_by_line(units);
            let pinned = |units: &LineUnits| PinnedUnits {
                line: units.line,
                node: node.clone(),
                quantity: units.quantity,
            };
            let pinned = Some(Pinned { reservation, units: units.iter().map(pinned).collect() });
            self.start_attempt(units, Manner { pinned, ..Manner::afresh(AttemptSource::Open) });
        }
    }

    /// All of the amendment happens.
    pub(super) fn apply_amendment(&mut self, number: u32, served: Served) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        let pending = pending.clone();
        let (dropped, dropped_recalled) = self.dropped(&pending);
        let replanned = self.replanned(&pending, &dropped);
        let (works, surplus) = self.new_works(&pending, &served);
        let mut freed = not_taken(self.content(), self, &pending);
        freed.extend(self.claims_of(&dropped));
        if let Some(from) = served.reservation.filter(|_| !surplus.is_empty()) {
            freed.push(TakeOver { from, claims: surplus });
        }
        let (standing, afresh) = self.planned_again(&replanned);
        let settled = money::settled(self.content(), &pending.proposed, &self.order.lines);
        self.push(What::AmendmentApplied(Box::new(AmendmentApplied {
            amendment: number,
            dropped,
            dropped_recalled,
            moved: pending.moves.clone(),
            replanned,
            reservation: served.reservation.filter(|_| !works.is_empty()),
            works,
            freed,
            settled: settled.map(Box::new),
        })));
        self.plan_where_they_stand(standing);
        self.start_attempt(afresh, Manner::afresh(AttemptSource::Open));
        self.not_served(pending.attempt, served.unserved, Vec::new());
        let short = with_reason(self.loose(), UnservedReason::NoStock);
        self.give_up(short, Vec::new());
        let waiting = self.waiting_again(&pending);
        self.start_attempt(waiting, Manner::afresh(AttemptSource::Backordered));
    }

    /// Units that wait for stock and may be served now that their line goes another way. All lines of their goods are tried
    /// together, so that inventory is told how much of them is still waited for.
    fn waiting_again(&self, pending: &PendingAmendment) -> Vec<LineUnits> {
        let content = self.content();
        let goods: BTreeSet<_> = pending
            .replans
            .iter()
            .filter(|replan| !self.backordered(replan.line).is_zero())
            .map(|replan| ordered(content, replan.line))
            .map(|line| (&line.sku, &line.owner))
            .collect();
        let same = content.numbered().filter(|(_, line)| goods.contains(&(&line.sku, &line.owner)));
        sum_by_line(same.map(|(line, _)| (line, self.backordered(line))))
    }

    fn backordered(&self, line: LineNo) -> Quantity {
        self.order.line(line).map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Backordered))
    }

    /// The units that are called off: those that lose least first, those that nodes gave back last.
    fn dropped(&self, pending: &PendingAmendment) -> (Vec<CancelledUnits>, Vec<LineUnits>) {
        let (mut dropped, mut back) = (Vec::new(), Vec::new());
        for drop in &pending.drops {
            let line = drop.line;
            let moved = pending.moves.iter().filter(|share| share.line == line);
            let moved: Quantity = moved.map(|share| share.quantity).sum();
            let planned = of_line(&pending.planned, line);
            let kept = planned.saturating_sub(of_line(&pending.adds, line)).saturating_sub(moved);
            let from_nodes = pending.recalled_units(line).saturating_sub(kept).min(drop.quantity);
            back.push((line, from_nodes));
            let mut remaining = drop.quantity.saturating_sub(from_nodes);
            for source in self.unmoved(line, &pending.moves) {
                let quantity = source.quantity.min(remaining);
                remaining = remaining.saturating_sub(quantity);
                if !quantity.is_zero() {
                    dropped.push(CancelledUnits { quantity, ..source });
                }
            }
        }
        (dropped, sum_by_line(back))
    }

    /// Units of lines that are planned anew which no plan for the amendment was for: those that the planner was asked for
    /// with the order as it was, and those that became a node's work since.
    fn replanned(&self, pending: &PendingAmendment, dropped: &[CancelledUnits]) -> Vec<CancelledUnits> {
        let mut found = Vec::new();
        for replan in &pending.replans {
            for source in self.unmoved(replan.line, &pending.moves) {
                let same = |some: &&CancelledUnits| some.line == source.line && some.from == source.from;
                let gone = dropped.iter().filter(same).map(|some| some.quantity).sum();
                let quantity = source.quantity.saturating_sub(gone);
                if !quantity.is_zero() && self.has_asked(&source.from) {
                    found.push(CancelledUnits { quantity, ..source });
                }
            }
        }
        found
    }

    /// False where units will be planned as the order is by then: what inventory is being asked for is planned again once
    /// it is granted, on the claims it has then.
    fn has_asked(&self, from: &CancelledFrom) -> bool {
        match from {
            CancelledFrom::Work(_) | CancelledFrom::Pinned(..) => true,
            CancelledFrom::Attempt(number) => {
                self.order.attempt(*number).is_some_and(|attempt| match attempt.state {
                    AttemptState::Planning { .. } => true,
                    AttemptState::Adopting(_)
                    | AttemptState::Waiting { .. }
                    | AttemptState::Reserving { .. }
                    | AttemptState::Ended(_) => false,
                })
            }
            CancelledFrom::Open
            | CancelledFrom::Backordered
            | CancelledFrom::Recalled(_)
            | CancelledFrom::Back(_) => false,
        }
    }

    /// Those that stand on claims, and those that do not.
    fn planned_again(&self, replanned: &[CancelledUnits]) -> (Standing, Vec<LineUnits>) {
        let mut standing = Standing::new();
        let mut afresh = Vec::new();
        for CancelledUnits { line, quantity, from } in replanned {
            match self.stands_on(from) {
                Some(key) => standing.entry(key).or_default().push((*line, *quantity)),
                None => afresh.push((*line, *quantity)),
            }
        }
        (standing, sum_by_line(afresh))
    }

    fn stands_on(&self, from: &CancelledFrom) -> Option<(ReservationId, NodeId)> {
        match from {
            CancelledFrom::Pinned(_, node, reservation) => Some((*reservation, node.clone())),
            CancelledFrom::Work(number) => {
                self.order.work(*number).map(|work| (work.reservation, work.node.clone()))
            }
            CancelledFrom::Open
            | CancelledFrom::Backordered
            | CancelledFrom::Attempt(_)
            | CancelledFrom::Recalled(_)
            | CancelledFrom::Back(_) => None,
        }
    }

    /// The claims of units that are called off.
    fn claims_of(&self, dropped: &[CancelledUnits]) -> Vec<TakeOver> {
        let mut claims: BTreeMap<ReservationId, Vec<Claim>> = BTreeMap::new();
        for CancelledUnits { line, quantity, from } in dropped {
            if let Some((reservation, node)) = self.stands_on(from) {
                let of_units = summed(self.content(), [(*line, &node, *quantity)]);
                claims.entry(reservation).or_default().extend(of_units);
            }
        }
        claims.into_iter().map(|(from, claims)| TakeOver { from, claims: merged(claims) }).collect()
    }

    /// The work of nodes that comes of the plan, and what was granted beyond it.
    fn new_works(&self, pending: &PendingAmendment, served: &Served) -> (Vec<NewWork>, Vec<Claim>) {
        let mut pool = served.granted.clone();
        let assigned = served.assignments.iter().map(|assignment| {
            let line = ordered(&pending.proposed, assignment.line);
            let matches = |claim: &Claim| {
                claim.sku == line.sku && claim.owner == line.owner && claim.node == assignment.node
            };
            let quantity = take(&mut pool, matches, assignment.quantity);
            Assignment { quantity, ..assignment.clone() }
        });
        let assigned: Vec<Assignment> = assigned.filter(|a| !a.quantity.is_zero()).collect();
        pool.retain(|claim| !claim.quantity.is_zero());
        (works(self, &assigned), pool)
    }
}
