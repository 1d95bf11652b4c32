//! Whether a caller has decided on an order as it is. Entries that change nothing a caller decides by do not make a
//! decision stale: a node's partition that says it has the work, or a planner that is being asked, is nobody's news.

use super::draft::Draft;
use crate::event::{AttemptSource, What};
use crate::refusal::Refusal;
use crate::state::OrdersState;

/// Entries that are looked at; a decision older than that is stale whatever they are.
const LOOKED_AT_MAX: u64 = 64;

/// # Errors
/// The order has changed since `expected` in what a caller decides by.
pub(crate) fn check(state: &OrdersState, draft: &Draft<'_>, expected: u64) -> Result<(), Refusal> {
    let (order, current) = (draft.id, draft.order.revision);
    let since = current.checked_sub(expected);
    let quiet = match since {
        Some(0) => true,
        Some(entries) if entries <= LOOKED_AT_MAX && expected > 0 => all_quiet(state, draft, expected),
        Some(_) | None => false,
    };
    if quiet { Ok(()) } else { Err(Refusal::StaleRevision { order, expected, current }) }
}

/// Entries that cannot be read are news.
fn all_quiet(state: &OrdersState, draft: &Draft<'_>, expected: u64) -> bool {
    let Some(Ok(history)) = state.history(draft.id) else { return false };
    let since = usize::try_from(expected).ok().and_then(|read| history.get(read..));
    since.is_some_and(|since| since.iter().all(|entry| is_quiet(&entry.what)))
}

/// True where neither what is ordered nor where its units are is different.
fn is_quiet(what: &What) -> bool {
    match what {
        What::WorkPlanned { .. }
        | What::PlanAsked { .. }
        | What::PlanRecorded(_)
        | What::ReservationRefused { .. }
        | What::NodeRestocked { .. }
        | What::StockHeard { .. } => true,
        What::AttemptStarted(started) => started.source == AttemptSource::Open,
        What::OrderPlaced(_)
        | What::OrderImported(_)
        | What::HoldAdopted { .. }
        | What::HoldGone { .. }
        | What::ReservationGranted(_)
        | What::UnitsBackordered { .. }
        | What::UnitsCancelled { .. }
        | What::OrderConfirmed
        | What::OrderRefused(_)
        | What::WorkRefused { .. }
        | What::WorkReleased { .. }
        | What::WorkProgressed { .. }
        | What::WorkRecalled(_)
        | What::RecallAsked { .. }
        | What::ExceptionAnswered(_)
        | What::SubjectErased
        | What::OrderHoldPlaced { .. }
        | What::OrderHoldResolved { .. }
        | What::OrderPolicySet { .. }
        | What::AmendmentStarted(_)
        | What::AmendmentApproved { .. }
        | What::AmendmentPlanAsked(_)
        | What::AmendmentPlanned(_)
        | What::AmendmentUnreserved { .. }
        | What::AmendmentApplied(_)
        | What::AmendmentRefused { .. }
        | What::ReturnRequested(_)
        | What::ReturnDecided { .. }
        | What::ReturnReceived(_)
        | What::ReturnClosed { .. }
        | What::ReplacementsJoined(_) => false,
    }
}
