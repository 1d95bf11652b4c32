//! A small resident table with an index of its live keys, for work that waits for its turn: timers and wake-ups.
//!
//! A removed row stays in a [`Table`] until the next checkpoint, so finding the first live row by scanning would walk
//! over every timer cancelled since then: a second of busy reservations would make each look at the clock slow.

use std::collections::BTreeSet;
use std::sync::Arc;
use waybill_machine::{AnyTable, Cold, Key, RowImage, Table};

/// Keys in order; each is there or not.
pub struct Queue<K> {
    rows: Table<K, ()>,
    live: BTreeSet<K>,
}

impl<K: Key + Ord + Clone + Send + 'static> Queue<K> {
    /// An empty queue.
    #[must_use]
    pub fn new(prefix: u8) -> Self {
        Self { rows: Table::resident(prefix), live: BTreeSet::new() }
    }
    /// The smallest key.
    #[must_use]
    pub fn first(&self) -> Option<&K> {
        self.live.first()
    }
    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.live.iter()
    }
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }
    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }
    /// True when `key` is there.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.live.contains(key)
    }
    pub(crate) fn insert(&mut self, key: K) {
        if !self.live.contains(&key) {
            self.rows.put(&key, ());
            self.live.insert(key);
        }
    }
    pub(crate) fn remove(&mut self, key: &K) {
        if self.live.remove(key) {
            self.rows.remove(key);
        }
    }
}

impl<K: Key + Ord + Clone + Send + 'static> AnyTable for Queue<K> {
    fn prefix(&self) -> u8 {
        self.rows.prefix()
    }
    fn attach(&mut self, cold: Arc<dyn Cold>) {
        self.rows.attach(cold);
        self.live = self.rows.all().into_iter().map(|(key, _)| key).collect();
    }
    fn begin_checkpoint(&mut self) -> Vec<RowImage> {
        self.rows.begin_checkpoint()
    }
    fn unsaved(&self) -> Vec<RowImage> {
        self.rows.unsaved()
    }
    fn finish_checkpoint(&mut self) {
        self.rows.finish_checkpoint();
    }
    fn abandon_checkpoint(&mut self) {
        self.rows.abandon_checkpoint();
    }
    fn forget_read_rows(&mut self, bound: usize) {
        self.rows.forget_read_rows(bound);
    }
    fn dirty_rows(&self) -> usize {
        self.rows.dirty_rows()
    }
    fn memory_rows(&self) -> usize {
        self.rows.memory_rows()
    }
    fn hash_into(&self, hasher: &mut blake3::Hasher) {
        self.rows.hash_into(hasher);
    }
}
