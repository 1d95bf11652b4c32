//! `races`: thousands of rounds of two clients who want what excludes each other, on a running engine.

use clap::Parser;
use waybill_integration_tests::races::{RaceOptions, races};

#[derive(Parser)]
struct Args {
    /// Rounds of each race.
    #[arg(long, default_value_t = 1_000)]
    rounds: u64,
    /// Rounds under way at the same time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Replays the choices of a run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    println!("SEED={}", args.seed);
    let options = RaceOptions { rounds: args.rounds, at_once: args.at_once, seed: args.seed };
    let table = races(options).await?;
    println!("{table}Every round had one outcome, and the audit is clean.");
    Ok(())
}
