//! One partition without tasks, disk or clock: decide, apply, number messages, remember requests. Live and in recovery
//! the same `apply_entry` runs, so the same state comes out; a simulator drives this type directly.

use crate::books::Books;
use crate::entry::{Acknowledged, Body, Cause, Entry, Remembered};
use crate::letter::Letter;
use crate::mailbox::Failure;
use crate::snapshot::Snapshot;
use minicbor::bytes::ByteVec;
use std::sync::Arc;
use waybill_machine::record::{decode, encode};
use waybill_machine::{
    AnyTable, Cold, Content, Context, Machine, Outbox, Position, RowImage, State, Undecodable,
};
use waybill_types::{Layout, Origin, PartitionId, RequestId, Timestamp};

/// A caller's request id with what it is compared within and against.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The caller's id.
    pub id: RequestId,
    /// The target it is compared within, such as an order id's bytes.
    pub target: Vec<u8>,
    /// Digests of the request's fields.
    pub content: Content,
}

/// One thing for a partition to do.
pub enum Input<M: Machine> {
    /// A caller's command.
    Command {
        /// What is asked.
        command: M::Command,
        /// By whom.
        origin: Origin,
        /// Under which request id; without one a retry is a new command, unless the machine knows better
        /// ([`Machine::is_repeatable`]).
        request: Option<RequestKey>,
    },
    /// A message from another partition, already checked to be the next one.
    Message {
        /// The sender.
        from: PartitionId,
        /// Its number.
        sequence: u64,
        /// What it says.
        letter: Letter,
    },
    /// Something is due.
    Tick,
}

/// What one input came to in memory; nothing of it may leave before it is journaled.
pub struct Staged<M: Machine> {
    /// To be journaled; `None` when nothing happened.
    pub entry: Option<Entry>,
    /// For the caller.
    pub result: Result<M::Answer, Failure<M::Refusal>>,
    /// For the door.
    pub notes: Vec<M::Note>,
    /// Messages by receiver and number.
    pub sent: Vec<(PartitionId, u64, Letter)>,
}

/// The state of one partition: the machine's and the runtime's.
pub struct Core<M: Machine> {
    id: PartitionId,
    layout: Layout,
    state: M::State,
    books: Books,
    request_ttl_ms: i64,
    sweep_cursor: Option<([u8; 16], RequestId)>,
    /// Request ids remembered since the last checkpoint began.
    remembered: usize,
    /// Who messages and ticks come from.
    message: Origin,
    due: Origin,
}

impl<M: Machine> Core<M> {
    /// How long an accepted request id is kept unless configured: 7 days.
    pub const REQUEST_TTL_MS: i64 = 7 * 24 * 3600 * 1000;

    /// The state over the rows of the last checkpoint (none for a new partition).
    #[must_use]
    pub fn open(id: PartitionId, layout: Layout, cold: Option<Arc<dyn Cold>>, request_ttl_ms: i64) -> Self {
        let mut core = Self {
            id,
            layout,
            state: M::create(id, layout),
            books: Books::new(),
            request_ttl_ms,
            sweep_cursor: None,
            remembered: 0,
            message: Origin::engine("message"),
            due: Origin::engine("due"),
        };
        core.check_prefixes();
        if let Some(cold) = cold {
            for table in core.tables() {
                table.attach(cold.clone());
            }
        }
        core.books.recovered();
        core
    }

    /// Which partition it is.
    #[must_use]
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// How many partitions there are.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The machine's state.
    #[must_use]
    pub fn state(&self) -> &M::State {
        &self.state
    }

    /// The partition's time: the last journaled one.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.books.at()
    }

    /// How many messages wait for acknowledgement.
    #[must_use]
    pub fn outbox_depth(&self) -> usize {
        self.books.waiting()
    }

    /// Since when the message waits that waits longest, `None` where none waits. After a restart that may be later than
    /// it was sent.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.books.waiting_since()
    }

    /// Messages not yet acknowledged, encoded, per receiver in order.
    #[must_use]
    pub fn undelivered(&self) -> Vec<(PartitionId, u64, Vec<u8>)> {
        let letters = self.letters().into_iter();
        letters.map(|(to, number, letter)| (to, number, letter.bytes().to_vec())).collect()
    }

    /// The same, to be sent.
    pub(crate) fn letters(&self) -> Vec<(PartitionId, u64, Letter)> {
        self.books.undelivered()
    }

    /// Per receiver: the number of the last message sent, and of the last one known to be applied.
    #[must_use]
    pub fn sent(&self) -> Vec<(PartitionId, u64, u64)> {
        self.books.sent()
    }

    /// The highest message from `from` that was applied.
    #[must_use]
    pub fn received(&self, from: PartitionId) -> u64 {
        self.books.received(from)
    }

    /// Decides and applies one input in memory. `now` is the clock; the partition's time never goes back.
    pub fn step(&mut self, input: Input<M>, now: Timestamp, position: Position) -> Staged<M> {
        let at = now.max(self.books.at());
        match input {
            Input::Command { command, origin, request } => {
                self.step_command(&command, origin, request, at, position)
            }
            Input::Message { from, sequence, letter } => {
                let message = letter.open().unwrap_or_else(|e| panic!("message {sequence} from {from}: {e}"));
                let command = M::receive(from, message);
                self.step_own(&command, Cause::Message { from, sequence }, self.message.clone(), at, position)
            }
            Input::Tick => self.step_own(&M::tick(), Cause::Tick, self.due.clone(), at, position),
        }
    }

    fn step_command(
        &mut self,
        command: &M::Command,
        origin: Origin,
        request: Option<RequestKey>,
        at: Timestamp,
        position: Position,
    ) -> Staged<M> {
        let target = request.as_ref().map(|request| target_digest(&request.target));
        if let (Some(request), Some(target)) = (&request, target)
            && let Some(known) = self.books.remembered(target, &request.id, at)
        {
            return Staged::answer(repeat(&known, &request.content));
        }
        let cx = Context { at, origin: &origin, partition: self.id, layout: self.layout, position };
        let decision = match M::decide(&self.state, command, &cx) {
            Ok(decision) => decision,
            Err(refusal) => return Staged::answer(Err(Failure::Refused(refusal))),
        };
        if decision.events.is_empty() && request.is_none() {
            return Staged::answer(Ok(decision.answer));
        }
        let request = request.zip(target).map(|(request, target)| Remembered {
            target,
            id: request.id,
            content: request.content,
            answer: ByteVec::from(encode(&decision.answer)),
            expires_at: at.plus_ms(self.request_ttl_ms),
        });
        let entry = Entry { at, origin, cause: Cause::Command, events: Vec::new(), request };
        self.stage(entry, &decision.events, decision.answer, position)
    }

    fn step_own(
        &mut self,
        command: &M::Command,
        cause: Cause,
        origin: Origin,
        at: Timestamp,
        position: Position,
    ) -> Staged<M> {
        let cx = Context { at, origin: &origin, partition: self.id, layout: self.layout, position };
        let decision = M::decide(&self.state, command, &cx)
            .unwrap_or_else(|refusal| panic!("{} refused its own {cause:?}: {refusal}", self.id));
        if decision.events.is_empty() && matches!(cause, Cause::Tick) {
            return Staged::answer(Ok(decision.answer));
        }
        let entry = Entry { at, origin, cause, events: Vec::new(), request: None };
        self.stage(entry, &decision.events, decision.answer, position)
    }

    fn stage(
        &mut self,
        mut entry: Entry,
        events: &[M::Event],
        answer: M::Answer,
        position: Position,
    ) -> Staged<M> {
        entry.events = events.iter().map(|event| ByteVec::from(encode(event))).collect();
        let (notes, sent) = self.apply_entry(&entry, events, position);
        Staged { entry: Some(entry), result: Ok(answer), notes, sent }
    }

    fn apply_entry(
        &mut self,
        entry: &Entry,
        events: &[M::Event],
        position: Position,
    ) -> (Vec<M::Note>, Vec<(PartitionId, u64, Letter)>) {
        let cx = Context {
            at: entry.at,
            origin: &entry.origin,
            partition: self.id,
            layout: self.layout,
            position,
        };
        let mut out = Outbox::default();
        for event in events {
            M::apply(&mut self.state, event, &cx, &mut out);
        }
        self.books.set_at(entry.at);
        if let Cause::Message { from, sequence } = entry.cause {
            self.books.set_received(from, sequence);
        }
        if let Some(request) = &entry.request {
            self.books.remember(request.clone());
            self.remembered += 1;
        }
        let mut sent = Vec::with_capacity(out.messages.len());
        for (to, message) in out.messages {
            let letter = Letter::new(message);
            let number = self.books.send(to, &letter);
            sent.push((to, number, letter));
        }
        (out.notes, sent)
    }

    /// Notes that receivers have applied messages.
    pub fn acknowledge(&mut self, acknowledged: &[Acknowledged]) {
        for ack in acknowledged {
            self.books.acknowledge(*ack);
        }
    }

    /// Applies a journaled frame body in recovery (or on a follower).
    ///
    /// # Errors
    /// [`Undecodable`] when an event is of a newer version or damaged; nothing of it is applied then.
    pub fn replay(&mut self, body: &Body, sequence: u64) -> Result<Vec<M::Note>, Undecodable> {
        let mut decoded = Vec::with_capacity(body.entries.len());
        for entry in &body.entries {
            let events: Result<Vec<M::Event>, _> = entry.events.iter().map(|bytes| decode(bytes)).collect();
            decoded.push(events?);
        }
        let mut notes = Vec::new();
        for (index, (entry, events)) in body.entries.iter().zip(&decoded).enumerate() {
            let position = Position { sequence, index: index as u32 };
            notes.extend(self.apply_entry(entry, events, position).0);
        }
        self.acknowledge(&body.acknowledged);
        Ok(notes)
    }

    fn check_prefixes(&mut self) {
        let tables = self.tables();
        let mut prefixes: Vec<u8> = tables.iter().map(|table| table.prefix()).collect();
        prefixes.sort_unstable();
        assert!(
            prefixes.windows(2).all(|pair| pair[0] != pair[1]),
            "two tables share a prefix: {prefixes:?}"
        );
        assert!(prefixes.first().is_none_or(|first| *first > 0), "prefix 0 is the marker's");
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        let mut tables = self.state.tables();
        tables.extend(self.books.tables());
        tables
    }

    /// The rows changed since the last checkpoint began. Call at a batch boundary, with everything durable.
    pub fn begin_checkpoint(&mut self) -> Vec<RowImage> {
        self.books.settle();
        let at = self.books.at();
        // Twice what was added since, so that the sweep goes round however fast request ids come.
        let limit = (2 * std::mem::take(&mut self.remembered)).max(512);
        self.sweep_cursor = self.books.sweep(self.sweep_cursor.take(), at, limit);
        self.tables().into_iter().flat_map(|table| table.begin_checkpoint()).collect()
    }

    /// Every row that is not in the store yet, under the key it will have there: with the store's rows, the whole
    /// state. Call at a durable cut while no checkpoint runs.
    pub fn unsaved(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.books.settle();
        let id = self.id;
        let images = self.tables().into_iter().flat_map(|table| table.unsaved()).collect::<Vec<_>>();
        let row =
            |image: RowImage| (crate::checkpoint::store_key(id, &image.key), image.value.map(|v| v.encode()));
        images.into_iter().map(row).collect()
    }

    /// The state as it is now, to be opened elsewhere over the store's rows. Call at a durable cut while no checkpoint
    /// runs.
    pub fn snapshot(&mut self) -> Snapshot<M> {
        self.books.settle();
        let (id, layout) = (self.id, self.layout);
        Snapshot::new(id, layout, self.tables().into_iter().flat_map(|table| table.unsaved()))
    }

    /// The rows of the checkpoint under way are durable below.
    pub fn finish_checkpoint(&mut self) {
        self.tables().into_iter().for_each(|table| table.finish_checkpoint());
    }

    /// The checkpoint under way came to nothing before it touched the store.
    pub fn abandon_checkpoint(&mut self) {
        self.tables().into_iter().for_each(|table| table.abandon_checkpoint());
    }

    /// Lets rows that were only read leave memory, when they are many.
    pub fn forget_read_rows(&mut self) {
        const BOUND: usize = 5_000;
        self.tables().into_iter().for_each(|table| table.forget_read_rows(BOUND));
    }

    /// Rows changed since the last checkpoint began.
    pub fn dirty_rows(&mut self) -> usize {
        self.tables().iter().map(|table| table.dirty_rows()).sum()
    }

    /// Rows in memory.
    pub fn memory_rows(&mut self) -> usize {
        self.books.settle();
        self.tables().iter().map(|table| table.memory_rows()).sum()
    }

    /// A hash over every row: equal states give equal hashes, whatever is in memory.
    pub fn state_hash(&mut self) -> [u8; 32] {
        // What has expired is invisible, and each process sweeps it in its own time.
        let (at, mut cursor) = (self.books.at(), None);
        loop {
            cursor = self.books.sweep(cursor, at, 1_024);
            if cursor.is_none() {
                break;
            }
        }
        self.books.settle();
        let mut hasher = blake3::Hasher::new();
        let mut tables = self.tables();
        tables.sort_by_key(|table| table.prefix());
        for table in tables {
            table.hash_into(&mut hasher);
        }
        *hasher.finalize().as_bytes()
    }
}

impl<M: Machine> Staged<M> {
    fn answer(result: Result<M::Answer, Failure<M::Refusal>>) -> Self {
        Self { entry: None, result, notes: Vec::new(), sent: Vec::new() }
    }
}

fn target_digest(target: &[u8]) -> [u8; 16] {
    let mut digest = [0u8; 16];
    digest.copy_from_slice(&blake3::hash(target).as_bytes()[..16]);
    digest
}

/// A known request id: the same answer for the same content, otherwise the first field that differs.
fn repeat<A: waybill_machine::Record, R>(known: &Remembered, content: &Content) -> Result<A, Failure<R>> {
    match known.content.first_difference(content) {
        Some(field) => Err(Failure::Conflict { field: field.to_owned() }),
        None => decode(&known.answer).map_err(|error| Failure::Damaged { what: error.to_string() }),
    }
}
