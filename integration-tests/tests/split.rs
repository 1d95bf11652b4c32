//! Three processes, each with one service and a directory of its own, serve orders as one engine.

use anyhow::ensure;
use std::net::TcpListener;
use std::path::Path;
use tonic::Code;
use tonic::transport::Channel;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::{Engine, Setting};
use waybill_integration_tests::retailer::{self, Shape, node, order, sku};
use waybill_integration_tests::world::{PATIENCE, from_channel, until};
use waybill_proto::common::v1::{PartitionCursor, ServiceKind};
use waybill_proto::fulfillment::v1 as fulfillment;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::inventory::v1 as inventory;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{GetPositionRequest, Position};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::returns_service_client::ReturnsServiceClient;
use waybill_proto::orders::v1::{
    CreateReturnRequest, Disposition, OrderStatus, PlaceMode, PlaceOrderRequest, PlaceOrderResponse,
    PlaceOutcome, ReceivedUnits, ReturnState, ReturnUnits, WatchOrderRequest,
};

const SERVICES: [&str; 3] = ["orders", "inventory", "fulfillment"];
const ORDERS: usize = 0;
const INVENTORY: usize = 1;
const FULFILLMENT: usize = 2;

/// Addresses that were free a moment ago: each process has to know the others' before any of them runs.
fn addresses() -> anyhow::Result<Vec<String>> {
    let listeners = SERVICES.map(|_| TcpListener::bind("127.0.0.1:0"));
    listeners.into_iter().map(|listener| Ok(listener?.local_addr()?.to_string())).collect()
}

fn settings(dir: &Path, addresses: &[String]) -> Vec<Setting> {
    let setting = |own: usize| {
        let mut setting = Setting::new(&dir.join(SERVICES[own]));
        setting.listen.clone_from(&addresses[own]);
        setting.flags.extend(["--services".to_owned(), SERVICES[own].to_owned()]);
        for other in (0..SERVICES.len()).filter(|other| *other != own) {
            setting
                .flags
                .extend(["--peer".to_owned(), format!("{}=http://{}", SERVICES[other], addresses[other])]);
        }
        setting
    };
    (0..SERVICES.len()).map(setting).collect()
}

async fn place(orders: &Channel, request: PlaceOrderRequest) -> anyhow::Result<PlaceOrderResponse> {
    let mut client = OrdersServiceClient::new(orders.clone());
    Ok(client.place_order(from_channel("web", request)).await?.into_inner())
}

async fn order_at(orders: &Channel, order_id: &str, status: OrderStatus) -> anyhow::Result<()> {
    let request = WatchOrderRequest { order_id: order_id.to_owned(), resume_token: String::new() };
    let mut stream = OrdersServiceClient::new(orders.clone()).watch_order(request).await?.into_inner();
    let watching = async {
        while let Some(message) = stream.message().await? {
            if message.status() == status {
                return Ok(());
            }
        }
        anyhow::bail!("the stream of {order_id} ended")
    };
    tokio::time::timeout(PATIENCE, watching).await?
}

async fn position(inventory: &Channel) -> anyhow::Result<Position> {
    let request = GetPositionRequest { sku: sku(0), node_id: node(0), ..Default::default() };
    let answer = InventoryServiceClient::new(inventory.clone()).get_position(request).await?.into_inner();
    Ok(answer.position.unwrap_or_default())
}

/// What each process of stock and of nodes tells of an order in its own feed, by the type of the event that ends it there.
async fn feeds_tell(inventory: &Channel, fulfillment: &Channel, order_id: &str) -> anyhow::Result<()> {
    let (cursors, order_id) = (vec![PartitionCursor::default()], order_id.to_owned());
    let event_types = vec!["UnitsConsumed".to_owned()];
    let of_stock = inventory::WatchChangesRequest {
        cursors: cursors.clone(),
        order_id: order_id.clone(),
        event_types,
        ..Default::default()
    };
    let mut stock =
        InventoryServiceClient::new(inventory.clone()).watch_changes(of_stock).await?.into_inner();
    let event_types = vec!["Delivered".to_owned()];
    let of_work = fulfillment::WatchChangesRequest {
        cursors,
        order_id: order_id.clone(),
        event_types,
        ..Default::default()
    };
    let mut work =
        FulfillmentServiceClient::new(fulfillment.clone()).watch_changes(of_work).await?.into_inner();
    let told = async {
        let stock = stock.message().await?.and_then(|message| message.event);
        let work = work.message().await?.and_then(|message| message.event);
        anyhow::Ok([stock.unwrap_or_default(), work.unwrap_or_default()])
    };
    let [stock, work] = tokio::time::timeout(PATIENCE, told).await??;
    ensure!(stock.order_id == order_id && stock.service() == ServiceKind::Inventory, "{stock:?}");
    ensure!(work.order_id == order_id && work.service() == ServiceKind::Fulfillment, "{work:?}");
    Ok(())
}

/// Goods come back to a node that only another process knows.
async fn comes_back(orders: &Channel, order_id: &str) -> anyhow::Result<()> {
    let mut returns = ReturnsServiceClient::new(orders.clone());
    let back = |node: String| CreateReturnRequest {
        request_id: format!("back to {node}"),
        order_id: order_id.to_owned(),
        lines: vec![ReturnUnits { line_number: 2, quantity: 1, why: String::new() }],
        received: vec![ReceivedUnits {
            line_number: 2,
            quantity: 1,
            disposition: Disposition::Sellable.into(),
            note: String::new(),
        }],
        node_id: node,
        ..Default::default()
    };
    let unknown = returns.create_return(back("nowhere".into())).await.err();
    ensure!(unknown.as_ref().is_some_and(|status| status.code() == Code::NotFound), "{unknown:?}");
    let taken = returns.create_return(back(node(0))).await?.into_inner();
    let back = taken.r#return.unwrap_or_default();
    ensure!(back.state() == ReturnState::Settled && back.lines[0].taken == 1, "{back:?}");
    Ok(())
}

#[tokio::test]
async fn three_processes_serve_an_order_end_to_end_and_outlive_the_loss_of_one() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let settings = settings(dir.path(), &addresses()?);
    let started = futures::future::try_join_all(settings.iter().map(Engine::start)).await?;
    let [orders_process, inventory_process, fulfillment_process] =
        <[Engine; 3]>::try_from(started).map_err(|_| anyhow::anyhow!("three were started"))?;
    let (orders, inventory) = (orders_process.channel().await?, inventory_process.channel().await?);
    let fulfillment = fulfillment_process.channel().await?;
    retailer::open_at(&fulfillment, &inventory, Shape { nodes: 1, items: 2, stock: 10 }).await?;

    // The planner of one process learns the stock of another one in its own time.
    let confirmed = until("an order is confirmed over three processes", || async {
        let request = order("X-1", &[(0, 2), (1, 1)], PlaceMode::Confirm);
        Ok(place(&orders, request).await.ok().filter(|placed| placed.outcome() == PlaceOutcome::Confirmed))
    })
    .await?;
    order_at(&orders, &confirmed.order_id, OrderStatus::Released).await?;
    let mut desk = Desk::new(fulfillment.clone(), &node(0));
    let instruction = desk.next(0).await?;
    ensure!(instruction.order_id == confirmed.order_id, "{instruction:?}");
    ensure!(
        instruction.lines[0].item_name == "item 0",
        "the name comes from another process: {instruction:?}"
    );
    desk.fulfill(&instruction).await?;
    order_at(&orders, &confirmed.order_id, OrderStatus::Delivered).await?;
    feeds_tell(&inventory, &fulfillment, &confirmed.order_id).await?;
    let left = until("what was shipped is gone from stock", || async {
        Ok(Some(position(&inventory).await?).filter(|position| position.reserved == 0))
    })
    .await?;
    ensure!(left.sellable == 8, "{left:?}");
    comes_back(&orders, &confirmed.order_id).await?;

    // Stock is away while an order is accepted; the order goes on when stock is back.
    inventory_process.kill().await?;
    let waiting = place(&orders, order("X-2", &[(0, 3)], PlaceMode::Accept)).await?;
    ensure!(waiting.outcome() == PlaceOutcome::Accepted, "{waiting:?}");
    until("a message to the process that is away grows old", || async {
        let (messages, oldest_ms) = orders_process.outbox().await?;
        Ok((messages > 0 && oldest_ms > 300).then_some(()))
    })
    .await?;
    let inventory_process = Engine::start(&settings[INVENTORY]).await?;
    order_at(&orders, &waiting.order_id, OrderStatus::Released).await?;
    let second = desk.next(instruction.number).await?;
    ensure!(second.order_id == waiting.order_id, "{second:?}");
    let position = position(&inventory_process.channel().await?).await?;
    ensure!((position.sellable, position.reserved) == (8, 3), "{position:?}");
    for (engine, which) in
        [(&orders_process, ORDERS), (&inventory_process, INVENTORY), (&fulfillment_process, FULFILLMENT)]
    {
        engine.settle().await?;
        ensure!(engine.outbox().await? == (0, 0), "what is applied is not under way: {}", SERVICES[which]);
        engine.audit().await.map_err(|error| error.context(SERVICES[which]))?;
    }
    Ok(())
}
