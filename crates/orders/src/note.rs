//! What the door of an orders partition is told. Notes are not kept; the ones that matter are repeated after a restart.

use crate::order::{AttemptState, Order, Pinned};
use crate::state::Opening;
use waybill_types::exchange::{Claim, PlanLine};
use waybill_types::{NodeId, OrderId, Sealed, Timestamp};

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
}

/// The question of an attempt that is being planned.
pub(crate) fn question(
    id: OrderId,
    opening: &Opening,
    order: &Order,
    attempt: u32,
) -> Option<Box<PlanQuestion>> {
    let attempt = order.attempt(attempt)?;
    let AttemptState::Planning { asked_at, pinned } = &attempt.state else { return None };
    let content = order.content(opening);
    let lines = attempt.units.iter().map(|units| {
        let line = crate::fold::ordered(content, units.line);
        PlanLine {
            line: units.line,
            sku: line.sku.clone(),
            owner: line.owner.clone(),
            quantity: units.quantity,
            delivery: line.delivery.clone(),
        }
    });
    Some(Box::new(PlanQuestion {
        order: id,
        attempt: attempt.number,
        lines: lines.collect(),
        recipient: content.recipient.clone(),
        asked_at: *asked_at,
        release_at: content.release_at,
        excluded: attempt.excluded.clone(),
        pinned: pinned.as_ref().map_or_else(Vec::new, |pinned| pinned_claims(content, pinned)),
    }))
}

fn pinned_claims(content: &crate::content::OrderContent, pinned: &Pinned) -> Vec<Claim> {
    let units = pinned.units.iter().map(|units| (units.line, &units.node, units.quantity));
    crate::claims::summed(content, units)
}
