//! The engine dies under three processes with load and comes back: the database, or the NATS server that led the stream of
//! leases. Callers wait, ask again, and lose nothing.

use crate::shop::{self, Cluster, Ledger, away, load, memory};
use anyhow::ensure;
use std::time::{Duration, Instant};
use waybill_integration_tests::shared_journal::Kind;

/// What a process may take up while its engine is away: queues are bounded, and nothing waits beside them.
const GROWTH_MOST: u64 = 64 << 20;

pub(crate) async fn loses_nothing_that_was_acknowledged(kind: Kind) -> anyhow::Result<()> {
    let mut cluster = Cluster::new(kind)?;
    let [a, b, c] = cluster.three().await?;
    let doors = [a.channel().await?, b.channel().await?, c.channel().await?];
    let (mut ledger, mut probes) = (Ledger::default(), Ledger::default());
    let alone = kind == Kind::Postgres || kind == Kind::Nats(1);
    let (shopped, again) = tokio::join!(ledger.shop("outage", &doors, load() + away()), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let server = tokio::task::block_in_place(|| cluster.journal.kill())?;
        let mut at = Instant::now();
        if alone {
            let before = memory(&b)?;
            tokio::time::sleep(away()).await;
            let grown = memory(&b)?.saturating_sub(before);
            ensure!(grown < GROWTH_MOST, "a process without its engine grew by {grown} bytes");
            at = Instant::now();
            tokio::task::block_in_place(|| cluster.journal.revive(server))?;
        }
        let started = at.elapsed();
        probes.all_answer("probe", &doors).await?;
        let answered = at.elapsed();
        if !alone {
            tokio::task::block_in_place(|| cluster.journal.revive(server))?;
        }
        anyhow::Ok((started, answered))
    });
    let ((longest, retries), (started, answered)) = (shopped?, again?);
    let since = if alone { "since it was started again" } else { "since its kill" };
    println!(
        "{kind}: the engine was killed: orders of all partitions placed {} ms {since}, which took {} ms; longest call {} ms, \
         {retries} retries",
        answered.as_millis(),
        started.as_millis(),
        longest.as_millis()
    );
    ensure!(answered < Duration::from_secs(20), "{answered:?}");
    ledger.judge(&doors).await?;
    probes.judge(&doors).await?;
    shop::at_rest(&[&a, &b, &c]).await
}

/// The engine and an owner go at the same time; the engine comes back alone, and what the owner was answered is there.
pub(crate) async fn owners_die_while_the_engine_is_away(kind: Kind) -> anyhow::Result<()> {
    let mut cluster = Cluster::new(kind)?;
    let [a, b, c] = cluster.three().await?;
    let doors = [b.channel().await?, c.channel().await?];
    let (mut ledger, mut probes) = (Ledger::default(), Ledger::default());
    let (shopped, again) = tokio::join!(ledger.shop("both", &doors, load() + away()), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let server = tokio::task::block_in_place(|| cluster.journal.kill())?;
        a.signal("-KILL")?;
        tokio::time::sleep(away()).await;
        tokio::task::block_in_place(|| cluster.journal.revive(server))?;
        let at = Instant::now();
        probes.all_answer("probe", &doors).await?;
        anyhow::Ok(at.elapsed())
    });
    let ((longest, retries), answered) = (shopped?, again?);
    println!(
        "{kind}: the engine and an owner were killed: orders of all partitions placed {} ms after the engine was back; longest \
         call {} ms, {retries} retries",
        answered.as_millis(),
        longest.as_millis()
    );
    ledger.judge(&doors).await?;
    probes.judge(&doors).await?;
    // The one that died comes back over what the others did.
    let a = cluster.start("a").await?;
    ledger.judge(&[a.channel().await?]).await?;
    shop::at_rest(&[&a, &b, &c]).await
}

/// kill -9 of every process and of every server of the engine, in one moment under load: what was answered is there when
/// all of them are back.
pub(crate) async fn everything_dies_at_once(kind: Kind) -> anyhow::Result<()> {
    let mut cluster = Cluster::new(kind)?;
    let engines = cluster.three().await?;
    let mut ledger = Ledger::default();
    let doors = [engines[0].channel().await?, engines[1].channel().await?, engines[2].channel().await?];
    let (sold, killed) = tokio::join!(ledger.shop_until_the_end("end", &doors), async {
        tokio::time::sleep(load() / 2).await;
        engines.iter().try_for_each(|engine| engine.signal("-KILL"))?;
        tokio::task::block_in_place(|| cluster.journal.kill_all())
    });
    sold.and(killed)?;
    drop(engines);
    let at = Instant::now();
    tokio::task::block_in_place(|| cluster.journal.revive_all())?;
    let [a, b, c] = ["a", "b", "c"].map(|name| cluster.start(name));
    let (a, b, c) = tokio::try_join!(a, b, c)?;
    let doors = [a.channel().await?, b.channel().await?, c.channel().await?];
    ledger.all_answer("after", &doors).await?;
    println!("{kind}: everything was killed: all is back after {} ms", at.elapsed().as_millis());
    ledger.judge(&doors).await?;
    shop::at_rest(&[&a, &b, &c]).await
}
