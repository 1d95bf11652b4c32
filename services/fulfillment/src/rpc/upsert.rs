//! Upserts of the network: rows that cannot be read are refused one by one, the others go to partition 0 as one
//! command, and the answer waits until the next decision everywhere counts with them.

use crate::door::Shared;
use std::time::Duration;
use tonic::Status;
use waybill_fulfillment::{Answer, Command, RowOutcome};
use waybill_machine::Content;
use waybill_proto::common::v1 as common;
use waybill_service_kit::{Caller, DoorError, Fields, Write};
use waybill_types::NodeId;

/// Rows of one request.
const ROWS_MAX: usize = 1_000;

/// One kind of document as it comes in.
pub(crate) struct Kind<P, D> {
    /// The field with the rows, such as `nodes`.
    pub(crate) field: &'static str,
    /// The id of a row as the caller gave it.
    pub(crate) key: fn(&P) -> &str,
    /// Reads one row; the path ends with a dot.
    pub(crate) parse: fn(&mut Fields, &str, &P) -> Option<D>,
    /// The command for the rows.
    pub(crate) command: fn(Vec<D>) -> Command,
}

/// What every upsert answers.
pub(crate) struct Upserted {
    pub(crate) results: Vec<common::RowResult>,
    pub(crate) network_version: u64,
    pub(crate) token: String,
}

pub(crate) async fn upsert<P: prost::Message, D>(
    door: &Shared,
    caller: Caller,
    kind: Kind<P, D>,
    request_id: &str,
    reason: &str,
    rows: &[P],
) -> Result<Upserted, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(request_id);
    let reason = fields.reason(reason);
    if rows.is_empty() || rows.len() > ROWS_MAX {
        fields.wrong(kind.field, format!("are {}, must be 1 to {ROWS_MAX}", rows.len()));
    }
    let (request, reason) = fields.finish((|| Some((request?, reason?)))())?;
    let content = Content::new().with("rows", &digest(rows)).with("reason", &reason.as_str());
    let (documents, mut refused) = parse(&kind, rows);
    let target = format!("network {}", kind.field).into_bytes();
    let write = Write { caller, request, reason, target, content };
    let home = door.layout.network_home();
    let accepted = door.submit(home, write, (kind.command)(documents)).await?;
    let Answer::Rows { rows: outcomes, network } = accepted.answer else {
        return Err(DoorError::Bug { what: "an upsert was answered with something else".into() }.into());
    };
    let mut outcomes = outcomes.into_iter();
    let results = rows.iter().enumerate().map(|(index, row)| {
        let key = (kind.key)(row);
        match refused[index].take() {
            Some(result) => Ok(result),
            None => match outcomes.next() {
                Some(outcome) => Ok(result(kind.field, index, key, &outcome)),
                None => {
                    Err(DoorError::Bug { what: "an upsert answered fewer rows than it was given".into() })
                }
            },
        }
    });
    let results = results.collect::<Result<Vec<_>, DoorError>>()?;
    Ok(Upserted { results, network_version: network, token: accepted.token.to_string() })
}

fn digest<P: prost::Message>(rows: &[P]) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        let bytes = row.encode_length_delimited_to_vec();
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// The rows that could be read, in order, and the refusal of each that could not, by position.
fn parse<P, D>(kind: &Kind<P, D>, rows: &[P]) -> (Vec<D>, Vec<Option<common::RowResult>>) {
    let mut documents = Vec::with_capacity(rows.len());
    let mut refused = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let mut fields = Fields::new();
        let document = (kind.parse)(&mut fields, &format!("{}[{index}].", kind.field), row);
        match fields.finish(document) {
            Ok(document) => {
                documents.push(document);
                refused.push(None);
            }
            Err(error) => refused.push(Some(unreadable(index, (kind.key)(row), &error))),
        }
    }
    (documents, refused)
}

fn unreadable(index: usize, key: &str, error: &DoorError) -> common::RowResult {
    let (field, message) = match error {
        DoorError::Malformed(found) => {
            let all: Vec<String> = found.iter().map(|v| format!("{} {}", v.field, v.description)).collect();
            (found.first().map(|v| v.field.clone()).unwrap_or_default(), all.join("; "))
        }
        other => (String::new(), other.to_string()),
    };
    common::RowResult {
        row: index as u64,
        key: key.to_owned(),
        outcome: common::RowOutcome::Refused.into(),
        revision: 0,
        error_reason: "NETWORK_ROW_FAULTY".into(),
        error_message: message,
        error_field: field,
    }
}

fn result(field: &str, index: usize, key: &str, outcome: &RowOutcome) -> common::RowResult {
    let (is, revision) = match outcome {
        RowOutcome::Created => (common::RowOutcome::Created, 1),
        RowOutcome::Updated(revision) => (common::RowOutcome::Updated, *revision),
        RowOutcome::Unchanged(revision) => (common::RowOutcome::Unchanged, *revision),
        RowOutcome::Refused(_) => (common::RowOutcome::Refused, 0),
    };
    let mut result = common::RowResult {
        row: index as u64,
        key: key.to_owned(),
        outcome: is.into(),
        revision,
        ..common::RowResult::default()
    };
    if let RowOutcome::Refused(refusal) = outcome {
        result.error_reason = refusal.reason().to_owned();
        result.error_message = refusal.to_string();
        if !refusal.field().is_empty() {
            result.error_field = format!("{field}[{index}].{}", refusal.field());
        }
    }
    result
}

/// Waits until this process plans with `network` and each node's partition knows its revision. The rows are durable
/// already: when it takes too long, the answer goes out all the same.
pub(crate) async fn settle(door: &Shared, network: u64, nodes: &[(NodeId, u64)]) {
    let all = async {
        door.network.reached(network).await;
        for (node, revision) in nodes {
            known(door, node, *revision).await;
        }
    };
    let limit = Duration::from_millis(door.settings.network_settle_ms);
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!(network, "a change of the network is durable but not heard of everywhere yet");
    }
}

async fn known(door: &Shared, node: &NodeId, revision: u64) {
    let mut place = door.ears.known.enter(node.clone());
    loop {
        let asked = node.clone();
        let desk = door.read(door.home_of(node), move |state| state.desk(&asked)).await;
        match desk {
            Ok(Some(desk)) if desk.facts.revision >= revision => return,
            Ok(_) => place.woken().await,
            // The partition is stopping, and nobody waits for it.
            Err(_) => return,
        }
    }
}
