//! `waybill bench hot`: everybody wants the same item at the same place. One reservation per call; stock ends before the
//! callers do, and afterwards the position must say that not one unit too many was given.

use super::drive::{Load, drive};
use super::echo;
use super::setup::{Bench, Common};
use crate::demo::load::{all_taken, refused};
use crate::demo::world::Shape;
use crate::records;
use anyhow::{Context, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tonic::Code;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{UpsertCalendarsRequest, UpsertNodesRequest};
use waybill_client::proto::inventory::v1::{
    AdjustStockRequest, GetPositionRequest, ItemRow, Position, ReceiveStockRequest, ReserveStockRequest,
    StockQuantity, UpsertItemsRequest,
};

/// What `bench hot` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

/// More than any run can reserve.
const STOCK: i64 = 1_000_000_000;
/// Units left for the rush at the end.
const LAST_UNITS: i64 = 2_000;
/// How long a hold lives, in milliseconds: longer than any run.
const HOLD_MS: i64 = 24 * 3_600_000;

/// The one item at the one place.
#[derive(Clone, Debug)]
struct Hot {
    sku: String,
    node_id: String,
    granted: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

/// Measures with plenty of stock, then takes all but the last units away and lets everybody rush for them.
///
/// # Errors
/// The server failed, a call was refused for another reason than stock, or nobody was refused at the end.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    let bench = Bench::start(common).await?;
    let operator = bench.operator().await?;
    let hot = prepare(&operator, common).await?;
    let clients = bench.connect(common.load.connections, "web").await?;
    let payload_bytes = prost::Message::encoded_len(&hot.request());
    let time = Duration::from_secs(common.seconds);
    let measured = hot.rush(common.load, &clients, time.div_f64(10.0), time).await?;
    hot.leave_only(&operator, LAST_UNITS).await?;
    let mut rest = Duration::from_millis(500);
    while hot.refused.load(Ordering::Relaxed) < LAST_UNITS.unsigned_abs() {
        hot.rush(common.load, &clients, Duration::ZERO, rest).await?;
        rest = (rest * 2).min(Duration::from_secs(30));
    }
    let oversold = hot.oversold(&operator).await?;
    let granted = hot.granted.load(Ordering::Relaxed);
    println!("{granted} reservations granted, {} refused", hot.refused.load(Ordering::Relaxed));
    drop(clients);
    let log = bench.log();
    let keep = bench.end().await?;
    let echo_per_s = echo::per_s(common.load, payload_bytes, time.div_f64(5.0), &log).await?;
    drop(keep);
    println!(
        "RESULT reservations_per_s={:.0} oversold={oversold} echo_per_s={echo_per_s:.0}",
        measured.per_s()
    );
    ensure!(oversold == 0, "{oversold} units were sold twice");
    Ok(())
}

/// One place, one item, plenty of it.
async fn prepare(operator: &Client, common: &Common) -> anyhow::Result<Hot> {
    let shape = Shape { nodes: 5, skus: 10, ..Shape::tight(common.seed, 1) };
    let world = crate::demo::world::World::make(shape, None)?;
    let calendars = world.retailer.calendars.iter().map(records::calendar).collect();
    let request = UpsertCalendarsRequest { calendars, ..Default::default() };
    all_taken(&operator.upsert_calendars(request).await.map_err(refused)?.results)?;
    let nodes = world.retailer.nodes.iter().map(records::node).collect();
    let request = UpsertNodesRequest { nodes, ..Default::default() };
    all_taken(&operator.upsert_nodes(request).await.map_err(refused)?.results)?;
    let item = world.catalog.items().iter().map(|entry| &entry.item).find(|item| item.scale == 0);
    let item = item.context("the catalog has no item by the piece")?;
    let rows = vec![ItemRow { item: Some(records::item(item)), expected_revision: 0 }];
    let request = UpsertItemsRequest { rows, ..Default::default() };
    all_taken(&operator.upsert_items(request).await.map_err(refused)?.results)?;
    let node_id = world.retailer.nodes.first().context("the retailer has no places")?.node_id.clone();
    let request = ReceiveStockRequest {
        sku: item.sku.clone(),
        node_id: node_id.clone(),
        quantity: STOCK,
        ..Default::default()
    };
    operator.receive_stock(request).await.map_err(refused)?;
    Ok(Hot { sku: item.sku.clone(), node_id, granted: Arc::default(), refused: Arc::default() })
}

impl Hot {
    fn request(&self) -> ReserveStockRequest {
        let line = StockQuantity {
            sku: self.sku.clone(),
            node_id: self.node_id.clone(),
            quantity: 1,
            ..Default::default()
        };
        ReserveStockRequest {
            request_id: waybill_client::request_id(),
            lines: vec![line],
            ttl_ms: HOLD_MS,
            ..Default::default()
        }
    }

    /// Everybody reserves one unit after the other; a refusal for lack of stock is an answer that does not count.
    async fn rush(
        &self,
        load: Load,
        clients: &[Client],
        warm_up: Duration,
        time: Duration,
    ) -> anyhow::Result<super::drive::Done> {
        let (hot, clients) = (self.clone(), clients.to_vec());
        drive(load, warm_up, time, move |worker, _| {
            let (hot, client) = (hot.clone(), clients[worker % clients.len()].clone());
            async move {
                match client.reserve_stock(hot.request()).await {
                    Ok(_) => {
                        hot.granted.fetch_add(1, Ordering::Relaxed);
                        Ok(true)
                    }
                    Err(status) if status.code() == Code::FailedPrecondition => {
                        hot.refused.fetch_add(1, Ordering::Relaxed);
                        Ok(false)
                    }
                    Err(status) => Err(refused(status)),
                }
            }
        })
        .await
    }

    async fn position(&self, operator: &Client) -> anyhow::Result<Position> {
        let request =
            GetPositionRequest { sku: self.sku.clone(), node_id: self.node_id.clone(), ..Default::default() };
        let answer = operator.get_position(request).await.map_err(refused)?;
        answer.position.context("an answer without the position")
    }

    async fn leave_only(&self, operator: &Client, units: i64) -> anyhow::Result<()> {
        let available = self.position(operator).await?.available;
        let request = AdjustStockRequest {
            sku: self.sku.clone(),
            node_id: self.node_id.clone(),
            quantity_delta: units - available,
            reason: "the rest is sold elsewhere".to_owned(),
            ..Default::default()
        };
        operator.adjust_stock(request).await.map_err(refused)?;
        Ok(())
    }

    /// Units given that were not there, by the callers' count and by the engine's own.
    async fn oversold(&self, operator: &Client) -> anyhow::Result<i64> {
        let position = self.position(operator).await?;
        let granted = i64::try_from(self.granted.load(Ordering::Relaxed))?;
        ensure!(
            position.reserved == granted,
            "callers were granted {granted} units, the position says {} are reserved",
            position.reserved
        );
        Ok((granted - position.sellable).max(0) + position.over_committed)
    }
}
