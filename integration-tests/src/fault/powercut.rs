//! The whole engine on a disk whose power is cut under load.

use super::Chance;
use super::crash::{CrashOptions, load_for};
use super::image::{Image, forgets, loop_mounts_work};
use super::judge::{Verdict, judge};
use super::load::Traffic;
use super::warehouse::Desks;
use crate::engine::{Engine, Setting};
use crate::retailer::{self, Shape};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// How a run of cuts goes.
#[derive(Clone, Copy, Debug)]
pub struct PowercutOptions {
    /// Cuts under load.
    pub rounds: u32,
    /// Clients at once.
    pub clients: usize,
    /// Replays the choices of a run.
    pub seed: u64,
    /// Run the engine without syncing: the judge must find something then.
    pub never_sync: bool,
}

const SHAPE: Shape = Shape { nodes: 4, items: 16, stock: 4_000 };
const DISK_BYTES: u64 = 2 << 30;

/// Cuts and judges `rounds` times. `None` where loop mounts do not work.
///
/// # Errors
/// What was lost or broken, with the seed.
pub async fn powercut(dir: &Path, options: PowercutOptions) -> anyhow::Result<Option<Verdict>> {
    if !loop_mounts_work()? {
        return Ok(None);
    }
    let probe = dir.join("probe");
    std::fs::create_dir_all(&probe)?;
    forgets(&probe)?;
    let mut chance = Chance::new(options.seed);
    let desks = Arc::new(Desks::default());
    let traffic = Arc::new(Traffic {
        ledger: super::ledger::Ledger::default(),
        shape: SHAPE,
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
        run: options.seed,
    });
    let mut image = Image::create(dir, DISK_BYTES)?;
    let mut verdict = Verdict::default();
    let load = CrashOptions { rounds: 1, clients: options.clients, seed: options.seed, round_ms_max: 2_500 };
    for round in 1..=options.rounds {
        let engine = Engine::start(&setting(image.path(), options.never_sync)).await?;
        if round == 1 {
            retailer::open(&engine.channel().await?, SHAPE).await?;
        }
        // The engine is stopped in the middle of its work, then the disk as it is becomes the disk after the cut.
        load_for(&traffic, &desks, &engine, &mut chance, load).await?;
        let after = image.cut(dir, round)?;
        engine.kill().await?;
        image.discard()?;
        image = after;
        let engine = Engine::start(&setting(image.path(), options.never_sync)).await?;
        verdict = judge(&traffic, &engine)
            .await
            .map_err(|e| e.context(format!("seed {}, cut {round}", options.seed)))?;
        println!("cut {round}: {verdict:?}");
        engine.kill().await?;
    }
    image.discard()?;
    Ok(Some(verdict))
}

fn setting(mount: &Path, never_sync: bool) -> Setting {
    let mut setting = Setting::new(&mount.join("data"));
    setting.flags.extend(never_sync.then(|| "--unsafe-never-sync".to_owned()));
    setting
}
