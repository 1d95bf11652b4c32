//! `crash`: kill -9 at random moments, judged by the clients' ledger and the audit.

use clap::Parser;
use waybill_integration_tests::fault::{CrashOptions, crash};

#[derive(Parser)]
struct Args {
    /// Kills under load.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Replays the choices of a run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let dir = tempfile::tempdir()?;
    println!("SEED={}", args.seed);
    let options =
        CrashOptions { rounds: args.rounds, clients: args.clients, seed: args.seed, round_ms_max: 2_500 };
    let verdict = crash(dir.path(), options).await?;
    println!(
        "{} kills: {} requests, {} acknowledged, {} settled by a retry, {} things audited: nothing lost, nothing doubled",
        args.rounds, verdict.sent, verdict.acknowledged, verdict.settled_by_retry, verdict.audited
    );
    Ok(())
}
