//! Decisions and comparisons of policies.

use super::network::kind;
use super::policy::fallback;
use super::{minor, plan, point, time, window};
use crate::decisions::Then;
use waybill_proto::fulfillment::v1 as proto;
use waybill_sourcing::decision::{Explained, NodeSeen, Record, Shipment, Standing};
use waybill_sourcing::{Network, Recount};
use waybill_types::Currency;
use waybill_types::exchange::{Delivery, Plan, PlanLine};
use waybill_types::network::NodeKind;

/// A decision with what was counted again; the caller fills in what the checker found and how many bytes are kept.
pub(crate) fn decision(record: &Record, shown: &Explained, currency: Currency) -> proto::SourcingDecision {
    proto::SourcingDecision {
        order_id: record.asked_for.order.to_string(),
        attempt: record.asked_for.attempt,
        plan_time: Some(time(record.now)),
        channel: record.channel.as_ref().map(ToString::to_string).unwrap_or_default(),
        zone_id: record.zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        lines: record.lines.iter().map(line).collect(),
        plan: Some(plan::plan(&record.plan, currency)),
        shipments: shown.shipments.iter().map(|one| shipment(one, currency)).collect(),
        proven: record.is_proven(),
        relaxed: shown.relaxed.iter().map(|step| fallback(*step).into()).collect(),
        next_best: shown
            .next
            .iter()
            .map(|other| proto::PlanAlternative {
                plan: Some(plan::plan(&other.plan, currency)),
                extra_cost: Some(minor(currency, other.extra_minor)),
            })
            .collect(),
        standings: shown
            .counts
            .iter()
            .map(|(stood, count)| proto::StandingCount { standing: standing(*stood).into(), count: *count })
            .collect(),
        nodes: shown.nodes.iter().map(node).collect(),
        inputs_whole: record.whole,
        repeats: shown.repeats,
        findings: Vec::new(),
        excluded_node_ids: record.excluded.iter().map(ToString::to_string).collect(),
        kept_bytes: 0,
        line_values: Vec::new(),
        bound_check: proto::BoundCheck::NotKept.into(),
    }
}

/// What units are worth, and whether the bound was counted again from that.
pub(crate) fn values(record: &Record, then: &Then) -> (Vec<proto::LineValue>, proto::BoundCheck) {
    let currency = then.policy.policy.currency;
    let values = record.line_values(&then.network, &then.policy).into_iter().map(|(line, value)| {
        proto::LineValue { line_number: line.0.into(), value: Some(minor(currency, value)) }
    });
    let check = match record.recount(&then.network, &then.policy) {
        Some(Recount::Holds) => proto::BoundCheck::Holds,
        Some(Recount::Open) => proto::BoundCheck::Open,
        Some(Recount::Cheaper(_)) => proto::BoundCheck::Wrong,
        None => proto::BoundCheck::NotKept,
    };
    (values.collect(), check)
}

fn line(line: &PlanLine) -> proto::BasketLine {
    let (method, pickup_node_id) = match &line.delivery {
        Delivery::Ship => (proto::DeliveryMethod::ShipHome, String::new()),
        Delivery::Pickup(node) => (proto::DeliveryMethod::Pickup, node.to_string()),
    };
    proto::BasketLine {
        line_number: line.line.0.into(),
        sku: line.sku.to_string(),
        quantity: line.quantity.as_i64(),
        delivery_method: method.into(),
        pickup_node_id,
        owner: line.owner.to_string(),
    }
}

fn shipment(one: &Shipment, currency: Currency) -> proto::DecisionShipment {
    let units = one.units.iter().map(|(line, quantity)| proto::DecisionUnits {
        line_number: line.0.into(),
        quantity: quantity.as_i64(),
    });
    proto::DecisionShipment {
        node_id: one.node.to_string(),
        kind: kind(one.kind).into(),
        location: one.point.map(point),
        carrier_service: one.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        units: units.collect(),
        ship_by_time: Some(time(one.ship_by)),
        promise: Some(window(one.promise)),
        cost: Some(minor(currency, one.cost_minor)),
    }
}

fn node(seen: &NodeSeen) -> proto::NodeStanding {
    proto::NodeStanding {
        node_id: seen.node.to_string(),
        kind: kind(seen.kind).into(),
        location: seen.point.map(point),
        useful_units: seen.useful_units,
        standing: standing(seen.standing).into(),
    }
}

fn standing(standing: Standing) -> proto::Standing {
    match standing {
        Standing::Chosen => proto::Standing::Chosen,
        Standing::NotCheaper => proto::Standing::NotCheaper,
        Standing::Inactive => proto::Standing::Inactive,
        Standing::Excluded => proto::Standing::Excluded,
        Standing::NotServed => proto::Standing::NotServed,
        Standing::KeptBack => proto::Standing::KeptBack,
        Standing::NoLane => proto::Standing::NoLane,
        Standing::NeverArrives => proto::Standing::NeverArrives,
        Standing::TooFew => proto::Standing::TooFew,
        Standing::FetchedElsewhere => proto::Standing::FetchedElsewhere,
    }
}

/// Cost terms that are paid to somebody; the others are what the policy weighs.
const PAID: [&str; 4] = ["parcel", "carriage", "handling", "pick"];

/// A plan of a decision in figures. Units are whole ones: goods sold by the metre do not outweigh pieces.
pub(crate) fn figures(
    record: &Record,
    plan: &Plan,
    network: &Network,
    currency: Currency,
) -> proto::PlanFigures {
    let mut shipments: Vec<_> = plan.assignments.iter().filter(|part| part.service.is_some()).collect();
    shipments.sort_by_key(|part| &part.node);
    shipments.dedup_by_key(|part| &part.node);
    let of_kind = |wanted: NodeKind| {
        let parts = plan
            .assignments
            .iter()
            .filter(|part| network.node(&part.node).is_some_and(|node| node.kind == wanted));
        let units = parts.map(|part| record.whole_units(part.line, part.quantity)).sum();
        proto::KindUnits { kind: kind(wanted).into(), units }
    };
    let kinds = [NodeKind::Store, NodeKind::LocalWarehouse, NodeKind::CentralWarehouse, NodeKind::Supplier];
    let paid = plan.cost.iter().filter(|term| PAID.contains(&term.name.as_str()));
    proto::PlanFigures {
        cost: Some(minor(currency, plan.cost_minor())),
        shipments: shipments.len() as u32,
        unserved_units: plan
            .unplanned
            .iter()
            .map(|missing| record.whole_units(missing.line, missing.quantity))
            .sum(),
        promise_latest: plan.assignments.iter().map(|part| part.promise.latest).max().map(time),
        units: kinds.map(of_kind).into_iter().filter(|units| units.units > 0).collect(),
        paid_cost: Some(minor(currency, paid.map(|term| term.minor).sum())),
    }
}
