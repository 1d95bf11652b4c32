//! `chaos`: three processes over one engine, one fault after the other under load, judged by what callers were told.

use clap::{Parser, Subcommand, ValueEnum};
use waybill_integration_tests::chaos::strike::Fault;
use waybill_integration_tests::chaos::{ChaosOptions, chaos, relay};
use waybill_integration_tests::shared_journal::Kind;

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// What happens; everything where it is not given.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// How often each.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
    /// postgres, nats (one server) or nats3.
    #[arg(long, default_value = "postgres")]
    engine: Kind,
    /// Replays the choices of a run, not its timing.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Callers who place, cancel and hold, at once.
    #[arg(long, default_value_t = 6)]
    shoppers: usize,
    /// Between two calls of one caller, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pace_ms: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Carries connections on; started by the run itself inside a network namespace.
    #[command(hide = true)]
    Relay {
        #[arg(long)]
        listen: String,
        #[arg(long)]
        to: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(Command::Relay { listen, to }) = args.command {
        return relay::relay(&listen, &to).await;
    }
    let faults = if args.faults.is_empty() { Fault::value_variants().to_vec() } else { args.faults };
    println!("SEED={} ENGINE={}", args.seed, args.engine);
    let options = ChaosOptions {
        faults,
        rounds: args.rounds,
        engine: args.engine,
        seed: args.seed,
        shoppers: args.shoppers,
        shelves: 16,
        pages: 12,
        at_each: 2,
        pace_ms: args.pace_ms,
        flags: Vec::new(),
    };
    let outcome = chaos(&options).await?;
    println!(
        "\n{}\nNothing acknowledged was lost, nothing was doubled, and every history has one order.",
        outcome.table
    );
    println!("{}", outcome.line);
    Ok(())
}
