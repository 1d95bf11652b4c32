//! An order as everybody may see it. Personal data is put in only where it was opened for the caller.

use super::amendment::{amendment, hold};
use super::back::back;
use super::{attributes, bucket, money, status, time, window};
use waybill_orders::content::{Backorder, Line, OrderContent};
use waybill_orders::order::{Attempt, AttemptState, Ending, LineState, WorkRef, WorkState};
use waybill_orders::units::Bucket;
use waybill_orders::{Opening, Order, Stage, order_money};
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::Person;
use waybill_types::exchange::{Delivery, Shortage};
use waybill_types::{Currency, LineNo, OrderId, Quantity};

/// The whole order. `person` is `None` where there is none, it was erased, or the caller may not see it.
pub(crate) fn order(id: OrderId, opening: &Opening, order: &Order, person: Option<&Person>) -> proto::Order {
    let content = order.content(opening);
    let currency = content.amounts.currency;
    let span = waybill_orders::status::span(order);
    let lines = content.numbered().zip(&order.lines);
    proto::Order {
        order_id: id.to_string(),
        revision: order.revision,
        channel: content.channel.to_string(),
        external_order_number: content.external.to_string(),
        status: status(waybill_orders::status(order)).into(),
        least_advanced: span.map_or(proto::UnitBucket::Unspecified, |(least, _)| bucket(least)).into(),
        most_advanced: span.map_or(proto::UnitBucket::Unspecified, |(_, most)| bucket(most)).into(),
        lines: lines.map(|((no, ordered), state)| line(content, order, no, ordered, state)).collect(),
        amounts: Some(proto::OrderAmounts {
            shipping: Some(money(currency, content.amounts.shipping)),
            discount: Some(money(currency, content.amounts.discount)),
            tax: Some(money(currency, content.amounts.tax)),
            total: Some(money(currency, content.amounts.total)),
            tax_included: content.amounts.tax_included,
        }),
        fulfillment_orders: order.works.iter().map(work).collect(),
        promise: order.promise().map(window),
        attempts: order.attempts.iter().map(attempt).collect(),
        place_time: Some(time(content.placed_at)),
        update_time: Some(time(order.updated_at)),
        customer_id: content.customer.as_ref().map(ToString::to_string).unwrap_or_default(),
        contact: person.and_then(contact),
        ship_to: person.and_then(address),
        gift_note: person.map(|person| person.gift_note.clone()).unwrap_or_default(),
        erased: order.erased,
        custom_attributes: attributes(&content.attributes),
        release_time: content.release_at.map(time),
        requested: content.requested.map(|requested| common::TimeRange {
            earliest: requested.earliest.map(time),
            latest: requested.latest.map(time),
        }),
        backorder_policy: match content.backorder {
            Backorder::Allow => proto::BackorderPolicy::Allow.into(),
            Backorder::Forbid => proto::BackorderPolicy::Forbid.into(),
        },
        priority: content.priority.into(),
        journey_id: content.journey.as_ref().map(ToString::to_string).unwrap_or_default(),
        end_reason: end_reason(order),
        amendments: order.amendments.iter().map(amendment).collect(),
        holds: order.holds.iter().map(hold).collect(),
        returns: order.returns.iter().map(|some| back(id, currency, some)).collect(),
        totals: Some(totals(content, order)),
    }
}

fn totals(content: &OrderContent, order: &Order) -> proto::OrderTotals {
    let totals = order_money(content, order);
    let shown = |minor| Some(money(content.amounts.currency, minor));
    proto::OrderTotals {
        ordered: shown(totals.ordered),
        cancelled: shown(totals.cancelled),
        returned: shown(totals.returned),
        due: shown(totals.due),
        refunded: shown(totals.refunded),
    }
}

/// The order in a list.
pub(crate) fn summary(
    id: OrderId,
    opening: &Opening,
    order: &Order,
    person: Option<&Person>,
) -> proto::OrderSummary {
    let content = order.content(opening);
    proto::OrderSummary {
        order_id: id.to_string(),
        revision: order.revision,
        channel: content.channel.to_string(),
        external_order_number: content.external.to_string(),
        status: status(waybill_orders::status(order)).into(),
        place_time: Some(time(content.placed_at)),
        total: Some(money(content.amounts.currency, content.amounts.total)),
        line_count: content.lines.len() as u32,
        customer_id: content.customer.as_ref().map(ToString::to_string).unwrap_or_default(),
        customer_name: person.map(|person| person.name.clone()).unwrap_or_default(),
        promise: order.promise().map(window),
    }
}

fn end_reason(order: &Order) -> String {
    match &order.stage {
        Stage::Refused(why) => {
            let cause = why.unserved.first().map_or("not_served", |unserved| unserved.reason.name());
            cause.to_owned()
        }
        Stage::Pending { .. } | Stage::Standing => String::new(),
    }
}

fn contact(person: &Person) -> Option<common::Contact> {
    let contact = common::Contact {
        name: person.name.clone(),
        phone: person.phone.clone(),
        email: person.email.clone(),
        member_card: person.member_card.clone(),
        social_id: person.social_id.clone(),
    };
    (contact != common::Contact::default()).then_some(contact)
}

fn address(person: &Person) -> Option<common::Address> {
    let address = person.address.as_ref()?;
    Some(common::Address {
        name: address.name.clone(),
        company: address.company.clone(),
        street_lines: address.street_lines.clone(),
        city: address.city.clone(),
        region: address.region.clone(),
        postal_code: address.postal_code.clone(),
        country_code: address.country_code.clone(),
        location: address.point.map(|(lat, lon)| common::GeoPoint {
            latitude_degrees_e6: lat.into(),
            longitude_degrees_e6: lon.into(),
        }),
        phone: address.phone.clone(),
    })
}

fn line(
    content: &OrderContent,
    order: &Order,
    number: LineNo,
    line: &Line,
    state: &LineState,
) -> proto::OrderLine {
    let currency = content.amounts.currency;
    let (method, pickup_node_id) = match &line.delivery {
        Delivery::Ship => (proto::DeliveryMethod::ShipHome, String::new()),
        Delivery::Pickup(node) => (proto::DeliveryMethod::Pickup, node.to_string()),
    };
    proto::OrderLine {
        line_number: number.0.into(),
        external_line_id: line.external.to_string(),
        sku: line.sku.to_string(),
        quantity: line.quantity.as_i64(),
        quantity_scale: line.scale.into(),
        buckets: Some(buckets(state)),
        cancel_requested: state.cancel_requested.as_i64(),
        delivery_method: method.into(),
        pickup_node_id,
        amounts: Some(amounts(line, currency)),
        unit_shares: line
            .shares
            .iter()
            .map(|share| proto::UnitShare {
                unit_count: share.count as i64,
                subtotal_minor_units: share.subtotal,
                discount_minor_units: share.discount,
                tax_minor_units: share.tax,
                shipping_minor_units: share.shipping,
                total_minor_units: share.total(content.amounts.tax_included),
            })
            .collect(),
        owner: line.owner.to_string(),
        custom_attributes: attributes(&line.attributes),
        promise: order.line_promise(number).map(window),
        substitute_skus: line.substitutes.iter().map(ToString::to_string).collect(),
        backorder_cause: state.waits.map(|waits| waits.reason.name().to_owned()).unwrap_or_default(),
    }
}

fn amounts(line: &Line, currency: Currency) -> proto::LineAmounts {
    proto::LineAmounts {
        unit_price: Some(money(currency, line.amounts.unit_price)),
        subtotal: Some(money(currency, line.amounts.subtotal)),
        discount: Some(money(currency, line.amounts.discount)),
        tax: Some(money(currency, line.amounts.tax)),
        total: Some(money(currency, line.amounts.total)),
    }
}

fn buckets(state: &LineState) -> proto::UnitBuckets {
    let units = |bucket: Bucket| state.buckets.get(bucket).as_i64();
    proto::UnitBuckets {
        open: units(Bucket::Open),
        backordered: units(Bucket::Backordered),
        reserved: units(Bucket::Reserved),
        released: units(Bucket::Released),
        picked: units(Bucket::Picked),
        shipped: units(Bucket::Shipped),
        delivered: units(Bucket::Delivered),
        cancelled: units(Bucket::Cancelled),
        returned: units(Bucket::Returned),
        lost: units(Bucket::Lost),
        refused: units(Bucket::Refused),
        returned_to_sender: units(Bucket::ReturnedToSender),
    }
}

fn work(work: &WorkRef) -> proto::FulfillmentOrderRef {
    let method = match work.service {
        Some(_) => proto::DeliveryMethod::ShipHome,
        None => proto::DeliveryMethod::Pickup,
    };
    proto::FulfillmentOrderRef {
        fulfillment_order_id: work.id.to_string(),
        node_id: work.node.to_string(),
        state: work_state(work.state).into(),
        lines: work
            .lines
            .iter()
            .map(|units| proto::FulfillmentOrderRefLine {
                line_number: units.line.0.into(),
                quantity: units.all().as_i64(),
            })
            .collect(),
        promise: Some(window(work.promise)),
        ship_by_time: Some(time(work.ship_by)),
        delivery_method: method.into(),
        carrier: work.carrier.to_string(),
        tracking_numbers: work.tracking.iter().map(ToString::to_string).collect(),
        attempt: work.attempt,
    }
}

pub(crate) fn work_state(state: WorkState) -> proto::FulfillmentRefState {
    match state {
        WorkState::Assigned | WorkState::Planned => proto::FulfillmentRefState::Planned,
        WorkState::Released => proto::FulfillmentRefState::Released,
        WorkState::Accepted => proto::FulfillmentRefState::Accepted,
        WorkState::Picking => proto::FulfillmentRefState::Picking,
        WorkState::Picked => proto::FulfillmentRefState::Picked,
        WorkState::Packed => proto::FulfillmentRefState::Packed,
        WorkState::Shipped => proto::FulfillmentRefState::Shipped,
        WorkState::Delivered => proto::FulfillmentRefState::Delivered,
        WorkState::ReadyForPickup => proto::FulfillmentRefState::ReadyForPickup,
        WorkState::HandedOver => proto::FulfillmentRefState::HandedOver,
        WorkState::Undelivered => proto::FulfillmentRefState::Undelivered,
        WorkState::NotCollected => proto::FulfillmentRefState::NotCollected,
        WorkState::Cancelled => proto::FulfillmentRefState::Cancelled,
        WorkState::Refused(_) | WorkState::Rejected => proto::FulfillmentRefState::Rejected,
        WorkState::Shorted => proto::FulfillmentRefState::Shorted,
    }
}

fn attempt(attempt: &Attempt) -> proto::SourcingAttempt {
    use proto::SourcingAttemptOutcome as Outcome;
    let zero = Quantity::ZERO;
    let (outcome, planned, short, refusal) = match &attempt.state {
        AttemptState::Adopting(_) | AttemptState::Waiting { .. } | AttemptState::Planning { .. } => {
            (Outcome::Running, zero, zero, String::new())
        }
        AttemptState::Reserving { .. } => (Outcome::Running, attempt.wanted(), zero, String::new()),
        AttemptState::Ended(Ending::Reserved { units, short }) => {
            (Outcome::Reserved, *units, *short, String::new())
        }
        AttemptState::Ended(Ending::Refused(shortages)) => (Outcome::Refused, zero, zero, words(shortages)),
        AttemptState::Ended(Ending::NothingFound { short }) => {
            (Outcome::NothingFound, zero, *short, String::new())
        }
        AttemptState::Ended(Ending::Cancelled) => (Outcome::Cancelled, zero, zero, String::new()),
    };
    proto::SourcingAttempt {
        attempt: attempt.number,
        outcome: outcome.into(),
        planned_quantity: planned.as_i64(),
        short_quantity: short.as_i64(),
        start_time: Some(time(attempt.started_at)),
        refusal,
    }
}

/// What inventory refused, in words.
pub(crate) fn words(shortages: &[Shortage]) -> String {
    let one = |shortage: &Shortage| {
        let Shortage { asked, available } = shortage;
        format!("{} of {} asked at {}, {available} there", asked.quantity, asked.sku, asked.node)
    };
    shortages.iter().take(10).map(one).collect::<Vec<_>>().join("; ")
}
