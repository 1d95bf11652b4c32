//! What an amendment would do, without doing it. It holds for the order's revision that it names.

use super::source::{recalls, wanted};
use super::{examine, needs_approval};
use crate::command::Amend;
use crate::content::{OrderContent, line_no};
use crate::decide::draft::Draft;
use crate::event::ChangeDecided;
use crate::fold::sum_by_line;
use crate::note::{PlanQuestion, ask, own_claims};
use crate::order::{AmendmentWait, PendingAmendment, RecalledUnits, WorkShare};
use crate::refusal::Refusal;
use crate::state::OrdersState;
use std::collections::BTreeSet;
use waybill_machine::Context;
use waybill_types::exchange::LineUnits;
use waybill_types::{FulfillmentOrderId, LineNo};

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
    /// The works that those units are of.
    pub recalled_works: Vec<FulfillmentOrderId>,
    /// Lines whose units that have not left would be planned anew.
    pub replanned_lines: Vec<LineNo>,
    /// What to ask the planner for the new promise; `None` where nothing needs a place. Its attempt number means nothing.
    pub question: Option<Box<PlanQuestion>>,
}

/// Previews an amendment.
///
/// # Errors
/// What [`crate::Command::Amend`] would be refused with, but for missing prices.
pub fn preview(state: &OrdersState, amend: &Amend, cx: &Context<'_>) -> Result<Preview, Refusal> {
    let draft = Draft::load(state, amend.order, cx).ok_or(Refusal::UnknownOrder(amend.order))?;
    let (decided, proposal) = examine(state, &draft, amend)?;
    let lines: Vec<LineNo> = proposal.replans.iter().filter(|r| r.recalls).map(|r| r.line).collect();
    let shares = recalls(&draft, &proposal.drops, &lines);
    let recalled = shares.iter().filter_map(|share| {
        let work = draft.order.work(share.work)?;
        let (node, reservation) = (work.node.clone(), work.reservation);
        Some(RecalledUnits { line: share.line, node, reservation, quantity: share.quantity })
    });
    let mut pending = PendingAmendment {
        proposed: proposal.content,
        deadline: cx.at,
        waits: AmendmentWait::Recalls,
        drops: proposal.drops,
        moves: Vec::new(),
        recalled: recalled.collect(),
        adds: proposal.adds,
        attempt: 0,
        replans: proposal.replans,
        planned: Vec::new(),
        base_lines: draft.order.lines.len() as u16,
        calls_off: None,
    };
    let asked = wanted(&draft, &pending, |_| true);
    pending.moves = asked.moves;
    let own = own_claims(draft.content(), &draft.order, &pending);
    let own = crate::claims::merged(own.into_iter().flat_map(|own| own.claims));
    let question = (!asked.units.is_empty()).then(|| {
        let attempt = draft.order.last_attempt + 1;
        Box::new(ask(draft.id, attempt, &pending.proposed, &asked.units, own, cx.at))
    });
    let replanned = |line: &LineNo| pending.replans.iter().any(|replan| replan.line == *line);
    let preview = Preview {
        revision: draft.order.revision,
        needs_approval: needs_approval(&decided),
        decided,
        policy_version: state.policy().0,
        needs_pricing: proposal.needs_pricing,
        recalled_works: works_of(&draft, &shares),
        recalls: sum_by_line(shares.iter().map(|share| (share.line, share.quantity))),
        replanned_lines: (0..draft.order.lines.len()).map(line_no).filter(replanned).collect(),
        question,
        drops: pending.drops,
        adds: pending.adds,
        content: pending.proposed,
    };
    Ok(preview)
}

fn works_of(draft: &Draft<'_>, shares: &[WorkShare]) -> Vec<FulfillmentOrderId> {
    let numbers: BTreeSet<u16> = shares.iter().map(|share| share.work).collect();
    numbers.into_iter().filter_map(|number| Some(draft.order.work(number)?.id)).collect()
}
