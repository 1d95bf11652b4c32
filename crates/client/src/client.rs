//! The client itself: a way to the engine, an identity, patience, and one generated client per service.

use crate::error::innermost;
use crate::{ClientError, Identity, Retry, Route, Servers};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::cluster_service_client::ClusterServiceClient;
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

/// What generated clients send through: the way to the engine, with the caller's identity on every call.
pub type Door = InterceptedService<Route, Identity>;

/// The largest answer that is read, in bytes: a page of the largest rows fits.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A client of one engine. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    route: Route,
    identity: Identity,
    pub(crate) retry: Retry,
}

macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident: $client:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> $client<Door> {
            $client::with_interceptor(self.route.clone(), self.identity.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX)
        }
    )*};
}

impl Client {
    /// Connects to `endpoint`, such as `http://127.0.0.1:7700`, or to the first that answers of several processes over one
    /// journal, separated by commas. Afterwards the connection comes back by itself; see [`Self::connect_to`].
    ///
    /// # Errors
    /// [`ClientError`] when `endpoint` is no address or nobody answers there: within 5 seconds where it is one, within a second
    /// each where there are several.
    pub async fn connect(endpoint: &str, identity: Identity) -> Result<Self, ClientError> {
        Self::connect_to(&Servers::open(endpoint)?, identity).await
    }

    /// Connects to the first process that answers. With several, a call whose process is gone, says that it is about to stop
    /// or cannot answer is repeated at the next one, with the same request id; streams go on there with their token; and no
    /// call is begun at a process whose health service says that it does not serve.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when none answers, or none lets this client's certificate in.
    pub async fn connect_to(servers: &Servers, identity: Identity) -> Result<Self, ClientError> {
        let endpoints = servers.endpoints();
        let fault = |why: String| {
            let names: Vec<String> = endpoints.iter().map(|one| one.uri().to_string()).collect();
            ClientError::Connect { endpoint: names.join(","), why }
        };
        let route = Route::connected(endpoints).await.map_err(|error| fault(innermost(&error)))?;
        if endpoints.iter().any(|one| one.uri().scheme_str() == Some("https")) {
            // A handshake ends before the server has judged our certificate: the first answer tells. Where there is none, the
            // next call goes to the next process.
            let mut refused = None;
            for _ in endpoints {
                let asked = HealthClient::new(route.clone()).check(HealthCheckRequest::default()).await;
                refused = asked.err().filter(|status| std::error::Error::source(status).is_some());
                if refused.is_none() {
                    break;
                }
            }
            if let Some(refused) = refused {
                return Err(fault(innermost(&refused)));
            }
        }
        Ok(Self { route, identity, retry: Retry::default() })
    }

    /// As [`Self::connect_to`], but connects at the first call; until then nobody knows whether a server is there. Needs a
    /// Tokio runtime around it.
    #[must_use]
    pub fn lazy(servers: &Servers, identity: Identity) -> Self {
        Self { route: Route::lazy(servers.endpoints()), identity, retry: Retry::default() }
    }

    /// As [`Self::connect`], but connects at the first call; until then nobody knows whether the server is there.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] when `endpoint` is no address. Needs a Tokio runtime around it.
    pub fn connect_lazy(endpoint: &str, identity: Identity) -> Result<Self, ClientError> {
        Ok(Self::lazy(&Servers::open(endpoint)?, identity))
    }

    /// Over a channel that exists already.
    #[must_use]
    pub fn from_channel(channel: Channel, identity: Identity) -> Self {
        Self { route: Route::over(channel), identity, retry: Retry::default() }
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
        /// The generated client of who owns what among processes over one journal. Its calls are not repeated.
        cluster: ClusterServiceClient;
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
