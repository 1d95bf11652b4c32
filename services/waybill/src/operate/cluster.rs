//! `waybill cluster`: who owns what among the processes that share a journal; moving a partition; draining a process.

use super::{Reach, fresh_request_id};
use crate::commands::{refused, say};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use std::fmt::Write;
use waybill_client::{Client, Identity};
use waybill_proto::common::v1::{
    ClusterPartition, DrainProcessRequest, GetClusterRequest, GetClusterResponse, MovePartitionRequest,
    ServiceKind,
};
use waybill_types::Service;

/// What `cluster` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Show the processes and who owns which partition.
    Status {
        /// Also show the hash of each state in the process asked; it reads every row.
        #[arg(long)]
        hashes: bool,
    },
    /// Have a process own a partition, such as `move orders/3 east-2`.
    Move {
        /// The partition, such as `orders/3`.
        partition: String,
        /// The name of the process; `-` takes an earlier wish back.
        process: String,
    },
    /// Have the process at the endpoint hand over all it owns, before it is stopped or replaced.
    Drain,
}

/// Asks and shows.
///
/// # Errors
/// Nobody answers, there is no cluster, or what was asked for did not become so.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let endpoint = &args.reach.endpoint;
    let is_one = !endpoint.contains(',');
    ensure!(
        is_one || !matches!(args.what, What::Drain),
        "drain is for one process; give its address alone, not {endpoint}"
    );
    let client = args.reach.client(Identity::default()).await?;
    match args.what {
        What::Status { hashes } => {
            let request = GetClusterRequest { state_hashes: hashes, journal: true };
            let cluster = client.get_cluster(request).await.map_err(refused)?;
            say(shown(&cluster)?)
        }
        What::Move { partition, process } => say(moved(&client, &partition, &process).await?),
        What::Drain => {
            let request = DrainProcessRequest { request_id: fresh_request_id()?, reason: "drain".into() };
            let owned = client.drain_process(request).await.map_err(refused)?.owned_count;
            ensure!(owned == 0, "{owned} partitions are owned there still: no other process can own them");
            say("the process owns nothing and can be stopped")
        }
    }
}

async fn moved(client: &Client, partition: &str, process: &str) -> anyhow::Result<String> {
    let (service, index) = partition.split_once('/').context("a partition looks like orders/3")?;
    let named = Service::ALL.into_iter().find(|one| one.name() == service);
    let service = named.with_context(|| format!("{service:?} is not a service"))?;
    let process = if process == "-" { "" } else { process };
    let request = MovePartitionRequest {
        request_id: fresh_request_id()?,
        reason: "move".into(),
        service: crate::peers::kind(service).into(),
        partition: index.parse().with_context(|| format!("{index:?} is not a number"))?,
        process: process.to_owned(),
    };
    let now = client.move_partition(request).await.map_err(refused)?.partition.unwrap_or_default();
    if process.is_empty() {
        return Ok(format!("{partition} goes where the spread says; {} owns it now", now.owner));
    }
    if now.owner != process {
        bail!("{process} does not own {partition} yet, {:?} does; see `waybill cluster status`", now.owner);
    }
    Ok(format!("{process} owns {partition}"))
}

fn shown(cluster: &GetClusterResponse) -> anyhow::Result<String> {
    let mut text = format!("{} answers\n", cluster.process);
    for process in &cluster.processes {
        let state = match (process.alive, process.services.is_empty()) {
            (false, _) => "gone",
            (true, true) => "drained",
            (true, false) => "alive",
        };
        let (name, address, services) = (&process.name, &process.address, process.services.join(","));
        let (version, owned) = (&process.version, process.owned_count);
        writeln!(text, "{name:<24} {state:<8} owns {owned:<4} {services:<32} {version:<10} {address}")?;
    }
    for partition in &cluster.partitions {
        writeln!(text, "{}", line(partition))?;
    }
    Ok(text.trim_end().to_owned())
}

fn line(partition: &ClusterPartition) -> String {
    let service = ServiceKind::try_from(partition.service).unwrap_or_default();
    let service = service.as_str_name().trim_start_matches("SERVICE_KIND_").to_lowercase();
    let owner = if partition.owner.is_empty() { "nobody" } else { &partition.owner };
    let wish = if partition.wished_owner.is_empty() {
        String::new()
    } else {
        format!(" (wished: {})", partition.wished_owner)
    };
    let name = format!("{service}/{}", partition.partition);
    let state = if partition.state_hash.is_empty() {
        String::new()
    } else {
        format!(", state {}", partition.state_hash)
    };
    let (log, alarms) = (journal(partition), alarms(partition));
    format!(
        "{name:<16} {owner}{wish}, applied here through {}{log}{state}{alarms}",
        partition.applied_sequence
    )
}

/// How far a log and its bases are.
fn journal(partition: &ClusterPartition) -> String {
    if partition.journal_sequence == 0 {
        return String::new();
    }
    let (end, oldest) = (partition.journal_sequence, partition.oldest_sequence);
    let base = match partition.base_sequence {
        0 => "no base".to_owned(),
        base => format!("base at {base}"),
    };
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let room = match (partition.journal_bytes, partition.journal_bytes_max) {
        (0, _) => String::new(),
        (bytes, 0) => format!(", {} MiB", mib(bytes)),
        (bytes, most) => format!(", {} of {} MiB", mib(bytes), mib(most)),
    };
    format!(", log {oldest} to {end}, {base}{room}")
}

/// Frames after a base from which on something is wrong with giving bases: an owner gives one every 20,000.
const FRAMES_ALARM: u64 = 100_000;
/// Of what a log may take, in percent.
const ROOM_ALARM_PERCENT: u64 = 70;

/// What an operator should look at.
fn alarms(partition: &ClusterPartition) -> String {
    let since = partition.journal_sequence.saturating_sub(partition.base_sequence);
    let most = partition.journal_bytes_max;
    let is_full = most > 0 && partition.journal_bytes.saturating_mul(100) / most >= ROOM_ALARM_PERCENT;
    let found = [
        (since >= FRAMES_ALARM, format!("{since} frames since the last base")),
        (is_full, format!("the log has {ROOM_ALARM_PERCENT}% of its room or more")),
        (
            partition.difference_count > 0,
            format!("this copy was {} time(s) not what the owner has", partition.difference_count),
        ),
    ];
    let alarms: Vec<String> = found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what).collect();
    if alarms.is_empty() { String::new() } else { format!("\n{:<16} ALARM: {}", "", alarms.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_without_an_owner_and_one_with_a_wish_are_shown_as_such() {
        let partition = ClusterPartition {
            service: ServiceKind::Orders.into(),
            partition: 3,
            wished_owner: "b".into(),
            applied_sequence: 7,
            ..Default::default()
        };
        assert_eq!(line(&partition), "orders/3         nobody (wished: b), applied here through 7");
    }

    #[test]
    fn what_to_look_at_is_said() {
        let sound = ClusterPartition {
            service: ServiceKind::Orders.into(),
            owner: "a".into(),
            applied_sequence: 30_000,
            journal_sequence: 30_000,
            oldest_sequence: 9_001,
            journal_bytes: 3 << 20,
            journal_bytes_max: 1 << 30,
            base_sequence: 20_000,
            older_base_sequence: 10_000,
            ..Default::default()
        };
        assert_eq!(
            line(&sound),
            "orders/0         a, applied here through 30000, log 9001 to 30000, base at 20000, 3 of 1024 MiB"
        );
        let alarm = |change: fn(&mut ClusterPartition)| {
            let mut partition = sound.clone();
            change(&mut partition);
            alarms(&partition)
        };
        assert_eq!(alarm(|_| {}), "");
        assert!(alarm(|one| one.journal_sequence = 120_000).contains("100000 frames since the last base"));
        assert!(alarm(|one| one.journal_bytes = 760 << 20).contains("70%"));
        assert!(alarm(|one| one.difference_count = 2).contains("2 time(s)"));
        assert!(alarm(|one| (one.journal_bytes, one.journal_bytes_max) = (1 << 40, 0)).is_empty());
    }
}
