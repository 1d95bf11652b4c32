//! What an event does to the partition: the order's row by [`crate::fold`], its history, the indexes, and the messages
//! and notes that follow. Cannot fail.

mod amend;
mod back;
mod index;

pub(crate) use index::{due, holds, planning};

use crate::claims::{by_home, merged, put_back, summed};
use crate::content::{Lookup, OrderContent};
use crate::event::{CancelledFrom, CancelledUnits, Event, NewWork, ReservationGranted, What};
use crate::fold;
use crate::note::Note;
use crate::order::{
    AttemptState, Order, OrderHold, Recall, RecallPurpose, WorkRef, WorkState, is_erased_with_subject,
};
use crate::state::{Counters, Opened, Opening, OrdersState};
use std::collections::BTreeSet;
use std::sync::Arc;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{
    Claim, LineUnits, Message, RecallManner, ReserveRequest, Work, WorkDestination, WorkLine,
};
use waybill_types::policy::{HoldCode, OrderPolicy};
use waybill_types::{
    FulfillmentOrderId, Layout, LineNo, OrderId, OwnerId, Quantity, Reason, ReservationId, Service, Sku,
    Timestamp,
};

/// Changes the state by one event.
pub(crate) fn apply(state: &mut OrdersState, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
    if let What::OrderPolicySet { version, policy } = &event.what {
        return set_policy(state, *version, policy, cx, out);
    }
    let id = event.order;
    let (opening, before) = match &event.what {
        What::OrderPlaced(_) | What::OrderImported(_) => (open(state, event, cx), Before::default()),
        _ => change(state, event, cx),
    };
    let order = state.orders.get(&id).unwrap_or_else(|| panic!("order {id} has no row after an event of it"));
    index::asks(state, id, &opening, &order, &before.planning, out);
    index::timer(state, id, &opening, &order, before.due);
    index::exception(state, id, &order, before.exception);
    index::finders(state, id, &order, (&before.holds, before.last_work));
    let (content, reason) = (order.content(&opening), &cx.origin.reason);
    let follow = Follow { id, layout: state.layout, content, order: &order, reason };
    follow.send(&event.what, out);
    if let Some((reservation, claims)) = &before.put_back {
        follow.give_back(*reservation, claims, out);
    }
    follow.forget(&before.awaited, out);
    if let What::OrderRefused(_) = event.what {
        let content = opening.content();
        state.numbers.remove(&(content.external.clone(), content.channel.clone()));
    }
    if let What::SubjectErased = event.what {
        forget_lookups(state, id, order.content(&opening));
    }
    if let What::AmendmentApplied(_) = event.what {
        amend::index_lookups(state, id, &before.lookups, order.content(&opening), &order);
    }
    out.note(Note::Changed { order: id, revision: order.revision });
}

/// What was so before an event.
#[derive(Default)]
struct Before {
    planning: BTreeSet<u32>,
    due: Option<Timestamp>,
    exception: Option<Timestamp>,
    holds: BTreeSet<HoldCode>,
    last_work: u16,
    awaited: BTreeSet<(Sku, OwnerId)>,
    lookups: Vec<Lookup>,
    put_back: Option<(ReservationId, Vec<Claim>)>,
}

/// A policy came into force: partition 0 tells the others.
fn set_policy(
    state: &mut OrdersState,
    version: u64,
    policy: &OrderPolicy,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    state.set_policy(version, policy);
    if cx.partition.index != 0 {
        return;
    }
    for other in state.layout.partitions(Service::Orders).filter(|other| *other != cx.partition) {
        out.send(other, Message::OrderPolicyChanged(version, Box::new(policy.clone())));
    }
}

fn open(state: &mut OrdersState, event: &Event, cx: &Context<'_>) -> Arc<Opening> {
    let id = event.order;
    let Some((content, order)) = fold::open(&event.what, cx.at) else {
        panic!("order {id} does not begin with {}", event.what.name())
    };
    let opened = match &event.what {
        What::OrderPlaced(placed) => Opened::Placed(placed.clone()),
        What::OrderImported(imported) => Opened::Imported(imported.clone()),
        other => panic!("order {id} does not begin with {}", other.name()),
    };
    state.counters.put(&(), Counters { last_order: id.number() });
    state.numbers.put(&(content.external.clone(), content.channel.clone()), id);
    state.placed.put(&(content.placed_at, id), ());
    for Lookup { kind, digest } in &content.lookups {
        state.lookups.put(&(kind.number(), *digest, id), ());
    }
    state.orders.put(&id, order);
    let opening = Opening { position: cx.position, at: cx.at, origin: cx.origin.clone(), opened };
    state.openings.put(&id, opening);
    state.openings.get(&id).unwrap_or_else(|| unreachable!("the row was put just now"))
}

fn change(state: &mut OrdersState, event: &Event, cx: &Context<'_>) -> (Arc<Opening>, Before) {
    let id = event.order;
    let opening = state.openings.get(&id).unwrap_or_else(|| panic!("order {id} was never opened"));
    let changed = state.orders.update(&id, |order| {
        let before = Before {
            planning: planning(order),
            due: due(order, order.content(&opening).release_at),
            exception: crate::exceptions::since(order),
            holds: holds(order),
            last_work: order.last_work,
            awaited: awaited(order.content(&opening), order),
            lookups: match event.what {
                What::AmendmentApplied(_) => order.content(&opening).lookups.clone(),
                _ => Vec::new(),
            },
            put_back: put_back(order.content(&opening), order, &event.what),
        };
        fold::fold(order, opening.content(), event, cx.at);
        (before, crate::history::append(&mut order.tail, &event.what, cx))
    });
    let Some((before, chunk)) = changed else { panic!("order {id} has an opening and no row") };
    if let Some((number, chunk)) = chunk {
        state.history.put(&(id, number), chunk);
    }
    (opening, before)
}

fn forget_lookups(state: &mut OrdersState, id: OrderId, content: &OrderContent) {
    for Lookup { kind, digest } in &content.lookups {
        if is_erased_with_subject(*kind) {
            state.lookups.remove(&(kind.number(), *digest, id));
        }
    }
}

/// SKUs of owners that inventory knows the order to wait for.
pub(crate) fn awaited(content: &OrderContent, order: &Order) -> BTreeSet<(Sku, OwnerId)> {
    let lines = content.lines.iter().zip(&order.lines).filter(|(_, state)| state.awaited);
    lines.map(|(line, _)| (line.sku.clone(), line.owner.clone())).collect()
}

/// Work that its node's partition has and neither a hold nor a pending amendment stops, as soon as every part of the same
/// attempt was answered.
pub(crate) fn ready_to_release(order: &Order) -> Vec<u16> {
    let unanswered = |attempt: u32| {
        order.works.iter().any(|work| work.attempt == attempt && work.state == WorkState::Assigned)
    };
    let held = |work: &&WorkRef| {
        let stops = |hold: &&OrderHold| hold.stands() && hold.kind.stops_release;
        let concerns = |hold: &OrderHold| work.lines.iter().any(|units| hold.covers(units.line));
        order.holds.iter().filter(stops).any(concerns)
    };
    let pending = order.pending_amendment().map(|(_, pending)| pending);
    let amended = |work: &WorkRef| {
        pending.is_some_and(|pending| work.lines.iter().any(|units| pending.touches(units.line)))
    };
    let planned = order.works.iter().filter(|work| work.state == WorkState::Planned);
    let ready = planned.filter(|work| !unanswered(work.attempt) && !held(work) && !amended(work));
    ready.map(|work| work.id.number).collect()
}

/// The messages that follow from an event, seen from the order as it is after it.
struct Follow<'a> {
    id: OrderId,
    layout: Layout,
    content: &'a OrderContent,
    order: &'a Order,
    /// Why the command was given, in the caller's words.
    reason: &'a Reason,
}

impl Follow<'_> {
    fn send(&self, what: &What, out: &mut Outbox<Note>) {
        match what {
            What::OrderPlaced(placed) => {
                if let Some(hold) = placed.content.hold {
                    out.send(hold.home(), Message::AdoptHold(hold, self.id));
                }
            }
            What::HoldAdopted { attempt: _, pinned: _, surplus } => {
                if let Some(hold) = self.content.hold {
                    self.give_back(hold, surplus, out);
                }
            }
            What::PlanRecorded(recorded) => match recorded.pinned {
                Some(pinned) => self.give_back(pinned, &recorded.surplus, out),
                None => self.reserve(recorded.attempt, out),
            },
            What::ReservationGranted(granted) => self.granted(granted, out),
            What::UnitsBackordered { units } => self.wait(units.iter().map(|unserved| unserved.line), out),
            What::UnitsCancelled { cause: _, units } => self.cancelled(units, out),
            What::AmendmentPlanned(planned) => self.amendment_planned(planned, out),
            What::AmendmentApplied(applied) => self.amended(applied, out),
            What::RecallAsked { recall, work, units, manner, purpose: _ } => {
                self.recall(*recall, *work, units, *manner, out);
            }
            What::WorkRefused { work, refusal: _, units } => self.refused(*work, units, out),
            What::WorkReleased { works } => {
                for work in works.iter().filter_map(|number| self.order.work(*number)) {
                    out.send(work.id.partition(), Message::ReleaseWork(work.id));
                }
            }
            What::ReturnReceived(received) => self.returned(received, out),
            // What goes back on a shelf is given back by [`claims::put_back`], from the order as it was before.
            What::WorkProgressed { .. }
            | What::WorkRecalled(_)
            | What::NodeRestocked { .. }
            | What::StockHeard { .. } => {}
            What::AttemptStarted(_)
            | What::OrderImported(_)
            | What::HoldGone { .. }
            | What::PlanAsked { .. }
            | What::ReservationRefused { .. }
            | What::OrderConfirmed
            | What::OrderRefused(_)
            | What::WorkPlanned { .. }
            | What::ExceptionAnswered(_)
            | What::SubjectErased
            | What::OrderHoldPlaced { .. }
            | What::OrderHoldResolved { .. }
            | What::OrderPolicySet { .. }
            | What::AmendmentStarted(_)
            | What::AmendmentApproved { .. }
            | What::AmendmentPlanAsked(_)
            | What::AmendmentUnreserved { .. }
            | What::AmendmentRefused { .. }
            | What::ReturnRequested(_)
            | What::ReturnDecided { .. }
            | What::ReturnClosed { .. }
            | What::ReplacementsJoined(_) => {}
        }
    }

    /// Asks inventory for what was planned.
    fn reserve(&self, attempt: u32, out: &mut Outbox<Note>) {
        let Some(attempt) = self.order.attempt(attempt) else { return };
        let AttemptState::Reserving { reservation, mode, assignments } = &attempt.state else { return };
        let claims = summed(self.content, assignments.iter().map(|a| (a.line, &a.node, a.quantity)));
        let request = ReserveRequest {
            id: *reservation,
            claims,
            mode: *mode,
            expires_at: None,
            takes_over: Vec::new(),
        };
        out.send(reservation.home(), Message::Reserve(request));
    }

    fn granted(&self, granted: &ReservationGranted, out: &mut Outbox<Note>) {
        self.give_back(granted.reservation, &granted.surplus, out);
        for new in &granted.works {
            let work = self.work(new, granted.reservation);
            out.send(work.id.partition(), Message::AssignWork(Box::new(work)));
        }
    }

    fn work(&self, new: &NewWork, reservation: ReservationId) -> Work {
        let lines = new.lines.iter().map(|units| {
            let line = fold::ordered(self.content, units.line);
            WorkLine {
                line: units.line,
                external_line: line.external.clone(),
                sku: line.sku.clone(),
                owner: line.owner.clone(),
                quantity: units.quantity,
                attributes: line.attributes.clone(),
                reservation,
                scale: line.scale,
                substitutes: line.substitutes.clone(),
            }
        });
        Work {
            id: FulfillmentOrderId { order: self.id, number: new.number, partition_index: new.partition },
            node: new.node.clone(),
            order: self.id,
            channel: self.content.channel.clone(),
            external: self.content.external.clone(),
            lines: lines.collect(),
            destination: match &new.service {
                Some(service) => WorkDestination::Ship(service.clone()),
                None => WorkDestination::Pickup,
            },
            recipient: self.content.recipient.clone(),
            ship_by: new.ship_by,
            promise: new.promise,
            priority: self.content.priority,
            attributes: self.content.attributes.clone(),
            capacity_day: new.capacity_day,
        }
    }

    fn cancelled(&self, units: &[CancelledUnits], out: &mut Outbox<Note>) {
        for number in fold::recalled_works(units) {
            let Some(work) = self.order.work(number) else { continue };
            let of_work = || units.iter().filter(|some| some.from == CancelledFrom::Work(number));
            let lines = fold::sum_by_line(of_work().map(|some| (some.line, some.quantity)));
            let planned =
                |recall: &&Recall| recall.work == number && recall.purpose == RecallPurpose::Planned;
            if let Some(recall) = self.order.recalls.iter().rev().find(planned) {
                self.recall(recall.number, number, &lines, RecallManner::Firm, out);
            }
            let claims = summed(self.content, of_work().map(|some| (some.line, &work.node, some.quantity)));
            self.give_back(work.reservation, &claims, out);
        }
        for some in units {
            if let CancelledFrom::Pinned(_, node, reservation) = &some.from {
                self.give_back(*reservation, &summed(self.content, [(some.line, node, some.quantity)]), out);
            }
        }
        let waited = units.iter().filter(|some| some.from == CancelledFrom::Backordered);
        self.wait(waited.map(|some| some.line), out);
    }

    fn refused(&self, number: u16, units: &[LineUnits], out: &mut Outbox<Note>) {
        let Some(work) = self.order.work(number) else { return };
        let units = units.iter().map(|units| (units.line, &work.node, units.quantity));
        self.give_back(work.reservation, &summed(self.content, units), out);
    }

    /// Asks a node's partition to stop units.
    fn recall(
        &self,
        recall: u32,
        work: u16,
        units: &[LineUnits],
        manner: RecallManner,
        out: &mut Outbox<Note>,
    ) {
        let Some(work) = self.order.work(work) else { return };
        let (id, units, reason) = (work.id, units.to_vec(), self.reason.clone());
        out.send(id.partition(), Message::CancelWork { id, units, recall, manner, reason });
    }

    /// Gives claims back to the partitions that keep them.
    fn give_back(&self, reservation: ReservationId, claims: &[Claim], out: &mut Outbox<Note>) {
        for (home, claims) in by_home(&self.layout, &merged(claims.iter().cloned())) {
            out.send(home, Message::Release(reservation, claims));
        }
    }

    /// Tells inventory how much of each line's SKU the order waits for now.
    fn wait(&self, lines: impl Iterator<Item = LineNo>, out: &mut Outbox<Note>) {
        let goods: BTreeSet<(Sku, OwnerId)> = lines
            .map(|line| fold::ordered(self.content, line))
            .map(|line| (line.sku.clone(), line.owner.clone()))
            .collect();
        for (sku, owner) in goods {
            let quantity = backordered(self.content, self.order, &sku, &owner);
            let home = self.layout.sku_home(&sku);
            if !quantity.is_zero() {
                let (priority, since) = (self.content.priority, self.content.placed_at);
                let order = self.id;
                out.send(home, Message::AwaitStock { order, sku, owner, quantity, priority, since });
            }
        }
    }

    /// Tells inventory of each SKU the order no longer waits for. While units are being planned again the wait stands,
    /// so that they keep their place and are not told twice of the same rise.
    fn forget(&self, before: &BTreeSet<(Sku, OwnerId)>, out: &mut Outbox<Note>) {
        for (sku, owner) in before.difference(&awaited(self.content, self.order)) {
            let home = self.layout.sku_home(sku);
            out.send(home, Message::ForgetStock(self.id, sku.clone(), owner.clone()));
        }
    }
}

/// Units of a SKU of an owner that the order waits for.
pub(crate) fn backordered(content: &OrderContent, order: &Order, sku: &Sku, owner: &OwnerId) -> Quantity {
    let lines = content.lines.iter().zip(&order.lines);
    let same = lines.filter(|(line, _)| line.sku == *sku && line.owner == *owner);
    same.map(|(_, state)| state.buckets.get(crate::units::Bucket::Backordered)).sum()
}
