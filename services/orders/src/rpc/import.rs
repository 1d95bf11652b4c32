//! ImportOrders: finished orders as history. A row that is refused changes nothing and does not stop the others; a row
//! that is there already is told so, hence a broken import is simply sent again.

use crate::door::Inner;
use crate::from_proto;
use crate::metrics as names;
use futures::{StreamExt, stream};
use std::time::Duration;
use tonic::{Status, Streaming};
use waybill_machine::{Coded, FieldViolation};
use waybill_orders::{Answer, Command, Orders};
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_replica::{Accepted, Failure, Submission, Token};
use waybill_service_kit::{Caller, DoorError, Fields};
use waybill_types::{Origin, PartitionId};

/// Rows of one message, and refused rows that are listed.
const ROWS_MAX: usize = 1_000;

pub(crate) async fn import(
    door: &Inner,
    caller: Caller,
    mut messages: Streaming<proto::ImportOrdersRequest>,
) -> Result<proto::ImportOrdersResponse, Status> {
    let mut summary = proto::ImportOrdersResponse::default();
    let mut opened: Option<(String, Origin)> = None;
    let mut token: Option<Token> = None;
    while let Some(message) = messages.message().await? {
        let origin = origin(&caller, &mut opened, &message)?;
        if message.orders.is_empty() || message.orders.len() > ROWS_MAX {
            let what = format!("are {}, must be 1 to {ROWS_MAX} per message", message.orders.len());
            return Err(DoorError::field("orders", what).into());
        }
        let first = summary.received_count;
        summary.received_count += message.orders.len() as u64;
        let rows: Vec<_> = (first..).zip(message.orders).map(|row| (row, origin.clone())).collect();
        let rows = rows.into_iter().map(|((row, order), origin)| async move {
            let taken = one(door, origin, &order).await;
            (row, order.external_order_number, taken)
        });
        let mut results = stream::iter(rows).buffered(door.settings.imports_at_once.max(1));
        while let Some((row, key, result)) = results.next().await {
            match result {
                Ok((known, written)) => {
                    token = Some(written);
                    let (count, outcome) = match known {
                        true => (&mut summary.unchanged_count, "unchanged"),
                        false => (&mut summary.applied_count, "applied"),
                    };
                    *count += 1;
                    metrics::counter!(names::IMPORTED, "outcome" => outcome).increment(1);
                }
                Err(NotTaken::Row(refused)) => {
                    summary.refused_count += 1;
                    metrics::counter!(names::IMPORTED, "outcome" => "refused").increment(1);
                    if summary.failures.len() < ROWS_MAX {
                        summary.failures.push(failure(row, key, &*refused));
                    }
                }
                Err(NotTaken::Import(status)) => return Err(status),
            }
        }
    }
    if opened.is_none() {
        return Err(DoorError::field("request_id", "is required in the first message").into());
    }
    summary.token = token.map(|token| token.to_string()).unwrap_or_default();
    Ok(summary)
}

/// The import's id and reason are those of its first message.
fn origin(
    caller: &Caller,
    opened: &mut Option<(String, Origin)>,
    message: &proto::ImportOrdersRequest,
) -> Result<Origin, Status> {
    if let Some((id, origin)) = opened {
        if !message.request_id.is_empty() && message.request_id != *id {
            return Err(DoorError::field("request_id", "differs from that of the first message").into());
        }
        return Ok(origin.clone());
    }
    let mut fields = Fields::new();
    let id = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let (id, reason) = fields.finish(id.zip(reason))?;
    let origin = caller.origin(reason);
    *opened = Some((id.as_str().to_owned(), origin.clone()));
    Ok(origin)
}

/// Why a row was not taken.
enum NotTaken {
    /// It is wrong; the others go on.
    Row(Box<dyn Coded>),
    /// The engine cannot go on now; the import is sent again.
    Import(Status),
}

async fn one(door: &Inner, origin: Origin, order: &proto::HistoricOrder) -> Result<(bool, Token), NotTaken> {
    let wrong = |error: DoorError| NotTaken::Row(Box::new(error));
    let from_proto::import::Row { mut import, person } =
        from_proto::import::row(&door.seal, order).map_err(wrong)?;
    if let Some(person) = &person {
        let (subject, sealed) = door.seal.seal(person).map_err(|error| NotTaken::Import(error.into()))?;
        (import.basket.subject, import.basket.recipient) = (Some(subject), Some(sealed));
    }
    let home = door.layout.order_home(&import.channel, &import.basket.external);
    let accepted = submit(door, home, origin, Command::Import(Box::new(import))).await?;
    match accepted.answer {
        Answer::Imported { known, .. } => Ok((known, accepted.token)),
        other => {
            let what = format!("an import was answered with {other:?}");
            Err(NotTaken::Import(DoorError::Bug { what }.into()))
        }
    }
}

/// A full queue is waited for: an import is in no hurry, and callers of the shop go first.
async fn submit(
    door: &Inner,
    home: PartitionId,
    origin: Origin,
    command: Command,
) -> Result<Accepted<Answer>, NotTaken> {
    let partition = door.partition(home).map_err(NotTaken::Import)?;
    loop {
        let submission: Submission<Orders> =
            Submission { command: command.clone(), origin: origin.clone(), request: None };
        match partition.submit(submission).await {
            Ok(accepted) => return Ok(accepted),
            Err(Failure::Busy { retry_after_ms, .. }) => {
                tokio::time::sleep(Duration::from_millis(retry_after_ms)).await;
            }
            Err(Failure::Refused(refusal)) => return Err(NotTaken::Row(Box::new(refusal))),
            Err(failure) => return Err(NotTaken::Import(waybill_service_kit::failed(&failure))),
        }
    }
}

fn failure(row: u64, key: String, refused: &dyn Coded) -> common::RowResult {
    let violations: Vec<FieldViolation> = refused.violations();
    common::RowResult {
        row,
        key,
        outcome: common::RowOutcome::Refused.into(),
        revision: 0,
        error_reason: refused.reason().to_owned(),
        error_message: refused.to_string(),
        error_field: violations.into_iter().next().map(|violation| violation.field).unwrap_or_default(),
    }
}
