//! The client itself: a channel, an identity, patience, and one generated client per service.

use crate::{ClientError, Identity, Retry};
use std::time::Duration;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::partition_service_client::PartitionServiceClient;
use waybill_proto::customers::v1::customers_service_client::CustomersServiceClient;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::fulfillment::v1::network_service_client::NetworkServiceClient;
use waybill_proto::fulfillment::v1::promise_service_client::PromiseServiceClient;
use waybill_proto::fulfillment::v1::sourcing_service_client::SourcingServiceClient;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::orders::v1::amendments_service_client::AmendmentsServiceClient;
use waybill_proto::orders::v1::order_policy_service_client::OrderPolicyServiceClient;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::returns_service_client::ReturnsServiceClient;

/// What generated clients send through: the channel, with the caller's identity on every call.
pub type Door = InterceptedService<Channel, Identity>;

/// The largest answer that is read, in bytes: a page of the largest rows fits.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A client of one engine. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    identity: Identity,
    pub(crate) retry: Retry,
}

macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident: $client:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> $client<Door> {
            $client::with_interceptor(self.channel.clone(), self.identity.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX)
        }
    )*};
}

impl Client {
    /// Connects to `endpoint`, such as `http://127.0.0.1:7700`. Afterwards the connection comes back by itself.
    ///
    /// # Errors
    /// [`ClientError`] when `endpoint` is no address or nobody answers there within 5 seconds.
    pub async fn connect(endpoint: &str, identity: Identity) -> Result<Self, ClientError> {
        let channel = Self::endpoint(endpoint)?.connect().await.map_err(|fault| {
            let why =
                std::error::Error::source(&fault).map_or_else(|| fault.to_string(), ToString::to_string);
            ClientError::Connect { endpoint: endpoint.to_owned(), why }
        })?;
        Ok(Self::from_channel(channel, identity))
    }

    /// As [`Self::connect`], but connects at the first call; until then nobody knows whether the server is there.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] when `endpoint` is no address. Needs a Tokio runtime around it.
    pub fn connect_lazy(endpoint: &str, identity: Identity) -> Result<Self, ClientError> {
        Ok(Self::from_channel(Self::endpoint(endpoint)?.connect_lazy(), identity))
    }

    /// Over a channel that exists already.
    #[must_use]
    pub fn from_channel(channel: Channel, identity: Identity) -> Self {
        Self { channel, identity, retry: Retry::default() }
    }

    /// The address with this client's settings: quick to notice a dead peer, no delay for small messages.
    fn endpoint(endpoint: &str) -> Result<Endpoint, ClientError> {
        let address = Endpoint::from_shared(endpoint.to_owned())
            .ok()
            .filter(|address| address.uri().host().is_some() && address.uri().scheme().is_some())
            .ok_or_else(|| ClientError::Endpoint { endpoint: endpoint.to_owned() })?;
        Ok(address
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .http2_adaptive_window(true))
    }

    /// The same connection for another caller.
    #[must_use]
    pub fn with_identity(&self, identity: Identity) -> Self {
        Self { identity, ..self.clone() }
    }

    /// The same connection with other patience.
    #[must_use]
    pub fn with_retry(&self, retry: Retry) -> Self {
        Self { retry, ..self.clone() }
    }

    doors! {
        /// The generated client of orders. Its calls are not repeated.
        orders: OrdersServiceClient;
        /// The generated client of changes to orders. Its calls are not repeated.
        amendments: AmendmentsServiceClient;
        /// The generated client of returns. Its calls are not repeated.
        returns: ReturnsServiceClient;
        /// The generated client of the rules of orders. Its calls are not repeated.
        order_policy: OrderPolicyServiceClient;
        /// The generated client of customers. Its calls are not repeated.
        customers: CustomersServiceClient;
        /// The generated client of inventory. Its calls are not repeated.
        inventory: InventoryServiceClient;
        /// The generated client of fulfilment. Its calls are not repeated.
        fulfillment: FulfillmentServiceClient;
        /// The generated client of the network. Its calls are not repeated.
        network: NetworkServiceClient;
        /// The generated client of what product pages ask. Its calls are not repeated.
        promises: PromiseServiceClient;
        /// The generated client of the sourcing policy and its decisions. Its calls are not repeated.
        sourcing: SourcingServiceClient;
        /// The generated client of the operator's door. Its calls are not repeated.
        admin: AdminServiceClient;
        /// The generated client between processes. Its calls are not repeated.
        partition: PartitionServiceClient;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_address_is_refused_and_what_nobody_serves_is_told() {
        for text in ["", "7700", "127.0.0.1:7700", "http://", "no spaces please"] {
            let refused = Client::connect(text, Identity::default()).await.unwrap_err();
            assert!(matches!(refused, ClientError::Endpoint { .. }), "{text}: {refused}");
        }
        // Port 1 of loopback: reserved, and nobody serves it.
        let refused = Client::connect("http://127.0.0.1:1", Identity::default()).await.unwrap_err();
        assert!(matches!(refused, ClientError::Connect { .. }), "{refused}");
    }
}
