//! A partition's state at one cut, to be read while the partition goes on. It is what was not in the store at the cut,
//! laid over the store's rows, and it knows nothing of what came later.
//!
//! Taking it costs the partition one pass over its rows in memory and no encoding. Opening it rebuilds a [`Core`] as
//! recovery does, without a journal. The store must stand still at the cut until the core is dropped: see
//! [`Host::pause_checkpoints`](crate::Host::pause_checkpoints).

use crate::checkpoint::ColdRows;
use crate::core::Core;
use crate::recovery::RecoveryError;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use waybill_machine::{Cold, EncodedLater, Machine, RowImage, ScanOrder};
use waybill_store::Store;
use waybill_types::{Layout, PartitionId};

/// What one partition had not saved at a cut. Holds those rows in memory until it is dropped.
pub struct Snapshot<M> {
    pub(crate) id: PartitionId,
    pub(crate) layout: Layout,
    rows: BTreeMap<Vec<u8>, Unsaved>,
    machine: PhantomData<fn() -> M>,
}

/// A row that the store has not, or has no more.
type Unsaved = Option<Arc<dyn EncodedLater>>;

impl<M> Clone for Snapshot<M> {
    /// The same rows, shared.
    fn clone(&self) -> Self {
        Self { id: self.id, layout: self.layout, rows: self.rows.clone(), machine: PhantomData }
    }
}

impl<M: Machine> Snapshot<M> {
    /// What was not in the store at the cut, under the keys that it will have there.
    #[must_use]
    pub fn unsaved(&self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let encoded = |(key, row): (&Vec<u8>, &Unsaved)| {
            (crate::checkpoint::store_key(self.id, key), row.as_ref().map(|row| row.encode()))
        };
        self.rows.iter().map(encoded).collect()
    }

    pub(crate) fn new(id: PartitionId, layout: Layout, images: impl Iterator<Item = RowImage>) -> Self {
        let rows = images.map(|image| (image.key, image.value)).collect();
        Self { id, layout, rows, machine: PhantomData }
    }

    /// Every row at the cut, over the store's.
    pub(crate) fn rows(self, store: Arc<dyn Store>) -> Arc<dyn Cold> {
        Arc::new(Overlay { rows: self.rows, below: ColdRows { store, partition: self.id } })
    }

    /// The state at the cut. Blocks on the store.
    ///
    /// # Errors
    /// [`RecoveryError::Panicked`] when a row cannot be read.
    pub(crate) fn open(self, store: Arc<dyn Store>, request_ttl_ms: i64) -> Result<Core<M>, RecoveryError> {
        let (id, layout) = (self.id, self.layout);
        let cold = Overlay { rows: self.rows, below: ColdRows { store, partition: id } };
        let open = || Core::open(id, layout, Some(Arc::new(cold) as Arc<dyn Cold>), request_ttl_ms);
        catch_unwind(AssertUnwindSafe(open)).map_err(|panic| RecoveryError::panicked(id, &*panic))
    }
}

/// Unsaved rows over those below: where both have a key, the upper one counts.
struct Overlay<B> {
    rows: BTreeMap<Vec<u8>, Unsaved>,
    below: B,
}

impl<B: Cold> Cold for Overlay<B> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.rows.get(key) {
            Some(row) => row.as_ref().map(|row| row.encode()),
            None => self.below.get(key),
        }
    }

    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        if lower >= upper || limit == 0 {
            return Vec::new();
        }
        let range = (Bound::Included(lower), Bound::Excluded(upper));
        let over = self.rows.range::<[u8], _>(range);
        match order {
            ScanOrder::Ascending => self.page(over, lower, upper, order, limit),
            ScanOrder::Descending => self.page(over.rev(), lower, upper, order, limit),
        }
    }
}

impl<B: Cold> Overlay<B> {
    fn page<'a>(
        &self,
        over: impl Iterator<Item = (&'a Vec<u8>, &'a Unsaved)>,
        lower: &[u8],
        upper: &[u8],
        order: ScanOrder,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut over = over.peekable();
        let mut below =
            Pages { cold: &self.below, lower: lower.to_vec(), upper: upper.to_vec(), order, limit };
        let mut page = below.next().into_iter();
        let mut head = page.next();
        let mut found = Vec::with_capacity(limit.min(1_024));
        while found.len() < limit {
            if head.is_none() && !below.is_done() {
                page = below.next().into_iter();
                head = page.next();
            }
            let upper_first = match (over.peek(), &head) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((key, _)), Some((cold, _))) => match order {
                    ScanOrder::Ascending => *key <= cold,
                    ScanOrder::Descending => *key >= cold,
                },
            };
            if !upper_first {
                found.extend(std::mem::replace(&mut head, page.next()));
                continue;
            }
            let Some((key, row)) = over.next() else { break };
            if head.as_ref().is_some_and(|(cold, _)| cold == key) {
                head = page.next();
            }
            found.extend(row.as_ref().map(|row| (key.clone(), row.encode())));
        }
        found
    }
}

/// Pages of the rows below, one after the other.
struct Pages<'a, B> {
    cold: &'a B,
    lower: Vec<u8>,
    upper: Vec<u8>,
    order: ScanOrder,
    limit: usize,
}

impl<B: Cold> Pages<'_, B> {
    fn is_done(&self) -> bool {
        self.lower >= self.upper
    }

    fn next(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.cold.scan(&self.lower, &self.upper, self.order, self.limit);
        match (rows.last().filter(|_| rows.len() == self.limit), self.order) {
            (None, _) => self.lower.clone_from(&self.upper),
            (Some((last, _)), ScanOrder::Ascending) => self.lower = [last.as_slice(), &[0]].concat(),
            (Some((last, _)), ScanOrder::Descending) => self.upper.clone_from(last),
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let range = (Bound::Included(lower), Bound::Excluded(upper));
            let rows = self.0.range::<[u8], _>(range).map(|(key, value)| (key.clone(), value.clone()));
            match order {
                ScanOrder::Ascending => rows.take(limit).collect(),
                ScanOrder::Descending => rows.rev().take(limit).collect(),
            }
        }
    }

    struct Byte(u8);

    impl EncodedLater for Byte {
        fn encode(&self) -> Vec<u8> {
            vec![self.0]
        }
    }

    /// Below are the even keys; above, every third key is removed or set to itself plus 100.
    fn overlay() -> Overlay<Rows> {
        let below = (0..60).step_by(2).map(|key| (vec![key], vec![key])).collect();
        let row =
            |key: u8| (!key.is_multiple_of(2)).then(|| Arc::new(Byte(key + 100)) as Arc<dyn EncodedLater>);
        Overlay { rows: (0..60).step_by(3).map(|key| (vec![key], row(key))).collect(), below: Rows(below) }
    }

    fn expected() -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = |key: u8| match (key.is_multiple_of(2), key.is_multiple_of(3)) {
            (true, true) | (false, false) => None,
            (true, false) => Some(key),
            (false, true) => Some(key + 100),
        };
        (0..60).filter_map(|key| Some((vec![key], vec![value(key)?]))).collect()
    }

    #[test]
    fn unsaved_rows_hide_those_below_and_removed_ones_are_gone() {
        let overlay = overlay();
        let all = expected();
        assert_eq!(overlay.scan(&[0], &[255], ScanOrder::Ascending, 1_000), all);
        for key in 0..60 {
            let row = all.iter().find(|(found, _)| found == &[key]).map(|(_, value)| value.clone());
            assert_eq!(overlay.get(&[key]), row, "{key}");
        }
    }

    #[test]
    fn pages_of_any_length_in_both_directions_give_every_row_once() {
        let overlay = overlay();
        for limit in 1..8 {
            let (mut lower, mut ascending) = (vec![0], Vec::new());
            let (mut upper, mut descending) = (vec![255], Vec::new());
            loop {
                let page = overlay.scan(&lower, &[255], ScanOrder::Ascending, limit);
                let Some((last, _)) = page.last() else { break };
                lower = [last.as_slice(), &[0]].concat();
                ascending.extend(page);
            }
            loop {
                let page = overlay.scan(&[0], &upper, ScanOrder::Descending, limit);
                let Some((last, _)) = page.last() else { break };
                upper.clone_from(last);
                descending.extend(page);
            }
            descending.reverse();
            assert_eq!((&ascending, &descending), (&expected(), &expected()), "pages of {limit}");
        }
        assert!(overlay.scan(&[9], &[9], ScanOrder::Ascending, 5).is_empty());
    }
}
