//! Sourcing policies and how they came into force.

use super::network::kind;
use super::time;
use waybill_fulfillment::PolicyFacts;
use waybill_proto::fulfillment::v1 as proto;
use waybill_types::network::{Completeness, FallbackStep, LocalDay, NodeSet, Policy, Rules, Terms, When};

pub(crate) fn policy(policy: &Policy) -> proto::SourcingPolicy {
    let none = Rules::default();
    let rules = policy.rules.as_deref().unwrap_or(&none);
    let no_terms = Terms::default();
    let terms = rules.terms.as_deref().unwrap_or(&no_terms);
    let cost = |kind_of, cost_minor| proto::NodeKindCost { kind: kind(kind_of).into(), cost_minor };
    proto::SourcingPolicy {
        currency_code: policy.currency.as_str().to_owned(),
        backorder_cost_minor: policy.backorder_cost_minor,
        split_penalty_minor: policy.split_penalty_minor,
        lateness_cost_minor_per_day: policy.lateness_cost_minor_per_day,
        shipments_max: policy.shipments_max.into(),
        kind_costs: policy.kind_costs.iter().map(|row| cost(row.kind, row.minor)).collect(),
        name: rules.name.to_string(),
        serve_rules: rules
            .serves
            .iter()
            .map(|rule| proto::ServeRule {
                when: when(&rule.when),
                nodes: nodes(&rule.nodes),
                excluded: !rule.serves,
            })
            .collect(),
        buffers: rules
            .buffers
            .iter()
            .map(|buffer| proto::StockBuffer {
                when: when(&buffer.when),
                nodes: nodes(&buffer.nodes),
                keep_units: buffer.keep_units,
                keep_percent: buffer.keep_percent.into(),
            })
            .collect(),
        preferences: rules
            .preferences
            .iter()
            .map(|preference| proto::KindPreference {
                when: when(&preference.when),
                kind: kind(preference.kind).into(),
                cost_minor: preference.minor,
            })
            .collect(),
        split_limits: rules
            .splits
            .iter()
            .map(|limit| proto::SplitLimit {
                when: when(&limit.when),
                shipments_max: limit.shipments_max.into(),
            })
            .collect(),
        fallback: rules.fallback.iter().map(|step| fallback(*step).into()).collect(),
        unit_prices: terms
            .prices
            .iter()
            .map(|price| proto::UnitPrice {
                when: when(&price.when),
                nodes: nodes(&price.nodes),
                skus: price.skus.iter().map(ToString::to_string).collect(),
                cost_minor: price.minor,
                from_date: date(price.from_day),
                until_date: date(price.until_day),
            })
            .collect(),
        complete_rules: terms
            .complete
            .iter()
            .map(|rule| proto::CompleteRule {
                when: when(&rule.when),
                completeness: completeness(rule.how).into(),
            })
            .collect(),
        together_rules: terms
            .together
            .iter()
            .map(|rule| proto::TogetherRule { when: when(&rule.when) })
            .collect(),
    }
}

/// Empty where there is none.
fn date(day: Option<LocalDay>) -> String {
    day.map(waybill_sourcing::day_text).unwrap_or_default()
}

fn completeness(how: Completeness) -> proto::Completeness {
    match how {
        Completeness::Apart => proto::Completeness::Apart,
        Completeness::OneNode => proto::Completeness::OneNode,
        Completeness::OneDay => proto::Completeness::OneDay,
    }
}

/// Absent where it holds always.
fn when(when: &When) -> Option<proto::SourcingCase> {
    (*when != When::default()).then(|| proto::SourcingCase {
        channels: when.channels.iter().map(ToString::to_string).collect(),
        zone_ids: when.zones.iter().map(ToString::to_string).collect(),
        sku_classes: when.classes.iter().map(ToString::to_string).collect(),
    })
}

/// Absent where it is every node.
fn nodes(set: &NodeSet) -> Option<proto::NodeSet> {
    (*set != NodeSet::default()).then(|| proto::NodeSet {
        kinds: set.kinds.iter().map(|of| kind(*of).into()).collect(),
        node_ids: set.nodes.iter().map(ToString::to_string).collect(),
    })
}

pub(crate) fn fallback(step: FallbackStep) -> proto::FallbackStep {
    match step {
        FallbackStep::LiftSplitLimits => proto::FallbackStep::LiftSplitLimits,
        FallbackStep::UseBuffers => proto::FallbackStep::UseBuffers,
        FallbackStep::AnyNode => proto::FallbackStep::AnyNode,
        FallbackStep::ShipApart => proto::FallbackStep::ShipApart,
    }
}

/// A version and how it came into force, as far as that is known.
pub(crate) fn version(
    version: u64,
    policy: &Policy,
    facts: Option<&PolicyFacts>,
    in_force: bool,
) -> proto::SourcingPolicyVersion {
    proto::SourcingPolicyVersion {
        version,
        name: policy.rules.as_ref().map(|rules| rules.name.to_string()).unwrap_or_default(),
        set_time: facts.map(|facts| time(facts.at)),
        actor: facts.map(|facts| facts.actor.to_string()).unwrap_or_default(),
        channel: facts.map(|facts| facts.channel.to_string()).unwrap_or_default(),
        reason: facts.map(|facts| facts.reason.to_string()).unwrap_or_default(),
        journal_sequence: facts.map_or(0, |facts| facts.position),
        restored_version: facts.and_then(|facts| facts.restores).unwrap_or(0),
        in_force,
    }
}
