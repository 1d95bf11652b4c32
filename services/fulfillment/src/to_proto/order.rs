//! Fulfilment orders.

use super::{time, window};
use waybill_fulfillment::{Ask, FulfillmentOrder, Package, Substitute, WorkState};
use waybill_proto::fulfillment::v1 as proto;
use waybill_types::Timestamp;
use waybill_types::exchange::{LineUnits, WorkDestination};

pub(crate) fn order(order: &FulfillmentOrder) -> proto::FulfillmentOrder {
    let work = &order.work;
    let (method, carrier_service) = match &work.destination {
        WorkDestination::Ship(service) => (proto::DeliveryMethod::ShipHome, service.to_string()),
        WorkDestination::Pickup => (proto::DeliveryMethod::Pickup, String::new()),
    };
    let lines = order.lines().map(|(line, progress)| proto::FulfillmentLine {
        line_number: line.line.0.into(),
        external_line_id: line.external_line.to_string(),
        sku: line.sku.to_string(),
        owner: line.owner.to_string(),
        quantity: progress.live(line.quantity).as_i64(),
        picked: progress.picked.as_i64(),
        shorted: progress.shorted.as_i64(),
        shipped: progress.shipped.as_i64(),
        cancelled: progress.cancelled.as_i64(),
        substituted: progress.substitutes.iter().map(substituted).collect(),
        returned: progress.returned.as_i64(),
    });
    proto::FulfillmentOrder {
        fulfillment_order_id: work.id.to_string(),
        revision: order.revision,
        node_id: work.node.to_string(),
        order_id: work.order.to_string(),
        external_order_number: work.external.to_string(),
        channel: work.channel.to_string(),
        state: state(&order.state).into(),
        lines: lines.collect(),
        delivery_method: method.into(),
        ship_by_time: Some(time(work.ship_by)),
        promise: Some(window(work.promise)),
        carrier_service,
        parcels: order.state.packages().iter().map(parcel).collect(),
        end_reason: end_reason(&order.state),
        create_time: Some(time(order.created_at)),
        update_time: Some(time(order.updated_at)),
        last_instruction_number: order.last_instruction,
        pickup_by_time: pickup_by(&order.state).map(time),
        cancel_asks: order.asks.iter().map(ask).collect(),
    }
}

fn substituted(substitute: &Substitute) -> proto::SubstitutedUnits {
    proto::SubstitutedUnits { sku: substitute.sku.to_string(), quantity: substitute.quantity.as_i64() }
}

fn ask(ask: &Ask) -> proto::CancelAsk {
    let units = ask.units.iter().map(contents);
    let answer_by_time = Some(time(ask.answer_by));
    proto::CancelAsk { units: units.collect(), answer_by_time, reason: ask.reason.to_string() }
}

fn contents(units: &LineUnits) -> proto::ParcelContent {
    proto::ParcelContent { line_number: units.line.0.into(), quantity: units.quantity.as_i64() }
}

pub(crate) fn state(state: &WorkState) -> proto::FulfillmentOrderState {
    match state {
        WorkState::Planned => proto::FulfillmentOrderState::Planned,
        WorkState::Released => proto::FulfillmentOrderState::Released,
        WorkState::Accepted => proto::FulfillmentOrderState::Accepted,
        WorkState::Picking => proto::FulfillmentOrderState::Picking,
        WorkState::Picked => proto::FulfillmentOrderState::Picked,
        WorkState::Packed { .. } => proto::FulfillmentOrderState::Packed,
        WorkState::Shipped { .. } => proto::FulfillmentOrderState::Shipped,
        WorkState::Delivered { .. } => proto::FulfillmentOrderState::Delivered,
        WorkState::ReadyForPickup { .. } => proto::FulfillmentOrderState::ReadyForPickup,
        WorkState::HandedOver { .. } => proto::FulfillmentOrderState::HandedOver,
        WorkState::Cancelled { .. } => proto::FulfillmentOrderState::Cancelled,
        WorkState::Rejected { .. } => proto::FulfillmentOrderState::Rejected,
        WorkState::Shorted { .. } => proto::FulfillmentOrderState::Shorted,
        WorkState::Undelivered { .. } => proto::FulfillmentOrderState::Undelivered,
        WorkState::NotCollected { .. } => proto::FulfillmentOrderState::NotCollected,
    }
}

fn end_reason(state: &WorkState) -> String {
    match state {
        WorkState::Cancelled { reason }
        | WorkState::Shorted { reason }
        | WorkState::NotCollected { reason } => reason.to_string(),
        WorkState::Rejected { kind, reason } if reason.as_str().is_empty() => kind.name().to_owned(),
        WorkState::Rejected { kind, reason } => format!("{}: {reason}", kind.name()),
        WorkState::Planned
        | WorkState::Released
        | WorkState::Accepted
        | WorkState::Picking
        | WorkState::Picked
        | WorkState::Packed { .. }
        | WorkState::Shipped { .. }
        | WorkState::Delivered { .. }
        | WorkState::ReadyForPickup { .. }
        | WorkState::HandedOver { .. }
        | WorkState::Undelivered { .. } => String::new(),
    }
}

fn pickup_by(state: &WorkState) -> Option<Timestamp> {
    match state {
        WorkState::ReadyForPickup { until, .. } => Some(*until),
        _ => None,
    }
}

fn parcel(package: &Package) -> proto::Parcel {
    let contents = package.parcel.lines.iter().map(contents);
    proto::Parcel {
        parcel_id: package.parcel.number.to_string(),
        contents: contents.collect(),
        weight_g: i64::try_from(package.weight_g).unwrap_or(i64::MAX),
        carrier: package.parcel.carrier.to_string(),
        tracking_number: package.parcel.tracking.to_string(),
        tracking_url: package.tracking_url.to_string(),
    }
}
