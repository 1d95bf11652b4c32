//! Placing: once per number, refused with every fault named, nothing changed by a refusal.

use super::build::{basket, confirm, delivered, line, order, place, units};
use super::world::{World, hash};
use crate::command::{Command, Import};
use crate::units::{Bucket, Buckets};
use crate::{Answer, Orders, Refusal, Status, status};
use waybill_machine::{Code, Coded, Machine};
use waybill_types::{Channel, ExternalNumber};

#[test]
fn the_same_order_five_times_is_one_order_with_one_answer() {
    let mut world = World::with_stock(&[("A", "n1", 9)]);
    assert!(Orders::is_repeatable(&place(order("100", vec![line("A", 2)]))));
    let first = world.place(order("100", vec![line("A", 2)]));
    world.settle();
    for _ in 0..4 {
        assert_eq!(world.place(order("100", vec![line("A", 2)])), first);
        world.settle();
    }
    assert_eq!(world.state.count(), 1);
    assert_eq!(
        world.claims.values().flat_map(|claims| claims.values().copied()).sum::<waybill_types::Quantity>(),
        units(2)
    );
    world.audit_at_rest();
}

#[test]
fn a_known_number_with_other_content_is_refused_naming_the_field() {
    let mut world = World::new();
    let first = world.place(order("100", vec![line("A", 2)]));
    let refused = world.ask(&place(order("100", vec![line("A", 3)]))).unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    match refused {
        Refusal::OtherContent { order, field, .. } => assert_eq!((order, field.as_str()), (first, "lines")),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.order(first).1.revision, 1, "the first order is as it was");
}

#[test]
fn the_same_number_in_another_channel_is_another_order() {
    let mut world = World::new();
    let first = world.place(order("100", vec![line("A", 2)]));
    let import = Import { channel: Channel::new("store").unwrap(), ..delivered("100", vec![line("A", 2)]) };
    match world.ask(&Command::Import(Box::new(import))).unwrap() {
        Answer::Imported { order, known } => assert!(order != first && !known),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_fault_of_a_request_is_named_and_nothing_changes() {
    let mut world = World::new();
    let before = hash(&mut world.state);
    let mut wrong = order("100", vec![line("A", 0), line("B", 1)]);
    wrong.priority = 101;
    wrong.basket.lines[1].scale = 4;
    wrong.basket.lines[0].external = waybill_types::Text::new("x").unwrap();
    wrong.basket.lines[1].external = waybill_types::Text::new("x").unwrap();
    let refused = world.ask(&place(wrong)).unwrap_err();
    let fields: Vec<String> = refused.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(
        fields,
        ["lines[0].quantity", "lines[1].quantity_scale", "lines[1].external_line_id", "priority"]
    );
    let empty = world.ask(&place(order("101", Vec::new()))).unwrap_err();
    assert_eq!(empty.violations()[0].field, "lines");
    assert_eq!(hash(&mut world.state), before);
}

#[test]
fn a_refused_order_frees_its_number_and_keeps_its_history() {
    let mut world = World::new();
    let first = world.place(confirm("100", vec![line("A", 1)]));
    world.settle();
    assert_eq!(status(&world.order(first).1), Status::Refused);
    world.receive_stock("A", "n1", 5);
    let second = world.place(confirm("100", vec![line("A", 1)]));
    world.settle();
    assert_ne!(second, first);
    assert_eq!(status(&world.order(second).1), Status::Released);
    let history = world.state.history(first).unwrap().unwrap();
    assert_eq!(history.last().unwrap().what.name(), "OrderRefused");
    world.audit_at_rest();
}

#[test]
fn an_imported_order_is_history_and_is_taken_once() {
    let mut world = World::new();
    let import = || Command::Import(Box::new(delivered("7", vec![line("A", 2)])));
    let Ok(Answer::Imported { order, known: false }) = world.ask(&import()) else { panic!() };
    assert!(Orders::is_repeatable(&import()));
    assert_eq!(world.ask(&import()).unwrap(), Answer::Imported { order, known: true });
    assert_eq!(status(&world.order(order).1), Status::Delivered);
    assert!(world.notes.iter().all(|note| !matches!(note, crate::Note::AskPlan(_))));
    assert!(world.sent.is_empty(), "an import sends nothing");
    world.audit_at_rest();
}

#[test]
fn an_import_that_is_not_finished_is_refused() {
    let mut world = World::new();
    let mut import = delivered("7", vec![line("A", 2)]);
    import.ended = vec![Buckets::all_in(Bucket::Open, units(1))];
    let refused = world.ask(&Command::Import(Box::new(import))).unwrap_err();
    let fields: Vec<String> = refused.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["lines[0].buckets", "lines[0].buckets"]);
}

#[test]
fn an_order_is_found_by_number_and_digest_newest_first_and_forgotten_by_phone_when_erased() {
    let mut world = World::new();
    let ids: Vec<_> = (0..3).map(|n| world.place(order(&n.to_string(), vec![line("A", 1)]))).collect();
    let phone = basket("x", Vec::new()).lookups[0];
    let customer = basket("x", Vec::new()).lookups[1];
    let web = Channel::new("web").unwrap();
    assert_eq!(world.state.by_number(&web, &ExternalNumber::new("1").unwrap()), Some(ids[1]));
    let by = |world: &World, l: crate::content::Lookup| world.state.by_lookup(l.kind, l.digest, None, 10);
    assert_eq!(by(&world, phone), [ids[2], ids[1], ids[0]]);
    assert_eq!(world.state.by_lookup(phone.kind, phone.digest, Some(ids[2]), 1), [ids[1]]);
    assert_eq!(world.ask(&Command::EraseSubject(ids[1])).unwrap(), Answer::Erased { before: false });
    assert_eq!(world.ask(&Command::EraseSubject(ids[1])).unwrap(), Answer::Erased { before: true });
    assert_eq!(by(&world, phone), [ids[2], ids[0]]);
    assert_eq!(by(&world, customer), [ids[2], ids[1], ids[0]]);
    world.audit();
}
