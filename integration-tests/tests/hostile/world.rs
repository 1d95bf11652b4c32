//! A world that holds one of everything the requests are about.

use super::sound::{Changes, Facts, message, method, path, policy};
use anyhow::{Context, bail};
use bytes::Bytes;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{Shape, node, order, sku};
use waybill_integration_tests::world::{World, virtual_clock};
use waybill_proto::common::v1::GetStatusRequest;
use waybill_proto::fulfillment::v1::{GetNetworkVersionRequest, PickInstruction};
use waybill_proto::inventory::v1::{ListItemsRequest, ReserveStockRequest, StockQuantity};
use waybill_proto::orders::v1::{DeliveryMethod, FindOrdersRequest, OrderStatus, PlaceMode};

const SHAPE: Shape = Shape { nodes: 2, items: 3, stock: 20 };

/// Long after everything else in the test.
const LATER: prost_types::Timestamp = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };

pub(crate) async fn open() -> anyhow::Result<(World, Facts)> {
    let world = World::open(SHAPE, virtual_clock()).await?;
    let (released_order, shipment) = work(&world, "released", None).await?;
    let (_, pickup) = work(&world, "fetched", Some(1)).await?;
    let (_, unwanted) = work(&world, "unwanted", None).await?;
    let mut later = order("later", &[(0, 2)], PlaceMode::Confirm);
    later.release_time = Some(LATER);
    let later_order = world.place(later).await?.order_id;

    let mut desk = Desk::new(world.channel(), &node(1));
    let id = pickup.fulfillment_order_id.clone();
    let accepted = desk.accept(&id, pickup.revision).await?;
    let picked = desk.pick(&pickup, accepted.revision).await?;
    let packed = desk.pack(&picked).await?;
    for link in super::people::links() {
        ask(&world, "customers.v1.CustomersService.LinkIdentity", link).await?;
    }
    let facts = Facts {
        released_order,
        later_order,
        hold: hold(&world, "one").await?,
        other_hold: hold(&world, "other").await?,
        shipment: (shipment.fulfillment_order_id, shipment.revision),
        pickup: (packed.fulfillment_order_id, packed.revision),
        unwanted: (unwanted.fulfillment_order_id, unwanted.revision),
        directory: world.dir().join("backup").display().to_string(),
        changes: changes(&world).await?,
    };
    world.engine()?.settle().await?;
    Ok((world, facts))
}

/// Orders that are changed, held and sent back.
async fn changes(world: &World) -> anyhow::Result<Changes> {
    let set = json!({"requestId": "open", "policy": policy()});
    ask(world, "orders.v1.OrderPolicyService.SetOrderPolicy", set).await?;
    let mut changes = Changes::default();
    for number in ["amended", "waiting", "held"] {
        let mut request = order(number, &[(0, 2)], PlaceMode::Confirm);
        request.release_time = Some(LATER);
        if number == "held" {
            request.hold_types = vec!["manual".into()];
        }
        let id = world.place(request).await?.order_id;
        world.order_at(&id, OrderStatus::Reserved).await?;
        // Until its node has taken the work, the order goes on changing.
        world.engine()?.settle().await?;
        let reserved = world.order_at(&id, OrderStatus::Reserved).await?;
        match number {
            "amended" => changes.amended = (id, reserved.revision),
            "held" => changes.held = id,
            _ => {
                let amounts = json!({"unitPrice": eur(1), "total": eur(2)});
                let amend = json!({"requestId": "open", "orderId": id, "expectedRevision": reserved.revision,
                    "changes": [{"setPrice": {"lineNumber": 1, "amounts": amounts}}]});
                ask(world, "orders.v1.AmendmentsService.AmendOrder", amend).await?;
                changes.waiting = (id, 1);
            }
        }
    }
    let mut stuck = order("stuck", &[(0, 1)], PlaceMode::Accept);
    stuck.lines[0].delivery_method = DeliveryMethod::Pickup.into();
    stuck.lines[0].pickup_node_id = "nowhere".into();
    stuck.ship_to = None;
    changes.stuck = world.place(stuck).await?.order_id;
    world.order_at(&changes.stuck, OrderStatus::Backordered).await?;
    let line = json!({"sku": "SKU-000", "quantity": 9, "deliveryMethod": "DELIVERY_METHOD_SHIP_HOME",
        "amounts": {"unitPrice": eur(100), "total": eur(900)}});
    let finished = json!({"channel": "store", "externalOrderNumber": "delivered", "placeTime": "2026-01-04T00:00:00Z",
        "lines": [{"line": line, "buckets": {"delivered": 9}}], "amounts": {"total": eur(900)}});
    let import = json!({"requestId": "open", "orders": [finished]});
    ask(world, "orders.v1.OrdersService.ImportOrders", import).await?;
    let request = FindOrdersRequest { external_order_number: "delivered".into(), ..Default::default() };
    let found = world.orders().find_orders(request).await?.into_inner().orders;
    changes.delivered = found.first().context("it was not imported")?.order_id.clone();
    changes.asked_back = ask_back(world, &changes.delivered, 1).await?;
    changes.coming_back = ask_back(world, &changes.delivered, 2).await?;
    let yes = json!({"requestId": "open", "returnId": changes.coming_back, "authorize": true});
    ask(world, "orders.v1.ReturnsService.DecideReturn", yes).await?;
    Ok(changes)
}

fn eur(minor_units: i64) -> Value {
    json!({"currencyCode": "EUR", "minorUnits": minor_units})
}

async fn ask_back(world: &World, order_id: &str, quantity: i64) -> anyhow::Result<String> {
    let request = json!({"requestId": format!("open-{quantity}"), "orderId": order_id,
        "lines": [{"lineNumber": 1, "quantity": quantity}]});
    let answer = ask(world, "orders.v1.ReturnsService.CreateReturn", request).await?;
    let back = answer.get_field_by_name("return").context("no return")?;
    let id = back.as_message().and_then(|back| back.get_field_by_name("return_id"));
    id.and_then(|id| id.as_str().map(ToOwned::to_owned)).context("no id")
}

/// Sends a sound request and reads the answer.
async fn ask(world: &World, name: &str, request: Value) -> anyhow::Result<DynamicMessage> {
    let pool = DescriptorPool::decode(waybill_proto::FILE_DESCRIPTOR_SET)?;
    let method = method(&pool, name)?;
    let request = message(&method, &request)?.encode_to_vec().into();
    match super::raw::call(&world.channel(), &path(&method), "operator", request, None).await {
        super::raw::Outcome::Answered(answer) => Ok(DynamicMessage::decode(method.output(), answer)?),
        other => bail!("{name}: {other:?}"),
    }
}

/// An order of one unit, of two where it is fetched, and its instruction.
async fn work(
    world: &World,
    number: &str,
    fetched_at: Option<usize>,
) -> anyhow::Result<(String, PickInstruction)> {
    let units = if fetched_at.is_some() { 2 } else { 1 };
    let mut request = order(number, &[(0, units)], PlaceMode::Confirm);
    if let Some(place) = fetched_at {
        request.lines[0].delivery_method = DeliveryMethod::Pickup.into();
        request.lines[0].pickup_node_id = node(place);
        request.ship_to = None;
    }
    let order_id = world.place(request).await?.order_id;
    let released = world.order_at(&order_id, OrderStatus::Released).await?;
    let work = released.fulfillment_orders.first().context("no work")?;
    let mut desk = Desk::new(world.channel(), &work.node_id);
    let mut instruction = desk.next(0).await?;
    while instruction.order_id != order_id {
        instruction = desk.next(instruction.number).await?;
    }
    Ok((order_id, instruction))
}

async fn hold(world: &World, request_id: &str) -> anyhow::Result<String> {
    let claim = StockQuantity { sku: sku(1), node_id: node(0), quantity: 2, ..Default::default() };
    let request = ReserveStockRequest {
        request_id: request_id.into(),
        lines: vec![claim],
        ttl_ms: 86_400_000,
        ..Default::default()
    };
    let answer = world.inventory().reserve_stock(request).await?.into_inner();
    Ok(answer.reservation.context("no reservation")?.reservation_id)
}

/// Where the journal of each partition stands. Calls that were answered are in it.
pub(crate) async fn sequences(world: &World) -> anyhow::Result<BTreeMap<(i32, u32), u64>> {
    let status = world.admin().get_status(GetStatusRequest {}).await?.into_inner();
    Ok(status.partitions.iter().map(|p| ((p.service, p.partition), p.durable_sequence)).collect())
}

/// Keeps the revisions of the work that the sound requests are about.
pub(crate) fn follow(facts: &mut Facts, method: &MethodDescriptor, answer: &Bytes) -> anyhow::Result<()> {
    let answer = DynamicMessage::decode(method.output(), answer.clone())?;
    let Some(order) = answer.get_field_by_name("fulfillment_order") else { return Ok(()) };
    let Some(order) = order.as_message() else { return Ok(()) };
    let id =
        order.get_field_by_name("fulfillment_order_id").context("no id")?.as_str().map(ToOwned::to_owned);
    let revision = order.get_field_by_name("revision").context("no revision")?.as_u64().unwrap_or_default();
    for work in [&mut facts.shipment, &mut facts.pickup, &mut facts.unwanted] {
        if Some(&work.0) == id.as_ref() {
            work.1 = revision;
        }
    }
    Ok(())
}

/// What the world holds, in words: for what a journal that grew does not tell.
pub(crate) async fn holdings(world: &World) -> anyhow::Result<String> {
    world.engine()?.settle().await?;
    let network =
        world.network().get_network_version(GetNetworkVersionRequest::default()).await?.into_inner();
    let items = world.inventory().list_items(ListItemsRequest::default()).await?.into_inner();
    let request = FindOrdersRequest { channel: "web".into(), ..Default::default() };
    let mut orders = world.orders().find_orders(request).await?.into_inner().orders;
    // An order to confirm that was refused is on record.
    orders.retain(|order| order.status() != OrderStatus::Refused);
    let mut told = format!("{network:?}\n{items:?}\n{orders:?}\n");
    for item in 0..SHAPE.items {
        for place in 0..SHAPE.nodes {
            told.push_str(&format!("{:?}\n", world.position(item, place).await?));
        }
    }
    Ok(told)
}
