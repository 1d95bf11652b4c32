//! Situations that planners get wrong: holidays of the destination alone, policies that change between two questions,
//! and the same question on two machines. Every test asks for plans and promises as the engine does.

mod common;

use common::{World, at, collect, every_day, given, node_id, request, ship, zone_name};
use std::collections::BTreeSet;
use waybill_sourcing::{Interner, WeightClass, promise};
use waybill_types::exchange::{Plan, PlanRequest};
use waybill_types::network::{LaneEnd, NodeKind};
use waybill_types::{CalendarId, ZoneId};

fn calendar_id(id: &str) -> Option<CalendarId> {
    Some(CalendarId::new(id).unwrap())
}

/// A depot in Berlin with a lorry at 18:00 that takes two working days.
fn depot() -> World {
    let mut world = World::new();
    world.node("depot", NodeKind::CentralWarehouse, "Europe/Berlin").cutoff_minute = Some(14 * 60);
    let lane = world.lane("depot", "south", "parcel", 400, 0);
    (lane.departures, lane.transit_days) = (vec![every_day(18, 0)], 2);
    world.zone("south", &["1"]);
    world.has("depot", "A", 100);
    world
}

#[test]
fn a_holiday_at_the_destination_alone_moves_the_promise_and_not_the_departure() {
    let plain = depot();
    let mut festive = depot();
    // Corpus Christi is kept in the south of Germany and not in Berlin.
    festive.calendar("south", 6, 0, 1440, &["2026-06-04"]);
    festive.zones[0].calendar = calendar_id("south");
    let zone = "Europe/Berlin";
    for (now_day, plain_day, festive_day) in [
        ("2026-06-01", "2026-06-03", "2026-06-03"),
        ("2026-06-02", "2026-06-04", "2026-06-05"),
        ("2026-06-03", "2026-06-05", "2026-06-05"),
        // In the south nobody delivers on Sundays either.
        ("2026-06-05", "2026-06-07", "2026-06-08"),
    ] {
        let asked = request(at(zone, now_day, 9, 0, 0), vec![ship(1, "A", 1)]);
        let (before, after) = (plain.ready().plan(&asked), festive.ready().plan(&asked));
        let of = |plan: &Plan| plan.assignments[0].clone();
        assert_eq!(of(&before).ship_by, at(zone, now_day, 18, 0, 0));
        assert_eq!(of(&after).ship_by, of(&before).ship_by, "{now_day}: the lorry leaves as ever");
        assert_eq!(of(&before).promise.latest, at(zone, plain_day, 21, 0, 0));
        assert_eq!(of(&after).promise.latest, at(zone, festive_day, 21, 0, 0), "{now_day}");
    }
}

#[test]
fn a_courier_does_not_set_out_to_where_nobody_delivers_that_day() {
    let mut world = depot();
    world.calendar("south", 7, 0, 1440, &["2026-06-04"]);
    world.zones[0].calendar = calendar_id("south");
    (world.lanes[0].transit_days, world.lanes[0].transit_ms) = (0, 2 * 3_600_000);
    let asked = request(at("Europe/Berlin", "2026-06-04", 9, 0, 0), vec![ship(1, "A", 1)]);
    let plan = world.ready().plan(&asked);
    assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", "2026-06-05", 18, 0, 0));
    assert_eq!(plan.assignments[0].promise.latest, at("Europe/Berlin", "2026-06-05", 20, 0, 0));
    world.lanes[0].departures.clear();
    let plan = world.ready().plan(&asked);
    assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", "2026-06-04", 22, 0, 0), "there at midnight");
}

#[test]
fn goods_stand_ready_before_they_leave_for_as_long_as_the_lane_asks() {
    let mut world = depot();
    world.nodes[0].cutoff_minute = None;
    world.lanes[0].preparation_ms = Some(90 * 60_000);
    let zone = "Europe/Berlin";
    for day in ["2026-03-29", "2026-10-25", "2026-06-02"] {
        let plan_at = |hour, minute, second| {
            let now = at(zone, day, hour, minute, second);
            world.ready().plan(&request(now, vec![ship(1, "A", 1)])).assignments[0].ship_day
        };
        let today = waybill_sourcing::parse_day(day).unwrap();
        assert_eq!(plan_at(16, 30, 0), Some(today), "{day}");
        assert_ne!(plan_at(16, 30, 1), Some(today), "{day}");
    }
}

#[test]
fn a_supplier_is_asked_first_and_sends_after_its_lead_days() {
    let mut world = depot();
    world.calendar("works", 5, 8 * 60, 17 * 60, &["2026-06-04"]);
    (world.nodes[0].lead_days, world.nodes[0].calendar) = (Some(3), calendar_id("works"));
    world.nodes[0].kind = NodeKind::Supplier;
    // Tuesday after the cut-off counts as Wednesday; Thursday is a holiday; Friday, Monday and Tuesday pass.
    let asked = request(at("Europe/Berlin", "2026-06-02", 15, 0, 0), vec![ship(1, "A", 1)]);
    let plan = world.ready().plan(&asked);
    assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", "2026-06-09", 18, 0, 0));
}

#[test]
fn a_policy_that_changes_between_questions_is_in_each_plan_whole_or_not_at_all() {
    let mut world = World::new();
    for (node, base) in [("near", 300), ("far", 500)] {
        world.node(node, NodeKind::LocalWarehouse, "Europe/Berlin");
        world.lane(node, "berlin", "parcel", base, 0);
    }
    world.zone("berlin", &["1"]);
    world.has("near", "A", 1);
    for node in ["near", "far"] {
        world.has(node, "B", 1);
    }
    world.has("far", "A", 1);
    let mut ready = world.ready();
    let first = ready.policy.clone();
    let mut second = first.clone();
    (second.version, second.policy.split_penalty_minor) = (first.version + 1, 900);
    second.policy.kind_costs =
        vec![waybill_types::network::KindCost { kind: NodeKind::LocalWarehouse, minor: 77 }];
    let now = at("Europe/Berlin", "2026-06-01", 9, 0, 0);
    let mut seen = BTreeSet::new();
    for number in 0..40u64 {
        ready.policy = if number % 3 == 0 { second.clone() } else { first.clone() };
        let asked = request(now, vec![ship(1, "A", 1 + number % 2), ship(2, "B", 1)]);
        for plan in plans_of(&ready, &asked) {
            assert_eq!(plan.stamp.policy, ready.policy.version, "each names the version it was made by");
            assert_eq!(ready.cost(&asked, &plan), plan.cost_minor(), "and every cost is of that version");
            seen.insert(plan.stamp.policy);
        }
    }
    assert_eq!(seen.len(), 2);
}

/// The plan and every option of the promise.
fn plans_of(ready: &common::Ready, asked: &PlanRequest) -> Vec<Plan> {
    let options = promise(&ready.network, &ready.policy, &ready.mirror, asked, 4);
    std::iter::once(ready.plan(asked)).chain(options.into_iter().map(|option| option.plan)).collect()
}

#[test]
fn the_same_question_on_two_machines_has_the_same_plans_and_routes_to_the_byte() {
    let mut world = World::new();
    for number in 0..12u16 {
        let id = format!("n{number:02}");
        let kind = if number < 4 { NodeKind::CentralWarehouse } else { NodeKind::Store };
        world.node(&id, kind, ["Europe/Berlin", "Australia/Lord_Howe"][usize::from(number % 2)]);
        let lane = world.lane(&id, "berlin", "parcel", 300 + i64::from(number % 3) * 50, 10);
        lane.departures = vec![every_day(2, 30), every_day(18, 0)];
        world.has(&id, "A", 1 + u64::from(number % 2));
        world.has(&id, if number % 3 == 0 { "B" } else { "C" }, 2);
        let to = format!("n{:02}", (number * 7 + 1) % 12);
        let transfer = world.lane(&id, "berlin", "transfer", 40, 5);
        transfer.to = LaneEnd::Node(node_id(&to));
    }
    world.zone("berlin", &["1"]).time_zone = Some(zone_name("Europe/Berlin"));
    let mut told_otherwise = world.clone();
    told_otherwise.nodes.reverse();
    told_otherwise.lanes.rotate_left(5);
    told_otherwise.stock.reverse();
    let mut interner = Interner::new();
    for id in ["n11", "n03", "somewhere-else", "n07"] {
        interner.intern(&node_id(id));
    }
    let (here, there) = (world.ready(), told_otherwise.ready_with(&mut interner));
    let now = at("Europe/Berlin", "2026-10-24", 9, 0, 0);
    let lines = vec![ship(1, "A", 5), ship(2, "B", 3), ship(3, "C", 2), collect(4, "A", 1, "n05")];
    let asked = request(now, lines);
    let written = |ready: &common::Ready| format!("{:?}", plans_of(ready, &asked));
    assert_eq!(written(&here), written(&there));
    assert_eq!(written(&here), written(&here), "asked twice");
    assert!(given(&here.plan(&asked)).len() > 4);
    let routes = |ready: &common::Ready| {
        let berlin = ZoneId::new("berlin").unwrap();
        let deadline = at("Europe/Berlin", "2026-10-27", 21, 0, 0);
        let routes = ready.network.routes_to_zone(&berlin, deadline, WeightClass::of_g(900)).unwrap();
        let lanes = |label| {
            let lanes = ready.network.lanes_of_route(&routes, label);
            lanes.into_iter().map(|lane| lane.id.to_string()).collect::<Vec<_>>()
        };
        let told = routes
            .labels()
            .iter()
            .map(|label| format!("{:?} {} {:?}", label.latest_ready(), label.cost_minor(), lanes(label)));
        told.collect::<Vec<_>>()
    };
    assert_eq!(routes(&here), routes(&there));
    assert!(routes(&here).len() > 12);
}
