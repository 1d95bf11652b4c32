//! `waybill serve`: opens the data directory, starts the services this process runs, and serves them over gRPC.

use crate::admin::AdminDoor;
use crate::audit::Running;
use crate::cluster::{ClusterDoor, Elsewhere, OwnerDoor, Planners, running_channel};
use crate::config::{ClockKind, Config, ServiceName};
use crate::fresh_stock::{Copies, Streamed};
use crate::peers::{PartitionDoor, Peer, RemoteRecipients};
use crate::tls::{Dial, Tls};
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::{InterceptorLayer, Routes, RoutesBuilder};
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::util::MapResponseLayer;
use waybill_fulfillment_service::{FreshStock, OtherPlanners, Surroundings};
use waybill_mirror::Mirror;
use waybill_proto::common::v1::admin_service_server::AdminServiceServer;
use waybill_proto::common::v1::cluster_service_server::ClusterServiceServer;
use waybill_proto::common::v1::partition_service_server::PartitionServiceServer;
use waybill_proto::customers::v1::customers_service_server::CustomersServiceServer;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentServiceServer;
use waybill_proto::fulfillment::v1::network_service_server::NetworkServiceServer;
use waybill_proto::fulfillment::v1::promise_service_server::PromiseServiceServer;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingServiceServer;
use waybill_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use waybill_proto::orders::v1::amendments_service_server::AmendmentsServiceServer;
use waybill_proto::orders::v1::order_policy_service_server::OrderPolicyServiceServer;
use waybill_proto::orders::v1::orders_service_server::OrdersServiceServer;
use waybill_proto::orders::v1::returns_service_server::ReturnsServiceServer;
use waybill_replica::{Clock, ClusterOptions, DataDir, DirLock, Host, HostOptions, OpenError};
use waybill_service_kit::{Nodes, OpenPerson, Planner, Seal, explain_undecodable, identify};
use waybill_types::{Service, Timestamp};

/// A running engine.
pub struct Server {
    address: SocketAddr,
    host: Arc<Host>,
    running: Running,
    health: HealthReporter,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// Opens, recovers and serves. Answers when callers are let in.
///
/// # Errors
/// A configuration out of range, a directory that cannot be opened or recovered, an address in use.
pub async fn start(config: Config) -> anyhow::Result<Server> {
    config.check()?;
    let started = SystemTime::now();
    let tls = Tls::read(&config.tls)?;
    // Before anything is made: an address that is in use must not leave a data directory.
    let (socket, address) = bind(&config)?;
    let cluster = crate::cluster::options(&config, address, &tls.dial).await?;
    let engine = cluster.as_ref().map(|cluster| Arc::clone(&cluster.engine));
    let host = Arc::new(open_host_in(&config, cluster).await?);
    let vault = match &engine {
        Some(engine) => crate::cluster::vault(engine).await?,
        None => crate::vault::open(&host)?,
    };
    let seal = Seal::new(Arc::new(vault));
    let (running, mut routes) = start_services(&config, &host, &tls.dial, seal.clone()).await?;
    let here = crate::backup::services(&running);
    let seal = running.orders.is_some().then_some(seal);
    let door = PartitionDoor { seal, router: host.router().clone(), here, layout: host.layout() };
    let door = PartitionServiceServer::new(door).max_decoding_message_size(crate::peers::MESSAGE_BYTES_MAX);
    routes.add_service(door);
    routes.add_service(AdminServiceServer::new(AdminDoor {
        host: Arc::clone(&host),
        running: running.clone(),
        started,
    }));
    let owner =
        OwnerDoor { router: host.router().clone(), layout: host.layout(), cluster: host.cluster().cloned() };
    routes.add_service(owner.server());
    let view = ClusterDoor { host: Arc::clone(&host), running: running.clone() };
    routes.add_service(ClusterServiceServer::new(view));
    let health = add_health_and_reflection(&mut routes).await?;
    let (stop, stopped) = oneshot::channel();
    let listener = socket.listen(BACKLOG).with_context(|| format!("cannot listen on {address}"))?;
    let served = tokio::spawn(serve(tls, listener, routes.routes(), stopped));
    if let Some(cluster) = host.cluster() {
        crate::cluster::meter(cluster, host.layout());
    }
    // Others may hand partitions over from now on, so this process must be reachable first.
    host.join(OWNED_WITHIN).await;
    tracing::info!(%address, data_dir = %config.data_dir.display(), "serving");
    Ok(Server { address, host, running, health, stop: Some(stop), served })
}

/// How long callers are kept out until every partition has an owner; after that they wait by themselves.
const OWNED_WITHIN: Duration = Duration::from_secs(10);

/// How long others may take to own what this process owned when it stops.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(10);

/// How long calls that are under way when this process stops may take at those who own their partitions by then.
const DONE_ELSEWHERE_WITHIN: Duration = Duration::from_millis(250);

/// How long answers that are made may take to reach their callers when this process stops.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Takes the address. Nobody connects before it is listened on: a client turns to another process meanwhile.
fn bind(config: &Config) -> anyhow::Result<(TcpSocket, SocketAddr)> {
    let taken = || {
        let socket = if config.listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections of a process that was here before may linger.
        socket.set_reuseaddr(true)?;
        socket.bind(config.listen)?;
        let address = socket.local_addr()?;
        std::io::Result::Ok((socket, address))
    };
    taken().with_context(|| format!("cannot listen on {}", config.listen))
}

async fn serve(
    tls: Tls,
    listener: TcpListener,
    routes: Routes,
    stopped: oneshot::Receiver<()>,
) -> Result<(), tonic::transport::Error> {
    // The server's own setting does not reach connections that come in this way; without it answers wait 40 ms for the
    // caller's delayed acknowledgement.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let access = tls.access;
    tls.listener
        .accept_http1(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(10_000)
        .layer(GrpcWebLayer::new())
        .layer(InterceptorLayer::new(move |request| identify(&access, request)))
        .layer(MapResponseLayer::new(explain_undecodable::<tonic::body::Body>))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, async {
            // Stopped by the word or by the server value going away.
            let _ = stopped.await;
        })
        .await
}

/// Opens the data directory with a configuration's settings.
///
/// # Errors
/// See [`waybill_replica::OpenError`].
pub async fn open_host(config: &Config) -> anyhow::Result<Host> {
    open_host_by(config, Host::open).await
}

/// As [`open_host`], by whoever fills the directory and has its lock.
///
/// # Errors
/// See [`waybill_replica::OpenError`].
pub(crate) async fn open_arriving(config: &Config, lock: DirLock) -> anyhow::Result<Host> {
    open_host_by(config, |dir, options| Host::open_arriving(dir, options, lock)).await
}

async fn open_host_in(config: &Config, cluster: Option<ClusterOptions>) -> anyhow::Result<Host> {
    match cluster {
        Some(cluster) => {
            open_host_by(config, |dir, options| Host::open_in_cluster(dir, options, cluster)).await
        }
        None => open_host(config).await,
    }
}

async fn open_host_by(
    config: &Config,
    open: impl FnOnce(DataDir, HostOptions) -> Result<Host, OpenError> + Send + 'static,
) -> anyhow::Result<Host> {
    let clock = match config.clock {
        ClockKind::System => Clock::system(),
        ClockKind::Virtual => Clock::virtual_at(VIRTUAL_START),
    };
    let options = HostOptions {
        layout: config.layout()?,
        clock,
        limits: config.partition_limits(),
        journal: config.journal_options(),
        store: waybill_store::Options { cache_bytes: config.store.cache_bytes },
    };
    let dir = DataDir::new(&config.data_dir);
    let opened = tokio::task::spawn_blocking(move || open(dir, options)).await?;
    opened.with_context(|| format!("cannot open {}", config.data_dir.display()))
}

/// Where a virtual clock begins: 2026-01-05T00:00:00Z, a Monday. A directory with later history goes on from there.
const VIRTUAL_START: Timestamp = Timestamp::from_ms(1_767_571_200_000);

async fn add_health_and_reflection(routes: &mut RoutesBuilder) -> anyhow::Result<HealthReporter> {
    let (health, service) = tonic_health::server::health_reporter();
    health.set_service_status("", ServingStatus::Serving).await;
    routes.add_service(service);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(waybill_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    routes.add_service(reflection().build_v1()?);
    // Older tools, and Python's own to this day, ask for the version before.
    routes.add_service(reflection().build_v1alpha()?);
    Ok(health)
}

/// Starts what this process runs, inventory first: the planner needs its figures, orders need the planner.
async fn start_services(
    config: &Config,
    host: &Arc<Host>,
    dial: &Dial,
    seal: Seal,
) -> anyhow::Result<(Running, RoutesBuilder)> {
    let mut running = Running::default();
    let mut routes = RoutesBuilder::default();
    let runs = |service| config.services.contains(&service);
    for service in [ServiceName::Orders, ServiceName::Inventory, ServiceName::Fulfillment] {
        if !runs(service) {
            match host.cluster() {
                Some(cluster) => {
                    let elsewhere = waybill_replica::Elsewhere(cluster.clone());
                    host.router().register(service.into(), Arc::new(elsewhere));
                    add_elsewhere(&mut routes, service, running_channel(cluster, dial, service.into()));
                }
                None => {
                    let peer = Peer::new(dial, peer(config, service)?)?;
                    host.router().register(service.into(), Arc::new(peer));
                }
            }
        }
    }
    let stock = Mirror::new(host.layout());
    let mut fresh: Option<Arc<dyn FreshStock>> = None;
    if runs(ServiceName::Inventory) {
        let settings = waybill_inventory_service::Settings::default();
        let door = waybill_inventory_service::open(host, settings, stock.clone()).await?;
        routes.add_service(door.server());
        let copies = Copies { stock: door.partitions().clone(), layout: host.layout() };
        fresh = host.cluster().map(|_| Arc::new(copies) as Arc<dyn FreshStock>);
        running.inventory = Some(door.partitions().clone());
    } else if runs(ServiceName::Fulfillment) {
        let channel = channel(config, host, dial, ServiceName::Inventory)?;
        crate::remote_stock::follow(channel.clone(), host.layout(), stock.clone());
        fresh = Some(Arc::new(Streamed { channel, view: stock.clone() }));
    }
    let (planner, nodes): (Arc<dyn Planner>, Arc<dyn Nodes>) = if runs(ServiceName::Fulfillment) {
        let settings = waybill_fulfillment_service::Settings {
            decisions_bytes: config.sourcing.decisions_bytes,
            method: config.sourcing.method.into(),
            ..waybill_fulfillment_service::Settings::default()
        };
        // In a cluster every process can ask for the keys.
        let opens = runs(ServiceName::Orders) || host.cluster().is_some();
        let recipients: Arc<dyn OpenPerson> = if opens {
            Arc::new(seal.clone())
        } else {
            Arc::new(RemoteRecipients::new(dial, peer(config, ServiceName::Orders)?)?)
        };
        let planners = |cluster| Arc::new(Planners::new(cluster, dial)) as Arc<dyn OtherPlanners>;
        let around = Surroundings { stock, fresh, others: host.cluster().map(planners) };
        let door = waybill_fulfillment_service::open(host, settings, recipients, around).await?;
        routes.add_service(door.fulfillment_server());
        routes.add_service(door.network_server());
        routes.add_service(door.promise_server());
        routes.add_service(door.sourcing_server());
        running.fulfillment = Some(door.partitions().clone());
        running.decisions = door.decisions();
        (door.planner(), door.nodes())
    } else {
        let channel = channel(config, host, dial, ServiceName::Fulfillment)?;
        let nodes = waybill_fulfillment_service::RemoteNodes::new(channel.clone());
        (Arc::new(waybill_fulfillment_service::RemotePlanner::new(channel)), Arc::new(nodes))
    };
    if runs(ServiceName::Orders) {
        let settings = waybill_orders_service::Settings::default();
        let door = waybill_orders_service::open(host, settings, seal, planner, nodes).await?;
        routes.add_service(door.orders_server());
        routes.add_service(door.amendments_server());
        routes.add_service(door.returns_server());
        routes.add_service(door.policy_server());
        running.orders = Some(door.partitions().clone());
        // Who customers are is told beside what they did.
        let customers = waybill_orders_service::open_customers(host, &door).await?;
        routes.add_service(customers.server());
        running.customers = Some(customers.partitions().clone());
    }
    Ok((running, routes))
}

/// The way to a service that runs in another process.
fn channel(config: &Config, host: &Host, dial: &Dial, service: ServiceName) -> anyhow::Result<Channel> {
    match host.cluster() {
        Some(cluster) => Ok(running_channel(cluster, dial, service.into())),
        None => crate::peers::lazy_channel(dial, peer(config, service)?),
    }
}

/// What callers ask here of a service that runs elsewhere is handed on.
fn add_elsewhere(routes: &mut RoutesBuilder, service: ServiceName, channel: Channel) {
    match service {
        ServiceName::Orders => {
            routes.add_service(Elsewhere::<OrdersServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<AmendmentsServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<ReturnsServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<OrderPolicyServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<CustomersServiceServer<()>>::new(channel));
        }
        ServiceName::Inventory => {
            routes.add_service(Elsewhere::<InventoryServiceServer<()>>::new(channel));
        }
        ServiceName::Fulfillment => {
            routes.add_service(Elsewhere::<FulfillmentServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<NetworkServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<PromiseServiceServer<()>>::new(channel.clone()));
            routes.add_service(Elsewhere::<SourcingServiceServer<()>>::new(channel));
        }
    }
}

fn peer(config: &Config, service: ServiceName) -> anyhow::Result<&str> {
    let name = Service::from(service).name();
    config
        .peers
        .get(&service)
        .map(String::as_str)
        .with_context(|| format!("{name} has no address under peers"))
}

impl Server {
    /// Where callers are let in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// The open directory.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }
    /// What runs here.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Lets nobody in any more, lets the last batches become durable, and ends.
    ///
    /// # Errors
    /// What the listener said.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        // Callers who watch turn to another process, and find every partition owned there a moment later.
        self.health.set_service_status("", ServingStatus::NotServing).await;
        // Others own first; callers here are served through them meanwhile.
        self.host.hand_over(HANDED_OVER_WITHIN).await;
        if let Some(stop) = self.stop.take() {
            // A listener that has failed is not there to be told.
            let _ = stop.send(());
        }
        // What is under way here is done by others now, and its answers come through this process. Streams would go on.
        let served = match self.host.cluster() {
            Some(_) => tokio::time::timeout(DONE_ELSEWHERE_WITHIN, &mut self.served).await.ok(),
            None => None,
        };
        if let Some(partitions) = &self.running.customers {
            partitions.drain().await;
        }
        if let Some(partitions) = &self.running.orders {
            partitions.drain().await;
        }
        if let Some(partitions) = &self.running.fulfillment {
            partitions.drain().await;
        }
        if let Some(partitions) = &self.running.inventory {
            partitions.drain().await;
        }
        self.host.leave().await;
        // Ends the streams of those who watch.
        self.health.clear_service_status("").await;
        let served = match served {
            Some(served) => Some(served),
            None => tokio::time::timeout(ANSWERED_WITHIN, &mut self.served).await.ok(),
        };
        if let Some(served) = served {
            return Ok(served??);
        }
        // Long streams of callers would keep the listener; their partitions are gone, so nothing is lost by ending them.
        self.served.abort();
        match self.served.await {
            Ok(served) => Ok(served?),
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
