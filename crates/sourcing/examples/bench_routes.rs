//! How long one search for routes takes, on one core: a generated network of 1,000 stores, 40 local and 6 central
//! warehouses and 60 suppliers with about 9,000 lanes between them, each with departures per week in its node's time
//! zone, and lanes into 50 zones. Every search is for another end, deadline and weight; none is answered from memory,
//! except in the last row.
//!
//! `cargo run --release -p waybill-sourcing --example bench_routes -- [nodes] [searches]`

#![allow(clippy::disallowed_methods, reason = "a bench reads the clock; the planner never does")]

#[path = "../tests/common/dice.rs"]
mod dice;

use dice::Dice;
use std::time::Instant;
use waybill_sourcing::{Documents, Interner, Network, Routes, WeightClass};
use waybill_types::network::{
    Calendar, Capabilities, Departure, Lane, LaneCost, LaneEnd, LaneId, Node, NodeKind, OpenHours,
    PostalArea, Rate, TimeZoneName, Weekday, Weekdays, Zone,
};
use waybill_types::{
    Attributes, CalendarId, Country, Currency, Money, NodeId, PostalCode, ServiceId, Text, Timestamp, ZoneId,
};

const ZONES: u64 = 50;
/// Monday 1 June 2026, 00:00 UTC.
const MONDAY_MS: i64 = 1_780_272_000_000;
const HOUR_MS: u64 = 3_600_000;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (nodes, searches) = (numbers.next().unwrap_or(1_106), numbers.next().unwrap_or(4_000));
    let network = network(nodes);
    let (known, lanes, zones) = network.size();
    let transfers: usize = network.nodes().map(|node| transfers_into(&network, &node.id)).sum();
    println!("network: {known} nodes, {lanes} lanes ({transfers} between nodes), {zones} zones");
    println!("search                   p50 us   p99 us  p99.9 us  labels  nodes  legs");
    let to_store = measure("to a store", searches, |number| search(&network, number, true));
    let to_zone = measure("to a zone", searches, |number| search(&network, number, false));
    let counts = network.route_counts();
    measure("to a zone, kept", searches.min(200), |_| search(&network, searches as u64 - 1, false));
    println!("kept: {} of {} answers in {} bytes", counts.kept, counts.searches, counts.bytes);
    println!(
        "RESULT store_p50_us={:.0} store_p99_us={:.0} zone_p50_us={:.0} zone_p99_us={:.0}",
        to_store.0, to_store.1, to_zone.0, to_zone.1
    );
}

fn transfers_into(network: &Network, node: &NodeId) -> usize {
    network.lanes_into(node).len()
}

/// A search whose question follows from its number.
fn search(network: &Network, number: u64, to_store: bool) -> std::sync::Arc<Routes> {
    let dice = &mut Dice(number * 2 + u64::from(to_store));
    let minutes = dice.below(10 * 1_440) as i64 + 3 * 1_440;
    let deadline = Timestamp::from_ms(MONDAY_MS + minutes * 60_000);
    let class = WeightClass::of_g(dice.below(20_000));
    if to_store {
        let stores = network.nodes().filter(|node| node.kind == NodeKind::Store).count() as u64;
        let chosen = dice.below(stores) as usize;
        let store = network.nodes().filter(|node| node.kind == NodeKind::Store).nth(chosen);
        let store = store.expect("fewer were drawn than there are").id.clone();
        return network.routes_to_node(&store, deadline, class).expect("the store is known");
    }
    let zone = ZoneId::new(format!("Z{:02}", dice.below(ZONES))).expect("a literal within bounds");
    network.routes_to_zone(&zone, deadline, class).expect("the zone is known")
}

/// Prints and returns the quantiles of the time of one search in microseconds.
fn measure(name: &str, searches: usize, mut search: impl FnMut(u64) -> std::sync::Arc<Routes>) -> (f64, f64) {
    let (mut micros, mut labels, mut legs) = (Vec::with_capacity(searches), 0, 0u64);
    let mut reached = std::collections::BTreeSet::new();
    let mut nodes = 0;
    for number in 0..searches as u64 {
        let begin = Instant::now();
        let routes = search(number);
        micros.push(begin.elapsed().as_secs_f64() * 1e6);
        labels += routes.labels().len();
        legs += routes.labels().iter().map(|label| u64::from(label.legs())).sum::<u64>();
        reached.clear();
        reached.extend(routes.labels().iter().map(|label| label.node()));
        nodes += reached.len();
        assert!(!routes.cut_short());
    }
    micros.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    let per_search = |count: usize| count as f64 / searches as f64;
    println!(
        "{name:<22} {:>8.1} {:>8.1} {:>9.1} {:>7.0} {:>6.0} {:>5.2}",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        per_search(labels),
        per_search(nodes),
        legs as f64 / labels.max(1) as f64
    );
    (quantile(0.5), quantile(0.99))
}

/// A node with its place on a map of 1,000 by 1,000 km.
struct Placed {
    node: Node,
    place: (i64, i64),
}

fn km(a: (i64, i64), b: (i64, i64)) -> i64 {
    (a.0 - b.0).abs() + (a.1 - b.1).abs()
}

fn network(nodes: usize) -> Network {
    let placed: Vec<Placed> = (0..nodes).map(|index| placed(index, nodes)).collect();
    let zones: Vec<Zone> = (0..ZONES).map(zone).collect();
    let mut lanes = transfers(&placed);
    for from in &placed {
        lanes.extend((0..ZONES).filter_map(|zone| parcel(from, zone)));
    }
    let calendars = [calendar("shop", 6), calendar("work", 5)];
    let documents = Documents {
        nodes: placed.iter().map(|placed| &placed.node).collect(),
        lanes: lanes.iter().collect(),
        zones: zones.iter().collect(),
        calendars: calendars.iter().collect(),
        rate_cards: Vec::new(),
    };
    let network = Network::build(&mut Interner::new(), 1, &documents);
    assert!(network.left_out().is_empty());
    network
}

/// Suppliers feed the central warehouses; those feed each other, the local ones and stores; local ones feed stores and
/// their neighbours; stores send to their local warehouse and to the two stores nearest to them.
fn transfers(placed: &[Placed]) -> Vec<Lane> {
    let of = |kind: NodeKind| placed.iter().filter(move |placed| placed.node.kind == kind);
    let nearest = |to: &Placed, kind: NodeKind, count: usize| {
        let mut found: Vec<&Placed> = of(kind).filter(|from| from.node.id != to.node.id).collect();
        found.sort_by_key(|from| (km(from.place, to.place), from.node.id.clone()));
        found.truncate(count);
        found
    };
    let mut lanes = Vec::new();
    for to in of(NodeKind::CentralWarehouse) {
        lanes.extend(of(NodeKind::Supplier).map(|from| transfer(from, to)));
        lanes.extend(nearest(to, NodeKind::CentralWarehouse, 5).into_iter().map(|from| transfer(from, to)));
    }
    for to in of(NodeKind::LocalWarehouse) {
        lanes.extend(of(NodeKind::CentralWarehouse).map(|from| transfer(from, to)));
        lanes.extend(nearest(to, NodeKind::LocalWarehouse, 11).into_iter().map(|from| transfer(from, to)));
    }
    for store in of(NodeKind::Store) {
        let feeding = [(NodeKind::LocalWarehouse, 3), (NodeKind::CentralWarehouse, 2), (NodeKind::Store, 2)];
        for (kind, count) in feeding {
            lanes.extend(nearest(store, kind, count).into_iter().map(|from| transfer(from, store)));
        }
        let local = nearest(store, NodeKind::LocalWarehouse, 1);
        lanes.extend(local.into_iter().map(|to| transfer(store, to)));
    }
    lanes
}

fn transfer(from: &Placed, to: &Placed) -> Lane {
    let km = km(from.place, to.place);
    let id = format!("{}>{}", from.node.id, to.node.id);
    let dice =
        &mut Dice(id.bytes().fold(3u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte))));
    let weekdays = match from.node.kind {
        NodeKind::Store | NodeKind::Supplier => {
            Weekdays::of(&[Weekday::Monday, Weekday::Wednesday, Weekday::Friday])
        }
        NodeKind::LocalWarehouse | NodeKind::CentralWarehouse => Weekdays::EVERY,
    };
    let minute = 60 * (5 + dice.below(15)) as u16;
    Lane {
        to: LaneEnd::Node(to.node.id.clone()),
        transit_ms: HOUR_MS * (2 + km as u64 / 60),
        transit_days: 0,
        departures: vec![Departure { weekdays, minute }],
        preparation_ms: Some(HOUR_MS / 2 * dice.below(4)),
        ..lane(&id, from, "transfer", 60 + km / 10, 9 + km / 50)
    }
}

fn parcel(from: &Placed, zone: u64) -> Option<Lane> {
    let place = place_of(1_000_000 + zone);
    let km = km(from.place, place);
    let reaches = match from.node.kind {
        NodeKind::Store => km < 250,
        NodeKind::LocalWarehouse => km < 700,
        NodeKind::CentralWarehouse => true,
        NodeKind::Supplier => false,
    };
    let id = format!("{}>Z{zone:02}", from.node.id);
    reaches.then(|| Lane {
        to: LaneEnd::Zone(ZoneId::new(format!("Z{zone:02}")).expect("a literal within bounds")),
        transit_days: 1 + (km / 400) as u16,
        departures: vec![Departure { weekdays: Weekdays::EVERY, minute: 18 * 60 }],
        ..lane(&id, from, "parcel", 390 + 45 * (km / 250), 40)
    })
}

fn lane(id: &str, from: &Placed, service: &str, base: i64, per_kg: i64) -> Lane {
    Lane {
        id: LaneId::new(id).expect("a literal within bounds"),
        from: from.node.id.clone(),
        to: LaneEnd::Node(from.node.id.clone()),
        service: ServiceId::new(service).expect("a literal within bounds"),
        cost: LaneCost::Own(Rate { base: euro(base), per_kg: Some(euro(per_kg)) }),
        transit_ms: 0,
        transit_days: 0,
        departures: Vec::new(),
        calendar: Some(CalendarId::new("work").expect("a literal within bounds")),
        active: true,
        delivery_minutes: None,
        preparation_ms: None,
    }
}

fn placed(index: usize, nodes: usize) -> Placed {
    let (centrals, locals, suppliers) = ((nodes * 6 / 1_106).max(2), nodes * 40 / 1_106, nodes * 60 / 1_106);
    let kind = match index {
        _ if index < centrals => NodeKind::CentralWarehouse,
        _ if index < centrals + locals => NodeKind::LocalWarehouse,
        _ if index < centrals + locals + suppliers => NodeKind::Supplier,
        _ => NodeKind::Store,
    };
    let zone = ["Europe/Berlin", "Europe/Lisbon", "Europe/Helsinki"][index % 3];
    let calendar = if kind == NodeKind::Store { "shop" } else { "work" };
    let node = Node {
        id: NodeId::new(format!("N{index:04}")).expect("a literal within bounds"),
        kind,
        name: Text::new("").expect("empty is allowed"),
        address: None,
        point: None,
        time_zone: TimeZoneName::new(zone).expect("a literal within bounds"),
        calendar: Some(CalendarId::new(calendar).expect("a literal within bounds")),
        cutoff_minute: None,
        handling_ms: 2 * HOUR_MS,
        handling_cost: None,
        unit_handling_cost: None,
        day_capacity_units: None,
        can: Capabilities { ships: true, pickup: kind == NodeKind::Store, accepts_returns: true },
        active: true,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    };
    Placed { node, place: place_of(index as u64) }
}

fn place_of(number: u64) -> (i64, i64) {
    let dice = &mut Dice(number);
    (dice.below(1_000) as i64, dice.below(1_000) as i64)
}

fn zone(index: u64) -> Zone {
    let postal = PostalCode::new(format!("{index:02}")).expect("a literal within bounds");
    let country = Country::new("DE").expect("a literal within bounds");
    Zone {
        id: ZoneId::new(format!("Z{index:02}")).expect("a literal within bounds"),
        name: Text::new("").expect("empty is allowed"),
        areas: vec![PostalArea { country, postal_prefixes: vec![postal] }],
        circle: None,
        time_zone: None,
        calendar: None,
    }
}

fn calendar(id: &str, days: usize) -> Calendar {
    let open = |weekday: &Weekday| OpenHours { weekday: *weekday, from_minute: 6 * 60, to_minute: 20 * 60 };
    let weekly = Weekday::ALL[..days].iter().map(open).collect();
    let id = CalendarId::new(id).expect("a literal within bounds");
    let name = Text::new("").expect("empty is allowed");
    Calendar::sorted(id, name, weekly, Vec::new()).expect("no day is excepted twice")
}

fn euro(minor: i64) -> Money {
    Money { currency: Currency::new("EUR").expect("a literal within bounds"), minor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_on_a_small_network_reach_most_nodes_and_are_kept() {
        let network = network(120);
        for number in 0..20 {
            let routes = search(&network, number, true);
            assert!(routes.labels().len() > 40, "search {number} reached {} nodes", routes.labels().len());
            assert!(routes.labels().iter().any(|label| label.legs() > 1));
            search(&network, number, false);
        }
        let before = network.route_counts();
        search(&network, 3, true);
        let after = network.route_counts();
        assert_eq!((after.hits, after.searches), (before.hits + 1, before.searches));
    }
}
