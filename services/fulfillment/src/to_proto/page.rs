//! What product pages are answered.

use super::{minor, network, plan, point, time, window};
use crate::mirror::NetworkView;
use waybill_mirror::Basket;
use waybill_proto::fulfillment::v1 as proto;
use waybill_sourcing::{Availability, Nearby, PromiseOption};
use waybill_types::exchange::{Delivery, PlanRequest, PlanStamp};
use waybill_types::network::Node;
use waybill_types::{Currency, Quantity};

/// What could be promised to the place of a question of one line.
pub(crate) fn place(
    question: &PlanRequest,
    options: &[PromiseOption],
    currency: Currency,
) -> proto::PlacePromise {
    let pickup = question.lines.iter().any(|line| matches!(line.delivery, Delivery::Pickup(_)));
    let delivery_method =
        if pickup { proto::DeliveryMethod::Pickup } else { proto::DeliveryMethod::ShipHome };
    // What even the option that serves most leaves out is served by none.
    let least = options.iter().min_by_key(|option| unserved(option));
    let unserved_reason = least.and_then(|option| option.plan.unplanned.first());
    let serving = options.iter().filter(|option| !option.plan.assignments.is_empty());
    proto::PlacePromise {
        options: serving
            .map(|option| proto::ItemOption {
                delivery_method: delivery_method.into(),
                cost: Some(minor(currency, option.cost_minor)),
                promise: option.promise.map(window),
                assignments: option.plan.assignments.iter().map(plan::assignment).collect(),
                unserved_quantity: unserved(option).as_i64(),
            })
            .collect(),
        unserved_quantity: least.map_or(Quantity::ZERO, unserved).as_i64(),
        unserved_reason: unserved_reason
            .map_or(proto::UnplannedReason::Unspecified, |units| plan::reason(units.reason))
            .into(),
    }
}

fn unserved(option: &PromiseOption) -> Quantity {
    option.plan.unplanned.iter().map(|units| units.quantity).sum()
}

/// What answers over this view and this stock are made from.
pub(crate) fn stamp(view: &NetworkView, basket: &Basket) -> proto::PlanStamp {
    plan::stamp(PlanStamp {
        network: view.network.version(),
        policy: view.policy.version,
        mirror: basket.version(),
    })
}

/// A node near a place.
pub(crate) fn nearby(node: &Node, near: &Nearby) -> proto::NearbyNode {
    proto::NearbyNode {
        node_id: node.id.to_string(),
        kind: network::kind(node.kind).into(),
        name: node.name.to_string(),
        address: node.address.as_ref().map(network::address),
        location: node.point.map(point),
        distance_m: i64::try_from(near.distance_m).unwrap_or(i64::MAX),
        available_quantities: near.available.iter().map(|quantity| quantity.as_i64()).collect(),
        open_now: near.open_now,
        ready_time: Some(time(near.ready)),
    }
}
