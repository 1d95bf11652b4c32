//! Bytes that changed on disk while the store was closed: it opens with what was committed, or says that it cannot. It
//! never opens short or empty, and never lets a panic out.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{OpenStore, Random, everything, put, value};
use crate::Error;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Trials with one bit flipped, over all files.
const FLIPS: usize = 120;
/// Trials with one file cut short.
const CUTS: usize = 40;

/// Flips single bits of every file of a closed store.
///
/// # Panics
/// Where the store does not conform.
pub fn damage_is_found(open: OpenStore, dir: &Path) {
    let expected = prepare(open, &dir.join("whole"));
    let files = files_of(&dir.join("whole"));
    let mut random = Random::new(31);
    for trial in 0..FLIPS {
        let file = &files[trial % files.len()];
        let mut at = 0;
        let (outcome, found) = try_damaged(open, dir, file, |bytes| {
            at = random.below(bytes.len() * 8);
            if let Some(byte) = bytes.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
        });
        assert_right_or_refused(&format!("bit {at} of {}", file.display()), outcome, found, &expected);
    }
}

/// Cuts every file of a closed store short at many places.
///
/// # Panics
/// Where the store does not conform.
pub fn survives_torn_tail(open: OpenStore, dir: &Path) {
    let expected = prepare(open, &dir.join("whole"));
    let files = files_of(&dir.join("whole"));
    let mut random = Random::new(37);
    for trial in 0..CUTS {
        let file = &files[trial % files.len()];
        let mut len = 0;
        let (outcome, found) = try_damaged(open, dir, file, |bytes| {
            len = if trial < files.len() { 0 } else { random.below(bytes.len()) };
            bytes.truncate(len);
        });
        assert_right_or_refused(&format!("{} cut to {len}", file.display()), outcome, found, &expected);
    }
}

/// A closed store with rows from several commits and two openings. The second half is not opened again, so that an engine
/// which condenses its log when it opens still has a log to lose.
fn prepare(open: OpenStore, dir: &Path) -> Rows {
    let mut rows = Vec::new();
    for half in 0..2_u64 {
        let store = open(dir).expect("opens");
        let many = (0..150_u64).map(|i| put(format!("row-{half}-{i:03}"), value(i, 500 + i as usize)));
        store.put_unsynced(&mut many.into_iter()).expect("puts");
        for i in 0..10_u64 {
            let big = value(half * 100 + i, 9000);
            store.commit(&[put(format!("big-{i}"), big), put("last", i.to_be_bytes())]).expect("commits");
        }
        rows = everything(&*store).expect("scans");
        store.close().expect("closes");
    }
    assert_eq!(rows.len(), 311);
    rows
}

/// The files with any bytes in them, relative to the directory.
pub(super) fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(below) = dirs.pop() {
        for entry in fs::read_dir(dir.join(&below)).expect("lists") {
            let entry = entry.expect("lists");
            let path = below.join(entry.file_name());
            let metadata = entry.metadata().expect("looks");
            if metadata.is_dir() {
                dirs.push(path);
            } else if metadata.len() > 0 {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// What opening and reading a damaged copy gave: an error, or the rows.
fn try_damaged(
    open: OpenStore,
    dir: &Path,
    file: &Path,
    damage: impl FnOnce(&mut Vec<u8>),
) -> (Result<(), Error>, Rows) {
    let copy = dir.join("copy");
    let _ = fs::remove_dir_all(&copy);
    copy_dir(&dir.join("whole"), &copy);
    let mut bytes = fs::read(copy.join(file)).expect("reads");
    damage(&mut bytes);
    fs::write(copy.join(file), &bytes).expect("writes");
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let store = open(&copy)?;
        let rows = everything(&*store)?;
        for (key, value) in &rows {
            if store.get(key)?.as_ref() != Some(value) {
                return Ok(Vec::new()); // a scan and a read that differ are as wrong as no rows
            }
        }
        Ok(rows)
    }));
    match opened {
        Ok(Ok(rows)) => (Ok(()), rows),
        Ok(Err(error)) => (Err(error), Vec::new()),
        Err(_) => panic!("damage to {} let a panic out", file.display()),
    }
}

fn assert_right_or_refused(what: &str, outcome: Result<(), Error>, found: Rows, expected: &Rows) {
    match outcome {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(()) => assert!(
            found == *expected,
            "{what}: opened without an error, with {} of {} rows right",
            found.iter().filter(|row| expected.contains(row)).count(),
            expected.len()
        ),
    }
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let target = to.join(entry.file_name());
        if entry.metadata().expect("looks").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copies");
        }
    }
}
