//! Each kind of command alone, in a short phase of its own, on orders that are there for it: what one command costs the
//! server, with all that follows from it. Amendments and cancels meet orders that are released and that no node has
//! begun, and each amendment includes the read before it, as each return includes the look at the receipt.

use super::super::instructed::Instructions;
use super::super::place;
use super::super::setup::{Bench, Common};
use super::commands::Kind;
use super::load;
use super::orders::{Known, Shop};
use crate::demo::load::refused;
use crate::demo::settle::quiet;
use crate::demo::world::World;
use futures::stream::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{ExternalOrderKey, GetOrderRequest, get_order_request};

/// Orders that amendments and cancels may be tried on.
const ORDERS_MAX: u64 = 10_000;
const READS: usize = 32;

/// What the kinds came to, each alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alone {
    /// Orders per second, until their pick instructions are at their nodes, as `waybill bench place` measures it.
    pub(super) placed_per_s: f64,
    /// The server's processor time of one command in microseconds, in the sequence of [`Kind::ALL`].
    pub(super) cpu_us: [f64; 4],
}

impl Alone {
    /// Runs the phases one after the other, a tenth of the measured time each. No node works meanwhile.
    ///
    /// # Errors
    /// The server failed, or a call did.
    pub(super) async fn measure(
        common: &Common,
        bench: &Bench,
        world: &Arc<World>,
        shop: &Arc<Shop>,
        clients: &[Client],
    ) -> anyhow::Result<Self> {
        let common = Common { seconds: common.seconds.div_ceil(10), ..common.clone() };
        let (placed_per_s, place_us, placed) = place_alone(&common, bench, world).await?;
        let arrived = shop.know_only(released(&bench.operator().await?, placed).await?);
        let amend_us = alone(&common, bench, shop, clients, Kind::Amend).await?;
        let cancel_us = alone(&common, bench, shop, clients, Kind::Cancel).await?;
        shop.know_only(arrived);
        let return_us = alone(&common, bench, shop, clients, Kind::Return).await?;
        Ok(Self { placed_per_s, cpu_us: [place_us, amend_us, cancel_us, return_us] })
    }
}

/// Orders per second, processor time of one, and how many there are.
async fn place_alone(common: &Common, bench: &Bench, world: &Arc<World>) -> anyhow::Result<(f64, f64, u64)> {
    let streams = bench.connect(place::STREAM_CONNECTIONS, "").await?;
    let nodes = world.retailer.nodes.iter().map(|node| node.node_id.clone());
    let mut instructions = Instructions::subscribe(&streams, nodes)?;
    let source = Arc::new(place::source(bench, common, world, &instructions).await?);
    let operator = bench.operator().await?;
    let args = place::Args::alone(common.clone());
    let measured = place::measure(&args, bench, &source, &operator).await?;
    instructions.check()?;
    place::verify(&source, &operator).await?;
    Ok((measured.done.per_s(), measured.cpu_us as f64 / (measured.orders as f64).max(1.0), source.placed()))
}

/// The newest orders that were placed alone, all of them released.
async fn released(client: &Client, placed: u64) -> anyhow::Result<Vec<Known>> {
    let read = |index: u64| async move {
        let number = place::number(index);
        let channel = place::CHANNEL.to_owned();
        let key = ExternalOrderKey { channel, external_order_number: number.clone() };
        let request =
            GetOrderRequest { key: Some(get_order_request::Key::External(key)), ..Default::default() };
        let order = client.get_order(request).await.map_err(refused)?.order.unwrap_or_default();
        anyhow::Ok(Known { order_id: order.order_id, number })
    };
    let newest = placed.saturating_sub(ORDERS_MAX)..placed;
    futures::stream::iter(newest).map(read).buffered(READS).try_collect().await
}

/// Processor time of one command of this kind, until all that follows from it has come to rest.
async fn alone(
    common: &Common,
    bench: &Bench,
    shop: &Arc<Shop>,
    clients: &[Client],
    kind: Kind,
) -> anyhow::Result<f64> {
    let operator = bench.operator().await?;
    quiet(&operator).await?;
    let before = bench.server.usage()?.cpu_us;
    let mut mix = [0; 4];
    mix[kind as usize] = 1;
    let time = (Duration::ZERO, Duration::from_secs(common.seconds));
    let outcome = load::run(shop, clients, common.load.concurrency, mix, time).await?;
    quiet(&operator).await?;
    let cpu_us = bench.server.usage()?.cpu_us - before;
    Ok(cpu_us as f64 / (outcome.all[kind as usize] as f64).max(1.0))
}
