//! A small retailer on an engine of its own, in a directory of its own, for tests that look from outside. It knows the
//! engine only by its protos. With `WAYBILL_TEST_CLUSTER=postgres`, `nats` or `nats3` the engine is three processes over
//! one journal, and each call goes to another of them; a test that moves the clock has one process all the same.

use crate::engine::{Engine, Setting};
use crate::retailer::{self, Shape};
use crate::shared_journal::{Kind, SharedJournal};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::cluster_service_client::ClusterServiceClient;
use waybill_proto::common::v1::{AdvanceClockRequest, BackupRequest, CheckpointRequest, GetClusterRequest};
use waybill_proto::customers::v1::customers_service_client::CustomersServiceClient;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::fulfillment::v1::network_service_client::NetworkServiceClient;
use waybill_proto::fulfillment::v1::promise_service_client::PromiseServiceClient;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{GetPositionRequest, Position};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{
    GetOrderRequest, Order, OrderStatus, PlaceOrderRequest, PlaceOrderResponse, WatchOrderRequest,
    get_order_request,
};

/// The longest that anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The retailer and its engine.
pub struct World {
    dir: TempDir,
    /// The first process's, and those of the others.
    settings: Vec<Setting>,
    engines: Vec<Engine>,
    channel: Channel,
    /// Outlives the processes over it.
    _journal: Option<SharedJournal>,
}

/// Flags of an engine whose clock moves only by [`World::advance`].
#[must_use]
pub fn virtual_clock() -> Vec<String> {
    ["--clock", "virtual"].map(str::to_owned).to_vec()
}

/// `message` as a caller in `channel` sends it.
///
/// # Panics
/// For a channel that is no visible ASCII: the test itself is wrong.
pub fn from_channel<T>(channel: &str, message: T) -> Request<T> {
    let value: MetadataValue<Ascii> = channel.parse().expect("channels of tests are ASCII");
    let mut request = Request::new(message);
    request.metadata_mut().insert("waybill-channel", value);
    request
}

impl World {
    /// Starts an engine with more flags and opens the retailer.
    ///
    /// # Errors
    /// The engine does not start, or refuses the retailer.
    pub async fn open(shape: Shape, flags: Vec<String>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let moves_clock = flags.iter().any(|flag| flag == "--clock");
        let journal = match Kind::of_journeys()?.filter(|_| !moves_clock) {
            Some(kind) => Some(tokio::task::spawn_blocking(move || SharedJournal::start(kind)).await??),
            None => None,
        };
        let names: &[&str] = if journal.is_some() { &["data", "data-b", "data-c"] } else { &["data"] };
        let setting = |name: &&str| {
            let mut setting = Setting::new(&dir.path().join(name));
            setting.flags.extend(flags.iter().cloned());
            if let Some(journal) = &journal {
                setting.flags.extend(journal.flags());
                setting.flags.extend(["--name", name].map(str::to_owned));
            }
            setting
        };
        let settings: Vec<Setting> = names.iter().map(setting).collect();
        let (engines, channel) = start(&settings).await?;
        // What one process was told of items and nodes another one knows a moment later.
        retailer::open(&engines[0].channel().await?, shape).await?;
        alike(&engines).await?;
        Ok(Self { dir, settings, engines, channel, _journal: journal })
    }

    /// kill -9, and up again on the same directory.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        self.kill().await?;
        self.up().await
    }

    /// kill -9.
    ///
    /// # Errors
    /// The system refused.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let killed = self.engines.drain(..).map(Engine::kill);
        futures::future::try_join_all(killed).await.map(|_| ())
    }

    /// Hands the engine out, the first process where there are several; [`Self::up`] starts another one on the directory.
    ///
    /// # Errors
    /// It was killed.
    pub fn take(&mut self) -> anyhow::Result<Engine> {
        let first = self.engines.drain(..).next();
        first.context("the engine is down")
    }

    /// Starts the engine again after [`Self::kill`].
    ///
    /// # Errors
    /// It does not come up.
    pub async fn up(&mut self) -> anyhow::Result<()> {
        (self.engines, self.channel) = start(&self.settings).await?;
        Ok(())
    }

    /// The engine; the first process where there are several.
    ///
    /// # Errors
    /// It was killed.
    pub fn engine(&self) -> anyhow::Result<&Engine> {
        self.engines.first().context("the engine is down")
    }
    /// The temporary directory of this world, for files beside the engine's.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
    /// The engine's data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.settings[0].data_dir
    }
    /// What the engine wrote to its standard error.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.settings[0].data_dir.with_extension("log")
    }
    /// A channel to the engine.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
    /// Orders.
    #[must_use]
    pub fn orders(&self) -> OrdersServiceClient<Channel> {
        OrdersServiceClient::new(self.channel())
    }
    /// Who somebody is.
    #[must_use]
    pub fn customers(&self) -> CustomersServiceClient<Channel> {
        CustomersServiceClient::new(self.channel())
    }
    /// Items, stock, reservations.
    #[must_use]
    pub fn inventory(&self) -> InventoryServiceClient<Channel> {
        InventoryServiceClient::new(self.channel())
    }
    /// Promises and the work of nodes.
    #[must_use]
    pub fn fulfillment(&self) -> FulfillmentServiceClient<Channel> {
        FulfillmentServiceClient::new(self.channel())
    }
    /// What product pages ask.
    #[must_use]
    pub fn promises(&self) -> PromiseServiceClient<Channel> {
        PromiseServiceClient::new(self.channel())
    }
    /// Nodes, lanes, zones.
    #[must_use]
    pub fn network(&self) -> NetworkServiceClient<Channel> {
        NetworkServiceClient::new(self.channel())
    }
    /// The operator's door.
    #[must_use]
    pub fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel())
    }

    /// Places an order in channel `web`. Where there are several processes it is repeated with its `request_id` while its
    /// outcome is unknown, as every client of a cluster does.
    ///
    /// # Errors
    /// It was refused.
    pub async fn place(&self, order: PlaceOrderRequest) -> anyhow::Result<PlaceOrderResponse> {
        let (began, mut pause) = (Instant::now(), tokio::time::interval(Duration::from_millis(100)));
        loop {
            pause.tick().await;
            match self.orders().place_order(from_channel("web", order.clone())).await {
                Err(status)
                    if status.code() == tonic::Code::Unavailable
                        && self.engines.len() > 1
                        && began.elapsed() < PATIENCE => {}
                answer => return Ok(answer?.into_inner()),
            }
        }
    }

    /// The order as it is.
    ///
    /// # Errors
    /// It is not there.
    pub async fn order(&self, order_id: &str) -> anyhow::Result<Order> {
        let key = Some(get_order_request::Key::OrderId(order_id.to_owned()));
        let answer = self.orders().get_order(GetOrderRequest { key, after: String::new() }).await?;
        answer.into_inner().order.context("an answer without an order")
    }

    /// The order once it is as `fits` says; looks again whenever something happens to it.
    ///
    /// # Errors
    /// It did not become so within [`PATIENCE`]; the message says how it is.
    pub async fn order_when(&self, order_id: &str, fits: impl Fn(&Order) -> bool) -> anyhow::Result<Order> {
        let request = WatchOrderRequest { order_id: order_id.to_owned(), resume_token: String::new() };
        let mut stream = self.orders().watch_order(request).await?.into_inner();
        let looking = async {
            while stream.message().await?.is_some() {
                let order = self.order(order_id).await?;
                if fits(&order) {
                    return Ok(order);
                }
            }
            bail!("the stream of {order_id} ended")
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => bail!("{order_id} did not become as awaited: {:?}", self.order(order_id).await?),
        }
    }

    /// The order once its status is `status`.
    ///
    /// # Errors
    /// See [`Self::order_when`].
    pub async fn order_at(&self, order_id: &str, status: OrderStatus) -> anyhow::Result<Order> {
        self.order_when(order_id, |order| order.status() == status).await
    }

    /// The position of an item at a node, by their numbers.
    ///
    /// # Errors
    /// The item is not known.
    pub async fn position(&self, item: usize, node: usize) -> anyhow::Result<Position> {
        let request = GetPositionRequest {
            sku: retailer::sku(item),
            node_id: retailer::node(node),
            ..Default::default()
        };
        let answer = self.inventory().get_position(request).await?.into_inner();
        answer.position.context("an answer without a position")
    }

    /// Moves a virtual clock.
    ///
    /// # Errors
    /// The clock is a real one.
    pub async fn advance(&self, by: Duration) -> anyhow::Result<()> {
        static MOVES: AtomicU64 = AtomicU64::new(0);
        let request = AdvanceClockRequest {
            request_id: format!("advance-{}", MOVES.fetch_add(1, Ordering::Relaxed)),
            reason: String::new(),
            advance_ms: by.as_millis() as i64,
        };
        self.admin().advance_clock(request).await?;
        Ok(())
    }

    /// Has every partition write a checkpoint.
    ///
    /// # Errors
    /// One could not.
    pub async fn checkpoint(&self, request_id: &str) -> anyhow::Result<()> {
        let request = CheckpointRequest { request_id: request_id.into(), reason: String::new() };
        self.admin().checkpoint(request).await?;
        Ok(())
    }

    /// A backup in a directory of this name beside the engine's.
    ///
    /// # Errors
    /// It could not be taken whole.
    pub async fn copy(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.dir().join(name);
        let request = BackupRequest {
            request_id: name.into(),
            directory: directory.display().to_string(),
            ..Default::default()
        };
        let mut steps = self.admin().backup(request).await?.into_inner();
        while steps.message().await?.is_some() {}
        Ok(directory)
    }

    /// Lets everything come to rest and checks every law.
    ///
    /// # Errors
    /// A law is broken.
    pub async fn check(&self) -> anyhow::Result<()> {
        for engine in &self.engines {
            engine.settle().await?;
        }
        for engine in &self.engines {
            engine.audit().await?;
        }
        Ok(())
    }
}

/// Waits until every process has applied what any of them has.
async fn alike(engines: &[Engine]) -> anyhow::Result<()> {
    if engines.len() < 2 {
        return Ok(());
    }
    until("all processes have applied the same", || async {
        let mut all = Vec::new();
        for engine in engines {
            let mut client = ClusterServiceClient::new(engine.channel().await?);
            let cluster = client.get_cluster(GetClusterRequest::default()).await?.into_inner();
            all.push(cluster.partitions.iter().map(|one| one.applied_sequence).collect::<Vec<_>>());
        }
        Ok(all.windows(2).all(|two| two[0] == two[1]).then_some(()))
    })
    .await
}

/// Starts the processes, and a channel over them on which each call goes to one of them.
async fn start(settings: &[Setting]) -> anyhow::Result<(Vec<Engine>, Channel)> {
    let engines = futures::future::try_join_all(settings.iter().map(Engine::start)).await?;
    let channel = match &engines[..] {
        [alone] => alone.channel().await?,
        several => {
            let endpoint = |engine: &Engine| Endpoint::from_shared(engine.endpoint.clone());
            let endpoints: Vec<Endpoint> = several.iter().map(endpoint).collect::<Result<_, _>>()?;
            Channel::balance_list(endpoints.into_iter().map(|endpoint| endpoint.timeout(PATIENCE)))
        }
    };
    Ok((engines, channel))
}

/// Asks again until the answer is `Some`; for what no stream tells.
///
/// # Errors
/// What `ask` failed with, or nothing within [`PATIENCE`].
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let begin = Instant::now();
    let mut turn = tokio::time::interval(Duration::from_millis(20));
    while begin.elapsed() < PATIENCE {
        turn.tick().await;
        if let Some(found) = ask().await? {
            return Ok(found);
        }
    }
    bail!("{what}: not within {PATIENCE:?}")
}
