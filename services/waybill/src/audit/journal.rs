//! What the journal itself shows: that it reads back, and that nothing in it was done twice. It knows frames and their
//! causes, and no event.

use super::Report;
use std::collections::BTreeMap;
use std::collections::HashMap;
use waybill_journal::{Journal, LogId};
use waybill_machine::Violation;
use waybill_machine::record::decode;
use waybill_replica::{Body, Cause, Entry};
use waybill_types::{Layout, PartitionId, RequestId, Service, Timestamp};

/// DURABLE-1, as far as one machine can show it: every kept frame reads back, dense and chained. ONCE-1, as far as the
/// kept frames go: see [`Seen`].
pub(super) fn reads_back(journal: &dyn Journal, layout: Layout, report: &mut Report) {
    let stats = journal.stats();
    for id in Service::ALL.into_iter().flat_map(|service| layout.partitions(service)) {
        let log = LogId(id.number());
        let Some(kept) = stats.logs.get(&log) else { continue };
        let mut seen = Seen::default();
        let mut next = kept.oldest;
        while next <= kept.head {
            match journal.read(log, next, 4 << 20) {
                Ok(frames) => {
                    report.checked("DURABLE-1", frames.len() as u64);
                    for frame in frames.iter().filter(|frame| !frame.is_claim()) {
                        match decode::<Body>(&frame.body) {
                            Ok(body) => seen.frame(id, frame.seq, &body, report),
                            Err(error) => damaged(report, format!("{id}, frame {}: {error}", frame.seq)),
                        }
                    }
                    match frames.last() {
                        Some(last) => next = last.seq + 1,
                        None => {
                            damaged(
                                report,
                                format!("{id}: the journal ends at {}, not at {}", next - 1, kept.head),
                            );
                            break;
                        }
                    }
                }
                // Trimmed while we read: what is gone is behind a checkpoint.
                Err(waybill_journal::Error::Trimmed { oldest, .. }) if oldest > next => {
                    next = oldest;
                    seen = Seen::default();
                }
                Err(error) => {
                    damaged(report, format!("{id}: {error}"));
                    break;
                }
            }
        }
    }
}

fn damaged(report: &mut Report, what: String) {
    report.violated(Violation { law: "DURABLE-1", what });
}

/// What one partition has done, going through its frames: a request id has an effect once within its target for as long
/// as it is remembered, and the messages of one sender are applied one after the other, none twice and none left out.
#[derive(Default)]
struct Seen {
    requests: HashMap<([u8; 16], RequestId), Timestamp>,
    messages: BTreeMap<PartitionId, u64>,
}

impl Seen {
    fn frame(&mut self, id: PartitionId, frame: u64, body: &Body, report: &mut Report) {
        for entry in &body.entries {
            let what = self.entry(entry, report);
            if let Some(what) = what {
                report.violated(Violation { law: "ONCE-1", what: format!("{id}, frame {frame}: {what}") });
            }
        }
    }

    fn entry(&mut self, entry: &Entry, report: &mut Report) -> Option<String> {
        if let Cause::Message { from, sequence } = entry.cause {
            report.checked("ONCE-1", 1);
            if let Some(before) = self.messages.insert(from, sequence).filter(|before| before + 1 != sequence)
            {
                return Some(format!("message {sequence} of {from} was applied after message {before}"));
            }
        }
        let request = entry.request.as_ref()?;
        report.checked("ONCE-1", 1);
        let known = self.requests.insert((request.target, request.id.clone()), request.expires_at);
        let until = known.filter(|until| entry.at < *until)?;
        Some(format!(
            "request {} had a second effect while it was remembered, until {} ms",
            request.id,
            until.as_ms()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_machine::Content;
    use waybill_replica::Remembered;
    use waybill_types::Origin;

    fn entry(at_ms: i64, cause: Cause, request: Option<&str>) -> Entry {
        let request = request.map(|id| Remembered {
            target: [7; 16],
            id: RequestId::new(id).unwrap(),
            content: Content::new(),
            answer: Vec::new().into(),
            expires_at: Timestamp::from_ms(at_ms + 1_000),
        });
        Entry {
            at: Timestamp::from_ms(at_ms),
            origin: Origin::engine("test"),
            cause,
            events: Vec::new(),
            request,
        }
    }

    fn judged(entries: Vec<Entry>) -> (u64, u64) {
        let mut report = Report::default();
        let body = Body { version: Body::VERSION, entries, acknowledged: Vec::new(), state: None };
        Seen::default().frame(PartitionId::new(Service::Orders, 0), 1, &body, &mut report);
        let law = report.laws().find(|(law, _)| *law == "ONCE-1").unwrap().1;
        (law.checked, law.violation_count)
    }

    #[test]
    fn a_request_id_has_one_effect_until_it_is_forgotten() {
        let asked = |at_ms, id| entry(at_ms, Cause::Command, Some(id));
        assert_eq!(judged(vec![asked(0, "a"), asked(1, "b"), asked(1_000, "a")]), (3, 0));
        assert_eq!(judged(vec![asked(0, "a"), asked(999, "a")]), (2, 1));
    }

    #[test]
    fn a_message_applied_twice_or_left_out_is_found() {
        let from = PartitionId::new(Service::Inventory, 3);
        let message = |sequence| entry(0, Cause::Message { from, sequence }, None);
        assert_eq!(judged(vec![message(7), message(8), entry(0, Cause::Tick, None), message(9)]), (3, 0));
        assert_eq!(judged(vec![message(7), message(7)]), (2, 1));
        assert_eq!(judged(vec![message(7), message(9)]), (2, 1));
    }
}
