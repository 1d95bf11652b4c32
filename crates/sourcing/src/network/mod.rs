//! The network made ready for planning: one immutable graph per version. It knows places and ways, and nothing of
//! stock, orders or time of day.

mod build;
pub(crate) mod finder;
pub(crate) mod hours;

pub use build::Documents;

use crate::civil::ZoneRules;
use crate::interner::{FixedMap, NodeIx};
use crate::network::finder::ZoneFinder;
use crate::network::hours::Hours;
use crate::routes::RouteCache;
use crate::tariff::Tariff;
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::{DiGraph, NodeIndex};
use std::sync::Arc;
use waybill_types::exchange::Destination;
use waybill_types::network::{Departure, Lane, LaneEnd, LaneId, Node, NodeKind, Zone};
use waybill_types::{NodeId, ServiceId, ZoneId};

/// A zone's place in ascending order of zone ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ZoneIx(pub(crate) u32);

/// A vertex of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vertex {
    Node(NodeIx),
    Zone(ZoneIx),
}

/// A node as the planner reads it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) record: Node,
    /// Place in ascending order of node ids; ties between plans are broken by it.
    pub(crate) rank: u32,
    pub(crate) hours: Arc<Hours>,
    /// Index into the network's time zones.
    pub(crate) clock: u32,
    pub(crate) handling_ms: i64,
    pub(crate) lead_days: u16,
    pub(crate) handling_cost_minor: i64,
    /// Per whole unit.
    pub(crate) pick_cost_minor: i64,
    /// False when a record it needs is missing or one of its amounts is absurd.
    pub(crate) sound: bool,
}

impl Site {
    pub(crate) fn takes_work(&self) -> bool {
        self.record.active && self.sound
    }
}

/// A lane as the planner reads it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) record: Lane,
    pub(crate) hours: Arc<Hours>,
    /// Ascending by minute.
    pub(crate) departures: Vec<Departure>,
    /// Time zone of the zone's days; the begin node's where the zone names none.
    pub(crate) clock: u32,
    pub(crate) transit_ms: i64,
    /// How long goods stand ready before they leave.
    pub(crate) preparation_ms: i64,
    /// Days of delivery at the end, where they are not every day.
    pub(crate) end_hours: Option<Arc<Hours>>,
    pub(crate) delivery_minutes: (u16, u16),
    pub(crate) tariff: Arc<Tariff>,
    /// Ways with the same number have the same dates.
    timing: u32,
    /// Ways with the same number take the same time from their departures on, and have the same departures. A way
    /// whose pace is its own has [`OWN_PACE`].
    pub(crate) pace: u32,
}

/// The pace of a way like no other.
pub(crate) const OWN_PACE: u32 = u32::MAX;

/// A lane that brings goods to a node, as a search backwards reads it: what decides most often stands together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) from: NodeIx,
    pub(crate) way: u32,
    /// Index into [`Hops::tariffs`].
    pub(crate) tariff: u32,
    /// Goods are ready at least so long before they are at the node.
    pub(crate) least_ms: i64,
}

/// The lanes between nodes that goods may take, by the node at which they end.
#[derive(Debug, Default)]
pub(crate) struct Hops {
    /// By [`NodeIx`]: where the hops of each begin; one more for the end of the last.
    begins: Vec<u32>,
    hops: Vec<Hop>,
    /// The different tariffs of the hops.
    pub(crate) tariffs: Vec<Arc<Tariff>>,
}

impl Hops {
    /// The lanes into a node.
    #[inline]
    pub(crate) fn into(&self, node: NodeIx) -> &[Hop] {
        &self.hops[self.begins[node.index()] as usize..self.begins[node.index() + 1] as usize]
    }
}

/// Nodes, lanes, zones and calendars of one version, ready for planning. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Network(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    version: u64,
    graph: DiGraph<Vertex, u32>,
    numbers: FixedMap<NodeId, NodeIx>,
    /// By [`NodeIx`]; `None` for nodes that have a number but no record.
    sites: Vec<Option<Site>>,
    /// By [`NodeIx`], as `sites`.
    costs: Vec<NodeCosts>,
    /// By rank.
    ranked: Vec<NodeIx>,
    vertices: Vec<Option<NodeIndex>>,
    zones: Vec<Zone>,
    zone_vertices: Vec<NodeIndex>,
    ways: Vec<Way>,
    /// By [`ZoneIx`]: the ways into the zone, ascending by node.
    into_zone: Vec<ZoneLanes>,
    clocks: Vec<ZoneRules>,
    /// How many different paces several ways share.
    paces: usize,
    hops: Hops,
    finder: ZoneFinder,
    left_out: Vec<LeftOut>,
    /// Routes that were searched before; they change no answer.
    route_cache: RouteCache,
}

/// The lanes into one zone, by node, laid out so that a plan reads them in one go.
#[derive(Debug, Default)]
pub(crate) struct ZoneLanes {
    /// Where the lanes of each node begin and end in `entries`.
    spans: Vec<(u32, u32)>,
    /// Grouped by node, by service and lane id within a node.
    entries: Vec<Entry>,
    /// How many different timings the entries have.
    pub(crate) timings: usize,
    /// The different tariffs of the entries.
    pub(crate) tariffs: Vec<Arc<Tariff>>,
}

/// A lane into a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) way: u32,
    /// Entries of one zone with the same timing (hours, cut-off, departures, transit) have the same dates.
    pub(crate) timing: u32,
    /// Index into the zone's tariffs.
    pub(crate) tariff: u32,
}

/// What a plan reads of every node that has stock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeCosts {
    /// Place in ascending order of node ids; ties between plans are broken by it.
    pub(crate) rank: u32,
    pub(crate) kind: NodeKind,
    pub(crate) handling_minor: i64,
    /// Per whole unit.
    pub(crate) pick_minor: i64,
}

/// A record that is kept out of plans because another one is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// A lane whose begin, end, calendar or rate card is unknown, which has a rate above 10^9 minor units, or which
    /// repeats begin, end and service of an earlier one.
    Lane(LaneId),
    /// A node whose calendar or time zone is unknown, or which has a cost above 10^9 minor units.
    Node(NodeId),
}

impl Network {
    /// The version it was built with.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }
    /// The node's number, if this version knows the node.
    #[must_use]
    pub fn node_index(&self, id: &NodeId) -> Option<NodeIx> {
        self.0.numbers.get(id).copied()
    }
    /// The node's record.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.site(self.node_index(id)?).map(|site| &site.record)
    }
    /// All nodes in ascending order of id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.ranked.iter().filter_map(|node| self.site(*node)).map(|site| &site.record)
    }
    /// The one zone that the destination belongs to.
    #[must_use]
    pub fn zone_of(&self, destination: &Destination) -> Option<&ZoneId> {
        let zone = self.0.finder.find(destination)?;
        Some(&self.0.zones[zone.0 as usize].id)
    }
    /// The lanes that leave a node, ascending by lane id.
    #[must_use]
    pub fn lanes_from(&self, id: &NodeId) -> Vec<&Lane> {
        self.lanes_at(self.node_index(id).and_then(|node| self.0.vertices[node.index()]), Outgoing)
    }
    /// The lanes that bring goods to a node from other nodes, ascending by lane id.
    #[must_use]
    pub fn lanes_into(&self, id: &NodeId) -> Vec<&Lane> {
        self.lanes_at(self.node_index(id).and_then(|node| self.0.vertices[node.index()]), Incoming)
    }
    /// The lanes that serve a zone, ascending by lane id.
    #[must_use]
    pub fn lanes_to_zone(&self, id: &ZoneId) -> Vec<&Lane> {
        let found = self.0.zones.binary_search_by(|zone| zone.id.cmp(id)).ok();
        self.lanes_at(found.map(|index| self.0.zone_vertices[index]), Incoming)
    }
    /// Number of nodes, lanes that plans may use, and zones.
    #[must_use]
    pub fn size(&self) -> (usize, usize, usize) {
        (self.0.numbers.len(), self.0.ways.len(), self.0.zones.len())
    }
    /// Records that plans do not use, and only because another record is missing or wrong.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.0.left_out
    }

    fn lanes_at(&self, vertex: Option<NodeIndex>, direction: petgraph::Direction) -> Vec<&Lane> {
        let edges = vertex.into_iter().flat_map(|vertex| self.0.graph.edges_directed(vertex, direction));
        let mut lanes: Vec<&Lane> = edges.map(|edge| &self.way(*edge.weight()).record).collect();
        lanes.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        lanes
    }

    pub(crate) fn site(&self, node: NodeIx) -> Option<&Site> {
        self.0.sites.get(node.index())?.as_ref()
    }
    /// True where [`Self::site`] has the node; reads less of memory.
    #[inline]
    pub(crate) fn knows(&self, node: NodeIx) -> bool {
        self.0.costs.get(node.index()).is_some_and(|costs| costs.rank != u32::MAX)
    }
    /// One more than the largest number of a node.
    pub(crate) fn node_count(&self) -> usize {
        self.0.sites.len()
    }
    pub(crate) fn zone_index(&self, destination: &Destination) -> Option<ZoneIx> {
        self.0.finder.find(destination)
    }
    pub(crate) fn lanes_of(&self, zone: ZoneIx) -> &ZoneLanes {
        &self.0.into_zone[zone.0 as usize]
    }
    pub(crate) fn way(&self, way: u32) -> &Way {
        &self.0.ways[way as usize]
    }
    #[inline]
    pub(crate) fn costs(&self, node: NodeIx) -> &NodeCosts {
        &self.0.costs[node.index()]
    }
    /// All nodes in ascending order of id.
    pub(crate) fn ranked(&self) -> &[NodeIx] {
        &self.0.ranked
    }
    pub(crate) fn clocks(&self) -> &[ZoneRules] {
        &self.0.clocks
    }
    pub(crate) fn paces(&self) -> usize {
        self.0.paces
    }
    pub(crate) fn zone_number(&self, id: &ZoneId) -> Option<ZoneIx> {
        self.0.zones.binary_search_by(|zone| zone.id.cmp(id)).ok().map(|index| ZoneIx(index as u32))
    }
    pub(crate) fn zone(&self, zone: ZoneIx) -> &Zone {
        &self.0.zones[zone.0 as usize]
    }
    pub(crate) fn hops(&self) -> &Hops {
        &self.0.hops
    }
    pub(crate) fn route_cache(&self) -> &RouteCache {
        &self.0.route_cache
    }
}

impl ZoneLanes {
    /// The nodes that have lanes into the zone, each with them.
    pub(crate) fn by_node(&self) -> impl Iterator<Item = (NodeIx, &[Entry])> {
        let nodes = (0..self.spans.len() as u32).map(NodeIx);
        nodes.map(|node| (node, self.from(node))).filter(|(_, entries)| !entries.is_empty())
    }

    /// The lanes from `node`.
    #[inline]
    pub(crate) fn from(&self, node: NodeIx) -> &[Entry] {
        let (begin, end) = self.spans.get(node.index()).copied().unwrap_or((0, 0));
        &self.entries[begin as usize..end as usize]
    }
}

impl LeftOut {
    /// Why, in words.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            LeftOut::Lane(id) => format!(
                "lane {id}: its begin, end, calendar or rate card is unknown, a rate is above 10^9 minor units, or \
                 another lane has the same begin, end and service"
            ),
            LeftOut::Node(id) => format!(
                "node {id}: its calendar or time zone is unknown, or a cost is above 10^9 minor units"
            ),
        }
    }
}

pub(crate) fn lane_key(lane: &Lane) -> (&NodeId, &LaneEnd, &ServiceId, &LaneId) {
    (&lane.from, &lane.to, &lane.service, &lane.id)
}
