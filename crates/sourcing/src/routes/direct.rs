//! Parcels straight from a node to an address: read from a table by zone and service, without a search. It knows the
//! lanes into one zone, and no lanes between nodes.

use crate::interner::NodeIx;
use crate::network::{Network, ZoneIx, ZoneLanes};
use crate::routes::WeightClass;
use crate::routes::backwards::Backwards;
use crate::routes::search::cost_minor;
use waybill_types::network::Lane;
use waybill_types::{Timestamp, ZoneId};

/// The lanes into one zone for one deadline and weight class: a cost per tariff and an instant per timing, both few, so
/// that a lane is two look-ups.
#[derive(Debug)]
pub struct Direct<'n> {
    network: &'n Network,
    lanes: &'n ZoneLanes,
    costs_minor: Vec<i64>,
    /// By timing; `None` where the deadline cannot be made within the horizon.
    latest_ready: Vec<Option<Timestamp>>,
}

/// A lane that brings parcels in time.
#[derive(Clone, Copy, Debug)]
pub struct DirectLane<'n> {
    /// The lane.
    pub lane: &'n Lane,
    /// What it charges in minor units for one parcel of the heaviest load of the class.
    pub cost_minor: i64,
    /// Goods that become ready after this instant miss the deadline.
    pub latest_ready: Timestamp,
}

impl Network {
    /// The lanes into a zone such that what is promised lies at or before `deadline`; `None` when the zone is not known.
    #[must_use]
    pub fn direct(&self, zone: &ZoneId, deadline: Timestamp, class: WeightClass) -> Option<Direct<'_>> {
        Some(Direct::of(self, self.zone_number(zone)?, deadline, class))
    }
}

impl<'n> Direct<'n> {
    fn of(network: &'n Network, zone: ZoneIx, deadline: Timestamp, class: WeightClass) -> Self {
        let lanes = network.lanes_of(zone);
        let deadline_ms = crate::civil::clamp_instant(deadline.as_ms());
        let mut calendar = Backwards::from(network, deadline_ms);
        let mut latest_ready = vec![None; lanes.timings];
        let mut seen = vec![false; lanes.timings];
        for (node, entries) in lanes.by_node() {
            for entry in entries {
                let timing = entry.timing as usize;
                if std::mem::replace(&mut seen[timing], true) {
                    continue;
                }
                let Some(site) = network.site(node) else { continue };
                let ready_ms = calendar.last_ready_ms(site, network.way(entry.way), deadline_ms);
                let ready_ms = ready_ms.filter(|ready_ms| *ready_ms >= calendar.horizon_ms());
                latest_ready[timing] = ready_ms.map(Timestamp::from_ms);
            }
        }
        let weight_mg = class.weight_mg();
        let costs_minor = lanes.tariffs.iter().map(|tariff| cost_minor(tariff, weight_mg)).collect();
        Self { network, lanes, costs_minor, latest_ready }
    }

    /// The lanes of a node that are in time, by service.
    pub fn from(&self, node: NodeIx) -> impl Iterator<Item = DirectLane<'n>> {
        self.lanes.from(node).iter().filter_map(|entry| {
            Some(DirectLane {
                lane: &self.network.way(entry.way).record,
                cost_minor: self.costs_minor[entry.tariff as usize],
                latest_ready: self.latest_ready[entry.timing as usize]?,
            })
        })
    }
}
