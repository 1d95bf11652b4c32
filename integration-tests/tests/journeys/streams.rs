//! Streams that break and go on where they were: an order's, the change feed, availability, a node's instructions.

use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{Shape, node, order, receipt, sku};
use waybill_integration_tests::world::{PATIENCE, World};
use waybill_proto::fulfillment::v1::SubscribeInstructionsRequest;
use waybill_proto::inventory::v1::WatchAvailabilityRequest;
use waybill_proto::inventory::v1::watch_availability_response::Change;
use waybill_proto::orders::v1::watch_order_response::Update;
use waybill_proto::orders::v1::{
    GetTimelineRequest, OrderStatus, PlaceMode, WatchChangesRequest, WatchOrderRequest,
};

const SHAPE: Shape = Shape { nodes: 1, items: 1, stock: 50 };

/// The next message of a stream, in time.
async fn next<T>(stream: &mut tonic::Streaming<T>) -> anyhow::Result<T> {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await.context("a silent stream")??;
    message.context("the stream ended")
}

#[tokio::test]
async fn a_watched_order_tells_every_entry_once_even_over_a_crash() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    let placed = world.place(order("W-1", &[(0, 1)], PlaceMode::Accept)).await?;
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let watch = |resume_token: String| WatchOrderRequest { order_id: placed.order_id.clone(), resume_token };
    let mut stream = world.orders().watch_order(watch(String::new())).await?.into_inner();
    let first = next(&mut stream).await?;
    let Some(Update::Order(now)) = &first.update else { bail!("the first message is the order: {first:?}") };
    ensure!(first.revision == now.revision && first.status() == OrderStatus::Released, "{now:?}");

    let mut desk = Desk::new(world.channel(), &node(0));
    let instruction = desk.next(0).await?;
    let picked = desk.pick(&instruction, instruction.revision).await?;
    let second = next(&mut stream).await?;
    let mut token = second.resume_token.clone();
    let mut seen = vec![second];
    world.crash().await?;
    let mut desk = Desk::new(world.channel(), &node(0));
    let packed = desk.pack(&picked).await?;
    let shipped = desk.ship(&packed).await?;
    desk.deliver(&shipped).await?;
    let mut stream = world.orders().watch_order(watch(token.clone())).await?.into_inner();
    loop {
        let message = next(&mut stream).await?;
        token.clone_from(&message.resume_token);
        let done = message.status() == OrderStatus::Delivered;
        seen.push(message);
        if done {
            break;
        }
    }
    let request = GetTimelineRequest { order_id: placed.order_id.clone(), ..Default::default() };
    let entries = world.orders().get_timeline(request).await?.into_inner().entries;
    let told = seen.iter().filter_map(|message| match &message.update {
        Some(Update::Entry(entry)) => Some(entry.clone()),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    ensure!(told.len() == seen.len(), "a resumed stream does not begin with the order again");
    let first_told = told[0].number as usize;
    ensure!(entries[first_told - 1..][..told.len()] == told, "{told:?} is not {entries:?}");
    let last = token;
    let mut quiet = world.orders().watch_order(watch(last)).await?.into_inner();
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), quiet.message()).await;
    ensure!(more.is_err(), "nothing happened and the stream said {more:?}");
    Ok(())
}

#[tokio::test]
async fn the_change_feed_goes_on_where_it_was_left_and_names_nobody() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    let mut stream = {
        let request = WatchChangesRequest { cursors: vec![Default::default()], ..Default::default() };
        world.orders().watch_changes(request).await?.into_inner()
    };
    let placed = world.place(order("W-2", &[(0, 1)], PlaceMode::Accept)).await?;
    let first = next(&mut stream).await?;
    let event = first.event.context("a message without an event")?;
    ensure!(event.event_type == "OrderPlaced" && event.order_id == placed.order_id, "{event:?}");
    ensure!(event.channel == "web" && event.payload_json.starts_with('{'), "{event:?}");
    drop(stream);

    for index in 0..10 {
        world.place(order(&format!("W-2-{index}"), &[(0, 1)], PlaceMode::Accept)).await?;
    }
    world.crash().await?;
    let request = WatchChangesRequest { resume_token: first.resume_token, ..Default::default() };
    let mut stream = world.orders().watch_changes(request).await?.into_inner();
    let mut last: BTreeMap<u32, u64> = BTreeMap::from([(event.partition, event.sequence)]);
    let mut placed = 0;
    let mut released = 0;
    while placed < 10 || released < 11 {
        let event = next(&mut stream).await?.event.context("a message without an event")?;
        let before = last.insert(event.partition, event.sequence).unwrap_or(0);
        ensure!(event.sequence >= before, "{event:?} came after {before}");
        ensure!(!event.payload_json.contains("Ada") && !event.payload_json.contains("Teststra"), "{event:?}");
        placed += usize::from(event.event_type == "OrderPlaced");
        released += usize::from(event.event_type.contains("Released"));
    }
    ensure!(placed == 10, "{placed} orders were placed after the token");
    Ok(())
}

#[tokio::test]
async fn watched_availability_begins_with_what_is_and_resumes_with_what_changed() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 2, items: 3, stock: 7 }, Vec::new()).await?;
    let request = WatchAvailabilityRequest { skus: vec![sku(1)], resume_token: String::new() };
    let mut stream = world.inventory().watch_availability(request).await?.into_inner();
    let mut known = BTreeMap::new();
    let token = loop {
        let message = next(&mut stream).await?;
        match message.change.context("an empty message")? {
            Change::Availability(change) => {
                let at = change.node.context("a change without a node")?;
                ensure!(change.sku == sku(1), "{} was not asked for", change.sku);
                known.insert(at.node_id, at.available);
            }
            Change::SnapshotComplete(end) => {
                ensure!(end.position_count == 2, "{end:?}");
                break message.resume_token;
            }
        }
    };
    ensure!(known == BTreeMap::from([(node(0), 7), (node(1), 7)]), "{known:?}");

    world.crash().await?;
    world.inventory().receive_stock(receipt("other", 0, 0, 1)).await?;
    world.inventory().receive_stock(receipt("more", 1, 1, 4)).await?;
    let request = WatchAvailabilityRequest { skus: vec![sku(1)], resume_token: token.clone() };
    let mut stream = world.inventory().watch_availability(request).await?.into_inner();
    let message = next(&mut stream).await?;
    let Some(Change::Availability(change)) = message.change else { bail!("no change: {message:?}") };
    let at = change.node.context("a change without a node")?;
    ensure!((at.node_id.as_str(), at.available) == ("node-1", 11), "{at:?}");

    let foreign = WatchAvailabilityRequest { skus: vec![sku(2)], resume_token: token };
    let refused = match world.inventory().watch_availability(foreign).await {
        Err(status) => status,
        Ok(stream) => {
            next(&mut stream.into_inner()).await.err().context("a foreign token was taken")?.downcast()?
        }
    };
    ensure!(refused.code() == tonic::Code::InvalidArgument, "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_node_that_comes_back_gets_every_instruction_it_has_not_taken() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    let mut placed = Vec::new();
    for index in 0..6 {
        placed.push(world.place(order(&format!("I-{index}"), &[(0, 1)], PlaceMode::Accept)).await?.order_id);
    }
    let ask = |after_number, resume_token: &str| SubscribeInstructionsRequest {
        node_id: node(0),
        after_number,
        resume_token: resume_token.to_owned(),
    };
    let mut stream = world.fulfillment().subscribe_instructions(ask(0, "")).await?.into_inner();
    let (one, two) = (next(&mut stream).await?, next(&mut stream).await?);
    world.crash().await?;
    let mut resumed =
        world.fulfillment().subscribe_instructions(ask(0, &two.resume_token)).await?.into_inner();
    let mut counted = world.fulfillment().subscribe_instructions(ask(2, "")).await?.into_inner();
    let mut orders =
        vec![one.instruction.context("empty")?.order_id, two.instruction.context("empty")?.order_id];
    for number in 3..=6 {
        let by_token = next(&mut resumed).await?.instruction.context("empty")?;
        let by_number = next(&mut counted).await?.instruction.context("empty")?;
        ensure!(by_token == by_number && by_token.number == number, "{by_token:?}, {by_number:?}");
        orders.push(by_token.order_id);
    }
    orders.sort();
    placed.sort();
    ensure!(orders == placed, "{orders:?} were instructed, {placed:?} placed");
    world.check().await
}
