//! Commits, reads, scans and limits in one undisturbed process.

use std::path::Path;

use super::{OpenStore, Random, TOP, delete, everything, put, value};
use crate::{Error, MAX_COMMIT_BYTES, MAX_COMMIT_OPS, MAX_KEY_BYTES, MAX_VALUE_BYTES, Op, Order};

/// A commit applies its last operation per key; a refused one changes nothing and leaves the store usable.
///
/// # Panics
/// Where the store does not conform.
pub fn commit_takes_all_or_refuses(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    store.commit(&[put("a", "1"), put("b", "2"), put("a", "3"), delete("b"), put("c", "")]).expect("commits");
    assert_eq!(store.get(b"a").expect("reads"), Some(b"3".to_vec()), "the last operation on a key wins");
    assert_eq!(store.get(b"b").expect("reads"), None, "a delete after a put wins");
    assert_eq!(store.get(b"c").expect("reads"), Some(Vec::new()), "an empty value is not an absent one");
    store.commit(&[]).expect("an empty commit is one");
    store.commit(&[delete("never there")]).expect("deleting nothing is no error");

    let full: Vec<Op> = (0..MAX_COMMIT_OPS as u32).map(|i| put(i.to_be_bytes(), "x")).collect();
    store.commit(&full).expect("a commit of exactly the largest size");
    let before = everything(&*store).expect("scans");
    let mut over = full;
    over.push(put("one more", "x"));
    over[0] = put("other", "y");
    assert!(matches!(store.commit(&over), Err(Error::TooManyRows { .. })), "one row too many is refused");
    let half = MAX_COMMIT_BYTES / 2;
    let refused = store.commit(&[put("other", vec![0; half]), put("big", vec![0; half])]);
    assert!(matches!(refused, Err(Error::TooManyBytes { .. })), "too many bytes are refused");
    let long_key = vec![b'k'; MAX_KEY_BYTES + 1];
    let refused = store.commit(&[put("other", "y"), put(long_key.clone(), "x")]);
    assert!(matches!(refused, Err(Error::KeyTooLong { .. })), "a long key is refused");
    let refused = store.commit(&[put("other", "y"), put("big", vec![0; MAX_VALUE_BYTES + 1])]);
    assert!(matches!(refused, Err(Error::ValueTooLarge { .. })), "a large value is refused");
    assert!(matches!(store.get(&long_key), Err(Error::KeyTooLong { .. })), "a long key is refused when read");
    assert_eq!(everything(&*store).expect("scans"), before, "a refused commit changes nothing");
    assert!(!store.is_poisoned(), "a refusal does not poison");
    assert!(store.stats().commits >= 4 && store.stats().disk_bytes > 0, "stats count: {:?}", store.stats());
    store.close().expect("closes");
}

/// Both directions, bounds, limits, and chunked rows between small ones.
///
/// # Panics
/// Where the store does not conform.
pub fn scans_in_order_both_ways(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    let mut expected: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for i in 0..300_u64 {
        let len = if i % 7 == 3 { 3584 * (1 + i as usize % 5) + i as usize } else { i as usize };
        expected.push(([b"k".as_slice(), &(i * 3).to_be_bytes()].concat(), value(i, len)));
    }
    let mut shuffled = expected.clone();
    let mut random = Random::new(7);
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, random.below(i + 1));
    }
    store.put_unsynced(&mut shuffled.into_iter().map(|(key, value)| put(key, value))).expect("puts");
    store.sync().expect("syncs");
    for _ in 0..60 {
        let bound =
            |random: &mut Random| [b"k".as_slice(), &(random.below(900) as u64).to_be_bytes()].concat();
        let (lower, upper) = (bound(&mut random), bound(&mut random));
        let limit = *random.pick(&[0, 1, 2, 10, 1000]);
        let inside = expected.iter().filter(|(key, _)| lower <= *key && *key < upper);
        let up: Vec<_> = inside.clone().take(limit).cloned().collect();
        let down: Vec<_> = inside.rev().take(limit).cloned().collect();
        assert_eq!(store.scan(&lower, &upper, Order::Ascending, limit).expect("scans up"), up);
        assert_eq!(store.scan(&lower, &upper, Order::Descending, limit).expect("scans down"), down);
    }
    assert_eq!(everything(&*store).expect("scans"), expected, "nothing but the rows put is seen");
    store.close().expect("closes");
}

/// Tables of inverted numbers beside short keys: a search for the page before one must not turn in a circle.
///
/// # Panics
/// Where the store does not conform.
pub fn scans_over_runs_of_0xff(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    let mut random = Random::new(11);
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for table in 1..=60_u8 {
        keys.push(vec![table]);
        keys.extend(
            (0..random.below(30) as u64).map(|i| [&[table][..], &(u64::MAX - i).to_be_bytes()].concat()),
        );
    }
    let sorted = keys.clone();
    for i in (1..keys.len()).rev() {
        keys.swap(i, random.below(i + 1));
    }
    store.put_unsynced(&mut keys.into_iter().map(|key| put(key, vec![7; 3000]))).expect("puts");
    let mut sorted = sorted;
    sorted.sort();
    let keys_of = |found: Vec<(Vec<u8>, Vec<u8>)>| found.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let up = store.scan(&[], TOP, Order::Ascending, usize::MAX).expect("scans up");
    assert_eq!(keys_of(up), sorted);
    sorted.reverse();
    let down = store.scan(&[], TOP, Order::Descending, usize::MAX).expect("scans down");
    assert_eq!(keys_of(down), sorted);
    store.close().expect("closes");
}

/// Old chunks never show through, in whatever order sizes follow each other.
///
/// # Panics
/// Where the store does not conform.
pub fn a_value_grows_and_shrinks(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    let sizes = [0, 10, 3583, 3584, 3585, 100_000, 7168, 7169, 1, 400_000, 3583, 200_000, 0];
    for (turn, len) in sizes.into_iter().enumerate() {
        let now = value(turn as u64, len);
        if turn % 2 == 0 && len < 200_000 {
            store.commit(&[put("row", now.clone()), put("rox", "beside")]).expect("commits");
        } else {
            store
                .put_unsynced(&mut [put("row", now.clone()), put("rox", "beside")].into_iter())
                .expect("puts");
        }
        assert_eq!(store.get(b"row").expect("reads"), Some(now.clone()), "{len} bytes");
        let rows = vec![(b"row".to_vec(), now), (b"rox".to_vec(), b"beside".to_vec())];
        assert_eq!(everything(&*store).expect("scans"), rows, "{len} bytes");
    }
    store.commit(&[put("row", value(99, 50_000))]).expect("commits");
    store.commit(&[delete("row"), delete("rox")]).expect("commits");
    assert_eq!(store.get(b"row").expect("reads"), None);
    assert!(everything(&*store).expect("scans").is_empty());
    store.commit(&[put("row", value(98, 20_000))]).expect("commits");
    assert_eq!(
        store.get(b"row").expect("reads"),
        Some(value(98, 20_000)),
        "a deleted row leaves nothing behind"
    );
    store.close().expect("closes");
}

/// The longest key and the largest value are taken and come back after a reopen.
///
/// # Panics
/// Where the store does not conform.
pub fn keys_and_values_at_their_limits(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    let big = value(5, MAX_VALUE_BYTES);
    let keys = [vec![], vec![0; MAX_KEY_BYTES], vec![0xff; MAX_KEY_BYTES], vec![b'z'; MAX_KEY_BYTES]];
    let mut ops = keys.iter().map(|key| put(key.clone(), big.clone()));
    store.put_unsynced(&mut ops).expect("puts the largest");
    store.close().expect("closes");
    let store = open(dir).expect("opens again");
    for key in &keys {
        assert_eq!(
            store.get(key).expect("reads").as_deref(),
            Some(big.as_slice()),
            "key of {} bytes",
            key.len()
        );
    }
    let upper = [0xff; MAX_KEY_BYTES + 1];
    assert_eq!(store.scan(&[], &upper, Order::Descending, 10).expect("scans").len(), keys.len());
    store.close().expect("closes");
}

/// What was committed is there after a clean close, after a drop, and many times over.
///
/// # Panics
/// Where the store does not conform.
pub fn opens_again(open: OpenStore, dir: &Path) {
    let mut expected = Vec::new();
    for turn in 0..6_u64 {
        let store = open(dir).expect("opens");
        assert_eq!(everything(&*store).expect("scans"), expected, "turn {turn}");
        let row = (turn.to_be_bytes().to_vec(), value(turn, 4000 * turn as usize));
        store.commit(&[put(row.0.clone(), row.1.clone())]).expect("commits");
        expected.push(row);
        if turn % 2 == 0 {
            store.close().expect("closes");
        } else {
            drop(store);
        }
    }
}

/// Unsynced rows are read at once, beyond one batch, and are durable after the sync.
///
/// # Panics
/// Where the store does not conform.
pub fn unsynced_rows_are_seen_and_kept(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    let rows: Vec<_> = (0..3000_u64).map(|i| (i.to_be_bytes().to_vec(), value(i, i as usize % 97))).collect();
    store.put_unsynced(&mut rows.iter().map(|(key, value)| put(key.clone(), value.clone()))).expect("puts");
    assert_eq!(everything(&*store).expect("scans"), rows);
    store.put_unsynced(&mut rows.iter().step_by(2).map(|(key, _)| delete(key.clone()))).expect("deletes");
    store.put_unsynced(&mut std::iter::empty()).expect("puts nothing");
    let bad = put(vec![b'k'; MAX_KEY_BYTES + 1], "x");
    assert!(matches!(store.put_unsynced(&mut std::iter::once(bad)), Err(Error::KeyTooLong { .. })));
    store.sync().expect("syncs");
    drop(store);
    let kept: Vec<_> = rows.into_iter().skip(1).step_by(2).collect();
    let store = open(dir).expect("opens again");
    assert_eq!(everything(&*store).expect("scans"), kept);
    store.close().expect("closes");
}

/// Two handles on one directory would each believe themselves the only writer.
///
/// # Panics
/// Where the store does not conform.
pub fn second_handle_is_refused(open: OpenStore, dir: &Path) {
    let store = open(dir).expect("opens");
    assert!(
        matches!(open(dir), Err(Error::InUse { .. })),
        "a second handle is refused while the first is open"
    );
    store.commit(&[put("still", "usable")]).expect("commits");
    store.close().expect("closes");
    open(dir).expect("opens once the first is closed").close().expect("closes");
}
