//! Sourcing policies.

use super::node::kind;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_types::network::{
    Buffer, CompleteRule, Completeness, FallbackStep, KindCost, LocalDay, NodeSet, Policy, Preference, Rules,
    ServeRule, SplitLimit, Terms, TogetherRule, UnitPrice, When,
};
use waybill_types::{Channel, Currency, Invalid, NodeId, Sku, Text, ZoneId};

/// The policy. Ranges are the document's own business; what has no meaning at all is refused here.
pub(crate) fn policy(fields: &mut Fields, given: &proto::SourcingPolicy) -> Option<Policy> {
    let currency = fields.check("policy.currency_code", Currency::new(&given.currency_code));
    let kind_costs = rows(&given.kind_costs, |index, cost| {
        let kind = kind(fields, &format!("policy.kind_costs[{index}].kind"), cost.kind)?;
        Some(KindCost { kind, minor: cost.cost_minor })
    });
    let rules = rules(fields, given);
    let policy = Policy {
        currency: currency?,
        backorder_cost_minor: given.backorder_cost_minor,
        split_penalty_minor: given.split_penalty_minor,
        lateness_cost_minor_per_day: given.lateness_cost_minor_per_day,
        // What does not fit is out of the document's range, too.
        shipments_max: u16::try_from(given.shipments_max).unwrap_or(u16::MAX),
        kind_costs: kind_costs?,
        rules: rules.map(|rules| (rules != Rules::default()).then(|| Box::new(rules)))?,
    };
    Some(policy)
}

fn rules(fields: &mut Fields, given: &proto::SourcingPolicy) -> Option<Rules> {
    let name = waybill_service_kit::values::text(fields, "policy.name", &given.name, 200);
    let serves = rows(&given.serve_rules, |index, rule| {
        let at = format!("policy.serve_rules[{index}]");
        let when = when(fields, &at, rule.when.as_ref());
        let nodes = nodes(fields, &at, rule.nodes.as_ref());
        Some(ServeRule { when: when?, nodes: nodes?, serves: !rule.excluded })
    });
    let buffers = rows(&given.buffers, |index, buffer| {
        let at = format!("policy.buffers[{index}]");
        let when = when(fields, &at, buffer.when.as_ref());
        let nodes = nodes(fields, &at, buffer.nodes.as_ref());
        let keep_percent = u8::try_from(buffer.keep_percent).unwrap_or(u8::MAX);
        Some(Buffer { when: when?, nodes: nodes?, keep_units: buffer.keep_units, keep_percent })
    });
    let preferences = rows(&given.preferences, |index, preference| {
        let at = format!("policy.preferences[{index}]");
        let when = when(fields, &at, preference.when.as_ref());
        let kind = kind(fields, &format!("{at}.kind"), preference.kind);
        Some(Preference { when: when?, kind: kind?, minor: preference.cost_minor })
    });
    let splits = rows(&given.split_limits, |index, limit| {
        let when = when(fields, &format!("policy.split_limits[{index}]"), limit.when.as_ref());
        let shipments_max = u16::try_from(limit.shipments_max).unwrap_or(u16::MAX);
        Some(SplitLimit { when: when?, shipments_max })
    });
    let fallback = rows(&given.fallback, |index, step| fallback(fields, index, *step));
    let terms = terms(fields, given);
    Some(Rules {
        name: name?,
        serves: serves?,
        buffers: buffers?,
        preferences: preferences?,
        splits: splits?,
        fallback: fallback?,
        terms: terms.map(|terms| (!terms.is_empty()).then(|| Box::new(terms)))?,
    })
}

fn terms(fields: &mut Fields, given: &proto::SourcingPolicy) -> Option<Terms> {
    let prices = rows(&given.unit_prices, |index, price| {
        let at = format!("policy.unit_prices[{index}]");
        let when = when(fields, &at, price.when.as_ref());
        let nodes = nodes(fields, &at, price.nodes.as_ref());
        let skus = names(fields, &format!("{at}.skus"), &price.skus, |name| Sku::new(name));
        let from_day = date(fields, format!("{at}.from_date"), &price.from_date);
        let until_day = date(fields, format!("{at}.until_date"), &price.until_date);
        let (nodes, skus, minor) = (nodes?, skus?, price.cost_minor);
        Some(UnitPrice { when: when?, nodes, skus, minor, from_day: from_day?, until_day: until_day? })
    });
    let complete = rows(&given.complete_rules, |index, rule| {
        let at = format!("policy.complete_rules[{index}]");
        let when = when(fields, &at, rule.when.as_ref());
        let how = match proto::Completeness::try_from(rule.completeness) {
            Ok(proto::Completeness::Apart) => Some(Completeness::Apart),
            Ok(proto::Completeness::OneNode) => Some(Completeness::OneNode),
            Ok(proto::Completeness::OneDay) => Some(Completeness::OneDay),
            Ok(proto::Completeness::Unspecified) | Err(_) => {
                let is = rule.completeness;
                fields.wrong(
                    format!("{at}.completeness"),
                    format!("is {is}, must be APART, ONE_NODE or ONE_DAY"),
                );
                None
            }
        };
        Some(CompleteRule { when: when?, how: how? })
    });
    let together = rows(&given.together_rules, |index, rule| {
        let when = when(fields, &format!("policy.together_rules[{index}]"), rule.when.as_ref());
        Some(TogetherRule { when: when? })
    });
    Some(Terms { prices: prices?, complete: complete?, together: together? })
}

/// A date, or none where the text is empty; `None` where it is neither.
fn date(fields: &mut Fields, at: String, given: &str) -> Option<Option<LocalDay>> {
    if given.is_empty() {
        return Some(None);
    }
    fields.check(at, waybill_sourcing::parse_day(given)).map(Some)
}

/// Every row is looked at, so that everything wrong is found; `None` when one is wrong.
fn rows<P, T>(given: &[P], mut parse: impl FnMut(usize, &P) -> Option<T>) -> Option<Vec<T>> {
    let parsed: Vec<Option<T>> = given.iter().enumerate().map(|(index, row)| parse(index, row)).collect();
    parsed.into_iter().collect()
}

fn names<T>(
    fields: &mut Fields,
    at: &str,
    given: &[String],
    parse: fn(&str) -> Result<T, Invalid>,
) -> Option<Vec<T>> {
    rows(given, |index, name| fields.check(format!("{at}[{index}]"), parse(name)))
}

fn when(fields: &mut Fields, at: &str, given: Option<&proto::SourcingCase>) -> Option<When> {
    let Some(given) = given else { return Some(When::default()) };
    let channels = names(fields, &format!("{at}.when.channels"), &given.channels, |name| Channel::new(name));
    let zones = names(fields, &format!("{at}.when.zone_ids"), &given.zone_ids, |name| ZoneId::new(name));
    let classes = names(fields, &format!("{at}.when.sku_classes"), &given.sku_classes, class);
    Some(When { channels: channels?, zones: zones?, classes: classes? })
}

fn class(name: &str) -> Result<Text, Invalid> {
    if name.is_empty() { Err(Invalid::new("class", "is empty")) } else { Text::new(name) }
}

fn nodes(fields: &mut Fields, at: &str, given: Option<&proto::NodeSet>) -> Option<NodeSet> {
    let Some(given) = given else { return Some(NodeSet::default()) };
    let kinds =
        rows(&given.kinds, |index, given| kind(fields, &format!("{at}.nodes.kinds[{index}]"), *given));
    let named = names(fields, &format!("{at}.nodes.node_ids"), &given.node_ids, |name| NodeId::new(name));
    Some(NodeSet { kinds: kinds?, nodes: named? })
}

fn fallback(fields: &mut Fields, index: usize, given: i32) -> Option<FallbackStep> {
    match proto::FallbackStep::try_from(given) {
        Ok(proto::FallbackStep::LiftSplitLimits) => Some(FallbackStep::LiftSplitLimits),
        Ok(proto::FallbackStep::UseBuffers) => Some(FallbackStep::UseBuffers),
        Ok(proto::FallbackStep::AnyNode) => Some(FallbackStep::AnyNode),
        Ok(proto::FallbackStep::ShipApart) => Some(FallbackStep::ShipApart),
        Ok(proto::FallbackStep::Unspecified) | Err(_) => {
            let why = format!("is {given}, must be LIFT_SPLIT_LIMITS, USE_BUFFERS, ANY_NODE or SHIP_APART");
            fields.wrong(format!("policy.fallback[{index}]"), why);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_proto;

    fn case() -> proto::SourcingCase {
        proto::SourcingCase {
            channels: vec!["web".into()],
            zone_ids: vec!["de".into()],
            sku_classes: vec!["fresh".into()],
        }
    }

    #[test]
    fn a_policy_comes_back_as_it_was_given() {
        let nodes =
            proto::NodeSet { kinds: vec![proto::NodeKind::Store.into()], node_ids: vec!["n1".into()] };
        let without_classes = proto::SourcingCase { sku_classes: Vec::new(), ..case() };
        let given = proto::SourcingPolicy {
            currency_code: "EUR".into(),
            backorder_cost_minor: 5,
            split_penalty_minor: 4,
            lateness_cost_minor_per_day: 3,
            shipments_max: 2,
            kind_costs: vec![proto::NodeKindCost { kind: proto::NodeKind::Supplier.into(), cost_minor: 1 }],
            name: "spring".into(),
            serve_rules: vec![
                proto::ServeRule { when: Some(case()), nodes: Some(nodes.clone()), excluded: true },
                proto::ServeRule { excluded: false, ..Default::default() },
            ],
            buffers: vec![proto::StockBuffer {
                when: Some(case()),
                nodes: Some(nodes),
                keep_units: 7,
                keep_percent: 10,
            }],
            preferences: vec![proto::KindPreference {
                when: Some(without_classes.clone()),
                kind: proto::NodeKind::Store.into(),
                cost_minor: -9,
            }],
            split_limits: vec![proto::SplitLimit { when: Some(without_classes), shipments_max: 1 }],
            fallback: vec![proto::FallbackStep::UseBuffers.into(), proto::FallbackStep::ShipApart.into()],
            unit_prices: vec![proto::UnitPrice {
                when: Some(case()),
                nodes: None,
                skus: vec!["A".into()],
                cost_minor: -250,
                from_date: "2026-12-24".into(),
                until_date: String::new(),
            }],
            complete_rules: vec![proto::CompleteRule {
                when: None,
                completeness: proto::Completeness::OneDay.into(),
            }],
            together_rules: vec![proto::TogetherRule { when: Some(case()) }],
        };
        let mut fields = Fields::new();
        let parsed = policy(&mut fields, &given).unwrap();
        assert!(fields.is_fine());
        assert_eq!(to_proto::policy::policy(&parsed), given);
    }

    #[test]
    fn everything_without_a_meaning_is_named_by_its_path() {
        let given = proto::SourcingPolicy {
            currency_code: "EURO".into(),
            kind_costs: vec![proto::NodeKindCost::default()],
            serve_rules: vec![proto::ServeRule {
                when: Some(proto::SourcingCase { sku_classes: vec![String::new()], ..case() }),
                nodes: Some(proto::NodeSet { kinds: vec![9], node_ids: vec![String::new()] }),
                excluded: true,
            }],
            fallback: vec![0, 77],
            unit_prices: vec![proto::UnitPrice {
                skus: vec![String::new()],
                from_date: "Christmas".into(),
                until_date: "2026-02-30".into(),
                ..Default::default()
            }],
            complete_rules: vec![proto::CompleteRule::default()],
            ..Default::default()
        };
        let mut fields = Fields::new();
        assert!(policy(&mut fields, &given).is_none());
        let Err(waybill_service_kit::DoorError::Malformed(found)) = fields.finish(Some(())) else { panic!() };
        let paths: Vec<&str> = found.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            paths,
            [
                "policy.currency_code",
                "policy.kind_costs[0].kind",
                "policy.serve_rules[0].when.sku_classes[0]",
                "policy.serve_rules[0].nodes.kinds[0]",
                "policy.serve_rules[0].nodes.node_ids[0]",
                "policy.fallback[0]",
                "policy.fallback[1]",
                "policy.unit_prices[0].skus[0]",
                "policy.unit_prices[0].from_date",
                "policy.unit_prices[0].until_date",
                "policy.complete_rules[0].completeness",
            ]
        );
    }
}
