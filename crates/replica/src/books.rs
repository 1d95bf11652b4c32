//! The runtime's own rows beside the machine's: messages to deliver, marks of messages received, request ids, the
//! partition's time. Prefixes 100 and up.

use crate::entry::{Acknowledged, Remembered};
use crate::letter::Letter;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use waybill_machine::{AnyTable, ScanOrder, Table};
use waybill_types::{PartitionId, RequestId, Timestamp};

/// The next number to give to a message and the lowest one not yet acknowledged, per receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Numbering {
    #[n(0)]
    last: u64,
    #[n(1)]
    acknowledged: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Meta {
    #[n(0)]
    at: Timestamp,
}

/// The runtime's tables of one partition. What changes with every entry is kept beside them and becomes rows when rows are
/// asked for ([`Books::settle`]): most messages are applied between two checkpoints and never become one.
pub(crate) struct Books {
    outbox: Table<(PartitionId, u64), ByteVec>,
    numbering: Table<PartitionId, Numbering>,
    inbox: Table<PartitionId, u64>,
    requests: Table<([u8; 16], RequestId), Remembered>,
    meta: Table<(), Meta>,
    lanes: BTreeMap<PartitionId, Lane>,
    received: BTreeMap<PartitionId, Mark>,
    at: Timestamp,
    /// The row of the partition's time is behind.
    later: bool,
    waiting: usize,
}

/// The messages to one receiver.
#[derive(Default)]
struct Lane {
    numbering: Numbering,
    /// Those not yet acknowledged, in order.
    waiting: VecDeque<Arc<[u8]>>,
    /// Rows of the outbox are those after `stored.acknowledged` through `stored.last`.
    stored: Numbering,
}

/// The highest message from one sender that was applied.
struct Mark {
    sequence: u64,
    /// Its row is behind.
    moved: bool,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            outbox: Table::resident(100),
            numbering: Table::resident(101),
            inbox: Table::resident(102),
            requests: Table::new(103),
            meta: Table::resident(104),
            lanes: BTreeMap::new(),
            received: BTreeMap::new(),
            at: Timestamp::ZERO,
            later: false,
            waiting: 0,
        }
    }

    /// The rows as they were settled last.
    pub(crate) fn tables(&mut self) -> [&mut dyn AnyTable; 5] {
        [&mut self.outbox, &mut self.numbering, &mut self.inbox, &mut self.requests, &mut self.meta]
    }

    /// Call once the tables are attached.
    pub(crate) fn recovered(&mut self) {
        self.at = self.meta.get(&()).map_or(Timestamp::ZERO, |meta| meta.at);
        for (to, numbering) in self.numbering.all() {
            let (numbering, stored) = (Numbering::clone(&numbering), Numbering::clone(&numbering));
            self.lanes.insert(to, Lane { numbering, stored, waiting: VecDeque::new() });
        }
        for ((to, number), bytes) in self.outbox.all() {
            let lane = self.lanes.entry(to).or_default();
            let next = lane.numbering.acknowledged + 1 + lane.waiting.len() as u64;
            assert_eq!(number, next, "messages to {to} are numbered densely");
            lane.waiting.push_back(bytes.as_slice().into());
            self.waiting += 1;
        }
        for (from, sequence) in self.inbox.all() {
            self.received.insert(from, Mark { sequence: *sequence, moved: false });
        }
    }

    /// Brings the rows up to what is so now.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.later) {
            self.meta.put(&(), Meta { at: self.at });
        }
        for (from, mark) in self.received.iter_mut().filter(|(_, mark)| mark.moved) {
            mark.moved = false;
            self.inbox.put(from, mark.sequence);
        }
        for (to, lane) in self.lanes.iter_mut().filter(|(_, lane)| lane.numbering != lane.stored) {
            let (is, was) = (&lane.numbering, &lane.stored);
            for number in was.acknowledged + 1..=is.acknowledged.min(was.last) {
                self.outbox.remove(&(*to, number));
            }
            let first = is.acknowledged + 1;
            for (number, bytes) in (first..).zip(&lane.waiting).filter(|(number, _)| *number > was.last) {
                self.outbox.put(&(*to, number), ByteVec::from(bytes.to_vec()));
            }
            self.numbering.put(to, is.clone());
            lane.stored = lane.numbering.clone();
        }
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    pub(crate) fn set_at(&mut self, at: Timestamp) {
        (self.at, self.later) = (at, true);
    }

    /// Numbers a message and keeps it until it is acknowledged.
    pub(crate) fn send(&mut self, to: PartitionId, letter: &Letter) -> u64 {
        let lane = self.lanes.entry(to).or_default();
        lane.waiting.push_back(letter.shared());
        lane.numbering.last += 1;
        self.waiting += 1;
        lane.numbering.last
    }

    pub(crate) fn acknowledge(&mut self, ack: Acknowledged) {
        let lane = self.lanes.entry(ack.to).or_default();
        let through = ack.through.min(lane.numbering.last);
        let applied = through.saturating_sub(lane.numbering.acknowledged);
        lane.waiting.drain(..applied as usize);
        lane.numbering.acknowledged += applied;
        self.waiting -= applied as usize;
    }

    /// Messages not yet acknowledged, per receiver in order.
    pub(crate) fn undelivered(&self) -> Vec<(PartitionId, u64, Letter)> {
        let numbered = |(to, lane): (&PartitionId, &Lane)| {
            let (to, first) = (*to, lane.numbering.acknowledged + 1);
            let letters = lane.waiting.iter().map(|bytes| Letter::kept(Arc::clone(bytes)));
            (first..).zip(letters).map(|(number, letter)| (to, number, letter)).collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(numbered).collect()
    }

    /// Per receiver: the last number given, and the last acknowledged.
    pub(crate) fn sent(&self) -> Vec<(PartitionId, u64, u64)> {
        let lanes = self.lanes.iter();
        lanes.map(|(to, lane)| (*to, lane.numbering.last, lane.numbering.acknowledged)).collect()
    }

    /// How many messages wait for acknowledgement.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The highest message from `from` that was applied.
    pub(crate) fn received(&self, from: PartitionId) -> u64 {
        self.received.get(&from).map_or(0, |mark| mark.sequence)
    }

    pub(crate) fn set_received(&mut self, from: PartitionId, sequence: u64) {
        self.received.insert(from, Mark { sequence, moved: true });
    }

    pub(crate) fn remembered(&self, target: [u8; 16], id: &RequestId, at: Timestamp) -> Option<Remembered> {
        let row = self.requests.get(&(target, id.clone()))?;
        (row.expires_at > at).then(|| (*row).clone())
    }

    pub(crate) fn remember(&mut self, request: Remembered) {
        self.requests.put(&(request.target, request.id.clone()), request);
    }

    /// Deletes up to `limit` request ids expired by `at` that come after `cursor`; answers where to go on. What is
    /// expired is invisible already, so this is housekeeping and needs no journal.
    pub(crate) fn sweep(
        &mut self,
        cursor: Option<([u8; 16], RequestId)>,
        at: Timestamp,
        limit: usize,
    ) -> Option<([u8; 16], RequestId)> {
        let page = self.requests.scan(&(), cursor.as_ref(), ScanOrder::Ascending, limit);
        let next = (page.len() == limit).then(|| page.last().map(|(key, _)| key.clone())).flatten();
        for (key, row) in page {
            if row.expires_at <= at {
                self.requests.remove(&key);
            }
        }
        next
    }
}
