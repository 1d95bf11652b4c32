//! Checks a kept decision without the planner: units, stock, rules, dates and cost are counted again from the documents
//! of that time. It shares rates and dates with the planner, and none of its choices.

use super::Record;

use crate::check::recompute;
use crate::mirror::Availability;
use crate::network::Network;
use crate::planner::Recount;
use crate::policy::PolicyVersion;
use std::collections::BTreeMap;
use waybill_types::exchange::Delivery;
use waybill_types::network::{FallbackStep, Rules};
use waybill_types::{LineNo, NodeId, OwnerId, Sku};

/// What is wrong with a kept decision, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The plan does not answer its question, cannot be carried out, or has other dates than the network gives.
    Plan(String),
    /// The plan's cost is not what the documents say.
    Cost {
        /// Counted here, in minor units.
        counted: i64,
        /// What the plan says.
        said: i64,
    },
    /// The lower bound is above the cost.
    Bound {
        /// What the plan says, in minor units.
        bound: i64,
        /// Its cost.
        cost: i64,
    },
    /// The lower bound is none: a plan costs less.
    NoBound {
        /// What the plan says, in minor units.
        bound: i64,
        /// What another plan costs.
        found: i64,
    },
    /// A node gives more than it had.
    Stock {
        /// Which node.
        node: NodeId,
        /// Of what.
        sku: Sku,
        /// Units given.
        given: u64,
        /// Units there were, with those reserved for the order.
        had: u64,
    },
    /// A node is used that the order must not use.
    Excluded(NodeId),
    /// A node is used that the rules do not let serve the case, and that no step of the fallback allows.
    Rule(NodeId),
    /// Network or policy are not those of the plan.
    Versions {
        /// Network and policy of the plan.
        said: (u64, u64),
        /// Network and policy that it was checked over.
        found: (u64, u64),
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plan(why) => write!(f, "{why}"),
            Self::Cost { counted, said } => {
                write!(f, "the plan says that it costs {said}, it costs {counted}")
            }
            Self::Bound { bound, cost } => write!(f, "the lower bound {bound} is above the cost {cost}"),
            Self::NoBound { bound, found } => {
                write!(f, "nothing is said to cost less than {bound}, and a plan costs {found}")
            }
            Self::Stock { node, sku, given, had } => write!(f, "{node} gives {given} of {sku} and had {had}"),
            Self::Excluded(node) => write!(f, "{node} is used and was excluded"),
            Self::Rule(node) => write!(f, "{node} is used and no rule lets it serve this case"),
            Self::Versions { said, found } => write!(
                f,
                "network {} and policy {} decided, network {} and policy {} are kept",
                said.0, said.1, found.0, found.1
            ),
        }
    }
}

impl Record {
    /// Everything that is wrong with the decision; empty when it is sound. Where not every node's stock is kept, that no
    /// cheaper plan exists is taken from the record.
    #[must_use]
    pub fn verify(&self, network: &Network, policy: &PolicyVersion) -> Vec<Finding> {
        let stamp = self.plan.stamp;
        let (said, found) = ((stamp.network, stamp.policy), (network.version(), policy.version));
        if said != found {
            return vec![Finding::Versions { said, found }];
        }
        let Some(request) = self.question(network) else {
            return vec![Finding::Plan("its zone is not in the network".to_owned())];
        };
        let stock = self.stock(network);
        let mut findings = Vec::new();
        let cost = self.plan.cost_minor();
        match recompute(network, policy, &stock, &request, &self.plan) {
            Ok(counted) if counted == cost => {}
            Ok(counted) => findings.push(Finding::Cost { counted, said: cost }),
            Err(fault) => findings.push(Finding::Plan(fault.to_string())),
        }
        if self.plan.lower_bound_minor > cost {
            findings.push(Finding::Bound { bound: self.plan.lower_bound_minor, cost });
        }
        if let Some(Recount::Cheaper(found)) = self.recount(network, policy) {
            findings.push(Finding::NoBound { bound: self.plan.lower_bound_minor, found });
        }
        self.verify_stock(network, &stock, &mut findings);
        self.verify_nodes(network, policy, &stock, &mut findings);
        findings
    }

    /// Counts the lower bound again from the duals that are kept, without the planner's search; `None` where none are.
    /// Where not every node's stock is kept, over what is.
    #[must_use]
    pub fn recount(&self, network: &Network, policy: &PolicyVersion) -> Option<Recount> {
        let request = self.question(network)?;
        let stock = self.stock(network);
        let bound = self.plan.lower_bound_minor;
        Some(self.proof.as_ref()?.recount(network, policy, &stock, &request, bound))
    }

    /// What a whole unit of each line is worth by the duals that are kept, in minor units: a node that asks more for it is
    /// not needed. Of lines that stay together, what all of them are worth.
    #[must_use]
    pub fn line_values(&self, network: &Network, policy: &PolicyVersion) -> Vec<(LineNo, i64)> {
        let (Some(request), Some(proof)) = (self.question(network), &self.proof) else { return Vec::new() };
        let values = proof.line_values(network, policy, &self.stock(network), &request);
        values.into_iter().map(|(place, minor)| (self.lines[place].line, minor)).collect()
    }

    fn verify_stock(&self, network: &Network, stock: &dyn Availability, findings: &mut Vec<Finding>) {
        let mut given: BTreeMap<(&Sku, &OwnerId, &NodeId), u64> = BTreeMap::new();
        for part in &self.plan.assignments {
            let Some(line) = self.lines.iter().find(|line| line.line == part.line) else { continue };
            *given.entry((&line.sku, &line.owner, &part.node)).or_default() += part.quantity.units();
        }
        for ((sku, owner, node), given) in given {
            let index = network.node_index(node);
            let rows = stock.stock(sku, owner).iter();
            let there: u64 =
                rows.filter(|row| Some(row.node) == index).map(|row| row.available.units()).sum();
            let pins = self.pinned.iter().filter(|c| c.sku == *sku && c.owner == *owner && c.node == *node);
            let had = there + pins.map(|claim| claim.quantity.units()).sum::<u64>();
            if given > had {
                findings.push(Finding::Stock { node: node.clone(), sku: sku.clone(), given, had });
            }
        }
    }

    fn verify_nodes(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &dyn Availability,
        findings: &mut Vec<Finding>,
    ) {
        for part in &self.plan.assignments {
            if self.excluded.contains(&part.node) {
                findings.push(Finding::Excluded(part.node.clone()));
            }
            let Some(line) = self.lines.iter().find(|line| line.line == part.line) else { continue };
            let pinned = self.pinned.iter().any(|claim| claim.node == part.node && claim.sku == line.sku);
            let Some(rules) = policy.policy.rules.as_deref() else { continue };
            if line.delivery != Delivery::Ship || pinned || rules.fallback.contains(&FallbackStep::AnyNode) {
                continue;
            }
            if !self.serves(network, rules, &part.node, stock.class(&line.sku)) {
                findings.push(Finding::Rule(part.node.clone()));
            }
        }
    }

    /// The first rule that fits decides; written out here once more, without the planner's sieve.
    fn serves(&self, network: &Network, rules: &Rules, node: &NodeId, class: Option<&str>) -> bool {
        let Some(record) = network.node(node) else { return false };
        for rule in &rules.serves {
            let when = &rule.when;
            let channel = self.channel.as_ref().is_some_and(|channel| when.channels.contains(channel));
            let zone = self.zone.as_ref().is_some_and(|zone| when.zones.contains(zone));
            let class = class.is_some_and(|class| when.classes.iter().any(|named| named.as_str() == class));
            let case = (when.channels.is_empty() || channel)
                && (when.zones.is_empty() || zone)
                && (when.classes.is_empty() || class);
            let everybody = rule.nodes.kinds.is_empty() && rule.nodes.nodes.is_empty();
            let named = rule.nodes.nodes.contains(node) || rule.nodes.kinds.contains(&record.kind);
            if case && (everybody || named) {
                return rule.serves;
            }
        }
        true
    }
}
