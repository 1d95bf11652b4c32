//! The laws that one orders partition can check alone, and what it knows of the others' halves.

mod returns;

pub use returns::returns;

use crate::apply::{due, holds, planning};
use crate::claims::summed;
use crate::content::OrderContent;
use crate::history::rebuild;
use crate::order::{AmendmentWait, AttemptState, Order, PendingAmendment, Stage, WorkState};
use crate::state::OrdersState;
use crate::status::is_closed;
use crate::units::Bucket;
use std::collections::BTreeSet;
use waybill_machine::Violation;
use waybill_types::exchange::{Claim, LineUnits};
use waybill_types::{FulfillmentOrderId, OrderId, Quantity, ReservationId};

/// Checks every law over every order.
pub(crate) fn audit(state: &OrdersState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut orders = 0;
    let mut asks = BTreeSet::new();
    let mut timers = BTreeSet::new();
    let mut exceptions = BTreeSet::new();
    let mut held = BTreeSet::new();
    state.orders.for_each(|id, order| {
        orders += 1;
        let Some(opening) = state.openings.get(&id) else {
            found.push(violation("ORDER-2", format!("order {id} has no opening")));
            return;
        };
        let content = order.content(&opening);
        found.extend(buckets(id, content, order));
        found.extend(works(id, order));
        found.extend(amendments(id, order));
        found.extend(recalls(id, order));
        found.extend(money(id, content));
        found.extend(returns(id, &opening, order));
        found.extend(history(state, id, order));
        found.extend(number(state, id, content, order));
        found.extend(finders(state, id, content, order));
        held.extend(holds(order).into_iter().map(|code| (code, id)));
        asks.extend(planning(order).into_iter().map(|attempt| (id, attempt)));
        exceptions.extend(crate::exceptions::since(order).map(|since| (since, id)));
        timers.extend(due(order, content.release_at).map(|at| (at, id)));
    });
    let listed_asks: BTreeSet<_> = state.asks.all().into_iter().map(|(key, _)| key).collect();
    let listed_timers: BTreeSet<_> = state.timers.all().into_iter().map(|(key, _)| key).collect();
    if asks != listed_asks {
        found.push(violation("ORDER-1", format!("plans asked are {asks:?}, listed are {listed_asks:?}")));
    }
    if timers != listed_timers {
        found.push(violation("ORDER-1", format!("due are {timers:?}, listed are {listed_timers:?}")));
    }
    let listed: BTreeSet<_> = state.exceptions.all().into_iter().map(|(key, _)| key).collect();
    if exceptions != listed {
        found.push(violation("ORDER-1", format!("exceptions are {exceptions:?}, listed are {listed:?}")));
    }
    let listed: BTreeSet<_> = state.held.all().into_iter().map(|(key, _)| key).collect();
    if held != listed {
        found.push(violation("ORDER-1", format!("holds are {held:?}, listed are {listed:?}")));
    }
    for law in ["ORDER-1", "ORDER-2", "MONEY-1", "FULFIL-1", "STOCK-3", "ONCE-1"] {
        checked(law, orders);
    }
    found
}

fn violation(law: &'static str, what: String) -> Violation {
    Violation { law, what }
}

/// ORDER-1: an order is found by when it was placed and by each node that has work for it.
fn finders(state: &OrdersState, id: OrderId, content: &OrderContent, order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    if !state.placed.contains(&(content.placed_at, id)) {
        found.push(violation("ORDER-1", format!("order {id} is not listed by when it was placed")));
    }
    for work in order.works.iter().filter(|work| !state.nodes.contains(&(work.node.clone(), id))) {
        found.push(violation("ORDER-1", format!("{} is not listed at node {}", work.id, work.node)));
    }
    found
}

/// ORDER-1: the units of each line are in buckets that sum to the ordered quantity, and open units are each in exactly
/// one live attempt, or were given back for the pending amendment, so that somebody is at work for them.
pub fn buckets(id: OrderId, content: &OrderContent, order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    if content.lines.len() != order.lines.len() {
        let counts = format!("order {id}: {} lines ordered, {} kept", content.lines.len(), order.lines.len());
        return vec![violation("ORDER-1", counts)];
    }
    for ((line, ordered), state) in content.numbered().zip(&order.lines) {
        let sum = state.buckets.sum();
        if sum != ordered.quantity {
            let what =
                format!("order {id} line {}: {sum} units in buckets, {} ordered", line.0, ordered.quantity);
            found.push(violation("ORDER-1", what));
        }
        let attempted = order.live_attempts().flat_map(|attempt| &attempt.units);
        let attempted: Quantity = attempted.filter(|u| u.line == line).map(|u| u.quantity).sum();
        let recalled = order.pending_amendment();
        let recalled = recalled.map_or(Quantity::ZERO, |(_, pending)| pending.recalled_units(line));
        let open = state.buckets.get(Bucket::Open);
        if open != attempted.plus(recalled) {
            let what = format!(
                "order {id} line {}: {open} units open, {attempted} in attempts, {recalled} back for an amendment",
                line.0
            );
            found.push(violation("ORDER-1", what));
        }
    }
    found
}

/// FULFIL-1, the order's half: what its buckets say nodes have is what its fulfilment orders say, line by line.
pub fn works(id: OrderId, order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, state) in order.lines.iter().enumerate() {
        let line = crate::content::line_no(index);
        let mut in_works = [Quantity::ZERO; 4];
        for work in &order.works {
            for units in work.lines.iter().filter(|units| units.line == line) {
                let to_pick = if work.is_unreleased() { 0 } else { 1 };
                in_works[to_pick] = in_works[to_pick].plus(units.to_pick);
                in_works[2] = in_works[2].plus(units.picked);
                in_works[3] = in_works[3].plus(units.shipped);
            }
        }
        let buckets = [Bucket::Reserved, Bucket::Released, Bucket::Picked, Bucket::Shipped];
        for (bucket, units) in buckets.into_iter().zip(in_works) {
            let kept = state.buckets.get(bucket);
            if kept != units {
                let what = format!(
                    "order {id} line {}: {kept} units {}, {units} in fulfilment orders",
                    line.0,
                    bucket.name()
                );
                found.push(violation("FULFIL-1", what));
            }
        }
    }
    for work in order.works.iter().filter(|work| work.state == WorkState::Cancelled && !work.lines.is_empty())
    {
        found.push(violation("FULFIL-1", format!("{} is cancelled and has units", work.id)));
    }
    found
}

/// FULFIL-1 of cancels under way: none asks a node for more than it has, and the marks of lines say what is asked.
pub fn recalls(id: OrderId, order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut asked = vec![Quantity::ZERO; order.lines.len()];
    for work in &order.works {
        for units in &work.lines {
            let wished = order.cancel_wished(work.id.number, units.line);
            if wished > units.at_node() {
                let (line, there) = (units.line.0, units.at_node());
                let what = format!("{} line {line}: {wished} units to stop, the node has {there}", work.id);
                found.push(violation("FULFIL-1", what));
            }
        }
    }
    for units in order.recalls.iter().filter(|recall| recall.is_cancel()).flat_map(|recall| &recall.units) {
        if let Some(sum) = asked.get_mut(usize::from(units.line.0).wrapping_sub(1)) {
            *sum = sum.plus(units.quantity);
        }
    }
    for (index, (state, asked)) in order.lines.iter().zip(asked).enumerate() {
        if state.cancel_requested != asked {
            let (line, mark) = (crate::content::line_no(index).0, state.cancel_requested);
            let what = format!("order {id} line {line}: {mark} units marked to stop, {asked} asked of nodes");
            found.push(violation("FULFIL-1", what));
        }
    }
    for recall in order.recalls.iter().filter(|recall| order.work(recall.work).is_none()) {
        let what = format!("order {id} recall {}: no fulfilment order {}", recall.number, recall.work);
        found.push(violation("FULFIL-1", what));
    }
    found
}

/// MONEY-1: the shares of all units sum to the amounts of lines and order, to the minor unit, and no unit costs less than
/// nothing.
pub fn money(id: OrderId, content: &OrderContent) -> Vec<Violation> {
    let amounts = &content.amounts;
    let mut found = Vec::new();
    let mut sums = [0i128; 4];
    for (line, ordered) in content.numbered() {
        let mut units = 0u128;
        let mut own = [0i128; 3];
        for share in &ordered.shares {
            let count = i128::from(share.count);
            units += u128::from(share.count);
            let line_own =
                [share.subtotal, share.discount - share.order_discount, share.tax - share.order_tax];
            let total = share.total(amounts.tax_included);
            let of_order = [share.order_discount, share.order_tax, share.shipping, total];
            if line_own.iter().chain(&of_order).any(|amount| *amount < 0) {
                found
                    .push(violation("MONEY-1", format!("order {id} line {}: units carry {share:?}", line.0)));
            }
            own.iter_mut().zip(line_own).for_each(|(sum, amount)| *sum += count * i128::from(amount));
            sums.iter_mut().zip(of_order).for_each(|(sum, amount)| *sum += count * i128::from(amount));
        }
        let given = [ordered.amounts.subtotal, ordered.amounts.discount, ordered.amounts.tax].map(i128::from);
        if units != u128::from(ordered.quantity.units()) || own != given {
            let what = format!(
                "order {id} line {}: {units} shares of {own:?} in all, ordered {} for {given:?}",
                line.0, ordered.quantity
            );
            found.push(violation("MONEY-1", what));
        }
    }
    let expected = [
        ("discounts", sums[0], amounts.discount),
        ("taxes", sums[1], amounts.tax),
        ("shipping", sums[2], amounts.shipping),
        ("totals", sums[3], amounts.total),
    ];
    for (name, shares, given) in expected {
        if shares != i128::from(given) {
            found.push(violation(
                "MONEY-1",
                format!("order {id}: {name} of units sum to {shares}, given {given}"),
            ));
        }
    }
    found
}

/// ORDER-2: the order's history alone rebuilds it.
pub fn history(state: &OrdersState, id: OrderId, order: &Order) -> Vec<Violation> {
    let entries = match state.history(id) {
        Some(Ok(entries)) => entries,
        Some(Err(error)) => return vec![violation("ORDER-2", format!("order {id}: {error}"))],
        None => return vec![violation("ORDER-2", format!("order {id} has no history"))],
    };
    if entries.len() as u64 != order.revision {
        let what = format!("order {id} has {} entries at revision {}", entries.len(), order.revision);
        return vec![violation("ORDER-2", what)];
    }
    match rebuild(id, &entries) {
        Some(rebuilt) if rebuilt == order.without_history() => Vec::new(),
        Some(rebuilt) => {
            let what =
                format!("order {id}: history makes {rebuilt:?}, the row is {:?}", order.without_history());
            vec![violation("ORDER-2", what)]
        }
        None => vec![violation("ORDER-2", format!("order {id}: its history does not begin with an opening"))],
    }
}

/// ONCE-1 of Place, whose request is known by channel and number: a number belongs to the one order that has it, and to
/// none when that order was refused.
fn number(state: &OrdersState, id: OrderId, content: &OrderContent, order: &Order) -> Option<Violation> {
    let holder = state.by_number(&content.channel, &content.external);
    match (&order.stage, holder) {
        (Stage::Refused(_), Some(holder)) if holder == id => {
            Some(violation("ONCE-1", format!("order {id} is refused and keeps its number")))
        }
        (Stage::Refused(_), _) => None,
        (_, Some(holder)) if holder == id => None,
        (_, holder) => Some(violation("ONCE-1", format!("the number of order {id} belongs to {holder:?}"))),
    }
}

/// How sure the order is of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Inventory has it, or has a message under way to it that gives some of it up.
    Granted,
    /// Inventory was asked and has not answered: it has all, part or none of it.
    Asked,
}

/// A claim of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveClaims {
    /// Under which name.
    pub reservation: ReservationId,
    /// What.
    pub claims: Vec<Claim>,
    /// How sure.
    pub certainty: Certainty,
}

/// STOCK-3, the order's half: its live reservations and what it believes they cover.
#[must_use]
pub fn live_claims(content: &OrderContent, order: &Order) -> Vec<LiveClaims> {
    let mut all = Vec::new();
    for attempt in order.live_attempts() {
        match &attempt.state {
            AttemptState::Adopting(hold) => {
                let certainty = Certainty::Asked;
                all.push(LiveClaims { reservation: *hold, claims: Vec::new(), certainty });
            }
            AttemptState::Planning { pinned: Some(pinned), .. } => {
                let units = pinned.units.iter().map(|units| (units.line, &units.node, units.quantity));
                let claims = summed(content, units);
                let certainty = Certainty::Granted;
                all.push(LiveClaims { reservation: pinned.reservation, claims, certainty });
            }
            AttemptState::Reserving { reservation, assignments, .. } => {
                let claims = summed(content, assignments.iter().map(|a| (a.line, &a.node, a.quantity)));
                all.push(LiveClaims { reservation: *reservation, claims, certainty: Certainty::Asked });
            }
            AttemptState::Waiting { .. }
            | AttemptState::Planning { pinned: None, .. }
            | AttemptState::Ended(_) => {}
        }
    }
    if let Some((_, pending)) = order.pending_amendment() {
        all.extend(amendment_claims(content, pending));
    }
    for work in order.works.iter().filter(|work| !work.at_node().is_zero()) {
        let claims = crate::claims::at_node(content, work);
        all.push(LiveClaims { reservation: work.reservation, claims, certainty: Certainty::Granted });
    }
    all
}

/// The claims that a pending amendment keeps, and those it has asked for.
fn amendment_claims(content: &OrderContent, pending: &PendingAmendment) -> Vec<LiveClaims> {
    let back = pending.recalled.iter().map(|back| LiveClaims {
        reservation: back.reservation,
        claims: summed(content, [(back.line, &back.node, back.quantity)]),
        certainty: Certainty::Granted,
    });
    let mut all: Vec<LiveClaims> = back.collect();
    if let AmendmentWait::Stock { reservation, assignments, .. } = &pending.waits {
        let claims = summed(&pending.proposed, assignments.iter().map(|a| (a.line, &a.node, a.quantity)));
        all.push(LiveClaims { reservation: *reservation, claims, certainty: Certainty::Asked });
    }
    all
}

/// ORDER-1 of amendments: at most one is pending, and the units that it moves are where it takes them from.
fn amendments(id: OrderId, order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    let pending = order.amendments.iter().filter(|amendment| amendment.pending().is_some()).count();
    if pending > 1 {
        found.push(violation("ORDER-1", format!("order {id} has {pending} amendments pending")));
    }
    let Some((number, pending)) = order.pending_amendment() else { return found };
    for share in &pending.moves {
        let there = order.work(share.work).filter(|work| work.is_unreleased());
        let there = there.map_or(Quantity::ZERO, |work| work.to_pick(share.line));
        if there < share.quantity {
            let what = format!(
                "order {id} amendment {number} moves {} units of line {} of fulfilment order {}, which has {there}",
                share.quantity, share.line.0, share.work
            );
            found.push(violation("ORDER-1", what));
        }
    }
    found
}

/// FULFIL-1, the order's half: the units each node has of this order, by fulfilment order.
pub fn at_nodes(order: &Order) -> impl Iterator<Item = (FulfillmentOrderId, Vec<LineUnits>)> + '_ {
    let with_units = order.works.iter().filter(|work| !work.at_node().is_zero());
    with_units.map(|work| {
        let lines = work.lines.iter().filter(|units| !units.at_node().is_zero());
        let lines = lines.map(|units| LineUnits { line: units.line, quantity: units.at_node() });
        (work.id, lines.collect())
    })
}

impl OrdersState {
    /// Calls `visit` with every order that is not closed, for laws that span partitions.
    pub fn for_each_open(&self, mut visit: impl FnMut(OrderId, &OrderContent, &Order)) {
        self.orders.for_each(|id, order| {
            if is_closed(order) {
                return;
            }
            if let Some(opening) = self.openings.get(&id) {
                visit(id, order.content(&opening), order);
            }
        });
    }
}
