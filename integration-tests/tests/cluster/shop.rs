//! What the cluster's tests have in common: the engine and its processes, callers who keep a ledger, the operator's view.

use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::Channel;
use waybill_integration_tests::engine::{Engine, Setting};
use waybill_integration_tests::retailer::{self, Shape, order};
use waybill_integration_tests::shared_journal::{Kind, SharedJournal};
use waybill_integration_tests::world::{PATIENCE, from_channel, until};
use waybill_proto::common::v1::GetClusterRequest;
use waybill_proto::common::v1::cluster_service_client::ClusterServiceClient;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{
    GetOrderRequest, Order, OrderStatus, PlaceMode, PlaceOrderRequest, PlaceOrderResponse, PlaceOutcome,
    WatchOrderRequest, get_order_request,
};

/// Partitions of all services with the counts of these tests.
pub(crate) const PARTITIONS: u32 = 8 + 8 + 8 + 1;

pub(crate) const SHAPE: Shape = Shape { nodes: 2, items: 4, stock: 100_000 };

/// For how long callers shop around each fault: `WAYBILL_TEST_SECONDS`, or a little where it is not set.
pub(crate) fn load() -> Duration {
    let seconds = std::env::var("WAYBILL_TEST_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(4))
}

/// How long an engine is away: `WAYBILL_TEST_AWAY_SECONDS`, or just long enough for leases to lapse.
pub(crate) fn away() -> Duration {
    let seconds = std::env::var("WAYBILL_TEST_AWAY_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Bytes of memory that a process has now.
pub(crate) fn memory(engine: &Engine) -> anyhow::Result<u64> {
    let pid = engine.pid().context("the process has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}

/// An engine of the test's own, and the directories of its processes.
pub(crate) struct Cluster {
    pub(crate) journal: SharedJournal,
    dir: TempDir,
}

impl Cluster {
    pub(crate) fn new(kind: Kind) -> anyhow::Result<Self> {
        let journal = tokio::task::block_in_place(|| SharedJournal::start(kind))?;
        Ok(Self { journal, dir: tempfile::tempdir()? })
    }

    /// Three processes that run everything, with the retailer open and each owning a share.
    pub(crate) async fn three(&self) -> anyhow::Result<[Engine; 3]> {
        let a = self.start("a").await?;
        retailer::open(&a.channel().await?, SHAPE).await?;
        let (b, c) = tokio::try_join!(self.start("b"), self.start("c"))?;
        until("each of three owns a share", || async {
            let owned = owned(&a).await?;
            Ok((owned.len() == 3 && owned.values().all(|count| *count >= 6)).then_some(()))
        })
        .await?;
        Ok([a, b, c])
    }

    /// What a process of this name wrote to its standard error.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name).with_extension("log")).unwrap_or_default()
    }

    /// A process that runs everything, in the directory of this name.
    pub(crate) async fn start(&self, name: &str) -> anyhow::Result<Engine> {
        self.start_with(name, &[]).await
    }

    pub(crate) async fn start_with(&self, name: &str, flags: &[&str]) -> anyhow::Result<Engine> {
        Engine::start(&self.setting(name, flags)).await
    }

    /// As [`Self::start`], with the address where its figures are.
    pub(crate) async fn start_measured(&self, name: &str) -> anyhow::Result<(Engine, String)> {
        let mut setting = self.setting(name, &[]);
        // An address that was free a moment ago: nothing tells where figures went with port 0.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        setting.metrics_listen = Some(address.clone());
        Ok((Engine::start(&setting).await?, address))
    }

    fn setting(&self, name: &str, flags: &[&str]) -> Setting {
        let mut setting = Setting::new(&self.dir.path().join(name));
        setting.flags.extend(self.journal.flags());
        setting.flags.extend(["--name", name].map(str::to_owned));
        setting.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        setting
    }
}

/// Everything that is under way comes to its end; then all copies are the same, and every law holds in each process.
pub(crate) async fn at_rest(engines: &[&Engine]) -> anyhow::Result<()> {
    for engine in engines {
        engine.settle().await?;
    }
    let look = || futures::future::try_join_all(engines.iter().map(|engine| states(engine)));
    let all = until("all copies stand at the same places", || async {
        let all = look().await?;
        Ok(all.windows(2).all(|two| places(&two[0]) == places(&two[1])).then_some(all))
    });
    let all = match all.await {
        Ok(all) => all,
        Err(late) => {
            let all: Vec<_> = look().await?.iter().map(places).collect();
            let apart = |at: &&(i32, u32)| all.iter().any(|places| places.get(at) != all[0].get(at));
            let apart: Vec<_> =
                all[0].keys().filter(apart).map(|at| (at, all.iter().map(|one| one[at]))).collect();
            let apart: Vec<_> = apart.into_iter().map(|(at, all)| (at, all.collect::<Vec<_>>())).collect();
            anyhow::bail!("{late}; now {apart:?}");
        }
    };
    for two in all.windows(2) {
        ensure!(two[0] == two[1], "equal places and different states: {two:?}");
    }
    for engine in engines {
        engine.audit().await.context("a process of several")?;
    }
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

fn places(states: &States) -> BTreeMap<(i32, u32), u64> {
    states.iter().map(|(at, (place, _))| (*at, *place)).collect()
}

pub(crate) async fn states(asked: &Engine) -> anyhow::Result<States> {
    let mut client = ClusterServiceClient::new(asked.channel().await?);
    let cluster =
        client.get_cluster(GetClusterRequest { state_hashes: true, journal: false }).await?.into_inner();
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
                let (order_id, again) = placed_at_last(&number, n, doors, caller).await?;
                (longest, retries) = (longest.max(began.elapsed()), retries + again);
                told.push((number, order_id));
                if Instant::now() >= until {
                    break;
                }
            }
            anyhow::Ok((told, longest, retries))
        });
        let mut all = (Duration::ZERO, 0);
        let before = self.told.len();
        for (told, longest, retries) in futures::future::try_join_all(callers).await? {
            all = (all.0.max(longest), all.1 + retries);
            self.told.extend(told);
        }
        println!("{name}: {} orders in {time:?}", self.told.len() - before);
        ensure!(self.told.len() - before > 10, "hardly anything was sold");
        Ok(all)
    }

    /// Places orders until nobody answers any more, and asks for none twice.
    pub(crate) async fn shop_until_the_end(&mut self, name: &str, doors: &[Channel]) -> anyhow::Result<()> {
        let callers = (0..6_usize).map(|caller| async move {
            let mut told = Vec::new();
            for n in 0.. {
                let number = format!("{name}-{caller}-{n}");
                match place(&doors[caller % doors.len()], numbered(&number, n)).await {
                    Ok(placed) => told.push((number, placed.order_id)),
                    Err(_) => break,
                }
            }
            told
        });
        let before = self.told.len();
        self.told.extend(futures::future::join_all(callers).await.into_iter().flatten());
        println!("{name}: {} orders until the end", self.told.len() - before);
        ensure!(self.told.len() - before > 10, "hardly anything was sold");
        Ok(())
    }

    /// How long it takes until orders that lie in many partitions are all placed, asked for at each of the doors.
    pub(crate) async fn all_answer(&mut self, name: &str, doors: &[Channel]) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let asked = (0..24_usize).map(|n| async move {
            let number = format!("{name}-{n}");
            let (order_id, _) = placed_at_last(&number, n, doors, n).await?;
            anyhow::Ok((number, order_id))
        });
        self.told.extend(futures::future::try_join_all(asked).await?);
        Ok(began.elapsed())
    }

    /// Puts down what a caller was told elsewhere; another answer than before is a fault.
    pub(crate) fn was_told(&mut self, number: &str, order_id: &str) -> anyhow::Result<()> {
        let known = self.told.entry(number.to_owned()).or_insert_with(|| order_id.to_owned());
        ensure!(known == order_id, "{number} is {known} and {order_id}");
        Ok(())
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

/// The order of the ledger's numbers: what it asks for follows from them, so that asking again asks for the same.
pub(crate) fn numbered(number: &str, n: usize) -> PlaceOrderRequest {
    order(number, &[(n % 4, 1), ((n + 1) % 4, 1)], PlaceMode::Confirm)
}

/// Asks for an order, at another door each time nobody knows, until there is an answer; its id, and how often it was asked
/// for again.
async fn placed_at_last(
    number: &str,
    n: usize,
    doors: &[Channel],
    first: usize,
) -> anyhow::Result<(String, u32)> {
    let (began, mut retries) = (Instant::now(), 0);
    loop {
        let door = doors[(first + retries as usize) % doors.len()].clone();
        let asked = from_channel("web", numbered(number, n));
        match OrdersServiceClient::new(door).place_order(asked).await {
            Ok(placed) => {
                let placed = placed.into_inner();
                ensure!(placed.outcome() != PlaceOutcome::Unspecified, "{placed:?}");
                return Ok((placed.order_id, retries));
            }
            Err(status) if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) => {
                retries += 1;
                ensure!(began.elapsed() < PATIENCE + away(), "{number}: {status}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(status) => anyhow::bail!("{number}: {status}"),
        }
    }
}
