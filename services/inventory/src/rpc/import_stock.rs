//! A bulk feed of counts: rows are dealt to their partitions, one chunk per partition on its way, so that a hundred
//! thousand rows cost a few hundred appends. Rows of one position keep their order. A feed sent again is ignored row by
//! row by its sequences, so it needs no request ids of its own.

use crate::door::Shared;
use crate::error::unexpected;
use crate::from_proto::stock::count;
use crate::metrics as names;
use crate::rpc::joint_token;
use futures::{Stream, TryStreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::Status;
use waybill_inventory::{Answer, Command, CountOutcome, CountRow};
use waybill_proto::common::v1::{RowOutcome, RowResult};
use waybill_proto::inventory::v1 as proto;
use waybill_replica::{Failure, Submission, Token};
use waybill_service_kit::values::some_text;
use waybill_service_kit::{Caller, DoorError, Fields, failed};
use waybill_types::{Origin, PartitionId, Text};

const ROWS_PER_MESSAGE_MAX: usize = 1_000;
const FAILURES_LISTED_MAX: usize = 1_000;
/// Chunks waiting per partition: one on its way, one ready.
const CHUNKS_READY: usize = 1;
const BUSY_TRIES_MAX: u32 = 100;

/// A row with its number in the stream.
type Numbered = (u64, CountRow);

pub(crate) async fn import(
    door: &Shared,
    caller: Caller,
    mut stream: impl Stream<Item = Result<proto::ImportStockRequest, Status>> + Unpin,
) -> Result<proto::ImportStockResponse, Status> {
    let first = stream.try_next().await?;
    let first = first.ok_or_else(|| DoorError::field("rows", "are none: the feed is empty"))?;
    let feed = Feed::begin(&caller, &first)?;
    let mut deal = Deal::new(Arc::clone(door), feed.clone());
    let mut next = Some(first);
    while let Some(message) = next {
        if let Err(error) = feed.check(&message) {
            // What was dealt before stands; the feed may be sent again from the start.
            deal.finish().await?;
            return Err(error.into());
        }
        for row in &message.rows {
            deal.take(row).await?;
        }
        next = stream.try_next().await?;
    }
    deal.finish().await
}

/// What the first message says for the whole feed.
#[derive(Clone)]
struct Feed {
    request_id: String,
    source: Text,
    origin: Origin,
}

impl Feed {
    fn begin(caller: &Caller, first: &proto::ImportStockRequest) -> Result<Self, DoorError> {
        let mut fields = Fields::new();
        let request = fields.request_id(&first.request_id);
        let reason = fields.reason(&first.reason);
        let source = some_text(&mut fields, "source", &first.source, 64);
        let (reason, source) = fields.finish(request.and(reason).zip(source))?;
        Ok(Self { request_id: first.request_id.clone(), source, origin: caller.origin(reason) })
    }

    fn check(&self, message: &proto::ImportStockRequest) -> Result<(), DoorError> {
        let mut fields = Fields::new();
        let count = message.rows.len();
        if count == 0 || count > ROWS_PER_MESSAGE_MAX {
            fields.wrong("rows", format!("are {count}, must be 1 to {ROWS_PER_MESSAGE_MAX} per message"));
        }
        if !message.request_id.is_empty() && message.request_id != self.request_id {
            fields.wrong("request_id", "differs from the first message's");
        }
        if !message.source.is_empty() && message.source != self.source.as_str() {
            fields.wrong("source", "differs from the first message's");
        }
        fields.finish(Some(()))
    }
}

/// What a partition made of its rows.
#[derive(Default)]
struct Tally {
    applied: u64,
    ignored: u64,
    refused: u64,
    failures: Vec<RowResult>,
    token: Option<Token>,
}

impl Tally {
    fn refuse(&mut self, row: u64, key: String, reason: &str, message: String, field: String) {
        self.refused += 1;
        if self.failures.len() < FAILURES_LISTED_MAX {
            self.failures.push(RowResult {
                row,
                key,
                outcome: RowOutcome::Refused.into(),
                revision: 0,
                error_reason: reason.to_owned(),
                error_message: message,
                error_field: field,
            });
        }
    }
}

/// One partition's worker and the chunk being filled for it.
struct Lane {
    chunk: Vec<Numbered>,
    chunks: mpsc::Sender<Vec<Numbered>>,
    worker: JoinHandle<Result<Tally, Status>>,
}

struct Deal {
    door: Shared,
    feed: Feed,
    lanes: BTreeMap<PartitionId, Lane>,
    received: u64,
    unread: Tally,
}

impl Deal {
    fn new(door: Shared, feed: Feed) -> Self {
        Self { door, feed, lanes: BTreeMap::new(), received: 0, unread: Tally::default() }
    }

    async fn take(&mut self, row: &proto::StockCount) -> Result<(), Status> {
        let number = self.received;
        self.received += 1;
        let mut fields = Fields::new();
        let parsed = count(&mut fields, &format!("rows[{number}]."), row);
        let row = match fields.finish(parsed) {
            Ok(row) => row,
            Err(DoorError::Malformed(violations)) => {
                let first = violations.into_iter().next();
                let (field, what) = first.map_or_else(Default::default, |v| (v.field, v.description));
                self.unread.refuse(number, row.sku.clone(), "INVALID_REQUEST", what, field);
                return Ok(());
            }
            Err(other) => return Err(other.into()),
        };
        let partition = self.door.home_of(&row.spot.sku);
        let rows = self.door.settings.import_chunk_rows.max(1);
        let lane = self.lanes.entry(partition).or_insert_with(|| {
            let (chunks, receiver) = mpsc::channel(CHUNKS_READY);
            let worker = tokio::spawn(work(Arc::clone(&self.door), self.feed.clone(), partition, receiver));
            Lane { chunk: Vec::with_capacity(rows), chunks, worker }
        });
        lane.chunk.push((number, row));
        if lane.chunk.len() >= rows {
            let chunk = std::mem::replace(&mut lane.chunk, Vec::with_capacity(rows));
            // A worker that has failed tells so when it is joined.
            let _ = lane.chunks.send(chunk).await;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<proto::ImportStockResponse, Status> {
        let mut sum = std::mem::take(&mut self.unread);
        let mut joins = Vec::new();
        for (_, Lane { chunk, chunks, worker }) in std::mem::take(&mut self.lanes) {
            if !chunk.is_empty() {
                let _ = chunks.send(chunk).await;
            }
            joins.push(worker);
        }
        for worker in joins {
            let tally = worker.await.map_err(|error| DoorError::Bug { what: error.to_string() })??;
            sum.applied += tally.applied;
            sum.ignored += tally.ignored;
            sum.refused += tally.refused;
            sum.failures.extend(tally.failures);
            sum.token = tally.token.or(sum.token);
        }
        sum.failures.sort_unstable_by_key(|failure| failure.row);
        sum.failures.truncate(FAILURES_LISTED_MAX);
        metrics::counter!(names::IMPORT_ROWS, "outcome" => "applied").increment(sum.applied);
        metrics::counter!(names::IMPORT_ROWS, "outcome" => "unchanged").increment(sum.ignored);
        metrics::counter!(names::IMPORT_ROWS, "outcome" => "refused").increment(sum.refused);
        Ok(proto::ImportStockResponse {
            received_count: self.received,
            applied_count: sum.applied,
            unchanged_count: sum.ignored,
            refused_count: sum.refused,
            failures: sum.failures,
            token: joint_token(sum.token),
        })
    }
}

/// Puts one partition's chunks to it, one after the other.
async fn work(
    door: Shared,
    feed: Feed,
    partition: PartitionId,
    mut chunks: mpsc::Receiver<Vec<Numbered>>,
) -> Result<Tally, Status> {
    let mut tally = Tally::default();
    while let Some(chunk) = chunks.recv().await {
        let (numbers, rows): (Vec<u64>, Vec<CountRow>) = chunk.into_iter().unzip();
        let keys: Vec<String> = rows.iter().map(|row| row.spot.sku.to_string()).collect();
        let (outcomes, token) = put(&door, &feed, partition, rows).await?;
        tally.token = Some(token);
        for ((number, key), outcome) in numbers.into_iter().zip(keys).zip(outcomes) {
            match outcome {
                CountOutcome::Applied(_) => tally.applied += 1,
                CountOutcome::Ignored(_) => tally.ignored += 1,
                CountOutcome::Refused(refusal) => {
                    let field = format!("rows[{number}].{}", refusal.field());
                    tally.refuse(number, key, refusal.reason(), refusal.to_string(), field);
                }
            }
        }
    }
    Ok(tally)
}

/// A full queue is waited for: a feed is in no hurry, and must not be lost half-way.
async fn put(
    door: &Shared,
    feed: &Feed,
    partition: PartitionId,
    rows: Vec<CountRow>,
) -> Result<(Vec<CountOutcome>, Token), Status> {
    for tries in 1.. {
        let command = Command::CountMany { source: feed.source.clone(), rows: rows.clone() };
        let submission = Submission { command, origin: feed.origin.clone(), request: None };
        match door.run(partition, submission).await {
            Ok(accepted) => match accepted.answer {
                Answer::CountedMany(outcomes) => return Ok((outcomes, accepted.token)),
                other => return Err(unexpected(&other)),
            },
            Err(Failure::Busy { retry_after_ms, .. }) if tries < BUSY_TRIES_MAX => {
                tokio::time::sleep(Duration::from_millis(retry_after_ms)).await;
            }
            Err(failure) => return Err(failed(&failure)),
        }
    }
    unreachable!("the last try returns")
}
