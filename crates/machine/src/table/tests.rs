//! A table reads like a plain map whatever leaves memory, and rows do leave it.

use super::*;
use proptest::prelude::*;
use std::sync::Mutex;

#[derive(Default)]
struct Below(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Cold for Below {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.lock().unwrap();
        let range = rows.range(lower.to_vec()..upper.to_vec()).map(|(k, v)| (k.clone(), v.clone()));
        match order {
            ScanOrder::Ascending => range.take(limit).collect(),
            ScanOrder::Descending => range.rev().take(limit).collect(),
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Put(u16, u64),
    Add(u16, u64),
    Remove(u16),
    Get(u16),
    /// So many rows after this one, in either order.
    Scan(u16, usize, bool),
    Begin,
    Finish,
    Abandon,
    Forget(usize),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let key = 0u16..600;
    prop::collection::vec(
        prop_oneof![
            4 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Act::Put(k, v)),
            3 => (key.clone(), 0u64..9).prop_map(|(k, v)| Act::Add(k, v)),
            2 => key.clone().prop_map(Act::Remove),
            3 => key.clone().prop_map(Act::Get),
            2 => (key, 0usize..40, any::<bool>()).prop_map(|(k, n, up)| Act::Scan(k, n, up)),
            1 => Just(Act::Begin),
            1 => Just(Act::Finish),
            1 => Just(Act::Abandon),
            1 => (0usize..20).prop_map(Act::Forget),
            1 => Just(Act::Restart),
        ],
        1..400,
    )
}

fn write_below(below: &Below, images: Vec<RowImage>) {
    let mut rows = below.0.lock().unwrap();
    for image in images {
        match image.value {
            Some(value) => rows.insert(image.key, value.encode()),
            None => rows.remove(&image.key),
        };
    }
}

proptest! {
    /// Whatever is evicted, checkpointed or half-way there, the table reads like a plain map.
    #[test]
    fn a_table_reads_like_a_map(acts in acts(), resident in any::<bool>()) {
        let below = Arc::new(Below::default());
        let open = || {
            let mut table: Table<u16, u64> = if resident { Table::resident(7) } else { Table::new(7) };
            table.attach(below.clone());
            table
        };
        let mut table = open();
        let mut model: BTreeMap<u16, u64> = BTreeMap::new();
        let mut under_way = false;
        for act in acts {
            match act {
                Act::Put(k, v) => { table.put(&k, v); model.insert(k, v); }
                Act::Add(k, v) => {
                    let got = table.update(&k, |row| *row = row.wrapping_add(v));
                    let want = model.get_mut(&k).map(|row| *row = row.wrapping_add(v));
                    prop_assert_eq!(got, want);
                }
                Act::Remove(k) => { table.remove(&k); model.remove(&k); }
                Act::Get(k) => prop_assert_eq!(table.get(&k).map(|v| *v), model.get(&k).copied()),
                Act::Scan(k, n, up) => {
                    let order = if up { ScanOrder::Ascending } else { ScanOrder::Descending };
                    let rows = table.scan(&(), Some(&k), order, n);
                    let got: Vec<(u16, u64)> = rows.into_iter().map(|(k, v)| (k, *v)).collect();
                    let want: Vec<(u16, u64)> = if up {
                        model.range(k.saturating_add(1)..).take(n).map(|(k, v)| (*k, *v)).collect()
                    } else {
                        model.range(..k).rev().take(n).map(|(k, v)| (*k, *v)).collect()
                    };
                    prop_assert_eq!(got, want);
                }
                Act::Begin if !under_way => { write_below(&below, table.begin_checkpoint()); under_way = true; }
                Act::Finish if under_way => { table.finish_checkpoint(); under_way = false; }
                Act::Abandon if under_way => { table.abandon_checkpoint(); under_way = false; }
                Act::Forget(bound) => table.forget_read_rows(bound),
                Act::Begin | Act::Finish | Act::Abandon => {}
                Act::Restart => {
                    if under_way { table.finish_checkpoint(); }
                    write_below(&below, table.begin_checkpoint());
                    table = open();
                    under_way = false;
                }
            }
        }
        let rows: Vec<(u16, u64)> = table.all().into_iter().map(|(k, v)| (k, *v)).collect();
        prop_assert_eq!(&rows, &model.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
        let down: Vec<u16> =
            table.scan(&(), Some(&300), ScanOrder::Descending, 17).into_iter().map(|(k, _)| k).collect();
        prop_assert_eq!(down, model.range(..300).rev().take(17).map(|(k, _)| *k).collect::<Vec<_>>());
    }
}

#[test]
fn rows_unused_since_the_last_checkpoint_leave_memory() {
    let below = Arc::new(Below::default());
    let mut table: Table<u16, u64> = Table::new(7);
    table.attach(below.clone());
    for key in 0..100 {
        table.put(&key, 1);
    }
    for _ in 0..2 {
        write_below(&below, table.begin_checkpoint());
        table.finish_checkpoint();
        assert!(table.get(&3).is_some());
    }
    assert_eq!(table.memory_rows(), 1, "only the row that is read stays");
    assert_eq!(table.get(&50).map(|v| *v), Some(1));
}

#[test]
fn rows_of_a_crowded_table_leave_memory_with_the_checkpoint_that_saved_them() {
    let below = Arc::new(Below::default());
    let mut table: Table<u32, u64> = Table::new(7);
    table.attach(below.clone());
    let rows = CROWDED_ROWS as u32 + 1;
    for key in 0..rows {
        table.put(&key, 1);
    }
    let images = table.begin_checkpoint();
    table.put(&3, 2);
    assert!(table.get(&4).is_some());
    write_below(&below, images);
    table.finish_checkpoint();
    assert_eq!(table.memory_rows(), 2, "what changed or was read since it began stays");
    assert_eq!((table.get(&3).map(|v| *v), table.get(&5).map(|v| *v)), (Some(2), Some(1)));
}

#[test]
fn of_rows_that_were_only_read_the_first_ones_leave_memory() {
    let below = Arc::new(Below::default());
    let mut table: Table<u16, u64> = Table::new(7);
    table.attach(below.clone());
    for key in 0..100 {
        table.put(&key, 1);
    }
    write_below(&below, table.begin_checkpoint());
    table.finish_checkpoint();
    let mut table: Table<u16, u64> = Table::new(7);
    table.attach(below.clone());
    for key in 0..100 {
        assert!(table.get(&key).is_some());
    }
    table.put(&0, 2);
    table.forget_read_rows(10);
    assert_eq!(table.memory_rows(), 11, "the last ten that were read, and the one that changed");
    below.0.lock().unwrap().clear();
    assert_eq!(
        (table.get(&0).map(|v| *v), table.get(&89), table.get(&90).map(|v| *v)),
        (Some(2), None, Some(1))
    );
}

/// Rows below, and how many of them were read.
#[derive(Default)]
struct Counted(Below, std::sync::atomic::AtomicUsize);

impl Cold for Counted {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key)
    }
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.scan(lower, upper, order, limit);
        self.1.fetch_add(rows.len(), std::sync::atomic::Ordering::Relaxed);
        rows
    }
}

#[test]
fn who_wants_a_few_rows_has_few_read_from_below() {
    let below = Arc::new(Counted::default());
    let mut table: Table<u16, u64> = Table::new(7);
    table.attach(below.clone());
    for key in 0..1_000 {
        table.put(&key, u64::from(key));
    }
    write_below(&below.0, table.begin_checkpoint());
    table.finish_checkpoint();
    let mut table: Table<u16, u64> = Table::new(7);
    table.attach(below.clone());
    table.remove(&998);
    for (order, keys) in
        [(ScanOrder::Descending, [999, 997, 996, 995, 994]), (ScanOrder::Ascending, [0, 1, 2, 3, 4])]
    {
        below.1.store(0, std::sync::atomic::Ordering::Relaxed);
        let found: Vec<u16> = table.scan(&(), None, order, 5).into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, keys);
        let read = below.1.load(std::sync::atomic::Ordering::Relaxed);
        // Five, and where one of them is removed above, a page twice as long.
        assert!(read <= 15, "{read} rows were read for five");
    }
    assert_eq!(table.all().len(), 999);
}
