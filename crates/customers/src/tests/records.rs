//! Each command, its refusals, and what is kept for how long.

use super::{World, email, linking, phone};
use crate::{About, Answer, Command, ContactKind, FeedbackKind, NewContact, NewFeedback, Profile, Refusal};
use waybill_types::{CustomerId, Sealed, SubjectKey, Text};

fn call(days: u16) -> NewContact {
    NewContact {
        kind: ContactKind::Call,
        node: None,
        skus: Vec::new(),
        order: None,
        note: Some(Sealed(vec![1])),
        consent: false,
        retention_days: days,
    }
}

fn rating(rating: u8) -> NewFeedback {
    NewFeedback {
        kind: FeedbackKind::Rating,
        code: Text::default(),
        rating,
        about: About::default(),
        text: None,
    }
}

#[test]
fn an_identity_makes_a_record_once() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    assert_eq!(world.link(None, phone(1), false).unwrap(), ada);
    assert_eq!((world.state.count(), world.revision(ada)), (1, 2));
    assert_eq!(world.state.told_by(phone(1)), Some(ada));
    world.link(Some(ada), email(2), false).unwrap();
    assert_eq!(world.keys(ada), [email(2), phone(1)], "strongest first");
}

#[test]
fn an_identity_has_one_owner_unless_it_is_shared_on_both_sides() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    let bob = world.link(None, email(2), false).unwrap();
    assert_eq!(world.link(Some(bob), phone(1), true), Err(Refusal::Taken { holder: ada }));
    world.link(Some(ada), phone(1), true).unwrap();
    assert_eq!(world.link(Some(bob), phone(1), false), Err(Refusal::Shared { holder: ada }));
    world.link(Some(bob), phone(1), true).unwrap();
    assert_eq!(world.state.holders(phone(1)), [ada, bob]);
    assert_eq!(world.state.told_by(phone(1)), None, "a shared phone tells nobody by itself");
    assert_eq!(world.link(None, phone(1), true), Err(Refusal::Shared { holder: ada }));
    assert_eq!(world.violations(), []);
}

#[test]
fn a_merged_record_is_another_name() {
    let mut world = World::new();
    let [ada, bob, eve] = [phone(1), email(2), email(3)].map(|key| world.link(None, key, false).unwrap());
    world.ask(&Command::RecordContact { customer: bob, contact: call(3) }).unwrap();
    world.merge(ada, bob).unwrap();
    assert_eq!(world.keys(ada), [email(2), phone(1)]);
    assert_eq!(world.merge(ada, bob).unwrap(), Answer::Changed { customer: ada, revision: 3, number: 0 });
    assert_eq!(world.merge(eve, bob), Err(Refusal::Merged { customer: bob, into: ada }));
    assert_eq!(world.merge(bob, ada), Err(Refusal::Merged { customer: bob, into: ada }));
    world.merge(eve, ada).unwrap();
    assert_eq!(world.state.person(bob).unwrap().0, eve);
    world.ask(&Command::RecordFeedback { customer: bob, feedback: rating(5) }).unwrap();
    assert_eq!((world.record(eve).said.len(), world.record(eve).contacts.len()), (1, 1));
    assert_eq!(world.violations(), []);
    world.pass(3);
    assert_eq!(world.record(eve).contacts, [], "the contact is dropped from the record it came to");
    assert_eq!(world.violations(), []);
}

#[test]
fn a_split_takes_some_and_not_all() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    world.link(Some(ada), email(2), false).unwrap();
    assert_eq!(world.split(ada, &[phone(1), email(2)]), Err(Refusal::AllWouldLeave(ada)));
    assert_eq!(world.split(ada, &[]), Err(Refusal::AllWouldLeave(ada)));
    assert!(matches!(world.split(ada, &[phone(9)]), Err(Refusal::NotTheirs { .. })));
    let new = world.split(ada, &[email(2)]).unwrap();
    assert_eq!((world.keys(ada), world.keys(new)), (vec![phone(1)], vec![email(2)]));
    assert_eq!(world.state.told_by(email(2)), Some(new));
}

#[test]
fn of_two_who_decide_on_one_revision_one_is_told_to_read_again() {
    let mut world = World::new();
    let [ada, bob] = [phone(1), email(2)].map(|key| world.link(None, key, false).unwrap());
    world.link(Some(ada), email(3), false).unwrap();
    let split =
        Command::Split { customer: ada, keys: vec![phone(1)], subject: SubjectKey(1), expected: Some(3) };
    world.ask(&split).unwrap();
    let merge = Command::Merge { into: bob, from: ada, into_expected: Some(2), from_expected: Some(3) };
    assert_eq!(world.ask(&merge), Err(Refusal::Stale { customer: ada, expected: 3, current: 4 }));
}

#[test]
fn observed_contacts_need_consent_and_every_contact_has_an_end() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    let visit = NewContact { kind: ContactKind::Visit, ..call(1) };
    let visited = Command::RecordContact { customer: ada, contact: visit.clone() };
    assert_eq!(world.ask(&visited), Err(Refusal::NoConsent));
    let contact = NewContact { consent: true, ..visit };
    world.ask(&Command::RecordContact { customer: ada, contact }).unwrap();
    world.ask(&Command::RecordContact { customer: ada, contact: call(2) }).unwrap();
    world.pass(1);
    assert_eq!(world.record(ada).contacts.iter().map(|c| c.kind).collect::<Vec<_>>(), [ContactKind::Call]);
    world.pass(1);
    assert!(world.record(ada).contacts.is_empty());
}

#[test]
fn contacts_and_changes_are_bounded() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    for _ in 0..250 {
        world.ask(&Command::RecordContact { customer: ada, contact: call(10) }).unwrap();
    }
    let record = world.record(ada);
    assert_eq!((record.contacts.len(), record.contacts[0].number), (crate::KEPT_MAX, 151));
    assert_eq!(world.state.changes(ada, 1_000).len(), crate::CHANGES_MAX);
    assert_eq!(world.state.changes(ada, 1)[0].revision, 252);
    assert_eq!(world.violations(), []);
}

#[test]
fn an_erased_record_keeps_only_the_numbers_of_its_keys() {
    let mut world = World::new();
    let ada = world.link(None, phone(1), false).unwrap();
    let profile = Profile { name: Some(Sealed(vec![7])), ..Profile::default() };
    world.ask(&Command::SetProfile { customer: ada, profile, expected: None }).unwrap();
    let keys = vec![SubjectKey(1), SubjectKey(101)];
    let erased = Answer::Erased { customer: ada, subjects: keys, orders: 0 };
    assert_eq!(world.ask(&Command::Erase { customer: ada, orders: 0 }).unwrap(), erased);
    assert_eq!(
        world.ask(&Command::Erase { customer: ada, orders: 0 }).unwrap(),
        erased,
        "a cut erasure can be finished"
    );
    assert_eq!(world.state.holders(phone(1)), []);
    assert_eq!(world.ask(&linking(Some(ada), phone(1), false)), Err(Refusal::Erased(ada)));
    let again = world.link(None, phone(1), false).unwrap();
    assert_ne!(again, ada, "the same phone is a new person");
    assert_eq!(
        world.ask(&Command::Erase { customer: CustomerId::new(9), orders: 0 }),
        Err(Refusal::Unknown(CustomerId::new(9)))
    );
    assert_eq!(world.violations(), []);
}
