//! The conformance suite, run for the store over sled. It refuses to know how the store does it.

use std::path::Path;

use proptest::prelude::*;
use waybill_store::conformance::{self, Step};
use waybill_store::{Error, Options, SledStore, Store};

fn open(dir: &Path) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(SledStore::open(dir, Options { cache_bytes: 8 << 20 })?))
}

#[test]
fn sled_conforms_in_one_process() {
    let scratch = tempfile::tempdir().unwrap();
    conformance::all(open, scratch.path());
}

#[test]
fn sled_survives_kill() {
    let scratch = tempfile::tempdir().unwrap();
    conformance::survives_kill(open, scratch.path(), "sled_survives_kill", 20);
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, b'c', 0xfe, 0xff]), 0..7)
}

fn change() -> impl Strategy<Value = (Vec<u8>, Option<usize>)> {
    let len = prop_oneof![3 => 0..300_usize, 2 => 3500..3700_usize, 1 => 7000..40_000_usize];
    (key(), prop::option::weighted(0.75, len))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(change(), 1..6).prop_map(Step::Commit),
        3 => prop::collection::vec(change(), 1..40).prop_map(Step::Put),
        4 => (key(), key(), any::<bool>(), 0..50_usize)
            .prop_map(|(lower, upper, descending, limit)| Step::Scan { lower, upper, descending, limit }),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn sled_agrees_with_a_sorted_map(steps in prop::collection::vec(step(), 1..40)) {
        let scratch = tempfile::tempdir().unwrap();
        conformance::agrees_with_a_sorted_map(open, &scratch.path().join("store"), &steps);
    }
}
