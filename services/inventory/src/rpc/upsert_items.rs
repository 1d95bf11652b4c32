//! Upserting items: each row on its own, each partition once.

use crate::door::Shared;
use crate::error::unexpected;
use crate::from_proto::item::row;
use crate::rpc::joint_token;
use futures::future::join_all;
use std::collections::BTreeMap;
use tonic::Status;
use waybill_inventory::{Answer, Command, ItemOutcome, ItemRow};
use waybill_machine::Content;
use waybill_proto::common::v1::{RowOutcome, RowResult};
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::{Caller, DoorError, Fields, Write};
use waybill_types::PartitionId;

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
    let mut parts: BTreeMap<PartitionId, Vec<(usize, ItemRow)>> = BTreeMap::new();
    for (index, asked) in message.rows.iter().enumerate() {
        let mut fields = Fields::new();
        let parsed = row(&mut fields, &format!("rows[{index}]"), asked);
        match fields.finish(parsed) {
            Ok(row) => parts.entry(door.home_of(&row.item.sku)).or_default().push((index, row)),
            Err(DoorError::Malformed(violations)) => {
                let first = violations.into_iter().next();
                let (field, what) = first.map_or_else(Default::default, |v| (v.field, v.description));
                refuse(&mut results[index], "INVALID_REQUEST", what, field);
            }
            Err(other) => return Err(other.into()),
        }
    }
    let puts = parts.into_iter().map(|(partition, rows)| {
        let (indexes, rows): (Vec<usize>, Vec<ItemRow>) = rows.into_iter().unzip();
        let digest: Vec<_> = rows.iter().map(|row| (&row.item, row.expected_revision)).collect();
        let content = Content::new().with("rows", &digest);
        let (caller, request, reason) = (caller.clone(), request.clone(), reason.clone());
        let write = Write { caller, request, reason, target: b"items".to_vec(), content };
        async move { (indexes, door.submit(partition, &write, Command::UpsertItems(rows)).await) }
    });
    let mut token = None;
    for (indexes, accepted) in join_all(puts).await {
        let accepted = accepted?;
        token = Some(accepted.token);
        let Answer::Items(outcomes) = accepted.answer else { return Err(unexpected(&accepted.answer)) };
        for (index, outcome) in indexes.into_iter().zip(outcomes) {
            say(&mut results[index], index, outcome);
        }
    }
    Ok(proto::UpsertItemsResponse { results, token: joint_token(token) })
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
