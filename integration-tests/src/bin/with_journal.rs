//! Runs a command beside an engine for several processes: starts PostgreSQL or servers of NATS, tells the command where
//! it is (`WAYBILL_TEST_JOURNAL` has the flags of `waybill serve`), and ends it afterwards.
//!
//! `with_journal --engine nats3 -- scripts/test-python`

use anyhow::{Context, bail};
use clap::Parser;
use std::process::ExitCode;
use waybill_integration_tests::shared_journal::{Kind, SharedJournal};

#[derive(Parser)]
#[command(about = "runs a command beside an engine for several processes")]
struct Args {
    /// `postgres`, `nats`, `nats3` or `nats5`.
    #[arg(long, default_value = "postgres")]
    engine: Kind,
    /// The command and its arguments.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let journal = SharedJournal::start(args.engine)?;
    let Some((program, arguments)) = args.command.split_first() else { bail!("no command") };
    let ended = std::process::Command::new(program)
        .args(arguments)
        .env("WAYBILL_TEST_JOURNAL", journal.flags().join(" "))
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
