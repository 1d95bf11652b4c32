//! Stored bytes of the first version, which every later version must read and, for the same input, write.

use super::given::{id, node, node_id, package, text, units, work};
use crate::command::{RejectKind, ShortKind, UndeliveredKind};
use crate::event::{AskAnswered, Event, PickedLine, ShortedLine};
use waybill_machine::record::{decode, encode};
use waybill_types::exchange::{Landing, Substituted, WorkRefusal};
use waybill_types::network::{
    Buffer, Calendar, DayException, FallbackStep, Lane, LaneCost, LaneEnd, LaneId, LocalDay, NodeKind,
    NodeSet, OpenHours, Policy, PostalArea, Preference, Rate, RateCard, RateCardId, RateStep, Rules,
    ServeRule, SplitLimit, Weekday, When, Zone,
};
use waybill_types::{
    CalendarId, Channel, Country, Currency, LineNo, Money, PostalCode, Quantity, Reason, ServiceId, Sku,
    Timestamp, ZoneId,
};

/// One line per event: name and bytes in hex. A line is never changed; new events and fields get new lines.
const STORED: &str = include_str!("stored_events_v1.txt");

fn rate() -> Rate {
    let eur = |minor| Money { currency: Currency::new("EUR").unwrap(), minor };
    Rate { base: eur(490), per_kg: Some(eur(20)) }
}

/// A policy with a rule of every sort.
fn with_rules() -> Policy {
    let when = When {
        channels: vec![Channel::new("web").unwrap()],
        zones: vec![ZoneId::new("de").unwrap()],
        classes: vec![],
    };
    let nodes = NodeSet { kinds: vec![NodeKind::Store], nodes: vec![node_id("n1")] };
    let rules = Rules {
        name: text("spring"),
        serves: vec![ServeRule { when: when.clone(), nodes: nodes.clone(), serves: false }],
        buffers: vec![Buffer { when: When::default(), nodes, keep_units: 2, keep_percent: 10 }],
        preferences: vec![Preference { when: when.clone(), kind: NodeKind::Supplier, minor: -7 }],
        splits: vec![SplitLimit { when, shipments_max: 2 }],
        fallback: vec![FallbackStep::UseBuffers, FallbackStep::AnyNode],
        terms: None,
    };
    Policy { rules: Some(Box::new(rules)), ..Policy::sound(Currency::new("EUR").unwrap()) }
}

fn network_events() -> Vec<(&'static str, Event)> {
    let calendar = Calendar::sorted(
        CalendarId::new("shop").unwrap(),
        text("Shop"),
        vec![OpenHours { weekday: Weekday::Saturday, from_minute: 540, to_minute: 1440 }],
        vec![DayException { day: LocalDay(20_812), hours: None }],
    );
    let area = PostalArea {
        country: Country::new("DE").unwrap(),
        postal_prefixes: vec![PostalCode::new("10").unwrap()],
    };
    let zone = Zone {
        id: ZoneId::new("de").unwrap(),
        name: text(""),
        areas: vec![area],
        circle: None,
        time_zone: None,
        calendar: None,
    };
    let lane = Lane {
        id: LaneId::new("l").unwrap(),
        from: node_id("n1"),
        to: LaneEnd::Zone(ZoneId::new("de").unwrap()),
        service: ServiceId::new("standard").unwrap(),
        cost: LaneCost::Own(rate()),
        transit_ms: 5,
        transit_days: 1,
        departures: vec![],
        calendar: None,
        active: true,
        delivery_minutes: Some((480, 1200)),
        preparation_ms: None,
    };
    let card = RateCard {
        id: RateCardId::new("r").unwrap(),
        name: text(""),
        steps: vec![RateStep { up_to_weight_g: Some(1000), rate: rate() }],
    };
    vec![
        ("NodeSet", Event::NodeSet(Box::new(node("n1", Some(10))))),
        ("LaneSet", Event::LaneSet(Box::new(lane))),
        ("ZoneSet", Event::ZoneSet(Box::new(zone))),
        ("CalendarSet", Event::CalendarSet(Box::new(calendar.unwrap()))),
        ("RateCardSet", Event::RateCardSet(Box::new(card))),
        ("PolicySet", Event::PolicySet(Box::new(Policy::sound(Currency::new("EUR").unwrap())))),
        ("PolicyRestored", Event::PolicyRestored(3)),
        ("PolicySet", Event::PolicySet(Box::new(with_rules()))),
    ]
}

fn work_events() -> Vec<(&'static str, Event)> {
    let at = Timestamp::from_ms(1_728_000_000_000);
    let picked = PickedLine {
        line: LineNo(1),
        quantity: Quantity::of(2),
        lots: vec![text("L1")],
        serials: vec![text("S1"), text("S2")],
    };
    let shorted = ShortedLine { line: LineNo(2), quantity: Quantity::ONE, kind: ShortKind::Damaged };
    let cancelled = Event::CancelAnswered {
        id: id(7),
        removed: units(&[(1, 1)]),
        stopped: units(&[(1, 1)]),
        too_late: units(&[(2, 3)]),
        instruction: Some(9),
        recall: 1,
        asked: units(&[(3, 1)]),
        answer_by: Some(at),
        reason: Reason::new("changed my mind").unwrap(),
    };
    let substituted = Substituted { units: units(&[(1, 1)])[0], sku: Sku::new("A2").unwrap() };
    let answered = AskAnswered { recall: 2, stopped: units(&[(1, 1)]), too_late: units(&[(2, 1)]) };
    let handed = Event::HandedOver {
        id: id(7),
        proof: text("code"),
        left: units(&[(1, 1)]),
        given_up: units(&[(1, 2)]),
        until: Some(at),
    };
    let not_collected = Event::NotCollected { id: id(7), units: units(&[(1, 2)]), instruction: Some(4) };
    let landed = UndeliveredKind::ReturnedToSender(Landing::Inspect);
    vec![
        ("NodeKnown", Event::NodeKnown(node("n1", Some(10)).facts(3))),
        ("InstructionsAcknowledged", Event::InstructionsAcknowledged(node_id("n1"), 12)),
        ("WorkPlanned", Event::WorkPlanned(Box::new(work(7, &[("A", 2), ("B", 1)])))),
        ("WorkRefused", Event::WorkRefused(id(7), WorkRefusal::Closed, None)),
        ("WorkReleased", Event::WorkReleased(id(7), 8)),
        ("CancelAnswered", cancelled),
        ("Accepted", Event::Accepted(id(7))),
        ("Rejected", Event::Rejected(id(7), RejectKind::Other)),
        ("PickingStarted", Event::PickingStarted(id(7))),
        ("CancelDecided", Event::CancelDecided(id(7), vec![answered])),
        (
            "PickConfirmed",
            Event::PickConfirmed {
                id: id(7),
                picked: vec![picked],
                shorted: vec![shorted],
                substituted: vec![substituted],
            },
        ),
        ("Packed", Event::Packed(id(7), vec![package("P1", &[(1, 2)])])),
        ("Shipped", Event::Shipped(id(7), vec![package("P1", &[(1, 2)])], at)),
        ("MadeReady", Event::MadeReady(id(7), text("K7"), at)),
        ("HandedOver", handed),
        ("NotCollected", not_collected),
        ("Undelivered", Event::Undelivered(id(7), landed, vec![text("P1")])),
        ("Delivered", Event::Delivered(id(7), vec![text("P1")], at)),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn events_of_the_first_version_are_read_and_written_the_same() {
    let today: Vec<(&str, Event)> = network_events().into_iter().chain(work_events()).collect();
    let written: String =
        today.iter().map(|(name, event)| format!("{name} {}\n", hex(&encode(event)))).collect();
    assert_eq!(written, STORED, "stored bytes never change");
    for (line, (name, event)) in STORED.lines().zip(&today) {
        let (stored_name, bytes) = line.split_once(' ').unwrap();
        assert_eq!(stored_name, *name);
        assert_eq!(&decode::<Event>(&unhex(bytes)).unwrap(), event);
    }
}

#[test]
fn a_usual_fulfillment_order_and_its_instruction_take_few_bytes() {
    let mut driver = super::given::with_node(None);
    let id = super::given::released(&mut driver, 1, &[("P000001", 1), ("P000002", 2), ("P000003", 1)]);
    let order = encode(&*super::given::order(&driver, id)).len();
    let instruction = encode(&*driver.state.instructions(&node_id("n1"), 0, 1)[0]).len();
    assert!(order < 400, "the order takes {order} bytes without its recipient");
    assert!(instruction < 300, "the instruction takes {instruction} bytes without its recipient");
}
