//! Dates of goods that are not at hand yet, and ways of goods that meet before they reach the customer: what a planner
//! asks the network before it weighs one day against another. It knows calendars and routes, and no stock: the caller
//! says where goods come to hand, and when.

use crate::dates::{DateBook, Leaving};
use crate::interner::NodeIx;
use crate::network::{Network, Site};
use crate::routes::{Journey, Routes, WeightClass};
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill_types::network::{LaneId, LocalDay};
use waybill_types::{NodeId, Timestamp, ZoneId};

/// A day on which goods are ready at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyDay {
    /// The node's local day.
    pub day: LocalDay,
    /// When the last of them is ready on that day.
    pub ready: Timestamp,
    /// When the last of them comes to hand.
    pub at_hand: Timestamp,
}

/// A day by which everything may be there, and the instant that such a plan keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CandidateDay {
    /// The day at the destination.
    pub day: LocalDay,
    /// The end of what is promised on that day: the deadline to search and plan for.
    pub by: Timestamp,
}

/// A node from which goods reach a place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferSource {
    /// Where the goods are.
    pub node: NodeIx,
    /// What the lanes charge in minor units for the heaviest load of the class.
    pub cost_minor: i64,
    /// How they travel, and when they are there.
    pub journey: Journey,
}

/// A service that brings everything from a hub to the customer in one parcel.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The lane from the hub to the customer's zone.
    pub last_mile: LaneId,
    /// What it charges in minor units for the heaviest load of the class.
    pub cost_minor: i64,
    /// Everything must be at the hub by then, so that it can still be put together.
    pub gather_by: Timestamp,
    /// The ways to the hub by then. Goods at the hub itself have a label without legs.
    pub reach: Arc<Routes>,
}

impl Network {
    /// When a node has goods ready if work is released there, or goods come to hand, at `from`: cut-off, lead days on
    /// its calendar, opening hours, handling. A supplier that is asked at `from` is ready then. `None` when the node is
    /// not known, takes no work, or never opens again.
    #[must_use]
    pub fn ready(&self, node: NodeIx, from: Timestamp) -> Option<Timestamp> {
        let site = self.working(node)?;
        let from_ms = crate::civil::clamp_instant(from.as_ms());
        Some(Timestamp::from_ms(DateBook::around(self, from_ms).ready_from_ms(site, from_ms)?))
    }

    /// The days on which goods that come to hand at these instants are ready at a node, ascending, each once. A plan
    /// that waits for a day has all goods of that day and of those before it.
    #[must_use]
    pub fn ready_days(&self, node: NodeIx, at_hand: &[Timestamp]) -> Vec<ReadyDay> {
        let Some(site) = self.working(node) else { return Vec::new() };
        let mut days: BTreeMap<LocalDay, ReadyDay> = BTreeMap::new();
        for at_hand in at_hand {
            let Some(ready) = self.ready(node, *at_hand) else { continue };
            let (day, _) = DateBook::around(self, ready.as_ms()).local(site.clock, ready.as_ms());
            let fresh = ReadyDay { day, ready, at_hand: *at_hand };
            let known = days.entry(day).or_insert(fresh);
            (known.ready, known.at_hand) = (known.ready.max(ready), known.at_hand.max(*at_hand));
        }
        days.into_values().collect()
    }

    /// The days on which parcels from these nodes, ready at these instants, can arrive in a zone by any of their lanes:
    /// ascending, each once, the first `days_max`. One of them is the day of every plan that sends straight to the
    /// customer, so these are the days to plan for.
    #[must_use]
    pub fn arrival_days(
        &self,
        zone: &ZoneId,
        ready: &[(NodeIx, Timestamp)],
        days_max: usize,
    ) -> Vec<CandidateDay> {
        let Some(zone) = self.zone_number(zone) else { return Vec::new() };
        let mut days: BTreeMap<LocalDay, Timestamp> = BTreeMap::new();
        for (node, ready) in ready {
            let Some(site) = self.working(*node) else { continue };
            let book = DateBook::around(self, ready.as_ms());
            for entry in self.lanes_of(zone).from(*node) {
                let way = self.way(entry.way);
                let leaving = book.leaving(site, way, crate::civil::clamp_instant(ready.as_ms()));
                let arrival = leaving.and_then(|leaving| Some((leaving, book.arrival_day(way, leaving)?)));
                let Some((leaving, day)) = arrival else { continue };
                let by = book.window(way, leaving, day).latest;
                let known = days.entry(day).or_insert(by);
                *known = by.max(*known);
            }
        }
        days.into_iter().take(days_max).map(|(day, by)| CandidateDay { day, by }).collect()
    }

    /// The days on which a node is open from `from` on, the first `days_max`, each with its last open instant: the days
    /// to plan a pickup for.
    #[must_use]
    pub fn pickup_days(&self, node: &NodeId, from: Timestamp, days_max: usize) -> Vec<CandidateDay> {
        let site = self.node_index(node).and_then(|node| self.working(node));
        let Some(site) = site.filter(|site| site.record.can.pickup) else { return Vec::new() };
        let mut days = Vec::new();
        let mut from_ms = crate::civil::clamp_instant(from.as_ms());
        let book = DateBook::around(self, from_ms);
        while days.len() < days_max {
            let next = book.next_open(site.clock, &site.hours, from_ms);
            let Some(Leaving { day, .. }) = next else { break };
            let closes_ms = book.openings(site.clock, &site.hours, day).map(|(_, closes_ms)| closes_ms).max();
            let Some(closes_ms) = closes_ms else { break };
            days.push(CandidateDay { day, by: Timestamp::from_ms(closes_ms - 1) });
            from_ms = closes_ms;
        }
        days
    }

    /// Of these nodes, with goods ready at these instants, those that reach the end of the routes in time, each by its
    /// cheapest way, in the order given. With [`Network::routes_to_node`] of a store these are the sources of a pickup by
    /// transfer; of a hub, those of what is put together there.
    ///
    /// # Panics
    /// In debug builds, when `routes` were searched in another version of the network.
    #[must_use]
    pub fn sources_in_time(&self, routes: &Routes, ready: &[(NodeIx, Timestamp)]) -> Vec<TransferSource> {
        let source = |(node, ready): &(NodeIx, Timestamp)| {
            let label = routes.cheapest(*node, *ready)?;
            let journey = self.journey(routes, label, *ready)?;
            Some(TransferSource { node: *node, cost_minor: label.cost_minor(), journey })
        };
        ready.iter().filter_map(source).collect()
    }

    /// The services that bring everything from a hub to a zone by a deadline in one parcel, and the ways to the hub that
    /// are in time for each; the service that leaves most time first, each later one cheaper. The hub takes its handling
    /// time to put things together. None when the hub or the zone is not known, or the hub does not ship there in time.
    #[must_use]
    pub fn merges_at(
        &self,
        hub: &NodeId,
        zone: &ZoneId,
        deadline: Timestamp,
        class: WeightClass,
    ) -> Vec<Merge> {
        let Some((site, number)) = self.node_index(hub).and_then(|hub| Some((self.working(hub)?, hub)))
        else {
            return Vec::new();
        };
        let Some(direct) = self.direct(zone, deadline, class) else { return Vec::new() };
        let mut lanes: Vec<_> = direct.from(number).collect();
        lanes.sort_by_key(|lane| (std::cmp::Reverse(lane.latest_ready), lane.cost_minor));
        let mut merges: Vec<Merge> = Vec::new();
        for found in lanes {
            if merges.last().is_some_and(|before| before.cost_minor <= found.cost_minor) {
                continue;
            }
            let gather_by = found.latest_ready.plus_ms(-site.handling_ms);
            let Some(reach) = self.routes_to_node(hub, gather_by, class) else { continue };
            let (last_mile, cost_minor) = (found.lane.id.clone(), found.cost_minor);
            merges.push(Merge { last_mile, cost_minor, gather_by, reach });
        }
        merges
    }

    fn working(&self, node: NodeIx) -> Option<&Site> {
        self.site(node).filter(|site| site.takes_work())
    }
}
