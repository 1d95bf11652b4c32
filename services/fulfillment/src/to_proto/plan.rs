//! Plans and promise options.

use super::{minor, time, window};
use waybill_proto::fulfillment::v1 as proto;
use waybill_types::Currency;
use waybill_types::exchange::{Assignment, Plan, PlanStamp, PromiseWindow, Unplanned, UnplannedReason};

/// `currency` is that of the policy the plan was made by.
pub(crate) fn plan(plan: &Plan, currency: Currency) -> proto::SourcingPlan {
    let terms = plan
        .cost
        .iter()
        .map(|term| proto::CostTerm { name: term.name.to_string(), cost: Some(minor(currency, term.minor)) });
    proto::SourcingPlan {
        assignments: plan.assignments.iter().map(assignment).collect(),
        unplanned: plan.unplanned.iter().map(unplanned).collect(),
        cost_terms: terms.collect(),
        total_cost: Some(minor(currency, plan.cost_minor())),
        lower_bound: Some(minor(currency, plan.lower_bound_minor)),
        promise: promise(&plan.assignments).map(window),
        stamp: Some(stamp(plan.stamp)),
    }
}

pub(crate) fn stamp(stamp: PlanStamp) -> proto::PlanStamp {
    proto::PlanStamp {
        network_version: stamp.network,
        policy_version: stamp.policy,
        availability_version: stamp.mirror,
    }
}

/// The dates over all assignments.
fn promise(assignments: &[Assignment]) -> Option<PromiseWindow> {
    let earliest = assignments.iter().map(|assignment| assignment.promise.earliest).min()?;
    let latest = assignments.iter().map(|assignment| assignment.promise.latest).max()?;
    Some(PromiseWindow { earliest, latest })
}

pub(crate) fn assignment(assignment: &Assignment) -> proto::Assignment {
    proto::Assignment {
        line_number: assignment.line.0.into(),
        node_id: assignment.node.to_string(),
        quantity: assignment.quantity.as_i64(),
        carrier_service: assignment.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        ship_by_time: Some(time(assignment.ship_by)),
        promise: Some(window(assignment.promise)),
        ship_date: assignment.ship_day.map(waybill_sourcing::day_text).unwrap_or_default(),
    }
}

pub(crate) fn unplanned(units: &Unplanned) -> proto::UnplannedUnits {
    proto::UnplannedUnits {
        line_number: units.line.0.into(),
        quantity: units.quantity.as_i64(),
        reason: reason(units.reason).into(),
    }
}

pub(crate) fn reason(reason: UnplannedReason) -> proto::UnplannedReason {
    match reason {
        UnplannedReason::NoStock => proto::UnplannedReason::NoStock,
        UnplannedReason::NoRoute => proto::UnplannedReason::NoRoute,
        UnplannedReason::NoPickup => proto::UnplannedReason::NoPickup,
    }
}
