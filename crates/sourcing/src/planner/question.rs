//! A request with everything it is read against, and the small questions about nodes and lanes that follow from it.

use crate::dates::DateBook;
use crate::interner::NodeIx;
use crate::mirror::Availability;
use crate::network::{Entry, Network, Site, ZoneLanes};
use crate::planner::cost::opening_minor;
use waybill_types::exchange::PlanRequest;
use waybill_types::network::Policy;

/// A request with everything it is to be read against.
pub(crate) struct Question<'q> {
    pub(crate) network: &'q Network,
    pub(crate) policy: &'q Policy,
    pub(crate) stock: &'q dyn Availability,
    pub(crate) request: &'q PlanRequest,
    pub(crate) dates: DateBook<'q>,
    /// The lanes into the zone of the destination, if there is one.
    pub(crate) lanes: Option<&'q ZoneLanes>,
    pub(crate) excluded: Vec<NodeIx>,
    /// Lanes that arrive earlier or later than so many days after the question count as none.
    pub(crate) days_min: i64,
    pub(crate) days_max: i64,
}

impl<'q> Question<'q> {
    pub(crate) fn new(
        network: &'q Network,
        policy: &'q Policy,
        stock: &'q dyn Availability,
        request: &'q PlanRequest,
    ) -> Self {
        let zone = request.destination.as_ref().and_then(|destination| network.zone_index(destination));
        Self {
            network,
            policy,
            stock,
            request,
            dates: DateBook::new(network, request.now, request.release_at),
            lanes: zone.map(|zone| network.lanes_of(zone)),
            excluded: request.excluded.iter().filter_map(|id| network.node_index(id)).collect(),
            days_min: i64::MIN,
            days_max: i64::MAX,
        }
    }

    /// The same question with nothing that arrives more than `days_max` days after it.
    pub(crate) fn within(&self, days_max: i64) -> Self {
        Self { days_max, ..Self::new(self.network, self.policy, self.stock, self.request) }
    }

    /// The same question with nothing that arrives on another day than `days` after it.
    pub(crate) fn on(&self, days: i64) -> Self {
        Self { days_min: days, ..self.within(days) }
    }

    /// True when the node may send to the destination and some lane of it arrives.
    pub(crate) fn ships(&self, node: NodeIx) -> bool {
        let lanes = self.lanes.map_or(&[][..], |lanes| lanes.from(node));
        let arrives =
            |(site, ready_ms)| lanes.iter().any(|entry| self.days_late(site, ready_ms, entry.way).is_some());
        !lanes.is_empty() && !self.excluded.contains(&node) && self.ready(node).is_some_and(arrives)
    }

    /// True when the node hands over to customers.
    pub(crate) fn collects(&self, node: NodeIx) -> bool {
        let site = self.network.site(node).filter(|site| site.takes_work() && site.record.can.pickup);
        !self.excluded.contains(&node) && site.is_some_and(|site| self.dates.collectable(site).is_some())
    }

    /// The node and when its goods are ready; `None` when they never are.
    pub(crate) fn ready(&self, node: NodeIx) -> Option<(&'q Site, i64)> {
        let site = self.network.site(node)?;
        Some((site, self.dates.ready_ms(site)?))
    }

    /// The days until a shipment by `way` arrives; `None` when it never does.
    pub(crate) fn days_late(&self, site: &Site, ready_ms: i64, way: u32) -> Option<i64> {
        let way = self.network.way(way);
        let leaving = self.dates.leaving(site, way, ready_ms)?;
        let days = self.dates.days_late(way, self.dates.arrival_day(way, leaving)?);
        Some(days).filter(|days| (self.days_min..=self.days_max).contains(days))
    }

    /// The cheapest lane of `node` for a load, and the cost of the shipment without its units; ties go to the first.
    pub(crate) fn cheapest_lane(&self, node: NodeIx, load_mg: u64) -> Option<(i128, u32)> {
        let (site, ready_ms) = self.ready(node)?;
        let costs = self.network.costs(node);
        let costed = |entry: &Entry| {
            let opening = opening_minor(self.policy, costs, self.days_late(site, ready_ms, entry.way)?);
            let (base, carriage) = self.network.way(entry.way).tariff.cost_minor(load_mg);
            Some((i128::from(opening) + base + carriage, entry.way))
        };
        self.lanes?.from(node).iter().filter_map(costed).min_by_key(|(cost, _)| *cost)
    }
}
