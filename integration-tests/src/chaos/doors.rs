//! How callers reach a cluster: they know the address of every process, stay with one while it answers, and go on to the next
//! one with the same request id when it does not. What they had to put up with is written down.

use crate::fault::ledger::is_unknown;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// How long a caller waits for one answer before it asks elsewhere.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long a caller asks in all.
const ASKS_FOR: Duration = Duration::from_secs(90);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The processes as callers reach them.
#[derive(Default)]
pub struct Doors {
    channels: Mutex<Vec<Channel>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A channel that connects when it is first used, and gives up soon.
///
/// # Errors
/// The address is none.
pub fn lazy(endpoint: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(endpoint.to_owned())?.connect_timeout(Duration::from_millis(300));
    Ok(endpoint.tcp_nodelay(true).connect_lazy())
}

impl Doors {
    /// Process `index` is reached there from now on.
    ///
    /// # Errors
    /// The address is none.
    pub fn set(&self, index: usize, endpoint: &str) -> anyhow::Result<()> {
        let channel = lazy(endpoint)?;
        let mut channels = lock(&self.channels);
        if index < channels.len() {
            channels[index] = channel;
        } else {
            channels.push(channel);
        }
        Ok(())
    }

    /// The `door`th, counted round.
    #[must_use]
    pub fn at(&self, door: usize) -> Channel {
        let channels = lock(&self.channels);
        channels[door % channels.len()].clone()
    }
}

/// What a caller had to put up with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// Times it was told to come again.
    pub refused: u32,
    /// Times it heard nothing, or that nobody knows.
    pub unanswered: u32,
    /// An earlier attempt may take effect later than the last one was answered.
    pub in_limbo: bool,
}

/// What came of a call.
pub struct Asked<T> {
    /// The last answer; none when the caller gave up.
    pub answer: Option<Result<T, Status>>,
    /// What it took.
    pub trouble: Trouble,
    /// When it was first asked.
    pub begun: Instant,
    /// When the last answer came.
    pub ended: Instant,
}

/// Asks until there is an answer that settles it.
pub async fn ask<T, F>(doors: &Doors, door: &mut usize, mut call: impl FnMut(Channel) -> F) -> Asked<T>
where
    F: Future<Output = Result<T, Status>>,
{
    let begun = Instant::now();
    let mut trouble = Trouble::default();
    loop {
        let answer = tokio::time::timeout(ANSWER_WITHIN, call(doors.at(*door))).await;
        let ended = Instant::now();
        match answer {
            Ok(Err(status)) if is_unknown(&status) => {
                // Who says no in words of its own has done nothing; a broken connection says nothing.
                let done_nothing = status.code() == Code::ResourceExhausted;
                trouble.refused += u32::from(done_nothing || !status.details().is_empty());
                trouble.unanswered += u32::from(!done_nothing && status.details().is_empty());
                trouble.in_limbo |= !done_nothing;
            }
            Ok(answer) => return Asked { answer: Some(answer), trouble, begun, ended },
            Err(_) => {
                trouble.unanswered += 1;
                trouble.in_limbo = true;
            }
        }
        if begun.elapsed() > ASKS_FOR {
            return Asked { answer: None, trouble, begun, ended };
        }
        *door += 1;
        tokio::time::sleep(PAUSE).await;
    }
}
