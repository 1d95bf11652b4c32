//! Three processes over one engine, callers who keep account of every answer, and one fault after the other under them. After
//! each: nothing acknowledged is lost, nothing is doubled, no law is broken, all copies are the same, and what callers saw of
//! single items and orders could have come from a single copy.

pub mod callers;
pub mod disk;
pub mod doors;
pub mod linear;
pub mod net;
pub mod proxy;
pub mod registers;
pub mod relay;
mod report;
mod round;
pub mod site;
pub mod strike;

use crate::fault::Chance;
use crate::fault::ledger::Ledger;
use crate::fault::load::Traffic;
use crate::fault::warehouse::Desks;
use crate::retailer::{self, Shape};
use crate::shared_journal::Kind;
use anyhow::Context;
use report::Report;
use round::Standing;
use site::{Ground, Site};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use strike::Fault;

/// How a run goes.
#[derive(Clone, Debug)]
pub struct ChaosOptions {
    /// What happens.
    pub faults: Vec<Fault>,
    /// How often each.
    pub rounds: u32,
    /// Under which engine.
    pub engine: Kind,
    /// Replays the choices of a run, not its timing.
    pub seed: u64,
    /// Callers who place, cancel and hold, at once.
    pub shoppers: usize,
    /// Items that are watched closely.
    pub shelves: usize,
    /// Orders that are watched closely.
    pub pages: usize,
    /// Callers of each of those.
    pub at_each: usize,
    /// Between two calls of one caller, in milliseconds.
    pub pace_ms: u64,
    /// More flags of `waybill serve`.
    pub flags: Vec<String>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// A table for people, with one line per fault.
    pub table: String,
    /// One line for programs.
    pub line: String,
    /// Faults that this machine does not allow, with the reason.
    pub not_run: Vec<(Fault, String)>,
    /// Rounds judged.
    pub rounds: u32,
    /// Calls whose order was checked.
    pub calls: usize,
    /// Requests that were acknowledged.
    pub acknowledged: usize,
}

/// The retailer of a run: little stock, so that holds and orders compete.
pub(crate) const SHAPE: Shape = Shape { nodes: 4, items: 16, stock: 20_000 };

/// Runs every fault as often as asked.
///
/// # Errors
/// What was lost, doubled, broken or out of order, with the seed, the fault and the round.
pub async fn chaos(options: &ChaosOptions) -> anyhow::Result<Outcome> {
    let mut by_ground: BTreeMap<Ground, Vec<Fault>> = BTreeMap::new();
    for fault in &options.faults {
        by_ground.entry(fault.ground()).or_default().push(*fault);
    }
    let mut report = Report::default();
    let mut chance = Chance::new(options.seed);
    for (ground, faults) in by_ground {
        let site = match Site::start(options.engine, ground, &options.flags).await {
            Ok(site) => site,
            Err(error) if ground != Ground::Plain && !is_allowed(ground) => {
                let why = format!("{error:#}");
                println!("NOT RUN, since this machine does not allow it: {faults:?}: {why}");
                report.not_run.extend(faults.into_iter().map(|fault| (fault, why.clone())));
                continue;
            }
            Err(error) => return Err(error.context(format!("{ground:?}"))),
        };
        on_site(site, options, &faults, &mut chance, &mut report).await?;
    }
    Ok(report.outcome(options))
}

/// Whether hosts and disks of one's own can be had here: then a site that does not start is a fault of ours.
fn is_allowed(ground: Ground) -> bool {
    match ground {
        Ground::Plain => true,
        Ground::Hosts => net::Network::create(&["probe"]).is_ok(),
        Ground::Disks => {
            tempfile::tempdir().is_ok_and(|dir| disk::Disk::mount(&dir.path().join("probe"), 8).is_ok())
        }
    }
}

async fn on_site(
    site: Site,
    options: &ChaosOptions,
    faults: &[Fault],
    chance: &mut Chance,
    report: &mut Report,
) -> anyhow::Result<()> {
    let channel = site.doors.at(0);
    retailer::open(&channel, SHAPE).await?;
    let traffic = Arc::new(Traffic {
        ledger: Ledger::default(),
        shape: SHAPE,
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
        run: options.seed,
    });
    let things = round::Things::open(&channel, options).await?;
    let mut standing = Standing { site, traffic, desks: Arc::new(Desks::default()), things, judged: 0 };
    for number in 1..=options.rounds {
        for fault in faults {
            let what = || format!("seed {}, {fault:?}, round {number}", options.seed);
            let name = format!("{fault:?}-{number}").to_lowercase();
            let round = standing.round(*fault, &name, options, chance).await.with_context(what)?;
            println!("{}", report.add(*fault, round));
        }
    }
    Ok(())
}
