//! Three processes over one engine, each behind wires of its own, on hosts and disks of their own where a fault needs that. It can
//! be broken in parts and put together again; who does that, and when, is not known here.

use super::disk::Disk;
use super::doors::Doors;
use super::net::Network;
use super::proxy::{Proxy, Target};
use super::relay;
use crate::engine::{Engine, Setting};
use crate::shared_journal::{Kind, SharedJournal};
use crate::world::until;
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::process::Child;
use tonic::transport::Channel;
use waybill_proto::common::v1::cluster_service_client::ClusterServiceClient;
use waybill_proto::common::v1::{GetClusterRequest, GetClusterResponse, ServiceKind};

use super::callers::Home;

/// The processes.
pub const NAMES: [&str; 3] = ["a", "b", "c"];
/// The host of the engine, after those of the processes.
pub const ENGINE_HOST: usize = 3;
/// Where a process listens on its own host, and where the others reach it.
const PORT: u16 = 7_700;
/// Room of a process's data directory, and of the engine's.
const DATA_MB: u32 = 160;
const ENGINE_MB: u32 = 700;

/// What a site stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// One host and its disk.
    Plain,
    /// A host for each process and one for the engine.
    Hosts,
    /// One host, and a small disk for each.
    Disks,
}

/// One process.
pub struct Member {
    /// How it is started.
    setting: Setting,
    /// Absent while it is down.
    pub engine: Option<Engine>,
    /// Its wires to the engine's servers.
    pub wires: Vec<Proxy>,
    /// Its disk, where it has one of its own.
    pub disk: Option<Disk>,
    /// Where callers reach it, where that is not where it listens.
    door: Option<String>,
    _relays: Vec<Child>,
}

/// All of it.
pub struct Site {
    /// The engine.
    pub journal: SharedJournal,
    /// The processes, as [`NAMES`].
    pub members: Vec<Member>,
    /// How callers reach them.
    pub doors: Arc<Doors>,
    /// The hosts, where there are several.
    pub network: Option<Network>,
    /// The engine's disk, where it has one of its own.
    pub engine_disk: Option<Disk>,
    _dir: TempDir,
}

impl Site {
    /// Starts everything; each process owns a share when this answers.
    ///
    /// # Errors
    /// Something does not start; hosts and disks of their own need root.
    pub async fn start(kind: Kind, ground: Ground, flags: &[String]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("waybill-chaos-").tempdir()?;
        // The engine may run as another user, and must find its disk.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))?;
        let network = match ground {
            Ground::Hosts => Some(Network::create(&["a", "b", "c", "engine"])?),
            Ground::Plain | Ground::Disks => None,
        };
        let engine_disk = match ground {
            Ground::Disks => Some(Disk::mount(&dir.path().join("engine"), ENGINE_MB)?),
            Ground::Plain | Ground::Hosts => None,
        };
        let journal = tokio::task::block_in_place(|| match &engine_disk {
            Some(disk) => SharedJournal::start_in(kind, disk.path()),
            None => SharedJournal::start(kind),
        })?;
        let mut site =
            Self { journal, members: Vec::new(), doors: Arc::default(), network, engine_disk, _dir: dir };
        for index in 0..NAMES.len() {
            let member = site.member(index, ground, flags).await?;
            site.members.push(member);
            site.up(index).await?;
        }
        site.whole().await?;
        Ok(site)
    }

    async fn member(&self, index: usize, ground: Ground, flags: &[String]) -> anyhow::Result<Member> {
        let (name, base) = (NAMES[index], self._dir.path());
        let disk = match ground {
            Ground::Disks => Some(Disk::mount(&base.join(format!("disk-{name}")), DATA_MB)?),
            Ground::Plain | Ground::Hosts => None,
        };
        let data = disk.as_ref().map_or_else(|| base.join(name), |disk| disk.path().join(name));
        let (wires, addresses, mut relays) = self.wires(index, base).await?;
        let mut setting = Setting::new(&data);
        setting.flags.extend(flags_at(&self.journal, &addresses));
        setting.flags.extend(["--name", name].map(str::to_owned));
        setting.flags.extend(flags.iter().cloned());
        let mut door = None;
        if let Some(network) = &self.network {
            let outside = format!("{}:{PORT}", network.address(index));
            relays.push(relay::start(&network.on(index), &outside, &format!("127.0.0.1:{PORT}")).await?);
            setting.behind = network.on(index);
            setting.listen = format!("127.0.0.1:{PORT}");
            setting.flags.extend(["--advertise".to_owned(), format!("http://{outside}")]);
            door = Some(format!("http://{outside}"));
        }
        Ok(Member { setting, engine: None, wires, disk, door, _relays: relays })
    }

    /// A process's wires to each of the engine's servers, and where it finds them.
    async fn wires(
        &self,
        index: usize,
        base: &Path,
    ) -> anyhow::Result<(Vec<Proxy>, Vec<String>, Vec<Child>)> {
        let (mut wires, mut addresses, mut relays) = (Vec::new(), Vec::new(), Vec::new());
        for (server, target) in self.targets()?.into_iter().enumerate() {
            let socket = base.join(format!("wire-{index}-{server}"));
            let wire = Proxy::before(target, &socket).await?;
            addresses.push(match &self.network {
                None => wire.address.to_string(),
                Some(network) => {
                    let address = format!("{}:{}", network.address(ENGINE_HOST), 7_000 + index * 10 + server);
                    let to = socket.to_str().context("paths of tests are plain text")?;
                    relays.push(relay::start(&network.on(ENGINE_HOST), &address, to).await?);
                    address
                }
            });
            wires.push(wire);
        }
        Ok((wires, addresses, relays))
    }

    fn targets(&self) -> anyhow::Result<Vec<Target>> {
        match &self.journal {
            SharedJournal::Postgres(postgres) => Ok(vec![Target::Unix(postgres.socket())]),
            SharedJournal::Nats(servers) => {
                let port = |server: &waybill_journal_nats::server::Server| {
                    Ok(Target::Tcp(format!("127.0.0.1:{}", server.port).parse()?))
                };
                servers.servers.iter().map(port).collect()
            }
        }
    }

    /// Starts a process; answers once it lets callers in.
    ///
    /// # Errors
    /// It ends instead.
    pub async fn up(&mut self, index: usize) -> anyhow::Result<()> {
        let member = &mut self.members[index];
        let mut engine = Engine::start(&member.setting).await?;
        if let Some(door) = &member.door {
            engine.endpoint.clone_from(door);
        }
        self.doors.set(index, &engine.endpoint)?;
        member.engine = Some(engine);
        Ok(())
    }

    /// The process, which must be up.
    ///
    /// # Errors
    /// It is down.
    pub fn engine(&self, index: usize) -> anyhow::Result<&Engine> {
        self.members[index].engine.as_ref().with_context(|| format!("{} is down", NAMES[index]))
    }

    /// kill -9 of a process.
    ///
    /// # Errors
    /// It is down, or the system refused.
    pub async fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        let engine = self.members[index].engine.take();
        engine.with_context(|| format!("{} is down", NAMES[index]))?.kill().await
    }

    /// Waits until every partition has an owner, and each process owns its share.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn whole(&self) -> anyhow::Result<()> {
        until("each process owns its share", || async {
            let Some(cluster) = self.look(false).await else { return Ok(None) };
            let owned = shares(&cluster);
            let all = cluster.partitions.iter().all(|partition| !partition.owner.is_empty());
            let fair = owned.values().filter(|count| **count >= 6).count();
            Ok((all && fair == self.members.len()).then_some(()))
        })
        .await
    }

    /// The cluster as any process that answers sees it.
    async fn look(&self, state_hashes: bool) -> Option<GetClusterResponse> {
        for index in 0..self.members.len() {
            let asked = cluster_at(self.doors.at(index), state_hashes);
            let answer = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await;
            if let (Some(_), Ok(Ok(cluster))) = (&self.members[index].engine, answer) {
                return Some(cluster);
            }
        }
        None
    }

    /// Who owns each partition.
    ///
    /// # Errors
    /// No process says.
    pub async fn owners(&self) -> anyhow::Result<BTreeMap<Home, String>> {
        let cluster = until("a process says who owns what", || async { Ok(self.look(false).await) }).await?;
        let owner = |partition: waybill_proto::common::v1::ClusterPartition| {
            let letter = letter(partition.service())?;
            Some(((letter, partition.partition), partition.owner))
        };
        Ok(cluster.partitions.into_iter().filter_map(owner).collect())
    }

    /// Waits until every partition is owned by somebody other than `gone`.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn taken_over_from(&self, gone: &str) -> anyhow::Result<()> {
        until("all partitions have new owners", || async {
            let Some(cluster) = self.look(false).await else { return Ok(None) };
            let taken = |partition: &waybill_proto::common::v1::ClusterPartition| {
                !partition.owner.is_empty() && partition.owner != gone
            };
            Ok(cluster.partitions.iter().all(taken).then_some(()))
        })
        .await
    }

    /// Lets everything come to rest; then all copies are the same, and every law holds in each process. Answers with the number
    /// of things that the audits checked.
    ///
    /// # Errors
    /// Copies that differ, laws that are broken.
    pub async fn at_rest(&self) -> anyhow::Result<u64> {
        for index in 0..self.members.len() {
            self.engine(index)?.settle().await?;
        }
        let all = until("all copies stand at the same places", || async {
            let doors = (0..self.members.len()).map(|index| cluster_at(self.doors.at(index), true));
            let all = futures::future::try_join_all(doors).await?;
            let all: Vec<_> = all.into_iter().map(states).collect();
            let places = |states: &States| states.values().map(|(at, _)| *at).collect::<Vec<_>>();
            Ok(all.windows(2).all(|two| places(&two[0]) == places(&two[1])).then_some(all))
        })
        .await?;
        ensure!(all[0].values().all(|(at, hash)| *at > 0 && hash.len() == 64), "no hashes: {:?}", all[0]);
        for two in all.windows(2) {
            ensure!(two[0] == two[1], "equal places and different states: {two:?}");
        }
        let mut audited = 0;
        for (index, name) in NAMES.iter().enumerate() {
            audited += self.engine(index)?.audit().await.with_context(|| format!("audit at {name}"))?;
        }
        Ok(audited)
    }
}

/// The flags of a process that finds the engine's servers at these addresses.
fn flags_at(journal: &SharedJournal, addresses: &[String]) -> Vec<String> {
    let url = match journal {
        SharedJournal::Postgres(_) => format!("postgres://waybill@{}/postgres", addresses.join(",")),
        SharedJournal::Nats(_) => format!("nats://app:app@{}", addresses.join(",")),
    };
    let direct = journal.url();
    journal.flags().into_iter().map(|flag| if flag == direct { url.clone() } else { flag }).collect()
}

/// Where each partition's copy stands, and the hash of its state there.
type States = BTreeMap<(i32, u32), (u64, String)>;

fn states(cluster: GetClusterResponse) -> States {
    let state = |one: waybill_proto::common::v1::ClusterPartition| {
        ((one.service, one.partition), (one.applied_sequence, one.state_hash))
    };
    cluster.partitions.into_iter().map(state).collect()
}

fn shares(cluster: &GetClusterResponse) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for partition in &cluster.partitions {
        *shares.entry(partition.owner.as_str()).or_default() += 1;
    }
    shares
}

async fn cluster_at(at: Channel, state_hashes: bool) -> Result<GetClusterResponse, tonic::Status> {
    let asked =
        ClusterServiceClient::new(at).get_cluster(GetClusterRequest { state_hashes, journal: false }).await?;
    Ok(asked.into_inner())
}

/// As [`Home`] names services.
fn letter(service: ServiceKind) -> Option<char> {
    match service {
        ServiceKind::Orders => Some('W'),
        ServiceKind::Inventory => Some('H'),
        ServiceKind::Fulfillment | ServiceKind::Customers | ServiceKind::Unspecified => None,
    }
}

/// The partition that an id names, such as `W03-17` or `H05-0123`.
///
/// # Errors
/// It names none.
pub fn home(id: &str) -> anyhow::Result<Home> {
    let wrong = || format!("{id:?} names no partition");
    let letter = id.chars().next().with_context(wrong)?;
    let number = id.get(1..3).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    Ok((letter, number.with_context(wrong)?))
}
