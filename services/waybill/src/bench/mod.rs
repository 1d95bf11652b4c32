//! `waybill bench`: what this machine and this disk give. Server and load generator are separate processes; the bare echo
//! and the sync rate are measured in the same run, so that a figure can be read on any machine. Every bench ends with one
//! RESULT line.

mod availability;
pub(crate) mod child;
pub(crate) mod disk;
mod drive;
mod echo;
mod engine_use;
mod fill;
mod find;
mod hot;
mod instructed;
pub(crate) mod latency;
mod mixed;
mod place;
mod promise;
mod scale;
mod setup;

/// What `bench` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    /// One order per call, until its pick instructions are durable and at their nodes.
    Place(place::Args),
    /// What a day brings: orders, changes, cancels and returns together, with every node at work.
    Mixed(mixed::Args),
    /// One reservation per call of one item at one place, until there is none left.
    Hot(hot::Args),
    /// What may be promised of one item, read over and over.
    Availability(availability::Args),
    /// What could be promised of one item to addresses and stores, read over and over.
    Promise(promise::Args),
    /// A million positions and half a million orders: memory, disk, restart after a kill.
    Scale(scale::Args),
    /// Two million orders, and every way to find one: latency, memory, disk.
    Find(find::Args),
    /// The bare echo that the others are compared with; they start it themselves.
    #[command(hide = true)]
    EchoServer,
}

/// Runs one bench.
///
/// # Errors
/// The server failed, a check of the run failed, or the machine cannot run it.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let bench = async {
        match args.what {
            What::Place(args) => place::run(args).await,
            What::Mixed(args) => mixed::run(args).await,
            What::Hot(args) => hot::run(args).await,
            What::Availability(args) => availability::run(args).await,
            What::Promise(args) => promise::run(args).await,
            What::Scale(args) => scale::run(args).await,
            What::Find(args) => find::run(args).await,
            What::EchoServer => echo::serve().await,
        }
    };
    tokio::select! {
        done = bench => done,
        // Stopped by hand, it still ends its server and removes its data.
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            anyhow::bail!("stopped by hand before the end");
        }
    }
}
