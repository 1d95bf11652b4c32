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
    waiting: VecDeque<Waiting>,
    /// Rows of the outbox are those after `stored.acknowledged` through `stored.last`.
    stored: Numbering,
}

/// A message that is not yet acknowledged.
struct Waiting {
    /// The partition's time when it was sent; for one that was read from its row, the time up to which the rows are.
    since: Timestamp,
    bytes: Arc<[u8]>,
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
            lane.waiting.push_back(Waiting { since: self.at, bytes: bytes.as_slice().into() });
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
            for (number, waiting) in (first..).zip(&lane.waiting).filter(|(number, _)| *number > was.last) {
                self.outbox.put(&(*to, number), ByteVec::from(waiting.bytes.to_vec()));
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
        lane.waiting.push_back(Waiting { since: self.at, bytes: letter.shared() });
        lane.numbering.last += 1;
        self.waiting += 1;
        lane.numbering.last
    }

    pub(crate) fn acknowledge(&mut self, ack: Acknowledged) {
        let Some(lane) = self.lanes.get_mut(&ack.to) else { return };
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
            let letters = lane.waiting.iter().map(|waiting| Letter::kept(Arc::clone(&waiting.bytes)));
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

    /// Since when the message waits that waits longest. After a restart that may be later than it was sent.
    pub(crate) fn waiting_since(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(|lane| lane.waiting.front()).map(|waiting| waiting.since).min()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;
    use waybill_machine::{Cold, RowImage};
    use waybill_types::Service;
    use waybill_types::exchange::Message;

    #[derive(Default)]
    struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Cold for Rows {
        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            self.0.get(key).cloned()
        }
        fn scan(
            &self,
            lower: &[u8],
            upper: &[u8],
            order: ScanOrder,
            limit: usize,
        ) -> Vec<(Vec<u8>, Vec<u8>)> {
            assert_eq!(order, ScanOrder::Ascending);
            let range = Range { start: lower.to_vec(), end: upper.to_vec() };
            self.0.range(range).take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
    }

    impl Rows {
        fn take(&mut self, images: impl Iterator<Item = RowImage>) {
            for RowImage { key, value } in images {
                match value {
                    Some(value) => self.0.insert(key, value.encode()),
                    None => self.0.remove(&key),
                };
            }
        }

        /// One whole checkpoint.
        fn checkpoint(&mut self, books: &mut Books) {
            books.settle();
            self.take(books.tables().into_iter().flat_map(|table| table.begin_checkpoint()));
            books.tables().into_iter().for_each(|table| table.finish_checkpoint());
        }

        fn open(&self) -> Books {
            let mut books = Books::new();
            let below: Arc<dyn Cold> = Arc::new(Self(self.0.clone()));
            books.tables().into_iter().for_each(|table| table.attach(Arc::clone(&below)));
            books.recovered();
            books
        }
    }

    fn to(index: u8) -> PartitionId {
        PartitionId::new(Service::Inventory, index)
    }

    /// Everything the books say.
    fn said(books: &Books) -> impl PartialEq + std::fmt::Debug {
        let letters = books.undelivered();
        let letters: Vec<_> =
            letters.iter().map(|(to, n, letter)| (*to, *n, letter.bytes().to_vec())).collect();
        let received: Vec<u64> = (0..4).map(|index| books.received(to(index))).collect();
        (letters, books.sent(), received, books.at(), books.waiting())
    }

    #[test]
    fn what_the_books_say_is_in_the_rows_of_every_checkpoint() {
        let mut rows = Rows::default();
        let mut books = rows.open();
        let mut die = 0x9e37_79b9_7f4a_7c15_u64;
        let (mut most, mut none) = (0, 0);
        for step in 1..2_000u64 {
            die = die.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (what, whom) = ((die >> 33) % 10, to((die >> 40) as u8 % 4));
            match what {
                0..=4 => {
                    let order = waybill_types::OrderId::new(1, step);
                    let hold = waybill_types::ReservationId::Order { home: 0, order, attempt: 1 };
                    let number = books.send(whom, &Letter::new(Message::Abandon(hold)));
                    assert!(books.sent().iter().any(|(to, last, _)| *to == whom && *last == number));
                }
                // Through a message that was sent or, from a receiver of another life, beyond it.
                5..=7 => books.acknowledge(Acknowledged { to: whom, through: (die >> 44) % (step / 4 + 1) }),
                8 => books.set_received(whom, step),
                _ => books.set_at(Timestamp::from_ms(step as i64)),
            }
            if (die >> 50).is_multiple_of(7) {
                rows.checkpoint(&mut books);
                let again = rows.open();
                assert_eq!(format!("{:?}", said(&again)), format!("{:?}", said(&books)), "after step {step}");
                let outbox = rows.0.keys().filter(|key| key[0] == 100).count();
                assert_eq!(outbox, books.waiting(), "rows are kept of what waits and of nothing else");
                most = most.max(outbox);
                none += usize::from(outbox == 0);
                if (die >> 56).is_multiple_of(3) {
                    books = again;
                }
            }
        }
        assert!(most > 10 && none < 250, "the die tries little: at most {most} rows, {none} times none");
    }

    #[test]
    fn the_message_that_waits_longest_tells_since_when() {
        let mut rows = Rows::default();
        let mut books = rows.open();
        assert_eq!(books.waiting_since(), None);
        let opened = || Letter::new(Message::NodeOpened(waybill_types::NodeId::new("N").unwrap()));
        for (ms, whom) in [(10, 1), (20, 0), (30, 1)] {
            books.set_at(Timestamp::from_ms(ms));
            books.send(to(whom), &opened());
        }
        assert_eq!(books.waiting_since(), Some(Timestamp::from_ms(10)));
        books.acknowledge(Acknowledged { to: to(1), through: 1 });
        assert_eq!(books.waiting_since(), Some(Timestamp::from_ms(20)));
        rows.checkpoint(&mut books);
        let mut again = rows.open();
        assert_eq!(again.waiting_since(), Some(Timestamp::from_ms(30)), "no later than the rows");
        again.acknowledge(Acknowledged { to: to(0), through: 1 });
        again.acknowledge(Acknowledged { to: to(1), through: 2 });
        assert_eq!(again.waiting_since(), None);
    }

    #[test]
    fn a_message_that_is_applied_between_two_checkpoints_is_never_a_row() {
        let mut rows = Rows::default();
        let mut books = rows.open();
        books.send(to(0), &Letter::new(Message::NodeOpened(waybill_types::NodeId::new("N").unwrap())));
        books.acknowledge(Acknowledged { to: to(0), through: 1 });
        rows.checkpoint(&mut books);
        assert!(rows.0.keys().all(|key| key[0] != 100));
        assert_eq!(rows.open().sent(), [(to(0), 1, 1)], "its number is not given twice");
    }
}
