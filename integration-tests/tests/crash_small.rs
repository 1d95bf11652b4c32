//! The small form of `make crash`: a few kills at random moments under mixed load, judged by ledger and audit.

use anyhow::ensure;
use waybill_integration_tests::fault::{CrashOptions, crash};

const SEED: u64 = 11;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_under_load_nothing_acknowledged_is_lost() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let options = CrashOptions { rounds: 3, clients: 4, seed: SEED, round_ms_max: 1_000 };
    let verdict = crash(dir.path(), options).await?;
    // A run in which hardly anything was acknowledged would prove nothing.
    ensure!(verdict.acknowledged > 50 && verdict.audited > 500, "{verdict:?} with seed {SEED}");
    Ok(())
}
