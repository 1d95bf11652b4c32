//! Gauges of the cluster as this process last saw it, for alarms. It decides nothing.

use waybill_replica::{Cluster, Owners, holder};
use waybill_types::{Layout, PartitionId, Service};

/// Living processes, this one included.
const PROCESSES: &str = "waybill_cluster_processes";
/// Partitions that this process owns.
const OWNED: &str = "waybill_cluster_partitions_owned";
/// Partitions of all services that nobody living owns.
const WITHOUT_OWNER: &str = "waybill_cluster_partitions_without_owner";

/// What one look gives.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    processes: usize,
    owned: usize,
    without_owner: usize,
}

fn seen(owners: &Owners, me: &str, all: &[PartitionId]) -> Seen {
    let is_mine = |id: &&PartitionId| owners.owner(**id).is_some_and(|owner| holder(owner) == me);
    Seen {
        processes: owners.members.iter().filter(|row| !row.remaining.is_zero()).count(),
        owned: all.iter().filter(is_mine).count(),
        without_owner: all.iter().filter(|id| owners.owner(**id).is_none()).count(),
    }
}

/// Keeps the gauges for as long as the process is part of the cluster.
pub fn meter(cluster: &Cluster, layout: Layout) {
    metrics::describe_gauge!(PROCESSES, "living processes over this journal");
    metrics::describe_gauge!(OWNED, "partitions that this process owns");
    metrics::describe_gauge!(WITHOUT_OWNER, "partitions that nobody owns");
    let gauges = [PROCESSES, OWNED, WITHOUT_OWNER].map(|name| metrics::gauge!(name));
    let all: Vec<PartitionId> =
        Service::ALL.into_iter().flat_map(|service| layout.partitions(service)).collect();
    let (mut owners, me) = (cluster.owners(), holder(cluster.member()));
    tokio::spawn(async move {
        loop {
            let now = seen(&owners.borrow_and_update(), &me, &all);
            for (gauge, value) in gauges.iter().zip([now.processes, now.owned, now.without_owner]) {
                gauge.set(value as f64);
            }
            if owners.changed().await.is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use waybill_journal::LogId;
    use waybill_journal::cluster::{LeaseRow, Member, MemberRow};

    #[test]
    fn who_is_gone_owns_nothing() {
        let member = |name: &str| Member {
            name: name.into(),
            instance: [7; 16],
            address: String::new(),
            services: Vec::new(),
            version: String::new(),
            events: 0,
        };
        let row = |name: &str, ms| MemberRow { member: member(name), remaining: Duration::from_millis(ms) };
        let id = |index| PartitionId::new(Service::Orders, index);
        let lease = |index, name: &str, ms| LeaseRow {
            log: LogId(id(index).number()),
            holder: Some(holder(&member(name))),
            remaining: Duration::from_millis(ms),
            wish: None,
        };
        let owners = Owners {
            members: vec![row("a", 900), row("b", 900), row("c", 0)],
            leases: vec![lease(0, "a", 500), lease(1, "b", 500), lease(2, "a", 0)],
        };
        let all: Vec<PartitionId> = (0..4).map(id).collect();
        let found = seen(&owners, &holder(&member("a")), &all);
        assert_eq!(found, Seen { processes: 2, owned: 1, without_owner: 2 });
    }
}
