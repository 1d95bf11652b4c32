//! The tables of the partition.

use crate::record::{Change, Customer, Identity, IdentityKey, IdentityKind};
use minicbor::{Decode, Encode};
use std::sync::Arc;
use waybill_machine::{AnyTable, ScanOrder, Table};
use waybill_types::{CustomerId, LookupDigest, Timestamp};

/// Numbers given so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Counters {
    #[n(0)]
    pub(crate) last_customer: u64,
    /// Contacts and things said share their numbers.
    #[n(1)]
    pub(crate) last_note: u64,
}

/// Who has an identity: kind, digest, record.
pub(crate) type Holder = (u8, LookupDigest, CustomerId);

/// The state of the partition of customers.
pub struct CustomersState {
    pub(crate) counters: Table<(), Counters>,
    pub(crate) records: Table<CustomerId, Customer>,
    pub(crate) holders: Table<Holder, ()>,
    /// When contacts are dropped: time and number, with the record they were said about then.
    pub(crate) timers: Table<(Timestamp, u64), CustomerId>,
    pub(crate) changes: Table<(CustomerId, u64), Change>,
}

impl Default for CustomersState {
    fn default() -> Self {
        Self {
            counters: Table::resident(1),
            records: Table::new(2),
            holders: Table::new(3),
            timers: Table::resident(4),
            changes: Table::new(5),
        }
    }
}

impl CustomersState {
    /// A record as it is, another name included.
    #[must_use]
    pub fn record(&self, id: CustomerId) -> Option<Arc<Customer>> {
        self.records.get(&id)
    }

    /// The person behind an id: another name leads to the record it was merged into.
    #[must_use]
    pub fn person(&self, id: CustomerId) -> Option<(CustomerId, Arc<Customer>)> {
        let mut id = id;
        // Each step leads to a record that was alive when this one was merged, so the way ends.
        loop {
            let record = self.records.get(&id)?;
            match record.merged_into {
                Some(into) => id = into,
                None => return Some((id, record)),
            }
        }
    }

    /// Who has an identity; several where it is shared.
    #[must_use]
    pub fn holders(&self, key: IdentityKey) -> Vec<CustomerId> {
        let rows = self.holders.scan(&(key.kind as u8, key.digest), None, ScanOrder::Ascending, usize::MAX);
        rows.into_iter().map(|((_, _, id), _)| id).collect()
    }

    /// Who has an identity, with the identity as they have it.
    #[must_use]
    pub fn holdings(&self, key: IdentityKey) -> Vec<(CustomerId, Identity)> {
        let holders = self.holders(key).into_iter();
        holders.filter_map(|id| Some((id, self.records.get(&id)?.identity(key)?.clone()))).collect()
    }

    /// The one person an identity tells: `None` where nobody or several have it, or where it is shared.
    #[must_use]
    pub fn told_by(&self, key: IdentityKey) -> Option<CustomerId> {
        match self.holdings(key).as_slice() {
            [(id, identity)] if !identity.shared => Some(*id),
            _ => None,
        }
    }

    /// The newest changes of a record, newest first.
    #[must_use]
    pub fn changes(&self, id: CustomerId, limit: usize) -> Vec<Arc<Change>> {
        let rows = self.changes.scan(&id, None, ScanOrder::Descending, limit);
        rows.into_iter().map(|(_, change)| change).collect()
    }

    /// How many records there ever were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counters.get(&()).map_or(0, |counters| counters.last_customer)
    }

    pub(crate) fn last_note(&self) -> u64 {
        self.counters.get(&()).map_or(0, |counters| counters.last_note)
    }
}

pub(crate) fn holder(key: IdentityKey, id: CustomerId) -> Holder {
    (key.kind as u8, key.digest, id)
}

pub(crate) fn kind_of(number: u8) -> Option<IdentityKind> {
    Some(match number {
        0 => IdentityKind::CustomerRef,
        1 => IdentityKind::MemberCard,
        2 => IdentityKind::SocialId,
        3 => IdentityKind::Email,
        4 => IdentityKind::Phone,
        _ => return None,
    })
}

impl waybill_machine::State for CustomersState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.counters, &mut self.records, &mut self.holders, &mut self.timers, &mut self.changes]
    }
}
