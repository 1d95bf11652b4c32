//! One partition on a simulated disk: the machine's real [`Core`], a journal of frames, the rows of the last checkpoint,
//! and a batch that is lost when the partition dies before it is journaled. It knows nothing of orders or stock.

use super::facts::Fact;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, RwLock};
use waybill_machine::record::{decode, encode};
use waybill_machine::{Cold, Machine, Position, RowImage, ScanOrder};
use waybill_replica::{Acknowledged, Body, Core, Entry, Failure, Input, Letter};
use waybill_types::{Layout, PartitionId, Timestamp};

/// Request ids are kept for good: a retry must be recognised however far the clock jumps.
const REQUEST_TTL_MS: i64 = 100 * 365 * 86_400_000;

/// The rows of the last checkpoint.
#[derive(Default)]
struct Rows(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Cold for Rows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.read().unwrap().get(key).cloned()
    }
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        if lower >= upper {
            return Vec::new();
        }
        let rows = self.0.read().unwrap();
        let range =
            rows.range(lower.to_vec()..upper.to_vec()).map(|(key, value)| (key.clone(), value.clone()));
        match order {
            ScanOrder::Ascending => range.take(limit).collect(),
            ScanOrder::Descending => range.rev().take(limit).collect(),
        }
    }
}

/// What was decided and is not journaled yet.
struct Batch<M: Machine> {
    entries: Vec<Entry>,
    notes: Vec<M::Note>,
    sent: Vec<(PartitionId, u64, Letter)>,
    facts: Vec<Fact>,
    heard: BTreeSet<PartitionId>,
}

impl<M: Machine> Batch<M> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            notes: Vec::new(),
            sent: Vec::new(),
            facts: Vec::new(),
            heard: BTreeSet::new(),
        }
    }
}

/// What leaves a partition once it is durable.
pub(crate) struct Committed<M: Machine> {
    pub(crate) notes: Vec<M::Note>,
    pub(crate) sent: Vec<(PartitionId, u64, Letter)>,
    pub(crate) facts: Vec<Fact>,
    /// Messages through which number are applied, per sender.
    pub(crate) applied: Vec<(PartitionId, u64)>,
    /// Messages known to be applied by others.
    pub(crate) put_away: Vec<Acknowledged>,
}

/// What a command or message came to in memory.
pub(crate) struct Stepped<M: Machine> {
    pub(crate) result: Result<M::Answer, Failure<M::Refusal>>,
    /// Something was decided anew.
    pub(crate) is_new: bool,
    /// Index of the first note of this step within the batch.
    first_note: usize,
}

/// One partition.
pub(crate) struct Part<M: Machine> {
    pub(crate) core: Core<M>,
    rows: Arc<Rows>,
    /// Frames after `trimmed`.
    frames: VecDeque<Vec<u8>>,
    trimmed: u64,
    batch: Batch<M>,
    /// Messages that others have applied, to be journaled with the next frame.
    acknowledged: BTreeMap<PartitionId, u64>,
    /// A checkpoint under way, and the frame it stands at.
    checkpoint: Option<(u64, Vec<RowImage>)>,
    /// How far its clock is from the others', in milliseconds.
    skew_ms: i64,
}

impl<M: Machine> Part<M> {
    pub(crate) fn new(id: PartitionId, layout: Layout, skew_ms: i64) -> Self {
        let rows = Arc::new(Rows::default());
        let core = Core::open(id, layout, Some(rows.clone()), REQUEST_TTL_MS);
        Self {
            core,
            rows,
            frames: VecDeque::new(),
            trimmed: 0,
            batch: Batch::new(),
            acknowledged: BTreeMap::new(),
            checkpoint: None,
            skew_ms,
        }
    }

    fn sequence(&self) -> u64 {
        self.trimmed + self.frames.len() as u64
    }

    /// Decides one input in memory.
    pub(crate) fn step(&mut self, input: Input<M>, now: Timestamp) -> Stepped<M> {
        let position = Position { sequence: self.sequence() + 1, index: self.batch.entries.len() as u32 };
        if let Input::Message { from, .. } = &input {
            self.batch.heard.insert(*from);
        }
        let staged = self.core.step(input, now.plus_ms(self.skew_ms), position);
        let first_note = self.batch.notes.len();
        let is_new = staged.entry.is_some();
        self.batch.entries.extend(staged.entry);
        self.batch.notes.extend(staged.notes);
        self.batch.sent.extend(staged.sent);
        Stepped { result: staged.result, is_new, first_note }
    }

    /// The notes of one step.
    pub(crate) fn notes_of(&self, stepped: &Stepped<M>) -> &[M::Note] {
        &self.batch.notes[stepped.first_note..]
    }

    /// The judge is told once it is durable.
    pub(crate) fn tell(&mut self, fact: Fact) {
        self.batch.facts.push(fact);
    }

    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let now = now.plus_ms(self.skew_ms).max(self.core.at());
        M::next_due(self.core.state()).is_some_and(|due| due <= now)
    }

    pub(crate) fn has_open_batch(&self) -> bool {
        !self.batch.entries.is_empty()
    }

    /// Others have applied its messages through this number.
    pub(crate) fn acknowledged(&mut self, by: PartitionId, through: u64) {
        let mark = self.acknowledged.entry(by).or_default();
        *mark = through.max(*mark);
    }

    /// One frame is durable; what it held back may leave.
    pub(crate) fn commit(&mut self) -> Committed<M> {
        let put_away: Vec<Acknowledged> = std::mem::take(&mut self.acknowledged)
            .into_iter()
            .map(|(to, through)| Acknowledged { to, through })
            .collect();
        let batch = std::mem::replace(&mut self.batch, Batch::new());
        self.core.acknowledge(&put_away);
        if !batch.entries.is_empty() || !put_away.is_empty() {
            let body = Body {
                version: Body::VERSION,
                entries: batch.entries,
                acknowledged: put_away.clone(),
                state: None,
            };
            self.frames.push_back(encode(&body));
        }
        let applied = batch.heard.iter().map(|from| (*from, self.core.received(*from))).collect();
        Committed { notes: batch.notes, sent: batch.sent, facts: batch.facts, applied, put_away }
    }

    /// The process dies: what is not journaled is gone. Rows and journal make the state again; answers with the notes that
    /// are repeated.
    pub(crate) fn crash(&mut self) -> Vec<M::Note> {
        let (id, layout) = (self.core.id(), self.core.layout());
        self.batch = Batch::new();
        self.acknowledged.clear();
        self.checkpoint = None;
        let mut core = Core::open(id, layout, Some(self.rows.clone()), REQUEST_TTL_MS);
        for (sequence, frame) in (self.trimmed + 1..).zip(&self.frames) {
            let body: Body = decode(frame).expect("a frame reads back");
            core.replay(&body, sequence).expect("events of this version read back");
        }
        self.core = core;
        M::pending(self.core.state())
    }

    /// Begins a checkpoint, or ends the one under way. Only with everything durable.
    pub(crate) fn checkpoint(&mut self, forget_rows: bool) {
        let Some((through, images)) = self.checkpoint.take() else {
            self.checkpoint = Some((self.sequence(), self.core.begin_checkpoint()));
            return;
        };
        let mut rows = self.rows.0.write().unwrap();
        for image in images.into_iter().filter(|_| !forget_rows) {
            match image.value {
                Some(value) => rows.insert(image.key, value.encode()),
                None => rows.remove(&image.key),
            };
        }
        drop(rows);
        self.core.finish_checkpoint();
        while self.trimmed < through {
            self.frames.pop_front();
            self.trimmed += 1;
        }
    }

    /// The disk lied: the last frame is not there.
    pub(crate) fn lose_last_frame(&mut self) {
        self.frames.pop_back();
    }
}
