//! Reservations over several partitions change, and the partitions tell each other.

use super::reservations::{claim, clear_timer, drop_if_spent, end_here, set_timer};
use super::{change, live, others, takeover};
use crate::apply::stock::touch;
use crate::decide::reserve::taken_row;
use crate::event::{Event, GrantedLine};
use crate::note::Note;
use crate::reservation::{Standing, order_of};
use crate::state::State;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Claim, Fate, Message, Part, ReserveOutcome, ReserveRequest};
use waybill_types::{PartitionId, ReservationId, Service, Timestamp};

pub(super) fn taken(
    state: &mut State,
    event: &Event,
    request: &ReserveRequest,
    before: &[Claim],
    lines: &[GrantedLine],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let id = request.id;
    let row = taken_row(event, cx);
    claim(state, lines, &row.taking, true, cx, out);
    takeover::promise(state, id, &row.taking);
    set_timer(state, id, &row);

    let own = lines.iter().filter(|line| !line.granted.is_zero());
    let own = own.map(|line| Claim { quantity: line.granted, ..line.asked.clone() });
    let granted: Vec<Claim> = before.iter().cloned().chain(own).collect();
    match row.chain.iter().skip_while(|index| **index != cx.partition.index).nth(1) {
        Some(next) => {
            let part = Part { request: request.clone(), granted };
            out.send(PartitionId::new(Service::Inventory, *next), Message::ReservePart(part));
        }
        // This acceptance is the decision; home tells the others.
        None => out.send(id.home(), Message::PartsDecided(id, ReserveOutcome::Granted(granted))),
    }
    state.reservations.put(&id, row);
}

pub(super) fn refused(id: ReservationId, outcome: &ReserveOutcome, cx: &Context<'_>, out: &mut Outbox<Note>) {
    tell_outcome(id, outcome, cx, out);
}

/// At a part: to home. At home: to the claimant.
pub(super) fn tell_outcome(
    id: ReservationId,
    outcome: &ReserveOutcome,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    if id.home() != cx.partition {
        out.send(id.home(), Message::PartsDecided(id, outcome.clone()));
        return;
    }
    match order_of(id) {
        Some(order) => out.send(order.partition(), Message::Reserved(id, outcome.clone())),
        None => out.note(Note::ReservationDecided { id, outcome: outcome.clone() }),
    }
}

pub(super) fn decided(
    state: &mut State,
    id: ReservationId,
    outcome: &ReserveOutcome,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    tell_outcome(id, outcome, cx, out);
    let ReserveOutcome::Granted(granted) = outcome else {
        return super::reservations::end_whole(state, id, Fate::Refused, cx, out);
    };
    let row = live(state, id);
    clear_timer(state, id, &row);
    takeover::settle(state, id, cx, out);
    decide_units(state, id, cx, out);
    let Standing::Undecided { expires_at, order, .. } = row.standing else {
        panic!("reservation {id} is decided twice");
    };
    let (standing, fate) = match expires_at {
        Some(expires_at) => (Standing::Held { expires_at }, Fate::Held),
        None => (Standing::Committed { order }, Fate::Committed),
    };
    let elsewhere = granted.iter().filter(|claim| cx.layout.sku_home(&claim.sku) != cx.partition);
    change(state, id, |row| {
        row.standing = standing;
        row.elsewhere = elsewhere.cloned().collect();
    });
    for part in others(&row, cx) {
        out.send(part, Message::Settle(id, fate));
    }
    let row = live(state, id);
    set_timer(state, id, &row);
    drop_if_spent(state, id);
}

/// The live units of an undecided reservation are decided ones from now on.
fn decide_units(state: &mut State, id: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    let row = live(state, id);
    if row.is_undecided() {
        for line in row.lines.iter().filter(|line| !line.live().is_zero()) {
            touch(state, &line.spot(), cx, out, |p| p.decide_claim(line.live()));
        }
    }
}

pub(super) fn settled(
    state: &mut State,
    id: ReservationId,
    fate: Fate,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let row = live(state, id);
    let standing = match fate {
        Fate::Released | Fate::Expired | Fate::Refused => return end_here(state, id, cx, out),
        Fate::Committed => Standing::Committed { order: order_of(id) },
        Fate::Held => match row.standing {
            Standing::Undecided { expires_at: Some(expires_at), .. } => Standing::Held { expires_at },
            Standing::Undecided { .. } | Standing::Held { .. } | Standing::Committed { .. } => {
                panic!("reservation {id} cannot become a hold: it is {:?}", row.standing)
            }
        },
    };
    clear_timer(state, id, &row);
    takeover::settle(state, id, cx, out);
    decide_units(state, id, cx, out);
    change(state, id, |row| {
        row.standing = standing;
        // A last part no longer has to answer for the whole.
        row.elsewhere.clear();
    });
    drop_if_spent(state, id);
}

pub(super) fn abandon_sent(state: &mut State, id: ReservationId, out: &mut Outbox<Note>) {
    let row = live(state, id);
    clear_timer(state, id, &row);
    set_due(state, id, None);
    let Some(last) = row.chain.last() else { panic!("reservation {id} touches no partition") };
    out.send(PartitionId::new(Service::Inventory, *last), Message::Abandon(id));
}

pub(super) fn home_asked(
    state: &mut State,
    id: ReservationId,
    again_at: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let row = live(state, id);
    clear_timer(state, id, &row);
    set_due(state, id, Some(again_at));
    let row = live(state, id);
    set_timer(state, id, &row);
    out.send(id.home(), Message::AskHome(id, cx.partition));
}

fn set_due(state: &mut State, id: ReservationId, at: Option<Timestamp>) {
    change(state, id, |row| match &mut row.standing {
        Standing::Undecided { due, .. } => *due = at,
        Standing::Held { .. } | Standing::Committed { .. } => {
            panic!("reservation {id} is decided and needs no patience")
        }
    });
}
