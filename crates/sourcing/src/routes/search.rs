//! One search backwards from an end for a deadline, over all sources at once. It knows costs and latest instants, and
//! nothing of stock or of the time of the question.
//!
//! Labels are settled in the order of their instants, the latest first, and of one instant the cheapest first. Going on
//! from a label never makes it later nor cheaper. So a label that is not cheaper than one settled before at its node is
//! dominated by that one, and every other label is final: no list is ever searched. The order is total and made of ids,
//! so the same network gives the same labels in whatever order it was told.

use crate::interner::NodeIx;
use crate::network::{Network, Vertex, ZoneIx};
use crate::routes::backwards::Backwards;
use crate::routes::{Label, NO_LABEL, NO_WAY, RouteEnd, RouteQuestion, Routes};
use crate::tariff::Tariff;
use petgraph::Direction::Incoming;
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use waybill_types::Timestamp;

/// No search settles more labels than this; those it has settled by then are right, cheaper and earlier ones may be
/// missing.
pub(crate) const LABELS_MAX: usize = 100_000;

/// A label on its way to be settled. The greatest is settled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    ready_ms: i64,
    cost_minor: Reverse<i64>,
    legs: Reverse<u16>,
    way: Reverse<u32>,
    next: Reverse<u32>,
    node: NodeIx,
}

struct Search<'n> {
    network: &'n Network,
    calendar: Backwards<'n>,
    weight_mg: u64,
    waiting: BinaryHeap<Step>,
    labels: Vec<Label>,
    /// By node: the cheapest settled so far.
    least_minor: Vec<i64>,
}

/// All routes to the end of the question by its deadline.
pub(crate) fn search(network: &Network, question: RouteQuestion) -> Routes {
    let deadline_ms = question.deadline.as_ms();
    let mut search = Search {
        network,
        calendar: Backwards::from(network, deadline_ms),
        weight_mg: question.class.weight_mg(),
        waiting: BinaryHeap::new(),
        labels: Vec::new(),
        least_minor: vec![i64::MAX; network.node_count()],
    };
    match question.end {
        RouteEnd::Node(node) => search.begin_at_node(node, deadline_ms),
        RouteEnd::Zone(zone) => search.begin_at_zone(zone, deadline_ms),
    }
    let cut_short = search.settle();
    Routes::of(network, question, search.labels, cut_short)
}

impl Search<'_> {
    fn begin_at_node(&mut self, node: NodeIx, deadline_ms: i64) {
        let site = self.network.site(node).filter(|site| site.takes_work());
        let Some(site) = site else { return };
        if let Some(ready_ms) = self.calendar.last_open_ms(site, deadline_ms) {
            self.offer(node, ready_ms, 0, 0, NO_WAY, NO_LABEL);
        }
    }

    fn begin_at_zone(&mut self, zone: ZoneIx, deadline_ms: i64) {
        let network = self.network;
        let lanes = network.lanes_of(zone);
        let costs: Vec<i64> = lanes.tariffs.iter().map(|tariff| cost_minor(tariff, self.weight_mg)).collect();
        for (node, entries) in lanes.by_node() {
            let Some(site) = network.site(node) else { continue };
            for entry in entries {
                let way = network.way(entry.way);
                if let Some(ready_ms) = self.calendar.last_ready_ms(site, way, deadline_ms) {
                    self.offer(node, ready_ms, costs[entry.tariff as usize], 1, entry.way, NO_LABEL);
                }
            }
        }
    }

    fn offer(&mut self, node: NodeIx, ready_ms: i64, cost_minor: i64, legs: u16, way: u32, next: u32) {
        if ready_ms >= self.calendar.horizon_ms() && cost_minor < self.least_minor[node.index()] {
            self.waiting.push(Step {
                ready_ms,
                cost_minor: Reverse(cost_minor),
                legs: Reverse(legs),
                way: Reverse(way),
                next: Reverse(next),
                node,
            });
        }
    }

    /// Settles label after label; true when there would have been more.
    fn settle(&mut self) -> bool {
        while let Some(step) = self.waiting.pop() {
            if step.cost_minor.0 >= self.least_minor[step.node.index()] {
                continue;
            }
            if self.labels.len() == LABELS_MAX {
                return true;
            }
            self.least_minor[step.node.index()] = step.cost_minor.0;
            let number = self.labels.len() as u32;
            self.labels.push(Label {
                node: step.node,
                way: step.way.0,
                next: step.next.0,
                legs: step.legs.0,
                cost_minor: step.cost_minor.0,
                latest_ready: Timestamp::from_ms(step.ready_ms),
            });
            self.go_on_from(step, number);
        }
        false
    }

    /// Offers the lanes that bring goods to the label's node in time.
    fn go_on_from(&mut self, step: Step, number: u32) {
        let network = self.network;
        let edges = network.edges_at(step.node, Incoming);
        let mut by_ms: Option<Option<i64>> = None;
        for edge in edges {
            let Vertex::Node(from) = network.vertex(edge.source()) else { continue };
            let way = network.way(*edge.weight());
            let site = network.site(from).filter(|site| site.takes_work() && way.record.active);
            let Some(site) = site else { continue };
            // Goods that come while the node is closed are taken in when it next opens.
            let here = || self.calendar.last_open_ms(network.site(step.node)?, step.ready_ms);
            let Some(by_ms) = *by_ms.get_or_insert_with(here) else { return };
            let cost_minor = step.cost_minor.0.saturating_add(cost_minor(&way.tariff, self.weight_mg));
            if cost_minor >= self.least_minor[from.index()] {
                continue;
            }
            if let Some(ready_ms) = self.calendar.last_ready_ms(site, way, by_ms) {
                let legs = step.legs.0.saturating_add(1);
                debug_assert!(ready_ms <= step.ready_ms, "going on never makes a label later");
                self.offer(from, ready_ms, cost_minor, legs, *edge.weight(), number);
            }
        }
    }
}

pub(crate) fn cost_minor(tariff: &Tariff, weight_mg: u64) -> i64 {
    let (base, carriage) = tariff.cost_minor(weight_mg);
    i64::try_from(base + carriage).unwrap_or(i64::MAX / 4)
}
