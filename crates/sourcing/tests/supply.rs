//! What a planner asks the network about goods that are not at hand yet: ready days, days to plan for, pickups by
//! transfer, what is put together at a hub, and who is near and has something.

mod common;

use common::{Ready, World, at, every_day, node_id, request, ship, sku};
use waybill_sourcing::{NearbyQuestion, NodeIx, WeightClass, day_text, nearby};
use waybill_types::exchange::Destination;
use waybill_types::network::{Circle, LaneEnd, NodeAddress, NodeKind};
use waybill_types::{CalendarId, Country, GeoPoint, OwnerId, PostalCode, Quantity, Text, Timestamp, ZoneId};

const BERLIN: &str = "Europe/Berlin";

fn number(ready: &Ready, node: &str) -> NodeIx {
    ready.network.node_index(&node_id(node)).unwrap()
}

fn calendar_id(id: &str) -> Option<CalendarId> {
    Some(CalendarId::new(id).unwrap())
}

fn berlin() -> ZoneId {
    ZoneId::new("berlin").unwrap()
}

/// A supplier, a central and a hub feed a shop; hub and central send parcels to Berlin.
fn world() -> World {
    let mut world = World::new();
    world.calendar("week", 5, 8 * 60, 18 * 60, &["2026-06-04"]);
    world.calendar("shop", 6, 9 * 60, 20 * 60, &[]);
    let supplier = world.node("supplier", NodeKind::Supplier, BERLIN);
    (supplier.calendar, supplier.lead_days) = (calendar_id("week"), Some(2));
    let central = world.node("central", NodeKind::CentralWarehouse, BERLIN);
    (central.calendar, central.cutoff_minute) = (calendar_id("week"), Some(14 * 60));
    central.handling_ms = 2 * 3_600_000;
    world.node("hub", NodeKind::LocalWarehouse, BERLIN).handling_ms = 3_600_000;
    world.node("shop", NodeKind::Store, BERLIN).calendar = calendar_id("shop");
    for (from, to, base, hour, hours) in [
        ("supplier", "central", 50, 16, 14),
        ("central", "hub", 40, 18, 3),
        ("central", "shop", 90, 17, 15),
        ("hub", "shop", 30, 5, 2),
    ] {
        let lane = world.lane(from, "berlin", &format!("to {to}"), base, 0);
        lane.to = LaneEnd::Node(node_id(to));
        (lane.departures, lane.transit_days, lane.transit_ms) =
            (vec![every_day(hour, 0)], 0, hours * 3_600_000);
    }
    world.lane("hub", "berlin", "parcel", 350, 0).departures = vec![every_day(20, 0)];
    world.lane("hub", "berlin", "express", 900, 0).departures = vec![every_day(23, 0)];
    world.lane("central", "berlin", "parcel", 450, 0).departures = vec![every_day(19, 0)];
    world.zone("berlin", &["1"]);
    world
}

#[test]
fn goods_that_come_to_hand_are_ready_on_days_of_their_nodes_calendar() {
    let ready = world().ready();
    let (central, supplier) = (number(&ready, "central"), number(&ready, "supplier"));
    let asked = at(BERLIN, "2026-06-02", 10, 0, 0);
    assert_eq!(ready.network.ready(central, asked), Some(at(BERLIN, "2026-06-02", 12, 0, 0)));
    // Tuesday, then Wednesday and, past the holiday, Friday.
    assert_eq!(ready.network.ready(supplier, asked), Some(at(BERLIN, "2026-06-05", 8, 0, 0)));
    let at_hand = [
        at(BERLIN, "2026-06-02", 10, 0, 0),
        at(BERLIN, "2026-06-02", 13, 0, 0),
        // After the cut-off, and on the holiday: both on Friday.
        at(BERLIN, "2026-06-03", 14, 0, 0),
        at(BERLIN, "2026-06-04", 11, 0, 0),
    ];
    let days = ready.network.ready_days(central, &at_hand);
    let told: Vec<_> = days.iter().map(|day| (day_text(day.day), day.ready, day.at_hand)).collect();
    assert_eq!(
        told,
        [
            ("2026-06-02".to_owned(), at(BERLIN, "2026-06-02", 15, 0, 0), at_hand[1]),
            ("2026-06-05".to_owned(), at(BERLIN, "2026-06-05", 10, 0, 0), at_hand[3]),
        ]
    );
    assert!(ready.network.ready_days(NodeIx::clone(&central), &[]).is_empty());
}

#[test]
fn the_days_to_plan_for_are_those_on_which_something_can_arrive() {
    let ready = world().ready();
    let central = number(&ready, "central");
    let soon = ready.network.ready(central, at(BERLIN, "2026-06-02", 10, 0, 0)).unwrap();
    let late = ready.network.ready(central, at(BERLIN, "2026-06-02", 15, 0, 0)).unwrap();
    let hub = (number(&ready, "hub"), at(BERLIN, "2026-06-03", 7, 0, 0));
    let all = [(central, soon), (central, late), hub];
    let days = ready.network.arrival_days(&berlin(), &all, 16);
    let told: Vec<String> = days.iter().map(|day| day_text(day.day)).collect();
    assert_eq!(told, ["2026-06-03", "2026-06-04"], "the hub and the late goods arrive on one day");
    assert_eq!(days[0].by, at(BERLIN, "2026-06-03", 21, 0, 0));
    assert_eq!(ready.network.arrival_days(&berlin(), &all, 1), days[..1]);
    let plan = {
        let mut stocked = world();
        stocked.has("central", "A", 1);
        let asked = request(at(BERLIN, "2026-06-02", 10, 0, 0), vec![ship(1, "A", 1)]);
        stocked.ready().plan(&asked)
    };
    assert_eq!(plan.assignments[0].promise.latest, days[0].by, "a plan for it keeps to the day");
    let pickups = ready.network.pickup_days(&node_id("shop"), at(BERLIN, "2026-06-06", 12, 0, 0), 2);
    let told: Vec<_> = pickups.iter().map(|day| (day_text(day.day), day.by)).collect();
    let closes = |day| at(BERLIN, day, 19, 59, 59).plus_ms(999);
    assert_eq!(
        told,
        [("2026-06-06".to_owned(), closes("2026-06-06")), ("2026-06-08".to_owned(), closes("2026-06-08"))]
    );
}

#[test]
fn a_pickup_by_transfer_takes_the_cheapest_way_that_is_there_in_time() {
    let ready = world().ready();
    let class = WeightClass::of_g(2_000);
    let morning = at(BERLIN, "2026-06-02", 10, 0, 0);
    let goods: Vec<(NodeIx, Timestamp)> = ["supplier", "central", "hub", "shop"]
        .map(|node| (number(&ready, node), ready.network.ready(number(&ready, node), morning).unwrap()))
        .to_vec();
    let sources = |day: &str| {
        let by = at(BERLIN, day, 9, 0, 0);
        let routes = ready.network.routes_to_node(&node_id("shop"), by, class).unwrap();
        let found = ready.network.sources_in_time(&routes, &goods);
        let told = |source: &waybill_sourcing::TransferSource| {
            assert!(source.journey.promise.latest <= by);
            let lanes: Vec<&str> = source.journey.legs.iter().map(|leg| leg.from.as_str()).collect();
            (source.cost_minor, lanes.join(" "))
        };
        found.iter().map(told).collect::<Vec<_>>()
    };
    let (hub, shop) = ((30, "hub".to_owned()), (0, String::new()));
    // The shop opens at nine: what the lorries of the night brought is there by then, by the hub or straight.
    assert_eq!(sources("2026-06-02"), [], "nothing that is ready at ten was there at nine");
    assert_eq!(sources("2026-06-03"), [(70, "central hub".to_owned()), hub.clone(), shop.clone()]);
    // The supplier is ready on Friday morning, its lorry is at the central on Saturday, which opens on Monday.
    assert_eq!(sources("2026-06-08"), [(70, "central hub".to_owned()), hub.clone(), shop.clone()]);
    assert_eq!(
        sources("2026-06-09"),
        [(120, "supplier central hub".to_owned()), (70, "central hub".to_owned()), hub, shop]
    );
}

#[test]
fn what_is_put_together_at_a_hub_must_be_there_before_its_lorry() {
    let ready = world().ready();
    let deadline = at(BERLIN, "2026-06-04", 21, 0, 0);
    let merges = ready.network.merges_at(&node_id("hub"), &berlin(), deadline, WeightClass::of_g(500));
    let told: Vec<_> =
        merges.iter().map(|merge| (merge.last_mile.to_string(), merge.cost_minor, merge.gather_by)).collect();
    // The express leaves later and costs more; both need the hub's hour.
    assert_eq!(
        told,
        [
            ("hub>berlin/express".to_owned(), 900, at(BERLIN, "2026-06-03", 22, 0, 0)),
            ("hub>berlin/parcel".to_owned(), 350, at(BERLIN, "2026-06-03", 19, 0, 0)),
        ]
    );
    let central = number(&ready, "central");
    let afternoon = at(BERLIN, "2026-06-03", 16, 0, 0);
    let by = |merge: usize| ready.network.sources_in_time(&merges[merge].reach, &[(central, afternoon)]);
    assert_eq!(by(0)[0].journey.legs[0].arrives, at(BERLIN, "2026-06-03", 21, 0, 0));
    assert_eq!(by(1), [], "the lorry from the central is at the hub at 21:00, after 19:00");
    let none = ready.network.merges_at(&node_id("shop"), &berlin(), deadline, WeightClass::of_g(500));
    assert!(none.is_empty(), "the shop has no lane to Berlin");
}

#[test]
fn direct_lanes_are_the_routes_of_one_leg() {
    let ready = world().ready();
    let class = WeightClass::of_g(500);
    let deadline = at(BERLIN, "2026-06-05", 21, 0, 0);
    let routes = ready.network.routes_to_zone(&berlin(), deadline, class).unwrap();
    let direct = ready.network.direct(&berlin(), deadline, class).unwrap();
    for label in routes.labels().iter().filter(|label| label.legs() == 1) {
        let lane = ready.network.lanes_of_route(&routes, label)[0];
        let found = direct.from(label.node()).find(|found| found.lane.id == lane.id).unwrap();
        assert_eq!((found.cost_minor, found.latest_ready), (label.cost_minor(), label.latest_ready()));
    }
    assert_eq!(direct.from(number(&ready, "hub")).count(), 2);
    assert_eq!(direct.from(number(&ready, "supplier")).count(), 0);
}

fn point(lat_e6: i32, lon_e6: i32) -> GeoPoint {
    GeoPoint::new(lat_e6, lon_e6).unwrap()
}

/// Shops on a line eastward from Berlin, one further than the other.
fn street() -> World {
    let mut world = World::new();
    world.calendar("shop", 6, 9 * 60, 20 * 60, &[]);
    for (index, id) in ["alex", "mitte", "potsdam", "hamburg"].into_iter().enumerate() {
        let shop = world.node(id, NodeKind::Store, BERLIN);
        shop.point = Some(point(52_520_000, 13_400_000 + [0, 30_000, 400_000, 4_000_000][index]));
        shop.calendar = if id == "mitte" { None } else { calendar_id("shop") };
        shop.address = Some(NodeAddress {
            country: Country::new("DE").unwrap(),
            postal_code: Some(PostalCode::new(["10178", "10115", "14467", "20095"][index]).unwrap()),
            region: Text::new("").unwrap(),
            city: Text::new("").unwrap(),
            street_lines: Vec::new(),
            company: Text::new("").unwrap(),
        });
        world.has(id, "A", index as u64 + 1);
    }
    world.has("potsdam", "B", 1);
    world.has("hamburg", "B", 1);
    world
}

fn near(
    world: &World,
    around: &Destination,
    basket: &[(&str, u64)],
    change: impl FnOnce(&mut NearbyQuestion<'_>),
) -> Option<Vec<(String, u64, bool)>> {
    let ready = world.ready();
    let entry = |(item, units): &(&str, u64)| (sku(item), OwnerId::main(), Quantity::of(*units));
    let basket: Vec<_> = basket.iter().map(entry).collect();
    let mut question = NearbyQuestion {
        around,
        basket: &basket,
        // A Sunday.
        now: at(BERLIN, "2026-06-07", 12, 0, 0),
        within_m: 50_000,
        nodes_max: 10,
        open_now: false,
        ready_by: None,
    };
    change(&mut question);
    let found = nearby(&ready.network, &ready.mirror, &question)?;
    Some(found.into_iter().map(|near| (near.node.to_string(), near.distance_m, near.open_now)).collect())
}

fn place(postal_code: Option<&str>, at: Option<GeoPoint>) -> Destination {
    Destination {
        country: Country::new("DE").unwrap(),
        postal_code: postal_code.map(|code| PostalCode::new(code).unwrap()),
        point: at,
    }
}

#[test]
fn the_nearest_shops_that_have_it_come_first_with_how_far_and_whether_open() {
    let world = street();
    let center = place(None, Some(point(52_520_000, 13_400_000)));
    let names = |found: Option<Vec<(String, u64, bool)>>| -> Vec<String> {
        found.unwrap().into_iter().map(|(name, ..)| name).collect()
    };
    let found = near(&world, &center, &[("A", 1)], |_| {}).unwrap();
    assert_eq!(found[0], ("alex".to_owned(), 0, false));
    assert_eq!((found[1].0.as_str(), found[1].2), ("mitte", true), "the one without hours is always open");
    assert!((2_025..2_035).contains(&found[1].1) && (27_050..27_080).contains(&found[2].1), "{found:?}");
    assert_eq!(names(near(&world, &center, &[("A", 2)], |_| {})), ["mitte", "potsdam"]);
    assert_eq!(names(near(&world, &center, &[("A", 2), ("B", 1)], |_| {})), ["potsdam"]);
    assert_eq!(names(near(&world, &center, &[], |_| {})), ["alex", "mitte", "potsdam"]);
    assert_eq!(names(near(&world, &center, &[("A", 1)], |asked| asked.open_now = true)), ["mitte"]);
    let monday = at(BERLIN, "2026-06-08", 9, 0, 0);
    let by =
        |ready_by| names(near(&world, &center, &[("A", 1)], move |asked| asked.ready_by = Some(ready_by)));
    assert_eq!(by(monday), ["alex", "mitte", "potsdam"]);
    assert_eq!(by(monday.plus_ms(-1)), ["mitte"]);
    let two = near(&world, &center, &[("A", 1)], |asked| (asked.nodes_max, asked.within_m) = (2, 1_000_000));
    assert_eq!(names(two), ["alex", "mitte"]);
}

#[test]
fn a_place_is_its_point_or_its_zone_or_its_postal_code_and_else_nowhere() {
    let mut world = street();
    let first = |world: &World, around: &Destination| {
        near(world, around, &[("A", 1)], |_| {}).map(|found| found.into_iter().map(|near| near.0).next())
    };
    assert_eq!(first(&world, &place(Some("14469"), None)), Some(Some("potsdam".to_owned())));
    assert_eq!(first(&world, &place(Some("99999"), None)), None);
    assert_eq!(first(&world, &place(None, None)), None);
    world.zone("round", &["144"]).circle =
        Some(Circle { center: point(52_520_000, 17_400_000), radius_m: 5_000 });
    assert_eq!(first(&world, &place(Some("14469"), None)), Some(Some("hamburg".to_owned())));
}
