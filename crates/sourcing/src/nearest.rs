//! The rule that shops without a planner use most: the nearest node that has everything sends it; where none has, nodes
//! by distance, each giving what it has of what is still missing. It stands here to be held against the planner, by the
//! same costs and dates, and decides nothing. It knows distances and stock, and no cost.

use crate::geo::Flat;
use crate::interner::NodeIx;
use crate::mirror::{Availability, ItemFacts, StockRow};
use crate::network::Network;
use crate::planner;
use crate::policy::PolicyVersion;
use crate::rules::Case;
use std::collections::BTreeMap;
use waybill_types::exchange::{Delivery, Plan, PlanRequest};
use waybill_types::{OwnerId, Quantity, Sku};

/// The plan of the rule, with the costs and dates that the planner gives the same shipments. The policy's rules hold and
/// are never relaxed. Pickups and pinned units stay where they are. Of the lanes of a node the cheapest is taken.
#[must_use]
pub fn nearest_complete(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> Plan {
    let Some(rules) = &policy.policy.rules else {
        return planner::plan(network, policy, &Given::of(network, stock, request), request);
    };
    let case = Case::new(network, rules, request);
    let left = case.left(stock, &[]);
    planner::plan(network, &case.policy(policy, &[]), &Given::of(network, &left, request), request)
}

/// Units of one SKU and owner to be sent.
struct Want<'r> {
    sku: &'r Sku,
    owner: &'r OwnerId,
    units: u64,
    whole: bool,
}

/// The stock that the rule leaves to the planner: exactly what each chosen node gives, and nothing else.
struct Given<'s> {
    stock: &'s dyn Availability,
    rows: BTreeMap<(Sku, OwnerId), Vec<StockRow>>,
}

impl<'s> Given<'s> {
    fn of(network: &Network, stock: &'s dyn Availability, request: &PlanRequest) -> Self {
        let mut given = Self { stock, rows: BTreeMap::new() };
        for line in &request.lines {
            if let (Delivery::Pickup(node), quantity) = (&line.delivery, line.quantity)
                && let Some(node) = network.node_index(node)
            {
                let there = has(stock, &line.sku, &line.owner, node);
                given.add(&line.sku, &line.owner, node, quantity.units().min(there));
            }
        }
        let mut wants = wants(stock, request);
        if let Some(place) = Place::of(network, request) {
            let spare = |given: &Self, want: &Want<'_>, node: NodeIx| {
                let fetched = given.at(want.sku, want.owner, node);
                has(stock, want.sku, want.owner, node).saturating_sub(fetched)
            };
            let nodes = match nearest(stock, &wants, &place, |want, node| spare(&given, want, node)) {
                Some(node) => vec![node],
                None => by_distance(stock, &wants, &place),
            };
            for node in nodes {
                for want in &mut wants {
                    let there = spare(&given, want, node);
                    let units = if want.whole && there < want.units { 0 } else { there.min(want.units) };
                    want.units -= units;
                    given.add(want.sku, want.owner, node, units);
                }
            }
        }
        given
    }

    fn at(&self, sku: &Sku, owner: &OwnerId, node: NodeIx) -> u64 {
        let rows = self.rows.get(&(sku.clone(), owner.clone()));
        let row = rows.and_then(|rows| rows.iter().find(|row| row.node == node));
        row.map_or(0, |row| row.available.units())
    }

    fn add(&mut self, sku: &Sku, owner: &OwnerId, node: NodeIx, units: u64) {
        let Some(units) = i64::try_from(units).ok().and_then(|units| Quantity::new(units).ok()) else {
            return;
        };
        if units.is_zero() {
            return;
        }
        let rows = self.rows.entry((sku.clone(), owner.clone())).or_default();
        match rows.binary_search_by_key(&node, |row| row.node) {
            Ok(at) => rows[at].available = rows[at].available.plus(units),
            Err(at) => rows.insert(at, StockRow { node, available: units }),
        }
    }
}

impl Availability for Given<'_> {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        let found = self.rows.iter().find(|((known, of), _)| known == sku && of == owner);
        found.map_or(&[], |(_, rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.stock.item(sku)
    }
    fn class(&self, sku: &Sku) -> Option<&str> {
        self.stock.class(sku)
    }
    fn version(&self) -> u64 {
        self.stock.version()
    }
}

/// Where the order goes, and which nodes may send there.
struct Place<'n> {
    network: &'n Network,
    lanes: &'n crate::network::ZoneLanes,
    flat: Flat,
    excluded: Vec<NodeIx>,
}

impl<'n> Place<'n> {
    fn of(network: &'n Network, request: &PlanRequest) -> Option<Self> {
        let to = request.destination.as_ref()?;
        let excluded = request.excluded.iter().filter_map(|node| network.node_index(node)).collect();
        let lanes = network.lanes_of(network.zone_index(to)?);
        Some(Self { network, lanes, flat: Flat::around(network.point_of(to)?), excluded })
    }

    /// How far away a node is, with its rank for ties; `None` when it sends nothing there.
    fn far(&self, node: NodeIx) -> Option<(i64, u32)> {
        let site = self.network.site(node).filter(|site| site.takes_work())?;
        let sends = !self.lanes.from(node).is_empty() && !self.excluded.contains(&node);
        site.record.point.filter(|_| sends).map(|point| (self.flat.squared(point), site.rank))
    }
}

fn has(stock: &dyn Availability, sku: &Sku, owner: &OwnerId, node: NodeIx) -> u64 {
    let rows = stock.stock(sku, owner);
    rows.binary_search_by_key(&node, |row| row.node).map_or(0, |at| rows[at].available.units())
}

/// What is to be sent, but for what is pinned: that is reserved where it is.
fn wants<'r>(stock: &dyn Availability, request: &'r PlanRequest) -> Vec<Want<'r>> {
    let mut wants: Vec<Want<'r>> = Vec::new();
    for line in request.lines.iter().filter(|line| line.delivery == Delivery::Ship) {
        match wants.iter_mut().find(|want| (want.sku, want.owner) == (&line.sku, &line.owner)) {
            Some(want) => want.units += line.quantity.units(),
            None => wants.push(Want {
                sku: &line.sku,
                owner: &line.owner,
                units: line.quantity.units(),
                whole: stock.item(&line.sku).no_split(),
            }),
        }
    }
    for pin in &request.pinned {
        if let Some(want) = wants.iter_mut().find(|want| (want.sku, want.owner) == (&pin.sku, &pin.owner)) {
            want.units = want.units.saturating_sub(pin.quantity.units());
        }
    }
    wants.retain(|want| want.units > 0);
    wants
}

/// The nearest node that has all of it.
fn nearest(
    stock: &dyn Availability,
    wants: &[Want<'_>],
    place: &Place<'_>,
    spare: impl Fn(&Want<'_>, NodeIx) -> u64,
) -> Option<NodeIx> {
    let rarest = wants.iter().map(|want| stock.stock(want.sku, want.owner)).min_by_key(|rows| rows.len())?;
    let complete = |node: &NodeIx| wants.iter().all(|want| spare(want, *node) >= want.units);
    let nodes = rarest.iter().map(|row| row.node).filter(complete);
    nodes.filter_map(|node| Some((place.far(node)?, node))).min().map(|(_, node)| node)
}

/// The nodes that have any of it, the nearest first.
fn by_distance(stock: &dyn Availability, wants: &[Want<'_>], place: &Place<'_>) -> Vec<NodeIx> {
    let rows = wants.iter().flat_map(|want| stock.stock(want.sku, want.owner));
    let mut nodes: Vec<((i64, u32), NodeIx)> =
        rows.filter_map(|row| Some((place.far(row.node)?, row.node))).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.into_iter().map(|(_, node)| node).collect()
}
