//! The machine driven in memory, as a journal would keep it.

mod laws;
mod records;

use crate::{
    Answer, Command, Customer, Customers, CustomersState, Event, IdentityKey, IdentityKind, NewIdentity,
    Refusal, fold,
};
use waybill_machine::{Context, Machine, Outbox, Position, Violation, record};
use waybill_types::{
    CustomerId, Layout, LookupDigest, Origin, PartitionId, Sealed, Service, SubjectKey, Timestamp,
};

struct World {
    state: CustomersState,
    now: Timestamp,
    /// Encoded events with their times, as journaled.
    journal: Vec<(Vec<u8>, Timestamp)>,
}

impl World {
    fn new() -> Self {
        let state = Customers::create(PartitionId::new(Service::Customers, 0), Layout::even(1).unwrap());
        Self { state, now: Timestamp::from_ms(1_700_000_000_000), journal: Vec::new() }
    }

    fn ask(&mut self, command: &Command) -> Result<Answer, Refusal> {
        let origin = Origin::engine("test");
        let partition = PartitionId::new(Service::Customers, 0);
        let position = Position { sequence: self.journal.len() as u64 + 1, index: 0 };
        let cx =
            Context { at: self.now, origin: &origin, partition, layout: Layout::even(1).unwrap(), position };
        let decision = Customers::decide(&self.state, command, &cx)?;
        for event in &decision.events {
            Customers::apply(&mut self.state, event, &cx, &mut Outbox::default());
            self.journal.push((record::encode(event), self.now));
        }
        Ok(decision.answer)
    }

    fn link(
        &mut self,
        customer: Option<CustomerId>,
        key: IdentityKey,
        shared: bool,
    ) -> Result<CustomerId, Refusal> {
        match self.ask(&linking(customer, key, shared))? {
            Answer::Changed { customer, .. } => Ok(customer),
            other => panic!("{other:?}"),
        }
    }

    fn merge(&mut self, into: CustomerId, from: CustomerId) -> Result<Answer, Refusal> {
        self.ask(&Command::Merge { into, from, into_expected: None, from_expected: None })
    }

    fn split(&mut self, customer: CustomerId, keys: &[IdentityKey]) -> Result<CustomerId, Refusal> {
        let command =
            Command::Split { customer, keys: keys.to_vec(), subject: SubjectKey(900), expected: None };
        match self.ask(&command)? {
            Answer::Split { new, .. } => Ok(new),
            other => panic!("{other:?}"),
        }
    }

    fn record(&self, id: CustomerId) -> Customer {
        (*self.state.record(id).unwrap()).clone()
    }

    fn keys(&self, id: CustomerId) -> Vec<IdentityKey> {
        self.record(id).identities.iter().map(|identity| identity.key).collect()
    }

    fn revision(&self, id: CustomerId) -> u64 {
        self.record(id).revision
    }

    /// A record rebuilt from the journal alone.
    fn rebuilt(&self, id: CustomerId) -> Option<Customer> {
        self.journal.iter().fold(None, |known, (bytes, at)| {
            let event: Event = record::decode(bytes).unwrap();
            if event.customer == id { fold(known, &event.what, *at) } else { known }
        })
    }

    fn violations(&self) -> Vec<Violation> {
        let mut checked = 0;
        let found = Customers::audit(&self.state, &mut |law, count| {
            assert_eq!(law, "WHO-2");
            checked += count;
        });
        assert_eq!(checked, self.state.count(), "every record is checked");
        found
    }

    fn pass(&mut self, days: i64) {
        self.now = self.now.plus_ms(days * 86_400_000);
        while Customers::next_due(&self.state).is_some_and(|due| due <= self.now) {
            self.ask(&Command::Tick).unwrap();
        }
    }
}

fn linking(customer: Option<CustomerId>, key: IdentityKey, shared: bool) -> Command {
    let subject = SubjectKey(u64::from(key.digest.0[0]) + 100);
    let sealed = Sealed(vec![key.digest.0[0]; 3]);
    let identity = NewIdentity { key, subject, sealed, verified: false, consent: true, shared };
    Command::Link { customer, identity, subject: SubjectKey(u64::from(key.digest.0[0])), expected: None }
}

fn phone(number: u8) -> IdentityKey {
    IdentityKey { kind: IdentityKind::Phone, digest: LookupDigest([number; 16]) }
}

fn email(number: u8) -> IdentityKey {
    IdentityKey { kind: IdentityKind::Email, digest: LookupDigest([number; 16]) }
}
