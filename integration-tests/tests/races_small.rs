//! The small form of `make races`: some rounds of each race, each with exactly one outcome.

use waybill_integration_tests::races::{RaceOptions, races};

const SEED: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn two_who_want_what_excludes_each_other_get_one_outcome() -> anyhow::Result<()> {
    let table = races(RaceOptions { rounds: 12, at_once: 4, seed: SEED }).await?;
    println!("{table}");
    Ok(())
}
