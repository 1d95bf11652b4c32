//! Cut-offs, holidays and daylight saving as a customer would check them on a wall calendar.

mod common;

use common::{World, at, every_day, given, request, ship};
use waybill_sourcing::{Documents, Interner, Network, parse_day};
use waybill_types::exchange::Plan;
use waybill_types::network::NodeKind;
use waybill_types::{CalendarId, Timestamp};

/// One node with a cut-off at 14:00, a truck at 18:00, and delivery on the next working day.
fn depot(zone: &str) -> World {
    let mut world = World::new();
    world.node("depot", NodeKind::CentralWarehouse, zone).cutoff_minute = Some(14 * 60);
    let lane = world.lane("depot", "berlin", "parcel", 400, 0);
    lane.departures = vec![every_day(18, 0)];
    world.zone("berlin", &["1"]);
    world.has("depot", "A", 100);
    world
}

fn plan_at(world: &World, now: Timestamp) -> Plan {
    let plan = world.ready().plan(&request(now, vec![ship(1, "A", 1)]));
    assert_eq!(given(&plan).len(), 1, "one node serves it: {plan:#?}");
    plan
}

fn ship_by(world: &World, now: Timestamp) -> Timestamp {
    plan_at(world, now).assignments[0].ship_by
}

#[test]
fn the_cut_off_holds_to_the_second_on_both_daylight_saving_days() {
    let changes = [
        ("Europe/Berlin", "2026-03-29", "2026-03-30"),
        ("Europe/Berlin", "2026-10-25", "2026-10-26"),
        ("America/New_York", "2026-03-08", "2026-03-09"),
        ("America/New_York", "2026-11-01", "2026-11-02"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06"),
    ];
    for (zone, day, next) in changes {
        let world = depot(zone);
        let early = ship_by(&world, at(zone, day, 13, 59, 59));
        assert_eq!(early, at(zone, day, 18, 0, 0), "{zone} {day} before the cut-off");
        let late = ship_by(&world, at(zone, day, 14, 0, 0));
        assert_eq!(late, at(zone, next, 18, 0, 0), "{zone} {day} at the cut-off");
    }
}

#[test]
fn the_day_before_a_change_runs_into_it_without_an_hour_too_many() {
    for (before, day) in [("2026-03-28", "2026-03-29"), ("2026-10-24", "2026-10-25")] {
        let world = depot("Europe/Berlin");
        let plan = plan_at(&world, at("Europe/Berlin", before, 14, 0, 0));
        assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", day, 18, 0, 0));
        assert_eq!(plan.assignments[0].ship_day, Some(parse_day(day).unwrap()));
    }
}

#[test]
fn handling_is_elapsed_time_even_when_the_clocks_change_in_it() {
    let mut world = depot("Europe/Berlin");
    (world.nodes[0].handling_ms, world.nodes[0].cutoff_minute) = (20 * 3_600_000, None);
    // By the wall clock, 20 hours are 21 over the change in spring and 19 over the one in autumn.
    let spring = ship_by(&world, at("Europe/Berlin", "2026-03-28", 21, 30, 0));
    assert_eq!(spring, at("Europe/Berlin", "2026-03-30", 18, 0, 0), "ready at 18:30, after the truck");
    let autumn = ship_by(&world, at("Europe/Berlin", "2026-10-24", 22, 30, 0));
    assert_eq!(autumn, at("Europe/Berlin", "2026-10-25", 18, 0, 0), "ready at 17:30, before the truck");
}

#[test]
fn the_release_time_counts_when_it_is_later_than_the_question() {
    let world = depot("Europe/Berlin");
    let now = at("Europe/Berlin", "2026-06-01", 9, 0, 0);
    let mut later = request(now, vec![ship(1, "A", 1)]);
    later.release_at = at("Europe/Berlin", "2026-06-04", 14, 0, 0);
    let plan = world.ready().plan(&later);
    assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", "2026-06-05", 18, 0, 0));
    let mut past = request(now, vec![ship(1, "A", 1)]);
    past.release_at = Timestamp::ZERO;
    assert_eq!(world.ready().plan(&past).assignments[0].ship_by, at("Europe/Berlin", "2026-06-01", 18, 0, 0));
}

#[test]
fn closed_days_of_node_and_carrier_are_skipped() {
    let mut world = depot("Europe/Berlin");
    world.calendar("node", 6, 8 * 60, 20 * 60, &["2026-12-25", "2026-12-26"]);
    world.calendar("carrier", 5, 0, 1440, &["2026-12-25", "2026-12-28"]);
    world.nodes[0].calendar = Some(CalendarId::new("node").unwrap());
    world.lanes[0].calendar = Some(CalendarId::new("carrier").unwrap());
    world.lanes[0].transit_days = 2;
    // Thursday 24 December after the cut-off; the 25th to 27th are closed, the carrier also rests on the 28th.
    let plan = plan_at(&world, at("Europe/Berlin", "2026-12-24", 15, 0, 0));
    let promise = plan.assignments[0].promise;
    assert_eq!(plan.assignments[0].ship_by, at("Europe/Berlin", "2026-12-29", 18, 0, 0));
    assert_eq!(promise.earliest, at("Europe/Berlin", "2026-12-31", 8, 0, 0));
    assert_eq!(promise.latest, at("Europe/Berlin", "2026-12-31", 21, 0, 0));
}

#[test]
fn without_departures_goods_leave_when_the_node_is_next_open() {
    let mut world = depot("Europe/Berlin");
    world.lanes[0].departures.clear();
    world.calendar("node", 5, 9 * 60, 17 * 60, &[]);
    world.nodes[0].calendar = Some(CalendarId::new("node").unwrap());
    let now = at("Europe/Berlin", "2026-06-05", 10, 30, 15);
    assert_eq!(ship_by(&world, now), now, "open now");
    let early = at("Europe/Berlin", "2026-06-05", 6, 0, 0);
    assert_eq!(ship_by(&world, early), at("Europe/Berlin", "2026-06-05", 9, 0, 0));
    world.nodes[0].handling_ms = 3 * 3_600_000;
    let friday = at("Europe/Berlin", "2026-06-05", 13, 59, 0);
    assert_eq!(ship_by(&world, friday), at("Europe/Berlin", "2026-06-05", 16, 59, 0));
    world.nodes[0].handling_ms = 4 * 3_600_000;
    assert_eq!(ship_by(&world, friday), at("Europe/Berlin", "2026-06-08", 9, 0, 0), "ready after closing");
}

#[test]
fn promised_days_are_those_of_the_destination() {
    let mut world = depot("America/New_York");
    world.zones[0].time_zone = Some(common::zone_name("Europe/Berlin"));
    world.lanes[0].departures = vec![every_day(20, 0)];
    world.lanes[0].transit_days = 3;
    world.lanes[0].delivery_minutes = Some((9 * 60, 12 * 60));
    // 20:00 in New York on 24 October 2026 is 02:00 on the 25th in Berlin, the day its clocks go back.
    let plan = plan_at(&world, at("America/New_York", "2026-10-24", 10, 0, 0));
    let promise = plan.assignments[0].promise;
    assert_eq!(promise.earliest, at("Europe/Berlin", "2026-10-28", 9, 0, 0));
    assert_eq!(promise.latest, at("Europe/Berlin", "2026-10-28", 12, 0, 0));
}

#[test]
fn lanes_of_hours_promise_hours() {
    let mut world = depot("Europe/Berlin");
    (world.lanes[0].transit_days, world.lanes[0].transit_ms) = (0, 2 * 3_600_000);
    let plan = plan_at(&world, at("Europe/Berlin", "2026-03-29", 13, 0, 0));
    let promise = plan.assignments[0].promise;
    assert_eq!(promise.earliest, at("Europe/Berlin", "2026-03-29", 18, 0, 0));
    assert_eq!(promise.latest, at("Europe/Berlin", "2026-03-29", 20, 0, 0));
}

#[test]
fn a_carrier_that_never_works_reaches_nobody() {
    let mut world = depot("Europe/Berlin");
    world.calendar("never", 0, 0, 1, &[]);
    world.calendars[0].weekly = vec![];
    world.calendars[0].exceptions = (0..900)
        .map(|ahead| waybill_types::network::DayException {
            day: waybill_types::network::LocalDay(parse_day("2026-06-01").unwrap().0 + ahead),
            hours: None,
        })
        .collect();
    world.lanes[0].calendar = Some(CalendarId::new("never").unwrap());
    let now = at("Europe/Berlin", "2026-06-02", 10, 0, 0);
    let plan = world.ready().plan(&request(now, vec![ship(1, "A", 1)]));
    assert!(plan.assignments.is_empty());
    assert_eq!(plan.unplanned[0].reason, waybill_types::exchange::UnplannedReason::NoRoute);
}

#[test]
fn absurd_times_are_planned_without_panic() {
    let world = depot("Europe/Berlin");
    for now in [i64::MIN, -1, 0, 253_402_300_800_000, i64::MAX] {
        for release in [i64::MIN, 0, i64::MAX] {
            let mut asked = request(Timestamp::from_ms(now), vec![ship(1, "A", 1)]);
            asked.release_at = Timestamp::from_ms(release);
            let ready = world.ready();
            let plan = ready.plan(&asked);
            assert_eq!(ready.cost(&asked, &plan), plan.cost_minor());
        }
    }
    let empty = Network::build(&mut Interner::new(), 0, &Documents::default());
    assert_eq!(empty.version(), 0);
}
