//! A power cut, played on copies of the files: what was synced is there, and of every block written since, the disk has
//! the old or the new one, in no order. Every acknowledged commit must be there, and what was put unsynced is whole once
//! it is put again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::damage::{copy_dir, files_of};
use super::{OpenStore, Random, everything, put, value};
use crate::Store;

const BLOCK: usize = 4096;
const ROWS: usize = 3000;
/// Power cuts in the life of one store.
const ROUNDS: u64 = 10;
/// Copies tried of each, with other blocks old and new.
const MIXES: usize = 4;

/// The last committed and the last unsynced value of each row.
type Expected = BTreeMap<Vec<u8>, (Vec<u8>, Option<Vec<u8>>)>;

/// Cuts the power while unsynced rows are put over committed ones.
///
/// # Panics
/// Where the store does not conform.
pub fn survives_power_cut(open: OpenStore, dir: &Path) {
    let (live, synced, cut) = (dir.join("live"), dir.join("synced"), dir.join("cut"));
    let store = open(&live).expect("opens");
    let mut random = Random::new(41);
    let mut rows = Expected::new();
    for row in 0..ROWS as u64 {
        rows.insert(key_of(row), (Vec::new(), Some(value(row, 200))));
    }
    put_pending(&*store, &rows);
    for round in 1..=ROUNDS {
        store.commit(&[put("round", round.to_be_bytes())]).expect("commits");
        settle(&mut rows);
        copy_afresh(&live, &synced);
        put_some(&*store, &mut rows, round, &mut random);
        copy_afresh(&live, &cut);
        for mix in 0..MIXES {
            let mixed = dir.join("mixed");
            copy_afresh(&synced, &mixed);
            mix_blocks(&cut, &mixed, mix, &mut random);
            check(open, &mixed, &format!("round {round}, mix {mix}"), round, &rows);
        }
    }
    store.close().expect("closes");
}

/// Puts a few hundred KiB: thousands of small rows, hundreds of larger ones, a few that are chunked.
fn put_some(store: &dyn Store, rows: &mut Expected, round: u64, random: &mut Random) {
    let (count, len) = *random.pick(&[(2000, 150), (400, 1500), (250, 3000), (10, 30_000)]);
    for _ in 0..count {
        let row = random.below(ROWS);
        let new = value(round * 1_000_000 + row as u64, len / 2 + row % len);
        rows.entry(key_of(row as u64)).or_default().1 = Some(new);
    }
    put_pending(store, rows);
}

fn put_pending(store: &dyn Store, rows: &Expected) {
    let mut ops = rows.iter().filter_map(|(key, (_, new))| new.clone().map(|new| put(key.clone(), new)));
    store.put_unsynced(&mut ops).expect("puts");
}

/// Neighbouring rows lie far apart.
fn key_of(row: u64) -> Vec<u8> {
    row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec()
}

/// What was put has been committed.
fn settle(rows: &mut Expected) {
    for (committed, unsynced) in rows.values_mut() {
        if let Some(value) = unsynced.take() {
            *committed = value;
        }
    }
}

fn copy_afresh(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    copy_dir(from, to);
}

/// Brings some blocks of `from` into `to`, and the length of one of the two.
fn mix_blocks(from: &Path, to: &Path, mix: usize, random: &mut Random) {
    for file in files_of(from) {
        let new = fs::read(from.join(&file)).expect("reads");
        let mut bytes = fs::read(to.join(&file)).unwrap_or_default();
        let grown = new.len() > bytes.len() && random.below(4) > 0;
        if grown {
            bytes.resize(new.len(), 0);
        }
        let percent = [10, 50, 90, 100][mix % MIXES];
        for (index, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let at = index * BLOCK;
            let end = new.len().min(at + block.len());
            if at < end && random.below(100) < percent {
                block[..end - at].copy_from_slice(&new[at..end]);
            }
        }
        fs::write(to.join(&file), bytes).expect("writes");
    }
}

/// A row that was put unsynced may be old, new or, if it is large, torn, as the contract says; never anything else.
fn check(open: OpenStore, dir: &Path, what: &str, round: u64, rows: &Expected) {
    let store = open(dir).unwrap_or_else(|error| panic!("{what}: does not open after a power cut: {error}"));
    let found = store.get(b"round").expect("reads the marker");
    assert_eq!(found, Some(round.to_be_bytes().to_vec()), "{what}: a commit is lost");
    for (key, (committed, unsynced)) in rows {
        match store.get(key) {
            Ok(found) => assert!(
                found.as_ref() == Some(committed) || (found.is_some() && found == *unsynced),
                "{what}: a row has a value it never had, or none"
            ),
            Err(error) => assert!(unsynced.is_some() && !store.is_poisoned(), "{what}: {error}"),
        }
    }
    let mut again = rows.iter().filter_map(|(key, (_, new))| new.clone().map(|new| put(key.clone(), new)));
    store.put_unsynced(&mut again).expect("puts again");
    let found: BTreeMap<_, _> = everything(&*store).expect("scans").into_iter().collect();
    for (key, (committed, unsynced)) in rows {
        let expected = unsynced.as_ref().unwrap_or(committed);
        assert!(found.get(key) == Some(expected), "{what}: a row is not whole after it was put again");
    }
    store.close().expect("closes");
}
