//! Which process a call goes to: the one that the client keeps to while it is there, else the next. It reads nothing of a
//! call and repeats none; who repeats is [`crate::Retry`].

use crate::error::Fault;
use crate::health;
use futures::future::{BoxFuture, poll_fn};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::transport::{Channel, Endpoint};

/// The way to an engine, over any of its processes. Clones share it.
#[derive(Clone, Debug)]
pub struct Route(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    servers: Vec<Arc<Server>>,
    /// Where calls go unless that process is away.
    home: AtomicUsize,
    /// They end with the last clone.
    _watchers: JoinSet<()>,
}

/// One process of an engine.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) channel: Channel,
    /// Its address, where that is known.
    address: String,
    /// It said that it is about to stop, or is not there.
    pub(crate) away: AtomicBool,
}

impl Route {
    /// Over one channel that exists already.
    pub(crate) fn over(channel: Channel) -> Self {
        Self::new(vec![(String::new(), channel)], 0)
    }

    /// Over processes that are connected to when first called. Which one is asked first is chance, so that clients spread.
    /// Needs a Tokio runtime around it.
    pub(crate) fn lazy(endpoints: &[Endpoint]) -> Self {
        Self::new(endpoints.iter().map(lazily).collect(), any(endpoints.len()))
    }

    /// Over processes of which one, at least, answers.
    ///
    /// # Errors
    /// What the last one said when none does.
    pub(crate) async fn connected(endpoints: &[Endpoint]) -> Result<Self, tonic::transport::Error> {
        let mut channels: Vec<(String, Channel)> = endpoints.iter().map(lazily).collect();
        let first = any(channels.len());
        let mut turn = (0..endpoints.len()).map(|n| (first + n) % endpoints.len()).peekable();
        while let Some(index) = turn.next() {
            match endpoints[index].connect().await {
                Ok(channel) => {
                    channels[index].1 = channel;
                    return Ok(Self::new(channels, index));
                }
                Err(error) if turn.peek().is_none() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(Self::new(channels, first))
    }

    fn new(channels: Vec<(String, Channel)>, home: usize) -> Self {
        let server = |(address, channel)| Arc::new(Server { channel, address, away: AtomicBool::new(false) });
        let servers: Vec<Arc<Server>> = channels.into_iter().map(server).collect();
        let mut watchers = JoinSet::new();
        if servers.len() > 1 {
            servers.iter().for_each(|server| {
                watchers.spawn(health::watch(Arc::clone(server)));
            });
        }
        Self(Arc::new(Shared { servers, home: AtomicUsize::new(home), _watchers: watchers }))
    }
}

fn lazily(endpoint: &Endpoint) -> (String, Channel) {
    (endpoint.uri().to_string(), endpoint.connect_lazy())
}

/// A place among so many: load is spread by it, and nothing else depends on it.
fn any(count: usize) -> usize {
    RandomState::new().hash_one(count) as usize % count.max(1)
}

impl Shared {
    /// Who takes the next call: the first from home on that is not known to be away, else home.
    fn pick(&self) -> usize {
        let home = self.home.load(Ordering::Relaxed);
        self.present_from(home).unwrap_or(home)
    }

    fn present_from(&self, index: usize) -> Option<usize> {
        let count = self.servers.len();
        (0..count)
            .map(|n| (index + n) % count)
            .find(|index| !self.servers[*index].away.load(Ordering::Relaxed))
    }

    /// Moves home on after a call to `index` failed, unless another call that failed there has moved it already.
    fn leave(&self, index: usize) {
        if self.pick() == index {
            let next = (index + 1) % self.servers.len();
            self.home.store(self.present_from(next).unwrap_or(next), Ordering::Relaxed);
        }
    }
}

/// An answer that says only that nobody can answer now: the next process may know better.
fn is_unavailable(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|code| code.as_bytes() == b"14")
}

impl Service<Request<Body>> for Route {
    type Response = Response<Body>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Self::Response, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        // Who is asked is decided when the call is made.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let index = shared.pick();
            let mut channel = shared.servers[index].channel.clone();
            let asked = async {
                poll_fn(|context| channel.poll_ready(context)).await?;
                channel.call(request).await
            };
            let answer = asked.await;
            if answer.as_ref().map_or(true, |answer| is_unavailable(answer.headers())) {
                shared.leave(index);
            }
            answer.map_err(|fault| Fault::new(&shared.servers[index].address, fault))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere(count: usize) -> Route {
        let endpoint = Endpoint::from_static("http://127.0.0.1:1");
        Route::new((0..count).map(|_| lazily(&endpoint)).collect(), 0)
    }

    #[tokio::test]
    async fn calls_keep_to_one_process_until_it_fails_or_is_away() {
        let route = nowhere(3);
        let shared = &route.0;
        assert_eq!((shared.pick(), shared.pick()), (0, 0));
        // Many calls fail at once: the next process is the next one, not the one after it.
        (0..5).for_each(|_| shared.leave(0));
        assert_eq!(shared.pick(), 1);
        shared.servers[1].away.store(true, Ordering::Relaxed);
        assert_eq!(shared.pick(), 2);
        shared.leave(2);
        assert_eq!(shared.pick(), 0, "one that is away is passed over");
        shared.servers.iter().for_each(|server| server.away.store(true, Ordering::Relaxed));
        shared.leave(0);
        assert_eq!(shared.pick(), 1, "all away: each is tried in turn");
    }

    #[tokio::test]
    async fn one_process_is_all_there_is() {
        let route = nowhere(1);
        route.0.leave(0);
        assert_eq!(route.0.pick(), 0);
    }
}
