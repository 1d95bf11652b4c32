//! Messages between processes: the client side for services that run elsewhere, the server side for partitions here.

use crate::tls::Dial;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use waybill_machine::record::{decode, encode};
use waybill_proto::common::v1::partition_service_client::PartitionServiceClient;
use waybill_proto::common::v1::partition_service_server::PartitionService;
use waybill_proto::common::v1::{
    DeliverRequest, DeliverResponse, OpenSealedRequest, OpenSealedResponse, ServiceKind,
};
use waybill_replica::{Deliver, DeliverError, Delivery, Letter, Router};
use waybill_service_kit::{DoorError, OpenPerson, OpenedPerson, Person, Seal, caller};
use waybill_types::{Layout, PartitionId, Role, Sealed, Service};

/// Messages in one delivery from a peer.
const MESSAGES_MAX: usize = 1_000;

/// The wire's name of a service.
#[must_use]
pub fn kind(service: Service) -> ServiceKind {
    match service {
        Service::Orders => ServiceKind::Orders,
        Service::Inventory => ServiceKind::Inventory,
        Service::Fulfillment => ServiceKind::Fulfillment,
        Service::Customers => ServiceKind::Customers,
    }
}

/// The service of a wire's name.
pub(crate) fn service(kind: i32) -> Option<Service> {
    match ServiceKind::try_from(kind).ok()? {
        ServiceKind::Unspecified => None,
        ServiceKind::Orders => Some(Service::Orders),
        ServiceKind::Inventory => Some(Service::Inventory),
        ServiceKind::Fulfillment => Some(Service::Fulfillment),
        ServiceKind::Customers => Some(Service::Customers),
    }
}

/// A run of messages with everything around it.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A channel to another process: made when first used, made again when lost, and known to be lost within seconds even
/// when the other machine vanished without a word.
///
/// # Errors
/// See [`Dial::endpoint`].
pub fn lazy_channel(dial: &Dial, endpoint: &str) -> anyhow::Result<Channel> {
    let endpoint = dial
        .endpoint(endpoint)?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_lazy())
}

/// A delivery as the contract carries it.
pub(crate) fn carried(delivery: &Delivery) -> DeliverRequest {
    let to = delivery.to;
    DeliverRequest {
        from_service: kind(delivery.from.service).into(),
        from_partition: delivery.from.index.into(),
        to_service: kind(to.service).into(),
        to_partition: to.index.into(),
        first_sequence: delivery.first,
        messages: delivery.messages.iter().map(|letter| letter.bytes().to_vec().into()).collect(),
    }
}

/// A service that runs in another process.
pub struct Peer(PartitionServiceClient<Channel>);

impl Peer {
    /// Connects when first used, and again whenever the connection is lost.
    ///
    /// # Errors
    /// See [`Dial::endpoint`].
    pub fn new(dial: &Dial, endpoint: &str) -> anyhow::Result<Self> {
        let client = PartitionServiceClient::new(lazy_channel(dial, endpoint)?);
        Ok(Self(client.max_encoding_message_size(MESSAGE_BYTES_MAX)))
    }
}

impl Deliver for Peer {
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>> {
        let mut client = self.0.clone();
        Box::pin(async move {
            let to = delivery.to;
            let mut request = Request::new(carried(&delivery));
            request.metadata_mut().insert(caller::ROLE, tonic::metadata::MetadataValue::from_static("peer"));
            let answer = client.deliver(request).await.map_err(|status| {
                tracing::debug!(%to, %status, "a delivery failed");
                DeliverError::Unavailable(to)
            })?;
            Ok(answer.into_inner().through_sequence)
        })
    }
}

/// Opens recipients by asking the process that runs orders.
pub struct RemoteRecipients(PartitionServiceClient<Channel>);

impl RemoteRecipients {
    /// Connects when first used.
    ///
    /// # Errors
    /// See [`Dial::endpoint`].
    pub fn new(dial: &Dial, endpoint: &str) -> anyhow::Result<Self> {
        Ok(Self(PartitionServiceClient::new(lazy_channel(dial, endpoint)?)))
    }
}

impl OpenPerson for RemoteRecipients {
    fn open_person<'a>(
        &'a self,
        sealed: &'a Sealed,
    ) -> Pin<Box<dyn Future<Output = Result<OpenedPerson, DoorError>> + Send + 'a>> {
        Box::pin(async move {
            let mut request = Request::new(OpenSealedRequest { sealed: sealed.0.clone().into() });
            request.metadata_mut().insert(caller::ROLE, tonic::metadata::MetadataValue::from_static("peer"));
            let away =
                |status: Status| DoorError::Unavailable { what: format!("orders: {:?}", status.code()) };
            let answer = self.0.clone().open_sealed(request).await.map_err(away)?.into_inner();
            if answer.erased {
                return Ok(OpenedPerson::Erased);
            }
            let person = decode::<Person>(&answer.plain);
            let person = person.map_err(|error| DoorError::Bug { what: error.to_string() })?;
            Ok(OpenedPerson::Known(Box::new(person)))
        })
    }
}

/// Takes messages for the partitions of this process.
pub struct PartitionDoor {
    /// Opens recipients for other processes; only where orders run.
    pub seal: Option<Seal>,
    /// Where messages find their partitions.
    pub router: Router,
    /// What is served here.
    pub here: Vec<Service>,
    /// How many partitions there are.
    pub layout: Layout,
}

#[tonic::async_trait]
impl PartitionService for PartitionDoor {
    async fn deliver(&self, request: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        let caller = waybill_service_kit::caller(&request)?;
        if !matches!(caller.role, Role::Peer) {
            return Err(
                DoorError::NotAllowed { what: "only waybill processes deliver messages".into() }.into()
            );
        }
        let delivery = self.parse(request.into_inner())?;
        if let Some(owner) = self.router.owner(delivery.to.service) {
            // In a cluster only the owner takes messages; the sender finds the next one by itself.
            let to = delivery.to;
            let taken = owner.deliver_here(delivery).await;
            let through_sequence = taken.map_err(|error| crate::cluster::not_done(to, error))?;
            return Ok(Response::new(DeliverResponse { through_sequence }));
        }
        match self.router.deliver(delivery).await {
            Ok(through_sequence) => Ok(Response::new(DeliverResponse { through_sequence })),
            Err(DeliverError::Gap { expected }) => {
                let what = format!("messages before {expected} are missing; send from there");
                Err(DoorError::IllegalNow { what }.into())
            }
            Err(error @ DeliverError::Unavailable(_)) => {
                Err(DoorError::Unavailable { what: error.to_string() }.into())
            }
        }
    }

    async fn open_sealed(
        &self,
        request: Request<OpenSealedRequest>,
    ) -> Result<Response<OpenSealedResponse>, Status> {
        let caller = waybill_service_kit::caller(&request)?;
        if !matches!(caller.role, Role::Peer) {
            return Err(
                DoorError::NotAllowed { what: "only waybill processes open sealed data".into() }.into()
            );
        }
        let Some(seal) = &self.seal else {
            let what = "orders do not run in this process, so it holds no keys".to_owned();
            return Err(DoorError::IllegalNow { what }.into());
        };
        let sealed = Sealed(request.into_inner().sealed.to_vec());
        if sealed.0.is_empty() || sealed.0.len() > SEALED_BYTES_MAX {
            let what = format!("has {} bytes, 1 to {SEALED_BYTES_MAX} are allowed", sealed.0.len());
            return Err(DoorError::field("sealed", what).into());
        }
        let opened =
            seal.open(&sealed).map_err(|_| DoorError::field("sealed", "was not sealed by this engine"))?;
        let (plain, erased) = match opened {
            OpenedPerson::Known(person) => (encode(&*person), false),
            OpenedPerson::Erased => (Vec::new(), true),
        };
        Ok(Response::new(OpenSealedResponse { plain: plain.into(), erased }))
    }
}

/// A person with every text at its longest, sealed.
const SEALED_BYTES_MAX: usize = 16_384;

impl PartitionDoor {
    fn parse(&self, request: DeliverRequest) -> Result<Delivery, DoorError> {
        let from = self.partition("from", request.from_service, request.from_partition)?;
        let to = self.partition("to", request.to_service, request.to_partition)?;
        if !self.here.contains(&to.service) {
            return Err(DoorError::field("to_service", "does not run in this process"));
        }
        if request.first_sequence == 0 {
            return Err(DoorError::field("first_sequence", "is 0, numbers start at 1"));
        }
        if request.messages.len() > MESSAGES_MAX {
            let what = format!("has {} messages, at most {MESSAGES_MAX} are allowed", request.messages.len());
            return Err(DoorError::field("messages", what));
        }
        let strange =
            |index| DoorError::field(format!("messages[{index}]"), "is not a message of this version");
        let messages = request.messages.iter().enumerate();
        let messages = messages.map(|(index, bytes)| Letter::read(bytes).map_err(|_| strange(index)));
        let messages = messages.collect::<Result<_, _>>()?;
        Ok(Delivery { from, to, first: request.first_sequence, messages })
    }

    fn partition(&self, side: &str, kind: i32, index: u32) -> Result<PartitionId, DoorError> {
        let service =
            service(kind).ok_or_else(|| DoorError::field(format!("{side}_service"), "is not a service"))?;
        let count = u32::from(self.layout.count(service));
        if index >= count {
            return Err(DoorError::field(
                format!("{side}_partition"),
                format!("is {index}, there are {count}"),
            ));
        }
        Ok(PartitionId::new(service, index as u8))
    }
}
