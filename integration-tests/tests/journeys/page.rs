//! A product page, before there is a basket: what could be promised, where it can be fetched near by, and that asking
//! leaves nothing behind. What is promised is what an order then gets.

use anyhow::{Context, ensure};
use waybill_integration_tests::retailer::{Shape, node, order, sku};
use waybill_integration_tests::world::World;
use waybill_proto::common::v1::GetStatusRequest;
use waybill_proto::fulfillment::v1::promise_place::Place;
use waybill_proto::fulfillment::v1::{
    Destination, FindNearbyRequest, NearbyItem, PromiseItemRequest, PromiseItemResponse, PromisePlace,
};
use waybill_proto::orders::v1::{OrderStatus, PlaceMode};

const SHAPE: Shape = Shape { nodes: 3, items: 2, stock: 4 };

fn berlin() -> Destination {
    Destination { country_code: "DE".into(), postal_code: "10115".into(), location: None }
}

async fn page(world: &World, quantity: i64, after: &str) -> anyhow::Result<PromiseItemResponse> {
    let places = [Place::Destination(berlin()), Place::PickupNodeId(node(1))];
    let request = PromiseItemRequest {
        sku: sku(0),
        quantity,
        places: places.map(|place| PromisePlace { place: Some(place) }).to_vec(),
        after: after.to_owned(),
        ..Default::default()
    };
    Ok(world.promises().promise_item(request).await?.into_inner())
}

async fn near(world: &World, quantity: i64) -> anyhow::Result<Vec<(String, i64)>> {
    let items = vec![NearbyItem { sku: sku(0), quantity, ..Default::default() }];
    let request = FindNearbyRequest { near: Some(berlin()), items, ..Default::default() };
    let nodes = world.promises().find_nearby(request).await?.into_inner().nodes;
    Ok(nodes.into_iter().map(|node| (node.node_id, node.available_quantities[0])).collect())
}

/// How much every partition has journaled.
async fn journaled(world: &World) -> anyhow::Result<Vec<u64>> {
    let status = world.admin().get_status(GetStatusRequest {}).await?.into_inner();
    Ok(status.partitions.iter().map(|partition| partition.durable_sequence).collect())
}

#[tokio::test]
async fn a_page_promises_what_an_order_then_gets_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    world.engine()?.settle().await?;
    let before = journaled(&world).await?;
    let promised = page(&world, 2, "").await?;
    let shipped = promised.places[0].options.first().context("nothing can be sent")?.clone();
    let fetched = promised.places[1].options.first().context("nothing can be fetched")?;
    ensure!(shipped.assignments[0].node_id == node(0), "{shipped:?}");
    ensure!(fetched.assignments[0].node_id == node(1), "{fetched:?}");
    ensure!(near(&world, 4).await?.len() == 3, "every node has four");
    ensure!(near(&world, 5).await?.is_empty(), "no node has five");
    let more = page(&world, 13, "").await?;
    ensure!(more.places.iter().map(|place| place.unserved_quantity).eq([1, 9]), "{more:?}");
    ensure!(journaled(&world).await? == before, "asking was journaled");

    let placed = world.place(order("PAGE-1", &[(0, 2)], PlaceMode::Confirm)).await?;
    let is = world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let promise = is.lines[0].promise.context("the line has no promise")?;
    let (asked, got) = (shipped.promise.context("no promise")?, promise);
    let day = |at: Option<prost_types::Timestamp>| at.map_or(0, |at| at.seconds / 86_400);
    ensure!(day(asked.latest) == day(got.latest), "{asked:?} was promised, {got:?} is");

    // What the order took is not promised again, after a crash neither.
    for again in ["before a crash", "after it"] {
        let left = near(&world, 1).await?;
        ensure!(left == [(node(0), 2), (node(1), 4), (node(2), 4)], "{left:?} {again}");
        let page = page(&world, 11, "").await?;
        ensure!(page.places.iter().map(|place| place.unserved_quantity).eq([1, 7]), "{page:?} {again}");
        if again == "before a crash" {
            world.crash().await?;
        }
    }
    Ok(())
}
