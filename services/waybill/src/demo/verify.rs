//! Holds the engine's final state against the ledger: everything acknowledged must be there. It knows the ledger's side
//! and the API's, and nothing in between.

use super::ledger::{Closed, Placed};
use std::collections::HashMap;
use waybill_client::proto::orders::v1::{Order, OrderStatus};

/// What is missing or different, in words; the first hundred, and how many there are.
pub(crate) fn missing(ledger: &Closed, orders: &HashMap<String, Order>) -> (Vec<String>, u64) {
    let (mut faults, mut count) = (Vec::new(), 0);
    for (number, placed) in &ledger.orders {
        let fault = match orders.get(number) {
            None => Some("is not there".to_owned()),
            Some(order) => differs(placed, order),
        };
        if let Some(fault) = fault {
            count += 1;
            if faults.len() < 100 {
                faults.push(format!("order {number}, acknowledged as {}, {fault}", placed.order_id));
            }
        }
    }
    (faults, count)
}

fn differs(placed: &Placed, order: &Order) -> Option<String> {
    if order.order_id != placed.order_id {
        return Some(format!("is {} now", order.order_id));
    }
    if order.status() == OrderStatus::Refused {
        return Some("was refused afterwards".to_owned());
    }
    if placed.changed.unknown {
        // A change without an answer may be done or not.
        return None;
    }
    let lines: Vec<(&str, i64)> = order.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
    let expected: Vec<(&str, i64)> =
        placed.lines.iter().map(|(sku, quantity)| (sku.as_str(), *quantity)).collect();
    if lines != expected {
        return Some(format!("has lines {lines:?}, not {expected:?}"));
    }
    let refunded = order.totals.as_ref().and_then(|totals| totals.refunded.as_ref());
    let (refunded, acknowledged) = (refunded.map_or(0, |money| money.minor_units), &placed.changed);
    if refunded != acknowledged.refunded_minor {
        return Some(format!("has {refunded} paid back, not {}", acknowledged.refunded_minor));
    }
    for line in &order.lines {
        let back = acknowledged.returned.get(&line.line_number).copied().unwrap_or(0);
        let returned = line.buckets.unwrap_or_default().returned;
        if returned != back {
            return Some(format!("has {returned} units of line {} returned, not {back}", line.line_number));
        }
    }
    if acknowledged.not_fetched && acknowledged.raced {
        // Whether a unit was called off or not fetched is not told apart.
        return None;
    }
    for line in &order.lines {
        let acknowledged = placed.cancelled.get(&line.line_number).copied().unwrap_or(0);
        let cancelled = line.buckets.unwrap_or_default().cancelled;
        // An order that forbids waiting may lose units later, when a node does not find them and nobody else has any.
        let is_right = if placed.confirmed { cancelled >= acknowledged } else { cancelled == acknowledged };
        if !is_right {
            let number = line.line_number;
            return Some(format!("has {cancelled} units of line {number} cancelled, not {acknowledged}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ledger::{Changed, Ledger};
    use std::collections::BTreeMap;
    use std::time::Instant;
    use waybill_client::proto::orders::v1::{OrderLine, UnitBuckets};

    fn order(id: &str, quantity: i64, cancelled: i64) -> Order {
        let buckets = Some(UnitBuckets { cancelled, delivered: quantity - cancelled, ..Default::default() });
        let line = OrderLine { line_number: 1, sku: "A".into(), quantity, buckets, ..Default::default() };
        Order { order_id: id.into(), lines: vec![line], ..Default::default() }
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_named() {
        let ledger = Ledger::default();
        for number in ["same", "gone", "other", "less", "uncancelled"] {
            ledger.placed(
                number.into(),
                Placed {
                    order_id: "W1".into(),
                    channel: "web".into(),
                    sent: Instant::now(),
                    lines: vec![("A".into(), 2)],
                    confirmed: false,
                    cancelled: BTreeMap::from([(1, 1)]),
                    release_ms: None,
                    changed: Changed::default(),
                },
            );
        }
        let orders = HashMap::from([
            ("same".to_owned(), order("W1", 2, 1)),
            ("other".to_owned(), order("W2", 2, 1)),
            ("less".to_owned(), order("W1", 1, 1)),
            ("uncancelled".to_owned(), order("W1", 2, 0)),
        ]);
        let (mut faults, count) = missing(&ledger.close(), &orders);
        faults.sort();
        assert_eq!(count, 4);
        assert!(faults[0].contains("gone") && faults[0].ends_with("is not there"), "{faults:?}");
        assert!(faults[1].contains("less") && faults[1].contains("has lines"), "{faults:?}");
        assert!(faults[2].contains("other") && faults[2].ends_with("is W2 now"), "{faults:?}");
        assert!(faults[3].contains("0 units of line 1 cancelled, not 1"), "{faults:?}");
    }
}
