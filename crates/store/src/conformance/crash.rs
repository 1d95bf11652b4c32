//! kill -9 of a writer in the middle of its work: what it said was committed is there, whole, and nothing is half there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{OpenStore, Random, put, value};
use crate::{Op, Store};

/// Names the directory to the child and makes the test be the child.
const CHILD: &str = "WAYBILL_STORE_CONFORMANCE_CHILD";
const MARKER: &[u8] = b"marker";
/// Rows that every commit replaces together.
const GROUP_ROWS: u64 = 24;
/// Rows that a bulk put replaces one by one.
const BULK_ROWS: u64 = 400;
const SAID: &str = "acknowledged ";

/// Runs `rounds` writers in `dir`, kills each while it writes, and looks at what is left each time. Call it from a test
/// of its own and pass that test's full name: the test's binary is started again as the writer.
///
/// # Panics
/// Where the store does not conform, or the child cannot be started.
pub fn survives_kill(open: OpenStore, dir: &Path, test_name: &str, rounds: u64) {
    if let Some(dir) = std::env::var_os(CHILD) {
        write_until_killed(open, Path::new(&dir));
    }
    let mut random = Random::new(23);
    for round in 0..rounds {
        let pause = Duration::from_micros(random.below(12_000) as u64);
        let (committed, bulk) = run_and_kill(dir, test_name, 2 + random.below(12), pause);
        check(open, dir, round, committed, bulk);
    }
}

fn group_row(number: u64, row: u64) -> Vec<u8> {
    // A row changes between inline and chunked from commit to commit, and a commit is close to the largest: an engine's
    // buffer holds less than one, so a kill in its middle finds a part of it written.
    let len = if (number + row).is_multiple_of(3) { 50 } else { 5_000 + (number % 5) as usize * 500 };
    value(number * 1000 + row, len)
}

fn bulk_row(number: u64, row: u64) -> Vec<u8> {
    [&number.to_be_bytes()[..], &value(row, 200)].concat()
}

fn number_in(value: Option<Vec<u8>>) -> u64 {
    value.and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u64::from_be_bytes)
}

fn write_until_killed(open: OpenStore, dir: &Path) -> ! {
    let store = open(dir).expect("the child opens");
    let mut number = number_in(store.get(MARKER).expect("the child reads"));
    loop {
        number += 1;
        let mut ops: Vec<Op> =
            (0..GROUP_ROWS).map(|row| put(format!("group-{row:03}"), group_row(number, row))).collect();
        ops.push(put(MARKER, number.to_be_bytes()));
        store.commit(&ops).expect("the child commits");
        say(&format!("commit {number}"));
        if number.is_multiple_of(5) {
            let mut bulk = (0..BULK_ROWS).map(|row| put(format!("bulk-{row:03}"), bulk_row(number, row)));
            store.put_unsynced(&mut bulk).expect("the child puts");
            store.sync().expect("the child syncs");
            say(&format!("bulk {number}"));
        }
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{SAID}{what}").and_then(|()| out.flush());
}

/// The last commit and the last bulk put the child acknowledged before it was killed.
fn run_and_kill(dir: &Path, test_name: &str, lines: usize, pause: Duration) -> (u64, u64) {
    let program = std::env::current_exe().expect("knows its own program");
    let mut child = Command::new(program)
        .args(["--exact", test_name, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts a child");
    let out = child.stdout.take().expect("has the child's output");
    let (mut committed, mut bulk, mut seen) = (0, 0, 0);
    // The child runs on while its lines are read, and into the kill.
    for line in BufReader::new(out).lines() {
        let line = line.expect("reads the child's output");
        let Some(what) = line.strip_prefix(SAID) else { continue };
        match what.split_once(' ').map(|(kind, number)| (kind, number.parse::<u64>())) {
            Some(("commit", Ok(number))) => committed = number,
            Some(("bulk", Ok(number))) => bulk = number,
            _ => continue,
        }
        seen += 1;
        if seen == lines {
            std::thread::sleep(pause); // only to hit another instant of the next commit each time
            child.kill().expect("kills the child");
        }
    }
    child.wait().expect("collects the child");
    assert!(seen >= lines, "the child stopped by itself after {seen} of {lines} lines");
    (committed, bulk)
}

fn check(open: OpenStore, dir: &Path, round: u64, committed: u64, bulk: u64) {
    let store =
        open(dir).unwrap_or_else(|error| panic!("round {round}: does not open after a kill: {error}"));
    let number = number_in(store.get(MARKER).expect("reads"));
    assert!(
        (committed..=committed + 1).contains(&number),
        "round {round}: {committed} was acknowledged, {number} is there"
    );
    for row in 0..GROUP_ROWS {
        let found = store.get(format!("group-{row:03}").as_bytes()).expect("reads a row of the group");
        assert!(found == Some(group_row(number, row)), "round {round}: row {row} is not of commit {number}");
    }
    check_bulk(&*store, round, bulk, number);
    store.close().expect("closes");
}

fn check_bulk(store: &dyn Store, round: u64, bulk: u64, number: u64) {
    for row in 0..BULK_ROWS {
        let found = store.get(format!("bulk-{row:03}").as_bytes()).expect("reads a bulk row");
        let of = number_in(found.clone());
        assert!(of >= bulk && of <= number, "round {round}: bulk row {row} is of {of}, {bulk} was synced");
        assert!(of == 0 || found == Some(bulk_row(of, row)), "round {round}: bulk row {row} is half of two");
    }
}
