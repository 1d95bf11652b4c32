//! Returns: goods on their way back, and what is paid back for them.

use crate::answer::Answer;
use crate::command::{Received, RequestReturn};
use crate::event::Event;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use waybill_machine::{Context, Decision};
use waybill_types::ReturnId;

type Decided = Result<Decision<Event, Answer>, Refusal>;

/// Decides a request.
pub(crate) fn request(_state: &OrdersState, request: &RequestReturn, _cx: &Context<'_>) -> Decided {
    Err(Refusal::UnknownOrder(request.order))
}

/// Decides a yes or no.
pub(crate) fn decide(_state: &OrdersState, id: ReturnId, _authorise: bool, _cx: &Context<'_>) -> Decided {
    Err(ChangeRefusal::UnknownReturn(id).into())
}

/// Decides goods that came.
pub(crate) fn receive(
    _state: &OrdersState,
    id: ReturnId,
    _received: &Received,
    _cx: &Context<'_>,
) -> Decided {
    Err(ChangeRefusal::UnknownReturn(id).into())
}

/// Decides that nothing more comes.
pub(crate) fn close(_state: &OrdersState, id: ReturnId, _cx: &Context<'_>) -> Decided {
    Err(ChangeRefusal::UnknownReturn(id).into())
}
