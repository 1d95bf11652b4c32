//! Gauges of the cluster as this process last saw it, for alarms. What was seen ages: leases that nobody renews lapse in the
//! gauges too, though the engine does not say so. It decides nothing.

use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;
use waybill_replica::{Cluster, Owners, holder};
use waybill_types::{Layout, PartitionId, Service};

/// Living processes, this one included.
const PROCESSES: &str = "waybill_cluster_processes";
/// Partitions that this process owns.
const OWNED: &str = "waybill_cluster_partitions_owned";
/// Partitions of all services that nobody living owns.
const WITHOUT_OWNER: &str = "waybill_cluster_partitions_without_owner";

/// Seconds since the journal last said who lives and who owns what.
const SILENT: &str = "waybill_cluster_journal_silent_seconds";

/// How often the gauges are counted anew while nothing is heard.
const EVERY: Duration = Duration::from_secs(1);

/// What one look gives.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    processes: usize,
    owned: usize,
    without_owner: usize,
}

/// What is left of a look after so long without another.
fn seen(owners: &Owners, age: Duration, me: &str, all: &[PartitionId]) -> Seen {
    let lives = |remaining: Duration| remaining > age;
    let owner = |id: &PartitionId| {
        let lease = owners.lease(*id)?;
        owners.owner(*id).filter(|_| lives(lease.remaining))
    };
    Seen {
        processes: owners.members.iter().filter(|row| lives(row.remaining)).count(),
        owned: all.iter().filter(|id| owner(id).is_some_and(|owner| holder(owner) == me)).count(),
        without_owner: all.iter().filter(|id| owner(id).is_none()).count(),
    }
}

/// Keeps the gauges for as long as the process is part of the cluster.
pub fn meter(cluster: &Cluster, layout: Layout) {
    metrics::describe_gauge!(PROCESSES, "living processes over this journal");
    metrics::describe_gauge!(OWNED, "partitions that this process owns");
    metrics::describe_gauge!(WITHOUT_OWNER, "partitions that nobody owns");
    metrics::describe_gauge!(SILENT, metrics::Unit::Seconds, "since the journal last said who owns what");
    let gauges = [PROCESSES, OWNED, WITHOUT_OWNER].map(|name| metrics::gauge!(name));
    let silent = metrics::gauge!(SILENT);
    let all: Vec<PartitionId> =
        Service::ALL.into_iter().flat_map(|service| layout.partitions(service)).collect();
    let (mut owners, me) = (cluster.owners(), holder(cluster.member()));
    tokio::spawn(async move {
        let (began, mut tick) = (Instant::now(), tokio::time::interval(EVERY));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = Owners::clone(&owners.borrow_and_update());
            // Nothing was heard yet since this began.
            let age = last.age().unwrap_or_else(|| began.elapsed());
            let now = seen(&last, age, &me, &all);
            for (gauge, value) in gauges.iter().zip([now.processes, now.owned, now.without_owner]) {
                gauge.set(value as f64);
            }
            silent.set(age.as_secs_f64());
            tokio::select! {
                changed = owners.changed() => if changed.is_err() { return },
                _ = tick.tick() => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_journal::LogId;
    use waybill_journal::cluster::{LeaseRow, Member, MemberRow};

    #[test]
    fn who_is_gone_or_was_not_heard_of_owns_nothing() {
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
            term: None,
            log: LogId(id(index).number()),
            holder: Some(holder(&member(name))),
            remaining: Duration::from_millis(ms),
            wish: None,
        };
        let owners = Owners {
            members: vec![row("a", 900), row("b", 900), row("c", 0)],
            leases: vec![lease(0, "a", 500), lease(1, "b", 700), lease(2, "a", 0)],
            asked: None,
        };
        let all: Vec<PartitionId> = (0..4).map(id).collect();
        let after = |ms| seen(&owners, Duration::from_millis(ms), &holder(&member("a")), &all);
        assert_eq!(after(0), Seen { processes: 2, owned: 1, without_owner: 2 });
        assert_eq!(
            after(600),
            Seen { processes: 2, owned: 0, without_owner: 3 },
            "a's lease has lapsed unheard"
        );
        assert_eq!(after(900), Seen { processes: 0, owned: 0, without_owner: 4 }, "nobody is known to live");
    }
}
