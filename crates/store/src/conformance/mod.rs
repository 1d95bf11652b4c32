//! What every implementation of [`Store`] must survive, as functions that a test calls. They refuse to know the engine:
//! they see the trait, and the files only as bytes to kill, cut and flip.
//!
//! Each function takes how to open the store under test and an empty directory of its own, and panics where the store
//! does not conform. A second engine is added by calling [`all`] and [`survives_kill`] for it.

mod crash;
mod damage;
mod model;
mod power_cut;
mod rows;

use std::path::Path;

use crate::{Error, Op, Order, Store};
pub use crash::survives_kill;
pub use damage::{damage_is_found, survives_torn_tail};
pub use model::{Step, agrees_with_a_sorted_map, random_steps};
pub use power_cut::survives_power_cut;
pub use rows::{
    a_value_grows_and_shrinks, commit_takes_all_or_refuses, keys_and_values_at_their_limits, opens_again,
    scans_in_order_both_ways, scans_over_runs_of_0xff, second_handle_is_refused,
    unsynced_rows_are_seen_and_kept,
};

/// How the store under test is opened in a directory.
pub type OpenStore = fn(&Path) -> Result<Box<dyn Store>, Error>;

/// Everything that runs in one process, each part in a directory of its own below `scratch`.
///
/// # Panics
/// Where the store does not conform.
pub fn all(open: OpenStore, scratch: &Path) {
    let parts: [(&str, fn(OpenStore, &Path)); 11] = [
        ("commit", commit_takes_all_or_refuses),
        ("scan", scans_in_order_both_ways),
        ("runs", scans_over_runs_of_0xff),
        ("grow", a_value_grows_and_shrinks),
        ("limits", keys_and_values_at_their_limits),
        ("reopen", opens_again),
        ("unsynced", unsynced_rows_are_seen_and_kept),
        ("handles", second_handle_is_refused),
        ("damage", damage_is_found),
        ("tail", survives_torn_tail),
        ("power", survives_power_cut),
    ];
    for (name, part) in parts {
        part(open, &scratch.join(name));
    }
    for seed in 1..=4 {
        agrees_with_a_sorted_map(open, &scratch.join(format!("model-{seed}")), &random_steps(seed, 150));
    }
}

fn put(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Op {
    Op::Put { key: key.into(), value: value.into() }
}

fn delete(key: impl Into<Vec<u8>>) -> Op {
    Op::Delete { key: key.into() }
}

/// Above every key the suite uses.
const TOP: &[u8] = &[0xff; 64];

fn everything(store: &dyn Store) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
    store.scan(&[], TOP, Order::Ascending, usize::MAX)
}

/// A value of `len` bytes that tells which one it is.
fn value(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A generator whose runs can be repeated.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 11) % bound.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
