//! `waybill order timeline`, and how one entry of an order's history reads: lines by their SKU, quantities in the units of
//! the item, states in words.

use super::{FLAGS, Which, read};
use crate::commands::{Common, json, refused_of, say, show_quantity, time, word};
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{
    GetTimelineRequest, Order, OrderStatus, TimelineChange, TimelineEntry,
};

pub(super) async fn timeline(client: &Client, common: &Common, which: &Which) -> anyhow::Result<()> {
    let order = read(client, common, which).await?;
    each_entry(client, &order.order_id, |entry| {
        if common.json {
            say(json("orders.v1.TimelineEntry", entry)?)
        } else {
            say(line(entry, &order, None))
        }
    })
    .await
}

async fn each_entry(
    client: &Client,
    order_id: &str,
    mut tell: impl FnMut(&TimelineEntry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let order_id = order_id.to_owned();
    let mut request = GetTimelineRequest { order_id, page_size: 500, ..Default::default() };
    loop {
        let page = client.get_timeline(request.clone()).await.map_err(refused_of(FLAGS))?;
        page.entries.iter().try_for_each(&mut tell)?;
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// Why units of lines wait, in words by line number, as their history said last. Empty when no unit waits.
pub(super) async fn causes(client: &Client, order: &Order) -> anyhow::Result<BTreeMap<u32, String>> {
    let waits =
        |index: usize| order.lines.get(index).filter(|line| line.buckets.unwrap_or_default().backordered > 0);
    let mut causes = BTreeMap::new();
    if !(0..order.lines.len()).any(|index| waits(index).is_some()) {
        return Ok(causes);
    }
    each_entry(client, &order.order_id, |entry| {
        for change in &entry.changes {
            if let Some((index, "backorder_cause")) = part(&change.field, "lines[")
                && let Some(line) = index.parse().ok().and_then(waits)
            {
                causes.insert(line.line_number, cause(&change.after));
            }
        }
        Ok(())
    })
    .await?;
    Ok(causes)
}

/// Why nothing serves units; a cause that this version does not know stays as it came.
pub(super) fn cause(name: &str) -> String {
    match name {
        "no_stock" => "no node has stock",
        "no_route" => "no node with stock reaches the address",
        "no_pickup" => "the node does not hand over",
        "contended" => "others were faster",
        "nodes_refused" => "every node asked said no",
        "unplannable" => "it cannot be planned",
        "too_late" => "not decided in time",
        other => return nothing(other),
    }
    .to_owned()
}

/// `3  2026-03-02 14:05:00Z  1 unit(s) of line 1 ...  by web/shop-1 (reason)`, the order's status afterwards where it is
/// known, and what changed below.
pub(super) fn line(entry: &TimelineEntry, order: &Order, status: Option<OrderStatus>) -> String {
    let what = if entry.summary.is_empty() { spaced(&entry.event_type) } else { entry.summary.clone() };
    let mut line = format!("{:>3}  {}  {what}", entry.number, time(entry.event_time.as_ref()));
    if !entry.channel.is_empty() {
        line.push_str(&format!("  by {}/{}", entry.channel, entry.actor));
    }
    if !entry.reason.is_empty() {
        line.push_str(&format!(" ({})", entry.reason));
    }
    if let Some(status) = status {
        line.push_str(&format!("  -> {}", word(status.as_str_name(), "ORDER_STATUS")));
    }
    for change in &entry.changes {
        line.push_str(&format!("\n       {}", changed(change, order)));
    }
    line
}

/// `OrderPlaced` as `order placed`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// A change in words; one that this version does not know stays as it came.
fn changed(change: &TimelineChange, order: &Order) -> String {
    let TimelineChange { field, before, after } = change;
    if let Some((index, bucket)) = part(field, "lines[")
        && let Some(line) = index.parse().ok().and_then(|index: usize| order.lines.get(index))
    {
        let quantity = |text: &str| {
            text.parse().map_or_else(|_| nothing(text), |units| show_quantity(units, line.quantity_scale))
        };
        let (number, sku) = (line.line_number, &line.sku);
        if bucket == "backorder_cause" {
            return format!("line {number}, {sku}: {}", cause(after));
        }
        return format!(
            "line {number}, {sku}: {} {} -> {}",
            bucket.replace('_', " "),
            quantity(before),
            quantity(after)
        );
    }
    if let Some((work, "state")) = part(field, "fulfillment_orders[") {
        let node = order.fulfillment_orders.iter().find(|known| known.fulfillment_order_id == work);
        let node = node.map_or_else(String::new, |known| format!(" at {}", known.node_id));
        let state = |text: &str| nothing(&word(text, "FULFILLMENT_REF_STATE"));
        return format!("work {work}{node}: {} -> {}", state(before), state(after));
    }
    format!("{}: {} -> {}", field.replace('_', " "), nothing(before), nothing(after))
}

/// What is in the brackets of a field and what follows the dot.
fn part<'a>(field: &'a str, list: &str) -> Option<(&'a str, &'a str)> {
    field.strip_prefix(list)?.split_once("].")
}

fn nothing(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.replace('_', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::{FulfillmentOrderRef, OrderLine};

    fn order() -> Order {
        let line = |line_number, sku: &str, quantity_scale| OrderLine {
            line_number,
            sku: sku.into(),
            quantity_scale,
            ..OrderLine::default()
        };
        let work = FulfillmentOrderRef {
            fulfillment_order_id: "W03-1-F1.05".into(),
            node_id: "S1".into(),
            ..FulfillmentOrderRef::default()
        };
        Order {
            lines: vec![line(1, "P1", 0), line(2, "F7", 2)],
            fulfillment_orders: vec![work],
            ..Order::default()
        }
    }

    #[test]
    fn an_entry_tells_when_what_who_and_why() {
        let change = |field: &str, before: &str, after: &str| TimelineChange {
            field: field.into(),
            before: before.into(),
            after: after.into(),
        };
        let entry = TimelineEntry {
            number: 4,
            event_time: Some(prost_types::Timestamp { seconds: 1_772_460_022, nanos: 0 }),
            event_type: "UnitsCancelled".into(),
            channel: "call_center".into(),
            actor: "agent-7".into(),
            reason: "changed her mind".into(),
            summary: "2 units of line 2 cancelled".into(),
            changes: vec![
                change("lines[1].returned_to_sender", "", "250"),
                change("fulfillment_orders[W03-1-F1.05].state", "", "FULFILLMENT_REF_STATE_READY_FOR_PICKUP"),
                change("lines[0].backorder_cause", "", "no_route"),
                change("status", "open", "partially_shipped"),
                change("lines[7].open", "1", "0"),
            ],
            ..TimelineEntry::default()
        };
        assert_eq!(
            line(&entry, &order(), Some(OrderStatus::Open)),
            "  4  2026-03-02 14:00:22Z  2 units of line 2 cancelled  by call_center/agent-7 (changed her mind)  -> open\n\
             \u{20}      line 2, F7: returned to sender nothing -> 2.50\n\
             \u{20}      work W03-1-F1.05 at S1: nothing -> ready for pickup\n\
             \u{20}      line 1, P1: no node with stock reaches the address\n\
             \u{20}      status: open -> partially shipped\n\
             \u{20}      lines[7].open: 1 -> 0"
        );
    }

    #[test]
    fn an_entry_without_a_sentence_is_told_by_its_type() {
        let entry = TimelineEntry { event_type: "OrderConfirmed".into(), ..TimelineEntry::default() };
        assert!(line(&entry, &order(), None).ends_with("order confirmed"));
    }
}
