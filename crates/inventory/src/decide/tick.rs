//! What is due: holds that lapse, patience that ends, tombstones that are old enough, waiters to tell. Bounded, so that
//! a burst of expiries does not keep callers waiting; the rest is due at once again.

use crate::PART_PATIENCE_MS;
use crate::decide::waits;
use crate::event::Event;
use crate::state::{State, Timer, TimerKind};
use waybill_machine::Context;

const TIMERS_MAX: usize = 256;
const RISEN_MAX: usize = 64;

pub(crate) fn due(state: &State, cx: &Context<'_>) -> Vec<Event> {
    let timers = state.timers.iter().take_while(|timer| timer.due <= cx.at).take(TIMERS_MAX);
    let mut events: Vec<Event> = timers.map(|timer| ring(timer, cx)).collect();
    // Expiries of this tick may raise more stock; that is told by the next one.
    let risen = state.risen.iter().take(RISEN_MAX);
    events.extend(risen.map(|(sku, owner)| waits::tell(state, sku, owner)));
    events.extend(state.opened.first().map(|at| waits::open_more(state, at)));
    events
}

fn ring(timer: &Timer, cx: &Context<'_>) -> Event {
    let id = timer.id;
    match timer.kind {
        TimerKind::Expire => Event::ReservationExpired { id },
        TimerKind::Abandon => Event::AbandonSent { id },
        TimerKind::Ask => Event::HomeAsked { id, again_at: cx.at.plus_ms(PART_PATIENCE_MS) },
        TimerKind::Forget => Event::TombstoneForgotten { id },
    }
}
