//! Requests for services that this process does not run: handed as they are to a process that does, streams included. It
//! reads nothing of them.

use super::wire::endpoint;
use crate::tls::Dial;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::Channel;
use tonic::transport::channel::Change;
use tower::ServiceExt;
use waybill_replica::Cluster;
use waybill_types::Service;

/// A channel to whoever runs `service`, over all that do, as they come and go.
pub fn running_channel(cluster: &Cluster, dial: &Dial, service: Service) -> Channel {
    let (channel, changes) = Channel::balance_channel(64);
    let (cluster, dial) = (cluster.clone(), dial.clone());
    tokio::spawn(async move {
        let mut owners = cluster.owners();
        let mut known: BTreeSet<String> = BTreeSet::new();
        loop {
            let running: Vec<String> = owners
                .borrow_and_update()
                .running(service)
                .into_iter()
                .map(|member| member.address.clone())
                .collect();
            let gone: Vec<String> =
                known.iter().filter(|address| !running.contains(address)).cloned().collect();
            for address in gone {
                known.remove(&address);
                if changes.send(Change::Remove(address)).await.is_err() {
                    return;
                }
            }
            for address in running {
                let Ok(endpoint) = endpoint(&dial, &address) else { continue };
                if known.insert(address.clone())
                    && changes.send(Change::Insert(address, endpoint)).await.is_err()
                {
                    return;
                }
            }
            if owners.changed().await.is_err() {
                return;
            }
        }
    });
    channel
}

/// Stands for a gRPC service that runs in other processes only.
#[derive(Clone)]
pub struct Elsewhere<S> {
    channel: Channel,
    named: std::marker::PhantomData<fn() -> S>,
}

impl<S> Elsewhere<S> {
    /// Behind a channel to those that run it.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel, named: std::marker::PhantomData }
    }
}

impl<S: NamedService> NamedService for Elsewhere<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> tower::Service<Request<Body>> for Elsewhere<S> {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut channel = self.channel.clone();
        Box::pin(async move {
            let asked = async { channel.ready().await?.call(request).await };
            Ok(asked.await.unwrap_or_else(|error| {
                let status =
                    Status::unavailable(format!("no process that runs this answers: {error}; try again"));
                status.into_http()
            }))
        })
    }
}
