//! What the conformance suite cannot see from outside: physical rows, poison, and sled's own files.

use super::*;

fn put(key: &str, len: usize) -> Op {
    Op::Put { key: key.as_bytes().to_vec(), value: vec![7; len] }
}

fn open(dir: &Path) -> SledStore {
    SledStore::open(dir, Options { cache_bytes: 8 << 20 }).unwrap()
}

#[test]
fn no_chunk_stays_behind_a_shrunk_or_deleted_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let physical = || store.engine("count", |db| Ok(db.len())).unwrap();
    store.commit(&[put("a", 100_000), put("b", 20_000)]).unwrap();
    assert_eq!(physical(), 2 + 1 + 28 + 6);
    store.commit(&[put("a", 4000)]).unwrap();
    assert_eq!(physical(), 2 + 1 + 2 + 6);
    store
        .put_unsynced(&mut [put("a", 9000), put("a", 5), Op::Delete { key: b"b".to_vec() }].into_iter())
        .unwrap();
    assert_eq!(physical(), 2 + 1);
}

#[test]
fn an_error_of_the_engine_poisons_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put("a", 1)]).unwrap();
    let failed = store.engine("pretend", |_| Err::<(), _>(sled::Error::ReportableBug("bug".to_owned())));
    assert!(matches!(failed, Err(Error::Damaged { .. })));
    assert!(store.is_poisoned());
    assert!(matches!(store.get(b"a"), Err(Error::Poisoned { .. })));
    assert!(matches!(store.scan(b"a", b"b", Order::Ascending, 1), Err(Error::Poisoned { .. })));
    assert!(matches!(store.scan(b"b", b"a", Order::Ascending, 1), Err(Error::Poisoned { .. })));
    assert!(matches!(store.commit(&[put("a", 1)]), Err(Error::Poisoned { .. })));
    assert!(matches!(store.put_unsynced(&mut std::iter::empty()), Err(Error::Poisoned { .. })));
    assert!(matches!(store.sync(), Err(Error::Poisoned { .. })));
    assert!(matches!(Box::new(store).close(), Err(Error::Poisoned { .. })));
}

#[test]
fn a_panic_of_the_engine_becomes_damage_and_poisons() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let failed = store.engine::<()>("pretend", |_| panic!("deep inside"));
    let Err(Error::Damaged { what, .. }) = failed else { panic!("not damage: {failed:?}") };
    assert!(what.contains("deep inside"), "{what}");
    assert!(matches!(store.sync(), Err(Error::Poisoned { cause }) if cause.contains("deep inside")));
}

#[test]
fn a_chunk_that_is_missing_or_foreign_is_damage_not_a_shorter_value() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put("a", 20_000), put("b", 10)]).unwrap();
    store.engine("remove", |db| db.remove(rows::chunk_key(b"a", 3))).unwrap();
    assert!(matches!(store.get(b"a"), Err(Error::Damaged { .. })));
    assert!(matches!(store.scan(b"a", b"c", Order::Ascending, 9), Err(Error::Damaged { .. })));
    store.engine("insert", |db| db.insert(rows::chunk_key(b"a", 3), vec![8; 3584])).unwrap();
    assert!(matches!(store.get(b"a"), Err(Error::Damaged { .. })));
    store.put_unsynced(&mut std::iter::once(put("a", 20_000))).unwrap();
    assert_eq!(store.get(b"a").unwrap(), Some(vec![7; 20_000]), "putting it again heals it");
    assert!(!store.is_poisoned());
}

#[test]
fn readers_beside_a_writer_see_each_row_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let sizes = [20_000, 10, 9000, 3584, 40_000];
    store.commit(&[put("row", sizes[0])]).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..400 {
                store.put_unsynced(&mut std::iter::once(put("row", sizes[turn % sizes.len()]))).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let value = store.get(b"row").unwrap().unwrap();
            assert!(sizes.contains(&value.len()), "{} bytes", value.len());
            assert_eq!(store.scan(b"r", b"s", Order::Descending, 2).unwrap().len(), 1);
        }
    });
}

#[test]
fn an_engine_without_its_identity_file_or_its_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put("a", 1)]).unwrap();
    drop(store);
    let identity = dir.path().join("STORE");
    let kept = std::fs::read(&identity).unwrap();
    std::fs::remove_file(&identity).unwrap();
    assert!(matches!(SledStore::open(dir.path(), Options::default()), Err(Error::Damaged { .. })));
    std::fs::write(&identity, &kept).unwrap();
    drop(open(dir.path()));
    std::fs::remove_file(dir.path().join("db")).unwrap();
    assert!(matches!(SledStore::open(dir.path(), Options::default()), Err(Error::Damaged { .. })));
    assert!(!dir.path().join("db").exists(), "refusing does not create what is missing");
}

#[test]
fn a_crash_between_the_first_row_and_the_identity_file_is_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    std::fs::remove_file(dir.path().join("STORE")).unwrap();
    let store = open(dir.path());
    store.commit(&[put("a", 1)]).unwrap();
}

#[test]
fn an_unfinished_snapshot_is_removed_before_the_engine_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put("a", 1)]).unwrap();
    drop(store);
    let unfinished = dir.path().join("snap.FFFFFFFFFFFFFFFF.generating");
    std::fs::write(&unfinished, b"half").unwrap();
    assert_eq!(open(dir.path()).get(b"a").unwrap(), Some(vec![7]));
    assert!(!unfinished.exists());
}

/// Puts a row as version 2 did.
fn put_unmoved(store: &SledStore, key: &[u8], value: &[u8]) {
    let physical = store.plan(&[(key, Some(value))]).unwrap();
    store.apply_durably(&mut store.writer(), physical).unwrap();
}

#[test]
fn rows_that_an_older_version_put_are_found_until_they_are_put_again_or_removed() {
    let dir = tempfile::tempdir().unwrap();
    let key = |table: u8, own: u64| [&[0, 2, table][..], &own.to_be_bytes()].concat();
    let mut map: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let store = open(dir.path());
    for own in 0..200u64 {
        for table in 2..=4 {
            let value = vec![table; 40 + own as usize];
            put_unmoved(&store, &key(table, own), &value);
            map.insert(key(table, own), value);
        }
    }
    drop(store);
    let store = open(dir.path());
    let agrees = |store: &SledStore, map: &BTreeMap<Vec<u8>, Vec<u8>>| {
        let all: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let top = [u8::MAX];
        assert_eq!(store.scan(&[], &top, Order::Ascending, usize::MAX).unwrap(), all);
        for (lower, upper) in [(key(3, 50), key(3, 150)), (key(2, 190), key(3, 20)), (key(3, 190), key(4, 9))]
        {
            for limit in [1, 7, 1_000] {
                let inside = all.iter().filter(|(key, _)| lower <= *key && *key < upper).cloned();
                let down: Vec<_> = inside.clone().rev().take(limit).collect();
                assert_eq!(store.scan(&lower, &upper, Order::Descending, limit).unwrap(), down);
                let up: Vec<_> = inside.take(limit).collect();
                assert_eq!(store.scan(&lower, &upper, Order::Ascending, limit).unwrap(), up);
            }
        }
        for own in 0..310 {
            for table in 2..=4 {
                assert_eq!(store.get(&key(table, own)).unwrap().as_ref(), map.get(&key(table, own)));
            }
        }
    };
    agrees(&store, &map);
    let mut ops = Vec::new();
    for own in (0..300).step_by(3) {
        ops.push(Op::Put { key: key(3, own), value: vec![9; 50] });
        map.insert(key(3, own), vec![9; 50]);
    }
    for own in (0..300).step_by(4) {
        ops.push(Op::Delete { key: key(3, own) });
        map.remove(&key(3, own));
    }
    store.put_unsynced(&mut ops.into_iter()).unwrap();
    store.commit(&(0..40).map(|own| Op::Delete { key: key(3, 7 * own) }).collect::<Vec<_>>()).unwrap();
    (0..40).for_each(|own| drop(map.remove(&key(3, 7 * own))));
    agrees(&store, &map);
    drop(store);
    agrees(&open(dir.path()), &map);
}

#[test]
fn a_row_of_an_older_version_that_is_put_again_leaves_nothing_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let key = |own: u64| [&[0, 2, 3][..], &own.to_be_bytes()].concat();
    let store = open(dir.path());
    (0..200).for_each(|own| put_unmoved(&store, &key(own), &[own as u8; 3_000]));
    drop(store);
    let store = open(dir.path());
    let left =
        |store: &SledStore| (0..200).filter(|own| store.value_at(&key(*own)).unwrap().is_some()).count();
    assert_eq!(left(&store), 200);
    let put = |own: u64| Op::Put { key: key(own), value: vec![7; 2_000] };
    store.put_unsynced(&mut (0..100).map(put)).unwrap();
    assert_eq!(left(&store), 100, "what is put in bulk moves");
    (100..200).for_each(|own| store.commit(&[put(own)]).unwrap());
    assert_eq!(left(&store), 0, "and what is committed");
    let is_there =
        |store: &SledStore| (0..200).all(|own| store.get(&key(own)).unwrap() == Some(vec![7; 2_000]));
    assert!(is_there(&store));
    drop(store);
    let store = open(dir.path());
    assert!(is_there(&store) && !store.has_unmoved().unwrap());
}

#[test]
fn a_row_that_moves_is_found_by_whoever_reads_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let key = |own: u64| [&[0, 2, 3][..], &own.to_be_bytes()].concat();
    let store = open(dir.path());
    (0..300).for_each(|own| put_unmoved(&store, &key(own), &[1; 500]));
    drop(store);
    let store = open(dir.path());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|of| {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                let mut read = 0;
                while !done.load(Ordering::Acquire) || read == 0 {
                    for own in (of..300).step_by(2) {
                        assert!(store.get(&key(own)).unwrap().is_some(), "row {own} is nowhere");
                    }
                    let all = store.scan(&key(0), &key(300), Order::Ascending, 1_000).unwrap();
                    assert_eq!(all.len(), 300);
                    read += 1;
                }
            })
        });
        let put = |own: u64| Op::Put { key: key(own), value: vec![2; 500] };
        (0..300).for_each(|own| store.put_unsynced(&mut std::iter::once(put(own))).unwrap());
        done.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert!(!store.has_unmoved().unwrap());
}

#[test]
fn a_row_lies_in_the_pack_of_the_row_it_is_read_with() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = |table: u8, own: u64| [&[0, 2, table][..], &own.to_be_bytes()].concat();
    let ops = (0..1_000)
        .flat_map(|own| [2, 3].map(|table| Op::Put { key: key(table, own), value: vec![table; 400] }));
    let mut ops: Vec<Op> = ops.collect();
    ops.sort_unstable_by(|a, b| crate::in_place_order(a.key(), b.key()));
    store.put_unsynced(&mut ops.into_iter()).unwrap();
    let together = (0..1_000).filter(|own| {
        let pack = |table| store.pack_of(&beside::placed(&key(table, *own))).unwrap().unwrap().0;
        pack(2) == pack(3)
    });
    assert!(together.count() > 800);
    assert!(!store.has_unmoved().unwrap());
}

#[test]
fn rows_that_fall_to_a_pack_that_is_being_split_are_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let keys = ["a0", "a2", "a4", "b0", "b1", "b2", "c0"];
    store.put_unsynced(&mut keys.iter().map(|key| put(key, 900))).unwrap();
    // The rows between split the first pack. So many go from the second that it is removed before all of its changes are
    // taken, and what comes then belongs to the first.
    let gone = (0..400).map(|n| Op::Delete { key: format!("b3{n:0>198}").into_bytes() });
    let gone = gone.chain(["b0", "b1", "b2"].map(|key| Op::Delete { key: key.as_bytes().to_vec() }));
    store.put_unsynced(&mut [put("a1", 900), put("a3", 900), put("b9", 10)].into_iter().chain(gone)).unwrap();
    let found = store.scan(b"a", b"d", Order::Ascending, 100).unwrap();
    let found: Vec<&str> = found.iter().map(|(key, _)| std::str::from_utf8(key).unwrap()).collect();
    assert_eq!(found, ["a0", "a1", "a2", "a3", "a4", "b9", "c0"]);
}
