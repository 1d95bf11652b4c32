//! Decisions through the door: kept where an order asked, shown, checked, tried under another policy, there after a
//! restart.

use super::policy::operator;
use super::world::{NOON, World, asked, fields, why};
use futures::StreamExt;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::Code;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingService;
use waybill_types::OrderId;

pub(crate) async fn plan(world: &World, number: u64, attempt: u32, excluded: &[&str]) -> proto::SourcingPlan {
    let line = proto::BasketLine {
        sku: "A".into(),
        quantity: 2,
        delivery_method: proto::DeliveryMethod::ShipHome.into(),
        ..Default::default()
    };
    let basket = proto::Basket {
        lines: vec![line],
        destination: Some(proto::Destination { country_code: "DE".into(), ..Default::default() }),
        channel: "web".into(),
        ..Default::default()
    };
    let request = proto::PlanRequest {
        basket: Some(basket),
        excluded_node_ids: excluded.iter().map(|node| (*node).to_owned()).collect(),
        order_id: OrderId::new(0, number).to_string(),
        attempt,
        ..Default::default()
    };
    world.door.plan(asked(request)).await.unwrap().into_inner().plan.unwrap()
}

pub(crate) async fn decision(
    world: &World,
    number: u64,
    attempt: u32,
) -> Result<proto::SourcingDecision, tonic::Status> {
    let order_id = OrderId::new(0, number).to_string();
    let request = proto::GetSourcingDecisionRequest { order_id, attempt };
    Ok(world.door.get_sourcing_decision(asked(request)).await?.into_inner().decision.unwrap())
}

async fn stocked() -> World {
    stock(World::new().await).await
}

pub(crate) async fn stock(world: World) -> World {
    for (number, node) in ["n1", "n2", "n3"].into_iter().enumerate() {
        world.with_node(node).await;
        world.stocked(node, 5, number as u64 + 1);
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_order_was_answered_is_shown_even_after_a_restart() {
    let world = stocked().await;
    let first = plan(&world, 7, 1, &[]).await;
    let second = plan(&world, 7, 2, &["n1"]).await;
    let shown = decision(&world, 7, 1).await.unwrap();
    assert_eq!(shown.plan.as_ref(), Some(&first));
    assert!(shown.proven && shown.repeats && shown.inputs_whole && shown.findings.is_empty(), "{shown:?}");
    assert_eq!((shown.channel.as_str(), shown.zone_id.as_str()), ("web", "de"));
    assert_eq!(shown.bound_check(), proto::BoundCheck::Holds);
    assert_eq!(shown.line_values.len(), 1);
    assert_eq!(shown.shipments[0].node_id, "n1");
    let next: Vec<&str> = shown
        .next_best
        .iter()
        .map(|other| other.plan.as_ref().unwrap().assignments[0].node_id.as_str())
        .collect();
    assert_eq!(next, ["n2", "n3"]);
    assert_eq!(decision(&world, 7, 0).await.unwrap().plan, Some(second), "0 is the last attempt");

    // The network has changed since, and still the decision is shown over the network of then.
    world.with_node("n0").await;
    let world = world.restarted().await;
    let again = decision(&world, 7, 1).await.unwrap();
    assert_eq!(again, shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_decisions_are_checked_and_tried_under_another_policy() {
    let world = stocked().await;
    for number in 1..=3 {
        plan(&world, number, 1, &[]).await;
    }
    let request = proto::VerifySourcingDecisionsRequest::default();
    let nobody = world.door.verify_sourcing_decisions(asked(request.clone())).await.err().unwrap();
    assert_eq!(nobody.code(), Code::PermissionDenied);
    let answers = world.door.verify_sourcing_decisions(operator(request)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    let last = answers.last().unwrap();
    assert_eq!((last.total, last.checked, last.proven, last.gone), (3, 3, 3, 0));
    assert!(last.findings.is_empty() && last.kept_bytes < 3 * 1_024);
    assert_eq!(last.bounds_held, 3, "each bound was counted again from its dual values");

    let get = proto::GetSourcingPolicyRequest::default();
    let policy = world.door.get_sourcing_policy(asked(get)).await.unwrap().into_inner().policy.unwrap();
    let nodes = proto::NodeSet { node_ids: vec!["n1".into(), "n2".into()], ..Default::default() };
    let rule = proto::ServeRule { nodes: Some(nodes), excluded: true, ..Default::default() };
    let policy = proto::SourcingPolicy { serve_rules: vec![rule], ..policy };
    let compare = |order_id: String| proto::CompareSourcingPolicyRequest {
        policy: Some(policy.clone()),
        order_id,
        ..Default::default()
    };
    let nobody = world.door.compare_sourcing_policy(asked(compare(String::new()))).await.err().unwrap();
    assert_eq!(nobody.code(), Code::PermissionDenied);
    let answers = world.door.compare_sourcing_policy(operator(compare(String::new()))).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers.len(), 3);
    let compared = answers[2].comparison.as_ref().unwrap();
    assert_eq!((answers[2].total, answers[2].done), (3, 3));
    let (was, would_be) = (compared.was.as_ref().unwrap(), compared.would_be.as_ref().unwrap());
    assert_eq!((was.shipments, would_be.shipments, would_be.unserved_units), (1, 1, 0));
    let view = world.door.network().view();
    assert_eq!(view.policy.version, 0, "nothing was put in force");

    let rule = proto::CompareSourcingPolicyRequest {
        usual_rule: proto::UsualRule::NearestComplete.into(),
        ..Default::default()
    };
    let answers = world.door.compare_sourcing_policy(operator(rule.clone())).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    let figures = answers[0].comparison.as_ref().unwrap();
    let cost = |plan: &Option<proto::PlanFigures>| {
        plan.as_ref().and_then(|plan| plan.cost.as_ref()).map(|cost| cost.minor_units)
    };
    assert_eq!(answers.len(), 3);
    assert!(cost(&figures.was) <= cost(&figures.would_be), "{figures:?}");
    let both = proto::CompareSourcingPolicyRequest {
        policy: Some(policy.clone()),
        current_network: true,
        ..rule.clone()
    };
    let refused = world.door.compare_sourcing_policy(operator(both)).await.err().unwrap();
    assert_eq!(fields(&refused), ["policy", "current_network"]);
    let unknown = proto::CompareSourcingPolicyRequest { usual_rule: 77, ..rule };
    let refused = world.door.compare_sourcing_policy(operator(unknown)).await.err().unwrap();
    assert_eq!(fields(&refused), ["usual_rule"]);

    let one =
        world.door.compare_sourcing_policy(operator(compare(OrderId::new(0, 2).to_string()))).await.unwrap();
    let one: Vec<_> = one.into_inner().map(Result::unwrap).collect().await;
    assert_eq!((one.len(), one[0].total), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asked_for_is_not_kept_and_garbage_is_refused() {
    let world = stocked().await;
    let (code, reason) = why(&decision(&world, 9, 0).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::NotFound, "DECISION_UNKNOWN"));
    let junk = proto::GetSourcingDecisionRequest { order_id: "seven".into(), attempt: 0 };
    let refused = world.door.get_sourcing_decision(asked(junk)).await.unwrap_err();
    assert_eq!(fields(&refused), ["order_id"]);
    let second = prost_types::Timestamp { seconds: NOON.as_ms() / 1_000, nanos: 0 };
    let backwards = proto::VerifySourcingDecisionsRequest {
        from_time: Some(second),
        until_time: Some(second),
        order_id: "?".into(),
    };
    let refused = world.door.verify_sourcing_decisions(asked(backwards)).await.err().unwrap();
    assert_eq!(fields(&refused), ["order_id", "until_time"]);
    let empty = proto::CompareSourcingPolicyRequest::default();
    let refused = world.door.compare_sourcing_policy(asked(empty)).await.err().unwrap();
    assert_eq!(fields(&refused), ["policy"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_decision_is_looked_at_with_more_means_and_other_stock() {
    let world = stocked().await;
    for number in 1..=2 {
        plan(&world, number, 1, &[]).await;
    }
    let project = |means: Option<proto::OutlookMeans>, stock: Vec<proto::StatedStock>| {
        proto::ProjectSourcingDecisionsRequest { means, stock, ..Default::default() }
    };
    let nobody = world.door.project_sourcing_decisions(asked(project(None, vec![]))).await.err().unwrap();
    assert_eq!(nobody.code(), Code::PermissionDenied);
    let see = async |request| {
        let answers = world.door.project_sourcing_decisions(operator(request)).await.unwrap();
        let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
        assert_eq!((answers.len(), answers[1].total, answers[1].done), (2, 2, 2));
        answers[0].outlook.clone().unwrap()
    };
    let plain = see(project(None, vec![])).await;
    assert!(plain.beyond.is_empty() && plain.unserved.is_empty(), "{plain:?}");
    assert_eq!(plain.total_cost, plain.was.as_ref().unwrap().cost);
    assert_eq!(plain.legs[0].node_id, "n1");

    // With nothing anywhere, one unit comes tomorrow and the other is promised in two weeks.
    let none =
        |node: &str| proto::StatedStock { sku: "A".into(), node_id: node.into(), ..Default::default() };
    let tomorrow = prost_types::Timestamp { seconds: NOON.as_ms() / 1_000 + 86_400, nanos: 0 };
    let mut stock: Vec<_> = ["n1", "n2", "n3"].into_iter().map(none).collect();
    let emptied = see(project(None, stock.clone())).await;
    assert_eq!((emptied.legs.len(), emptied.unserved[0].quantity), (0, 2));
    stock.push(proto::StatedStock { quantity: 1, available_time: Some(tomorrow), ..none("n2") });
    let backorder = proto::DatedBackorder { days: 14, order_cost_minor: 10_000, unit_cost_minor: 500 };
    let means = proto::OutlookMeans { backorder: Some(backorder), ..Default::default() };
    let found = see(project(Some(means), stock)).await;
    assert!(found.beyond().any(|one| one == proto::Beyond::Backorder), "{found:?}");
    assert!(found.unserved.is_empty() && found.would_be.as_ref().unwrap().unserved_units == 2);
    let view = world.door.network().view();
    assert_eq!(view.policy.version, 0, "nothing was put in force");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_wrong_with_stated_means_is_named_by_its_path() {
    let world = stocked().await;
    let request = proto::ProjectSourcingDecisionsRequest {
        stock: vec![proto::StatedStock { quantity: -1, ..Default::default() }],
        means: Some(proto::OutlookMeans {
            transfers: true,
            hub_node_ids: vec![String::new()],
            backorder: Some(proto::DatedBackorder { days: 999, order_cost_minor: -1, unit_cost_minor: 0 }),
            substitutes: vec![proto::OutlookSubstitute {
                sku: "A".into(),
                substitute_sku: "A".into(),
                unit_cost_minor: 0,
            }],
            bundles: vec![proto::OutlookBundle { sku: "B".into(), parts: vec![Default::default()] }],
        }),
        ..Default::default()
    };
    let refused = world.door.project_sourcing_decisions(operator(request)).await.err().unwrap();
    assert_eq!(
        fields(&refused),
        [
            "stock[0].sku",
            "stock[0].node_id",
            "stock[0].quantity",
            "means.hub_node_ids[0]",
            "means.backorder.days",
            "means.backorder.order_cost_minor",
            "means.substitutes[0].substitute_sku",
            "means.bundles[0].parts[0].sku",
            "means.bundles[0].parts[0].quantity",
        ]
    );
}

/// The policy changes in the middle of a burst of plans. Each plan names one version, and every cost in it is of that one:
/// the checker counts it over the documents of the version named, and finds nothing wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_burst_over_changing_policies_each_decision_is_of_exactly_one_version() {
    let world = stocked().await;
    let get = proto::GetSourcingPolicyRequest::default();
    let first = world.door.get_sourcing_policy(asked(get)).await.unwrap().into_inner().policy.unwrap();
    let changed = AtomicBool::new(false);
    let changes = async {
        for change in 0..12i64 {
            let price = proto::UnitPrice { cost_minor: 10 * change, ..Default::default() };
            let policy = proto::SourcingPolicy {
                lateness_cost_minor_per_day: 50 + change,
                unit_prices: vec![price],
                ..first.clone()
            };
            let set = proto::SetSourcingPolicyRequest {
                request_id: format!("burst {change}"),
                policy: Some(policy),
                ..Default::default()
            };
            world.door.set_sourcing_policy(operator(set)).await.unwrap();
        }
        changed.store(true, Ordering::Relaxed);
    };
    // The burst lasts until the last change is there, however fast either is.
    let burst = async {
        let mut seen = std::collections::BTreeMap::new();
        let mut count = 0;
        while count < 120 || !changed.load(Ordering::Relaxed) {
            count += 1;
            let stamp = plan(&world, count, 1, &[]).await.stamp.unwrap();
            *seen.entry(stamp.policy_version).or_insert(0) += 1;
            tokio::task::yield_now().await;
        }
        (seen, count)
    };
    let ((), (seen, count)) = tokio::join!(changes, burst);
    assert!(seen.len() > 1 && seen.values().sum::<u64>() == count, "{seen:?}");
    let request = proto::VerifySourcingDecisionsRequest::default();
    let answers = world.door.verify_sourcing_decisions(operator(request)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert!(answers.iter().all(|answer| answer.findings.is_empty()), "{answers:?}");
    let last = answers.last().unwrap();
    assert_eq!((last.checked, last.gone, last.bounds_held), (count, 0, count));
    for number in [1, 60, count] {
        let shown = decision(&world, number, 1).await.unwrap();
        assert!(shown.repeats, "made again under the version it names, it comes out the same");
    }
}
