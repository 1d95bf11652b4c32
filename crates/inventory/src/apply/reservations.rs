//! Reservations begin, become an order's, and end.

use super::{change, live, others, takeover};
use crate::apply::stock::touch;
use crate::decide::reserve::{taken_row, units_at};
use crate::decide::spot_of;
use crate::event::{Event, GrantedLine};
use crate::note::Note;
use crate::reservation::{Intent, Reservation, Standing, order_of};
use crate::state::{State, Timer, TimerKind};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Fate, Message, ReserveOutcome, TakeOver};
use waybill_types::{OrderId, PartitionId, ReservationId, Timestamp};

pub(super) fn granted(
    state: &mut State,
    id: ReservationId,
    event: &Event,
    lines: &[GrantedLine],
    taken: &[TakeOver],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let row = taken_row(event, cx);
    claim(state, lines, taken, false, cx, out);
    takeover::given_up(state, taken, cx, out);
    if let Some(order) = order_of(id) {
        out.send(order.partition(), Message::Reserved(id, ReserveOutcome::Granted(row.granted())));
    }
    set_timer(state, id, &row);
    state.reservations.put(&id, row);
}

/// Puts the granted units of a reservation on their positions, but for those that stand there in another's name.
pub(super) fn claim(
    state: &mut State,
    lines: &[GrantedLine],
    of_others: &[TakeOver],
    undecided: bool,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    for line in lines {
        let new = line.granted.saturating_sub(units_at(of_others, &line.asked));
        if !new.is_zero() {
            touch(state, &spot_of(&line.asked), cx, out, |p| p.claim(new, undecided));
        }
    }
}

pub(super) fn committed(
    state: &mut State,
    id: ReservationId,
    order: OrderId,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let row = live(state, id);
    clear_timer(state, id, &row);
    change(state, id, |row| row.standing = Standing::Committed { order: Some(order) });
    for part in others(&row, cx) {
        out.send(part, Message::Settle(id, Fate::Committed));
    }
    drop_if_spent(state, id);
}

pub(super) fn released(state: &mut State, id: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    end_whole(state, id, Fate::Released, cx, out);
}

pub(super) fn expired(state: &mut State, id: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    end_whole(state, id, Fate::Expired, cx, out);
}

/// Home ends the whole; the parts stay reserved until they are told.
pub(super) fn end_whole(
    state: &mut State,
    id: ReservationId,
    fate: Fate,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    for part in others(&live(state, id), cx) {
        out.send(part, Message::Settle(id, fate));
    }
    end_here(state, id, cx, out);
}

/// Gives this partition's live units back and forgets the reservation.
pub(super) fn end_here(state: &mut State, id: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    let row = live(state, id);
    clear_timer(state, id, &row);
    takeover::call_off(state, id, &row, cx, out);
    let undecided = row.is_undecided();
    for line in row.lines.iter().filter(|line| !line.live().is_zero()) {
        touch(state, &line.spot(), cx, out, |p| p.unclaim(line.live(), undecided));
    }
    state.reservations.remove(&id);
}

/// Forgets a reservation of which nothing is left here.
pub(super) fn drop_if_spent(state: &mut State, id: ReservationId) {
    let row = live(state, id);
    if row.is_spent() {
        clear_timer(state, id, &row);
        state.reservations.remove(&id);
    }
}

pub(super) fn intent_kept(state: &mut State, id: ReservationId, wanted: Intent) {
    change(state, id, |row| match &mut row.standing {
        Standing::Undecided { intent, .. } => *intent = Some(wanted),
        Standing::Held { .. } | Standing::Committed { .. } => {
            panic!("an intent is kept for reservation {id}, which is decided")
        }
    });
}

pub(super) fn tombstone_left(state: &mut State, id: ReservationId, until: Timestamp) {
    state.tombstones.put(&id, until);
    state.timers.insert(Timer { due: until, kind: TimerKind::Forget, id });
}

pub(super) fn tombstone_forgotten(state: &mut State, id: ReservationId) {
    if let Some(until) = state.tombstones.get(&id) {
        state.timers.remove(&Timer { due: *until, kind: TimerKind::Forget, id });
        state.tombstones.remove(&id);
    }
}

/// The one timer that a row of this partition has, if any.
pub(crate) fn timer_of(id: ReservationId, row: &Reservation, here: PartitionId) -> Option<Timer> {
    let home = id.home() == here;
    match row.standing {
        Standing::Undecided { due, .. } => {
            let kind = if home { TimerKind::Abandon } else { TimerKind::Ask };
            due.map(|due| Timer { due, kind, id })
        }
        // Only home lets a hold lapse.
        Standing::Held { expires_at } => {
            home.then_some(Timer { due: expires_at, kind: TimerKind::Expire, id })
        }
        Standing::Committed { .. } => None,
    }
}

pub(super) fn set_timer(state: &mut State, id: ReservationId, row: &Reservation) {
    if let Some(timer) = timer_of(id, row, state.partition) {
        state.timers.insert(timer);
    }
}

pub(super) fn clear_timer(state: &mut State, id: ReservationId, row: &Reservation) {
    if let Some(timer) = timer_of(id, row, state.partition) {
        state.timers.remove(&timer);
    }
}
