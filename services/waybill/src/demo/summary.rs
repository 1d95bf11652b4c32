//! What the run came to, in the words of a retailer, counted from the orders as the engine tells them at the end.

use super::restock::Restock;
use super::world::World;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use waybill_client::proto::orders::v1::{FulfillmentRefState, Order, OrderLine, OrderStatus};
use waybill_formats::NodeKind;

/// How an order ended, or where it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every unit is with the customer.
    Delivered,
    /// Some units are with the customer, others wait for stock.
    PartlyDelivered,
    /// All units wait for stock.
    Waiting,
    /// Reserved; to be released another day.
    Later,
    /// Called off whole.
    Cancelled,
    /// Everything delivered came back.
    Returned,
    /// Lost, refused at the door, or sent back.
    Undelivered,
    /// Refused at the checkout: stock was short.
    Refused,
    /// Anything else; none is expected.
    Other,
}

impl Outcome {
    /// All of them, in the order they are shown.
    pub(crate) const ALL: [Self; 9] = [
        Self::Delivered,
        Self::PartlyDelivered,
        Self::Waiting,
        Self::Later,
        Self::Cancelled,
        Self::Returned,
        Self::Undelivered,
        Self::Refused,
        Self::Other,
    ];

    /// As a heading.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::PartlyDelivered => "in part",
            Self::Waiting => "waiting",
            Self::Later => "later",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
            Self::Undelivered => "lost",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    fn of(order: &Order) -> Self {
        match order.status() {
            OrderStatus::Delivered => Self::Delivered,
            OrderStatus::PartiallyShipped | OrderStatus::PartiallyDelivered => Self::PartlyDelivered,
            OrderStatus::Backordered => Self::Waiting,
            OrderStatus::Reserved => Self::Later,
            OrderStatus::Cancelled => Self::Cancelled,
            OrderStatus::Refused => Self::Refused,
            OrderStatus::Returned => Self::Returned,
            OrderStatus::Undelivered => Self::Undelivered,
            OrderStatus::Unspecified
            | OrderStatus::Pending
            | OrderStatus::Open
            | OrderStatus::Released
            | OrderStatus::Picked
            | OrderStatus::Shipped => Self::Other,
        }
    }
}

/// What one kind of place did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KindWork {
    /// Places of this kind that sent or handed over something.
    pub(crate) places: u64,
    /// Parcels and pickups.
    pub(crate) fulfillment_orders: u64,
    /// Lines, each counted once per place that served it.
    pub(crate) lines: u64,
    /// Units; a cut length counts as one.
    pub(crate) units: u64,
}

/// The whole picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Orders by channel and outcome.
    pub(crate) by_channel: BTreeMap<String, BTreeMap<Outcome, u64>>,
    /// Work by kind of place, in the words of the glossary.
    pub(crate) by_kind: BTreeMap<&'static str, KindWork>,
    /// Orders of which something was sent or handed over.
    pub(crate) orders_served: u64,
    /// Of those, orders served from more than one place.
    pub(crate) orders_split: u64,
    /// Orders fetched by the customer.
    pub(crate) orders_picked_up: u64,
    /// Units ordered, delivered, waiting, called off.
    pub(crate) units_ordered: u64,
    pub(crate) units_delivered: u64,
    pub(crate) units_waiting: u64,
    pub(crate) units_cancelled: u64,
    pub(crate) lines_ordered: u64,
    /// Orders that waited when the lorry came, for something it brought.
    pub(crate) restock_orders: u64,
    /// Of those, orders that wait for nothing it brought any more.
    pub(crate) restock_orders_served: u64,
    /// Orders by the days from order to the latest promised date: within 1, 2, 3, 5 days, and later.
    pub(crate) promised_within: [u64; 5],
    /// Orders with more than one sourcing attempt.
    pub(crate) orders_sourced_again: u64,
    /// Money of all accepted orders, in minor units.
    pub(crate) money_ordered: i64,
    /// Of that, money of units called off.
    pub(crate) money_cancelled: i64,
    /// Paid back for goods that came back, in minor units.
    pub(crate) money_refunded: i64,
    /// The currency; empty without orders.
    pub(crate) currency: String,
}

/// Days that promises are sorted by.
pub(crate) const PROMISE_DAYS: [i64; 4] = [1, 2, 3, 5];
const DAY_S: i64 = 86_400;

/// Sums up the orders, the refused ones by channel, and what the lorry did.
pub(crate) fn summarize(
    orders: &HashMap<String, Order>,
    refused: &HashMap<String, u64>,
    restock: &Restock,
) -> Summary {
    let mut summary = Summary::default();
    let mut places: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for order in orders.values() {
        summary.add(order, restock);
        for work in served(order) {
            places.entry(kind(&work.node_id)).or_default().insert(&work.node_id);
        }
    }
    for (kind, places) in places {
        summary.by_kind.entry(kind).or_default().places = places.len() as u64;
    }
    for (channel, count) in refused {
        *summary.by_channel.entry(channel.clone()).or_default().entry(Outcome::Refused).or_default() += count;
    }
    summary
}

fn kind(node_id: &str) -> &'static str {
    World::kind_of(node_id).map_or("other", NodeKind::word)
}

/// The work of nodes that left the building.
fn served(order: &Order) -> impl Iterator<Item = &waybill_client::proto::orders::v1::FulfillmentOrderRef> {
    order.fulfillment_orders.iter().filter(|work| {
        matches!(
            work.state(),
            FulfillmentRefState::Shipped | FulfillmentRefState::Delivered | FulfillmentRefState::HandedOver
        )
    })
}

/// Units of a line: pieces, or the number of cut lengths, which is one.
fn units(line: &OrderLine, quantity: i64) -> u64 {
    if line.quantity_scale == 0 { quantity.unsigned_abs() } else { u64::from(quantity > 0) }
}

impl Summary {
    fn add(&mut self, order: &Order, restock: &Restock) {
        let outcomes = self.by_channel.entry(order.channel.clone()).or_default();
        *outcomes.entry(Outcome::of(order)).or_default() += 1;
        self.add_units(order);
        self.add_work(order);
        self.add_money(order);
        if let Some(promised_s) = promised_s(order) {
            let slot =
                PROMISE_DAYS.iter().position(|days| promised_s <= days * DAY_S).unwrap_or(PROMISE_DAYS.len());
            self.promised_within[slot] += 1;
        }
        self.orders_sourced_again += u64::from(order.attempts.len() > 1);
        if let Some(waited) = restock.waiting_units.get(&order.order_id) {
            let waits: i64 =
                order.lines.iter().map(|line| line.buckets.unwrap_or_default().backordered).sum();
            self.restock_orders += 1;
            self.restock_orders_served += u64::from(waits < *waited || waits == 0);
        }
    }

    fn add_units(&mut self, order: &Order) {
        for line in &order.lines {
            let buckets = line.buckets.unwrap_or_default();
            self.lines_ordered += 1;
            self.units_ordered += units(line, line.quantity);
            self.units_delivered += units(line, buckets.delivered);
            self.units_waiting += units(line, buckets.backordered);
            self.units_cancelled += units(line, buckets.cancelled);
        }
    }

    fn add_work(&mut self, order: &Order) {
        let mut places = BTreeSet::new();
        let mut is_picked_up = false;
        for work in served(order) {
            places.insert(work.node_id.as_str());
            is_picked_up |= work.state() == FulfillmentRefState::HandedOver;
            let done = self.by_kind.entry(kind(&work.node_id)).or_default();
            done.fulfillment_orders += 1;
            for part in work.lines.iter().filter(|part| part.quantity > 0) {
                let line = order.lines.iter().find(|line| line.line_number == part.line_number);
                done.lines += 1;
                done.units += line.map_or(0, |line| units(line, part.quantity));
            }
        }
        self.orders_served += u64::from(!places.is_empty());
        self.orders_split += u64::from(places.len() > 1);
        self.orders_picked_up += u64::from(is_picked_up);
    }

    fn add_money(&mut self, order: &Order) {
        let refunded = order.totals.as_ref().and_then(|totals| totals.refunded.as_ref());
        self.money_refunded += refunded.map_or(0, |money| money.minor_units);
        let total = order.amounts.as_ref().and_then(|amounts| amounts.total.as_ref());
        if let Some(total) = total {
            self.money_ordered += total.minor_units;
            self.currency.clone_from(&total.currency_code);
        }
        for line in &order.lines {
            // Which units were called off does not matter for the sum beyond a cent per unit: the shares say exactly
            // what each carries, and the last ones are taken.
            let mut left = line.buckets.unwrap_or_default().cancelled;
            for share in line.unit_shares.iter().rev() {
                let taken = left.min(share.unit_count);
                self.money_cancelled += taken * share.total_minor_units;
                left -= taken;
            }
        }
    }
}

/// Seconds from the order to the latest promised date.
fn promised_s(order: &Order) -> Option<i64> {
    let latest = order.promise.as_ref()?.latest.as_ref()?;
    Some(latest.seconds - order.place_time.as_ref()?.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::common::v1::Money;
    use waybill_client::proto::orders::v1::{
        FulfillmentOrderRef, FulfillmentOrderRefLine, OrderAmounts, UnitBuckets, UnitShare,
    };

    fn work(node: &str, state: FulfillmentRefState, quantity: i64) -> FulfillmentOrderRef {
        let lines = vec![FulfillmentOrderRefLine { line_number: 1, quantity }];
        FulfillmentOrderRef { node_id: node.into(), state: state.into(), lines, ..Default::default() }
    }

    fn split_order() -> Order {
        let share =
            |unit_count, total_minor_units| UnitShare { unit_count, total_minor_units, ..Default::default() };
        let line = OrderLine {
            line_number: 1,
            quantity: 4,
            buckets: Some(UnitBuckets { delivered: 2, backordered: 1, cancelled: 1, ..Default::default() }),
            unit_shares: vec![share(3, 334), share(1, 333)],
            ..Default::default()
        };
        Order {
            order_id: "W1".into(),
            channel: "web".into(),
            status: OrderStatus::PartiallyShipped.into(),
            lines: vec![line],
            amounts: Some(OrderAmounts {
                total: Some(Money { currency_code: "USD".into(), minor_units: 1_335 }),
                ..Default::default()
            }),
            fulfillment_orders: vec![
                work("C01", FulfillmentRefState::Delivered, 1),
                work("S0007", FulfillmentRefState::Delivered, 1),
                work("S0008", FulfillmentRefState::Rejected, 1),
            ],
            ..Default::default()
        }
    }

    #[test]
    fn a_split_order_is_counted_once_and_its_places_by_kind() {
        let orders = HashMap::from([("N1".to_owned(), split_order())]);
        let refused = HashMap::from([("app".to_owned(), 3)]);
        let restock = Restock { waiting_units: BTreeMap::from([("W1".to_owned(), 2)]), ..Default::default() };
        let summary = summarize(&orders, &refused, &restock);
        assert_eq!((summary.orders_served, summary.orders_split), (1, 1));
        assert_eq!(summary.by_kind["central_warehouse"].units, 1);
        assert_eq!((summary.by_kind["store"].places, summary.by_kind["store"].fulfillment_orders), (1, 1));
        assert_eq!(summary.by_channel["web"][&Outcome::PartlyDelivered], 1);
        assert_eq!(summary.by_channel["app"][&Outcome::Refused], 3);
        assert_eq!((summary.money_ordered, summary.money_cancelled), (1_335, 333));
        assert_eq!((summary.restock_orders, summary.restock_orders_served), (1, 1));
        let units =
            (summary.units_ordered, summary.units_delivered, summary.units_waiting, summary.units_cancelled);
        assert_eq!(units, (4, 2, 1, 1));
    }

    #[test]
    fn a_cut_length_is_one_unit() {
        let line = OrderLine { quantity: 230, quantity_scale: 2, ..Default::default() };
        assert_eq!((units(&line, 230), units(&line, 0)), (1, 0));
    }
}
