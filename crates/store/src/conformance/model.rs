//! Random operations against a sorted map: whatever the sequence, the store answers as the map does.

use std::collections::BTreeMap;
use std::path::Path;

use super::{OpenStore, Random, TOP, everything, value};
use crate::{Error, Op, Order};

/// One step of a random run.
#[derive(Clone, Debug)]
pub enum Step {
    /// One durable commit of these changes: a key, and the length of its new value or `None` to delete it.
    Commit(Vec<(Vec<u8>, Option<usize>)>),
    /// The same, unsynced.
    Put(Vec<(Vec<u8>, Option<usize>)>),
    /// A scan between two keys.
    Scan {
        /// The lower bound, included.
        lower: Vec<u8>,
        /// The upper bound, excluded.
        upper: Vec<u8>,
        /// True from above.
        descending: bool,
        /// The most rows.
        limit: usize,
    },
    /// Closes the store and opens it again.
    Reopen,
}

/// Steps that repeat for the same seed: short keys of few letters, so that they meet, and lengths around the edges.
pub fn random_steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    (0..count).map(|_| step(&mut random)).collect()
}

fn step(random: &mut Random) -> Step {
    match random.below(100) {
        0..40 => Step::Commit(changes(random, 8)),
        40..65 => Step::Put(changes(random, 40)),
        65..97 => Step::Scan {
            lower: key(random),
            upper: if random.below(3) == 0 { TOP.to_vec() } else { key(random) },
            descending: random.below(2) == 0,
            limit: *random.pick(&[1, 3, 20, 1000]),
        },
        _ => Step::Reopen,
    }
}

fn changes(random: &mut Random, most: usize) -> Vec<(Vec<u8>, Option<usize>)> {
    let lengths = [0, 1, 100, 3000, 3583, 3584, 3585, 7168, 7169, 20_000, 60_000];
    let count = random.below(most) + 1;
    (0..count)
        .map(|_| {
            let key = key(random);
            let small = random.below(3) > 0;
            let len = if small { random.below(200) } else { *random.pick(&lengths) };
            (key, (random.below(4) > 0).then_some(len))
        })
        .collect()
}

fn key(random: &mut Random) -> Vec<u8> {
    if random.below(3) == 0 {
        return table_key(random);
    }
    let len = *random.pick(&[0, 1, 1, 2, 2, 3, 5, 9]);
    (0..len).map(|_| *random.pick(&[0, 1, b'c', 0xfe, 0xff, 0xff])).collect()
}

/// A key as the tables of one partition have it, now and then longer or shorter.
fn table_key(random: &mut Random) -> Vec<u8> {
    let len = *random.pick(&[0, 5, 8, 8, 8, 8, 8, 8, 9]);
    let mut key = vec![0, *random.pick(&[0, 1, 0xff]), *random.pick(&[2, 3])];
    key.extend((0..len).map(|_| *random.pick(&[0, 0, 0, 1, 0xff])));
    key
}

/// Runs the steps and compares every answer.
///
/// # Panics
/// Where the store and the map differ.
pub fn agrees_with_a_sorted_map(open: OpenStore, dir: &Path, steps: &[Step]) {
    let mut store = open(dir).expect("opens");
    let mut map: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Commit(changes) => {
                let ops = apply(&mut map, at, changes);
                if let Err(error) = store.commit(&ops) {
                    // Too large after all: the same changes go the other way.
                    let too_large = matches!(error, Error::TooManyRows { .. } | Error::TooManyBytes { .. });
                    assert!(too_large, "step {at}: {error}");
                    store.put_unsynced(&mut ops.into_iter()).expect("puts");
                }
            }
            Step::Put(changes) => {
                let ops = apply(&mut map, at, changes);
                store.put_unsynced(&mut ops.into_iter()).expect("puts");
            }
            Step::Scan { lower, upper, descending, limit } => {
                let order = if *descending { Order::Descending } else { Order::Ascending };
                let found = store.scan(lower, upper, order, *limit).expect("scans");
                let inside = map.iter().filter(|(key, _)| lower <= *key && *key < upper);
                let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
                let expected: Vec<_> = if *descending {
                    inside.rev().take(*limit).map(owned).collect()
                } else {
                    inside.take(*limit).map(owned).collect()
                };
                assert_eq!(found, expected, "step {at}: {step:?}");
                assert_eq!(store.get(lower).expect("reads"), map.get(lower).cloned(), "step {at}");
            }
            Step::Reopen => {
                store.close().expect("closes");
                store = open(dir).expect("opens again");
            }
        }
    }
    let expected: Vec<_> = map.into_iter().collect();
    assert_eq!(everything(&*store).expect("scans"), expected, "at the end");
    store.close().expect("closes");
}

fn apply(map: &mut BTreeMap<Vec<u8>, Vec<u8>>, at: usize, changes: &[(Vec<u8>, Option<usize>)]) -> Vec<Op> {
    let mut ops = Vec::with_capacity(changes.len());
    for (index, (key, len)) in changes.iter().enumerate() {
        match len {
            Some(len) => {
                let value = value((at * 1000 + index) as u64, *len);
                map.insert(key.clone(), value.clone());
                ops.push(Op::Put { key: key.clone(), value });
            }
            None => {
                map.remove(key);
                ops.push(Op::Delete { key: key.clone() });
            }
        }
    }
    ops
}
