//! From records to the graph. Records that point nowhere are left out and named, never guessed at.

use crate::civil::ZoneRules;
use crate::interner::{FixedMap, Interner, NodeIx};
use crate::network::finder::ZoneFinder;
use crate::network::hours::Hours;
use crate::network::{
    Entry, Hop, Hops, Inner, LeftOut, Network, NodeCosts, OWN_PACE, Site, Vertex, Way, ZoneIx, ZoneLanes,
    lane_key,
};
use crate::routes::RouteCache;
use crate::tariff::{AMOUNT_MINOR_MAX, Tariff};
use petgraph::Direction::Incoming;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill_types::network::{
    Calendar, Lane, LaneCost, LaneEnd, Node, NodeKind, RateCard, RateCardId, Weekdays, Zone,
};
use waybill_types::{CalendarId, Money, NodeId, ZoneId};

/// The documents of one version of the network, in any order. Of two with one id the later counts.
#[derive(Clone, Debug, Default)]
pub struct Documents<'r> {
    /// Places that hold stock.
    pub nodes: Vec<&'r Node>,
    /// Ways between them, and from them to zones.
    pub lanes: Vec<&'r Lane>,
    /// Areas that lanes deliver to.
    pub zones: Vec<&'r Zone>,
    /// Opening hours and holidays.
    pub calendars: Vec<&'r Calendar>,
    /// Costs that several lanes share.
    pub rate_cards: Vec<&'r RateCard>,
}

/// Where lanes do not say: carriers deliver from 08:00 to 21:00.
const DELIVERY_MINUTES: (u16, u16) = (8 * 60, 21 * 60);
/// No handling or transit is counted longer than this.
const SPAN_MS_MAX: u64 = 400 * 86_400_000;
/// No more lead days are counted than these.
const LEAD_DAYS_MAX: u16 = 365;

impl Network {
    /// A network without any node, at version 0.
    #[must_use]
    pub fn empty() -> Self {
        Self::build(&mut Interner::new(), 0, &Documents::default())
    }

    /// Builds the network of one version. The same documents give the same network in any order. Nodes get numbers
    /// from `interner`, which must be the one that the mirror of availability uses. Takes about 20 ms per 10,000
    /// lanes: build once per batch of changes, not once per document.
    #[must_use]
    pub fn build(interner: &mut Interner, version: u64, documents: &Documents<'_>) -> Self {
        let mut builder = Builder::default();
        for calendar in &documents.calendars {
            builder.hours.insert(calendar.id.clone(), Arc::new(Hours::compile(calendar)));
        }
        for card in &documents.rate_cards {
            builder.cards.insert(card.id.clone(), Tariff::of_card(card).map(Arc::new));
        }
        let nodes: BTreeMap<&NodeId, &Node> = documents.nodes.iter().map(|node| (&node.id, *node)).collect();
        let zones: BTreeMap<&ZoneId, &Zone> = documents.zones.iter().map(|zone| (&zone.id, *zone)).collect();
        let zones: Vec<Zone> = zones.into_values().cloned().collect();
        builder.add_nodes(interner, nodes.into_values());
        builder.add_zones(&zones);
        let latest: FixedMap<_, &Lane> = documents.lanes.iter().map(|lane| (&lane.id, *lane)).collect();
        let mut sorted: Vec<&Lane> = latest.into_values().collect();
        sorted.sort_unstable_by(|a, b| lane_key(a).cmp(&lane_key(b)));
        builder.add_lanes(&sorted, &zones);
        builder.finish(version, zones)
    }
}

/// All that dates depend on from standing ready to arrival. Calendars are told apart by their address.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Pace {
    clocks: (u32, u32),
    hours: (usize, usize),
    end_hours: Option<usize>,
    departures: Vec<(Weekdays, u16)>,
    preparation_ms: i64,
    transit: (i64, u16),
    /// Of lanes between nodes, whose days differ from those of a zone.
    to_node: bool,
    delivery: Option<(u16, u16)>,
}

/// All that dates depend on from release to arrival: the pace, and the node's cut-off, lead days and handling.
type Timing = (u32, Option<u16>, u16, i64);

#[derive(Default)]
struct Builder {
    hours: BTreeMap<CalendarId, Arc<Hours>>,
    cards: BTreeMap<RateCardId, Option<Arc<Tariff>>>,
    always: Option<Arc<Hours>>,
    clock_numbers: BTreeMap<String, Option<u32>>,
    clocks: Vec<ZoneRules>,
    graph: DiGraph<Vertex, u32>,
    numbers: FixedMap<NodeId, NodeIx>,
    sites: Vec<Option<Site>>,
    ranked: Vec<NodeIx>,
    timings: FixedMap<Timing, u32>,
    paces: FixedMap<Pace, u32>,
    tariffs: FixedMap<Tariff, Arc<Tariff>>,
    vertices: Vec<Option<NodeIndex>>,
    zone_vertices: Vec<NodeIndex>,
    ways: Vec<Way>,
    left_out: Vec<LeftOut>,
}

impl Builder {
    fn hours_of(&mut self, calendar: Option<&CalendarId>) -> Option<Arc<Hours>> {
        match calendar {
            Some(id) => self.hours.get(id).cloned(),
            None => Some(self.always.get_or_insert_with(|| Arc::new(Hours::always())).clone()),
        }
    }

    fn clock_of(&mut self, name: &str) -> Option<u32> {
        if let Some(known) = self.clock_numbers.get(name) {
            return *known;
        }
        let number = ZoneRules::load(name).ok().map(|rules| {
            self.clocks.push(rules);
            self.clocks.len() as u32 - 1
        });
        self.clock_numbers.insert(name.to_owned(), number);
        number
    }

    fn add_nodes<'r>(&mut self, interner: &mut Interner, nodes: impl Iterator<Item = &'r Node>) {
        for (rank, node) in nodes.enumerate() {
            let number = interner.intern(&node.id);
            let hours = self.hours_of(node.calendar.as_ref());
            let clock = self.clock_of(node.time_zone.as_str());
            let (handling, pick) = (amount(node.handling_cost), amount(node.unit_handling_cost));
            let sound = hours.is_some() && clock.is_some() && handling.is_some() && pick.is_some();
            if !sound {
                self.left_out.push(LeftOut::Node(node.id.clone()));
            }
            let site = Site {
                record: node.clone(),
                rank: rank as u32,
                hours: hours.unwrap_or_else(|| Arc::new(Hours::always())),
                clock: clock.unwrap_or(0),
                handling_ms: node.handling_ms.min(SPAN_MS_MAX) as i64,
                lead_days: node.lead_days.unwrap_or(0).min(LEAD_DAYS_MAX),
                handling_cost_minor: handling.unwrap_or(0),
                pick_cost_minor: pick.unwrap_or(0),
                sound,
            };
            if self.sites.len() <= number.index() {
                self.sites.resize_with(number.index() + 1, || None);
                self.vertices.resize(number.index() + 1, None);
            }
            self.sites[number.index()] = Some(site);
            self.vertices[number.index()] = Some(self.graph.add_node(Vertex::Node(number)));
            self.numbers.insert(node.id.clone(), number);
            self.ranked.push(number);
        }
    }

    fn add_zones(&mut self, zones: &[Zone]) {
        for index in 0..zones.len() {
            self.zone_vertices.push(self.graph.add_node(Vertex::Zone(ZoneIx(index as u32))));
        }
    }

    /// `lanes` in ascending order of begin, end, service and id.
    fn add_lanes(&mut self, lanes: &[&Lane], zones: &[Zone]) {
        let mut before: Option<&Lane> = None;
        for lane in lanes {
            let repeats =
                before.is_some_and(|b| (&b.from, &b.to, &b.service) == (&lane.from, &lane.to, &lane.service));
            before = Some(lane);
            if repeats || self.add_lane(lane, zones).is_none() {
                self.left_out.push(LeftOut::Lane(lane.id.clone()));
            }
        }
    }

    fn add_lane(&mut self, lane: &Lane, zones: &[Zone]) -> Option<()> {
        let from = *self.numbers.get(&lane.from)?;
        let own_clock = self.sites[from.index()].as_ref().filter(|site| site.sound)?.clock;
        let (end, clock, end_hours) = match &lane.to {
            LaneEnd::Zone(id) => {
                let index = zones.binary_search_by(|zone| zone.id.cmp(id)).ok()?;
                let clock = match &zones[index].time_zone {
                    Some(name) => self.clock_of(name.as_str())?,
                    None => own_clock,
                };
                let local = match &zones[index].calendar {
                    Some(calendar) => Some(self.hours_of(Some(calendar))?),
                    None => None,
                };
                (self.zone_vertices[index], clock, local)
            }
            LaneEnd::Node(id) => {
                let number = *self.numbers.get(id)?;
                (self.vertices[number.index()]?, self.sites[number.index()].as_ref()?.clock, None)
            }
        };
        let hours = self.hours_of(lane.calendar.as_ref())?;
        let tariff = match &lane.cost {
            LaneCost::Own(rate) => Arc::new(Tariff::of_rate(rate)?),
            LaneCost::Card(id) => self.cards.get(id)?.clone()?,
        };
        let tariff = self.tariffs.entry((*tariff).clone()).or_insert(tariff).clone();
        let mut departures = lane.departures.clone();
        departures.sort_by_key(|departure| departure.minute);
        self.graph.add_edge(self.vertices[from.index()]?, end, self.ways.len() as u32);
        let site = self.sites[from.index()].as_ref()?;
        let address = |hours: &Arc<Hours>| Arc::as_ptr(hours) as usize;
        let transit_ms = lane.transit_ms.min(SPAN_MS_MAX) as i64;
        let preparation_ms = lane.preparation_ms.unwrap_or(0).min(SPAN_MS_MAX) as i64;
        let pace = Pace {
            clocks: (own_clock, clock),
            hours: (address(&site.hours), address(&hours)),
            end_hours: end_hours.as_ref().map(address),
            departures: departures.iter().map(|leaves| (leaves.weekdays, leaves.minute)).collect(),
            preparation_ms,
            transit: (transit_ms, lane.transit_days),
            to_node: matches!(lane.to, LaneEnd::Node(_)),
            delivery: lane.delivery_minutes,
        };
        let next = self.paces.len() as u32;
        let pace = *self.paces.entry(pace).or_insert(next);
        let next = self.timings.len() as u32;
        let timing = (pace, site.record.cutoff_minute, site.lead_days, site.handling_ms);
        let timing = *self.timings.entry(timing).or_insert(next);
        self.ways.push(Way {
            record: lane.clone(),
            hours,
            departures,
            clock,
            transit_ms,
            preparation_ms,
            end_hours,
            delivery_minutes: lane.delivery_minutes.unwrap_or(DELIVERY_MINUTES),
            tariff,
            timing,
            pace,
        });
        Some(())
    }

    fn finish(mut self, version: u64, zones: Vec<Zone>) -> Network {
        let paces = self.share_paces();
        let hops = self.hops();
        let into_zone = self.zone_vertices.iter().map(|vertex| self.lanes_into(*vertex)).collect();
        let finder = ZoneFinder::build(&zones);
        Network(Arc::new(Inner {
            version,
            into_zone,
            finder,
            graph: self.graph,
            numbers: self.numbers,
            costs: self.sites.iter().map(|site| costs_of(site.as_ref())).collect(),
            ranked: self.ranked,
            sites: self.sites,
            vertices: self.vertices,
            zones,
            zone_vertices: self.zone_vertices,
            ways: self.ways,
            clocks: self.clocks,
            paces,
            hops,
            left_out: self.left_out,
            route_cache: RouteCache::default(),
        }))
    }

    /// Gives new numbers to the paces that several ways share, and tells how many those are.
    fn share_paces(&mut self) -> usize {
        let mut ways = vec![0u32; self.paces.len()];
        self.ways.iter().for_each(|way| ways[way.pace as usize] += 1);
        let mut shared = 0;
        let number = |count: &u32| {
            shared += u32::from(*count > 1);
            if *count > 1 { shared - 1 } else { OWN_PACE }
        };
        let numbers: Vec<u32> = ways.iter().map(number).collect();
        self.ways.iter_mut().for_each(|way| way.pace = numbers[way.pace as usize]);
        shared as usize
    }

    /// The active lanes between nodes that take work, by their end.
    fn hops(&self) -> Hops {
        let works = |node: NodeIx| {
            self.sites.get(node.index()).and_then(Option::as_ref).is_some_and(Site::takes_work)
        };
        let mut hops = Hops { begins: vec![0], ..Hops::default() };
        let mut tariffs: FixedMap<*const Tariff, u32> = FixedMap::default();
        for (node, vertex) in self.vertices.iter().enumerate() {
            let edges = vertex.iter().flat_map(|vertex| self.graph.edges_directed(*vertex, Incoming));
            for edge in edges.filter(|_| works(NodeIx(node as u32))) {
                let way = &self.ways[*edge.weight() as usize];
                let Vertex::Node(from) = self.graph[edge.source()] else { continue };
                if !way.record.active || !works(from) {
                    continue;
                }
                let tariff = *tariffs.entry(Arc::as_ptr(&way.tariff)).or_insert_with(|| {
                    hops.tariffs.push(way.tariff.clone());
                    hops.tariffs.len() as u32 - 1
                });
                let least_ms = way.transit_ms + way.preparation_ms;
                hops.hops.push(Hop { from, way: *edge.weight(), tariff, least_ms });
            }
            hops.begins.push(hops.hops.len() as u32);
        }
        hops
    }

    /// The active lanes into a zone from nodes that ship, grouped by node.
    fn lanes_into(&self, zone: NodeIndex) -> ZoneLanes {
        let mut found: Vec<(NodeIx, u32)> = Vec::new();
        for edge in self.graph.edges_directed(zone, Incoming) {
            let Vertex::Node(from) = self.graph[edge.source()] else { continue };
            let ships =
                self.sites[from.index()].as_ref().is_some_and(|s| s.takes_work() && s.record.can.ships);
            if ships && self.ways[*edge.weight() as usize].record.active {
                found.push((from, *edge.weight()));
            }
        }
        // Ways were added in order of service and id within one begin and end.
        found.sort_unstable();
        let mut lanes = ZoneLanes { spans: vec![(0, 0); self.sites.len()], ..ZoneLanes::default() };
        let mut timings: FixedMap<u32, u32> = FixedMap::default();
        let mut tariffs: FixedMap<*const Tariff, u32> = FixedMap::default();
        for (from, way) in found {
            let place = lanes.entries.len() as u32;
            let span = &mut lanes.spans[from.index()];
            if span.0 == span.1 {
                *span = (place, place);
            }
            span.1 = place + 1;
            let facts = &self.ways[way as usize];
            let next = timings.len() as u32;
            let timing = *timings.entry(facts.timing).or_insert(next);
            let tariff = *tariffs.entry(Arc::as_ptr(&facts.tariff)).or_insert_with(|| {
                lanes.tariffs.push(facts.tariff.clone());
                lanes.tariffs.len() as u32 - 1
            });
            lanes.entries.push(Entry { way, timing, tariff });
        }
        lanes.timings = timings.len();
        lanes
    }
}

fn costs_of(site: Option<&Site>) -> NodeCosts {
    NodeCosts {
        rank: site.map_or(u32::MAX, |site| site.rank),
        kind: site.map_or(NodeKind::Supplier, |site| site.record.kind),
        handling_minor: site.map_or(0, |site| site.handling_cost_minor),
        pick_minor: site.map_or(0, |site| site.pick_cost_minor),
    }
}

/// An amount in minor units; `None` when it is out of range.
fn amount(money: Option<Money>) -> Option<i64> {
    let minor = money.map_or(0, |money| money.minor);
    (0..=AMOUNT_MINOR_MAX).contains(&minor).then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LeftOut;
    use crate::testing::{lane, node, zone};

    #[test]
    fn documents_that_point_nowhere_are_left_out_and_named() {
        let (open, mut closed, mut dear) = (node("a"), node("b"), node("c"));
        closed.calendar = Some(CalendarId::new("missing").unwrap());
        dear.handling_cost = Some(crate::testing::euro(AMOUNT_MINOR_MAX + 1));
        let mut by_card = lane("6", "a", "z", "card");
        by_card.cost = LaneCost::Card(RateCardId::new("missing").unwrap());
        let lanes = [
            lane("1", "a", "z", "std"),
            lane("2", "a", "z", "std"),
            lane("3", "nobody", "z", "std"),
            lane("4", "a", "nowhere", "std"),
            lane("5", "b", "z", "std"),
            by_card,
        ];
        let somewhere = zone("z");
        let documents = Documents {
            nodes: vec![&open, &closed, &dear],
            lanes: lanes.iter().collect(),
            zones: vec![&somewhere],
            ..Documents::default()
        };
        let network = Network::build(&mut Interner::new(), 7, &documents);
        let out: Vec<String> = network.left_out().iter().map(LeftOut::why).collect();
        assert_eq!(out.len(), 7, "{out:?}");
        assert_eq!((network.version(), network.size()), (7, (3, 1, 1)));
        let to_zone = network.lanes_to_zone(&ZoneId::new("z").unwrap());
        assert_eq!(to_zone.iter().map(|lane| lane.id.as_str()).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn numbers_survive_a_new_version_and_cheap_clones_agree() {
        let mut interner = Interner::new();
        let nodes = [node("a"), node("m"), node("z")];
        let mut build = |version, nodes: &[Node]| {
            let nodes = nodes.iter().collect();
            Network::build(&mut interner, version, &Documents { nodes, ..Documents::default() })
        };
        let (first, second) = (build(1, &nodes[1..2]), build(2, &nodes));
        let middle = &nodes[1].id;
        assert_eq!(second.node_index(middle), first.node_index(middle));
        let ids: Vec<_> = second.clone().nodes().map(|node| node.id.to_string()).collect();
        assert_eq!(ids, ["a", "m", "z"]);
        assert_eq!(Network::empty().size(), (0, 0, 0));
    }
}
