//! It is later now: attempts that waited ask, pending orders that took too long are refused, work whose time has come is
//! released.

use super::TICK_ORDERS;
use super::draft::Draft;
use super::unserved::with_reason;
use crate::content::line_no;
use crate::event::{Event, What};
use crate::order::{AttemptState, RefusedWhy, Stage, UnservedReason};
use crate::state::OrdersState;
use crate::units::Bucket;
use waybill_machine::{Context, ScanOrder};
use waybill_types::exchange::LineUnits;

/// Decides everything due, a bounded number of orders at a time.
pub(crate) fn tick(state: &OrdersState, cx: &Context<'_>) -> Vec<Event> {
    let timers = state.timers.scan(&(), None, ScanOrder::Ascending, TICK_ORDERS);
    let due = timers.into_iter().map(|(key, _)| key).take_while(|(at, _)| *at <= cx.at);
    due.filter_map(|(_, id)| Draft::load(state, id, cx)).flat_map(one).collect()
}

fn one(mut draft: Draft<'_>) -> Vec<Event> {
    let now = draft.cx.at;
    let asks = draft.order.attempts.iter().filter_map(|attempt| match attempt.state {
        AttemptState::Waiting { until } if until <= now => Some(attempt.number),
        AttemptState::Waiting { .. }
        | AttemptState::Adopting(_)
        | AttemptState::Planning { .. }
        | AttemptState::Reserving { .. }
        | AttemptState::Ended(_) => None,
    });
    let asks: Vec<u32> = asks.collect();
    draft.amendment_is_due();
    match draft.order.stage {
        Stage::Pending { confirm_by } if confirm_by <= now => {
            let open = draft.order.lines.iter().enumerate().map(|(index, line)| LineUnits {
                line: line_no(index),
                quantity: line.buckets.get(Bucket::Open),
            });
            let open = open.filter(|units| !units.quantity.is_zero()).collect();
            let unserved = with_reason(open, UnservedReason::TooLate);
            draft.refuse(RefusedWhy { unserved, shortages: Vec::new() });
        }
        Stage::Pending { .. } | Stage::Standing | Stage::Refused(_) => {
            for attempt in asks {
                draft.push(What::PlanAsked { attempt });
            }
            draft.lapse_returns();
        }
    }
    draft.finish()
}
