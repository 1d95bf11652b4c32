//! A writer that keeps account of what it was answered, and the judge of it. Retries as an owner does: the same frame at the
//! same place, until it is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waybill_journal::{Claim, Error, Frame, Head, Journal, LogId, conformance};
use waybill_journal_nats::NatsJournal;

pub(crate) fn body(log: LogId, seq: u64) -> Bytes {
    Bytes::from(format!("log {log} frame {seq} {}", "x".repeat((seq % 300) as usize)))
}

/// What an owner was told.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) log: LogId,
    /// Heads that were acknowledged, in order, the claim's first.
    pub(crate) acknowledged: Vec<Head>,
    /// Longest time from one acknowledgement to the next.
    pub(crate) worst: Duration,
    /// Appends that ended with an error of the engine and were asked for again.
    pub(crate) asked_again: u64,
}

/// Claims, and appends one frame after the other until told to stop.
pub(crate) async fn write(
    journal: Arc<NatsJournal>,
    log: LogId,
    stop: Arc<std::sync::atomic::AtomicBool>,
) -> Ledger {
    let claim = claim(&*journal, log).await;
    let mut ledger = Ledger { log, acknowledged: vec![claim.head], worst: Duration::ZERO, asked_again: 0 };
    let mut head = claim.head;
    let mut last = Instant::now();
    while !stop.load(std::sync::atomic::Ordering::Acquire) {
        let seq = head.seq + 1;
        match journal.append(log, claim.epoch, seq, body(log, seq)).await {
            Ok(appended) => head = appended,
            Err(Error::Engine { .. }) => {
                ledger.asked_again += 1;
                continue;
            }
            Err(other) => panic!("append {seq} to log {log}: {other}"),
        }
        ledger.worst = ledger.worst.max(last.elapsed());
        last = Instant::now();
        ledger.acknowledged.push(head);
    }
    ledger
}

pub(crate) async fn claim(journal: &dyn Journal, log: LogId) -> Claim {
    let began = Instant::now();
    loop {
        match journal.claim(log).await {
            Ok(claim) => return claim,
            Err(Error::Engine { what }) => assert!(began.elapsed() < Duration::from_secs(60), "{what}"),
            Err(other) => panic!("claim log {log}: {other}"),
        }
    }
}

impl Ledger {
    pub(crate) fn count(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// Every acknowledged frame stands where it was acknowledged, once, and nothing stands between them.
    pub(crate) fn judge(&self, journal: &dyn Journal) -> Vec<Frame> {
        let frames = conformance::read_all(journal, self.log);
        for head in &self.acknowledged {
            let frame = frames.get(head.seq as usize - 1);
            assert_eq!(
                frame.map(Frame::head),
                Some(*head),
                "log {}: an acknowledged frame is gone",
                self.log
            );
        }
        for frame in frames.iter().filter(|frame| !frame.is_claim()) {
            assert_eq!(
                frame.body,
                body(self.log, frame.seq),
                "log {}: {} is not its own",
                self.log,
                frame.seq
            );
        }
        frames
    }
}
