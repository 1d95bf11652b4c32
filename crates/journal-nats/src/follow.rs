//! Learning that a watched log has grown: by the hints that the servers send with each frame, and by asking now and
//! then, since hints may be lost. Knows nothing of what is in the frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures::StreamExt;
use tokio::time::MissedTickBehavior;

use crate::log::Log;
use crate::shared::Shared;

/// A log of our own is asked for its end only every so many polls: somebody may have claimed it.
const OWN_EVERY: u32 = 4;

/// Follows the log for as long as somebody watches it.
pub(crate) fn begin(shared: &Arc<Shared>, log: &Arc<Log>) {
    if !log.is_followed.swap(true, Ordering::AcqRel) {
        shared.runtime().spawn(run(Arc::clone(shared), Arc::clone(log)));
    }
}

async fn run(shared: Arc<Shared>, log: Arc<Log>) {
    let mut hints = subscribe(&shared, &log).await;
    let mut polls = tokio::time::interval(shared.options.poll);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0u32;
    while !shared.is_closed() {
        tokio::select! {
            hint = next(&mut hints) => match hint {
                Some(hint) => hinted(&log, &hint),
                None => hints = None,
            },
            _ = polls.tick() => {
                if log.moved.receiver_count() == 0 {
                    log.is_followed.store(false, Ordering::Release);
                    // Who subscribed in between found it followed, and relies on it.
                    if log.moved.receiver_count() == 0 || log.is_followed.swap(true, Ordering::AcqRel) {
                        return;
                    }
                }
                turn = turn.wrapping_add(1);
                if !log.is_own() || turn.is_multiple_of(OWN_EVERY) {
                    poll(&shared, &log).await;
                }
                if hints.is_none() {
                    hints = subscribe(&shared, &log).await;
                }
            }
        }
    }
}

async fn subscribe(shared: &Shared, log: &Log) -> Option<Subscriber> {
    // Refused only where the connection is closed for good, and then polls fail too.
    shared.wire.client().subscribe(shared.names.moved(log.id)).await.ok()
}

async fn next(hints: &mut Option<Subscriber>) -> Option<Message> {
    match hints {
        Some(hints) => hints.next().await,
        None => std::future::pending().await,
    }
}

fn hinted(log: &Log, hint: &Message) {
    let number = hint.headers.as_ref().and_then(|headers| headers.get("Nats-Sequence"));
    if let Some(seq) = number.and_then(|number| number.as_str().parse().ok()) {
        log.moved_to(seq);
    }
}

async fn poll(shared: &Shared, log: &Log) {
    // Who waits for a frame learns of an outage from what it asks itself; the next poll is soon enough.
    match shared.wire.info(&log.stream, None, Duration::MAX).await {
        Ok(Some(info)) => {
            log.described(&info.state, info.config["max_bytes"].as_u64());
            log.moved_to(info.state.last_seq);
        }
        Ok(None) => {}
        Err(fault) => tracing::debug!(log = %log.id, %fault, "could not ask where a log ends"),
    }
}
