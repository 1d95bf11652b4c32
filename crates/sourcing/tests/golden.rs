//! Plans kept as files: a change of a plan must be seen and meant. `WAYBILL_BLESS=1` writes them anew.

mod common;

use common::{World, at, card_id, collect, every_day, pin, request, ship};
use std::fmt::Write;
use waybill_sourcing::ItemFacts;
use waybill_types::exchange::{Plan, PlanRequest};
use waybill_types::network::{KindCost, LaneCost, NodeKind};
use waybill_types::{CalendarId, Timestamp};

/// A retailer with two warehouses, two stores and a supplier.
fn retailer() -> World {
    let mut world = World::new();
    let berlin = "Europe/Berlin";
    world.calendar("shop", 6, 10 * 60, 20 * 60, &["2026-10-03"]);
    world.calendar("carrier", 5, 0, 1440, &["2026-10-03"]);
    world.card("parcels", &[(Some(2_000), 420, 0), (Some(10_000), 690, 0), (Some(31_500), 1_290, 0)]);
    world.zone("berlin", &["10", "12", "13"]);
    let nodes = [
        ("central-kassel", NodeKind::CentralWarehouse, 60, 15, 2),
        ("local-berlin", NodeKind::LocalWarehouse, 90, 25, 1),
        ("store-mitte", NodeKind::Store, 150, 80, 1),
        ("store-spandau", NodeKind::Store, 150, 80, 1),
        ("supplier-porto", NodeKind::Supplier, 200, 40, 72),
    ];
    for (id, kind, handling, pick, hours) in nodes {
        let zone = if kind == NodeKind::Supplier { "Europe/Lisbon" } else { berlin };
        let node = world.node(id, kind, zone);
        node.handling_cost = Some(common::euro(handling));
        node.unit_handling_cost = Some(common::euro(pick));
        node.handling_ms = hours * 3_600_000;
        node.cutoff_minute = Some(14 * 60);
        if kind == NodeKind::Store {
            node.calendar = Some(CalendarId::new("shop").unwrap());
        }
        let lane = world.lane(id, "berlin", "parcel", 0, 0);
        lane.cost = LaneCost::Card(card_id("parcels"));
        lane.calendar = Some(CalendarId::new("carrier").unwrap());
        lane.departures = vec![every_day(18, 30)];
        lane.transit_days = if kind == NodeKind::Supplier { 4 } else { 1 };
    }
    let bike = world.lane("store-mitte", "berlin", "bike", 990, 0);
    (bike.transit_days, bike.transit_ms) = (0, 90 * 60_000);
    world.policy.policy.kind_costs = vec![KindCost { kind: NodeKind::Supplier, minor: 300 }];
    for (sku, weight_g) in [("lamp", 900), ("mug", 350), ("rug", 6_500), ("sofa-leg", 200)] {
        let facts = ItemFacts::new(weight_g, 0).unwrap();
        world.item(sku, if sku == "rug" { facts.unsplittable() } else { facts });
    }
    world.item("ribbon", ItemFacts::new(15, 3).unwrap());
    let stock = [
        ("central-kassel", "lamp", 5),
        ("central-kassel", "mug", 2),
        ("central-kassel", "ribbon", 4_000),
        ("local-berlin", "mug", 6),
        ("local-berlin", "rug", 1),
        ("store-mitte", "lamp", 1),
        ("store-mitte", "mug", 3),
        ("store-spandau", "rug", 2),
        ("supplier-porto", "sofa-leg", 400),
    ];
    for (node, sku, units) in stock {
        world.has(node, sku, units);
    }
    world
}

fn thursday() -> Timestamp {
    at("Europe/Berlin", "2026-10-01", 11, 20, 0)
}

fn render(request: &PlanRequest, plan: &Plan) -> String {
    let mut text = String::new();
    for line in &request.lines {
        writeln!(text, "asked line {}: {} {} {:?}", line.line.0, line.quantity, line.sku, line.delivery)
            .unwrap();
    }
    for a in &plan.assignments {
        let service = a.service.as_ref().map_or("pickup", |service| service.as_str());
        writeln!(
            text,
            "line {}: {} from {} by {service}, ship by {} on {}, promise {} to {}",
            a.line.0,
            a.quantity,
            a.node,
            utc(a.ship_by),
            a.ship_day.map(waybill_sourcing::day_text).unwrap_or_default(),
            utc(a.promise.earliest),
            utc(a.promise.latest)
        )
        .unwrap();
    }
    for missing in &plan.unplanned {
        writeln!(text, "line {}: {} unplanned, {:?}", missing.line.0, missing.quantity, missing.reason)
            .unwrap();
    }
    for term in &plan.cost {
        writeln!(text, "{} {}", term.name, term.minor).unwrap();
    }
    writeln!(text, "cost {} at least {}", plan.cost_minor(), plan.lower_bound_minor).unwrap();
    text
}

/// `yyyy-mm-dd hh:mm:ss` in UTC.
fn utc(at: Timestamp) -> String {
    let (day, ms) = (at.as_ms().div_euclid(86_400_000), at.as_ms().rem_euclid(86_400_000));
    let day = waybill_sourcing::day_text(waybill_types::network::LocalDay(day as i32));
    let seconds = ms / 1_000;
    format!("{day} {:02}:{:02}:{:02}Z", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn golden(name: &str, world: &World, request: &PlanRequest) {
    let ready = world.ready();
    let plan = ready.plan(request);
    assert_eq!(ready.cost(request, &plan), plan.cost_minor());
    let text = render(request, &plan);
    let path = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("WAYBILL_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, text, "{name}: the plan changed; if that is meant, run with WAYBILL_BLESS=1");
}

#[test]
fn one_parcel_goes_from_the_node_that_has_everything() {
    let request = request(thursday(), vec![ship(1, "lamp", 1), ship(2, "mug", 2)]);
    golden("one-parcel", &retailer(), &request);
}

#[test]
fn a_quantity_is_split_over_nodes_when_none_has_all() {
    let request = request(thursday(), vec![ship(1, "mug", 9)]);
    golden("split-quantity", &retailer(), &request);
}

#[test]
fn two_lines_of_one_sku_share_its_stock() {
    let request = request(thursday(), vec![ship(1, "lamp", 4), ship(2, "lamp", 4)]);
    golden("shared-stock", &retailer(), &request);
}

#[test]
fn an_unsplittable_line_comes_from_one_node_or_not_at_all() {
    let request = request(thursday(), vec![ship(1, "rug", 3), ship(2, "rug", 2), ship(3, "rug", 1)]);
    golden("unsplittable", &retailer(), &request);
}

#[test]
fn pickups_take_their_stores_stock_before_shipments_do() {
    let lines =
        vec![ship(1, "mug", 8), collect(2, "mug", 2, "store-mitte"), collect(3, "mug", 5, "store-mitte")];
    golden("pickup", &retailer(), &request(thursday(), lines));
}

#[test]
fn pinned_units_stay_and_their_parcel_is_filled_up() {
    let mut request = request(thursday(), vec![ship(1, "mug", 3), ship(2, "lamp", 2)]);
    request.pinned = vec![pin("store-mitte", "mug", 2)];
    golden("pinned", &retailer(), &request);
}

#[test]
fn excluded_nodes_are_left_out_and_the_rest_waits() {
    let mut request = request(thursday(), vec![ship(1, "lamp", 2), ship(2, "rug", 1)]);
    request.excluded = vec![common::node_id("central-kassel"), common::node_id("local-berlin")];
    golden("excluded", &retailer(), &request);
}

#[test]
fn heavy_and_measured_goods_are_weighed_to_the_gram() {
    let lines = vec![ship(1, "sofa-leg", 200), ship(2, "ribbon", 2_750)];
    golden("weights", &retailer(), &request(thursday(), lines));
}

#[test]
fn addresses_without_a_zone_and_unknown_stores_are_said() {
    let mut request =
        request(thursday(), vec![ship(1, "lamp", 1), collect(2, "lamp", 1, "nowhere"), ship(3, "ghost", 1)]);
    request.destination.as_mut().unwrap().postal_code = None;
    golden("no-route", &retailer(), &request);
}

#[test]
fn a_hurried_customer_gets_the_bike_for_more() {
    let ready = retailer().ready();
    let asked = request(thursday(), vec![ship(1, "lamp", 1)]);
    let options = waybill_sourcing::promise(&ready.network, &ready.policy, &ready.mirror, &asked, 3);
    let said: Vec<_> = options
        .iter()
        .map(|o| (o.plan.assignments[0].service.clone().unwrap().to_string(), utc(o.promise.unwrap().latest)))
        .collect();
    assert_eq!(said[0], ("parcel".into(), "2026-10-02 19:00:00Z".into()));
    assert_eq!(said[1], ("bike".into(), "2026-10-01 11:50:00Z".into()));
    assert!(options[0].cost_minor < options[1].cost_minor);
    let one = waybill_sourcing::promise(&ready.network, &ready.policy, &ready.mirror, &asked, 1);
    assert_eq!(one[..], options[..1]);
}
