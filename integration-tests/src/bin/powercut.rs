//! `powercut`: the disk under the engine loses its power, judged by the clients' ledger and the audit.

use anyhow::bail;
use clap::Parser;
use waybill_integration_tests::fault::{PowercutOptions, powercut};

#[derive(Parser)]
struct Args {
    /// Cuts under load.
    #[arg(long, default_value_t = 8)]
    rounds: u32,
    /// Clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Replays the choices of a run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run the engine without syncing; then this must fail.
    #[arg(long)]
    never_sync: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let dir = tempfile::tempdir()?;
    println!("SEED={}", args.seed);
    let options = PowercutOptions {
        rounds: args.rounds,
        clients: args.clients,
        seed: args.seed,
        never_sync: args.never_sync,
    };
    let Some(verdict) = powercut(dir.path(), options).await? else {
        bail!("skipped: this machine has no loop mounts (needs root, mkfs.ext4 and mount)");
    };
    println!(
        "{} cuts: {} requests, {} acknowledged, {} settled by a retry, {} things audited: nothing lost, nothing doubled",
        args.rounds, verdict.sent, verdict.acknowledged, verdict.settled_by_retry, verdict.audited
    );
    Ok(())
}
