//! Reservations.

use super::stock::claim;
use waybill_inventory::CLAIMS_MAX;
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{list, text};
use waybill_types::exchange::{Claim, ReserveMode};
use waybill_types::{HoldId, OrderId, ReservationId};

/// The longest a hold may last: 30 days.
const TTL_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// A reservation that is asked for.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Demand of one position summed, by position.
    pub(crate) claims: Vec<Claim>,
    /// The positions in the order they were asked.
    pub(crate) mode: ReserveMode,
    /// The claimant's own name for it.
    pub(crate) hold: Option<HoldId>,
    /// How long it is held, for a hold.
    pub(crate) ttl_ms: Option<i64>,
    /// Whose it is, for a reservation that is committed at once.
    pub(crate) order: Option<OrderId>,
}

pub(crate) fn asked(fields: &mut Fields, message: &proto::ReserveStockRequest) -> Option<Asked> {
    if message.lines.is_empty() {
        fields.wrong("lines", format!("are none, must be 1 to {CLAIMS_MAX}"));
    }
    let claims = list(fields, "lines", &message.lines, CLAIMS_MAX, claim).and_then(|claims| {
        let summed = summed(claims);
        if summed.is_none() {
            fields.wrong("lines", "ask for more of one position than any position can hold");
        }
        summed
    });
    let mode = mode(fields, message.mode);
    let hold = hold(fields, &message.reservation_id);
    let order = fields.check_unless_empty("order_id", &message.order_id, str::parse);
    let ttl_ms = ttl(fields, message.ttl_ms, !message.order_id.is_empty());
    text(fields, "journey_id", &message.journey_id, 64);
    Some(Asked { claims: claims?, mode: mode?, hold: hold?, ttl_ms: ttl_ms?, order })
}

/// Demand of one position summed; `None` when that is beyond any quantity.
fn summed(mut claims: Vec<Claim>) -> Option<Vec<Claim>> {
    claims.sort_unstable();
    let mut sums: Vec<Claim> = Vec::with_capacity(claims.len());
    for claim in claims {
        match sums.last_mut() {
            Some(last) if waybill_inventory::reservation::at_same_place(last, &claim) => {
                last.quantity = last.quantity.checked_add(claim.quantity)?;
            }
            Some(_) | None => sums.push(claim),
        }
    }
    Some(sums)
}

fn mode(fields: &mut Fields, mode: i32) -> Option<ReserveMode> {
    match proto::ReserveMode::try_from(mode) {
        Ok(proto::ReserveMode::Unspecified | proto::ReserveMode::AllOrNothing) => {
            Some(ReserveMode::AllOrNothing)
        }
        Ok(proto::ReserveMode::BestEffort) => Some(ReserveMode::BestEffort),
        Err(_) => {
            fields.wrong("mode", format!("is {mode}, which is no mode"));
            None
        }
    }
}

/// The claimant's name: `Some(None)` where the engine is to make one.
fn hold(fields: &mut Fields, text: &str) -> Option<Option<HoldId>> {
    if text.is_empty() {
        return Some(None);
    }
    // The id's own parser knows the digits.
    match format!("H00-{text}").parse() {
        Ok(ReservationId::Hold { hold, .. }) => Some(Some(hold)),
        Ok(ReservationId::Order { .. }) | Err(_) => {
            fields.wrong("reservation_id", "must be empty or 32 lower-case hexadecimal digits");
            None
        }
    }
}

fn ttl(fields: &mut Fields, ttl_ms: i64, for_order: bool) -> Option<Option<i64>> {
    match (ttl_ms, for_order) {
        (0, true) => Some(None),
        (1..=TTL_MS_MAX, false) => Some(Some(ttl_ms)),
        (0, false) => {
            fields.wrong("ttl_ms", "is 0, which needs an order_id: a hold must end");
            None
        }
        (_, true) => {
            fields.wrong("ttl_ms", format!("is {ttl_ms}, must be 0 with an order_id: it does not lapse"));
            None
        }
        (_, false) => {
            fields.wrong("ttl_ms", format!("is {ttl_ms}, must be 1 to {TTL_MS_MAX}"));
            None
        }
    }
}

/// The id of a reservation that exists.
pub(crate) fn id(fields: &mut Fields, text: &str, layout: &waybill_types::Layout) -> Option<ReservationId> {
    let id = fields.check("reservation_id", text.parse::<ReservationId>())?;
    if u16::from(id.home().index) >= layout.inventory {
        fields.wrong("reservation_id", format!("names partition {}, which does not exist", id.home().index));
        return None;
    }
    Some(id)
}

/// What of a reservation: `Some(None)` is all that is left.
pub(crate) fn some_lines(fields: &mut Fields, lines: &[proto::StockQuantity]) -> Option<Option<Vec<Claim>>> {
    if lines.is_empty() {
        return Some(None);
    }
    let claims = list(fields, "lines", lines, CLAIMS_MAX, claim)?;
    let summed = summed(claims);
    if summed.is_none() {
        fields.wrong("lines", "ask for more of one position than any position can hold");
    }
    summed.map(Some)
}
