//! What every bench starts from: a server process on a fresh directory of a real disk, connections to it, and the
//! retailer in it.

use super::child::ServerProcess;
use super::disk;
use super::drive::Load;
use crate::demo::load::{Loaded, load};
use crate::demo::world::{Shape, World};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use waybill_client::{Client, Identity, Retry};
use waybill_fixtures::{DEFAULT_SKUS, Size, StockShape};

/// What all benches take.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Seconds that are measured, after a warm-up of a tenth of them.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    #[command(flatten)]
    pub(crate) load: Load,
    /// Where data directories are made; the system's temporary directory unless that lies in memory.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
    /// The same seed gives the same retailer, stock and orders.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Places of the retailer, for small trials.
    #[arg(long, hide = true, default_value_t = Size::default().nodes(), value_parser = clap::value_parser!(u32).range(5..=5_000))]
    pub(crate) nodes: u32,
    /// Items in the catalog, for small trials.
    #[arg(long, hide = true, default_value_t = DEFAULT_SKUS, value_parser = clap::value_parser!(u32).range(10..=500_000))]
    pub(crate) skus: u32,
}

impl Common {
    /// A world in which neither stock nor anybody's capacity stands in the way.
    pub(crate) fn ample(&self, stock: StockShape) -> Shape {
        Shape {
            seed: self.seed,
            nodes: self.nodes,
            skus: self.skus,
            stock,
            capacity_factor: 1_000,
            stock_floor: 100_000,
        }
    }
}

/// A server process of its own with everything around it.
pub(crate) struct Bench {
    pub(crate) server: ServerProcess,
    /// Removed with everything in it when this is dropped, after the server.
    dir: tempfile::TempDir,
}

impl Bench {
    /// Starts a server on a fresh directory.
    ///
    /// # Errors
    /// No directory, or the server does not start.
    pub(crate) async fn start(common: &Common) -> anyhow::Result<Self> {
        Self::start_with(common, &[]).await
    }

    /// Starts a server on a fresh directory with more flags.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub(crate) async fn start_with(common: &Common, flags: &[&str]) -> anyhow::Result<Self> {
        let dir = disk::fresh_dir(common.dir.as_deref())?;
        if disk::is_in_memory(dir.path()) {
            eprintln!(
                "{} lies in memory: syncs cost nothing there, and figures say little",
                dir.path().display()
            );
        }
        let server = ServerProcess::serve(&dir.path().join("data"), &dir.path().join("log"), flags).await?;
        Ok(Self { server, dir })
    }

    /// The directory that data directory and log lie in.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Where child processes log.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Ends the server; the directory stays until what is answered is dropped.
    ///
    /// # Errors
    /// The server cannot be killed.
    pub(crate) async fn end(self) -> anyhow::Result<tempfile::TempDir> {
        self.server.kill().await?;
        Ok(self.dir)
    }

    /// Connections that never send anything twice: a bench counts what happens, not what is made good.
    ///
    /// # Errors
    /// Nobody answers.
    pub(crate) async fn connect(&self, count: u16, channel: &str) -> anyhow::Result<Vec<Client>> {
        let mut clients = Vec::with_capacity(count.into());
        for _ in 0..count {
            let identity = Identity::new(channel, "bench", "operator")?;
            let client = Client::connect(&self.server.endpoint, identity).await?;
            clients.push(client.with_retry(Retry::never()));
        }
        Ok(clients)
    }

    /// One patient client, for everything that is not measured.
    ///
    /// # Errors
    /// Nobody answers.
    pub(crate) async fn operator(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.server.endpoint, Identity::new("", "bench", "operator")?).await?)
    }

    /// Makes the world and loads it.
    ///
    /// # Errors
    /// A refused row.
    pub(crate) async fn load(&self, shape: Shape) -> anyhow::Result<(Arc<World>, Loaded)> {
        let world = Arc::new(tokio::task::spawn_blocking(move || World::make(shape, None)).await??);
        let loaded = self.fill(&world).await?;
        Ok((world, loaded))
    }

    /// Loads a world that is made already.
    ///
    /// # Errors
    /// A refused row.
    pub(crate) async fn fill(&self, world: &Arc<World>) -> anyhow::Result<Loaded> {
        let bar = bar("loading", world.stock().count() as u64)?;
        load(&self.operator().await?, world, &bar).await
    }
}

/// A progress bar in the one form of all benches.
///
/// # Errors
/// Never: the form is fixed.
pub(crate) fn bar(name: &'static str, length: u64) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(length);
    bar.set_style(ProgressStyle::with_template("{prefix:>9} {bar:30} {human_pos:>9}/{human_len} {msg}")?);
    bar.set_prefix(name);
    Ok(bar)
}
