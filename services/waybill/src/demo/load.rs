//! Brings a world into a running engine over the same calls that `waybill import` uses. A refused row is a fault: the
//! fixtures are meant to be whole.

use super::world::World;
use crate::records;
use anyhow::{Context, ensure};
use futures::stream::{StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use std::sync::Arc;
use waybill_client::Client;
use waybill_client::proto::common::v1::{RowOutcome, RowResult};
use waybill_client::proto::fulfillment::v1 as fulfillment;
use waybill_client::proto::inventory::v1::{ImportStockRequest, ItemRow, UpsertItemsRequest};
use waybill_formats::{LaneRecord, NodeRecord, StockRecord};

/// Rows in one call or message, as the contracts allow.
const ROWS: usize = 1_000;
/// Messages in one feed of stock, so that a break repeats little.
const FEED_MESSAGES: usize = 20;
/// Feeds of stock under way at once.
const FEEDS: usize = 4;

/// What was brought in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Places.
    pub(crate) nodes: u64,
    /// Ways between them and to the customers.
    pub(crate) lanes: u64,
    /// Items.
    pub(crate) items: u64,
    /// Stock of one item at one place.
    pub(crate) positions: u64,
}

macro_rules! upsert {
    ($client:expr, $rows:expr, $call:ident, $request:ident, $field:ident, $to:path) => {
        for rows in $rows.chunks(ROWS) {
            let $field = rows.iter().map($to).collect();
            let request = fulfillment::$request { $field, ..Default::default() };
            let answer = $client.$call(request).await.map_err(refused)?;
            all_taken(&answer.results)?;
        }
    };
}

/// Loads network, items and stock. Everything is durable when it answers.
///
/// # Errors
/// A refused row, or a server that is not there.
pub(crate) async fn load(client: &Client, world: &Arc<World>, bar: &ProgressBar) -> anyhow::Result<Loaded> {
    bar.set_message("network");
    load_network(client, world, &world.retailer.nodes).await?;
    bar.set_message("items");
    let items = load_items(client, world).await?;
    bar.set_message("stock");
    let positions = load_stock(client, Arc::clone(world), bar).await?;
    bar.finish_and_clear();
    Ok(Loaded {
        nodes: world.retailer.nodes.len() as u64,
        lanes: world.retailer.lanes.len() as u64,
        items,
        positions,
    })
}

/// Calendars and zones first: nodes and lanes refer to them.
async fn load_network(client: &Client, world: &World, nodes: &[NodeRecord]) -> anyhow::Result<()> {
    let retailer = &world.retailer;
    let lanes: &[LaneRecord] = &retailer.lanes;
    upsert!(
        client,
        retailer.calendars,
        upsert_calendars,
        UpsertCalendarsRequest,
        calendars,
        records::calendar
    );
    upsert!(client, retailer.zones, upsert_zones, UpsertZonesRequest, zones, records::zone);
    upsert!(client, nodes, upsert_nodes, UpsertNodesRequest, nodes, records::node);
    upsert!(client, lanes, upsert_lanes, UpsertLanesRequest, lanes, records::lane);
    Ok(())
}

async fn load_items(client: &Client, world: &World) -> anyhow::Result<u64> {
    let items = world.catalog.items();
    let send = |chunk: &[waybill_fixtures::CatalogItem]| {
        let row = |entry: &waybill_fixtures::CatalogItem| ItemRow {
            item: Some(records::item(&entry.item)),
            expected_revision: 0,
        };
        let request = UpsertItemsRequest { rows: chunk.iter().map(row).collect(), ..Default::default() };
        async move { all_taken(&client.upsert_items(request).await.map_err(refused)?.results) }
    };
    futures::stream::iter(items.chunks(ROWS).map(send)).buffer_unordered(FEEDS).try_collect::<()>().await?;
    Ok(items.len() as u64)
}

async fn load_stock(client: &Client, world: Arc<World>, bar: &ProgressBar) -> anyhow::Result<u64> {
    let (send, receive) = tokio::sync::mpsc::channel(FEEDS);
    let maker = tokio::task::spawn_blocking(move || {
        let mut rows = world.stock().peekable();
        while rows.peek().is_some() {
            let feed: Vec<StockRecord> = rows.by_ref().take(ROWS * FEED_MESSAGES).collect();
            if send.blocking_send(feed).is_err() {
                // A feed was refused; the error is on its way.
                return;
            }
        }
    });
    let feeds = tokio_stream::wrappers::ReceiverStream::new(receive);
    let sent = feeds.map(|feed| async move {
        let rows = feed.len() as u64;
        let answer = client.import_stock(stock_feed(&feed)).await.map_err(refused)?;
        ensure!(answer.refused_count == 0, "stock was refused: {:?}", answer.failures.first());
        bar.inc(rows);
        Ok(rows)
    });
    let positions =
        sent.buffer_unordered(FEEDS).try_fold(0, |sum, rows| async move { Ok(sum + rows) }).await?;
    maker.await.context("the maker of stock rows ended badly")?;
    Ok(positions)
}

fn stock_feed(rows: &[StockRecord]) -> Vec<ImportStockRequest> {
    let message = |rows: &[StockRecord]| ImportStockRequest {
        source: "fixtures".to_owned(),
        reason: "first count".to_owned(),
        rows: rows.iter().map(|row| records::stock_count(row, 1)).collect(),
        ..Default::default()
    };
    rows.chunks(ROWS).map(message).collect()
}

/// Fails on the first refused row, with the server's words.
pub(crate) fn all_taken(results: &[RowResult]) -> anyhow::Result<()> {
    let refused = results.iter().find(|row| row.outcome == i32::from(RowOutcome::Refused));
    match refused {
        None => Ok(()),
        Some(row) => anyhow::bail!("{} was refused: {} {}", row.key, row.error_field, row.error_message),
    }
}

/// A status in words, with the fields at fault.
pub(crate) fn refused(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("{:?}: {}", status.code(), waybill_client::explain(&status))
}
