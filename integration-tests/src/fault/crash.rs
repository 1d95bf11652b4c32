//! kill -9 at random moments under mixed load, in recovery and in checkpoints.

use super::Chance;
use super::judge::{Verdict, judge};
use super::load::{Traffic, client};
use super::warehouse::{Desks, work};
use crate::engine::{Engine, Setting};
use crate::retailer::{self, Shape};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How a run of crashes goes.
#[derive(Clone, Copy, Debug)]
pub struct CrashOptions {
    /// Kills under load.
    pub rounds: u32,
    /// Clients at once.
    pub clients: usize,
    /// Replays the choices of a run (not the engine's timing).
    pub seed: u64,
    /// The longest time between start and kill, in milliseconds.
    pub round_ms_max: u64,
}

/// The retailer of a run: little stock, so that holds and orders compete.
const SHAPE: Shape = Shape { nodes: 6, items: 24, stock: 4_000 };

/// Kills and judges `rounds` times on one directory.
///
/// # Errors
/// What was lost or broken, with the seed.
pub async fn crash(dir: &Path, options: CrashOptions) -> anyhow::Result<Verdict> {
    let setting = Setting::new(&dir.join("data"));
    let mut chance = Chance::new(options.seed);
    let desks = Arc::new(Desks::default());
    let traffic = Arc::new(Traffic {
        ledger: super::ledger::Ledger::default(),
        shape: SHAPE,
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
        run: options.seed,
    });
    let mut verdict = Verdict::default();
    for round in 0..options.rounds {
        let engine = up(&setting, &mut chance).await?;
        if round == 0 {
            retailer::open(&engine.channel().await?, SHAPE).await?;
        }
        load_for(&traffic, &desks, &engine, &mut chance, options).await?;
        engine.kill().await?;
        if round % 5 == 4 || round + 1 == options.rounds {
            let engine = up(&setting, &mut chance).await?;
            verdict = judge(&traffic, &engine)
                .await
                .map_err(|e| e.context(format!("seed {}, round {round}", options.seed)))?;
            println!("round {round}: {verdict:?}");
            engine.kill().await?;
        }
    }
    Ok(verdict)
}

/// Starts the engine; every third time it is killed in recovery first.
pub(crate) async fn up(setting: &Setting, chance: &mut Chance) -> anyhow::Result<Engine> {
    if chance.below(3) == 0 {
        let starting = Engine::spawn(setting)?;
        tokio::time::sleep(Duration::from_millis(chance.below(250))).await;
        starting.kill().await?;
    }
    Engine::start(setting).await
}

/// Load for a random time; the clients are still at it when this returns.
pub(crate) async fn load_for(
    traffic: &Arc<Traffic>,
    desks: &Arc<Desks>,
    engine: &Engine,
    chance: &mut Chance,
    options: CrashOptions,
) -> anyhow::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..options.clients {
        let channel = engine.channel().await?;
        tasks.spawn(client(Arc::clone(traffic), channel, Chance::new(chance.draw())));
    }
    let channel = engine.channel().await?;
    for node in 0..traffic.shape.nodes {
        tasks.spawn(work(Arc::clone(traffic), Arc::clone(desks), channel.clone(), retailer::node(node)));
    }
    // The moment of the fault is meant to be any moment: here time itself is the condition.
    tokio::time::sleep(Duration::from_millis(100 + chance.below(options.round_ms_max))).await;
    // Stopped first, so that the fault hits clients that are in the middle of something.
    engine.signal("-STOP")?;
    traffic.stop.store(true, Ordering::Relaxed);
    tasks.shutdown().await;
    traffic.stop.store(false, Ordering::Relaxed);
    Ok(())
}
