//! Stock that is posted before its node is known to the network: kept, shown, and promised once the node is there.

use anyhow::ensure;
use waybill_integration_tests::retailer::{Shape, node, order, receipt, sku};
use waybill_integration_tests::world::{World, until};
use waybill_proto::common::v1::{Money, RowOutcome};
use waybill_proto::fulfillment::v1::{
    Lane, LaneCost, Node, NodeCapabilities, NodeKind, UpsertLanesRequest, UpsertNodesRequest, lane,
};
use waybill_proto::inventory::v1::GetAvailabilityRequest;
use waybill_proto::orders::v1::{PlaceMode, PlaceOutcome};

/// A second node of the retailer, with a lane to the zone that is there.
async fn open_second(world: &World) -> anyhow::Result<()> {
    let row = Node {
        node_id: node(1),
        kind: NodeKind::Store.into(),
        time_zone: "Europe/Berlin".into(),
        capabilities: Some(NodeCapabilities { ships: true, pickup: true, accepts_returns: true }),
        ..Default::default()
    };
    let request = UpsertNodesRequest { request_id: "second".into(), reason: String::new(), nodes: vec![row] };
    let taken = world.network().upsert_nodes(request).await?.into_inner().results;
    ensure!(taken[0].outcome() == RowOutcome::Created, "the stock at it is in nobody's way: {taken:?}");
    let base = Some(Money { currency_code: "EUR".into(), minor_units: 500 });
    let row = Lane {
        lane_id: "second".into(),
        from_node_id: node(1),
        to: Some(lane::To::ToZoneId("de".into())),
        carrier_service: "standard".into(),
        cost: Some(LaneCost { base, per_kg: None }),
        transit_days: 1,
        ..Default::default()
    };
    let request = UpsertLanesRequest { request_id: "second".into(), reason: String::new(), lanes: vec![row] };
    let taken = world.network().upsert_lanes(request).await?.into_inner().results;
    ensure!(taken[0].outcome() == RowOutcome::Created, "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn stock_that_came_before_its_node_is_shown_at_once_and_sold_when_the_node_is_known()
-> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 1, items: 1, stock: 1 }, Vec::new()).await?;
    world.inventory().receive_stock(receipt("early", 0, 1, 9)).await?;
    let request = GetAvailabilityRequest { sku: sku(0), ..Default::default() };
    let shown = world.inventory().get_availability(request).await?.into_inner();
    let shown = shown.availability.unwrap_or_default();
    let at_second = shown.nodes.iter().find(|at| at.node_id == node(1));
    ensure!(at_second.is_some_and(|at| at.available == 9), "{shown:?}");
    world.check().await?;

    let refused = world.place(order("E-1", &[(0, 5)], PlaceMode::Confirm)).await;
    ensure!(refused.is_err(), "nothing goes out from a node that is not there: {refused:?}");
    open_second(&world).await?;
    let confirmed = until("an order is confirmed from the second node", || async {
        Ok(world.place(order("E-2", &[(0, 5)], PlaceMode::Confirm)).await.ok())
    })
    .await?;
    ensure!(confirmed.outcome() == PlaceOutcome::Confirmed, "{confirmed:?}");
    world.check().await
}
