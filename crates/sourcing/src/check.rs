//! Reads a plan back and counts its cost again from the records: the second opinion for tests and audits. It shares
//! rates and dates with the planner, and none of its choices.

use crate::dates::DateBook;
use crate::mirror::Availability;
use crate::network::{Network, Site};
use crate::policy::PolicyVersion;
use crate::rules::Case;
use std::collections::BTreeMap;
use waybill_types::exchange::{Assignment, Plan, PlanLine, PlanRequest};
use waybill_types::network::Policy;
use waybill_types::{LineNo, NodeId, ServiceId};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It names a line that was not asked.
    #[error("line {0} is in the plan and was not asked")]
    UnknownLine(u16),
    /// It names a node that the network does not know or that takes no such work.
    #[error("node {0} is in the plan and cannot do its part")]
    NodeUnfit(NodeId),
    /// It names a service by which the node does not reach the destination.
    #[error("node {0} does not reach the destination by {1}")]
    NoSuchWay(NodeId, ServiceId),
    /// One node sends one order by two services.
    #[error("node {0} is to send one parcel by two services")]
    TwoServices(NodeId),
    /// Given and missing units are not the units asked.
    #[error("line {line}: {said} units are given or missing, {asked} were asked")]
    WrongUnits {
        /// Which line.
        line: u16,
        /// Units in the plan.
        said: u64,
        /// Units in the question.
        asked: u64,
    },
    /// A shipment has other dates than the network gives it.
    #[error("node {0} has other dates than its lane and calendar give")]
    WrongDates(NodeId),
}

/// Counts the cost of a plan in minor units, from network, policy and items alone. Of the availability it reads the
/// items, never the stock.
///
/// # Errors
/// [`Fault`] where the plan does not answer the request or cannot be carried out on this network.
pub fn recompute(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
    plan: &Plan,
) -> Result<i64, Fault> {
    let rules = policy.policy.rules.as_deref();
    let of_case = rules.map(|rules| Case::new(network, rules, request).policy(policy, &[]));
    let policy = &of_case.as_ref().unwrap_or(policy).policy;
    let lines: BTreeMap<LineNo, &PlanLine> = request.lines.iter().map(|line| (line.line, line)).collect();
    check_units(&lines, plan)?;
    let mut cost = Cost { network, policy, stock, lines, request, pick: 0, backorder: 0, price: 0, minor: 0 };
    let mut shipments: BTreeMap<&NodeId, Vec<&Assignment>> = BTreeMap::new();
    let mut pickups: BTreeMap<&NodeId, Vec<&Assignment>> = BTreeMap::new();
    for assignment in &plan.assignments {
        let group = if assignment.service.is_some() { &mut shipments } else { &mut pickups };
        group.entry(&assignment.node).or_default().push(assignment);
    }
    for (node, parts) in &shipments {
        cost.add_shipment(node, parts)?;
    }
    for (node, parts) in &pickups {
        cost.add_pickup(node, parts)?;
    }
    cost.minor += i128::from(policy.split_penalty_minor * (shipments.len() as i64 - 1).max(0));
    for missing in &plan.unplanned {
        let item = stock.item(&cost.lines[&missing.line].sku);
        // In thousandths of a whole unit.
        let thousandths = i128::from(missing.quantity.units()) * 1_000 / 10i128.pow(u32::from(item.scale()));
        cost.backorder += thousandths * i128::from(policy.backorder_cost_minor);
    }
    let minor =
        cost.minor + thousandths_up(cost.backorder) + thousandths_up(cost.pick) + thousandths_up(cost.price);
    Ok(i64::try_from(minor).unwrap_or(i64::MAX))
}

fn check_units(lines: &BTreeMap<LineNo, &PlanLine>, plan: &Plan) -> Result<(), Fault> {
    let mut said: BTreeMap<LineNo, u64> = lines.keys().map(|line| (*line, 0)).collect();
    let given = plan.assignments.iter().map(|a| (a.line, a.quantity));
    for (line, quantity) in given.chain(plan.unplanned.iter().map(|u| (u.line, u.quantity))) {
        *said.get_mut(&line).ok_or(Fault::UnknownLine(line.0))? += quantity.units();
    }
    for (line, asked) in lines {
        if said[line] != asked.quantity.units() {
            return Err(Fault::WrongUnits { line: line.0, said: said[line], asked: asked.quantity.units() });
        }
    }
    Ok(())
}

struct Cost<'a> {
    network: &'a Network,
    policy: &'a Policy,
    stock: &'a dyn Availability,
    lines: BTreeMap<LineNo, &'a PlanLine>,
    request: &'a PlanRequest,
    /// In thousandths of a minor unit.
    pick: i128,
    /// In thousandths of a minor unit.
    backorder: i128,
    /// What units cost on top, in thousandths of a minor unit.
    price: i128,
    /// In minor units.
    minor: i128,
}

impl Cost<'_> {
    fn add_shipment(&mut self, node: &NodeId, parts: &[&Assignment]) -> Result<(), Fault> {
        let unfit = || Fault::NodeUnfit(node.clone());
        let network = self.network;
        let index = network.node_index(node).ok_or_else(unfit)?;
        let site = network.site(index).filter(|s| s.takes_work() && s.record.can.ships).ok_or_else(unfit)?;
        let service = parts[0].service.as_ref().ok_or_else(unfit)?;
        if parts.iter().any(|part| part.service.as_ref() != Some(service)) {
            return Err(Fault::TwoServices(node.clone()));
        }
        let no_way = || Fault::NoSuchWay(node.clone(), service.clone());
        let zone =
            self.request.destination.as_ref().and_then(|to| network.zone_index(to)).ok_or_else(no_way)?;
        let mut ways = network.lanes_of(zone).from(index).iter().map(|entry| network.way(entry.way));
        let way = ways.find(|way| way.record.service == *service).ok_or_else(no_way)?;
        let dates = DateBook::new(network, self.request.now, self.request.release_at);
        let leaving =
            dates.ready_ms(site).and_then(|ready| dates.leaving(site, way, ready)).ok_or_else(no_way)?;
        let arrival = dates.arrival_day(way, leaving).ok_or_else(no_way)?;
        let window = dates.window(way, leaving, arrival);
        if parts.iter().any(|part| part.ship_by.as_ms() != leaving.at_ms || part.promise != window) {
            return Err(Fault::WrongDates(node.clone()));
        }
        let kinds = self.policy.kind_costs.iter().filter(|cost| cost.kind == site.record.kind);
        let (base, carriage) = way.tariff.cost_minor(self.weight_mg(parts));
        self.minor += base + carriage + i128::from(site.handling_cost_minor);
        self.minor += i128::from(kinds.map(|cost| cost.minor).sum::<i64>());
        self.minor += i128::from(self.policy.lateness_cost_minor_per_day * dates.days_late(way, arrival));
        self.add_picks(parts, site.pick_cost_minor);
        self.add_prices(parts, site, &dates);
        Ok(())
    }

    fn add_pickup(&mut self, node: &NodeId, parts: &[&Assignment]) -> Result<(), Fault> {
        let unfit = || Fault::NodeUnfit(node.clone());
        let site =
            self.network.node_index(node).and_then(|index| self.network.site(index)).ok_or_else(unfit)?;
        let dates = DateBook::new(self.network, self.request.now, self.request.release_at);
        let ready = dates.collectable(site).ok_or_else(unfit)?;
        if !site.takes_work() || !site.record.can.pickup {
            return Err(unfit());
        }
        if parts.iter().any(|part| part.ship_by.as_ms() != ready.at_ms) {
            return Err(Fault::WrongDates(node.clone()));
        }
        self.minor += i128::from(site.handling_cost_minor);
        let days = dates.days_until(site, ready.at_ms);
        self.minor += i128::from(self.policy.lateness_cost_minor_per_day * days);
        self.add_picks(parts, site.pick_cost_minor);
        self.add_prices(parts, site, &dates);
        Ok(())
    }

    /// Every price that holds for these units at this node, rule by rule.
    fn add_prices(&mut self, parts: &[&Assignment], site: &Site, dates: &DateBook<'_>) {
        let terms = self.policy.rules.as_ref().and_then(|rules| rules.terms.as_ref());
        let Some(terms) = terms.filter(|terms| !terms.prices.is_empty()) else { return };
        let day = dates.ready_ms(site).map(|ready_ms| dates.local(site.clock, ready_ms).0);
        for part in parts {
            let sku = &self.lines[&part.line].sku;
            let class = self.stock.class(sku);
            let mut each = 0i64;
            for price in &terms.prices {
                let of_item = price.skus.is_empty() || price.skus.contains(sku);
                let dated = price.from_day.is_some() || price.until_day.is_some();
                let on_day = !dated || day.is_some_and(|day| price.holds_on(day));
                let here = price.nodes.holds(&part.node, site.record.kind);
                if of_item && on_day && here && price.when.fits_class(class) {
                    each += price.minor;
                }
            }
            let each = each.clamp(-1_000_000_000, 1_000_000_000);
            let scale = self.stock.item(sku).scale();
            self.price +=
                i128::from(part.quantity.units()) * 1_000 / 10i128.pow(u32::from(scale)) * i128::from(each);
        }
    }

    fn add_picks(&mut self, parts: &[&Assignment], pick_minor: i64) {
        for part in parts {
            let scale = self.stock.item(&self.lines[&part.line].sku).scale();
            let thousandths = i128::from(part.quantity.units()) * 1_000 / 10i128.pow(u32::from(scale));
            self.pick += thousandths * i128::from(pick_minor);
        }
    }

    fn weight_mg(&self, parts: &[&Assignment]) -> u64 {
        let weight_mg = |part: &&Assignment| {
            let item = self.stock.item(&self.lines[&part.line].sku);
            let whole_units_thousandths =
                u128::from(part.quantity.units()) * 1_000 / 10u128.pow(u32::from(item.scale()));
            whole_units_thousandths * u128::from(item.weight_g())
        };
        u64::try_from(parts.iter().map(weight_mg).sum::<u128>()).unwrap_or(u64::MAX)
    }
}

fn thousandths_up(thousandths: i128) -> i128 {
    thousandths.div_euclid(1_000) + i128::from(thousandths.rem_euclid(1_000) > 0)
}
