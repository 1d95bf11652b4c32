//! Positions and bookings.

use waybill_inventory::{Condition, CountRow, Spot};
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{owner, some_quantity};
use waybill_types::exchange::Claim;
use waybill_types::{NodeId, Quantity, Sku};

/// A position; `at` is empty or a path that ends with a dot.
pub(crate) fn spot(fields: &mut Fields, at: &str, sku: &str, node: &str, whose: &str) -> Option<Spot> {
    let sku = fields.check(format!("{at}sku"), Sku::new(sku));
    let node = fields.check(format!("{at}node_id"), NodeId::new(node));
    let owner = owner(fields, format!("{at}owner"), whose);
    Some(Spot { sku: sku?, owner: owner?, node: node? })
}

/// A condition; unspecified means sellable.
pub(crate) fn condition(fields: &mut Fields, at: &str, value: i32) -> Option<Condition> {
    match proto::StockCondition::try_from(value) {
        Ok(proto::StockCondition::Unspecified | proto::StockCondition::Sellable) => Some(Condition::Sellable),
        Ok(proto::StockCondition::Inspect) => Some(Condition::Inspect),
        Ok(proto::StockCondition::Damaged) => Some(Condition::Damaged),
        Err(_) => {
            fields.wrong(format!("{at}condition"), format!("is {value}, which is no condition"));
            None
        }
    }
}

/// A count; `at` is a path that ends with a dot.
pub(crate) fn count(fields: &mut Fields, at: &str, row: &proto::StockCount) -> Option<CountRow> {
    let spot = spot(fields, at, &row.sku, &row.node_id, &row.owner);
    let condition = condition(fields, at, row.condition);
    let counted = fields.check(format!("{at}quantity"), Quantity::new(row.quantity));
    if row.source_sequence == 0 {
        fields.wrong(format!("{at}source_sequence"), "is 0, must be 1 or more");
        return None;
    }
    Some(CountRow { spot: spot?, condition: condition?, counted: counted?, sequence: row.source_sequence })
}

/// What, where and how much, more than zero.
pub(crate) fn claim(fields: &mut Fields, at: String, line: &proto::StockQuantity) -> Option<Claim> {
    let spot = spot(fields, &format!("{at}."), &line.sku, &line.node_id, &line.owner);
    let quantity = some_quantity(fields, format!("{at}.quantity"), line.quantity)?;
    let Spot { sku, owner, node } = spot?;
    Some(Claim { sku, owner, node, quantity })
}
