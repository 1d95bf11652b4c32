//! From rows to requests: batches that the contracts allow, a few under way at once, answers in the order of the file.

use super::report::{Answer, Report};
use crate::commands::refused;
use anyhow::Context;
use futures::stream::{self, StreamExt};
use waybill_client::Client;
use waybill_formats::{ReadError, Record, RowError, Rows};

/// Requests under way at once: the server works while the next rows are read.
const REQUESTS_AT_ONCE: usize = 4;

/// One row and the line it begins on.
#[derive(Clone, Debug)]
pub(super) struct Row<M> {
    pub(super) line: u64,
    pub(super) message: M,
}

/// A kind of row and the call that takes it.
pub(super) trait Kind {
    /// What stands in the file.
    type Record: Record;
    /// What is sent.
    type Message: prost::Message + Clone;
    /// Rows of one request at most.
    const ROWS_MAX: usize;
    /// Bytes of one request at most, unless a single row has more.
    const BYTES_MAX: usize;

    /// The row as a message, or what is wrong with it for this use.
    fn message(&self, record: &Self::Record, line: u64)
    -> Result<Self::Message, waybill_formats::FieldError>;

    /// Sends a batch.
    fn send(
        &self,
        client: &Client,
        rows: Vec<Self::Message>,
    ) -> impl Future<Output = Result<Answer, tonic::Status>> + Send;
}

/// Sends all rows.
///
/// # Errors
/// A file that cannot be read on, or a request refused as a whole. What was answered before stays taken.
pub(super) async fn upload<K: Kind>(
    client: &Client,
    kind: &K,
    rows: Rows<K::Record>,
    mut report: Report,
) -> anyhow::Result<Report> {
    let batches = stream::iter(Batches { kind, rows, rest: None });
    let mut answers = batches
        .map(|batch| async {
            let Batch { rows, wrong, end } = batch;
            let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
            let messages: Vec<K::Message> = rows.into_iter().map(|row| row.message).collect();
            let answer =
                if messages.is_empty() { Ok(Answer::default()) } else { kind.send(client, messages).await };
            (lines, wrong, answer, end)
        })
        .buffered(REQUESTS_AT_ONCE);
    while let Some((lines, wrong, answer, end)) = answers.next().await {
        for fault in &wrong {
            report.wrong(fault);
        }
        let answer = answer.map_err(refused).with_context(|| at(&lines))?;
        report.answered(&lines, &answer);
        if let Some(fault) = end {
            return Err(fault.into());
        }
    }
    drop(answers);
    Ok(report)
}

fn at(lines: &[u64]) -> String {
    match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => format!("lines {first} to {last} were not taken"),
        _ => "nothing was sent".to_owned(),
    }
}

/// What goes into one request, and the wrong rows between.
struct Batch<M> {
    rows: Vec<Row<M>>,
    wrong: Vec<RowError>,
    /// The file cannot be read on after this.
    end: Option<ReadError>,
}

struct Batches<'a, K: Kind> {
    kind: &'a K,
    rows: Rows<K::Record>,
    /// The row that did not fit the batch before.
    rest: Option<Row<K::Message>>,
}

impl<K: Kind> Batches<'_, K> {
    /// The next row as a message.
    fn row(&mut self) -> Option<Result<Row<K::Message>, ReadError>> {
        let record = match self.rows.next()? {
            Ok(record) => record,
            Err(fault) => return Some(Err(fault)),
        };
        let line = self.rows.line();
        let message = self.kind.message(&record, line);
        let message = message.map_err(|fault| RowError { line, field: fault.field, why: fault.why });
        Some(message.map(|message| Row { line, message }).map_err(ReadError::Row))
    }
}

impl<K: Kind> Iterator for Batches<'_, K> {
    type Item = Batch<K::Message>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Batch { rows: Vec::new(), wrong: Vec::new(), end: None };
        let mut bytes = 0;
        if let Some(row) = self.rest.take() {
            bytes = encoded_len(&row.message);
            batch.rows.push(row);
        }
        // Wrong rows count too: a file of nothing else must not become one batch.
        while batch.rows.len() + batch.wrong.len() < K::ROWS_MAX {
            match self.row() {
                None if batch.rows.is_empty() && batch.wrong.is_empty() => return None,
                None => break,
                Some(Err(ReadError::Row(fault))) => batch.wrong.push(fault),
                Some(Err(fault)) => {
                    batch.end = Some(fault);
                    break;
                }
                Some(Ok(row)) => {
                    bytes += encoded_len(&row.message);
                    if bytes > K::BYTES_MAX && !batch.rows.is_empty() {
                        self.rest = Some(row);
                        break;
                    }
                    batch.rows.push(row);
                }
            }
        }
        Some(batch)
    }
}

/// Bytes of a message in its request, with its tag and length.
fn encoded_len(message: &impl prost::Message) -> usize {
    message.encoded_len() + 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::Identity;
    use waybill_client::proto::inventory::v1::Item;
    use waybill_formats::{FieldError, Format, ItemRecord, read};

    /// Takes every row but those named "no".
    struct Fake;

    impl Kind for Fake {
        type Record = ItemRecord;
        type Message = Item;
        const ROWS_MAX: usize = 3;
        const BYTES_MAX: usize = 400;

        fn message(&self, record: &ItemRecord, _line: u64) -> Result<Item, FieldError> {
            match record.name.as_str() {
                "wrong" => Err(FieldError::new("name", "is wrong")),
                _ => Ok(crate::records::item(record)),
            }
        }

        async fn send(&self, _client: &Client, rows: Vec<Item>) -> Result<Answer, tonic::Status> {
            if rows.iter().any(|item| item.name == "stop") {
                return Err(tonic::Status::internal("stopped"));
            }
            Ok(Answer { taken: rows.len() as u64, ..Answer::default() })
        }
    }

    fn batches(text: &str) -> Vec<(Vec<u64>, usize)> {
        let rows = read(Format::Csv, std::io::Cursor::new(text.to_owned())).unwrap();
        let batches = Batches { kind: &Fake, rows, rest: None };
        batches.map(|batch| (batch.rows.iter().map(|row| row.line).collect(), batch.wrong.len())).collect()
    }

    #[test]
    fn batches_end_at_rows_and_at_bytes_and_lose_nothing() {
        assert_eq!(batches("sku\nA\nB\nC\nD\n"), [(vec![2, 3, 4], 0), (vec![5], 0)]);
        let long = "x".repeat(190);
        let text = format!("sku,name\nA,{long}\nB,{long}\nC,\nD,\n");
        assert_eq!(batches(&text), [(vec![2], 0), (vec![3, 4, 5], 0)]);
        assert_eq!(batches("sku,name\nA,\n,\nB,wrong\nC,\n"), [(vec![2], 2), (vec![5], 0)]);
        assert_eq!(batches("sku\n"), []);
    }

    #[tokio::test]
    async fn every_row_is_counted_once_and_a_refused_request_stops() {
        let client = Client::connect_lazy("http://127.0.0.1:1", Identity::default()).unwrap();
        let run = async |text: &str| {
            let rows = read(Format::Csv, std::io::Cursor::new(text.to_owned())).unwrap();
            upload(&client, &Fake, rows, Report::new(0, indicatif::ProgressBar::hidden())).await
        };
        let report = run("sku,name\nA,\n,\nB,wrong\nC,\nD,\nE,\nF,\n").await.unwrap();
        assert_eq!(report.to_string(), "7 rows: 5 taken, 0 unchanged, 2 not taken (2 of them not listed)");
        let stopped = run("sku,name\nA,\nB,\nC,\nD,stop\nE,\n").await.unwrap_err();
        assert_eq!(format!("{stopped:#}"), "lines 5 to 6 were not taken: stopped");
    }
}
