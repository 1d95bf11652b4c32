//! Whose an order is: that of the customer of its strongest identity. So link, merge and split give orders to others
//! without touching them. An order whose strongest identity is shared belongs to none of those who share it.

use super::Inner;
use super::parse::{key_of, lookup_of};
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tonic::Status;
use waybill_customers::{Customer, IdentityKey};
use waybill_orders::content::Lookup;
use waybill_orders::{Opening, Order, OrdersState};
use waybill_types::{CustomerId, OrderId, PartitionId, Timestamp};

/// Orders of one person that are looked at, at most; the oldest are left out.
pub(crate) const ORDERS_MAX: usize = 2_000;
/// Rows of one partition that are read at once.
const ROWS: usize = 128;

/// An order.
#[derive(Clone)]
pub(crate) struct Hit {
    pub(crate) at: Timestamp,
    pub(crate) id: OrderId,
    pub(crate) opening: Arc<Opening>,
    pub(crate) order: Arc<Order>,
}

impl Hit {
    /// Its identities of the strongest kind it has.
    pub(crate) fn strongest(&self) -> Vec<IdentityKey> {
        strongest(&self.order.content(&self.opening).lookups)
    }
}

/// More than one only where an order has two phones: the customer's and the receiver's.
fn strongest(lookups: &[Lookup]) -> Vec<IdentityKey> {
    let mut keys: Vec<IdentityKey> = lookups.iter().filter_map(|lookup| key_of(*lookup)).collect();
    keys.sort_unstable();
    let kind = keys.first().map(|key| key.kind);
    keys.retain(|key| Some(key.kind) == kind);
    keys
}

/// One person.
#[derive(Clone)]
pub(crate) enum Who {
    /// Somebody has said something about them.
    Recorded(CustomerId, Arc<Customer>),
    /// Known by orders alone: the identity, and the newest of the orders.
    Implicit(IdentityKey, Box<Hit>),
}

impl Who {
    /// The identities that tell by themselves that an order is theirs.
    pub(crate) fn keys(&self) -> Vec<IdentityKey> {
        match self {
            Self::Recorded(_, record) => {
                let own = record.identities.iter().filter(|identity| !identity.shared);
                own.map(|identity| identity.key).collect()
            }
            Self::Implicit(key, _) => vec![*key],
        }
    }
}

impl Inner {
    /// Everybody known by an identity: who has it, and who has an order with it.
    pub(crate) async fn known_by(&self, key: IdentityKey) -> Result<Vec<Who>, Status> {
        let (with_it, _) = self.orders_with(&[key], ORDERS_MAX, |_| true).await?;
        let asked: BTreeSet<IdentityKey> = with_it.iter().flat_map(Hit::strongest).collect();
        let (holders, told) = self
            .read(move |state| {
                let told = asked.into_iter().filter_map(|key| Some((key, state.told_by(key)?)));
                (state.holders(key), told.collect::<BTreeMap<_, _>>())
            })
            .await?;
        let mut recorded: BTreeSet<CustomerId> = holders.into_iter().collect();
        let mut implicit: BTreeMap<IdentityKey, Hit> = BTreeMap::new();
        // Newest first, so that the first of each is the newest.
        for hit in with_it {
            let strongest = hit.strongest();
            let Some(first) = strongest.iter().find(|own| **own == key).or(strongest.first()).copied() else {
                continue;
            };
            match strongest.iter().find_map(|key| told.get(key)) {
                Some(id) => drop(recorded.insert(*id)),
                None => drop(implicit.entry(first).or_insert(hit)),
            }
        }
        let records = self
            .read(move |state| recorded.into_iter().filter_map(|id| state.person(id)).collect::<Vec<_>>());
        let recorded = records.await?.into_iter().map(|(id, record)| Who::Recorded(id, record));
        let implicit = implicit.into_iter().map(|(key, hit)| Who::Implicit(key, Box::new(hit)));
        Ok(recorded.chain(implicit).collect())
    }

    /// The orders that are a person's, newest first, at most `max`, and whether there may be more.
    pub(crate) async fn orders_of(&self, who: &Who, max: usize) -> Result<(Vec<Hit>, bool), Status> {
        let keys = who.keys();
        let theirs = |hit: &Hit| hit.strongest().iter().any(|key| keys.contains(key));
        self.orders_with(&keys, max, theirs).await
    }

    async fn orders_with(
        &self,
        keys: &[IdentityKey],
        max: usize,
        wanted: impl Fn(&Hit) -> bool,
    ) -> Result<(Vec<Hit>, bool), Status> {
        let lookups: Vec<Lookup> = keys.iter().map(|key| lookup_of(*key)).collect();
        let searches = self.orders.everywhere().map(|partition| self.in_partition(partition, &lookups, max));
        let found = try_join_all(searches).await?;
        let mut partial = found.iter().any(|(_, partial)| *partial);
        let mut hits: Vec<Hit> = found.into_iter().flat_map(|(hits, _)| hits).filter(wanted).collect();
        hits.sort_unstable_by_key(|hit| std::cmp::Reverse((hit.at, hit.id)));
        partial |= hits.len() > max;
        hits.truncate(max);
        Ok((hits, partial))
    }

    async fn in_partition(
        &self,
        partition: PartitionId,
        lookups: &[Lookup],
        max: usize,
    ) -> Result<(Vec<Hit>, bool), Status> {
        let (mut hits, mut partial) = (BTreeMap::new(), false);
        for lookup in lookups.iter().copied() {
            let (mut before, mut looked_at) = (None, 0);
            loop {
                let page = self.orders.read(partition, move |state| page(state, lookup, before)).await?;
                looked_at += page.len();
                let ended = page.len() < ROWS;
                before = page.last().map(|(id, _)| *id);
                hits.extend(page.into_iter().filter_map(|(id, hit)| Some((id, hit?))));
                if ended {
                    break;
                }
                if looked_at >= max {
                    partial = true;
                    break;
                }
            }
        }
        Ok((hits.into_values().collect(), partial))
    }
}

fn page(state: &OrdersState, lookup: Lookup, before: Option<OrderId>) -> Vec<(OrderId, Option<Hit>)> {
    let ids = state.by_lookup(lookup.kind, lookup.digest, before, ROWS);
    let hit = |id| {
        let (opening, order) = state.order(id)?;
        let at = order.content(&opening).placed_at;
        Some(Hit { at, id, opening, order })
    };
    ids.into_iter().map(|id| (id, hit(id))).collect()
}
