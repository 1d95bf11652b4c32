//! A stream that comes back: after a break it is opened again with the token of the last message that was taken.
//! Messages arrive at least once and in order; what is not taken yet is never skipped.

use crate::Retry;
use crate::retry::may_retry;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tonic::{Response, Status, Streaming};

/// Opens the stream after a token; an empty token opens it as the caller first asked.
type Open<T> =
    Box<dyn Fn(String) -> BoxFuture<'static, Result<Response<Streaming<T>>, Status>> + Send + Sync>;

/// Messages of a stream that has no end of its own. It ends after the first error it gives: a refusal, or a break that
/// lasted too long.
pub struct Resumed<T> {
    messages: BoxStream<'static, Result<T, Status>>,
}

impl<T: Send + 'static> Resumed<T> {
    /// `token` is where to begin, `token_of` tells where a message stands.
    pub(crate) fn new<F>(
        retry: Retry,
        token: String,
        token_of: fn(&T) -> &str,
        open: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Response<Streaming<T>>, Status>> + Send + 'static,
    {
        let open: Open<T> = Box::new(move |token| Box::pin(open(token)));
        let state = State { retry, token, token_of, open, stream: None, attempt: 0, alive: Instant::now() };
        let messages = unfold(Some(state), |state| async move {
            let mut state = state?;
            match state.next().await {
                Ok(message) => Some((Ok(message), Some(state))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Self { messages: messages.boxed() }
    }
}

struct State<T> {
    retry: Retry,
    token: String,
    token_of: fn(&T) -> &str,
    open: Open<T>,
    stream: Option<Streaming<T>>,
    /// Attempts since the last message.
    attempt: u32,
    /// When the stream was last known to be open.
    alive: Instant,
}

impl<T> State<T> {
    async fn next(&mut self) -> Result<T, Status> {
        loop {
            match self.take().await {
                Ok(message) => return Ok(message),
                Err(status) => self.rest(status).await?,
            }
        }
    }

    async fn take(&mut self) -> Result<T, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert((self.open)(self.token.clone()).await?.into_inner()),
        };
        // A server that drains ends its streams without an error; these streams have no end of their own.
        let message =
            stream.message().await?.ok_or_else(|| Status::unavailable("the server ended the stream"))?;
        self.attempt = 0;
        (self.token_of)(&message).clone_into(&mut self.token);
        Ok(message)
    }

    /// Waits before the next attempt, or gives up with `status`.
    async fn rest(&mut self, status: Status) -> Result<(), Status> {
        // A quiet stream may break after hours: the outage begins now and not at its last message.
        if self.stream.take().is_some() {
            self.alive = Instant::now();
        }
        self.attempt = self.attempt.saturating_add(1);
        let wait = self.retry.wait(self.attempt, &status);
        if !may_retry(&status) || self.alive.elapsed() + wait > self.retry.outage_max {
            return Err(status);
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl<T> Stream for Resumed<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_next_unpin(context)
    }
}
