//! A decision as it can be shown: what each shipment costs, the next best plans, and why nodes with stock were not used.

use super::Record;
use super::question::Shelves;
use crate::check::recompute;
use crate::dates::DateBook;
use crate::interner::NodeIx;
use crate::mirror::{Availability, StockRow};
use crate::network::Network;
use crate::policy::PolicyVersion;
use crate::rules::{Case, Kept, Sieve, relaxed_plan};
use std::collections::{BTreeMap, BTreeSet};
use waybill_types::exchange::{Assignment, Delivery, Plan, PlanLine, PlanRequest, PromiseWindow};
use waybill_types::network::{FallbackStep, NodeKind};
use waybill_types::{GeoPoint, LineNo, NodeId, Quantity, ServiceId, Timestamp};

/// A decision, counted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The plan's shipments and pickups, by node.
    pub shipments: Vec<Shipment>,
    /// Steps of the policy's fallback that were taken.
    pub relaxed: Vec<FallbackStep>,
    /// The best plans that do without a node of every better one, cheapest first; at most three.
    pub next: Vec<Alternative>,
    /// How many nodes that had something of the order stood how.
    pub counts: Vec<(Standing, u32)>,
    /// The first of them that were not used, at most 32, by node id.
    pub nodes: Vec<NodeSeen>,
    /// The planner makes the same plan again from what is kept.
    pub repeats: bool,
}

/// What one node does for a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Which node.
    pub node: NodeId,
    /// What kind of place it is.
    pub kind: NodeKind,
    /// Where it is.
    pub point: Option<GeoPoint>,
    /// By which service; `None` for a pickup.
    pub service: Option<ServiceId>,
    /// Which units.
    pub units: Vec<(LineNo, Quantity)>,
    /// It must hand over by then.
    pub ship_by: Timestamp,
    /// When the customer gets it.
    pub promise: PromiseWindow,
    /// What it costs alone, in minor units: without the split penalty and what is unserved.
    pub cost_minor: i64,
}

/// Another plan that could have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The plan.
    pub plan: Plan,
    /// What it would cost more than the chosen one, in minor units.
    pub extra_minor: i64,
}

/// How a node stood that had something of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is in the plan.
    Chosen,
    /// It could have given something, and a plan with it is no cheaper.
    NotCheaper,
    /// It does not take work, or a document it needs is missing.
    Inactive,
    /// The order must not use it: it refused or was full.
    Excluded,
    /// The policy's rules do not let it serve this case.
    NotServed,
    /// The policy keeps all of it back from this case.
    KeptBack,
    /// No lane of it leads to the destination.
    NoLane,
    /// Its lanes never arrive: node or carrier never works again.
    NeverArrives,
    /// It has less than a line that must not be split asks for.
    TooFew,
    /// It has something, and every such line is fetched elsewhere.
    FetchedElsewhere,
}

/// A node that had something, and how it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// Which node.
    pub node: NodeId,
    /// What kind of place it is.
    pub kind: NodeKind,
    /// Where it is.
    pub point: Option<GeoPoint>,
    /// Units it had of the order's lines, summed over SKUs, none counted beyond what was asked.
    pub useful_units: u64,
    /// How it stood.
    pub standing: Standing,
}

/// Nodes that are named with how they stood.
const NODES_MAX: usize = 32;
/// Next best plans.
const NEXT_MAX: usize = 3;

impl Record {
    /// Counts the decision again over the network and policy of that time; `None` where they are not those.
    #[must_use]
    pub fn explain(&self, network: &Network, policy: &PolicyVersion) -> Option<Explained> {
        let request = self.question(network)?;
        let stock = self.stock(network);
        let (again, steps) = relaxed_plan(network, policy, &stock, &request);
        let relaxed = policy.policy.rules.as_ref().map_or(&[][..], |rules| &rules.fallback[..steps]);
        let (counts, nodes) = self.standings(network, policy, &stock, &request, relaxed);
        Some(Explained {
            shipments: self.shipments(network, policy, &stock, &request),
            relaxed: relaxed.to_vec(),
            next: next_best(network, policy, &stock, &request, &self.plan),
            counts,
            nodes,
            repeats: again == self.plan,
        })
    }

    /// Plans the same question over another network, policy or both, as the stock was then; `None` when the question
    /// cannot be asked there.
    #[must_use]
    pub fn under(&self, then: &Network, network: &Network, policy: &PolicyVersion) -> Option<Plan> {
        let request = self.question(network)?;
        let stock = self.stock(then).over(then, network);
        Some(relaxed_plan(network, policy, &stock, &request).0)
    }

    /// What the plan's shipments cost, each by itself.
    fn shipments(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &Shelves,
        request: &PlanRequest,
    ) -> Vec<Shipment> {
        let mut by_stop: BTreeMap<(&NodeId, Option<&ServiceId>), Vec<&Assignment>> = BTreeMap::new();
        for part in &self.plan.assignments {
            by_stop.entry((&part.node, part.service.as_ref())).or_default().push(part);
        }
        let said = by_stop.into_iter().filter_map(|((node, service), parts)| {
            let record = network.node(node)?;
            Some(Shipment {
                node: node.clone(),
                kind: record.kind,
                point: record.point,
                service: service.cloned(),
                units: parts.iter().map(|part| (part.line, part.quantity)).collect(),
                ship_by: parts[0].ship_by,
                promise: parts[0].promise,
                cost_minor: alone(network, policy, stock, request, &parts),
            })
        });
        said.collect()
    }

    fn standings(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &Shelves,
        request: &PlanRequest,
        relaxed: &[FallbackStep],
    ) -> (Vec<(Standing, u32)>, Vec<NodeSeen>) {
        let looker = Looker::new(network, request);
        let chosen: BTreeSet<&NodeId> = self.plan.assignments.iter().map(|part| &part.node).collect();
        let mut seen: BTreeMap<&NodeId, (NodeIx, Standing, u64)> = BTreeMap::new();
        let case = policy.policy.rules.as_ref().map(|rules| Case::new(network, rules, request));
        for (sku, owner, rows) in stock.iter() {
            let lines: Vec<&PlanLine> =
                request.lines.iter().filter(|line| line.sku == *sku && line.owner == *owner).collect();
            let asked: u64 = lines.iter().map(|line| line.quantity.units()).sum();
            let sieve = case.as_ref().map(|case| Sieve::new(case, stock, sku, owner, relaxed));
            let no_split = stock.item(sku).no_split();
            for row in rows {
                let Some(site) = network.site(row.node) else { continue };
                let id = &site.record.id;
                let standing = if chosen.contains(id) {
                    Standing::Chosen
                } else {
                    looker.standing(row, &lines, no_split, sieve.as_ref())
                };
                let entry = seen.entry(id).or_insert((row.node, standing, 0));
                // The best that can be said of it for any of its lines.
                entry.1 = entry.1.min(standing);
                entry.2 += row.available.units().min(asked);
            }
        }
        let mut counts: BTreeMap<Standing, u32> = BTreeMap::new();
        let mut nodes = Vec::new();
        for (id, (index, standing, useful_units)) in seen {
            *counts.entry(standing).or_default() += 1;
            let Some(site) = network.site(index).filter(|_| standing != Standing::Chosen) else { continue };
            if nodes.len() < NODES_MAX {
                let (kind, point) = (site.record.kind, site.record.point);
                nodes.push(NodeSeen { node: id.clone(), kind, point, useful_units, standing });
            }
        }
        (counts.into_iter().collect(), nodes)
    }
}

/// The cost of these units alone: a question that asks for no more than them, answered by them.
fn alone(
    network: &Network,
    policy: &PolicyVersion,
    stock: &Shelves,
    request: &PlanRequest,
    parts: &[&Assignment],
) -> i64 {
    let lines = request.lines.iter().filter_map(|line| {
        let units = parts.iter().filter(|part| part.line == line.line).map(|part| part.quantity);
        let quantity = units.sum::<Quantity>();
        (!quantity.is_zero()).then(|| PlanLine { quantity, ..line.clone() })
    });
    let asked = PlanRequest { lines: lines.collect(), ..request.clone() };
    let assignments = parts.iter().map(|part| (*part).clone()).collect();
    let plan = Plan {
        assignments,
        unplanned: Vec::new(),
        cost: Vec::new(),
        lower_bound_minor: 0,
        stamp: Default::default(),
    };
    recompute(network, policy, stock, &asked, &plan).unwrap_or(0)
}

/// Best first over sets of nodes that are left out: each plan found is the best that avoids a node of every better one.
fn next_best(
    network: &Network,
    policy: &PolicyVersion,
    stock: &Shelves,
    request: &PlanRequest,
    chosen: &Plan,
) -> Vec<Alternative> {
    let missing = |plan: &Plan| plan.unplanned.iter().map(|units| units.quantity.units()).sum::<u64>();
    let mut tried: BTreeSet<Vec<NodeId>> = BTreeSet::new();
    let mut open: Vec<(u64, i64, Vec<NodeId>, Plan)> = Vec::new();
    let mut next: Vec<Alternative> = Vec::new();
    let mut around = (request.excluded.clone(), chosen.clone());
    while next.len() < NEXT_MAX {
        let (without, plan) = &around;
        // Where units are pinned or fetched there is no choice.
        let free = |part: &&Assignment| {
            part.service.is_some() && !request.pinned.iter().any(|pin| pin.node == part.node)
        };
        let nodes: BTreeSet<&NodeId> = plan.assignments.iter().filter(free).map(|part| &part.node).collect();
        for node in nodes {
            let mut without = without.clone();
            without.push(node.clone());
            without.sort();
            if !tried.insert(without.clone()) {
                continue;
            }
            let asked = PlanRequest { excluded: without.clone(), ..request.clone() };
            let plan = relaxed_plan(network, policy, stock, &asked).0;
            if !plan.assignments.is_empty() {
                open.push((missing(&plan), plan.cost_minor(), without, plan));
            }
        }
        let Some(best) = (0..open.len()).min_by_key(|at| (open[*at].0, open[*at].1, &open[*at].2)) else {
            break;
        };
        let (_, cost, without, plan) = open.swap_remove(best);
        let known = next.iter().any(|other| other.plan.assignments == plan.assignments);
        if !known && plan.assignments != chosen.assignments {
            next.push(Alternative { extra_minor: cost - chosen.cost_minor(), plan: plan.clone() });
        }
        around = (without, plan);
    }
    next
}

/// Looks at single nodes for one question.
struct Looker<'q> {
    network: &'q Network,
    request: &'q PlanRequest,
    dates: DateBook<'q>,
    excluded: Vec<NodeIx>,
}

impl<'q> Looker<'q> {
    fn new(network: &'q Network, request: &'q PlanRequest) -> Self {
        Self {
            network,
            request,
            dates: DateBook::new(network, request.now, request.release_at),
            excluded: request.excluded.iter().filter_map(|id| network.node_index(id)).collect(),
        }
    }

    fn standing(
        &self,
        row: &StockRow,
        lines: &[&PlanLine],
        no_split: bool,
        sieve: Option<&Sieve<'_>>,
    ) -> Standing {
        let Some(site) = self.network.site(row.node).filter(|site| site.takes_work()) else {
            return Standing::Inactive;
        };
        if self.excluded.contains(&row.node) {
            return Standing::Excluded;
        }
        let left = match sieve.map_or(Kept::Whole, |sieve| sieve.keeps(row)) {
            Kept::Whole => row.available,
            Kept::Less(left) => left,
            Kept::Buffered => return Standing::KeptBack,
            Kept::NotServed => return Standing::NotServed,
        };
        let fetched_here = lines.iter().any(|line| line.delivery == Delivery::Pickup(site.record.id.clone()));
        if fetched_here {
            return Standing::NotCheaper;
        }
        if lines.iter().all(|line| line.delivery != Delivery::Ship) {
            return Standing::FetchedElsewhere;
        }
        let zone = self.request.destination.as_ref().and_then(|to| self.network.zone_index(to));
        let lanes = zone.map(|zone| self.network.lanes_of(zone).from(row.node)).unwrap_or_default();
        if lanes.is_empty() {
            return Standing::NoLane;
        }
        let arrives = self.dates.ready_ms(site).is_some_and(|ready| {
            lanes.iter().any(|entry| {
                let way = self.network.way(entry.way);
                let leaving = self.dates.leaving(site, way, ready);
                leaving.is_some_and(|leaving| self.dates.arrival_day(way, leaving).is_some())
            })
        });
        match arrives {
            false => Standing::NeverArrives,
            true if no_split && lines.iter().all(|line| line.quantity > left) => Standing::TooFew,
            true => Standing::NotCheaper,
        }
    }
}
