//! Returns: goods on their way back, and what is paid back for them. A unit comes back once; what it is worth was fixed
//! when it was ordered.

mod check;
mod exchange;
mod receive;

use super::draft::Draft;
use crate::answer::Answer;
use crate::command::{Received, RequestReturn};
use crate::decide::stale;
use crate::event::{AskedBack, Event, ReturnRequested, What};
use crate::order::{Return, ReturnState};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use waybill_machine::{Context, Decision};
use waybill_types::ReturnId;

type Decided = Result<Decision<Event, Answer>, Refusal>;

/// Returns of one order.
pub(crate) const RETURNS_MAX: usize = 200;
/// How often something of one return may be looked at.
pub(crate) const LOOKS_MAX: usize = 500;
const DAY_MS: i64 = 86_400_000;

/// Decides a request.
pub(crate) fn request(state: &OrdersState, request: &RequestReturn, cx: &Context<'_>) -> Decided {
    let order = request.order;
    let mut draft = Draft::load(state, order, cx).ok_or(Refusal::UnknownOrder(order))?;
    let replacements = check::fields(&draft, request)?;
    if let Some(expected) = request.expected_revision {
        stale::check(state, &draft, expected)?;
    }
    let (policy_version, policy) = state.policy();
    check::bounded(&draft)?;
    check::returnable(&draft, request)?;
    if !request.beyond_window {
        check::window(&draft, request, &policy.returns)?;
    }
    exchange::check_even(&draft, request, &replacements)?;
    let number = draft.order.returns.len() as u16 + 1;
    let lines = request.lines.iter().map(|asked| AskedBack {
        line: asked.line,
        quantity: asked.quantity,
        why: asked.why.clone(),
    });
    // What is on its way has as long to come as there was to ask for it.
    let days = i64::from(policy.returns.window_days.max(1));
    let requested = ReturnRequested {
        number,
        authorised: policy.returns.authorise_at_once || request.received.is_some(),
        lines: lines.collect(),
        replacements,
        lapses_at: cx.at.plus_ms(days * DAY_MS),
        policy_version,
    };
    draft.push(What::ReturnRequested(Box::new(requested)));
    let refund = match &request.received {
        Some(received) => receive::take(&mut draft, number, received)?,
        None => 0,
    };
    Ok(returning(draft, number, refund))
}

/// Decides a yes or no.
pub(crate) fn decide(state: &OrdersState, id: ReturnId, authorise: bool, cx: &Context<'_>) -> Decided {
    let (mut draft, back) = load(state, id, cx)?;
    match back.state {
        ReturnState::Requested => {}
        ReturnState::Authorised
        | ReturnState::PartlyReceived
        | ReturnState::Settled
        | ReturnState::Refused => return Err(not_now(id, "decide it", &back)),
    }
    draft.push(What::ReturnDecided { number: id.number, authorised: authorise });
    Ok(returning(draft, id.number, 0))
}

/// Decides goods that came.
pub(crate) fn receive(state: &OrdersState, id: ReturnId, received: &Received, cx: &Context<'_>) -> Decided {
    let (mut draft, back) = load(state, id, cx)?;
    check::received(received, |line| back.line(line).is_some(), "lines")?;
    match back.state {
        ReturnState::Authorised | ReturnState::PartlyReceived => {}
        ReturnState::Requested | ReturnState::Settled | ReturnState::Refused => {
            return Err(not_now(id, "receive goods of it", &back));
        }
    }
    let refund = receive::take(&mut draft, id.number, received)?;
    Ok(returning(draft, id.number, refund))
}

/// Decides that nothing more comes.
pub(crate) fn close(state: &OrdersState, id: ReturnId, cx: &Context<'_>) -> Decided {
    let (mut draft, back) = load(state, id, cx)?;
    if !back.state.is_open() {
        return Err(not_now(id, "close it", &back));
    }
    let refund = draft.close_return(&back, false);
    Ok(returning(draft, id.number, refund))
}

fn load<'a>(
    state: &'a OrdersState,
    id: ReturnId,
    cx: &'a Context<'a>,
) -> Result<(Draft<'a>, Return), Refusal> {
    let draft = Draft::load(state, id.order, cx).ok_or(ChangeRefusal::UnknownReturn(id))?;
    let back = draft.order.return_numbered(id.number).cloned().ok_or(ChangeRefusal::UnknownReturn(id))?;
    Ok((draft, back))
}

fn not_now(id: ReturnId, asked: &'static str, back: &Return) -> Refusal {
    ChangeRefusal::ReturnState { id, asked, state: back.state.name() }.into()
}

fn returning(draft: Draft<'_>, number: u16, refund: i64) -> Decision<Event, Answer> {
    let id = ReturnId { order: draft.id, number };
    let (events, order) = draft.finish_with_order();
    Decision::new(events, Answer::Returning { id, revision: order.revision, refund })
}

impl Draft<'_> {
    /// Nothing more of a return comes. An exchange that is not whole ends as a plain return of what was taken; says what
    /// is paid back for that.
    fn close_return(&mut self, back: &Return, lapsed: bool) -> i64 {
        let refund = if back.is_exchange() { back.worth() } else { 0 };
        self.push(What::ReturnClosed { number: back.number, refund, lapsed });
        refund
    }

    /// Returns whose goods have not come in time are closed.
    pub(crate) fn lapse_returns(&mut self) {
        let now = self.cx.at;
        let lapsed = self.order.returns.iter().filter(|back| back.state.is_open() && back.lapses_at <= now);
        let lapsed: Vec<Return> = lapsed.cloned().collect();
        for back in lapsed {
            self.close_return(&back, true);
        }
    }
}
