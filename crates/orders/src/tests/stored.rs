//! What is stored stays readable and small.

use super::build::{confirm, line, order, units};
use super::world::{World, hash};
use crate::Event;
use crate::command::{AddedAmounts, Amend, Change, Command};
use crate::history::Entry;
use std::collections::BTreeSet;
use waybill_machine::Position;
use waybill_machine::record::{decode, encode};
use waybill_types::policy::HoldCode;
use waybill_types::{HoldId, LineNo, Origin, ReservationId, Text, Timestamp};

#[test]
fn a_usual_order_takes_few_bytes() {
    let mut world = World::with_stock(&[("A", "n1", 5), ("B", "n1", 5), ("C", "n1", 5)]);
    let id = world.place(order("1000001", vec![line("A", 1), line("B", 2), line("C", 1)]));
    world.settle();
    let work = world.order(id).1.works[0].id;
    for (number, count) in [(1, 1), (2, 2), (3, 1)] {
        world.pick(work, LineNo(number), units(count));
    }
    world.ship(work);
    world.deliver(work);
    world.settle();
    let (opening, order) = world.order(id);
    let (opening, order) = (encode(&*opening).len(), encode(&*order).len());
    assert!(opening < 900, "the opening row takes {opening} bytes");
    assert!(order < 1_500, "the order row takes {order} bytes");
    assert_eq!(world.state.history.all().len(), 0, "its history still fits the order row");
}

#[test]
fn a_long_history_is_kept_in_chunks_and_rebuilds_the_order() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    for round in 0..150 {
        world.receive_stock("A", &format!("n{round}"), 1);
        world.stock.clear();
        world.settle();
    }
    assert!(world.state.history.all().len() >= 3);
    let (_, order) = world.order(id);
    assert!(order.tail.entries.len() < crate::history::CHUNK_BYTES);
    assert!(order.attempts.len() <= 17, "attempts that are over are not listed for ever");
    world.audit_at_rest();
    let history = world.state.history(id).unwrap().unwrap();
    assert_eq!(history.len() as u64, order.revision);
    let origin = history[0].origin.as_ref().unwrap();
    assert_eq!((origin.channel.as_str(), origin.actor.as_str()), ("web", "anna"));
}

#[test]
fn a_history_entry_is_stored_as_an_entry() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    for entry in world.state.history(id).unwrap().unwrap() {
        assert_eq!(decode::<Entry>(&encode(&entry)).unwrap(), entry);
    }
}

/// How many kinds of event there are.
const KINDS: usize = 38;
/// Journals written by each version, with every kind of event it had and how many that were: one line per event with its
/// sequence, its time and origin, and itself, after a line with the hash of the state it makes. Never edited; a new kind gets
/// a new file.
const VERSIONS: [(&str, usize); 2] =
    [(include_str!("first_version.txt"), 36), (include_str!("second_version.txt"), KINDS)];

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_journal_of_each_version_makes_the_same_state_for_good() {
    VERSIONS.into_iter().for_each(|(journal, kinds)| makes_the_same_state(journal, kinds));
}

fn makes_the_same_state(journal: &str, count: usize) {
    let mut lines = journal.lines();
    let expected = unhex(lines.next().unwrap());
    let mut world = World::new();
    let mut kinds = BTreeSet::new();
    for line in lines {
        let parts: Vec<&str> = line.split(' ').collect();
        let position = Position { sequence: parts[0].parse().unwrap(), index: 0 };
        let (at, origin): (Timestamp, Origin) = decode(&unhex(parts[1])).unwrap();
        let event: Event = decode(&unhex(parts[2])).unwrap();
        assert_eq!(encode(&event), unhex(parts[2]), "written as it was read");
        kinds.insert(event.what.name());
        world.journal.push((at, origin, position, event));
    }
    assert_eq!(kinds.len(), count, "every kind of event stands in it: {kinds:?}");
    world.replay();
    assert_eq!(hash(&mut world.state).as_slice(), expected);
    world.audit();
}

/// A life with every kind of event in it.
fn whole_life() -> World {
    let mut world = super::laws::wander(2_000);
    world.settle();
    world.place(confirm("confirmed", vec![line("A", 1)]));
    world.receive_stock("A", "n1", 500);
    world.settle();
    let mut late = order("too late", vec![line("B", 1)]);
    late.hold = Some(ReservationId::Hold { home: 0, hold: HoldId([7; 16]) });
    world.place(late);
    let mut second = order("held", vec![line("A", 1)]);
    second.order_holds = vec![HoldCode::new("fraud").unwrap()];
    let held = world.place(second);
    world.settle();
    let (code, note) = (HoldCode::new("manual").unwrap(), Text::default());
    world.ask(&Command::PlaceOrderHold { order: held, line: None, code, note: note.clone() }).unwrap();
    world.ask(&Command::ResolveOrderHold { order: held, hold: 1, note }).unwrap();
    let amend = Amend {
        order: held,
        expected_revision: world.order(held).1.revision,
        changes: vec![Change::SetPrice {
            line: LineNo(1),
            amounts: AddedAmounts { unit_price: 1, discount: 0, tax: 0, total: 1 },
        }],
        recipient: None,
        unserved: None,
    };
    world.ask(&Command::Amend(Box::new(amend))).unwrap();
    let amendment = world.order(held).1.last_amendment;
    world.ask(&Command::DecideAmendment { order: held, amendment, approve: true }).unwrap();
    world.settle();
    // More than there is, of a planner that does not know.
    world.blind_planner = true;
    let added = AddedAmounts { unit_price: 1, discount: 0, tax: 0, total: 799 };
    let more = Change::SetQuantity { line: LineNo(1), quantity: units(800), added: Some(added) };
    let expected_revision = world.order(held).1.revision;
    let amend =
        Amend { order: held, expected_revision, changes: vec![more], recipient: None, unserved: None };
    world.ask(&Command::Amend(Box::new(amend))).unwrap();
    world.settle();
    world
}

/// Writes the journal of a whole life where `WAYBILL_WRITE_STORED` named a file when this was built: how the file of a new
/// version comes to be.
#[test]
fn a_whole_life_meets_every_kind_of_event() {
    let mut world = whole_life();
    let kinds: BTreeSet<_> = world.journal.iter().map(|(.., event)| event.what.name()).collect();
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    let Some(file) = option_env!("WAYBILL_WRITE_STORED") else { return };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut text = hex(&hash(&mut world.state));
    for (at, origin, position, event) in &world.journal {
        let said = hex(&encode(&(*at, origin.clone())));
        text.push_str(&format!("\n{} {said} {}", position.sequence, hex(&encode(event))));
    }
    std::fs::write(file, text + "\n").unwrap();
}
