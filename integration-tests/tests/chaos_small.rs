//! The small form of `make chaos`: three processes over one PostgreSQL, an owner that is killed, one that sleeps longer than its
//! lease, and an engine whose answers are lost; judged by the callers' ledger and their histories.

use anyhow::ensure;
use waybill_integration_tests::chaos::strike::Fault;
use waybill_integration_tests::chaos::{ChaosOptions, chaos};
use waybill_integration_tests::shared_journal::Kind;

const SEED: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_saw_of_three_processes_under_faults_could_have_come_from_one_copy() -> anyhow::Result<()>
{
    let options = ChaosOptions {
        faults: vec![Fault::KillOwner, Fault::StopOwner, Fault::DeafEngine],
        rounds: 1,
        engine: Kind::Postgres,
        seed: SEED,
        shoppers: 2,
        shelves: 6,
        pages: 4,
        at_each: 2,
        pace_ms: 150,
        flags: Vec::new(),
    };
    let outcome = chaos(&options).await?;
    println!("{}", outcome.table);
    // A run in which hardly anything was asked would prove nothing.
    ensure!(outcome.rounds == 3 && outcome.not_run.is_empty(), "{outcome:?} with seed {SEED}");
    ensure!(outcome.calls > 150 && outcome.acknowledged > 10, "{outcome:?} with seed {SEED}");
    Ok(())
}
