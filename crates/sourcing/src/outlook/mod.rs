//! What an order could cost if the engine could carry out more: goods that are not there yet, pickups brought from other
//! nodes, parcels put together at a hub, substitutes, bundles, backorders with a date. Such plans are solved to be looked
//! at and marked for what they need; orders are never planned by them.

mod gather;
mod merged;
mod shelves;
mod tell;

use crate::mirror::Availability;
use crate::network::Network;
use crate::planner::question::Question;
use crate::policy::PolicyVersion;
use crate::rules::{Case, relaxed_plan};
use gather::Field;
use waybill_types::exchange::{Plan, PlanLine, PlanRequest, PromiseWindow};
use waybill_types::{LineNo, NodeId, OwnerId, Quantity, ServiceId, Sku, Timestamp};

/// What may be weighed besides parcels of what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wider {
    /// Goods that come to hand later.
    pub supply: Vec<Supply>,
    /// Pickups may be brought from other nodes.
    pub transfers: bool,
    /// Goods of several nodes may be put together at one of these, and go on as one parcel.
    pub hubs: Vec<NodeId>,
    /// Units may be served later by nobody in particular.
    pub backorder: Option<Backorder>,
    /// Other items that may serve a line.
    pub substitutes: Vec<Substitute>,
    /// Items that are sold as one and sent as their parts.
    pub bundles: Vec<Bundle>,
}

/// Goods that come to hand at a node later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// What.
    pub sku: Sku,
    /// Whose.
    pub owner: OwnerId,
    /// Where.
    pub node: NodeId,
    /// When.
    pub at_hand: Timestamp,
    /// How much, at the item's scale.
    pub quantity: Quantity,
}

/// A promise of goods from nowhere yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backorder {
    /// Days until the customer has them.
    pub days: u16,
    /// What it costs once, in minor units.
    pub order_minor: i64,
    /// What each whole unit costs, in minor units.
    pub unit_minor: i64,
}

/// An item that may serve lines of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// What was ordered.
    pub sku: Sku,
    /// What may be sent.
    pub instead: Sku,
    /// What each whole unit of it costs on top, in minor units.
    pub unit_minor: i64,
}

/// An item that is sent as its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What was ordered, in whole pieces.
    pub sku: Sku,
    /// What one of it is made of, at the parts' scales.
    pub parts: Vec<(Sku, u32)>,
}

/// What the engine cannot carry out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beyond {
    /// It waits for goods that are not there yet.
    DatedSupply,
    /// Goods travel from node to node to be collected.
    Transfer,
    /// Goods of several nodes are put together at a hub.
    Merge,
    /// Another item is sent.
    Substitute,
    /// A bundle is sent as its parts.
    Bundle,
    /// Nobody has it, and it is promised all the same.
    Backorder,
}

/// How units reach the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// In a parcel of this service.
    Parcel(ServiceId),
    /// They are collected where they lie.
    Counter,
    /// They are brought to where they are collected, over these nodes.
    Transfer(Vec<NodeId>),
    /// They are brought to this hub, over these nodes, and go on from there by this service.
    Merge {
        /// Where they are put together.
        hub: NodeId,
        /// Where they pass on the way, the begin first.
        over: Vec<NodeId>,
        /// By what they go on.
        service: ServiceId,
    },
    /// Later.
    Backorder,
}

/// Units of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The order's line.
    pub line: LineNo,
    /// What is sent; not always what the line asks for.
    pub sku: Sku,
    /// How much, at that item's scale.
    pub quantity: Quantity,
}

/// What one node does, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which node; `None` for a backorder.
    pub node: Option<NodeId>,
    /// How it reaches the customer.
    pub means: Means,
    /// Its units.
    pub parts: Vec<Part>,
    /// When its goods are ready at the node.
    pub ready: Timestamp,
    /// When the customer has them.
    pub promise: PromiseWindow,
    /// What it costs in minor units, without split penalties; what a hub sends on is in the first leg to it.
    pub cost_minor: i64,
    /// What it needs that the engine cannot do; ascending, empty where it can.
    pub beyond: Vec<Beyond>,
}

/// The cheapest way of serving an order, were all of this possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Who would do what, by node.
    pub legs: Vec<Leg>,
    /// Units that are left all the same.
    pub unserved: Vec<(LineNo, Quantity)>,
    /// What it would cost in minor units, by the same policy.
    pub cost_minor: i64,
    /// Nothing costs less than this, hubs aside; equals the cost where that is proven.
    pub lower_bound_minor: Option<i64>,
    /// The plan as the engine would make it now.
    pub plan: Plan,
}

impl Outlook {
    /// Everything it needs that the engine cannot do; empty when it is the engine's own plan.
    #[must_use]
    pub fn beyond(&self) -> Vec<Beyond> {
        let mut all: Vec<Beyond> = self.legs.iter().flat_map(|leg| leg.beyond.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Solves an order with all that `wider` allows, under the policy's rules as relaxed for the engine's own plan. `None`
/// where units are reserved for it already: an outlook is for what is still open.
#[must_use]
pub fn outlook(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
    wider: &Wider,
) -> Option<Outlook> {
    if !request.pinned.is_empty() {
        return None;
    }
    let (plan, steps) = relaxed_plan(network, policy, stock, request);
    let Some(rules) = &policy.policy.rules else {
        return solve(&Question::new(network, &policy.policy, stock, request), wider, plan, |_, _| true);
    };
    // The rules look at every item that may be sent, and not only at those that were ordered.
    let all = with_all_items(request, wider);
    let case = Case::new(network, rules, &all);
    let given_up = &rules.fallback[..steps];
    let (of_case, left) = (case.policy(policy, given_up), case.left(stock, given_up));
    let serves = |supply: &Supply, node| case.serves_there(stock, &supply.sku, &supply.owner, node, given_up);
    solve(&Question::new(network, &of_case.policy, &left, request), wider, plan, serves)
}

/// The request with a line for each further item that may serve it.
fn with_all_items(request: &PlanRequest, wider: &Wider) -> PlanRequest {
    let mut all = request.clone();
    for line in &request.lines {
        let parts = wider.bundles.iter().filter(|bundle| bundle.sku == line.sku);
        let parts = parts.flat_map(|bundle| bundle.parts.iter().map(|(sku, _)| sku));
        let others = wider.substitutes.iter().filter(|other| other.sku == line.sku);
        for sku in parts.chain(others.map(|other| &other.instead)) {
            all.lines.push(PlanLine { sku: sku.clone(), ..line.clone() });
        }
    }
    all
}

fn solve(
    question: &Question<'_>,
    wider: &Wider,
    plan: Plan,
    serves: impl Fn(&Supply, crate::interner::NodeIx) -> bool,
) -> Option<Outlook> {
    let field = Field::gather(question, wider, serves);
    let apart = field.solve()?;
    let mut best = tell::told(&field, &apart.shares);
    let bound = apart.bound_minor;
    if let Some(merged) = merged::merged(&field).filter(|merged| merged.1 < best.1) {
        best = merged;
    }
    let served = |unserved: &[(LineNo, Quantity)]| unserved.iter().map(|(_, q)| q.units()).sum::<u64>();
    let left: Vec<(LineNo, Quantity)> = plan.unplanned.iter().map(|u| (u.line, u.quantity)).collect();
    let (legs, cost_minor, unserved) = best;
    // What the engine can do is as good as anything that costs as much, and better than what serves less.
    let (legs, cost_minor, unserved) = match (served(&left), plan.cost_minor())
        <= (served(&unserved), cost_minor)
        || served(&left) < served(&unserved)
    {
        true => (tell::of_plan(question, &plan), plan.cost_minor(), left),
        false => (legs, cost_minor, unserved),
    };
    let lower_bound_minor = wider.hubs.is_empty().then(|| bound.min(cost_minor));
    Some(Outlook { legs, unserved, cost_minor, lower_bound_minor, plan })
}
