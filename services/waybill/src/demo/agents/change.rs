//! One change of an order: what is asked, and what its acknowledgement means for the ledger. No call is made here.

use crate::demo::ledger::Placed;
use crate::demo::world::World;
use crate::records;
use anyhow::ensure;
use waybill_client::proto::common::v1::{Address, Money};
use waybill_client::proto::orders::v1::order_change::Change as Asked;
use waybill_client::proto::orders::v1::{
    AddLineChange, AppeaseChange, DeliveryMethod, LineAmounts, Order, OrderChange, OrderLine, PlaceLine,
    RemoveLineChange, SetDeliveryChange, SetNotesChange, SetPriceChange, SetQuantityChange, SetShipToChange,
    SubstituteChange, UnitAmounts,
};
use waybill_fixtures::Prng;

/// What agents may offer instead.
pub(crate) struct Goods {
    /// Items counted in pieces, with their prices in cents.
    items: Vec<(String, i64)>,
    /// Stores where customers fetch things.
    stores: Vec<String>,
}

impl Goods {
    pub(crate) fn of(world: &World) -> anyhow::Result<Self> {
        let items = world.catalog.items().iter().filter(|entry| entry.item.scale == 0);
        let items: Vec<_> =
            items.map(|entry| (entry.item.sku.clone(), entry.price_minor)).take(200).collect();
        let stores = world.retailer.nodes.iter().filter(|node| node.pickup && !node.inactive);
        let stores: Vec<_> = stores.map(|node| node.node_id.clone()).collect();
        ensure!(!items.is_empty() && !stores.is_empty(), "there is nothing to offer instead");
        Ok(Self { items, stores })
    }
}

/// What becomes of the ledger's lines when a change is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    None,
    More(u32, i64),
    Fewer(u32, i64),
    Added(String, i64),
    Instead { line: u32, sku: String, quantity: i64 },
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// In words, for the report.
    pub(crate) kind: &'static str,
    pub(crate) asked: OrderChange,
    effect: Effect,
}

impl Change {
    fn new(kind: &'static str, asked: Asked, effect: Effect) -> Self {
        Self { kind, asked: OrderChange { change: Some(asked) }, effect }
    }

    /// A change that makes sense for the order as it is, by chance.
    pub(crate) fn choose(chance: &mut Prng, goods: &Goods, order: &Order) -> Self {
        let point = chance.below(100);
        let pieces: Vec<&OrderLine> =
            order.lines.iter().filter(|line| line.quantity_scale == 0 && live(line) > 0).collect();
        let line = (!pieces.is_empty()).then(|| *chance.pick(&pieces));
        let is_sent = order.ship_to.is_some();
        match (point, line) {
            (0..=21, Some(line)) => more(line),
            (22..=41, Some(line)) if live(line) > 1 => fewer(line),
            (22..=41, Some(line)) if order.lines.len() > 1 => remove(line),
            (42..=55, Some(line)) => add(chance, goods, order, line),
            (56..=65, _) if is_sent => ship_to(order),
            (66..=73, _) if is_sent => fetch(chance, goods),
            (74..=81, Some(line)) => substitute(chance, goods, order, line),
            (82..=86, Some(line)) if here(line) > 0 => price(line),
            (87..=91, _) if worth(order) >= MONEY_OFF_MINOR => appease(order),
            _ => notes(),
        }
    }

    /// The change is acknowledged.
    pub(crate) fn write(&self, placed: &mut Placed) {
        let mut cancel = |line: u32, quantity: i64| *placed.cancelled.entry(line).or_default() += quantity;
        match &self.effect {
            Effect::None => {}
            Effect::More(line, quantity) => {
                if let Some(line) = placed.lines.get_mut(*line as usize - 1) {
                    line.1 += quantity;
                }
            }
            Effect::Fewer(line, quantity) => cancel(*line, *quantity),
            Effect::Added(sku, quantity) => placed.lines.push((sku.clone(), *quantity)),
            Effect::Instead { line, sku, quantity } => {
                cancel(*line, *quantity);
                placed.lines.push((sku.clone(), *quantity));
            }
        }
    }
}

/// Units that are not cancelled.
fn live(line: &OrderLine) -> i64 {
    line.quantity - line.buckets.unwrap_or_default().cancelled
}

/// Units that have not left.
fn here(line: &OrderLine) -> i64 {
    let units = line.buckets.unwrap_or_default();
    units.open + units.backordered + units.reserved + units.released + units.picked
}

fn currency(order: &Order) -> String {
    let total = order.amounts.as_ref().and_then(|amounts| amounts.total.as_ref());
    total.map_or_else(String::new, |total| total.currency_code.clone())
}

fn unit_price(line: &OrderLine) -> Money {
    line.amounts.as_ref().and_then(|amounts| amounts.unit_price.clone()).unwrap_or_default()
}

fn of_units(line: &OrderLine, each_minor: i64, quantity: i64) -> UnitAmounts {
    let money = |minor| Some(records::money(&unit_price(line).currency_code, minor));
    UnitAmounts { unit_price: money(each_minor), total: money(each_minor * quantity), ..Default::default() }
}

fn more(line: &OrderLine) -> Change {
    let asked = SetQuantityChange {
        line_number: line.line_number,
        quantity: live(line) + 1,
        added: Some(of_units(line, unit_price(line).minor_units, 1)),
    };
    Change::new("one more", Asked::SetQuantity(asked), Effect::More(line.line_number, 1))
}

fn fewer(line: &OrderLine) -> Change {
    let asked =
        SetQuantityChange { line_number: line.line_number, quantity: live(line) - 1, ..Default::default() };
    Change::new("one less", Asked::SetQuantity(asked), Effect::Fewer(line.line_number, 1))
}

fn remove(line: &OrderLine) -> Change {
    let asked = RemoveLineChange { line_number: line.line_number };
    Change::new("line removed", Asked::RemoveLine(asked), Effect::Fewer(line.line_number, live(line)))
}

/// One piece of something, got like an existing line.
fn piece(chance: &mut Prng, goods: &Goods, order: &Order, like: &OrderLine) -> PlaceLine {
    let (sku, price) = chance.pick(&goods.items);
    let price = || Some(records::money(&currency(order), *price));
    PlaceLine {
        sku: sku.clone(),
        quantity: 1,
        delivery_method: like.delivery_method,
        pickup_node_id: like.pickup_node_id.clone(),
        amounts: Some(LineAmounts { unit_price: price(), total: price(), ..Default::default() }),
        ..Default::default()
    }
}

fn add(chance: &mut Prng, goods: &Goods, order: &Order, like: &OrderLine) -> Change {
    let line = piece(chance, goods, order, like);
    let effect = Effect::Added(line.sku.clone(), line.quantity);
    Change::new("line added", Asked::AddLine(AddLineChange { line: Some(line) }), effect)
}

fn substitute(chance: &mut Prng, goods: &Goods, order: &Order, line: &OrderLine) -> Change {
    let with = piece(chance, goods, order, line);
    let effect = Effect::Instead { line: line.line_number, sku: with.sku.clone(), quantity: with.quantity };
    let asked = SubstituteChange { line_number: line.line_number, with: Some(with) };
    Change::new("substitute", Asked::Substitute(asked), effect)
}

fn ship_to(order: &Order) -> Change {
    let before = order.ship_to.clone().unwrap_or_default();
    let ship_to = Some(Address { street_lines: vec!["7 Next Door".to_owned()], ..before });
    Change::new("address", Asked::SetShipTo(SetShipToChange { ship_to }), Effect::None)
}

fn fetch(chance: &mut Prng, goods: &Goods) -> Change {
    let asked = SetDeliveryChange {
        line_numbers: Vec::new(),
        delivery_method: DeliveryMethod::Pickup.into(),
        pickup_node_id: chance.pick(&goods.stores).clone(),
    };
    Change::new("fetched instead", Asked::SetDelivery(asked), Effect::None)
}

/// A tenth off what has not left.
fn price(line: &OrderLine) -> Change {
    let each = unit_price(line).minor_units * 9 / 10;
    let amounts = Some(of_units(line, each, here(line)));
    let asked = SetPriceChange { line_number: line.line_number, amounts };
    Change::new("price", Asked::SetPrice(asked), Effect::None)
}

/// What money off takes from an order, in minor units.
const MONEY_OFF_MINOR: i64 = 100;

/// What the units that the customer has or will have cost at most, in minor units; less when money was taken off before.
fn worth(order: &Order) -> i64 {
    let kept = |line: &OrderLine| {
        let units = line.buckets.unwrap_or_default();
        (here(line) + units.shipped + units.delivered) / 10_i64.pow(line.quantity_scale)
    };
    let units: i64 = order.lines.iter().map(|line| unit_price(line).minor_units * kept(line) * 9 / 10).sum();
    let total = order.amounts.as_ref().and_then(|amounts| amounts.total.as_ref());
    total.map_or(units, |total| units.min(total.minor_units))
}

fn appease(order: &Order) -> Change {
    let amount = Some(records::money(&currency(order), MONEY_OFF_MINOR));
    Change::new("money off", Asked::Appease(AppeaseChange { line_number: 0, amount }), Effect::None)
}

fn notes() -> Change {
    let asked = SetNotesChange { gift_note: Some("with love".to_owned()), ..Default::default() };
    Change::new("gift note", Asked::SetNotes(asked), Effect::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::Shape;
    use std::collections::BTreeSet;
    use waybill_client::proto::orders::v1::UnitBuckets;

    #[test]
    fn every_kind_of_change_is_chosen_and_what_it_means_is_written() {
        let world = World::make(Shape { nodes: 20, skus: 50, ..Shape::tight(1, 10) }, None).unwrap();
        let goods = Goods::of(&world).unwrap();
        let line = |line_number, quantity| OrderLine {
            line_number,
            quantity,
            buckets: Some(UnitBuckets { open: quantity, ..Default::default() }),
            amounts: Some(LineAmounts {
                unit_price: Some(records::money("USD", 1999)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let order = Order {
            lines: vec![line(1, 3), line(2, 1)],
            ship_to: Some(Address::default()),
            ..Default::default()
        };
        let chosen = (0..2_000).map(|index| Change::choose(&mut Prng::stream(1, 1, index), &goods, &order));
        let kinds: BTreeSet<&str> = chosen.map(|change| change.kind).collect();
        assert_eq!(kinds.len(), 10, "{kinds:?}");
    }

    #[test]
    fn what_is_acknowledged_is_expected_at_the_end() {
        let mut placed = crate::demo::ledger::tests::placed(false);
        let apply = |effect, placed: &mut Placed| {
            Change::new("", Asked::SetNotes(SetNotesChange::default()), effect).write(placed);
        };
        apply(Effect::More(1, 2), &mut placed);
        apply(Effect::Instead { line: 1, sku: "B".into(), quantity: 1 }, &mut placed);
        assert_eq!(placed.lines, [("A".to_owned(), 4), ("B".to_owned(), 1)]);
        assert_eq!(placed.cancelled[&1], 1);
    }
}
