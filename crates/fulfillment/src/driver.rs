//! Drives one partition in tests: decide, apply, collect what is sent, and keep every event for replay. After each
//! step the laws are checked.

use crate::{Answer, Command, Event, Fulfillment, FulfillmentState, Note, Refusal, Report};
use waybill_machine::{Context, Machine, Outbox, Position, State};
use waybill_types::exchange::Message;
use waybill_types::{
    Actor, Channel, FulfillmentOrderId, Layout, Origin, PartitionId, Reason, Service, Timestamp,
};

pub(crate) struct Driver {
    pub(crate) partition: PartitionId,
    pub(crate) layout: Layout,
    pub(crate) state: FulfillmentState,
    pub(crate) sent: Vec<(PartitionId, Message)>,
    pub(crate) notes: Vec<Note>,
    journal: Vec<(Event, Timestamp, Position)>,
    now: Timestamp,
    origin: Origin,
}

impl Driver {
    pub(crate) fn new(partition: PartitionId, layout: Layout) -> Self {
        let origin = Origin {
            channel: Channel::new("store").unwrap(),
            actor: Actor::new("wms-1").unwrap(),
            reason: Reason::new("").unwrap(),
            role: None,
        };
        Self {
            partition,
            layout,
            state: Fulfillment::create(partition, layout),
            sent: Vec::new(),
            notes: Vec::new(),
            journal: Vec::new(),
            now: Timestamp::from_ms(1_700_000_000_000),
            origin,
        }
    }

    /// One partition of everything: partition 0 does the work of every node.
    pub(crate) fn alone() -> Self {
        Self::new(PartitionId::new(Service::Fulfillment, 0), Layout::even(1).unwrap())
    }

    pub(crate) fn run(&mut self, command: &Command) -> Result<Answer, Refusal> {
        self.now = self.now.plus_ms(1_000);
        let before = self.hash();
        let position = Position { sequence: self.journal.len() as u64 + 1, index: 0 };
        let cx = Context {
            at: self.now,
            origin: &self.origin.clone(),
            partition: self.partition,
            layout: self.layout,
            position,
        };
        let decided = Fulfillment::decide(&self.state, command, &cx);
        assert_eq!(self.hash(), before, "decide changes nothing");
        let decision = decided?;
        let mut out = Outbox::default();
        for event in &decision.events {
            Fulfillment::apply(&mut self.state, event, &cx, &mut out);
            self.journal.push((event.clone(), self.now, position));
        }
        self.sent.append(&mut out.messages);
        self.notes.append(&mut out.notes);
        let violations = Fulfillment::audit(&self.state, &mut |_, _| {});
        assert!(violations.is_empty(), "after {command:?}: {violations:#?}");
        Ok(decision.answer)
    }

    pub(crate) fn receive(&mut self, message: Message) {
        let from = PartitionId::new(Service::Orders, 0);
        self.run(&Fulfillment::receive(from, message)).expect("a message is never refused");
    }

    /// So much later, whatever is due happens.
    pub(crate) fn later(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        self.run(&Command::Tick).expect("a tick is never refused");
    }

    pub(crate) fn report(
        &mut self,
        id: FulfillmentOrderId,
        revision: u64,
        report: Report,
    ) -> Result<u64, Refusal> {
        match self.run(&Command::Report { id, revision, report })? {
            Answer::Reported { revision, .. } => Ok(revision),
            other => panic!("a report is answered with {other:?}"),
        }
    }

    /// What was sent since this was last asked.
    pub(crate) fn take_sent(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.sent).into_iter().map(|(_, message)| message).collect()
    }

    pub(crate) fn hash(&mut self) -> [u8; 32] {
        hash(&mut self.state)
    }

    /// The state that replaying every event from nothing gives.
    pub(crate) fn replayed(&self) -> [u8; 32] {
        let mut state = Fulfillment::create(self.partition, self.layout);
        for (event, at, position) in &self.journal {
            let bytes = waybill_machine::record::encode(event);
            let event: Event = waybill_machine::record::decode(&bytes).expect("an event reads back");
            let cx = Context {
                at: *at,
                origin: &self.origin,
                partition: self.partition,
                layout: self.layout,
                position: *position,
            };
            Fulfillment::apply(&mut state, &event, &cx, &mut Outbox::default());
        }
        hash(&mut state)
    }
}

fn hash(state: &mut FulfillmentState) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for table in state.tables() {
        table.hash_into(&mut hasher);
    }
    *hasher.finalize().as_bytes()
}
