//! What is done to a site while callers are at it: one fault, from its beginning until it is over.

use super::callers::Home;
use super::doors::Doors;
use super::proxy::Wire;
use super::site::{ENGINE_HOST, Ground, NAMES, Site};
use crate::fault::Chance;
use crate::shared_journal::SharedJournal;
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Fault {
    /// kill -9 of a process; it is started again once others own what it owned.
    KillOwner,
    /// kill -9 of PostgreSQL, or of the NATS server that leads most; it is started again.
    KillEngine,
    /// SIGSTOP of a process for far longer than its lease, then SIGCONT.
    StopOwner,
    /// No link between two processes.
    CutPeers,
    /// One process hears another one and is not heard.
    CutPeersOneWay,
    /// No link between a process and the engine.
    CutEngine,
    /// A process hears the engine and is not heard.
    CutEngineOneWay,
    /// Everything to and from the engine takes up to 30 ms longer.
    SlowEngine,
    /// Connections to the engine break in the middle of what they carry.
    LossyEngine,
    /// The engine hears every process and is not heard: answers are lost after commit.
    DeafEngine,
    /// No room in the data directory of a process.
    FullData,
    /// No room for the engine.
    FullEngine,
    /// Each process is told to stop and started again.
    RollingRestart,
}

impl Fault {
    /// What the site must stand on.
    #[must_use]
    pub fn ground(self) -> Ground {
        match self {
            Self::CutPeers | Self::CutPeersOneWay | Self::CutEngine | Self::CutEngineOneWay => Ground::Hosts,
            Self::FullData | Self::FullEngine => Ground::Disks,
            Self::KillOwner
            | Self::KillEngine
            | Self::StopOwner
            | Self::SlowEngine
            | Self::LossyEngine
            | Self::DeafEngine
            | Self::RollingRestart => Ground::Plain,
        }
    }
}

/// A stretch of time in which something was not as it should be.
#[derive(Clone, Debug)]
pub struct Window {
    /// When it began.
    pub from: Instant,
    /// What callers waited for until then counts.
    pub until: Instant,
    /// When the engine answered again, where it had gone.
    pub answers: Option<Instant>,
    /// The partitions that were hit.
    pub homes: BTreeSet<Home>,
}

/// How long a fault lasts that ends by itself.
const LASTS: Duration = Duration::from_secs(5);
/// How long a process without room stays so.
const FULL_FOR: Duration = Duration::from_secs(8);
/// How long callers are watched after the end of a fault.
const AFTER: Duration = Duration::from_secs(3);

impl Site {
    /// Does it and undoes it.
    ///
    /// # Errors
    /// What should have happened did not.
    pub async fn strike(&mut self, fault: Fault, chance: &mut Chance) -> anyhow::Result<Vec<Window>> {
        let victim = chance.below(NAMES.len() as u64) as usize;
        let other = (victim + 1 + chance.below(2) as usize) % NAMES.len();
        match fault {
            Fault::KillOwner => self.kill_owner(victim).await,
            Fault::KillEngine => self.kill_engine(chance).await,
            Fault::StopOwner => self.stop_owner(victim).await,
            Fault::CutPeers => self.cut(victim, &[(victim, other), (other, victim)]).await,
            Fault::CutPeersOneWay => self.cut(victim, &[(victim, other)]).await,
            Fault::CutEngine => self.cut(victim, &[(victim, ENGINE_HOST), (ENGINE_HOST, victim)]).await,
            Fault::CutEngineOneWay => self.cut(victim, &[(victim, ENGINE_HOST)]).await,
            Fault::SlowEngine => {
                self.wires_are(Wire { delay_max: Duration::from_millis(30), ..Wire::default() }, LASTS).await
            }
            Fault::LossyEngine => {
                let delay_max = Duration::from_millis(5);
                self.wires_are(Wire { delay_max, cut_per_mille: 10, ..Wire::default() }, LASTS).await
            }
            Fault::DeafEngine => {
                let mut windows = Vec::new();
                for _ in 0..3 {
                    let deaf = Wire { loses_answers: true, ..Wire::default() };
                    windows.extend(self.wires_are(deaf, Duration::from_millis(700)).await?);
                }
                Ok(windows)
            }
            Fault::FullData => self.full_data(victim).await,
            Fault::FullEngine => self.full_engine().await,
            Fault::RollingRestart => self.rolling_restart().await,
        }
    }

    /// What a process owns, or all there is.
    async fn homes(&self, owner: Option<usize>) -> anyhow::Result<BTreeSet<Home>> {
        let owners = self.owners().await?;
        let hit = owners.into_iter().filter(|(_, name)| owner.is_none_or(|index| *name == NAMES[index]));
        Ok(hit.map(|(home, _)| home).collect())
    }

    async fn kill_owner(&mut self, victim: usize) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(Some(victim)).await?;
        let from = Instant::now();
        self.kill(victim).await?;
        self.taken_over_from(NAMES[victim]).await?;
        pass(AFTER).await;
        let until = Instant::now();
        self.up(victim).await?;
        Ok(vec![Window { from, until, answers: None, homes }])
    }

    async fn kill_engine(&mut self, chance: &mut Chance) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(None).await?;
        let from = Instant::now();
        let down = Duration::from_millis(200 + chance.below(2_000));
        let answers = tokio::task::block_in_place(|| -> anyhow::Result<Instant> {
            let server = self.journal.kill()?;
            match &self.journal {
                SharedJournal::Postgres(_) => {
                    std::thread::sleep(down);
                    self.journal.revive(server)?;
                    Ok(Instant::now())
                }
                SharedJournal::Nats(servers) if servers.servers.len() == 1 => {
                    std::thread::sleep(down);
                    self.journal.revive(server)?;
                    Ok(Instant::now())
                }
                SharedJournal::Nats(servers) => {
                    // The others choose new leaders; only then does it come back.
                    led_without(servers, server)?;
                    Ok(Instant::now())
                }
            }
        })?;
        pass(AFTER).await;
        let until = Instant::now();
        if let SharedJournal::Nats(servers) = &mut self.journal {
            let missing = servers.servers.iter().position(|server| !server.is_running());
            if let Some(missing) = missing {
                tokio::task::block_in_place(|| servers.start_one(missing))?;
            }
        }
        Ok(vec![Window { from, until, answers: Some(answers), homes }])
    }

    async fn stop_owner(&mut self, victim: usize) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(Some(victim)).await?;
        let from = Instant::now();
        self.engine(victim)?.signal("-STOP")?;
        let taken = self.taken_over_from(NAMES[victim]).await;
        pass(LASTS.saturating_sub(from.elapsed())).await;
        let until = Instant::now();
        self.engine(victim)?.signal("-CONT")?;
        taken?;
        Ok(vec![Window { from, until, answers: None, homes }])
    }

    async fn cut(&mut self, victim: usize, links: &[(usize, usize)]) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(Some(victim)).await?;
        let from = Instant::now();
        let network = self.network.as_mut().context("this site has one host only")?;
        links.iter().try_for_each(|(from, to)| network.cut(*from, *to))?;
        pass(LASTS).await;
        self.network.as_mut().context("this site has one host only")?.heal()?;
        pass(AFTER).await;
        Ok(vec![Window { from, until: Instant::now(), answers: None, homes }])
    }

    async fn wires_are(&mut self, wire: Wire, time: Duration) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(None).await?;
        let from = Instant::now();
        let wires = || self.members.iter().flat_map(|member| &member.wires);
        wires().for_each(|each| each.set(wire));
        pass(time).await;
        wires().for_each(|each| each.set(Wire::default()));
        let answers = Some(Instant::now());
        pass(AFTER).await;
        Ok(vec![Window { from, until: Instant::now(), answers, homes }])
    }

    async fn full_data(&mut self, victim: usize) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(Some(victim)).await?;
        let disk = self.members[victim].disk.as_ref().context("this site has one disk only")?;
        let from = Instant::now();
        let taken = disk.fill()?;
        ensure!(taken > 0, "the disk was full before");
        pass(FULL_FOR).await;
        let until = Instant::now();
        disk.empty()?;
        pass(AFTER).await;
        // A store that failed once is not written to again: whoever gives it room starts the process anew.
        let by_itself = tokio::time::timeout(AFTER, self.whole()).await;
        if !matches!(by_itself, Ok(Ok(()))) {
            println!("{} does not recover by itself and is started again", NAMES[victim]);
            self.kill(victim).await?;
            self.up(victim).await?;
        }
        Ok(vec![Window { from, until, answers: None, homes }])
    }

    async fn full_engine(&mut self) -> anyhow::Result<Vec<Window>> {
        let homes = self.homes(None).await?;
        let disk = self.engine_disk.as_ref().context("this site has one disk only")?;
        let from = Instant::now();
        let taken = disk.fill()?;
        ensure!(taken > 0, "the disk was full before");
        pass(LASTS).await;
        disk.empty()?;
        tokio::task::block_in_place(|| revive_ended(&mut self.journal))?;
        let answers = Some(Instant::now());
        pass(AFTER * 2).await;
        Ok(vec![Window { from, until: Instant::now(), answers, homes }])
    }

    async fn rolling_restart(&mut self) -> anyhow::Result<Vec<Window>> {
        let mut windows = Vec::new();
        for (index, name) in NAMES.iter().enumerate() {
            let homes = self.homes(Some(index)).await?;
            let from = Instant::now();
            let engine = self.members[index].engine.take().context("it is down")?;
            engine.signal("-TERM")?;
            let status = engine.ended().await?;
            ensure!(status.success(), "{name} ended with {status}");
            pass(Duration::from_millis(500)).await;
            windows.push(Window { from, until: Instant::now(), answers: None, homes });
            self.up(index).await?;
            self.whole().await?;
        }
        Ok(windows)
    }

    /// Where callers go.
    #[must_use]
    pub fn doors(&self) -> Arc<Doors> {
        Arc::clone(&self.doors)
    }
}

/// Faults last for a time: here time itself is what is wanted.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Starts servers again that ended, or ceased to keep anything, for want of room: as whoever gave them room would.
fn revive_ended(journal: &mut SharedJournal) -> anyhow::Result<()> {
    match journal {
        SharedJournal::Postgres(postgres) => {
            if std::os::unix::net::UnixStream::connect(postgres.socket()).is_err() {
                println!("PostgreSQL had ended for want of room and is started again");
                postgres.kill()?;
                postgres.restart()?;
            }
        }
        SharedJournal::Nats(servers) => {
            // A server that found no room keeps nothing more until it is started again.
            for server in 0..servers.servers.len() {
                servers.end(server)?;
                servers.start_one(server)?;
            }
            servers.found_together()?;
        }
    }
    Ok(())
}

/// Waits until every stream has a leader other than a server that was killed.
fn led_without(servers: &waybill_journal_nats::server::Servers, killed: usize) -> anyhow::Result<()> {
    let give_up = Instant::now() + Duration::from_secs(40);
    let running = servers.servers.iter().find(|server| server.is_running()).context("no server runs")?;
    loop {
        let led = |answer: &str| {
            let dead = format!("\"leader\":\"{}\"", servers.servers[killed].name);
            let streams = answer.matches("\"cluster\":").count();
            // A stream of which nobody knows now is counted, and named as missing instead of told of.
            let all = answer.contains(&format!("\"total\":{streams},")) && !answer.contains("\"missing\"");
            let each = answer.matches("\"leader\":").count() == streams && !answer.contains(&dead);
            streams > 0 && all && each
        };
        let asked = waybill_journal_nats::server::Raw::connect(running.port, "app")
            .and_then(|mut raw| raw.ask("$JS.API.STREAM.LIST", ""));
        if asked.is_ok_and(|answer| led(&answer)) {
            return Ok(());
        }
        ensure!(Instant::now() < give_up, "streams have no leader");
        std::thread::sleep(Duration::from_millis(20));
    }
}
