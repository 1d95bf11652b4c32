//! Random histories: every record is the fold of its events, WHO-2 holds after each command, and identities are lost by
//! nothing but unlinking and erasing.

use super::{World, email, phone};
use crate::{Command, ContactKind, IdentityKey, NewContact};
use proptest::prelude::*;
use std::collections::BTreeSet;
use waybill_types::CustomerId;

#[derive(Clone, Debug)]
enum Step {
    Link(Option<u64>, IdentityKey, bool),
    Unlink(u64, IdentityKey),
    Merge(u64, u64),
    Split(u64, Vec<IdentityKey>),
    Contact(u64, u16),
    Erase(u64),
    Pass(i64),
}

fn key() -> impl Strategy<Value = IdentityKey> {
    (0..6u8, any::<bool>()).prop_map(|(n, is_phone)| if is_phone { phone(n) } else { email(n) })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 1..8u64;
    prop_oneof![
        6 => (prop::option::of(who()), key(), any::<bool>()).prop_map(|(w, k, s)| Step::Link(w, k, s)),
        1 => (who(), key()).prop_map(|(w, k)| Step::Unlink(w, k)),
        3 => (who(), who()).prop_map(|(a, b)| Step::Merge(a, b)),
        3 => (who(), prop::collection::vec(key(), 1..3)).prop_map(|(w, k)| Step::Split(w, k)),
        2 => (who(), 1..4u16).prop_map(|(w, d)| Step::Contact(w, d)),
        1 => who().prop_map(Step::Erase),
        1 => (1..3i64).prop_map(Step::Pass),
    ]
}

impl World {
    /// True when it was accepted.
    fn step(&mut self, step: &Step) -> bool {
        let id = CustomerId::new;
        match step {
            Step::Link(who, key, shared) => self.link(who.map(id), *key, *shared).is_ok(),
            Step::Unlink(who, key) => {
                self.ask(&Command::Unlink { customer: id(*who), key: *key, expected: None }).is_ok()
            }
            Step::Merge(into, from) => self.merge(id(*into), id(*from)).is_ok(),
            Step::Split(who, keys) => self.split(id(*who), keys).is_ok(),
            Step::Contact(who, days) => {
                let contact = NewContact {
                    kind: ContactKind::Call,
                    node: None,
                    skus: Vec::new(),
                    order: None,
                    note: None,
                    consent: false,
                    retention_days: *days,
                };
                self.ask(&Command::RecordContact { customer: id(*who), contact }).is_ok()
            }
            Step::Erase(who) => self.ask(&Command::Erase { customer: id(*who), orders: 0 }).is_ok(),
            Step::Pass(days) => {
                self.pass(*days);
                true
            }
        }
    }

    fn linked(&self) -> BTreeSet<IdentityKey> {
        let all = (1..=self.state.count()).map(|number| self.record(CustomerId::new(number)));
        all.flat_map(|record| record.identities.into_iter().map(|identity| identity.key)).collect()
    }
}

proptest! {
    #[test]
    fn records_are_the_fold_of_their_events_and_who_2_holds(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            let (before, length) = (world.linked(), world.journal.len());
            let accepted = world.step(step);
            prop_assert!(accepted || world.journal.len() == length, "a refusal changes nothing");
            prop_assert_eq!(world.violations(), vec![], "after {:?}", step);
            let after = world.linked();
            let may_lose = matches!(step, Step::Unlink(..) | Step::Erase(_));
            prop_assert!(may_lose || before.is_subset(&after), "{:?} lost an identity", step);
            let may_gain = matches!(step, Step::Link(..));
            prop_assert!(may_gain || after.is_subset(&before), "{:?} made an identity", step);
        }
        for number in 1..=world.state.count() {
            let id = CustomerId::new(number);
            prop_assert_eq!(world.rebuilt(id), Some(world.record(id)));
            prop_assert!(world.state.person(id).is_some(), "every name ends at a record");
        }
    }
}
