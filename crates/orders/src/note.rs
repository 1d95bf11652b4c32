//! What the door of an orders partition is told. Notes are not kept; the ones that matter are repeated after a restart.

use crate::content::OrderContent;
use crate::order::{AmendmentWait, AttemptState, Order, PendingAmendment, Pinned};
use crate::state::Opening;
use std::collections::BTreeMap;
use waybill_types::exchange::{Claim, LineUnits, PlanLine, TakeOver};
use waybill_types::{Channel, LineNo, NodeId, OrderId, Quantity, ReservationId, Sealed, Timestamp};

/// One note.
#[derive(Clone, Debug)]
pub enum Note {
    /// Ask the planner and answer with `RecordPlan`. Asking twice does no harm.
    AskPlan(Box<PlanQuestion>),
    /// The order has changed: wake who waits for it or watches it.
    Changed {
        /// Which.
        order: OrderId,
        /// Its revision now.
        revision: u64,
    },
}

/// What the planner is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanQuestion {
    /// For which order.
    pub order: OrderId,
    /// For which attempt of it.
    pub attempt: u32,
    /// Where it was placed.
    pub channel: Channel,
    /// Units to plan.
    pub lines: Vec<PlanLine>,
    /// Sealed contact and address; the door opens it for the destination.
    pub recipient: Option<Sealed>,
    /// When the question arose.
    pub asked_at: Timestamp,
    /// Work may not be released before this.
    pub release_at: Option<Timestamp>,
    /// Nodes that must not be used.
    pub excluded: Vec<NodeId>,
    /// Units already reserved: planned exactly there.
    pub pinned: Vec<Claim>,
    /// Units that the order has reserved and that the answer may use or leave: for this question they count as there.
    pub own: Vec<Claim>,
}

/// The question of an attempt that is being planned, or of the pending amendment.
pub(crate) fn question(
    id: OrderId,
    opening: &Opening,
    order: &Order,
    attempt: u32,
) -> Option<Box<PlanQuestion>> {
    let Some(attempt) = order.attempt(attempt) else {
        return order.pending_amendment().filter(|(_, pending)| pending.attempt == attempt).and_then(
            |(_, pending)| {
                let AmendmentWait::Plan { asked_at, .. } = pending.waits else { return None };
                let own = own_claims(order.content(opening), order, pending);
                let own = crate::claims::merged(own.into_iter().flat_map(|own| own.claims));
                Some(Box::new(ask(id, attempt, &pending.proposed, &pending.planned, own, asked_at)))
            },
        );
    };
    let AttemptState::Planning { asked_at, pinned } = &attempt.state else { return None };
    let content = order.content(opening);
    Some(Box::new(PlanQuestion {
        excluded: attempt.excluded.clone(),
        pinned: pinned.as_ref().map_or_else(Vec::new, |pinned| pinned_claims(content, pinned)),
        ..ask(id, attempt.number, content, &attempt.units, Vec::new(), *asked_at)
    }))
}

/// The question where these units could come from; nothing is pinned and nobody excluded.
pub(crate) fn ask(
    id: OrderId,
    attempt: u32,
    content: &OrderContent,
    units: &[LineUnits],
    own: Vec<Claim>,
    asked_at: Timestamp,
) -> PlanQuestion {
    let lines = units.iter().map(|units| {
        let line = crate::fold::ordered(content, units.line);
        PlanLine {
            line: units.line,
            sku: line.sku.clone(),
            owner: line.owner.clone(),
            quantity: units.quantity,
            delivery: line.delivery.clone(),
        }
    });
    PlanQuestion {
        order: id,
        attempt,
        channel: content.channel.clone(),
        lines: lines.collect(),
        recipient: content.recipient.clone(),
        asked_at,
        release_at: content.release_at,
        excluded: Vec::new(),
        pinned: Vec::new(),
        own,
    }
}

/// The order's own claims that a pending amendment may use again or give up: of the units that it moves, and of those that
/// nodes gave back for it. Each reservation once.
pub(crate) fn own_claims(content: &OrderContent, order: &Order, pending: &PendingAmendment) -> Vec<TakeOver> {
    let moved = pending.moves.iter().filter_map(|share| {
        let work = order.work(share.work)?;
        Some((work.reservation, share.line, &work.node, share.quantity))
    });
    let back = pending.recalled.iter().map(|back| (back.reservation, back.line, &back.node, back.quantity));
    let mut found: BTreeMap<ReservationId, Vec<(LineNo, &NodeId, Quantity)>> = BTreeMap::new();
    for (reservation, line, node, quantity) in moved.chain(back) {
        found.entry(reservation).or_default().push((line, node, quantity));
    }
    let claims = |(from, units)| TakeOver { from, claims: crate::claims::summed(content, units) };
    found.into_iter().map(claims).collect()
}

fn pinned_claims(content: &OrderContent, pinned: &Pinned) -> Vec<Claim> {
    let units = pinned.units.iter().map(|units| (units.line, &units.node, units.quantity));
    crate::claims::summed(content, units)
}
