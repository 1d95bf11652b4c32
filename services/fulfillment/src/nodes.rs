//! What the orders door asks about nodes, answered from the network's home partition or by the process that has it. It
//! keeps nothing.

use crate::door::Shared;
use std::future::Future;
use std::pin::Pin;
use tonic::transport::Channel;
use tonic::{Code, Request};
use waybill_proto::fulfillment::v1::GetNodeRequest;
use waybill_proto::fulfillment::v1::network_service_client::NetworkServiceClient;
use waybill_service_kit::caller::ROLE;
use waybill_service_kit::{DoorError, Nodes, TakesBack};
use waybill_types::NodeId;

/// Answers in this process.
pub(crate) struct LocalNodes(pub(crate) Shared);

impl Nodes for LocalNodes {
    fn takes_back<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> Pin<Box<dyn Future<Output = Result<TakesBack, DoorError>> + Send + 'a>> {
        Box::pin(async move {
            let (home, asked) = (self.0.layout.network_home(), node.clone());
            let found = self.0.read(home, move |state| state.node(&asked)).await;
            let found = found.map_err(|status| away(status.code()))?;
            Ok(found.map_or(TakesBack::Unknown, |node| {
                takes_back(node.document.active && node.document.can.accepts_returns)
            }))
        })
    }
}

/// Asks the fulfilment service behind a channel.
#[derive(Clone)]
pub struct RemoteNodes(NetworkServiceClient<Channel>);

impl RemoteNodes {
    /// Behind this channel, which connects when it is needed.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self(NetworkServiceClient::new(channel))
    }
}

impl Nodes for RemoteNodes {
    fn takes_back<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> Pin<Box<dyn Future<Output = Result<TakesBack, DoorError>> + Send + 'a>> {
        Box::pin(async move {
            let mut request =
                Request::new(GetNodeRequest { node_id: node.to_string(), ..Default::default() });
            request.metadata_mut().insert(ROLE, tonic::metadata::MetadataValue::from_static("peer"));
            match self.0.clone().get_node(request).await {
                Ok(answer) => {
                    let node = answer.into_inner().node.unwrap_or_default();
                    let can = node.capabilities.unwrap_or_default();
                    Ok(takes_back(!node.inactive && can.accepts_returns))
                }
                Err(status) if status.code() == Code::NotFound => Ok(TakesBack::Unknown),
                Err(status) => Err(away(status.code())),
            }
        })
    }
}

fn takes_back(it_does: bool) -> TakesBack {
    if it_does { TakesBack::Yes } else { TakesBack::No }
}

fn away(code: Code) -> DoorError {
    DoorError::Unavailable { what: format!("the network of nodes cannot be asked: {code:?}") }
}
