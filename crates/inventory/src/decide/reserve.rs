//! Deciding a reservation, whole or in part: what this partition can give of what is asked of it.

use crate::answer::Answer;
use crate::decide::takeover::{self, Offer};
use crate::decide::{spot_of, summed};
use crate::event::{Event, GrantedLine};
use crate::refusal::{Refusal, RowRefusal};
use crate::reservation::{Reservation, ReservationLine, ReservationView, Standing, at_same_place};
use crate::state::State;
use crate::{CLAIMS_MAX, HOME_PATIENCE_MS, PART_PATIENCE_MS};
use waybill_machine::{Context, Decision};
use waybill_types::exchange::{Claim, ReserveMode, ReserveOutcome, ReserveRequest, Shortage, TakeOver};
use waybill_types::{Layout, OrderId, Quantity, ReservationId};

/// A caller's reservation, at its home.
pub(crate) fn asked(
    state: &State,
    request: &ReserveRequest,
    order: Option<OrderId>,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    check(request, cx)?;
    for claim in request.claims.iter().filter(|claim| cx.layout.sku_home(&claim.sku) == cx.partition) {
        if !state.items.contains(&claim.sku) {
            return Err(Refusal::Row(RowRefusal::UnknownItem(claim.sku.clone())));
        }
    }
    if let Some(row) = state.reservations.get(&request.id) {
        return repeated(&row, request, order, cx);
    }
    if state.tombstones.contains(&request.id) {
        return Err(Refusal::ReservationGivenUp(request.id));
    }
    if let Some(claim) = request.claims.iter().find(|claim| is_inactive(state, claim)) {
        return Err(Refusal::ItemInactive(claim.sku.clone()));
    }
    let events = take(state, request, order, &[], cx);
    let Some(event) = events.last() else { unreachable!("taking a part ends with the event that takes it") };
    let row = match event {
        Event::ReservationRefused { outcome: ReserveOutcome::Contended(short), .. } => {
            return Err(Refusal::Contended(short.clone()));
        }
        Event::ReservationRefused { outcome: ReserveOutcome::Refused(short), .. } => {
            return Err(Refusal::Short(short.clone()));
        }
        taken => taken_row(taken, cx),
    };
    let view = row.view(request.id);
    Ok(Decision::new(events, Answer::Reservation(view)))
}

/// The row an event makes; `apply` keeps it, `decide` shows it.
pub(crate) fn taken_row(event: &Event, cx: &Context<'_>) -> Reservation {
    let (standing, mode, lines, chain, elsewhere, taking) = match event {
        Event::ReservationGranted { id, order, mode, expires_at, lines, .. } => {
            let standing = match expires_at {
                Some(expires_at) => Standing::Held { expires_at: *expires_at },
                None => Standing::Committed { order: order.or_else(|| crate::reservation::order_of(*id)) },
            };
            (standing, *mode, lines, vec![id.home().index], Vec::new(), Vec::new())
        }
        Event::PartTaken { request, order, before, lines, due, taking } => {
            let chain = chain_of(&request.claims, request.id, &cx.layout);
            // A last part has decided: it waits for home like the others, and must be able to say what was granted.
            let last = chain.last() == Some(&cx.partition.index);
            let elsewhere = if last { before.clone() } else { Vec::new() };
            let standing = Standing::Undecided {
                due: Some(*due),
                expires_at: request.expires_at,
                order: *order,
                intent: None,
            };
            (standing, request.mode, lines, chain, elsewhere, taking.clone())
        }
        other => panic!("{other:?} makes no reservation"),
    };
    let line_of = |line: &GrantedLine| ReservationLine {
        awaited: units_at(&taking, &line.asked),
        ..ReservationLine::granted(&line.asked, line.granted)
    };
    let (lines, takers) = (lines.iter().map(line_of).collect(), Vec::new());
    let (created_at, revision) = (cx.at, 1);
    Reservation {
        standing,
        mode,
        created_at,
        revision,
        lines,
        chain,
        elsewhere,
        taking,
        takers,
        owed: Vec::new(),
    }
}

/// How many units are taken over at the claim's position.
pub(crate) fn units_at(taking: &[TakeOver], place: &Claim) -> Quantity {
    let claims = taking.iter().flat_map(|take| &take.claims);
    claims.filter(|claim| at_same_place(claim, place)).map(|claim| claim.quantity).sum()
}

/// The partitions a reservation touches: home first, then ascending. All claimants walk in the same order, so two
/// of them that want the same two SKUs meet at the first one.
pub(crate) fn chain_of(claims: &[Claim], id: ReservationId, layout: &Layout) -> Vec<u8> {
    let home = id.home().index;
    let mut others: Vec<u8> =
        claims.iter().map(|claim| layout.sku_home(&claim.sku).index).filter(|index| *index != home).collect();
    others.sort_unstable();
    others.dedup();
    std::iter::once(home).chain(others).collect()
}

/// Takes this partition's part, or refuses it: the last event. Before it come units that it takes over and that are not
/// quite settled.
pub(crate) fn take(
    state: &State,
    request: &ReserveRequest,
    order: Option<OrderId>,
    before: &[Claim],
    cx: &Context<'_>,
) -> Vec<Event> {
    let id = request.id;
    let claims = summed(&request.claims);
    let mine: Vec<&Claim> =
        claims.iter().filter(|claim| cx.layout.sku_home(&claim.sku) == cx.partition).collect();
    let chain = chain_of(&claims, id, &cx.layout);
    let offer = takeover::offer(state, request, order, &mine, cx);
    let judged = judge(state, &mine, &offer);
    let last = chain.last() == Some(&cx.partition.index);
    let nothing_at_all = judged.lines.iter().all(|line| line.granted.is_zero()) && before.is_empty();
    let refused = judged.blocked
        || match request.mode {
            ReserveMode::AllOrNothing => !judged.shortages.is_empty(),
            ReserveMode::BestEffort => last && nothing_at_all,
        };
    if refused {
        let outcome = judged.refusal(request.mode);
        return vec![Event::ReservationRefused { id, outcome }];
    }
    let Offer { taking, first: mut events, .. } = offer;
    let lines = judged.lines;
    if chain.len() == 1 {
        let (mode, expires_at) = (request.mode, request.expires_at);
        events.push(Event::ReservationGranted { id, order, mode, expires_at, lines, taken: taking });
        return events;
    }
    let patience = if id.home() == cx.partition { HOME_PATIENCE_MS } else { PART_PATIENCE_MS };
    events.push(Event::PartTaken {
        request: ReserveRequest { claims, ..request.clone() },
        order,
        before: before.to_vec(),
        lines,
        due: cx.at.plus_ms(patience),
        taking,
    });
    events
}

/// What this partition can give.
struct Judged {
    lines: Vec<GrantedLine>,
    shortages: Vec<Shortage>,
    /// Each shortage would not be one if the undecided claims of others went away.
    only_undecided_in_the_way: bool,
    /// Something could be had if they went away.
    undecided_in_the_way: bool,
    /// Units to be taken over are being taken over by others.
    blocked: bool,
}

impl Judged {
    fn refusal(self, mode: ReserveMode) -> ReserveOutcome {
        let worth_retrying = match mode {
            ReserveMode::AllOrNothing => self.only_undecided_in_the_way,
            ReserveMode::BestEffort => self.undecided_in_the_way,
        };
        if worth_retrying && !self.shortages.is_empty() {
            ReserveOutcome::Contended(self.shortages)
        } else {
            ReserveOutcome::Refused(self.shortages)
        }
    }
}

fn judge(state: &State, claims: &[&Claim], offer: &Offer) -> Judged {
    let mut judged = Judged {
        lines: Vec::with_capacity(claims.len()),
        shortages: Vec::new(),
        only_undecided_in_the_way: true,
        undecided_in_the_way: false,
        blocked: false,
    };
    for claim in claims {
        let (available, without_undecided) = if is_reservable(state, claim) {
            let look =
                state.stock.look(&spot_of(claim), |p| (p.available(), p.available_if_undecided_left()));
            look.unwrap_or_default()
        } else {
            (Quantity::ZERO, Quantity::ZERO)
        };
        let (offered, blocked) = (offer.of(claim), offer.blocked(claim));
        let without_undecided = without_undecided.plus(offered).plus(blocked);
        let available = available.plus(offered);
        judged.blocked |= !blocked.is_zero();
        if available < claim.quantity || !blocked.is_zero() {
            judged.shortages.push(Shortage { asked: (*claim).clone(), available });
            judged.only_undecided_in_the_way &= without_undecided >= claim.quantity;
            judged.undecided_in_the_way |= without_undecided > available || !blocked.is_zero();
        }
        judged.lines.push(GrantedLine { asked: (*claim).clone(), granted: available.min(claim.quantity) });
    }
    judged
}

fn is_reservable(state: &State, claim: &Claim) -> bool {
    state.items.get(&claim.sku).is_some_and(|record| !record.item.inactive)
}

fn is_inactive(state: &State, claim: &Claim) -> bool {
    state.items.get(&claim.sku).is_some_and(|record| record.item.inactive)
}

fn check(request: &ReserveRequest, cx: &Context<'_>) -> Result<(), Refusal> {
    let count = request.claims.len();
    if count == 0 || count > CLAIMS_MAX {
        return Err(Refusal::malformed("lines", format!("are {count}, must be 1 to {CLAIMS_MAX}")));
    }
    let taken: usize = request.takes_over.iter().map(|take| take.claims.len().max(1)).sum();
    if taken > CLAIMS_MAX {
        return Err(Refusal::malformed("takes_over", format!("are {taken}, must be 0 to {CLAIMS_MAX}")));
    }
    if let Some(index) = request.claims.iter().position(|claim| claim.quantity.is_zero()) {
        return Err(Refusal::malformed(&format!("lines[{index}].quantity"), "is 0, must be more"));
    }
    if request.expires_at.is_some_and(|at| at <= cx.at) {
        return Err(Refusal::malformed("ttl_ms", "has passed already"));
    }
    let lowest = request.claims.iter().map(|claim| cx.layout.sku_home(&claim.sku)).min();
    if request.id.home() != cx.partition || lowest != Some(cx.partition) {
        let here = cx.partition;
        return Err(Refusal::malformed("reservation_id", format!("does not have its home in {here}")));
    }
    Ok(())
}

/// The same id again: the same reservation if the same was asked.
fn repeated(
    row: &Reservation,
    request: &ReserveRequest,
    order: Option<OrderId>,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let view: ReservationView = row.view(request.id);
    let claims = summed(&request.claims);
    let own = claims.iter().filter(|claim| cx.layout.sku_home(&claim.sku) == cx.partition);
    let asked_here: Vec<Claim> = row.lines.iter().map(|line| line.claim(line.requested)).collect();
    let differs = if row.mode != request.mode {
        Some("mode")
    } else if !own.eq(asked_here.iter()) || row.chain != chain_of(&claims, request.id, &cx.layout) {
        Some("lines")
    } else if order.is_some() && view.order != order {
        Some("order_id")
    } else {
        None
    };
    match differs {
        Some(field) => Err(Refusal::ReservationDiffers { id: request.id, field }),
        None => Ok(Decision::nothing(Answer::Reservation(view))),
    }
}
