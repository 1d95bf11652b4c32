//! What the cluster's tests have in common: the server and its processes, callers who keep a ledger, the operator's view.

use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::Channel;
use waybill_integration_tests::engine::{Engine, Setting};
use waybill_integration_tests::retailer::order;
use waybill_integration_tests::world::{PATIENCE, from_channel};
use waybill_journal_postgres::server::Postgres;
use waybill_proto::common::v1::GetClusterRequest;
use waybill_proto::common::v1::cluster_service_client::ClusterServiceClient;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{
    GetOrderRequest, Order, OrderStatus, PlaceMode, PlaceOrderRequest, PlaceOrderResponse, PlaceOutcome,
    WatchOrderRequest, get_order_request,
};

/// Partitions of all services with the counts of these tests.
pub(crate) const PARTITIONS: u32 = 8 + 8 + 8 + 1;

/// A server of the test's own, and the directories of its processes.
pub(crate) struct Cluster {
    postgres: Postgres,
    dir: TempDir,
}

impl Cluster {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { postgres: Postgres::start()?, dir: tempfile::tempdir()? })
    }

    /// A process that runs everything, in the directory of this name.
    pub(crate) async fn start(&self, name: &str) -> anyhow::Result<Engine> {
        self.start_with(name, &[]).await
    }

    pub(crate) async fn start_with(&self, name: &str, flags: &[&str]) -> anyhow::Result<Engine> {
        let mut setting = Setting::new(&self.dir.path().join(name));
        let url = self.postgres.url();
        setting.flags.extend(["--journal", &url, "--name", name].map(str::to_owned));
        setting.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Engine::start(&setting).await
    }
}

/// SIGTERM.
pub(crate) fn terminate(engine: &Engine) -> anyhow::Result<()> {
    let pid = engine.pid().context("the process has ended")?;
    let done = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status()?;
    ensure!(done.success(), "kill -TERM {pid}: {done}");
    Ok(())
}

pub(crate) async fn place(at: &Channel, request: PlaceOrderRequest) -> anyhow::Result<PlaceOrderResponse> {
    let mut client = OrdersServiceClient::new(at.clone());
    Ok(client.place_order(from_channel("web", request)).await?.into_inner())
}

pub(crate) async fn find(at: &Channel, order_id: &str, after: &str) -> anyhow::Result<Order> {
    let key = Some(get_order_request::Key::OrderId(order_id.to_owned()));
    let request = GetOrderRequest { key, after: after.to_owned() };
    let answer = OrdersServiceClient::new(at.clone()).get_order(request).await?.into_inner();
    answer.order.context("an order")
}

/// Waits until an order is so, as its stream at this process tells.
pub(crate) async fn order_at(at: &Channel, order_id: &str, status: OrderStatus) -> anyhow::Result<()> {
    let request = WatchOrderRequest { order_id: order_id.to_owned(), resume_token: String::new() };
    let mut stream = OrdersServiceClient::new(at.clone()).watch_order(request).await?.into_inner();
    let watching = async {
        while let Some(message) = stream.message().await? {
            if message.status() == status {
                return Ok(());
            }
        }
        anyhow::bail!("the stream of {order_id} ended")
    };
    tokio::time::timeout(PATIENCE, watching).await?
}

/// How many partitions each process owns, as one of them says.
pub(crate) async fn owned(asked: &Engine) -> anyhow::Result<BTreeMap<String, u32>> {
    let mut client = ClusterServiceClient::new(asked.channel().await?);
    let cluster = client.get_cluster(GetClusterRequest::default()).await?.into_inner();
    let owned = cluster.processes.into_iter().map(|process| (process.name, process.owned_count));
    Ok(owned.filter(|(_, count)| *count > 0).collect())
}

/// Where each partition's copy in a process stands, and the hash of its state there.
pub(crate) type States = BTreeMap<(i32, u32), (u64, String)>;

pub(crate) async fn states(asked: &Engine) -> anyhow::Result<States> {
    let mut client = ClusterServiceClient::new(asked.channel().await?);
    let cluster = client.get_cluster(GetClusterRequest { state_hashes: true }).await?.into_inner();
    let state = |one: waybill_proto::common::v1::ClusterPartition| {
        ((one.service, one.partition), (one.applied_sequence, one.state_hash))
    };
    let states: States = cluster.partitions.into_iter().map(state).collect();
    ensure!(states.values().all(|(at, hash)| *at > 0 && hash.len() == 64), "{states:?}");
    Ok(states)
}

/// What callers were told.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Order ids by the callers' own numbers.
    told: BTreeMap<String, String>,
}

impl Ledger {
    /// Places orders at these doors for so long, again with the same request id until there is an answer. Answers with the
    /// longest time that an order took, and how often one was asked for again.
    pub(crate) async fn shop(
        &mut self,
        name: &str,
        doors: &[Channel],
        time: Duration,
    ) -> anyhow::Result<(Duration, u32)> {
        let until = Instant::now() + time;
        let callers = (0..6_usize).map(|caller| async move {
            let (mut told, mut longest, mut retries) = (Vec::new(), Duration::ZERO, 0);
            for n in 0.. {
                let number = format!("{name}-{caller}-{n}");
                let began = Instant::now();
                let mut door = caller;
                let placed = loop {
                    let asked = order(&number, &[(n % 4, 1), ((n + 1) % 4, 1)], PlaceMode::Confirm);
                    let mut client = OrdersServiceClient::new(doors[door % doors.len()].clone());
                    match client.place_order(from_channel("web", asked)).await {
                        Ok(placed) => break placed.into_inner(),
                        Err(status)
                            if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) =>
                        {
                            retries += 1;
                            // Another process may know better.
                            door += 1;
                            ensure!(began.elapsed() < PATIENCE, "{number}: {status}");
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(status) => anyhow::bail!("{number}: {status}"),
                    }
                };
                ensure!(placed.outcome() != PlaceOutcome::Unspecified, "{placed:?}");
                longest = longest.max(began.elapsed());
                told.push((number, placed.order_id));
                if Instant::now() >= until {
                    break;
                }
            }
            Ok((told, longest, retries))
        });
        let mut all = (Duration::ZERO, 0);
        let before = self.told.len();
        for (told, longest, retries) in futures::future::try_join_all(callers).await? {
            all = (all.0.max(longest), all.1 + retries);
            self.told.extend(told);
        }
        println!("{name}: {} orders in {time:?}", self.told.len() - before);
        ensure!(self.told.len() - before > 20, "hardly anything was sold");
        Ok(all)
    }

    /// Every order that a caller was told of is there at every door, once: asking for it again finds the same.
    pub(crate) async fn judge(&self, doors: &[Channel]) -> anyhow::Result<()> {
        for (n, (number, order_id)) in self.told.iter().enumerate() {
            let door = &doors[n % doors.len()];
            let order = find(door, order_id, "").await.with_context(|| format!("{number} is lost"))?;
            ensure!(order.external_order_number == *number, "{number} is {order:?}");
        }
        Ok(())
    }
}
