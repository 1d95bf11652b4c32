//! From the promise to the customer's door.

use anyhow::{Context, ensure};
use std::time::Duration;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{self, Shape, node, order, sku};
use waybill_integration_tests::world::{World, from_channel, until, virtual_clock};
use waybill_proto::common::v1::TimeRange;
use waybill_proto::fulfillment::v1::{
    Basket, BasketLine, Destination, FulfillmentOrderState, GetFulfillmentOrderRequest,
    ListFulfillmentOrdersRequest, PickInstructionKind, PromiseRequest, pick_instruction,
};
use waybill_proto::inventory::v1::{
    GetReservationRequest, ReservationState, ReserveStockRequest, StockQuantity,
};
use waybill_proto::orders::v1::{
    DeliveryMethod, FindOrdersRequest, GetTimelineRequest, OrderStatus, PlaceMode, PlaceOutcome,
};

const ONE_PLACE: Shape = Shape { nodes: 1, items: 2, stock: 10 };

#[tokio::test]
async fn an_order_goes_from_place_to_delivered_and_stock_follows() -> anyhow::Result<()> {
    let world = World::open(ONE_PLACE, Vec::new()).await?;
    let placed = world.place(order("J-1", &[(0, 2), (1, 1)], PlaceMode::Accept)).await?;
    ensure!(placed.outcome() == PlaceOutcome::Accepted, "{placed:?}");
    ensure!(placed.lines.iter().map(|line| line.line_number).eq([1, 2]), "{placed:?}");

    let released = world.order_at(&placed.order_id, OrderStatus::Released).await?;
    ensure!(released.promise.is_some() && released.fulfillment_orders.len() == 1, "{released:?}");
    let position = world.position(0, 0).await?;
    ensure!((position.sellable, position.reserved, position.available) == (10, 2, 8), "{position:?}");

    let mut desk = Desk::new(world.channel(), &node(0));
    let instruction = desk.next(0).await?;
    ensure!((instruction.number, instruction.kind()) == (1, PickInstructionKind::Pick), "{instruction:?}");
    ensure!(instruction.external_order_number == "J-1" && instruction.channel == "web", "{instruction:?}");
    let asked: Vec<_> = instruction.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
    ensure!(asked == [(sku(0), 2), (sku(1), 1)], "{asked:?}");
    let named = instruction.lines.iter().map(|line| line.item_name.as_str());
    ensure!(named.eq(["item 0", "item 1"]) && !instruction.service_level.is_empty(), "{instruction:?}");
    let Some(pick_instruction::Destination::ShipTo(to)) = &instruction.destination else {
        anyhow::bail!("no address: {instruction:?}")
    };
    ensure!(to.address.as_ref().is_some_and(|a| a.city == "Berlin"), "the node has to ask where to");
    ensure!(to.contact.as_ref().is_some_and(|c| c.name == "Ada Example"), "the node has to ask for whom");

    let delivered = desk.fulfill(&instruction).await?;
    ensure!(delivered.state() == FulfillmentOrderState::Delivered, "{delivered:?}");
    let order = world.order_at(&placed.order_id, OrderStatus::Delivered).await?;
    let buckets = order.lines[0].buckets.unwrap_or_default();
    ensure!((buckets.delivered, buckets.open) == (2, 0), "{buckets:?}");
    let work = &order.fulfillment_orders[0];
    ensure!(work.carrier == "test.post" && work.tracking_numbers.len() == 1, "{work:?}");

    world.engine()?.settle().await?;
    let position = world.position(0, 0).await?;
    ensure!((position.sellable, position.reserved) == (8, 0), "what was shipped is gone: {position:?}");
    world.check().await
}

#[tokio::test]
async fn the_timeline_tells_who_did_what_and_the_work_is_found_at_its_node() -> anyhow::Result<()> {
    let world = World::open(ONE_PLACE, Vec::new()).await?;
    let mut request = order("J-2", &[(0, 1)], PlaceMode::Accept);
    request.reason = "ordered by phone".into();
    let placed = world.orders().place_order(from_channel("call_center", request)).await?.into_inner();
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let mut desk = Desk::new(world.channel(), &node(0));
    let instruction = desk.next(0).await?;
    let delivered = desk.fulfill(&instruction).await?;
    let order = world.order_at(&placed.order_id, OrderStatus::Delivered).await?;

    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = GetTimelineRequest {
            order_id: placed.order_id.clone(),
            page_size: 3,
            page_token: page_token.clone(),
            ..Default::default()
        };
        let page = world.orders().get_timeline(request).await?.into_inner();
        ensure!(page.entries.len() <= 3, "a page of {}", page.entries.len());
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ensure!(entries.iter().map(|entry| entry.number).eq(1..=entries.len() as u64), "numbers are dense");
    ensure!(
        entries[0].event_type == "OrderPlaced" && entries[0].channel == "call_center",
        "{:?}",
        entries[0]
    );
    ensure!(entries[0].reason == "ordered by phone", "{:?}", entries[0]);
    ensure!(
        entries.last().is_some_and(|entry| entry.revision == order.revision),
        "the last entry is the present"
    );
    ensure!(entries.is_sorted_by_key(|entry| entry.revision), "revisions go back");
    ensure!(!format!("{entries:?}").contains("Ada"), "a name stands in the timeline");

    let id = delivered.fulfillment_order_id.clone();
    let request = GetFulfillmentOrderRequest { fulfillment_order_id: id, after: String::new() };
    let read = world.fulfillment().get_fulfillment_order(request).await?.into_inner().fulfillment_order;
    ensure!(read.as_ref() == Some(&delivered), "{read:?} is not {delivered:?}");
    let list = |states: Vec<FulfillmentOrderState>| ListFulfillmentOrdersRequest {
        node_id: node(0),
        states: states.into_iter().map(Into::into).collect(),
        ..Default::default()
    };
    let mut client = world.fulfillment();
    let done =
        client.list_fulfillment_orders(list(vec![FulfillmentOrderState::Delivered])).await?.into_inner();
    ensure!(done.fulfillment_orders.len() == 1, "{done:?}");
    let open =
        client.list_fulfillment_orders(list(vec![FulfillmentOrderState::Released])).await?.into_inner();
    ensure!(open.fulfillment_orders.is_empty(), "{open:?}");
    Ok(())
}

#[tokio::test]
async fn a_promise_becomes_a_hold_and_the_hold_the_orders_reservation() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 2, items: 1, stock: 3 }, Vec::new()).await?;
    let line = BasketLine {
        line_number: 1,
        sku: sku(0),
        quantity: 2,
        delivery_method: waybill_proto::fulfillment::v1::DeliveryMethod::ShipHome.into(),
        ..Default::default()
    };
    let destination =
        Destination { country_code: "DE".into(), postal_code: "10115".into(), ..Default::default() };
    let basket = Basket { lines: vec![line], destination: Some(destination), ..Default::default() };
    let request =
        PromiseRequest { basket: Some(basket), journey_id: "journey-1".into(), ..Default::default() };
    let promise = world.fulfillment().promise(request).await?.into_inner();
    let best = promise.options.first().context("nothing can be promised")?;
    ensure!(!best.partial && promise.unplanned.is_empty(), "{promise:?}");
    let plan = best.plan.as_ref().context("an option without a plan")?;
    let window = plan.promise.context("a plan without dates")?;
    ensure!(plan.total_cost.as_ref().is_some_and(|cost| cost.minor_units > 0), "{plan:?}");
    ensure!(world.position(0, 0).await?.reserved == 0, "a promise reserves nothing");

    let lines = plan.assignments.iter().map(|a| StockQuantity {
        sku: sku(0),
        node_id: a.node_id.clone(),
        quantity: a.quantity,
        ..Default::default()
    });
    let hold = ReserveStockRequest {
        request_id: "hold-1".into(),
        lines: lines.collect(),
        ttl_ms: 900_000,
        journey_id: "journey-1".into(),
        ..Default::default()
    };
    let hold = world.inventory().reserve_stock(hold).await?.into_inner().reservation.context("no hold")?;
    ensure!(hold.state() == ReservationState::Held && hold.expire_time.is_some(), "{hold:?}");

    let mut request = order("J-3", &[(0, 2)], PlaceMode::Confirm);
    request.hold_id.clone_from(&hold.reservation_id);
    request.journey_id = "journey-1".into();
    let placed = world.place(request).await?;
    ensure!(placed.outcome() == PlaceOutcome::Confirmed && placed.lines[0].reserved == 2, "{placed:?}");
    let given = placed.promise.context("a confirmed order without dates")?;
    ensure!(
        given.latest.map(|t| t.seconds) >= window.earliest.map(|t| t.seconds),
        "{given:?} before {window:?}"
    );

    // The hold becomes the order's by an effect of the order, just after it is confirmed.
    let held = until("the hold is the order's", || async {
        let reservation_id = hold.reservation_id.clone();
        let request = GetReservationRequest { reservation_id, after: String::new() };
        let found = world.inventory().get_reservation(request).await?.into_inner().reservation;
        Ok(found.filter(|r| r.state() == ReservationState::Committed))
    })
    .await?;
    ensure!(held.order_id == placed.order_id && held.expire_time.is_none(), "{held:?}");
    world.check().await?;
    let reserved = world.position(0, 0).await?.reserved + world.position(0, 1).await?.reserved;
    ensure!(reserved == 2, "held and reserved once, not {reserved}");
    Ok(())
}

#[tokio::test]
async fn an_order_is_released_at_its_stated_time_and_not_before() -> anyhow::Result<()> {
    let world = World::open(ONE_PLACE, virtual_clock()).await?;
    let before = world.place(order("now", &[(0, 1)], PlaceMode::Accept)).await?;
    let now = world.order_at(&before.order_id, OrderStatus::Released).await?.place_time.context("no time")?;
    let mut later = order("later", &[(0, 1)], PlaceMode::Confirm);
    let at = prost_types::Timestamp { seconds: now.seconds + 7_200, nanos: 0 };
    later.release_time = Some(at);
    let placed = world.place(later).await?;
    ensure!(placed.outcome() == PlaceOutcome::Confirmed, "{placed:?}");

    world.advance(Duration::from_secs(7_190)).await?;
    world.engine()?.settle().await?;
    let waiting = world.order(&placed.order_id).await?;
    ensure!(waiting.status() == OrderStatus::Reserved, "released early: {waiting:?}");
    world.advance(Duration::from_secs(20)).await?;
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let instruction = Desk::new(world.channel(), &node(0)).next(1).await?;
    ensure!(instruction.order_id == placed.order_id, "{instruction:?}");
    ensure!(instruction.create_time.is_some_and(|made| made.seconds >= at.seconds), "{instruction:?}");

    // What was placed in the first hour is found by that hour; the other one is too, but not in the hour after.
    let placed = TimeRange {
        earliest: Some(prost_types::Timestamp { seconds: now.seconds + 3_600, nanos: 0 }),
        latest: None,
    };
    let request = FindOrdersRequest { placed: Some(placed), ..Default::default() };
    let found = world.orders().find_orders(request).await?.into_inner();
    ensure!(found.orders.is_empty(), "{found:?}");
    world.check().await
}

#[tokio::test]
async fn a_pickup_waits_at_its_node_until_it_is_handed_over() -> anyhow::Result<()> {
    use waybill_proto::fulfillment::v1::{HandOverRequest, ReadyForPickupRequest};
    let world = World::open(Shape { nodes: 3, items: 1, stock: 5 }, Vec::new()).await?;
    let mut request = order("J-4", &[(0, 2)], PlaceMode::Confirm);
    request.ship_to = None;
    request.lines[0].delivery_method = DeliveryMethod::Pickup.into();
    request.lines[0].pickup_node_id = node(2);
    let placed = world.place(request).await?;
    let mut desk = Desk::new(world.channel(), &node(2));
    let instruction = desk.next(0).await?;
    let Some(pick_instruction::Destination::Pickup(pickup)) = &instruction.destination else {
        anyhow::bail!("not a pickup: {instruction:?}")
    };
    ensure!(pickup.node_id == node(2), "{pickup:?}");
    let id = instruction.fulfillment_order_id.clone();
    let accepted = desk.accept(&id, instruction.revision).await?;
    let picked = desk.pick(&instruction, accepted.revision).await?;
    let refused = desk.ship(&picked).await.err().context("a pickup was shipped")?;
    ensure!(refused.code() == tonic::Code::FailedPrecondition, "{refused:?}");
    let packed = desk.pack(&picked).await?;
    let request = ReadyForPickupRequest {
        request_id: "ready".into(),
        fulfillment_order_id: id.clone(),
        revision: packed.revision,
        shelf: "B-7".into(),
        ..Default::default()
    };
    let ready = world.fulfillment().ready_for_pickup(request).await?.into_inner();
    let ready = ready.fulfillment_order.context("no answer")?;
    ensure!(ready.state() == FulfillmentOrderState::ReadyForPickup, "{ready:?}");
    ensure!(world.position(0, 2).await?.sellable == 5, "it left the building before anybody fetched it");
    let request = HandOverRequest {
        request_id: "hand-over".into(),
        fulfillment_order_id: id,
        revision: ready.revision,
        proof: "code".into(),
        ..Default::default()
    };
    world.fulfillment().hand_over(request).await?;
    world.order_at(&placed.order_id, OrderStatus::Delivered).await?;
    world.check().await?;
    let position = world.position(0, 2).await?;
    ensure!((position.sellable, position.reserved) == (3, 0), "{position:?}");
    let untouched = world.position(0, 1).await?;
    ensure!((untouched.sellable, untouched.reserved) == (5, 0), "{untouched:?} of {}", retailer::node(1));
    Ok(())
}
