//! What a mirror is told and what it tells: plain figures.

use waybill_types::{NodeId, OwnerId, Quantity, Sku, Text, Timestamp};

/// What a position is made of, as far as promises go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// On hand and sellable.
    pub sellable: Quantity,
    /// Claimed.
    pub reserved: Quantity,
    /// Kept back.
    pub safety_stock: Quantity,
}

impl Figures {
    /// What a new reservation could take; never below zero.
    #[must_use]
    pub fn available(&self) -> Quantity {
        self.sellable.saturating_sub(self.reserved).saturating_sub(self.safety_stock)
    }
}

/// A position is so from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChange {
    /// What.
    pub sku: Sku,
    /// Whose.
    pub owner: OwnerId,
    /// Where.
    pub node: NodeId,
    /// How much.
    pub figures: Figures,
    /// The journal sequence of the change in the SKU's partition.
    pub version: u64,
    /// When.
    pub at: Timestamp,
}

/// An item is so from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// Which.
    pub sku: Sku,
    /// Decimals of its quantities, 0 to 3.
    pub scale: u8,
    /// Gross weight of one whole unit in grams; 0 when unknown.
    pub weight_g: u64,
    /// Each line of it must come from one node.
    pub no_split: bool,
    /// It may not be reserved: nothing of it can be promised.
    pub inactive: bool,
    /// Its name for people; may be empty.
    pub name: Text,
    /// Its class for sourcing rules, from the attribute `sku_class`; `None` where it has none.
    pub class: Option<Text>,
}

/// One node's stock of a SKU and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStock {
    /// Where.
    pub node: NodeId,
    /// What a new reservation could take; zero for an inactive item.
    pub available: Quantity,
    /// What that is made of.
    pub figures: Figures,
}

/// The stock of one SKU and owner over nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// Decimals of the quantities.
    pub scale: u8,
    /// Per node that has anything on hand or claimed, by node id.
    pub nodes: Vec<NodeStock>,
    /// The highest version among its positions.
    pub version: u64,
}
