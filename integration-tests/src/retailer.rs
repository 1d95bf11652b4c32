//! A small retailer for tests: a few nodes, one zone, a few items, little stock.

use anyhow::ensure;
use tonic::transport::Channel;
use waybill_proto::common::v1::{Address, Contact, GeoPoint, Money, RowOutcome, RowResult};
use waybill_proto::fulfillment::v1::network_service_client::NetworkServiceClient;
use waybill_proto::fulfillment::v1::{
    Lane, LaneCost, Node, NodeCapabilities, NodeKind, PostalArea, UpsertLanesRequest, UpsertNodesRequest,
    UpsertZonesRequest, Zone, lane,
};
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{
    Item, ItemRow, ReceiveStockRequest, StockCondition, Unit, UpsertItemsRequest,
};
use waybill_proto::orders::v1::{
    BackorderPolicy, DeliveryMethod, LineAmounts, OrderAmounts, PlaceLine, PlaceMode, PlaceOrderRequest,
};

/// How big it is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Nodes; the first is a central warehouse.
    pub nodes: usize,
    /// Items.
    pub items: usize,
    /// Units of each item at each node.
    pub stock: i64,
}

/// The code of a node.
#[must_use]
pub fn node(index: usize) -> String {
    format!("node-{index}")
}

/// The code of an item.
#[must_use]
pub fn sku(index: usize) -> String {
    format!("SKU-{index:03}")
}

fn money(minor_units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".into(), minor_units })
}

fn all_taken(results: &[RowResult]) -> anyhow::Result<()> {
    let refused = results.iter().find(|row| row.outcome() == RowOutcome::Refused);
    ensure!(refused.is_none(), "a row was refused: {refused:?}");
    Ok(())
}

/// Opens the retailer; safe to repeat.
///
/// # Errors
/// The engine refused something.
pub async fn open(channel: &Channel, shape: Shape) -> anyhow::Result<()> {
    open_at(channel, channel, shape).await
}

/// Opens the retailer where the network and the stock are kept by two processes; safe to repeat.
///
/// # Errors
/// The engine refused something.
pub async fn open_at(fulfillment: &Channel, inventory: &Channel, shape: Shape) -> anyhow::Result<()> {
    network(fulfillment, shape).await?;
    let mut inventory = InventoryServiceClient::new(inventory.clone());
    let rows = (0..shape.items).map(|index| ItemRow { item: Some(item(index)), expected_revision: 0 });
    let request =
        UpsertItemsRequest { request_id: "open-items".into(), reason: String::new(), rows: rows.collect() };
    all_taken(&inventory.upsert_items(request).await?.into_inner().results)?;
    for item in 0..shape.items {
        for place in 0..shape.nodes {
            let request = receipt(&format!("open-stock-{item}-{place}"), item, place, shape.stock);
            inventory.receive_stock(request).await?;
        }
    }
    Ok(())
}

/// A receipt of sellable stock.
#[must_use]
pub fn receipt(request_id: &str, item: usize, place: usize, quantity: i64) -> ReceiveStockRequest {
    ReceiveStockRequest {
        request_id: request_id.into(),
        sku: sku(item),
        node_id: node(place),
        quantity,
        condition: StockCondition::Sellable.into(),
        ..Default::default()
    }
}

fn item(index: usize) -> Item {
    Item {
        sku: sku(index),
        name: format!("item {index}"),
        unit: Unit::Piece.into(),
        weight_g: 250,
        ..Default::default()
    }
}

async fn network(channel: &Channel, shape: Shape) -> anyhow::Result<()> {
    let mut network = NetworkServiceClient::new(channel.clone());
    let areas = vec![PostalArea { country_code: "DE".into(), postal_prefixes: Vec::new() }];
    let zone = Zone { zone_id: "de".into(), name: "Germany".into(), areas, ..Default::default() };
    let request =
        UpsertZonesRequest { request_id: "open-zones".into(), reason: String::new(), zones: vec![zone] };
    all_taken(&network.upsert_zones(request).await?.into_inner().results)?;
    let nodes = (0..shape.nodes).map(a_node).collect();
    let request = UpsertNodesRequest { request_id: "open-nodes".into(), reason: String::new(), nodes };
    all_taken(&network.upsert_nodes(request).await?.into_inner().results)?;
    let lanes = (0..shape.nodes).map(a_lane).collect();
    let request = UpsertLanesRequest { request_id: "open-lanes".into(), reason: String::new(), lanes };
    all_taken(&network.upsert_lanes(request).await?.into_inner().results)
}

fn a_node(index: usize) -> Node {
    let kind = if index == 0 { NodeKind::CentralWarehouse } else { NodeKind::Store };
    Node {
        node_id: node(index),
        kind: kind.into(),
        name: format!("node {index}"),
        address: Some(Address {
            country_code: "DE".into(),
            postal_code: "10115".into(),
            ..Default::default()
        }),
        location: Some(GeoPoint {
            latitude_degrees_e6: 52_520_000,
            longitude_degrees_e6: 13_400_000 + index as i64,
        }),
        time_zone: "Europe/Berlin".into(),
        handling_ms: 3_600_000,
        handling_cost: money(100 + index as i64),
        unit_handling_cost: money(20),
        capabilities: Some(NodeCapabilities { ships: true, pickup: true, accepts_returns: true }),
        ..Default::default()
    }
}

fn a_lane(index: usize) -> Lane {
    Lane {
        lane_id: format!("lane-{index}"),
        from_node_id: node(index),
        to: Some(lane::To::ToZoneId("de".into())),
        carrier_service: "standard".into(),
        cost: Some(LaneCost { base: money(400 + index as i64), per_kg: money(50) }),
        transit_days: 2,
        ..Default::default()
    }
}

/// An order of some items, to be shipped. `lines` are (item, quantity).
#[must_use]
pub fn order(number: &str, lines: &[(usize, i64)], mode: PlaceMode) -> PlaceOrderRequest {
    const PRICE: i64 = 1_999;
    let total: i64 = lines.iter().map(|(_, quantity)| PRICE * quantity).sum();
    let lines = lines.iter().map(|(item, quantity)| PlaceLine {
        sku: sku(*item),
        quantity: *quantity,
        delivery_method: DeliveryMethod::ShipHome.into(),
        amounts: Some(LineAmounts {
            unit_price: money(PRICE),
            subtotal: money(PRICE * quantity),
            total: money(PRICE * quantity),
            ..Default::default()
        }),
        ..Default::default()
    });
    PlaceOrderRequest {
        request_id: format!("place-{number}"),
        mode: mode.into(),
        external_order_number: number.into(),
        contact: Some(Contact {
            name: "Ada Example".into(),
            phone: "+49 30 5550100".into(),
            email: "ada@example.com".into(),
            ..Contact::default()
        }),
        ship_to: Some(Address {
            name: "Ada Example".into(),
            street_lines: vec!["Teststraße 1".into()],
            city: "Berlin".into(),
            postal_code: "10115".into(),
            country_code: "DE".into(),
            ..Default::default()
        }),
        lines: lines.collect(),
        amounts: Some(OrderAmounts { total: money(total), tax_included: true, ..Default::default() }),
        backorder_policy: match mode {
            PlaceMode::Confirm => BackorderPolicy::Forbid.into(),
            PlaceMode::Accept | PlaceMode::Unspecified => BackorderPolicy::Allow.into(),
        },
        ..Default::default()
    }
}
