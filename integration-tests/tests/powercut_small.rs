//! The small form of `make powercut`: the disk under the engine loses its power under load, judged by ledger and audit.
//! Where loop mounts do not work (no root, no mkfs.ext4) nothing can be cut, and the test says so.

use anyhow::ensure;
use waybill_integration_tests::fault::{PowercutOptions, powercut};

const SEED: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn after_the_power_was_cut_everything_acknowledged_is_there() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let options = PowercutOptions { rounds: 2, clients: 4, seed: SEED, never_sync: false };
    match powercut(dir.path(), options).await? {
        Some(verdict) => {
            ensure!(verdict.acknowledged > 50 && verdict.audited > 500, "{verdict:?} with seed {SEED}");
        }
        None => println!("not run: this machine mounts no loop devices"),
    }
    Ok(())
}

/// The test above proves nothing unless it can fail.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_never_syncs_is_caught() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let options = PowercutOptions { rounds: 4, clients: 4, seed: SEED, never_sync: true };
    match powercut(dir.path(), options).await {
        Err(fault) => println!("caught: {fault:#}"),
        Ok(None) => println!("not run: this machine mounts no loop devices"),
        Ok(Some(verdict)) => {
            ensure!(false, "four cuts without a sync lost nothing: {verdict:?}, seed {SEED}")
        }
    }
    Ok(())
}
