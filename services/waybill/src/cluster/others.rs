//! The other processes of the cluster that plan, as they come and go, and the way to each.

use super::wire::endpoint;
use crate::tls::Dial;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use tonic::transport::Channel;
use waybill_fulfillment_service::{OtherPlanner, OtherPlanners};
use waybill_journal::cluster::MemberRow;
use waybill_replica::{Cluster, Owners, holder};
use waybill_types::Service;

/// Processes that run fulfilment, this one left out.
pub struct Planners {
    cluster: Cluster,
    dial: Dial,
    channels: Mutex<BTreeMap<String, Channel>>,
}

impl Planners {
    /// Of this cluster.
    #[must_use]
    pub fn new(cluster: &Cluster, dial: &Dial) -> Self {
        Self { cluster: cluster.clone(), dial: dial.clone(), channels: Mutex::default() }
    }
}

/// Names of processes that planned and cannot be asked now: they are gone, or about to go. A name that is there again is not
/// away.
fn away(owners: &Owners) -> Vec<String> {
    let there: BTreeSet<&str> =
        owners.running(Service::Fulfillment).into_iter().map(|member| member.name.as_str()).collect();
    let planned = |row: &&MemberRow| {
        let services = &row.member.services;
        services.is_empty() || services.iter().any(|service| service == Service::Fulfillment.name())
    };
    let names: BTreeSet<&str> =
        owners.members.iter().filter(planned).map(|row| row.member.name.as_str()).collect();
    names.difference(&there).map(|name| (*name).to_owned()).collect()
}

impl OtherPlanners for Planners {
    fn living(&self) -> Vec<OtherPlanner> {
        let owners = self.cluster.owners().borrow().clone();
        let me = holder(self.cluster.member());
        let mut channels = self.channels.lock();
        let running = owners.running(Service::Fulfillment);
        channels.retain(|address, _| running.iter().any(|member| member.address == *address));
        let others = running.into_iter().filter(|member| holder(member) != me);
        let reached = others.filter_map(|member| {
            let (name, address) = (member.name.clone(), &member.address);
            let channel = match channels.get(address) {
                Some(channel) => channel.clone(),
                None => {
                    let channel = endpoint(&self.dial, address).ok()?.connect_lazy();
                    channels.insert(address.clone(), channel.clone());
                    channel
                }
            };
            Some(OtherPlanner { name, channel })
        });
        reached.collect()
    }

    fn away(&self) -> Vec<String> {
        away(&self.cluster.owners().borrow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use waybill_journal::cluster::Member;

    #[test]
    fn who_planned_and_is_gone_or_leaving_is_away_until_it_is_back() {
        let row = |name: &str, instance, services: &[&str], ms| MemberRow {
            member: Member {
                name: name.into(),
                instance: [instance; 16],
                address: String::new(),
                services: services.iter().map(|service| (*service).to_owned()).collect(),
                version: String::new(),
                events: 0,
            },
            remaining: Duration::from_millis(ms),
        };
        let planner = Service::Fulfillment.name();
        let owners = Owners {
            members: vec![
                row("here", 1, &[planner], 900),
                row("dead", 2, &[planner], 0),
                row("leaving", 3, &[], 900),
                row("back", 4, &[planner], 0),
                row("back", 5, &[planner], 900),
                row("never-planned", 6, &[Service::Orders.name()], 0),
            ],
            ..Owners::default()
        };
        assert_eq!(away(&owners), ["dead", "leaving"]);
    }
}
