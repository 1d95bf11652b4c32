//! What an amendment would do, without doing it. It holds for the order's revision that it names.

use super::source::{cannot_wait, recalls, wanted};
use super::{examine, needs_approval};
use crate::command::Amend;
use crate::content::{Backorder, OrderContent, line_no};
use crate::decide::draft::Draft;
use crate::decide::plan::{fitting, reasons};
use crate::event::ChangeDecided;
use crate::fold::sum_by_line;
use crate::note::{PlanQuestion, ask, own_claims};
use crate::order::{AmendmentWait, PendingAmendment, RecalledUnits, Unserved, UnservedReason, WorkShare};
use crate::refusal::Refusal;
use crate::state::OrdersState;
use std::collections::BTreeSet;
use waybill_machine::Context;
use waybill_types::exchange::{Delivery, LineUnits, Plan};
use waybill_types::{FulfillmentOrderId, LineNo, OrderId};

/// What an amendment would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The order's revision that it is about.
    pub revision: u64,
    /// The order as it would be. Where prices are missing its amounts mean nothing.
    pub content: OrderContent,
    /// What the policy says to each change.
    pub decided: Vec<ChangeDecided>,
    /// Version of that policy.
    pub policy_version: u64,
    /// Somebody with the right to must say yes first.
    pub needs_approval: bool,
    /// Paths of amounts that are missing, such as `changes[0].added`.
    pub needs_pricing: Vec<String>,
    /// Units that would be called off, by line.
    pub drops: Vec<LineUnits>,
    /// New units, by line of `content`.
    pub adds: Vec<LineUnits>,
    /// Units that nodes would be asked to give back, by line.
    pub recalls: Vec<LineUnits>,
    /// Lines whose units that have not left would be planned anew.
    pub replanned_lines: Vec<LineNo>,
    /// What it would ask of nodes and the planner.
    pub needs: Needs,
}

/// What an amendment would ask of others before it is applied.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The works that units would be called back of.
    pub recalled_works: Vec<FulfillmentOrderId>,
    /// What to ask the planner for the new promise; `None` where nothing needs a place. Its attempt number means nothing.
    pub question: Option<Box<PlanQuestion>>,
    adds: Vec<LineUnits>,
    backorder: Backorder,
}

impl Needs {
    /// Units of the question that this plan leaves. `None` is that it can never be planned.
    #[must_use]
    pub fn unserved(&self, plan: Option<&Plan>) -> Vec<Unserved> {
        let Some(question) = &self.question else { return Vec::new() };
        let asked = question.lines.iter();
        let asked: Vec<LineUnits> =
            asked.map(|line| LineUnits { line: line.line, quantity: line.quantity }).collect();
        reasons(fitting(&asked, None, plan).1, plan)
    }

    /// The first of these units for which the amendment would come to nothing: they may not wait for stock, or no stock
    /// would help, because the node where they are to be fetched hands nothing over.
    #[must_use]
    pub fn fails_for(&self, unserved: &[Unserved]) -> Option<Unserved> {
        let never = unserved.iter().find(|some| some.reason == UnservedReason::NoPickup).copied();
        never.or_else(|| cannot_wait(self.backorder, &self.adds, unserved))
    }

    /// True where planning is asked before anything is done: a node's pick would be called back for it, or a node that
    /// the caller chose may not be one.
    #[must_use]
    pub fn are_asked_first(&self) -> bool {
        let chosen = |question: &PlanQuestion| {
            question.lines.iter().any(|line| matches!(line.delivery, Delivery::Pickup(_)))
        };
        self.question.as_deref().is_some_and(|question| !self.recalled_works.is_empty() || chosen(question))
    }

    /// True where an amendment that fails for this is refused at once. Any other asks inventory first, which costs nobody
    /// anything.
    #[must_use]
    pub fn is_refused_first(&self, why: &Unserved) -> bool {
        !self.recalled_works.is_empty() || why.reason == UnservedReason::NoPickup
    }
}

/// Previews an amendment.
///
/// # Errors
/// What [`crate::Command::Amend`] would be refused with, but for missing prices.
pub fn preview(state: &OrdersState, amend: &Amend, cx: &Context<'_>) -> Result<Preview, Refusal> {
    let draft = Draft::load(state, amend.order, cx).ok_or(Refusal::UnknownOrder(amend.order))?;
    let (decided, proposal) = examine(state, &draft, amend)?;
    let pending = PendingAmendment {
        proposed: proposal.content,
        deadline: cx.at,
        waits: AmendmentWait::Recalls,
        drops: proposal.drops,
        moves: Vec::new(),
        recalled: Vec::new(),
        adds: proposal.adds,
        attempt: 0,
        replans: proposal.replans,
        planned: Vec::new(),
        base_lines: draft.order.lines.len() as u16,
        calls_off: None,
    };
    let replanned = |line: &LineNo| pending.replans.iter().any(|replan| replan.line == *line);
    let replanned_lines = (0..draft.order.lines.len()).map(line_no).filter(replanned).collect();
    let shares = called_back(&draft, &pending);
    let preview = Preview {
        revision: draft.order.revision,
        needs_approval: needs_approval(&decided),
        decided,
        policy_version: state.policy().0,
        needs_pricing: proposal.needs_pricing,
        recalls: sum_by_line(shares.iter().map(|share| (share.line, share.quantity))),
        replanned_lines,
        needs: needs(&draft, pending.clone(), &shares),
        drops: pending.drops,
        adds: pending.adds,
        content: pending.proposed,
    };
    Ok(preview)
}

/// What an amendment that waits for somebody's yes would ask of others once it has that; `None` where none of this number
/// waits so.
#[must_use]
pub fn needs_once_approved(
    state: &OrdersState,
    order: OrderId,
    amendment: u32,
    cx: &Context<'_>,
) -> Option<Needs> {
    let draft = Draft::load(state, order, cx)?;
    let (number, pending) = draft.order.pending_amendment()?;
    if number != amendment || pending.waits != AmendmentWait::Approval || pending.calls_off.is_some() {
        return None;
    }
    let shares = called_back(&draft, pending);
    Some(needs(&draft, pending.clone(), &shares))
}

/// Units that nodes would be asked to give back.
fn called_back(draft: &Draft<'_>, pending: &PendingAmendment) -> Vec<WorkShare> {
    let lines: Vec<LineNo> = pending.replans.iter().filter(|r| r.recalls).map(|r| r.line).collect();
    recalls(draft, &pending.drops, &lines)
}

/// What is asked of others when nodes give back what they are asked for.
fn needs(draft: &Draft<'_>, mut pending: PendingAmendment, shares: &[WorkShare]) -> Needs {
    let recalled = shares.iter().filter_map(|share| {
        let work = draft.order.work(share.work)?;
        let (node, reservation) = (work.node.clone(), work.reservation);
        Some(RecalledUnits { line: share.line, node, reservation, quantity: share.quantity })
    });
    pending.recalled = recalled.collect();
    let asked = wanted(draft, &pending, |_| true);
    pending.moves = asked.moves;
    let own = own_claims(draft.content(), &draft.order, &pending);
    let own = crate::claims::merged(own.into_iter().flat_map(|own| own.claims));
    let question = (!asked.units.is_empty()).then(|| {
        let attempt = draft.order.last_attempt + 1;
        Box::new(ask(draft.id, attempt, &pending.proposed, &asked.units, own, draft.cx.at))
    });
    Needs {
        recalled_works: works_of(draft, shares),
        question,
        backorder: pending.proposed.backorder,
        adds: pending.adds,
    }
}

fn works_of(draft: &Draft<'_>, shares: &[WorkShare]) -> Vec<FulfillmentOrderId> {
    let numbers: BTreeSet<u16> = shares.iter().map(|share| share.work).collect();
    numbers.into_iter().filter_map(|number| Some(draft.order.work(number)?.id)).collect()
}
