//! Holds on orders: placed and resolved by somebody, released work stays where it is, reservations stay reserved.

use super::draft::Draft;
use crate::answer::Answer;
use crate::event::{Event, What};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::policy::{HoldCode, HoldType};
use waybill_types::{LineNo, OrderId, Text};

/// The hold types that `codes` name in the policy in force.
pub(crate) fn types(state: &OrdersState, codes: &[HoldCode]) -> Result<Vec<HoldType>, Refusal> {
    let (_, policy) = state.policy();
    let named = |code: &HoldCode| {
        let unknown = || ChangeRefusal::UnknownHoldType { code: code.to_string() };
        policy.hold_type(code).cloned().ok_or_else(unknown)
    };
    codes.iter().map(named).collect::<Result<_, _>>().map_err(Refusal::from)
}

/// Decides a hold.
pub(crate) fn place(
    state: &OrdersState,
    id: OrderId,
    line: Option<LineNo>,
    code: &HoldCode,
    note: &Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, id, cx).ok_or(Refusal::UnknownOrder(id))?;
    let kind = types(state, std::slice::from_ref(code))?.remove(0);
    if let Some(unknown) = line.filter(|line| draft.content().line(*line).is_none()) {
        let description = format!("is {}, the order has 1 to {}", unknown.0, draft.content().lines.len());
        return Err(Refusal::Malformed(vec![FieldViolation { field: "line_number".into(), description }]));
    }
    let hold = draft.order.last_hold.saturating_add(1);
    draft.push(What::OrderHoldPlaced { hold, line, kind, note: note.clone() });
    Ok(held(draft, hold))
}

/// Decides the end of a hold: work that only it had stopped is released.
pub(crate) fn resolve(
    state: &OrdersState,
    id: OrderId,
    hold: u16,
    note: &Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, id, cx).ok_or(Refusal::UnknownOrder(id))?;
    if !draft.order.standing_holds().any(|standing| standing.number == hold) {
        return Err(ChangeRefusal::UnknownOrderHold { order: id, hold }.into());
    }
    draft.push(What::OrderHoldResolved { hold, note: note.clone() });
    Ok(held(draft, hold))
}

fn held(draft: Draft<'_>, hold: u16) -> Decision<Event, Answer> {
    let id = draft.id;
    let (events, order) = draft.finish_with_order();
    Decision::new(events, Answer::Held { order: id, revision: order.revision, hold })
}
