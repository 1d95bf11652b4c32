//! Plans with legs that the engine cannot carry out yet: each is found where it pays, says what it needs, and never is
//! what an order or a promise is answered.

mod common;

use common::random::{self, Dice, Spice};
use common::{Ready, World, at, collect, node_id, request, ship, sku};
use waybill_sourcing::outlook::{
    Backorder, Beyond, Bundle, Means, Outlook, Substitute, Supply, Wider, outlook,
};
use waybill_sourcing::promise;
use waybill_types::exchange::PlanRequest;
use waybill_types::network::{LaneEnd, LaneId, NodeKind};
use waybill_types::{OwnerId, Quantity, Timestamp};

const BERLIN: &str = "Europe/Berlin";

fn monday() -> Timestamp {
    at(BERLIN, "2026-06-01", 9, 0, 0)
}

/// Two warehouses that send to Berlin for 3.00 and 4.00; a split costs 2.00, a day 0.50.
fn two() -> World {
    let mut world = World::new();
    world.zone("berlin", &["10"]);
    for (node, base) in [("east", 300), ("west", 400)] {
        world.node(node, NodeKind::LocalWarehouse, BERLIN);
        world.lane(node, "berlin", "parcel", base, 0);
    }
    world
}

fn look(ready: &Ready, asked: &PlanRequest, wider: &Wider) -> Outlook {
    let found = outlook(&ready.network, &ready.policy, &ready.mirror, asked, wider).unwrap();
    assert_eq!(found.plan, ready.plan(asked), "the engine's own plan stands beside it");
    assert_eq!(found.lower_bound_minor.is_none(), !wider.hubs.is_empty());
    assert!(found.lower_bound_minor.is_none_or(|bound| bound <= found.cost_minor));
    found
}

/// What each leg is, by node: what it needs, and its cost.
fn told(found: &Outlook) -> Vec<(String, Vec<Beyond>, i64)> {
    let leg = |leg: &waybill_sourcing::outlook::Leg| {
        (leg.node.as_ref().map_or("-".into(), ToString::to_string), leg.beyond.clone(), leg.cost_minor)
    };
    found.legs.iter().map(leg).collect()
}

fn supply(item: &str, node: &str, units: u64, at_hand: Timestamp) -> Supply {
    let (sku, owner) = (sku(item), OwnerId::main());
    Supply { sku, owner, node: node_id(node), at_hand, quantity: Quantity::of(units) }
}

/// Neither what is sold nor what is placed ever waits, travels or is put together.
fn never_chosen(ready: &Ready, asked: &PlanRequest) {
    let options = promise(&ready.network, &ready.policy, &ready.mirror, asked, 10);
    for plan in std::iter::once(ready.plan(asked)).chain(options.into_iter().map(|option| option.plan)) {
        for part in &plan.assignments {
            let line = asked.lines.iter().find(|line| line.line == part.line).unwrap();
            let rows = ready.mirror_units(&part.node, line.sku.as_str());
            assert!(part.quantity.units() <= rows, "{part:?} is more than what is there");
            assert_eq!(
                part.service.is_none(),
                matches!(&line.delivery, waybill_types::exchange::Delivery::Pickup(at) if *at == part.node)
            );
        }
    }
}

trait Units {
    fn mirror_units(&self, node: &waybill_types::NodeId, item: &str) -> u64;
}

impl Units for Ready {
    fn mirror_units(&self, node: &waybill_types::NodeId, item: &str) -> u64 {
        use waybill_sourcing::Availability as _;
        let number = self.network.node_index(node).unwrap();
        let rows = self.mirror.stock(&sku(item), &OwnerId::main());
        rows.iter().filter(|row| row.node == number).map(|row| row.available.units()).sum()
    }
}

#[test]
fn waiting_two_days_for_the_rest_competes_with_splitting_now() {
    let mut world = two();
    world.has("east", "A", 1);
    world.has("west", "B", 1);
    let ready = world.ready();
    let asked = request(monday(), vec![ship(1, "A", 1), ship(2, "B", 1)]);
    let now = look(&ready, &asked, &Wider::default());
    // Two parcels, one split, two lots of one day: 300 + 400 + 200 + 2 * 50.
    assert_eq!((now.cost_minor, now.beyond()), (1_000, vec![]));
    let wednesday = at(BERLIN, "2026-06-03", 9, 0, 0);
    let wider = Wider { supply: vec![supply("B", "east", 1, wednesday)], ..Wider::default() };
    let later = look(&ready, &asked, &wider);
    // One parcel that arrives on Thursday: 300 + 3 * 50.
    assert_eq!(told(&later), [("east".to_owned(), vec![Beyond::DatedSupply], 450)]);
    assert_eq!((later.cost_minor, later.lower_bound_minor), (450, Some(450)));
    assert_eq!(later.legs[0].ready, wednesday);
    never_chosen(&ready, &asked);
    // A month is too long: splitting is cheaper, and what is there goes now.
    let wider =
        Wider { supply: vec![supply("B", "east", 1, at(BERLIN, "2026-07-01", 9, 0, 0))], ..Wider::default() };
    assert_eq!(look(&ready, &asked, &wider).beyond(), vec![]);
}

#[test]
fn what_is_there_now_and_what_comes_later_are_never_given_twice() {
    let mut world = two();
    world.has("east", "A", 2);
    let ready = world.ready();
    let asked = request(monday(), vec![ship(1, "A", 5)]);
    let wider =
        Wider { supply: vec![supply("A", "east", 2, at(BERLIN, "2026-06-02", 9, 0, 0))], ..Wider::default() };
    let found = look(&ready, &asked, &wider);
    let given: u64 = found.legs.iter().flat_map(|leg| &leg.parts).map(|part| part.quantity.units()).sum();
    assert_eq!(given, 4);
    assert_eq!(found.unserved, [(waybill_types::LineNo(1), Quantity::of(1))]);
}

#[test]
fn a_supplier_is_ready_after_its_lead_time_on_its_calendar() {
    let mut world = two();
    world.calendar("works", 5, 8 * 60, 17 * 60, &["2026-06-04"]);
    let supplier = world.node("maker", NodeKind::Supplier, BERLIN);
    (supplier.lead_days, supplier.calendar) =
        (Some(3), Some(waybill_types::CalendarId::new("works").unwrap()));
    world.lane("maker", "berlin", "parcel", 100, 0);
    world.has("maker", "A", 9);
    let asked = request(monday(), vec![ship(1, "A", 1)]);
    let found = look(&world.ready(), &asked, &Wider::default());
    // Tuesday, Wednesday, then Friday: Thursday is a holiday of the works.
    assert_eq!(found.legs[0].ready, at(BERLIN, "2026-06-05", 8, 0, 0));
    assert_eq!(found.beyond(), vec![], "the engine asks suppliers itself");
}

/// A shop without the item, and a central warehouse that has it and a lorry to the shop.
fn shop() -> World {
    let mut world = two();
    world.node("shop", NodeKind::Store, BERLIN);
    let lane = world.lane("east", "berlin", "lorry", 120, 0);
    lane.id = LaneId::new("east>shop").unwrap();
    lane.to = LaneEnd::Node(node_id("shop"));
    lane.transit_days = 1;
    world.has("east", "A", 4);
    world
}

#[test]
fn a_pickup_is_brought_from_where_the_goods_are() {
    let ready = shop().ready();
    let asked = request(monday(), vec![collect(1, "A", 2, "shop")]);
    let without = look(&ready, &asked, &Wider::default());
    assert!(without.legs.is_empty() && without.unserved.len() == 1);
    let found = look(&ready, &asked, &Wider { transfers: true, ..Wider::default() });
    // The lorry and one day.
    assert_eq!(told(&found), [("east".to_owned(), vec![Beyond::Transfer], 170)]);
    assert_eq!(found.legs[0].means, Means::Transfer(vec![node_id("east")]));
    assert_eq!(found.legs[0].promise.earliest, at(BERLIN, "2026-06-02", 0, 0, 0));
    assert_eq!((found.cost_minor, found.lower_bound_minor), (170, Some(170)));
    never_chosen(&ready, &asked);
    // What the shop has itself needs no lorry, and what is brought is not sent elsewhere too.
    let mut world = shop();
    world.has("shop", "A", 1);
    let asked = request(monday(), vec![collect(1, "A", 2, "shop"), ship(2, "A", 4)]);
    let found = look(&world.ready(), &asked, &Wider { transfers: true, ..Wider::default() });
    let from_east: u64 = found
        .legs
        .iter()
        .filter(|leg| leg.node == Some(node_id("east")))
        .flat_map(|leg| &leg.parts)
        .map(|part| part.quantity.units())
        .sum();
    assert_eq!(from_east, 4, "{found:?}");
    assert_eq!(found.unserved.iter().map(|(_, units)| units.units()).sum::<u64>(), 1);
}

#[test]
fn goods_of_two_nodes_go_on_from_a_hub_as_one_parcel() {
    let mut world = two();
    world.node("hub", NodeKind::CentralWarehouse, BERLIN);
    world.lane("hub", "berlin", "parcel", 250, 0);
    for node in ["east", "west"] {
        let lane = world.lane(node, "berlin", "lorry", 40, 0);
        lane.id = LaneId::new(format!("{node}>hub")).unwrap();
        lane.to = LaneEnd::Node(node_id("hub"));
        (lane.transit_days, lane.transit_ms) = (0, 3_600_000);
    }
    world.has("east", "A", 1);
    world.has("west", "B", 1);
    let ready = world.ready();
    let asked = request(monday(), vec![ship(1, "A", 1), ship(2, "B", 1)]);
    let found = look(&ready, &asked, &Wider { hubs: vec![node_id("hub")], ..Wider::default() });
    // Two lorries, one parcel, one day, and no split: 40 + 40 + 250 + 50.
    assert_eq!(found.cost_minor, 380);
    let costs: Vec<i64> = found.legs.iter().map(|leg| leg.cost_minor).collect();
    assert_eq!(costs, [340, 40], "the first bears the parcel");
    assert_eq!(found.beyond(), vec![Beyond::Merge]);
    assert!(matches!(&found.legs[0].means, Means::Merge { hub, .. } if *hub == node_id("hub")));
    never_chosen(&ready, &asked);
    // One node that has both sends them itself.
    world.has("east", "B", 1);
    let found = look(&world.ready(), &asked, &Wider { hubs: vec![node_id("hub")], ..Wider::default() });
    assert!(found.cost_minor <= 350, "{found:?}");
}

#[test]
fn a_hub_never_gets_what_is_sent_directly() {
    let mut world = two();
    world.node("hub", NodeKind::CentralWarehouse, BERLIN);
    world.lane("hub", "berlin", "parcel", 10, 0);
    let lane = world.lane("east", "berlin", "lorry", 1, 0);
    lane.id = LaneId::new("east>hub").unwrap();
    lane.to = LaneEnd::Node(node_id("hub"));
    (lane.transit_days, lane.transit_ms) = (0, 3_600_000);
    world.has("east", "A", 2);
    let asked = request(monday(), vec![ship(1, "A", 3)]);
    let found = look(&world.ready(), &asked, &Wider { hubs: vec![node_id("hub")], ..Wider::default() });
    let given: u64 = found.legs.iter().flat_map(|leg| &leg.parts).map(|part| part.quantity.units()).sum();
    assert_eq!(given, 2, "{found:?}");
}

#[test]
fn a_backorder_is_a_choice_with_a_date_and_a_price() {
    let mut world = two();
    world.has("east", "A", 1);
    let ready = world.ready();
    let asked = request(monday(), vec![ship(1, "A", 3)]);
    let backorder = Backorder { days: 14, order_minor: 500, unit_minor: 100 };
    let found = look(&ready, &asked, &Wider { backorder: Some(backorder), ..Wider::default() });
    // All three later cost 500 + 14 * 50 + 3 * 100; one now costs 350 more and saves 100.
    assert_eq!((found.cost_minor, found.beyond()), (1_500, vec![Beyond::Backorder]));
    assert_eq!(found.legs.len(), 1);
    assert_eq!(found.legs[0].promise.latest, monday().plus_ms(14 * 86_400_000));
    assert_eq!(found.unserved, []);
    never_chosen(&ready, &asked);
    let dear = Backorder { unit_minor: 600, ..backorder };
    let found = look(&ready, &asked, &Wider { backorder: Some(dear), ..Wider::default() });
    assert_eq!(found.legs.len(), 2, "now one unit saves more than its parcel costs");
}

#[test]
fn a_substitute_is_sent_where_it_saves_more_than_it_costs() {
    let mut world = two();
    world.has("west", "A", 5);
    world.has("east", "A2", 5);
    let ready = world.ready();
    let asked = request(monday(), vec![ship(1, "A", 2)]);
    let other = |unit_minor| Substitute { sku: sku("A"), instead: sku("A2"), unit_minor };
    let cheap = look(&ready, &asked, &Wider { substitutes: vec![other(40)], ..Wider::default() });
    // 300 + 50 + 2 * 40 instead of 400 + 50.
    assert_eq!((cheap.cost_minor, cheap.beyond()), (430, vec![Beyond::Substitute]));
    assert_eq!(cheap.legs[0].parts[0].sku, sku("A2"));
    let dear = look(&ready, &asked, &Wider { substitutes: vec![other(51)], ..Wider::default() });
    assert_eq!((dear.cost_minor, dear.beyond()), (450, vec![]));
    never_chosen(&ready, &asked);
}

#[test]
fn bundles_that_share_a_component_share_its_stock() {
    // X holds four of C, Y holds two; four of C are left.
    let mut world = two();
    world.has("east", "C", 4);
    let ready = world.ready();
    let bundles = || {
        let of = |name: &str, each| Bundle { sku: sku(name), parts: vec![(sku("C"), each)] };
        Wider { bundles: vec![of("X", 4), of("Y", 2)], ..Wider::default() }
    };
    let sells = |name: &str, units| {
        let asked = request(monday(), vec![ship(1, name, units)]);
        let found = look(&ready, &asked, &bundles());
        never_chosen(&ready, &asked);
        units - found.unserved.iter().map(|(_, left)| left.units()).sum::<u64>()
    };
    assert_eq!((sells("X", 5), sells("Y", 5)), (1, 2));
    let both = |x: u64, y: u64| {
        let asked = request(monday(), vec![ship(1, "X", x), ship(2, "Y", y)]);
        look(&ready, &asked, &bundles()).unserved.len()
    };
    assert_eq!(both(1, 1), 1, "after one X is sold, Y shows none");
    world.stock[0].2 = 2;
    let left = world.ready();
    let shows = |name: &str| {
        let found = look(&left, &request(monday(), vec![ship(1, name, 5)]), &bundles());
        5 - found.unserved.iter().map(|(_, left)| left.units()).sum::<u64>()
    };
    assert_eq!((shows("X"), shows("Y")), (0, 1), "after one Y is sold");
}

#[test]
fn a_bundle_is_never_torn_between_two_nodes() {
    let mut world = two();
    for (node, item) in [("east", "P"), ("west", "Q")] {
        world.has(node, item, 1);
    }
    let bundle = Bundle { sku: sku("SET"), parts: vec![(sku("P"), 1), (sku("Q"), 1)] };
    let wider = Wider { bundles: vec![bundle], ..Wider::default() };
    let asked = request(monday(), vec![ship(1, "SET", 1)]);
    assert_eq!(look(&world.ready(), &asked, &wider).unserved.len(), 1);
    world.has("west", "P", 1);
    let found = look(&world.ready(), &asked, &wider);
    assert_eq!(told(&found), [("west".to_owned(), vec![Beyond::Bundle], 450)]);
}

/// On random worlds: with nothing more allowed it is the engine's plan or as cheap, each thing more never makes it
/// dearer, and what it costs is what its legs cost.
#[test]
fn more_ways_never_make_an_outlook_dearer() {
    let (mut better, mut same) = (0, 0);
    for seed in 0..1_500 {
        let spice = Spice { pins: false, scales: false, terms: seed % 2 == 0, ..Spice::ALL };
        let (world, asked) = random::world(seed, spice);
        let ready = world.ready();
        let dice = &mut Dice(seed ^ 0x0071_00cc);
        let plain = look(&ready, &asked, &Wider::default());
        let units = |found: &Outlook| found.unserved.iter().map(|(_, left)| left.units()).sum::<u64>();
        assert!(
            (units(&plain), plain.cost_minor) <= (units(&plain), plain.plan.cost_minor()),
            "seed {seed}: {plain:#?}"
        );
        let mut wider = Wider { transfers: dice.percent(50), ..Wider::default() };
        for _ in 0..1 + dice.below(3) {
            let node = format!("n{}", dice.below(world.nodes.len() as u64 - 1).min(3));
            let later = asked.now.plus_ms(dice.below(5) as i64 * 86_400_000);
            wider.supply.push(supply(
                ["A", "B", "C"][dice.below(3) as usize],
                &node,
                1 + dice.below(3),
                later,
            ));
        }
        if dice.percent(50) {
            let instead = ["A", "B", "C"][dice.below(3) as usize];
            wider.substitutes.push(Substitute { sku: sku("A"), instead: sku(instead), unit_minor: 30 });
        }
        let more = look(&ready, &asked, &wider);
        assert!(units(&more) <= units(&plain), "seed {seed}: {more:#?}");
        let legs: i64 = more.legs.iter().map(|leg| leg.cost_minor).sum();
        let parcels = more.legs.iter().filter(|leg| matches!(leg.means, Means::Parcel(_))).count() as i64;
        let policy = &ready.policy.policy;
        let left = units(&more) as i64 * policy.backorder_cost_minor;
        let split = policy.split_penalty_minor * (parcels - 1).max(0);
        assert_eq!(legs + split + left, more.cost_minor, "seed {seed}: {more:#?}");
        if more.cost_minor < plain.cost_minor || units(&more) < units(&plain) {
            better += 1
        } else {
            same += 1
        }
    }
    assert!(better > 200 && same > 200, "{better} better, {same} the same");
}
