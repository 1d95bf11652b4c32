//! `waybill bench availability`: what a product page asks, over the whole retailer, popular items more often.

use super::drive::drive;
use super::setup::{Bench, Common};
use crate::demo::load::refused;
use crate::demo::world::Shape;
use anyhow::ensure;
use std::sync::Arc;
use std::time::Duration;
use waybill_client::proto::inventory::v1::GetAvailabilityRequest;
use waybill_fixtures::{Prng, Regime, StockShape};

/// What `bench availability` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Different questions; a run asks them again and again.
const QUESTIONS: usize = 65_536;

/// Measures and prints the RESULT line.
///
/// # Errors
/// The server failed or a call was refused.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    let bench = Bench::start(common).await?;
    let stock = StockShape::new(Regime::Base, 20_000);
    let shape = Shape { stock, nodes: common.nodes, skus: common.skus, ..Shape::tight(common.seed, 0) };
    let (world, loaded) = bench.load(shape).await?;
    let mut prng = Prng::new(common.seed);
    let items = world.catalog.items();
    let questions: Arc<[String]> =
        (0..QUESTIONS).map(|_| items[world.catalog.pick(&mut prng)].item.sku.clone()).collect();
    let clients = bench.connect(common.load.connections, "web").await?;
    let time = Duration::from_secs(common.seconds);
    let usage = bench.server.usage()?;
    let mut done = drive(common.load, time.div_f64(10.0), time, move |worker, number| {
        let client = clients[worker % clients.len()].clone();
        let question = (number as usize).wrapping_mul(7_919).wrapping_add(worker * 104_729) % QUESTIONS;
        let request = GetAvailabilityRequest { sku: questions[question].clone(), ..Default::default() };
        async move {
            let answer = client.get_availability(request).await.map_err(refused)?;
            ensure!(
                answer.availability.is_some_and(|found| !found.unknown),
                "an item of the catalog is unknown"
            );
            Ok(true)
        }
    })
    .await?;
    let cpu_us = (bench.server.usage()?.cpu_us - usage.cpu_us) as f64;
    let reads = done.latencies.count();
    // The warm-up, a tenth of the time, has used its share too.
    let cpu_us_per_read = cpu_us / (reads as f64 * 1.1).max(1.0);
    println!(
        "{reads} reads over {} positions, half of them within {:.2} ms, {cpu_us_per_read:.0} us of server time each",
        loaded.positions,
        done.latencies.percentile_ms(500)
    );
    println!("RESULT reads_per_s={:.0} p99_ms={:.2}", done.per_s(), done.latencies.percentile_ms(990));
    bench.end().await?;
    Ok(())
}
