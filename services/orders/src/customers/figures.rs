//! What became of somebody's orders, in numbers.

use super::whose::Hit;
use std::collections::BTreeMap;
use waybill_orders::{Bucket, Status, order_money, status};
use waybill_proto::customers::v1 as proto;
use waybill_service_kit::shown::money;
use waybill_types::exchange::Delivery;
use waybill_types::{Channel, Currency, NodeId};

pub(crate) fn figures(hits: &[Hit], partial: bool) -> proto::CustomerFigures {
    let mut spend: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut channels: BTreeMap<Channel, usize> = BTreeMap::new();
    let mut nodes: BTreeMap<NodeId, usize> = BTreeMap::new();
    let (mut orders, mut cancelled, mut returned) = (0u64, 0u64, 0u64);
    for hit in hits {
        let content = hit.order.content(&hit.opening);
        let is = status(&hit.order);
        if is == Status::Refused {
            continue;
        }
        orders += 1;
        cancelled += u64::from(is == Status::Cancelled);
        let came_back =
            |line: &waybill_orders::order::LineState| !line.buckets.get(Bucket::Returned).is_zero();
        returned += u64::from(hit.order.lines.iter().any(came_back));
        *spend.entry(content.amounts.currency).or_default() += order_money(content, &hit.order).due;
        *channels.entry(content.channel.clone()).or_default() += 1;
        let mut collected: Vec<&NodeId> =
            content.lines.iter().filter_map(|line| pickup(&line.delivery)).collect();
        collected.sort();
        collected.dedup();
        collected.into_iter().for_each(|node| *nodes.entry(node.clone()).or_default() += 1);
    }
    proto::CustomerFigures {
        order_count: orders,
        cancelled_order_count: cancelled,
        returned_order_count: returned,
        net_spend: spend.into_iter().map(|(currency, minor)| money(currency, minor)).collect(),
        cancel_rate_per_mille: per_mille(cancelled, orders),
        return_rate_per_mille: per_mille(returned, orders),
        usual_node_id: usual(&nodes).map(ToString::to_string).unwrap_or_default(),
        usual_channel: usual(&channels).map(ToString::to_string).unwrap_or_default(),
        partial,
    }
}

fn pickup(delivery: &Delivery) -> Option<&NodeId> {
    match delivery {
        Delivery::Pickup(node) => Some(node),
        Delivery::Ship => None,
    }
}

fn per_mille(part: u64, of: u64) -> u32 {
    (part * 1_000).checked_div(of).map_or(0, |rate| rate as u32)
}

/// The most frequent; of several, the first by name, so that the answer is always the same.
fn usual<K: Ord>(counts: &BTreeMap<K, usize>) -> Option<&K> {
    counts.iter().rev().max_by_key(|(_, count)| **count).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_is_the_most_frequent_and_then_the_first() {
        assert_eq!(usual(&BTreeMap::from([("a", 1), ("b", 2), ("c", 2)])), Some(&"b"));
        assert_eq!((per_mille(1, 3), per_mille(0, 0)), (333, 0));
    }
}
