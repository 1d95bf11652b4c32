//! The runtime's own rows beside the machine's: messages to deliver, marks of messages received, request ids, the
//! partition's time. Prefixes 100 and up.

use crate::entry::{Acknowledged, Remembered};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
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

/// The runtime's tables of one partition.
pub(crate) struct Books {
    outbox: Table<(PartitionId, u64), ByteVec>,
    numbering: Table<PartitionId, Numbering>,
    inbox: Table<PartitionId, u64>,
    requests: Table<([u8; 16], RequestId), Remembered>,
    meta: Table<(), Meta>,
    waiting: usize,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            outbox: Table::resident(100),
            numbering: Table::resident(101),
            inbox: Table::resident(102),
            requests: Table::new(103),
            meta: Table::resident(104),
            waiting: 0,
        }
    }

    pub(crate) fn tables(&mut self) -> [&mut dyn AnyTable; 5] {
        [&mut self.outbox, &mut self.numbering, &mut self.inbox, &mut self.requests, &mut self.meta]
    }

    /// Call once the tables are attached.
    pub(crate) fn recovered(&mut self) {
        self.waiting = self.outbox.memory_rows();
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.meta.get(&()).map_or(Timestamp::ZERO, |meta| meta.at)
    }

    pub(crate) fn set_at(&mut self, at: Timestamp) {
        self.meta.put(&(), Meta { at });
    }

    /// Numbers a message and keeps it until it is acknowledged.
    pub(crate) fn send(&mut self, to: PartitionId, message: Vec<u8>) -> u64 {
        let number = self.numbering.upsert(&to, |numbering| {
            numbering.last += 1;
            numbering.last
        });
        self.outbox.put(&(to, number), ByteVec::from(message));
        self.waiting += 1;
        number
    }

    pub(crate) fn acknowledge(&mut self, ack: Acknowledged) {
        let first = self.numbering.upsert(&ack.to, |numbering| {
            let through = ack.through.min(numbering.last);
            let first = numbering.acknowledged + 1;
            numbering.acknowledged = numbering.acknowledged.max(through);
            first..=through
        });
        for number in first {
            self.outbox.remove(&(ack.to, number));
            self.waiting -= 1;
        }
    }

    /// Messages not yet acknowledged, per receiver in order.
    pub(crate) fn undelivered(&self) -> Vec<(PartitionId, u64, Vec<u8>)> {
        let rows = self.outbox.scan(&(), None, ScanOrder::Ascending, usize::MAX);
        rows.into_iter().map(|((to, number), bytes)| (to, number, bytes.to_vec())).collect()
    }

    /// Per receiver: the last number given, and the last acknowledged.
    pub(crate) fn sent(&self) -> Vec<(PartitionId, u64, u64)> {
        let rows = self.numbering.all();
        rows.into_iter().map(|(to, numbering)| (to, numbering.last, numbering.acknowledged)).collect()
    }

    /// How many messages wait for acknowledgement.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The highest message from `from` that was applied.
    pub(crate) fn received(&self, from: PartitionId) -> u64 {
        self.inbox.get(&from).map_or(0, |mark| *mark)
    }

    pub(crate) fn set_received(&mut self, from: PartitionId, sequence: u64) {
        self.inbox.put(&from, sequence);
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
