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
