//! Sourcing for a pending amendment: what nodes are asked to give back, what the planner is asked for, and what inventory
//! is asked to move. Nothing of the order changes by any of it; claims are taken over by the new reservation and never let
//! go first.

use super::concern::{free, recallable};
use super::end::Served;
use crate::command::RecordPlan;
use crate::content::{Backorder, OrderContent};
use crate::decide::draft::Draft;
use crate::decide::plan::{fitting, name, reasons};
use crate::decide::unserved::with_reason;
use crate::decide::{RETRY_MS, TRIES_MAX};
use crate::event::{AmendmentPlanAsked, AmendmentPlanned, CancelledFrom, CancelledUnits, Event, What};
use crate::fold::sum_by_line;
use crate::note::own_claims;
use crate::order::{
    AmendmentRefused, AmendmentWait, PendingAmendment, RecallPurpose, Unserved, UnservedReason, WorkRef,
    WorkShare, WorkState,
};
use crate::units::Bucket;
use std::collections::BTreeMap;
use waybill_types::exchange::{
    Assignment, Claim, LineUnits, PlanStamp, RecallManner, ReserveOutcome, TakeOver,
};
use waybill_types::{LineNo, Quantity, ReservationId};

/// What is planned, and from where.
pub(super) struct Wanted {
    pub(super) moves: Vec<WorkShare>,
    pub(super) units: Vec<LineUnits>,
}

pub(super) fn of_line(units: &[LineUnits], line: LineNo) -> Quantity {
    units.iter().filter(|some| some.line == line).map(|some| some.quantity).sum()
}

/// Released units that nodes must give back: of lines that are planned anew all that are not in hand, of lines that only
/// lose units what cannot be called off otherwise.
pub(super) fn recalls(draft: &Draft<'_>, drops: &[LineUnits], recalled_lines: &[LineNo]) -> Vec<WorkShare> {
    let mut found = Vec::new();
    for line in recalled_lines {
        found.extend(recallable(&draft.order, *line));
    }
    for drop in drops.iter().filter(|drop| !recalled_lines.contains(&drop.line)) {
        let mut remaining = drop.quantity.saturating_sub(free(draft, drop.line));
        for share in recallable(&draft.order, drop.line) {
            let quantity = share.quantity.min(remaining);
            remaining = remaining.saturating_sub(quantity);
            if !quantity.is_zero() {
                found.push(WorkShare { quantity, ..share });
            }
        }
    }
    found
}

/// What the planner is asked for: units that leave unreleased work that `moves_from` names, units that came back and are
/// not called off, new ones.
pub(super) fn wanted(
    draft: &Draft<'_>,
    pending: &PendingAmendment,
    moves_from: impl Fn(&WorkRef) -> bool,
) -> Wanted {
    let moves_from = |number| draft.order.work(number).is_some_and(&moves_from);
    let mut moves = Vec::new();
    let mut units: Vec<(LineNo, Quantity)> = pending.adds.iter().map(|u| (u.line, u.quantity)).collect();
    for index in 0..draft.order.lines.len() {
        let line = crate::content::line_no(index);
        let mut to_drop = of_line(&pending.drops, line);
        let replanned = pending.replans.iter().any(|replan| replan.line == line);
        for source in draft.cancellable(line) {
            let dropped = to_drop.min(source.quantity);
            to_drop = to_drop.saturating_sub(dropped);
            let quantity = source.quantity.saturating_sub(dropped);
            let CancelledFrom::Work(work) = source.from else { continue };
            if replanned && !quantity.is_zero() && moves_from(work) {
                moves.push(WorkShare { work, line, quantity });
                units.push((line, quantity));
            }
        }
        units.push((line, pending.recalled_units(line).saturating_sub(to_drop)));
    }
    Wanted { moves, units: sum_by_line(units) }
}

impl Draft<'_> {
    /// Asks nodes' partitions for what the amendment needs back, unless somebody must say yes first.
    pub(super) fn recall_for_amendment(&mut self, number: u32) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        if matches!(pending.waits, AmendmentWait::Approval) {
            return;
        }
        let lines: Vec<LineNo> = pending.replans.iter().filter(|r| r.recalls).map(|r| r.line).collect();
        let shares = recalls(self, &pending.drops, &lines);
        let mut works: BTreeMap<u16, Vec<(LineNo, Quantity)>> = BTreeMap::new();
        for WorkShare { work, line, quantity } in shares {
            works.entry(work).or_default().push((line, quantity));
        }
        for (work, units) in works {
            self.push(What::RecallAsked {
                recall: self.order.last_recall + 1,
                work,
                units: sum_by_line(units),
                manner: RecallManner::Firm,
                purpose: RecallPurpose::Amendment(number),
            });
        }
    }

    /// Nodes have given back what they could: the planner is asked, or the amendment is applied where nothing needs a
    /// place.
    pub(super) fn source_amendment(&mut self, number: u32, tries: u8) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        let pending = pending.clone();
        let in_hand = self.in_the_way(&pending);
        if !in_hand.is_empty() {
            return self.refuse_amendment(number, AmendmentRefused::AlreadyPicked(in_hand));
        }
        // Work that its node's partition may still refuse, and would give back itself, is planned again afterwards.
        let Wanted { moves, units } = wanted(self, &pending, |work| work.state == WorkState::Planned);
        if units.is_empty() {
            return self.apply_amendment(number, Served::nothing(Vec::new()));
        }
        let attempt = self.order.last_attempt + 1;
        let asked = AmendmentPlanAsked { amendment: number, attempt, tries, moves, units };
        self.push(What::AmendmentPlanAsked(asked));
    }

    /// Units that are needed back and that nodes have in hand.
    fn in_the_way(&self, pending: &PendingAmendment) -> Vec<LineUnits> {
        let mut found = Vec::new();
        for replan in pending.replans.iter().filter(|replan| replan.recalls) {
            let buckets = self.order.line(replan.line).map(|state| state.buckets);
            let at_node =
                |buckets: crate::Buckets| buckets.get(Bucket::Released).plus(buckets.get(Bucket::Picked));
            found.push((replan.line, buckets.map_or(Quantity::ZERO, at_node)));
        }
        for drop in &pending.drops {
            let there = free(self, drop.line).plus(pending.recalled_units(drop.line));
            found.push((drop.line, drop.quantity.saturating_sub(there)));
        }
        sum_by_line(found)
    }

    /// Where units of a line can be called off or planned anew without asking anybody, beside those that are moved.
    pub(super) fn unmoved(&self, line: LineNo, moves: &[WorkShare]) -> Vec<CancelledUnits> {
        let mut sources = self.cancellable(line);
        for source in &mut sources {
            let CancelledFrom::Work(number) = source.from else { continue };
            let moved = moves.iter().filter(|share| share.work == number && share.line == line);
            let moved: Quantity = moved.map(|share| share.quantity).sum();
            source.quantity = source.quantity.saturating_sub(moved);
        }
        sources.retain(|source| !source.quantity.is_zero());
        sources
    }
}

/// Decides what follows from a plan for an amendment. One that it does not ask for any more has no effect.
pub(crate) fn planned(mut draft: Draft<'_>, recorded: &RecordPlan) -> Vec<Event> {
    let Some((number, pending)) = draft.order.pending_amendment() else { return Vec::new() };
    if pending.attempt != recorded.attempt || !matches!(pending.waits, AmendmentWait::Plan { .. }) {
        return Vec::new();
    }
    let pending = pending.clone();
    let plan = recorded.outcome.as_ref().ok();
    let (assignments, left) = fitting(&pending.planned, None, plan);
    let unserved = reasons(left, plan);
    if let Some(hard) = cannot_wait(pending.proposed.backorder, &pending.adds, &unserved) {
        let reason = hard.reason;
        let units = unserved.iter().map(|some| (some.line, some.quantity));
        let why = AmendmentRefused::Unserved(sum_by_line(units), reason);
        draft.refuse_amendment(number, why);
    } else if assignments.is_empty() {
        draft.apply_amendment(number, Served::nothing(unserved));
    } else {
        let takes_over = takes_over(&draft, &pending, &assignments);
        draft.push(What::AmendmentPlanned(Box::new(AmendmentPlanned {
            amendment: number,
            reservation: name(&draft, &pending.proposed, recorded.attempt, &assignments),
            assignments,
            unserved,
            takes_over,
            cost: plan.map_or_else(Vec::new, |plan| plan.cost.clone()),
            lower_bound_minor: plan.map_or(0, |plan| plan.lower_bound_minor),
            stamp: plan.map_or_else(PlanStamp::default, |plan| plan.stamp),
        })));
    }
    draft.finish()
}

/// The first of these units that may not wait for stock: the order had them already, or backorders are forbidden.
pub(super) fn cannot_wait(
    backorder: Backorder,
    adds: &[LineUnits],
    unserved: &[Unserved],
) -> Option<Unserved> {
    let may_wait =
        |some: &&Unserved| backorder == Backorder::Allow && some.quantity <= of_line(adds, some.line);
    unserved.iter().find(|some| !may_wait(some)).copied()
}

/// Of the order's own claims, those that stand where the plan has units.
fn takes_over(draft: &Draft<'_>, pending: &PendingAmendment, assignments: &[Assignment]) -> Vec<TakeOver> {
    let assigned = assignments.iter().map(|a| (a.line, &a.node, a.quantity));
    let mut open = crate::claims::summed(&pending.proposed, assigned);
    let own = own_claims(draft.content(), &draft.order, pending).into_iter().map(|own| {
        let claims = own.claims.into_iter().map(|claim| {
            let same = |other: &Claim| same_goods(other, &claim);
            let quantity = crate::claims::take(&mut open, same, claim.quantity);
            Claim { quantity, ..claim }
        });
        let claims = claims.filter(|claim| !claim.quantity.is_zero()).collect();
        TakeOver { from: own.from, claims }
    });
    own.filter(|own: &TakeOver| !own.claims.is_empty()).collect()
}

fn same_goods(a: &Claim, b: &Claim) -> bool {
    a.sku == b.sku && a.owner == b.owner && a.node == b.node
}

/// What of the order's own claims is not needed: given back.
pub(super) fn not_taken(
    content: &OrderContent,
    draft: &Draft<'_>,
    pending: &PendingAmendment,
) -> Vec<TakeOver> {
    let taken: &[TakeOver] = match &pending.waits {
        AmendmentWait::Stock { takes_over, .. } => takes_over,
        AmendmentWait::Approval
        | AmendmentWait::Recalls
        | AmendmentWait::Plan { .. }
        | AmendmentWait::Retry { .. } => &[],
    };
    let taken_of = |from: ReservationId, claim: &Claim| -> Quantity {
        let of = taken.iter().filter(|some| some.from == from).flat_map(|some| &some.claims);
        of.filter(|other| same_goods(other, claim)).map(|other| other.quantity).sum()
    };
    let left = own_claims(content, &draft.order, pending).into_iter().map(|own| {
        let claims = own.claims.into_iter().map(|claim| {
            let quantity = claim.quantity.saturating_sub(taken_of(own.from, &claim));
            Claim { quantity, ..claim }
        });
        TakeOver { from: own.from, claims: claims.filter(|claim| !claim.quantity.is_zero()).collect() }
    });
    left.filter(|own| !own.claims.is_empty()).collect()
}

/// Decides what follows from inventory's answer for an amendment that waits for it.
pub(crate) fn reserved(mut draft: Draft<'_>, outcome: &ReserveOutcome) -> Vec<Event> {
    let Some((number, pending)) = draft.order.pending_amendment() else { return Vec::new() };
    let AmendmentWait::Stock { reservation, assignments, tries, unserved, .. } = pending.waits.clone() else {
        return Vec::new();
    };
    match outcome {
        ReserveOutcome::Granted(claims) => {
            let served =
                Served { reservation: Some(reservation), assignments, granted: claims.clone(), unserved };
            draft.apply_amendment(number, served);
        }
        ReserveOutcome::Refused(shortages) => draft.unreserved(number, tries, shortages.clone(), false),
        ReserveOutcome::Contended(shortages) => draft.unreserved(number, tries, shortages.clone(), true),
    }
    draft.finish()
}

impl Draft<'_> {
    /// Inventory refused: once more later, a bounded number of times; then new units wait for stock where they may, and
    /// anything else is refused.
    fn unreserved(
        &mut self,
        number: u32,
        tries: u8,
        shortages: Vec<waybill_types::exchange::Shortage>,
        contended: bool,
    ) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        let pending = pending.clone();
        if pending.deadline <= self.cx.at {
            return self.refuse_amendment(number, AmendmentRefused::TooLate);
        }
        if tries < TRIES_MAX {
            let until = self.cx.at.plus_ms(RETRY_MS * i64::from(tries));
            return self.push(What::AmendmentUnreserved { amendment: number, contended, shortages, until });
        }
        let reason = if contended { UnservedReason::Contended } else { UnservedReason::NoStock };
        let unserved = with_reason(pending.planned.clone(), reason);
        match cannot_wait(pending.proposed.backorder, &pending.adds, &unserved) {
            None => self.apply_amendment(number, Served::nothing(unserved)),
            Some(_) => {
                self.refuse_amendment(number, AmendmentRefused::Unserved(pending.planned, reason));
            }
        }
    }
}
