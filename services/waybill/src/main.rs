//! The one binary: `waybill serve` and the tools around it. It parses words and calls the library.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use waybill::{bench, commands, demo, import, operate};

/// glibc's allocator took a quarter of the server's time: checkpoints and gRPC free on other threads than they allocate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Order orchestration and inventory sourcing: one engine behind all channels.
#[derive(Parser)]
#[command(name = "waybill", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve all services in one process, or a part of them.
    Serve(operate::serve::Args),
    /// Run the main job on real input and show what it came to.
    Demo(demo::Args),
    /// Import items, nodes, lanes, stock and finished orders from files.
    Import(import::Args),
    /// Find, show, place, cancel and watch orders.
    Order(commands::order::Args),
    /// Find, show, link, merge, split and erase customers.
    Customer(commands::customer::Args),
    /// Print, replace and explain the rules that decide about changes of orders.
    Rules(commands::rules::Args),
    /// Print, check, replace, list and roll back the policy that sourcing weighs by.
    Policy(commands::policy::Args),
    /// Show what could be promised of an item, by cost and date.
    Promise(commands::promise::Args),
    /// Show why an order's units come from where they come.
    Explain(commands::explain::Args),
    /// Check kept sourcing decisions without the planner.
    Verify(commands::verify::Args),
    /// Plan past orders under another sourcing policy and compare.
    WhatIf(commands::what_if::Args),
    /// Show, receive, adjust, count and reserve stock.
    Stock(commands::stock::Args),
    /// Show nodes and their work.
    Node(commands::node::Args),
    /// Show how a running process and each of its partitions is.
    Status(operate::status::Args),
    /// Check every law, on a running engine or on a directory that nobody serves.
    Audit(operate::audit::Args),
    /// Copy everything while the engine serves.
    Backup(operate::backup::Args),
    /// Make a new data directory from a copy.
    Restore(operate::restore::Args),
    /// Carry a data directory into a shared journal, or a shared journal into a data directory.
    Migrate(operate::migrate::Args),
    /// Show who owns what among processes that share a journal, move a partition, drain a process.
    Cluster(operate::cluster::Args),
    /// Check or print the configuration.
    Config(operate::config::Args),
    /// Measure.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("waybill: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => operate::serve::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Import(args) => import::run(args).await,
            Command::Order(args) => commands::order::run(args).await,
            Command::Customer(args) => commands::customer::run(args).await,
            Command::Rules(args) => commands::rules::run(args).await,
            Command::Policy(args) => commands::policy::run(args).await,
            Command::Promise(args) => commands::promise::run(args).await,
            Command::Explain(args) => commands::explain::run(args).await,
            Command::Verify(args) => commands::verify::run(args).await,
            Command::WhatIf(args) => commands::what_if::run(args).await,
            Command::Stock(args) => commands::stock::run(args).await,
            Command::Node(args) => commands::node::run(args).await,
            Command::Status(args) => operate::status::run(args).await,
            Command::Audit(args) => operate::audit::run(args).await,
            Command::Backup(args) => operate::backup::run(args).await,
            Command::Restore(args) => operate::restore::run(args).await,
            Command::Migrate(args) => operate::migrate::run(args).await,
            Command::Cluster(args) => operate::cluster::run(args).await,
            Command::Config(args) => operate::config::run(args).await,
            Command::Bench(args) => bench::run(args).await,
        }
    });
    match commands::unless_closed(done) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("waybill: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn no_flag_contradicts_another() {
        Cli::command().debug_assert();
    }

    #[test]
    fn who_gives_none_of_several_is_told_all_of_them() {
        let alternatives = [
            (&["order", "place"][..], &["FILE", "--line"][..]),
            (&["promise", "P1"], &["--to", "--at"]),
            (&["what-if"], &["--policy", "--rule", "--stock", "--means"]),
        ];
        for (words, flags) in alternatives {
            let Err(said) = Cli::try_parse_from([&["waybill"], words].concat()) else {
                panic!("{words:?} was taken")
            };
            let missing = said.to_string().lines().nth(1).unwrap_or_default().to_owned();
            assert!(flags.iter().all(|flag| missing.contains(flag)), "{words:?}: {said}");
        }
    }
}
