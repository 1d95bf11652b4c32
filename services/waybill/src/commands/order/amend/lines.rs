//! Lines and amounts of a change as they are typed: new lines, other goods, other prices. Totals are what follows from
//! prices; the engine checks them.

use super::{amount, currency, line};
use crate::commands::order::place::parts;
use crate::commands::{decimals, item, parse_quantity};
use anyhow::{Context, ensure};
use waybill_client::Client;
use waybill_client::proto::common::v1::Money;
use waybill_client::proto::orders::v1::{
    DeliveryMethod, LineAmounts, Order, OrderLine, PlaceLine, SetPriceChange, SubstituteChange, UnitAmounts,
};

/// `SKU:QUANTITY:PRICE`, the price that of one whole unit; fetched at `pickup` where that is given.
pub(in crate::commands::order) async fn new_line(
    client: &Client,
    order: &Order,
    text: &str,
    pickup: Option<&str>,
) -> anyhow::Result<PlaceLine> {
    let (sku, quantity, price) = parts(text)?;
    let quantity_scale = item(client, sku).await?.scale;
    let quantity = parse_quantity(quantity, quantity_scale)?;
    let unit_price = parse_quantity(price, decimals(&currency(order))).context("the price")?;
    let method = if pickup.is_some() { DeliveryMethod::Pickup } else { DeliveryMethod::ShipHome };
    let money = |minor_units| Some(Money { currency_code: currency(order), minor_units });
    let total = money(times(unit_price, quantity, quantity_scale)?);
    Ok(PlaceLine {
        sku: sku.to_owned(),
        quantity,
        quantity_scale,
        delivery_method: method.into(),
        pickup_node_id: pickup.unwrap_or_default().to_owned(),
        amounts: Some(LineAmounts { unit_price: money(unit_price), total, ..LineAmounts::default() }),
        ..PlaceLine::default()
    })
}

/// `1=SKU:QUANTITY:PRICE`: the units come as the line's came.
pub(super) async fn substitute(
    client: &Client,
    order: &Order,
    text: &str,
) -> anyhow::Result<SubstituteChange> {
    let shape = || format!("{text:?} is no substitute, give LINE=SKU:QUANTITY:PRICE");
    let (number, with) = text.split_once('=').with_context(shape)?;
    let line = line(order, number)?;
    let pickup = Some(line.pickup_node_id.as_str()).filter(|node| !node.is_empty());
    let with = Some(new_line(client, order, with, pickup).await?);
    Ok(SubstituteChange { line_number: line.line_number, with })
}

/// `1=9.99`: the price of one whole unit of those that have not left and are not cancelled.
pub(super) fn set_price(order: &Order, text: &str) -> anyhow::Result<SetPriceChange> {
    let shape = || format!("{text:?} is no price of a line, give LINE=PRICE");
    let (number, price) = text.split_once('=').with_context(shape)?;
    let line = line(order, number)?;
    let here = here(line);
    ensure!(here > 0, "line {number} has no units that could be priced: all have left or are cancelled");
    let unit_price = amount(order, price)?;
    let amounts = Some(units_at(&unit_price, here, line.quantity_scale)?);
    Ok(SetPriceChange { line_number: line.line_number, amounts })
}

/// Units that have not left and are not cancelled.
fn here(line: &OrderLine) -> i64 {
    let buckets = line.buckets.unwrap_or_default();
    buckets.open + buckets.backordered + buckets.reserved + buckets.released + buckets.picked
}

/// What so many units cost together at this price.
pub(super) fn units_at(unit_price: &Money, quantity: i64, scale: u32) -> anyhow::Result<UnitAmounts> {
    let total = times(unit_price.minor_units, quantity, scale)?;
    let total = Some(Money { minor_units: total, ..unit_price.clone() });
    Ok(UnitAmounts { unit_price: Some(unit_price.clone()), total, ..UnitAmounts::default() })
}

/// A price of one whole unit times a quantity at a scale, rounded half up.
fn times(unit_price: i64, quantity: i64, scale: u32) -> anyhow::Result<i64> {
    let whole = 10i128.pow(scale.min(3));
    let exact = i128::from(unit_price) * i128::from(quantity);
    i64::try_from((exact * 2 + whole) / (whole * 2)).context("the price times the quantity is too much")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::{OrderAmounts, UnitBuckets};

    #[test]
    fn a_price_is_that_of_the_units_that_are_still_here() {
        let buckets =
            Some(UnitBuckets { reserved: 1_500, picked: 500, shipped: 1_000, ..Default::default() });
        let line = OrderLine { line_number: 1, quantity_scale: 3, buckets, ..Default::default() };
        let total = Some(Money { currency_code: "EUR".into(), minor_units: 1 });
        let amounts = Some(OrderAmounts { total, ..Default::default() });
        let mut order = Order { lines: vec![line], amounts, ..Default::default() };
        let priced = set_price(&order, "1=9.99").unwrap().amounts.unwrap();
        assert_eq!(priced.total.unwrap().minor_units, 1_998);
        for wrong in ["1", "2=9.99", "1=cheap"] {
            assert!(set_price(&order, wrong).is_err(), "{wrong}");
        }
        order.lines[0].buckets = Some(UnitBuckets { shipped: 3_000, ..Default::default() });
        assert!(set_price(&order, "1=9.99").is_err());
    }
}
