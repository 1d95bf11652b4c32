//! `waybill order timeline` and `waybill order watch`: what happened to an order, and what happens.

use super::{Which, id, print};
use crate::commands::{Common, from_word, json, refused, say, time, word};
use futures::StreamExt;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{
    GetTimelineRequest, OrderStatus, TimelineEntry, WatchOrderRequest, watch_order_response::Update,
};

/// Which order to watch, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    #[command(flatten)]
    which: Which,
    /// End as soon as the order has this status, such as delivered.
    #[arg(long)]
    until: Option<String>,
}

pub(super) async fn timeline(client: &Client, common: &Common, which: &Which) -> anyhow::Result<()> {
    let order_id = id(client, common, which).await?;
    let mut request = GetTimelineRequest { order_id, page_size: 500, ..Default::default() };
    loop {
        let page = client.get_timeline(request.clone()).await.map_err(refused)?;
        for entry in &page.entries {
            tell(common, entry)?;
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn tell(common: &Common, entry: &TimelineEntry) -> anyhow::Result<()> {
    if common.json { say(json("orders.v1.TimelineEntry", entry)?) } else { say(line(entry, None)) }
}

/// `3  2026-03-02 14:05:00Z  OrderReleased  released to S0001  by web/shop-1 (reason)`, the order's status afterwards
/// where it is known, and what changed below.
fn line(entry: &TimelineEntry, status: Option<OrderStatus>) -> String {
    let mut line = format!("{:>3}  {}  {}", entry.number, time(entry.event_time.as_ref()), entry.event_type);
    if !entry.summary.is_empty() {
        line.push_str(&format!("  {}", entry.summary));
    }
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
        line.push_str(&format!(
            "\n       {}: {} -> {}",
            change.field,
            nothing(&change.before),
            nothing(&change.after)
        ));
    }
    line
}

fn nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

pub(super) async fn watch(client: &Client, common: &Common, watch: &Watch) -> anyhow::Result<()> {
    let until = watch.until.as_deref();
    let until: Option<OrderStatus> =
        until.map(|text| from_word(text, "ORDER_STATUS", OrderStatus::as_str_name)).transpose()?;
    let order_id = id(client, common, &watch.which).await?;
    let mut updates = client.watch_order(WatchOrderRequest { order_id, resume_token: String::new() });
    while let Some(update) = updates.next().await {
        let update = update.map_err(refused)?;
        let status = update.status();
        if common.json {
            say(json("orders.v1.WatchOrderResponse", &update)?)?;
        } else {
            match &update.update {
                Some(Update::Order(order)) => say(print::order(order))?,
                Some(Update::Entry(entry)) => say(line(entry, Some(status)))?,
                None => {}
            }
        }
        if until == Some(status) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::TimelineChange;

    #[test]
    fn an_entry_tells_when_what_who_and_why() {
        let change =
            TimelineChange { field: "lines[1].cancelled".into(), before: String::new(), after: "2".into() };
        let entry = TimelineEntry {
            number: 4,
            event_time: Some(prost_types::Timestamp { seconds: 1_772_460_022, nanos: 0 }),
            event_type: "UnitsCancelled".into(),
            channel: "call_center".into(),
            actor: "agent-7".into(),
            reason: "changed her mind".into(),
            summary: "2 units of line 1 cancelled".into(),
            changes: vec![change],
            ..TimelineEntry::default()
        };
        assert_eq!(
            line(&entry, Some(OrderStatus::Open)),
            "  4  2026-03-02 14:00:22Z  UnitsCancelled  2 units of line 1 cancelled  by call_center/agent-7 \
             (changed her mind)  -> open\n       lines[1].cancelled: nothing -> 2"
        );
    }
}
