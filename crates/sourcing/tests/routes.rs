//! Routes against a slow walk: every simple path of small random networks is walked forwards, and what the search found
//! must be exactly the paths worth taking, in zones and on days on which clocks change.

mod common;
mod slow;

use common::dice::Dice;
use common::{World, node_id, text, zone_name};
use proptest::prelude::*;
use slow::Walker;
use waybill_sourcing::{Network, WeightClass, instant_of, parse_day};
use waybill_types::network::{
    Calendar, DayException, Departure, Lane, LaneCost, LaneEnd, LocalDay, NodeKind, OpenHours, Weekday,
    Weekdays,
};
use waybill_types::{CalendarId, NodeId, Timestamp, ZoneId};

const ZONES: [&str; 9] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Auckland",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kolkata",
    "America/Santiago",
];

/// Days on which clocks change in one of the zones, spring and autumn of both hemispheres, and one plain day.
const DAYS: [&str; 12] = [
    "2026-02-15",
    "2026-03-08",
    "2026-03-22",
    "2026-03-29",
    "2026-04-05",
    "2026-04-24",
    "2026-09-27",
    "2026-10-04",
    "2026-10-25",
    "2026-10-30",
    "2026-11-01",
    "2026-06-10",
];

const DAY_MS: i64 = 86_400_000;
const HORIZON_MS: i64 = 60 * DAY_MS;

impl Dice {
    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
    /// A minute of the day, often in the hours in which clocks change.
    fn minute(&mut self) -> u16 {
        let quarter = if self.one_in(2) { self.below(16) } else { self.below(96) };
        quarter as u16 * 15
    }
    fn range(&mut self) -> (u16, u16) {
        let (a, b) = (self.minute(), if self.one_in(3) { 1440 } else { self.minute() });
        (a.min(b), a.max(b).max(a.min(b) + 15))
    }
}

fn calendar(dice: &mut Dice, id: &str, around: LocalDay) -> Calendar {
    let mut weekly = Vec::new();
    for weekday in Weekday::ALL {
        let ranges = dice.below(4);
        let mut from = 0;
        for _ in 0..ranges.min(2) {
            let (a, b) = dice.range();
            let (a, b) = (a.max(from), b.max(from + 15));
            if a < b && b <= 1440 {
                weekly.push(OpenHours { weekday, from_minute: a, to_minute: b });
                from = b;
            }
        }
    }
    let mut exceptions: Vec<DayException> = Vec::new();
    for _ in 0..dice.below(5) {
        let day = LocalDay(around.0 + 3 - dice.below(9) as i32);
        let hours = dice.one_in(3).then(|| dice.range());
        if exceptions.iter().all(|exception| exception.day != day) {
            exceptions.push(DayException { day, hours });
        }
    }
    Calendar::sorted(CalendarId::new(id).unwrap(), text(""), weekly, exceptions).unwrap()
}

/// A small network around a day on which clocks change.
struct Case {
    world: World,
    deadline: Timestamp,
    class: WeightClass,
}

fn case(seed: u64) -> Case {
    let dice = &mut Dice(seed);
    let around = parse_day(dice.pick(&DAYS)).unwrap();
    let zones: Vec<&str> = (0..2).map(|_| dice.pick(&ZONES)).collect();
    let mut world = World::new();
    world.calendars = (0..3).map(|number| calendar(dice, &format!("c{number}"), around)).collect();
    let some_calendar = |dice: &mut Dice| {
        let named = dice.below(5);
        (named < 3).then(|| CalendarId::new(format!("c{named}")).unwrap())
    };
    let nodes = 3 + dice.below(3);
    for number in 0..nodes {
        let calendar = some_calendar(dice);
        let node = world.node(&format!("n{number}"), NodeKind::Store, dice.pick(&zones));
        node.calendar = calendar;
        node.cutoff_minute = dice.one_in(2).then(|| dice.minute());
        node.lead_days = dice.one_in(3).then(|| dice.below(4) as u16);
        node.handling_ms = dice.below(40) * 1_800_000;
        node.active = !dice.one_in(8);
    }
    let zone = world.zone("z", &["1"]);
    zone.time_zone = dice.one_in(2).then(|| zone_name(dice.pick(&zones)));
    zone.calendar = some_calendar(dice);
    for number in 0..3 * nodes {
        let from = format!("n{}", dice.below(nodes));
        let to = format!("n{}", if number < 2 { nodes } else { dice.below(nodes + 1) });
        if from == to {
            continue;
        }
        let base = 100 * dice.below(8) as i64;
        let per_kg = 10 * dice.below(2) as i64;
        let calendar = some_calendar(dice);
        let lane = world.lane(&from, "z", &format!("s{number}"), base, per_kg);
        if to != format!("n{nodes}") {
            lane.to = LaneEnd::Node(node_id(&to));
        }
        lane.calendar = calendar;
        lane.transit_days = dice.below(3) as u16;
        lane.transit_ms = if dice.one_in(2) { 0 } else { dice.below(60) * 1_800_000 };
        lane.preparation_ms = dice.one_in(2).then(|| dice.below(20) * 900_000);
        lane.delivery_minutes = dice.one_in(2).then(|| dice.range());
        lane.active = !dice.one_in(10);
        for _ in 0..dice.below(3) {
            let some: Vec<Weekday> = Weekday::ALL.into_iter().filter(|_| dice.one_in(2)).collect();
            let weekdays = if some.is_empty() { Weekdays::EVERY } else { Weekdays::of(&some) };
            lane.departures.push(Departure { weekdays, minute: dice.minute() });
        }
    }
    let day = LocalDay(around.0 + dice.below(4) as i32);
    let deadline = instant_of(&zone_name(dice.pick(&zones)), day, dice.minute()).unwrap();
    let class = WeightClass::of_g(dice.below(4_000));
    Case { world, deadline: deadline.plus_ms(dice.below(3) as i64 - 1), class }
}

/// Every simple path from `from` to the end, over active lanes and nodes.
fn paths<'w>(world: &'w World, from: &NodeId, end: &LaneEnd) -> Vec<Vec<&'w Lane>> {
    let mut found = Vec::new();
    let mut open = vec![(from.clone(), Vec::new(), vec![from.clone()])];
    while let Some((at, path, seen)) = open.pop() {
        if *end == LaneEnd::Node(at.clone()) {
            found.push(path);
            continue;
        }
        let works = |id: &NodeId| world.nodes.iter().any(|node| node.id == *id && node.active);
        for lane in world.lanes.iter().filter(|lane| lane.from == at && lane.active && works(&at)) {
            let mut longer: Vec<&Lane> = path.clone();
            longer.push(lane);
            match &lane.to {
                to @ LaneEnd::Zone(_) if to == end => found.push(longer),
                LaneEnd::Zone(_) => {}
                LaneEnd::Node(next) if seen.contains(next) || !works(next) => {}
                LaneEnd::Node(next) => {
                    let mut visited = seen.clone();
                    visited.push(next.clone());
                    open.push((next.clone(), longer, visited));
                }
            }
        }
    }
    found
}

fn cost(lane: &Lane, class: WeightClass) -> i64 {
    let LaneCost::Own(rate) = &lane.cost else { panic!("lanes here have rates of their own") };
    rate.base.minor + rate.per_kg.map_or(0, |per_kg| per_kg.minor) * class.top_g().div_ceil(1_000) as i64
}

/// What is worth taking of all paths: the latest instants and the costs, the latest first.
fn worth_taking(case: &Case, from: &NodeId, end: &LaneEnd) -> Vec<(i64, i64)> {
    let world = &case.world;
    let walker = Walker { nodes: &world.nodes, zones: &world.zones, calendars: &world.calendars };
    let deadline_ms = case.deadline.as_ms();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for path in paths(world, from, end) {
        let last_ms = match end {
            // At the end itself the goods only wait for the doors to open.
            LaneEnd::Node(node) if path.is_empty() => (0..HORIZON_MS / 60_000)
                .map(|minutes| deadline_ms - minutes * 60_000)
                .flat_map(|at_ms| [at_ms, at_ms / 60_000 * 60_000 - 1])
                .find(|at_ms| {
                    walker.next_open(walker.node(node), *at_ms).is_some_and(|open| open <= deadline_ms)
                }),
            _ => walker.last_start(&path, deadline_ms - HORIZON_MS, deadline_ms, deadline_ms),
        };
        all.extend(last_ms.map(|at_ms| (at_ms, path.iter().map(|lane| cost(lane, case.class)).sum())));
    }
    all.sort_by_key(|(at_ms, cost)| (std::cmp::Reverse(*at_ms), *cost));
    let mut worth: Vec<(i64, i64)> = Vec::new();
    for (at_ms, cost) in all {
        if worth.last().is_none_or(|(_, least)| cost < *least) {
            worth.push((at_ms, cost));
        }
    }
    worth
}

fn check_end(case: &Case, network: &Network, end: &LaneEnd) -> Result<usize, TestCaseError> {
    let routes = match end {
        LaneEnd::Node(node) => network.routes_to_node(node, case.deadline, case.class).unwrap(),
        LaneEnd::Zone(zone) => network.routes_to_zone(zone, case.deadline, case.class).unwrap(),
    };
    let world = &case.world;
    let walker = Walker { nodes: &world.nodes, zones: &world.zones, calendars: &world.calendars };
    let mut legs_most = 0;
    for node in world.nodes.iter().filter(|node| node.active) {
        let number = network.node_index(&node.id).unwrap();
        let found: Vec<(i64, i64)> =
            routes.from(number).map(|label| (label.latest_ready().as_ms(), label.cost_minor())).collect();
        prop_assert_eq!(&found, &worth_taking(case, &node.id, end), "from {} to {:?}", node.id, end);
        for label in routes.from(number) {
            legs_most = legs_most.max(usize::from(label.legs()));
            let lanes = network.lanes_of_route(&routes, label);
            let journey = network.journey(&routes, label, label.latest_ready()).unwrap();
            prop_assert!(journey.promise.latest <= case.deadline);
            let late = network.journey(&routes, label, label.latest_ready().plus_ms(1));
            prop_assert!(late.is_none_or(|late| late.promise.latest > case.deadline));
            let early = label.latest_ready().plus_ms(-5 * DAY_MS - 12_345_678);
            let journey = network.journey(&routes, label, early).unwrap();
            let walked = walker.walk(&lanes, early.as_ms());
            let there = journey.legs.last().map_or(Some(early.as_ms()), |leg| Some(leg.arrives.as_ms()));
            prop_assert_eq!(there, walked);
        }
    }
    Ok(legs_most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_exactly_the_paths_worth_taking(seed in any::<u64>()) {
        let case = case(seed);
        let network = case.world.ready().network;
        check_end(&case, &network, &LaneEnd::Zone(ZoneId::new("z").unwrap()))?;
        let store = case.world.nodes.iter().find(|node| node.active).map(|node| node.id.clone());
        if let Some(store) = store {
            check_end(&case, &network, &LaneEnd::Node(store))?;
        }
    }

    #[test]
    fn goods_are_ready_when_a_slow_walk_through_the_calendar_says_so(seed in any::<u64>(), hours in 0i64..200) {
        let case = case(seed);
        let (network, world) = (case.world.ready().network, &case.world);
        let walker = Walker { nodes: &world.nodes, zones: &world.zones, calendars: &world.calendars };
        for node in world.nodes.iter().filter(|node| node.active) {
            let number = network.node_index(&node.id).unwrap();
            for before_ms in [hours * 3_600_000, hours * 977_531] {
                let from = case.deadline.plus_ms(-before_ms);
                let ready = network.ready(number, from).map(|ready| ready.as_ms());
                prop_assert_eq!(ready, walker.ready(node, from.as_ms()), "{} at {}", node.id, from.as_ms());
            }
        }
    }
}

#[test]
fn the_random_networks_hold_what_the_search_can_get_wrong() {
    let (mut several_legs, mut choices, mut empty) = (0, 0, 0);
    for seed in 0..400 {
        let case = case(seed);
        let network = case.world.ready().network;
        let routes = network.routes_to_zone(&ZoneId::new("z").unwrap(), case.deadline, case.class).unwrap();
        several_legs += usize::from(routes.labels().iter().any(|label| label.legs() > 2));
        let nodes = case.world.nodes.iter().filter_map(|node| network.node_index(&node.id));
        choices += nodes.filter(|node| routes.from(*node).count() > 1).count();
        empty += usize::from(routes.labels().is_empty());
    }
    assert!(several_legs > 60 && choices > 200 && empty < 60, "{several_legs} {choices} {empty}");
}
