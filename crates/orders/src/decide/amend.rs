//! Amendments: many changes to one order, all of them or none.

use crate::answer::Answer;
use crate::command::Amend;
use crate::event::Event;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use waybill_machine::{Context, Decision};
use waybill_types::OrderId;

/// Decides an amendment.
pub(crate) fn amend(
    _state: &OrdersState,
    amend: &Amend,
    _cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    Err(ChangeRefusal::NothingChanges { order: amend.order }.into())
}

/// Decides an approval.
pub(crate) fn decide(
    _state: &OrdersState,
    order: OrderId,
    amendment: u32,
    _approve: bool,
    _cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    Err(ChangeRefusal::AmendmentNotWaiting { order, amendment }.into())
}
