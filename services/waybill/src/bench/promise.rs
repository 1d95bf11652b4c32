//! `waybill bench promise`: what product pages ask of one item, over the whole retailer, popular items more often. Each
//! kind of question is asked by itself, so that none is slowed by another.

mod questions;

use super::drive::{Done, drive};
use super::setup::{Bench, Common};
use crate::demo::load::refused;
use crate::demo::world::Shape;
use anyhow::ensure;
use questions::{Kind, Question};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use waybill_client::Client;
use waybill_fixtures::{Regime, StockShape};

/// What `bench promise` takes. The measured seconds are spread over the kinds of question.
#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("concurrency", |argument| argument.default_value("16")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Orders whose customers and items ask; a run asks them again and again.
const ASKING: u64 = 10_000;

/// Measures and prints the RESULT line.
///
/// # Errors
/// The server failed, a call was refused, or an answer promised nothing of anything.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    let bench = Bench::start(common).await?;
    let stock = StockShape::new(Regime::Base, 20_000);
    let shape = Shape { stock, nodes: common.nodes, skus: common.skus, ..Shape::tight(common.seed, 0) };
    let (world, loaded) = bench.load(shape).await?;
    let clients: Arc<[Client]> = bench.connect(common.load.connections, "web").await?.into();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} positions at {} nodes; {} calls under way over {} connections; load of the machine before: {}",
        loaded.positions,
        world.retailer.nodes.len(),
        common.load.concurrency,
        common.load.connections,
        load.split(' ').next().unwrap_or("unknown")
    );
    println!("latency in ms; ways that one answer held; the server's processor time in us");
    println!(
        "{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}",
        "asked", "answers", "per s", "p50", "p99", "p99.9", "ways", "cpu"
    );
    let mut told = Vec::new();
    for kind in Kind::ALL {
        let shop = Arc::clone(&world);
        let asked = tokio::task::spawn_blocking(move || questions::made(&shop, kind, ASKING)).await?;
        told.push(measure(&args, &bench, &clients, kind, asked.into()).await?);
    }
    let [page, many, nearby] = &mut told[..] else { anyhow::bail!("a kind of question was not asked") };
    println!(
        "RESULT reads_per_s={:.0} p50_ms={:.2} p99_ms={:.2} p999_ms={:.2} server_cpu_us_per_read={:.0} many_per_s={:.0} \
         many_p99_ms={:.2} nearby_per_s={:.0} nearby_p99_ms={:.2}",
        page.done.per_s(),
        page.done.latencies.percentile_ms(500),
        page.done.latencies.percentile_ms(990),
        page.done.latencies.percentile_ms(999),
        page.cpu_us,
        many.done.per_s(),
        many.done.latencies.percentile_ms(990),
        nearby.done.per_s(),
        nearby.done.latencies.percentile_ms(990)
    );
    bench.end().await?;
    Ok(())
}

/// What one kind of question came to.
struct Told {
    done: Done,
    /// The server's processor time per answer in microseconds.
    cpu_us: f64,
}

/// Asks one kind over and over, and prints its row.
async fn measure(
    args: &Args,
    bench: &Bench,
    clients: &Arc<[Client]>,
    kind: Kind,
    questions: Arc<[Question]>,
) -> anyhow::Result<Told> {
    ensure!(!questions.is_empty(), "nobody asks {}", kind.name());
    let time = Duration::from_secs(args.common.seconds).mul_f64(kind.share());
    let (answers, ways) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let before = bench.server.usage()?;
    let mut done = {
        let (clients, answers, ways) = (Arc::clone(clients), Arc::clone(&answers), Arc::clone(&ways));
        drive(args.common.load, time.div_f64(10.0), time, move |worker, number| {
            let client = clients[worker % clients.len()].clone();
            let index = (number as usize).wrapping_mul(7_919).wrapping_add(worker * 104_729);
            let (questions, answers, ways) =
                (Arc::clone(&questions), Arc::clone(&answers), Arc::clone(&ways));
            async move {
                let found = questions[index % questions.len()].ask(&client).await.map_err(refused)?;
                answers.fetch_add(1, Ordering::Relaxed);
                ways.fetch_add(found as u64, Ordering::Relaxed);
                Ok(true)
            }
        })
        .await?
    };
    let answers = answers.load(Ordering::Relaxed).max(1) as f64;
    let ways = ways.load(Ordering::Relaxed);
    ensure!(ways > 0, "nothing was promised of anything");
    // Answers of the warm-up have used processor time too, and are counted with it.
    let cpu_us = (bench.server.usage()?.cpu_us - before.cpu_us) as f64 / answers;
    println!(
        "{:<28}{:>9}{:>9.0}{:>9.2}{:>9.2}{:>9.2}{:>8.1}{cpu_us:>8.0}",
        kind.name(),
        done.latencies.count(),
        done.per_s(),
        done.latencies.percentile_ms(500),
        done.latencies.percentile_ms(990),
        done.latencies.percentile_ms(999),
        ways as f64 / answers
    );
    Ok(Told { done, cpu_us })
}
