//! Who brings a planner's view of stock up to the stock's owners: by this process's own copies, or, where inventory runs in
//! other processes, by asking one of them and waiting until their stream has brought as much.

use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tonic::transport::Channel;
use waybill_fulfillment_service::FreshStock;
use waybill_inventory::Inventory;
use waybill_mirror::{Mirror, Stock};
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{Availability, BatchGetAvailabilityRequest};
use waybill_replica::Partitions;
use waybill_service_kit::PlannerError;
use waybill_types::exchange::PlanRequest;
use waybill_types::{Layout, OwnerId, PartitionId, Sku};

/// Over copies of all stock in this process, which tell the view of each change as they apply it.
pub(crate) struct Copies {
    /// The copies.
    pub(crate) stock: Partitions<Inventory>,
    /// Where SKUs are at home.
    pub(crate) layout: Layout,
}

impl FreshStock for Copies {
    fn catch_up<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<(), PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            let homes: BTreeSet<PartitionId> =
                request.lines.iter().map(|line| self.layout.sku_home(&line.sku)).collect();
            let caught_up = homes.into_iter().map(|home| self.stock.of(home).catch_up());
            let caught_up = try_join_all(caught_up).await;
            caught_up.map(|_| ()).map_err(|failure| PlannerError::Unavailable(format!("stock: {failure}")))
        })
    }
}

/// How long the stream may take to bring what was answered; then the order asks again later.
const BROUGHT_WITHIN: Duration = Duration::from_secs(5);

/// Over a view that a stream of another process feeds.
pub(crate) struct Streamed {
    /// The way to processes that run inventory.
    pub(crate) channel: Channel,
    /// The view.
    pub(crate) view: Mirror,
}

impl Streamed {
    /// What the owners have of what is asked for.
    async fn asked(&self, request: &PlanRequest) -> Result<Vec<Availability>, PlannerError> {
        let mut by_owner: BTreeMap<&OwnerId, BTreeSet<&Sku>> = BTreeMap::new();
        for line in &request.lines {
            by_owner.entry(&line.owner).or_default().insert(&line.sku);
        }
        let asked = by_owner.into_iter().map(|(owner, skus)| {
            let request = BatchGetAvailabilityRequest {
                skus: skus.into_iter().map(ToString::to_string).collect(),
                owner: owner.to_string(),
                include_nodes: true,
                ..Default::default()
            };
            let mut client = InventoryServiceClient::new(self.channel.clone());
            async move { client.batch_get_availability(request).await }
        });
        let away = |status: tonic::Status| {
            PlannerError::Unavailable(format!("stock: {:?}, {}", status.code(), status.message()))
        };
        let answers = try_join_all(asked).await.map_err(away)?;
        Ok(answers.into_iter().flat_map(|answer| answer.into_inner().availabilities).collect())
    }

    /// Waits until the view has all of it.
    async fn brought(&self, mut missing: Vec<Availability>) -> Result<(), PlannerError> {
        let mut changes = self.view.changes();
        loop {
            let mut late = Vec::new();
            for asked in missing {
                if !self.has(&asked)? {
                    late.push(asked);
                }
            }
            if late.is_empty() {
                return Ok(());
            }
            missing = late;
            if changes.changed().await.is_err() {
                return Err(PlannerError::Unavailable("nobody tells of stock any more".into()));
            }
        }
    }

    /// Whether the view has it, or something newer.
    fn has(&self, asked: &Availability) -> Result<bool, PlannerError> {
        if asked.unknown {
            return Ok(true);
        }
        let strange =
            |invalid: waybill_types::Invalid| PlannerError::Unavailable(format!("stock: {invalid}"));
        let sku = Sku::new(&asked.sku).map_err(strange)?;
        let owner = OwnerId::new(&asked.owner).map_err(strange)?;
        Ok(self.view.stock(&sku, &owner).is_some_and(|stock| is_as_new(&stock, asked)))
    }
}

/// Positions of one version may come one after the other: of the version that was answered, all must be there.
fn is_as_new(stock: &Stock, asked: &Availability) -> bool {
    let same = || {
        let mut nodes = stock.nodes.iter().zip(&asked.nodes);
        stock.nodes.len() == asked.nodes.len()
            && nodes.all(|(here, there)| {
                let figures = &here.figures;
                here.node.as_str() == there.node_id
                    && figures.sellable.as_i64() == there.sellable
                    && figures.reserved.as_i64() == there.reserved
                    && figures.safety_stock.as_i64() == there.safety_stock
            })
    };
    stock.version > asked.version || (stock.version == asked.version && same())
}

impl FreshStock for Streamed {
    fn catch_up<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<(), PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            let missing = self.asked(request).await?;
            let late = |_| Err(PlannerError::Unavailable("stock here is older than its owners'".into()));
            tokio::time::timeout(BROUGHT_WITHIN, self.brought(missing)).await.unwrap_or_else(late)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_mirror::{Figures, ItemChange, StockChange};
    use waybill_types::exchange::{AskedFor, Delivery, PlanLine};
    use waybill_types::{LineNo, NodeId, OrderId, Quantity, Text, Timestamp};

    fn line(sku: &str) -> PlanLine {
        PlanLine {
            line: LineNo(1),
            sku: Sku::new(sku).unwrap(),
            owner: OwnerId::main(),
            quantity: Quantity::ONE,
            delivery: Delivery::Ship,
        }
    }

    fn question(skus: &[&str]) -> PlanRequest {
        PlanRequest {
            lines: skus.iter().map(|sku| line(sku)).collect(),
            destination: None,
            now: Timestamp::ZERO,
            release_at: Timestamp::ZERO,
            excluded: Vec::new(),
            pinned: Vec::new(),
            own: Vec::new(),
            channel: None,
            asked_for: Some(AskedFor { order: OrderId::new(0, 1), attempt: 2 }),
        }
    }

    fn has(view: &Mirror, sku: &str, node: &str, units: u64, version: u64) {
        let sku = Sku::new(sku).unwrap();
        let item = ItemChange {
            sku: sku.clone(),
            scale: 0,
            weight_g: 0,
            no_split: false,
            inactive: false,
            name: Text::new("").unwrap(),
            class: None,
        };
        let stock = StockChange {
            sku: sku.clone(),
            owner: OwnerId::main(),
            node: NodeId::new(node).unwrap(),
            figures: Figures { sellable: Quantity::of(units), ..Figures::default() },
            version,
            at: Timestamp::ZERO,
        };
        view.apply(Layout::even(4).unwrap().sku_home(&sku), version, [item], [stock]);
    }

    fn answered(sku: &str, version: u64, nodes: &[(&str, i64)]) -> Availability {
        let node = |(node, sellable): &(&str, i64)| waybill_proto::inventory::v1::NodeAvailability {
            node_id: (*node).to_owned(),
            available: *sellable,
            sellable: *sellable,
            ..Default::default()
        };
        let nodes = nodes.iter().map(node).collect();
        Availability {
            sku: sku.into(),
            owner: OwnerId::main().to_string(),
            version,
            nodes,
            ..Default::default()
        }
    }

    fn streamed() -> Streamed {
        // Nobody is asked in these tests.
        let channel = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        Streamed { channel, view: Mirror::new(Layout::even(4).unwrap()) }
    }

    #[tokio::test]
    async fn a_plan_waits_until_the_stream_has_brought_what_the_owners_have() {
        let stock = streamed();
        has(&stock.view, "A", "n1", 1, 3);
        let missing = vec![answered("A", 7, &[("n1", 1), ("n2", 9)]), answered("B", 2, &[("n1", 4)])];
        let waits = stock.brought(missing);
        tokio::pin!(waits);
        assert!(futures::poll!(&mut waits).is_pending(), "an older version is not enough");
        has(&stock.view, "B", "n1", 4, 2);
        assert!(futures::poll!(&mut waits).is_pending(), "one of two SKUs is not enough");
        has(&stock.view, "A", "n2", 9, 7);
        waits.await.unwrap();
    }

    #[tokio::test]
    async fn of_one_version_every_position_must_be_there_and_of_a_newer_one_none() {
        let stock = streamed();
        let asked = answered("A", 7, &[("n1", 2), ("n2", 9)]);
        has(&stock.view, "A", "n2", 9, 7);
        assert!(!stock.has(&asked).unwrap(), "its other position of version 7 is still on its way");
        has(&stock.view, "A", "n1", 2, 7);
        assert!(stock.has(&asked).unwrap());
        has(&stock.view, "A", "n1", 0, 8);
        assert!(stock.has(&asked).unwrap(), "what was sold since was there before");
    }

    #[tokio::test]
    async fn what_is_no_item_is_not_waited_for_and_what_nobody_has_is_there_at_once() {
        let stock = streamed();
        let unknown = Availability { sku: "X".into(), unknown: true, ..Default::default() };
        stock.brought(vec![unknown]).await.unwrap();
        has(&stock.view, "A", "n1", 0, 0);
        stock.brought(vec![answered("A", 0, &[])]).await.unwrap();
    }

    #[tokio::test]
    async fn without_a_process_that_runs_inventory_there_is_no_plan_now() {
        let refused = streamed().catch_up(&question(&["A", "B"])).await;
        assert!(matches!(refused, Err(PlannerError::Unavailable(_))), "{refused:?}");
    }
}
