//! A table of rows: memory first, cold rows faulted in from below, changed rows handed up to the checkpoint. It does
//! no I/O itself; what is below comes in as [`Cold`].
//!
//! A row that is in memory is the truth. A row that is not is what [`Cold`] says. Rows changed since the last
//! checkpoint, or in the one under way, stay in memory, so the two never disagree.

use crate::cold::{Cold, ColdPages, ScanOrder, successor};
use crate::key::Key;
use crate::record::{Record, decode, encode, encode_into};
use crate::row_key::RowKey;
use std::cell::{Cell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::ops::Bound;
use std::sync::Arc;

/// One changed row on its way to the checkpoint; `None` is a deletion. Encoding happens later, off the partition.
pub struct RowImage {
    /// Table prefix and key.
    pub key: Vec<u8>,
    /// The row at the batch boundary.
    pub value: Option<Arc<dyn EncodedLater>>,
}

/// A row that can be encoded without knowing its type.
pub trait EncodedLater: Send + Sync {
    /// The stored bytes.
    fn encode(&self) -> Vec<u8>;
}
impl<V: Record> EncodedLater for V {
    fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

struct Slot<V> {
    value: Option<Arc<V>>,
    touched: Cell<u32>,
    dirty: bool,
    flushing: bool,
    /// There may be a row below. Where there is none, a row that comes and goes between two checkpoints costs nothing.
    below: bool,
}

/// A table with more rows than this in memory keeps only those touched since the checkpoint under way began; a smaller
/// one also those touched since the one before.
const CROWDED_ROWS: usize = 10_000;

/// A table keeps so many rows that were only read. With each further one the one read first leaves: to drop many at once
/// would hold up whoever waits meanwhile.
const READ_ROWS: usize = 4_096;

/// Rows of one kind. `K` sorts by its bytes.
pub struct Table<K, V> {
    prefix: u8,
    resident: bool,
    rows: RefCell<BTreeMap<RowKey, Slot<V>>>,
    /// A key is written here before it is looked up.
    scratch: RefCell<Vec<u8>>,
    dirty: Vec<RowKey>,
    dirty_count: usize,
    flushing: Vec<RowKey>,
    cold: Option<Arc<dyn Cold>>,
    generation: u32,
    /// Rows that were read from below, oldest first. Some may have changed or left memory since.
    faulted: RefCell<VecDeque<RowKey>>,
    key: PhantomData<fn() -> K>,
}

impl<K: Key, V: Record + Clone> Table<K, V> {
    /// A table whose idle rows may leave memory.
    #[must_use]
    pub fn new(prefix: u8) -> Self {
        Self {
            prefix,
            resident: false,
            rows: RefCell::default(),
            scratch: RefCell::default(),
            dirty: Vec::new(),
            dirty_count: 0,
            flushing: Vec::new(),
            cold: None,
            generation: 1,
            faulted: RefCell::default(),
            key: PhantomData,
        }
    }
    /// A small table that is always wholly in memory: timers, work to do.
    #[must_use]
    pub fn resident(prefix: u8) -> Self {
        Self { resident: true, ..Self::new(prefix) }
    }

    /// The row under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let key = self.full_key(key);
        if let Some(slot) = self.rows.borrow().get(&key) {
            slot.touched.set(self.generation);
            return slot.value.clone();
        }
        self.fault(key)
    }

    /// True when there is a row under `key`.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the row under `key`.
    pub fn put(&mut self, key: &K, value: V) {
        self.set(self.full_key(key), Some(Arc::new(value)));
    }

    /// Changes the row under `key` in place; `None` when there is none.
    pub fn update<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let key = self.full_key(key);
        let slot = self.slot(&key)?;
        let result = change(Arc::make_mut(slot.value.as_mut()?));
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirtied(key);
        }
        Some(result)
    }

    /// Changes the row under `key`, starting from the default when there is none.
    pub fn upsert<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let key = self.full_key(key);
        let slot = self.slot_or_new(&key);
        let result = change(Arc::make_mut(slot.value.get_or_insert_default()));
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirtied(key);
        }
        result
    }

    /// Removes the row under `key`.
    pub fn remove(&mut self, key: &K) {
        let key = self.full_key(key);
        if !self.rows.borrow().contains_key(&key) && self.fault(key.clone()).is_none() {
            return;
        }
        match self.rows.get_mut().get_mut(&key) {
            // Nothing below knows of it, so there is nothing to delete there.
            Some(slot) if !slot.below && !slot.flushing && !self.resident => {
                slot.value = None;
                self.dirty_count -= usize::from(std::mem::take(&mut slot.dirty));
            }
            Some(slot) if !slot.below && !slot.flushing => {
                self.dirty_count -= usize::from(slot.dirty);
                self.rows.get_mut().remove(&key);
            }
            _ => self.set(key, None),
        }
    }

    /// Rows whose key begins with the bytes of `prefix`, strictly after `after` in the direction of `order`, at most
    /// `limit`. Rows read from below do not stay in memory.
    pub fn scan<P: Key>(
        &self,
        prefix: &P,
        after: Option<&K>,
        order: ScanOrder,
        limit: usize,
    ) -> Vec<(K, Arc<V>)> {
        let mut start = vec![self.prefix];
        prefix.write(&mut start);
        let (mut lower, mut upper) = (start.clone(), successor(&start));
        if let Some(after) = after {
            let after = self.full_key(after);
            match order {
                ScanOrder::Ascending => {
                    lower = after.to_vec();
                    lower.push(0);
                }
                ScanOrder::Descending => upper = after.to_vec(),
            }
        }
        if lower >= upper {
            return Vec::new();
        }
        self.merge(lower, upper, order, limit)
    }

    /// Every row in key order; for audits and small tables.
    pub fn all(&self) -> Vec<(K, Arc<V>)> {
        self.scan(&(), None, ScanOrder::Ascending, usize::MAX)
    }

    /// Calls `visit` with every row in key order, a page at a time, so that a large table never stands in memory.
    pub fn for_each(&self, mut visit: impl FnMut(K, &V)) {
        let mut lower = vec![self.prefix];
        let upper = successor(&lower);
        loop {
            let page = self.merge_bytes(lower.clone(), &upper, ScanOrder::Ascending, 1024);
            let Some((last, _)) = page.last() else { return };
            lower.clone_from(last);
            lower.push(0);
            for (key, value) in page {
                visit(self.typed(&key), &value);
            }
        }
    }

    fn full_key(&self, key: &K) -> RowKey {
        let mut bytes = self.scratch.borrow_mut();
        bytes.clear();
        bytes.push(self.prefix);
        key.write(&mut bytes);
        RowKey::from(&bytes[..])
    }

    fn typed(&self, key: &[u8]) -> K {
        let mut rest = &key[1..];
        match K::read(&mut rest) {
            Some(key) if rest.is_empty() => key,
            _ => panic!("table {} holds a key that is not its own: {key:02x?}", self.prefix),
        }
    }

    fn set(&mut self, key: RowKey, value: Option<Arc<V>>) {
        let unknown = self.unknown();
        let slot = self.rows.get_mut().entry(key.clone()).or_insert(unknown);
        slot.value = value;
        slot.touched.set(self.generation);
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirtied(key);
        }
    }

    fn dirtied(&mut self, key: RowKey) {
        self.dirty_count += 1;
        self.dirty.push(key);
    }

    /// What memory knows of a row, read from below where it knows nothing; none where there is nothing below to ask.
    fn slot(&mut self, key: &RowKey) -> Option<&mut Slot<V>> {
        let source = (self.prefix, self.generation, if self.resident { None } else { self.cold.as_deref() });
        match self.rows.get_mut().entry(key.clone()) {
            Entry::Occupied(known) => {
                let slot = known.into_mut();
                slot.touched.set(self.generation);
                Some(slot)
            }
            Entry::Vacant(place) => {
                let slot = read_below(source, key)?;
                self.faulted.get_mut().push_back(key.clone());
                Some(place.insert(slot))
            }
        }
    }

    fn slot_or_new(&mut self, key: &RowKey) -> &mut Slot<V> {
        let unknown = self.unknown();
        let source = (self.prefix, self.generation, if self.resident { None } else { self.cold.as_deref() });
        let rows = self.rows.get_mut().entry(key.clone());
        let slot = rows.or_insert_with(|| read_below(source, key).unwrap_or(unknown));
        slot.touched.set(self.generation);
        slot
    }

    /// A row nothing is known of: where rows may leave memory there may be one below.
    fn unknown(&self) -> Slot<V> {
        let touched = Cell::new(self.generation);
        Slot { value: None, touched, dirty: false, flushing: false, below: !self.resident }
    }

    /// Reads a row from below and keeps it (or its absence) in memory.
    fn fault(&self, key: RowKey) -> Option<Arc<V>> {
        let source = (self.prefix, self.generation, if self.resident { None } else { self.cold.as_deref() });
        let slot = read_below(source, &key)?;
        let value = slot.value.clone();
        self.rows.borrow_mut().insert(key.clone(), slot);
        self.faulted.borrow_mut().push_back(key);
        self.forget(READ_ROWS);
        value
    }

    /// Lets rows that were read and are below as they are leave memory, those read first, until `bound` are left.
    fn forget(&self, bound: usize) {
        let (mut rows, mut faulted) = (self.rows.borrow_mut(), self.faulted.borrow_mut());
        let surplus = faulted.len().saturating_sub(bound);
        for key in faulted.drain(..surplus) {
            if let Entry::Occupied(row) = rows.entry(key)
                && !row.get().dirty
                && !row.get().flushing
            {
                row.remove();
            }
        }
    }

    fn read_row(&self, bytes: &[u8]) -> V {
        read_row(self.prefix, bytes)
    }

    fn merge(&self, lower: Vec<u8>, upper: Vec<u8>, order: ScanOrder, limit: usize) -> Vec<(K, Arc<V>)> {
        let rows = self.merge_bytes(lower, &upper, order, limit);
        rows.into_iter().map(|(key, value)| (self.typed(&key), value)).collect()
    }

    fn merge_bytes(
        &self,
        lower: Vec<u8>,
        upper: &[u8],
        order: ScanOrder,
        limit: usize,
    ) -> Vec<(Vec<u8>, Arc<V>)> {
        let rows = self.rows.borrow();
        let bounds = (Bound::Included(RowKey::from(&lower[..])), Bound::Excluded(RowKey::from(upper)));
        let memory = rows.range(bounds);
        let below = match (&self.cold, self.resident) {
            (Some(cold), false) => ColdPages::new(&**cold, lower, upper.to_vec(), order, limit),
            _ => ColdPages::none(order),
        };
        match order {
            ScanOrder::Ascending => self.merge_sorted(memory, below, limit),
            ScanOrder::Descending => self.merge_sorted(memory.rev(), below, limit),
        }
    }

    fn merge_sorted<'a>(
        &self,
        memory: impl Iterator<Item = (&'a RowKey, &'a Slot<V>)>,
        mut below: ColdPages<'_>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Arc<V>)>
    where
        V: 'a,
    {
        let mut found = Vec::new();
        let mut memory = memory.peekable();
        let order = below.order;
        while found.len() < limit {
            let memory_first = match (memory.peek(), below.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((m, _)), Some(c)) if &m[..] == c => {
                    below.next();
                    true
                }
                (Some((m, _)), Some(c)) => match order {
                    ScanOrder::Ascending => &m[..] < c,
                    ScanOrder::Descending => &m[..] > c,
                },
            };
            if memory_first {
                if let Some((key, Slot { value: Some(value), .. })) = memory.next() {
                    found.push((key.to_vec(), Arc::clone(value)));
                }
            } else if let Some((key, bytes)) = below.next() {
                let value = Arc::new(self.read_row(&bytes));
                found.push((key, value));
            }
        }
        found
    }
}

/// What is below a table, with its prefix and generation.
type Source<'a> = (u8, u32, Option<&'a dyn Cold>);

/// A row as it is below, or its absence; none where there is nothing below to ask.
fn read_below<V: Record>((prefix, generation, cold): Source<'_>, key: &RowKey) -> Option<Slot<V>> {
    let value = cold?.get(key).map(|bytes| Arc::new(read_row(prefix, &bytes)));
    let (touched, below) = (Cell::new(generation), value.is_some());
    Some(Slot { value, touched, dirty: false, flushing: false, below })
}

fn read_row<V: Record>(prefix: u8, bytes: &[u8]) -> V {
    decode(bytes).unwrap_or_else(|error| panic!("table {prefix}: {error}"))
}

/// A table without its types, as the runtime handles it.
pub trait AnyTable: Send {
    /// The byte its keys begin with; unique within a state.
    fn prefix(&self) -> u8;
    /// Puts rows below the table and, for a resident table, reads them all.
    fn attach(&mut self, cold: Arc<dyn Cold>);
    /// The rows changed since the last call, for a checkpoint that has now begun.
    fn begin_checkpoint(&mut self) -> Vec<RowImage>;
    /// Every row that is not below yet, as it is now; changes nothing.
    fn unsaved(&self) -> Vec<RowImage>;
    /// The rows of the checkpoint under way are below now. Rows not used lately leave memory.
    fn finish_checkpoint(&mut self);
    /// The checkpoint under way came to nothing: its rows are changed rows again.
    fn abandon_checkpoint(&mut self);
    /// Lets rows that were read and are below as they are leave memory, those read first, until `bound` of them are left.
    fn forget_read_rows(&mut self, bound: usize);
    /// How many rows have changed since the last checkpoint began.
    fn dirty_rows(&self) -> usize;
    /// How many rows are in memory.
    fn memory_rows(&self) -> usize;
    /// Folds every row, in key order, into `hasher`: equal states give equal hashes whatever is in memory.
    fn hash_into(&self, hasher: &mut blake3::Hasher);
}

impl<K: Key, V: Record + Clone> AnyTable for Table<K, V> {
    fn prefix(&self) -> u8 {
        self.prefix
    }

    fn attach(&mut self, cold: Arc<dyn Cold>) {
        if self.resident {
            let lower = vec![self.prefix];
            let upper = successor(&lower);
            let mut pages = ColdPages::new(&*cold, lower, upper, ScanOrder::Ascending, usize::MAX);
            while let Some((key, bytes)) = pages.next() {
                let value = Some(Arc::new(self.read_row(&bytes)));
                let slot = Slot { value, touched: Cell::new(0), dirty: false, flushing: false, below: true };
                self.rows.get_mut().insert(RowKey::from(&key[..]), slot);
            }
        }
        self.cold = Some(cold);
    }

    fn begin_checkpoint(&mut self) -> Vec<RowImage> {
        assert!(self.flushing.is_empty(), "one checkpoint at a time");
        self.generation += 1;
        let changed = std::mem::take(&mut self.dirty);
        self.dirty_count = 0;
        let rows = self.rows.get_mut();
        let mut images = Vec::with_capacity(changed.len());
        for key in changed {
            // A row that was put and removed since the last checkpoint is not dirty any more, or is gone.
            let Some(slot) = rows.get_mut(&key).filter(|slot| slot.dirty) else { continue };
            slot.dirty = false;
            slot.flushing = true;
            slot.below = true;
            let value = slot.value.clone().map(|value| value as Arc<dyn EncodedLater>);
            images.push(RowImage { key: key.to_vec(), value });
            self.flushing.push(key);
        }
        images
    }

    fn unsaved(&self) -> Vec<RowImage> {
        let rows = self.rows.borrow();
        let unsaved = rows.iter().filter(|(_, slot)| slot.dirty || slot.flushing);
        let image = |(key, slot): (&RowKey, &Slot<V>)| RowImage {
            key: key.to_vec(),
            value: slot.value.clone().map(|value| value as Arc<dyn EncodedLater>),
        };
        unsaved.map(image).collect()
    }

    fn finish_checkpoint(&mut self) {
        let rows = self.rows.get_mut();
        for key in self.flushing.drain(..) {
            if let Some(slot) = rows.get_mut(&key) {
                slot.flushing = false;
            }
        }
        // Rows of finished work are many and are not touched again; a small table may keep what was used lately.
        let kept = if rows.len() > CROWDED_ROWS { 0 } else { 1 };
        let (resident, oldest) = (self.resident, self.generation - kept);
        rows.retain(|_, slot| {
            let needed = slot.dirty || slot.flushing;
            let wanted = slot.value.is_some() && (resident || slot.touched.get() >= oldest);
            needed || wanted
        });
    }

    fn abandon_checkpoint(&mut self) {
        let rows = self.rows.get_mut();
        for key in self.flushing.drain(..) {
            let Some(slot) = rows.get_mut(&key) else { continue };
            slot.flushing = false;
            if !slot.dirty {
                slot.dirty = true;
                self.dirty_count += 1;
                self.dirty.push(key);
            }
        }
    }

    fn forget_read_rows(&mut self, bound: usize) {
        self.forget(bound);
    }

    fn dirty_rows(&self) -> usize {
        self.dirty_count
    }

    fn memory_rows(&self) -> usize {
        self.rows.borrow().len()
    }

    fn hash_into(&self, hasher: &mut blake3::Hasher) {
        let (mut lower, mut bytes) = (vec![self.prefix], Vec::new());
        let upper = successor(&lower);
        loop {
            let page = self.merge_bytes(lower.clone(), &upper, ScanOrder::Ascending, 1024);
            let Some((last, _)) = page.last() else { return };
            lower.clone_from(last);
            lower.push(0);
            for (key, value) in page {
                bytes.clear();
                encode_into(&*value, &mut bytes);
                hasher.update(&(key.len() as u64).to_be_bytes());
                hasher.update(&key);
                hasher.update(&(bytes.len() as u64).to_be_bytes());
                hasher.update(&bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests;
