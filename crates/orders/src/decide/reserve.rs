//! Inventory's answers: what was granted becomes the work of nodes, what was refused is tried again, and stock that
//! arrives starts a new planning round.

use super::amend::Standing;
use super::draft::{Draft, Manner};
use super::unserved::with_reason;
use super::{RETRY_MS, TRIES_MAX};
use crate::claims::take;
use crate::content::OrderContent;
use crate::event::{AttemptSource, Event, NewWork, ReservationGranted, What};
use crate::fold::{ordered, reservation_of, sum_by_line};
use crate::order::{AttemptState, Shunned, UnservedReason, widest};
use crate::state::OrdersState;
use crate::units::Bucket;
use waybill_machine::Context;
use waybill_types::exchange::{Assignment, Claim, LineUnits, ReserveOutcome, Shortage};
use waybill_types::{NodeId, OrderId, OwnerId, Quantity, ReservationId, Sku};

/// Decides what follows from the outcome of a reservation.
pub(crate) fn reserved(
    state: &OrdersState,
    id: ReservationId,
    outcome: &ReserveOutcome,
    cx: &Context<'_>,
) -> Vec<Event> {
    let ReservationId::Order { order, attempt, .. } = id else { return Vec::new() };
    let Some(mut draft) = Draft::load(state, order, cx) else { return Vec::new() };
    if draft.awaits_stock(id) {
        return super::amend::reserved(draft, outcome);
    }
    let asked = draft.order.attempt(attempt);
    let awaited = asked.is_some_and(|asked| {
        matches!(asked.state, AttemptState::Reserving { .. }) && reservation_of(asked) == Some(id)
    });
    if !awaited {
        return Vec::new();
    }
    match outcome {
        ReserveOutcome::Granted(claims) => grant(&mut draft, attempt, claims.clone()),
        ReserveOutcome::Refused(shortages) => refused(&mut draft, attempt, shortages, false),
        ReserveOutcome::Contended(shortages) => refused(&mut draft, attempt, shortages, true),
    }
    draft.finish()
}

/// Gives what was granted to the nodes as the plan has it; what is not wanted any more is given back; what is wanted and
/// was not granted is not served.
pub(crate) fn grant(draft: &mut Draft<'_>, number: u32, mut pool: Vec<Claim>) {
    let Some(attempt) = draft.order.attempt(number) else { return };
    let AttemptState::Reserving { assignments, reservation, .. } = &attempt.state else { return };
    let (tries, bounces) = (attempt.tries, attempt.bounces);
    let content = draft.content();
    let mut wanted = attempt.units.clone();
    let mut served: Vec<Assignment> = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let Some(units) = wanted.iter_mut().find(|units| units.line == assignment.line) else { continue };
        let line = ordered(content, assignment.line);
        let matches = |claim: &Claim| {
            claim.sku == line.sku && claim.owner == line.owner && claim.node == assignment.node
        };
        let quantity = take(&mut pool, matches, assignment.quantity.min(units.quantity));
        units.quantity = units.quantity.saturating_sub(quantity);
        if !quantity.is_zero() {
            served.push(Assignment { quantity, ..assignment.clone() });
        }
    }
    wanted.retain(|units| !units.quantity.is_zero());
    pool.retain(|claim| !claim.quantity.is_zero());
    if attempt.outdated {
        return grant_outdated(draft, number, *reservation, served, pool, wanted);
    }
    let granted = ReservationGranted {
        attempt: number,
        works: works(draft, &served),
        surplus: pool,
        short: wanted.clone(),
        reservation: *reservation,
    };
    draft.push(What::ReservationGranted(granted));
    if served.is_empty() || draft.is_all_or_nothing() {
        return draft.not_served(number, with_reason(wanted, UnservedReason::NoStock), Vec::new());
    }
    // Others were faster where these units were planned; that there is none elsewhere nobody has looked. It ends, since each
    // such look serves a unit.
    draft.start_attempt(wanted, Manner { tries, bounces, ..Manner::afresh(AttemptSource::Open) });
}

/// The order was amended meanwhile: what was granted stays reserved and is planned again where it stands.
fn grant_outdated(
    draft: &mut Draft<'_>,
    attempt: u32,
    reservation: ReservationId,
    served: Vec<Assignment>,
    surplus: Vec<Claim>,
    short: Vec<LineUnits>,
) {
    let mut standing = Standing::new();
    for Assignment { line, node, quantity, .. } in &served {
        standing.entry((reservation, node.clone())).or_default().push((*line, *quantity));
    }
    let all = short.iter().map(|units| (units.line, units.quantity));
    let all = sum_by_line(all.chain(served.iter().map(|a| (a.line, a.quantity))));
    let granted = ReservationGranted { attempt, works: Vec::new(), surplus, short: all, reservation };
    draft.push(What::ReservationGranted(granted));
    draft.plan_where_they_stand(standing);
    draft.not_served(attempt, with_reason(short, UnservedReason::NoStock), Vec::new());
}

/// One fulfilment order per node and destination, in the plan's order.
pub(super) fn works(draft: &Draft<'_>, served: &[Assignment]) -> Vec<NewWork> {
    let mut works: Vec<NewWork> = Vec::new();
    for assignment in served {
        let Assignment { line, node, quantity, service, ship_by, promise, ship_day } = assignment;
        let units = LineUnits { line: *line, quantity: *quantity };
        let same = |work: &&mut NewWork| work.node == *node && work.service == *service;
        if let Some(work) = works.iter_mut().find(same) {
            work.lines.push(units);
            if *ship_by < work.ship_by {
                (work.ship_by, work.capacity_day) = (*ship_by, *ship_day);
            }
            work.promise = widest(work.promise, *promise);
            continue;
        }
        let given = draft.order.last_work as usize + works.len() + 1;
        works.push(NewWork {
            number: u16::try_from(given)
                .unwrap_or_else(|_| panic!("order {} has had {given} fulfilment orders", draft.id)),
            node: node.clone(),
            partition: draft.cx.layout.node_home(node).index,
            service: service.clone(),
            ship_by: *ship_by,
            promise: *promise,
            lines: vec![units],
            capacity_day: *ship_day,
        });
    }
    for work in &mut works {
        work.lines = sum_by_line(work.lines.iter().map(|units| (units.line, units.quantity)));
    }
    works
}

fn refused(draft: &mut Draft<'_>, number: u32, shortages: &[Shortage], contended: bool) {
    let Some(attempt) = draft.order.attempt(number).cloned() else { return };
    let shortages = shortages.to_vec();
    draft.push(What::ReservationRefused { attempt: number, contended, shortages: shortages.clone() });
    if attempt.tries < TRIES_MAX {
        let until = draft.cx.at.plus_ms(RETRY_MS * i64::from(attempt.tries));
        let manner = Manner {
            source: AttemptSource::Open,
            tries: attempt.tries + 1,
            bounces: attempt.bounces,
            until: Some(until),
            pinned: None,
        };
        return draft.start_attempt(attempt.units, manner);
    }
    let reason = if contended { UnservedReason::Contended } else { UnservedReason::NoStock };
    draft.not_served(number, with_reason(attempt.units, reason), shortages);
}

/// Decides what follows from stock that arrived: the units that wait for it are planned anew, now or, where they are being
/// planned already, once that has come to nothing. Where on-hand stock rose, `risen` names the node: it may be asked again
/// whatever it said before.
pub(crate) fn stock_arrived(
    state: &OrdersState,
    order: OrderId,
    sku: &Sku,
    owner: &OwnerId,
    risen: Option<&NodeId>,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some(mut draft) = Draft::load(state, order, cx) else { return Vec::new() };
    if let Some(node) = risen {
        let shunned = Shunned { sku: sku.clone(), owner: owner.clone(), node: node.clone() };
        if draft.order.shunned.contains(&shunned) {
            let Shunned { sku, owner, node } = shunned;
            draft.push(What::NodeRestocked { node, sku, owner });
        }
    }
    if is_under_way(&draft, sku, owner) {
        draft.push(What::StockHeard { sku: sku.clone(), owner: owner.clone() });
    }
    let content = draft.content();
    let waiting = content
        .numbered()
        .zip(&draft.order.lines)
        .filter(|((_, line), _)| line.sku == *sku && line.owner == *owner);
    let units: Vec<LineUnits> = waiting
        .map(|((line, _), state)| LineUnits { line, quantity: state.buckets.get(Bucket::Backordered) })
        .filter(|units| units.quantity != Quantity::ZERO)
        .collect();
    draft.start_attempt(units, Manner::afresh(AttemptSource::Backordered));
    draft.finish()
}

/// True while units of these goods are in an attempt, or in a plan for an amendment, that began before this news and has
/// not been marked by earlier news.
fn is_under_way(draft: &Draft<'_>, sku: &Sku, owner: &OwnerId) -> bool {
    let unmarked = |attempt: u32| !draft.order.missed_news(attempt);
    let concerned = |content: &OrderContent, units: &[LineUnits]| {
        units.iter().map(|units| ordered(content, units.line)).any(|l| l.sku == *sku && l.owner == *owner)
    };
    let mut attempts = draft.order.live_attempts().filter(|attempt| unmarked(attempt.number));
    let amended = draft.order.pending_amendment().filter(|(_, pending)| unmarked(pending.attempt));
    attempts.any(|attempt| concerned(draft.content(), &attempt.units))
        || amended.is_some_and(|(_, pending)| concerned(&pending.proposed, &pending.planned))
}
