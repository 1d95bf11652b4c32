//! What a caller is told who decided on an old revision of an order: what happened since, short enough for a refusal.

use crate::door::Inner;
use crate::error::NotDone;
use crate::to_proto;
use serde_json::{Value, json};
use tonic::Status;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::status;
use waybill_types::OrderId;

/// Bytes of what changed; a refusal travels in headers.
const CHANGES_BYTES_MAX: usize = 960;
/// Entries looked at.
const ENTRIES_MAX: usize = 32;
/// Fields named of one entry.
const FIELDS_MAX: usize = 8;

/// The refusal. Without the history it says which revision is current, which is what matters most.
pub(crate) async fn refusal(door: &Inner, order: OrderId, expected: u64, current: u64) -> Status {
    let changes = since(door, order, expected).await.unwrap_or_default();
    status(&NotDone::Stale { order, expected, current, changes })
}

/// The entries after `expected` as JSON, oldest first; how many more there are stands at the end.
async fn since(door: &Inner, order: OrderId, expected: u64) -> Option<String> {
    let stored = door.read(order.partition(), move |state| state.stored_history(order)).await.ok()??;
    let told = to_proto::timeline::entries(order, &stored, expected, ENTRIES_MAX).ok()?;
    let all = stored.order.revision.saturating_sub(expected) as usize;
    Some(fitting(told.iter().map(|told| entry(&told.entry)), all).to_string())
}

/// As many as fit.
fn fitting(entries: impl Iterator<Item = Value>, all: usize) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    let mut bytes = 2;
    for entry in entries {
        bytes += entry.to_string().len() + 1;
        if bytes > CHANGES_BYTES_MAX {
            break;
        }
        kept.push(entry);
    }
    if kept.len() < all {
        kept.push(json!({ "more": all - kept.len() }));
    }
    Value::Array(kept)
}

/// One entry: the event, whose doing it was, and which fields changed to what.
fn entry(entry: &proto::TimelineEntry) -> Value {
    let mut value = json!({ "revision": entry.revision, "event": entry.event_type });
    if !entry.actor.is_empty() {
        value["by"] = json!(entry.actor);
        value["channel"] = json!(entry.channel);
    }
    let fields = entry.changes.iter().take(FIELDS_MAX);
    let fields: serde_json::Map<String, Value> =
        fields.map(|change| (change.field.clone(), json!([change.before, change.after]))).collect();
    if !fields.is_empty() {
        value["fields"] = Value::Object(fields);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let entry = |number: u64| json!({ "revision": number, "event": "UnitsBackordered" });
        let all = fitting((1..=3).map(entry), 3);
        assert_eq!(all.as_array().unwrap().len(), 3);
        let many = fitting((1..=32).map(entry), 70);
        assert!(many.to_string().len() <= 1_000, "{many}");
        let shown = many.as_array().unwrap().len() - 1;
        assert_eq!(many[shown]["more"], json!(70 - shown));
    }
}
