//! All inventory partitions in memory, with the wires between them: for tests. A message waits on its wire until the
//! test delivers it, so a test decides which of two wires is faster. It knows no disk and no threads.

use crate::{Answer, Command, Event, Inventory, Note, Refusal, State};
use std::collections::{BTreeMap, VecDeque};
#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use waybill_machine::{Cold, ScanOrder};
use waybill_machine::{Context, Machine, Outbox, Position, State as _, Violation, record};
use waybill_types::exchange::Message;
use waybill_types::{Layout, Origin, PartitionId, Service, Timestamp};

/// One applied event, as a journal would keep it.
struct Entry {
    bytes: Vec<u8>,
    at: Timestamp,
    sequence: u64,
}

/// Partitions, wires and a clock.
pub struct Cluster {
    /// How many partitions there are.
    pub layout: Layout,
    /// The clock of all partitions.
    pub now: Timestamp,
    /// What orders partitions were told, oldest first.
    pub told: Vec<(PartitionId, Message)>,
    /// What doors were told, oldest first.
    pub notes: Vec<Note>,
    states: Vec<State>,
    journals: Vec<Vec<Entry>>,
    wires: BTreeMap<(PartitionId, PartitionId), VecDeque<Message>>,
    #[cfg(test)]
    below: Vec<Arc<Rows>>,
}

impl Cluster {
    /// `count` empty partitions.
    ///
    /// # Panics
    /// Outside 1 to 256.
    #[must_use]
    pub fn new(count: u16) -> Self {
        let layout = Layout::even(count).unwrap_or_else(|error| panic!("{error}"));
        let ids = layout.partitions(Service::Inventory);
        Self {
            layout,
            now: Timestamp::from_ms(1_700_000_000_000),
            told: Vec::new(),
            notes: Vec::new(),
            states: ids.map(|id| Inventory::create(id, layout)).collect(),
            journals: (0..count).map(|_| Vec::new()).collect(),
            wires: BTreeMap::new(),
            #[cfg(test)]
            below: (0..count).map(|_| Arc::default()).collect(),
        }
    }

    /// The state of a partition.
    #[must_use]
    pub fn state(&self, partition: PartitionId) -> &State {
        &self.states[usize::from(partition.index)]
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    /// The machine's refusal.
    pub fn ask(&mut self, partition: PartitionId, command: &Command) -> Result<Answer, Refusal> {
        let origin = Origin::engine("test");
        let index = usize::from(partition.index);
        let sequence = self.journals[index].len() as u64 + 1;
        let cx = Context {
            at: self.now,
            origin: &origin,
            partition,
            layout: self.layout,
            position: Position { sequence, index: 0 },
        };
        let decision = Inventory::decide(&self.states[index], command, &cx)?;
        for event in &decision.events {
            let mut out = Outbox::default();
            Inventory::apply(&mut self.states[index], event, &cx, &mut out);
            self.journals[index].push(Entry { bytes: record::encode(event), at: self.now, sequence });
            self.notes.extend(out.notes);
            for (to, message) in out.messages {
                self.send(partition, to, message);
            }
        }
        Ok(decision.answer)
    }

    /// Puts a message on the wire; one to orders has arrived at once.
    pub fn send(&mut self, from: PartitionId, to: PartitionId, message: Message) {
        if to.service == Service::Inventory {
            self.wires.entry((from, to)).or_default().push_back(message);
        } else {
            self.told.push((to, message));
        }
    }

    /// Delivers the oldest message of one of the busy wires, the one chosen by `pick`; false when all are empty.
    pub fn deliver(&mut self, pick: u64) -> bool {
        self.wires.retain(|_, wire| !wire.is_empty());
        if self.wires.is_empty() {
            return false;
        }
        let index = pick as usize % self.wires.len();
        let Some(((from, to), wire)) = self.wires.iter_mut().nth(index) else { return false };
        let (from, to) = (*from, *to);
        let Some(message) = wire.pop_front() else { return false };
        if let Err(refusal) = self.ask(to, &Inventory::receive(from, message)) {
            panic!("a message must not be refused: {refusal}");
        }
        true
    }

    /// Delivers everything, including what follows from it.
    pub fn deliver_all(&mut self) {
        while self.deliver(0) {}
    }

    /// Lets time pass and runs what became due; messages stay on their wires.
    pub fn advance(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        self.tick();
    }

    /// Runs what is due.
    pub fn tick(&mut self) {
        for partition in self.layout.partitions(Service::Inventory) {
            while Inventory::next_due(self.state(partition)).is_some_and(|due| due <= self.now) {
                if let Err(refusal) = self.ask(partition, &Inventory::tick()) {
                    panic!("a tick must not be refused: {refusal}");
                }
            }
        }
    }

    /// What does not hold, in any partition.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.states.iter().flat_map(|state| Inventory::audit(state, &mut |_, _| {})).collect()
    }

    /// The state's hash per partition.
    pub fn hashes(&mut self) -> Vec<blake3::Hash> {
        self.states.iter_mut().map(hash).collect()
    }

    /// The hashes of fresh states after all events are read back and applied again.
    ///
    /// # Panics
    /// When an event's bytes cannot be read back.
    #[must_use]
    pub fn replayed_hashes(&self) -> Vec<blake3::Hash> {
        let origin = Origin::engine("test");
        let replay = |(index, journal): (usize, &Vec<Entry>)| {
            let partition = PartitionId::new(Service::Inventory, index as u8);
            let mut state = Inventory::create(partition, self.layout);
            for entry in journal {
                let event: Event = record::decode(&entry.bytes).unwrap_or_else(|error| panic!("{error}"));
                let position = Position { sequence: entry.sequence, index: 0 };
                let cx = Context { at: entry.at, origin: &origin, partition, layout: self.layout, position };
                Inventory::apply(&mut state, &event, &cx, &mut Outbox::default());
            }
            hash(&mut state)
        };
        self.journals.iter().enumerate().map(replay).collect()
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> usize {
        self.journals.iter().map(Vec::len).sum()
    }
}

fn hash(state: &mut State) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for table in state.tables() {
        table.hash_into(&mut hasher);
    }
    hasher.finalize()
}

/// What a store below keeps of one partition.
#[cfg(test)]
#[derive(Default)]
struct Rows(std::sync::Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

#[cfg(test)]
impl Cold for Rows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.lock().unwrap();
        let range = rows.range(lower.to_vec()..upper.to_vec()).map(|(key, row)| (key.clone(), row.clone()));
        match order {
            ScanOrder::Ascending => range.take(limit).collect(),
            ScanOrder::Descending => range.rev().take(limit).collect(),
        }
    }
}

#[cfg(test)]
impl Cluster {
    /// Every partition puts its changed rows below, loses its memory and starts from the rows.
    pub(crate) fn restart(&mut self) {
        for (index, state) in self.states.iter_mut().enumerate() {
            let rows = &self.below[index];
            for table in state.tables() {
                for image in table.begin_checkpoint() {
                    let mut rows = rows.0.lock().unwrap();
                    match image.value {
                        Some(value) => rows.insert(image.key, value.encode()),
                        None => rows.remove(&image.key),
                    };
                }
                table.finish_checkpoint();
            }
            let partition = state.partition;
            *state = Inventory::create(partition, self.layout);
            state.tables().into_iter().for_each(|table| table.attach(rows.clone()));
        }
    }
    /// Breaks the first partition's state, to see whether the law notices.
    pub(crate) fn spoil(&mut self, spoil: impl FnOnce(&mut State)) {
        spoil(&mut self.states[0]);
    }
    /// Takes what is on a wire off it.
    pub(crate) fn take_wire(&mut self, from: PartitionId, to: PartitionId) -> Vec<Message> {
        self.wires.remove(&(from, to)).unwrap_or_default().into()
    }
}
