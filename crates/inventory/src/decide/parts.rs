//! The conversation between the partitions of one reservation: home and parts. Home never decides alone.

use crate::decide::reserve::take;
use crate::decide::takeover;
use crate::event::Event;
use crate::reservation::{Intent, Reservation, Standing};
use crate::state::State;
use crate::{TOMBSTONE_MS, decide::holds};
use waybill_machine::Context;
use waybill_types::exchange::{Fate, HoldAnswer, Part, ReserveOutcome, ReserveRequest};
use waybill_types::{PartitionId, ReservationId};

/// An order's reservation arrives at its home.
pub(crate) fn on_reserve(state: &State, request: &ReserveRequest, cx: &Context<'_>) -> Vec<Event> {
    let id = request.id;
    if let Some(row) = state.reservations.get(&id) {
        if row.is_undecided() {
            return Vec::new();
        }
        return vec![Event::OutcomeRepeated { id, outcome: ReserveOutcome::Granted(row.granted()) }];
    }
    if state.tombstones.contains(&id) {
        return vec![Event::ReservationRefused { id, outcome: ReserveOutcome::Refused(Vec::new()) }];
    }
    take(state, request, crate::reservation::order_of(id), &[], cx)
}

/// A part arrives from the partition before.
pub(crate) fn on_part(state: &State, part: &Part, cx: &Context<'_>) -> Vec<Event> {
    let id = part.request.id;
    if state.reservations.contains(&id) {
        // A hold's name was used again while its last life was not cleaned up. This chain ends here; home ends it.
        return Vec::new();
    }
    if state.tombstones.contains(&id) {
        return vec![Event::ReservationRefused { id, outcome: ReserveOutcome::Refused(Vec::new()) }];
    }
    take(state, &part.request, None, &part.granted, cx)
}

/// Home hears what the parts came to.
pub(crate) fn on_decided(
    state: &State,
    id: ReservationId,
    outcome: &ReserveOutcome,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some(row) = state.reservations.get(&id) else {
        // Home has ended it before; parts that were late will ask.
        return Vec::new();
    };
    let Standing::Undecided { expires_at, intent, .. } = row.standing else { return Vec::new() };
    let mut events = vec![Event::ReservationDecided { id, outcome: outcome.clone() }];
    let ReserveOutcome::Granted(granted) = outcome else {
        if let Some(Intent::Adopt(order)) = intent {
            events.push(Event::HoldAnswered { id, order, answer: HoldAnswer::Gone(None) });
        }
        return events;
    };
    match (expires_at, intent) {
        (_, Some(Intent::Release)) => events.push(Event::ReservationReleased { id }),
        (Some(expires_at), intent) if expires_at <= cx.at => {
            events.push(Event::ReservationExpired { id });
            if let Some(Intent::Adopt(order)) = intent {
                events.push(Event::HoldAnswered { id, order, answer: HoldAnswer::Gone(None) });
            }
        }
        (_, Some(Intent::Adopt(order))) => {
            events.push(Event::ReservationCommitted { id, order });
            let claims = holds::still_held(&row, granted, cx);
            events.push(Event::HoldAnswered { id, order, answer: HoldAnswer::Adopted(claims) });
        }
        (Some(_) | None, None) => {}
    }
    events
}

/// A part hears from home what the whole came to.
pub(crate) fn on_settle(state: &State, id: ReservationId, fate: Fate) -> Vec<Event> {
    let Some(row) = state.reservations.get(&id) else { return Vec::new() };
    let news = match (&row.standing, fate) {
        (
            Standing::Undecided { .. },
            Fate::Held | Fate::Committed | Fate::Released | Fate::Expired | Fate::Refused,
        )
        | (Standing::Held { .. }, Fate::Committed | Fate::Released | Fate::Expired) => true,
        // An answer to a question that has answered itself.
        (Standing::Held { .. }, Fate::Held | Fate::Refused)
        | (
            Standing::Committed { .. },
            Fate::Held | Fate::Committed | Fate::Released | Fate::Expired | Fate::Refused,
        ) => false,
    };
    if !news {
        return Vec::new();
    }
    let mut events = match fate {
        Fate::Held | Fate::Committed => Vec::new(),
        Fate::Released | Fate::Expired | Fate::Refused => takeover::hand_all_on(state, id, &row),
    };
    events.push(Event::PartSettled { id, fate });
    events
}

/// Home has lost patience; this is the last part.
pub(crate) fn on_abandon(state: &State, id: ReservationId, cx: &Context<'_>) -> Vec<Event> {
    match state.reservations.get(&id) {
        Some(row) if row.is_undecided() => {
            vec![Event::OutcomeRepeated { id, outcome: ReserveOutcome::Granted(row.granted()) }]
        }
        Some(_) => Vec::new(),
        None => {
            // Nothing was short: whoever asks again may well get it.
            let outcome = ReserveOutcome::Contended(Vec::new());
            let mut events = tombstone(state, id, cx);
            events.push(Event::OutcomeRepeated { id, outcome });
            events
        }
    }
}

/// A part asks home.
pub(crate) fn on_ask(state: &State, id: ReservationId, part: PartitionId) -> Vec<Event> {
    let fate = match state.reservations.get(&id).as_deref() {
        // Messages from home arrive in order, so a part that asked before it heard of its success hears of it before this.
        None => Fate::Refused,
        Some(Reservation { standing: Standing::Undecided { .. }, .. }) => return Vec::new(),
        Some(Reservation { standing: Standing::Held { .. }, .. }) => Fate::Held,
        Some(Reservation { standing: Standing::Committed { .. }, .. }) => Fate::Committed,
    };
    vec![Event::PartAnswered { id, part, fate }]
}

/// Remembers that the id must not come to life, once.
pub(crate) fn tombstone(state: &State, id: ReservationId, cx: &Context<'_>) -> Vec<Event> {
    if state.tombstones.contains(&id) {
        return Vec::new();
    }
    vec![Event::TombstoneLeft { id, until: cx.at.plus_ms(TOMBSTONE_MS) }]
}
