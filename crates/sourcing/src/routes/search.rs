//! One search backwards from an end for a deadline, over all sources at once. It knows costs and latest instants, and
//! nothing of stock or of the time of the question.
//!
//! Labels are settled in the order of their instants, the latest first, and of one instant the cheapest first. Going on
//! from a label never makes it later nor cheaper. So a label that is not cheaper than one settled before at its node is
//! dominated by that one, and every other label is final: no list is ever searched. The order is total and made of ids,
//! so the same network gives the same labels in whatever order it was told.

use crate::interner::NodeIx;
use crate::network::{Network, ZoneIx};
use crate::routes::backwards::Backwards;
use crate::routes::{Label, NO_LABEL, NO_WAY, RouteEnd, RouteQuestion, Routes};
use crate::tariff::Tariff;
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
    /// How many lanes it takes, and the number of its first: fewer lanes first, then by the lane's key.
    taken: Reverse<(u16, u32)>,
    next: Reverse<u32>,
    node: NodeIx,
}

/// What is known of a node on the way.
#[derive(Clone, Copy, Debug)]
struct Reached {
    /// The cheapest label settled so far.
    least_minor: i64,
    /// Of the labels offered so far, the latest and the cheapest: instant and cost. Whether they are settled or are
    /// dominated themselves, what they dominate is never settled.
    latest: (i64, i64),
    cheapest: (i64, i64),
}

const UNREACHED: Reached =
    Reached { least_minor: i64::MAX, latest: (i64::MIN, i64::MAX), cheapest: (i64::MIN, i64::MAX) };

impl Reached {
    /// True when a label that is ready at `ready_ms` or earlier at this cost could never be settled.
    fn rules_out(&self, ready_ms: i64, cost_minor: i64) -> bool {
        // Of two that are alike in both, ties decide when they are settled.
        let dominates = |(late_ms, cheap_minor): (i64, i64)| {
            late_ms >= ready_ms
                && cheap_minor <= cost_minor
                && (late_ms, cheap_minor) != (ready_ms, cost_minor)
        };
        cost_minor >= self.least_minor || dominates(self.latest) || dominates(self.cheapest)
    }

    fn offer(&mut self, ready_ms: i64, cost_minor: i64) {
        if (ready_ms, Reverse(cost_minor)) > (self.latest.0, Reverse(self.latest.1)) {
            self.latest = (ready_ms, cost_minor);
        }
        if (Reverse(cost_minor), ready_ms) > (Reverse(self.cheapest.1), self.cheapest.0) {
            self.cheapest = (ready_ms, cost_minor);
        }
    }
}

/// A cost that was not counted yet.
const UNCOUNTED: i64 = -1;

struct Search<'n> {
    network: &'n Network,
    calendar: Backwards<'n>,
    weight_mg: u64,
    /// By tariff of the hops, each counted when it is first met.
    costs_minor: Vec<i64>,
    waiting: BinaryHeap<Step>,
    labels: Vec<Label>,
    /// By node.
    reached: Vec<Reached>,
}

/// All routes to the end of the question by its deadline.
pub(crate) fn search(network: &Network, question: RouteQuestion) -> Routes {
    let deadline_ms = question.deadline.as_ms();
    let mut search = Search {
        network,
        calendar: Backwards::from(network, deadline_ms),
        weight_mg: question.class.weight_mg(),
        costs_minor: vec![UNCOUNTED; network.hops().tariffs.len()],
        waiting: BinaryHeap::with_capacity(network.node_count()),
        labels: Vec::with_capacity(2 * network.node_count()),
        reached: vec![UNREACHED; network.node_count()],
    };
    match question.end {
        RouteEnd::Node(node) => search.begin_at_node(node, deadline_ms),
        RouteEnd::Zone(zone) => search.begin_at_zone(zone, deadline_ms),
    }
    let cut_short = search.settle();
    search.labels.shrink_to_fit();
    Routes::of(network, question, search.labels, cut_short)
}

impl Search<'_> {
    fn begin_at_node(&mut self, node: NodeIx, deadline_ms: i64) {
        let site = self.network.site(node).filter(|site| site.takes_work());
        let Some(site) = site else { return };
        if let Some(ready_ms) = self.calendar.last_open_ms(site, deadline_ms) {
            self.offer(node, ready_ms, 0, (0, NO_WAY), NO_LABEL);
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
                    self.offer(node, ready_ms, costs[entry.tariff as usize], (1, entry.way), NO_LABEL);
                }
            }
        }
    }

    fn offer(&mut self, node: NodeIx, ready_ms: i64, cost_minor: i64, taken: (u16, u32), next: u32) {
        let reached = &mut self.reached[node.index()];
        if ready_ms >= self.calendar.horizon_ms() && !reached.rules_out(ready_ms, cost_minor) {
            reached.offer(ready_ms, cost_minor);
            let (cost_minor, taken, next) = (Reverse(cost_minor), Reverse(taken), Reverse(next));
            self.waiting.push(Step { ready_ms, cost_minor, taken, next, node });
        }
    }

    /// Settles label after label; true when there would have been more.
    fn settle(&mut self) -> bool {
        while let Some(step) = self.waiting.pop() {
            let reached = &mut self.reached[step.node.index()];
            if step.cost_minor.0 >= reached.least_minor {
                continue;
            }
            if self.labels.len() == LABELS_MAX {
                return true;
            }
            reached.least_minor = step.cost_minor.0;
            let number = self.labels.len() as u32;
            self.labels.push(Label {
                node: step.node,
                way: step.taken.0.1,
                next: step.next.0,
                legs: step.taken.0.0,
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
        let hops = network.hops().into(step.node);
        let site = network.site(step.node).filter(|_| !hops.is_empty());
        // Goods that come while the node is closed are taken in when it next opens.
        let by_ms = site.and_then(|site| self.calendar.last_open_ms(site, step.ready_ms));
        let Some(by_ms) = by_ms else { return };
        for hop in hops {
            let cost_minor = step.cost_minor.0.saturating_add(self.hop_minor(hop.tariff));
            // Most lanes are ruled out by the time on the way alone, before a calendar is opened.
            if self.reached[hop.from.index()].rules_out(by_ms - hop.least_ms, cost_minor) {
                continue;
            }
            let (way, site) = (network.way(hop.way), network.site(hop.from));
            let ready_ms = site.and_then(|site| self.calendar.last_ready_ms(site, way, by_ms));
            if let Some(ready_ms) = ready_ms {
                debug_assert!(ready_ms <= step.ready_ms, "going on never makes a label later");
                let taken = (step.taken.0.0.saturating_add(1), hop.way);
                self.offer(hop.from, ready_ms, cost_minor, taken, number);
            }
        }
    }

    fn hop_minor(&mut self, tariff: u32) -> i64 {
        let known = &mut self.costs_minor[tariff as usize];
        if *known == UNCOUNTED {
            *known = cost_minor(&self.network.hops().tariffs[tariff as usize], self.weight_mg);
        }
        *known
    }
}

pub(crate) fn cost_minor(tariff: &Tariff, weight_mg: u64) -> i64 {
    let (base, carriage) = tariff.cost_minor(weight_mg);
    i64::try_from(base + carriage).unwrap_or(i64::MAX / 4)
}
