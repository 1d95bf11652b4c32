//! Outlooks.

use super::decision::figures;
use super::{minor, time, window};
use waybill_proto::fulfillment::v1 as proto;
use waybill_sourcing::Network;
use waybill_sourcing::decision::Record;
use waybill_sourcing::outlook::{Beyond, Leg, Means, Outlook};
use waybill_types::{Currency, NodeId};

pub(crate) fn outlook(
    record: &Record,
    was: proto::PlanFigures,
    found: &Outlook,
    network: &Network,
    currency: Currency,
) -> proto::SourcingOutlook {
    let unserved = found.unserved.iter().map(|(line, quantity)| proto::DecisionUnits {
        line_number: line.0.into(),
        quantity: quantity.as_i64(),
    });
    proto::SourcingOutlook {
        order_id: record.asked_for.order.to_string(),
        attempt: record.asked_for.attempt,
        plan_time: Some(time(record.now)),
        was: Some(was),
        would_be: Some(figures(record, &found.plan, network, currency)),
        legs: found.legs.iter().map(|one| leg(one, currency)).collect(),
        unserved: unserved.collect(),
        total_cost: Some(minor(currency, found.cost_minor)),
        lower_bound: found.lower_bound_minor.map(|bound| minor(currency, bound)),
        beyond: found.beyond().into_iter().map(|one| beyond(one).into()).collect(),
    }
}

fn leg(one: &Leg, currency: Currency) -> proto::OutlookLeg {
    let names = |nodes: &[NodeId]| nodes.iter().map(ToString::to_string).collect();
    let (service, over, hub) = match &one.means {
        Means::Parcel(service) => (service.to_string(), Vec::new(), String::new()),
        Means::Counter | Means::Backorder => Default::default(),
        Means::Transfer(over) => (String::new(), names(over), String::new()),
        Means::Merge { hub, over, service } => (service.to_string(), names(over), hub.to_string()),
    };
    let units = one.parts.iter().map(|part| proto::OutlookUnits {
        line_number: part.line.0.into(),
        sku: part.sku.to_string(),
        quantity: part.quantity.as_i64(),
    });
    proto::OutlookLeg {
        node_id: one.node.as_ref().map(ToString::to_string).unwrap_or_default(),
        carrier_service: service,
        over_node_ids: over,
        hub_node_id: hub,
        units: units.collect(),
        ready_time: Some(time(one.ready)),
        promise: Some(window(one.promise)),
        cost: Some(minor(currency, one.cost_minor)),
        beyond: one.beyond.iter().map(|one| beyond(*one).into()).collect(),
    }
}

fn beyond(one: Beyond) -> proto::Beyond {
    match one {
        Beyond::DatedSupply => proto::Beyond::DatedSupply,
        Beyond::Transfer => proto::Beyond::Transfer,
        Beyond::Merge => proto::Beyond::Merge,
        Beyond::Substitute => proto::Beyond::Substitute,
        Beyond::Bundle => proto::Beyond::Bundle,
        Beyond::Backorder => proto::Beyond::Backorder,
    }
}
