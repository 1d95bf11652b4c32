//! Delivers one partition's messages: per receiver in order, one run in flight, retried until applied.

use crate::letter::Letter;
use crate::mailbox::Internal;
use crate::router::{DeliverError, Delivery, Router};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use waybill_machine::Machine;
use waybill_types::PartitionId;

/// Messages in one delivery, and their bytes (at least one goes, whatever its size).
const RUN_MAX: usize = 128;
const RUN_BYTES_MAX: usize = 1 << 20;
/// A delivery that is not answered by then is sent again; what was applied is skipped.
const PATIENCE: Duration = Duration::from_secs(30);
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_LAST: Duration = Duration::from_secs(1);

struct Lane {
    /// The number of the first waiting message.
    first: u64,
    waiting: VecDeque<Letter>,
    in_flight: bool,
    backoff: Duration,
}

impl Lane {
    /// The messages that go next.
    fn run(&mut self) -> Vec<Letter> {
        let mut bytes = 0;
        let fits = |letter: &&mut Letter| {
            let first = bytes == 0;
            bytes += letter.bytes().len();
            first || bytes <= RUN_BYTES_MAX
        };
        self.waiting.iter_mut().take(RUN_MAX).take_while(fits).map(Letter::sent).collect()
    }
}

pub(crate) type Outgoing = (PartitionId, u64, Letter);

/// Runs until the partition goes away.
pub(crate) async fn run<M: Machine>(
    from: PartitionId,
    router: Router,
    mut outgoing: mpsc::UnboundedReceiver<Vec<Outgoing>>,
    partition: mpsc::WeakUnboundedSender<Internal<M>>,
) {
    let mut lanes: BTreeMap<PartitionId, Lane> = BTreeMap::new();
    let mut flights = FuturesUnordered::new();
    loop {
        tokio::select! {
            batch = outgoing.recv() => {
                let Some(batch) = batch else { return };
                for (to, number, letter) in batch {
                    let lane = lanes.entry(to).or_insert_with(|| Lane {
                        first: number, waiting: VecDeque::new(), in_flight: false, backoff: BACKOFF_FIRST,
                    });
                    assert_eq!(lane.first + lane.waiting.len() as u64, number, "messages are numbered densely");
                    lane.waiting.push_back(letter);
                }
            }
            Some((to, result)) = flights.next() => {
                let Some(lane) = lanes.get_mut(&to) else { continue };
                lane.in_flight = false;
                if let Some(through) = landed(lane, to, result) {
                    let Some(partition) = partition.upgrade() else { return };
                    if partition.send(Internal::Acknowledged { to, through }).is_err() {
                        return;
                    }
                }
            }
        }
        for (to, lane) in &mut lanes {
            if lane.in_flight || lane.waiting.is_empty() {
                continue;
            }
            lane.in_flight = true;
            let messages = lane.run();
            let delivery = Delivery { from, to: *to, first: lane.first, messages };
            let (router, to) = (router.clone(), *to);
            let pause = (lane.backoff > BACKOFF_FIRST).then_some(lane.backoff);
            flights.push(async move {
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                }
                let answer = tokio::time::timeout(PATIENCE, router.deliver(delivery)).await;
                (to, answer.unwrap_or(Err(DeliverError::Unavailable(to))))
            });
        }
    }
}

/// Takes what has been applied off the lane; answers through which number.
fn landed(lane: &mut Lane, to: PartitionId, result: Result<u64, DeliverError>) -> Option<u64> {
    match result {
        Ok(through) => {
            lane.backoff = BACKOFF_FIRST;
            while lane.first <= through && lane.waiting.pop_front().is_some() {
                lane.first += 1;
            }
            Some(through)
        }
        Err(error) => {
            lane.backoff = (lane.backoff * 2).min(BACKOFF_LAST);
            if lane.backoff == BACKOFF_LAST {
                tracing::warn!(%to, %error, "messages wait for their receiver");
            }
            None
        }
    }
}
