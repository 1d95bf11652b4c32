//! The eight kinds of file and the calls that take them.

use super::Sequence;
use super::report::Answer;
use super::upload::Kind;
use crate::records;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tonic::Status;
use waybill_client::Client;
use waybill_client::proto::common::v1::{RowOutcome, RowResult};
use waybill_client::proto::fulfillment::v1 as fulfillment;
use waybill_client::proto::inventory::v1::{
    self as inventory, ImportStockRequest, ItemRow, UpsertItemsRequest,
};
use waybill_client::proto::orders::v1::{HistoricOrder, ImportOrdersRequest};
use waybill_formats::{
    CalendarRecord, FieldError, ItemRecord, LaneRecord, NodeRecord, OrderRecord, RateCardRecord, StockRecord,
    ZoneRecord,
};

/// Rows in one message, as the contracts allow.
const MESSAGE_ROWS_MAX: usize = 1_000;
/// Well below the 4 MiB that a server reads at once.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// A feed is answered at its end: short enough for progress to be seen and for a break to repeat little.
const FEED_ROWS_MAX: usize = 10_000;
const FEED_BYTES_MAX: usize = 8 << 20;

macro_rules! upserts {
    ($($name:ident of $record:ident: $convert:ident -> $message:ident, $call:ident($request:ident.$field:ident);)*) => {$(
        pub(super) struct $name {
            pub(super) reason: String,
        }

        impl Kind for $name {
            type Record = $record;
            type Message = fulfillment::$message;
            const ROWS_MAX: usize = MESSAGE_ROWS_MAX;
            const BYTES_MAX: usize = MESSAGE_BYTES_MAX;

            fn message(&self, record: &$record, _line: u64) -> Result<Self::Message, FieldError> {
                Ok(records::$convert(record))
            }

            async fn send(&self, client: &Client, rows: Vec<Self::Message>) -> Result<Answer, Status> {
                let reason = self.reason.clone();
                let request = fulfillment::$request { reason, $field: rows, ..Default::default() };
                Ok(row_by_row(client.$call(request).await?.results))
            }
        }
    )*};
}

upserts! {
    Nodes of NodeRecord: node -> Node, upsert_nodes(UpsertNodesRequest.nodes);
    Lanes of LaneRecord: lane -> Lane, upsert_lanes(UpsertLanesRequest.lanes);
    Zones of ZoneRecord: zone -> Zone, upsert_zones(UpsertZonesRequest.zones);
    RateCards of RateCardRecord: rate_card -> RateCard, upsert_rate_cards(UpsertRateCardsRequest.rate_cards);
    Calendars of CalendarRecord: calendar -> Calendar, upsert_calendars(UpsertCalendarsRequest.calendars);
}

/// What each row's result comes to.
fn row_by_row(results: Vec<RowResult>) -> Answer {
    let mut answer = Answer::default();
    for result in results {
        match result.outcome() {
            RowOutcome::Created | RowOutcome::Updated => answer.taken += 1,
            RowOutcome::Unchanged => answer.unchanged += 1,
            // An outcome that this version does not know must not pass for success.
            RowOutcome::Refused | RowOutcome::Unspecified => {
                answer.refused += 1;
                answer.failures.push(result);
            }
        }
    }
    answer
}

pub(super) struct Items {
    pub(super) reason: String,
}

impl Kind for Items {
    type Record = ItemRecord;
    type Message = inventory::Item;
    const ROWS_MAX: usize = MESSAGE_ROWS_MAX;
    const BYTES_MAX: usize = MESSAGE_BYTES_MAX;

    fn message(&self, record: &ItemRecord, _line: u64) -> Result<Self::Message, FieldError> {
        Ok(records::item(record))
    }

    async fn send(&self, client: &Client, rows: Vec<Self::Message>) -> Result<Answer, Status> {
        let rows = rows.into_iter().map(|item| ItemRow { item: Some(item), expected_revision: 0 }).collect();
        let request = UpsertItemsRequest { reason: self.reason.clone(), rows, ..Default::default() };
        Ok(row_by_row(client.upsert_items(request).await?.results))
    }
}

pub(super) struct Stock {
    /// The nodes that rows name.
    pub(super) named: Arc<Mutex<BTreeSet<String>>>,
    pub(super) reason: String,
    pub(super) source: String,
    pub(super) sequence: Sequence,
}

impl Kind for Stock {
    type Record = StockRecord;
    type Message = inventory::StockCount;
    const ROWS_MAX: usize = FEED_ROWS_MAX;
    const BYTES_MAX: usize = FEED_BYTES_MAX;

    fn message(&self, record: &StockRecord, line: u64) -> Result<Self::Message, FieldError> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(record.node_id.clone());
        Ok(records::stock_count(record, self.sequence.of(line)))
    }

    async fn send(&self, client: &Client, rows: Vec<Self::Message>) -> Result<Answer, Status> {
        let mut feed: Vec<ImportStockRequest> = messages(rows)
            .into_iter()
            .map(|rows| ImportStockRequest { rows, ..Default::default() })
            .collect();
        if let Some(first) = feed.first_mut() {
            first.reason.clone_from(&self.reason);
            first.source.clone_from(&self.source);
        }
        let answer = client.import_stock(feed).await?;
        Ok(Answer {
            taken: answer.applied_count,
            unchanged: answer.unchanged_count,
            refused: answer.refused_count,
            failures: answer.failures,
        })
    }
}

pub(super) struct Orders {
    pub(super) reason: String,
}

impl Kind for Orders {
    type Record = OrderRecord;
    type Message = HistoricOrder;
    const ROWS_MAX: usize = FEED_ROWS_MAX;
    const BYTES_MAX: usize = FEED_BYTES_MAX;

    fn message(&self, record: &OrderRecord, _line: u64) -> Result<Self::Message, FieldError> {
        record.check_finished()?;
        Ok(records::historic(record))
    }

    async fn send(&self, client: &Client, rows: Vec<Self::Message>) -> Result<Answer, Status> {
        let mut feed: Vec<ImportOrdersRequest> = messages(rows)
            .into_iter()
            .map(|orders| ImportOrdersRequest { orders, ..Default::default() })
            .collect();
        if let Some(first) = feed.first_mut() {
            first.reason.clone_from(&self.reason);
        }
        let answer = client.import_orders(feed).await?;
        Ok(Answer {
            taken: answer.applied_count,
            unchanged: answer.unchanged_count,
            refused: answer.refused_count,
            failures: answer.failures,
        })
    }
}

/// Cuts the rows of a feed into messages that the server reads.
fn messages<M: prost::Message>(rows: Vec<M>) -> Vec<Vec<M>> {
    let mut messages = vec![Vec::new()];
    let mut bytes = 0;
    for row in rows {
        let length = row.encoded_len() + 8;
        let last = messages.len() - 1;
        if messages[last].len() == MESSAGE_ROWS_MAX || (bytes + length > MESSAGE_BYTES_MAX && bytes > 0) {
            messages.push(vec![row]);
            bytes = length;
        } else {
            messages[last].push(row);
            bytes += length;
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_nobody_knows_is_no_success() {
        let result = |outcome: i32| RowResult { outcome, ..RowResult::default() };
        let answer = row_by_row([1, 2, 3, 4, 99].map(result).to_vec());
        assert_eq!((answer.taken, answer.unchanged, answer.refused, answer.failures.len()), (2, 1, 2, 2));
    }

    #[test]
    fn messages_hold_what_the_contract_allows_and_every_row_once() {
        let small = vec![inventory::StockCount::default(); 2_500];
        let lengths: Vec<usize> = messages(small).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1_000, 1_000, 500]);
        let large = |bytes: usize| HistoricOrder { channel: "x".repeat(bytes), ..HistoricOrder::default() };
        let rows = vec![large(600_000), large(600_000), large(2_000_000), large(10)];
        let lengths: Vec<usize> = messages(rows).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 1, 1]);
    }

    #[test]
    fn history_without_an_end_is_refused_before_it_is_sent() {
        let order = OrderRecord::default();
        assert!(Orders { reason: String::new() }.message(&order, 2).is_err());
    }
}
