//! Upserting items: each row on its own, each partition once, after the codes of its items are claimed.

use crate::door::Shared;
use crate::error::unexpected;
use crate::from_proto::item::row;
use crate::rpc::{item_codes, joint_token};
use futures::future::{join_all, try_join_all};
use std::collections::BTreeMap;
use tonic::Status;
use waybill_inventory::{Alias, Answer, Codes, Command, Item, ItemOutcome, ItemRow};
use waybill_machine::Content;
use waybill_proto::common::v1::{RowOutcome, RowResult};
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::{Caller, DoorError, Fields, Write};
use waybill_types::{Origin, PartitionId, Sku};

const ROWS_MAX: usize = 1_000;

pub(crate) async fn upsert(
    door: &Shared,
    caller: Caller,
    message: proto::UpsertItemsRequest,
) -> Result<proto::UpsertItemsResponse, Status> {
    let mut fields = Fields::new();
    let (request, reason) = (fields.request_id(&message.request_id), fields.reason(&message.reason));
    let count = message.rows.len();
    if count == 0 || count > ROWS_MAX {
        fields.wrong("rows", format!("are {count}, must be 1 to {ROWS_MAX}"));
    }
    let (request, reason) = fields.finish(request.zip(reason))?;

    let mut results: Vec<RowResult> = message.rows.iter().enumerate().map(blank).collect();
    let mut parts: Parts = BTreeMap::new();
    for (index, asked) in message.rows.iter().enumerate() {
        let mut fields = Fields::new();
        let parsed = row(&mut fields, &format!("rows[{index}]"), asked);
        match fields.finish(parsed) {
            Ok(row) => {
                let part = parts.entry(door.home_of(&row.item.sku)).or_default();
                part.indexes.push(index);
                part.rows.push(row);
            }
            Err(DoorError::Malformed(violations)) => {
                let first = violations.into_iter().next();
                let (field, what) = first.map_or_else(Default::default, |v| (v.field, v.description));
                refuse(&mut results[index], "INVALID_REQUEST", what, field);
            }
            Err(other) => return Err(other.into()),
        }
    }
    let origin = caller.origin(reason.clone());
    let mut token = None;
    while !parts.is_empty() {
        let puts = next_parts(door, &origin, &mut parts).await?.into_iter().map(|(partition, part)| {
            let digest: Vec<_> = part.rows.iter().map(|row| (&row.item, row.expected_revision)).collect();
            let content = Content::new().with("rows", &digest);
            let (caller, request, reason) = (caller.clone(), request.clone(), reason.clone());
            let write = Write { caller, request, reason, target: b"items".to_vec(), content };
            let command = match part.codes.iter().any(Option::is_some) {
                true => Command::UpsertClaimed(part.rows, part.codes),
                false => Command::UpsertItems(part.rows),
            };
            async move { (part.indexes, door.submit(partition, &write, command).await) }
        });
        for (indexes, accepted) in join_all(puts).await {
            let accepted = accepted?;
            token = Some(accepted.token);
            let Answer::Items(outcomes) = accepted.answer else { return Err(unexpected(&accepted.answer)) };
            for (index, outcome) in indexes.into_iter().zip(outcomes) {
                say(&mut results[index], index, outcome);
            }
        }
    }
    Ok(proto::UpsertItemsResponse { results, token: joint_token(token) })
}

/// The rows of one partition.
#[derive(Default)]
struct Part {
    /// Where they stand in the request.
    indexes: Vec<usize>,
    rows: Vec<ItemRow>,
    codes: Vec<Option<Codes>>,
}

type Parts = BTreeMap<PartitionId, Part>;

/// Takes out the partitions that can be written now, their codes claimed. Where an item is to get a code that another item
/// of the request gives up, the other one's partition comes first.
async fn next_parts(
    door: &Shared,
    origin: &Origin,
    parts: &mut Parts,
) -> Result<Vec<(PartitionId, Part)>, Status> {
    let claims = parts.iter().map(|(partition, part)| async move {
        let items: Vec<Item> = part.rows.iter().map(|row| row.item.clone()).collect();
        Ok::<_, Status>((*partition, item_codes::claimed(door, origin, *partition, &items).await?))
    });
    for (partition, codes) in try_join_all(claims).await? {
        if let Some(part) = parts.get_mut(&partition) {
            part.codes = codes;
        }
    }
    let gives_up = |alias: &Alias, sku: &Sku| {
        let rows = parts.get(&door.home_of(sku)).map_or(&[][..], |part| &part.rows);
        rows.iter().any(|row| row.item.sku == *sku && !row.item.aliases.contains(alias))
    };
    let waits =
        |codes: &Option<Codes>| matches!(codes, Some(Codes::Taken(alias, sku)) if gives_up(alias, sku));
    let is_ready = |part: &Part| !part.codes.iter().any(waits);
    let mut ready: Vec<_> = parts.iter().filter(|(_, part)| is_ready(part)).map(|(id, _)| *id).collect();
    if ready.is_empty() {
        // They wait for each other: whoever asks for what is not given up yet is refused.
        ready = parts.keys().copied().collect();
    }
    Ok(ready.into_iter().filter_map(|partition| parts.remove_entry(&partition)).collect())
}

fn blank((index, row): (usize, &proto::ItemRow)) -> RowResult {
    let key = row.item.as_ref().map_or_else(String::new, |item| item.sku.clone());
    RowResult { row: index as u64, key, ..RowResult::default() }
}

fn refuse(result: &mut RowResult, reason: &str, message: String, field: String) {
    result.outcome = RowOutcome::Refused.into();
    result.error_reason = reason.to_owned();
    result.error_message = message;
    result.error_field = field;
}

fn say(result: &mut RowResult, index: usize, outcome: ItemOutcome) {
    let (said, revision) = match outcome {
        ItemOutcome::Created(revision) => (RowOutcome::Created, revision),
        ItemOutcome::Updated(revision) => (RowOutcome::Updated, revision),
        ItemOutcome::Unchanged(revision) => (RowOutcome::Unchanged, revision),
        ItemOutcome::Refused(refusal) => {
            let field = match refusal.field() {
                "expected_revision" => format!("rows[{index}].expected_revision"),
                field => format!("rows[{index}].item.{field}"),
            };
            return refuse(result, refusal.reason(), refusal.to_string(), field);
        }
    };
    (result.outcome, result.revision) = (said.into(), revision);
}
