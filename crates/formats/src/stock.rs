//! Stock: absolute counts per SKU and node.

use crate::FieldError;
use crate::record::{at, record, within};
use crate::words::words;
use waybill_types::{NodeId, Quantity, Sku};

words! {
    /// What state stock is in; only sellable stock can be reserved.
    Condition { Sellable = "sellable", Inspect = "inspect", Damaged = "damaged" }
}

record! {
    /// What was counted of one SKU at one node.
    StockRecord = "stock"
    required {
        /// The item; must be known.
        sku: String,
        /// The place.
        node_id: String,
        /// What was counted, at the item's scale, 0 or more.
        quantity: i64,
    }
    optional {
        /// Which stock was counted; `sellable` when empty.
        condition: Condition,
        /// The source's own rising number for this SKU, node and condition; 0 means that the importer chooses it.
        source_sequence: u64,
    }
}

impl StockRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("sku", Sku::new(&self.sku))?;
        at("node_id", NodeId::new(&self.node_id))?;
        within("quantity", self.quantity, 0, Quantity::MAX as i64)
    }
}
