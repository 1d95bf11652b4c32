//! The stock of a few SKUs at one moment, in the planner's own form. It does not change while a plan is made.

use waybill_sourcing::{Availability, ItemFacts, StockRow};
use waybill_types::{OwnerId, Sku};

/// A copy of what the mirror had of some SKUs.
#[derive(Clone, Debug, Default)]
pub struct Basket {
    pub(crate) rows: Vec<(Sku, OwnerId, Vec<StockRow>)>,
    pub(crate) items: Vec<(Sku, ItemFacts)>,
    pub(crate) version: u64,
}

impl Availability for Basket {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        self.rows.iter().find(|(s, o, _)| s == sku && o == owner).map_or(&[], |(_, _, rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.items.iter().find(|(known, _)| known == sku).map_or(ItemFacts::default(), |(_, facts)| *facts)
    }
    fn version(&self) -> u64 {
        self.version
    }
}
