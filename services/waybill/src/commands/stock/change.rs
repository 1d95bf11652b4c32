//! `waybill stock receive`, `adjust` and `count`.

use super::{Place, tell};
use crate::commands::{Common, Flags, Writing, item, parse_quantity, places, refused_of};
use clap::ValueEnum;
use std::time::SystemTime;
use waybill_client::Client;
use waybill_client::proto::inventory::v1::{
    AdjustStockRequest, ReceiveStockRequest, SetStockCountRequest, StockCondition, StockCount,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("sku", "SKU"),
    ("node_id", "NODE"),
    ("quantity", "QUANTITY"),
    ("quantity_delta", "DIFFERENCE"),
    ("condition", "--condition"),
    ("document_reference", "--document"),
    ("source", "--source"),
    ("count.sku", "SKU"),
    ("count.node_id", "NODE"),
    ("count.quantity", "QUANTITY"),
    ("count.condition", "--condition"),
    ("count.source_sequence", "--sequence"),
    ("count.owner", "--owner"),
];

/// Which stock changes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Condition {
    Sellable,
    Inspect,
    Damaged,
}

impl From<Condition> for i32 {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Sellable => StockCondition::Sellable.into(),
            Condition::Inspect => StockCondition::Inspect.into(),
            Condition::Damaged => StockCondition::Damaged.into(),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Receive {
    #[command(flatten)]
    place: Place,
    /// How much came, such as 12 or 2.350.
    quantity: String,
    /// The condition it came in.
    #[arg(long, value_enum, default_value = "sellable")]
    condition: Condition,
    /// The document it came with, such as a delivery note.
    #[arg(long, default_value = "", hide_default_value = true)]
    document: String,
    #[command(flatten)]
    writing: Writing,
}

impl Receive {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let item = item(client, &self.place.sku).await?;
        let request = ReceiveStockRequest {
            request_id: self.writing.request_id.clone(),
            reason: self.writing.reason.clone(),
            sku: self.place.sku.clone(),
            node_id: self.place.node.clone(),
            quantity: parse_quantity(&self.quantity, item.scale)?,
            condition: self.condition.into(),
            document_reference: self.document.clone(),
            owner: self.place.owner.clone(),
        };
        let answer = client.receive_stock(request).await.map_err(refused_of(FLAGS))?;
        tell(common, &item, answer.position)?;
        places::warn(client, [self.place.node.clone()].into()).await;
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Adjust {
    #[command(flatten)]
    place: Place,
    /// The difference, such as 3 or -2.
    #[arg(allow_hyphen_values = true)]
    difference: String,
    /// Which stock changes.
    #[arg(long, value_enum, default_value = "sellable")]
    condition: Condition,
    /// Why, kept in the history; at most 200 characters.
    #[arg(long)]
    reason: String,
    /// Id of the request, to repeat a command safely; by default a new one.
    #[arg(long, default_value = "", hide_default_value = true)]
    request_id: String,
}

impl Adjust {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let item = item(client, &self.place.sku).await?;
        let request = AdjustStockRequest {
            request_id: self.request_id.clone(),
            reason: self.reason.clone(),
            sku: self.place.sku.clone(),
            node_id: self.place.node.clone(),
            quantity_delta: parse_quantity(&self.difference, item.scale)?,
            condition: self.condition.into(),
            owner: self.place.owner.clone(),
        };
        let answer = client.adjust_stock(request).await.map_err(refused_of(FLAGS))?;
        tell(common, &item, answer.position)?;
        places::warn(client, [self.place.node.clone()].into()).await;
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Count {
    #[command(flatten)]
    place: Place,
    /// What was counted, such as 12 or 2.350.
    quantity: String,
    /// Which stock was counted.
    #[arg(long, value_enum, default_value = "sellable")]
    condition: Condition,
    /// The system that counted; each has its own sequence.
    #[arg(long, default_value = "cli")]
    source: String,
    /// The source's own rising number; a count that is not above the last one is ignored. By default the time now.
    #[arg(long)]
    sequence: Option<u64>,
    #[command(flatten)]
    writing: Writing,
}

impl Count {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let item = item(client, &self.place.sku).await?;
        let count = StockCount {
            sku: self.place.sku.clone(),
            node_id: self.place.node.clone(),
            quantity: parse_quantity(&self.quantity, item.scale)?,
            condition: self.condition.into(),
            source_sequence: self.sequence.unwrap_or_else(now_ms),
            owner: self.place.owner.clone(),
        };
        let request = SetStockCountRequest {
            request_id: self.writing.request_id.clone(),
            reason: self.writing.reason.clone(),
            count: Some(count),
            source: self.source.clone(),
        };
        let answer = client.set_stock_count(request).await.map_err(refused_of(FLAGS))?;
        if !answer.applied {
            eprintln!("ignored: {} has counted this later already", self.source);
        }
        tell(common, &item, answer.position)?;
        places::warn(client, [self.place.node.clone()].into()).await;
        Ok(())
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
